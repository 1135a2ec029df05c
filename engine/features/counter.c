#include "features/counter.h"

#include <string.h>

enum { COUNTER_CAP_MIN = 32 };

static uint32_t home(const struct counter *c, const struct hash_key *key, uint64_t value)
{
	return (uint32_t)hash_u64(key, value) & (c->cap - 1);
}

static struct counter_cell *probe(const struct counter *c, const struct pool *pool,
                                  const struct hash_key *key, uint64_t value)
{
	struct counter_cell *cells = counter_cells(c, pool);
	uint32_t at = home(c, key, value);

	while (cells[at].count && cells[at].value != value) {
		at = (at + 1) & (c->cap - 1);
	}
	return &cells[at];
}

static int resize(struct counter *c, struct pool *pool, const struct hash_key *key, uint32_t cap)
{
	struct counter next = {.cap = cap, .used = c->used};

	next.cells = pool_alloc(pool, cap * sizeof(struct counter_cell));
	if (!next.cells) {
		return -1;
	}
	memset(counter_cells(&next, pool), 0, cap * sizeof(struct counter_cell));
	for (uint32_t i = 0; i < c->cap; i++) {
		const struct counter_cell *cell = &counter_cells(c, pool)[i];
		if (cell->count) {
			*probe(&next, pool, key, cell->value) = *cell;
		}
	}
	pool_release(pool, c->cells);
	*c = next;
	return 0;
}

struct counter_cell *counter_at(struct counter *c, struct pool *pool, const struct hash_key *key,
                                uint64_t value)
{
	if (!c->cap && resize(c, pool, key, COUNTER_CAP_MIN) != 0) {
		return NULL;
	}
	struct counter_cell *cell = probe(c, pool, key, value);
	if (cell->count) {
		return cell;
	}
	if ((c->used + 1) * 2 > c->cap) {
		if (resize(c, pool, key, c->cap * 2) != 0) {
			return NULL;
		}
		cell = probe(c, pool, key, value);
	}
	cell->value = value;
	c->used++;
	return cell;
}

/* Closes the gap behind a removed cell, so that probing never meets a tombstone (Knuth, TAOCP 3,
 * 6.4, algorithm R).
 */
static void close_gap(struct counter *c, struct pool *pool, const struct hash_key *key,
                      uint32_t gap)
{
	struct counter_cell *cells = counter_cells(c, pool);
	uint32_t mask = c->cap - 1;

	for (uint32_t at = (gap + 1) & mask; cells[at].count; at = (at + 1) & mask) {
		uint32_t from = home(c, key, cells[at].value);
		if (((at - from) & mask) >= ((at - gap) & mask)) {
			cells[gap] = cells[at];
			gap = at;
		}
	}
	cells[gap].count = 0;
}

void counter_remove(struct counter *c, struct pool *pool, const struct hash_key *key,
                    struct counter_cell *cell)
{
	uint32_t gap = (uint32_t)(cell - counter_cells(c, pool));

	close_gap(c, pool, key, gap);
	c->used--;
	if (c->cap > COUNTER_CAP_MIN && c->used * 8 < c->cap) {
		/* Without room the larger table simply stays. */
		(void)resize(c, pool, key, c->cap / 2);
	}
}

void counter_clear(struct counter *c, struct pool *pool)
{
	pool_release(pool, c->cells);
	*c = (struct counter){0};
}

bool counter_claim(const struct counter *c, struct pool *pool)
{
	uint32_t used = 0;

	if (c->cap == 0) {
		return c->cells == 0 && c->used == 0;
	}
	if (c->cap < COUNTER_CAP_MIN || (c->cap & (c->cap - 1)) != 0 ||
	    !pool_claim(pool, c->cells, c->cap * sizeof(struct counter_cell))) {
		return false;
	}
	for (uint32_t i = 0; i < c->cap; i++) {
		used += counter_cells(c, pool)[i].count != 0;
	}
	return used == c->used && (uint64_t)used * 2 <= c->cap;
}
