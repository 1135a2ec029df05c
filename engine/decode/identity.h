/* The Identity header of STIR (RFC 8224) with its PASSporT (RFC 8225; shaken: RFC 8588), read but
 * NOT verified: a passive observer has neither the certificates nor the time, so every claim is
 * what somebody wrote, to be used as a feature and not as truth. And verstat, what a verification
 * service before us concluded (3GPP TS 24.229 section 7.2A.20, ATIS-1000074).
 *
 *	char scratch[IDENTITY_SCRATCH];
 *	struct identity id;
 *	if (identity_parse(msg.header[SIP_H_IDENTITY], &id, scratch) == OK) …
 *
 * Slices of the result point into the header or into scratch. Pure functions, any thread.
 */
#ifndef ENGINE_DECODE_IDENTITY_H
#define ENGINE_DECODE_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "decode/sip.h"
#include "model/enums.h"

/* A token decodes to three quarters of its length, a text unescaped from that is no longer. */
enum { IDENTITY_TOKEN_MAX = 8192, IDENTITY_HOST_MAX = 255 };
enum { IDENTITY_SCRATCH = 2 * (IDENTITY_TOKEN_MAX / 4 * 3) + IDENTITY_HOST_MAX };

/* Every slice is missing where the token does not say it. */
struct identity {
	bool compact;   /* header and payload left out (RFC 8224 section 4): only signer and ppt */
	uint8_t attest; /* ATTEST_A … of a shaken token, ATTEST_NONE else */
	struct slice orig_tn;
	struct slice dest_tn; /* the first one */
	int64_t iat_us;       /* when it was signed; INSTANT_NONE when it does not say */
	struct slice origid;
	struct slice signer; /* lower-case host of the certificate's URL: ;info=, else claim x5u */
	struct slice ppt;    /* "shaken", "div", … ; missing for a plain PASSporT */
};

/* The value of one Identity header. E_MALFORMED (also for a token beyond IDENTITY_TOKEN_MAX, and
 * for the quoted form of RFC 4474): then only what stands in the parameters is filled in.
 */
int identity_parse(struct slice value, struct identity *id, char scratch[IDENTITY_SCRATCH]);

/* Both NONE where nothing was validated. */
struct verstat {
	uint8_t result; /* VERSTAT_… */
	uint8_t attest; /* ATTEST_… of the suffix -A, -B, -C */
};

/* "TN-Validation-Passed-A", "TN-Validation-Failed", "No-TN-Validation", in any case. */
struct verstat verstat_read(struct slice word);
/* Of a P-Asserted-Identity or From: the parameter in the user part, in the URI or behind it. */
struct verstat verstat_of(const struct sip_addr *addr);

#endif
