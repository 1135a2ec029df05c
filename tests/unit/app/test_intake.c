#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/intake.h"
#include "core/buf.h"

enum { SIP_A = 0, SIP_B, CDR, SOURCES };

#define T0 (INT64_C(1772452800) * US_PER_S)

static const struct intake_source sources[SOURCES] = {
	[SIP_A] = {INTAKE_SIGNALLING, 0, US_PER_HOUR, US_PER_S},
	[SIP_B] = {INTAKE_SIGNALLING, 2 * US_PER_S, US_PER_HOUR, US_PER_S},
	[CDR] = {INTAKE_RECORDS, 5 * US_PER_S, US_PER_HOUR, 30 * US_PER_S},
};

struct bench {
	struct intake *in;
	struct buf seen; /* call ids in the order of their leaving */
};

static void note(void *user, const struct event *event)
{
	struct bench *b = user;

	buf_slice(&b->seen, event->call_id);
	buf_char(&b->seen, ' ');
}

static void bench_open(struct bench *b, size_t memory_max)
{
	const struct intake_options options = {.sources = sources,
	                                       .source_count = SOURCES,
	                                       .memory_max = memory_max,
	                                       .push = note,
	                                       .user = b};

	*b = (struct bench){0};
	b->in = intake_new(&options);
	assert_non_null(b->in);
	intake_clock(b->in, T0, 0);
}

static void bench_close(struct bench *b)
{
	intake_free(b->in);
	buf_fini(&b->seen);
}

static void put(struct bench *b, size_t source, const char *id, int64_t time_us)
{
	struct event event;

	event_init(&event, KIND_CALL);
	event.call_id = slice_of(id);
	event.time_us = time_us;
	intake_put(b->in, source, &event);
}

/* A step of a script: at a moment of both clocks something comes, and what left so far. */
struct step {
	int at_ms; /* since the begin, of both clocks */
	size_t source;
	const char *id;  /* NULL: nothing comes */
	int ordering_ms; /* of the event, from T0 */
	int event_ms;
	const char *seen;
};

struct script {
	const char *id;
	struct step steps[8];
};

// clang-format off
static const struct script scripts[] = {
	{"reorder 0: an event leaves as soon as every source of its group has reached it", {
		{0, SIP_B, "b1", 0, 0, ""},
		{0, SIP_A, "a1", 0, 0, ""},
		{10, SIP_B, "b2", 2000, 2000, "a1 b1 "},
	}},
	{"a source never heard holds the group until it is idle", {
		{0, SIP_A, "a1", 0, 0, ""},
		{999, SIP_A, "a2", 999, 999, ""},
		{1000, 0, NULL, 0, 0, "a1 a2 "},
	}},
	{"a source that fell silent holds the group no longer", {
		{0, SIP_B, "b1", 0, 0, ""},
		{0, SIP_A, "a1", 100, 100, ""},
		{900, SIP_A, "a2", 900, 900, ""},
		{1000, 0, NULL, 0, 0, "b1 a1 a2 "},
	}},
	{"on a quiet group everything leaves, however long the calls were", {
		{0, CDR, "long", 0, 3600000, ""},
		{29999, 0, NULL, 0, 0, ""},
		{30000, 0, NULL, 0, 0, "long "},
	}},
	{"a quiet group's watermark goes on with the monotonic clock", {
		{0, CDR, "r1", 0, 0, ""},
		{40000, 0, NULL, 0, 0, "r1 "},
		{40001, CDR, "late", 9000, 9999, "r1 late "},
		{40002, CDR, "not", 9000, 10000, "r1 late not "},
		{40003, CDR, "waits", 9000, 10001, "r1 late not "},
	}},
	{"records wait for the starts of others, not for their ends", {
		{0, CDR, "long", 0, 60000, ""},
		{1, CDR, "short", 10000, 12000, ""},
		{2, CDR, "next", 17000, 18000, "short "},
		{3, CDR, "later", 64999, 65000, "short next "},
		{4, CDR, "last", 65000, 70000, "short next long "},
	}},
	{"no group waits for the other", {
		{0, SIP_A, "a1", 0, 0, ""},
		{0, CDR, "r1", 0, 1000, ""},
		{1, CDR, "r2", 6000, 7000, "r1 "},
	}},
	{"late: within an hour it goes on at once", {
		{0, CDR, "r1", 3605000, 3605000, ""},
		{1, CDR, "r2", 0, 0, "r2 "},
	}},
	{"late: a microsecond of an hour more does not", {
		{0, CDR, "r1", 3605001, 3605001, ""},
		{1, CDR, "r2", 0, 0, ""},
	}},
	{"an event at the watermark is not late", {
		{0, CDR, "r1", 5000, 5000, ""},
		{1, CDR, "r2", 0, 0, "r2 "},
	}},
	{"equal times leave in the order of events", {
		{0, CDR, "rb", 0, 1000, ""},
		{1, CDR, "ra", 0, 1000, ""},
		{2, CDR, "rc", 6000, 6000, "ra rb "},
	}},
};
// clang-format on

static void run_step(struct bench *b, const struct step *step)
{
	intake_clock(b->in, T0 + 3 * US_PER_HOUR + step->at_ms * US_PER_MS,
	             step->at_ms * US_PER_MS);
	if (step->id) {
		assert_int_equal(
			intake_time(b->in, step->source, T0 + step->ordering_ms * US_PER_MS),
			REASON_NONE);
		put(b, step->source, step->id, T0 + step->event_ms * US_PER_MS);
	}
	(void)intake_release(b->in);
}

static void test_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct bench b;
		bench_open(&b, 0);
		for (size_t k = 0; k < 8 && scripts[i].steps[k].seen; k++) {
			run_step(&b, &scripts[i].steps[k]);
			if (!slice_eq(buf_view(&b.seen), slice_of(scripts[i].steps[k].seen))) {
				fail_msg("%s: step %zu: left '%.*s', not '%s'", scripts[i].id, k,
				         SLICE_FMT(buf_view(&b.seen)), scripts[i].steps[k].seen);
			}
		}
		bench_close(&b);
	}
}

static void test_late_is_counted(void **state)
{
	struct intake_stat stat;
	struct bench b;

	(void)state;
	bench_open(&b, 0);
	run_step(&b, &(struct step){0, CDR, "new", 7205000, 7205000, ""});
	run_step(&b, &(struct step){1, CDR, "late", 3600000, 3600000, ""});
	run_step(&b, &(struct step){2, CDR, "too late", 3599999, 3599999, ""});
	intake_stat(b.in, CDR, &stat);
	assert_int_equal(stat.count.in, 3);
	assert_int_equal(stat.count.out, 1);
	assert_int_equal(stat.late_inserted, 1);
	assert_int_equal(stat.count.dropped[REASON_LATE], 1);
	assert_int_equal(intake_waiting(b.in, INTAKE_RECORDS), 1);
	assert_int_equal(intake_finish(b.in), 1);
	bench_close(&b);
}

static uint64_t late_inserted(const struct bench *b)
{
	struct intake_stat stat;

	intake_stat(b->in, CDR, &stat);
	return stat.late_inserted;
}

/* At the watermark is in time; and the watermark never goes back, whoever wakes up behind it. */
static void test_where_late_begins(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 0);
	run_step(&b, &(struct step){0, CDR, "r1", 0, 0, ""});
	run_step(&b, &(struct step){40000, 0, NULL, 0, 0, ""});
	run_step(&b, &(struct step){40001, CDR, "at", 9000, 10000, ""});
	assert_int_equal(late_inserted(&b), 0);
	assert_int_equal(intake_watermark(b.in, INTAKE_RECORDS), T0 + 10 * US_PER_S);
	run_step(&b, &(struct step){40002, CDR, "behind", 9000, 9999, ""});
	assert_int_equal(late_inserted(&b), 1);
	bench_close(&b);
}

static void test_future_moves_nothing(void **state)
{
	struct intake_stat stat;
	struct bench b;

	(void)state;
	bench_open(&b, 0);
	intake_clock(b.in, T0, 0);
	assert_int_equal(intake_time(b.in, CDR, T0 + INTAKE_FUTURE_US), REASON_NONE);
	assert_int_equal(intake_time(b.in, CDR, T0 + INTAKE_FUTURE_US + 1), REASON_FUTURE);
	put(&b, CDR, "future", T0 + INTAKE_FUTURE_US + 1);
	put(&b, CDR, "good", T0 + INTAKE_FUTURE_US);
	(void)intake_release(b.in);
	assert_int_equal(intake_watermark(b.in, INTAKE_RECORDS),
	                 T0 + INTAKE_FUTURE_US - sources[CDR].reorder_us);
	intake_stat(b.in, CDR, &stat);
	assert_int_equal(stat.count.dropped[REASON_FUTURE], 1);
	assert_int_equal(intake_finish(b.in), 1);
	bench_close(&b);
}

static void test_idle_time(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 0);
	assert_true(intake_idle_time(b.in, SIP_A) == INSTANT_NONE);
	(void)intake_time(b.in, SIP_A, T0);
	intake_clock(b.in, T0, US_PER_S - 1);
	assert_true(intake_idle_time(b.in, SIP_A) == INSTANT_NONE);
	intake_clock(b.in, T0, US_PER_S);
	assert_int_equal(intake_idle_time(b.in, SIP_A), T0 + US_PER_S);
	bench_close(&b);
}

/* The wall clock may jump: only the monotonic one makes a source silent. */
static void test_wall_clock_jumps(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 0);
	(void)intake_time(b.in, CDR, T0);
	put(&b, CDR, "r1", T0);
	intake_clock(b.in, T0 + 100 * US_PER_DAY, 1);
	assert_int_equal(intake_release(b.in), 0);
	intake_clock(b.in, T0, 30 * US_PER_S);
	assert_int_equal(intake_release(b.in), 1);
	bench_close(&b);
}

static void test_full_sheds(void **state)
{
	struct intake_stat stat;
	struct bench b;
	uint64_t total = 20000;

	(void)state;
	bench_open(&b, 256 << 10);
	for (uint64_t i = 0; i < total; i++) {
		put(&b, CDR, "some call", T0 + (int64_t)i);
	}
	intake_stat(b.in, CDR, &stat);
	assert_true(stat.count.dropped[REASON_SHED] > 0);
	uint64_t left = intake_finish(b.in);
	intake_stat(b.in, CDR, &stat);
	assert_int_equal(stat.count.in, total);
	assert_int_equal(stat.count.out, left);
	assert_int_equal(left + stat.count.dropped[REASON_SHED], total);
	bench_close(&b);
}

/* ---- against the obvious: everything sorted at once ---- */

enum { RANDOM_EVENTS = 20000 };

struct made {
	int64_t time_us;
	char id[16];
};

struct checked {
	const struct made *next;
	size_t seen;
	bool ordered;
};

static void check_next(void *user, const struct event *event)
{
	struct checked *c = user;

	c->ordered = c->ordered && event->time_us == c->next->time_us &&
	             slice_eq(event->call_id, slice_of(c->next->id));
	c->next++;
	c->seen++;
}

static int cmp_made(const void *a, const void *b)
{
	const struct made *x = a, *y = b;

	return x->time_us != y->time_us ? (x->time_us > y->time_us) - (x->time_us < y->time_us)
	                                : strcmp(x->id, y->id);
}

/* Disorder within `reorder` is undone whole, ties by the event. */
static void test_disorder_within_reorder(void **state)
{
	struct made *made = malloc(RANDOM_EVENTS * sizeof(*made));
	struct made *sorted = malloc(RANDOM_EVENTS * sizeof(*sorted));
	uint64_t seed = 99;

	(void)state;
	assert_non_null(made);
	assert_non_null(sorted);
	for (size_t i = 0; i < RANDOM_EVENTS; i++) {
		seed = seed * 6364136223846793005U + 1442695040888963407U;
		made[i].time_us =
			T0 + (int64_t)(i / 100) * US_PER_S - (int64_t)((seed >> 33) % 5) * US_PER_S;
		(void)snprintf(made[i].id, sizeof(made[i].id), "%08x", (unsigned)(seed >> 32));
		sorted[i] = made[i];
	}
	qsort(sorted, RANDOM_EVENTS, sizeof(*sorted), cmp_made);
	struct checked checked = {.next = sorted, .ordered = true};
	const struct intake_options options = {
		.sources = sources, .source_count = SOURCES, .push = check_next, .user = &checked};
	struct intake *in = intake_new(&options);
	assert_non_null(in);
	intake_clock(in, T0 + US_PER_DAY, 0);
	for (size_t i = 0; i < RANDOM_EVENTS; i++) {
		struct event event;
		event_init(&event, KIND_CALL);
		event.time_us = made[i].time_us;
		event.call_id = slice_of(made[i].id);
		assert_int_equal(intake_time(in, CDR, event.time_us), REASON_NONE);
		intake_put(in, CDR, &event);
		/* An instant is whole once the watermark is behind it. */
		if (i % 100 == 99) {
			(void)intake_release(in);
		}
	}
	assert_true(checked.seen > RANDOM_EVENTS / 2);
	(void)intake_finish(in);
	assert_int_equal(checked.seen, RANDOM_EVENTS);
	assert_true(checked.ordered);
	intake_free(in);
	free(made);
	free(sorted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_late_is_counted),
		cmocka_unit_test(test_where_late_begins),
		cmocka_unit_test(test_future_moves_nothing),
		cmocka_unit_test(test_idle_time),
		cmocka_unit_test(test_wall_clock_jumps),
		cmocka_unit_test(test_full_sheds),
		cmocka_unit_test(test_disorder_within_reorder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
