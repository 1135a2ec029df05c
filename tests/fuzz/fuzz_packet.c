/* The first byte picks the link type. What is taken from a packet lies inside it. */
#include <stdint.h>
#include <stdlib.h>

#include "core/ensure.h"
#include "decode/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const uint32_t links[] = {PACKET_NULL, PACKET_ETHERNET,  PACKET_RAW,
	                                 PACKET_LOOP, PACKET_LINUX_SLL, PACKET_IPV4,
	                                 PACKET_IPV6, PACKET_LINUX_SLL2};
	struct frame frame = {0};

	if (len == 0) {
		return 0;
	}
	struct slice packet = {(const char *)bytes + 1, len - 1};
	uint32_t link = links[bytes[0] % (sizeof(links) / sizeof(links[0]))];
	enum reason refused = packet_decode(link, packet, &frame);

	ENSURE(refused <= REASON_UDP_MALFORMED);
	if (refused == REASON_NONE) {
		ENSURE(frame.src.family == 4 || frame.src.family == 6);
		ENSURE(frame.dst.family == frame.src.family);
		ENSURE(frame.payload.p >= packet.p);
		ENSURE(frame.payload.p + frame.payload.len <= packet.p + packet.len);
	}
	return 0;
}
