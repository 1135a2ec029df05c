/* ringfence inspect: what is in these files, before anybody asks what it means. Packets, SIP by
 * method and code, calls, records, and how much was refused for which reason; several inputs are
 * summed. Its JSON is in interfaces.md section 2.
 */
#ifndef TOOLS_RINGFENCE_INSPECT_H
#define TOOLS_RINGFENCE_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "app/feed.h"

/* Writes one report of all inputs to out; complaints go to stderr and the remaining inputs are
 * read none the less. Returns an exit status: 0, 1 for bad input, 3 for an internal error.
 */
int inspect_run(const char *const *inputs, size_t count, const struct feed_options *options,
                bool json, FILE *out);

#endif
