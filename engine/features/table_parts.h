/* What table.c and table_state.c share; nobody else includes it. */
#ifndef ENGINE_FEATURES_TABLE_PARTS_H
#define ENGINE_FEATURES_TABLE_PARTS_H

#include "features/table.h"

enum { SLOTS_MIN = 16 };

/* A row and what of its key the search needs: most of it never touches another row. */
struct slot {
	uint32_t tag; /* the key's low half: also where it belongs in a table of any size */
	pool_ref row; /* 0: free */
};

static inline struct slot *table_slots(const struct table_shard *s, const struct pool *pool)
{
	return pool_at(pool, s->slots);
}

static inline struct row *table_row_at(const struct pool *pool, pool_ref ref)
{
	return pool_at(pool, ref);
}

static inline bool table_same_key(struct hash128 a, struct hash128 b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

/* The slot of key, or the free one where it belongs. */
static inline struct slot *table_probe(const struct table_shard *s, const struct pool *pool,
                                       struct hash128 key)
{
	struct slot *slots = table_slots(s, pool);
	uint32_t tag = (uint32_t)key.lo;
	uint32_t at = tag & (s->cap - 1);

	while (slots[at].row && (slots[at].tag != tag ||
	                         !table_same_key(table_row_at(pool, slots[at].row)->key, key))) {
		at = (at + 1) & (s->cap - 1);
	}
	return &slots[at];
}

#endif
