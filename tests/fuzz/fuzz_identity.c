#include <stdint.h>
#include <stdlib.h>

#include "core/err.h"
#include "decode/identity.h"
#include "support/exact.h"
#include "support/sip_slices.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read lies in the header or in the scratch; a refused token says only its parameters. */
static void read_value(struct slice text)
{
	struct slice value = exact_copy(text);
	char *scratch = malloc(IDENTITY_SCRATCH);
	struct identity id;
	int err = identity_parse(value, &id, scratch);
	const struct slice all[] = {id.orig_tn, id.dest_tn, id.origid, id.signer, id.ppt};
	struct slice room = {scratch, IDENTITY_SCRATCH};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		ENSURE(slice_inside(all[i], value) || slice_inside(all[i], room));
	}
	ENSURE(err == OK || (id.attest == ATTEST_NONE && !id.orig_tn.p && !id.origid.p));

	struct verstat v = verstat_of(&(struct sip_addr){.uri = value, .params = value});
	ENSURE(v.result || !v.attest);
	free(scratch);
	exact_free(value);
}

/* The input as a header value, and as the claims of a token that is otherwise good. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *token = malloc(2 * size + 16);
	size_t len = 4;

	read_value((struct slice){(const char *)data, size});
	memcpy(token, "e30.", len);
	for (size_t i = 0; i < size; i += 3) {
		uint32_t next = i + 1 < size ? data[i + 1] : ' ';
		uint32_t last = i + 2 < size ? data[i + 2] : ' ';
		uint32_t bits = (uint32_t)data[i] << 16 | next << 8 | last;

		for (int shift = 18; shift >= 0; shift -= 6) {
			token[len++] = digits[bits >> shift & 63];
		}
	}
	memcpy(token + len, ".c2ln", 5);
	read_value((struct slice){token, len + 5});
	free(token);
	return 0;
}
