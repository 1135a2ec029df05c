#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "sinks/hold.h"

/* A sink that remembers what came. */
struct list {
	struct sink sink;
	char texts[4096][64];
	size_t count;
};

static bool list_push(struct sink *sink, const struct alert *a)
{
	struct list *l = (struct list *)sink;

	(void)snprintf(l->texts[l->count++], sizeof(l->texts[0]), "%llu %.*s %.*s %s %.*s",
	               (unsigned long long)a->seq, SLICE_FMT(a->id), SLICE_FMT(a->rule),
	               a->severity, SLICE_FMT(a->json));
	return true;
}

static const struct sink_ops list_ops = {.name = "list", .push = list_push};
static struct list first = {.sink = {&list_ops}}, second = {.sink = {&list_ops}};

static struct sink *opened(void)
{
	struct sink *to[] = {&first.sink, &second.sink};
	struct sink *hold = sink_hold_open(to, 2);

	assert_non_null(hold);
	first.count = second.count = 0;
	return hold;
}

/* Texts of changing lengths, in memory that is gone after the push. */
static bool push(struct sink *hold, unsigned n)
{
	char id[16], json[40];
	int id_len = snprintf(id, sizeof(id), "id%u", n);
	int json_len = snprintf(json, sizeof(json), "{%0*u}", (int)(1 + n % 23), n);
	const struct alert a = {.seq = n,
	                        .id = {id, (size_t)id_len},
	                        .rule = SLICE_LIT("pack/rule"),
	                        .severity = "high",
	                        .json = {json, (size_t)json_len}};
	bool taken = hold->ops->push(hold, &a);

	memset(id, 'x', sizeof(id));
	memset(json, 'x', sizeof(json));
	return taken;
}

static void assert_passed(const struct list *l, size_t count)
{
	char expected[64];

	assert_int_equal(l->count, count);
	for (unsigned n = 0; n < count; n++) {
		(void)snprintf(expected, sizeof(expected), "%u id%u pack/rule high {%0*u}", n, n,
		               (int)(1 + n % 23), n);
		assert_string_equal(l->texts[n], expected);
	}
}

static void nothing_before_its_release(void **state)
{
	(void)state;
	struct sink *hold = opened();
	struct sink_stats stats;

	assert_true(push(hold, 0) && push(hold, 1));
	uint64_t mark = sink_hold_mark(hold);
	assert_true(push(hold, 2));
	assert_passed(&first, 0);
	assert_false(hold->ops->drain(hold, 0));
	sink_hold_release(hold, mark);
	assert_passed(&first, 2);
	assert_passed(&second, 2);
	sink_hold_release(hold, mark);
	assert_passed(&first, 2);
	hold->ops->stats(hold, &stats);
	assert_true(stats.written == 2 && stats.waiting == 1 && stats.refused == 0);
	hold->ops->close(hold);
	assert_passed(&first, 2);
}

static void any_mix_keeps_the_order(void **state)
{
	(void)state;
	struct sink *hold = opened();
	unsigned pushed = 0;
	uint64_t mark = 0;

	srand(7);
	while (pushed < 4000) {
		switch (rand() % 4) {
		case 0: mark = sink_hold_mark(hold); break;
		case 1:
			sink_hold_release(hold, mark);
			assert_int_equal(first.count, mark);
			break;
		default: assert_true(push(hold, pushed++)); break;
		}
	}
	sink_hold_release(hold, UINT64_MAX);
	assert_passed(&first, pushed);
	assert_passed(&second, pushed);
	assert_true(hold->ops->drain(hold, 0));
	hold->ops->close(hold);
}

static void refuses_beyond_its_bound(void **state)
{
	(void)state;
	struct sink *hold = opened();
	char *json = calloc(1, 1 << 20);
	struct sink_stats stats;
	unsigned taken = 0;

	assert_non_null(json);
	const struct alert a = {.json = {json, 1 << 20}};
	for (int i = 0; i < 100; i++) {
		taken += hold->ops->push(hold, &a);
	}
	hold->ops->stats(hold, &stats);
	assert_int_equal(taken, 63);
	assert_int_equal(stats.refused, 37);
	hold->ops->close(hold);
	free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_before_its_release),
		cmocka_unit_test(any_mix_keeps_the_order),
		cmocka_unit_test(refuses_beyond_its_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
