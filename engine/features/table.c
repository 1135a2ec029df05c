#include "features/table_parts.h"

#include <stdlib.h>
#include <string.h>

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
	/* The buckets reach as far as a row may live. */
	int64_t reach_us = options->keep_us > t->span_max_us ? options->keep_us : t->span_max_us;
	t->bucket_us = reach_us / (TABLE_BUCKETS - 2) + 1;
	size_t windows = t->spec_count * sizeof(struct window);
	size_t behind = windows > options->early_bytes ? windows : options->early_bytes;
	t->row_size = offsetof(struct row, windows) + behind;
	t->born_open = options->early_bytes == 0;
	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		t->shards[s].swept = INT64_MIN;
		t->shards[s].buckets = t->buckets[s];
	}
	return t;
}

void table_free(struct table *t)
{
	free(t); /* rows live in the pools */
}

static void place(const struct table_shard *s, const struct pool *pool, struct slot slot)
{
	struct slot *slots = table_slots(s, pool);
	uint32_t at = slot.tag & (s->cap - 1);

	while (slots[at].row) {
		at = (at + 1) & (s->cap - 1);
	}
	slots[at] = slot;
}

static bool slots_resize(struct table_shard *s, struct pool *pool, uint32_t cap)
{
	struct table_shard next = *s;

	next.slots = pool_alloc(pool, cap * sizeof(struct slot));
	next.cap = cap;
	if (!next.slots) {
		return false;
	}
	memset(table_slots(&next, pool), 0, cap * sizeof(struct slot));
	for (uint32_t i = 0; i < s->cap; i++) {
		if (table_slots(s, pool)[i].row) {
			place(&next, pool, table_slots(s, pool)[i]);
		}
	}
	pool_release(pool, s->slots);
	s->slots = next.slots;
	s->cap = cap;
	return true;
}

/* Room for one row more: half full at most, seven eighths where the pool has no larger block. */
static bool slots_room(struct table_shard *s, struct pool *pool)
{
	uint64_t after = (uint64_t)s->rows + 1;

	return after * 2 <= s->cap || slots_resize(s, pool, s->cap ? s->cap * 2 : SLOTS_MIN) ||
	       after * 8 <= (uint64_t)s->cap * 7;
}

void table_prefetch_slot(const struct table *t, const struct pool *pool, struct hash128 key)
{
	const struct table_shard *s = &t->shards[table_shard(key)];

	if (s->cap) {
		__builtin_prefetch(&table_slots(s, pool)[(uint32_t)key.lo & (s->cap - 1)]);
	}
}

/* The row that the key most likely has, by tags alone: touches no row. 0: none. */
static pool_ref peek(const struct table_shard *s, const struct pool *pool, struct hash128 key)
{
	const struct slot *slots = table_slots(s, pool);
	uint32_t tag = (uint32_t)key.lo;
	uint32_t at = tag & (s->cap - 1);

	while (slots[at].row && slots[at].tag != tag) {
		at = (at + 1) & (s->cap - 1);
	}
	return slots[at].row;
}

void table_prefetch_row(const struct table *t, const struct pool *pool, struct hash128 key)
{
	const struct table_shard *s = &t->shards[table_shard(key)];

	if (s->cap) {
		pool_ref ref = peek(s, pool, key);
		if (ref) {
			const char *row = (const char *)table_row_at(pool, ref);
			__builtin_prefetch(row);
			__builtin_prefetch(row + 64);
		}
	}
}

void table_prefetch_logs(const struct table *t, const struct pool *pool, struct hash128 key)
{
	const struct table_shard *s = &t->shards[table_shard(key)];

	if (!s->cap) {
		return;
	}
	pool_ref ref = peek(s, pool, key);
	if (ref) {
		const struct row *row = table_row_at(pool, ref);
		for (unsigned n = 0; row->early == ROW_OPEN && n < t->spec_count; n++) {
			const struct window *w = &row->windows[n];
			if (w->log) {
				/* The newest event, behind which the next one goes. */
				size_t newest = (w->head + w->count - 1) & (w->cap - 1);
				__builtin_prefetch((const char *)pool_at(pool, w->log) +
				                   newest * t->specs[n].stride);
			}
		}
	}
}

struct row *table_find(const struct table *t, const struct pool *pool, struct hash128 key)
{
	const struct table_shard *s = &t->shards[table_shard(key)];
	pool_ref ref = s->cap ? table_probe(s, pool, key)->row : 0;

	return ref ? table_row_at(pool, ref) : NULL;
}

static int64_t bucket_number(const struct table *t, int64_t time_us)
{
	return time_us / t->bucket_us - (time_us % t->bucket_us < 0);
}

static pool_ref *bucket_at(struct table_shard *s, int64_t number)
{
	return &s->buckets[(uint64_t)number % TABLE_BUCKETS];
}

/* A bucket is a ring that is known by its last row, so that rows go in behind and out in front. */
static void ring_add(pool_ref *last, const struct pool *pool, pool_ref ref)
{
	struct row *row = table_row_at(pool, ref);

	if (*last) {
		row->next = table_row_at(pool, *last)->next;
		table_row_at(pool, *last)->next = ref;
	} else {
		row->next = ref;
	}
	*last = ref;
}

static pool_ref ring_first(const pool_ref *last, const struct pool *pool)
{
	return *last ? table_row_at(pool, *last)->next : 0;
}

static pool_ref ring_take(pool_ref *last, const struct pool *pool)
{
	pool_ref first = ring_first(last, pool);

	if (first == *last) {
		*last = 0;
	} else {
		table_row_at(pool, *last)->next = table_row_at(pool, first)->next;
	}
	return first;
}

static void bucket_add(const struct table *t, struct table_shard *s, const struct pool *pool,
                       pool_ref ref)
{
	struct row *row = table_row_at(pool, ref);
	int64_t number = bucket_number(t, row->last_us);
	int64_t last = s->swept + TABLE_BUCKETS - 1;

	/* A row older than the sweep waits in the oldest bucket, one beyond their reach in the
	 * newest, to be sent on when the sweep comes by. */
	number = number < s->swept ? s->swept : number > last ? last : number;
	ring_add(bucket_at(s, number), pool, ref);
}

static struct row *row_new(struct table *t, struct table_shard *s, struct window_room *room,
                           struct hash128 key, int64_t time_us)
{
	struct pool *pool = room->pool;

	if (!slots_room(s, pool)) {
		return NULL;
	}
	pool_ref ref = pool_alloc(pool, t->row_size);
	if (!ref) {
		return NULL;
	}
	struct row *row = table_row_at(pool, ref);
	*row = (struct row){.key = key, .last_us = time_us};
	if (t->born_open) {
		table_open_row(t, row);
	}
	place(s, pool, (struct slot){(uint32_t)key.lo, ref});
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
	pool_ref ref = s->cap ? table_probe(s, room->pool, key)->row : 0;

	if (ref) {
		struct row *row = table_row_at(room->pool, ref);
		row->last_us = time_us > row->last_us ? time_us : row->last_us;
		return row;
	}
	if (s->rows >= t->rows_max && table_evict(t, room, table_shard(key), NULL)) {
		s->evicted++;
	}
	return row_new(t, s, room, key, time_us);
}

void table_open_row(const struct table *t, struct row *row)
{
	row->early = ROW_OPEN;
	memset(row->windows, 0, t->spec_count * sizeof(struct window));
}

/* Takes a row out of the slots and closes the gap (Knuth, TAOCP 3, 6.4, algorithm R). */
static void unlink_slot(struct table_shard *s, const struct pool *pool, struct hash128 key)
{
	struct slot *slots = table_slots(s, pool);
	uint32_t mask = s->cap - 1;
	uint32_t gap = (uint32_t)(table_probe(s, pool, key) - slots);

	for (uint32_t at = (gap + 1) & mask; slots[at].row; at = (at + 1) & mask) {
		uint32_t from = slots[at].tag & mask;
		if (((at - from) & mask) >= ((at - gap) & mask)) {
			slots[gap] = slots[at];
			gap = at;
		}
	}
	slots[gap] = (struct slot){0, 0};
}

static void row_drop(struct table *t, struct table_shard *s, struct window_room *room, pool_ref ref)
{
	struct row *row = table_row_at(room->pool, ref);

	unlink_slot(s, room->pool, row->key);
	for (unsigned n = 0; row->early == ROW_OPEN && n < t->spec_count; n++) {
		window_clear(room, &t->specs[n], &row->windows[n]);
	}
	for (pool_ref note = row->notes, next; note; note = next) {
		const struct row_note *n = pool_at(room->pool, note);
		next = n->next;
		if (n->state) {
			pool_release(room->pool, n->state);
		}
		pool_release(room->pool, note);
	}
	pool_release(room->pool, ref);
	s->rows--;
	if (s->rows == 0) {
		pool_release(room->pool, s->slots);
		s->slots = 0;
		s->cap = 0;
	}
}

void table_each(const struct table *t, const struct pool *pool, unsigned shard,
                void (*visit)(void *user, struct row *row), void *user)
{
	const struct table_shard *s = &t->shards[shard];

	for (uint32_t i = 0; s->rows && i < s->cap; i++) {
		pool_ref ref = table_slots(s, pool)[i].row;
		if (ref) {
			visit(user, pool_at(pool, ref));
		}
	}
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

/* The first row of the oldest bucket that has had no event since, taken out of the bucket; 0: none.
 * Rows on the way there that had one go to their own bucket, so each is looked at once.
 */
static pool_ref take_oldest(const struct table *t, struct table_shard *s, const struct pool *pool)
{
	pool_ref *bucket = bucket_at(s, s->swept);

	while (*bucket) {
		pool_ref ref = ring_take(bucket, pool);
		if (bucket_number(t, table_row_at(pool, ref)->last_us) <= s->swept) {
			return ref;
		}
		bucket_add(t, s, pool, ref);
	}
	return 0;
}

static void put_back(struct table_shard *s, const struct pool *pool, pool_ref ref)
{
	pool_ref *last = bucket_at(s, s->swept);
	pool_ref newest = *last;

	ring_add(last, pool, ref);
	*last = newest ? newest : ref; /* in front again */
}

/* Moves on over empty buckets, as far as `until`. */
static void skip_empty(struct table_shard *s, int64_t until)
{
	while (s->swept < until && !*bucket_at(s, s->swept)) {
		s->swept++;
	}
}

/* A whole round met no old row: all lie beyond the reach of the buckets. Begins anew at the oldest.
 */
static void jump_slow(const struct table *t, struct table_shard *s, const struct pool *pool)
{
	int64_t nearest = INT64_MAX;
	pool_ref all = 0;

	for (unsigned b = 0; b < TABLE_BUCKETS; b++) {
		while (s->buckets[b]) {
			pool_ref ref = ring_take(&s->buckets[b], pool);
			int64_t number = bucket_number(t, table_row_at(pool, ref)->last_us);
			nearest = number < nearest ? number : nearest;
			ring_add(&all, pool, ref);
		}
	}
	s->swept = nearest;
	while (all) {
		bucket_add(t, s, pool, ring_take(&all, pool));
	}
}

/* Moves the sweep to the oldest row and takes it out of its bucket; 0: there are no rows. */
static pool_ref sweep_to_oldest(const struct table *t, struct table_shard *s,
                                const struct pool *pool)
{
	for (unsigned tries = 0; s->rows && tries < TABLE_BUCKETS; tries++) {
		pool_ref ref = take_oldest(t, s, pool);
		if (ref) {
			return ref;
		}
		s->swept++;
	}
	if (!s->rows) {
		return 0;
	}
	jump_slow(t, s, pool);
	return take_oldest(t, s, pool);
}

/* The first bucket whose rows may not be dead yet. */
static int64_t due_until(const struct table *t, int64_t time_us)
{
	return bucket_number(t, time_us - t->span_max_us);
}

void table_prefetch_expire(const struct table *t, const struct pool *pool, unsigned shard,
                           int64_t time_us, unsigned pass)
{
	const struct table_shard *s = &t->shards[shard];
	int64_t until = due_until(t, time_us);

	if (!s->rows || until - s->swept > TABLE_BUCKETS) {
		return;
	}
	for (int64_t number = s->swept; number < until; number++) {
		pool_ref last = s->buckets[(uint64_t)number % TABLE_BUCKETS];
		if (!last) {
			continue;
		}
		const char *row = (const char *)table_row_at(pool, last);
		if (pass == 0) {
			__builtin_prefetch(row);
			__builtin_prefetch(row + 64);
		} else {
			table_prefetch_slot(t, pool, table_row_at(pool, last)->key);
			__builtin_prefetch(table_row_at(pool, table_row_at(pool, last)->next));
		}
	}
}

void table_expire(struct table *t, struct window_room *room, unsigned shard, int64_t time_us)
{
	struct table_shard *s = &t->shards[shard];
	int64_t until = due_until(t, time_us);

	if (!s->rows) {
		s->swept = s->swept == INT64_MIN ? s->swept : bucket_number(t, time_us);
		return;
	}
	if (until - s->swept > TABLE_BUCKETS) {
		/* After a gap in time: one round over the buckets meets every row. */
		s->swept = until - TABLE_BUCKETS;
	}
	/* Every row of a bucket before `until` is dead, or has had an event since. */
	while (s->swept < until) {
		for (pool_ref ref; (ref = take_oldest(t, s, room->pool)) != 0;) {
			row_drop(t, s, room, ref);
		}
		skip_empty(s, until);
	}
}

int64_t table_oldest(struct table *t, struct window_room *room, unsigned shard)
{
	struct table_shard *s = &t->shards[shard];
	pool_ref ref = sweep_to_oldest(t, s, room->pool);

	if (!ref) {
		return INT64_MAX;
	}
	put_back(s, room->pool, ref);
	return s->swept * t->bucket_us;
}

bool table_evict(struct table *t, struct window_room *room, unsigned shard, const struct row *keep)
{
	struct table_shard *s = &t->shards[shard];
	pool_ref ref = sweep_to_oldest(t, s, room->pool);
	pool_ref kept = 0;

	if (ref && table_row_at(room->pool, ref) == keep) {
		/* Set aside while the next one is looked for. */
		kept = ref;
		ref = s->rows > 1 ? sweep_to_oldest(t, s, room->pool) : 0;
	}
	if (kept) {
		bucket_add(t, s, room->pool, kept);
	}
	if (ref) {
		row_drop(t, s, room, ref);
	}
	return ref != 0;
}

uint64_t table_evicted(const struct table *t)
{
	uint64_t evicted = 0;

	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		evicted += t->shards[s].evicted;
	}
	return evicted;
}

uint64_t table_rows(const struct table *t)
{
	uint64_t rows = 0;

	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		rows += t->shards[s].rows;
	}
	return rows;
}
