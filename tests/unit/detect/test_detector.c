/* Rules over rows made by hand: what fires, when, with which evidence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "unit/detect/bench_rules.h"

#define RULE(id, body) \
 "  - id: " id "\n    rev: 1\n    title: t\n    class: other\n    severity: low\n" body
#define RULES "version: 1\nrules:\n"

static const char *const caller = "+442079460001";
static const char *const callee = "+442079460999";

/* Runs one call of the caller at T0 + at_s alone; the number of findings. */
static size_t call_at(struct bench_rules *r, int64_t at_s)
{
	bench_next(r);
	(void)bench_plain(r, T0 + at_s * US_PER_S, "id", caller, callee);
	return bench_run(r);
}

/* Against the definition: open at the first true, closed when rearm has passed without one. */
static void test_fire_once(void **state)
{
	static const int64_t at_s[] = {0,   1,   2,   3,   63,  123, 124,  125,  185, 186,
	                               245, 305, 306, 307, 367, 400, 1000, 1001, 1002};
	struct bench_rules r;
	int64_t last_true = INT64_MIN;

	(void)state;
	bench_open(&r, RULES RULE("x", "    on: call\n    key: caller.num\n    window: 60s\n"
	                               "    when: count() >= 3\n    rearm: 120s\n"
	                               "    output: {summary: 'x'}\n"));
	for (size_t i = 0; i < sizeof(at_s) / sizeof(at_s[0]); i++) {
		size_t inside = 0;
		for (size_t n = 0; n <= i; n++) {
			inside += at_s[n] > at_s[i] - 60;
		}
		bool open = last_true != INT64_MIN && at_s[i] <= last_true + 120;
		last_true = inside >= 3 ? at_s[i] : last_true;
		assert_int_equal(call_at(&r, at_s[i]), inside >= 3 && !open);
	}
	bench_close(&r);
}

/* The boundary itself, to the microsecond, with the window long run out. */
static void test_rearm_boundary(void **state)
{
	(void)state;
	for (int64_t past = 0; past <= 1; past++) {
		struct bench_rules r;
		bench_open(&r, RULES RULE("x", "    on: call\n    key: caller.num\n    window: 1s\n"
		                               "    when: count() >= 1\n    rearm: 1h\n"
		                               "    output: {summary: 'x'}\n"));
		assert_int_equal(call_at(&r, 0), 1);
		/* Others move time to the boundary in batches of their own. */
		bench_next(&r);
		(void)bench_plain(&r, T0 + US_PER_HOUR, "id", callee, caller);
		assert_int_equal(bench_run(&r), 1);
		bench_next(&r);
		(void)bench_plain(&r, T0 + US_PER_HOUR + past, "id", caller, callee);
		assert_int_equal(bench_run(&r), past);
		bench_close(&r);
	}
}

static void test_fire_each(void **state)
{
	struct bench_rules r;

	(void)state;
	bench_open(&r, RULES RULE("x", "    on: call\n    key: caller.num\n    window: 60s\n"
	                               "    when: count() >= 2\n    fire: each\n"
	                               "    output: {summary: 'x'}\n"));
	assert_int_equal(call_at(&r, 0), 0);
	assert_int_equal(call_at(&r, 59), 1);
	assert_int_equal(call_at(&r, 60), 1); /* (0, 60]: the first has left, 59 and 60 are in */
	assert_int_equal(call_at(&r, 120), 0);
	bench_close(&r);
}

static void test_key_missing(void **state)
{
	struct bench_rules r;
	struct detector_stats stats;

	(void)state;
	bench_open(&r, RULES RULE("m", "    on: call\n    key: caller.num\n    fire: each\n"
	                               "    output: {summary: 'x'}\n")
	                       RULE("w", "    on: call\n    key: caller.num\n    window: 60s\n"
	                                 "    when: count() >= 1\n    output: {summary: 'x'}\n"));
	(void)bench_plain(&r, T0, "a", NULL, callee);
	(void)bench_plain(&r, T0, "b", caller, callee);
	assert_int_equal(bench_run(&r), 2);
	detector_stats(r.detector, &stats);
	assert_int_equal(stats.key_missing, 2);
	assert_int_equal(stats.keys, 1);
	bench_close(&r);
}

static struct slice text_value(const struct finding *f, const char *name)
{
	for (size_t i = 0; i < f->value_count; i++) {
		if (slice_eq(f->values[i].name, slice_of(name))) {
			assert_int_equal(f->values[i].value.type, DATUM_TEXT);
			return f->values[i].value.text;
		}
	}
	fail_msg("no value %s", name);
	return SLICE_NONE;
}

/* Two rules without state at one event have each their own lets. */
static void test_lets_apart(void **state)
{
	struct bench_rules r;

	(void)state;
	bench_open(&r, RULES RULE("a", "    on: call\n    key: caller.num\n"
	                               "    let: {v: 'block(caller.num, 2)'}\n"
	                               "    output: {summary: '{v}'}\n")
	                       RULE("b", "    on: call\n    key: caller.num\n"
	                                 "    let: {v: 'block(callee.num, 3)'}\n"
	                                 "    output: {summary: '{v}'}\n"));
	(void)bench_plain(&r, T0, "a", caller, callee);
	assert_int_equal(bench_run(&r), 2);
	const struct finding *a = detector_finding(r.detector, 0),
			     *b = detector_finding(r.detector, 1);
	assert_true(slice_eq(text_value(a, "v"), SLICE_LIT("4420794600")));
	assert_true(slice_eq(text_value(b, "v"), SLICE_LIT("442079460")));
	assert_true(slice_eq(b->summary, SLICE_LIT("442079460")));
	bench_close(&r);
}

/* Of calls that end at one instant all orig events come before all term events. */
static void test_party_order(void **state)
{
	static const char *const want[] = {"orig", "orig", "term", "term", "orig", "term"};
	struct bench_rules r;

	(void)state;
	bench_open(&r, RULES RULE("p", "    on: party\n    key: party.num\n    fire: each\n"
	                               "    let: {role: party.role, what: kind}\n"
	                               "    output: {summary: 'x'}\n"));
	(void)bench_plain(&r, T0, "a", caller, callee);
	(void)bench_plain(&r, T0, "b", callee, caller);
	(void)bench_plain(&r, T0 + 1, "c", caller, callee);
	(void)bench_plain(&r, T0 + 2, "d", NULL, callee);
	assert_int_equal(bench_run(&r), 7);
	for (size_t i = 0; i < 6; i++) {
		const struct finding *f = detector_finding(r.detector, i);
		assert_true(slice_eq(text_value(f, "role"), slice_of(want[i])));
		assert_true(slice_eq(text_value(f, "what"), SLICE_LIT("party")));
	}
	assert_true(
		slice_eq(text_value(detector_finding(r.detector, 6), "role"), SLICE_LIT("term")));
	bench_close(&r);
}

static void test_over(void **state)
{
	struct bench_rules r;

	(void)state;
	bench_open(&r, RULES RULE("x", "    on: call\n    key: caller.num\n    window: 10s\n"
	                               "    let: {near: count(), far: count() over 100s}\n"
	                               "    when: far >= 3 and near == 1\n    fire: each\n"
	                               "    output: {summary: '{near} {far}'}\n"));
	assert_int_equal(call_at(&r, 0), 0);
	assert_int_equal(call_at(&r, 20), 0);
	assert_int_equal(call_at(&r, 40), 1);
	assert_true(slice_eq(detector_finding(r.detector, 0)->summary, SLICE_LIT("1 3")));
	assert_int_equal(call_at(&r, 45), 0);  /* two near ones */
	assert_int_equal(call_at(&r, 100), 1); /* 0 has left: 20 40 45 100 */
	assert_true(slice_eq(detector_finding(r.detector, 0)->summary, SLICE_LIT("1 4")));
	bench_close(&r);
}

/* The newest n calls, oldest first, and how many there were. */
static void test_evidence(void **state)
{
	struct bench_rules r;

	(void)state;
	bench_open(&r, RULES RULE("x", "    on: call\n    key: caller.num\n    window: 1h\n"
	                               "    when: count() >= 8\n    fire: each\n"
	                               "    output: {summary: 'x', evidence: 3}\n"));
	for (int i = 0; i < 8; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "call-%d", i);
		bench_next(&r);
		(void)bench_plain(&r, T0 + i, id, caller, callee);
		assert_int_equal(bench_run(&r), i == 7);
	}
	const struct finding *f = detector_finding(r.detector, 0);
	assert_int_equal(f->counted, 8);
	assert_int_equal(f->call_count, 3);
	assert_true(slice_eq(f->calls[0], SLICE_LIT("call-5")));
	assert_true(slice_eq(f->calls[2], SLICE_LIT("call-7")));
	assert_true(f->exact);
	assert_string_equal(f->subject_type, "caller");
	assert_true(slice_eq(f->subject, slice_of(caller)));
	bench_close(&r);
}

static void test_exact_max(void **state)
{
	struct bench_rules r;

	(void)state;
	bench_open(&r, RULES RULE("x", "    on: call\n    key: caller.num\n    window: 1h\n"
	                               "    exact_max: 256\n    when: count() >= 256\n"
	                               "    fire: each\n    output: {summary: 'x'}\n"));
	for (int i = 0; i < 257; i++) {
		(void)bench_plain(&r, T0 + i, "id", caller, callee);
	}
	assert_int_equal(bench_run(&r), 2);
	assert_true(detector_finding(r.detector, 0)->exact);
	assert_false(detector_finding(r.detector, 1)->exact);
	assert_int_equal(detector_finding(r.detector, 1)->counted, 257);
	bench_close(&r);
}

/* Far more keys than a small memory holds: evicted, counted, bounded; the newest still count. */
static void test_small_memory(void **state)
{
	struct bench_rules r;
	struct detector_stats stats;

	(void)state;
	bench_open_with(&r,
	                RULES RULE("x", "    on: call\n    key: caller.num\n    window: 1h\n"
	                                "    when: count() >= 2\n    fire: each\n"
	                                "    output: {summary: 'x'}\n")
	                        RULE("y", "    on: call\n    key: callee.num\n    window: 1m\n"
	                                  "    when: distinct(caller.num) >= 1000000\n"
	                                  "    output: {summary: 'x'}\n"),
	                2, 2 << 20);
	size_t findings = 0;
	for (uint64_t i = 0; i < 30000; i++) {
		struct event e = bench_call(T0 + (int64_t)i * 1000, "id");
		(void)bench_add(&r, &e, number_pack(NUMBER_E164, 12, 442000000000 + i / 2),
		                number_pack(NUMBER_E164, 12, 449000000000 + i % 5000));
		if (i % 1000 == 999) {
			findings += bench_run(&r);
			bench_next(&r);
		}
	}
	detector_stats(r.detector, &stats);
	/* A shard of 7 KiB may have to push out a young key when its slots grow. */
	assert_in_range(findings, 14985, 15000);
	assert_true(stats.keys_evicted > 10000);
	assert_int_equal(stats.events_no_room, 0);
	assert_true(stats.memory <= 2 << 20);
	assert_true(stats.keys < 20000);
	bench_close(&r);
}

static void test_callids(void **state)
{
	struct bench_rules r;

	(void)state;
	/* An eighth of the memory is for call ids: the oldest are forgotten, the newest kept. */
	bench_open_with(&r,
	                RULES RULE("x", "    on: call\n    key: caller.num\n    window: 1h\n"
	                                "    when: count() >= 64\n    fire: each\n"
	                                "    output: {summary: 'x', evidence: 64}\n"),
	                1, 4 << 20);
	char *id = malloc(16000);
	memset(id, 'a', 16000);
	for (int i = 0; i < 64; i++) {
		struct event e = bench_call(T0 + i, "");
		e.call_id = (struct slice){id, 16000};
		bench_next(&r);
		(void)bench_add(&r, &e, bench_number(caller), bench_number(callee));
		assert_int_equal(bench_run(&r), i == 63);
	}
	const struct finding *f = detector_finding(r.detector, 0);
	assert_int_equal(f->counted, 64);
	assert_int_equal(f->call_count, 64);
	size_t missing = 0;
	while (missing < f->call_count && !f->calls[missing].p) {
		assert_int_equal(f->call_events[missing + 1], f->call_events[missing] + 1);
		missing++;
	}
	assert_true(missing >= 32 && missing <= 34);
	for (size_t i = missing; i < f->call_count; i++) {
		assert_int_equal(f->calls[i].len, 16000);
	}
	free(id);
	bench_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fire_once),  cmocka_unit_test(test_rearm_boundary),
		cmocka_unit_test(test_fire_each),  cmocka_unit_test(test_key_missing),
		cmocka_unit_test(test_lets_apart), cmocka_unit_test(test_party_order),
		cmocka_unit_test(test_over),       cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_exact_max),  cmocka_unit_test(test_small_memory),
		cmocka_unit_test(test_callids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
