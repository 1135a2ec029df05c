/* Placeholders of test values: {i}, {i:03}, {i+1}, {i*37%100:02} (rule-language.md section 10).
 * sum = term { ("+" | "-") term }, term = factor { ("*" | "%") factor }, factor = "i" | integer.
 */
#include <inttypes.h>
#include <stdio.h>

#include "core/err.h"
#include "detect/rule_test.h"

enum { WIDTH_MAX = 18 };

struct reader {
	struct slice rest;
	int64_t i;
	int err;
};

static char next_char(const struct reader *r)
{
	return r->rest.len > 0 ? r->rest.p[0] : '\0';
}

static int64_t fail(struct reader *r, int err)
{
	r->err = r->err ? r->err : err;
	return 0;
}

static int64_t read_integer(struct reader *r)
{
	int64_t sum = 0;

	if (!ascii_is_digit(next_char(r))) {
		return fail(r, E_MALFORMED);
	}
	for (; ascii_is_digit(next_char(r)); r->rest = slice_skip(r->rest, 1)) {
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, next_char(r) - '0', &sum)) {
			return fail(r, E_RANGE);
		}
	}
	return sum;
}

static int64_t read_factor(struct reader *r)
{
	if (next_char(r) == 'i') {
		r->rest = slice_skip(r->rest, 1);
		return r->i;
	}
	return read_integer(r);
}

static int64_t read_term(struct reader *r)
{
	int64_t value = read_factor(r);

	while (!r->err && (next_char(r) == '*' || next_char(r) == '%')) {
		bool rest = next_char(r) == '%';
		r->rest = slice_skip(r->rest, 1);
		int64_t factor = read_factor(r);
		if (rest) {
			value = factor > 0 ? value % factor : fail(r, E_RANGE);
		} else if (__builtin_mul_overflow(value, factor, &value)) {
			return fail(r, E_RANGE);
		}
	}
	return value;
}

static int64_t read_sum(struct reader *r)
{
	int64_t value = read_term(r);

	while (!r->err && (next_char(r) == '+' || next_char(r) == '-')) {
		bool minus = next_char(r) == '-';
		r->rest = slice_skip(r->rest, 1);
		int64_t term = read_term(r);
		if (minus ? __builtin_sub_overflow(value, term, &value)
		          : __builtin_add_overflow(value, term, &value)) {
			return fail(r, E_RANGE);
		}
	}
	return value;
}

/* ":03" */
static int read_width(struct reader *r)
{
	if (next_char(r) != ':') {
		return 0;
	}
	r->rest = slice_skip(r->rest, 1);
	if (next_char(r) != '0') {
		return (int)fail(r, E_MALFORMED);
	}
	int64_t width = read_integer(r);
	return width <= WIDTH_MAX ? (int)width : (int)fail(r, E_RANGE);
}

/* Between the braces. */
static int write_placeholder(struct slice inside, int64_t i, char out[32], size_t *len)
{
	struct reader r = {.rest = inside, .i = i};
	int64_t value = read_sum(&r);
	int width = r.err ? 0 : read_width(&r);

	if (r.err || r.rest.len > 0) {
		return r.err ? r.err : E_MALFORMED;
	}
	*len = (size_t)snprintf(out, 32, "%0*" PRId64, width, value);
	return OK;
}

int test_expand(struct slice text, int64_t i, char *out, size_t out_max, struct slice *result)
{
	size_t len = 0;

	while (text.len > 0) {
		char digits[32];
		struct slice piece = slice_first(text, slice_find(text, '{'));
		if (piece.len == 0) {
			size_t close = slice_find(text, '}');
			if (close == text.len) {
				return E_MALFORMED;
			}
			int err = write_placeholder(slice_skip(slice_first(text, close), 1), i,
			                            digits, &piece.len);
			if (err) {
				return err;
			}
			piece.p = digits;
			text = slice_skip(text, close + 1);
		} else {
			text = slice_skip(text, piece.len);
		}
		if (piece.len > out_max - len) {
			return E_RANGE;
		}
		memcpy(out + len, piece.p, piece.len);
		len += piece.len;
	}
	*result = (struct slice){out, len};
	return OK;
}
