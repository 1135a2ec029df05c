/* Rows by number: the exact number first, else the longest prefix of its digits. The index of
 * subscribers, ported numbers and lists.
 *
 * A row is any struct that begins with its key, a number; rows are put in the order of the key's
 * hash, so that a directory of 8 bytes for each MAP_BUCKET rows is all that the map adds to them.
 * An entry says where its bucket begins and has one of 32 bits set for each row in it, so that
 * most numbers that are not there cost one cache miss, those that are there two; and as much again
 * for each prefix length that the table holds.
 */
#ifndef ENGINE_ENRICH_NUMBER_MAP_H
#define ENGINE_ENRICH_NUMBER_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/hash.h"
#include "model/number.h"

enum { MAP_BUCKET = 4 };

struct number_bucket {
	uint32_t first; /* row */
	uint32_t mask;  /* a bit for each row, chosen by its hash */
};

struct number_map {
	struct buf rows; /* owned */
	size_t stride;
	size_t count;
	struct buf buckets; /* struct number_bucket; one more at the end */
	unsigned bits;      /* of the hash that name a bucket */
	uint32_t lengths;   /* bit n: there are prefixes of n digits */
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

/* Brings what a lookup of n reads first into the cache. */
void number_map_prefetch(const struct number_map *m, number n);
/* The row with exactly this key, or NULL. */
const void *number_map_exact(const struct number_map *m, number n);
/* Exact, else the longest prefix. */
const void *number_map_find(const struct number_map *m, number n);

#endif
