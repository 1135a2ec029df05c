/* Alerts as JSON lines into a file or standard output. */
#ifndef ENGINE_SINKS_NDJSON_H
#define ENGINE_SINKS_NDJSON_H

#include "sinks/sink.h"

/* path "-" is standard output; a file is appended to. NULL: errno says why. */
struct sink *sink_ndjson_open(const char *path);

/* Goes on behind what another process of the same run wrote: a line that broke off is cut, alerts
 * up to the number of the last whole one are taken as written. E_IO.
 */
int sink_ndjson_resume(struct sink *sink, const char *path);
/* That number; 0: none. */
uint64_t sink_ndjson_last(const struct sink *sink);

#endif
