/* What intake.c and intake_state.c share. */
#ifndef ENGINE_APP_INTAKE_PARTS_H
#define ENGINE_APP_INTAKE_PARTS_H

#include "app/intake.h"
#include "core/arena.h"
#include "core/buf.h"
#include "core/extsort.h"

enum { EVENT_BYTES_MAX = 1 << 20 }; /* what extsort takes */

struct gone;

struct source {
	struct intake_source options;
	struct intake_stat stat;
	int64_t event_us;     /* newest event time; INSTANT_NONE before the first */
	int64_t seen_mono_us; /* when it was last heard, or made */
};

struct group {
	struct extsort *waiting;
	int64_t watermark_us; /* INSTANT_NONE: none yet */
	/* The next event to leave, taken from waiting. */
	bool has_ahead;
	int64_t ahead_us;
	struct buf ahead;
};

struct intake {
	struct intake_options options;
	struct source *sources;
	struct group groups[INTAKE_GROUP_COUNT];
	int64_t wall_us;
	int64_t mono_us;
	struct buf packed;
	struct gone *gone; /* intake_state.c; NULL: nothing to look for */
	/* The events of one instant, while they are sorted. */
	struct event *instant;
	size_t instant_count;
	struct arena texts;
};

/* A new, empty group in *g. False: no memory. */
bool intake_group_init(struct group *g, size_t memory_max);
void intake_group_fini(struct group *g);
/* Keeps event until the watermark of its group reaches it. */
enum reason intake_wait(struct intake *in, struct group *g, const struct event *event);

/* Was it let out by the process before? Asked once an event. */
bool intake_is_gone(struct intake *in, const struct event *event);
void intake_forget_gone(struct intake *in);

#endif
