/* What new() remembers, beside a plain array of times; and that it stays bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/seen.h"

enum { VALUES = 5000, STEPS = 100000, HISTORY = 3000 };

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *state >> 33;
}

static void test_random(void **state)
{
	static int64_t last[VALUES]; /* 0: never */
	struct seen s = {0};
	uint64_t random = 5;

	(void)state;
	for (int64_t time = 1; time < STEPS; time++) {
		unsigned value = (unsigned)(next_random(&random) % VALUES);
		struct hash128 id = {.lo = (value + 1) * UINT64_C(0x9e3779b97f4a7c15), .hi = value};
		int64_t got = seen_note(&s, id, time, HISTORY, false);
		bool known = last[value] && time - last[value] <= HISTORY;
		assert_int_equal(got, known ? last[value] : INT64_MIN);
		last[value] = time;
	}
	assert_int_equal(s.evicted, 0); /* they ran out, nobody was sent away */
	seen_fini(&s);
}

static void test_first(void **state)
{
	struct hash128 id = {.lo = 1};
	struct seen s = {0};

	(void)state;
	assert_int_equal(seen_note(&s, id, 10, 100, true), INT64_MIN);
	assert_int_equal(seen_note(&s, id, 60, 100, true), 10);
	assert_int_equal(seen_note(&s, id, 150, 100, true), 10); /* each time keeps it */
	assert_int_equal(seen_note(&s, id, 300, 100, true), INT64_MIN);
	assert_int_equal(seen_note(&s, id, 310, 100, true), 300);
	seen_fini(&s);
}

static void test_bounded(void **state)
{
	struct seen s = {0};

	(void)state;
	for (uint64_t i = 1; i < 3 * (uint64_t)SEEN_MAX; i++) {
		struct hash128 id = {.lo = i * UINT64_C(0x9e3779b97f4a7c15), .hi = i};
		(void)seen_note(&s, id, (int64_t)i, INT64_C(1) << 40, false);
	}
	assert_true(s.count <= SEEN_MAX);
	assert_true(s.evicted > 0);
	seen_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random),
	                                   cmocka_unit_test(test_first),
	                                   cmocka_unit_test(test_bounded)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
