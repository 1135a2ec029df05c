#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/buf.h"
#include "decode/sip.h"
#include "support/assert_slice.h"
#include "support/exact.h"
#include "support/sip_slices.h"

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))
#define S(text)        SLICE_LIT(text)
#define START          "OPTIONS sip:u@h SIP/2.0\r\n"
#define FROM           "From: \"A\" <sip:a@h>;tag=1\r\n"
#define TO             "To: <sip:b@h>;tag=2\r\n"
#define CALL_ID        "Call-ID: c@h\r\n"
#define CSEQ           "CSeq: 7 OPTIONS\r\n"
#define VIA            "Via: SIP/2.0/UDP h:5060;rport;branch=z9\r\n"
#define REST           VIA FROM TO CALL_ID CSEQ

/* A message in a block of its own; whoever opens it closes it. */
struct parsed {
	struct slice datagram;
	struct sip_msg msg;
	enum reason refused;
};

static struct parsed parse(struct slice text)
{
	struct parsed p = {.datagram = exact_copy(text)};

	memset(&p.msg, 0xa5, sizeof(p.msg)); /* every member must be set */
	p.refused = sip_parse(p.datagram, &p.msg);
	assert_true(sip_slices_inside(&p.msg, p.datagram));
	return p;
}

static void close_parsed(struct parsed *p)
{
	exact_free(p->datagram);
}

// clang-format off
static const struct {
	const char *id;
	struct slice text;
	enum reason want;
} refusals[] = {
	{"good", S(START REST "\r\n"), REASON_NONE},
	{"bare LF", S("OPTIONS sip:u@h SIP/2.0\nFrom: <sip:a@h>\nTo: <sip:b@h>\nCall-ID: c\nCSeq: 7 OPTIONS\n\n"), REASON_NONE},
	{"leading CRLF", S("\r\n\r\n" START REST "\r\n"), REASON_NONE},
	{"leading NUL and blanks", S("\0\0 \t\n" START REST "\r\n"), REASON_NONE},
	{"blanks in the start line", S(" OPTIONS   sip:u@h \t SIP/2.0  \r\n" REST "\r\n"), REASON_NONE},
	{"version in small letters", S("OPTIONS sip:u@h sip/2.0\r\n" REST "\r\n"), REASON_NONE},
	{"no Via", S(START FROM TO CALL_ID CSEQ "\r\n"), REASON_NONE},
	{"line without value", S(START "X:\r\n" REST "\r\n"), REASON_NONE},
	{"quote never closed", S(START VIA "From: \"A <sip:a@h>;tag=1\r\n" TO CALL_ID CSEQ "\r\n"), REASON_NONE},
	{"empty", S(""), REASON_KEEPALIVE},
	{"CRLF CRLF", S("\r\n\r\n"), REASON_KEEPALIVE},
	{"four NULs", S("\0\0\0\0"), REASON_KEEPALIVE},
	{"text", S("hello world\r\n\r\n"), REASON_NOT_SIP},
	{"HTTP", S("GET / HTTP/1.1\r\n" REST "\r\n"), REASON_NOT_SIP},
	{"version alone", S("SIP/2.0\r\n" REST "\r\n"), REASON_SIP_STATUS},
	{"no version", S("OPTIONS sip:u@h\r\n" REST "\r\n"), REASON_NOT_SIP},
	{"no Request-URI", S("OPTIONS SIP/2.0\r\n" REST "\r\n"), REASON_SIP_START_LINE},
	{"method is no token", S("OPT(IONS sip:u@h SIP/2.0\r\n" REST "\r\n"), REASON_SIP_START_LINE},
	{"version 3.0", S("OPTIONS sip:u@h SIP/3.0\r\n" REST "\r\n"), REASON_SIP_VERSION},
	{"version 2.00", S("OPTIONS sip:u@h SIP/2.00\r\n" REST "\r\n"), REASON_SIP_VERSION},
	{"version without digits", S("OPTIONS sip:u@h SIP/2.\r\n" REST "\r\n"), REASON_NOT_SIP},
	{"status 99", S("SIP/2.0 099 X\r\n" REST "\r\n"), REASON_SIP_STATUS},
	{"status 100", S("SIP/2.0 100 X\r\n" REST "\r\n"), REASON_NONE},
	{"status 699", S("SIP/2.0 699\r\n" REST "\r\n"), REASON_NONE},
	{"status 700", S("SIP/2.0 700 X\r\n" REST "\r\n"), REASON_SIP_STATUS},
	{"status of four digits", S("SIP/2.0 2000 X\r\n" REST "\r\n"), REASON_SIP_STATUS},
	{"status wraps", S("SIP/2.0 4294967396 X\r\n" REST "\r\n"), REASON_SIP_STATUS},
	{"status with a letter", S("SIP/2.0 2o0 X\r\n" REST "\r\n"), REASON_SIP_STATUS},
	{"status begins with a letter", S("SIP/2.0 o20 X\r\n" REST "\r\n"), REASON_SIP_STATUS},
	{"status ends with a letter", S("SIP/2.0 20o X\r\n" REST "\r\n"), REASON_SIP_STATUS},
	{"version of a response", S("SIP/1.0 200 X\r\n" REST "\r\n"), REASON_SIP_VERSION},
	{"header without colon", S(START "X\r\n" REST "\r\n"), REASON_SIP_HEADER},
	{"header without name", S(START ": x\r\n" REST "\r\n"), REASON_SIP_HEADER},
	{"fold behind the start line", S(START " x\r\n" REST "\r\n"), REASON_SIP_HEADER},
	{"no empty line", S(START REST), REASON_SIP_TRUNCATED},
	{"last line cut", S(START REST "X: y"), REASON_SIP_TRUNCATED},
	{"start line alone", S("OPTIONS sip:u@h SIP/2.0"), REASON_SIP_TRUNCATED},
	{"no Call-ID", S(START VIA FROM TO CSEQ "\r\n"), REASON_SIP_NO_CALL_ID},
	{"empty Call-ID", S(START VIA FROM TO CSEQ "Call-ID: \t\r\n\r\n"), REASON_SIP_NO_CALL_ID},
	{"no CSeq", S(START VIA FROM TO CALL_ID "\r\n"), REASON_SIP_NO_CSEQ},
	{"CSeq without number", S(START VIA FROM TO CALL_ID "CSeq: OPTIONS\r\n\r\n"), REASON_SIP_NO_CSEQ},
	{"CSeq without method", S(START VIA FROM TO CALL_ID "CSeq: 7\r\n\r\n"), REASON_SIP_NO_CSEQ},
	{"CSeq 2^32 - 1", S(START VIA FROM TO CALL_ID "CSeq: 4294967295 OPTIONS\r\n\r\n"), REASON_NONE},
	{"CSeq 2^32", S(START VIA FROM TO CALL_ID "CSeq: 4294967296 OPTIONS\r\n\r\n"), REASON_SIP_NO_CSEQ},
	{"CSeq of 2^64 + 7", S(START VIA FROM TO CALL_ID "CSeq: 18446744073709551623 OPTIONS\r\n\r\n"), REASON_SIP_NO_CSEQ},
	{"CSeq negative", S(START VIA FROM TO CALL_ID "CSeq: -7 OPTIONS\r\n\r\n"), REASON_SIP_NO_CSEQ},
	{"CSeq with three words", S(START VIA FROM TO CALL_ID "CSeq: 7 OPTIONS X\r\n\r\n"), REASON_SIP_NO_CSEQ},
	{"no From", S(START VIA TO CALL_ID CSEQ "\r\n"), REASON_SIP_NO_FROM},
	{"From without >", S(START VIA "From: <sip:a@h\r\n" TO CALL_ID CSEQ "\r\n"), REASON_SIP_NO_FROM},
	{"no To", S(START VIA FROM CALL_ID CSEQ "\r\n"), REASON_SIP_NO_TO},
	{"empty To", S(START VIA FROM "To:\r\n" CALL_ID CSEQ "\r\n"), REASON_SIP_NO_TO},
	{"version before headers", S("OPTIONS sip:u@h SIP/3.0\r\nX\r\n\r\n"), REASON_SIP_VERSION},
	{"header before Call-ID", S(START "X\r\n\r\n"), REASON_SIP_HEADER},
};
// clang-format on

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct parsed p = parse(refusals[i].text);

		if (p.refused != refusals[i].want) {
			fail_msg("%s: %s", refusals[i].id, reason_word(p.refused));
		}
		close_parsed(&p);
	}
}

static void test_fields(void **state)
{
	struct parsed p = parse(S(START REST "X: 1\r\nContent-Length: 3\r\n\r\nabcdef"));
	const struct sip_msg *m = &p.msg;

	(void)state;
	assert_int_equal(p.refused, REASON_NONE);
	assert_true(m->request);
	assert_int_equal(m->method, SIP_OPTIONS);
	assert_int_equal(m->status, 0);
	assert_slice("method_text", "value", m->method_text, S("OPTIONS"));
	assert_slice("request_uri", "value", m->request_uri, S("sip:u@h"));
	assert_slice("reason_phrase", "value", m->reason_phrase, SLICE_NONE);
	assert_slice("call_id", "value", m->call_id, S("c@h"));
	assert_int_equal(m->cseq, 7);
	assert_slice("cseq_method", "value", m->cseq_method, S("OPTIONS"));
	assert_slice("display", "value", m->from.display, S("A"));
	assert_slice("from", "value", m->from.uri, S("sip:a@h"));
	assert_slice("params", "value", m->from.params, S(";tag=1"));
	assert_slice("from_tag", "value", m->from_tag, S("1"));
	assert_slice("no display", "value", m->to.display, SLICE_NONE);
	assert_slice("to_tag", "value", m->to_tag, S("2"));
	assert_slice("branch", "value", m->via_branch, S("z9"));
	assert_slice("body", "value", m->body, S("abc"));
	assert_slice("content length", "value", m->header[SIP_H_CONTENT_LENGTH], S("3"));
	assert_slice("contact", "value", m->header[SIP_H_CONTACT], SLICE_NONE);
	assert_slice("text", "value", m->text, p.datagram);
	assert_int_equal(m->header_count[SIP_H_OTHER], 0);
	close_parsed(&p);
}

static void test_request_uris(void **state)
{
	static const struct {
		struct slice start;
		struct slice want;
	} starts[] = {
		{S("A sip:u@h SIP/2.0\r\n"), S("sip:u@h")},
		{S("A <sip:u@h> SIP/2.0\r\n"), S("sip:u@h")},
		{S("A <sip:u@h SIP/2.0\r\n"), S("<sip:u@h")},
		{S("A sip:u@h> SIP/2.0\r\n"), S("sip:u@h>")},
		{S("A < SIP/2.0\r\n"), S("<")},
		{S("A \t sip:u@h; lr \t SIP/2.0\r\n"), S("sip:u@h; lr")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		struct parsed p = parse(starts[i].start);

		assert_slice("start", "uri", p.msg.request_uri, starts[i].want);
		close_parsed(&p);
	}
}

static void test_response(void **state)
{
	struct parsed p = parse(
		S("SIP/2.0 486  Busy  Here \r\n" VIA FROM TO CALL_ID "CSeq: 9 INVITE\r\n\r\n"));
	struct parsed other = parse(S("SIP/2.0 200\r\n" REST "CSeq: 1 X\r\n\r\n"));
	struct parsed unknown = parse(S("SIP/2.0 200 \r\nCSeq: 1 invite\r\n" REST "\r\n"));

	(void)state;
	assert_false(p.msg.request);
	assert_int_equal(p.msg.status, 486);
	assert_slice("reason", "value", p.msg.reason_phrase, S("Busy  Here"));
	assert_int_equal(p.msg.method, SIP_INVITE);
	assert_slice("method", "value", p.msg.method_text, S("INVITE"));
	assert_int_equal(other.msg.header_count[SIP_H_CSEQ], 2);
	assert_int_equal(other.msg.method, SIP_OPTIONS);
	assert_int_equal(unknown.msg.method, SIP_OTHER);
	assert_slice("spelling", "value", unknown.msg.method_text, S("invite"));
	close_parsed(&p);
	close_parsed(&other);
	close_parsed(&unknown);
}

/* What could be read of a refused message is there, from before and behind the fault. */
static void test_refused_fields(void **state)
{
	struct parsed p = parse(S("INVITE <sip:u@h> SIP/7.0\r\nbroken\r\n" REST "\r\nbody"));
	struct parsed cut = parse(S(START REST "Contact: <sip:x@"));

	(void)state;
	assert_int_equal(p.refused, REASON_SIP_VERSION);
	assert_slice("uri without brackets", "value", p.msg.request_uri, S("sip:u@h"));
	assert_slice("call_id", "value", p.msg.call_id, S("c@h"));
	assert_slice("tag", "value", p.msg.from_tag, S("1"));
	assert_slice("body", "value", p.msg.body, S("body"));
	assert_int_equal(cut.refused, REASON_SIP_TRUNCATED);
	assert_slice("tag", "value", cut.msg.to_tag, S("2"));
	assert_slice("half a line", "value", cut.msg.header[SIP_H_CONTACT], SLICE_NONE);
	assert_slice("no body", "value", cut.msg.body, SLICE_NONE);
	close_parsed(&p);
	close_parsed(&cut);
}

// clang-format off
static const struct {
	const char *id;
	struct slice lines;
	enum sip_header header;
	struct slice want;
	unsigned count;
} forms[] = {
	{"plain", S("Contact: <sip:x>\r\n"), SIP_H_CONTACT, S("<sip:x>"), 1},
	{"no blank", S("Contact:<sip:x>\r\n"), SIP_H_CONTACT, S("<sip:x>"), 1},
	{"blank before the colon", S("Contact \t : <sip:x>\r\n"), SIP_H_CONTACT, S("<sip:x>"), 1},
	{"blanks around", S("Contact: \t <sip:x> \t \r\n"), SIP_H_CONTACT, S("<sip:x>"), 1},
	{"compact", S("m: <sip:x>\r\n"), SIP_H_CONTACT, S("<sip:x>"), 1},
	{"compact capital", S("M : <sip:x>\r\n"), SIP_H_CONTACT, S("<sip:x>"), 1},
	{"mixed case", S("cOnTaCt: <sip:x>\r\n"), SIP_H_CONTACT, S("<sip:x>"), 1},
	{"bare LF", S("Contact: <sip:x>\n"), SIP_H_CONTACT, S("<sip:x>"), 1},
	{"folded", S("Contact:\r\n <sip:x>\r\n\t;q=1\r\n"), SIP_H_CONTACT, S("<sip:x>\r\n\t;q=1"), 1},
	{"folded, bare LF", S("Contact: <sip:x>\n ;q=1\n"), SIP_H_CONTACT, S("<sip:x>\n ;q=1"), 1},
	{"folded, no more", S("Contact: <sip:x>\r\n \t \r\n"), SIP_H_CONTACT, S("<sip:x>"), 1},
	{"empty", S("Contact:\r\n"), SIP_H_CONTACT, S(""), 1},
	{"several on a line", S("Contact: <sip:x>, <sip:y>\r\n"), SIP_H_CONTACT, S("<sip:x>, <sip:y>"), 1},
	{"several lines", S("Contact: <sip:x>\r\nm: <sip:y>\r\n"), SIP_H_CONTACT, S("<sip:x>"), 2},
	{"quoted", S("Contact: \"a, <b> \\\" ;\" <sip:x>\r\n"), SIP_H_CONTACT, S("\"a, <b> \\\" ;\" <sip:x>"), 1},
	{"colon in the value", S("Contact: a:b:c\r\n"), SIP_H_CONTACT, S("a:b:c"), 1},
	{"NUL", S("Contact: a\0b\r\n"), SIP_H_CONTACT, S("a\0b"), 1},
	{"NUL in the name", S("Contact\0: a\r\n"), SIP_H_CONTACT, SLICE_NONE, 0},
	{"blank before the name", S("X: y\r\n Contact: a\r\n"), SIP_H_CONTACT, SLICE_NONE, 0},
	{"CR before the name", S("\rX: y\r\nContact: a\r\n"), SIP_H_CONTACT, S("a"), 1},
	{"CR inside the line", S("X: y\rContact: a\r\n"), SIP_H_CONTACT, SLICE_NONE, 0},
	{"CR for the hyphen", S("Call\rID: a\r\n"), SIP_H_CALL_ID, S("c@h"), 1},
	{"NUL is no compact form", S("\0: a\r\n"), SIP_H_CSEQ, S("7 OPTIONS"), 1},
	{"first of two", S("Call-ID: second\r\n"), SIP_H_CALL_ID, S("c@h"), 2},
};
// clang-format on

static struct parsed parse_with(struct slice lines)
{
	struct buf b = {0};

	buf_text(&b, START REST);
	buf_slice(&b, lines);
	buf_text(&b, "\r\n");
	struct parsed p = parse(buf_view(&b));
	buf_fini(&b);
	return p;
}

static void test_header_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct parsed p = parse_with(forms[i].lines);

		if (p.refused != REASON_NONE) {
			fail_msg("%s: %s", forms[i].id, reason_word(p.refused));
		}
		assert_slice(forms[i].id, "value", p.msg.header[forms[i].header], forms[i].want);
		assert_int_equal(p.msg.header_count[forms[i].header], forms[i].count);
		close_parsed(&p);
	}
}

static const struct {
	const char *name;
	char compact;
	enum sip_header id;
} headers[] = {
#define SIP_HEADER(id, name, compact) {name, compact, SIP_H_##id},
#include "decode/sip_headers.def"
#undef SIP_HEADER
};

/* The slow way. */
static enum sip_header header_by_list(struct slice name)
{
	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		if (slice_eq_nocase(name, slice_of(headers[i].name)) ||
		    (name.len == 1 && headers[i].compact &&
		     ascii_lower(name.p[0]) == headers[i].compact)) {
			return headers[i].id;
		}
	}
	return SIP_H_OTHER;
}

static void same_header(struct slice name)
{
	struct slice exact = exact_copy(name);
	enum sip_header got = sip_header_of(exact);

	if (got != header_by_list(name)) {
		fail_msg("\"%.*s\": %d", SLICE_FMT(name), got);
	}
	exact_free(exact);
}

/* Every name, and every name with one byte replaced by every other, one left out, one added. */
static void test_header_names(void **state)
{
	char text[64];

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		text[0] = (char)c;
		same_header((struct slice){text, 1});
	}
	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		size_t len = strlen(headers[i].name);

		assert_int_equal(sip_header_of(slice_of(headers[i].name)), headers[i].id);
		for (size_t at = 0; at < len; at++) {
			for (unsigned c = 0; c < 256; c++) {
				memcpy(text, headers[i].name, len);
				text[at] = (char)c;
				same_header((struct slice){text, len});
			}
		}
		memcpy(text, headers[i].name, len + 1);
		same_header((struct slice){text, len + 1});
		same_header((struct slice){text, len - 1});
		same_header((struct slice){text + 1, len - 1});
	}
	assert_int_equal(sip_header_of(SLICE_NONE), SIP_H_OTHER);
}

static void test_methods(void **state)
{
	static const char *const names[] = {
#define SIP_METHOD(id) #id,
#include "decode/sip_methods.def"
#undef SIP_METHOD
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct slice name = slice_of(names[i]);

		assert_int_equal(sip_method_of(name), i + 1);
		assert_int_equal(sip_method_of(slice_first(name, name.len - 1)), SIP_OTHER);
	}
	assert_int_equal(sip_method_of(S("invite")), SIP_OTHER);
	assert_int_equal(sip_method_of(S("INVITES")), SIP_OTHER);
	assert_int_equal(sip_method_of(SLICE_NONE), SIP_OTHER);
}

// clang-format off
static const struct {
	const char *id;
	struct slice lines;
	int64_t length;
	struct slice body;
	bool truncated;
} bodies[] = {
	{"absent", S("X: y\r\n\r\nabc"), -1, S("abc"), false},
	{"exact", S("l: 3\r\n\r\nabc"), 3, S("abc"), false},
	{"less", S("l: 0\r\n\r\nabc"), 0, S(""), false},
	{"zeros", S("l: 0002\r\n\r\nabc"), 2, S("ab"), false},
	{"more", S("l: 4\r\n\r\nabc"), 4, S("abc"), true},
	{"huge", S("l: 999999999999999999\r\n\r\nabc"), 999999999999999999, S("abc"), true},
	{"beyond 64 bits", S("l: 18446744073709551617\r\n\r\nabc"), -1, S("abc"), false},
	{"negative", S("l: -1\r\n\r\nabc"), -1, S("abc"), false},
	{"two words", S("l: 1 2\r\n\r\nabc"), -1, S("abc"), false},
	{"empty value", S("l:\r\n\r\nabc"), -1, S("abc"), false},
	{"two headers", S("l: 1\r\nContent-Length: 2\r\n\r\nabc"), 1, S("a"), false},
	{"empty line is LF", S("l: 3\r\n\nabc"), 3, S("abc"), false},
	{"empty line in the body", S("l: 7\r\n\r\na\r\n\r\nbc"), 7, S("a\r\n\r\nbc"), false},
};
// clang-format on

static void test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct buf b = {0};

		buf_text(&b, START REST);
		buf_slice(&b, bodies[i].lines);
		struct parsed p = parse(buf_view(&b));
		assert_int_equal(p.refused, REASON_NONE);
		assert_int_equal(p.msg.content_length, bodies[i].length);
		assert_int_equal(p.msg.body_truncated, bodies[i].truncated);
		assert_slice(bodies[i].id, "value", p.msg.body, bodies[i].body);
		close_parsed(&p);
		buf_fini(&b);
	}
}

static void test_identity_more(void **state)
{
	struct parsed one = parse_with(S("Identity: a\r\n"));
	struct parsed three = parse_with(S("Identity: a\r\ny: b\r\nIdentity: c\r\n"));

	(void)state;
	assert_slice("one", "value", one.msg.identity_more, SLICE_NONE);
	assert_slice("first", "value", three.msg.header[SIP_H_IDENTITY], S("a"));
	assert_slice("second", "value", three.msg.identity_more, S("b"));
	assert_int_equal(three.msg.header_count[SIP_H_IDENTITY], 3);
	close_parsed(&one);
	close_parsed(&three);
}

/* Whole only from the empty line on; shorter is refused and still safe to look at. */
static void test_every_length(void **state)
{
	const struct slice whole =
		S("\r\nINVITE sip:u@h SIP/2.0\r\nv: SIP/2.0/UDP h ;\r\n branch = z\r\n"
	          "f: \"A \\\"\" <sip:a@h>;tag=\"1\"\r\nt : sip:b@h\r\ni: c\r\n"
	          "CSeq: 1\r\n INVITE\r\nl: 4\r\n\r\nbody");
	size_t head = whole.len - 4;

	(void)state;
	for (size_t len = 0; len <= whole.len; len++) {
		struct parsed p = parse(slice_first(whole, len));

		assert_int_equal(p.refused == REASON_NONE, len >= head);
		assert_true(p.refused == REASON_NONE || p.msg.body.len == 0);
		assert_int_equal(p.msg.body_truncated, len < whole.len && len >= head - 2);
		(void)sip_check(&p.msg, p.refused);
		(void)sip_recognise(p.datagram);
		close_parsed(&p);
	}
}

static struct parsed parse_lines(const char *line, unsigned count)
{
	struct buf b = {0};

	buf_text(&b, START REST);
	for (unsigned i = 0; i < count; i++) {
		buf_text(&b, line);
	}
	buf_text(&b, "\r\n");
	struct parsed p = parse(buf_view(&b));
	buf_fini(&b);
	return p;
}

static void test_line_bound(void **state)
{
	enum { REST_LINES = 5, MORE = SIP_HEADER_LINES_MAX - REST_LINES };
	static const char *const lines[] = {"Via: x\r\n", "X: y\n", "X:\r\n z\r\n"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		unsigned lines_each = i == 2 ? 2 : 1;
		struct parsed most = parse_lines(lines[i], MORE / lines_each);
		struct parsed over = parse_lines(lines[i], MORE / lines_each + 1);

		assert_int_equal(most.refused, REASON_NONE);
		assert_int_equal(over.refused, REASON_SIP_TOO_MANY_HEADERS);
		assert_slice("what was read", "value", over.msg.call_id, S("c@h"));
		assert_int_equal(most.msg.header_count[SIP_H_VIA], i == 0 ? UINT8_MAX : 1);
		close_parsed(&most);
		close_parsed(&over);
	}
}

static void test_message_bound(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_text(&b, START REST "\r\n");
	while (b.len < SIP_MESSAGE_MAX + 10) {
		buf_char(&b, 'x');
	}
	struct parsed p = parse(buf_view(&b));
	assert_int_equal(p.refused, REASON_NONE);
	assert_int_equal(p.msg.text.len, SIP_MESSAGE_MAX);
	close_parsed(&p);
	buf_fini(&b);
}

static unsigned next_random(unsigned *seed, unsigned below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

/* A blank as a sender may write it, folds included. */
static void put_blank(struct buf *b, unsigned *seed)
{
	static const char *const blanks[] = {"", " ", "\t ", "\r\n ", " \r\n\t", "\n  "};

	buf_text(b, blanks[next_random(seed, COUNT_OF(blanks))]);
}

/* The oracle of the line walk: messages of which it is known, because they are made here, which
 * header has which value.
 */
static void test_random_heads(void **state)
{
	unsigned seed = 4475;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct buf b = {0};
		unsigned count[SIP_H_COUNT] = {0};
		char value[SIP_H_COUNT][16];

		buf_text(&b, START);
		for (unsigned n = next_random(&seed, 30); n > 0; n--) {
			size_t i = next_random(&seed, COUNT_OF(headers));
			enum sip_header id = headers[i].id;
			bool compact = headers[i].compact && next_random(&seed, 2);
			char text[16];

			for (const char *c = headers[i].name; *c && !compact; c++) {
				buf_char(&b, next_random(&seed, 2) ? *c : ascii_lower(*c));
			}
			if (compact) {
				buf_char(&b, headers[i].compact);
			}
			buf_text(&b, next_random(&seed, 4) ? ":" : " \t:");
			put_blank(&b, &seed);
			(void)snprintf(text, sizeof(text), "v:%u", next_random(&seed, 1000));
			buf_text(&b, text);
			put_blank(&b, &seed);
			buf_text(&b, next_random(&seed, 2) ? "\r\n" : "\n");
			if (count[id]++ == 0) {
				memcpy(value[id], text, sizeof(text));
			}
			if (next_random(&seed, 4) == 0) {
				buf_text(&b, "X-Call-ID: Via: x\r\n");
			}
		}
		buf_text(&b, "\r\nVia: body\r\n\r\n");
		struct parsed p = parse(buf_view(&b));
		for (int id = 1; id < SIP_H_COUNT; id++) {
			assert_int_equal(p.msg.header_count[id], count[id]);
			assert_slice("random", "value", p.msg.header[id],
			             count[id] ? slice_of(value[id]) : SLICE_NONE);
		}
		assert_slice("body", "value", p.msg.body, S("Via: body\r\n\r\n"));
		close_parsed(&p);
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),       cmocka_unit_test(test_fields),
		cmocka_unit_test(test_request_uris),   cmocka_unit_test(test_response),
		cmocka_unit_test(test_refused_fields), cmocka_unit_test(test_header_forms),
		cmocka_unit_test(test_header_names),   cmocka_unit_test(test_methods),
		cmocka_unit_test(test_bodies),         cmocka_unit_test(test_identity_more),
		cmocka_unit_test(test_every_length),   cmocka_unit_test(test_line_bound),
		cmocka_unit_test(test_message_bound),  cmocka_unit_test(test_random_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
