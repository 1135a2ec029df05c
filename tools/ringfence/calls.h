/* ringfence calls: every call of the inputs, one a line, in the columns of a generic call record
 * (interfaces.md 1.1 and section 2), so that what it writes from a capture can be read back as
 * call records.
 */
#ifndef TOOLS_RINGFENCE_CALLS_H
#define TOOLS_RINGFENCE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "app/feed.h"
#include "enrich/normalise.h"
#include "store/log_reader.h"

/* The inputs are one traffic, merged by time; of a call id seen twice within 24 h the first is
 * written. norm, where not NULL, brings numbers to +E.164; others are written as seen. Complaints
 * go to stderr and the remaining inputs are read none the less. Returns an exit status: 0, 1 for
 * bad input, 3 for an internal error (memory, or out cannot be written).
 */
int calls_run(const char *const *inputs, size_t count, const struct feed_options *options,
              const struct normaliser *norm, bool json, FILE *out);

/* The same calls, one by one, as events; fn gives OK to go on. */
int calls_each(const char *const *inputs, size_t count, const struct feed_options *options,
               int (*fn)(void *user, const struct event *e), void *user);
/* Single calls out of the call log, in its order: those that the query asks for, how many more
 * there are on standard error. Every damaged place of the log is said there too. Returns the exit
 * status.
 */
int calls_find(const struct log_reader_options *log, const struct log_query *query,
               const struct normaliser *norm, bool json, FILE *out);

#endif
