#define XXH_INLINE_ALL
#include "core/hash.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wshadow"
#include <xxhash.h>
#pragma GCC diagnostic pop

void hash_key_init(struct hash_key *k, const uint8_t key[HASH_KEY_SIZE])
{
	memcpy(k->key, key, HASH_KEY_SIZE);
	/* Each 8 bytes of the secret are the hash of the key under their own position. */
	for (uint64_t i = 0; i < HASH_SECRET_SIZE / 8; i++) {
		uint64_t word = XXH3_64bits_withSeed(key, HASH_KEY_SIZE, i + 1);
		memcpy(k->secret + 8 * i, &word, 8);
	}
}

void hash_key_default(struct hash_key *k)
{
	static const uint8_t key[HASH_KEY_SIZE] = "ringfence replay, public key 01";

	hash_key_init(k, key);
}

uint64_t hash64(const struct hash_key *k, const void *bytes, size_t len)
{
	return XXH3_64bits_withSecret(bytes, len, k->secret, HASH_SECRET_SIZE);
}

struct hash128 hash128(const struct hash_key *k, const void *bytes, size_t len)
{
	XXH128_hash_t h = XXH3_128bits_withSecret(bytes, len, k->secret, HASH_SECRET_SIZE);

	return (struct hash128){h.low64, h.high64};
}
