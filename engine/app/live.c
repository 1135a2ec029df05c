#include "app/live.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/live_ops.h"
#include "core/err.h"
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

/* ---- going on ---- */

static void section_name(const struct live_source *s, char name[STATE_NAME_SIZE])
{
	(void)snprintf(name, STATE_NAME_SIZE, "live.%zu", s->index);
}

void live_save(const struct live *live, struct state_out *out)
{
	char name[STATE_NAME_SIZE];

	for (size_t i = 0; i < live->count; i++) {
		const struct live_source *s = live->sources[i];
		if (s->ops->save) {
			section_name(s, name);
			s->ops->save(s, out, name);
		}
	}
}

int live_load(struct live *live, struct state_in *in)
{
	char name[STATE_NAME_SIZE];
	int err = OK;

	for (size_t i = 0; err == OK && i < live->count; i++) {
		struct live_source *s = live->sources[i];
		if (s->ops->load) {
			section_name(s, name);
			err = s->ops->load(s, in, name);
		}
	}
	return err;
}

void live_reset(struct live *live)
{
	for (size_t i = 0; i < live->count; i++) {
		if (live->sources[i]->ops->reset) {
			live->sources[i]->ops->reset(live->sources[i]);
		}
	}
}

void live_settle(struct live *live, const struct event *event)
{
	struct live_source *s = live->sources[event->source];

	if (s->ops->settle) {
		s->ops->settle(s, event);
	}
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
