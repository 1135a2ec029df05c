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

static size_t bucket_of(const struct number_map *m, uint64_t hash)
{
	return m->bits ? hash >> (64 - m->bits) : 0;
}

/* From the other end of the hash than the bucket. */
static uint32_t mask_of(uint64_t hash)
{
	return UINT32_C(1) << (hash & 31);
}

static struct number_bucket *buckets_of(const struct number_map *m)
{
	return (struct number_bucket *)(void *)m->buckets.p;
}

static void row_swap(struct number_map *m, size_t a, size_t b)
{
	char kept[STRIDE_MAX];

	memcpy(kept, row_at(m, a), m->stride);
	memcpy(row_at(m, a), row_at(m, b), m->stride);
	memcpy(row_at(m, b), kept, m->stride);
}

/* American flag sort (McIlroy, Bostic, McIlroy 1993): buckets count, then every row goes to its
 * bucket in place. next[b] is where bucket b grows.
 */
static void sort_rows(struct number_map *m, uint32_t *next)
{
	size_t count = (size_t)1 << m->bits;
	struct number_bucket *buckets = buckets_of(m);

	memset(buckets, 0, (count + 1) * sizeof(*buckets));
	for (size_t i = 0; i < m->count; i++) {
		uint64_t hash = hash_u64(&m->key, key_of(row_at(m, i)));
		buckets[bucket_of(m, hash) + 1].first++;
		buckets[bucket_of(m, hash)].mask |= mask_of(hash);
	}
	for (size_t b = 0; b < count; b++) {
		next[b] = buckets[b].first;
		buckets[b + 1].first += buckets[b].first;
	}
	for (size_t b = 0; b < count; b++) {
		while (next[b] < buckets[b + 1].first) {
			number n = key_of(row_at(m, next[b]));
			size_t home = bucket_of(m, hash_u64(&m->key, n));
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
	const struct number_bucket *buckets = buckets_of(m);

	for (size_t b = 0; b < (size_t)1 << m->bits; b++) {
		for (size_t i = buckets[b].first; i < buckets[b + 1].first; i++) {
			for (size_t j = buckets[b].first; j < i; j++) {
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
	size_t buckets = ((size_t)1 << m->bits) + 1;
	buf_reserve(&m->buckets, buckets * sizeof(struct number_bucket));
	buf_reserve(&next, buckets * sizeof(uint32_t));
	if (m->buckets.failed || next.failed || stride > STRIDE_MAX || m->count > UINT32_MAX) {
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
	buf_fini(&m->buckets);
	m->count = 0;
}

void number_map_prefetch(const struct number_map *m, number n)
{
	if (m->count) {
		__builtin_prefetch(&buckets_of(m)[bucket_of(m, hash_u64(&m->key, n))]);
	}
}

const void *number_map_exact(const struct number_map *m, number n)
{
	if (m->count == 0) {
		return NULL;
	}
	uint64_t hash = hash_u64(&m->key, n);
	const struct number_bucket *bucket = &buckets_of(m)[bucket_of(m, hash)];
	if (!(bucket[0].mask & mask_of(hash))) {
		return NULL;
	}
	const char *row = row_at(m, bucket[0].first);
	for (const char *end = row_at(m, bucket[1].first); row < end; row += m->stride) {
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
