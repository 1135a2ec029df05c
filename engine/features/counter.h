/* How often each value occurs: an open-addressing table in a pool block, grown and shrunk with
 * the values it holds. Behind distinct, entropy and top_share of a hot window, and (with the pane
 * number in place of a count) behind distinct over panes.
 */
#ifndef ENGINE_FEATURES_COUNTER_H
#define ENGINE_FEATURES_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/hash.h"
#include "features/pool.h"

struct counter {
	pool_ref cells; /* 0: empty */
	uint32_t cap;   /* cells, a power of two */
	uint32_t used;  /* different values */
};

struct counter_cell {
	uint64_t value;
	uint64_t count; /* 0: an empty cell */
};

/* The cell of value, made with count 0 when it is new: the caller sets a count other than 0 at
 * once. NULL when the pool is full.
 */
struct counter_cell *counter_at(struct counter *c, struct pool *pool, const struct hash_key *key,
                                uint64_t value);
/* Takes a cell out; other cells may move. */
void counter_remove(struct counter *c, struct pool *pool, const struct hash_key *key,
                    struct counter_cell *cell);
/* A counter read from a file: claims its block and checks that it can be searched. */
bool counter_claim(const struct counter *c, struct pool *pool);
void counter_clear(struct counter *c, struct pool *pool);

static inline struct counter_cell *counter_cells(const struct counter *c, const struct pool *pool)
{
	return pool_at(pool, c->cells);
}

#endif
