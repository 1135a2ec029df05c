/* What really happened in a labelled world: its calls, which of them belong to which operation, and
 * who made them. Read from a folder that `ringfence gen` wrote (cdr.csv, calls.pcap, labels.csv).
 */
#ifndef TOOLS_RINGFENCE_WORLD_TRUTH_H
#define TOOLS_RINGFENCE_WORLD_TRUTH_H

#include "ringfence/common.h"

struct operation {
	char *name;  /* "wangiri-1" */
	char *class; /* "wangiri" */
	uint64_t calls;
	int64_t found_us; /* of the first right alert on it; INT64_MAX: none */
	uint64_t before;  /* its calls that had ended by then */
};

struct truth_call {
	uint64_t id; /* hash of the call id */
	int64_t end_us;
	int32_t operation; /* -1: an honest call */
};

/* A call as one of its numbers, or its trunk, took part in it. */
struct truth_part {
	uint64_t subject; /* hash of "caller:+44…" */
	int64_t end_us;
	bool scam;
};

struct world_truth {
	struct operation *operations;
	size_t operation_count;
	struct truth_call *calls; /* by id */
	size_t call_count, call_cap;
	struct truth_part *parts; /* by subject, then time */
	size_t part_count, part_cap;
	uint64_t scam_calls;
};

/* Home country of a world, out of its world.json, into cc; false when it says none. */
bool world_home(const char *world, char cc[3]);
/* False after a message on stderr. */
bool truth_load(struct world_truth *t, const char *world, const struct common_options *options,
                const struct site *site);
void truth_free(struct world_truth *t);
/* NULL: there is no such call. */
const struct truth_call *truth_call(const struct world_truth *t, struct slice id);
/* Calls of a subject that ended in [from, to], and how many of them are scam. */
void truth_subject(const struct world_truth *t, const char *type, struct slice value,
                   int64_t from_us, int64_t to_us, uint64_t *calls, uint64_t *scam);

#endif
