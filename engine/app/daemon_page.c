#include <string.h>

#include "app/daemon_parts.h"
#include "sinks/redis.h"

static void gather_sources(const struct daemon *d, struct metrics_source *out)
{
	for (size_t i = 0; i < d->live_count; i++, out++) {
		*out = (struct metrics_source){.name = d->names[i]};
		live_stat(d->live, i, &out->live);
		intake_stat(d->intake, i, &out->intake);
	}
	for (size_t i = 0; i < d->inputs.count; i++, out++) {
		struct feed_stat stat;
		feed_stat(d->inputs.feeds[i], &stat);
		*out = (struct metrics_source){.name = d->inputs.names[i]};
		out->live.decode = stat.decode;
		out->live.calls = stat.calls;
		out->live.bytes = stat.bytes;
		out->live.up = d->merge != NULL;
	}
}

static void gather_sinks(const struct daemon *d, struct metrics *m)
{
	if (d->hold) {
		struct metrics_sink *out = &m->sinks[m->sink_count++];
		out->name = d->hold->ops->name;
		out->connected = true;
		d->hold->ops->stats(d->hold, &out->stats);
	}
	for (size_t i = 0; i < d->sink_count; i++) {
		struct metrics_sink *out = &m->sinks[m->sink_count++];
		out->name = d->sinks[i]->ops->name;
		out->connected = d->sinks[i] != d->redis_sink ||
		                 strcmp(sink_redis_state(d->sinks[i]), "connected") == 0;
		d->sinks[i]->ops->stats(d->sinks[i], &out->stats);
	}
}

void daemon_gather(struct daemon *d, struct metrics *m, struct metrics_source *sources)
{
	static const char *const groups[INTAKE_GROUP_COUNT] = {"signalling", "records"};

	*m = (struct metrics){
		.sources = sources,
		.source_count = d->name_count,
		.rules = d->site->rules->rule_count,
		.snapshots = d->snapshots,
		.snapshots_failed = d->snapshots_failed,
		.reloads = d->reloads,
		.reloads_failed = d->reloads_failed,
		.started_us = d->started_us,
		.now_us = daemon_wall_us(),
	};
	gather_sources(d, sources);
	pipeline_stats(d->pipeline, &m->pipeline); /* first: then no batch is under way */
	gather_sinks(d, m);
	if (d->call_log) {
		call_log_stats(d->call_log, &m->log);
	}
	for (unsigned g = 0; g < INTAKE_GROUP_COUNT; g++) {
		m->groups[g] = (struct metrics_group){
			.name = groups[g],
			.watermark_us = intake_watermark(d->intake, (enum intake_group)g),
			.waiting = intake_waiting(d->intake, (enum intake_group)g),
		};
	}
}

bool daemon_page(void *user, const char *path, struct buf *body, const char **type)
{
	struct metrics_source sources[PIPELINE_SOURCES_MAX];
	struct metrics m;

	if (strcmp(path, "/metrics") != 0) {
		return false;
	}
	daemon_gather(user, &m, sources);
	metrics_write(&m, body);
	*type = METRICS_TYPE;
	return true;
}
