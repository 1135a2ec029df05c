/* The intake saved, loaded and settled, against an intake that was never interrupted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/intake.h"
#include "core/err.h"

enum { SIP_A = 0, SIP_B, CDR, SOURCES, EVENTS = 400, ROUNDS = 60 };

#define T0 (INT64_C(1772452800) * US_PER_S)

static const struct intake_source sources[SOURCES] = {
	[SIP_A] = {INTAKE_SIGNALLING, 0, US_PER_HOUR, US_PER_DAY},
	[SIP_B] = {INTAKE_SIGNALLING, 2 * US_PER_S, US_PER_HOUR, US_PER_DAY},
	[CDR] = {INTAKE_RECORDS, 5 * US_PER_S, US_PER_HOUR, US_PER_DAY},
};
static const struct state_head head = {.build = "test"};
static struct hash_key key;
static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* An intake and the numbers of the events that left it, in their order. */
struct bench {
	struct intake *in;
	unsigned left[2 * EVENTS];
	size_t count;
};

static void note(void *user, const struct event *event)
{
	struct bench *b = user;

	b->left[b->count++] = (unsigned)strtoul(event->call_id.p + 2, NULL, 10);
}

static void bench_open(struct bench *b, size_t source_count)
{
	const struct intake_options options = {
		.sources = sources, .source_count = source_count, .push = note, .user = b};

	b->count = 0;
	b->in = intake_new(&options);
	assert_non_null(b->in);
}

/* Traffic that follows from its number: each source in its order but for some disorder. */
static struct event events[EVENTS];
static char ids[EVENTS][24];

static void draw_events(void)
{
	for (unsigned i = 0; i < EVENTS; i++) {
		struct event *e = &events[i];
		event_init(e, KIND_CALL);
		e->source = (uint16_t)draw(SOURCES);
		e->time_us = T0 + i * US_PER_S / 4 - draw(3) * US_PER_S;
		e->time_us -= draw(10) == 0 ? 20 * US_PER_S : 0; /* late */
		e->start_us = e->time_us - draw(4) * US_PER_S;
		(void)snprintf(ids[i], sizeof(ids[i]), "c-%u", i);
		e->call_id = slice_of(ids[i]);
		e->caller.text = SLICE_LIT("+442079460000");
	}
}

static void feed(struct bench *b, unsigned i)
{
	const struct event *e = &events[i];
	int64_t now_us = T0 + i * US_PER_S / 4;
	bool record = sources[e->source].group == INTAKE_RECORDS;

	intake_clock(b->in, now_us, now_us - T0);
	if (intake_time(b->in, e->source, record ? e->start_us : e->time_us) == REASON_NONE) {
		intake_put(b->in, e->source, e);
	}
	if (i % 3 == 0) {
		intake_release(b->in);
	}
}

static struct slice save(const struct bench *b)
{
	struct state_out out;
	struct slice file;
	int fd = memfd_create("state", 0);

	assert_int_equal(state_out_open(&out, fd, &head), OK);
	assert_int_equal(intake_save(b->in, &out), OK);
	assert_int_equal(state_out_close(&out), OK);
	assert_int_equal(state_map(fd, &file), OK);
	close(fd);
	return file;
}

static void load(struct bench *b, struct slice file)
{
	struct state_in in;

	assert_int_equal(state_in_open(&in, file, &head), OK);
	assert_int_equal(intake_load(b->in, &in, &key), OK);
	state_in_close(&in);
}

static void assert_balanced(const struct intake *in)
{
	uint64_t waiting =
		intake_waiting(in, INTAKE_SIGNALLING) + intake_waiting(in, INTAKE_RECORDS);

	for (size_t i = 0; i < SOURCES; i++) {
		struct intake_stat stat;
		intake_stat(in, i, &stat);
		waiting -= stat.count.in - stat.count.out - stage_dropped(&stat.count);
	}
	assert_int_equal(waiting, 0);
}

/* Saved and loaded at any moment it goes on as if nothing had been. */
static void goes_on(void **state)
{
	(void)state;
	struct bench whole, before, after;

	for (int round = 0; round < ROUNDS; round++) {
		unsigned cut = draw(EVENTS);
		draw_events();
		bench_open(&whole, SOURCES);
		bench_open(&before, SOURCES);
		bench_open(&after, SOURCES);
		for (unsigned i = 0; i < EVENTS; i++) {
			feed(&whole, i);
			if (i < cut) {
				feed(&before, i);
			}
		}
		struct slice file = save(&before);
		struct slice again = save(&before);
		assert_true(slice_eq(file, again));
		load(&after, file);
		assert_balanced(after.in);
		for (unsigned i = cut; i < EVENTS; i++) {
			feed(&after, i);
		}
		intake_finish(whole.in);
		intake_finish(after.in);
		assert_balanced(after.in);
		assert_int_equal(before.count + after.count, whole.count);
		assert_memory_equal(before.left, whole.left, before.count * sizeof(unsigned));
		assert_memory_equal(after.left, whole.left + before.count,
		                    after.count * sizeof(unsigned));
		state_unmap(file);
		state_unmap(again);
		intake_free(whole.in);
		intake_free(before.in);
		intake_free(after.in);
	}
}

/* Killed some time after the saving: what the log has is not let out again, all else that waited
 * is, and what comes later as well.
 */
static void settles(void **state)
{
	(void)state;
	struct bench before, after;

	for (int round = 0; round < ROUNDS; round++) {
		unsigned saved = draw(EVENTS / 2), killed = saved + draw(EVENTS / 2);
		bool waited[EVENTS] = {false};
		unsigned times[EVENTS] = {0};
		draw_events();
		bench_open(&before, SOURCES);
		bench_open(&after, SOURCES);
		for (unsigned i = 0; i < saved; i++) {
			feed(&before, i);
			waited[i] = true;
		}
		for (size_t i = 0; i < before.count; i++) {
			waited[before.left[i]] = false;
		}
		struct slice file = save(&before);
		size_t logged = before.count;
		for (unsigned i = saved; i < killed; i++) {
			feed(&before, i);
		}
		load(&after, file);
		for (size_t i = logged; i < before.count; i++) {
			intake_settle(after.in, &events[before.left[i]]);
			waited[before.left[i]] = false;
		}
		for (unsigned i = killed; i < EVENTS; i++) {
			feed(&after, i);
			waited[i] = true;
		}
		intake_finish(after.in);
		assert_balanced(after.in);
		for (size_t i = 0; i < after.count; i++) {
			times[after.left[i]]++;
		}
		struct intake_stat stat;
		uint64_t late = 0;
		for (size_t i = 0; i < SOURCES; i++) {
			intake_stat(after.in, i, &stat);
			late += stat.count.dropped[REASON_LATE];
		}
		assert_int_equal(late, 0);
		for (unsigned i = 0; i < EVENTS; i++) {
			assert_int_equal(times[i], waited[i]);
		}
		state_unmap(file);
		intake_free(before.in);
		intake_free(after.in);
	}
}

/* Two equal ones wait, the log has one of them: the other is let out. Sources and watermarks are as
 * far as the log says; a source that was silent stays where it was.
 */
static void one_for_one(void **state)
{
	(void)state;
	struct bench before, after;
	struct intake_stat stat;
	struct event later;

	draw_events();
	bench_open(&before, SOURCES);
	bench_open(&after, SOURCES);
	events[1] = events[2] = events[0];
	events[0].source = events[1].source = events[2].source = CDR;
	events[1].call_id = events[2].call_id = events[0].call_id;
	feed(&before, 0);
	feed(&before, 1);
	feed(&before, 2);
	struct slice file = save(&before);
	load(&after, file);
	intake_stat(after.in, CDR, &stat);
	assert_true(stat.newest_us == events[0].start_us && stat.count.in == 3);
	intake_settle(after.in, &events[0]);
	assert_true(intake_watermark(after.in, INTAKE_RECORDS) == events[0].time_us);
	later = events[0];
	later.time_us += US_PER_MIN;
	later.start_us += US_PER_MIN;
	intake_settle(after.in, &later);
	assert_true(intake_watermark(after.in, INTAKE_RECORDS) == later.time_us);
	assert_true(intake_watermark(after.in, INTAKE_SIGNALLING) == INSTANT_NONE);
	intake_stat(after.in, CDR, &stat);
	assert_true(stat.newest_us == later.start_us);
	intake_finish(after.in);
	assert_int_equal(after.count, 2);
	state_unmap(file);
	intake_free(before.in);
	intake_free(after.in);
}

static void refuses(void **state)
{
	(void)state;
	struct bench b, other;
	struct state_in in;

	draw_events();
	bench_open(&b, SOURCES);
	for (unsigned i = 0; i < 40; i++) {
		feed(&b, i);
	}
	struct slice file = save(&b);
	assert_int_equal(state_in_open(&in, file, &head), OK);
	bench_open(&other, SOURCES - 1);
	assert_int_equal(intake_load(other.in, &in, &key), E_INVALID);
	assert_non_null(strstr(in.why, "other sources"));
	intake_free(other.in);

	/* Any byte, of a section whose checksum is right: refused, or sound. */
	bench_open(&other, SOURCES);
	struct slice content = in.sections[0].content;
	char *copy = malloc(content.len);
	assert_non_null(copy);
	for (size_t at = 0; at < content.len; at++) {
		memcpy(copy, content.p, content.len);
		copy[at] ^= (char)(1 << draw(8));
		in.sections[0].content = (struct slice){copy, content.len};
		in.why[0] = '\0';
		if (intake_load(other.in, &in, &key) == OK) {
			assert_balanced(other.in);
			other.count = 0;
			intake_finish(other.in);
			assert_balanced(other.in);
		} else {
			assert_true(in.why[0] != '\0');
		}
		in.sections[0].content = (struct slice){copy, at}; /* cut */
		assert_int_equal(intake_load(other.in, &in, &key), E_INVALID);
	}
	in.sections[0].content = content;
	assert_int_equal(intake_load(other.in, &in, &key), OK);
	assert_int_equal(intake_waiting(other.in, INTAKE_RECORDS),
	                 intake_waiting(b.in, INTAKE_RECORDS));
	assert_int_equal(intake_reset(other.in), OK);
	assert_int_equal(intake_waiting(other.in, INTAKE_RECORDS), 0);
	assert_true(intake_watermark(other.in, INTAKE_RECORDS) == INSTANT_NONE);
	assert_balanced(other.in);
	free(copy);
	state_in_close(&in);
	state_unmap(file);
	intake_free(b.in);
	intake_free(other.in);
}

int main(void)
{
	const char *given = getenv("RINGFENCE_TEST_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on),
		cmocka_unit_test(settles),
		cmocka_unit_test(one_for_one),
		cmocka_unit_test(refuses),
	};

	hash_key_default(&key);
	seed = given ? strtoull(given, NULL, 10) : 5;
	printf("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
