/* One good request, one good response; every row changes one line of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/buf.h"
#include "decode/sip.h"
#include "support/exact.h"

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))
#define S(text)        SLICE_LIT(text)

enum line { START = 0, VIA, FROM, TO, CALL_ID, CSEQ, MORE, END, LINE_COUNT };

static const struct slice good[LINE_COUNT] = {
	[START] = S("INVITE sip:u@h SIP/2.0\r\n"),
	[VIA] = S("Via: SIP/2.0/UDP h:5060;branch=z9\r\n"),
	[FROM] = S("From: \"A\" <sip:a@h>;tag=1\r\n"),
	[TO] = S("To: sip:b@h\r\n"),
	[CALL_ID] = S("Call-ID: c@h\r\n"),
	[CSEQ] = S("CSeq: 1 INVITE\r\n"),
	[MORE] = S("X: y\r\n"),
	[END] = S("\r\n"),
};

struct row {
	enum line line; /* which becomes … */
	struct slice text;
	const char *want;
};

// clang-format off
static const struct row rows[] = {
	{MORE, S(""), NULL},
	/* line ends */
	{START, S("INVITE sip:u@h SIP/2.0\n"), "bad_line_end"},
	{VIA, S("Via: SIP/2.0/UDP h:5060;branch=z9\n"), "bad_line_end"},
	{MORE, S("X: a\rb\r\n"), "bad_line_end"},
	{MORE, S("X: a\n b\r\n"), "bad_line_end"},
	{MORE, S("X: a\r\r\n"), "bad_line_end"},
	{END, S("\n"), "bad_line_end"},
	{END, S("\r\n\r\nbody\nof \r lines"), NULL},
	/* start line */
	{START, S("INVITE sip:u@h sip/2.0\r\n"), NULL},
	{START, S("INVITE  sip:u@h SIP/2.0\r\n"), "bad_request_line"},
	{START, S("INVITE\tsip:u@h SIP/2.0\r\n"), "bad_request_line"},
	{START, S("INVITE sip:u@h  SIP/2.0\r\n"), "bad_request_line"},
	{START, S("INVITE sip:u@h SIP/2.0 \r\n"), "bad_request_line"},
	{START, S("INVITE sip:u@h; lr SIP/2.0\r\n"), "bad_request_line"},
	{START, S("INVITE <sip:u@h> SIP/2.0\r\n"), "bad_request_uri"},
	{START, S("INVITE sip:u@h?a=b SIP/2.0\r\n"), "bad_request_uri"},
	{START, S("INVITE tel:+15550100;phone-context=h SIP/2.0\r\n"), NULL},
	{START, S("INVITE urn:service:sos?x SIP/2.0\r\n"), NULL},
	{START, S("INVITE urn:\x80 SIP/2.0\r\n"), "bad_request_uri"},
	{START, S("INVITE urn: SIP/2.0\r\n"), "bad_request_uri"},
	{START, S("INVITE 1x:y SIP/2.0\r\n"), "bad_request_uri"},
	{START, S("INVITE x_y:z SIP/2.0\r\n"), "bad_request_uri"},
	{START, S("INVITE xx_y:z SIP/2.0\r\n"), "bad_request_uri"},
	{START, S("INVITE :z SIP/2.0\r\n"), "bad_request_uri"},
	{START, S("INVITE u@h SIP/2.0\r\n"), "bad_request_uri"},
	{START, S("SIP/2.0 200 OK\r\n"), NULL},
	{START, S("SIP/2.0 200 \r\n"), NULL},
	{START, S("SIP/2.0 200 \xd0\xb4 a;b%20/?:@&=+$,\r\n"), NULL},
	{START, S("SIP/2.0 200\r\n"), "bad_status_line"},
	{START, S("SIP/2.0  200 OK\r\n"), "bad_status_line"},
	{START, S("SIP/2.0 200 a%2\r\n"), "bad_status_line"},
	{START, S("SIP/2.0 200 \"OK\"\r\n"), "bad_status_line"},
	{START, S("SIP/2.0 200 a\x01\r\n"), "bad_status_line"},
	/* what sip_parse refuses */
	{START, S("INVITE sip:u@h SIP/3.0\r\n"), "sip_version"},
	{CALL_ID, S(""), "sip_no_call_id"},
	{END, S(""), "sip_truncated"},
	/* SIP URIs */
	{TO, S("To: <sip:a;b=%40?/&=+$,-_.!~*'():&=+$,x@h:1;lr;m=[1:2]/&+$?a=[]/?:+$&b=>\r\n"), NULL},
	{TO, S("To: <sip:u:@h>\r\n"), NULL},
	{TO, S("To: <sip:%41@h>\r\n"), NULL},
	{TO, S("To: <sip:a%41b%42%43c@h>\r\n"), NULL},
	{TO, S("To: <sip:[a:f::AF]>\r\n"), NULL},
	{TO, S("To: <sip:a-z.z>\r\n"), NULL},
	{TO, S("To: <sip:Z.A>\r\n"), NULL},
	{TO, S("To: <sip:%4g@h>\r\n"), "bad_to"},
	{TO, S("To: <sip:%g4@h>\r\n"), "bad_to"},
	{TO, S("To: <sip:a.b.c.4>\r\n"), "bad_to"},
	{TO, S("To: <sip:1.2.3.4x>\r\n"), "bad_to"},
	{TO, S("To: <sip:[1]>\r\n"), "bad_to"},
	{TO, S("To: <sips:[2001:db8::1]:5061>\r\n"), NULL},
	{TO, S("To: <sip:192.0.2.1>\r\n"), NULL},
	{TO, S("To: <sip:1.2.h>\r\n"), NULL},
	{TO, S("To: <sip:h.>\r\n"), NULL},
	{TO, S("To: <sip:u@>\r\n"), "bad_to"},
	{TO, S("To: <sip:@h>\r\n"), "bad_to"},
	{TO, S("To: <sip:u@v@h>\r\n"), "bad_to"},
	{TO, S("To: <sip:u v@h>\r\n"), "bad_to"},
	{TO, S("To: <sip:%4@h>\r\n"), "bad_to"},
	{TO, S("To: <sip:u:p;q@h>\r\n"), "bad_to"},
	{TO, S("To: <sip:u\x80@h>\r\n"), "bad_to"},
	{TO, S("To: <sip:-h>\r\n"), "bad_to"},
	{TO, S("To: <sip:h->\r\n"), "bad_to"},
	{TO, S("To: <sip:a..h>\r\n"), "bad_to"},
	{TO, S("To: <sip:a_b>\r\n"), "bad_to"},
	{TO, S("To: <sip:1.2.3>\r\n"), "bad_to"},
	{TO, S("To: <sip:1.2.3.4.5>\r\n"), "bad_to"},
	{TO, S("To: <sip:1.2.3.4567>\r\n"), "bad_to"},
	{TO, S("To: <sip:[::1>\r\n"), "bad_to"},
	{TO, S("To: <sip:[]>\r\n"), "bad_to"},
	{TO, S("To: <sip:[::g]>\r\n"), "bad_to"},
	{TO, S("To: <sip:h:>\r\n"), "bad_to"},
	{TO, S("To: <sip:h:65535>\r\n"), NULL},
	{TO, S("To: <sip:h:65536>\r\n"), "bad_to"},
	{TO, S("To: <sip:h;>\r\n"), "bad_to"},
	{TO, S("To: <sip:h;a=>\r\n"), "bad_to"},
	{TO, S("To: <sip:h?a>\r\n"), "bad_to"},
	{TO, S("To: <sip:h?a=b&>\r\n"), "bad_to"},
	/* addresses */
	{TO, S("To: a b<sip:b@h>\r\n"), NULL},
	{TO, S("To: \"a\\\x01\\\"\xd0\xb4\"<sip:b@h>\r\n"), NULL},
	{TO, S("To: \"\xc2\x80\xe0\xa0\x80\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\" <sip:b@h>\r\n"), NULL},
	{TO, S("To: \"a\r\n b\" <sip:b@h>\r\n"), NULL},
	{TO, S("To: \"a\\\r\n b\" <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: \"a\xf5\x80\x80\x80\" <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To:\r\n \"a\"\r\n\t<sip:b@h>\r\n ; tag = 1\r\n"), NULL},
	{TO, S("To \t: <sip:b@h>;a;b=\"x;,\";c=[::1];d=1.2.3.4\r\n"), NULL},
	{TO, S("t: <sip:b@h>\r\n"), NULL},
	{TO, S("To: <http://x>;tag=1\r\n"), NULL},
	{TO, S("To: a, b <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: a\xd0\xb4 <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: \"a\x01\" <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: \"a\x7f\" <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: \"a\xd0\" <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: \"a\xc0\x80\" <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: \"a\\\xd0\xb4\" <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: \"a <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: \"a\" b <sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: < sip:b@h>\r\n"), "bad_to"},
	{TO, S("To: <sip:b@h >\r\n"), "bad_to"},
	{TO, S("To: <sip:b@h> x\r\n"), "bad_to"},
	{TO, S("To: <sip:b@h>;\r\n"), "bad_to"},
	{TO, S("To: <sip:b@h>;;tag=1\r\n"), "bad_to"},
	{TO, S("To: <sip:b@h>;tag=\r\n"), "bad_to"},
	{TO, S("To: <sip:b@h>;tag=a@b\r\n"), "bad_to"},
	{TO, S("To: <sip:b@h>, <sip:c@h>\r\n"), "bad_to"},
	{TO, S("To: sip:b@h?x=y\r\n"), "bad_to"},
	{TO, S("To: sip:b@h ;tag=1\r\n"), NULL},
	{FROM, S("From: <sip:a@h\x01>\r\n"), "bad_from"},
	/* Via, Call-ID, CSeq */
	{VIA, S("Via: SIP / 2.0 / UDP h : 5060 ; branch = z9\r\n"), NULL},
	{VIA, S("Via: SIP/2.0/UDP h,SIP/2.0/X [::1]:1 ;received=::1\r\n"), NULL},
	{VIA, S("Via: SIP/2.0/UDP h;received=1.2.3.4;rport\r\n"), NULL},
	{VIA, S("v:SIP/2.0/UDP\r\n h\r\n"), NULL},
	{VIA, S("Via: SIP/2.0/UDP\r\n"), "bad_via"},
	{VIA, S("Via: SIP/2.0 h\r\n"), "bad_via"},
	{VIA, S("Via: SIP/2.0/UDP h;\r\n"), "bad_via"},
	{VIA, S("Via: SIP/2.0/UDP ;branch=z9\r\n"), "bad_via"},
	{VIA, S("Via: SIP/2.0/UDP h,\r\n"), "bad_via"},
	{VIA, S("Via: SIP/2.0/UDP h;branch=\r\n"), "bad_via"},
	{VIA, S("Via: SIP/2.0/UDP h;other=::1\r\n"), "bad_via"},
	{VIA, S("Via: SIP/2.0/UDP h:\r\n"), "bad_via"},
	{VIA, S(""), "missing_via"},
	{CALL_ID, S("i: a@()<>:\\\"/[]?{}\r\n"), NULL},
	{CALL_ID, S("Call-ID: a b\r\n"), "bad_call_id"},
	{CALL_ID, S("Call-ID: a@b@c\r\n"), "bad_call_id"},
	{CALL_ID, S("Call-ID: a@\r\n"), "bad_call_id"},
	{CALL_ID, S("Call-ID: a;b\r\n"), "bad_call_id"},
	{CSEQ, S("CSeq: 0001\r\n INVITE\r\n"), NULL},
	{CSEQ, S("CSeq: 2147483647 INVITE\r\n"), NULL},
	{CSEQ, S("CSeq: 2147483648 INVITE\r\n"), "bad_cseq"},
	{CSEQ, S("CSeq: 1INVITE\r\n"), "bad_cseq"},
	{CSEQ, S("CSeq: 1 ACK\r\n"), "cseq_method_mismatch"},
	{CSEQ, S("CSeq: 1 invite\r\n"), "cseq_method_mismatch"},
	/* any header */
	{MORE, S("X-!%*_+`'~. \t:\xd0\xb4\r\n\tfolded\r\n"), NULL},
	{MORE, S("X Y: z\r\n"), "bad_header_name"},
	{MORE, S("X(: z\r\n"), "bad_header_name"},
	{MORE, S("X: a\x01\r\n"), "bad_header_text"},
	{MORE, S("X: a\0\r\n"), "bad_header_text"},
	{MORE, S("X: a\x7f\r\n"), "bad_header_text"},
	{MORE, S("Subject:\r\n"), NULL},
	{MORE, S("s: a\x02\r\n"), "bad_subject"},
	/* headers with a grammar of their own */
	{MORE, S("Max-Forwards: 0255\r\n"), NULL},
	{MORE, S("Max-Forwards: 256\r\n"), "bad_max_forwards"},
	{MORE, S("Max-Forwards:\r\n"), "bad_max_forwards"},
	{MORE, S("Content-Length: 0\r\n"), NULL},
	{MORE, S("l: -1\r\n"), "bad_content_length"},
	{MORE, S("Content-Length: 1 \r\n"), "content_length_beyond_body"},
	{MORE, S("c: application/sdp;charset=\"x\"\r\n"), NULL},
	{MORE, S("Content-Type: sdp\r\n"), "bad_content_type"},
	{MORE, S("Contact: *\r\n"), NULL},
	{MORE, S("m: <sip:a@h>;q=0.5, sip:b@h;x, \"c\" <tel:1>\r\n"), NULL},
	{MORE, S("Contact: *, <sip:a@h>\r\n"), "bad_contact"},
	{MORE, S("Contact:\r\n"), "bad_contact"},
	{MORE, S("Contact: <sip:a@h>;;\r\n"), "bad_contact"},
	{MORE, S("Contact: sip:a@h,\r\n"), "bad_contact"},
	{MORE, S("Route: <sip:h;lr>,A <sip:h>;x\r\n"), NULL},
	{MORE, S("Route: sip:h;lr\r\n"), "bad_route"},
	{MORE, S("Record-Route: x\r\n"), "bad_record_route"},
	{MORE, S("Expires: 4294967295\r\n"), NULL},
	{MORE, S("Expires: 4294967296\r\n"), "bad_expires"},
	{MORE, S("Min-Expires: x\r\n"), "bad_min_expires"},
	{MORE, S("Retry-After: 120 (busy);duration=60\r\n"), NULL},
	{MORE, S("Retry-After: 120 (busy\r\n"), "bad_retry_after"},
	{MORE, S("Retry-After: soon\r\n"), "bad_retry_after"},
	{MORE, S("Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n"), NULL},
	{MORE, S("Date: Sat, 13 Nov 2010 23:29:00 EST\r\n"), "bad_date"},
	{MORE, S("Date: Say, 13 Nov 2010 23:29:00 GMT\r\n"), "bad_date"},
	{MORE, S("Date: Sat, 13 Nox 2010 23:29:00 GMT\r\n"), "bad_date"},
	{MORE, S("Date: Sat, 13 Nov 2010 23:29:0 GMT\r\n"), "bad_date"},
	{MORE, S("Date: Sat, 13 Nov 201x 23:29:00 GMT\r\n"), "bad_date"},
	{MORE, S("Warning: 399 h:5060 \"x\", 300 a_b \"y\"\r\n"), NULL},
	{MORE, S("Warning: 39 h \"x\"\r\n"), "bad_warning"},
	{MORE, S("Warning: 1812 h \"x\"\r\n"), "bad_warning"},
	{MORE, S("Warning: 399 h x\r\n"), "bad_warning"},
	{MORE, S("Warning: 399 h xy\"\r\n"), "bad_warning"},
	{MORE, S("Allow:\r\n"), NULL},
	{MORE, S("Allow: INVITE, ACK\r\n"), NULL},
	{MORE, S("Allow: INVITE,,ACK\r\n"), "bad_allow"},
	{MORE, S("k: a,\r\n"), "bad_supported"},
	{MORE, S("Require:\r\n"), "bad_require"},
	{MORE, S("Proxy-Require: a b\r\n"), "bad_proxy_require"},
	{MORE, S("Unsupported: ;\r\n"), "bad_unsupported"},
	{MORE, S("e: a/b\r\n"), "bad_content_encoding"},
	{MORE, S("Reply-To: x\r\n"), "bad_reply_to"},
	{MORE, S("P-Asserted-Identity: \"A\" <sip:+1@h>, tel:+1\r\n"), NULL},
	{MORE, S("P-Asserted-Identity: +1\r\n"), "bad_p_asserted_identity"},
	{MORE, S("P-Preferred-Identity: +1\r\n"), "bad_p_preferred_identity"},
	{MORE, S("Remote-Party-ID: <sip:+1@h>;party=calling\r\n"), NULL},
	{MORE, S("Remote-Party-ID: <+1>\r\n"), "bad_remote_party_id"},
	{MORE, S("Diversion: <sip:+1@h>;reason=no-answer;counter=1\r\n"), NULL},
	{MORE, S("Diversion: tel:+1\r\n"), "bad_diversion"},
	{MORE, S("History-Info: <sip:+1@h?Reason=SIP%3Bcause%3D302>;index=1.1\r\n"), NULL},
	{MORE, S("History-Info: <sip:+1@h>;index=\r\n"), "bad_history_info"},
	{MORE, S("Privacy: id;header\r\n"), NULL},
	{MORE, S("Privacy: id header\r\n"), "bad_privacy"},
	{MORE, S("Reason: Q.850;cause=16;text=\"Normal\", SIP;cause=200\r\n"), NULL},
	{MORE, S("Reason: Q.850;cause\"16\"\r\n"), "bad_reason"},
	/* headers that stand once */
	{MORE, S("Via: SIP/2.0/UDP h\r\nAllow: A\r\nAllow: B\r\nX: y\r\nX: z\r\n"), NULL},
	{MORE, S("f: <sip:a@h>\r\n"), "duplicate_header"},
	{MORE, S("To: <sip:a@h>\r\n"), "duplicate_header"},
	{MORE, S("i: c@h\r\n"), "duplicate_header"},
	{MORE, S("CSeq: 1 INVITE\r\n"), "duplicate_header"},
	{MORE, S("l: 0\r\nContent-Length: 0\r\n"), "duplicate_header"},
	{MORE, S("Server: a\r\nserver: b\r\n"), "duplicate_header"},
};
// clang-format on

static struct slice assemble(const struct row *row)
{
	struct buf b = {0};

	for (enum line line = START; line < LINE_COUNT; line++) {
		buf_slice(&b, line == row->line ? row->text : good[line]);
	}
	struct slice message = exact_copy(buf_view(&b));
	buf_fini(&b);
	return message;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct slice text = assemble(&rows[i]);
		struct sip_msg msg;
		const char *fault = sip_check(&msg, sip_parse(text, &msg));
		const char *want = rows[i].want;

		if (!fault != !want || (want && strcmp(fault, want) != 0)) {
			fail_msg("\"%.*s\": %s, not %s", SLICE_FMT(rows[i].text),
			         fault ? fault : "valid", want ? want : "valid");
		}
		exact_free(text);
	}
}

/* Only the first fault is named, in the order of the message. */
static void test_order(void **state)
{
	const struct slice text =
		S("INVITE sip: SIP/2.0\r\nVia: x\r\nFrom: <a>\r\nTo: <sip:b@h>\r\n"
	          "Call-ID: c\r\nCSeq: 1 ACK\r\nl: 9\r\n\r\n");
	struct sip_msg msg;

	(void)state;
	enum reason refused = sip_parse(text, &msg);
	assert_string_equal(sip_check(&msg, refused), "bad_request_uri");
	assert_string_equal(sip_check(&msg, REASON_SIP_HEADER), "sip_header");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
	                                   cmocka_unit_test(test_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
