#include "calls/index.h"

#include "calls/region.h"
#include "core/ensure.h"
#include "core/err.h"

int index_init(struct index *ix, uint32_t max)
{
	uint32_t cells = 2;

	while (cells / 2 < max) {
		cells *= 2;
	}
	ix->mask = cells - 1;
	ix->cells = region_new(sizeof(uint64_t) * cells, true);
	return ix->cells ? OK : E_NOMEM;
}

void index_fini(struct index *ix)
{
	region_drop(ix->cells, sizeof(uint64_t) * ((size_t)ix->mask + 1));
	ix->cells = NULL;
}

static uint64_t cell_of(uint32_t tag, uint32_t slot)
{
	return (uint64_t)tag << 32 | (slot + 1);
}

void index_add(struct index *ix, uint32_t tag, uint32_t slot)
{
	uint32_t pos = tag & ix->mask;

	while (ix->cells[pos] != 0) {
		pos = (pos + 1) & ix->mask;
	}
	ix->cells[pos] = cell_of(tag, slot);
}

/* May the cell whose home is given fill the hole, seen from where it lies? */
static bool may_move(uint32_t home, uint32_t hole, uint32_t pos, uint32_t mask)
{
	return ((pos - home) & mask) >= ((pos - hole) & mask);
}

void index_remove(struct index *ix, uint32_t tag, uint32_t slot)
{
	uint32_t hole = tag & ix->mask;
	uint64_t cell;

	while ((cell = ix->cells[hole]) != cell_of(tag, slot)) {
		ENSURE(cell != 0);
		hole = (hole + 1) & ix->mask;
	}
	for (uint32_t pos = (hole + 1) & ix->mask; (cell = ix->cells[pos]) != 0;
	     pos = (pos + 1) & ix->mask) {
		if (may_move((uint32_t)(cell >> 32) & ix->mask, hole, pos, ix->mask)) {
			ix->cells[hole] = cell;
			hole = pos;
		}
	}
	ix->cells[hole] = 0;
}
