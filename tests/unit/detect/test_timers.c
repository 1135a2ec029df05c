/* Timers come out by time, group and key, whatever order they went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "detect/timers.h"

enum { TIMERS = 2000 };

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *state >> 33;
}

static int cmp(const void *a, const void *b)
{
	const struct timer *x = a, *y = b;

	if (x->due_us != y->due_us) {
		return x->due_us < y->due_us ? -1 : 1;
	}
	if (x->group != y->group) {
		return x->group < y->group ? -1 : 1;
	}
	return (x->key.hi > y->key.hi) - (x->key.hi < y->key.hi);
}

static void test_order(void **state)
{
	static struct timer plain[TIMERS];
	struct timers t = {0};
	struct timer out;
	uint64_t random = 7;

	(void)state;
	for (unsigned i = 0; i < TIMERS; i++) {
		plain[i] = (struct timer){.due_us = (int64_t)(next_random(&random) % 500),
		                          .group = (uint32_t)(next_random(&random) % 3),
		                          .key = {.hi = i}};
		assert_true(timers_add(&t, &plain[i]));
	}
	qsort(plain, TIMERS, sizeof(plain[0]), cmp);
	unsigned n = 0;
	/* In two goes: what is due at the limit stays for the second. */
	for (int64_t limit = 250; n < TIMERS; limit = INT64_MAX) {
		while (timers_take(&t, limit, &out)) {
			assert_int_equal(cmp(&out, &plain[n]), 0);
			assert_true(out.due_us < limit);
			n++;
		}
		assert_true(n == TIMERS || plain[n].due_us >= limit);
	}
	assert_false(timers_take(&t, INT64_MAX, &out));
	timers_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
