#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/instant.h"
#include "decode/identity.h"
#include "support/assert_slice.h"
#include "support/exact.h"

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))
#define S(text)        SLICE_LIT(text)
#define NONE \
 {           \
  NULL, 0    \
 }
#define HEADER \
 "{\"alg\":\"ES256\",\"ppt\":\"shaken\",\"typ\":\"passport\",\"x5u\":\"https://c.example.org/a\"}"
#define TN(orig, dest) "\"orig\":{\"tn\":" orig "},\"dest\":{\"tn\":" dest "}"
#define BOTH           TN("\"1555\"", "[\"1666\",\"1777\"]")
#define PAYLOAD        "{\"attest\":\"A\"," BOTH ",\"iat\":1700000000,\"origid\":\"o-1\"}"
#define IAT            INT64_C(1700000000000000)

static void put_base64(struct buf *b, struct slice s, const char *alphabet)
{
	for (size_t i = 0; i < s.len; i += 3) {
		uint32_t bits = 0;

		for (size_t k = 0; k < 3; k++) {
			bits = bits << 8 | (i + k < s.len ? (unsigned char)s.p[i + k] : 0);
		}
		for (size_t k = 0; k < 4 && i + k <= s.len; k++) {
			buf_char(b, alphabet[bits >> (18 - 6 * k) & 63]);
		}
	}
}

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static void put_token(struct buf *b, struct slice header, struct slice payload)
{
	put_base64(b, header, ALNUM "-_");
	buf_char(b, '.');
	put_base64(b, payload, ALNUM "-_");
	buf_text(b, ".c2ln");
}

struct want {
	uint8_t attest;
	struct slice orig, dest;
	int64_t iat_us;
	struct slice origid, signer, ppt;
	int err;
};

static void check(const char *id, struct slice value, const struct want *want)
{
	struct slice copy = exact_copy(value);
	char *scratch = malloc(IDENTITY_SCRATCH);
	struct identity got;

	if (identity_parse(copy, &got, scratch) != want->err) {
		fail_msg("%s: not %s", id, err_text(want->err));
	}
	assert_slice(id, "orig", got.orig_tn, want->orig);
	assert_slice(id, "dest", got.dest_tn, want->dest);
	assert_slice(id, "origid", got.origid, want->origid);
	assert_slice(id, "signer", got.signer, want->signer);
	assert_slice(id, "ppt", got.ppt, want->ppt);
	if (got.attest != want->attest || got.iat_us != want->iat_us) {
		fail_msg("%s: attest %u iat %lld", id, got.attest, (long long)got.iat_us);
	}
	free(scratch);
	exact_free(copy);
}

// clang-format off
#define SHAKEN {ATTEST_A, S("1555"), S("1666"), IAT, S("o-1"), S("c.example.org"), S("shaken"), OK}
#define REFUSED     {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, E_MALFORMED}

static const struct {
	const char *id;
	struct slice header, payload;
	struct want want;
} tokens[] = {
	{"shaken", S(HEADER), S(PAYLOAD), SHAKEN},
	{"blanks", S(" " HEADER "\n"), S("\t" PAYLOAD " "), SHAKEN},
	{"unknown claims", S(HEADER), S("{\"x\":{\"attest\":\"B\"},\"y\":[\"attest\",\"C\"]," "\"attest\":\"A\"," BOTH ",\"iat\":1700000000,\"origid\":\"o-1\"}"), SHAKEN},
	{"claims twice", S(HEADER), S("{\"attest\":\"A\"," BOTH "," TN("\"1\"", "\"2\"") ",\"iat\":1700000000,\"origid\":\"o-1\",\"origid\":\"o-2\"}"), SHAKEN},
	{"dest as text", S(HEADER), S("{\"attest\":\"A\"," TN("\"1555\"", "\"1666\"") ",\"iat\":1700000000,\"origid\":\"o-1\"}"), SHAKEN},
	{"tn as number", S(HEADER), S("{\"attest\":\"A\"," TN("1555", "[1666]") ",\"iat\":1700000000,\"origid\":\"o-1\"}"), SHAKEN},
	{"object as text", S(HEADER), S("{\"attest\":\"A\",\"orig\":\"{\\\"tn\\\":\\\"1555\\\"}\",\"dest\":\"{\\\"tn\\\":\\\"1666\\\"}\",\"iat\":1700000000,\"origid\":\"o-1\"}"), SHAKEN},
	{"iat as text", S(HEADER), S("{\"attest\":\"A\"," BOTH ",\"iat\":\"1700000000\",\"origid\":\"o-1\"}"), SHAKEN},
	{"iat with fraction", S(HEADER), S("{\"attest\":\"A\"," BOTH ",\"iat\":1700000000.9,\"origid\":\"o-1\"}"), SHAKEN},
	{"escapes", S(HEADER), S("{\"attest\":\"\\u0041\"," TN("\"15\\u00355\"", "[\"\\u0031666\"]") ",\"iat\":1700000000,\"origid\":\"o\\u002d1\"}"), SHAKEN},
	{"attest C", S(HEADER), S("{\"attest\":\"C\"}"), {ATTEST_C, NONE, NONE, INSTANT_NONE, NONE, S("c.example.org"), S("shaken"), OK}},
	{"attest unknown", S("{}"), S("{\"attest\":\"D\"}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"attest none", S("{}"), S("{\"attest\":\"none\"}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"attest in small", S("{}"), S("{\"attest\":\"a\"}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"wrong types", S("{\"ppt\":null,\"x5u\":[\"x\"]}"), S("{\"attest\":[\"A\"],\"orig\":true,\"dest\":[{\"tn\":\"1\"}],\"iat\":{},\"origid\":false}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"iat negative", S("{}"), S("{\"iat\":-1}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"iat with exponent", S("{}"), S("{\"iat\":1e9}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"iat of eleven digits", S("{}"), S("{\"iat\":12345678901}"), {ATTEST_NONE, NONE, NONE, INT64_C(12345678901000000), NONE, NONE, NONE, OK}},
	{"iat too long", S("{}"), S("{\"iat\":123456789012}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"no numbers", S("{}"), S("{\"orig\":{\"uri\":\"sip:a@h\"},\"dest\":{\"uri\":[\"sip:b@h\"],\"tn\":[]}}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"nested dest", S("{}"), S("{\"dest\":{\"tn\":[[\"1\"],{\"tn\":\"2\"},\"3\"]}}"), {ATTEST_NONE, NONE, S("3"), INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"div", S("{\"ppt\":\"div\"}"), S("{\"div\":{\"tn\":\"1\"}," BOTH "}"), {ATTEST_NONE, S("1555"), S("1666"), INSTANT_NONE, NONE, NONE, S("div"), OK}},
	{"url with everything", S("{\"x5u\":\"HTTPS://u:p@C.Example.ORG:8443/a?b\"}"), S("{}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, S("c.example.org"), NONE, OK}},
	{"url without scheme", S("{\"x5u\":\"c.example.org/a\"}"), S("{}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, S("c.example.org"), NONE, OK}},
	{"url IPv6", S("{\"x5u\":\"http://[2001:DB8::1]:80/\"}"), S("{}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, S("[2001:db8::1]"), NONE, OK}},
	{"url is a path", S("{\"x5u\":\"/usr/share/c.pem\"}"), S("{}"), {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"header is no object", S("[]"), S(PAYLOAD), REFUSED},
	{"payload is no object", S(HEADER), S("\"A\""), REFUSED},
	{"header without end", S("{\"ppt\":\"shaken\""), S(PAYLOAD), REFUSED},
	{"payload without end", S(HEADER), S("{\"attest\":\"A\""), REFUSED},
	{"payload goes on", S(HEADER), S(PAYLOAD "}"), REFUSED},
	{"payload breaks in a list", S(HEADER), S("{\"dest\":{\"tn\":[\"1\""), REFUSED},
	{"no payload", S(HEADER), S(""), REFUSED},
	{"no header", S(""), S(PAYLOAD), REFUSED},
};
// clang-format on

static void test_tokens(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		struct buf b = {0};

		put_token(&b, tokens[i].header, tokens[i].payload);
		check(tokens[i].id, buf_view(&b), &tokens[i].want);
		buf_fini(&b);
	}
}

// clang-format off
/* Header values of which @ stands for a good token. */
static const struct {
	const char *id;
	const char *value;
	struct want want;
} values[] = {
	{"all", "@;info=<https://c.example.org/b>;alg=ES256;ppt=shaken", SHAKEN},
	{"quoted ppt, blanks", " @ ; ppt = \"shaken\" ; info = <https://C.example.org>", SHAKEN},
	{"info first", "@;info=<https://i.example.org:1/b;c,d>", {ATTEST_A, S("1555"), S("1666"), IAT, S("o-1"), S("i.example.org"), S("shaken"), OK}},
	{"ppt of the parameter first", "@;ppt=div", {ATTEST_A, S("1555"), S("1666"), IAT, S("o-1"), S("c.example.org"), S("div"), OK}},
	{"padding", "@==", SHAKEN},
	{"info empty", "@;info=<>", SHAKEN},
	{"compact", "..c2ln;info=<https://i.example.org/b>;alg=ES256;ppt=shaken", {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, S("i.example.org"), S("shaken"), OK}},
	{"compact without signature", "..;info=<https://i.example.org/b>", {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, S("i.example.org"), NONE, E_MALFORMED}},
	{"RFC 4474", "\"c2ln\";info=<https://i.example.org/b>", {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, S("i.example.org"), NONE, E_MALFORMED}},
	{"two parts", "e30.e30;ppt=x", {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, S("x"), E_MALFORMED}},
	{"four parts", "@.e30", REFUSED},
	{"no signature", "e30.e30.", REFUSED},
	{"other byte", "e3!0.e30.c2ln", REFUSED},
	{"one letter too many", "e30gI.e30.c2ln", REFUSED},
	{"padding inside", "e30=.e30.c2ln", {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"padding too early", "e=30.e30.c2ln", REFUSED},
	{"folded inside", "e\r\n 30.e\n\t30.c2ln", {ATTEST_NONE, NONE, NONE, INSTANT_NONE, NONE, NONE, NONE, OK}},
	{"empty", "", REFUSED},
};
// clang-format on

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct buf b = {0};

		for (const char *c = values[i].value; *c; c++) {
			if (*c == '@') {
				put_token(&b, S(HEADER), S(PAYLOAD));
			} else {
				buf_char(&b, *c);
			}
		}
		check(values[i].id, buf_view(&b), &values[i].want);
		buf_fini(&b);
	}
}

/* Both alphabets, every length of the last group, every byte. */
static void test_base64(void **state)
{
	static const char *const alphabets[] = {ALNUM "-_", ALNUM "+/"};

	(void)state;
	for (unsigned fill = 0; fill < 260; fill++) {
		struct buf json = {0};
		struct buf b = {0};

		buf_text(&json, "{\"origid\":\"");
		for (unsigned i = 0; i < fill; i++) {
			buf_text(&json, i % 3 ? "\xc3\xbf" : "~");
		}
		buf_text(&json, "\"}");
		struct slice want = {json.p + 11, json.len - 13};
		buf_text(&b, "e30.");
		put_base64(&b, buf_view(&json), alphabets[fill % 2]);
		buf_text(&b, ".c2ln");
		check("base64", buf_view(&b),
		      &(struct want){.iat_us = INSTANT_NONE, .origid = want});
		buf_fini(&json);
		buf_fini(&b);
	}
}

static void test_token_bound(void **state)
{
	(void)state;
	for (unsigned over = 0; over < 2; over++) {
		struct buf b = {0};

		buf_text(&b, "e30.e30.");
		while (b.len < IDENTITY_TOKEN_MAX + over) {
			buf_char(&b, 'A');
		}
		check("bound", buf_view(&b),
		      &(struct want){.iat_us = INSTANT_NONE, .err = over ? E_MALFORMED : OK});
		buf_fini(&b);
	}
}

/* A cut token is refused or misses its claims; nothing is read past it. */
static void test_every_length(void **state)
{
	struct buf b = {0};
	char *scratch = malloc(IDENTITY_SCRATCH);

	(void)state;
	put_token(&b, S(HEADER), S(PAYLOAD));
	for (size_t len = 0; len <= b.len; len++) {
		struct slice cut = exact_copy(slice_first(buf_view(&b), len));
		struct identity id;

		/* The signature is not looked at, so only its begin is needed. */
		assert_int_equal(identity_parse(cut, &id, scratch) == OK, len + 3 >= b.len);
		exact_free(cut);
	}
	free(scratch);
	buf_fini(&b);
}

static void test_verstat_words(void **state)
{
	static const struct {
		struct slice word;
		struct verstat want;
	} words[] = {
		{S("TN-Validation-Passed"), {VERSTAT_PASSED, ATTEST_NONE}},
		{S("TN-Validation-Passed-A"), {VERSTAT_PASSED, ATTEST_A}},
		{S("tn-validation-passed-b"), {VERSTAT_PASSED, ATTEST_B}},
		{S("TN-Validation-Failed-C"), {VERSTAT_FAILED, ATTEST_C}},
		{S("TN-Validation-Failed"), {VERSTAT_FAILED, ATTEST_NONE}},
		{S("TN-Validation-Passed-D"), {VERSTAT_PASSED, ATTEST_NONE}},
		{S("TN-Validation-Passed-A-Div"), {VERSTAT_PASSED, ATTEST_NONE}},
		{S("TN-Validation-PassedA"), {VERSTAT_NONE, ATTEST_NONE}},
		{S("TN-Validation-Pass"), {VERSTAT_NONE, ATTEST_NONE}},
		{S("No-TN-Validation"), {VERSTAT_NONE, ATTEST_NONE}},
		{S("-A"), {VERSTAT_NONE, ATTEST_NONE}},
		{S(""), {VERSTAT_NONE, ATTEST_NONE}},
		{NONE, {VERSTAT_NONE, ATTEST_NONE}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		struct slice word = exact_copy(words[i].word);
		struct verstat got = verstat_read(word);

		if (got.result != words[i].want.result || got.attest != words[i].want.attest) {
			fail_msg("\"%.*s\"", SLICE_FMT(word));
		}
		exact_free(word);
	}
}

static void test_verstat_places(void **state)
{
	static const struct {
		const char *value;
		uint8_t want;
	} places[] = {
		{"<sip:+1;verstat=TN-Validation-Passed@h>", VERSTAT_PASSED},
		{"<sip:+1;npdi;verstat=TN-Validation-Passed@h;user=phone>", VERSTAT_PASSED},
		{"<sip:+1@h;user=phone;verstat=TN-Validation-Failed-B>", VERSTAT_FAILED},
		{"<tel:+1;verstat=TN-Validation-Failed>", VERSTAT_FAILED},
		{"\"A\" <sip:+1@h>;verstat=\"TN-Validation-Passed\"", VERSTAT_PASSED},
		{"sip:+1@h;tag=1;verstat=TN-Validation-Passed", VERSTAT_PASSED},
		{"<sip:+1@h;xverstat=TN-Validation-Passed>", VERSTAT_NONE},
		{"<urn:x;verstat=TN-Validation-Passed>", VERSTAT_NONE},
		{"<sip:+1@h>", VERSTAT_NONE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		struct sip_addr addr;

		assert_int_equal(sip_addr_parse(slice_of(places[i].value), &addr, NULL), OK);
		if (verstat_of(&addr).result != places[i].want) {
			fail_msg("%s", places[i].value);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),         cmocka_unit_test(test_values),
		cmocka_unit_test(test_base64),         cmocka_unit_test(test_token_bound),
		cmocka_unit_test(test_every_length),   cmocka_unit_test(test_verstat_words),
		cmocka_unit_test(test_verstat_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
