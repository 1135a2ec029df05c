/* What the dialog table is made of, each beside the obvious slow thing: slots, queues, the index
 * and the chains of texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "calls/index.h"
#include "calls/slab.h"
#include "calls/texts.h"
#include "core/err.h"

enum { MAX = 97, STEPS = 20000 };

static void test_slab(void **state)
{
	struct slab s;
	uint32_t taken[MAX];
	bool used[MAX] = {false};
	uint32_t count = 0;

	(void)state;
	srand(1);
	assert_int_equal(OK, slab_init(&s, 16, MAX));
	for (int i = 0; i < STEPS; i++) {
		if (rand() % 2) {
			uint32_t slot = slab_take(&s);
			assert_true((slot == SLAB_NONE) == (count == MAX));
			if (slot != SLAB_NONE) {
				assert_true(slot < MAX && !used[slot]);
				used[slot] = true;
				taken[count++] = slot;
			}
		} else if (count > 0) {
			uint32_t pick = (uint32_t)rand() % count;
			used[taken[pick]] = false;
			slab_give(&s, taken[pick]);
			taken[pick] = taken[--count];
		}
		assert_int_equal(MAX - count, s.free);
	}
	slab_fini(&s);
}

static void test_queue(void **state)
{
	struct slab s;
	struct queue q;
	uint32_t list[MAX];
	uint32_t count = 0;

	(void)state;
	srand(2);
	assert_int_equal(OK, slab_init(&s, sizeof(struct queue_link), MAX));
	queue_init(&q, &s, 10);
	assert_int_equal(INT64_MAX, queue_due(&q));
	for (int64_t now = 0; now < STEPS; now++) {
		if (rand() % 2 && count < MAX) {
			list[count] = slab_take(&s);
			queue_push(&q, list[count++], now);
		} else if (count > 0) {
			uint32_t pick = (uint32_t)rand() % count;
			queue_remove(&q, list[pick]);
			slab_give(&s, list[pick]);
			memmove(list + pick, list + pick + 1, (--count - pick) * sizeof(list[0]));
		}
		assert_int_equal(count, q.count);
		assert_int_equal(count ? list[0] : SLAB_NONE, q.head);
		assert_int_equal(count ? list[count - 1] : SLAB_NONE, q.tail);
		if (count > 0) {
			const struct queue_link *head = slab_at(&s, list[0]);
			assert_int_equal(head->since_us + 10, queue_due(&q));
		}
	}
	slab_fini(&s);
}

/* Tags from so few that chains grow long, and around the end of the cells. */
static uint32_t random_tag(void)
{
	return (uint32_t)(rand() % 12) + (rand() % 2 ? 250 : 0) + ((uint32_t)(rand() % 3) << 20);
}

static void check_index(const struct index *ix, const uint32_t *tags, const bool *in)
{
	for (uint32_t slot = 0; slot < MAX; slot++) {
		struct index_walk walk = index_walk(ix, tags[slot]);
		unsigned found = 0;
		for (uint32_t at; (at = index_next(&walk)) != SLAB_NONE;) {
			assert_true(in[at] && tags[at] == tags[slot]);
			found += at == slot;
		}
		assert_int_equal(in[slot], found);
	}
}

static void test_index(void **state)
{
	struct index ix;
	uint32_t tags[MAX] = {0};
	bool in[MAX] = {false};

	(void)state;
	srand(3);
	assert_int_equal(OK, index_init(&ix, MAX));
	assert_int_equal(255, ix.mask);
	for (int i = 0; i < STEPS / 4; i++) {
		uint32_t slot = (uint32_t)rand() % MAX;
		if (in[slot]) {
			index_remove(&ix, tags[slot], slot);
		} else {
			tags[slot] = random_tag();
			index_add(&ix, tags[slot], slot);
		}
		in[slot] = !in[slot];
		check_index(&ix, tags, in);
	}
	index_fini(&ix);
}

/* A list of random texts: missing, empty, equal to the one before, up to and beyond the bounds. */
static size_t random_texts(char *bytes, struct slice *list)
{
	static const size_t lens[] = {0, 1, 13, 123, 124, 125, 512, 513, 1024, 1025};
	size_t count = 1 + (size_t)rand() % TEXTS_MAX;

	for (size_t i = 0; i < count; i++) {
		size_t len = lens[rand() % (rand() % 4 ? 4 : 10)];
		if (rand() % 4 == 0) {
			list[i] = SLICE_NONE;
		} else if (i > 0 && rand() % 3 == 0) {
			list[i] = list[i - 1];
		} else {
			for (size_t k = 0; k < len; k++) {
				bytes[k] = (char)rand();
			}
			list[i] = (struct slice){bytes, len};
			bytes += len;
		}
	}
	return count;
}

static void check_texts(const struct slab *chunks, uint32_t first, const struct slice *want,
                        size_t count)
{
	static char buffer[TEXTS_BUFFER];
	struct slice got[TEXTS_MAX];

	texts_get(chunks, first, buffer, got, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(want[i].p != NULL, got[i].p != NULL);
		assert_true(slice_eq(want[i], got[i]));
	}
}

static void test_texts(void **state)
{
	enum { LISTS = 40 };
	static char bytes[LISTS][TEXTS_MAX * 1025];
	static struct slice list[LISTS][TEXTS_MAX];
	size_t counts[LISTS] = {0};
	uint32_t first[LISTS];
	struct slab chunks;

	(void)state;
	srand(4);
	assert_int_equal(OK, slab_init(&chunks, TEXTS_CHUNK, LISTS * TEXTS_CHUNKS_MAX));
	for (int i = 0; i < STEPS / 10; i++) {
		int at = rand() % LISTS;
		if (counts[at]) {
			check_texts(&chunks, first[at], list[at], counts[at]);
			texts_drop(&chunks, first[at]);
		}
		counts[at] = random_texts(bytes[at], list[at]);
		size_t too_long = 0;
		for (size_t k = 0; k < counts[at]; k++) {
			too_long += list[at][k].len > (k == 0 ? 1024 : 512);
		}
		assert_int_equal(too_long, texts_cut(list[at], counts[at]));
		for (size_t k = 0; k < counts[at]; k++) {
			assert_true(list[at][k].len <= (k == 0 ? 1024 : 512));
		}
		uint32_t need = texts_chunks(list[at], counts[at]);
		uint32_t before = chunks.free;
		first[at] = texts_put(&chunks, list[at], counts[at]);
		assert_int_equal(before - need, chunks.free);
		assert_true(need <= TEXTS_CHUNKS_MAX);
	}
	for (int at = 0; at < LISTS; at++) {
		if (counts[at]) {
			check_texts(&chunks, first[at], list[at], counts[at]);
			texts_drop(&chunks, first[at]);
		}
	}
	assert_int_equal(chunks.max, chunks.free);
	slab_fini(&chunks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slab),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
