#include "enrich/number_map.h"

#include <string.h>

#include "core/err.h"

/* A kind of its own, so that a prefix equals no number. */
enum { KIND_PREFIX = 15, STRIDE_MAX = 64 };

static number prefix_key(unsigned count, uint64_t digits)
{
	return number_pack((enum number_kind)KIND_PREFIX, count, digits);
}

number number_map_prefix(struct slice digits)
{
	number n = number_of_digits(NUMBER_E164, digits);

	return n ? prefix_key(number_digit_count(n), number_digits(n)) : 0;
}

static number key_of(const char *row)
{
	number n;

	memcpy(&n, row, sizeof(n));
	return n;
}

static char *row_at(const struct number_map *m, size_t i)
{
	return m->rows.p + i * m->stride;
}

static size_t bucket_of(const struct number_map *m, number n)
{
	return m->bits ? hash_u64(&m->key, n) >> (64 - m->bits) : 0;
}

static uint32_t *firsts(const struct number_map *m)
{
	return (uint32_t *)(void *)m->first.p;
}

static void row_swap(struct number_map *m, size_t a, size_t b)
{
	char kept[STRIDE_MAX];

	memcpy(kept, row_at(m, a), m->stride);
	memcpy(row_at(m, a), row_at(m, b), m->stride);
	memcpy(row_at(m, b), kept, m->stride);
}

/* American flag sort (McIlroy, Bostic, McIlroy 1993): first[] counts, then every row goes to its
 * bucket in place. next[b] is where bucket b grows.
 */
static void sort_rows(struct number_map *m, uint32_t *next)
{
	size_t buckets = (size_t)1 << m->bits;
	uint32_t *first = firsts(m);

	memset(first, 0, (buckets + 1) * sizeof(*first));
	for (size_t i = 0; i < m->count; i++) {
		first[bucket_of(m, key_of(row_at(m, i))) + 1]++;
	}
	for (size_t b = 0; b < buckets; b++) {
		first[b + 1] += first[b];
	}
	memcpy(next, first, buckets * sizeof(*next));
	for (size_t b = 0; b < buckets; b++) {
		while (next[b] < first[b + 1]) {
			size_t home = bucket_of(m, key_of(row_at(m, next[b])));
			if (home != b) {
				row_swap(m, next[b], next[home]);
			}
			next[home]++;
		}
	}
}

/* The map holds no two equal keys: each bucket is compared with itself. */
static int find_twice(const struct number_map *m, number *twice)
{
	const uint32_t *first = firsts(m);

	for (size_t b = 0; b < (size_t)1 << m->bits; b++) {
		for (size_t i = first[b]; i < first[b + 1]; i++) {
			for (size_t j = first[b]; j < i; j++) {
				if (key_of(row_at(m, i)) == key_of(row_at(m, j))) {
					*twice = key_of(row_at(m, i));
					return E_INVALID;
				}
			}
		}
	}
	return OK;
}

static void note_lengths(struct number_map *m)
{
	for (size_t i = 0; i < m->count; i++) {
		number n = key_of(row_at(m, i));
		if (number_kind(n) == (enum number_kind)KIND_PREFIX) {
			m->lengths |= UINT32_C(1) << number_digit_count(n);
		}
	}
}

int number_map_init(struct number_map *m, struct buf *rows, size_t stride,
                    const struct hash_key *key, number *twice)
{
	struct buf next = {0};

	*m = (struct number_map){.rows = *rows, .stride = stride, .key = *key};
	m->count = rows->len / stride;
	*rows = (struct buf){0};
	while ((m->count >> m->bits) > MAP_BUCKET) {
		m->bits++;
	}
	size_t size = (((size_t)1 << m->bits) + 1) * sizeof(uint32_t);
	buf_reserve(&m->first, size);
	buf_reserve(&next, size);
	if (m->first.failed || next.failed || stride > STRIDE_MAX || m->count > UINT32_MAX) {
		buf_fini(&next);
		m->count = 0;
		return E_NOMEM;
	}
	sort_rows(m, (uint32_t *)(void *)next.p);
	buf_fini(&next);
	note_lengths(m);
	return find_twice(m, twice);
}

void number_map_fini(struct number_map *m)
{
	buf_fini(&m->rows);
	buf_fini(&m->first);
	m->count = 0;
}

const void *number_map_exact(const struct number_map *m, number n)
{
	if (m->count == 0) {
		return NULL;
	}
	size_t bucket = bucket_of(m, n);
	const uint32_t *first = firsts(m);
	const char *row = row_at(m, first[bucket]);
	for (const char *end = row_at(m, first[bucket + 1]); row < end; row += m->stride) {
		if (key_of(row) == n) {
			return row;
		}
	}
	return NULL;
}

const void *number_map_find(const struct number_map *m, number n)
{
	const void *row = n ? number_map_exact(m, n) : NULL;
	unsigned count = number_digit_count(n);
	uint64_t digits = number_digits(n);

	if (row || number_kind(n) != NUMBER_E164 || !m->lengths) {
		return row;
	}
	for (; count > 0 && !row; count--) {
		if (m->lengths & UINT32_C(1) << count) {
			row = number_map_exact(m, prefix_key(count, digits));
		}
		digits /= 10;
	}
	return row;
}
