/* Telephone numbers of a home country, taken from ranges that its numbering plan assigns. */
#ifndef TOOLS_RINGFENCE_GEN_NUMBERS_H
#define TOOLS_RINGFENCE_GEN_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

struct gen_range {
	const char *prefix; /* with the calling code */
	unsigned digits;    /* of the whole number */
};

enum { GEN_RANGES_MAX = 20 };

struct gen_plan {
	char country[3];
	const char *tz;
	int utc_hours;                           /* standard time */
	const char *mobile_network;              /* MCC and MNC: subscriber identities begin so */
	struct gen_range mobile[GEN_RANGES_MAX]; /* ends with a NULL prefix, or full */
	struct gen_range fixed[GEN_RANGES_MAX];
};

/* NULL: a country without a plan here. */
const struct gen_plan *gen_plan_of(const char *country);
/* "GB, US, ...": for messages. */
const char *gen_plan_countries(void);

/* The i-th number of the ranges, scattered over them; different i give different numbers as far
 * as the ranges reach (at least a million), then it begins anew.
 */
uint64_t gen_number(const struct gen_range ranges[GEN_RANGES_MAX], uint64_t i);
/* A number of `digits` digits that begins with prefix; rest fills it. */
uint64_t gen_number_in(struct gen_range range, uint64_t rest);

#endif
