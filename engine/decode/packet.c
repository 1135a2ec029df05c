/* Every layer is a reader of its own header that hands the cursor to the next one; none calls a
 * layer above itself, so the depth is that of the stack of headers and bounded.
 */
#include "decode/packet.h"

#include <stdbool.h>
#include <string.h>

#include "core/cursor.h"

enum ethertype {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_PPPOE = 0x8864,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_QINQ_OLD = 0x9100, /* and the two that follow: before IEEE 802.1ad */
	ETHERTYPE_QINQ_OLD_LAST = 0x9300,
	ETHERTYPE_LENGTH_MAX = 0x05dc, /* IEEE 802.3: a length, not a type */
};

enum ip_protocol {
	IP_HOP_BY_HOP = 0,
	IP_UDP = 17,
	IP_ROUTING = 43,
	IP_FRAGMENT = 44,
	IP_AUTHENTICATION = 51,
	IP_DESTINATION = 60,
	IP_MOBILITY = 135,
	IP_HIP = 139,
	IP_SHIM6 = 140,
};

static enum reason read_udp(struct cursor c, struct frame *frame)
{
	enum { HEADER_SIZE = 8 };
	size_t held = cur_left(&c);

	frame->src.port = cur_u16(&c);
	frame->dst.port = cur_u16(&c);
	uint16_t size = cur_u16(&c);
	cur_u16(&c); /* checksum */
	if (cur_err(&c) || size < HEADER_SIZE || size > held) {
		return REASON_UDP_MALFORMED;
	}
	frame->payload = cur_slice(&c, size - HEADER_SIZE);
	return REASON_NONE;
}

static void set_ipv4(struct ip *ip, const uint8_t address[4])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(ip->bytes, mapped, sizeof(mapped));
	memcpy(ip->bytes + sizeof(mapped), address, 4);
	ip->family = 4;
}

static enum reason read_ipv4(struct cursor c, struct frame *frame)
{
	enum { HEADER_SIZE = 20, FRAGMENTED = 0x3fff }; /* more fragments, or an offset */
	size_t held = cur_left(&c);
	const uint8_t *ip = cur_take(&c, HEADER_SIZE);

	if (!ip) {
		return REASON_PACKET_TRUNCATED;
	}
	size_t header = (size_t)(ip[0] & 15) * 4;
	size_t total = (size_t)ip[2] << 8 | ip[3];
	if (ip[0] >> 4 != 4 || header < HEADER_SIZE || total < header) {
		return REASON_IP_MALFORMED;
	}
	if (total > held) {
		return REASON_PACKET_TRUNCATED;
	}
	if ((ip[6] << 8 | ip[7]) & FRAGMENTED) {
		return REASON_IP_FRAGMENT;
	}
	if (ip[9] != IP_UDP) {
		return REASON_TRANSPORT_UNSUPPORTED;
	}
	set_ipv4(&frame->src, ip + 12);
	set_ipv4(&frame->dst, ip + 16);
	return read_udp(cur_init(ip + header, total - header), frame);
}

/* Steps over one extension header: its own size in *size, that of the next header in *next. */
static enum reason read_ipv6_extension(const struct cursor *c, uint8_t *next, size_t *size)
{
	struct cursor at = *c;
	const uint8_t *header = cur_take(&at, 8); /* none is shorter */

	if (!header) {
		return REASON_IP_MALFORMED;
	}
	switch (*next) {
	case IP_FRAGMENT:
		/* RFC 6946: alone in its packet, an "atomic" fragment is a whole datagram. */
		if ((header[2] << 8 | header[3]) & 0xfff9) {
			return REASON_IP_FRAGMENT;
		}
		*size = 8;
		break;
	case IP_AUTHENTICATION: *size = ((size_t)header[1] + 2) * 4; break;
	default: *size = ((size_t)header[1] + 1) * 8; break;
	}
	*next = header[0];
	return REASON_NONE;
}

static bool is_ipv6_extension(uint8_t protocol)
{
	static const uint8_t extensions[] = {
		IP_HOP_BY_HOP,  IP_ROUTING,  IP_FRAGMENT, IP_AUTHENTICATION,
		IP_DESTINATION, IP_MOBILITY, IP_HIP,      IP_SHIM6};

	return memchr(extensions, protocol, sizeof(extensions)) != NULL;
}

static enum reason read_ipv6(struct cursor c, struct frame *frame)
{
	enum { HEADER_SIZE = 40 };
	const uint8_t *ip = cur_take(&c, HEADER_SIZE);

	if (!ip) {
		return REASON_PACKET_TRUNCATED;
	}
	if (ip[0] >> 4 != 6) {
		return REASON_IP_MALFORMED;
	}
	size_t size = (size_t)ip[4] << 8 | ip[5];
	if (size > cur_left(&c)) {
		return REASON_PACKET_TRUNCATED;
	}
	memcpy(frame->src.bytes, ip + 8, 16);
	memcpy(frame->dst.bytes, ip + 24, 16);
	frame->src.family = frame->dst.family = 6;

	struct cursor inner = cur_init(ip + HEADER_SIZE, size);
	uint8_t next = ip[6];
	for (int i = 0; is_ipv6_extension(next); i++) {
		enum reason refused = read_ipv6_extension(&inner, &next, &size);
		if (refused != REASON_NONE) {
			return refused;
		}
		if (i == PACKET_IPV6_HEADERS_MAX || !cur_take(&inner, size)) {
			return REASON_IP_MALFORMED;
		}
	}
	return next == IP_UDP ? read_udp(inner, frame) : REASON_TRANSPORT_UNSUPPORTED;
}

static enum reason read_raw(struct cursor c, struct frame *frame)
{
	if (cur_left(&c) == 0) {
		return REASON_PACKET_TRUNCATED;
	}
	return *c.pos >> 4 == 6 ? read_ipv6(c, frame) : read_ipv4(c, frame);
}

static enum reason read_pppoe(struct cursor c, struct frame *frame)
{
	enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057, SESSION = 0x1100 };
	uint16_t version_code = cur_u16(&c);

	cur_u16(&c); /* session */
	cur_u16(&c); /* length: IP tells its own */
	uint16_t protocol = cur_u16(&c);
	if (cur_err(&c)) {
		return REASON_PACKET_TRUNCATED;
	}
	if (version_code != SESSION) {
		return REASON_LINK_UNSUPPORTED;
	}
	switch (protocol) {
	case PPP_IPV4: return read_ipv4(c, frame);
	case PPP_IPV6: return read_ipv6(c, frame);
	default: return REASON_NOT_IP;
	}
}

static bool is_vlan(uint16_t type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ ||
	       (type >= ETHERTYPE_QINQ_OLD && type <= ETHERTYPE_QINQ_OLD_LAST &&
	        (type & 0xff) == 0);
}

/* Neighbour discovery, spanning trees, link supervision: never IP inside. */
static bool is_not_ip(uint16_t type)
{
	static const uint16_t types[] = {
		0x0806, /* ARP */
		0x0842, /* wake on LAN */
		0x8035, /* RARP */
		0x8137, /* IPX */
		0x8808, /* flow control */
		0x8809, /* LACP */
		0x8863, /* PPPoE discovery */
		0x888e, /* 802.1X */
		0x8892, /* PROFINET */
		0x88cc, /* LLDP */
		0x88f7, /* precision time */
		0x8902, /* connectivity fault management */
		0x9000, /* loopback test */
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i] == type) {
			return true;
		}
	}
	return type <= ETHERTYPE_LENGTH_MAX;
}

static enum reason read_ethertype(uint16_t type, struct cursor c, struct frame *frame)
{
	for (int tags = 0; is_vlan(type) && tags < PACKET_VLAN_TAGS_MAX; tags++) {
		cur_u16(&c); /* priority and VLAN id */
		type = cur_u16(&c);
	}
	if (cur_err(&c)) {
		return REASON_PACKET_TRUNCATED;
	}
	switch (type) {
	case ETHERTYPE_IPV4: return read_ipv4(c, frame);
	case ETHERTYPE_IPV6: return read_ipv6(c, frame);
	case ETHERTYPE_PPPOE: return read_pppoe(c, frame);
	default: return is_not_ip(type) ? REASON_NOT_IP : REASON_LINK_UNSUPPORTED;
	}
}

static enum reason read_ethernet(struct cursor c, struct frame *frame)
{
	cur_take(&c, 12); /* addresses */
	uint16_t type = cur_u16(&c);

	return cur_err(&c) ? REASON_PACKET_TRUNCATED : read_ethertype(type, c, frame);
}

static enum reason read_linux_sll(struct cursor c, struct frame *frame)
{
	cur_take(&c, 14); /* direction, device type, address */
	uint16_t type = cur_u16(&c);

	return cur_err(&c) ? REASON_PACKET_TRUNCATED : read_ethertype(type, c, frame);
}

static enum reason read_linux_sll2(struct cursor c, struct frame *frame)
{
	uint16_t type = cur_u16(&c);

	cur_take(&c, 18); /* interface, device type, direction, address */
	return cur_err(&c) ? REASON_PACKET_TRUNCATED : read_ethertype(type, c, frame);
}

/* NULL and LOOP alike: files of both kinds exist in either byte order. The numbers for IPv6 are
 * those of Linux, NetBSD and OpenBSD, FreeBSD, macOS.
 */
static enum reason read_family(struct cursor c, struct frame *frame)
{
	uint32_t family = cur_u32(&c);

	if (cur_err(&c)) {
		return REASON_PACKET_TRUNCATED;
	}
	if (family >> 24) {
		family = __builtin_bswap32(family);
	}
	switch (family) {
	case 2: return read_ipv4(c, frame);
	case 10:
	case 24:
	case 28:
	case 30: return read_ipv6(c, frame);
	default: return REASON_NOT_IP;
	}
}

static const struct {
	enum packet_link link;
	enum reason (*read)(struct cursor c, struct frame *frame);
} links[] = {
	{PACKET_ETHERNET, read_ethernet},
	{PACKET_LINUX_SLL, read_linux_sll},
	{PACKET_LINUX_SLL2, read_linux_sll2},
	{PACKET_RAW, read_raw},
	{PACKET_IPV4, read_ipv4},
	{PACKET_IPV6, read_ipv6},
	{PACKET_NULL, read_family},
	{PACKET_LOOP, read_family},
};

enum reason packet_decode(uint32_t link, struct slice packet, struct frame *frame)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (links[i].link == link) {
			return links[i].read(cur_init(packet.p, packet.len), frame);
		}
	}
	return REASON_LINK_UNSUPPORTED;
}
