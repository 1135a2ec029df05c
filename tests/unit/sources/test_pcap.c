#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/instant.h"
#include "sources/pcap.h"
#include "support/capture_bytes.h"

static const struct row {
	const char *id;
	struct capture_form form;
	uint32_t link; /* as capture_link tells it */
	const char *link_name;
} rows[] = {
	{"us little endian", {.link = 1}, 1, "EN10MB"},
	{"us big endian", {.link = 1, .big_endian = true}, 1, "EN10MB"},
	{"ns little endian", {.link = 113, .nano = true}, 113, "LINUX_SLL"},
	{"ns big endian", {.link = 276, .nano = true, .big_endian = true}, 276, "LINUX_SLL2"},
	{"pcapng us", {.link = 101, .pcapng = true}, 101, "RAW"},
	{"pcapng us big endian", {.link = 228, .pcapng = true, .big_endian = true}, 228, "IPV4"},
	{"pcapng ns", {.link = 0, .pcapng = true, .nano = true}, 0, "NULL"},
	{"unknown link", {.link = 9999}, 9999, "9999"},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct {
	uint64_t time_us;
	const char *bytes;
} packets[] = {
	{UINT64_C(1767268800123456), "first"},
	{UINT64_C(1767268800999999), "the second, longer"},
	{UINT64_C(1767268801000000), "third"},
};
enum { PACKETS = sizeof(packets) / sizeof(packets[0]) };

/* The file of a row, and where each packet ends in it. */
static void write_file(struct buf *b, const struct capture_form *form, size_t ends[PACKETS])
{
	put_capture_header(b, form);
	for (size_t i = 0; i < PACKETS; i++) {
		put_capture_packet(b, form, packets[i].time_us, slice_of(packets[i].bytes));
		ends[i] = b->len;
	}
	assert_false(b->failed);
}

static void gzip(struct buf *out, const char *bytes, size_t len)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	buf_reserve(out, deflateBound(&z, (uLong)len));
	z.next_out = (Bytef *)out->p;
	z.avail_out = (uInt)deflateBound(&z, (uLong)len);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len = z.total_out;
	deflateEnd(&z);
}

static int open_bytes(const char *bytes, size_t len, struct capture **c)
{
	char why[CAPTURE_WHY] = "";
	struct instream *in;
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(instream_open_fd(fd, &in), OK);
	int err = capture_open_file(in, c, why);
	assert_true(err == OK || why[0]);
	return err;
}

/* Takes count packets, then expects end, and again. */
static void check_packets(struct capture *c, size_t count, int end)
{
	struct capture_packet packet;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(capture_next(c, &packet), OK);
		assert_int_equal(packet.time_us, packets[i].time_us);
		assert_int_equal(packet.bytes.len, strlen(packets[i].bytes));
		assert_memory_equal(packet.bytes.p, packets[i].bytes, packet.bytes.len);
	}
	assert_int_equal(capture_next(c, &packet), end);
	assert_int_equal(capture_next(c, &packet), end);
}

static void test_whole_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct buf b = {0};
		struct buf zipped = {0};
		struct capture *c;
		struct capture_drops drops;
		size_t ends[PACKETS];

		write_file(&b, &rows[i].form, ends);
		assert_int_equal(open_bytes(b.p, b.len, &c), OK);
		assert_int_equal(capture_link(c), rows[i].link);
		assert_string_equal(capture_link_name(c), rows[i].link_name);
		assert_int_equal(capture_fd(c), -1);
		check_packets(c, PACKETS, E_END);
		capture_drops(c, &drops);
		assert_int_equal(drops.received + drops.dropped + drops.interface_dropped, 0);
		capture_close(c);

		gzip(&zipped, b.p, b.len);
		assert_int_equal(open_bytes(zipped.p, zipped.len, &c), OK);
		check_packets(c, PACKETS, E_END);
		capture_close(c);
		buf_fini(&zipped);
		buf_fini(&b);
	}
}

/* The file ends anywhere inside its last packet: the two before it are there, whether the file is
 * plain or its beginning was compressed whole.
 */
static void test_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct buf b = {0};
		size_t ends[PACKETS];

		write_file(&b, &rows[i].form, ends);
		for (size_t len = ends[PACKETS - 2]; len < b.len; len++) {
			struct buf zipped = {0};
			struct capture *c;
			int end = len == ends[PACKETS - 2] ? E_END : E_TRUNCATED;

			assert_int_equal(open_bytes(b.p, len, &c), OK);
			check_packets(c, PACKETS - 1, end);
			capture_close(c);
			gzip(&zipped, b.p, len);
			assert_int_equal(open_bytes(zipped.p, zipped.len, &c), OK);
			check_packets(c, PACKETS - 1, end);
			capture_close(c);
			buf_fini(&zipped);
		}
		buf_fini(&b);
	}
}

/* The compressed file is cut: whatever can still be unpacked counts, and the cut is told. */
static void test_cut_gzip(void **state)
{
	const struct capture_form form = {.link = 1};
	struct buf b = {0};
	struct buf zipped = {0};
	size_t before = 0;

	(void)state;
	put_capture_header(&b, &form);
	uint32_t noise = 1;
	for (size_t i = 0; i < 200; i++) {
		char bytes[100];
		for (size_t k = 0; k < sizeof(bytes); k++) {
			bytes[k] = (char)((noise = noise * 1664525 + 1013904223) >> 24);
		}
		put_capture_packet(&b, &form, i, (struct slice){bytes, sizeof(bytes)});
	}
	gzip(&zipped, b.p, b.len);
	for (size_t len = zipped.len / 8; len < zipped.len; len += zipped.len / 8) {
		struct capture *c;
		struct capture_packet packet;
		size_t count = 0;
		int err;

		assert_int_equal(open_bytes(zipped.p, len, &c), OK);
		while ((err = capture_next(c, &packet)) == OK) {
			count++;
		}
		assert_int_equal(err, E_TRUNCATED);
		assert_true(count > before);
		before = count;
		capture_close(c);
	}
	buf_fini(&zipped);
	buf_fini(&b);
}

static void test_refused_headers(void **state)
{
	static const struct {
		const char *id;
		size_t at;
		char value;
		size_t len; /* 0: all */
		int want;
	} changes[] = {
		{"magic", 0, 'X', 0, E_UNSUPPORTED},
		{"major version 9", 4, 9, 0, E_UNSUPPORTED},
		{"header cut", 0, '\xd4', PCAP_HEADER_SIZE - 1, E_TRUNCATED},
		{"magic cut", 0, '\xd4', 3, E_TRUNCATED},
		{"header alone", 0, '\xd4', PCAP_HEADER_SIZE, OK},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct buf b = {0};
		struct capture *c;
		size_t ends[PACKETS];

		write_file(&b, &rows[0].form, ends);
		b.p[changes[i].at] = changes[i].value;
		int err = open_bytes(b.p, changes[i].len ? changes[i].len : b.len, &c);
		if (err != changes[i].want) {
			fail_msg("%s: %s", changes[i].id, err_text(err));
		}
		if (err == OK) {
			check_packets(c, 0, E_END);
			capture_close(c);
		}
		buf_fini(&b);
	}
}

static void test_damage_in_the_middle(void **state)
{
	struct buf b = {0};
	struct capture *c;
	size_t ends[PACKETS];

	(void)state;
	write_file(&b, &rows[0].form, ends);
	b.p[ends[0] + 11] = 0x7f; /* captured length of the second packet */
	assert_int_equal(open_bytes(b.p, b.len, &c), OK);
	check_packets(c, 1, E_MALFORMED);
	capture_close(c);
	buf_fini(&b);
}

/* Seconds are unsigned in a pcap file; microseconds stay below a second; nothing overflows. */
static void test_odd_times(void **state)
{
	static const struct {
		bool pcapng;
		uint64_t high; /* pcap: seconds, pcapng: upper half of the time */
		uint64_t low;
		int64_t want_us;
	} times[] = {
		{false, 0xf0000000, 999999, INT64_C(0xf0000000) * US_PER_S + 999999},
		{false, 0x7fffffff, 0, INT64_C(0x7fffffff) * US_PER_S},
		{false, 1, 1000001, US_PER_S + 1},
		{true, 0x7fffffff, 0, INT64_C(7258118400) * US_PER_S + 808512},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const struct capture_form form = {.pcapng = times[i].pcapng, .link = 1};
		struct buf b = {0};
		struct capture *c;
		struct capture_packet packet;

		put_capture_header(&b, &form);
		size_t at = b.len + (form.pcapng ? 12 : 0);
		put_capture_packet(&b, &form, 0, SLICE_LIT("x"));
		size_t len = b.len;
		b.len = at;
		put_number(&b, false, 4, times[i].high);
		put_number(&b, false, 4, times[i].low);
		assert_int_equal(open_bytes(b.p, len, &c), OK);
		assert_int_equal(capture_next(c, &packet), OK);
		assert_int_equal(packet.time_us, times[i].want_us);
		capture_close(c);
		buf_fini(&b);
	}
}

enum { UDP = 17, TCP = 6, FRAGMENT6 = 44 };

/* What the default filter lets through of Ethernet, by the packet's stack of headers. */
static const struct filter_row {
	const char *id;
	int tags;
	bool v6;
	uint8_t protocol;
	uint16_t fragment; /* flags and offset */
	uint16_t port;
	bool want;
} filter_rows[] = {
	{"5060", 0, false, UDP, 0, 5060, true},
	{"5061", 0, false, UDP, 0, 5061, true},
	{"5062", 0, false, UDP, 0, 5062, false},
	{"tcp", 0, false, TCP, 0, 5060, false},
	{"first fragment", 0, false, UDP, 0x2000, 5060, true},
	{"first fragment of media", 0, false, UDP, 0x2000, 5062, false},
	{"further fragment", 0, false, UDP, 0x00b9, 5062, true},
	{"further fragment of tcp", 0, false, TCP, 0x00b9, 5060, false},
	{"ipv6", 0, true, UDP, 0, 5060, true},
	{"ipv6 media", 0, true, UDP, 0, 5062, false},
	{"ipv6 fragment", 0, true, FRAGMENT6, 0, 5062, true},
	{"vlan", 1, false, UDP, 0, 5060, true},
	{"vlan media", 1, false, UDP, 0, 5062, false},
	{"vlan further fragment", 1, false, UDP, 0x00b9, 5062, true},
	{"vlan ipv6", 1, true, UDP, 0, 5061, true},
	{"qinq", 2, false, UDP, 0, 5060, true},
	{"qinq media", 2, false, UDP, 0, 5062, false},
	{"qinq further fragment", 2, false, UDP, 0x00b9, 5062, true},
	{"qinq ipv6", 2, true, UDP, 0, 5060, true},
};

static void put_filter_packet(struct buf *b, const struct filter_row *row)
{
	put_number(b, true, 8, 0x0200000000010200);
	put_number(b, true, 4, 2);
	for (int i = 0; i < row->tags; i++) {
		put_number(b, true, 4, i == 0 && row->tags == 2 ? 0x88a80064 : 0x81000064);
	}
	if (row->v6) {
		put_number(b, true, 2, 0x86dd);
		put_number(b, true, 8, UINT64_C(0x6000000000080040) | (uint64_t)row->protocol << 8);
		put_number(b, true, 8, 1);
		put_number(b, true, 8, 2);
		put_number(b, true, 8, 3);
		put_number(b, true, 8, 4);
	} else {
		put_number(b, true, 2, 0x0800);
		put_number(b, true, 6, 0x4500001c0001);
		put_number(b, true, 2, row->fragment);
		put_number(b, true, 1, 64);
		put_number(b, true, 1, row->protocol);
		put_number(b, true, 8, 0x00000a0000010a00);
		put_number(b, true, 2, 2);
	}
	put_number(b, true, 2, 30000);
	put_number(b, true, 2, row->port);
	put_number(b, true, 4, 0x00080000);
}

static void test_default_filter(void **state)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, CAPTURE_SNAPLEN);
	struct bpf_program program;

	(void)state;
	assert_int_equal(pcap_compile(dead, &program, capture_filter_default(DLT_EN10MB), 1,
	                              PCAP_NETMASK_UNKNOWN),
	                 0);
	for (size_t i = 0; i < sizeof(filter_rows) / sizeof(filter_rows[0]); i++) {
		struct buf b = {0};

		put_filter_packet(&b, &filter_rows[i]);
		struct pcap_pkthdr header = {.caplen = (unsigned)b.len, .len = (unsigned)b.len};
		bool got = pcap_offline_filter(&program, &header, (const u_char *)b.p) != 0;
		if (got != filter_rows[i].want) {
			fail_msg("%s: %d", filter_rows[i].id, got);
		}
		buf_fini(&b);
	}
	pcap_freecode(&program);
	pcap_close(dead);
}

static void test_filter_of_other_links(void **state)
{
	static const int dlts[] = {DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW, DLT_NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(dlts) / sizeof(dlts[0]); i++) {
		pcap_t *dead = pcap_open_dead(dlts[i], CAPTURE_SNAPLEN);
		struct bpf_program program;

		assert_int_equal(pcap_compile(dead, &program,
		                              capture_filter_default((uint32_t)dlts[i]), 1,
		                              PCAP_NETMASK_UNKNOWN),
		                 0);
		pcap_freecode(&program);
		pcap_close(dead);
	}
}

static void skip_without_permission(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		skip();
	}
	close(fd);
}

static int open_loopback(const char *filter, struct capture **c)
{
	const struct capture_options options = {
		.interface = "lo", .filter = filter, .buffer_size = 1 << 20};
	char why[CAPTURE_WHY] = "";
	int err = capture_open_live(&options, c, why);

	assert_true(err == OK || why[0]);
	return err;
}

static void send_to_loopback(const char *text, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to)),
	                 strlen(text));
	close(fd);
}

/* Waits until a packet with the text is captured. */
static bool await(struct capture *c, const char *text)
{
	bool found = false;

	for (int i = 0; i < 40 && !found; i++) {
		struct pollfd ready = {.fd = capture_fd(c), .events = POLLIN};
		struct capture_packet packet;
		int err;

		poll(&ready, 1, CAPTURE_WAIT_MS);
		while ((err = capture_next(c, &packet)) == OK) {
			found |= memmem(packet.bytes.p, packet.bytes.len, text, strlen(text)) !=
			         NULL;
		}
		assert_int_equal(err, E_AGAIN);
	}
	return found;
}

static void test_live(void **state)
{
	static const char text[] = "OPTIONS sip:x SIP/2.0\r\n\r\n";
	struct capture *c;

	(void)state;
	skip_without_permission();
	assert_int_equal(open_loopback(NULL, &c), OK);
	assert_string_equal(capture_link_name(c), "EN10MB");
	send_to_loopback("filtered", 5062);
	send_to_loopback(text, 5060);
	assert_true(await(c, text));
	capture_close(c);
}

/* The counters of libpcap are totals: asking twice counts nothing twice. */
static void test_live_drops(void **state)
{
	struct capture_drops once;
	struct capture_drops again;
	struct capture *c;

	(void)state;
	skip_without_permission();
	assert_int_equal(open_loopback("udp port 45061", &c), OK);
	send_to_loopback("one", 45061);
	assert_true(await(c, "one"));
	capture_drops(c, &once);
	assert_true(once.received >= 1);
	assert_int_equal(once.dropped, 0);
	capture_drops(c, &again);
	assert_int_equal(again.received, once.received);
	send_to_loopback("two", 45061);
	assert_true(await(c, "two"));
	capture_drops(c, &again);
	assert_int_equal(again.received, 2 * once.received);
	capture_close(c);
}

static void test_live_refused(void **state)
{
	const struct capture_options nowhere = {.interface = "no-such-if0"};
	char why[CAPTURE_WHY] = "";
	struct capture *c;

	(void)state;
	skip_without_permission();
	assert_int_equal(open_loopback("udp prot 5060", &c), E_INVALID);
	assert_int_equal(capture_open_live(&nowhere, &c, why), E_NOTFOUND);
	assert_true(why[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_files),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_cut_gzip),
		cmocka_unit_test(test_refused_headers),
		cmocka_unit_test(test_damage_in_the_middle),
		cmocka_unit_test(test_odd_times),
		cmocka_unit_test(test_default_filter),
		cmocka_unit_test(test_filter_of_other_links),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_live_drops),
		cmocka_unit_test(test_live_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
