/* A capture file of overlapping calls (seven messages each) made in memory, then read as far as
 * each stage: packets out of libpcap, datagrams, parsed messages, events in time order. One core.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "app/feed.h"
#include "core/buf.h"
#include "core/err.h"
#include "decode/packet.h"
#include "decode/sip.h"
#include "sources/pcap.h"

enum { CALLS = 40000, PER_CALL = 7, STEP_US = 500, RUNS = 3, START_S = 1767268800 };

#define SDP                                                                             \
 "v=0\r\no=- 3972 3972 IN IP4 192.0.2.17\r\ns=call\r\nc=IN IP4 192.0.2.17\r\nt=0 0\r\n" \
 "m=audio 18230 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
#define OFFER     "Content-Type: application/sdp\r\nContent-Length: 131\r\n\r\n" SDP
#define NO_BODY   "Content-Length: 0\r\n\r\n"
#define TO_CALLEE "sip:+4477009%05u@edge.example.com;user=phone"
#define HEADERS(branch, to_tag)                                                    \
 "Via: SIP/2.0/UDP 192.0.2.17:5060;branch=z9hG4bK" branch "%06u;rport\r\n"         \
 "From: \"A. Caller\" <sip:+4420794%05u@gw.example.net;user=phone>;tag=as%06u\r\n" \
 "To: <" TO_CALLEE ">" to_tag "\r\nCall-ID: 5f1c%08x@192.0.2.17\r\n"

static const struct {
	unsigned delay; /* calls begun since this one */
	bool from_caller;
	const char *start; /* request line with a callee, status line without */
	const char *format;
} steps[PER_CALL] = {
	{0, true, "INVITE " TO_CALLEE " SIP/2.0\r\n",
         HEADERS("inv", "") "CSeq: 102 INVITE\r\nContact: <sip:+4420794@192.0.2.17:5060>\r\n"
                            "Max-Forwards: 70\r\nUser-Agent: Gateway 4.2.1\r\n"
                            "P-Asserted-Identity: <sip:+442079460001@gw.example.net>\r\n" OFFER},
	{1, false, "SIP/2.0 100 Trying\r\n", HEADERS("inv", "") "CSeq: 102 INVITE\r\n" NO_BODY},
	{9, false, "SIP/2.0 180 Ringing\r\n",
         HEADERS("inv", ";tag=t1") "CSeq: 102 INVITE\r\nServer: Edge 9\r\n" NO_BODY},
	{2000, false, "SIP/2.0 200 OK\r\n",
         HEADERS("inv", ";tag=t1") "CSeq: 102 INVITE\r\nServer: Edge 9\r\n" OFFER},
	{2001, true, "ACK " TO_CALLEE " SIP/2.0\r\n",
         HEADERS("ack", ";tag=t1") "CSeq: 102 ACK\r\nMax-Forwards: 70\r\n" NO_BODY},
	{9000, true, "BYE " TO_CALLEE " SIP/2.0\r\n",
         HEADERS("bye", ";tag=t1") "CSeq: 103 BYE\r\nMax-Forwards: 70\r\n" NO_BODY},
	{9001, false, "SIP/2.0 200 OK\r\n",
         HEADERS("bye", ";tag=t1") "CSeq: 103 BYE\r\nServer: Edge 9\r\n" NO_BODY},
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void build_message(struct buf *b, size_t step, unsigned call)
{
	unsigned callee = call * 7919 % 100000;
	unsigned caller = call * 104729 % 100000;
	unsigned tag = call % 1000000;

	buf_printf(b, steps[step].start, callee);
	buf_printf(b, steps[step].format, tag, caller, tag, callee, call);
}
#pragma GCC diagnostic pop

static void put_le(struct buf *b, unsigned value)
{
	buf_add(b, &value, sizeof(value));
}

static void put_be16(struct buf *b, size_t value)
{
	buf_char(b, (char)(value >> 8));
	buf_char(b, (char)value);
}

static void put_packet(struct buf *b, struct slice sip, bool from_caller, int64_t time_us)
{
	static const char there[] = "\xc0\0\2\x11\xc0\0\2\x50";
	static const char back[] = "\xc0\0\2\x50\xc0\0\2\x11";
	unsigned size = 14 + 28 + (unsigned)sip.len;

	put_le(b, (unsigned)(START_S + time_us / US_PER_S));
	put_le(b, (unsigned)(time_us % US_PER_S));
	put_le(b, size);
	put_le(b, size);
	buf_add(b, "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0\x45\0", 16);
	put_be16(b, 28 + sip.len);
	buf_add(b, "\0\1\x40\0\x40\x11\0\0", 8);
	buf_add(b, from_caller ? there : back, 8);
	buf_add(b, "\x13\xc4\x13\xc4", 4);
	put_be16(b, 8 + sip.len);
	put_be16(b, 0);
	buf_slice(b, sip);
}

static void build_file(struct buf *b)
{
	struct buf sip = {0};

	buf_add(b, "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\1\0\0\0", 24);
	for (unsigned tick = 0; tick < CALLS + steps[PER_CALL - 1].delay; tick++) {
		for (size_t i = 0; i < PER_CALL; i++) {
			unsigned call = tick - steps[i].delay;
			if (call >= CALLS) {
				continue;
			}
			buf_reset(&sip);
			build_message(&sip, i, call);
			put_packet(b, buf_view(&sip), steps[i].from_caller,
			           (int64_t)tick * STEP_US + (int64_t)i);
		}
	}
	buf_fini(&sip);
}

enum depth { PACKETS = 0, DATAGRAMS, MESSAGES };

static uint64_t run_stages(const char *path, enum depth depth)
{
	char why[CAPTURE_WHY];
	struct capture_packet packet;
	struct instream *in;
	struct capture *c;
	struct frame frame;
	struct sip_msg msg;
	uint64_t count = 0;

	if (instream_open_fd(open(path, O_RDONLY | O_CLOEXEC), &in) ||
	    capture_open_file(in, &c, why)) {
		abort();
	}
	while (capture_next(c, &packet) == OK) {
		count += depth == PACKETS ||
		         (packet_decode(PACKET_ETHERNET, packet.bytes, &frame) == REASON_NONE &&
		          (depth == DATAGRAMS || sip_parse(frame.payload, &msg) == REASON_NONE));
	}
	capture_close(c);
	return count;
}

static uint64_t run_packets(const char *path)
{
	return run_stages(path, PACKETS);
}

static uint64_t run_datagrams(const char *path)
{
	return run_stages(path, DATAGRAMS);
}

static uint64_t run_messages(const char *path)
{
	return run_stages(path, MESSAGES);
}

static uint64_t run_events(const char *path)
{
	struct hash_key key;
	const struct feed_options options = {.key = &key};
	struct feed_stat stat;
	struct event event;
	struct feed *feed;
	const char *why;
	uint64_t calls = 0;

	hash_key_default(&key);
	if (feed_open(path, &options, &feed, &why) != OK) {
		abort();
	}
	while (feed_next(feed, &event) == OK) {
		calls += event.kind == KIND_CALL && event.answered;
	}
	feed_stat(feed, &stat);
	feed_close(feed);
	if (calls != CALLS) {
		abort();
	}
	return stat.decode.out;
}

static void measure(const char *name, uint64_t (*run)(const char *path), const char *path)
{
	double best = 1e9;
	uint64_t count = 0;

	for (int r = 0; r < RUNS; r++) {
		struct timespec begin;
		struct timespec end;

		(void)clock_gettime(CLOCK_MONOTONIC, &begin);
		count = run(path);
		(void)clock_gettime(CLOCK_MONOTONIC, &end);
		double s = (double)(end.tv_sec - begin.tv_sec) +
		           (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
		best = s < best ? s : best;
	}
	if (count != (uint64_t)CALLS * PER_CALL) {
		abort();
	}
	printf("%-10s %7.3f M/s  %7.1f ns each\n", name, (double)count / best / 1e6,
	       best / (double)count * 1e9);
}

int main(void)
{
	struct buf b = {0};
	char path[64];
	int fd = memfd_create("bench", MFD_CLOEXEC);

	build_file(&b);
	if (fd < 0 || b.failed || write(fd, b.p, b.len) != (ssize_t)b.len) {
		return 1;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	printf("%d messages, %.0f MB\n", CALLS * PER_CALL, (double)b.len / 1e6);
	buf_fini(&b);
	measure("packets", run_packets, path);
	measure("datagrams", run_datagrams, path);
	measure("messages", run_messages, path);
	measure("events", run_events, path);
	close(fd);
	return 0;
}
