/* From findings to alerts: ids, suppression, sequence numbers, and the JSON of interfaces.md 4.
 *
 *	for each finding, in order:
 *		if (alerts_take(a, finding, &alert)) sink(&alert);
 *
 * Suppression (rule-language.md section 3, `suppress`) is applied here, where the order of alerts
 * is settled, so it does not depend on threads. The same key file gives the same ids in a replay;
 * without it no number can be guessed from an id. One thread.
 */
#ifndef ENGINE_ALERTS_ALERTS_H
#define ENGINE_ALERTS_ALERTS_H

#include "core/hash.h"
#include "core/state.h"
#include "model/alert.h"
#include "model/finding.h"

struct alerts_options {
	const struct hash_key *key;
	const char *site;    /* "demo"; "local" in a replay without configuration */
	const char *engine;  /* "edge-1"; "replay" */
	size_t suppress_max; /* suppressions in force at once; 1 M when 0, the oldest goes first */
};

struct alerts_stats {
	uint64_t raised; /* findings */
	uint64_t suppressed;
	uint64_t suppressions_evicted;
};

struct alerts;

struct alerts *alerts_new(const struct alerts_options *options); /* NULL: no memory */
void alerts_free(struct alerts *a);
/* True: *out goes out (its texts live until the next call). False: suppressed. */
bool alerts_take(struct alerts *a, const struct finding *f, struct alert *out);
void alerts_stats(const struct alerts *a, struct alerts_stats *out);
/* The sequence number that the next alert will have. */
uint64_t alerts_next(const struct alerts *a);
/* It will have at least this one: what is between was given out by a process that forgot. */
void alerts_skip(struct alerts *a, uint64_t next);

/* A section of its own. */
void alerts_save(const struct alerts *a, struct state_out *out);
/* Sequence number, counts, suppressions and openings take the place of
 * a's; a is untouched after an error: E_INVALID (in->why), E_NOTFOUND, E_NOMEM.
 */
int alerts_load(struct alerts *a, struct state_in *in);

#endif
