/* Keeping the first events of a key in its row changes no finding. The oracle is the same rules
 * beside one that may be true at once, which sends every event of its key into the windows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "core/buf.h"
#include "detect/detector_parts.h"
#include "unit/detect/bench_rules.h"

#define HEAD(id) \
 "  - id: " id "\n    rev: 1\n    title: t\n    class: other\n    severity: low\n    on: call\n"
#define OUT "    fire: each\n    output: {summary: '{n} {s} {u}'}\n"

/* Four rules of one key: windows of two spans, filters, shared and own arguments. */
#define RULES(first, last)                                                                                             \
 "version: 1\nrules:\n" HEAD(                                                                                          \
	 "many") "    key: caller.num\n    window: 3s\n"                                                               \
		 "    let: {n: distinct(callee.num), s: sum(duration), u: " last "}\n"                                 \
		 "    when: n >= 3\n" OUT HEAD(                                                                        \
			 "short") "    key: caller.num\n    window: 8s\n"                                              \
				  "    where: not answered\n"                                                          \
				  "    let: {n: 'count(duration < 9s)', s: max(duration), u: count()}\n"               \
				  "    when: u >= 4\n" OUT HEAD(                                                       \
					  "twice") "    key: caller.num\n    window: 3s\n"                             \
						   "    where: duration > 5s\n"                                        \
						   "    let: {n: count(), s: 'avg(duration, answered)', u: " first     \
						   "}\n"                                                               \
						   "    when: n > 2\n" OUT HEAD(                                       \
							   "match") "    key: caller.num\n    where: duration > 28s\n" \
								    "    fire: once\n    rearm: 2s\n    output: {summary: '{duration}'}\n"

/* Two events fit into a row; with texts one. */
static const struct {
	const char *rules;
	unsigned early;
} cases[] = {
	{RULES("count()", "count()"), 2},
	{RULES("first(ua)", "last(ua)"), 1},
};
static const char at_once[] = HEAD("zero") "    key: caller.num\n    window: 1s\n"
					   "    when: ratio(answered) > 2\n"
					   "    output: {summary: 'never'}\n";

static void add_random(struct bench_rules *r, uint64_t *seed, int64_t time_us, unsigned n)
{
	char id[32], ua[32];
	struct event e = bench_call(time_us, "");

	(void)snprintf(id, sizeof(id), "id-%u", n);
	(void)snprintf(ua, sizeof(ua), "ua-%u", bench_draw(seed, 20));
	e.call_id = slice_of(id);
	e.ua = bench_draw(seed, 4) ? slice_of(ua) : SLICE_NONE;
	e.answered = bench_draw(seed, 2);
	e.duration_us = (int64_t)bench_draw(seed, 30 * 1000000);
	number callee = bench_draw(seed, 8)
	                        ? number_pack(NUMBER_E164, 12, 442000000000 + bench_draw(seed, 9))
	                        : 0;
	(void)bench_add(r, &e, number_pack(NUMBER_E164, 12, 443000000000 + bench_draw(seed, 400)),
	                callee);
}

static void run_traffic(const char *text, uint64_t seed, unsigned early, struct buf *out)
{
	struct bench_rules r;
	int64_t now = T0;

	bench_open(&r, text);
	for (unsigned n = 0; n < 6000; n++) {
		now += bench_draw(&seed, 3) ? 0 : (int64_t)bench_draw(&seed, 20000);
		add_random(&r, &seed, now, n);
		if (n % 500 < 499) {
			continue;
		}
		(void)bench_run(&r);
		for (size_t i = 0; i < detector_count(r.detector); i++) {
			const struct finding *f = detector_finding(r.detector, i);
			buf_printf(out, "%.*s %lld %llu %.*s %llu %zu\n", SLICE_FMT(f->rule->name),
			           (long long)f->time_us, (unsigned long long)f->event,
			           SLICE_FMT(f->summary), (unsigned long long)f->counted,
			           f->call_count);
		}
		bench_next(&r);
	}
	assert_int_equal(r.detector->compiled->groups[0]->early.max, early);
	bench_close(&r);
}

static void same_findings(const char *rules, unsigned early_max, uint64_t seed)
{
	struct buf text = {0}, early = {0}, plain = {0};

	buf_printf(&text, "%s%s%c", rules, at_once, 0);
	run_traffic(rules, seed, early_max, &early);
	run_traffic(text.p, seed, 0, &plain);
	assert_true(early.len > 20000);
	assert_int_equal(early.len, plain.len);
	assert_memory_equal(early.p, plain.p, plain.len);
	buf_fini(&text);
	buf_fini(&early);
	buf_fini(&plain);
}

static void test_same_findings(void **state)
{
	const char *fresh = getenv("RINGFENCE_TEST_SEED");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		same_findings(cases[i].rules, cases[i].early, 7);
		same_findings(cases[i].rules, cases[i].early,
		              fresh ? strtoull(fresh, NULL, 10) : 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
