#include "core/crypto.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "core/ensure.h"
#include "core/err.h"

/* OpenSSL fails here only when its library is broken or memory is used up: no input does that. */

enum { BLAKE2B_512_SIZE = 64 };

struct digest {
	EVP_MD_CTX *context;
};

struct digest *digest_new(void)
{
	struct digest *d = malloc(sizeof(*d));

	ENSURE(d);
	d->context = EVP_MD_CTX_new();
	ENSURE(d->context && EVP_DigestInit_ex(d->context, EVP_blake2b512(), NULL) == 1);
	return d;
}

void digest_add(struct digest *d, struct slice bytes)
{
	ENSURE(EVP_DigestUpdate(d->context, bytes.p, bytes.len) == 1);
}

void digest_end(struct digest *d, uint8_t out[DIGEST_SIZE])
{
	uint8_t whole[BLAKE2B_512_SIZE];
	unsigned len = 0;

	ENSURE(EVP_DigestFinal_ex(d->context, whole, &len) == 1 && len == sizeof(whole));
	memcpy(out, whole, DIGEST_SIZE);
	EVP_MD_CTX_free(d->context);
	free(d);
}

void digest_blake2b(struct slice bytes, uint8_t out[DIGEST_SIZE])
{
	struct digest *d = digest_new();

	digest_add(d, bytes);
	digest_end(d, out);
}

void mac_blake2b(const uint8_t *key, size_t key_len, struct slice bytes, uint8_t out[MAC_SIZE])
{
	size_t size = MAC_SIZE, len = 0;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
	                       OSSL_PARAM_construct_end()};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_BLAKE2BMAC, NULL);
	EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;

	ENSURE(context && EVP_MAC_init(context, key, key_len, params) == 1);
	ENSURE(EVP_MAC_update(context, (const unsigned char *)bytes.p, bytes.len) == 1);
	ENSURE(EVP_MAC_final(context, out, &len, MAC_SIZE) == 1 && len == MAC_SIZE);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
}

void hex_format(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 0xf];
	}
	out[2 * len] = '\0';
}

int random_bytes(uint8_t *out, size_t len)
{
	return len <= INT32_MAX && RAND_bytes(out, (int)len) == 1 ? OK : E_IO;
}
