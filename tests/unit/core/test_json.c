/* json.h: tables, random documents whose events are known, a plain recogniser of RFC 8259 beside
 * the reader for documents that are one change away, and the writer read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/json.h"
#include "core/utf8.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A letter an event, so that a document's events are a word. */
static const char letters[] = {
	[JSON_NONE] = '.',      [JSON_OBJECT] = '{', [JSON_OBJECT_END] = '}', [JSON_ARRAY] = '[',
	[JSON_ARRAY_END] = ']', [JSON_KEY] = 'k',    [JSON_STRING] = 's',     [JSON_NUMBER] = 'n',
	[JSON_TRUE] = 't',      [JSON_FALSE] = 'f',  [JSON_NULL] = '0',       [JSON_ERROR] = '!',
};

/* Reads a copy of exactly the text's length; the events go to out (room for 2 * len + 2), the place
 * of the end or error is returned.
 */
static size_t read_events(struct slice text, char *out)
{
	char *copy = malloc(text.len ? text.len : 1);
	enum json_type type;

	assert_non_null(copy);
	memcpy(copy, text.p, text.len);
	struct json_in r = json_in((struct slice){copy, text.len});
	do {
		type = json_next(&r);
		*out++ = letters[type];
	} while (type != JSON_NONE && type != JSON_ERROR);
	assert_int_equal(json_next(&r), type); /* sticky */
	*out = '\0';
	free(copy);
	return r.pos;
}

static const struct {
	const char *text;
	const char *events;
	size_t pos;
} rows[] = {
	{"{\"a\":1,\"b\":[true,false,null]}", "{knk[tf0]}.", 29},
	{"{\"a\":1,\"b\":[true,false,null]", "{knk[tf0]!", 28},
	{"{\"a\":1,\"b\":[true,false,null}", "{knk[tf0!", 27},
	{"{\"a\":1,\"b\":[true,false,nul]}", "{knk[tf!", 26},
	{"{\"a\":1,\"b\":[true,false,]}", "{knk[tf!", 23},
	{"{\"a\":1,\"b\":[,true]}", "{knk[!", 12},
	{"{\"a\":1,\"b\":[true false]}", "{knk[t!", 17},
	{"{\"a\":1,\"b\" [true]}", "{kn!", 11},
	{"{\"a\":1,\"b\"}", "{kn!", 10},
	{"{\"a\":1,}", "{kn!", 7},
	{"{,\"a\":1}", "{!", 1},
	{"{a:1}", "{!", 1},
	{"{\"a\":1]", "{kn!", 6},
	{"{\"a\":1}x", "{kn}!", 7},
	{"{\"a\":1} {}", "{kn}!", 8},
	{"", "!", 0},
	{" ", "!", 1},
	{" \t\r\n1 \t\r\n", "n.", 9},
	{"\f1", "!", 0},
	{"\xef\xbb\xbf"
         "1",
         "!", 0},
	{"0", "n.", 1},
	{"-0", "n.", 2},
	{"-", "!", 1},
	{"+1", "!", 0},
	{"01", "n!", 1},
	{"1.5", "n.", 3},
	{"1.", "!", 2},
	{".5", "!", 0},
	{"1.5e+10", "n.", 7},
	{"1.5E-10", "n.", 7},
	{"1.5e", "!", 4},
	{"1.5e+", "!", 5},
	{"1e5.5", "n!", 3},
	{"0x10", "n!", 1},
	{"NaN", "!", 0},
	{"True", "!", 0},
	{"tru", "!", 3},
	{"truex", "t!", 4},
	{"\"a\\u00e9\\n\\\\\"", "s.", 13},
	{"\"a\\u00g9\"", "!", 2},
	{"\"a\\u00e\"", "!", 2},
	{"\"a\\x\"", "!", 2},
	{"\"a\\\"", "!", 4},
	{"\"a", "!", 2},
	{"\"a\nb\"", "!", 2},
	{"\"a\x1f\"", "!", 2},
	{"\"a\x20\"", "s.", 4},
	{"\"a\x7f\xc3\xa9\"", "s.", 6},
	{"\"a\xc3\"", "!", 2},
	{"\"a\xed\xa0\x80\"", "!", 2},
	{"'a'", "!", 0},
	{"[]", "[].", 2},
	{"{}", "{}.", 2},
	{"[[],{}]", "[[]{}].", 7},
	{"]", "!", 0},
	{"[1}", "[n!", 2},
	{"// x\n1", "!", 0},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char events[128];
		size_t pos = read_events(slice_of(rows[i].text), events);
		if (strcmp(events, rows[i].events) != 0 || pos != rows[i].pos) {
			fail_msg("%s: %s at %zu, not %s at %zu", rows[i].text, events, pos,
			         rows[i].events, rows[i].pos);
		}
	}
	char nul[] = "[1,\0 2]", events[32];
	assert_int_equal(read_events((struct slice){nul, sizeof(nul) - 1}, events), 3);
	assert_string_equal(events, "[n!");
}

static void test_depth(void **state)
{
	(void)state;
	for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
		char text[512] = {0}, events[512];
		for (size_t i = 0; i < depth; i++) {
			strcat(text, i % 2 ? "{\"k\":" : "[");
		}
		strcat(text, "1");
		for (size_t i = depth; i-- > 0;) {
			strcat(text, i % 2 ? "}" : "]");
		}
		(void)read_events(slice_of(text), events);
		assert_int_equal(strchr(events, '!') == NULL, depth <= JSON_DEPTH_MAX);
	}
}

static void test_skip(void **state)
{
	struct json_in r = json_in(SLICE_LIT("{\"a\":{\"x\":[1,{}]},\"b\":[[]],\"c\":3,\"d\":4}"));

	(void)state;
	assert_int_equal(json_next(&r), JSON_OBJECT);
	assert_int_equal(json_next(&r), JSON_KEY);
	assert_int_equal(json_skip(&r, json_next(&r)), JSON_OBJECT_END);
	assert_int_equal(json_next(&r), JSON_KEY);
	assert_int_equal(json_skip(&r, JSON_KEY), JSON_ARRAY_END);
	assert_int_equal(json_next(&r), JSON_KEY);
	assert_int_equal(json_skip(&r, json_next(&r)), JSON_NUMBER);
	assert_int_equal(json_next(&r), JSON_KEY);
	assert_true(slice_eq(r.text, SLICE_LIT("d")));
	assert_int_equal(json_next(&r), JSON_NUMBER);
	assert_int_equal(json_next(&r), JSON_OBJECT_END);
	assert_int_equal(json_next(&r), JSON_NONE);
	r = json_in(SLICE_LIT("[[1,[2}]"));
	assert_int_equal(json_skip(&r, json_next(&r)), JSON_ERROR);
}

static void test_unescape(void **state)
{
	static const struct {
		const char *raw;
		const char *want; /* NULL: refused */
	} cases[] = {
		{"plain", "plain"},
		{"a\\\"\\\\\\/b", "a\"\\/b"},
		{"\\b\\f\\n\\r\\t", "\b\f\n\r\t"},
		{"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"},
		{"\\ud83d\\ude00!", "\xf0\x9f\x98\x80!"},
		{"\\ud800\\udc00", "\xf0\x90\x80\x80"},
		{"\\udbff\\udfff", "\xf4\x8f\xbf\xbf"},
		{"\\uD83D!", "\xef\xbf\xbd!"},
		{"\\ude00", "\xef\xbf\xbd"},
		{"\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
		{"\\ud83d\\u0041", "\xef\xbf\xbd"
	                           "A"},
		{"\\ud83d\\n", "\xef\xbf\xbd\n"},
		{"\\u12", NULL},
		{"\\u12g4", NULL},
		{"\\q", NULL},
		{"a\\", NULL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t len = strlen(cases[i].raw);
		char *raw = malloc(len), *room = malloc(len);
		assert_true(raw && room);
		memcpy(raw, cases[i].raw, len);
		struct slice got = json_unescape((struct slice){raw, len}, room);
		if (!cases[i].want) {
			assert_null(got.p);
		} else if (!slice_eq(got, slice_of(cases[i].want))) {
			fail_msg("%s: %.*s", cases[i].raw, SLICE_FMT(got));
		}
		free(room);
		free(raw);
	}
}

/* Random documents: the text and the events it must give. */
struct random_document {
	struct buf text;
	struct buf events;
};

static void put_blank(struct random_document *d)
{
	static const char *const blanks[] = {"", "", "", " ", "\n", "\t ", "\r\n"};

	buf_text(&d->text, blanks[(size_t)random() % COUNT(blanks)]);
}

static void put_random_string(struct random_document *d)
{
	static const char *const pieces[] = {"a",       "Z",    " ",    "é",   "€",
	                                     "😀",       "\\\"", "\\\\", "\\n", "\\u00E9",
	                                     "\\ud83d", "\x7f", "{",    ",",   ""};

	buf_char(&d->text, '"');
	for (long i = random() % 5; i > 0; i--) {
		buf_text(&d->text, pieces[(size_t)random() % COUNT(pieces)]);
	}
	buf_char(&d->text, '"');
}

static void put_random_value(struct random_document *d, int depth)
{
	static const char *const plain[] = {"true",  "false", "null",   "0",     "-0",     "12",
	                                    "-3.25", "1e5",   "0.5E-3", "1e+99", "123456", "9.0"};
	static const char plain_events[] = "tf0nnnnnnnnn";
	long kind = random() % (depth > 0 ? 4 : 2);
	size_t one = (size_t)random() % COUNT(plain);

	put_blank(d);
	if (kind == 0) {
		buf_text(&d->text, plain[one]);
		buf_char(&d->events, plain_events[one]);
	} else if (kind == 1) {
		put_random_string(d);
		buf_char(&d->events, 's');
	} else {
		const char *pair = kind == 2 ? "[]" : "{}";
		buf_char(&d->text, pair[0]);
		buf_char(&d->events, pair[0]);
		for (long i = 0, count = random() % 4; i < count; i++) {
			buf_text(&d->text, i > 0 ? "," : "");
			if (kind == 3) {
				put_blank(d);
				put_random_string(d);
				put_blank(d);
				buf_char(&d->text, ':');
				buf_char(&d->events, 'k');
			}
			put_random_value(d, depth - 1);
		}
		put_blank(d);
		buf_char(&d->text, pair[1]);
		buf_char(&d->events, pair[1]);
	}
	put_blank(d);
}

/* The grammar of RFC 8259 written down rule by rule: where the value at p ends, NULL for none. The
 * texts are NUL-terminated, and NUL is in no rule.
 */
static const char *slow_value(const char *p);

static const char *slow_blank(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static const char *slow_string(const char *p)
{
	if (*p++ != '"') {
		return NULL;
	}
	while (*p != '"') {
		if ((unsigned char)*p < 0x20) {
			return NULL;
		}
		if (*p++ == '\\') {
			size_t hex = *p == 'u' ? strspn(p + 1, "0123456789abcdefABCDEF") : 0;
			if (*p == '\0' || !strchr("\"\\/bfnrtu", *p) || (*p == 'u' && hex < 4)) {
				return NULL;
			}
			p++;
		}
	}
	return p + 1;
}

static const char *slow_number(const char *p)
{
	static const char digits[] = "0123456789";

	p += *p == '-';
	if (strspn(p, digits) == 0) {
		return NULL;
	}
	p += *p == '0' ? 1 : strspn(p, digits);
	if (*p == '.') {
		if (strspn(p + 1, digits) == 0) {
			return NULL;
		}
		p += 1 + strspn(p + 1, digits);
	}
	if (*p == 'e' || *p == 'E') {
		p += p[1] == '+' || p[1] == '-' ? 2 : 1;
		if (strspn(p, digits) == 0) {
			return NULL;
		}
		p += strspn(p, digits);
	}
	return p;
}

static const char *slow_members(const char *p, bool object)
{
	char end = object ? '}' : ']';

	p = slow_blank(p + 1);
	if (*p == end) {
		return p + 1;
	}
	while (p) {
		if (object) {
			p = slow_string(slow_blank(p));
			p = p ? slow_blank(p) : NULL;
			p = p && *p == ':' ? p + 1 : NULL;
		}
		p = p ? slow_value(slow_blank(p)) : NULL;
		p = p ? slow_blank(p) : NULL;
		if (p && *p == end) {
			return p + 1;
		}
		p = p && *p == ',' ? p + 1 : NULL;
	}
	return NULL;
}

static const char *slow_value(const char *p)
{
	static const char *const plain[] = {"true", "false", "null"};

	for (size_t i = 0; i < COUNT(plain); i++) {
		if (strncmp(p, plain[i], strlen(plain[i])) == 0) {
			return p + strlen(plain[i]);
		}
	}
	if (*p == '{' || *p == '[') {
		return slow_members(p, *p == '{');
	}
	return *p == '"' ? slow_string(p) : slow_number(p);
}

static bool slow_valid(struct slice text)
{
	const char *end = slow_value(slow_blank(text.p));

	return utf8_valid(text) && end && slow_blank(end) == text.p + text.len;
}

/* Deletes, changes or inserts one byte, or cuts the text off. */
static struct slice change_one(struct slice text, char *out)
{
	static const char bytes[] = "{}[]\",:\\0123.eE+-tfnu/ \n\x01\xc3\xa9\xff"
				    "a";
	size_t at = (size_t)random() % (text.len + 1);
	char byte = bytes[(size_t)random() % (sizeof(bytes) - 1)];
	long how = random() % 4;
	size_t skip = at < text.len && how < 2 ? 1 : 0;

	memcpy(out, text.p, at);
	size_t len = at;
	if (how == 1 || how == 2) {
		out[len++] = byte;
	}
	if (how < 3) {
		memcpy(out + len, text.p + at + skip, text.len - at - skip);
		len += text.len - at - skip;
	}
	out[len] = '\0';
	return (struct slice){out, len};
}

static void test_random_documents(void **state)
{
	struct random_document d = {0};
	size_t refused = 0, rounds = 20000;

	(void)state;
	srandom(7);
	for (size_t round = 0; round < rounds; round++) {
		buf_reset(&d.text);
		buf_reset(&d.events);
		put_random_value(&d, 4);
		buf_char(&d.events, '.');
		buf_char(&d.events, '\0');
		size_t room = 2 * d.text.len + 8;
		char *events = malloc(room), *changed = malloc(room);
		assert_true(events && changed);
		assert_int_equal(read_events(buf_view(&d.text), events), d.text.len);
		assert_string_equal(events, d.events.p);
		struct slice s = change_one(buf_view(&d.text), changed);
		(void)read_events(s, events);
		bool valid = strchr(events, '!') == NULL;
		if (valid != slow_valid(s)) {
			fail_msg("%s: %s", s.p, events);
		}
		refused += !valid;
		free(changed);
		free(events);
	}
	assert_in_range(refused, rounds / 4, rounds - rounds / 20); /* both sides were seen */
	buf_fini(&d.text);
	buf_fini(&d.events);
}

static void test_writer(void **state)
{
	struct buf b = {0};
	struct json_out w = json_out(&b);

	(void)state;
	json_object(&w);
	json_key(&w, "a\"");
	json_array(&w);
	json_int(&w, INT64_MIN);
	json_double(&w, 0.1);
	json_double(&w, (double)INFINITY);
	json_double(&w, (double)NAN);
	json_array_end(&w);
	json_key_slice(&w, SLICE_LIT("b"));
	json_object(&w);
	json_object_end(&w);
	json_key(&w, "c");
	json_array(&w);
	json_array_end(&w);
	json_key(&w, "d");
	json_text(&w, "\x01\b\f\n\r\t\x1f\x7f\\/\"é");
	json_key(&w, "e");
	json_slice(&w, (struct slice){"a\xff\xfe\0b", 5});
	json_key(&w, "f");
	json_bool(&w, true);
	json_key(&w, "g");
	json_text(&w, NULL);
	json_key(&w, "h");
	json_raw(&w, SLICE_LIT("[1]"));
	json_key(&w, "i");
	json_slice(&w, SLICE_LIT(""));
	json_object_end(&w);
	buf_char(&b, '\0');
	assert_string_equal(
		b.p, "{\"a\\\"\":[-9223372036854775808,0.1,null,null],\"b\":{},\"c\":[],"
		     "\"d\":\"\\u0001\\b\\f\\n\\r\\t\\u001f\x7f\\\\/\\\"é\","
		     "\"e\":\"a\xef\xbf\xbd\\u0000b\",\"f\":true,\"g\":null,\"h\":[1],\"i\":\"\"}");
	buf_fini(&b);
}

/* Any bytes written as a string read back as the repaired text. */
static void test_strings_read_back(void **state)
{
	struct buf b = {0};

	(void)state;
	srandom(3);
	for (int round = 0; round < 20000; round++) {
		char text[16], repaired[48], room[256];
		struct slice s = {text, (size_t)random() % sizeof(text)};
		for (size_t i = 0; i < s.len; i++) {
			text[i] = (char)(random() % 4 ? random() % 0x80 : random());
		}
		buf_reset(&b);
		struct json_out w = json_out(&b);
		json_slice(&w, s);
		struct json_in r = json_in(buf_view(&b));
		assert_int_equal(json_next(&r), JSON_STRING);
		assert_int_equal(r.escaped, slice_find(r.text, '\\') < r.text.len);
		assert_true(slice_eq(json_unescape(r.text, room),
		                     (struct slice){repaired, utf8_repair(s, repaired)}));
		assert_int_equal(json_next(&r), JSON_NONE);
	}
	buf_fini(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_unescape),
		cmocka_unit_test(test_random_documents),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_strings_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
