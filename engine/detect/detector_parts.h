/* What the files of the detector share; nobody else includes it. */
#ifndef ENGINE_DETECT_DETECTOR_PARTS_H
#define ENGINE_DETECT_DETECTOR_PARTS_H

#include "core/instant.h"
#include "core/team.h"
#include "detect/callids.h"
#include "detect/compile.h"
#include "detect/detector.h"
#include "detect/dynamic_list.h"
#include "detect/effects.h"
#include "detect/scores.h"
#include "detect/seen.h"
#include "detect/timers.h"
#include "features/counter.h"

/* How a batch is cut into tasks. Fixed, so that nothing depends on the number of threads. */
enum {
	DETECT_RANGES = 4, /* of events: predicates and keys */
	DETECT_BLOCKS = 16,
	BLOCK_SHARDS = TABLE_SHARDS / DETECT_BLOCKS, /* windows and conditions */
};

/* An event that enters windows of a group. */
struct hit {
	struct hash128 key;
	uint64_t rules; /* bit n: rule n of the group, or step n of its sequence, lets it in */
	uint16_t row;
	uint16_t position; /* in the kind's rows */
	uint16_t group;
	uint8_t role;
};

/* Those of one range whose keys belong to one block of shards, in processing order. */
struct hits {
	struct hit *items;
	size_t count;
	size_t cap;
};

/* A finding with its place: of an epoch first what its events raised, then round after round what
 * that caused.
 */
struct found {
	struct finding finding;
	int64_t epoch;
	unsigned round; /* 0: traffic and timers */
	uint64_t rank;  /* kind and row: order among events of equal time */
	unsigned rule;
	struct effect *effects; /* what it does to others at the end of the epoch */
	unsigned effect_count;
};

/* One member of the team. */
struct worker {
	struct detector *d;
	struct eval eval;
	struct arena arena; /* of findings */
	struct found **found;
	size_t found_count;
	size_t found_cap;
	size_t found_taken;                              /* of them stand in the detector's order */
	struct value bound[RULE_BOUND_MAX];              /* of the sequence at work */
	enum truth news[GROUP_RULES_MAX][RULE_NEWS_MAX]; /* new() of the group's rules at the hit */
	enum event_kind kind;                            /* of the events at work */
	uint64_t *scratch;
	uint64_t key_missing;
	uint64_t excepted;
	uint64_t evicted;
	uint64_t no_room;
};

/* The events of one kind in a batch, in processing order. */
struct sequence {
	uint32_t *rows; /* of the batch: what the columnar evaluator runs over */
	uint32_t row_count;
	uint32_t *steps; /* position in rows << 1 | role; equal to rows but for `party` */
	uint32_t step_count;
};

struct detector {
	struct detector_options options;
	struct compiled *compiled;
	struct team *team; /* NULL: the caller alone */
	struct worker *workers;
	unsigned worker_count;
	struct hits hits[DETECT_RANGES][DETECT_BLOCKS];
	struct pool pools[TABLE_SHARDS];
	struct counter texts[TABLE_SHARDS]; /* hash of text -> its block, for first() and last() */
	struct timers timers[DETECT_BLOCKS];
	struct seen seen[DETECT_BLOCKS]; /* of new() */
	struct scores *scores;
	struct dynamic_list **dynamic; /* by index of the rule set; NULL: not one of these */
	const struct list **lists;     /* the site's with those in their places */
	struct effects effects;
	struct callids callids;
	const struct batch *batch;
	const struct derived *derived; /* behind the rows of a batch that rules made; else NULL */
	uint32_t begin, end;           /* the slice of the batch at work */
	unsigned ranges;               /* that it is cut into */
	int64_t epoch;                 /* findings are raised in */
	unsigned round;
	struct sequence sequences[KIND_COUNT];
	struct found **order;
	size_t order_count;
	size_t order_cap;
	int64_t first_us; /* time of the first event ever */
	uint64_t events;
	uint64_t findings;
};

/* What an aggregate call of a rule reads at an event. */
struct agg_view {
	struct window_room room;
	const struct detect_group *group;
	const struct detect_rule *rule;
	struct row *row;
	int64_t time_us;
};

enum { CAUSE_NO_ROW = UINT32_MAX };

/* What made a rule true. */
struct cause {
	const struct agg_view *view; /* NULL: no window */
	int64_t time_us;
	uint32_t row; /* CAUSE_NO_ROW: a timer */
	unsigned role;
	uint64_t rank;
	const uint64_t *events; /* of a sequence: one a step; else NULL */
	unsigned event_count;
};

/* detector.c: the slice d->begin..end of the batch goes through the three steps. */
void detector_slice(struct detector *d);
/* Findings raised since the last call, in processing order. Owned by the workers. */
struct found **detector_new_findings(struct detector *d, size_t *count);
/* Number of the event that row of the present batch is, or was caused by. */
uint64_t detector_event(const struct detector *d, uint32_t row);
/* Points the worker's evaluator at a row. */
void detector_at(struct worker *w, uint32_t row, unsigned role);

/* detector_events.c: the first steps, a task a range; of the columns one task more keeps call ids.
 */
void detector_step_columns(void *arg, unsigned task, unsigned member);
void detector_step_events(void *arg, unsigned range, unsigned member);

/* detector_shards.c: the last step, a task a block of shards; arg is the detector. */
void detector_step_shards(void *arg, unsigned block, unsigned member);
/* Aggregate n at e->aggregate_user, an agg_view. */
void detector_aggregate(struct eval *e, unsigned n, struct value *out);
/* Timers of a block that are due before limit_us. */
void detector_timers(struct worker *w, unsigned block, int64_t limit_us);
/* The rule's note at a row; NULL: no room. */
struct row_note *detector_note(struct worker *w, unsigned shard, const struct detect_rule *r,
                               struct row *row);
/* By `fire`: does a rule that is true at time_us go out? */
bool detector_fires(struct worker *w, unsigned shard, const struct detect_group *g,
                    const struct detect_rule *r, struct row *row, int64_t time_us);
/* Do the conditions hold that need no key? The evaluator stands at the event. */
bool detector_passes(struct worker *w, const struct condition *c, uint32_t position, unsigned role);
/* Does a row of the rule's exceptions keep the event out? Counts it. */
bool detector_excepted(struct worker *w, const struct detect_rule *r);
/* And those that do? */
bool detector_late(struct worker *w, const struct condition *c);
/* new() at the event, learning from it; of a sequence those of a step. */
void detector_learn(struct worker *w, const struct detect_rule *r, unsigned step,
                    const struct row *row, int64_t time_us);
/* Frees the least recent key of the shard but `keep`, of whatever table. */
bool detector_make_room(struct worker *w, unsigned shard, const struct row *keep);
/* finding.c: the whole finding, texts in w->arena. The evaluator stands at the cause. */
void finding_build(struct worker *w, const struct detect_rule *rule, const struct cause *cause);
static inline int64_t epoch_of(int64_t time_us)
{
	int64_t whole = time_us / US_PER_S;

	return whole - (time_us % US_PER_S < 0);
}

/* The rank of an event among those of equal time. */
uint64_t event_rank(enum event_kind kind, uint32_t row, unsigned role);

#endif
