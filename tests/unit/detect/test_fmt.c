/* fmt.h: layouts by example, and for each of them and every shipped rule file that laying out again
 * changes nothing. Sources lie in heap blocks of their length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "detect/fmt.h"
#include "detect/rule_files.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define LONG        "\"123456789012345678901234567890123456789012345678901234567890123456789012\""

static int lay(struct slice text, struct buf *out)
{
	char *block = malloc(text.len + !text.len);
	struct source_file file = {.path = "t.yaml", .text = {block, text.len}};
	struct diags diags;

	assert_non_null(block);
	memcpy(block, text.p, text.len);
	diags_init(&diags);
	int err = fmt_file(&file, &diags, out);
	assert_int_equal(err == E_INVALID, diags.errors > 0);
	diags_fini(&diags);
	free(block);
	return err;
}

static void assert_laid(const char *id, struct slice text, struct slice want)
{
	struct buf out = {0};

	int err = lay(text, &out);
	if (err != OK || !slice_eq(buf_view(&out), want)) {
		fail_msg("%s: %d\n%.*s", id, err, SLICE_FMT(buf_view(&out)));
	}
	buf_fini(&out);
}

static const struct {
	const char *id, *text, *want;
} layouts[] = {
	{"empty", "", ""},
	{"comment only", "\n# c  \n\n", "# c\n"},
	{"nested", "a:\n      b:\n       - 1\n       -   2\n", "a:\n  b:\n    - 1\n    - 2\n"},
	{"list at the key's column", "a:\n- 1\n-\n  - 2\n", "a:\n  - 1\n  - - 2\n"},
	{"blanks at ends", "a: 1  \nb:  \n  c: 'x'\t\n", "a: 1\nb:\n  c: 'x'\n"},
	{"CR LF", "a: 1\r\n# c\r\nb: |\r\n  x\r\n  y\r\n", "a: 1\n# c\nb: |\n  x\n  y\n"},
	{"no line break at the end", "a: 1", "a: 1\n"},
	{"blank lines", "\n\na: 1\n\n\n\nb: 2\n\n", "a: 1\n\nb: 2\n"},
	{"aligned values", "a:   1\nbb:  2\n", "a:   1\nbb:  2\n"},
	{"value on the next line", "a:\n  x\nb:\n  [1]\n", "a: x\nb: [1]\n"},
	{"quoted keys", "\"a: b\":  1\n'it''s': 2\n", "\"a: b\":  1\n'it''s': 2\n"},
	{"wide letters", "ключ:\n    - {имя: 'é', b: [ß]}   # ü\n",
         "ключ:\n  - {имя: 'é', b: [ß]}   # ü\n"},
	{"document marks", "---\na: 1\n...\n", "a: 1\n"},
	{"trailing comments", "a: 1   # one\nb:  # two\n    - 1 # three\n",
         "a: 1   # one\nb:  # two\n  - 1 # three\n"},
	{"comment before a value", "a: # why\n  x\n", "# why\na: x\n"},
	{"comment behind a dash", "a:\n- # why\n  b: 1\n", "a:\n  # why\n  - b: 1\n"},
	{"comments go with what follows", "a:\n    # x\n    b: 1\n# y\n\n# z\nc: 2\n",
         "a:\n  # x\n  b: 1\n# y\n\n# z\nc: 2\n"},
	{"comment that ends a map", "a:\n    b: 1\n    # end\n# next\nc: 2\n",
         "a:\n  b: 1\n  # end\n# next\nc: 2\n"},
	{"comment behind a list at its key's column", "a:\n- 1\n# next\nc: 2\n",
         "a:\n  - 1\n# next\nc: 2\n"},
	{"comment that ends the file", "a:\n  b: 1\n\n# end\n", "a:\n  b: 1\n\n# end\n"},
	{"# in a text", "a: x#y # z\nb: \"# no\"\n", "a: x#y # z\nb: \"# no\"\n"},
	{"folded text", "a: >-\n     x\n       y\n\n     z\n\n\nb: 1\n",
         "a: >-\n  x\n    y\n\n  z\n\nb: 1\n"},
	{"blanks that count", "a: |\n   x  \n\n   y\n", "a: |\n  x  \n\n  y\n"},
	{"indentation that is given", "a:\n    b: |2\n         x\n        y\n",
         "a:\n  b: |2\n       x\n      y\n"},
	{"text over lines", "a:\n    b: \"x\n\n      y\"\n    c: p\n      q\n",
         "a:\n  b: \"x\n\n    y\"\n  c: p\n    q\n"},
	{"brackets over lines", "a:\n    b: [1,   # one\n        2\n    ]\n",
         "a:\n  b: [1,   # one\n      2\n  ]\n"},
	{"brackets that end left of their key", "a:\n    b: [1,\n 2\n]\n",
         "a:\n  b: [1,\n  2\n  ]\n"},
	{"order of keys",
         "rules:\n- title: T\n  # why\n  when: w\n  let: {b: 1, a: 2}\n  x-own: 1\n  id: r # i\n",
         "rules:\n  - id: r # i\n    title: T\n    let: {b: 1, a: 2}\n    x-own: 1\n    # why\n"
         "    when: w\n"},
	{"first key moves with its comment", "rules:\n- title: T\n  # i\n  id: r\n",
         "rules:\n  # i\n  - id: r\n    title: T\n"},
	{"order of other keys stays", "lists:\n  b: {z: 1, a: 2}\n  a: {}\n",
         "lists:\n  b: {z: 1, a: 2}\n  a: {}\n"},
	{"a line between rules", "rules:\n- id: a\n- id: b\n\n\n\n# c\n- id: c\n",
         "rules:\n  - id: a\n\n  - id: b\n\n  # c\n  - id: c\n"},
	{"brackets too long", "a: {b: " LONG ", c: [" LONG ", 1]}   # t\n",
         "# t\na:\n  b: " LONG "\n  c: [" LONG ", 1]\n"},
	{"item too long", "a:\n  - {b: " LONG ", c: [" LONG ", 1]}\n",
         "a:\n  - b: " LONG "\n    c: [" LONG ", 1]\n"},
	{"too long inside, too", "a: [{b: " LONG ", c: [" LONG ", " LONG "]}, {}]\n",
         "a:\n  - b: " LONG "\n    c: [" LONG ", " LONG "]\n  - {}\n"},
	{"too long with a comment", "a: [" LONG ", " LONG ", " LONG ", # c\n    1]\n",
         "a: [" LONG ", " LONG ", " LONG ", # c\n    1]\n"},
	{"keys without values", "a: {b: " LONG ", c: [" LONG ", 1], d, e}\n",
         "a: {b: " LONG ", c: [" LONG ", 1], d, e}\n"},
	{"a file in brackets", "# c\n{a: 1}\n", "# c\n{a: 1}\n"},
	{"rules in brackets", "rules: [{title: " LONG ", id: " LONG "}, {id: b}]\n",
         "rules:\n  - id: " LONG "\n    title: " LONG "\n\n  - {id: b}\n"},
};

static void test_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(layouts); i++) {
		struct slice want = slice_of(layouts[i].want);
		assert_laid(layouts[i].id, slice_of(layouts[i].text), want);
		assert_laid(layouts[i].id, want, want);
	}
}

static const struct {
	const char *id, *text;
	int err;
} refused[] = {
	{"no YAML", "a: [1\n", E_INVALID},
	{"anchor", "a: &x 1\n", E_INVALID},
	{"two keys of one name", "a: 1\na: 2\n", E_INVALID},
	{"explicit key", "? a\n: b\n", E_UNSUPPORTED},
	{"a text for a file", "abc\n", E_UNSUPPORTED},
	{"breaks that count, then a line more", "rules:\n- id: |+\n   x\n\n- id: b\n",
         E_UNSUPPORTED},
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct buf out = {0};
		buf_text(&out, "before");
		int err = lay(slice_of(refused[i].text), &out);
		if (err != refused[i].err || out.len != strlen("before")) {
			fail_msg("%s: %d\n%.*s", refused[i].id, err, SLICE_FMT(buf_view(&out)));
		}
		buf_fini(&out);
	}
}

/* ---- files ---- */

static void again(void *user, const char *path)
{
	unsigned *files = user;
	struct diags diags;
	struct buf out = {0};

	diags_init(&diags);
	const struct source_file *file = diags_read(&diags, path, 4 << 20);
	assert_non_null(file);
	assert_int_equal(fmt_file(file, &diags, &out), OK);
	assert_laid(path, buf_view(&out), buf_view(&out));
	++*files;
	buf_fini(&out);
	diags_fini(&diags);
}

static void test_files(void **state)
{
	struct arena arena;
	struct diags diags;
	unsigned files = 0;

	(void)state;
	diags_init(&diags);
	arena_init(&arena, 64 << 20);
	rule_files_walk(SOURCE_DIR "/rules/packs", &arena, &diags, again, &files);
	rule_files_walk(SOURCE_DIR "/tests/rules", &arena, &diags, again, &files);
	assert_true(files > 10);
	arena_fini(&arena);
	diags_fini(&diags);
}

/* Random edits of a file: what is laid out stays as it is when it is laid out again. */
static void test_random(void **state)
{
	static const char bytes[] = "\n\n  #-:{}[],'\"|>a";
	static const char seed_text[] =
		"# h\nrules:\n  - title: \"t\"\n    # c\n    id: a # b\n    let: {x: [1, 2], y: z}\n"
		"    where: >-\n      p\n      q\n  # f\n  - id: b\n    when: |\n      r\nlists:\n"
		"  a: [{b: c}]\n";
	uint64_t random = 12345;
	unsigned laid = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char text[sizeof(seed_text)];
		struct buf out = {0};
		memcpy(text, seed_text, sizeof(text));
		for (unsigned n = 0; n <= i % 4; n++) {
			random = random * 6364136223846793005ULL + 1442695040888963407ULL;
			text[(random >> 33) % (sizeof(text) - 1)] =
				bytes[(random >> 20) % (sizeof(bytes) - 1)];
		}
		if (lay((struct slice){text, sizeof(text) - 1}, &out) == OK) {
			assert_laid(text, buf_view(&out), buf_view(&out));
			laid++;
		}
		buf_fini(&out);
	}
	assert_true(laid > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
