/* One sliding window of one key: the events of (t - span, t] that passed a rule's filter, and
 * every aggregate over them (rule-language.md section 7).
 *
 * What a value is does not depend on the plan:
 *	exact  while at most exact_max events lie in the window, over exactly those;
 *	panes  beyond: over the events of the panes (span / resolution wide, counted from 1970) that
 *	       lie wholly inside the window, and of the present pane; back to exact when a full
 *	       window has passed below exact_max / 2.
 * distinct is exact to 4096 values, then HyperLogLog p = 12; quantile is exact to 256 values, then
 * within 1 % (log-linear bins, 64 an octave: C. Masson et al., DDSketch, VLDB 2019, linearly
 * interpolated mapping); entropy and top_share are exact in an exact window and read Space-Saving
 * summaries of 64 values a pane beyond (A. Metwally et al., ICDT 2005).
 *
 * The plan:
 *	cold   up to WINDOW_COLD events: a small ring log of (time, event number, flags, arguments);
 *	       aggregates scan it. Most keys stay here: a caller with three calls a day costs tens
 *of bytes. hot    more: running sums, value counters and bins beside the log: O(1) an event. panes
 *as above; the log keeps turning so that the way back is exact. tests/unit/features/window_plain.h
 *is the slow form of the same definition: the oracle.
 *
 * Time is the event's. Events may come late: they are inserted at their place.
 */
#ifndef ENGINE_FEATURES_WINDOW_H
#define ENGINE_FEATURES_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/hash.h"
#include "features/pool.h"

enum {
	WINDOW_ARGS_MAX = 16,
	WINDOW_FILTERS_MAX = 32,
	WINDOW_MEASURES_MAX = 32,
	WINDOW_COLD = 24,
	WINDOW_DISTINCT_EXACT = 4096,
	WINDOW_QUANTILE_EXACT = 256,
};

enum measure_fn {
	MEASURE_COUNT = 0, /* also rate: the caller divides */
	MEASURE_SUM,
	MEASURE_AVG,
	MEASURE_MIN,
	MEASURE_MAX,
	MEASURE_STDDEV,
	MEASURE_DISTINCT,
	MEASURE_RATIO, /* events with filter `cond` true / events */
	MEASURE_QUANTILE,
	MEASURE_ENTROPY,
	MEASURE_TOP_SHARE,
	MEASURE_FIRST,
	MEASURE_LAST,
};

/* One aggregate: which argument it reads, which filter bit an event must have. */
struct measure {
	enum measure_fn fn;
	int arg;    /* index into the event's arguments; -1: none */
	int filter; /* bit of window_event.flags; -1: all events */
	int cond;   /* RATIO: bit of the condition */
	double q;   /* QUANTILE: 0..1 */
};

struct window_spec {
	int64_t span_us;
	unsigned resolution;
	unsigned exact_max;
	unsigned arg_count;
	struct measure measures[WINDOW_MEASURES_MAX];
	unsigned measure_count;
	/* Filled by window_spec_finish. */
	size_t stride;   /* bytes of an event in the log */
	int64_t pane_us; /* at least 1 */
	size_t hot_size; /* bytes of the running state */
	size_t hot_at[WINDOW_MEASURES_MAX];
	size_t pane_size;
	size_t pane_at[WINDOW_MEASURES_MAX];
};

void window_spec_finish(struct window_spec *spec);

/* An event as it enters a window. Numeric arguments are integers (us, millionths, counts); for
 * distinct, entropy and top_share any 64-bit identity of the value.
 */
struct window_event {
	int64_t time_us;
	uint64_t event; /* its number: names the call in the evidence */
	uint32_t flags; /* bit n: filter n is true */
	uint32_t has;   /* bit n: argument n is present */
	uint64_t args[WINDOW_ARGS_MAX];
};

/* 24 bytes in the key's row; all zero is an empty window. */
struct window {
	pool_ref log;   /* ring of events */
	pool_ref hot;   /* running state; 0 while cold */
	pool_ref panes; /* 0 while exact */
	uint32_t head;  /* oldest event in the ring */
	uint32_t count; /* events in the ring that lie in the window (exact), or kept (panes) */
	uint32_t cap;   /* of the ring, a power of two */
};

/* What several windows of a shard share. */
struct window_room {
	struct pool *pool;
	const struct hash_key *key;
	uint64_t *scratch; /* WINDOW_SCRATCH words, one a thread */
};
enum { WINDOW_SCRATCH = 16384 };

/* Adds an event and moves the window to the newest time seen. E_FULL when the pool is: nothing has
 * changed then, the caller evicts another key and tries again.
 */
int window_add(struct window_room *room, const struct window_spec *spec, struct window *w,
               const struct window_event *event);
/* Drops what is no longer in (t - span, t]. */
void window_advance(struct window_room *room, const struct window_spec *spec, struct window *w,
                    int64_t time_us);
void window_clear(struct window_room *room, const struct window_spec *spec, struct window *w);

/* Events in the window as `count()` sees them. */
uint64_t window_count(const struct window_room *room, const struct window_spec *spec,
                      const struct window *w, int64_t time_us);
bool window_exact(const struct window *w);

struct measured {
	bool missing;
	bool is_float; /* f: AVG (in units of the argument), STDDEV, RATIO, ENTROPY, TOP_SHARE */
	int64_t i;
	double f;
};

/* The n-th measure at time_us (the newest event's time, or later). */
struct measured window_measure(struct window_room *room, const struct window_spec *spec,
                               const struct window *w, unsigned n, int64_t time_us);

/* The newest event numbers counted, oldest first: at most max into out. Returns how many. */
size_t window_evidence(const struct window_room *room, const struct window_spec *spec,
                       const struct window *w, uint64_t *out, size_t max);
/* The latest time in the window; INT64_MIN when empty. */
int64_t window_newest(const struct window_room *room, const struct window_spec *spec,
                      const struct window *w);

#endif
