/* The duplicate window, by rows and against a list of every kept record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "calls/dedupe.h"

static struct hash_key key;

#define H US_PER_HOUR
#define D US_PER_DAY

/* Three records of one call id, the first at 100 days; k kept, d duplicate. */
static const struct {
	const char *id;
	int64_t second_us, third_us;
	const char *want;
} rows[] = {
	{"at once, again", 0, 0, "kdd"},
	{"24 h later still", D, D + 1, "kdk"},
	{"more than 24 h later", D + 1, D + 2, "kkd"},
	{"counted from the kept record", 20 * H, 40 * H, "kdk"},
	{"from the second kept record", 25 * H, 49 * H, "kkd"},
	{"late", -H, -D, "kdd"},
	{"too late to be the same", -D - 1, 1, "kkd"},
};

static void test_rows(void **state)
{
	const int64_t base_us = 100 * D;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dedupe *d = dedupe_new(100, DEDUPE_WINDOW_US, &key);
		uint64_t hash = dedupe_hash(d, SLICE_LIT("a84b4c76e66710"));
		int64_t times[3] = {base_us, base_us + rows[i].second_us,
		                    base_us + rows[i].third_us};
		char got[4] = "";
		for (int k = 0; k < 3; k++) {
			dedupe_prefetch(d, hash);
			got[k] = dedupe_seen(d, hash, times[k]) ? 'd' : 'k';
			/* Another call id is never a duplicate of it. */
			assert_false(dedupe_seen(d, hash_u64(&key, (uint64_t)k), times[k]));
		}
		if (memcmp(got, rows[i].want, 3) != 0) {
			fail_msg("%s: %s, want %s", rows[i].id, got, rows[i].want);
		}
		dedupe_free(d);
	}
}

enum { ORACLE_IDS = 6000, ORACLE_RECORDS = 60000 };

/* Ids come back at random, time runs for a month with records up to 50 min late. */
static void test_against_a_list(void **state)
{
	static int64_t kept_us[ORACLE_IDS];
	struct dedupe *d = dedupe_new(ORACLE_IDS, DEDUPE_WINDOW_US, &key);
	struct dedupe_stat stat;
	uint64_t duplicates = 0;
	int64_t now_us = 0;

	(void)state;
	srand(1);
	for (int i = 0; i < ORACLE_IDS; i++) {
		kept_us[i] = INSTANT_NONE;
	}
	for (int i = 0; i < ORACLE_RECORDS; i++) {
		int id = rand() % ORACLE_IDS;
		now_us += rand() % (90 * US_PER_S);
		int64_t time_us = now_us - rand() % (50 * US_PER_MIN);
		bool known = kept_us[id] != INSTANT_NONE &&
		             (time_us > kept_us[id] ? time_us - kept_us[id]
		                                    : kept_us[id] - time_us) <= DEDUPE_WINDOW_US;
		assert_int_equal(known, dedupe_seen(d, hash_u64(&key, (uint64_t)id), time_us));
		if (!known && (kept_us[id] == INSTANT_NONE || time_us > kept_us[id])) {
			kept_us[id] = time_us;
		}
		duplicates += known;
	}
	dedupe_stat(d, &stat);
	assert_int_equal(ORACLE_RECORDS, stat.seen);
	assert_int_equal(duplicates, stat.duplicates);
	assert_true(duplicates > ORACLE_RECORDS / 10 && duplicates < ORACLE_RECORDS);
	assert_int_equal(0, stat.evicted);
	dedupe_free(d);
}

/* What is promised is kept without an eviction, and all of it is found again. */
static void test_full(void **state)
{
	enum { ENTRIES = 200000 };
	struct dedupe *d = dedupe_new(ENTRIES, DEDUPE_WINDOW_US, &key);
	struct dedupe_stat stat;

	(void)state;
	for (int pass = 0; pass < 2; pass++) {
		for (uint64_t i = 0; i < ENTRIES; i++) {
			assert_int_equal(pass,
			                 dedupe_seen(d, hash_u64(&key, i), 100 * D + (int64_t)i));
		}
	}
	dedupe_stat(d, &stat);
	assert_int_equal(0, stat.evicted);
	dedupe_free(d);
}

/* With two steps lines fill to 85 % before an entry must go; with one to 70 %. */
static void test_lines_fill(void **state)
{
	enum { ENTRIES = 40000, SLOTS = (ENTRIES / 8 * 3 + 3) * 4, FILLED = SLOTS / 100 * 85 };

	(void)state;
	for (uint8_t seed = 0; seed < 5; seed++) {
		uint8_t bytes[HASH_KEY_SIZE] = {seed};
		struct hash_key own;
		hash_key_init(&own, bytes);
		struct dedupe *d = dedupe_new(ENTRIES, DEDUPE_WINDOW_US, &own);
		struct dedupe_stat stat;
		for (uint64_t i = 0; i < 2 * FILLED; i++) {
			bool again = i >= FILLED;
			assert_int_equal(again,
			                 dedupe_seen(d, hash_u64(&own, i % FILLED), 100 * D));
		}
		dedupe_stat(d, &stat);
		assert_int_equal(0, stat.evicted);
		dedupe_free(d);
	}
}

/* Beyond it the oldest go, each counted; never is a new call taken for a duplicate. */
static void test_overfull(void **state)
{
	enum { ENTRIES = 1000, RECORDS = 4 * ENTRIES, SLOTS = (ENTRIES / 8 * 3 + 3) * 4 };
	struct dedupe *d = dedupe_new(ENTRIES, DEDUPE_WINDOW_US, &key);
	struct dedupe_stat stat;
	unsigned newest_found = 0;

	(void)state;
	for (uint64_t i = 0; i < RECORDS; i++) {
		assert_false(dedupe_seen(d, hash_u64(&key, i), 100 * D + (int64_t)i));
	}
	dedupe_stat(d, &stat);
	assert_true(stat.evicted >= RECORDS - SLOTS);
	assert_true(stat.evicted < RECORDS - SLOTS + SLOTS / 20);
	for (uint64_t i = RECORDS - ENTRIES / 2; i < RECORDS; i++) {
		newest_found += dedupe_seen(d, hash_u64(&key, i), 100 * D + RECORDS);
	}
	assert_true(newest_found > ENTRIES / 2 * 95 / 100);
	dedupe_free(d);
}

/* Room of dead entries is used again, without counting them as evicted. */
static void test_dead_entries(void **state)
{
	enum { ENTRIES = 1000 };
	struct dedupe *d = dedupe_new(ENTRIES, DEDUPE_WINDOW_US, &key);
	struct dedupe_stat stat;

	(void)state;
	for (int64_t day = 0; day < 20; day++) {
		for (uint64_t i = 0; i < ENTRIES; i++) {
			uint64_t hash = hash_u64(&key, (uint64_t)day * ENTRIES + i);
			assert_false(dedupe_seen(d, hash, day * (D + 2 * H)));
		}
	}
	dedupe_stat(d, &stat);
	assert_int_equal(0, stat.evicted);
	dedupe_free(d);
}

static void test_smallest(void **state)
{
	struct dedupe *d = dedupe_new(0, DEDUPE_WINDOW_US, &key);

	(void)state;
	assert_false(dedupe_seen(d, UINT64_MAX, 0));
	assert_true(dedupe_seen(d, UINT64_MAX, 0));
	assert_true(dedupe_hash(d, SLICE_NONE) != 0);
	dedupe_free(d);
}

static int set_up(void **state)
{
	(void)state;
	hash_key_default(&key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),       cmocka_unit_test(test_against_a_list),
		cmocka_unit_test(test_full),       cmocka_unit_test(test_overfull),
		cmocka_unit_test(test_lines_fill), cmocka_unit_test(test_dead_entries),
		cmocka_unit_test(test_smallest),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
