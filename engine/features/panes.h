/* A window that holds more than exact_max events: its past in panes of span / resolution.
 *
 * The set is every event of the panes that lie wholly inside (t - span, t], and of the present
 * pane: panes low..now. The running state of window.h is kept as the sum over that set and is
 * rebuilt when the set changes, once a pane; distinct keeps the pane in which each value was last
 * seen (enough, because the set is always a suffix of the panes), beyond 4096 values one
 * HyperLogLog a pane (P. Flajolet et al., 2007, p = 12; linear counting in the small range).
 */
#ifndef ENGINE_FEATURES_PANES_H
#define ENGINE_FEATURES_PANES_H

#include "features/running.h"
#include "features/window.h"

enum {
	PANE_BINS_MAX = 512,      /* of a quantile; the lowest two are joined beyond */
	PANE_SUMMARY_VALUES = 64, /* Space-Saving counters of entropy and top_share */
	HLL_P = 12,
	HLL_REGISTERS = 1 << HLL_P,
};

/* Bytes that a measure needs in a pane, by function. */
size_t pane_part_size(enum measure_fn fn);

/* Makes the panes of a window from the events of its log (in order of time). E_FULL. */
int panes_open(struct window_room *room, const struct window_spec *spec, struct window *w,
               const struct window_event *events(const struct window *, uint32_t, void *),
               void *user);
/* Adds an event at its place. E_FULL: nothing has changed. */
int panes_add(struct window_room *room, const struct window_spec *spec, struct window *w,
              const struct window_event *event);
/* Moves the set to time_us. True when a full window has passed below exact_max / 2. */
bool panes_advance(struct window_room *room, const struct window_spec *spec, struct window *w,
                   int64_t time_us);
void panes_close(struct window_room *room, const struct window_spec *spec, struct window *w);
uint64_t panes_count(const struct window_room *room, const struct window *w);
struct measured panes_measure(struct window_room *room, const struct window_spec *spec,
                              const struct window *w, unsigned n);

#endif
