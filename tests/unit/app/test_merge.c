/* Several feeds as one traffic: in order of time, ties by the whole event, whatever feed is named
 * first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/feed_ops.h"
#include "app/merge.h"
#include "core/err.h"

enum { FEEDS = 3, EVENTS = 400, ID_SIZE = 16 };

/* A feed made by hand: its events' texts are overwritten at the next call, as a real one's are. */
struct fake {
	struct feed feed;
	struct event events[EVENTS];
	char ids[EVENTS][ID_SIZE];
	char borrowed[ID_SIZE];
	size_t count;
	size_t next;
	int end; /* what it says at its end */
};

static int fake_next(struct feed *feed, struct event *event)
{
	struct fake *f = (struct fake *)feed;

	memset(f->borrowed, '#', sizeof(f->borrowed));
	if (f->next == f->count) {
		return f->end;
	}
	*event = f->events[f->next];
	memcpy(f->borrowed, f->ids[f->next], ID_SIZE);
	event->call_id = slice_of(f->borrowed);
	f->next++;
	return OK;
}

static const struct feed_ops fake_ops = {.next = fake_next};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static void fill(struct fake *f, size_t count, uint64_t seed)
{
	int64_t now = 0;

	*f = (struct fake){.feed = {&fake_ops}, .count = count, .end = E_END};
	for (size_t i = 0; i < count; i++) {
		now += draw(&seed, 4) == 0;
		event_init(&f->events[i], draw(&seed, 2) ? KIND_CALL : KIND_ATTEMPT);
		f->events[i].time_us = now;
		f->events[i].q850 = draw(&seed, 3);
		(void)snprintf(f->ids[i], ID_SIZE, "id-%u", draw(&seed, 30));
	}
}

/* Everything that comes out, as text. */
static size_t drain(struct fake *const *fakes, size_t count, char *out, size_t size, int *err)
{
	struct feed *feeds[FEEDS] = {0};
	struct event e, before;
	size_t len = 0, events = 0;
	char before_id[ID_SIZE] = "";

	for (size_t i = 0; i < count; i++) {
		fakes[i]->next = 0;
		feeds[i] = &fakes[i]->feed;
	}
	struct merge *m = merge_new(feeds, count);
	assert_non_null(m);
	while ((*err = merge_next(m, &e)) == OK) {
		if (events++ > 0 && count > 1) {
			before.call_id = slice_of(before_id);
			assert_true(event_cmp(&before, &e) <= 0);
		}
		before = e;
		(void)snprintf(before_id, sizeof(before_id), "%.*s", SLICE_FMT(e.call_id));
		len += (size_t)snprintf(out + len, size - len, "%lld %d %s %lld\n",
		                        (long long)e.time_us, (int)e.kind, before_id,
		                        (long long)e.q850);
		assert_true(len < size);
	}
	size_t which = 99;
	assert_int_equal(merge_failed(m, &which), *err == E_IO);
	merge_free(m);
	return events;
}

static void test_any_order_of_feeds(void **state)
{
	static const unsigned orders[][FEEDS] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}};
	static struct fake fakes[FEEDS];
	static char first[65536], other[65536];
	int err;

	(void)state;
	for (unsigned i = 0; i < FEEDS; i++) {
		fill(&fakes[i], i == 2 ? 0 : EVENTS, i + 1);
	}
	for (size_t o = 0; o < 3; o++) {
		struct fake *const named[FEEDS] = {&fakes[orders[o][0]], &fakes[orders[o][1]],
		                                   &fakes[orders[o][2]]};
		size_t n = drain(named, FEEDS, o ? other : first, sizeof(first), &err);
		assert_int_equal(n, 2 * EVENTS);
		assert_int_equal(err, E_END);
		if (o) {
			assert_string_equal(first, other);
		}
	}
}

/* A single feed keeps its own order of ties. */
static void test_single(void **state)
{
	static struct fake fake;
	static char out[65536];
	struct fake *const named[] = {&fake};
	int err;

	(void)state;
	fill(&fake, EVENTS, 9);
	assert_int_equal(drain(named, 1, out, sizeof(out), &err), EVENTS);
	assert_int_equal(err, E_END);
	const char *at = out;
	for (size_t i = 0; i < EVENTS; i++) {
		char line[64];
		(void)snprintf(line, sizeof(line), "%lld %d %s %lld\n",
		               (long long)fake.events[i].time_us, (int)fake.events[i].kind,
		               fake.ids[i], (long long)fake.events[i].q850);
		assert_int_equal(strncmp(at, line, strlen(line)), 0);
		at += strlen(line);
	}
}

/* A feed that fails does not take the others with it; the failure is told at the end. */
static void test_failure(void **state)
{
	static struct fake fakes[2];
	static char out[65536];
	int err;

	(void)state;
	for (size_t count = 1; count <= 2; count++) {
		struct fake *const named[] = {&fakes[0], &fakes[1]};
		fill(&fakes[0], 50, 1);
		fill(&fakes[1], 200, 2);
		fakes[0].end = E_MALFORMED;
		assert_int_equal(drain(named, count, out, sizeof(out), &err),
		                 count == 1 ? 50 : 250);
		assert_int_equal(err, E_IO);
	}
}

static void test_none(void **state)
{
	char out[16];
	int err;

	(void)state;
	assert_int_equal(drain(NULL, 0, out, sizeof(out), &err), 0);
	assert_int_equal(err, E_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order_of_feeds),
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
