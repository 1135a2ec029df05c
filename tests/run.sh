#!/bin/sh
# Builds and runs every test. At most 15 minutes on two cores, installs and builds included.
#
#	tests/run.sh               every kind of test, fixed seeds, small draws
#	tests/run.sh --full        the same, then the long runs: fresh seeds, 60 s a fuzz target, speed
#	tests/run.sh --only NAME   one step (tests/run.sh --list names them); with --full also the long ones
#
# Ends with "N passed, N failed, N skipped" and exits non-zero on a failure (--full: also on a skip).
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
cd "$root" || exit 1
. tools/packaging/packages.sh

full=0 only="" list=0
while [ $# -gt 0 ]; do
	case $1 in
	--full) full=1 ;;
	--list) list=1 ;;
	--only) shift; only=${1:-} ;;
	-h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "unknown option $1 (--help says more)"; exit 2 ;;
	esac
	shift
done

# Debian's own python: the packages above belong to it.
python=/usr/bin/python3
logs=$root/build/logs
passed=0 failed=0 skipped=0 begin=$(date +%s)
RINGFENCE_BUILD=$root/build/release
export RINGFENCE_BUILD PYTHONDONTWRITEBYTECODE=1

# step NAME COMMAND...: exit status 0 passed, 77 skipped (the last line of its output says why).
step() {
	name=$1; shift
	[ $list = 1 ] && { echo "$name"; return; }
	[ -n "$only" ] && [ "$only" != "$name" ] && return
	printf '%-24s ' "$name"
	from=$(date +%s)
	"$@" >"$logs/$name.log" 2>&1
	status=$?
	took=$(($(date +%s) - from))
	case $status in
	0) passed=$((passed + 1)); echo "ok       ${took} s  $(grep -E '^(100% tests passed|[0-9]+ passed)' "$logs/$name.log" | tail -1)" ;;
	77) skipped=$((skipped + 1)); echo "skipped  $(tail -1 "$logs/$name.log")" ;;
	*) failed=$((failed + 1)); echo "FAILED   ${took} s, build/logs/$name.log ends:"; tail -40 "$logs/$name.log" | sed 's/^/    /' ;;
	esac
}

build() { # PRESET [TARGET...]
	preset=$1; shift
	cmake --preset "$preset" >/dev/null && cmake --build --preset "$preset" ${1:+--target} "$@"
}

thread_tests() { ls tests/unit/*/test_*threads*.c tests/unit/core/test_log.c tests/unit/core/test_tz.c 2>/dev/null |
	sed 's|tests/unit/\([^/]*\)/\(.*\)\.c|unit_\1_\2|'; }

build_tsan() { build tsan $(thread_tests); }
test_tsan() { ctest --preset tsan -j2 -R "^unit/($(thread_tests | sed 's/^unit_//; s|_|/|' | paste -sd'|'))\$"; }

check_format() {
	find engine tools tests bench -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
}

fuzz() { # TARGET SECONDS
	mkdir -p "build/fuzz/found/$1"
	"build/fuzz/fuzz_$1" -max_total_time="$2" -rss_limit_mb=4096 -print_final_stats=1 \
		"build/fuzz/found/$1" "tests/fuzz/corpus/$1"
}

fresh_seed() {
	RINGFENCE_TEST_SEED=$(date +%s%N) ctest --preset release -j2 -R 'unit/.*(window|random|table|columns|early|threads)'
}

[ $list = 1 ] || install_packages build demo test
mkdir -p "$logs"

step build-release build release
step format check_format
step layers $python tests/ci/check_layers.py
step limits $python tests/ci/check_limits.py
step unit ctest --preset release -j2
step rules-check build/release/ringfence check rules
step rules-fmt build/release/ringfence fmt --check rules
step rules-test build/release/ringfence test rules
step language-test build/release/ringfence test tests/rules
step rules-mutants build/release/ringfence test --mutate --strict rules
step scenarios $python tests/scenarios/run.py
for script in tests/e2e/test_*.py; do
	name=$(basename "$script" .py)
	step "e2e-${name#test_}" $python "$script"
done
step e2e-inspect-corpus $python tests/e2e/inspect_corpus.py build/release/ringfence
step e2e-inspect-json $python tests/e2e/inspect_json.py build/release/ringfence
step build-asan build asan
step asan ctest --preset asan -j2
step build-tsan build_tsan
step tsan test_tsan
step build-release-clang build release-clang

if [ $full = 1 ]; then
	step quickstart tools/quickstart.sh
	step fresh-seed fresh_seed
	step restart-storm $python tests/e2e/test_resume.py 200
	step reference $python tests/e2e/test_reference.py 20000
	step targets $python tests/e2e/test_targets.py 100
	step live-log $python tests/e2e/test_live_log.py 600
	step build-fuzz build fuzz
	for target in sip cdr rules expr identity packet yaml json number list log_block log_segment fmt control; do
		[ -f "tests/fuzz/fuzz_$target.c" ] && step "fuzz-$target" fuzz "$target" 60
	done
	step bench bench/run.sh
	step bench-log bench/log.sh --full
fi

[ $list = 1 ] && exit 0
echo "in $((($(date +%s) - begin) / 60)) min $((($(date +%s) - begin) % 60)) s; logs in build/logs"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && { [ $full = 0 ] || [ $skipped = 0 ]; }
