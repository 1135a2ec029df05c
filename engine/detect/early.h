/* The first events of a key. Most keys see one call or two and are gone: as long as no rule of the
 * group could be true, their events lie side by side in the row, once for all its rules, and enter
 * the windows when one more comes. What a rule sees is the same; a small key costs one block of
 * memory in place of one a window.
 *
 * An event is kept as: time, number, one word of bits (rules that let it in, filters that are true,
 * arguments that are present; of all rules together), arguments.
 */
#ifndef ENGINE_DETECT_EARLY_H
#define ENGINE_DETECT_EARLY_H

#include "detect/compile.h"

/* Lays out what the rules of a finished group log; early.max stays 0 when some rule may be true at
 * once, or when the bits or bytes do not suffice.
 */
void early_lay_out(struct detect_group *g);

/* Does the row still have room for an early event? */
static inline bool early_has_room(const struct detect_group *g, const struct row *row)
{
	return row->early < g->early.max;
}

/* Puts an event behind the early ones of the row: nothing logged yet ... */
void early_begin(const struct detect_group *g, struct row *row, int64_t time_us, uint64_t event);
/* ... then, for each rule that lets it in, what it logs (time_us and event are those of begin). */
void early_log(const struct detect_group *g, struct row *row, unsigned rule,
               const struct window_event *e);

/* Early event i as rule n of the group logged it; false when that rule did not let it in. */
bool early_read(const struct detect_group *g, const struct row *row, unsigned i, unsigned rule,
                struct window_event *e);

#endif
