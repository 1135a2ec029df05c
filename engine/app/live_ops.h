/* The seam between live.h and the kinds of sources behind it. Only app/live*.c include this.
 *
 * An implementation embeds struct live_source as its first member.
 */
#ifndef ENGINE_APP_LIVE_OPS_H
#define ENGINE_APP_LIVE_OPS_H

#include "app/live.h"
#include "app/records.h"

struct live_source;

struct live_ops {
	void (*start)(struct live_source *s);
	void (*tick)(struct live_source *s);
	void (*stop)(struct live_source *s);
	void (*stat)(struct live_source *s, struct live_stat *out);
	void (*close)(struct live_source *s); /* frees s */
	/* As in live.h; NULL where there is nothing to go on with. A section `name`. */
	void (*save)(const struct live_source *s, struct state_out *out, const char *name);
	int (*load)(struct live_source *s, struct state_in *in, const char *name);
	void (*reset)(struct live_source *s); /* as it was opened */
	void (*settle)(struct live_source *s, const struct event *event);
};

struct live_source {
	const struct live_ops *ops;
	const struct live_options *options; /* of the struct live */
	const struct config_source *config;
	size_t index;
};

/* One opening function a kind. NULL: why says it. */
struct live_source *live_open_pcap(const struct live_source *base, char why[LIVE_WHY]);
struct live_source *live_open_tail(const struct live_source *base, char why[LIVE_WHY]);
struct live_source *live_open_listen(const struct live_source *base, char why[LIVE_WHY]);

static inline struct records_source live_records(const struct live_source *s)
{
	return (struct records_source){
		.intake = s->options->intake,
		.index = s->index,
		.name = config_source_name(s->config),
		.tz = s->options->tz,
		.key = s->options->key,
		.attempts = s->config->attempts,
		.rejects = s->options->rejects,
	};
}

#endif
