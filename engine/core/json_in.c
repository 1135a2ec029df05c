#include "core/json.h"
#include "core/utf8.h"

/* What may come next. */
enum expect {
	EXPECT_VALUE = 0,    /* at the beginning, behind a key */
	EXPECT_VALUE_OR_END, /* behind [ */
	EXPECT_KEY_OR_END,   /* behind { */
	EXPECT_COMMA_OR_END,
	EXPECT_NOTHING, /* behind the one value */
	FAILED,
};

struct json_in json_in(struct slice text)
{
	return (struct json_in){.rest = text, .expects = EXPECT_VALUE};
}

static enum json_type fail(struct json_in *r)
{
	r->expects = FAILED;
	return JSON_ERROR;
}

static void advance(struct json_in *r, size_t len)
{
	r->rest = slice_skip(r->rest, len);
	r->pos += len;
}

/* The next byte behind white space, '\0' at the end (which no rule accepts either). */
static char next_byte(struct json_in *r)
{
	size_t i = 0;
	struct slice s = r->rest;

	while (i < s.len && (s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t')) {
		i++;
	}
	advance(r, i);
	return r->rest.len > 0 ? r->rest.p[0] : '\0';
}

static bool in_object(const struct json_in *r)
{
	return r->depth > 0 && (r->in_object >> (r->depth - 1) & 1);
}

static void value_done(struct json_in *r)
{
	r->expects = r->depth > 0 ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static int hex_value(char c)
{
	if (ascii_is_digit(c)) {
		return c - '0';
	}
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u; s begins with the backslash. -1 when they are not there. */
static int32_t hex4(struct slice s)
{
	int32_t code = 0;

	if (s.len < 6) {
		return -1;
	}
	for (size_t i = 2; i < 6; i++) {
		int digit = hex_value(s.p[i]);
		if (digit < 0) {
			return -1;
		}
		code = code << 4 | digit;
	}
	return code;
}

/* What the letter behind a backslash stands for; 0: no such escape. */
static char simple_escape(char letter)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *at = letter ? strchr(letters, letter) : NULL;

	return at ? meant[at - letters] : '\0';
}

/* Bytes of the escape that s begins with; 0 when it is none. */
static size_t escape_len(struct slice s)
{
	if (s.len >= 2 && s.p[1] == 'u') {
		return hex4(s) < 0 ? 0 : 6;
	}
	return s.len >= 2 && simple_escape(s.p[1]) ? 2 : 0;
}

/* At an opening quote. */
static bool read_string(struct json_in *r)
{
	struct slice s = slice_skip(r->rest, 1);
	size_t i = 0;
	bool ascii = true;

	r->escaped = false;
	while (i < s.len && s.p[i] != '"') {
		unsigned char c = (unsigned char)s.p[i];
		size_t len = c == '\\' ? escape_len(slice_skip(s, i)) : c >= 0x20 ? 1 : 0;
		if (len == 0) {
			advance(r, 1 + i);
			return false;
		}
		r->escaped |= c == '\\';
		ascii &= c < 0x80;
		i += len;
	}
	r->text = slice_first(s, i);
	size_t good = ascii ? i : utf8_valid_len(r->text);
	if (good < i || i == s.len) {
		advance(r, 1 + good);
		return false;
	}
	advance(r, i + 2);
	return true;
}

static size_t digits_len(struct slice s, size_t from)
{
	size_t i = from;

	while (i < s.len && ascii_is_digit(s.p[i])) {
		i++;
	}
	return i - from;
}

/* Length of the JSON number that s begins with. 0 for none, and *bad is where it breaks off. */
static size_t number_len(struct slice s, size_t *bad)
{
	size_t i = s.len > 0 && s.p[0] == '-' ? 1 : 0;
	size_t whole = digits_len(s, i), more = 0;

	*bad = i;
	if (whole == 0) {
		return 0;
	}
	i += s.p[i] == '0' ? 1 : whole;
	if (i < s.len && s.p[i] == '.') {
		more = digits_len(s, i + 1);
		*bad = i + 1;
		if (more == 0) {
			return 0;
		}
		i += 1 + more;
	}
	if (i < s.len && ascii_lower(s.p[i]) == 'e') {
		i += i + 1 < s.len && (s.p[i + 1] == '+' || s.p[i + 1] == '-') ? 2 : 1;
		more = digits_len(s, i);
		*bad = i;
		if (more == 0) {
			return 0;
		}
		i += more;
	}
	return i;
}

bool json_is_number(struct slice s)
{
	size_t bad;

	return s.len > 0 && number_len(s, &bad) == s.len;
}

static enum json_type read_number(struct json_in *r)
{
	size_t bad;
	size_t len = number_len(r->rest, &bad);

	if (len == 0) {
		advance(r, bad);
		return fail(r);
	}
	r->text = slice_first(r->rest, len);
	advance(r, len);
	value_done(r);
	return JSON_NUMBER;
}

static enum json_type read_word(struct json_in *r, struct slice word, enum json_type type)
{
	for (size_t i = 0; i < word.len; i++) {
		if (i == r->rest.len || r->rest.p[i] != word.p[i]) {
			advance(r, i);
			return fail(r);
		}
	}
	advance(r, word.len);
	value_done(r);
	return type;
}

static enum json_type open_level(struct json_in *r, bool object)
{
	if (r->depth == JSON_DEPTH_MAX) {
		return fail(r);
	}
	uint64_t bit = UINT64_C(1) << r->depth;
	r->in_object = object ? r->in_object | bit : r->in_object & ~bit;
	r->depth++;
	advance(r, 1);
	r->expects = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	return object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_type close_level(struct json_in *r)
{
	enum json_type type = in_object(r) ? JSON_OBJECT_END : JSON_ARRAY_END;

	advance(r, 1);
	r->depth--;
	value_done(r);
	return type;
}

static enum json_type read_value(struct json_in *r, char c)
{
	switch (c) {
	case '{': return open_level(r, true);
	case '[': return open_level(r, false);
	case 't': return read_word(r, SLICE_LIT("true"), JSON_TRUE);
	case 'f': return read_word(r, SLICE_LIT("false"), JSON_FALSE);
	case 'n': return read_word(r, SLICE_LIT("null"), JSON_NULL);
	case '"':
		if (!read_string(r)) {
			return fail(r);
		}
		value_done(r);
		return JSON_STRING;
	default: return read_number(r);
	}
}

static enum json_type read_key(struct json_in *r, char c)
{
	if (c != '"' || !read_string(r) || next_byte(r) != ':') {
		return fail(r);
	}
	advance(r, 1);
	r->expects = EXPECT_VALUE;
	return JSON_KEY;
}

enum json_type json_next(struct json_in *r)
{
	if (r->expects == FAILED) {
		return JSON_ERROR;
	}
	char c = next_byte(r);

	if (r->expects == EXPECT_NOTHING) {
		return r->rest.len == 0 ? JSON_NONE : fail(r);
	}
	char end = in_object(r) ? '}' : ']';
	if (r->expects != EXPECT_VALUE && c == end) {
		return close_level(r);
	}
	bool key = r->expects == EXPECT_KEY_OR_END;
	if (r->expects == EXPECT_COMMA_OR_END) {
		if (c != ',') {
			return fail(r);
		}
		advance(r, 1);
		key = in_object(r);
		c = next_byte(r);
	}
	return key ? read_key(r, c) : read_value(r, c);
}

enum json_type json_skip(struct json_in *r, enum json_type type)
{
	if (type == JSON_KEY) {
		type = json_next(r);
	}
	if (type != JSON_OBJECT && type != JSON_ARRAY) {
		return type;
	}
	unsigned outside = r->depth - 1;
	while (r->depth > outside && type != JSON_ERROR) {
		type = json_next(r);
	}
	return type;
}

/* Decodes the escape that s begins with; returns its length, 0 for none. */
static size_t unescape_one(struct slice s, char *out, size_t *made)
{
	size_t len = escape_len(s);

	if (len < 6) {
		if (len > 0) {
			out[(*made)++] = simple_escape(s.p[1]);
		}
		return len;
	}
	uint32_t code = (uint32_t)hex4(s);
	struct slice after = slice_skip(s, 6);
	if (code >= 0xd800 && code <= 0xdbff && slice_starts(after, SLICE_LIT("\\u"))) {
		int32_t low = hex4(after);
		if (low >= 0xdc00 && low <= 0xdfff) {
			code = 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
			len = 12;
		}
	}
	bool lone = code >= 0xd800 && code <= 0xdfff;
	*made += utf8_put(lone ? 0xfffd : code, out + *made);
	return len;
}

struct slice json_unescape(struct slice raw, char *out)
{
	size_t made = 0;

	if (slice_find(raw, '\\') == raw.len) {
		return raw;
	}
	while (raw.len > 0) {
		size_t plain = slice_find(raw, '\\');
		memcpy(out + made, raw.p, plain);
		made += plain;
		raw = slice_skip(raw, plain);
		size_t len = raw.len > 0 ? unescape_one(raw, out, &made) : 0;
		if (len == 0 && raw.len > 0) {
			return SLICE_NONE;
		}
		raw = slice_skip(raw, len);
	}
	return (struct slice){out, made};
}
