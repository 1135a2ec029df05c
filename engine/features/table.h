/* All windows of one key type (caller.num, say): rows found by key, one row for every window that
 * some rule keeps for that key, so that an event costs one look-up a key type and not one a rule.
 *
 * The table has TABLE_SHARDS logical shards, independent of the number of threads; a key belongs to
 * one for ever. A worker owns whole shards. All tables of a detector share one pool a shard: when
 * it is full, the least recent key of that shard goes (to a 64th of the longest window), whatever
 * its table, and is counted. Rows whose windows have run out are taken back as time goes on.
 *
 *	struct row *row = table_row(t, &room, key, time_us);    found or made; NULL: no room
 *	table_open_row(t, row);
 *	window_add(&room, &t->specs[n], &row->windows[n], &event) ...
 */
#ifndef ENGINE_FEATURES_TABLE_H
#define ENGINE_FEATURES_TABLE_H

#include "core/hash.h"
#include "features/pool.h"
#include "features/window.h"

enum { TABLE_SHARDS = 256, TABLE_WINDOWS_MAX = 64, TABLE_BUCKETS = 64 };

struct row {
	struct hash128 key;
	int64_t last_us; /* newest event, or later where table_keep asked for it */
	pool_ref next;   /* in the bucket of its last event, or of an earlier one */
	pool_ref notes;
	uint32_t early; /* events that wait in place of the windows; ROW_OPEN: these are in use */
	struct window windows[];
};
enum { ROW_OPEN = UINT32_MAX };

/* What a rule remembers of a key beside the windows: its open alert, and a block of its own. Rare,
 * so not in the row.
 */
struct row_note {
	pool_ref next;
	uint32_t owner;  /* the rule's number in its detector */
	pool_ref state;  /* the owner's block, released with the note; 0: none */
	int64_t last_us; /* when its condition was last true; INT64_MIN: a new note */
	int64_t opened_us;
};

struct table_options {
	const struct window_spec *specs; /* finished; kept by the table's owner */
	unsigned spec_count;
	size_t early_bytes; /* what the owner keeps in a row that is not open; 0: rows are born open
	                     */
	uint64_t max_keys;  /* 0: no own cap */
	int64_t keep_us;    /* how long table_keep may ask for */
};

/* One shard of one table. */
struct table_shard {
	pool_ref slots; /* rows by key: cap of them, open addressing */
	uint32_t cap;
	uint32_t rows;
	int64_t swept;     /* buckets before it are empty */
	uint64_t evicted;  /* for want of room under max_keys */
	pool_ref *buckets; /* TABLE_BUCKETS rings of rows by their last event, lazily */
};

struct table {
	const struct window_spec *specs;
	unsigned spec_count;
	uint64_t rows_max; /* a shard */
	int64_t span_max_us;
	int64_t bucket_us;
	size_t row_size;
	bool born_open;
	struct table_shard shards[TABLE_SHARDS]; /* small: looked at for every key */
	pool_ref buckets[TABLE_SHARDS][TABLE_BUCKETS];
};

static inline unsigned table_shard(struct hash128 key)
{
	return (unsigned)(key.hi >> 56);
}

struct table *table_new(const struct table_options *options); /* NULL: no memory */
void table_free(struct table *t);

/* Bring the cache lines that table_row and window_add will touch. Three passes: slots, rows, logs.
 */
void table_prefetch_slot(const struct table *t, const struct pool *pool, struct hash128 key);
void table_prefetch_row(const struct table *t, const struct pool *pool, struct hash128 key);
void table_prefetch_logs(const struct table *t, const struct pool *pool, struct hash128 key);

/* The row of key, made empty when new; last_us is raised to time_us. NULL when the pool has no
 * room: evict and try again.
 */
struct row *table_row(struct table *t, struct window_room *room, struct hash128 key,
                      int64_t time_us);
/* From here on the windows are in use, empty as yet; the early events are gone. */
void table_open_row(const struct table *t, struct row *row);
/* NULL when there is none. */
struct row *table_find(const struct table *t, const struct pool *pool, struct hash128 key);

/* Every row of a shard, in no order that means anything. */
void table_each(const struct table *t, const struct pool *pool, unsigned shard,
                void (*visit)(void *user, struct row *row), void *user);
/* The owner's note at a row, made when new; NULL when the pool has no room. */
struct row_note *table_note(struct window_room *room, struct row *row, uint32_t owner);
/* The row is not taken back at until_us or before, though its windows run out earlier. */
void table_keep(const struct table *t, struct row *row, int64_t until_us);

/* Takes back rows whose last event lies a whole longest window before time_us, bucket by bucket. */
void table_expire(struct table *t, struct window_room *room, unsigned shard, int64_t time_us);
/* Brings what table_expire of a shard will touch, in two passes: the rows due, then their slots. */
void table_prefetch_expire(const struct table *t, const struct pool *pool, unsigned shard,
                           int64_t time_us, unsigned pass);
/* Time of the least recent bucket that may hold a row; INT64_MAX: no rows. */
int64_t table_oldest(struct table *t, struct window_room *room, unsigned shard);
/* Drops the least recent row. False when the shard holds none (or only `keep`). */
bool table_evict(struct table *t, struct window_room *room, unsigned shard, const struct row *keep);
uint64_t table_rows(const struct table *t);
/* Rows dropped because the table had max_keys of them. */
uint64_t table_evicted(const struct table *t);

#endif
