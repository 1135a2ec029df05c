/* Rows by block of addresses, longest match; IPv4 and IPv6 apart. Blocks are kept by length in a
 * hash table: a lookup asks once for each length that the map holds.
 */
#ifndef ENGINE_ENRICH_CIDR_MAP_H
#define ENGINE_ENRICH_CIDR_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/hash.h"
#include "model/event.h"

struct cidr_block {
	uint8_t bytes[16]; /* as struct ip; 0 behind the length */
	uint8_t family;    /* 4, 6 */
	uint8_t bits;      /* of the 128; an IPv4 /8 has 104 */
	uint32_t row;
};

struct cidr_map {
	struct buf blocks;      /* struct cidr_block, in the order of adding */
	struct buf slots;       /* uint32_t: block + 1, open addressing */
	uint64_t lengths[2][3]; /* by family 4, 6: bit n of 129 */
	struct hash_key key;
};

enum { CIDR_TEXT = 64 };

/* "10.0.0.0/8", "2001:db8::/32", an address alone (the whole of it). row is 0. NULL, or what is
 * wrong.
 */
const char *cidr_parse(struct slice text, struct cidr_block *block);
size_t cidr_format(const struct cidr_block *block, char out[CIDR_TEXT]);

void cidr_map_init(struct cidr_map *m, const struct hash_key *key);
void cidr_map_fini(struct cidr_map *m);
/* E_NOMEM. E_INVALID: the same block is there, its row in *other. */
int cidr_map_add(struct cidr_map *m, const struct cidr_block *block, uint32_t *other);
/* Row of the longest block that holds ip, or -1. */
int64_t cidr_map_find(const struct cidr_map *m, const struct ip *ip);

#endif
