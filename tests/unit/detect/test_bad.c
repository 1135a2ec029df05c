/* The 16 broken rules of ../shared/rule-examples/bad print what section 9 of the rule language
 * shows, in its order and form. Where the document shows a source line that is not in the file, the
 * line of the file is what is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "core/err.h"
#include "detect/rule.h"

#define SHARED  SOURCE_DIR "/../shared"
#define CLOSING "0 rules ok, 16 errors, 0 warnings\n"

static struct slice next_line(struct slice *text)
{
	size_t len = slice_find(*text, '\n');
	struct slice line = slice_first(*text, len);

	*text = slice_skip(*text, len + 1);
	return line;
}

static struct slice find(struct slice text, struct slice what)
{
	const char *at = text.len ? memmem(text.p, text.len, what.p, what.len) : NULL;

	return at ? slice_skip(text, (size_t)(at - text.p)) : SLICE_NONE;
}

/* From the first message of section 9 to its closing line, without it. */
static struct slice documented(struct slice document)
{
	struct slice begin = find(document, SLICE_LIT("bad/bad.yaml:6:99:"));
	struct slice end = find(begin, SLICE_LIT(CLOSING));

	assert_non_null(end.p);
	return slice_first(begin, begin.len - end.len);
}

/* "   32 | …text": text is no part of the file. */
static bool shows_another_file(struct slice line, struct slice file)
{
	struct slice bar = find(line, SLICE_LIT(" | "));
	struct slice text = slice_skip(bar, 3);

	if (!bar.p || line.p[0] != ' ' || slice_starts(slice_trim(line), SLICE_LIT("|"))) {
		return false;
	}
	text = slice_skip(text, slice_starts(text, SLICE_LIT("…")) ? sizeof("…") - 1 : 0);
	return !find(file, text).p;
}

static void test_messages(void **state)
{
	static const char *const paths[] = {"bad"};
	struct ruleset *set;
	struct diags d, texts;
	struct buf out = {0};
	size_t whole = 1;
	struct ruleset_options options = {.whole = &whole};
	char folder[4096];

	(void)state;
	diags_init(&texts);
	const struct source_file *document =
		diags_read(&texts, SHARED "/rule-language.md", 1 << 20);
	const struct source_file *bad =
		diags_read(&texts, SHARED "/rule-examples/bad/bad.yaml", 1 << 20);
	if (!document || !bad) {
		diags_fini(&texts);
		skip();
	}
	assert_non_null(getcwd(folder, sizeof(folder)));
	assert_int_equal(chdir(SHARED "/rule-examples"), 0);
	diags_init(&d);
	assert_int_equal(ruleset_load(paths, 1, &options, &d, &set), E_INVALID);
	assert_int_equal(chdir(folder), 0);
	assert_null(set);
	assert_int_equal(whole, 0);
	assert_int_equal(d.errors, 16);
	assert_int_equal(d.warnings, 0);
	diags_print(&d, &out);

	struct slice wanted = documented(document->text), got = buf_view(&out);
	while (wanted.len > 0 && got.len > 0) {
		struct slice want = next_line(&wanted), line = next_line(&got);
		if (!slice_eq(want, line) && !shows_another_file(want, bad->text)) {
			fail_msg("want: %.*s\n got: %.*s", SLICE_FMT(want), SLICE_FMT(line));
		}
	}
	assert_int_equal(wanted.len, 0);
	assert_int_equal(got.len, 0);
	buf_fini(&out);
	diags_fini(&d);
	diags_fini(&texts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_messages)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
