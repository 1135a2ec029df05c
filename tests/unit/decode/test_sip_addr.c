#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/err.h"
#include "decode/sip.h"
#include "support/assert_slice.h"
#include "support/exact.h"

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))
#define S(text)        SLICE_LIT(text)
#define NONE \
 {           \
  NULL, 0    \
 }

// clang-format off
static const struct {
	const char *id;
	struct slice value;
	struct slice display, uri, params, rest;
	int want;
} addrs[] = {
	{"name-addr", S("A <sip:a@h>;tag=1"), S("A"), S("sip:a@h"), S(";tag=1"), NONE, OK},
	{"no blank before <", S("A<sip:a@h>"), S("A"), S("sip:a@h"), NONE, NONE, OK},
	{"brackets alone", S("<sip:a@h>"), NONE, S("sip:a@h"), NONE, NONE, OK},
	{"quoted", S("\"A\" <sip:a@h>"), S("A"), S("sip:a@h"), NONE, NONE, OK},
	{"quoted, empty", S("\"\" <sip:a@h>"), S(""), S("sip:a@h"), NONE, NONE, OK},
	{"quoted, everything", S("\"A, <x> \\\" \\\\\"<sip:a@h>"), S("A, <x> \\\" \\\\"), S("sip:a@h"), NONE, NONE, OK},
	{"several words", S(" A.  B! <sip:a@h> "), S("A.  B!"), S("sip:a@h"), NONE, NONE, OK},
	{"unquoted comma", S("Bell, A <sip:a@h>"), S("Bell, A"), S("sip:a@h"), NONE, NONE, OK},
	{"unquoted colon", S("Dr: A <sip:a@h>"), S("Dr: A"), S("sip:a@h"), NONE, NONE, OK},
	{"blanks in brackets", S("< sip:a@h >"), NONE, S("sip:a@h"), NONE, NONE, OK},
	{"parameters in brackets", S("<sip:a@h;x=1>;y=2"), NONE, S("sip:a@h;x=1"), S(";y=2"), NONE, OK},
	{"folded", S("\r\n \"A\"\r\n\t<sip:a@h>\r\n ; tag = 1"), S("A"), S("sip:a@h"), S("; tag = 1"), NONE, OK},
	{"bare", S("sip:a@h"), NONE, S("sip:a@h"), NONE, NONE, OK},
	{"bare with parameter", S("sip:a@h;tag=1"), NONE, S("sip:a@h"), S(";tag=1"), NONE, OK},
	{"bare with blanks", S(" sip:a@h ; tag=1"), NONE, S("sip:a@h"), S("; tag=1"), NONE, OK},
	{"bare with < in a parameter", S("sip:a@h;x=\"<,>\""), NONE, S("sip:a@h"), S(";x=\"<,>\""), NONE, OK},
	{"tel", S("tel:+1;tag=1"), NONE, S("tel:+1"), S(";tag=1"), NONE, OK},
	{"star", S("*"), NONE, S("*"), NONE, NONE, OK},
	{"two", S("<sip:a@h>, <sip:b@h>"), NONE, S("sip:a@h"), NONE, S(" <sip:b@h>"), OK},
	{"two, parameters", S("<sip:a@h>;q=1,B <sip:b@h>"), NONE, S("sip:a@h"), S(";q=1"), S("B <sip:b@h>"), OK},
	{"two, comma in quotes", S("<sip:a@h>;x=\",\\\",\";y,Z"), NONE, S("sip:a@h"), S(";x=\",\\\",\";y"), S("Z"), OK},
	{"two bare", S("sip:a@h,sip:b@h"), NONE, S("sip:a@h"), NONE, S("sip:b@h"), OK},
	{"bare, then brackets", S("sip:a@h,<sip:b@h>"), NONE, S("sip:a@h"), NONE, S("<sip:b@h>"), OK},
	{"bare parameter, then brackets", S("sip:a@h;q=1,<sip:b@h>"), NONE, S("sip:a@h"), S(";q=1"), S("<sip:b@h>"), OK},
	{"comma at the end", S("<sip:a@h>,"), NONE, S("sip:a@h"), NONE, S(""), OK},
	{"quote never closed", S("\"A <sip:a@h>;tag=1"), S("A"), S("sip:a@h"), S(";tag=1"), NONE, OK},
	{"quote escaped at the end", S("\"A\\\" <sip:a@h>"), S("A\\\""), S("sip:a@h"), NONE, NONE, OK},
	{"parameter quote never closed", S("<sip:a@h>;x=\"1,2"), NONE, S("sip:a@h"), S(";x=\"1,2"), NONE, OK},
	{"NUL", S("\"A\0B\" <sip:a\0@h>"), S("A\0B"), S("sip:a\0@h"), NONE, NONE, OK},
	{"empty", S(""), NONE, NONE, NONE, NONE, E_MALFORMED},
	{"blank", S(" \r\n "), NONE, NONE, NONE, NONE, E_MALFORMED},
	{"no >", S("<sip:a@h"), NONE, NONE, NONE, NONE, E_MALFORMED},
	{"nothing in brackets", S("A < >"), S("A"), S(""), NONE, NONE, E_MALFORMED},
	{"quoted, then no <", S("\"A\" sip:a@h"), S("A"), NONE, NONE, NONE, E_MALFORMED},
	{"quote alone", S("\""), NONE, NONE, NONE, NONE, E_MALFORMED},
	{"comma alone", S(",<sip:a@h>"), S(","), S("sip:a@h"), NONE, NONE, OK},
	{"parameter alone", S(";tag=1"), NONE, NONE, NONE, NONE, E_MALFORMED},
};

static const struct {
	const char *id;
	struct slice uri;
	struct slice scheme, user, host, params;
	int want;
} uris[] = {
	{"sip", S("sip:a@h"), S("sip"), S("a"), S("h"), NONE, OK},
	{"sips", S("SIPS:a@h"), S("SIPS"), S("a"), S("h"), NONE, OK},
	{"no user", S("sip:h"), S("sip"), NONE, S("h"), NONE, OK},
	{"empty user", S("sip:@h"), S("sip"), S(""), S("h"), NONE, OK},
	{"port", S("sip:a@h:5060"), S("sip"), S("a"), S("h"), NONE, OK},
	{"parameters", S("sip:a@h:5060;user=phone;x"), S("sip"), S("a"), S("h"), S("user=phone;x"), OK},
	{"headers", S("sip:a@h;x=1?Route=%3Csip:h;lr%3E"), S("sip"), S("a"), S("h"), S("x=1"), OK},
	{"headers, no parameters", S("sip:a@h?a=;b"), S("sip"), S("a"), S("h"), NONE, OK},
	{"password", S("sip:a:p:q@h"), S("sip"), S("a"), S("h"), NONE, OK},
	{"escapes", S("sip:%61%40b@h"), S("sip"), S("%61%40b"), S("h"), NONE, OK},
	{"; in the user", S("sip:+1;npdi;rn=2@h;x"), S("sip"), S("+1;npdi;rn=2"), S("h"), S("x"), OK},
	{"? in the user", S("sip:a?b@h"), S("sip"), S("a?b"), S("h"), NONE, OK},
	{"@ in the user", S("sip:a@x@h"), S("sip"), S("a@x"), S("h"), NONE, OK},
	{"@ in a parameter", S("sip:a@h;x=b@c"), S("sip"), S("a"), S("h"), S("x=b@c"), OK},
	{"IPv6", S("sip:a@[2001:db8::1]:5060;x"), S("sip"), S("a"), S("[2001:db8::1]"), S("x"), OK},
	{"bracket in a parameter", S("sip:a@h;maddr=[::1]"), S("sip"), S("a"), S("h"), S("maddr=[::1]"), OK},
	{"IPv6 not closed", S("sip:a@[2001:db8::1"), S("sip"), S("a"), S("[2001"), NONE, OK},
	{"tel", S("tel:+1-555(01)00"), S("tel"), S("+1-555(01)00"), NONE, NONE, OK},
	{"tel parameters", S("Tel:7042;phone-context=+1;x"), S("Tel"), S("7042"), NONE, S("phone-context=+1;x"), OK},
	{"other scheme", S("urn:service:sos"), S("urn"), NONE, NONE, NONE, OK},
	{"blanks around", S(" sip:a@h\r\n"), S("sip"), S("a"), S("h"), NONE, OK},
	{"no scheme", S("a@h"), NONE, NONE, NONE, NONE, E_MALFORMED},
	{"empty scheme", S(":a@h"), NONE, NONE, NONE, NONE, E_MALFORMED},
	{"empty", S(""), NONE, NONE, NONE, NONE, E_MALFORMED},
	{"no host", S("sip:a@"), S("sip"), S("a"), S(""), NONE, E_MALFORMED},
	{"nothing", S("sip:"), S("sip"), NONE, S(""), NONE, E_MALFORMED},
	{"host is a port", S("sip:a@:5060"), S("sip"), S("a"), S(""), NONE, E_MALFORMED},
	{"no number", S("tel:;x"), S("tel"), S(""), NONE, S("x"), E_MALFORMED},
};

static const struct {
	const char *id;
	struct slice params;
	struct slice want;
} params[] = {
	{"first", S(";tag=1;x=2"), S("1")},
	{"last", S(";x=2;tag=1"), S("1")},
	{"without the first ;", S("tag=1"), S("1")},
	{"any case", S(";TaG=A"), S("A")},
	{"blanks", S(" ; tag \t=\r\n 1 \r\n ; x"), S("1")},
	{"first of two", S(";tag=1;tag=2"), S("1")},
	{"without value", S(";tag;x=1"), S("")},
	{"empty value", S(";tag=;x=1"), S("")},
	{"quoted", S(";tag=\"a;b,\\\"c\""), S("a;b,\\\"c")},
	{"quoted, empty", S(";tag=\"\";x"), S("")},
	{"quoted, not closed", S(";tag=\"a;b"), S("a;b")},
	{"brackets", S(";tag=<a;b,c>;x"), S("<a;b,c>")},
	{"brackets, not closed", S(";tag=<a;b"), S("<a;b")},
	{"= in the value", S(";tag=a=b"), S("a=b")},
	{"behind a quoted one", S(";x=\";tag=2\";tag=1"), S("1")},
	{"behind one in brackets", S(";x=<;tag=2>;tag=1"), S("1")},
	{"behind empty ones", S(";; ;tag=1"), S("1")},
	{"other name", S(";tags=1;ta=2;xtag=3"), NONE},
	{"in another value", S(";x=tag"), NONE},
	{"behind a comma", S(";x=1,tag=2"), NONE},
	{"behind a comma and a quote", S(";x=\"1\",;tag=2"), NONE},
	{"empty", S(""), NONE},
	{"missing", NONE, NONE},
};

enum text_step { UNFOLD = 0, UNESCAPE, UNQUOTE };
static struct slice (*const steps[])(struct slice, char *) = {sip_unfold, sip_unescape, sip_unquote};

static const struct {
	const char *id;
	enum text_step step;
	struct slice in;
	struct slice want;
} texts[] = {
	{"unfold nothing", UNFOLD, S("a  b\t"), S("a  b\t")},
	{"unfold", UNFOLD, S("a\r\n b"), S("a b")},
	{"unfold LF", UNFOLD, S("a\n\tb"), S("a b")},
	{"unfold blanks around", UNFOLD, S("a \t\r\n \t b  c"), S("a b  c")},
	{"unfold twice", UNFOLD, S("a\r\n b\r\n c"), S("a b c")},
	{"unfold empty lines", UNFOLD, S("a\r\n \r\n b"), S("a b")},
	{"unfold at the ends", UNFOLD, S("\r\n a\r\n "), S(" a ")},
	{"unescape nothing", UNESCAPE, S("a+b"), S("a+b")},
	{"unescape", UNESCAPE, S("%41%6a%6A%00%ff"), S("Ajj\0\xff")},
	{"unescape not plain digits", UNESCAPE, S("%41x41"), S("Ax41")},
	{"unescape malformed", UNESCAPE, S("%4%g1%1g%%41%"), S("%4%g1%1g%A%")},
	{"unescape cut", UNESCAPE, S("%41%4"), S("A%4")},
	{"unescape once", UNESCAPE, S("%2541"), S("%41")},
	{"unquote nothing", UNQUOTE, S("a\"b"), S("a\"b")},
	{"unquote", UNQUOTE, S("\\\"a\\\\b\\c"), S("\"a\\bc")},
	{"unquote at the end", UNQUOTE, S("a\\"), S("a\\")},
};
// clang-format on

static void test_addrs(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(addrs); i++) {
		struct slice value = exact_copy(addrs[i].value);
		struct sip_addr addr;
		struct slice rest;

		assert_int_equal(sip_addr_parse(value, &addr, NULL), addrs[i].want);
		assert_int_equal(sip_addr_parse(value, &addr, &rest), addrs[i].want);
		if (addrs[i].want == OK) {
			assert_slice(addrs[i].id, "display", addr.display, addrs[i].display);
			assert_slice(addrs[i].id, "uri", addr.uri, addrs[i].uri);
			assert_slice(addrs[i].id, "params", addr.params, addrs[i].params);
			assert_slice(addrs[i].id, "rest", rest, addrs[i].rest);
		}
		exact_free(value);
	}
}

static void test_uris(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(uris); i++) {
		struct slice uri = exact_copy(uris[i].uri);
		struct sip_uri parts;

		assert_int_equal(sip_uri_parse(uri, &parts), uris[i].want);
		assert_slice(uris[i].id, "scheme", parts.scheme, uris[i].scheme);
		assert_slice(uris[i].id, "user", parts.user, uris[i].user);
		assert_slice(uris[i].id, "host", parts.host, uris[i].host);
		assert_slice(uris[i].id, "params", parts.params, uris[i].params);
		exact_free(uri);
	}
}

static void test_params(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(params); i++) {
		struct slice copy = exact_copy(params[i].params);

		assert_slice(params[i].id, "tag", sip_param(copy, "tag"), params[i].want);
		exact_free(copy);
	}
}

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct slice in = exact_copy(texts[i].in);
		char *out = malloc(in.len);

		assert_slice(texts[i].id, "", steps[texts[i].step](in, out), texts[i].want);
		free(out);
		exact_free(in);
	}
}

/* A list is walked to its end, each value once. */
static void test_walk(void **state)
{
	enum { VALUES = 1000, EACH = sizeof("\"a,\" <sip:u@h>;q=1,") - 1 };
	char *list = malloc(VALUES * EACH);
	struct slice rest = {list, VALUES * EACH - 1};
	struct sip_addr addr;
	unsigned count = 0;

	(void)state;
	for (size_t i = 0; i < VALUES; i++) {
		memcpy(list + i * EACH, "\"a,\" <sip:u@h>;q=1,", EACH);
	}
	while (rest.p) {
		assert_int_equal(sip_addr_parse(rest, &addr, &rest), OK);
		assert_slice("walk", "uri", addr.uri, S("sip:u@h"));
		count++;
	}
	assert_int_equal(count, VALUES);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addrs),  cmocka_unit_test(test_uris),
		cmocka_unit_test(test_params), cmocka_unit_test(test_texts),
		cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
