#include <stdint.h>
#include <stdlib.h>

#include "core/err.h"
#include "support/exact.h"
#include "support/sip_slices.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Slices lie inside the datagram, a copy reads alike, and what is read is recognised. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice datagram = {(const char *)data, size};
	struct slice copy = exact_copy(datagram);
	struct sip_msg msg;
	struct sip_msg again;
	enum reason refused = sip_parse(datagram, &msg);

	ENSURE(sip_slices_inside(&msg, datagram));
	ENSURE(sip_parse(copy, &again) == refused && sip_same(&msg, &again));
	ENSURE(refused || sip_recognise(datagram));
	ENSURE(sip_check(&msg, refused) || (!refused && msg.call_id.len));

	struct slice rest = msg.header[SIP_H_CONTACT];
	struct sip_addr addr;
	struct sip_uri uri;
	while (rest.p && sip_addr_parse(rest, &addr, &rest) == OK) {
		(void)sip_uri_parse(addr.uri, &uri);
		ENSURE(slice_inside(uri.user, datagram) && slice_inside(uri.host, datagram));
		ENSURE(slice_inside(sip_param(uri.params, "user"), datagram));
	}
	char *out = malloc(size);
	ENSURE(sip_unescape(sip_unquote(sip_unfold(datagram, out), out), out).len <= size);
	free(out);
	exact_free(copy);
	return 0;
}
