/* What the files of the detector share; nobody else includes it. */
#ifndef ENGINE_DETECT_DETECTOR_PARTS_H
#define ENGINE_DETECT_DETECTOR_PARTS_H

#include "core/team.h"
#include "detect/callids.h"
#include "detect/compile.h"
#include "detect/detector.h"
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
	uint64_t rules; /* bit n: rule n of the group lets it in */
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

struct found {
	struct finding finding;
	uint64_t rank; /* kind and row: order among events of equal time */
	unsigned rule;
};

/* One member of the team. */
struct worker {
	struct detector *d;
	struct eval eval;
	struct arena arena; /* of findings */
	struct found *found;
	size_t found_count;
	size_t found_cap;
	uint64_t *scratch;
	uint64_t key_missing;
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
	struct callids callids;
	const struct batch *batch;
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
	const struct row *row;
	int64_t time_us;
};

/* detector_shards.c: the last step, a task a block of shards; arg is the detector. */
void detector_step_shards(void *arg, unsigned block, unsigned member);
/* finding.c: the whole finding, texts in w->arena. view is NULL for a match rule. */
void finding_build(struct worker *w, const struct detect_rule *rule, const struct agg_view *view,
                   uint32_t row, unsigned role);
/* The rank of an event among those of equal time. */
uint64_t event_rank(enum event_kind kind, uint32_t row, unsigned role);

#endif
