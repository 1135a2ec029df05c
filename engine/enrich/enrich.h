/* Fills the derived columns of a batch: numbers, their country, type and validity, the trunk with
 * its role and home, the subscriber behind a number.
 *
 *	struct enrich *e = enrich_new(&options);
 *	enrich_run(e, batch);                        in place, row by row, no allocation
 *
 * Order within a row: trunk (by name, else longest block that holds the source address), then the
 * home country that the trunk or phone-context gives, numbers, plan, subscribers. Immutable after
 * enrich_new: a reload makes a new one and swaps it between batches. enrich_run may be called from
 * several threads on different batches.
 */
#ifndef ENGINE_ENRICH_ENRICH_H
#define ENGINE_ENRICH_ENRICH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/hash.h"
#include "model/batch.h"

struct plan;
struct trunks;
struct subscribers;
struct ported;

struct enrich_options {
	const struct hash_key *key;
	const struct plan *plan;               /* required; enrich/plan.h */
	const struct trunks *trunks;           /* NULL: none; enrich/tables.h, as the next two */
	const struct subscribers *subscribers; /* NULL: none */
	const struct ported *ported;           /* NULL: none */
	country home;                          /* 0: unknown (interfaces.md 1.2) */
	bool wanted[FIELD_COUNT];        /* columns that somebody reads; others may stay missing */
	const char *const *source_names; /* text of the `source` column by event.source */
	size_t source_count;
};

struct enrich;

/* Copies options; key, plan, tables and source_names stay the caller's and outlive it and every
 * batch it has filled: columns borrow their texts. NULL: no memory.
 */
struct enrich *enrich_new(const struct enrich_options *options);
void enrich_free(struct enrich *e);
void enrich_run(const struct enrich *e, struct batch *batch);

/* True once a row held digits that only a home country could explain and none is set: the
 * caller warns once.
 */
bool enrich_missed_home(const struct enrich *e);

#endif
