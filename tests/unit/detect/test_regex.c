/* regex.h: what matches, what is refused and why, limits, and the scan for literals against
 * matches themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "detect/regex.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static int match(const char *pattern, const char *flags, struct slice subject)
{
	char why[256];
	size_t offset;
	struct regex *r = regex_compile(slice_of(pattern), flags, why, &offset);
	struct regex_scratch *s = regex_scratch_new();
	char *exact = malloc(subject.len ? subject.len : 1);

	assert_non_null(r);
	assert_non_null(s);
	memcpy(exact, subject.p, subject.len);
	int found = regex_match(r, s, (struct slice){exact, subject.len});
	free(exact);
	regex_scratch_free(s);
	regex_free(r);
	return found;
}

static const struct {
	const char *pattern;
	const char *flags;
	const char *subject;
	int want;
} matches[] = {
	{"bank", "", "my bank", 1},
	{"bank", "", "my BANK", 0},
	{"bank", "i", "my BANK", 1},
	{"b a n k # four letters", "x", "my bank", 1},
	{"^b.nk$", "", "bünk", 1},
	{"^b.nk$", "", "b\xffnk", 1}, /* repaired: one character */
	{"\xef\xbf\xbd", "", "b\xffnk", 1},
	{"", "", "", 1},
	{"a", "", "", 0},
	{"\\bhmrc\\b", "", "the hmrc office", 1},
};

static void test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(matches); i++) {
		int got = match(matches[i].pattern, matches[i].flags, slice_of(matches[i].subject));
		if (got != matches[i].want) {
			fail_msg("/%s/%s on '%s': %d", matches[i].pattern, matches[i].flags,
			         matches[i].subject, got);
		}
	}
}

static const struct {
	const char *pattern;
	const char *why;
	size_t offset;
} refusals[] = {
	{"a(b", "missing closing parenthesis", 2},
	{"a[b", "missing terminating ] for character class", 2},
	{"(a)(?1)", "recursion is not allowed", 3},
	{"(a)(?+1)(b)", "recursion is not allowed", 3},
	{"(a)(?-1)", "recursion is not allowed", 3},
	{"(?R)", "recursion is not allowed", 0},
	{"(?<n>a)(?&n)", "recursion is not allowed", 7},
	{"(?<n>a)(?P>n)", "recursion is not allowed", 7},
	{"(a)\\g<1>", "recursion is not allowed", 3},
	{"(a)\\1", "back-references are not allowed", 0},
	{"(a)\\g{1}", "back-references are not allowed", 3},
	{"(?<n>a)\\k<n>", "back-references are not allowed", 7},
	{"(?<n>a)(?P=n)", "back-references are not allowed", 7},
	{"a(?C1)", "call-outs are not allowed", 1},
	{"(*LIMIT_MATCH=1)a", "verbs and settings in (* ) are not allowed", 0},
	{"a(*COMMIT)", "verbs and settings in (* ) are not allowed", 1},
	{"(?x)a", "the option x stands behind the pattern: /…/x", 0},
	{"(a+)+$", "it takes too long on some texts; avoid a repeat inside a repeat", 0},
	{"(a|a)*b$", "it takes too long on some texts; avoid a repeat inside a repeat", 0},
};

/* Near the refusals, and allowed. */
static const char *const allowed[] = {
	"(a)",    "[(?R)]", "\\(?R",    "(?i)a",  "(?:a)",   "(?#(?R)a", "\\Q(?R)\\E",
	"[]()*]", "(?>a)b", "(?<n>ab)", "a(?=b)", "\\x{41}", "(a)+b",    "^a+$",
};

static void test_refusals(void **state)
{
	char why[256];
	size_t offset;

	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		assert_null(regex_compile(slice_of(refusals[i].pattern), "", why, &offset));
		if (strcmp(why, refusals[i].why) != 0 || offset != refusals[i].offset) {
			fail_msg("/%s/: %s at %zu", refusals[i].pattern, why, offset);
		}
	}
	for (size_t i = 0; i < COUNT(allowed); i++) {
		struct regex *r = regex_compile(slice_of(allowed[i]), "", why, &offset);
		if (!r) {
			fail_msg("/%s/: %s", allowed[i], why);
		}
		regex_free(r);
	}
}

static void test_lengths(void **state)
{
	char text[600], why[256];
	size_t offset;

	(void)state;
	memset(text, 'a', sizeof(text));
	struct regex *r = regex_compile((struct slice){text, 512}, "", why, &offset);
	assert_non_null(r);
	assert_int_equal(regex_pattern(r).len, 512);
	regex_free(r);
	assert_null(regex_compile((struct slice){text, 513}, "", why, &offset));
	assert_string_equal(why, "it is longer than 512 bytes");

	/* A subject is cut to 512 bytes, and never inside a character. */
	text[511] = 'b';
	text[512] = 'c';
	assert_int_equal(match("b$", "", (struct slice){text, 600}), 1);
	assert_int_equal(match("c", "", (struct slice){text, 600}), 0);
	memcpy(text + 511, "é", 2);
	assert_int_equal(match("^a+$", "", (struct slice){text, 513}), 1);
	memset(text, 0xff, sizeof(text));
	assert_int_equal(match("^\xef\xbf\xbd+$", "", (struct slice){text, 600}), 1);
}

static const struct {
	const char *pattern;
	const char *flags;
	bool want;
} literals[] = {
	{"(?#x)a", "", true},
	{"[[:alpha:]]a", "", true},
	{"\\Qx\\Ea", "", true},
	{"#x\na", "x", true},
	{"a", "", true},
	{"a?", "", false},
	{"a*", "", false},
	{"a+", "", true},
	{"a{0,3}", "", false},
	{"a{2}", "", true},
	{"[a]", "", false},
	{"[0-9]{2}", "", false},
	{"\\d+", "", false},
	{"\\.", "", true},
	{"^$", "", false},
	{".a", "", true},
	{"a|b", "", true},
	{"a|[b]", "", false},
	{"(a|b)c?", "", true},
	{"(a|b)?", "", false},
	{"(a|b?)", "", false},
	{"(?:a)", "", true},
	{"(?=a)", "", false},
	{"(?!a)", "", false},
	{"(?<n>[0-9])", "", false},
	{"\\x41?", "", false},
	{"\\pL", "", false},
	{"\\p{Lu}", "", false},
	{"(?#a)", "", false},
	{"#a", "x", false},
	{" a", "x", true},
	{"[]a]", "", false},
	{"[[:alpha:]]", "", false},
	{"", "", false},
	{"{", "", true},
	{"(a){0}", "", false},
	{"é", "", true},
};

static void test_literals(void **state)
{
	char why[256];
	size_t offset;

	(void)state;
	for (size_t i = 0; i < COUNT(literals); i++) {
		struct regex *r = regex_compile(slice_of(literals[i].pattern), literals[i].flags,
		                                why, &offset);
		assert_non_null(r);
		if (regex_has_literal(r) != literals[i].want) {
			fail_msg("/%s/%s", literals[i].pattern, literals[i].flags);
		}
		assert_string_equal(regex_flags(r), literals[i].flags);
		regex_free(r);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* A pattern with a literal in every match cannot match text that has none of its characters. */
static void test_literals_random(void **state)
{
	static const char *const pieces[] = {
		"a",    "b",   ".",     "*",     "?",     "+",   "|",    "(",   ")",
		"[ab]", "{0}", "{1}",   "{0,2}", "\\w",   "\\W", "[^a]", "(?:", "^",
		"$",    "\\.", "\\x41", "(?=a)", "(?!a)", "a?",  "\\b",  "]",   "{"};
	static const char *const subjects[] = {"", "~", "~~", " ~ ", "é"};
	struct regex_scratch *s = regex_scratch_new();
	uint32_t seed = 7;
	unsigned with = 0, without = 0;
	char why[256];
	size_t offset;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char pattern[64] = "";
		unsigned count = 1 + next_random(&seed) % 6;
		for (unsigned k = 0; k < count; k++) {
			strcat(pattern, pieces[next_random(&seed) % COUNT(pieces)]);
		}
		struct regex *r = regex_compile(slice_of(pattern), "", why, &offset);
		if (!r) {
			continue;
		}
		*(regex_has_literal(r) ? &with : &without) += 1;
		for (size_t k = 0; regex_has_literal(r) && k < COUNT(subjects); k++) {
			if (regex_match(r, s, slice_of(subjects[k])) != 0) {
				fail_msg("/%s/ on '%s'", pattern, subjects[k]);
			}
		}
		regex_free(r);
	}
	assert_true(with > 1000 && without > 1000);
	regex_scratch_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),         cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_lengths),         cmocka_unit_test(test_literals),
		cmocka_unit_test(test_literals_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
