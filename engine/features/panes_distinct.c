#include <string.h>

#include "core/err.h"
#include "core/fixed.h"
#include "features/panes_parts.h"

static uint8_t *registers_at(const struct window_room *room, const struct panes *p,
                             const struct pane_distinct *d, int64_t index)
{
	return (uint8_t *)pool_at(room->pool, d->registers) +
	       (size_t)((uint64_t)index % p->slots) * HLL_REGISTERS;
}

static uint32_t *ranks_at(uint8_t *merged)
{
	return (uint32_t *)(void *)(merged + HLL_REGISTERS);
}

static void merged_raise(uint8_t *merged, uint32_t reg, uint8_t rank)
{
	uint32_t *ranks = ranks_at(merged);

	if (rank > merged[reg]) {
		ranks[merged[reg]]--;
		ranks[rank]++;
		merged[reg] = rank;
	}
}

static void hll_add(const struct window_room *room, const struct panes *p, struct pane_distinct *d,
                    int64_t index, uint64_t value)
{
	uint64_t hash = hash_u64(room->key, value);
	uint32_t reg = (uint32_t)(hash >> (64 - HLL_P));
	uint8_t rank = (uint8_t)(__builtin_clzll(hash << HLL_P | UINT64_C(1) << (HLL_P - 1)) + 1);
	uint8_t *regs = registers_at(room, p, d, index);

	regs[reg] = rank > regs[reg] ? rank : regs[reg];
	if (index >= p->low && index <= p->now) {
		merged_raise(pool_at(room->pool, d->merged), reg, rank);
	}
}

static void hll_merge(const struct window_room *room, const struct window_spec *spec,
                      struct panes *p, struct pane_distinct *d)
{
	uint8_t *merged = pool_at(room->pool, d->merged);
	uint32_t *ranks = ranks_at(merged);

	memset(merged, 0, HLL_REGISTERS + 64 * sizeof(uint32_t));
	for (int64_t i = p->low; i <= p->now; i++) {
		if (slot_of(spec, p, i)->index == i) {
			const uint8_t *regs = registers_at(room, p, d, i);
			for (unsigned r = 0; r < HLL_REGISTERS; r++) {
				merged[r] = regs[r] > merged[r] ? regs[r] : merged[r];
			}
		}
	}
	for (unsigned r = 0; r < HLL_REGISTERS; r++) {
		ranks[merged[r]]++;
	}
}

static int64_t hll_estimate(const uint8_t *merged)
{
	const uint32_t *ranks = (const uint32_t *)(const void *)(merged + HLL_REGISTERS);
	const double m = HLL_REGISTERS;
	uint64_t inverse = 0; /* sum of 2^-rank, in units of 2^-52 */

	for (unsigned r = 0; r <= 53; r++) {
		inverse += (uint64_t)ranks[r] * (r <= 52 ? UINT64_C(1) << (52 - r) : 0);
	}
	double estimate = 0.7213 / (1.0 + 1.079 / m) * m * m /
	                  ((double)inverse / (double)(UINT64_C(1) << 52));
	if (estimate <= 2.5 * m && ranks[0] > 0) {
		double bits =
			(double)(((int64_t)HLL_P << LOG2_FRACTION_BITS) - log2_fixed(ranks[0])) /
			(double)(UINT64_C(1) << LOG2_FRACTION_BITS);
		estimate = m * bits * 0.69314718055994530942;
	}
	return (int64_t)(estimate + 0.5);
}

/* Pane numbers as counts: never 0, growing with time. */
static uint64_t pane_mark(int64_t index)
{
	return (uint64_t)index + (UINT64_C(1) << 62);
}

/* Forgets values last seen before the set, and counts the others anew. */
static void distinct_purge(struct window_room *room, const struct panes *p, struct pane_distinct *d)
{
	uint64_t low = pane_mark(p->low);
	uint32_t i = 0;

	while (i < d->seen.cap) {
		struct counter_cell *cell = &counter_cells(&d->seen, room->pool)[i];
		uint32_t cap = d->seen.cap;
		if (cell->count && cell->count < low) {
			/* Another cell may move into this one, or the table shrink. */
			counter_remove(&d->seen, room->pool, room->key, cell);
			i = d->seen.cap == cap ? i : 0;
		} else {
			i++;
		}
	}
	d->live = d->seen.used;
}

static int distinct_to_registers(struct window_room *room, const struct window_spec *spec,
                                 struct panes *p, struct pane_distinct *d)
{
	d->registers = pool_alloc(room->pool, (size_t)p->slots * HLL_REGISTERS);
	d->merged = pool_alloc(room->pool, HLL_REGISTERS + 64 * sizeof(uint32_t));
	if (!d->registers || !d->merged) {
		pool_release(room->pool, d->registers);
		pool_release(room->pool, d->merged);
		d->registers = d->merged = 0;
		return E_FULL;
	}
	memset(pool_at(room->pool, d->registers), 0, (size_t)p->slots * HLL_REGISTERS);
	hll_merge(room, spec, p, d);
	for (uint32_t i = 0; i < d->seen.cap; i++) {
		const struct counter_cell *cell = &counter_cells(&d->seen, room->pool)[i];
		if (cell->count >= pane_mark(p->low)) {
			hll_add(room, p, d, (int64_t)(cell->count - pane_mark(0)), cell->value);
		}
	}
	counter_clear(&d->seen, room->pool);
	return OK;
}

int distinct_add(struct window_room *room, const struct window_spec *spec, struct panes *p,
                 struct pane_distinct *d, int64_t index, uint64_t value)
{
	if (d->registers) {
		hll_add(room, p, d, index, value);
		return OK;
	}
	struct counter_cell *cell = counter_at(&d->seen, room->pool, room->key, value);
	if (!cell) {
		return E_FULL;
	}
	bool was_live = cell->count >= pane_mark(p->low);
	if (cell->count < pane_mark(index)) {
		cell->count = pane_mark(index);
	}
	d->live += !was_live && index >= p->low;
	if (d->seen.used > WINDOW_DISTINCT_EXACT) {
		distinct_purge(room, p, d);
	}
	return d->live > WINDOW_DISTINCT_EXACT ? distinct_to_registers(room, spec, p, d) : OK;
}

void distinct_close(struct window_room *room, struct pane_distinct *d)
{
	counter_clear(&d->seen, room->pool);
	pool_release(room->pool, d->registers);
	pool_release(room->pool, d->merged);
	*d = (struct pane_distinct){0};
}

void distinct_move(struct window_room *room, const struct window_spec *spec, struct panes *p,
                   struct pane_distinct *d)
{
	if (d->registers) {
		hll_merge(room, spec, p, d);
	} else {
		distinct_purge(room, p, d);
	}
}

void distinct_clear_pane(const struct window_room *room, const struct panes *p,
                         const struct pane_distinct *d, int64_t index)
{
	if (d->registers) {
		memset(registers_at(room, p, d, index), 0, HLL_REGISTERS);
	}
}

int64_t distinct_value(const struct window_room *room, const struct pane_distinct *d)
{
	return d->registers ? hll_estimate(pool_at(room->pool, d->merged)) : (int64_t)d->live;
}
