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

#include "core/crypto.h"
#include "core/hash.h"
#include "core/state.h"
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
	uint64_t excepted;     /* events that a site's exceptions kept out of a rule */
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
/* Event time has come to watermark_us with no event of before to come: absences that are due before
 * it fire, epochs before it are closed. INT64_MAX: all of them (the end of the input). Findings as
 * after detector_run.
 */
void detector_advance(struct detector *d, int64_t watermark_us);
/* When detector_advance would do something, at the earliest; INT64_MAX: never. */
int64_t detector_due(const struct detector *d);
size_t detector_count(const struct detector *d);
const struct finding *detector_finding(const struct detector *d, size_t i);

void detector_stats(const struct detector *d, struct detector_stats *out);
/* Everything that the detector remembers, between two batches: sections detect, detect.text,
 * detect.group.<n>, detect.pool.<n>, detect.callids.
 */
void detector_save(const struct detector *d, struct state_out *out);

struct detector_restore {
	size_t restored;   /* groups (rules of one kind and key) that go on where they were */
	size_t cold;       /* groups that the file does not have, or with other rules or windows */
	size_t dropped;    /* groups of the file that this detector does not have */
	size_t given_back; /* blocks of memory of those */
};

/* Takes over what detector_save wrote. d is new: it has seen no batch; key and memory are as they
 * were (threads need not be). A group is restored when its signature is the same: kind, key,
 * max_keys, windows and what they log, and of each rule, in order, full name, `where` and time to
 * rearm; thresholds in `when` and everything in `output` may have changed. The other groups start
 * empty. After an error (E_INVALID with in->why, E_NOTFOUND, E_NOMEM) d is of no use: free it.
 */
int detector_load(struct detector *d, struct state_in *in, struct detector_restore *restore);

/* What the state of each rule depends on, rule by rule: after a reload a rule goes on with what it
 * remembers when its signature stays the same. Rules of one kind and key share one. E_NOMEM.
 */
typedef void (*detector_signature_fn)(void *user, const struct rule *rule,
                                      const uint8_t signature[DIGEST_SIZE]);
int detector_signatures(const struct detector *d, detector_signature_fn each, void *user);
/* Predicate nodes, windows and bytes a key of each key type, for `check --plan`: a line a rule. */
void detector_plan(const struct detector *d, struct buf *out, bool json);

#endif
