/* Alerts on their way to other sinks, held back until the call log has the events that raised them.
 * An alert that is out while its events are not on record would be raised once more by whoever goes
 * on after a kill: out means on record.
 *
 *	push                                  any thread
 *	mark = sink_hold_mark(hold);          everything pushed so far
 *	... the log holds all events of now ...
 *	sink_hold_release(hold, mark);        to the other sinks, in order
 *
 * Memory is bounded by HOLD_BYTES_MAX; beyond it alerts are refused and counted. Closing does not
 * pass on what is held, nor close the other sinks.
 */
#ifndef ENGINE_SINKS_HOLD_H
#define ENGINE_SINKS_HOLD_H

#include <stddef.h>

#include "sinks/sink.h"

enum { HOLD_SINKS_MAX = 8, HOLD_BYTES_MAX = 64 << 20 };

/* to is copied, its sinks outlive the result. NULL: no memory. */
struct sink *sink_hold_open(struct sink *const *to, size_t count);
/* How many alerts were pushed since it was opened. */
uint64_t sink_hold_mark(const struct sink *hold);
/* Passes on what was pushed up to then. */
void sink_hold_release(struct sink *hold, uint64_t mark);

#endif
