/* Several feeds as one traffic in the one total order of rule-language.md section 8.
 *
 * Each feed is in time order; of events with equal time all feeds' groups are gathered and sorted
 * by the whole event, so the result does not depend on which input is named first. A single feed
 * comes as it is: it orders its own ties (packets as in the file, records by the whole event).
 *
 * One thread. Events are valid until the next call.
 */
#ifndef ENGINE_APP_MERGE_H
#define ENGINE_APP_MERGE_H

#include "app/feed.h"

struct merge;

/* Borrows the feeds; NULL: no memory. */
struct merge *merge_new(struct feed *const *feeds, size_t count);
void merge_free(struct merge *m);
/* OK, E_END, E_IO (a feed failed; feeds that did not are still read to their end), E_NOMEM. */
int merge_next(struct merge *m, struct event *event);
/* True once a feed ended with an error; index of the first such feed in *which. */
bool merge_failed(const struct merge *m, size_t *which);

#endif
