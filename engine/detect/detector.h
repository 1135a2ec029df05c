/* Runs a compiled rule set over batches: who enters which window, which rule becomes true.
 *
 *	struct detector *d = detector_new(&options, &why);
 *	detector_run(d, batch);
 *	for (size_t i = 0; i < detector_count(d); i++) alert(detector_finding(d, i));
 *
 * A batch goes through three steps whose tasks the team shares: by ranges of events the predicates
 * by column, then keys and their hashes, then by blocks of shards windows and conditions. A key
 * belongs to one shard and a shard to one task, so results do not depend on the number of threads;
 * findings are sorted into processing order at the end. Findings and their texts live until the
 * next run.
 *
 * One caller thread.
 */
#ifndef ENGINE_DETECT_DETECTOR_H
#define ENGINE_DETECT_DETECTOR_H

#include "core/hash.h"
#include "core/team.h"
#include "detect/eval.h"
#include "detect/rule.h"
#include "model/batch.h"
#include "model/finding.h"

struct detector_options {
	const struct ruleset *rules; /* must outlive the detector, as lists and key */
	const struct hash_key *key;
	struct eval_site site;
	size_t memory;     /* bytes of state in all; 4 GiB when 0 */
	struct team *team; /* borrowed: who shares the work; NULL: the caller alone */
	bool cold;         /* a live start: alerts are partial until a rule's window has passed */
};

struct detector_stats {
	uint64_t events;       /* rows seen, by all kinds */
	uint64_t key_missing;  /* events that a rule skipped because a part of its key is missing */
	uint64_t keys;         /* rows held now */
	uint64_t keys_evicted; /* for want of memory, or beyond max_keys */
	uint64_t events_no_room; /* window updates given up although everything else was evicted */
	uint64_t regex_limits;   /* patterns given up at a limit: no match */
	uint64_t findings;
	uint64_t memory; /* bytes of state in use */
};

struct detector;

struct detector *detector_new(const struct detector_options *options, const char **why);
void detector_free(struct detector *d);

void detector_run(struct detector *d, const struct batch *batch);
size_t detector_count(const struct detector *d);
const struct finding *detector_finding(const struct detector *d, size_t i);

void detector_stats(const struct detector *d, struct detector_stats *out);
/* Predicate nodes, windows and bytes a key of each key type, for `check --plan`: a line a rule. */
void detector_plan(const struct detector *d, struct buf *out, bool json);

#endif
