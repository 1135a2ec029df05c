/* What the cells of reference tables have in common: a number or a prefix of numbers. */
#ifndef ENGINE_ENRICH_WRITTEN_H
#define ENGINE_ENRICH_WRITTEN_H

#include "enrich/csv.h"
#include "enrich/normalise.h"

/* The key in a number_map of a cell: a number, as number_normalise understands it. NULL, or what is
 * wrong.
 */
const char *written_number_key(const struct normaliser *norm, struct slice text, number *key);

/* The same of a prefix, with or without a * at its end: digits behind +, behind an international
 * prefix, or behind a national prefix 0 of the home country; other digits begin with a calling
 * code.
 */
const char *written_prefix_key(const struct normaliser *norm, struct slice text, number *key);

/* A prefix when it ends in *, else a number. */
const char *written_key(const struct normaliser *norm, struct slice text, number *key);

/* After a table of numbers (name 0 of the header) could not be mapped: E072 at the second row of
 * the key `twice`, E070 when there is none; nothing where c has reported mistakes already.
 */
void written_report(struct csv *c, const struct normaliser *norm, number twice);

/* "2024-05-01" or an instant of RFC 3339. E_MALFORMED, E_RANGE. */
int written_date(struct slice text, int64_t *time_us);

#endif
