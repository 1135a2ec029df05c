/* How often each value occurs, against a plain list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "core/err.h"
#include "features/counter.h"

enum { VALUES = 700 };

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

struct fixture {
	struct pool pool;
	struct hash_key key;
	struct counter counter;
	uint64_t plain[VALUES]; /* by value */
};

static void open_fixture(struct fixture *f, size_t pool)
{
	memset(f, 0, sizeof(*f));
	hash_key_default(&f->key);
	assert_int_equal(pool_init(&f->pool, pool), OK);
}

static void close_fixture(struct fixture *f)
{
	counter_clear(&f->counter, &f->pool);
	assert_int_equal(f->counter.used, 0);
	assert_int_equal(f->pool.used, 0);
	pool_fini(&f->pool);
}

static void check(const struct fixture *f)
{
	uint32_t different = 0, occupied = 0;

	for (uint32_t v = 0; v < VALUES; v++) {
		different += f->plain[v] > 0;
	}
	assert_int_equal(f->counter.used, different);
	for (uint32_t i = 0; i < f->counter.cap; i++) {
		const struct counter_cell *c = &counter_cells(&f->counter, &f->pool)[i];
		if (c->count) {
			occupied++;
			assert_true(c->value < VALUES);
			assert_int_equal(c->count, f->plain[c->value]);
		}
	}
	assert_int_equal(occupied, different);
}

static bool add(struct fixture *f, uint64_t value)
{
	struct counter_cell *c = counter_at(&f->counter, &f->pool, &f->key, value);

	if (!c) {
		return false;
	}
	assert_int_equal(c->count, f->plain[value]);
	assert_int_equal(c->value, value);
	c->count++;
	f->plain[value]++;
	return true;
}

static void remove_one(struct fixture *f, uint64_t value)
{
	if (f->plain[value] == 0) {
		return;
	}
	struct counter_cell *c = counter_at(&f->counter, &f->pool, &f->key, value);
	assert_non_null(c);
	assert_int_equal(c->count, f->plain[value]);
	if (--f->plain[value] == 0) {
		counter_remove(&f->counter, &f->pool, &f->key, c);
	} else {
		c->count--;
	}
}

static void test_random(void **state)
{
	struct fixture f;
	uint64_t seed = 1;

	(void)state;
	open_fixture(&f, 1 << 20);
	for (unsigned step = 0; step < 60000; step++) {
		uint32_t value = draw(&seed, VALUES);
		unsigned chance = step / 10000 % 2 ? 30 : 70;
		if (draw(&seed, 100) < chance) {
			assert_true(add(&f, value));
		} else {
			remove_one(&f, value);
		}
		if (step % 100 == 0) {
			check(&f);
		}
	}
	check(&f);
	close_fixture(&f);
}

/* Memory follows the values down again. */
static void test_shrinks(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, 1 << 20);
	for (uint64_t v = 0; v < VALUES; v++) {
		assert_true(add(&f, v));
	}
	size_t most = f.pool.used;
	for (uint64_t v = 4; v < VALUES; v++) {
		remove_one(&f, v);
	}
	check(&f);
	assert_true(f.pool.used * 8 < most);
	close_fixture(&f);
}

/* A full pool refuses a new value and changes nothing; values that are there still count. */
static void test_full(void **state)
{
	struct fixture f;
	uint64_t refused = 0;

	(void)state;
	open_fixture(&f, 4096 + 2048);
	while (add(&f, refused)) {
		refused++;
		assert_true(refused < VALUES);
	}
	assert_true(refused > 16);
	check(&f);
	assert_false(add(&f, refused));
	assert_true(add(&f, refused - 1));
	check(&f);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_shrinks),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
