#!/bin/sh
# The main job in one command, on a fresh Debian 12: installs the packages, builds, starts a private
# redis-server and ringfenced on a demo site, feeds a capture and a file of call records made by
# `ringfence gen`, and shows the alerts as a subscriber reads them back from Redis.
#
#	tools/quickstart.sh          ends by itself and leaves nothing behind
#	tools/quickstart.sh --keep   leaves redis-server and ringfenced running and says how to end them
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. tools/packaging/packages.sh

keep=0
for word in "$@"; do
	case $word in
	--keep) keep=1 ;;
	-h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "unknown option $word (--help says more)"; exit 2 ;;
	esac
done

install_packages build demo
echo "building (the first time takes a minute or two) ..."
cmake --preset release -DRINGFENCE_TESTS=OFF -B build/quickstart >/dev/null
cmake --build build/quickstart -j2 --target ringfence ringfenced >build/quickstart/build.log 2>&1 || {
	tail -30 build/quickstart/build.log
	exit 1
}
ringfence=build/quickstart/ringfence
ringfenced=build/quickstart/ringfenced

demo=$(mktemp -d "${TMPDIR:-/tmp}/ringfence-demo.XXXXXX")
redis_pid="" daemon_pid=""
finish() {
	status=$?
	[ $keep = 1 ] && [ $status = 0 ] && return
	for pid in $daemon_pid $redis_pid; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$demo"
}
trap finish EXIT
trap 'exit 130' INT TERM

redis-server --port 0 --unixsocket "$demo/redis.sock" --save '' --appendonly no --dir "$demo" \
	--daemonize no >"$demo/redis.log" 2>&1 &
redis_pid=$!
redis() { redis-cli -s "$demo/redis.sock" "$@"; }
tries=0
until redis ping >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ $tries -gt 100 ] && { echo "redis-server did not start:"; cat "$demo/redis.log"; exit 1; }
	sleep 0.1
done

"$ringfence" gen --out "$demo/world" --home GB --seed 1 --calls 20000 >/dev/null
{
	cat <<-CONFIG
		site:    {name: demo, engine: edge-1, country: GB, tz: Europe/London}
		state:   $demo/state
		sources:
		  - pcap:     {file: $demo/world/calls.pcap}
		  - cdr_file: {path: $demo/world/cdr.csv, format: generic}
		rules:   [$root/rules]
		trunks:  $demo/world/trunks.csv
		subscribers: $demo/world/subscribers.csv
		lists:
	CONFIG
	for list in dno bank_numbers gov_numbers protected high_cost registered_callers roaming_ok fraud_hotline; do
		grep -rqs "\"@$list\"" rules/packs && [ -f "$demo/world/$list.txt" ] && echo "  $list: $demo/world/$list.txt"
	done
	cat <<-CONFIG
		redis:   {url: "unix:$demo/redis.sock"}
		metrics: {listen: "127.0.0.1:0"}
	CONFIG
} >"$demo/demo.yaml"
"$ringfenced" --config "$demo/demo.yaml" --check-config >"$demo/check.log" 2>&1 || { cat "$demo/check.log"; exit 1; }

# A real subscriber: it hears the doorbells while the daemon runs.
redis --csv psubscribe 'ringfence:1:demo:alerts:edge-1:*' >"$demo/doorbells" 2>/dev/null &
listener_pid=$!
if [ $keep = 1 ]; then
	"$ringfenced" --config "$demo/demo.yaml" >"$demo/daemon.log" 2>&1 &
	daemon_pid=$!
	tries=0
	until grep -q 'files read' "$demo/daemon.log" || [ $tries -gt 600 ]; do
		tries=$((tries + 1)); sleep 0.1
	done
else
	"$ringfenced" --config "$demo/demo.yaml" --exit-when-done >"$demo/daemon.log" 2>&1 || {
		echo "ringfenced failed:"; tail -20 "$demo/daemon.log"; exit 1
	}
fi
sleep 0.2
kill $listener_pid 2>/dev/null || true
wait $listener_pid 2>/dev/null || true

stream='ringfence:1:{demo}:alerts:edge-1'
redis --raw XRANGE "$stream" - + >"$demo/entries"
echo
echo "alerts in Redis, stream $stream:"
awk '
	expect == "ce" { ce = $0; expect = ""; next }
	expect == "sev" { sev = $0; expect = ""; next }
	expect == "rule" {
		match(ce, /"time":"[^"]*"/); time = substr(ce, RSTART + 8, RLENGTH - 9)
		match(ce, /"summary":"([^"\\]|\\.)*"/); summary = substr(ce, RSTART + 11, RLENGTH - 12)
		printf "  %s  %-8s %-34s %s\n", time, sev, $0, summary
		expect = ""; next
	}
	$0 == "ce" || $0 == "sev" || $0 == "rule" { expect = $0 }
' "$demo/entries"
doorbells=$(grep -c 'pmessage' "$demo/doorbells" || true)
entries=$(redis XLEN "$stream")
by_rule=$(awk 'expect == "rule" { n[$0]++ } { expect = $0 } END { for (r in n) printf "%s %d, ", r, n[r] }' "$demo/entries" |
	sed 's/, $//')
number() { sed -n "s|.*sources read name=\"[^\"]*$1\".* $2=\([0-9]*\).*|\1|p" "$demo/daemon.log" | tail -1; }
total() { sed -n "s/.* $1=\([0-9]*\).*/\1/p" "$demo/daemon.log" | awk '{ n += $1 } END { print n + 0 }'; }

echo
echo "events in:  capture $(number calls.pcap messages) SIP messages, file $(number cdr.csv records) call records"
echo "alerts:     $by_rule"
echo "delivered:  $entries entries in the stream, $doorbells doorbells heard by a subscriber"
echo "dropped:    $(total dropped)"
echo "next:       README.md; your own records: $ringfence replay --home GB --alerts - YOUR.csv"
if [ $keep = 1 ]; then
	echo
	echo "still running in $demo: redis-server (pid $redis_pid), ringfenced (pid $daemon_pid)"
	echo "  read:  redis-cli -s $demo/redis.sock XRANGE '$stream' - +"
	echo "  end:   kill $daemon_pid $redis_pid; rm -r $demo"
fi
rules=$(awk 'expect == "rule" { print } { expect = $0 }' "$demo/entries" | sort -u | wc -l)
[ "$rules" -ge 3 ] || { echo "alerts of only $rules rules: something is wrong"; exit 1; }
