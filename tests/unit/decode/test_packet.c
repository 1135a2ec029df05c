/* Each row is a good packet put together from layers, or one change away from a good one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "decode/packet.h"

static const char payload[] = "OPTIONS sip:carol@192.0.2.9 SIP/2.0\r\n\r\n";
enum { PAYLOAD_LEN = sizeof(payload) - 1 };

enum net { V4 = 0, V6 };

struct row {
	const char *id;
	uint32_t link;
	struct slice head; /* link layer */
	enum net net;
	uint8_t next; /* V6: of the fixed header when there are extensions */
	struct slice extensions;
	struct slice pad; /* behind the IP packet */
	size_t at;        /* the one change: a byte of the packet from the IP header on … */
	int value;        /* … becomes this; 0 at offset 0: none */
	size_t cut;       /* or so many bytes less at the end */
	enum reason want;
};

#define B(bytes)           \
 {                         \
  bytes, sizeof(bytes) - 1 \
 }
#define MACS      "\x02\0\0\0\0\1\x02\0\0\0\0\2"
#define ETH4      B(MACS "\x08\x00")
#define ETH6      B(MACS "\x86\xdd")
#define SLL       "\0\0\0\1\0\6\x02\0\0\0\0\1\0\0"
#define SLL2      "\0\0\0\0\0\3\0\1\0\6\x02\0\0\0\0\1\0\0"
#define TAG(type) type "\0\x64"

// clang-format off
static const struct row rows[] = {
	{.id = "ethernet ipv4", .link = PACKET_ETHERNET, .head = ETH4},
	{.id = "ethernet ipv6", .link = PACKET_ETHERNET, .head = ETH6, .net = V6},
	{.id = "vlan", .link = PACKET_ETHERNET, .head = B(MACS TAG("\x81\x00") "\x08\x00")},
	{.id = "vlan ipv6", .link = PACKET_ETHERNET, .head = B(MACS TAG("\x81\x00") "\x86\xdd"), .net = V6},
	{.id = "qinq", .link = PACKET_ETHERNET, .head = B(MACS TAG("\x88\xa8") TAG("\x81\x00") "\x08\x00")},
	{.id = "qinq old", .link = PACKET_ETHERNET, .head = B(MACS TAG("\x91\x00") TAG("\x92\x00") TAG("\x93\x00") "\x08\x00")},
	{.id = "8 tags", .link = PACKET_ETHERNET,
	 .head = B(MACS TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") "\x08\x00")},
	{.id = "9 tags", .link = PACKET_ETHERNET,
	 .head = B(MACS TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") TAG("\x81\x00") "\x08\x00"),
	 .want = REASON_LINK_UNSUPPORTED},
	{.id = "0x9101 is no tag", .link = PACKET_ETHERNET, .head = B(MACS TAG("\x91\x01") "\x08\x00"), .want = REASON_LINK_UNSUPPORTED},
	{.id = "pppoe ipv4", .link = PACKET_ETHERNET, .head = B(MACS "\x88\x64\x11\0\0\1\0\x50\0\x21")},
	{.id = "pppoe ipv6", .link = PACKET_ETHERNET, .head = B(MACS "\x88\x64\x11\0\0\1\0\x50\0\x57"), .net = V6},
	{.id = "pppoe lcp", .link = PACKET_ETHERNET, .head = B(MACS "\x88\x64\x11\0\0\1\0\x50\xc0\x21"), .want = REASON_NOT_IP},
	{.id = "pppoe version 2", .link = PACKET_ETHERNET, .head = B(MACS "\x88\x64\x21\0\0\1\0\x50\0\x21"), .want = REASON_LINK_UNSUPPORTED},
	{.id = "arp", .link = PACKET_ETHERNET, .head = B(MACS "\x08\x06"), .want = REASON_NOT_IP},
	{.id = "lldp", .link = PACKET_ETHERNET, .head = B(MACS "\x88\xcc"), .want = REASON_NOT_IP},
	{.id = "802.3 length", .link = PACKET_ETHERNET, .head = B(MACS "\x05\xdc"), .want = REASON_NOT_IP},
	{.id = "not a length", .link = PACKET_ETHERNET, .head = B(MACS "\x05\xdd"), .want = REASON_LINK_UNSUPPORTED},
	{.id = "mpls", .link = PACKET_ETHERNET, .head = B(MACS "\x88\x47"), .want = REASON_LINK_UNSUPPORTED},
	{.id = "cooked", .link = PACKET_LINUX_SLL, .head = B(SLL "\x08\x00")},
	{.id = "cooked ipv6", .link = PACKET_LINUX_SLL, .head = B(SLL "\x86\xdd"), .net = V6},
	{.id = "cooked vlan", .link = PACKET_LINUX_SLL, .head = B(SLL TAG("\x81\x00") "\x08\x00")},
	{.id = "cooked arp", .link = PACKET_LINUX_SLL, .head = B(SLL "\x08\x06"), .want = REASON_NOT_IP},
	{.id = "cooked 2", .link = PACKET_LINUX_SLL2, .head = B("\x08\x00" SLL2)},
	{.id = "cooked 2 ipv6", .link = PACKET_LINUX_SLL2, .head = B("\x86\xdd" SLL2), .net = V6},
	{.id = "cooked 2 arp", .link = PACKET_LINUX_SLL2, .head = B("\x08\x06" SLL2), .want = REASON_NOT_IP},
	{.id = "raw ipv4", .link = PACKET_RAW},
	{.id = "raw ipv6", .link = PACKET_RAW, .net = V6},
	{.id = "raw version 5", .link = PACKET_RAW, .at = 0, .value = 0x55, .want = REASON_IP_MALFORMED},
	{.id = "ipv4", .link = PACKET_IPV4},
	{.id = "ipv4 holds ipv6", .link = PACKET_IPV4, .net = V6, .want = REASON_IP_MALFORMED},
	{.id = "ipv6", .link = PACKET_IPV6, .net = V6},
	{.id = "ipv6 holds ipv4", .link = PACKET_IPV6, .want = REASON_IP_MALFORMED},
	{.id = "null little endian", .link = PACKET_NULL, .head = B("\2\0\0\0")},
	{.id = "null big endian", .link = PACKET_NULL, .head = B("\0\0\0\2")},
	{.id = "null linux ipv6", .link = PACKET_NULL, .head = B("\x0a\0\0\0"), .net = V6},
	{.id = "null openbsd ipv6", .link = PACKET_NULL, .head = B("\0\0\0\x18"), .net = V6},
	{.id = "null freebsd ipv6", .link = PACKET_NULL, .head = B("\x1c\0\0\0"), .net = V6},
	{.id = "null macos ipv6", .link = PACKET_NULL, .head = B("\x1e\0\0\0"), .net = V6},
	{.id = "null appletalk", .link = PACKET_NULL, .head = B("\x10\0\0\0"), .want = REASON_NOT_IP},
	{.id = "loop big endian", .link = PACKET_LOOP, .head = B("\0\0\0\2")},
	{.id = "loop little endian", .link = PACKET_LOOP, .head = B("\2\0\0\0")},
	{.id = "loop ipv6", .link = PACKET_LOOP, .head = B("\0\0\0\x18"), .net = V6},
	{.id = "unknown link", .link = 105, .want = REASON_LINK_UNSUPPORTED},

	{.id = "ethernet padding", .link = PACKET_ETHERNET, .head = ETH4, .pad = B("\0\0\0\0\0\0")},
	{.id = "ethernet padding ipv6", .link = PACKET_ETHERNET, .head = ETH6, .net = V6, .pad = B("\0\0\0\0\0\0")},
	{.id = "ipv4 cut", .link = PACKET_ETHERNET, .head = ETH4, .cut = 1, .want = REASON_PACKET_TRUNCATED},
	{.id = "ipv6 cut", .link = PACKET_ETHERNET, .head = ETH6, .net = V6, .cut = 1, .want = REASON_PACKET_TRUNCATED},
	{.id = "ipv4 version", .link = PACKET_ETHERNET, .head = ETH4, .at = 0, .value = 0x65, .want = REASON_IP_MALFORMED},
	{.id = "ipv4 header of 16", .link = PACKET_ETHERNET, .head = ETH4, .at = 0, .value = 0x44, .want = REASON_IP_MALFORMED},
	{.id = "ipv4 total below header", .link = PACKET_ETHERNET, .head = ETH4, .at = 3, .value = 19, .want = REASON_IP_MALFORMED},
	{.id = "ipv4 more fragments", .link = PACKET_ETHERNET, .head = ETH4, .at = 6, .value = 0x20, .want = REASON_IP_FRAGMENT},
	{.id = "ipv4 offset high", .link = PACKET_ETHERNET, .head = ETH4, .at = 6, .value = 0x10, .want = REASON_IP_FRAGMENT},
	{.id = "ipv4 offset low", .link = PACKET_ETHERNET, .head = ETH4, .at = 7, .value = 1, .want = REASON_IP_FRAGMENT},
	{.id = "ipv4 don't fragment", .link = PACKET_ETHERNET, .head = ETH4, .at = 6, .value = 0x40},
	{.id = "tcp", .link = PACKET_ETHERNET, .head = ETH4, .at = 9, .value = 6, .want = REASON_TRANSPORT_UNSUPPORTED},
	{.id = "ipv6 tcp", .link = PACKET_ETHERNET, .head = ETH6, .net = V6, .at = 6, .value = 6, .want = REASON_TRANSPORT_UNSUPPORTED},
	{.id = "ipv6 no next header", .link = PACKET_ETHERNET, .head = ETH6, .net = V6, .at = 6, .value = 59, .want = REASON_TRANSPORT_UNSUPPORTED},
	{.id = "udp length 7", .link = PACKET_ETHERNET, .head = ETH4, .at = 25, .value = 7, .want = REASON_UDP_MALFORMED},
	{.id = "udp longer than ip", .link = PACKET_ETHERNET, .head = ETH4, .at = 25, .value = PAYLOAD_LEN + 9, .want = REASON_UDP_MALFORMED},
	{.id = "udp longer than ip, padded", .link = PACKET_ETHERNET, .head = ETH4, .at = 25, .value = PAYLOAD_LEN + 9, .pad = B("\0\0"), .want = REASON_UDP_MALFORMED},
	{.id = "udp header cut by ip", .link = PACKET_ETHERNET, .head = ETH4, .at = 3, .value = 27, .want = REASON_UDP_MALFORMED},
	{.id = "ipv4 header alone", .link = PACKET_ETHERNET, .head = ETH4, .at = 3, .value = 20, .cut = 8 + PAYLOAD_LEN, .want = REASON_UDP_MALFORMED},
	{.id = "udp length 0 in ipv6", .link = PACKET_ETHERNET, .head = ETH6, .net = V6, .at = 45, .value = 0, .want = REASON_UDP_MALFORMED},

	{.id = "hop by hop", .link = PACKET_IPV6, .net = V6, .next = 0, .extensions = B("\x11\0\1\4\0\0\0\0")},
	{.id = "hop by hop of 16, routing", .link = PACKET_IPV6, .net = V6, .next = 0,
	 .extensions = B("\x2b\1\1\xc\0\0\0\0\0\0\0\0\0\0\0\0" "\x11\0\0\0\0\0\0\0")},
	{.id = "destination, authentication", .link = PACKET_IPV6, .net = V6, .next = 60,
	 .extensions = B("\x33\0\1\4\0\0\0\0" "\x11\4\0\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0")},
	{.id = "mobility", .link = PACKET_IPV6, .net = V6, .next = 135, .extensions = B("\x11\0\0\0\0\0\0\0")},
	{.id = "atomic fragment", .link = PACKET_IPV6, .net = V6, .next = 44, .extensions = B("\x11\0\0\0\0\0\0\1")},
	{.id = "fragment header reserved bits", .link = PACKET_IPV6, .net = V6, .next = 44, .extensions = B("\x11\xff\0\6\0\0\0\1")},
	{.id = "first fragment", .link = PACKET_IPV6, .net = V6, .next = 44, .extensions = B("\x11\0\0\1\0\0\0\1"), .want = REASON_IP_FRAGMENT},
	{.id = "further fragment", .link = PACKET_IPV6, .net = V6, .next = 44, .extensions = B("\x11\0\0\x08\0\0\0\1"), .want = REASON_IP_FRAGMENT},
	{.id = "esp", .link = PACKET_IPV6, .net = V6, .next = 0, .extensions = B("\x32\0\1\4\0\0\0\0"), .want = REASON_TRANSPORT_UNSUPPORTED},
	{.id = "extension beyond the packet", .link = PACKET_IPV6, .net = V6, .next = 0, .extensions = B("\x11\xff\1\4\0\0\0\0"), .want = REASON_IP_MALFORMED},
	{.id = "extensions without end", .link = PACKET_IPV6, .net = V6, .next = 60,
	 .extensions = B("\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0"
	                 "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0"
	                 "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0"
	                 "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0" "\x3c\0\1\4\0\0\0\0"
	                 "\x11\0\1\4\0\0\0\0"), .want = REASON_IP_MALFORMED},
};
// clang-format on

static void put_u16(struct buf *b, size_t value)
{
	buf_char(b, (char)(value >> 8));
	buf_char(b, (char)value);
}

static void put_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.len);
}

static void put_ipv4(struct buf *b)
{
	buf_add(b, "\x45\0", 2);
	put_u16(b, 20 + 8 + PAYLOAD_LEN);
	buf_add(b, "\0\1\0\0\x40\x11\0\0\xc0\0\2\1\xc6\x33\x64\2", 16);
}

static void put_ipv6(struct buf *b, uint8_t next, struct slice extensions)
{
	buf_add(b, "\x60\0\0\0", 4);
	put_u16(b, extensions.len + 8 + PAYLOAD_LEN);
	buf_char(b, extensions.len ? (char)next : 17);
	buf_add(b, "\x40\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 17);
	buf_add(b, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
	put_slice(b, extensions);
}

/* In a block of exactly its length, so that a sanitizer sees every byte read too many. */
static struct slice packet_of(const struct row *row)
{
	struct buf b = {0};

	put_slice(&b, row->head);
	if (row->net == V4) {
		put_ipv4(&b);
	} else {
		put_ipv6(&b, row->next, row->extensions);
	}
	put_u16(&b, 5060);
	put_u16(&b, 5080);
	put_u16(&b, 8 + PAYLOAD_LEN);
	put_u16(&b, 0xbeef);
	buf_add(&b, payload, PAYLOAD_LEN);
	put_slice(&b, row->pad);
	if (row->at || row->value) {
		b.p[row->head.len + row->at] = (char)row->value;
	}
	char *exact = malloc(b.len - row->cut);
	memcpy(exact, b.p, b.len - row->cut);
	struct slice packet = {exact, b.len - row->cut};
	buf_fini(&b);
	return packet;
}

static void check_frame(const struct row *row, const struct frame *frame)
{
	const char *want[2][2] = {{"192.0.2.1", "198.51.100.2"}, {"2001:db8::1", "2001:db8::2"}};
	char text[IP_TEXT];

	ip_format(&frame->src, text);
	assert_string_equal(text, want[row->net][0]);
	ip_format(&frame->dst, text);
	assert_string_equal(text, want[row->net][1]);
	assert_int_equal(frame->src.family, row->net == V4 ? 4 : 6);
	assert_int_equal(frame->src.port, 5060);
	assert_int_equal(frame->dst.port, 5080);
	assert_int_equal(frame->payload.len, PAYLOAD_LEN);
	assert_memory_equal(frame->payload.p, payload, PAYLOAD_LEN);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct frame frame = {.time_us = 42};
		struct slice packet = packet_of(&rows[i]);
		enum reason got = packet_decode(rows[i].link, packet, &frame);

		if (got != rows[i].want) {
			fail_msg("%s: %s instead of %s", rows[i].id, reason_word(got),
			         reason_word(rows[i].want));
		}
		if (got == REASON_NONE) {
			check_frame(&rows[i], &frame);
			assert_int_equal(frame.time_us, 42);
		}
		free((void *)(uintptr_t)packet.p);
	}
}

/* However much the capture kept of a good packet: all of it or "truncated". */
static void test_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct row row = rows[i];
		struct frame frame;
		size_t least = row.head.len + (row.net == V4 ? 20 : 40) + 8 + PAYLOAD_LEN;

		if (row.want != REASON_NONE) {
			continue;
		}
		least += row.extensions.len;
		for (row.cut = 1; row.cut <= least + row.pad.len; row.cut++) {
			struct slice packet = packet_of(&row);
			enum reason got = packet_decode(row.link, packet, &frame);
			enum reason want =
				packet.len < least ? REASON_PACKET_TRUNCATED : REASON_NONE;

			if (got != want) {
				fail_msg("%s without %zu: %s", row.id, row.cut, reason_word(got));
			}
			free((void *)(uintptr_t)packet.p);
		}
	}
}

static void test_empty_datagram(void **state)
{
	static const char packet[] =
		"\x45\0\0\x1c\0\0\0\0\x40\x11\0\0\xc0\0\2\1\xc6\x33\x64\2\x13\xc4\x13\xc4\0\x08\0\0";
	struct frame frame;

	(void)state;
	assert_int_equal(packet_decode(PACKET_RAW, (struct slice){packet, 28}, &frame),
	                 REASON_NONE);
	assert_int_equal(frame.payload.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_empty_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
