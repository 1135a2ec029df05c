/* One JSON object a line. Nearly all lines are flat and plain: ASCII strings without escapes,
 * simple numbers, null. A short way of one sweep reads those; whatever else it meets sends the
 * whole line to the reader of core/json, which alone decides what is refused.
 */
#include <string.h>

#ifdef __SSE2__
# include <emmintrin.h>
#endif

#include "core/json.h"
#include "decode/cdr_rows.h"

void cdr_json_split(struct slice rest, struct cdr_row *row)
{
	row->refused = REASON_NONE;
	row->lines = 0;
	row->quotes = false;
	row->doubled = false;
	row->cell_count = 0;
	cdr_row_close(row, rest, slice_find(rest, '\n'));
	if (row->text.len > CDR_ROW_MAX) {
		row->refused = REASON_CDR_TOO_LONG;
	} else if (slice_find(row->text, '\0') < row->text.len) {
		row->refused = REASON_CDR_NUL;
	}
}

/* The text of a raw JSON string; missing on a bad escape. */
static struct slice unescape(struct cdr_reader *r, struct slice raw, bool escaped)
{
	if (!escaped) {
		return raw;
	}
	struct slice text = json_unescape(raw, r->scratch + r->scratch_used);
	r->scratch_used += text.len;
	return text;
}

/* The value of a known member, whose first token is `type`. */
static enum reason read_value(struct cdr_reader *r, const struct json_in *in, enum json_type type,
                              struct slice *cell)
{
	if (type == JSON_NULL) {
		*cell = SLICE_NONE;
	} else if (type == JSON_NUMBER) {
		*cell = in->text;
	} else if (type == JSON_STRING) {
		*cell = unescape(r, in->text, in->escaped);
		if (!cell->p) {
			return REASON_CDR_JSON;
		}
		if (in->escaped && slice_find(*cell, '\0') < cell->len) {
			return REASON_CDR_NUL;
		}
	} else {
		return type == JSON_ERROR || type == JSON_NONE ? REASON_CDR_JSON
		                                               : REASON_CDR_BAD_VALUE;
	}
	return REASON_NONE;
}

/* The column that a member's name stands for; the name is not kept. */
static unsigned read_name(struct cdr_reader *r, const struct json_in *in, unsigned hint)
{
	size_t used = r->scratch_used;
	struct slice name = unescape(r, in->text, in->escaped);

	r->scratch_used = used;
	return cdr_column_find(name, hint);
}

enum reason cdr_json_cells_plain(struct cdr_reader *r, const struct cdr_row *row,
                                 struct cdr_cells *cells)
{
	struct json_in in = json_in(row->text);
	unsigned column = CDR_COLUMN_COUNT - 1;
	enum json_type type = json_next(&in);

	*cells = (struct cdr_cells){0};
	if (type != JSON_OBJECT) {
		return REASON_CDR_JSON;
	}
	for (type = json_next(&in); type == JSON_KEY; type = json_next(&in)) {
		unsigned found = read_name(r, &in, column + 1);
		if (found == CDR_COLUMN_COUNT) {
			r->unknown++;
			if (json_skip(&in, JSON_KEY) == JSON_ERROR) {
				return REASON_CDR_JSON;
			}
			continue;
		}
		column = found;
		enum reason refused = read_value(r, &in, json_next(&in), &cells->of[column]);
		if (refused) {
			return refused;
		}
	}
	return type == JSON_OBJECT_END && json_next(&in) == JSON_NONE ? REASON_NONE
	                                                              : REASON_CDR_JSON;
}

/* Length of a string whose content s begins with; s.len: it holds what the short way leaves. */
static size_t plain_string_len(struct slice s)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; i + 16 <= s.len; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.p + i));
		unsigned quote = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
		/* As signed bytes, all beyond ASCII are below the blank too. */
		__m128i other = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')),
		                             _mm_cmplt_epi8(v, _mm_set1_epi8(' ')));
		unsigned stop = quote | (unsigned)_mm_movemask_epi8(other);
		if (stop) {
			unsigned at = (unsigned)__builtin_ctz(stop);
			return quote >> at & 1 ? i + at : s.len;
		}
	}
#endif
	for (; i < s.len && s.p[i] != '"'; i++) {
		if (s.p[i] == '\\' || (signed char)s.p[i] < ' ') {
			return s.len;
		}
	}
	return i;
}

/* Digits, with a fraction or a minus, as JSON wants them; 0: not of that form. What follows the
 * number is the caller's to check.
 */
static size_t plain_number_len(struct slice s)
{
	size_t begin = s.len > 0 && s.p[0] == '-' ? 1 : 0;
	size_t i = begin;

	while (i < s.len && ascii_is_digit(s.p[i])) {
		i++;
	}
	if (i == begin || (s.p[begin] == '0' && i > begin + 1)) {
		return 0;
	}
	if (i < s.len && s.p[i] == '.') {
		size_t point = i++;
		while (i < s.len && ascii_is_digit(s.p[i])) {
			i++;
		}
		return i > point + 1 ? i : 0;
	}
	return i;
}

static void advance(struct slice *s, size_t len)
{
	s->p += len;
	s->len -= len;
}

static bool take(struct slice *s, char c)
{
	if (s->len == 0 || s->p[0] != c) {
		return false;
	}
	advance(s, 1);
	return true;
}

static bool take_string(struct slice *s, struct slice *text)
{
	if (!take(s, '"')) {
		return false;
	}
	size_t len = plain_string_len(*s);
	*text = slice_first(*s, len);
	advance(s, len);
	return take(s, '"');
}

/* A member's name with its colon, as a column. Producers keep one order of members, so that the
 * name can mostly be compared where it is expected instead of being looked for.
 */
static bool take_name(struct slice *s, unsigned hint, unsigned *column)
{
	struct slice name = hint < CDR_COLUMN_COUNT
	                            ? slice_of(cdr_column_name((enum cdr_column)hint))
	                            : SLICE_NONE;

	if (name.len > 0 && s->len > name.len + 1 && s->p[0] == '"' && s->p[name.len + 1] == '"' &&
	    memcmp(s->p + 1, name.p, name.len) == 0) {
		*column = hint;
		advance(s, name.len + 2);
	} else if (take_string(s, &name)) {
		*column = cdr_column_find(name, hint);
	} else {
		return false;
	}
	return take(s, ':');
}

static bool take_value(struct slice *s, struct slice *text)
{
	if (s->len > 0 && s->p[0] == '"') {
		return take_string(s, text);
	}
	if (slice_starts(*s, SLICE_LIT("null"))) {
		*text = SLICE_NONE;
		advance(s, 4);
		return true;
	}
	size_t len = plain_number_len(*s);
	*text = slice_first(*s, len);
	advance(s, len);
	return len > 0;
}

/* false: not of the plain shape; nothing of cells is good. */
static bool read_short(struct cdr_reader *r, struct slice s, struct cdr_cells *cells)
{
	unsigned hint = 0;
	unsigned column;
	uint64_t unknown = 0;
	struct slice value;

	*cells = (struct cdr_cells){0};
	if (!take(&s, '{')) {
		return false;
	}
	do {
		(void)take(&s, ' ');
		if (!take_name(&s, hint, &column)) {
			return false;
		}
		(void)take(&s, ' ');
		if (!take_value(&s, &value)) {
			return false;
		}
		if (column < CDR_COLUMN_COUNT) {
			cells->of[column] = value;
			hint = column + 1;
		} else {
			unknown++;
		}
	} while (take(&s, ','));
	if (!take(&s, '}') || s.len > 0) {
		return false;
	}
	r->unknown += unknown;
	return true;
}

enum reason cdr_json_cells(struct cdr_reader *r, const struct cdr_row *row, struct cdr_cells *cells)
{
	return read_short(r, row->text, cells) ? REASON_NONE : cdr_json_cells_plain(r, row, cells);
}
