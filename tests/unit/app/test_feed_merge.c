#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/feed_merge.h"
#include "app/feed_ops.h"
#include "core/err.h"

/* A feed of calls at the times of a list; its text is overwritten at each call, as a feed may. */
struct fake {
	struct feed feed;
	const int64_t *times;
	size_t count;
	size_t next;
	int end;
	char id[16];
};

static int fake_next(struct feed *feed, struct event *event)
{
	struct fake *f = (struct fake *)feed;

	if (f->next == f->count) {
		return f->end;
	}
	event_init(event, KIND_CALL);
	event->time_us = f->times[f->next++];
	(void)snprintf(f->id, sizeof(f->id), "%lld", (long long)event->time_us);
	event->call_id = slice_of(f->id);
	return OK;
}

static const struct feed_ops fake_ops = {.next = fake_next};

enum { FEEDS = 13, EVENTS = 200 };

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void merges_like_sorting_all(void **state)
{
	static int64_t times[FEEDS][EVENTS];
	int64_t all[FEEDS * EVENTS];
	struct fake fakes[FEEDS];
	struct feed *feeds[FEEDS];
	struct feed_merge *merge;
	struct event event;
	uint64_t seed = 99;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < FEEDS; i++) {
		size_t own = i * 17 % EVENTS; /* the first one is empty */
		for (size_t k = 0; k < own; k++) {
			seed = seed * 6364136223846793005U + 1442695040888963407U;
			times[i][k] = (int64_t)(seed >> 33) % 500;
			all[count++] = times[i][k];
		}
		qsort(times[i], own, sizeof(times[i][0]), compare_i64);
		fakes[i] = (struct fake){.feed = {&fake_ops},
		                         .times = times[i],
		                         .count = own,
		                         .end = i == 3 ? E_IO : E_END};
		feeds[i] = &fakes[i].feed;
	}
	qsort(all, count, sizeof(all[0]), compare_i64);
	assert_int_equal(feed_merge_new(feeds, FEEDS, &merge), OK);
	uint16_t last_source = 0;
	for (size_t i = 0; i < count; i++) {
		char id[16];
		assert_int_equal(feed_merge_next(merge, &event), OK);
		assert_true(event.time_us == all[i]);
		(void)snprintf(id, sizeof(id), "%lld", (long long)all[i]);
		assert_true(slice_eq(event.call_id, slice_of(id)));
		assert_true(i == 0 || all[i - 1] < all[i] || last_source <= event.source);
		last_source = event.source;
	}
	assert_int_equal(feed_merge_next(merge, &event), E_END);
	assert_int_equal(feed_merge_next(merge, &event), E_END);
	for (size_t i = 0; i < FEEDS; i++) {
		assert_int_equal(feed_merge_end(merge, i), i == 3 ? E_IO : E_END);
	}
	feed_merge_free(merge);
}

static void no_feeds(void **state)
{
	struct feed_merge *merge;
	struct event event;

	(void)state;
	assert_int_equal(feed_merge_new(NULL, 0, &merge), OK);
	assert_int_equal(feed_merge_next(merge, &event), E_END);
	feed_merge_free(merge);
	assert_int_equal(feed_merge_new(NULL, FEED_MERGE_MAX + 1, &merge), E_RANGE);
	feed_merge_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges_like_sorting_all),
		cmocka_unit_test(no_feeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
