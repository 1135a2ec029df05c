#include "features/table.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 16 };

struct table *table_new(const struct table_options *options)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t) {
		return NULL;
	}
	t->specs = options->specs;
	t->spec_count = options->spec_count;
	t->rows_max = options->max_keys ? options->max_keys / TABLE_SHARDS + 1 : UINT32_MAX / 2;
	for (unsigned n = 0; n < t->spec_count; n++) {
		if (t->specs[n].span_us > t->span_max_us) {
			t->span_max_us = t->specs[n].span_us;
		}
	}
	/* One bucket more than the window is long, so that the oldest can be empty. */
	t->bucket_us = t->span_max_us / (TABLE_BUCKETS - 2) + 1;
	t->row_size = sizeof(struct row) + t->spec_count * sizeof(struct window);
	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		t->shards[s].swept = INT64_MIN;
	}
	return t;
}

void table_free(struct table *t)
{
	free(t); /* rows live in the pools */
}

static pool_ref *slots_at(const struct table_shard *s, const struct pool *pool)
{
	return pool_at(pool, s->slots);
}

static struct row *row_at(const struct pool *pool, pool_ref ref)
{
	return pool_at(pool, ref);
}

static bool same_key(struct hash128 a, struct hash128 b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

/* The slot of key, or the free one where it belongs. */
static pool_ref *probe(const struct table_shard *s, const struct pool *pool, struct hash128 key)
{
	pool_ref *slots = slots_at(s, pool);
	uint32_t at = (uint32_t)key.lo & (s->cap - 1);

	while (slots[at] && !same_key(row_at(pool, slots[at])->key, key)) {
		at = (at + 1) & (s->cap - 1);
	}
	return &slots[at];
}

static bool resize(struct table_shard *s, struct pool *pool, uint32_t cap)
{
	struct table_shard next = *s;

	next.slots = pool_alloc(pool, cap * sizeof(pool_ref));
	next.cap = cap;
	if (!next.slots) {
		return false;
	}
	memset(slots_at(&next, pool), 0, cap * sizeof(pool_ref));
	for (uint32_t i = 0; i < s->cap; i++) {
		pool_ref ref = slots_at(s, pool)[i];
		if (ref) {
			*probe(&next, pool, row_at(pool, ref)->key) = ref;
		}
	}
	pool_release(pool, s->slots);
	s->slots = next.slots;
	s->cap = cap;
	return true;
}

void table_prefetch_slot(const struct table *t, const struct pool *pool, struct hash128 key)
{
	const struct table_shard *s = &t->shards[table_shard(key)];

	if (s->cap) {
		__builtin_prefetch(&slots_at(s, pool)[(uint32_t)key.lo & (s->cap - 1)]);
	}
}

void table_prefetch_row(const struct table *t, const struct pool *pool, struct hash128 key)
{
	const struct table_shard *s = &t->shards[table_shard(key)];

	if (s->cap) {
		pool_ref ref = slots_at(s, pool)[(uint32_t)key.lo & (s->cap - 1)];
		const char *row = (const char *)row_at(pool, ref);
		__builtin_prefetch(row);
		__builtin_prefetch(row + 64);
	}
}

struct row *table_find(const struct table *t, const struct pool *pool, struct hash128 key)
{
	const struct table_shard *s = &t->shards[table_shard(key)];
	pool_ref ref = s->cap ? *probe(s, pool, key) : 0;

	return ref ? row_at(pool, ref) : NULL;
}

static int64_t bucket_number(const struct table *t, int64_t time_us)
{
	return time_us / t->bucket_us - (time_us % t->bucket_us < 0);
}

static pool_ref *bucket_at(struct table_shard *s, int64_t number)
{
	return &s->buckets[(uint64_t)number % TABLE_BUCKETS];
}

static void bucket_add(struct table *t, struct table_shard *s, struct pool *pool, pool_ref ref)
{
	struct row *row = row_at(pool, ref);
	int64_t number = bucket_number(t, row->last_us);

	/* A row older than the sweep waits in the oldest bucket. */
	number = number < s->swept ? s->swept : number;
	row->next = *bucket_at(s, number);
	*bucket_at(s, number) = ref;
}

static struct row *row_new(struct table *t, struct table_shard *s, struct window_room *room,
                           struct hash128 key, int64_t time_us)
{
	struct pool *pool = room->pool;

	if ((s->rows + 1) * 2 > s->cap && !resize(s, pool, s->cap ? s->cap * 2 : SLOTS_MIN)) {
		return NULL;
	}
	pool_ref ref = pool_alloc(pool, t->row_size);
	if (!ref) {
		return NULL;
	}
	struct row *row = row_at(pool, ref);
	memset(row, 0, t->row_size);
	row->key = key;
	row->last_us = time_us;
	*probe(s, pool, key) = ref;
	s->rows++;
	if (s->swept == INT64_MIN) {
		s->swept = bucket_number(t, time_us);
	}
	bucket_add(t, s, pool, ref);
	return row;
}

struct row *table_row(struct table *t, struct window_room *room, struct hash128 key,
                      int64_t time_us)
{
	struct table_shard *s = &t->shards[table_shard(key)];
	pool_ref ref = s->cap ? *probe(s, room->pool, key) : 0;

	if (ref) {
		struct row *row = row_at(room->pool, ref);
		row->last_us = time_us > row->last_us ? time_us : row->last_us;
		return row;
	}
	if (s->rows >= t->rows_max) {
		(void)table_evict(t, room, table_shard(key), NULL);
	}
	return row_new(t, s, room, key, time_us);
}

/* Takes a row out of the slots and closes the gap (Knuth, TAOCP 3, 6.4, algorithm R). */
static void unlink_slot(struct table_shard *s, const struct pool *pool, struct hash128 key)
{
	pool_ref *slots = slots_at(s, pool);
	uint32_t mask = s->cap - 1;
	uint32_t gap = (uint32_t)(probe(s, pool, key) - slots);

	for (uint32_t at = (gap + 1) & mask; slots[at]; at = (at + 1) & mask) {
		uint32_t from = (uint32_t)row_at(pool, slots[at])->key.lo & mask;
		if (((at - from) & mask) >= ((at - gap) & mask)) {
			slots[gap] = slots[at];
			gap = at;
		}
	}
	slots[gap] = 0;
}

static void row_drop(struct table *t, struct table_shard *s, struct window_room *room, pool_ref ref)
{
	struct row *row = row_at(room->pool, ref);

	unlink_slot(s, room->pool, row->key);
	for (unsigned n = 0; n < t->spec_count; n++) {
		window_clear(room, &t->specs[n], &row->windows[n]);
	}
	for (pool_ref note = row->notes, next; note; note = next) {
		next = ((struct row_note *)pool_at(room->pool, note))->next;
		pool_release(room->pool, note);
	}
	pool_release(room->pool, ref);
	s->rows--;
}

struct row_note *table_note(struct window_room *room, struct row *row, uint32_t owner)
{
	for (pool_ref ref = row->notes; ref;) {
		struct row_note *note = pool_at(room->pool, ref);
		if (note->owner == owner) {
			return note;
		}
		ref = note->next;
	}
	pool_ref ref = pool_alloc(room->pool, sizeof(struct row_note));
	if (!ref) {
		return NULL;
	}
	struct row_note *note = pool_at(room->pool, ref);
	*note = (struct row_note){.next = row->notes, .owner = owner, .last_us = INT64_MIN};
	row->notes = ref;
	return note;
}

void table_keep(const struct table *t, struct row *row, int64_t until_us)
{
	int64_t last_us = until_us - t->span_max_us;

	row->last_us = last_us > row->last_us ? last_us : row->last_us;
}

/* Sends every row of the oldest bucket that has had an event since to its own bucket; what is left
 * is truly the oldest. Then drops those not after `dead_us` and, with `one`, the first other.
 * Returns how many went.
 */
static unsigned sweep_bucket(struct table *t, struct window_room *room, struct table_shard *s,
                             int64_t dead_us, bool one, const struct row *keep)
{
	pool_ref ref = *bucket_at(s, s->swept);
	unsigned dropped = 0;

	*bucket_at(s, s->swept) = 0;
	while (ref) {
		struct row *row = row_at(room->pool, ref);
		pool_ref next = row->next;
		bool oldest = bucket_number(t, row->last_us) <= s->swept;
		if (oldest && row != keep && (row->last_us <= dead_us || (one && dropped == 0))) {
			row_drop(t, s, room, ref);
			dropped++;
		} else {
			bucket_add(t, s, room->pool, ref);
		}
		ref = next;
	}
	return dropped;
}

/* Moves on over empty buckets, as far as `until`. */
static void skip_empty(struct table_shard *s, int64_t until)
{
	while (s->swept < until && !*bucket_at(s, s->swept)) {
		s->swept++;
	}
}

void table_expire(struct table *t, struct window_room *room, unsigned shard, int64_t time_us)
{
	struct table_shard *s = &t->shards[shard];
	int64_t dead_us = time_us - t->span_max_us;
	int64_t until = bucket_number(t, dead_us);

	if (!s->rows) {
		s->swept = s->swept == INT64_MIN ? s->swept : bucket_number(t, time_us);
		return;
	}
	if (until - s->swept > TABLE_BUCKETS) {
		/* After a gap in time: one round over the buckets meets every row. */
		s->swept = until - TABLE_BUCKETS;
	}
	while (s->swept < until) {
		(void)sweep_bucket(t, room, s, dead_us, false, NULL);
		if (*bucket_at(s, s->swept)) {
			break; /* rows of this very bucket that are not dead yet */
		}
		skip_empty(s, until);
	}
}

int64_t table_oldest(struct table *t, struct window_room *room, unsigned shard)
{
	struct table_shard *s = &t->shards[shard];

	while (s->rows) {
		(void)sweep_bucket(t, room, s, INT64_MIN, false, NULL);
		if (*bucket_at(s, s->swept)) {
			return s->swept * t->bucket_us;
		}
		s->swept++;
	}
	return INT64_MAX;
}

bool table_evict(struct table *t, struct window_room *room, unsigned shard, const struct row *keep)
{
	struct table_shard *s = &t->shards[shard];

	for (unsigned tries = 0; s->rows && tries < TABLE_BUCKETS; tries++) {
		if (sweep_bucket(t, room, s, INT64_MIN, true, keep)) {
			return true;
		}
		s->swept++;
	}
	return false;
}

uint64_t table_rows(const struct table *t)
{
	uint64_t rows = 0;

	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		rows += t->shards[s].rows;
	}
	return rows;
}
