#!/bin/sh
# Measures what the call log costs and gives, one line a figure with its bar (none may be above it):
# bytes a call, the daemon's throughput with and without `log:`, how long a single call is looked
# for, and how long a replay of everything takes with a threshold changed.
#
#	bench/log.sh [--calls N] [--full] [--out FILE]   default 1,000,000 calls, --full 30,000,000;
#	                                                 FILE gets the table too
#
# Ends with 1 when a figure is above its bar, with 2 when what was measured was not right. Needs 220
# bytes of disk a call in $TMPDIR; RINGFENCE_BUILD names another build.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
calls=1000000 out=""
while [ $# -gt 0 ]; do
	case $1 in
	--calls) shift; calls=$1 ;;
	--full) calls=30000000 ;;
	--out) shift; out=$1 ;;
	-h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "unknown option $1"; exit 2 ;;
	esac
	shift
done
build=${RINGFENCE_BUILD:-build/release}
[ -x "$build/ringfenced" ] || { cmake --preset release >/dev/null && cmake --build --preset release >/dev/null; }
build=$(realpath "$build")
work=$(mktemp -d "${TMPDIR:-/tmp}/ringfence-bench-log.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
world=$work/world

runs=5            # of the daemon with and without the log, by turns
run_calls=4000000 # of a run at most
finds=20          # of a kind
hourly=180000     # calls an hour: 30 million are a week of 540,000 subscribers

wrong() { echo "not right: $*" >&2; exit 2; }
seconds_of() { date +%s.%N; }
calc() { awk "BEGIN { printf \"$1\", $2 }"; }
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
worst() { sort -n "$1" | tail -1; }

# timed COMMAND...: its wall and processor seconds in $wall and $cpu, its output in $work/out.
timed() {
	begin=$(seconds_of)
	spent=$("$@" >"$work/out" 2>"$work/err" && times) || { cat "$work/err" >&2; wrong "$*"; }
	wall=$(calc %.3f "$(seconds_of) - $begin")
	cpu=$(echo "$spent" | tail -1 | awk -F '[ms ]+' '{ print $1 * 60 + $2 + $3 * 60 + $4 }')
}

# figure NAME VALUE UNIT BAR [NOTE]: BAR is a number, or - where there is none.
figure() {
	verdict=""
	if [ "$4" != - ]; then
		verdict=$(calc %s "($2 <= $4) ? \"ok\" : \"ABOVE\"")
		[ "$verdict" = ok ] || echo "$1" >>"$work/above"
	fi
	printf '%-36s %11s %-10s bar %6s  %-5s  %s\n' "$1" "$2" "$3" "$4" "$verdict" "${5:-}" | sed 's/ *$//'
}

# site NAME FILE [LINE]: a daemon's configuration, the shipped rules as in tools/quickstart.sh.
site() {
	mkdir "$work/$1"
	{
		cat <<-CONFIG
			site:    {name: bench, engine: edge-1, country: GB, tz: Europe/London}
			state:   $work/$1/state
			sources: [cdr_file: {path: $2, format: generic}]
			rules:   [$root/rules]
			trunks:  $world/trunks.csv
			subscribers: $world/subscribers.csv
			alerts:  {file: $work/$1/alerts.ndjson}
			${3:-}
			lists:
		CONFIG
		for list in "$world"/*.txt; do
			name=$(basename "$list" .txt)
			grep -rqs "\"@$name\"" rules/packs && echo "  $name: $list"
		done
	} >"$work/$1/site.yaml"
}

# count NAME: a number of the daemon's last words about the log.
count() { sed -n "s/.* log closed .*\<$1=\([0-9]*\).*/\1/p" "$work/err"; }

# daemon NAME CALLS: reads the site's file to its end; a log must have kept every call.
daemon() {
	rm -rf "$work/$1/state" "$work/$1/alerts.ndjson"
	mkdir "$work/$1/state" && cp -p "$work/hash.key" "$work/$1/state/"
	timed "$build/ringfenced" --config "$work/$1/site.yaml" --exit-when-done
	grep -q "daemon processed events=$2 .*dropped=0" "$work/err" || wrong "$1: $(grep processed "$work/err")"
	[ ! -d "$work/$1/state/calls" ] || [ "$(count written)" = "$2" ] || wrong "$1: $(grep 'log closed' "$work/err")"
}

measure_bytes() { # and leaves the log that the rest looks into
	site whole "$world/cdr.csv" 'log: {path: calls}'
	daemon whole "$rows"
	bytes=$(cat "$work"/whole/state/calls/*.calls | wc -c)
	segments=$(ls "$work"/whole/state/calls/*.calls | wc -l)
	figure "bytes a call" "$(calc %.1f "$bytes / $rows")" bytes 60 "$rows calls, $segments segments, $bytes bytes"
	figure "daemon, whole log" "$(calc %.0f "$rows / $wall")" calls/s - "$wall s, $cpu s of processor"
}

measure_cost() {
	some=$rows file=$world/cdr.csv
	if [ "$rows" -gt $run_calls ]; then
		some=$run_calls file=$work/some.csv
		head -n $((some + 1)) "$world/cdr.csv" >"$file"
	fi
	site without "$file"
	site with "$file" 'log: {path: calls}'
	for run in $(seq $runs); do
		for name in without with; do
			daemon $name "$some"
			echo "$wall" >>"$work/$name/wall"
			echo "$cpu" >>"$work/$name/cpu"
		done
	done
	cmp -s "$work/without/alerts.ndjson" "$work/with/alerts.ndjson" || wrong "the log changes the alerts"
	for name in without with; do
		wall=$(median "$work/$name/wall") cpu=$(median "$work/$name/cpu")
		figure "daemon $name log" "$(calc %.0f "$some / $wall")" calls/s - \
			"$some calls, median of $runs: $wall s, $cpu s of processor; $(echo $(cat "$work/$name/wall")) s"
		eval "${name}_wall=$wall ${name}_cpu=$cpu"
	done
	figure "slower with the log" "$(calc %.1f "100 - 100 * $without_wall / $with_wall")" % 10 \
		"processor: $(calc %+.1f "100 * $with_cpu / $without_cpu - 100") %"
}

# sample: rows from anywhere in the world, as "call_id end caller callee", each of another caller.
sample() {
	size=$(wc -c <"$world/cdr.csv")
	awk -v n=$((finds * 3)) -v size="$size" \
		'BEGIN { srand(1); for (i = 0; i < n; i++) printf "%.0f\n", 200 + rand() * (size - 1000) }' |
		while read -r offset; do tail -c "+$offset" "$world/cdr.csv" | sed -n '2{p;q}'; done |
		awk -F, -v n=$finds '$5 ~ /^\+44/ && $6 ~ /^\+/ && !seen[$5]++ { print $1, $4, $5, $6; if (++k == n) exit }'
}

# measure_find NAME [BAR]: a line of $work/queries is a call id that must be found (- when nothing may be)
# and the options to find it with. Leaves in $found how many calls were. The bar holds to 20 million.
measure_find() {
	found=0
	rm -f "$work/times"
	while read -r call_id options; do
		timed "$build/ringfence" calls --log .. --config "$work/whole/site.yaml" --limit 1000000 $options
		hits=$(($(wc -l <"$work/out") - 1)) found=$((found + hits))
		[ "$call_id" = - ] || grep -q "^$call_id," "$work/out" || wrong "call $call_id not found by $options"
		[ "$call_id" != - ] || [ $hits = 0 ] || wrong "$hits calls found by $options"
		calc '%.1f\n' "$wall * 1000" >>"$work/times"
	done <"$work/queries"
	figure "find by $1" "$(worst "$work/times")" "ms worst" "${2:-$((rows > 20000000 ? rows / 100000 : 200))}" \
		"median $(calc %.1f "$(median "$work/times")") ms of $(wc -l <"$work/times"), $found calls found"
}

measure_finds() {
	sample >"$work/sample"
	[ "$(wc -l <"$work/sample")" = $finds ] || wrong "the sample is too small"
	awk '{ print "- --caller", $3, "--at 1999-12-31T00:00:00Z" }' "$work/sample" >"$work/queries"
	measure_find "a time before the log" - # no block is read: what starting costs
	awk '{ print $1, "--caller", $3, "--callee", $4, "--at", $2 }' "$work/sample" >"$work/queries"
	measure_find "caller, callee and time"
	awk '{ print $1, "--call-id", $1 }' "$work/sample" >"$work/queries"
	measure_find "call id"
	[ "$found" = $finds ] || wrong "$found calls found by $finds call ids"
	awk '{ print $1, "--caller", $3 }' "$work/sample" >"$work/queries"
	measure_find "caller at any time" - # many calls, each in another block
	cut -d' ' -f3 "$work/sample" >"$work/callers"
	there=$(cut -d, -f5 "$world/cdr.csv" | grep -cFxf "$work/callers")
	[ "$found" = "$there" ] || wrong "$found calls found where there are $there"
	# Ofcom's numbers for drama, which no subscriber has (and the generated scams do not use).
	seq -f '- --caller +4477009009%02.0f' 1 $finds >"$work/queries"
	measure_find "caller who never called"
}

measure_replay() {
	cp -r rules "$work/rules"
	harvest=packs/core-voice/70-harvest.yaml
	sed -i 's/min_numbers: {type: int, default: 40,/min_numbers: {type: int, default: 30,/' "$work/rules/$harvest"
	! cmp -s "rules/$harvest" "$work/rules/$harvest" || wrong "no threshold changed"
	from=$(sed -n 's/.*"from":"\([^"]*\)","to".*"subscribers".*/\1/p' "$world/world.json")
	timed "$build/ringfence" replay --log "$from..2100-01-01T00:00:00Z" --config "$work/whole/site.yaml" \
		--rules "$work/rules" --threads 2 --alerts "$work/replayed.ndjson" --stats "$work/stats.json"
	grep -q "\"stage\":\"detect\",\"in\":$rows," "$work/stats.json" || wrong "replay: $(cat "$work/stats.json")"
	memory=$(sed -n 's/.*"memory_peak_bytes":\([0-9]*\).*/\1/p' "$work/stats.json")
	live=$(wc -l <"$work/whole/alerts.ndjson") now=$(wc -l <"$work/replayed.ndjson")
	figure "replay, a threshold changed" "$wall" s "$(calc %.1f "$rows * 120 / 30e6")" \
		"$(calc %.0f "$rows / $wall") calls/s, $cpu s of processor, peak $((memory >> 20)) MiB, $now alerts (live: $live)"
}

report() {
	date -u '+%Y-%m-%d'
	sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1
	echo "$(nproc) processors, $(sed -n 's/^MemTotal: *//p' /proc/meminfo), $(uname -r)"
	echo
	measure_bytes
	measure_finds
	measure_replay
	measure_cost
	touch "$work/complete"
}

echo "making $calls calls ..." >&2
hours=$(((calls + hourly - 1) / hourly))
"$build/ringfence" gen --out "$world" --home GB --seed 1 --calls "$calls" --hours $((hours < 24 ? 24 : hours)) \
	--pcap-calls 0 >/dev/null
rows=$(($(wc -l <"$world/cdr.csv") - 1))
(umask 077 && printf %032d 0 >"$work/hash.key") # always the same: alerts of two runs can be compared
report | tee "${out:-/dev/null}"
[ -e "$work/complete" ] || exit 2
[ ! -s "$work/above" ]
