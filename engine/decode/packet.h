/* From one captured packet to the UDP datagram inside: link layer (with 802.1Q and QinQ stacks and
 * PPPoE sessions), IPv4 or IPv6 with its extension headers, UDP.
 *
 * What is on the wire decides: padding behind the IP packet and behind the datagram is left out,
 * checksums are not looked at (network cards fill them in after the capture). A packet of which
 * the capture kept less than its IP header announces is refused whole.
 *
 * Pure function, any thread. RFC 791, RFC 8200, RFC 768, IEEE 802.1Q, RFC 2516; link types as at
 * tcpdump.org/linktypes.html.
 */
#ifndef ENGINE_DECODE_PACKET_H
#define ENGINE_DECODE_PACKET_H

#include <stdint.h>

#include "core/slice.h"
#include "core/stats.h"
#include "model/frame.h"

/* LINKTYPE_ numbers as in a capture file. */
enum packet_link {
	PACKET_NULL = 0, /* address family in the byte order of the capturing host */
	PACKET_ETHERNET = 1,
	PACKET_RAW = 101,       /* IPv4 or IPv6 by its version */
	PACKET_LOOP = 108,      /* address family in network byte order */
	PACKET_LINUX_SLL = 113, /* the "any" device of Linux, version 1 */
	PACKET_IPV4 = 228,
	PACKET_IPV6 = 229,
	PACKET_LINUX_SLL2 = 276,
};

enum { PACKET_VLAN_TAGS_MAX = 8, PACKET_IPV6_HEADERS_MAX = 16 };

/* REASON_NONE, or why the packet goes no further: REASON_PACKET_TRUNCATED … REASON_UDP_MALFORMED
 * (core/reasons.def). frame->payload borrows from packet and may be empty; frame->time_us is left
 * to the caller; after a refusal the rest of *frame is unspecified.
 */
enum reason packet_decode(uint32_t link, struct slice packet, struct frame *frame);

#endif
