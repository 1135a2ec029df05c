/* Capture files and packets put together byte by byte, for tests: nothing here comes from libpcap
 * or from the decoder under test.
 */
#ifndef TESTS_SUPPORT_CAPTURE_BYTES_H
#define TESTS_SUPPORT_CAPTURE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

enum { PCAP_HEADER_SIZE = 24, PCAP_RECORD_SIZE = 16 };

/* How a capture file is written. */
struct capture_form {
	bool pcapng;
	bool big_endian;
	bool nano;
	uint32_t link;
};

static inline void put_number(struct buf *b, bool big_endian, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++) {
		buf_char(b, (char)(value >> 8 * (big_endian ? size - 1 - i : i)));
	}
}

static inline void put_pcapng_header(struct buf *b, const struct capture_form *form)
{
	bool be = form->big_endian;

	put_number(b, be, 4, 0x0a0d0d0a);
	put_number(b, be, 4, 28);
	put_number(b, be, 4, 0x1a2b3c4d);
	put_number(b, be, 2, 1);
	put_number(b, be, 2, 0);
	put_number(b, be, 8, UINT64_MAX); /* section length not known */
	put_number(b, be, 4, 28);

	put_number(b, be, 4, 1); /* interface description */
	put_number(b, be, 4, 32);
	put_number(b, be, 2, form->link);
	put_number(b, be, 2, 0);
	put_number(b, be, 4, 65535);
	put_number(b, be, 2, 9); /* if_tsresol */
	put_number(b, be, 2, 1);
	put_number(b, false, 4, form->nano ? 9 : 6);
	put_number(b, be, 4, 0);
	put_number(b, be, 4, 32);
}

static inline void put_capture_header(struct buf *b, const struct capture_form *form)
{
	bool be = form->big_endian;

	if (form->pcapng) {
		put_pcapng_header(b, form);
		return;
	}
	put_number(b, be, 4, form->nano ? 0xa1b23c4d : 0xa1b2c3d4);
	put_number(b, be, 2, 2);
	put_number(b, be, 2, 4);
	put_number(b, be, 8, 0);
	put_number(b, be, 4, 65535);
	put_number(b, be, 4, form->link);
}

static inline void put_pcapng_packet(struct buf *b, const struct capture_form *form, uint64_t time,
                                     struct slice packet)
{
	bool be = form->big_endian;
	size_t padded = (packet.len + 3) / 4 * 4;

	put_number(b, be, 4, 6);
	put_number(b, be, 4, 32 + padded);
	put_number(b, be, 4, 0);
	put_number(b, be, 4, time >> 32);
	put_number(b, be, 4, time & UINT32_MAX);
	put_number(b, be, 4, packet.len);
	put_number(b, be, 4, packet.len);
	buf_slice(b, packet);
	put_number(b, be, (unsigned)(padded - packet.len), 0);
	put_number(b, be, 4, 32 + padded);
}

static inline void put_capture_packet(struct buf *b, const struct capture_form *form,
                                      uint64_t time_us, struct slice packet)
{
	bool be = form->big_endian;
	uint64_t scale = form->nano ? 1000 : 1;

	if (form->pcapng) {
		put_pcapng_packet(b, form, time_us * scale, packet);
		return;
	}
	put_number(b, be, 4, time_us / 1000000);
	put_number(b, be, 4, time_us % 1000000 * scale);
	put_number(b, be, 4, packet.len);
	put_number(b, be, 4, packet.len);
	buf_slice(b, packet);
}

/* Ethernet, IPv4 10.0.0.<src> to 10.0.0.<dst>, UDP from and to port 5060. */
static inline void put_sip_packet(struct buf *b, uint8_t src, uint8_t dst, struct slice payload)
{
	put_number(b, true, 8, 0x0200000000010200);
	put_number(b, true, 6, 0x000000020800);
	put_number(b, true, 2, 0x4500);
	put_number(b, true, 2, 28 + payload.len);
	put_number(b, true, 8, 0x0001400040110000);
	put_number(b, true, 4, 0x0a000000U | src);
	put_number(b, true, 4, 0x0a000000U | dst);
	put_number(b, true, 4, 0x13c413c4);
	put_number(b, true, 2, 8 + payload.len);
	put_number(b, true, 2, 0);
	buf_slice(b, payload);
}

#endif
