/* How text becomes a number: the rules of interfaces.md 1.2, in their order. */
#ifndef ENGINE_ENRICH_NORMALISE_H
#define ENGINE_ENRICH_NORMALISE_H

#include <stdbool.h>

#include "core/hash.h"
#include "model/batch.h"
#include "model/event.h"
#include "model/number.h"

struct plan;

struct normaliser {
	const struct plan *plan;
	const struct hash_key *key; /* of interned names */
	country home;               /* 0: unknown */
};

enum number_verdict {
	NUMBER_OK = 0,
	NUMBER_WITHHELD, /* missing because the caller asked for it */
	NUMBER_EMPTY,    /* nothing there */
	NUMBER_INVALID,  /* the raw text is kept, the number is missing */
};

/* Texts over 256 bytes are invalid. home stands for the normaliser's home when not 0 (a trunk's
 * `home`); a phone-context of +CC, in w->context or in the text, for both. *n is 0 unless
 * NUMBER_OK. *no_home is set when digits were understood as national only for want of a home
 * country.
 */
enum number_verdict number_normalise(const struct normaliser *norm, const struct written_number *w,
                                     country home, number *n, bool *no_home);

#endif
