/* Alerts into Redis (interfaces.md 5): a stream entry with an explicit id, then, once that is
 * acknowledged, the doorbell on the Pub/Sub channel of its severity.
 *
 * push copies the alert into a bounded queue and never waits; a thread of the sink's own talks to
 * the server. Ids are <epoch>-<seq>: after a lost connection everything without an answer is sent
 * again, and an id that the server refuses counts as delivered only when the stream shows our own
 * entry under it; otherwise somebody else writes this stream: the sink stops publishing and says
 * so. The epoch is max(now, newest epoch in the stream + 1), chosen at the first connection of a
 * run.
 *
 * Alerts wait in memory alone: `dur` of every entry is "degraded".
 */
#ifndef ENGINE_SINKS_REDIS_H
#define ENGINE_SINKS_REDIS_H

#include <stddef.h>

#include "sinks/sink.h"

enum { REDIS_QUEUE_BYTES = 256 << 20 };

struct redis_options {
	const char *url;
	const char *user;     /* NULL: none */
	const char *password; /* NULL: none */
	const char *site;
	const char *engine;
	int64_t now_ms;     /* the clock is app's: for the epoch; 0 lets the stream decide alone */
	size_t queue_bytes; /* 0: REDIS_QUEUE_BYTES */
};

/* NULL: *why says what is wrong with the options. A server that is away is no error: it is tried
 * again until close.
 */
struct sink *sink_redis_open(const struct redis_options *options, const char **why);

/* "connected", "connecting", "fenced: …": for metrics and logs. Static text. */
const char *sink_redis_state(const struct sink *sink);

#endif
