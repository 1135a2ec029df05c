/* The block allocator against a plain list of what is handed out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/err.h"
#include "features/pool.h"

enum { BLOCKS_MAX = 4096 };

struct block {
	pool_ref ref;
	size_t size; /* as asked for */
	unsigned char mark;
};

struct plain {
	struct pool pool;
	struct block blocks[BLOCKS_MAX];
	size_t count;
	size_t used;
	uint64_t seed;
};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static size_t rounded(size_t size)
{
	size_t block = POOL_UNIT;

	while (block < size) {
		block *= 2;
	}
	return block;
}

static void check_apart(const struct plain *p, const struct block *b)
{
	size_t begin = (size_t)b->ref * POOL_UNIT, end = begin + rounded(b->size);

	assert_true(b->ref != 0 && end <= p->pool.size);
	assert_int_equal(begin % rounded(b->size), 0);
	for (size_t i = 0; i < p->count; i++) {
		size_t other = (size_t)p->blocks[i].ref * POOL_UNIT;
		assert_true(end <= other || other + rounded(p->blocks[i].size) <= begin);
	}
}

static bool take(struct plain *p, size_t size)
{
	struct block b = {pool_alloc(&p->pool, size), size, (unsigned char)draw(&p->seed, 256)};

	if (!b.ref) {
		return false;
	}
	check_apart(p, &b);
	assert_int_equal(pool_size(&p->pool, b.ref), rounded(size));
	memset(pool_at(&p->pool, b.ref), b.mark, rounded(size));
	p->used += rounded(size);
	p->blocks[p->count++] = b;
	return true;
}

static void give_back(struct plain *p, size_t i)
{
	struct block *b = &p->blocks[i];
	const unsigned char *bytes = pool_at(&p->pool, b->ref);

	for (size_t n = 0; n < rounded(b->size); n++) {
		assert_int_equal(bytes[n], b->mark);
	}
	p->used -= rounded(b->size);
	pool_release(&p->pool, b->ref);
	p->blocks[i] = p->blocks[--p->count];
}

/* The largest blocks a fresh pool of this size gives, in one sequence. */
static size_t largest_blocks(struct pool *p, pool_ref out[2 * POOL_ORDERS])
{
	size_t count = 0;

	for (size_t size = (size_t)POOL_UNIT << (POOL_ORDERS - 1); size >= POOL_UNIT; size /= 2) {
		pool_ref ref;
		while ((ref = pool_alloc(p, size)) != 0) {
			assert_true(count < 2 * POOL_ORDERS);
			out[count++] = ref;
		}
	}
	return count;
}

static void random_round(size_t pool_bytes, uint64_t seed)
{
	struct plain *p = calloc(1, sizeof(*p));
	pool_ref before[2 * POOL_ORDERS], after[2 * POOL_ORDERS];

	p->seed = seed;
	assert_int_equal(pool_init(&p->pool, pool_bytes), OK);
	size_t whole = largest_blocks(&p->pool, before);
	for (size_t i = 0; i < whole; i++) {
		pool_release(&p->pool, before[i]);
	}
	for (unsigned step = 0; step < 6000; step++) {
		bool grow = step / 1000 % 2 == 0;
		if (p->count < BLOCKS_MAX && draw(&p->seed, 10) < (grow ? 7U : 3U)) {
			size_t size = draw(&p->seed, 1U << draw(&p->seed, 13)) + 1;
			(void)take(p, size);
		} else if (p->count) {
			give_back(p, draw(&p->seed, (uint32_t)p->count));
		}
		assert_int_equal(p->pool.used, p->used);
	}
	while (p->count) {
		give_back(p, draw(&p->seed, (uint32_t)p->count));
	}
	assert_int_equal(p->pool.used, 0);
	/* All is one again: the same largest blocks at the same places. */
	assert_int_equal(largest_blocks(&p->pool, after), whole);
	for (size_t i = 0; i < whole; i++) {
		assert_int_equal(pool_size(&p->pool, before[i]), pool_size(&p->pool, after[i]));
	}
	pool_fini(&p->pool);
	free(p);
}

static void test_random(void **state)
{
	static const size_t sizes[] = {64 * 3, 4096, 65536, 100000, 1 << 20};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		random_round(sizes[i], i + 1);
	}
}

/* Every unit but the first can be handed out, and no more. */
static void test_exhaustion(void **state)
{
	(void)state;
	for (size_t units = 1; units < 70; units++) {
		struct pool p;
		size_t taken = 0;
		assert_int_equal(pool_init(&p, units * POOL_UNIT + 63), OK);
		assert_int_equal(p.size, units * POOL_UNIT);
		while (pool_alloc(&p, 1)) {
			taken++;
		}
		assert_int_equal(taken, units - 1);
		assert_int_equal(p.used, taken * POOL_UNIT);
		for (pool_ref ref = 1; ref < units; ref++) {
			pool_release(&p, ref);
		}
		assert_int_equal(p.used, 0);
		assert_int_equal(pool_alloc(&p, p.size * 2), 0);
		pool_release(&p, 0);
		pool_fini(&p);
	}
}

static void test_too_small(void **state)
{
	struct pool p;

	(void)state;
	assert_int_equal(pool_init(&p, POOL_UNIT - 1), E_NOMEM);
	assert_null(p.base);
}

/* The same calls give the same references: eviction is the same in every run. */
static void test_repeatable(void **state)
{
	struct pool p[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pool_init(&p[i], 1 << 20), OK);
	}
	uint64_t seed = 7;
	pool_ref last = 0;
	for (unsigned step = 0; step < 3000; step++) {
		size_t size = draw(&seed, 3000);
		pool_ref a = pool_alloc(&p[0], size), b = pool_alloc(&p[1], size);
		assert_int_equal(a, b);
		if (draw(&seed, 2)) {
			pool_release(&p[0], last);
			pool_release(&p[1], last);
			last = a;
		}
	}
	pool_fini(&p[0]);
	pool_fini(&p[1]);
}

/* Address space is reserved, not touched: all shards of 4 GiB are there at once. */
static void test_large_is_cheap(void **state)
{
	enum { SHARDS = 256 };
	static struct pool pools[SHARDS];
	struct timespec begin, end;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (unsigned i = 0; i < SHARDS; i++) {
		assert_int_equal(pool_init(&pools[i], ((size_t)4 << 30) / SHARDS), OK);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	double ms = (double)(end.tv_sec - begin.tv_sec) * 1e3 +
	            (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
	print_message("256 pools of 16 MiB: %.1f ms\n", ms);
	for (unsigned i = 0; i < SHARDS; i++) {
		pool_fini(&pools[i]);
	}
	assert_true(ms < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),         cmocka_unit_test(test_exhaustion),
		cmocka_unit_test(test_too_small),      cmocka_unit_test(test_repeatable),
		cmocka_unit_test(test_large_is_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
