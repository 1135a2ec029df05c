#include "app/live.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/live_ops.h"
#include "core/log.h"

struct live {
	struct live_options options;
	struct live_source *sources[PIPELINE_SOURCES_MAX];
	size_t count;
	bool running;
};

static struct live_source *(*const openers[])(const struct live_source *base,
                                              char why[LIVE_WHY]) = {
	[SOURCE_PCAP] = live_open_pcap,
	[SOURCE_CDR_FILE] = live_open_tail,
	[SOURCE_CDR_LISTEN] = live_open_listen,
};

struct live *live_open(const struct live_options *options, char why[LIVE_WHY])
{
	struct live *live = calloc(1, sizeof(*live));

	if (!live) {
		(void)snprintf(why, LIVE_WHY, "no memory");
		return NULL;
	}
	live->options = *options;
	for (size_t i = 0; i < options->source_count; i++) {
		const struct live_source base = {
			.options = &live->options, .config = options->sources[i], .index = i};
		struct live_source *s = openers[base.config->kind](&base, why);
		if (!s) {
			live_close(live);
			return NULL;
		}
		live->sources[live->count++] = s;
		log_info("sources", "opened name=%s", config_source_name(base.config));
	}
	return live;
}

void live_start(struct live *live)
{
	live->running = true;
	for (size_t i = 0; i < live->count; i++) {
		live->sources[i]->ops->start(live->sources[i]);
	}
}

void live_tick(struct live *live)
{
	for (size_t i = 0; live->running && i < live->count; i++) {
		live->sources[i]->ops->tick(live->sources[i]);
	}
}

void live_stop(struct live *live)
{
	for (size_t i = 0; live->running && i < live->count; i++) {
		live->sources[i]->ops->stop(live->sources[i]);
	}
	live->running = false;
}

void live_stat(const struct live *live, size_t source, struct live_stat *out)
{
	*out = (struct live_stat){.up = true};
	live->sources[source]->ops->stat(live->sources[source], out);
}

void live_close(struct live *live)
{
	if (!live) {
		return;
	}
	live_stop(live);
	for (size_t i = 0; i < live->count; i++) {
		live->sources[i]->ops->close(live->sources[i]);
	}
	free(live);
}
