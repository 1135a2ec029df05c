/* RFC 4180 rows. The fast splitter takes 32 bytes at a time into a mask of the bytes that mean
 * something (comma, LF, quote, NUL) and visits only those; a row of 150 bytes has some 13. With
 * quotes the mask of what stands inside of them is the running exclusive-or of the quotes (as in
 * G. Langdale, D. Lemire, "Parsing gigabytes of JSON per second"), and only cell ends are visited.
 */
#include <string.h>

#ifdef __SSE2__
# include <emmintrin.h>
#endif

#include "decode/cdr_rows.h"

void cdr_row_close(struct cdr_row *row, struct slice rest, size_t at)
{
	bool more = at < rest.len;
	size_t len = at > 0 && rest.p[at - 1] == '\r' ? at - 1 : at;

	row->text = slice_first(rest, len);
	row->size = at + (more ? 1 : 0);
	row->lines += more ? 1 : 0;
}

void cdr_row_refuse(struct cdr_row *row, struct slice rest, enum reason refused)
{
	row->lines = 0;
	row->refused = refused;
	cdr_row_close(row, rest, slice_find(rest, '\n'));
}

static void begin_row(struct cdr_row *row)
{
	row->refused = REASON_NONE;
	row->lines = 0;
	row->quotes = false;
	row->doubled = false;
	row->cell_count = 0;
}

static inline void add_cell(struct cdr_row *row, size_t at)
{
	if (row->cell_count < CDR_CELLS_MAX) {
		row->cell_end[row->cell_count] = (uint32_t)at;
	}
	row->cell_count++;
}

static void close_cells(struct cdr_row *row, struct slice rest, size_t at)
{
	cdr_row_close(row, rest, at);
	add_cell(row, row->text.len);
	if (row->cell_count > CDR_CELLS_MAX) {
		row->refused = REASON_CDR_COLUMNS;
	}
}

enum quote_state { CELL_BEGIN = 0, BARE, QUOTED, QUOTE_SEEN };

/* The state behind one byte outside of quotes that is no comma and no LF; -1: a broken quote. A CR
 * may stand behind a closing quote only as part of the line's end.
 */
static int state_after(enum quote_state state, struct slice rest, size_t at)
{
	char c = rest.p[at];

	if (c == '"') {
		return state == CELL_BEGIN ? QUOTED : -1;
	}
	if (state != QUOTE_SEEN) {
		return BARE;
	}
	return c == '\r' && (at + 1 == rest.len || rest.p[at + 1] == '\n') ? QUOTE_SEEN : -1;
}

/* A row that reached the bound, or the end of the text, at `at`. */
static void close_unended(struct cdr_row *row, struct slice rest, size_t at, bool quoted)
{
	if (quoted && (at == rest.len || row->lines > 0)) {
		cdr_row_refuse(row, rest, REASON_CDR_QUOTE);
	} else if (at == rest.len && at <= CDR_ROW_MAX) {
		close_cells(row, rest, at);
	} else {
		cdr_row_refuse(row, rest, REASON_CDR_TOO_LONG);
	}
}

void cdr_csv_split_plain(struct slice rest, struct cdr_row *row)
{
	size_t limit = rest.len < CDR_ROW_MAX + 1 ? rest.len : CDR_ROW_MAX + 1;
	int state = CELL_BEGIN;
	bool nul = false;
	size_t at = 0;

	begin_row(row);
	for (; at < limit; at++) {
		char c = rest.p[at];
		nul = nul || c == '\0';
		if (state == QUOTED) {
			row->lines += c == '\n';
			state = c == '"' ? QUOTE_SEEN : QUOTED;
		} else if (state == QUOTE_SEEN && c == '"') {
			state = QUOTED;
			row->doubled = true;
		} else if (c == '\n') {
			break;
		} else if (c == ',') {
			add_cell(row, at);
			state = CELL_BEGIN;
		} else {
			state = state_after((enum quote_state)state, rest, at);
			row->quotes = row->quotes || state == QUOTED;
			if (state < 0) {
				cdr_row_refuse(row, rest, REASON_CDR_QUOTE);
				return;
			}
		}
	}
	if (at < limit) {
		close_cells(row, rest, at);
	} else {
		close_unended(row, rest, at, state == QUOTED);
	}
	if (nul && row->refused == REASON_NONE) {
		row->refused = REASON_CDR_NUL;
	}
}

#ifdef __SSE2__

enum { BLOCK = 32 };

/* A bit a byte of the block that equals c. */
static inline uint32_t bytes_equal(const char *p, char c)
{
	__m128i wanted = _mm_set1_epi8(c);
	__m128i low = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i high = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, wanted)) |
	       (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, wanted)) << 16;
}

static inline uint32_t specials_16(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i ends = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(',')),
	                            _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
	__m128i rare = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
	                            _mm_cmpeq_epi8(v, _mm_setzero_si128()));

	return (uint32_t)_mm_movemask_epi8(_mm_or_si128(ends, rare));
}

static inline uint32_t specials(const char *p)
{
	return specials_16(p) | specials_16(p + 16) << 16;
}

/* Rows without quotes; false: not of that shape, nothing of row is good. */
static bool split_bare(struct slice rest, struct cdr_row *row)
{
	size_t limit = rest.len < CDR_ROW_MAX ? rest.len : CDR_ROW_MAX;
	unsigned count = 0;

	for (size_t block = 0; block + BLOCK <= limit; block += BLOCK) {
		for (uint32_t mask = specials(rest.p + block); mask; mask &= mask - 1) {
			size_t at = block + (unsigned)__builtin_ctz(mask);
			if (rest.p[at] == ',' && count < CDR_CELLS_MAX - 1) {
				row->cell_end[count++] = (uint32_t)at;
			} else if (rest.p[at] == '\n') {
				row->cell_count = count;
				close_cells(row, rest, at);
				return true;
			} else {
				return false;
			}
		}
	}
	return false;
}

/* The bits of a block from each odd quote on up to the next one: what stands inside of quotes. */
static inline uint32_t between_quotes(uint32_t quotes)
{
	for (unsigned shift = 1; shift < BLOCK; shift *= 2) {
		quotes ^= quotes << shift;
	}
	return quotes;
}

/* What a block with quotes leaves to the next one. */
struct quote_carry {
	uint32_t inside; /* all ones: it ended inside of quotes */
	uint32_t begins; /* 1: a cell, or the second of two quotes, may begin with the next byte */
	uint32_t closed; /* 1: its last byte closed quotes */
};

/* The ends of cells in a block, up to that of the row; false: for the plain splitter. */
static bool find_ends(struct slice rest, size_t block, struct quote_carry *carry,
                      struct cdr_row *row, uint32_t *ends)
{
	const char *p = rest.p + block;
	uint32_t quotes = bytes_equal(p, '"');
	uint32_t lines = bytes_equal(p, '\n');
	uint32_t inside = between_quotes(quotes) ^ carry->inside;
	uint32_t opening = quotes & inside;
	uint32_t closing = quotes & ~inside;
	uint32_t outside = (bytes_equal(p, ',') | lines) & ~inside;
	uint32_t last = lines & ~inside;
	uint32_t of_row = last ? last ^ (last - 1) : UINT32_MAX;
	uint32_t may_open = (outside | closing) << 1 | carry->begins;
	uint32_t behind = closing << 1 | carry->closed;

	if ((bytes_equal(p, '\0') | (opening & ~may_open)) & of_row) {
		return false;
	}
	for (uint32_t odd = behind & ~(opening | outside) & of_row; odd; odd &= odd - 1) {
		const char *at = p + __builtin_ctz(odd);
		if (at[0] != '\r' || at[1] != '\n') {
			return false;
		}
	}
	row->doubled = row->doubled || (opening & behind & of_row);
	row->lines += (uint32_t)__builtin_popcount(lines & inside & of_row);
	*ends = outside & of_row;
	carry->inside = inside >> 31 ? UINT32_MAX : 0;
	carry->begins = (outside | closing) >> 31;
	carry->closed = closing >> 31;
	return true;
}

/* Rows with quotes that are not broken. */
static bool split_quoted(struct slice rest, struct cdr_row *row)
{
	size_t limit = rest.len < CDR_ROW_MAX ? rest.len : CDR_ROW_MAX;
	struct quote_carry carry = {.begins = 1};
	uint32_t ends;

	begin_row(row);
	row->quotes = true;
	/* Behind a CR one more byte is looked at. */
	for (size_t block = 0; block + BLOCK + 1 <= limit; block += BLOCK) {
		if (!find_ends(rest, block, &carry, row, &ends)) {
			return false;
		}
		for (; ends; ends &= ends - 1) {
			size_t at = block + (unsigned)__builtin_ctz(ends);
			if (row->cell_count == CDR_CELLS_MAX - 1) {
				return false;
			}
			if (rest.p[at] == '\n') {
				close_cells(row, rest, at);
				return true;
			}
			row->cell_end[row->cell_count++] = (uint32_t)at;
		}
	}
	return false;
}

void cdr_csv_split(struct slice rest, struct cdr_row *row)
{
	begin_row(row);
	if (!split_bare(rest, row) && !split_quoted(rest, row)) {
		cdr_csv_split_plain(rest, row);
	}
}

#else

void cdr_csv_split(struct slice rest, struct cdr_row *row)
{
	cdr_csv_split_plain(rest, row);
}

#endif

static struct slice raw_cell(const struct cdr_row *row, unsigned cell)
{
	size_t begin = cell > 0 ? row->cell_end[cell - 1] + 1 : 0;

	return (struct slice){row->text.p + begin, row->cell_end[cell] - begin};
}

static struct slice undouble(struct cdr_reader *r, struct slice s)
{
	char *out = r->scratch + r->scratch_used;
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++) {
		out[len++] = s.p[i];
		i += s.p[i] == '"';
	}
	r->scratch_used += len;
	return (struct slice){out, len};
}

struct slice cdr_csv_cell(struct cdr_reader *r, const struct cdr_row *row, unsigned cell)
{
	struct slice s = raw_cell(row, cell);

	if (s.len < 2 || s.p[0] != '"') {
		return s;
	}
	s = (struct slice){s.p + 1, s.len - 2};
	return row->doubled ? undouble(r, s) : s;
}

enum reason cdr_csv_cells(struct cdr_reader *r, const struct cdr_row *row, uint32_t wanted,
                          struct cdr_cells *cells)
{
	if (row->cell_count != r->cell_count) {
		return REASON_CDR_COLUMNS;
	}
	*cells = (struct cdr_cells){0};
	for (uint32_t left = r->named & wanted; left; left &= left - 1) {
		unsigned column = (unsigned)__builtin_ctz(left);
		unsigned cell = r->cell_of[column];
		cells->of[column] = row->quotes ? cdr_csv_cell(r, row, cell) : raw_cell(row, cell);
	}
	return REASON_NONE;
}
