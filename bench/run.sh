#!/bin/sh
# Measures, in one run and with the floor beside it: call records and SIP messages a second from
# file to alerts with the shipped rules, peak memory, and the parsers alone.
#
#	bench/run.sh [--rows N] [--out FILE]     default 2,000,000 rows; FILE gets the table too
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
rows=2000000 out=""
while [ $# -gt 0 ]; do
	case $1 in
	--rows) shift; rows=$1 ;;
	--out) shift; out=$1 ;;
	-h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "unknown option $1"; exit 2 ;;
	esac
	shift
done
[ -x build/release/ringfence ] || { cmake --preset release >/dev/null && cmake --build --preset release >/dev/null; }
work=$(mktemp -d "${TMPDIR:-/tmp}/ringfence-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "making $rows calls ..." >&2
build/release/ringfence gen --out "$work/world" --home GB --seed 1 --calls "$rows" --pcap-calls "$((rows / 10))" >/dev/null

# replay NAME THREADS INPUT UNIT: reads the program's own counters.
replay() {
	build/release/ringfence replay --home GB --trunks "$work/world/trunks.csv" --threads "$2" \
		--stats "$work/stats.json" --alerts "$work/alerts.ndjson" "$3" >/dev/null 2>&1
	in=$(sed -n 's/.*"stage":"decode","in":\([0-9]*\).*/\1/p' "$work/stats.json")
	[ "$4" = messages ] && in=$(sed -n 's/.*"stage":"calls","in":\([0-9]*\).*/\1/p' "$work/stats.json")
	seconds=$(sed -n 's/.*"seconds":\([0-9.e-]*\).*/\1/p' "$work/stats.json")
	memory=$(sed -n 's/.*"memory_peak_bytes":\([0-9]*\).*/\1/p' "$work/stats.json")
	alerts=$(wc -l <"$work/alerts.ndjson")
	rm -f "$work/alerts.ndjson"
	awk -v name="$1" -v n="$in" -v s="$seconds" -v m="$memory" -v unit="$4" -v a="$alerts" \
		'BEGIN { printf "%-38s %10d %-8s %7.2f s %10.0f %s/s  peak %5.0f MiB  %d alerts\n", name, n, unit, s, n / s, unit, m / 1048576, a }'
}

report() {
	date -u '+%Y-%m-%d'
	sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1
	echo "$(nproc) processors, $(sed -n 's/^MemTotal: *//p' /proc/meminfo), $(uname -r)"
	echo
	cat "$work/world/cdr.csv" "$work/world/calls.pcap" >/dev/null # into the page cache
	from=$(date +%s%N)
	lines=$(wc -l <"$work/world/cdr.csv")
	awk -v n="$lines" -v t="$(($(date +%s%N) - from))" \
		'BEGIN { printf "%-38s %10d rows     %7.2f s %10.0f rows/s\n", "floor: wc -l", n, t / 1e9, n / (t / 1e9) }'
	replay "call records, 1 thread" 1 "$work/world/cdr.csv" rows
	replay "call records, 2 threads" 2 "$work/world/cdr.csv" rows
	replay "capture, 1 thread" 1 "$work/world/calls.pcap" messages
	replay "capture, 2 threads" 2 "$work/world/calls.pcap" messages
	echo
	for bench in sip_parse cdr packet calls enrich; do
		[ -x "build/release/bench_$bench" ] && { echo "bench_$bench:"; "build/release/bench_$bench" | sed 's/^/  /'; }
	done
}
report | tee "${out:-/dev/null}"
