#include "app/intake_parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"

enum {
	INSTANT_EVENTS_MAX = 65536,
	INSTANT_TEXT_MAX = 64 << 20,
};

/* ---- set-up ---- */

bool intake_group_init(struct group *g, size_t memory_max)
{
	const struct extsort_options options = {
		.memory_max = memory_max ? memory_max : INTAKE_MEMORY_MAX,
	};

	g->watermark_us = INSTANT_NONE;
	buf_reserve(&g->ahead, EVENT_BYTES_MAX);
	return !g->ahead.failed && extsort_new(&options, &g->waiting) == OK;
}

void intake_group_fini(struct group *g)
{
	extsort_free(g->waiting);
	buf_fini(&g->ahead);
}

struct intake *intake_new(const struct intake_options *options)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (!in) {
		return NULL;
	}
	in->options = *options;
	arena_init(&in->texts, INSTANT_TEXT_MAX);
	in->sources = calloc(options->source_count + 1, sizeof(*in->sources));
	in->instant = malloc(INSTANT_EVENTS_MAX * sizeof(*in->instant));
	buf_reserve(&in->packed, EVENT_BYTES_MAX);
	bool whole = in->sources && in->instant && !in->packed.failed;
	for (size_t i = 0; whole && i < INTAKE_GROUP_COUNT; i++) {
		whole = intake_group_init(&in->groups[i], options->memory_max);
	}
	if (!whole) {
		intake_free(in);
		return NULL;
	}
	for (size_t i = 0; i < options->source_count; i++) {
		in->sources[i].options = options->sources[i];
		in->sources[i].stat.newest_us = INSTANT_NONE;
		in->sources[i].event_us = INSTANT_NONE;
		in->sources[i].seen_mono_us = INSTANT_NONE;
	}
	return in;
}

void intake_free(struct intake *in)
{
	if (!in) {
		return;
	}
	for (size_t i = 0; i < INTAKE_GROUP_COUNT; i++) {
		intake_group_fini(&in->groups[i]);
	}
	intake_forget_gone(in);
	buf_fini(&in->packed);
	arena_fini(&in->texts);
	free(in->instant);
	free(in->sources);
	free(in);
}

/* ---- watermarks ---- */

static bool is_idle(const struct intake *in, const struct source *s)
{
	return s->seen_mono_us != INSTANT_NONE &&
	       in->mono_us - s->seen_mono_us >= s->options.idle_us;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A silent source: its newest event has left when the silence is `idle` old. */
static int64_t quiet_to(const struct intake *in, const struct source *s)
{
	int64_t silent_us = in->mono_us - s->seen_mono_us;

	return later(s->stat.newest_us, s->event_us) + silent_us - s->options.idle_us;
}

/* Where the watermark of a group may stand now; INSTANT_NONE: nowhere yet. */
static int64_t least_held(const struct intake *in, enum intake_group group)
{
	int64_t least = INT64_MAX, quiet = INSTANT_NONE;
	bool any_awake = false;

	for (size_t i = 0; i < in->options.source_count; i++) {
		const struct source *s = &in->sources[i];
		if (s->options.group != group) {
			continue;
		}
		bool heard = s->stat.newest_us != INSTANT_NONE;
		if (!is_idle(in, s)) {
			any_awake = true;
			int64_t at =
				heard ? s->stat.newest_us - s->options.reorder_us : INSTANT_NONE;
			least = at < least ? at : least;
		} else if (heard) {
			quiet = later(quiet, quiet_to(in, s));
		}
	}
	return any_awake ? least : quiet;
}

static void move_watermarks(struct intake *in)
{
	for (unsigned g = 0; g < INTAKE_GROUP_COUNT; g++) {
		struct group *group = &in->groups[g];
		int64_t at = least_held(in, (enum intake_group)g);
		if (at > group->watermark_us) {
			group->watermark_us = at;
			extsort_watermark(group->waiting, at + 1);
		}
	}
}

void intake_clock(struct intake *in, int64_t wall_us, int64_t mono_us)
{
	in->wall_us = wall_us;
	in->mono_us = mono_us;
	for (size_t i = 0; i < in->options.source_count; i++) {
		if (in->sources[i].seen_mono_us == INSTANT_NONE) {
			in->sources[i].seen_mono_us = mono_us;
		}
	}
}

static bool is_future(const struct intake *in, int64_t time_us)
{
	return time_us > in->wall_us + INTAKE_FUTURE_US;
}

enum reason intake_time(struct intake *in, size_t source, int64_t time_us)
{
	struct source *s = &in->sources[source];

	if (is_future(in, time_us)) {
		return REASON_FUTURE;
	}
	s->seen_mono_us = in->mono_us;
	s->stat.newest_us = later(s->stat.newest_us, time_us);
	return REASON_NONE;
}

/* ---- events ---- */

enum reason intake_wait(struct intake *in, struct group *g, const struct event *event)
{
	size_t size = event_packed_size(event);

	if (size >= EVENT_BYTES_MAX) {
		return REASON_SHED;
	}
	event_pack(event, in->packed.p);
	return extsort_push(g->waiting, event->time_us, in->packed.p, size) == OK ? REASON_NONE
	                                                                          : REASON_SHED;
}

void intake_put(struct intake *in, size_t source, const struct event *event)
{
	struct source *s = &in->sources[source];
	int64_t watermark_us = in->groups[s->options.group].watermark_us;
	struct event placed = *event;
	enum reason refused = REASON_NONE;

	placed.source = (uint16_t)source;
	stage_in(&s->stat.count, 1);
	if (is_future(in, event->time_us)) {
		refused = REASON_FUTURE;
	} else if (watermark_us == INSTANT_NONE || event->time_us >= watermark_us) {
		refused = intake_wait(in, &in->groups[s->options.group], &placed);
	} else if (watermark_us - event->time_us <= s->options.late_us) {
		s->stat.late_inserted++;
		stage_out(&s->stat.count, 1);
		in->options.push(in->options.user, &placed);
	} else {
		refused = REASON_LATE;
	}
	if (refused) {
		stage_drop(&s->stat.count, refused);
	} else {
		s->event_us = later(s->event_us, event->time_us);
	}
}

/* Takes the group's next event that may leave; false: none. */
static bool look_ahead(struct group *g)
{
	struct slice bytes;

	if (g->has_ahead || extsort_pop(g->waiting, &g->ahead_us, &bytes) <= 0) {
		return g->has_ahead;
	}
	buf_reset(&g->ahead);
	buf_slice(&g->ahead, bytes);
	g->has_ahead = true;
	return true;
}

static bool keep(struct intake *in, struct group *g)
{
	struct slice bytes = arena_copy(&in->texts, buf_view(&g->ahead));
	bool copied = bytes.p != NULL;

	if (!copied && in->instant_count > 0) {
		return false;
	}
	/* Without memory for a copy it leaves alone, before the next one takes its place. */
	event_unpack(copied ? bytes : buf_view(&g->ahead), &in->instant[in->instant_count++]);
	g->has_ahead = false;
	return copied;
}

static int cmp_events(const void *a, const void *b)
{
	return event_cmp(a, b);
}

/* Events that compare equal are equal in every member: an unstable sort cannot be seen. */
static void push_instant(struct intake *in)
{
	if (in->instant_count > 1) {
		qsort(in->instant, in->instant_count, sizeof(*in->instant), cmp_events);
	}
	for (size_t i = 0; i < in->instant_count; i++) {
		stage_out(&in->sources[in->instant[i].source].stat.count, 1);
		if (!intake_is_gone(in, &in->instant[i])) {
			in->options.push(in->options.user, &in->instant[i]);
		}
	}
}

/* The earliest time at which an event of any group may leave; false: none may. */
static bool next_time(struct intake *in, int64_t *time_us)
{
	bool any = false;

	for (unsigned g = 0; g < INTAKE_GROUP_COUNT; g++) {
		struct group *group = &in->groups[g];
		if (look_ahead(group) && (!any || group->ahead_us < *time_us)) {
			*time_us = group->ahead_us;
			any = true;
		}
	}
	return any;
}

static size_t release_due(struct intake *in)
{
	size_t released = 0;
	int64_t time_us;

	while (next_time(in, &time_us)) {
		in->instant_count = 0;
		arena_reset(&in->texts);
		for (unsigned g = 0; g < INTAKE_GROUP_COUNT; g++) {
			struct group *group = &in->groups[g];
			while (in->instant_count < INSTANT_EVENTS_MAX && look_ahead(group) &&
			       group->ahead_us == time_us && keep(in, group)) {
			}
		}
		push_instant(in);
		released += in->instant_count;
	}
	return released;
}

size_t intake_release(struct intake *in)
{
	move_watermarks(in);
	return release_due(in);
}

size_t intake_finish(struct intake *in)
{
	move_watermarks(in);
	for (unsigned g = 0; g < INTAKE_GROUP_COUNT; g++) {
		extsort_finish(in->groups[g].waiting);
	}
	return release_due(in);
}

/* ---- asking ---- */

int64_t intake_idle_time(const struct intake *in, size_t source)
{
	const struct source *s = &in->sources[source];

	if (s->stat.newest_us == INSTANT_NONE || !is_idle(in, s)) {
		return INSTANT_NONE;
	}
	return s->stat.newest_us + (in->mono_us - s->seen_mono_us);
}

int64_t intake_watermark(const struct intake *in, enum intake_group group)
{
	return in->groups[group].watermark_us;
}

size_t intake_waiting(const struct intake *in, enum intake_group group)
{
	const struct group *g = &in->groups[group];

	return extsort_held(g->waiting) + g->has_ahead;
}

void intake_stat(const struct intake *in, size_t source, struct intake_stat *out)
{
	*out = in->sources[source].stat;
}
