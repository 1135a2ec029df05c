/* Brings the events of live sources into the one order of rule-language.md section 8 (Time,
 * Watermark) before they enter the pipeline.
 *
 * Sources form two groups, signalling and records. Each group has a watermark: the least of (newest
 * ordering time - reorder) over those of its sources that are not silent. The ordering time is the
 * capture time of a packet, the start of a call record. Events wait until their group's watermark
 * has reached them and leave in the order of event_cmp; no group waits for the other.
 *
 *	intake_clock(in, wall_us, mono_us);           before anything else, whenever time has passed
 *	if (intake_time(in, source, packet.time_us) == REASON_NONE)
 *		intake_put(in, source, &event);       any number of events
 *	intake_release(in);                           after a round of reading, and from a timer
 *
 * An event older than the watermark is late: within the source's `late` it goes on at once (windows
 * insert it at its place), else it is counted as late. One more than five minutes ahead of the
 * clock is counted as future and moves nothing. A source silent for its `idle` holds its group no
 * longer; once all of a group are, its watermark stands at their newest event and goes on from
 * there with the monotonic clock.
 *
 * Memory: memory_max a group; what has no room is shed and counted, nothing ever blocks. Clocks are
 * arguments. One thread.
 */
#ifndef ENGINE_APP_INTAKE_H
#define ENGINE_APP_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/state.h"
#include "core/stats.h"
#include "model/event.h"

enum intake_group { INTAKE_SIGNALLING = 0, INTAKE_RECORDS, INTAKE_GROUP_COUNT };

#define INTAKE_FUTURE_US  (5 * US_PER_MIN)
#define INTAKE_MEMORY_MAX ((size_t)256 << 20)

struct intake_source {
	enum intake_group group;
	int64_t reorder_us;
	int64_t late_us;
	int64_t idle_us;
};

struct intake_options {
	const struct intake_source *sources; /* copied */
	size_t source_count;
	size_t memory_max;                                   /* a group; 0: INTAKE_MEMORY_MAX */
	void (*push)(void *user, const struct event *event); /* in order */
	void *user;
};

/* Of one source: in = out + dropped (late, future, shed) + those that wait. */
struct intake_stat {
	struct stage_count count;
	uint64_t late_inserted; /* of out: behind the watermark */
	int64_t newest_us;      /* ordering time; INSTANT_NONE before the first */
};

struct intake;

struct intake *intake_new(const struct intake_options *options); /* NULL: no memory */
void intake_free(struct intake *in);

/* The clock of the day, and one that never goes back. */
void intake_clock(struct intake *in, int64_t wall_us, int64_t mono_us);
/* A packet or a record with this ordering time has come. REASON_FUTURE: it is to be dropped (and
 * counted by the caller, who alone knows what it held).
 */
enum reason intake_time(struct intake *in, size_t source, int64_t time_us);
void intake_put(struct intake *in, size_t source, const struct event *event);
/* Pushes what the watermarks have reached; returns how many events. */
size_t intake_release(struct intake *in);
/* Pushes everything: the end. */
size_t intake_finish(struct intake *in);

/* ---- going on after another process ---- */

/* A section "intake": how far sources and watermarks are, and what waits. E_NOMEM, else what out
 * says.
 */
int intake_save(struct intake *in, struct state_out *out);
/* Goes on from there, with the same sources; their silence counts from now. What waited counts as
 * in once more. After an error (E_INVALID with state->why, E_NOTFOUND, E_NOMEM) nothing has
 * changed.
 */
int intake_load(struct intake *in, struct state_in *state, const struct hash_key *key);
/* Empty again, as it was made. */
int intake_reset(struct intake *in); /* E_NOMEM */
/* An event that was let out after the saving, as the call log tells (any of the columns that it
 * always keeps): it is not let out again, and sources and watermarks are as far as it at least.
 */
void intake_settle(struct intake *in, const struct event *event);

/* Where a source that fell silent would be by now: its newest time and what has passed since;
 * INSTANT_NONE while it is not silent, or nothing came yet.
 */
int64_t intake_idle_time(const struct intake *in, size_t source);
/* INSTANT_NONE before the first event of the group. */
int64_t intake_watermark(const struct intake *in, enum intake_group group);
size_t intake_waiting(const struct intake *in, enum intake_group group);
void intake_stat(const struct intake *in, size_t source, struct intake_stat *out);

#endif
