/* Packets from a capture file or from an interface: the only user of libpcap.
 *
 * A file comes as an input stream, so that pcap and pcapng, gzip and zstd of them, and pipes are
 * all the same; its times are brought to microseconds whatever the file counts in. An interface
 * never blocks: wait until capture_fd is readable, then take packets until E_AGAIN.
 *
 *	struct capture *c;
 *	int err = capture_open_file(in, &c, why);
 *	while ((err = capture_next(c, &packet)) == OK) ...
 *	capture_close(c);
 *
 * Names begin with capture_: pcap_ is libpcap's own. One thread a capture.
 */
#ifndef ENGINE_SOURCES_PCAP_H
#define ENGINE_SOURCES_PCAP_H

#include <stddef.h>
#include <stdint.h>

#include "core/compress.h"
#include "core/slice.h"

struct capture;

struct capture_packet {
	int64_t time_us;
	struct slice bytes; /* what was captured; valid until the next call */
};

enum { CAPTURE_WHY = 256 };

enum { CAPTURE_SNAPLEN = 65535, CAPTURE_WAIT_MS = 10 };
#define CAPTURE_BUFFER_DEFAULT (64U << 20)

struct capture_options {
	const char *interface; /* "eth0", "any" */
	size_t buffer_size;    /* of the kernel's ring; 0: CAPTURE_BUFFER_DEFAULT */
	const char *filter;    /* pcap-filter(7); NULL: capture_filter_default; "": everything */
};

/* Losses of a live capture since it was opened, 64 bits wide. `dropped` is lost because the reader
 * was too slow, `interface_dropped` by the network card or its driver. All 0 for a file.
 */
struct capture_drops {
	uint64_t received; /* passed the filter; those not read yet and those dropped included */
	uint64_t dropped;
	uint64_t interface_dropped;
};

/* Takes `in` over, also on failure. E_UNSUPPORTED (no capture file that libpcap reads), E_TRUNCATED
 * (ends inside the file header), E_MALFORMED (damaged compression), E_IO, E_NOMEM; why says it in
 * one line. A pcapng file with interfaces of different link types is E_MALFORMED at the first
 * packet of the second kind: libpcap reads one kind a file.
 */
int capture_open_file(struct instream *in, struct capture **out, char why[CAPTURE_WHY]);
/* E_NOTFOUND (no such interface), E_INVALID (filter), E_IO (no permission, interface down, …). */
int capture_open_live(const struct capture_options *options, struct capture **out,
                      char why[CAPTURE_WHY]);

/* OK; E_AGAIN (live: nothing there now); of a file E_END, E_TRUNCATED (it ends inside a packet),
 * E_MALFORMED (damaged from here on), E_IO. What came before stays good; an error is final.
 */
int capture_next(struct capture *c, struct capture_packet *packet);

/* LINKTYPE_ number as in a capture file, and the name of it ("EN10MB"). */
uint32_t capture_link(const struct capture *c);
const char *capture_link_name(const struct capture *c);
/* To wait for on a live capture: readable when packets are there; -1 for a file. */
int capture_fd(const struct capture *c);
void capture_drops(struct capture *c, struct capture_drops *drops);
void capture_close(struct capture *c);

/* SIP ports over UDP and, because they carry no port, the further fragments of UDP packets;
 * Ethernet also behind one and two VLAN tags.
 */
const char *capture_filter_default(uint32_t link);

#endif
