/* lex.h and parse.h: tokens, the shape of trees, limits; expr_print: its text loads again to an
 * equal tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/instant.h"
#include "detect/lex.h"
#include "detect/parse.h"
#include "detect/rule.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- tokens ---- */

static const char *const kind_words[] = {
	[TOKEN_TRUE] = "TRUE",     [TOKEN_FALSE] = "FALSE",
	[TOKEN_AND] = "AND",       [TOKEN_OR] = "OR",
	[TOKEN_NOT] = "NOT",       [TOKEN_IN] = "IN",
	[TOKEN_EQ] = "EQ",         [TOKEN_NE] = "NE",
	[TOKEN_LT] = "LT",         [TOKEN_LE] = "LE",
	[TOKEN_GT] = "GT",         [TOKEN_GE] = "GE",
	[TOKEN_MATCH] = "MATCH",   [TOKEN_NOT_MATCH] = "UNMATCH",
	[TOKEN_COALESCE] = "ELSE", [TOKEN_RANGE] = "TO",
	[TOKEN_PLUS] = "PLUS",     [TOKEN_MINUS] = "MINUS",
	[TOKEN_STAR] = "STAR",     [TOKEN_SLASH] = "SLASH",
	[TOKEN_REST] = "REST",     [TOKEN_COMMA] = "COMMA",
	[TOKEN_OPEN] = "OPEN",     [TOKEN_CLOSE] = "CLOSE",
	[TOKEN_OPEN_SET] = "SET",  [TOKEN_CLOSE_SET] = "TES",
};

static void describe_token(const struct token *t, struct buf *out)
{
	switch (t->kind) {
	case TOKEN_NAME: buf_printf(out, "%.*s", SLICE_FMT(t->value)); break;
	case TOKEN_PARAM: buf_printf(out, "$%.*s", SLICE_FMT(t->value)); break;
	case TOKEN_LIST: buf_printf(out, "@%.*s", SLICE_FMT(t->value)); break;
	case TOKEN_INT: buf_printf(out, "%ld", (long)t->i); break;
	case TOKEN_DECIMAL: buf_printf(out, "%.9gf", t->f); break;
	case TOKEN_PERCENT: buf_printf(out, "%.9gp", t->f); break;
	case TOKEN_DURATION: buf_printf(out, "%ldus", (long)t->i); break;
	case TOKEN_TEXT: buf_printf(out, "<%.*s>", SLICE_FMT(t->value)); break;
	case TOKEN_REGEX: buf_printf(out, "/%.*s/%s", SLICE_FMT(t->value), t->flags); break;
	case TOKEN_BAD: buf_printf(out, "!%s", t->code); break;
	default: buf_text(out, kind_words[t->kind]); break;
	}
}

static const struct {
	const char *id;
	const char *text;
	const char *want;
} tokens[] = {
	{"nothing", "", ""},
	{"blanks", " \t\n ", ""},
	{"names", "a a.b a1_.c2 a . b", "a a.b a1_.c2 a !E020 b"},
	{"keywords", "and or not in true false over", "AND OR NOT IN TRUE FALSE over"},
	{"keyword inside a name", "android in.x", "android in.x"},
	{"sigils", "$a_1 @b", "$a_1 @b"},
	{"no name behind a sigil", "$1 @", "!E020 1 !E020"},
	{"integers", "0 12 1_000 007", "0 12 1000 7"},
	{"largest integer", "9223372036854775807 9223372036854775808", "9223372036854775807 !E031"},
	{"decimals", "0.5 12.25 007.5 1_0.5", "0.5f 12.25f 7.5f 10.5f"},
	{"percent", "80% 0.1% 100 % 3", "0.8p 0.001p 100 REST 3"},
	{"durations", "30s 1h30m 500ms 1.5h 7d 2w",
         "30000000us 5400000000us 500000us 5400000000us "
         "604800000000us 1209600000000us"},
	{"no durations", "30x 1m30 5s5", "!E031 !E031 !E031"},
	{"range of integers", "1..5 1s..2s a..b", "1 TO 5 1000000us TO 2000000us a TO b"},
	{"texts", "\"a b\" 'c' \"d'\" 'e\"'", "<a b> <c> <d'> <e\">"},
	{"escapes", "\"a\\\"b\\\\\" 'c\\'d' \"\\n\"", "<a\"b\\> <c'd> <n>"},
	{"open texts", "\"abc", "!E020"},
	{"open escape", "'abc\\", "!E020"},
	{"pattern", "a =~ /b c\\/d/ix", "a MATCH /b c\\/d/ix"},
	{"no pattern", "a / b /i", "a SLASH b SLASH i"},
	{"open pattern", "a !~ /b\\/", "a UNMATCH !E020"},
	{"operators",
         "== != < <= > >= ?"
         "? .. + - * / % , ( ) { }",
         "EQ NE LT LE GT GE ELSE TO PLUS MINUS STAR SLASH REST COMMA OPEN CLOSE SET TES"},
	{"wrong operators", "&& || <> = ! [", "!E021 !E021 !E021 !E021 !E021 !E021"},
	{"odd characters", "é # \x01", "!E020 !E020 !E020"},
	{"broken UTF-8", "\xff\xc3", "!E020 !E020"},
};

static void test_tokens(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(tokens); i++) {
		struct arena arena;
		struct lexer lexer;
		struct buf out = {0};
		size_t len = strlen(tokens[i].text);
		char *exact = malloc(len ? len : 1);
		memcpy(exact, tokens[i].text, len);
		arena_init(&arena, 1 << 20);
		assert_true(lexer_init(&lexer, (struct slice){exact, len}, &arena));
		for (;;) {
			struct token t = lexer_next(&lexer);
			if (t.kind == TOKEN_END) {
				assert_int_equal(t.begin, len);
				break;
			}
			assert_true(t.begin < t.end && t.end <= len);
			buf_text(&out, out.len ? " " : "");
			describe_token(&t, &out);
		}
		if (!slice_eq(buf_view(&out), slice_of(tokens[i].want))) {
			fail_msg("%s: %.*s", tokens[i].id, (int)out.len, out.p);
		}
		buf_fini(&out);
		arena_fini(&arena);
		free(exact);
	}
}

/* ---- trees ---- */

static const char *const op_words[] = {
	[EXPR_NOT] = "not",
	[EXPR_AND] = "and",
	[EXPR_OR] = "or",
	[EXPR_EQ] = "==",
	[EXPR_NE] = "!=",
	[EXPR_LT] = "<",
	[EXPR_LE] = "<=",
	[EXPR_GT] = ">",
	[EXPR_GE] = ">=",
	[EXPR_MATCH] = "=~",
	[EXPR_NOT_MATCH] = "!~",
	[EXPR_IN_LIST] = "in@",
	[EXPR_IN_SET] = "in{}",
	[EXPR_IN_RANGE] = "in..",
	[EXPR_ADD] = "+",
	[EXPR_SUB] = "-",
	[EXPR_MUL] = "*",
	[EXPR_DIV] = "/",
	[EXPR_MOD] = "%",
	[EXPR_NEG] = "neg",
	[EXPR_COALESCE] = "?"
			  "?",
};

static void describe(const struct ast *ast, struct buf *out)
{
	if (ast->kind != AST_OP && ast->kind != AST_CALL) {
		buf_slice(out, ast->text);
		return;
	}
	buf_char(out, '(');
	if (ast->kind == AST_OP) {
		buf_text(out, op_words[ast->op]);
	} else {
		buf_slice(out, ast->name);
	}
	for (const struct ast *arg = ast->args; arg; arg = arg->next) {
		buf_char(out, ' ');
		describe(arg, out);
	}
	if (ast->op == EXPR_MATCH || ast->op == EXPR_NOT_MATCH) {
		buf_printf(out, " /%.*s/%s", SLICE_FMT(ast->name), ast->flags);
	}
	if (ast->over) {
		buf_printf(out, " over %ld", (long)(ast->over_us / US_PER_S));
	}
	buf_char(out, ')');
}

static const struct {
	const char *text;
	const char *want;
} trees[] = {
	{"a", "a"},
	{"((a))", "a"},
	{"a and b and c", "(and (and a b) c)"},
	{"a or (b and c)", "(or a (and b c))"},
	{"not a and not not b", "(and (not a) (not (not b)))"},
	{"not a == b", "(not (== a b))"},
	{"not a in @l", "(not (in@ a @l))"},
	{"a not in @l", "(not (in@ a @l))"},
	{"a in {1, 2 + 3}", "(in{} a 1 (+ 2 3))"},
	{"a in 1 .. b + 2", "(in.. a 1 (+ b 2))"},
	{"a + b in 1..2 and c", "(and (in.. (+ a b) 1 2) c)"},
	{"a - b - c", "(- (- a b) c)"},
	{"a - (b - c)", "(- a (- b c))"},
	{"a + b * c / d % 2", "(+ a (% (/ (* b c) d) 2))"},
	{"-a * -b", "(* (neg a) (neg b))"},
	{"- - a", "(neg (neg a))"},
	{"-a ?"
         "? b ?"
         "? c",
         "(neg (?"
         "? (?"
         "? a b) c))"},
	{"a + b >= c - d", "(>= (+ a b) (- c d))"},
	{"f()", "(f)"},
	{"f(a, g(b) over 1h, c) over 10s", "(f a (g b over 3600) c over 10)"},
	{"a =~ /x y/i or b !~ /z/", "(or (=~ a /x y/i) (!~ b /z/))"},
	{"a\n  and\tb", "(and a b)"},
};

static struct ast *parse(struct slice text, struct arena *arena, struct parse_error *error)
{
	struct parse_input in = {.source = text, .keep = arena, .scratch = arena};

	return parse_expr(&in, error);
}

static void test_trees(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(trees); i++) {
		struct arena arena;
		struct parse_error error;
		struct buf out = {0};
		arena_init(&arena, 1 << 20);
		const struct ast *ast = parse(slice_of(trees[i].text), &arena, &error);
		assert_non_null(ast);
		describe(ast, &out);
		if (!slice_eq(buf_view(&out), slice_of(trees[i].want))) {
			fail_msg("%s: %.*s", trees[i].text, (int)out.len, out.p);
		}
		buf_fini(&out);
		arena_fini(&arena);
	}
}

static void test_text_has_single_blanks(void **state)
{
	struct arena arena;
	struct parse_error error;
	const char *text = "  a\n  ==   \"x   y\"  and ( b  or c )";

	(void)state;
	arena_init(&arena, 1 << 20);
	const struct ast *ast = parse(slice_of(text), &arena, &error);
	assert_true(slice_eq(ast->text, SLICE_LIT("a == \"x   y\" and ( b or c )")));
	assert_true(slice_eq(ast->args->text, SLICE_LIT("a == \"x   y\"")));
	assert_true(slice_eq(ast->args->next->text, SLICE_LIT("b or c")));
	arena_fini(&arena);
}

/* count times open, then middle, then count times close; the error's code, or NULL. */
static const char *parse_nested(const char *open, const char *middle, const char *close,
                                size_t count)
{
	struct buf text = {0};
	struct arena arena;
	struct parse_error error = {.code = NULL};

	for (size_t i = 0; i < count; i++) {
		buf_text(&text, open);
	}
	buf_text(&text, middle);
	for (size_t i = 0; i < count; i++) {
		buf_text(&text, close);
	}
	arena_init(&arena, 8 << 20);
	const struct ast *ast = parse(buf_view(&text), &arena, &error);
	assert_true((ast == NULL) == (error.code != NULL));
	buf_fini(&text);
	arena_fini(&arena);
	return error.code;
}

static void test_limits(void **state)
{
	(void)state;
	assert_null(parse_nested("(", "a", ")", 63));
	assert_string_equal(parse_nested("(", "a", ")", 64), "E024");
	assert_null(parse_nested("not ", "a", "", 63));
	assert_string_equal(parse_nested("not ", "a", "", 64), "E024");
	assert_null(parse_nested("-", "a", "", 63));
	assert_string_equal(parse_nested("-", "a", "", 64), "E024");
	assert_null(parse_nested("a+", "a", "", 63));
	assert_string_equal(parse_nested("a+", "a", "", 64), "E024");
	assert_null(parse_nested("f(", "a", ")", 63));
	assert_string_equal(parse_nested("f(", "a", ")", 64), "E024");
	assert_null(parse_nested(" ", "a", "", 4095));
	assert_string_equal(parse_nested(" ", "a", "", 4096), "E024");
	assert_null(parse_nested("", "a in {1,1,1}", "", 1));
}

static void test_expression_lists(void **state)
{
	struct arena arena;
	struct parse_error error = {.code = NULL};
	unsigned count;

	(void)state;
	arena_init(&arena, 1 << 20);
	struct parse_input in = {.keep = &arena, .scratch = &arena};
	in.source = SLICE_LIT("a, f(b, 2), c + 1");
	const struct ast *first = parse_exprs(&in, &count, &error);
	assert_int_equal(count, 3);
	assert_true(slice_eq(first->next->text, SLICE_LIT("f(b, 2)")));
	assert_true(slice_eq(first->next->next->text, SLICE_LIT("c + 1")));
	in.source = SLICE_LIT("a, b c");
	assert_null(parse_exprs(&in, &count, &error));
	assert_int_equal(error.at, 5);
	in.source = SLICE_LIT("a,");
	assert_null(parse_exprs(&in, &count, &error));
	assert_string_equal(error.code, "E021");
	arena_fini(&arena);
}

/* ---- canonical text ---- */

static const struct {
	const char *text;
	const char *want;
} prints[] = {
	{"((answered))  and (forwarded and not answered)",
         "answered and (forwarded and not answered)"},
	{"(answered and forwarded) and answered", "answered and forwarded and answered"},
	{"(answered and forwarded) or answered", "(answered and forwarded) or answered"},
	{"not (ring > 1s)", "not ring > 1s"},
	{"(not answered) == forwarded", "(not answered) == forwarded"},
	{"duration / 1m + 3", "duration / 1m + 3.0"},
	{"calls - (2 - calls)", "calls - (2 - calls)"},
	{"calls * (2 + calls)", "calls * (2 + calls)"},
	{"2 * 3 + calls", "6 + calls"},
	{"90s + 1h", "1h1m30s"},
	{"ring ?"
         "? (-1s)",
         "ring ?"
         "? (-1s)"},
	{"-(ring ?"
         "? 1s)",
         "-ring ?"
         "? 1s"},
	{"(ring / 1s) ?"
         "? 80%",
         "(ring / 1s) ?"
         "? 0.8"},
	{"caller.num == '+447700900123'", "caller.num == \"+447700900123\""},
	{"prefix(caller.num, 2) != '44'", "prefix(caller.num, 2) != \"44\""},
	{"caller.country in {'GB', \"FR\"}", "caller.country in {\"GB\", \"FR\"}"},
	{"caller.num not in @n", "not caller.num in @n"},
	{"q850 in 1 .. 5", "q850 in 1 .. 5"},
	{"cost in 1 .. 5", "cost in 1.0 .. 5.0"},
	{"caller.display !~ /a\\/b/i", "caller.display !~ /a\\/b/i"},
	{"attr(@n, caller.num, 'note') == \"a\\\"b\"",
         "attr(@n, caller.num, \"note\") == \"a\\\"b\""},
	{"if(answered, 'x', trunk.id)", "if(answered, \"x\", trunk.id)"},
	{"in_hours(time, '20:00-06:00', site.tz)", "in_hours(time, \"20:00-06:00\", site.tz)"},
	{"src.ip == '192.0.2.1'", "src.ip == \"192.0.2.1\""},
	{"time > '2026-01-05T12:00:00Z'", "time > \"2026-01-05T12:00:00.000Z\""},
	{"count(answered) + count()", "count(answered) + count()"},
	{"quantile(0.5, duration, answered) over 1h", "quantile(0.5, duration, answered) over 1h"},
	{"q850 in {1, 2.5}", "q850 in {1.0, 2.5}"},
	{"1.5 < 1.5 or 2.5 > 2.5 or 1.5 != 1.5", "false"},
	{"1.5 <= 1.5 and 2.5 >= 2.5 and 'a' == \"a\"", "true"},
	{"7 % 4 - 10 / 4 + -2.0", "-1.5"},
	{"0 - calls", "0 - calls"},
	{"sum(twice)", "sum(ring * 2)"},
	{"true and 1 < 2 or false", NULL},
	{"1 < 2 and not false", "true"},
};

static bool print_let(struct slice text, struct buf *printed)
{
	struct buf file = {0};
	struct diags d;
	struct ruleset *set;

	buf_text(&file,
	         "{version: 1, lists: {'@n': {type: num, inline: [], columns: [value, note]}}, "
	         "rules: [{id: f, rev: 1, title: t, class: other, severity: low, on: call, "
	         "key: caller.num, window: 10m, when: calls > 1, let: {calls: count(), "
	         "twice: ring * 2, v: \"");
	for (size_t i = 0; i < text.len; i++) {
		buf_text(&file, text.p[i] == '"' || text.p[i] == '\\' ? "\\" : "");
		buf_char(&file, text.p[i]);
	}
	buf_text(&file, "\"}}]}");
	diags_init(&d);
	(void)ruleset_load_text("t", buf_view(&file), NULL, &d, &set);
	bool loaded = set != NULL;
	if (set) {
		expr_print(set->rules[0]->lets[2].expr, set->rules[0], set, printed);
	}
	ruleset_free(set);
	diags_fini(&d);
	buf_fini(&file);
	return loaded;
}

static void test_prints(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(prints); i++) {
		struct buf once = {0}, twice = {0};
		assert_true(print_let(slice_of(prints[i].text), &once) == (prints[i].want != NULL));
		if (prints[i].want && !slice_eq(buf_view(&once), slice_of(prints[i].want))) {
			fail_msg("%s: %.*s", prints[i].text, (int)once.len, once.p);
		}
		if (prints[i].want) {
			assert_true(print_let(buf_view(&once), &twice));
			assert_true(slice_eq(buf_view(&once), buf_view(&twice)));
		}
		buf_fini(&once);
		buf_fini(&twice);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_text_has_single_blanks),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_expression_lists),
		cmocka_unit_test(test_prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
