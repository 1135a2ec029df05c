/* Findings do not depend on the number of threads: random traffic, many rules, 1 to 8 members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/buf.h"
#include "unit/detect/bench_rules.h"

#define RULE(id, body) \
 "  - id: " id "\n    rev: 1\n    title: t\n    class: other\n    severity: low\n" body

static const char rules[] = "version: 1\nrules:\n" RULE(
	"blast", "    on: call\n    key: caller.num\n    window: 10s\n"
		 "    let: {n: distinct(callee.num)}\n"
		 "    when: n >= 6\n"
		 "    output: {summary: '{key1} {n}'}\n")
	RULE("each", "    on: call\n    key: callee.num\n    window: 5s\n"
                     "    let: {s: sum(duration), m: 'quantile(0.5, duration)'}\n"
                     "    when: count(answered) >= 4\n    fire: each\n"
                     "    output: {summary: '{s} {m}'}\n")
		RULE("party", "    on: party\n    key: party.num\n    window: 20s\n"
                              "    let: {out: ratio(party.role == \"orig\")}\n"
                              "    when: count() >= 10 and out > 40%\n"
                              "    output: {summary: '{out}'}\n")
			RULE("long", "    on: call\n    where: duration > 28s\n"
                                     "    key: caller.num\n    fire: once\n"
                                     "    rearm: 10s\n    output: {summary: '{duration}'}\n")
				RULE("text", "    on: attempt\n    key: caller.num\n"
                                             "    window: 30s\n    let: {u: last(ua)}\n"
                                             "    when: count() >= 4\n"
                                             "    output: {summary: '{u}'}\n")
					RULE("match",
                                             "    on: call\n    where: fold(caller.display) =~ "
                                             "/bank7/\n    key: caller.num\n"
                                             "    output: {summary: 'x'}\n");

static void add_random(struct bench_rules *r, uint64_t *seed, int64_t time_us, unsigned n)
{
	struct bench_texts texts;
	struct event e = bench_random(seed, time_us, n, 200, &texts);
	number from = bench_draw(seed, 50)
	                      ? number_pack(NUMBER_E164, 12, 442000000000 + bench_draw(seed, 300))
	                      : 0;
	(void)bench_add(r, &e, from,
	                number_pack(NUMBER_E164, 12, 442000000000 + bench_draw(seed, 300)));
}

static void run_traffic(unsigned threads, size_t memory, struct buf *out)
{
	struct bench_rules r;
	uint64_t seed = 42;
	int64_t now = T0;

	bench_open_with(&r, rules, threads, memory);
	for (unsigned n = 0; n < 12000; n++) {
		now += bench_draw(&seed, 3) ? 0 : (int64_t)bench_draw(&seed, 50000);
		add_random(&r, &seed, now, n);
		if (bench_draw(&seed, 700) == 0) {
			(void)bench_run(&r);
			bench_print_findings(&r, out);
			bench_next(&r);
		}
	}
	(void)bench_run(&r);
	bench_print_findings(&r, out);
	struct detector_stats stats;
	detector_stats(r.detector, &stats);
	buf_printf(out, "evicted %llu no room %llu keys %llu\n",
	           (unsigned long long)stats.keys_evicted, (unsigned long long)stats.events_no_room,
	           (unsigned long long)stats.keys);
	bench_close(&r);
}

static void same_with_threads(size_t memory, bool evicts)
{
	static const unsigned threads[] = {2, 3, 8};
	struct buf one = {0};

	run_traffic(1, memory, &one);
	assert_false(one.failed);
	assert_true(one.len > 20000);
	assert_int_equal(memmem(one.p, one.len, "evicted 0 ", 10) == NULL, evicts);
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		struct buf more = {0};
		run_traffic(threads[i], memory, &more);
		assert_int_equal(more.len, one.len);
		assert_memory_equal(more.p, one.p, one.len);
		buf_fini(&more);
	}
	buf_fini(&one);
}

static void test_same(void **state)
{
	(void)state;
	same_with_threads(64 << 20, false);
}

static void test_same_while_evicting(void **state)
{
	(void)state;
	same_with_threads(3 << 20, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_same_while_evicting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
