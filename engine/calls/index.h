/* From a keyed hash to slot numbers: open addressing with linear probing, at most half full, one
 * 8-byte cell an entry (tag and slot). Whoever looks up compares the rest of the key in the slot:
 *
 *	struct index_walk walk = index_walk(ix, tag);
 *	while ((slot = index_next(&walk)) != SLAB_NONE) ...
 *
 * Removing moves later cells back (D. Knuth, TAOCP 3, 6.4, algorithm R), so there are no
 * tombstones and a walk stays short however long the table lives. Tags are keyed hashes: nobody
 * outside can choose ones that collide.
 */
#ifndef ENGINE_CALLS_INDEX_H
#define ENGINE_CALLS_INDEX_H

#include <stdint.h>

#include "calls/slab.h"

struct index {
	uint64_t *cells; /* 0: empty; else tag << 32 | slot + 1 */
	uint32_t mask;
};

struct index_walk {
	const struct index *index;
	uint32_t tag;
	uint32_t pos;
};

/* Room for max entries, at most 2^30. E_NOMEM. */
int index_init(struct index *ix, uint32_t max);
void index_fini(struct index *ix);
void index_add(struct index *ix, uint32_t tag, uint32_t slot);
/* slot was added with this tag. */
void index_remove(struct index *ix, uint32_t tag, uint32_t slot);

static inline void index_prefetch(const struct index *ix, uint32_t tag)
{
	__builtin_prefetch(&ix->cells[tag & ix->mask]);
}

static inline struct index_walk index_walk(const struct index *ix, uint32_t tag)
{
	return (struct index_walk){.index = ix, .tag = tag, .pos = tag & ix->mask};
}

/* The next slot with the tag, SLAB_NONE at the end. */
static inline uint32_t index_next(struct index_walk *w)
{
	uint64_t cell;

	while ((cell = w->index->cells[w->pos]) != 0) {
		w->pos = (w->pos + 1) & w->index->mask;
		if ((uint32_t)(cell >> 32) == w->tag) {
			return (uint32_t)cell - 1;
		}
	}
	return SLAB_NONE;
}

#endif
