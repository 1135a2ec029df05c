/* Alerts as JSON lines into a file or standard output. */
#ifndef ENGINE_SINKS_NDJSON_H
#define ENGINE_SINKS_NDJSON_H

#include "sinks/sink.h"

/* path "-" is standard output; a file is appended to. NULL: errno says why. */
struct sink *sink_ndjson_open(const char *path);

#endif
