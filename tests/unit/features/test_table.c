/* Rows by key against a plain list: expiry, eviction order, caps, notes, leaps in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/instant.h"
#include "features/table.h"

enum { KEYS = 400, SHARD = 7 };

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

/* One shard of one table, and what it should hold: the time until which each key is kept. */
struct fixture {
	struct hash_key key;
	struct pool pool;
	struct window_room room;
	struct window_spec spec;
	struct table *table;
	int64_t newest[KEYS]; /* INT64_MIN: no row */
	int64_t now;
};

static struct hash128 key_of(unsigned n)
{
	/* Crowded low bits, so that probing has something to do. */
	return (struct hash128){.lo = n % 37 + ((uint64_t)n << 32),
	                        .hi = (uint64_t)SHARD << 56 | n};
}

static void open_fixture(struct fixture *f, int64_t span_us, uint64_t max_keys, int64_t keep_us,
                         size_t pool)
{
	memset(f, 0, sizeof(*f));
	hash_key_default(&f->key);
	assert_int_equal(pool_init(&f->pool, pool), OK);
	f->room =
		(struct window_room){&f->pool, &f->key, malloc(WINDOW_SCRATCH * sizeof(uint64_t))};
	f->spec = (struct window_spec){.span_us = span_us, .resolution = 30, .exact_max = 4096};
	window_spec_finish(&f->spec);
	struct table_options options = {.specs = &f->spec,
	                                .spec_count = span_us ? 1U : 0U,
	                                .max_keys = max_keys,
	                                .keep_us = keep_us};
	f->table = table_new(&options);
	assert_non_null(f->table);
	for (unsigned n = 0; n < KEYS; n++) {
		f->newest[n] = INT64_MIN;
	}
}

static void close_fixture(struct fixture *f)
{
	while (table_evict(f->table, &f->room, SHARD, NULL)) {
	}
	assert_int_equal(table_rows(f->table), 0);
	assert_int_equal(f->pool.used, 0);
	table_free(f->table);
	pool_fini(&f->pool);
	free(f->room.scratch);
}

static struct row *touch(struct fixture *f, unsigned n, int64_t time_us)
{
	struct row *row = table_row(f->table, &f->room, key_of(n), time_us);

	if (row) {
		assert_int_equal(row->key.lo, key_of(n).lo);
		assert_int_equal(row->key.hi, key_of(n).hi);
		f->newest[n] = time_us > f->newest[n] ? time_us : f->newest[n];
		assert_int_equal(row->last_us, f->newest[n]);
		struct window_event e = {.time_us = time_us, .event = n};
		if (f->table->spec_count) {
			assert_int_equal(window_add(&f->room, &f->spec, &row->windows[0], &e), OK);
		}
	}
	return row;
}

static bool has(const struct fixture *f, unsigned n)
{
	return table_find(f->table, &f->pool, key_of(n)) != NULL;
}

/* Rows whose windows have not run out are there; those a bucket beyond are gone. */
static void check_expiry(struct fixture *f)
{
	uint64_t there = 0;

	table_expire(f->table, &f->room, SHARD, f->now);
	for (unsigned n = 0; n < KEYS; n++) {
		there += has(f, n);
		if (f->newest[n] == INT64_MIN) {
			assert_false(has(f, n));
		} else if (f->newest[n] > f->now - f->spec.span_us) {
			assert_true(has(f, n));
		} else if (f->newest[n] <= f->now - f->spec.span_us - f->table->bucket_us) {
			assert_false(has(f, n));
		}
		f->newest[n] = has(f, n) ? f->newest[n] : INT64_MIN;
	}
	assert_int_equal(table_rows(f->table), there);
}

static void random_traffic(int64_t span_us, int64_t begin_us, uint64_t seed)
{
	struct fixture f;

	open_fixture(&f, span_us, 0, 0, 4 << 20);
	f.now = begin_us;
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t kind = draw(&seed, 1000);
		if (kind < 990) {
			f.now += (int64_t)draw(&seed, (uint32_t)(span_us / 50) + 1);
		} else if (kind < 999) {
			f.now += span_us * (1 + (int64_t)draw(&seed, 3));
		} else {
			f.now += 3 * 365 * US_PER_DAY;
		}
		int64_t late = draw(&seed, 10) ? 0 : (int64_t)draw(&seed, (uint32_t)(span_us / 2));
		assert_non_null(touch(&f, draw(&seed, KEYS), f.now - late));
		if (draw(&seed, 20) == 0) {
			check_expiry(&f);
		}
	}
	f.now += 10 * 365 * US_PER_DAY;
	check_expiry(&f);
	assert_int_equal(table_rows(f.table), 0);
	assert_int_equal(f.pool.used, 0);
	close_fixture(&f);
}

static void test_random(void **state)
{
	(void)state;
	random_traffic(10 * US_PER_MIN, INT64_C(1700000000) * US_PER_S, 1);
	random_traffic(US_PER_S, INT64_C(1700000000) * US_PER_S, 2);
	random_traffic(200, -500000, 3);
	random_traffic(US_PER_HOUR, 0, 4);
}

/* Evicted rows go least recent first, to a bucket's width. */
static void check_eviction(int64_t span_us, int64_t step_us, unsigned touched, uint64_t seed)
{
	struct fixture f;

	open_fixture(&f, span_us, 0, 0, 4 << 20);
	f.now = INT64_C(1700000000) * US_PER_S;
	for (unsigned i = 0; i < touched; i++) {
		f.now += (int64_t)draw(&seed, (uint32_t)step_us);
		assert_non_null(touch(&f, draw(&seed, KEYS), f.now));
	}
	table_expire(f.table, &f.room, SHARD, f.now);
	for (;;) {
		int64_t oldest = INT64_MAX, gone = INT64_MIN;
		for (unsigned n = 0; n < KEYS; n++) {
			if (has(&f, n)) {
				oldest = f.newest[n] < oldest ? f.newest[n] : oldest;
			} else {
				f.newest[n] = INT64_MIN;
			}
		}
		int64_t said = table_oldest(f.table, &f.room, SHARD);
		uint64_t rows = table_rows(f.table);
		if (!table_evict(f.table, &f.room, SHARD, NULL)) {
			assert_int_equal(rows, 0);
			assert_int_equal(said, INT64_MAX);
			break;
		}
		assert_int_equal(table_rows(f.table), rows - 1);
		for (unsigned n = 0; n < KEYS; n++) {
			gone = f.newest[n] != INT64_MIN && !has(&f, n) ? f.newest[n] : gone;
		}
		assert_true(gone - oldest < f.table->bucket_us);
		assert_true(said <= oldest && oldest - said < f.table->bucket_us);
	}
	close_fixture(&f);
}

static void test_eviction_order(void **state)
{
	(void)state;
	check_eviction(US_PER_HOUR, 10 * US_PER_S, 2000, 1);
	check_eviction(US_PER_HOUR, US_PER_MIN, 300, 2);
	/* Rows years apart, before any expiry: beyond the reach of the buckets. */
	check_eviction(US_PER_S, 1000 * US_PER_S, 300, 3);
}

static void test_evict_keeps(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, US_PER_MIN, 0, 0, 1 << 20);
	struct row *keep = touch(&f, 1, 1000 * US_PER_S);
	assert_false(table_evict(f.table, &f.room, SHARD, keep));
	(void)touch(&f, 2, 1030 * US_PER_S);
	(void)touch(&f, 3, 1020 * US_PER_S);
	assert_true(table_evict(f.table, &f.room, SHARD, keep));
	assert_false(has(&f, 3));
	assert_true(table_evict(f.table, &f.room, SHARD, keep));
	assert_false(has(&f, 2));
	assert_false(table_evict(f.table, &f.room, SHARD, keep));
	assert_true(has(&f, 1));
	/* It still expires. */
	table_expire(f.table, &f.room, SHARD, 5000 * US_PER_S);
	assert_false(has(&f, 1));
	close_fixture(&f);
}

/* max_keys is shared out to the shards; the least recent key goes, counted. */
static void test_max_keys(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, US_PER_HOUR, 10 * TABLE_SHARDS - 1, 0, 1 << 20);
	for (unsigned n = 0; n < 100; n++) {
		assert_non_null(touch(&f, n, (int64_t)n * 60 * US_PER_S));
		assert_true(table_rows(f.table) <= 10);
	}
	for (unsigned n = 0; n < 100; n++) {
		assert_int_equal(has(&f, n), n >= 90);
	}
	assert_int_equal(table_evicted(f.table), 90);
	close_fixture(&f);
}

static void test_notes(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, US_PER_MIN, 0, 0, 1 << 20);
	struct row *row = touch(&f, 1, 0);
	for (uint32_t owner = 0; owner < 5; owner++) {
		struct row_note *note = table_note(&f.room, row, owner);
		assert_int_equal(note->last_us, INT64_MIN);
		note->last_us = owner;
	}
	for (uint32_t owner = 0; owner < 5; owner++) {
		assert_int_equal(table_note(&f.room, row, owner)->last_us, owner);
	}
	close_fixture(&f);
}

/* A row with an open alert stays to the last instant asked for, whether that is within the reach
 * of the window's buckets or far beyond it.
 */
static void keep_row(int64_t span_us, int64_t keep_us, int64_t declared_us)
{
	struct fixture f;
	int64_t at = 5000 * US_PER_S;

	open_fixture(&f, span_us, 0, declared_us, 1 << 20);
	struct row *row = touch(&f, 1, at);
	table_note(&f.room, row, 3)->last_us = at;
	table_keep(f.table, row, at + keep_us);
	for (int step = 1; step <= 64; step++) {
		int64_t now = at + keep_us * step / 64;
		/* Other keys come and go meanwhile. */
		assert_non_null(touch(&f, 2 + (unsigned)step, now));
		table_expire(f.table, &f.room, SHARD, now);
		assert_true(has(&f, 1));
	}
	assert_int_equal(table_note(&f.room, table_find(f.table, &f.pool, key_of(1)), 3)->last_us,
	                 at);
	table_expire(f.table, &f.room, SHARD, at + keep_us + 2 * f.table->bucket_us + 2);
	assert_false(has(&f, 1));
	close_fixture(&f);
}

static void test_keep(void **state)
{
	(void)state;
	keep_row(US_PER_MIN, 90 * US_PER_S, 90 * US_PER_S);
	keep_row(US_PER_MIN, US_PER_HOUR, US_PER_HOUR);
	keep_row(US_PER_S, 7 * US_PER_DAY, 7 * US_PER_DAY);
	keep_row(US_PER_S, 7 * US_PER_DAY, 0); /* beyond the buckets */
	keep_row(0, US_PER_HOUR, US_PER_HOUR); /* a rule without a window */
}

/* A full pool refuses; evicting one lets the next in. Nothing leaks. */
static void test_full_pool(void **state)
{
	struct fixture f;
	unsigned made = 0;

	(void)state;
	open_fixture(&f, US_PER_HOUR, 0, 0, 16384);
	for (unsigned n = 0; n < KEYS; n++) {
		int64_t at = (int64_t)n * 20 * US_PER_S;
		struct row *row = table_row(f.table, &f.room, key_of(n), at);
		for (int tries = 0; !row && tries < 4; tries++) {
			assert_true(table_evict(f.table, &f.room, SHARD, NULL));
			row = table_row(f.table, &f.room, key_of(n), at);
		}
		assert_non_null(row);
		made += table_rows(f.table) > made;
	}
	assert_true(made > 60);
	assert_true(has(&f, KEYS - 1) && !has(&f, 0));
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),      cmocka_unit_test(test_eviction_order),
		cmocka_unit_test(test_evict_keeps), cmocka_unit_test(test_max_keys),
		cmocka_unit_test(test_notes),       cmocka_unit_test(test_keep),
		cmocka_unit_test(test_full_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
