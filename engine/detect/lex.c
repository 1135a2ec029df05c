#include "detect/lex.h"

#include "core/instant.h"
#include "core/json.h"
#include "detect/value.h"

enum { NUMBER_DIGITS = 60, NUMBER_TEXT_MAX = NUMBER_DIGITS + 4 };

static const struct {
	const char *word;
	enum token_kind kind;
} keywords[] = {
	{"and", TOKEN_AND}, {"or", TOKEN_OR},     {"not", TOKEN_NOT},
	{"in", TOKEN_IN},   {"true", TOKEN_TRUE}, {"false", TOKEN_FALSE},
};

/* Longer ones first. A hint makes it a mistake: one spelling for each thing. */
static const struct {
	const char *text;
	enum token_kind kind;
	const char *hint;
} operators[] = {
	{"==", TOKEN_EQ, NULL},
	{"!=", TOKEN_NE, NULL},
	{"<=", TOKEN_LE, NULL},
	{">=", TOKEN_GE, NULL},
	{"=~", TOKEN_MATCH, NULL},
	{"!~", TOKEN_NOT_MATCH, NULL},
	{"??", TOKEN_COALESCE, NULL},
	{"..", TOKEN_RANGE, NULL},
	{"&&", TOKEN_BAD, "write 'and'"},
	{"||", TOKEN_BAD, "write 'or'"},
	{"<>", TOKEN_BAD, "write '!='"},
	{"=", TOKEN_BAD, "write '=='"},
	{"!", TOKEN_BAD, "write 'not'"},
	{"[", TOKEN_BAD, "write a set as {\"a\", \"b\"}"},
	{"<", TOKEN_LT, NULL},
	{">", TOKEN_GT, NULL},
	{"+", TOKEN_PLUS, NULL},
	{"-", TOKEN_MINUS, NULL},
	{"*", TOKEN_STAR, NULL},
	{"/", TOKEN_SLASH, NULL},
	{"%", TOKEN_REST, NULL},
	{",", TOKEN_COMMA, NULL},
	{"(", TOKEN_OPEN, NULL},
	{")", TOKEN_CLOSE, NULL},
	{"{", TOKEN_OPEN_SET, NULL},
	{"}", TOKEN_CLOSE_SET, NULL},
};

bool lexer_init(struct lexer *l, struct slice source, struct arena *arena)
{
	*l = (struct lexer){.source = source, .arena = arena};
	l->text = arena_text(arena, source.len + 1);
	return l->text != NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_char(char c)
{
	return is_letter(c) || ascii_is_digit(c) || c == '_';
}

static char char_at(const struct lexer *l, size_t pos)
{
	return pos < l->source.len ? l->source.p[pos] : '\0';
}

static void bad(struct token *t, const char *code, struct slice message, const char *hint)
{
	t->kind = TOKEN_BAD;
	t->code = code;
	t->message = message;
	t->hint = hint;
}

static size_t name_end(const struct lexer *l, size_t pos)
{
	while (is_name_char(char_at(l, pos))) {
		pos++;
	}
	return pos;
}

static struct slice source_part(const struct lexer *l, size_t begin, size_t end)
{
	return slice_first(slice_skip(l->source, begin), end - begin);
}

/* ident { "." ident }, or a keyword. */
static void read_name(struct lexer *l, struct token *t)
{
	t->kind = TOKEN_NAME;
	t->end = name_end(l, t->begin);
	while (char_at(l, t->end) == '.' && is_letter(char_at(l, t->end + 1))) {
		t->end = name_end(l, t->end + 1);
	}
	struct slice word = source_part(l, t->begin, t->end);
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (slice_eq(word, slice_of(keywords[i].word))) {
			t->kind = keywords[i].kind;
		}
	}
	t->value = arena_copy(l->arena, word);
}

/* $ident, @ident */
static void read_sigil(struct lexer *l, struct token *t)
{
	bool param = char_at(l, t->begin) == '$';

	t->kind = param ? TOKEN_PARAM : TOKEN_LIST;
	t->end = t->begin + 1;
	if (!is_letter(char_at(l, t->end))) {
		bad(t, "E020",
		    param ? SLICE_LIT("a parameter's name begins with a letter")
		          : SLICE_LIT("a list's name begins with a letter"),
		    NULL);
		return;
	}
	t->end = name_end(l, t->end);
	t->value = arena_copy(l->arena, source_part(l, t->begin + 1, t->end));
}

static size_t digits_end(const struct lexer *l, size_t pos)
{
	while (ascii_is_digit(char_at(l, pos)) || char_at(l, pos) == '_') {
		pos++;
	}
	return pos;
}

/* Without '_'; 0 when there are too many digits. */
static size_t plain_digits(struct slice raw, char out[NUMBER_TEXT_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < raw.len; i++) {
		if (raw.p[i] == '_') {
			continue;
		}
		if (len == NUMBER_DIGITS) {
			return 0;
		}
		out[len++] = raw.p[i];
	}
	return len;
}

/* Leading zeros are no JSON, "007" is still 7. */
static bool parse_decimal(struct slice text, double *value)
{
	while (text.len > 1 && text.p[0] == '0' && ascii_is_digit(text.p[1])) {
		text = slice_skip(text, 1);
	}
	return decimal_parse(text, value) == 0;
}

static void read_duration(struct lexer *l, struct token *t)
{
	struct slice text = source_part(l, t->begin, t->end);

	t->kind = TOKEN_DURATION;
	if (duration_parse(text, &t->i) != 0) {
		bad(t, "E031", arena_printf(l->arena, "'%.*s' is not a duration", SLICE_FMT(text)),
		    "write it like 500ms, 30s, 10m, 1h30m or 7d");
	}
}

/* integer, decimal, percent, duration */
static void read_number(struct lexer *l, struct token *t)
{
	char digits[NUMBER_TEXT_MAX];
	bool fraction;

	t->end = digits_end(l, t->begin);
	fraction = char_at(l, t->end) == '.' && ascii_is_digit(char_at(l, t->end + 1));
	if (fraction) {
		t->end = digits_end(l, t->end + 1);
	}
	if (is_letter(char_at(l, t->end))) {
		t->end = name_end(l, t->end);
		read_duration(l, t);
		return;
	}
	size_t len = plain_digits(source_part(l, t->begin, t->end), digits);
	struct slice text = {digits, len};
	t->kind = fraction ? TOKEN_DECIMAL : TOKEN_INT;
	if (char_at(l, t->end) == '%') {
		t->end++;
		t->kind = TOKEN_PERCENT;
		/* As an exponent, so that 0.1% is the double nearest to 0.001. */
		memcpy(digits + len, "e-2", 3);
		text.len += len > 0 ? 3 : 0;
	}
	if (t->kind == TOKEN_INT ? value_parse_int(text, &t->i) != 0
	                         : !parse_decimal(text, &t->f)) {
		bad(t, "E031", SLICE_LIT("the number is too large"), NULL);
	} else if (t->kind != TOKEN_INT && !value_float_is_plain(t->f)) {
		bad(t, "E031", SLICE_LIT("the number is too large or too small"), NULL);
	}
}

static void read_text(struct lexer *l, struct token *t)
{
	char quote = char_at(l, t->begin);
	char *out = arena_text(l->arena, l->source.len - t->begin);
	size_t len = 0;

	t->kind = TOKEN_TEXT;
	for (t->end = t->begin + 1; t->end < l->source.len; t->end++) {
		char c = l->source.p[t->end];
		if (c == quote) {
			t->end++;
			t->value = (struct slice){out, out ? len : 0};
			return;
		}
		if (c == '\\' && t->end + 1 < l->source.len) {
			c = l->source.p[++t->end];
		}
		if (out) {
			out[len++] = c;
		}
	}
	bad(t, "E020", SLICE_LIT("the text is not closed"), "end it with the quote it begins with");
}

static void read_flags(struct lexer *l, struct token *t)
{
	size_t end = name_end(l, t->end);
	size_t count = 0;

	for (; t->end < end; t->end++) {
		char c = l->source.p[t->end];
		if ((c != 'i' && c != 'x') || count == 2 || (count == 1 && t->flags[0] == c)) {
			bad(t, "E020",
			    arena_printf(l->arena, "'%c' cannot stand after a pattern", c),
			    "a pattern may end in /i (any case) or /x (blanks do not count)");
			t->end = end;
			return;
		}
		t->flags[count++] = c;
	}
}

static void read_regex(struct lexer *l, struct token *t)
{
	t->kind = TOKEN_REGEX;
	for (t->end = t->begin + 1; t->end < l->source.len; t->end++) {
		char c = l->source.p[t->end];
		if (c == '/') {
			t->value = arena_copy(l->arena, source_part(l, t->begin + 1, t->end));
			t->end++;
			read_flags(l, t);
			return;
		}
		t->end += c == '\\' && t->end + 1 < l->source.len;
	}
	bad(t, "E020", SLICE_LIT("the pattern is not closed"), "end it with /");
}

static void read_operator(struct lexer *l, struct token *t)
{
	struct slice rest = slice_skip(l->source, t->begin);

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		struct slice text = slice_of(operators[i].text);
		if (!slice_starts(rest, text)) {
			continue;
		}
		t->kind = operators[i].kind;
		t->end = t->begin + text.len;
		if (operators[i].hint) {
			bad(t, "E021", arena_printf(l->arena, "unexpected '%.*s'", SLICE_FMT(text)),
			    operators[i].hint);
		}
		return;
	}
	size_t len = 1;
	while (len < 4 && len < rest.len && (rest.p[len] & 0xc0) == 0x80) {
		len++;
	}
	t->end = t->begin + len;
	bad(t, "E020",
	    arena_printf(l->arena, "unexpected character '%.*s'",
	                 SLICE_FMT(slice_first(rest, len))),
	    NULL);
}

/* Adds the token, and one blank where some stood before it. */
static void write_text(struct lexer *l, struct token *t)
{
	if (t->begin > l->pos && l->text_len > 0) {
		l->text[l->text_len++] = ' ';
	}
	t->text_begin = l->text_len;
	memcpy(l->text + l->text_len, l->source.p + t->begin, t->end - t->begin);
	l->text_len += t->end - t->begin;
	t->text_end = l->text_len;
}

struct token lexer_next(struct lexer *l)
{
	struct token t = {.kind = TOKEN_END, .begin = l->pos};

	while (t.begin < l->source.len && is_blank(l->source.p[t.begin])) {
		t.begin++;
	}
	char c = char_at(l, t.begin);
	if (t.begin == l->source.len) {
		t.end = t.begin;
		t.text_begin = t.text_end = l->text_len;
		return t;
	}
	if (is_letter(c)) {
		read_name(l, &t);
	} else if (ascii_is_digit(c)) {
		read_number(l, &t);
	} else if (c == '"' || c == '\'') {
		read_text(l, &t);
	} else if (c == '$' || c == '@') {
		read_sigil(l, &t);
	} else if (c == '/' && (l->before == TOKEN_MATCH || l->before == TOKEN_NOT_MATCH)) {
		read_regex(l, &t);
	} else {
		read_operator(l, &t);
	}
	write_text(l, &t);
	l->pos = t.end;
	l->before = t.kind;
	return t;
}
