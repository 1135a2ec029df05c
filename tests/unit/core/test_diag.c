/* diag.h: the printed form to the character, order, reading of files, near names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/diag.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define DOCUMENT    SOURCE_DIR "/../shared/rule-language.md"
#define EXAMPLES    SOURCE_DIR "/../shared/rule-examples/bad/bad.yaml"

static void check_print(const struct diags *d, const char *want)
{
	struct buf out = {0};

	diags_print(d, &out);
	buf_char(&out, '\0');
	assert_string_equal(out.p, want);
	buf_fini(&out);
}

/* A line of 120 columns: "0123456789" again and again. */
#define TEN  "0123456789"
#define LINE TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
	const char *id;
	const char *line;
	unsigned column;
	const char *shown;
	size_t caret; /* blanks before it */
} windows[] = {
	{"first column", LINE, 1, TEN TEN TEN TEN TEN TEN TEN "01234567", 0},
	{"last place without a cut", LINE, 45, TEN TEN TEN TEN TEN TEN TEN "01234567", 44},
	{"first place with a cut", LINE, 46, "…123456789" TEN TEN TEN TEN TEN TEN "012345678", 45},
	{"to the end of the line", LINE, 100, "…56789" TEN TEN TEN TEN TEN TEN, 45},
	{"last column", LINE, 120, "…56789" TEN TEN TEN TEN, 45},
	{"behind the last column", LINE, 121, "…6789" TEN TEN TEN TEN, 45},
	{"far behind the end", LINE, 500, "…", 45},
	{"behind a short line", "abc", 7, "abc", 6},
	{"empty line", "", 1, "", 0},
	{"a character is a column", "é€😀x", 4, "é€😀x", 3},
	{"tabs and steering characters", "a\tb\x1b[31m\xc2\x9bx", 3, "a b [31m x", 2},
	{"broken bytes", "a\xff\xc3z", 4, "a\xef\xbf\xbd\xef\xbf\xbdz", 3},
	{"CR LF", "abc\r", 1, "abc", 0},
};

static void test_windows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(windows); i++) {
		struct diags d;
		char text[512], want[1024];
		int len = snprintf(text, sizeof(text), "first\n%s\nlast\n", windows[i].line);
		diags_init(&d);
		const struct source_file *f =
			diags_file(&d, "a/b.yaml", (struct slice){text, (size_t)len});
		diag_add(&d, (struct place){f, 2, windows[i].column}, "E030", SLICE_NONE, "%s",
		         windows[i].id);
		(void)snprintf(want, sizeof(want),
		               "a/b.yaml:2:%u: error[E030]: %s\n    2 | %s\n      | %*s^\n",
		               windows[i].column, windows[i].id, windows[i].shown,
		               (int)windows[i].caret, "");
		check_print(&d, want);
		diags_fini(&d);
	}
}

static void test_order_and_forms(void **state)
{
	struct diags d;

	(void)state;
	diags_init(&d);
	const struct source_file *a = diags_file(&d, "a", SLICE_LIT("\xef\xbb\xbfone\ntwo\nthree"));
	const struct source_file *b = diags_file(&d, "b", SLICE_LIT("four\n"));
	struct place nowhere = {0};
	diag_add(&d, (struct place){b, 1, 2}, "W120", SLICE_LIT("a \x1b hint"), "b12");
	diag_add(&d, (struct place){a, 3, 1}, "E010", SLICE_NONE, "a31");
	diag_add(&d, (struct place){a, 1, 3}, "E010", SLICE_NONE, "a13 first");
	diag_add(&d, (struct place){a, 1, 1}, "E010", SLICE_NONE, "a11");
	diag_add(&d, (struct place){a, 1, 3}, "E009", SLICE_NONE, "a13 second");
	diag_add(&d, (struct place){.file = b}, "E011", SLICE_LIT("look"), "whole %s", "file");
	diag_add(&d, nowhere, "W160", SLICE_NONE, "no file");
	assert_int_equal(d.errors, 5);
	assert_int_equal(d.warnings, 2);
	diags_sort(&d);
	diag_add(&d, (struct place){b, 9, 1}, "E010", SLICE_NONE, "beyond the file");
	diag_add(&d, (struct place){b, 123456, 1}, "E010", SLICE_NONE, "wide");
	check_print(&d, "warning[W160]: no file\n"
	                "a:1:1: error[E010]: a11\n    1 | one\n      | ^\n"
	                "a:1:3: error[E010]: a13 first\n    1 | one\n      |   ^\n"
	                "a:1:3: error[E009]: a13 second\n    1 | one\n      |   ^\n"
	                "a:3:1: error[E010]: a31\n    3 | three\n      | ^\n"
	                "b: error[E011]: whole file\n      = help: look\n"
	                "b:1:2: warning[W120]: b12\n    1 | four\n      |  ^\n"
	                "      = help: a   hint\n"
	                "b:9:1: error[E010]: beyond the file\n    9 | \n      | ^\n"
	                "b:123456:1: error[E010]: wide\n123456 | \n       | ^\n");
	diags_fini(&d);
}

/* Printing walks forward through sorted messages; unsorted ones must look alike. */
static void test_any_order_prints_alike(void **state)
{
	struct diags d;
	char text[40 * 30 + 1];
	struct buf want = {0}, got = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = i % 30 == 29 ? '\n' : (char)('a' + i % 30 % 26);
	}
	srandom(2);
	diags_init(&d);
	const struct source_file *f = diags_file(&d, "f", (struct slice){text, sizeof(text)});
	for (int i = 0; i < 300; i++) {
		unsigned line = 1 + (unsigned)random() % 40, column = 1 + (unsigned)random() % 29;
		char hint[32];
		(void)snprintf(hint, sizeof(hint), "%u", column);
		diag_add(&d, (struct place){f, line, column}, "E1", slice_of(hint), "%.29s",
		         text + (line - 1) * 30);
	}
	for (const struct diag *one = d.first; one; one = one->next) {
		buf_printf(&want, "f:%u:%u: error[E1]: %.*s\n%5u | %.*s\n      | %*s^\n",
		           one->at.line, one->at.column, SLICE_FMT(one->message), one->at.line,
		           SLICE_FMT(one->message), (int)one->at.column - 1, "");
		buf_printf(&want, "      = help: %u\n", one->at.column);
	}
	diags_print(&d, &got);
	assert_true(slice_eq(buf_view(&got), buf_view(&want)));
	diags_sort(&d);
	unsigned count = 0;
	for (const struct diag *one = d.first; one; one = one->next, count++) {
		const struct diag *next = one->next;
		assert_true(!next || next->at.line > one->at.line ||
		            (next->at.line == one->at.line && next->at.column >= one->at.column));
	}
	assert_int_equal(count, 300);
	buf_fini(&want);
	buf_fini(&got);
	diags_fini(&d);
}

static void test_backwards_in_a_long_line(void **state)
{
	struct diags d;

	(void)state;
	diags_init(&d);
	const struct source_file *f = diags_file(&d, "f", SLICE_LIT(LINE));
	diag_add(&d, (struct place){f, 1, 120}, "E1", SLICE_NONE, "a");
	diag_add(&d, (struct place){f, 1, 119}, "E1", SLICE_NONE, "b");
	check_print(&d, "f:1:120: error[E1]: a\n    1 | …56789" TEN TEN TEN TEN "\n"
	                "      |                                              ^\n"
	                "f:1:119: error[E1]: b\n    1 | …456789" TEN TEN TEN TEN "\n"
	                "      |                                              ^\n");
	diags_fini(&d);
}

static void test_json(void **state)
{
	struct diags d;
	struct buf out = {0};

	(void)state;
	diags_init(&d);
	const struct source_file *f = diags_file(&d, "f.yaml", SLICE_LIT("x"));
	diag_add(&d, (struct place){f, 1, 2}, "E030", SLICE_LIT("did you mean a?"),
	         "unknown \"%s\"", "b");
	diag_add(&d, (struct place){.file = f}, "W120", SLICE_NONE, "no tests");
	diags_json(&d, &out);
	buf_char(&out, '\0');
	assert_string_equal(
		out.p,
		"[{\"file\":\"f.yaml\",\"line\":1,\"column\":2,\"severity\":\"error\",\"code\":\"E030\","
		"\"message\":\"unknown \\\"b\\\"\",\"hint\":\"did you mean a?\"},"
		"{\"file\":\"f.yaml\",\"line\":null,\"column\":null,\"severity\":\"warning\","
		"\"code\":\"W120\",\"message\":\"no tests\",\"hint\":null}]");
	buf_fini(&out);
	diags_fini(&d);
}

/* One byte more than allowed, wherever the pieces it is read in end. */
static void test_read_too_large(void **state)
{
	char path[] = "/tmp/test_diag_XXXXXX";
	int fd = mkstemp(path);
	struct diags d;

	(void)state;
	assert_true(fd >= 0);
	diags_init(&d);
	for (unsigned len = 1; len <= 1 << 18; len *= 2) {
		assert_int_equal(ftruncate(fd, len), 0);
		assert_non_null(diags_read(&d, path, len));
		assert_int_equal(ftruncate(fd, len + 1), 0);
		assert_null(diags_read(&d, path, len));
	}
	(void)close(fd);
	(void)unlink(path);
	diags_fini(&d);
}

static void test_read(void **state)
{
	char path[] = "/tmp/test_diag_XXXXXX", want[256];
	int fd = mkstemp(path);
	struct diags d;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "\xef\xbb\xbfsix\n67", 9), 9);
	(void)close(fd);
	diags_init(&d);
	const struct source_file *f = diags_read(&d, path, 9);
	assert_non_null(f);
	assert_string_equal(f->path, path);
	assert_true(slice_eq(f->text, SLICE_LIT("six\n67")));
	assert_int_equal(d.errors, 0);
	assert_null(diags_read(&d, path, 8));
	(void)unlink(path);
	assert_null(diags_read(&d, path, 9));
	assert_null(diags_read(&d, "/", 9));
	(void)snprintf(want, sizeof(want),
	               "%s: error[E001]: the file is larger than 8 bytes\n"
	               "%s: error[E001]: cannot read the file: No such file or directory\n"
	               "/: error[E001]: cannot read the file: Is a directory\n",
	               path, path);
	check_print(&d, want);
	assert_int_equal(d.errors, 3);
	diags_fini(&d);
}

static void test_nearest_name(void **state)
{
	static const char *const names[] = {
		"caller.num",    "callee.num", "trunk.id",  "trunk.role", "window",      "when",
		"where",         "dno",        "min_calls", "access",     "enterprise",  "national",
		"international", "peer",       "internal",  "unknown",    "description", "A",
		"country"};
	static const struct {
		const char *word;
		const char *want;
	} rows[] = {
		{"caller.nmu", "caller.num"},
		{"dnoo", "dno"},
		{"ndo", "dno"},
		{"windw", "window"},
		{"intl", "internal"},
		{"trunk.rol", "trunk.role"},
		{"min_cals", "min_calls"},
		{"desc", "description"},
		{"country_code", "country"},
		{"wehre", "where"},
		{"interna", "internal"},
		{"internationale", "international"},
		{"a", NULL},
		{"", NULL},
		{"xyzzy", NULL},
		{"caller.zone", NULL},
		{"no", NULL},
		{"wndo", NULL},
		{"int", "internal"},
		{"in", NULL},
		{"threshold", NULL},
	};
	char longest[5000];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = nearest_name(slice_of(rows[i].word), names, COUNT(names));
		if ((got != NULL) != (rows[i].want != NULL) || (got && strcmp(got, rows[i].want))) {
			fail_msg("%s: %s, not %s", rows[i].word, got ? got : "none",
			         rows[i].want ? rows[i].want : "none");
		}
	}
	memset(longest, 'q', sizeof(longest));
	assert_null(nearest_name((struct slice){longest, sizeof(longest)}, names, COUNT(names)));
	assert_null(nearest_name(SLICE_LIT("window"), NULL, 0));
}

static char *read_document(const char *path)
{
	struct diags d;

	diags_init(&d);
	const struct source_file *f = diags_read(&d, path, 1 << 20);
	char *text = f ? strndup(f->text.p, f->text.len) : NULL;
	diags_fini(&d);
	return text;
}

/* The examples of the language's design print as they stand there, but for those whose source line
 * differs from the one in the file.
 */
static void test_design_examples(void **state)
{
	char *document = read_document(DOCUMENT), *source = read_document(EXAMPLES);
	const char *at = document ? strstr(document, "\nbad/bad.yaml:") : NULL;
	unsigned equal = 0, all = 0;

	(void)state;
	if (!at || !source) {
		free(document);
		free(source);
		skip();
	}
	while (strncmp(++at, "bad/bad.yaml:", 13) == 0) {
		unsigned line = 0, column = 0;
		char code[8], message[200], hint[200] = "";
		int head = 0, help = 0;
		struct diags d;
		struct buf out = {0};
		assert_int_equal(sscanf(at, "bad/bad.yaml:%u:%u: error[%4[^]]]: %199[^\n]%n", &line,
		                        &column, code, message, &head),
		                 4);
		const char *end = strchr(strchr(at + head + 1, '\n') + 1, '\n');
		if (sscanf(end, "\n      = help: %199[^\n]%n", hint, &help) == 1) {
			end += help;
		}
		diags_init(&d);
		const struct source_file *f = diags_file(&d, "bad/bad.yaml", slice_of(source));
		diag_add(&d, (struct place){f, line, column}, code,
		         hint[0] ? slice_of(hint) : SLICE_NONE, "%s", message);
		diags_print(&d, &out);
		equal += slice_eq(buf_view(&out), (struct slice){at, (size_t)(end - at) + 1});
		all++;
		buf_fini(&out);
		diags_fini(&d);
		at = end;
	}
	assert_int_equal(all, 16);
	assert_in_range(equal, 15, 16);
	free(document);
	free(source);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_order_and_forms),
		cmocka_unit_test(test_any_order_prints_alike),
		cmocka_unit_test(test_backwards_in_a_long_line),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_too_large),
		cmocka_unit_test(test_nearest_name),
		cmocka_unit_test(test_design_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
