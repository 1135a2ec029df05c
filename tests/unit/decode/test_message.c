/* What the dialog table reads of a message: rows of one INVITE with one thing changed, then the
 * kinds of message, folded and escaped text, and the corpus as a whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "decode/message.h"

enum what {
	CALLEE,
	PAI,
	PPI,
	FROM,
	DIVERT,
	FORWARDED,
	VERSTAT_,
	ATTEST_,
	STIR,
	Q850,
	FROM_USER,
	TO_USER,
	UA
};

/* The INVITE's Request-URI, its From and To, further header lines; what is looked at. */
struct row {
	const char *id;
	const char *uri, *from, *to;
	const char *headers;
	enum what what;
	const char *want;
};

#define URI        "sip:+442079460002@example.net"
#define FROM_PLAIN "\"Alice\" <sip:+442079460001@example.com>;tag=f"
#define TO_PLAIN   "<sip:+442079460003@example.net>"
#define PLAIN      URI, FROM_PLAIN, TO_PLAIN

/* header {"alg":"ES256","ppt":"shaken",...} with attest B, orig, dest, iat and origid; no true
 * signature. And one of type div.
 */
#define SHAKEN                                                                          \
 "eyJhbGciOiJFUzI1NiIsInBwdCI6InNoYWtlbiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9j" \
 "LmV4YW1wbGUub3JnL2EucGVtIn0.eyJhdHRlc3QiOiJCIiwiZGVzdCI6eyJ0biI6WyI0NDIwNzk0NjAwMDIi" \
 "XX0sImlhdCI6MTc3MjQ1MjgwMCwib3JpZyI6eyJ0biI6IjQ0MjA3OTQ2MDAwMSJ9LCJvcmlnaWQiOiIxMjNl" \
 "NDU2NyJ9.c2ln"
#define DIV                                                                             \
 "eyJhbGciOiJFUzI1NiIsInBwdCI6ImRpdiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9kLmV4" \
 "YW1wbGUub3JnL2QucGVtIn0.eyJkZXN0Ijp7InRuIjpbIjEiXX0sImlhdCI6MSwib3JpZyI6eyJ0biI6IjIi" \
 "fX0.c2ln"

// clang-format off
static const struct row rows[] = {
	{"callee: the Request-URI", PLAIN, "", CALLEE, "+442079460002"},
	{"callee: a name, To a number", "sip:alice@example.net", FROM_PLAIN, TO_PLAIN, "", CALLEE, "+442079460003"},
	{"callee: two names", "sip:alice@example.net", FROM_PLAIN, "<sip:bob@example.net>", "", CALLEE, "alice"},
	{"callee: a token with digits is a name", "sip:0b7c4@10.0.0.1", FROM_PLAIN, TO_PLAIN, "", CALLEE, "+442079460003"},
	{"callee: no user", "sip:10.0.0.1", FROM_PLAIN, TO_PLAIN, "", CALLEE, "+442079460003"},
	{"callee: an urn", "urn:service:sos", FROM_PLAIN, TO_PLAIN, "", CALLEE, "+442079460003"},
	{"callee: no user anywhere", "sip:10.0.0.1", FROM_PLAIN, "<sip:10.0.0.1>", "", CALLEE, "-"},
	{"callee: tel with separators", "tel:+44-(20)7946.0002", FROM_PLAIN, TO_PLAIN, "", CALLEE, "+44-(20)7946.0002"},
	{"callee: escaped plus", "sip:%2B442079460002@x.org", FROM_PLAIN, TO_PLAIN, "", CALLEE, "%2B442079460002"},
	{"callee: a service code is no number", "sip:*21*@x.org", FROM_PLAIN, TO_PLAIN, "", CALLEE, "+442079460003"},
	{"callee: context of tel", "tel:7946;phone-context=+4420", FROM_PLAIN, TO_PLAIN, "", CALLEE, "7946 in +4420"},
	{"callee: context in the user part", "sip:7946;phone-context=+4420@x.org;user=phone", FROM_PLAIN, TO_PLAIN, "", CALLEE, "7946 in +4420"},
	{"callee: context behind the host", "sip:7946@x.org;user=phone;phone-context=+4420", FROM_PLAIN, TO_PLAIN, "", CALLEE, "7946 in +4420"},
	{"callee: ported", "sip:+442079460002;npdi;rn=+447@x.org", FROM_PLAIN, TO_PLAIN, "", CALLEE, "+442079460002"},

	{"from", PLAIN, "", FROM, "+442079460001 named Alice"},
	{"from without a name", URI, "<sip:+442079460001@x.org>;tag=f", TO_PLAIN, "", FROM, "+442079460001"},
	{"from with an escaped quote", URI, "\"A \\\"B\\\"\" <sip:1@x.org>;tag=f", TO_PLAIN, "", FROM, "1 named A \"B\""},
	{"from with a folded name", URI, "\"A\r\n\tB\" <sip:1@x.org>;tag=f", TO_PLAIN, "", FROM, "1 named A B"},
	{"from with a folded name and quotes", URI, "\"A\r\n \\\"B\" <sip:1@x.org>;tag=f", TO_PLAIN, "", FROM, "1 named A \"B"},
	{"from without brackets", URI, "sip:1@x.org;tag=f", TO_PLAIN, "", FROM, "1"},
	{"privacy", PLAIN, "Privacy: id\r\n", FROM, "+442079460001 named Alice withheld"},
	{"privacy, among others", PLAIN, "Privacy: header; ID ;critical\r\n", FROM, "+442079460001 named Alice withheld"},
	{"privacy of another kind", PLAIN, "Privacy: identity;header\r\n", FROM, "+442079460001 named Alice"},
	{"no privacy", PLAIN, "Privacy: none\r\n", FROM, "+442079460001 named Alice"},

	{"no asserted identity", PLAIN, "", PAI, "-"},
	{"asserted identity", PLAIN, "P-Asserted-Identity: \"Bob\" <sip:+441@x.org>\r\n", PAI, "+441 named Bob"},
	{"asserted identity withheld", PLAIN, "P-Asserted-Identity: <sip:+441@x.org>\r\nPrivacy: id\r\n", PAI, "+441 withheld"},
	{"asserted: a name, then a number", PLAIN, "P-Asserted-Identity: <sip:bob@x.org>, <tel:+441>\r\n", PAI, "+441"},
	{"asserted: a number, then another", PLAIN, "P-Asserted-Identity: <sip:+442@x.org>, <tel:+441>\r\n", PAI, "+442"},
	{"asserted: two names", PLAIN, "P-Asserted-Identity: <sip:bob@x.org>, <sip:eve@x.org>\r\n", PAI, "bob"},
	{"asserted: no user", PLAIN, "P-Asserted-Identity: <sip:x.org>\r\n", PAI, "-"},
	{"asserted: broken", PLAIN, "P-Asserted-Identity: <sip:+441@x.org\r\n", PAI, "-"},
	{"preferred", PLAIN, "P-Preferred-Identity: <sip:+441@x.org>\r\n", PPI, "+441"},
	{"preferred is not asserted", PLAIN, "P-Preferred-Identity: <sip:+441@x.org>\r\n", PAI, "-"},

	{"not diverted", PLAIN, "", FORWARDED, "no"},
	{"diverted", PLAIN, "Diversion: <sip:+443@x.org>;reason=unconditional\r\n", FORWARDED, "yes"},
	{"diversion", PLAIN, "Diversion: <tel:+443>;reason=no-answer, <sip:+444@x.org>\r\n", DIVERT, "+443"},
	{"diversion, private", PLAIN, "Diversion: <tel:+443>;privacy=full\r\n", DIVERT, "+443 withheld"},
	{"diversion, private by name only", PLAIN, "Diversion: <tel:+443>;privacy=name\r\n", DIVERT, "+443"},
	{"history of a diversion", PLAIN, "History-Info: <sip:+443@x.org>;index=1, <sip:+442079460002@y.org?Reason=SIP%3Bcause%3D302>;index=1.1\r\n", DIVERT, "+443"},
	{"history of two diversions", PLAIN, "History-Info: <sip:+443@x.org>;index=1, <sip:+444@x.org>;index=1.1, <sip:+442@y.org>;index=1.2\r\n", DIVERT, "+444"},
	{"history of routing", PLAIN, "History-Info: <sip:+443@x.org>;index=1, <sip:+443@y.org>;index=1.1\r\n", FORWARDED, "no"},
	{"history of one", PLAIN, "History-Info: <sip:+443@x.org>;index=1\r\n", FORWARDED, "no"},
	{"Diversion before History-Info", PLAIN, "History-Info: <sip:+443@x.org>, <sip:+442@y.org>\r\nDiversion: <tel:+445>\r\n", DIVERT, "+445"},

	{"not verified", PLAIN, "", VERSTAT_, "none"},
	{"verified", PLAIN, "P-Asserted-Identity: <tel:+441;verstat=TN-Validation-Passed>\r\n", VERSTAT_, "passed"},
	{"verified in From", URI, "<sip:+441;verstat=TN-Validation-Failed@x.org;user=phone>;tag=f", TO_PLAIN, "", VERSTAT_, "failed"},
	{"verified, PAI first", URI, "<sip:+441;verstat=TN-Validation-Failed@x.org>;tag=f", TO_PLAIN, "P-Asserted-Identity: <tel:+441;verstat=TN-Validation-Passed>\r\n", VERSTAT_, "passed"},
	{"attestation of the verifier", PLAIN, "P-Asserted-Identity: <tel:+441;verstat=TN-Validation-Passed-C>\r\n", ATTEST_, "C"},
	{"not attested", PLAIN, "", ATTEST_, "none"},
	{"attested", PLAIN, "Identity: " SHAKEN ";info=<https://c.example.org/a.pem>;alg=ES256;ppt=shaken\r\n", ATTEST_, "B"},
	{"attested, before the verifier's word", PLAIN, "Identity: " SHAKEN ";info=<https://c.example.org/a.pem>\r\nP-Asserted-Identity: <tel:+441;verstat=TN-Validation-Passed-C>\r\n", ATTEST_, "B"},
	{"signed", PLAIN, "Identity: " SHAKEN ";info=<https://c.example.org/a.pem>;ppt=shaken\r\n", STIR, "442079460001 442079460002 1772452800000000 c.example.org 123e4567"},
	{"signed, and diverted", PLAIN, "Identity: " DIV ";info=<https://d.example.org/d.pem>;ppt=div\r\nIdentity: " SHAKEN ";info=<https://c.example.org/a.pem>;ppt=shaken\r\n", STIR, "442079460001 442079460002 1772452800000000 c.example.org 123e4567"},
	{"signed, then diverted", PLAIN, "Identity: " SHAKEN ";info=<https://c.example.org/a.pem>;ppt=shaken\r\nIdentity: " DIV ";info=<https://d.example.org/d.pem>;ppt=div\r\n", STIR, "442079460001 442079460002 1772452800000000 c.example.org 123e4567"},
	{"not signed", PLAIN, "", STIR, "- - - - -"},

	{"no reason", PLAIN, "", Q850, "-"},
	{"reason", PLAIN, "Reason: Q.850;cause=16;text=\"x\"\r\n", Q850, "16"},
	{"reason of SIP", PLAIN, "Reason: SIP;cause=200\r\n", Q850, "-"},
	{"both reasons", PLAIN, "Reason: SIP;cause=200;text=\"a, Q.850;cause=9\", q.850 ;cause=17\r\n", Q850, "17"},
	{"reason out of range", PLAIN, "Reason: Q.850;cause=128\r\n", Q850, "-"},
	{"reason at the end of the range", PLAIN, "Reason: Q.850;cause=127\r\n", Q850, "127"},
	{"reason of four digits", PLAIN, "Reason: Q.850;cause=0016\r\n", Q850, "-"},
	{"reason without a number", PLAIN, "Reason: Q.850;cause=x\r\n", Q850, "-"},
	{"reason without cause", PLAIN, "Reason: Q.850\r\n", Q850, "-"},

	{"user of From", URI, "<sip:%2B44%31;x=y@x.org>;tag=f", TO_PLAIN, "", FROM_USER, "+441"},
	{"user of To", PLAIN, "", TO_USER, "+442079460003"},
	{"no user of To", URI, FROM_PLAIN, "<sip:x.org>", "", TO_USER, "-"},
	{"user agent", PLAIN, "User-Agent: Example 1.0\r\n  (test)\r\n", UA, "Example 1.0 (test)"},
	{"no user agent", PLAIN, "Server: Example\r\n", UA, "-"},
};
// clang-format on

static struct message_scratch scratch;

/* Decodes from heap blocks of exactly the text's length; false when sip_parse refuses it. */
static bool decode(const char *text, size_t len, struct message *m, char **block)
{
	struct frame frame = {.time_us = 7, .src = {{1}, 5060, 6}, .dst = {{2}, 5061, 6}};
	struct sip_msg msg;

	*block = malloc(len ? len : 1);
	memcpy(*block, text, len);
	frame.payload = (struct slice){*block, len};
	if (sip_parse(frame.payload, &msg) != REASON_NONE) {
		return false;
	}
	memset(m, 0xa5, sizeof(*m));
	message_of_sip(&msg, &frame, &scratch, m);
	return true;
}

static void show_text(char *out, size_t size, struct slice s)
{
	(void)snprintf(out, size, "%.*s", s.p ? (int)s.len : 1, s.p ? s.p : "-");
}

static void show_number(char out[256], const struct written_number *n, struct slice display)
{
	int len = snprintf(out, 256, "%.*s", n->text.p ? (int)n->text.len : 1,
	                   n->text.p ? n->text.p : "-");

	if (n->context.p) {
		len += snprintf(out + len, 256 - (size_t)len, " in %.*s", SLICE_FMT(n->context));
	}
	if (display.p) {
		len += snprintf(out + len, 256 - (size_t)len, " named %.*s", SLICE_FMT(display));
	}
	if (n->withheld) {
		(void)snprintf(out + len, 256 - (size_t)len, " withheld");
	}
}

static void show_int(char out[32], int64_t value)
{
	(void)snprintf(out, 32, value == INSTANT_NONE ? "-" : "%lld", (long long)value);
}

static void show_stir(char out[256], const struct message_invite *i)
{
	char orig[32], dest[32], iat[32], signer[64], origid[64];

	show_text(orig, sizeof(orig), i->stir_orig);
	show_text(dest, sizeof(dest), i->stir_dest);
	show_int(iat, i->stir_iat_us);
	show_text(signer, sizeof(signer), i->stir_signer);
	show_text(origid, sizeof(origid), i->stir_origid);
	(void)snprintf(out, 256, "%s %s %s %s %s", orig, dest, iat, signer, origid);
}

static void show(char out[256], enum what what, const struct message *m)
{
	const struct message_invite *i = &m->invite;

	switch (what) {
	case CALLEE: show_number(out, &i->callee, SLICE_NONE); break;
	case PAI: show_number(out, &i->pai.number, i->pai.display); break;
	case PPI: show_number(out, &i->ppi.number, i->ppi.display); break;
	case FROM: show_number(out, &i->from.number, i->from.display); break;
	case DIVERT: show_number(out, &i->divert, SLICE_NONE); break;
	case FORWARDED: (void)snprintf(out, 256, "%s", i->forwarded ? "yes" : "no"); break;
	case VERSTAT_: (void)snprintf(out, 256, "%s", enum_word(ENUM_VERSTAT, i->verstat)); break;
	case ATTEST_: (void)snprintf(out, 256, "%s", enum_word(ENUM_ATTEST, i->attest)); break;
	case STIR: show_stir(out, i); break;
	case Q850: show_int(out, m->q850); break;
	case FROM_USER: show_text(out, 256, m->from_user); break;
	case TO_USER: show_text(out, 256, m->to_user); break;
	case UA: show_text(out, 256, m->ua); break;
	}
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct message m;
		char text[4096], got[256], *block;
		int len =
			snprintf(text, sizeof(text),
		                 "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP h:5060;branch=z9hG4bKx\r\n"
		                 "From: %s\r\nTo: %s\r\nCall-ID: c@h\r\nCSeq: 3 INVITE\r\n%s\r\n",
		                 r->uri, r->from, r->to, r->headers);
		if (!decode(text, (size_t)len, &m, &block)) {
			fail_msg("%s: refused", r->id);
		}
		show(got, r->what, &m);
		if (strcmp(got, r->want) != 0) {
			fail_msg("%s: %s, want %s", r->id, got, r->want);
		}
		free(block);
	}
}

static void assert_text(struct slice got, const char *want)
{
	assert_non_null(got.p);
	assert_int_equal(strlen(want), got.len);
	assert_memory_equal(want, got.p, got.len);
}

#define HEAD                                                                              \
 "Via: SIP/2.0/UDP h;branch=z9hG4bKy\r\nFrom: <sip:1@a>;tag=f\r\nTo: <sip:2@b>;tag=t\r\n" \
 "Call-ID:\r\n c@h\r\nUser-Agent: u\r\n"

static void test_request(void **state)
{
	static const char text[] = "BYE sip:2@b SIP/2.0\r\n" HEAD "CSeq: 4 BYE\r\n\r\n";
	struct message m;
	char *block;

	(void)state;
	assert_true(decode(text, sizeof(text) - 1, &m, &block));
	assert_true(m.request);
	assert_int_equal(0, m.status);
	assert_int_equal(MESSAGE_BYE, m.method);
	assert_text(m.method_text, "BYE");
	assert_text(m.call_id, "c@h");
	assert_int_equal(4, m.cseq);
	assert_text(m.branch, "z9hG4bKy");
	assert_text(m.from_tag, "f");
	assert_text(m.to_tag, "t");
	assert_text(m.from_user, "1");
	assert_text(m.to_user, "2");
	assert_text(m.ua, "u");
	assert_int_equal(7, m.time_us);
	assert_int_equal(5060, m.src.port);
	assert_int_equal(5061, m.dst.port);
	assert_int_equal(0, m.source);
	free(block);
}

static void test_response(void **state)
{
	static const char text[] = "SIP/2.0 486 Busy\r\n" HEAD "CSeq: 4 INVITE\r\n\r\n";
	struct message m;
	char *block;

	(void)state;
	assert_true(decode(text, sizeof(text) - 1, &m, &block));
	assert_false(m.request);
	assert_int_equal(486, m.status);
	assert_int_equal(MESSAGE_INVITE, m.method);
	assert_text(m.method_text, "INVITE");
	assert_text(m.to_tag, "t");
	assert_null(m.ua.p);
	assert_null(m.from_user.p);
	assert_null(m.to_user.p);
	free(block);
}

static void test_methods(void **state)
{
	static const struct {
		const char *name;
		enum message_method want;
	} names[] = {
		{"INVITE", MESSAGE_INVITE}, {"ACK", MESSAGE_ACK},
		{"BYE", MESSAGE_BYE},       {"CANCEL", MESSAGE_CANCEL},
		{"PRACK", MESSAGE_PRACK},   {"REGISTER", MESSAGE_REGISTER},
		{"OPTIONS", MESSAGE_OTHER}, {"UPDATE", MESSAGE_OTHER},
		{"invite", MESSAGE_OTHER},  {"MAGIC", MESSAGE_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[512], *block;
		struct message m;
		int len = snprintf(text, sizeof(text),
		                   "%s sip:b SIP/2.0\r\n" HEAD "CSeq: 4 %s\r\n\r\n", names[i].name,
		                   names[i].name);
		assert_true(decode(text, (size_t)len, &m, &block));
		assert_int_equal(names[i].want, m.method);
		assert_text(m.method_text, names[i].name);
		free(block);
	}
}

/* A message as long as may be, every text of it to be rewritten: nothing is lost, nothing overrun.
 */
static void test_no_room_in_scratch(void **state)
{
	enum { NAME = 30000 };
	static char text[SIP_MESSAGE_MAX], name[NAME + 1];
	struct message m;
	char *block;

	(void)state;
	memset(name, 'n', NAME);
	memcpy(name, "a\r\n \\\"", 6);
	int len = snprintf(text, sizeof(text),
	                   "INVITE sip:2@b SIP/2.0\r\nVia: v\r\nFrom: \"%s\" <sip:1@a>;tag=f\r\n"
	                   "To: <sip:2@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
	                   "P-Asserted-Identity: \"%s\" <sip:3@c>\r\n\r\n",
	                   name, name);
	assert_true(decode(text, (size_t)len, &m, &block));
	/* "\r\n " is one blank and the backslash goes: three bytes less. */
	assert_int_equal(NAME - 3, m.invite.pai.display.len);
	assert_memory_equal("a \"n", m.invite.pai.display.p, 4);
	assert_true(m.invite.from.display.len >= NAME - 3);
	assert_text(m.from_user, "1");
	free(block);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_no_room_in_scratch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
