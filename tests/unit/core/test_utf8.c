/* utf8.h against the bit layout of RFC 3629 written out plainly, for every code point and for
 * random bytes; folding against its promises for every code point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

enum { CODES = 0x110000 };

static bool is_surrogate(uint32_t code)
{
	return code >= 0xd800 && code <= 0xdfff;
}

/* The slow reading: decode by the bit layout, refuse what has a shorter form or is no character. */
static size_t slow_len(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80             ? 1
	             : (p[0] & 0xe0) == 0xc0 ? 2
	             : (p[0] & 0xf0) == 0xe0 ? 3
	             : (p[0] & 0xf8) == 0xf0 ? 4
	                                     : 0;
	if (len == 0 || len > left) {
		return 0;
	}
	uint32_t code = len == 1 ? p[0] : (uint32_t)(p[0] & (0x7f >> len));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			return 0;
		}
		code = code << 6 | (p[i] & 0x3f);
	}
	return code >= least[len] && code < CODES && !is_surrogate(code) ? len : 0;
}

static void test_every_code_point(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < CODES; code++) {
		char text[4];
		if (is_surrogate(code)) {
			continue;
		}
		struct slice s = {text, utf8_put(code, text)};
		assert_int_equal(slow_len((const uint8_t *)text, s.len), s.len);
		assert_true(utf8_valid(s));
		assert_int_equal(utf8_next(&s), code);
		assert_int_equal(s.len, 0);
	}
}

/* Random bytes, mostly near the borders of the ranges, from a heap block of exactly their length.
 */
static void test_random_bytes(void **state)
{
	static const uint8_t edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
	                                0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0,
	                                0xf1, 0xf3, 0xf4, 0xf5, 0xff, 0x80, 0xbf, 0x41};
	(void)state;
	srandom(1);
	for (int round = 0; round < 50000; round++) {
		size_t len = (size_t)random() % 24, good = 0, bad = 0, repaired = 0;
		uint8_t *p = malloc(len ? len : 1);
		char *out = malloc(3 * len + 1);
		assert_true(p && out);
		for (size_t i = 0; i < len; i++) {
			p[i] = random() % 3 ? edges[(size_t)random() % COUNT(edges)] : 'x';
		}
		struct slice s = {(char *)p, len};
		while (good < len && slow_len(p + good, len - good)) {
			good += slow_len(p + good, len - good);
		}
		assert_int_equal(utf8_valid_len(s), good);
		assert_int_equal(utf8_valid(s), good == len);
		while (bad < len && !slow_len(p + bad, len - bad)) {
			bad++;
		}
		assert_int_equal(utf8_bad_len(s), bad);
		for (size_t i = 0, in_bad = 0; i < len;) {
			size_t one = slow_len(p + i, len - i);
			repaired += one ? one : in_bad ? 0 : 3;
			in_bad = one == 0;
			i += one ? one : 1;
		}
		assert_int_equal(utf8_repair(s, NULL), repaired);
		assert_int_equal(utf8_repair(s, out), repaired);
		assert_true(utf8_valid((struct slice){out, repaired}));
		free(out);
		free(p);
	}
}

static void test_repair(void **state)
{
	static const struct {
		const char *bytes;
		const char *want;
	} rows[] = {
		{"abc", "abc"},
		{"a\xffg", "a\xef\xbf\xbdg"},
		{"a\xff\xfe\xc3g", "a\xef\xbf\xbdg"},
		{"\xc3\xa9\xc3", "\xc3\xa9\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd"},
		{"\xff\xc3\xa9\xff", "\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char out[64];
		size_t len = utf8_repair(slice_of(rows[i].bytes), out);
		out[len] = '\0';
		assert_string_equal(out, rows[i].want);
	}
}

typedef size_t (*convert_fn)(struct slice s, char *out);

/* Into a block of exactly the promised room. */
static size_t convert(convert_fn fn, struct slice s, char *out)
{
	char *room = malloc(s.len ? s.len : 1);

	assert_non_null(room);
	size_t len = fn(s, room);
	assert_true(len <= s.len);
	assert_true(utf8_valid((struct slice){room, len}));
	memcpy(out, room, len);
	free(room);
	return len;
}

static const struct {
	const char *text;
	const char *lower;
	const char *fold;
} words[] = {
	{"HMRC Tax", "hmrc tax", "hmrc tax"},
	{"É\xcc\x81tienne Müller", "é\xcc\x81tienne müller", "etienne muller"},
	{"НМRС", "нмrс", "hmrc"},                   /* Cyrillic Н М С */
	{"ΒΑΝΚ", "βανκ", "bank"},                   /* Greek */
	{"Ｂａｎｋ　１", "Ｂａｎｋ　１", "bank 1"}, /* full-width */
	{"Straße ÆØÅ", "straße æøå", "strasse aeoa"},
	{"Žluťoučký Ňu", "Žluťoučký Ňu", "zlutoucky nu"},
	{"Ủy ban", "Ủy ban", "uy ban"},
	{"B\u200ban\u00adk", "b\u200ban\u00adk", "bank"}, /* invisible */
	{"Ёлка Йод", "ёлка йод", "eлka иoд"},
	{"Ώμέγα", "ώμέγα", "ωmeγa"},
	{"Ӂ Ӏ Ԯ", "ӂ ӏ ԯ", "ӂ l ԯ"},
	{"银行 ×÷", "银行 ×÷", "银行 ×÷"},
};

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		char out[64];
		out[convert(utf8_lower, slice_of(words[i].text), out)] = '\0';
		assert_string_equal(out, words[i].lower);
		out[convert(utf8_fold, slice_of(words[i].text), out)] = '\0';
		assert_string_equal(out, words[i].fold);
	}
}

/* Never longer, settled after one pass, and blind to case. */
static void test_fold_every_code_point(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < CODES; code += code < 0x20000 ? 1 : 61) {
		char text[4], once[4], twice[4], lower[4];
		if (is_surrogate(code)) {
			continue;
		}
		struct slice s = {text, utf8_put(code, text)};
		struct slice f = {once, convert(utf8_fold, s, once)};
		struct slice ff = {twice, convert(utf8_fold, f, twice)};
		assert_true(slice_eq(f, ff));
		struct slice l = {lower, convert(utf8_lower, s, lower)};
		struct slice fl = {twice, convert(utf8_fold, l, twice)};
		assert_true(slice_eq(f, fl));
		struct slice ll = {twice, convert(utf8_lower, l, twice)};
		assert_true(slice_eq(l, ll));
	}
}

/* The search in the table relies on its order; each row keeps what its head comment says. */
static void test_fold_table(void **state)
{
	static const struct {
		uint32_t first, last;
		const char *text;
		bool run;
	} rows[] = {
#define FOLD_RUN(first, letters)    {first, first + sizeof(letters) - 2, letters, true},
#define FOLD_ALL(first, last, text) {first, last, text, false},
#include "core/fold.def"
#undef FOLD_RUN
#undef FOLD_ALL
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(rows[i].first <= rows[i].last && rows[i].last < CODES);
		assert_true(i == 0 || rows[i].first > rows[i - 1].last);
		for (uint32_t code = rows[i].first; code <= rows[i].last; code++) {
			char text[4], out[4];
			const char *to = rows[i].text;
			char letter[2] = {rows[i].run ? to[code - rows[i].first] : '\0', '\0'};
			struct slice want = slice_of(rows[i].run ? letter : to);
			struct slice s = {text, utf8_put(code, text)};
			struct slice got = {out, convert(utf8_fold, s, out)};
			assert_true(letter[0] == '_' || slice_eq(got, want));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_fold_every_code_point),
		cmocka_unit_test(test_fold_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
