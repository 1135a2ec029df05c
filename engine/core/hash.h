/* Keyed hashing (XXH3 with a secret). Numbers and Call-IDs are chosen by attackers, so no table
 * hashes without the key; a replay with the same key file hashes alike.
 */
#ifndef ENGINE_CORE_HASH_H
#define ENGINE_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"

enum { HASH_KEY_SIZE = 32, HASH_SECRET_SIZE = 192 };

/* Immutable after hash_key_init; share it freely between threads. */
struct hash_key {
	uint8_t key[HASH_KEY_SIZE]; /* the bytes of the key file: also keys alert ids */
	uint8_t secret[HASH_SECRET_SIZE];
};

struct hash128 {
	uint64_t lo;
	uint64_t hi;
};

/* Expands key into the secret. */
void hash_key_init(struct hash_key *k, const uint8_t key[HASH_KEY_SIZE]);
/* The built-in constant key of replays without --key. */
void hash_key_default(struct hash_key *k);

uint64_t hash64(const struct hash_key *k, const void *bytes, size_t len);
struct hash128 hash128(const struct hash_key *k, const void *bytes, size_t len);

static inline uint64_t hash_slice(const struct hash_key *k, struct slice s)
{
	return hash64(k, s.p, s.len);
}

static inline uint64_t hash_u64(const struct hash_key *k, uint64_t value)
{
	return hash64(k, &value, sizeof(value));
}

#endif
