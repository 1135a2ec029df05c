/* Rows by number: the exact number first, else the longest prefix of its digits. The index of
 * subscribers, ported numbers and lists.
 *
 * A row is any struct that begins with its key, a number; rows are put in the order of the key's
 * hash, so that a directory of one 32-bit entry for each MAP_BUCKET rows is all that the map adds
 * to them. A lookup reads the directory and the few rows of one bucket: two cache misses for a
 * cold number, and one more pair for each prefix length that the table holds.
 */
#ifndef ENGINE_ENRICH_NUMBER_MAP_H
#define ENGINE_ENRICH_NUMBER_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/hash.h"
#include "model/number.h"

enum { MAP_BUCKET = 4 };

struct number_map {
	struct buf rows; /* owned */
	size_t stride;
	size_t count;
	struct buf first; /* uint32_t: row that a bucket begins with; one more at the end */
	unsigned bits;    /* of the hash that name a bucket */
	uint32_t lengths; /* bit n: there are prefixes of n digits */
	struct hash_key key;
};

/* The key of a row for all numbers of kind E164 that begin with these digits; 0 unless there are
 * 1 to 15.
 */
number number_map_prefix(struct slice digits);

/* Takes over *rows (which is left empty): packed structs of stride bytes, the first 8 a number.
 * E_NOMEM. Two equal keys: E_INVALID, the key in *twice. In every case number_map_fini frees.
 */
int number_map_init(struct number_map *m, struct buf *rows, size_t stride,
                    const struct hash_key *key, number *twice);
void number_map_fini(struct number_map *m);

/* The row with exactly this key, or NULL. */
const void *number_map_exact(const struct number_map *m, number n);
/* Exact, else the longest prefix. */
const void *number_map_find(const struct number_map *m, number n);

#endif
