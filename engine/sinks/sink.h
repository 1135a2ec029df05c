/* Where alerts go. One file a kind of sink implements this table; app/ chooses by configuration.
 *
 * push never blocks: it copies what it keeps. A sink that cannot write now keeps at most its bound
 * and refuses beyond it; what was refused is counted, never silent.
 */
#ifndef ENGINE_SINKS_SINK_H
#define ENGINE_SINKS_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "model/alert.h"

struct sink_stats {
	uint64_t written; /* the other side has them for certain */
	uint64_t refused; /* had no room, or the other side will never take them */
	uint64_t waiting; /* kept, not yet confirmed */
};

struct sink;

struct sink_ops {
	const char *name; /* as in messages: "ndjson" */
	/* False: refused (counted by the sink). */
	bool (*push)(struct sink *sink, const struct alert *alert);
	/* Waits until nothing is waiting, at most timeout_ms; true when all is written. */
	bool (*drain)(struct sink *sink, int timeout_ms);
	void (*stats)(const struct sink *sink, struct sink_stats *out);
	void (*close)(struct sink *sink);
};

/* First member of every sink. */
struct sink {
	const struct sink_ops *ops;
};

#endif
