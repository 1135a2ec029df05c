/* The daemon's counters as Prometheus text (exposition format 0.0.4). */
#ifndef ENGINE_APP_METRICS_H
#define ENGINE_APP_METRICS_H

#include "app/intake.h"
#include "app/live.h"
#include "app/pipeline.h"
#include "core/buf.h"
#include "store/call_log.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_source {
	const char *name;
	struct live_stat live;
	struct intake_stat intake; /* all zero for a file that ends */
};

struct metrics_sink {
	const char *name;
	struct sink_stats stats;
	bool connected;
};

struct metrics_group {
	const char *name;
	int64_t watermark_us; /* INSTANT_NONE: none yet */
	size_t waiting;
};

/* Everything at one moment, gathered by the daemon. */
struct metrics {
	const struct metrics_source *sources;
	size_t source_count;
	struct pipeline_stats pipeline;
	struct metrics_sink sinks[PIPELINE_SINKS_MAX];
	size_t sink_count;
	struct metrics_group groups[INTAKE_GROUP_COUNT];
	struct call_log_stats log; /* all zero without a call log */
	uint64_t snapshots;
	uint64_t snapshots_failed;
	size_t rules;
	uint64_t reloads;
	uint64_t reloads_failed;
	int64_t started_us;
	int64_t now_us;
};

void metrics_write(const struct metrics *m, struct buf *out);

#endif
