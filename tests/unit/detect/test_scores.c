/* Scores decay, one contribution a rule and key, bounded; beside a plain list of contributions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "detect/scores.h"

#define SECOND INT64_C(1000000)

static const struct hash_key key;

static struct score_gift gift(uint64_t entity, uint32_t rule, uint64_t of, int64_t at,
                              double points)
{
	return (struct score_gift){.entity = scores_entity(&key, "number", entity),
	                           .rule = rule,
	                           .key = {.lo = of},
	                           .time_us = at * SECOND,
	                           .points = points,
	                           .half_life_us = 100 * SECOND};
}

static void test_decay(void **state)
{
	struct scores *s = scores_new();
	struct score_gift first = gift(1, 1, 1, 0, 8), again = gift(1, 1, 1, 100, 8);
	struct score_gift other = gift(1, 2, 1, 100, 4);
	unsigned rules = 9;

	(void)state;
	assert_true(scores_value(s, first.entity, 0, &rules) == 0);
	assert_int_equal(rules, 0);
	assert_true(scores_give(s, &first));
	assert_true(fabs(scores_value(s, first.entity, 100 * SECOND, &rules) - 4) < 1e-9);
	assert_true(scores_give(s, &again)); /* takes the place of the first */
	assert_true(scores_give(s, &other));
	assert_true(fabs(scores_value(s, first.entity, 200 * SECOND, &rules) - 6) < 1e-9);
	assert_int_equal(rules, 2);
	/* Ten half lives are the end. */
	assert_true(scores_value(s, first.entity, 1100 * SECOND, &rules) > 0);
	assert_true(scores_value(s, first.entity, 1101 * SECOND, &rules) == 0);
	assert_int_equal(rules, 0);
	/* Another type is another entity. */
	struct hash128 trunk = scores_entity(&key, "trunk", 1);
	assert_true(scores_value(s, trunk, 100 * SECOND, NULL) == 0);
	scores_free(s);
}

static void test_per(void **state)
{
	struct scores *s = scores_new();
	struct score_gift g = gift(1, 1, 1, 0, 8), within = gift(1, 1, 1, 59, 8);
	struct score_gift behind = gift(1, 1, 1, 60, 8), of_other = gift(1, 1, 2, 59, 8);

	(void)state;
	g.per_us = within.per_us = behind.per_us = of_other.per_us = 60 * SECOND;
	assert_true(scores_give(s, &g));
	assert_false(scores_give(s, &within));
	assert_true(scores_give(s, &of_other));
	assert_true(scores_give(s, &behind));
	scores_free(s);
}

static void test_bounded(void **state)
{
	struct scores *s = scores_new();
	uint64_t all = SCORES_MAX + SCORES_MAX / 4;

	(void)state;
	for (uint64_t i = 0; i < all; i++) {
		struct score_gift g = gift(i, 1, 1, (int64_t)(i / 100000), 8);
		assert_true(scores_give(s, &g));
	}
	assert_true(scores_evicted(s) > 0);
	/* The newest are there, the oldest went. */
	assert_true(scores_value(s, scores_entity(&key, "number", all - 1), 13 * SECOND, NULL) > 0);
	assert_true(scores_value(s, scores_entity(&key, "number", 0), 13 * SECOND, NULL) == 0);
	/* One entity keeps its newest contributions. */
	for (uint32_t rule = 0; rule < SCORE_GIVERS_MAX + 10; rule++) {
		struct score_gift g = gift(5, rule, 1, 20, 1);
		assert_true(scores_give(s, &g));
	}
	unsigned rules;
	(void)scores_value(s, scores_entity(&key, "number", 5), 20 * SECOND, &rules);
	assert_int_equal(rules, SCORE_GIVERS_MAX);
	scores_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_decay), cmocka_unit_test(test_per),
	                                   cmocka_unit_test(test_bounded)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
