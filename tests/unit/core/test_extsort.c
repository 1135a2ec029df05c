/* extsort.h against a sorted list: the same pushes, watermarks and pops give the same records,
 * whatever memory_max.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/err.h"
#include "core/extsort.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { LEN_MAX = 1024 * 1024 - 1 };

static uint64_t seed;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* A record tells its number; the rest of it follows from that. */
struct record {
	int64_t key;
	uint32_t number;
	size_t len;
};

static char scratch[LEN_MAX];

static const char *record_bytes(const struct record *r)
{
	memset(scratch, (int)(r->number % 251), r->len);
	memcpy(scratch, &r->number, r->len < sizeof(r->number) ? r->len : sizeof(r->number));
	return scratch;
}

static void push(struct extsort *s, const struct record *r)
{
	/* From a block of exactly its length, so that a sanitizer sees the first byte beyond. */
	char *copy = malloc(r->len ? r->len : 1);

	assert_non_null(copy);
	memcpy(copy, record_bytes(r), r->len);
	assert_int_equal(extsort_push(s, r->key, copy, r->len), OK);
	free(copy);
}

static void check_pop(struct extsort *s, const struct record *want)
{
	int64_t key;
	struct slice bytes;

	assert_int_equal(extsort_pop(s, &key, &bytes), 1);
	if (key != want->key || bytes.len != want->len ||
	    memcmp(bytes.p, record_bytes(want), want->len) != 0) {
		fail_msg("record %u", want->number);
	}
}

static void check_empty(struct extsort *s)
{
	int64_t key;
	struct slice bytes;

	assert_int_equal(extsort_pop(s, &key, &bytes), 0);
}

/* The oracle: records in the order in which they go out. */
struct list {
	struct record *at;
	size_t first;
	size_t end;
};

static void list_insert(struct list *l, struct record r)
{
	size_t i = l->end++;

	for (; i > l->first && l->at[i - 1].key > r.key; i--) {
		l->at[i] = l->at[i - 1];
	}
	l->at[i] = r;
}

enum order { IN_ORDER, STRAGGLERS, JITTER, SHUFFLED, BACKWARDS, EQUAL, OUTLIERS, EXTREMES, ORDERS };

static int64_t make_key(enum order order, uint32_t i)
{
	int64_t base = (int64_t)i * 100;

	switch (order) {
	case STRAGGLERS:
		return next_random() % 50 == 0 ? base - (int64_t)(next_random() % 20000) : base;
	case JITTER: return base - (int64_t)(next_random() % 5000);
	case SHUFFLED: return (int64_t)next_random();
	case BACKWARDS: return -base;
	case EQUAL: return (int64_t)(next_random() % 5);
	case OUTLIERS: return next_random() % 300 == 0 ? INT64_C(1) << 50 : base;
	case EXTREMES: return next_random() % 2 ? INT64_MAX : INT64_MIN;
	default: return base;
	}
}

static size_t make_len(void)
{
	uint64_t draw = next_random() % 2000;

	if (draw == 0) {
		return LEN_MAX - next_random() % 3;
	}
	if (draw < 5) {
		return 200000 + next_random() % 100000;
	}
	return next_random() % (draw < 100 ? 6000 : 60);
}

static void check_script(enum order order, size_t memory_max, uint32_t count, bool streaming)
{
	struct list l = {malloc(count * sizeof(struct record)), 0, 0};
	struct extsort *s;
	int64_t watermark = INT64_MIN;

	seed = 88172645463325252U + order;
	assert_non_null(l.at);
	assert_int_equal(extsort_new(&(struct extsort_options){memory_max, "/tmp"}, &s), OK);
	for (uint32_t i = 0; i < count; i++) {
		struct record r = {make_key(order, i), i, make_len()};
		list_insert(&l, r);
		push(s, &r);
		if (streaming && next_random() % 20 == 0) {
			/* Now and then a watermark that is no news. */
			int64_t key = make_key(order, i);
			key -= key > INT64_MIN + 8000 ? (int64_t)(next_random() % 8000) : 0;
			extsort_watermark(s, key);
			watermark = key > watermark ? key : watermark;
		}
		/* Not always all that are due. */
		for (size_t pops = next_random() % 60; pops > 0; pops--) {
			if (l.first == l.end || l.at[l.first].key >= watermark) {
				check_empty(s);
				break;
			}
			check_pop(s, &l.at[l.first++]);
		}
		assert_int_equal(extsort_held(s), l.end - l.first);
	}
	extsort_finish(s);
	while (l.first < l.end) {
		check_pop(s, &l.at[l.first++]);
		assert_int_equal(extsort_held(s), l.end - l.first);
	}
	check_empty(s);
	extsort_free(s);
	free(l.at);
}

static const size_t memory_sizes[] = {1, 1000, 20000, 300000, 0};

static void check_scripts(bool streaming)
{
	for (int order = 0; order < ORDERS; order++) {
		for (size_t i = 0; i < COUNT(memory_sizes); i++) {
			check_script((enum order)order, memory_sizes[i], 1500, streaming);
		}
	}
}

static void test_streaming(void **state)
{
	(void)state;
	check_scripts(true);
}

static void test_at_once(void **state)
{
	(void)state;
	check_scripts(false);
}

static int compare_records(const void *a, const void *b)
{
	const struct record *x = a;
	const struct record *y = b;

	if (x->key != y->key) {
		return x->key < y->key ? -1 : 1;
	}
	return (x->number > y->number) - (x->number < y->number);
}

/* Enough for strays beyond their array, merges of runs, and three levels of runs in the file. */
static void check_many(enum order order, size_t memory_max, uint32_t count)
{
	struct record *records = malloc(count * sizeof(*records));
	struct extsort *s;

	seed = 88172645463325252U + order;
	assert_non_null(records);
	assert_int_equal(extsort_new(&(struct extsort_options){memory_max, "/tmp"}, &s), OK);
	for (uint32_t i = 0; i < count; i++) {
		records[i] = (struct record){make_key(order, i), i, next_random() % 40};
		assert_int_equal(
			extsort_push(s, records[i].key, record_bytes(&records[i]), records[i].len),
			OK);
	}
	qsort(records, count, sizeof(*records), compare_records);
	extsort_finish(s);
	for (uint32_t i = 0; i < count; i++) {
		check_pop(s, &records[i]);
	}
	check_empty(s);
	extsort_free(s);
	free(records);
}

static void test_many(void **state)
{
	(void)state;
	for (int order = 0; order < ORDERS; order++) {
		check_many((enum order)order, 0, 200000);
	}
	check_many(SHUFFLED, 600, 40000);
	check_many(STRAGGLERS, 600, 40000);
	check_many(SHUFFLED, 100000, 200000);
}

static void test_watermark(void **state)
{
	static const int64_t keys[] = {30, 10, 20, 40};
	static const struct record late = {5, 9, 4};
	struct extsort *s;

	(void)state;
	assert_int_equal(extsort_new(&(struct extsort_options){0}, &s), OK);
	check_empty(s);
	for (uint32_t i = 0; i < COUNT(keys); i++) {
		push(s, &(struct record){keys[i], i, 8});
	}
	check_empty(s);
	extsort_watermark(s, INT64_MIN);
	check_empty(s);
	extsort_watermark(s, 10);
	check_empty(s); /* not below */
	extsort_watermark(s, 21);
	check_pop(s, &(struct record){10, 1, 8});
	push(s, &late);
	check_pop(s, &late); /* before what is due already */
	check_pop(s, &(struct record){20, 2, 8});
	check_empty(s);
	extsort_watermark(s, 5); /* never falls */
	push(s, &late);
	check_pop(s, &late);
	check_empty(s);
	extsort_finish(s);
	check_pop(s, &(struct record){30, 0, 8});
	check_pop(s, &(struct record){40, 3, 8});
	check_empty(s);
	extsort_free(s);
	extsort_free(NULL);
}

/* After a refusal everything else is still there, in order. */
static void drain(struct extsort *s, uint32_t count)
{
	extsort_finish(s);
	assert_int_equal(extsort_held(s), count);
	for (uint32_t i = count; i > 0; i--) {
		check_pop(s, &(struct record){-(int64_t)(i - 1), i - 1, 100});
	}
	check_empty(s);
	extsort_free(s);
}

/* How many records of 100 bytes go in, backwards, before one is refused with err. */
static uint32_t fill(struct extsort *s, int err)
{
	for (uint32_t i = 0; i < 100000; i++) {
		struct record r = {-(int64_t)i, i, 100};
		int got = extsort_push(s, r.key, record_bytes(&r), r.len);
		if (got) {
			assert_int_equal(got, err);
			assert_int_equal(extsort_push(s, r.key, record_bytes(&r), r.len), err);
			return i;
		}
	}
	fail_msg("never refused");
	return 0;
}

static void test_refusals(void **state)
{
	struct extsort *s;

	(void)state;
	assert_int_equal(extsort_new(&(struct extsort_options){10000, NULL}, &s), OK);
	assert_int_equal(extsort_push(s, 0, scratch, LEN_MAX + 1), E_RANGE);
	uint32_t count = fill(s, E_FULL);
	assert_in_range(count, 80, 100);
	drain(s, count);

	assert_int_equal(extsort_new(&(struct extsort_options){10000, "/no/such/folder"}, &s), OK);
	drain(s, fill(s, E_IO));
}

/* A disk that is full while a run is written, then while runs are merged. */
static void check_full_disk(rlim_t size_max)
{
	struct rlimit before;
	struct extsort *s;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	struct rlimit small = {size_max, before.rlim_max};
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(extsort_new(&(struct extsort_options){10000, "/tmp"}, &s), OK);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	uint32_t count = fill(s, E_IO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, handler);
	assert_true(count > 80);
	drain(s, count);
}

static void test_full_disk(void **state)
{
	(void)state;
	check_full_disk(5000);
	check_full_disk(25000);
	check_full_disk(400000); /* 32 runs fit, not these and their merge */
}

/* The file has no name. */
static void test_file(void **state)
{
	char folder[] = "/tmp/test-extsort-XXXXXX";
	struct extsort *s;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(extsort_new(&(struct extsort_options){10000, folder}, &s), OK);
	for (uint32_t i = 0; i < 1000; i++) {
		push(s, &(struct record){-(int64_t)i, i, 100});
	}
	assert_int_equal(rmdir(folder), 0);
	drain(s, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watermark), cmocka_unit_test(test_streaming),
		cmocka_unit_test(test_at_once),   cmocka_unit_test(test_many),
		cmocka_unit_test(test_refusals),  cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
