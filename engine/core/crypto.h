/* OpenSSL's digests and random bytes, the only user of OpenSSL besides core/resp. */
#ifndef ENGINE_CORE_CRYPTO_H
#define ENGINE_CORE_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"

enum { DIGEST_SIZE = 32, MAC_SIZE = 16 };

/* The first 32 bytes of BLAKE2b-512 (OpenSSL 3.0 has no BLAKE2b-256): digests of rules and lists,
 * written "b2:" + hex.
 */
void digest_blake2b(struct slice bytes, uint8_t out[DIGEST_SIZE]);

/* An incremental form, for what comes in pieces. */
struct digest;
struct digest *digest_new(void);
void digest_add(struct digest *d, struct slice bytes);
void digest_end(struct digest *d, uint8_t out[DIGEST_SIZE]); /* frees d */

/* Keyed BLAKE2b with 16 bytes of output (BLAKE2BMAC): alert ids, pseudonyms. key_len 1..64. */
void mac_blake2b(const uint8_t *key, size_t key_len, struct slice bytes, uint8_t out[MAC_SIZE]);

/* out has room for 2 * len + 1 bytes; NUL-terminated lower-case hex. */
void hex_format(const uint8_t *bytes, size_t len, char *out);

/* From the system; only app/ calls it. E_IO. */
int random_bytes(uint8_t *out, size_t len);

#endif
