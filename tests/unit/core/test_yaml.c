/* yaml.h: trees with their places, refusals with theirs, and places inside scalars against sources
 * whose every character's place is known because they were written piece by piece.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/yaml.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

struct parsed {
	struct diags diags;
	struct arena arena;
	const struct yaml_node *root;
};

static void parsed_init(struct parsed *p, struct slice text)
{
	diags_init(&p->diags);
	arena_init(&p->arena, 16 << 20);
	p->root = yaml_parse(diags_file(&p->diags, "t.yaml", text), &p->arena, &p->diags);
	assert_int_equal(p->root == NULL, p->diags.errors > 0);
}

static void parsed_fini(struct parsed *p)
{
	arena_fini(&p->arena);
	diags_fini(&p->diags);
}

/* The tree as text: {…} and […] with a trailing f for flow, scalars in <>, quoted ones in <"">,
 * each with its line:column, keys before.
 */
static void describe(const struct yaml_node *n, struct buf *out)
{
	size_t count = 0;

	if (n->key.p) {
		buf_printf(out, "%.*s@%u:%u=", SLICE_FMT(n->key), n->key_at.line, n->key_at.column);
	}
	if (n->kind == YAML_SCALAR) {
		const char *quote = n->quoted ? "\"" : "";
		buf_printf(out, "<%s%.*s%s>@%u:%u", quote, SLICE_FMT(n->text), quote, n->at.line,
		           n->at.column);
		return;
	}
	buf_char(out, n->kind == YAML_MAP ? '{' : '[');
	for (const struct yaml_node *v = n->first; v; v = v->next, count++) {
		buf_text(out, v == n->first ? "" : " ");
		describe(v, out);
	}
	assert_int_equal(count, n->count);
	buf_char(out, n->kind == YAML_MAP ? '}' : ']');
	buf_printf(out, "%s@%u:%u", n->flow ? "f" : "", n->at.line, n->at.column);
}

static const struct {
	const char *text;
	const char *want;
} trees[] = {
	{"a: 1\n", "{a@1:1=<1>@1:4}@1:1"},
	{"a: {b: c, 'd': \"e f\"}\n", "{a@1:1={b@1:5=<c>@1:8 d@1:11=<\"e f\">@1:16}f@1:4}@1:1"},
	{"- 1\n- [x, [y]]\n", "[<1>@1:3 [<x>@2:4 [<y>@2:8]f@2:7]f@2:3]@1:1"},
	{"é: {ü: '€', z: \"\\u00e9\"}\n",
         "{é@1:1={ü@1:5=<\"€\">@1:8 z@1:13=<\"é\">@1:16}f@1:4}@1:1"},
	{"a:\n  - b: 1\n    c: 2\n  -\n",
         "{a@1:1=[{b@2:5=<1>@2:8 c@3:5=<2>@3:8}@2:5 <>@4:4]@2:3}@1:1"},
	{"a: >-\n  x\n  y\nb: |\n  x\n  y\n", "{a@1:1=<x y>@1:4 b@4:1=<x\ny\n>@4:4}@1:1"},
	{"a: x\n  y\n", "{a@1:1=<x y>@1:4}@1:1"},
	{"a: # note\n  x # note\n", "{a@1:1=<x>@2:3}@1:1"},
	{"? a\n: b\n", "{a@1:3=<b>@2:3}@1:1"},
	{"{a, b: }", "{a@1:2=<>@1:3 b@1:5=<>@1:8}f@1:1"},
	{"---\na: 1\n...\n", "{a@2:1=<1>@2:4}@2:1"},
	{"a: 1\r\nb: 2\r\n", "{a@1:1=<1>@1:4 b@2:1=<2>@2:4}@1:1"},
	{"\xef\xbb\xbf"
         "a: 1\n",
         "{a@1:1=<1>@1:4}@1:1"},
	{"a: 'it''s'\nb: \"t\tt\"\n", "{a@1:1=<\"it's\">@1:4 b@2:1=<\"t\tt\">@2:4}@1:1"},
	{"'<<': 1\n", "{<<@1:1=<1>@1:7}@1:1"},
	{"a: +4477\nb: NO\nc: 12:30\nd: ~\n",
         "{a@1:1=<+4477>@1:4 b@2:1=<NO>@2:4 c@3:1=<12:30>@3:4 d@4:1=<~>@4:4}@1:1"},
	{"a: [[[[[[[[[[[1]]]]]]]]]]]\n",
         "{a@1:1=[[[[[[[[[[[<1>@1:15]f@1:14]f@1:13]f@1:12]f@1:11]f@1:10]f@1:9]f@1:8]f@1:7]f@1:6]"
         "f@1:5]f@1:4}@1:1"},
	{"", "{}@0:0"},
	{"# only a note\n", "{}@0:0"},
	{"---\n", "{}@0:0"},
	{"{}", "{}f@1:1"},
	{"just text", "<just text>@1:1"},
	{"''", "<\"\">@1:1"},
};

static void test_trees(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(trees); i++) {
		struct parsed p;
		struct buf out = {0};
		parsed_init(&p, slice_of(trees[i].text));
		if (!p.root) {
			diags_print(&p.diags, &out);
			fail_msg("%s: %.*s", trees[i].text, SLICE_FMT(buf_view(&out)));
		}
		describe(p.root, &out);
		buf_char(&out, '\0');
		assert_string_equal(out.p, trees[i].want);
		buf_fini(&out);
		parsed_fini(&p);
	}
}

/* Each one change away from a document that is read. */
static const struct {
	const char *text;
	const char *want; /* codes with their places */
} refusals[] = {
	{"a: &x 1\n", "E013@1:4"},
	{"&x a: 1\n", "E013@1:1"},
	{"a: &x [1]\n", "E013@1:4"},
	{"a: *x\n", "E013@1:4"},
	{"*x : 1\n", "E013@1:1"},
	{"<<: {b: 1}\n", "E013@1:1"},
	{"a: !!int 1\n", "E014@1:4"},
	{"a: !x {b: 1}\n", "E014@1:4"},
	{"! a: 1\n", "E014@1:1"},
	{"%TAG ! tag:x,2000:\n---\na: 1\n", "E014@1:1"},
	{"a: 1\nb: 2\na: 3\n", "E012@3:1"},
	{"x: {a: 1, b: 2, \"a\": 3, a: 4}\n", "E012@1:17 E012@1:25"},
	{"x: {a: &n 1, a: *n}\na: !!int 2\n", "E013@1:8 E012@1:14 E013@1:17 E014@2:4"},
	{"a: 1\n---\nb: 2\n", "E002@2:1"},
	{"a:\n\tb: 1\n", "E002@2:1"},
	{"a:\n  \tb: 1\n", "E002@2:3"},
	{"a: [b,\n\tc]\n", "E002@2:1"},
	{"a: 1\rb: 2\n", "E002@1:5"},
	{"a: 1\xc2\x85"
         "b: 2\n",
         "E002@1:5"},
	{"a: 'x\xe2\x80\xa8y'\n", "E002@1:6"},
	{"a: é\xff\n", "E002@1:5"},
	{"a: é\n  \x01\n", "E002@2:3"},
	{"[a]: 1\n", "E002@1:1"},
	{"{{a: 1}: 1}\n", "E002@1:2"},
	{"a: [[[[[[[[[[[[1]]]]]]]]]]]]\n", "E002@1:15"},
	{"a: [1, 2\n", "E002@2:1"},
	{"a: {b: 1\nc: 2\n", "E002@2:2"},
	{"a: 'x\nb: 2\n", "E002@1:4"},
	{"a: '", "E002@1:4"},
	{"a: [b,\n  \tc]\n", "E002@2:3"},
	{"a: @list\n", "E002@1:4"},
	{"a: %x\n", "E002@1:4"},
	{"a: b: c\n", "E002@1:5"},
	{"a: 1\n b: 2\n", "E002@2:3"},
	{"- 1\nb: 2\n", "E002@2:1"},
	{"a: \"\\q\"\n", "E002@1:5"},
	{"a: 1]\nb\n", "E002@3:1"},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct parsed p;
		struct buf got = {0}, printed = {0};
		parsed_init(&p, slice_of(refusals[i].text));
		diags_sort(&p.diags);
		for (const struct diag *d = p.diags.first; d; d = d->next) {
			buf_printf(&got, "%s%s@%u:%u", d == p.diags.first ? "" : " ", d->code,
			           d->at.line, d->at.column);
		}
		buf_char(&got, '\0');
		diags_print(&p.diags, &printed);
		if (strcmp(got.p, refusals[i].want) != 0) {
			fail_msg("%s: not %s but\n%.*s", refusals[i].text, refusals[i].want,
			         SLICE_FMT(buf_view(&printed)));
		}
		buf_fini(&got);
		buf_fini(&printed);
		parsed_fini(&p);
	}
}

static void test_words_of_a_refusal(void **state)
{
	struct parsed p;
	struct buf out = {0};

	(void)state;
	parsed_init(&p, SLICE_LIT("a: 1\nb: \"open\n"));
	diags_print(&p.diags, &out);
	buf_char(&out, '\0');
	assert_string_equal(out.p, "t.yaml:2:4: error[E002]: a quote is opened and never closed\n"
	                           "    2 | b: \"open\n      |    ^\n");
	buf_fini(&out);
	parsed_fini(&p);
}

static void test_too_large(void **state)
{
	size_t len = (4 << 20) + 1;
	char *text = malloc(len);
	struct parsed p;

	(void)state;
	assert_non_null(text);
	memset(text, '#', len);
	parsed_init(&p, (struct slice){text, len - 1});
	assert_non_null(p.root);
	parsed_fini(&p);
	parsed_init(&p, (struct slice){text, len});
	assert_string_equal(p.diags.first->code, "E002");
	assert_int_equal(p.diags.first->at.line, 0);
	parsed_fini(&p);
	free(text);
}

/* An arena that is too small is an error, never half a tree. */
static void test_small_arena(void **state)
{
	(void)state;
	for (size_t room = 0; room < 1500; room += 7) {
		struct diags d;
		struct arena arena;
		diags_init(&d);
		arena_init(&arena, room);
		const struct source_file *f =
			diags_file(&d, "f", SLICE_LIT("a: {b: [1, 2]}\nc: d\n"));
		const struct yaml_node *root = yaml_parse(f, &arena, &d);
		assert_int_equal(root == NULL, d.errors > 0);
		assert_int_equal(arena_overflowed(&arena), root == NULL);
		arena_fini(&arena);
		diags_fini(&d);
	}
}

static void test_get(void **state)
{
	struct parsed p;

	(void)state;
	parsed_init(&p, SLICE_LIT("a: 1\nab: {c: 2}\n"));
	assert_true(slice_eq(yaml_get(p.root, "a")->text, SLICE_LIT("1")));
	assert_true(slice_eq(yaml_get(yaml_get(p.root, "ab"), "c")->text, SLICE_LIT("2")));
	assert_null(yaml_get(p.root, "abc"));
	assert_null(yaml_get(yaml_get(p.root, "a"), "a"));
	assert_null(yaml_get(NULL, "a"));
	parsed_fini(&p);
}

enum { SOLID_MAX = 400 };

/* A source in the making, with the place of each character that is no blank. */
struct source {
	struct buf text;
	struct place places[SOLID_MAX];
	size_t count;
	unsigned line;
	unsigned column;
};

/* solid: the value gets bytes from it, each of which stands at its beginning. */
static void source_add(struct source *s, const char *text, size_t solid)
{
	for (size_t i = 0; i < solid; i++) {
		s->places[s->count++] = (struct place){NULL, s->line, s->column};
	}
	for (const char *p = text; *p; p++) {
		s->column = *p == '\n' ? 1 : s->column + ((*p & 0xc0) != 0x80);
		s->line += *p == '\n';
	}
	buf_text(&s->text, text);
}

enum style { PLAIN, SINGLE, DOUBLE, LITERAL, FOLDED, STYLES };

static const struct piece {
	const char *text;
	size_t solid; /* bytes of the value */
	unsigned styles;
} pieces[] = {
	{"a", 1, 31},
	{"7", 1, 31},
	{"(", 1, 31},
	{"é", 2, 31},
	{"€", 3, 31},
	{"😀", 4, 31},
	{"''", 1, 1 << SINGLE},
	{"\"", 1, 1 << SINGLE | 1 << LITERAL | 1 << FOLDED},
	{"\\\"", 1, 1 << DOUBLE},
	{"\\\\", 1, 1 << DOUBLE},
	{"\\u00e9", 2, 1 << DOUBLE},
	{"\\x41", 1, 1 << DOUBLE},
	{"\\U0001f600", 4, 1 << DOUBLE},
	{"\\_", 2, 1 << DOUBLE},
	{"\\L", 3, 1 << DOUBLE},
	{"\\0", 1, 1 << DOUBLE},
	{"\\e", 1, 1 << DOUBLE},
	{"\\t", 0, 1 << DOUBLE},
	{"\\n", 0, 1 << DOUBLE},
	{"\\x20", 0, 1 << DOUBLE},
	{"\\ ", 0, 1 << DOUBLE},
	{"#", 1, 1 << SINGLE | 1 << DOUBLE | 1 << LITERAL | 1 << FOLDED},
	{"'", 1, 1 << DOUBLE | 1 << LITERAL | 1 << FOLDED},
	{": ", 1, 1 << SINGLE | 1 << DOUBLE | 1 << LITERAL | 1 << FOLDED},
};

static void add_word(struct source *s, enum style style)
{
	source_add(s, "w", 1);
	for (long left = random() % 6; left > 0; left--) {
		const struct piece *piece = &pieces[(size_t)random() % COUNT(pieces)];
		if (piece->styles >> style & 1) {
			source_add(s, piece->text, piece->solid);
		}
	}
}

static void add_gap(struct source *s, enum style style)
{
	static const char *const gaps[] = {" ",   "  ",           "\n    ",  "\n\n    ",
	                                   "   ", "\n    \n    ", "\r\n    "};
	long pick = random() % 8;

	if (pick < (long)COUNT(gaps)) {
		source_add(s, gaps[pick], 0);
	} else if (style == DOUBLE) {
		source_add(s, "\\\n    ", 0);
	} else if (style == LITERAL || style == FOLDED) {
		source_add(s, "\n      ", 0);
	} else {
		source_add(s, " \n      ", 0);
	}
}

/* One document with one scalar of the style under "k". */
static void make_source(struct source *s, enum style style)
{
	static const char *const open[STYLES][3] = {{"", "", ""},
	                                            {"'", "'", "'"},
	                                            {"\"", "\"", "\""},
	                                            {"|\n    ", "|-\n    ", "|+ # note\n    "},
	                                            {">\n    ", ">-\n    ", ">2-\r\n    "}};
	static const char *const close[STYLES] = {"", "'", "\"", "", ""};
	bool flow = style < LITERAL && random() % 2;

	buf_reset(&s->text);
	s->count = 0;
	s->line = 1;
	s->column = 1;
	source_add(s, flow ? "é: {o: [1, 'ü'], k: " : "ü: 'x'\n# note\nk:  ", 0);
	source_add(s, open[style][random() % 3], 0);
	add_word(s, style);
	for (long left = random() % 8; left > 0; left--) {
		add_gap(s, style);
		add_word(s, style);
	}
	source_add(s, close[style], 0);
	source_add(s, flow ? "}\nz: 1\n" : "\nz: 1\n", 0);
}

static bool same_place(struct place a, struct place b)
{
	return a.line == b.line && a.column == b.column;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void check_places(const struct yaml_node *k, const struct source *s)
{
	size_t solid = 0;

	for (size_t i = 0; i < k->text.len; i++) {
		if (is_blank(k->text.p[i])) {
			continue;
		}
		assert_true(solid < s->count);
		struct place want = s->places[solid++], got = yaml_place(k, i);
		if (!same_place(got, want)) {
			fail_msg("byte %zu of <%.*s> at %u:%u, not %u:%u, in\n%.*s", i,
			         SLICE_FMT(k->text), got.line, got.column, want.line, want.column,
			         SLICE_FMT(buf_view(&s->text)));
		}
	}
	assert_int_equal(solid, s->count);
}

static void test_random_places(void **state)
{
	struct source s = {0};

	(void)state;
	srandom(11);
	for (int round = 0; round < 8000; round++) {
		struct parsed p;
		struct buf out = {0};
		make_source(&s, (enum style)(round % STYLES));
		parsed_init(&p, buf_view(&s.text));
		if (!p.root) {
			diags_print(&p.diags, &out);
			fail_msg("%.*s\n%.*s", SLICE_FMT(buf_view(&out)),
			         SLICE_FMT(buf_view(&s.text)));
		}
		const struct yaml_node *k = yaml_get(p.root, "k");
		k = k ? k : yaml_get(p.root->first, "k");
		check_places(k, &s);
		parsed_fini(&p);
	}
	buf_fini(&s.text);
}

static const struct {
	const char *text; /* the value of k */
	size_t offset;
	unsigned line;
	unsigned column;
} ends[] = {
	{"k: 'a > '", 4, 1, 9}, /* behind the last blank: at the quote */
	{"k: 'a > '", 3, 1, 8}, /* a blank stands where it stands */
	{"k: 'a > '", 99, 1, 9},
	{"k: a >", 3, 1, 7}, /* behind a plain one */
	{"k: >-\n  a\n  b >\n", 5, 3, 6},
	{"k: |\n  a\n  b\n", 1, 2, 4}, /* the line break */
	{"k: >-\n  a\n  b\n", 1, 2, 4},
	{"k: ''", 0, 1, 5},
	{"k: ", 0, 1, 3},
	{"k: \"  x\"", 0, 1, 5},
	{"k: 'é€'", 3, 1, 6}, /* inside a character: its beginning */
};

static void test_places_of_blanks_and_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct parsed p;
		parsed_init(&p, slice_of(ends[i].text));
		struct place at = yaml_place(yaml_get(p.root, "k"), ends[i].offset);
		if (at.line != ends[i].line || at.column != ends[i].column) {
			fail_msg("%s: offset %zu at %u:%u, not %u:%u", ends[i].text, ends[i].offset,
			         at.line, at.column, ends[i].line, ends[i].column);
		}
		parsed_fini(&p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_words_of_a_refusal),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_small_arena),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_random_places),
		cmocka_unit_test(test_places_of_blanks_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
