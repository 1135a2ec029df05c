/* How panes lie in memory: for panes*.c, and for those who save and examine them. */
#ifndef ENGINE_FEATURES_PANES_PARTS_H
#define ENGINE_FEATURES_PANES_PARTS_H

#include "features/panes.h"

struct pane {
	int64_t index; /* time / pane_us, rounded down; EMPTY */
	uint64_t count;
	/* The measures' parts follow at spec->pane_at. */
};

#define PANE_EMPTY INT64_MIN

struct pane_bins {
	uint64_t n;
	uint32_t used;
	struct pane_bin {
		uint32_t bin;
		uint32_t count;
	} bins[PANE_BINS_MAX]; /* by bin */
};

struct pane_summary {
	uint64_t n;
	uint32_t used;
	struct counter_cell cells[PANE_SUMMARY_VALUES];
};

struct pane_edge { /* FIRST, LAST */
	bool has;
	int64_t time_us;
	uint64_t event;
	int64_t value;
};

/* distinct over the whole set: exact by last pane, or registers a pane and their maximum. */
struct pane_distinct {
	struct counter seen; /* value -> offset of the pane since PANE_BASE, at least 1 */
	uint64_t live;       /* of them last seen in the set */
	pool_ref registers;  /* uint8_t[slots][HLL_REGISTERS]; 0 while exact */
	pool_ref merged; /* uint8_t[HLL_REGISTERS], then uint32_t[64]: how many have each rank */
};

struct panes {
	_Alignas(__int128) uint32_t slots; /* the sums of the panes behind ask for it */
	int64_t low;                       /* first pane of the set */
	int64_t now;                       /* last one */
	int64_t busy_us;                   /* when the set last held exact_max / 2 events */
	uint64_t count;                    /* events in the set */
	struct pane_distinct distinct[WINDOW_MEASURES_MAX];
	/* slots panes of spec->pane_size follow */
};

static inline struct pane *slot_of(const struct window_spec *spec, struct panes *p, int64_t index)
{
	size_t slot = (size_t)((uint64_t)index % p->slots);

	return (struct pane *)((char *)(p + 1) + slot * spec->pane_size);
}

/* distinct over the set: adds a value seen in pane index. E_FULL. */
int distinct_add(struct window_room *room, const struct window_spec *spec, struct panes *p,
                 struct pane_distinct *d, int64_t index, uint64_t value);
/* The set has moved. */
void distinct_move(struct window_room *room, const struct window_spec *spec, struct panes *p,
                   struct pane_distinct *d);
/* The slot of pane index begins anew. */
void distinct_clear_pane(const struct window_room *room, const struct panes *p,
                         const struct pane_distinct *d, int64_t index);
int64_t distinct_value(const struct window_room *room, const struct pane_distinct *d);
void distinct_close(struct window_room *room, struct pane_distinct *d);

#endif
