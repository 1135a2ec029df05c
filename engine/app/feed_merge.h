/* Several feeds as one traffic in the order of event_cmp, as if they were one input. Equal events
 * come in the order of the feeds. A binary heap over the feeds' next events: log2(feeds)
 * comparisons an event.
 *
 *	err = feed_merge_new(feeds, count, &merge);
 *	while (feed_merge_next(merge, &event) == OK) ...     event.source: index of its feed
 *	for each feed: feed_merge_end(merge, i) == E_END ?    else it broke off
 *	feed_merge_free(merge);
 *
 * Slices of an event are valid until the next call. One thread.
 */
#ifndef ENGINE_APP_FEED_MERGE_H
#define ENGINE_APP_FEED_MERGE_H

#include <stddef.h>

#include "app/feed.h"

struct feed_merge;

enum { FEED_MERGE_MAX = UINT16_MAX };

/* The feeds (at most FEED_MERGE_MAX) stay the caller's, who closes them behind feed_merge_free.
 * E_NOMEM, E_RANGE.
 */
int feed_merge_new(struct feed *const *feeds, size_t count, struct feed_merge **merge);
/* OK or E_END. A feed that fails ends there; the others go on. */
int feed_merge_next(struct feed_merge *m, struct event *event);
/* How feed i ended: E_END, or E_IO; OK while it goes on. */
int feed_merge_end(const struct feed_merge *m, size_t i);
void feed_merge_free(struct feed_merge *m);

#endif
