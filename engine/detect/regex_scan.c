#include "detect/regex_scan.h"

enum { DEPTH_MAX = 256 }; /* PCRE2's own limit of nested parentheses is 250 */

/* One element of a pattern. */
enum item_kind {
	ITEM_END = 0,
	ITEM_OTHER, /* a set, a class, an assertion, '.' */
	ITEM_LITERAL,
	ITEM_OPEN,
	ITEM_CLOSE,
	ITEM_OR,
	ITEM_COMMENT,
};

struct scan {
	struct slice pattern;
	size_t pos;
	bool extended;
};

static char char_at(const struct scan *s, size_t pos)
{
	return pos < s->pattern.len ? s->pattern.p[pos] : '\0';
}

static size_t find_end(const struct scan *s, size_t from, struct slice end)
{
	for (size_t i = from; i < s->pattern.len; i++) {
		if (slice_starts(slice_skip(s->pattern, i), end)) {
			return i + end.len;
		}
	}
	return s->pattern.len;
}

/* Behind the ']' of a set that begins at pos. */
static size_t set_end(const struct scan *s, size_t pos)
{
	pos += char_at(s, pos + 1) == '^' ? 2 : 1;
	pos += char_at(s, pos) == ']'; /* the first one is a member */
	while (pos < s->pattern.len && s->pattern.p[pos] != ']') {
		struct slice rest = slice_skip(s->pattern, pos);
		if (slice_starts(rest, SLICE_LIT("[:"))) {
			pos = find_end(s, pos, SLICE_LIT(":]"));
		} else if (slice_starts(rest, SLICE_LIT("\\Q"))) {
			pos = find_end(s, pos, SLICE_LIT("\\E"));
		} else {
			pos += rest.p[0] == '\\' ? 2 : 1;
		}
	}
	return pos + 1;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c);
}

/* Characters that belong to an escape behind its letter, at most; braces count by themselves. */
static size_t escape_tail(const struct scan *s, char letter)
{
	size_t max = letter == 'x' || ascii_is_digit(letter) ? 2 : 0, len = 0;

	if (letter == 'p' || letter == 'P' || letter == 'c') {
		return 1;
	}
	while (len < max && is_word(char_at(s, s->pos + len))) {
		len++;
	}
	return len;
}

/* A backslash and what belongs to it. Escapes of punctuation are literals; those of letters and
 * digits are not counted as such, though some are.
 */
static enum item_kind take_escape(struct scan *s)
{
	char c = char_at(s, s->pos + 1);

	if (c == 'Q') {
		s->pos = find_end(s, s->pos, SLICE_LIT("\\E"));
		return ITEM_OTHER;
	}
	s->pos += 2;
	if (char_at(s, s->pos) == '{' && c && memchr("pPxgkoN", c, 7)) {
		s->pos = find_end(s, s->pos, SLICE_LIT("}"));
	} else {
		s->pos += escape_tail(s, c);
	}
	return is_word(c) ? ITEM_OTHER : ITEM_LITERAL;
}

/* Behind "{n}", "{n,}" or "{n,m}" that begins at pos; pos itself where it is a literal brace. */
static size_t repeat_end(const struct scan *s, size_t pos)
{
	size_t at = pos + 1;

	while (ascii_is_digit(char_at(s, at))) {
		at++;
	}
	if (at == pos + 1) {
		return pos;
	}
	at += char_at(s, at) == ',';
	while (ascii_is_digit(char_at(s, at))) {
		at++;
	}
	return char_at(s, at) == '}' ? at + 1 : pos;
}

static enum item_kind take_plain(struct scan *s)
{
	char c = s->pattern.p[s->pos++];

	if (s->extended && c == '#') {
		s->pos = find_end(s, s->pos, SLICE_LIT("\n"));
		return ITEM_COMMENT;
	}
	if (s->extended && memchr(" \t\n\r\f\v", c, 6)) {
		return ITEM_COMMENT;
	}
	switch (c) {
	case '(': return ITEM_OPEN;
	case ')': return ITEM_CLOSE;
	case '|': return ITEM_OR;
	case '.':
	case '^':
	case '$':
	case '*':
	case '+':
	case '?': return ITEM_OTHER;
	default: return ITEM_LITERAL;
	}
}

static enum item_kind take_item(struct scan *s)
{
	if (s->pos >= s->pattern.len) {
		return ITEM_END;
	}
	if (slice_starts(slice_skip(s->pattern, s->pos), SLICE_LIT("(?#"))) {
		s->pos = find_end(s, s->pos, SLICE_LIT(")"));
		return ITEM_COMMENT;
	}
	if (s->pattern.p[s->pos] == '\\') {
		return take_escape(s);
	}
	if (s->pattern.p[s->pos] == '[') {
		s->pos = set_end(s, s->pos);
		return ITEM_OTHER;
	}
	if (s->pattern.p[s->pos] == '{' && repeat_end(s, s->pos) > s->pos) {
		s->pos = repeat_end(s, s->pos);
		return ITEM_OTHER;
	}
	return take_plain(s);
}

#define RECURSION "recursion is not allowed"
#define REFERENCE "back-references are not allowed"

static const struct {
	const char *begin;
	const char *what;
} refused[] = {
	{"(*", "verbs and settings in (* ) are not allowed"},
	{"(?C", "call-outs are not allowed"},
	{"(?R", RECURSION},
	{"(?&", RECURSION},
	{"(?P>", RECURSION},
	{"\\g<", RECURSION},
	{"\\g'", RECURSION},
	{"(?P=", REFERENCE},
	{"\\k", REFERENCE},
	{"\\g", REFERENCE},
};

/* "(?1)", "(?+1)", "(?-1)" call a group. */
static bool calls_group(struct slice rest)
{
	if (!slice_starts(rest, SLICE_LIT("(?"))) {
		return false;
	}
	rest = slice_skip(rest, 2);
	rest = slice_skip(rest, rest.len > 0 && (rest.p[0] == '+' || rest.p[0] == '-'));
	return rest.len > 0 && ascii_is_digit(rest.p[0]);
}

/* "(?x)", "(?i-x:…)" */
static bool sets_extended(struct slice rest)
{
	if (!slice_starts(rest, SLICE_LIT("(?"))) {
		return false;
	}
	for (size_t i = 2; i < rest.len && rest.p[i] && memchr("imsxnJU^-", rest.p[i], 9); i++) {
		if (rest.p[i] == 'x') {
			return true;
		}
	}
	return false;
}

const char *regex_scan_refused(struct slice pattern, bool extended, size_t *offset)
{
	struct scan s = {.pattern = pattern, .extended = extended};

	while (s.pos < pattern.len) {
		struct slice rest = slice_skip(pattern, s.pos);
		*offset = s.pos;
		if (calls_group(rest)) {
			return RECURSION;
		}
		if (sets_extended(rest)) {
			return "the option x stands behind the pattern: /…/x";
		}
		for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
			if (slice_starts(rest, slice_of(refused[i].begin))) {
				return refused[i].what;
			}
		}
		(void)take_item(&s);
	}
	return NULL;
}

/* True when what stands behind an item lets it occur zero times; the quantifier is skipped. */
static bool take_optional(struct scan *s)
{
	char c = char_at(s, s->pos);

	if (c == '*' || c == '?') {
		s->pos++;
		return true;
	}
	if (c == '{' && repeat_end(s, s->pos) > s->pos) {
		size_t digit = s->pos + 1;
		while (char_at(s, digit) == '0') {
			digit++;
		}
		return !ascii_is_digit(char_at(s, digit));
	}
	return false;
}

/* "(" or "(?:": groups that assert, name or set options are not counted. */
static bool group_is_plain(const struct scan *s)
{
	return char_at(s, s->pos) != '?' || char_at(s, s->pos + 1) == ':';
}

struct level {
	bool plain;
	bool has; /* a literal in the present alternative */
	bool all; /* in all alternatives so far */
};

bool regex_scan_literal(struct slice pattern, bool extended)
{
	struct scan s = {.pattern = pattern, .extended = extended};
	struct level levels[DEPTH_MAX] = {{.plain = true, .all = true}};
	size_t depth = 0;

	for (;;) {
		enum item_kind kind = take_item(&s);
		struct level *now = &levels[depth];
		if (kind == ITEM_END) {
			return depth == 0 && now->has && now->all;
		}
		if (kind == ITEM_LITERAL) {
			now->has |= !take_optional(&s);
		} else if (kind == ITEM_OR) {
			now->all &= now->has;
			now->has = false;
		} else if (kind == ITEM_OPEN) {
			if (++depth == DEPTH_MAX) {
				return false;
			}
			levels[depth] = (struct level){.plain = group_is_plain(&s), .all = true};
			s.pos += levels[depth].plain && char_at(&s, s.pos) == '?' ? 2 : 0;
		} else if (kind == ITEM_CLOSE && depth > 0) {
			bool must = now->plain && now->has && now->all;
			bool optional = take_optional(&s);
			levels[--depth].has |= must && !optional;
		}
	}
}
