/* Lists that change: random adding, removing and asking beside a plain array; the bound; a seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "detect/dynamic_list.h"

enum { VALUES = 200, STEPS = 20000, MAX = 50 };

static const struct hash_key key;

/* until of each value; 0: not there. order: when it was added. */
struct plain {
	int64_t until[VALUES];
	unsigned order[VALUES];
	unsigned added;
};

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *state >> 33;
}

static void plain_add(struct plain *p, unsigned value, int64_t until)
{
	unsigned there = 0, oldest = VALUES;

	p->until[value] = 0;
	for (unsigned i = 0; i < VALUES; i++) {
		if (p->until[i]) {
			there++;
			oldest = oldest == VALUES || p->order[i] < p->order[oldest] ? i : oldest;
		}
	}
	if (there == MAX) {
		p->until[oldest] = 0;
	}
	p->until[value] = until;
	p->order[value] = ++p->added;
}

static struct list_key key_of(unsigned value)
{
	return (struct list_key){.num = 1000 + value};
}

static bool has(const struct dynamic_list *d, unsigned value)
{
	const struct list *view = dynamic_list_view(d);
	struct list_key asked = key_of(value);

	return view->count > 0 && view->find(view, &asked) >= 0;
}

/* Entries that have run out count against the bound until the ring is swept, so until they never do
 * here: time is moved on in a test of its own.
 */
static void test_random(void **state)
{
	struct dynamic_list *d = dynamic_list_new(LIST_NUM, SLICE_LIT("x"), MAX, NULL, &key);
	struct plain p = {.added = 0};
	uint64_t random = 3;

	(void)state;
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned value = (unsigned)(next_random(&random) % VALUES);
		struct list_key k = key_of(value);
		if (next_random(&random) % 4) {
			assert_true(dynamic_list_add(d, &k, SLICE_LIT("text"), INT64_MAX));
			plain_add(&p, value, INT64_MAX);
		} else {
			assert_int_equal(dynamic_list_remove(d, &k), p.until[value] != 0);
			p.until[value] = 0;
		}
		value = (unsigned)(next_random(&random) % VALUES);
		assert_int_equal(has(d, value), p.until[value] != 0);
	}
	assert_true(dynamic_list_evicted(d) > 0);
	dynamic_list_free(d);
}

static void test_time(void **state)
{
	struct dynamic_list *d = dynamic_list_new(LIST_TEXT, SLICE_LIT("x"), 0, NULL, &key);
	struct list_key k = {.text = SLICE_LIT("trunk-1")};
	const struct list *view = dynamic_list_view(d);
	struct dynamic_entry entry;
	size_t cursor = 0;

	(void)state;
	assert_true(dynamic_list_add(d, &k, k.text, 100));
	dynamic_list_at(d, 99);
	assert_true(view->find(view, &k) >= 0);
	assert_true(dynamic_list_next(d, &cursor, &entry));
	assert_true(slice_eq(entry.text, SLICE_LIT("trunk-1")));
	assert_false(dynamic_list_next(d, &cursor, &entry));
	dynamic_list_at(d, 100);
	assert_true(view->find(view, &k) < 0);
	cursor = 0;
	assert_false(dynamic_list_next(d, &cursor, &entry));
	assert_true(dynamic_list_add(d, &k, k.text, 200)); /* begins anew */
	assert_true(view->find(view, &k) >= 0);
	dynamic_list_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random),
	                                   cmocka_unit_test(test_time)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
