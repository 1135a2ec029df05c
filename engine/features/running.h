/* Running state of a hot window's measures: what makes an evaluation O(1).
 *
 * In an exact window events are added and removed; over panes they are only added, and the state
 * is rebuilt from the panes when the present pane changes (panes.h).
 */
#ifndef ENGINE_FEATURES_RUNNING_H
#define ENGINE_FEATURES_RUNNING_H

#include "features/counter.h"
#include "features/window.h"

/* n: events that count for the measure; the rest by function. */
struct running_sum {
	uint64_t n;
	__int128 sum;
	__int128 squares;
};

struct running_ratio {
	uint64_t n;    /* events that pass the filter */
	uint64_t held; /* of them with the condition true */
};

struct running_extreme {
	uint64_t n;
	int64_t value;
	bool stale; /* the extreme left the window: look through the log again */
};

struct running_values {
	uint64_t n;
	struct counter counter;
	__int128 c_log_c; /* sum of count * log2(count), fixed point */
};

struct running_bins {
	uint64_t n;
	pool_ref bins; /* uint32_t[BINS_COUNT]; 0 while n is at most WINDOW_QUANTILE_EXACT */
};

/* Bytes that a measure needs in the running state, by function. */
size_t running_size(enum measure_fn fn);

/* Does the event count for the measure? */
static inline bool measure_takes(const struct measure *m, const struct window_event *e)
{
	return (m->filter < 0 || (e->flags >> m->filter & 1)) &&
	       (m->arg < 0 || (e->has >> m->arg & 1));
}

/* state points at the measure's part. E_FULL when the pool is; the state is unusable then and the
 * caller throws the whole running state away.
 */
int running_add(struct window_room *room, const struct measure *m, void *state,
                const struct window_event *e);
void running_remove(struct window_room *room, const struct measure *m, void *state,
                    const struct window_event *e);
void running_clear(struct window_room *room, const struct measure *m, void *state);

/* Gives a quantile its bins, empty: the caller adds the events of the window again. E_FULL. */
int running_open_bins(struct window_room *room, struct running_bins *s);

/* Value from running state alone; QUANTILE only beyond WINDOW_QUANTILE_EXACT values, MIN and MAX
 * only when not stale, FIRST and LAST never.
 */
struct measured running_value(const struct window_room *room, const struct measure *m,
                              const void *state);

/* Shared with the scans of cold windows and panes. */
struct measured measured_missing(void);
struct measured measured_int(int64_t value);
struct measured measured_float(double value);
struct measured measured_sum(const struct measure *m, const struct running_sum *s);
/* log2(n) - sum(c log2 c) / n. */
struct measured measured_entropy(uint64_t n, __int128 c_log_c);
/* 1-based rank of the q-quantile of n values: ceil(q n), at least 1. */
uint64_t quantile_rank(double q, uint64_t n);
int64_t c_log_c(uint64_t c);

#endif
