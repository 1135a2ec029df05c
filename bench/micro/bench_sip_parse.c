/* sip_parse over a mix of one call's messages, a registration and an INVITE in compact form, one
 * core, and beside it the floor that no parser can pass: a memchr line splitter over the same
 * heads. Messages lie in a buffer of many, each built with its own numbers, so that neither the
 * branch predictor nor the nearest cache sees the same bytes again at once. Times are CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decode/sip.h"

enum { CALLS = 400, ROUNDS = 60, RUNS = 5, PER_CALL = 9, TEXT_MAX = 2048 };

#define SDP                                                                             \
 "v=0\r\no=- 3972 3972 IN IP4 192.0.2.17\r\ns=call\r\nc=IN IP4 192.0.2.17\r\nt=0 0\r\n" \
 "m=audio 18230 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
#define VIA(branch) "Via: SIP/2.0/UDP 192.0.2.17:5060;branch=z9hG4bK" branch "%06u;rport\r\n"
#define FROM        "From: \"A. Caller\" <sip:+4420794%05u@gw.example.net;user=phone>;tag=as%06u\r\n"
#define TO          "To: <sip:+4477009%05u@edge.example.com;user=phone>"
#define CALL_ID     "Call-ID: 5f1c%06u-%08x@192.0.2.17\r\n"
#define COMMON      "Max-Forwards: 70\r\nUser-Agent: Gateway 4.2.1\r\n"
#define OFFER       "Content-Type: application/sdp\r\nContent-Length: 127\r\n\r\n" SDP
#define NO_BODY     "Content-Length: 0\r\n\r\n"
#define CONTACT     "Contact: <sip:+4420794@192.0.2.17:5060;transport=udp>\r\n"
#define ALLOW       "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE, PRACK\r\n"

/* Every format takes, in this order: branch, caller, tag, callee, to tag, two of the Call-ID. */
static const char *const formats[PER_CALL] = {
	"INVITE sip:+4477009@edge.example.com;user=phone SIP/2.0\r\n" VIA("inv") FROM TO
	";x=%u\r\n" CALL_ID "CSeq: 102 INVITE\r\n" CONTACT COMMON ALLOW
	"Supported: timer, 100rel\r\nP-Asserted-Identity: <sip:+442079460001@gw.example.net>\r\n" OFFER,
	"SIP/2.0 100 Trying\r\n" VIA("inv") FROM TO
	";x=%u\r\n" CALL_ID "CSeq: 102 INVITE\r\nServer: Edge 9\r\n" NO_BODY,
	"SIP/2.0 180 Ringing\r\n" VIA("inv") FROM TO
	";tag=t%u\r\n" CALL_ID "CSeq: 102 INVITE\r\nRecord-Route: <sip:192.0.2.1;lr>\r\n" CONTACT
	"Server: Edge 9\r\n" NO_BODY,
	"SIP/2.0 200 OK\r\n" VIA("inv") FROM TO
	";tag=t%u\r\n" CALL_ID
	"CSeq: 102 INVITE\r\nRecord-Route: <sip:192.0.2.1;lr>\r\n" CONTACT ALLOW
	"Supported: timer\r\nServer: Edge 9\r\n" OFFER,
	"ACK sip:+4477009@192.0.2.80:5060 SIP/2.0\r\n" VIA("ack") FROM TO
	";tag=t%u\r\n" CALL_ID "CSeq: 102 ACK\r\nRoute: <sip:192.0.2.1;lr>\r\n" COMMON NO_BODY,
	"BYE sip:+4477009@192.0.2.80:5060 SIP/2.0\r\n" VIA("bye") FROM TO
	";tag=t%u\r\n" CALL_ID
	"CSeq: 103 BYE\r\nRoute: <sip:192.0.2.1;lr>\r\nReason: Q.850;cause=16\r\n" COMMON NO_BODY,
	"SIP/2.0 200 OK\r\n" VIA("bye") FROM TO ";tag=t%u\r\n" CALL_ID
						"CSeq: 103 BYE\r\nServer: Edge 9\r\n" NO_BODY,
	"REGISTER sip:edge.example.com SIP/2.0\r\n" VIA("reg") FROM TO
	";x=%u\r\n" CALL_ID "CSeq: 7 REGISTER\r\nExpires: 3600\r\n" CONTACT COMMON NO_BODY,
	"INVITE sip:+4477009@edge.example.com SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.17;branch=z9hG%u\r\n"
	"f: <sip:+4420794%05u@gw.example.net>;tag=%u\r\nt: <sip:+4477009%05u@edge.example.com>"
	";x=%u\r\ni: 77%u-%08x@192.0.2.17\r\nCSeq: 1 INVITE\r\nm: <sip:192.0.2.17>\r\n"
	"Diversion: <sip:+442079460002@gw.example.net>;reason=unconditional\r\nPrivacy: none\r\n"
	"History-Info: <sip:+442079460002@gw.example.net>;index=1\r\n" COMMON
	"c: application/sdp\r\nl: 127\r\n\r\n" SDP,
};

static struct slice messages[CALLS * PER_CALL];
static char text[CALLS * PER_CALL * TEXT_MAX];

static size_t build(void)
{
	unsigned seed = 12345;
	size_t used = 0;

	for (size_t i = 0; i < CALLS * PER_CALL; i++) {
		unsigned n[3];

		for (size_t k = 0; k < 3; k++) {
			seed = seed * 1664525u + 1013904223u;
			n[k] = seed >> 8;
		}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		int len = snprintf(text + used, TEXT_MAX, formats[i % PER_CALL], n[0] % 1000000,
		                   n[1] % 100000, n[2] % 1000000, n[0] % 100000, n[1],
		                   n[2] % 1000000, n[0]);
#pragma GCC diagnostic pop
		messages[i] = (struct slice){text + used, (size_t)len};
		used += (size_t)len;
	}
	return used;
}

static uint64_t run_parse(void)
{
	struct sip_msg msg;
	uint64_t sum = 0;

	for (size_t i = 0; i < CALLS * PER_CALL; i++) {
		if (sip_parse(messages[i], &msg) || msg.body_truncated) {
			abort();
		}
		sum += msg.cseq + msg.from_tag.len;
	}
	return sum;
}

static uint64_t run_recognise(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < CALLS * PER_CALL; i++) {
		sum += sip_recognise(messages[i]);
	}
	return sum;
}

static uint64_t run_split(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < CALLS * PER_CALL; i++) {
		const char *p = messages[i].p;
		const char *end = p + messages[i].len;

		while (p < end && *p != '\r') {
			p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
			sum++;
		}
	}
	return sum;
}

static void measure(const char *name, uint64_t (*run)(void), size_t bytes)
{
	double best = 1e9;
	uint64_t sum = 0;

	for (int r = 0; r < RUNS; r++) {
		struct timespec begin;
		struct timespec end;

		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
		for (int i = 0; i < ROUNDS; i++) {
			sum += run();
		}
		(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
		double s = (double)(end.tv_sec - begin.tv_sec) +
		           (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
		best = s < best ? s : best;
	}
	double count = (double)CALLS * PER_CALL * ROUNDS;
	printf("%-14s %7.3f M messages/s  %6.1f ns/message  %7.1f MB/s  (%llu)\n", name,
	       count / best / 1e6, best / count * 1e9, (double)bytes * ROUNDS / best / 1e6,
	       (unsigned long long)sum);
}

int main(void)
{
	size_t bytes = build();

	printf("%d messages, %.0f bytes each, best of %d runs\n", CALLS * PER_CALL,
	       (double)bytes / (CALLS * PER_CALL), RUNS);
	measure("sip_parse", run_parse, bytes);
	measure("sip_recognise", run_recognise, bytes);
	measure("line splitter", run_split, bytes);
	return 0;
}
