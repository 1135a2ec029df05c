/* What really happened in a labelled world: its calls, which of them belong to which operation, who
 * took part in them, and who is honest. Read from a folder that `ringfence gen` wrote (truth.csv,
 * labels.csv, honest.csv).
 */
#ifndef TOOLS_RINGFENCE_WORLD_TRUTH_H
#define TOOLS_RINGFENCE_WORLD_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"

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
	uint64_t caller, callee; /* digits; 0: withheld */
	int32_t operation;       /* -1: an honest call */
};

/* A call as one of its numbers, its account or its trunk took part in it. */
struct truth_part {
	uint64_t subject; /* hash of "number:+44…" */
	int64_t end_us;
	bool scam;
};

struct honest_number {
	uint64_t number; /* hash */
	uint32_t kind;
};

struct world_truth {
	struct operation *operations;
	size_t operation_count, operation_cap;
	struct truth_call *calls; /* by id */
	size_t call_count, call_cap;
	struct truth_part *parts; /* by subject, then time */
	size_t part_count, part_cap;
	struct honest_number *honest; /* by number */
	size_t honest_count, honest_cap;
	char **kinds; /* "courier"; the last one is "others" */
	size_t kind_count, kind_cap;
	uint64_t scam_calls;
};

struct truth_sum {
	uint64_t calls;
	uint64_t scam;
};

/* False after a message on stderr. */
bool truth_load(struct world_truth *t, const char *world);
void truth_free(struct world_truth *t);
/* NULL: there is no such call. */
const struct truth_call *truth_call(const struct world_truth *t, struct slice id);
/* What a subject of an alert took part in and ended in [from, to]: caller and callee mean a number
 * on either side, a block the numbers that begin with it. Nothing for types that are none of
 * these, account or trunk.
 */
struct truth_sum truth_subject(const struct world_truth *t, const char *type, struct slice value,
                               int64_t from_us, int64_t to_us);
/* Index into kinds of the honest caller with a number. */
size_t truth_kind(const struct world_truth *t, struct slice of);

#endif
