#include "decode/cdr.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/err.h"
#include "core/json.h"
#include "decode/cdr_rows.h"

static const struct slice names[CDR_COLUMN_COUNT] = {
#define CDR_COLUMN(id, name) {name, sizeof(name) - 1},
#include "decode/cdr_columns.def"
#undef CDR_COLUMN
};

#define BIT(column) (UINT32_C(1) << (column))
#define REQUIRED    (BIT(CDR_COL_END_TIME) | BIT(CDR_COL_CALLER) | BIT(CDR_COL_CALLEE))

const char *cdr_column_name(enum cdr_column column)
{
	return names[column].p;
}

unsigned cdr_column_find(struct slice name, unsigned hint)
{
	if (hint < CDR_COLUMN_COUNT && slice_eq(name, names[hint])) {
		return hint;
	}
	unsigned column = 0;
	while (column < CDR_COLUMN_COUNT && !slice_eq_nocase(name, names[column])) {
		column++;
	}
	return column;
}

/* What comes before a record: byte order mark, empty lines, the header. */

static bool line_is_empty(struct slice text, size_t *size)
{
	size_t at = slice_find(text, '\n');

	*size = at + 1;
	return at < text.len && (at == 0 || (at == 1 && text.p[0] == '\r'));
}

static struct cdr_begin find_first_row(struct slice text)
{
	struct cdr_begin begin = {0, 1};
	size_t size;

	if (slice_starts(text, SLICE_LIT("\xef\xbb\xbf"))) {
		begin.offset = 3;
	}
	while (line_is_empty(slice_skip(text, begin.offset), &size)) {
		begin.offset += size;
		begin.line++;
	}
	return begin;
}

static bool is_json(struct slice text)
{
	struct slice s = slice_trim(text);

	if (s.len == 0 || s.p[0] != '{') {
		return false;
	}
	s = slice_trim(slice_skip(s, 1));
	return s.len == 0 || s.p[0] == '"' || s.p[0] == '}';
}

/* The columns of a header row into the reader. E_NOTFOUND: no header, or without a required
 * column; E_MALFORMED: a known column twice.
 */
static int read_header(struct cdr_reader *r, const struct cdr_row *row)
{
	unsigned known = 0;
	bool twice = false;

	r->scratch_used = 0;
	r->named = 0;
	r->cell_count = row->cell_count;
	for (unsigned i = 0; i < row->cell_count; i++) {
		unsigned column = cdr_column_find(slice_trim(cdr_csv_cell(r, row, i)), i);
		if (column == CDR_COLUMN_COUNT) {
			continue;
		}
		twice = twice || (r->named & BIT(column));
		r->named |= BIT(column);
		r->cell_of[column] = (uint8_t)i;
		known++;
	}
	r->unknown = r->cell_count - known;
	if ((r->named & REQUIRED) != REQUIRED) {
		return E_NOTFOUND;
	}
	return twice ? E_MALFORMED : OK;
}

enum cdr_form cdr_recognise(struct slice first_bytes)
{
	struct slice text = slice_skip(first_bytes, find_first_row(first_bytes).offset);
	struct cdr_reader r;
	struct cdr_row row;

	if (is_json(text)) {
		return CDR_JSON;
	}
	if (text.len == 0) {
		return CDR_NONE;
	}
	cdr_csv_split_plain(text, &row);
	return row.refused == REASON_NONE && read_header(&r, &row) != E_NOTFOUND ? CDR_CSV
	                                                                         : CDR_NONE;
}

/* The columns of a file without a header. */
static void use_fixed_columns(struct cdr_reader *r)
{
	r->cell_count = CDR_FIXED_COLUMNS;
	r->named = BIT(CDR_FIXED_COLUMNS) - 1;
	r->unknown = 0;
	for (unsigned i = 0; i < CDR_FIXED_COLUMNS; i++) {
		r->cell_of[i] = (uint8_t)i;
	}
}

static int begin_csv(struct cdr_reader *r, struct slice text, struct cdr_begin *begin,
                     const char **why)
{
	struct slice rest = slice_skip(text, begin->offset);
	struct cdr_row row;
	int err = E_NOTFOUND;

	if (rest.len > 0) {
		cdr_csv_split(rest, &row);
		err = row.refused ? E_NOTFOUND : read_header(r, &row);
	}
	if (err == OK) {
		begin->offset += row.size;
		begin->line += row.lines;
	} else if (err == E_MALFORMED) {
		*why = "the header names a column twice";
	} else if (r->options.format) {
		use_fixed_columns(r);
		err = OK;
	} else {
		*why = "the first row does not name end_time, caller and callee: give --format";
		err = E_UNSUPPORTED;
	}
	return err;
}

int cdr_reader_init(struct cdr_reader *r, const struct cdr_options *options, struct slice text,
                    struct cdr_begin *begin, const char **why)
{
	r->options = *options;
	r->cell_count = 0;
	r->named = 0;
	r->unknown = 0;
	r->scratch_used = 0;
	memset(r->date, 0, sizeof(r->date));
	if (options->format && strcmp(options->format, "generic") != 0) {
		*why = "unknown --format: only generic is known";
		return E_UNSUPPORTED;
	}
	*begin = find_first_row(text);
	return options->form == CDR_CSV ? begin_csv(r, text, begin, why) : OK;
}

void cdr_row_next(const struct cdr_reader *r, struct slice rest, struct cdr_row *row)
{
	if (r->options.form == CDR_CSV) {
		cdr_csv_split(rest, row);
	} else {
		cdr_json_split(rest, row);
	}
}

static enum reason read_cells(struct cdr_reader *r, const struct cdr_row *row, uint32_t wanted,
                              struct cdr_cells *cells)
{
	r->scratch_used = 0;
	if (row->refused) {
		return row->refused;
	}
	return r->options.form == CDR_CSV ? cdr_csv_cells(r, row, wanted, cells)
	                                  : cdr_json_cells(r, row, cells);
}

/* Typed cells. */

/* "12:03:15" and "12:03:15.123Z" behind a date that is known; false: to be read the long way. */
static bool read_clock(struct slice s, int64_t *us)
{
	unsigned bad = 0;
	unsigned pair[3];
	int64_t weight = US_PER_S;

	if (s.len < 9 || s.p[2] != ':' || s.p[5] != ':' || s.p[s.len - 1] != 'Z') {
		return false;
	}
	for (size_t i = 0; i < 3; i++) {
		unsigned tens = (unsigned)(unsigned char)s.p[3 * i] - '0';
		unsigned ones = (unsigned)(unsigned char)s.p[3 * i + 1] - '0';
		bad |= tens > 9 || ones > 9;
		pair[i] = tens * 10 + ones;
	}
	if (bad || pair[0] > 23 || pair[1] > 59 || pair[2] > 59 || s.len == 10 || s.len > 16 ||
	    (s.len > 9 && s.p[8] != '.')) {
		return false;
	}
	*us = pair[0] * US_PER_HOUR + pair[1] * US_PER_MIN + pair[2] * US_PER_S;
	for (size_t i = 9; i + 1 < s.len; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
		bad |= digit > 9;
		weight /= 10;
		*us += (int64_t)digit * weight;
	}
	return !bad;
}

/* instant_parse, but quicker for a time of the date that was read last. */
static bool read_time(struct cdr_reader *r, struct slice cell, int64_t *time_us)
{
	int64_t clock_us;

	cell = slice_trim(cell);
	*time_us = INSTANT_NONE;
	if (cell.len == 0) {
		return true;
	}
	bool quick = cell.len > CDR_DATE_TEXT &&
	             read_clock((struct slice){cell.p + CDR_DATE_TEXT, cell.len - CDR_DATE_TEXT},
	                        &clock_us);
	if (quick && memcmp(cell.p, r->date, CDR_DATE_TEXT) == 0) {
		*time_us = r->date_us + clock_us;
		return true;
	}
	if (instant_parse(cell, r->options.zone, time_us) != OK) {
		return false;
	}
	if (quick) {
		memcpy(r->date, cell.p, CDR_DATE_TEXT);
		r->date_us = *time_us - clock_us;
	}
	return true;
}

enum { MILLION = 1000000 };

/* Plain decimals, not negative and below 10^12, in millionths (further digits are cut); an empty
 * cell is INSTANT_NONE.
 */
static bool read_millionths(struct slice cell, int64_t *value)
{
	struct slice s = slice_trim(cell);
	int64_t sum = 0;
	int64_t weight = MILLION;
	size_t whole = 0;

	*value = INSTANT_NONE;
	if (s.len == 0) {
		return true;
	}
	for (; whole < s.len && ascii_is_digit(s.p[whole]); whole++) {
		if (whole == 12) {
			return false;
		}
		sum = sum * 10 + (s.p[whole] - '0');
	}
	sum *= MILLION;
	if (whole == 0 || (whole < s.len && (s.p[whole] != '.' || whole + 1 == s.len))) {
		return false;
	}
	for (size_t i = whole + 1; i < s.len; i++) {
		if (!ascii_is_digit(s.p[i])) {
			return false;
		}
		weight /= 10;
		sum += (s.p[i] - '0') * weight;
	}
	*value = sum;
	return true;
}

/* A whole number of min to max; 0 and an empty cell are missing. */
static bool read_code(struct slice cell, int64_t min, int64_t max, int64_t *code)
{
	int64_t millionths;

	*code = INSTANT_NONE;
	if (!read_millionths(cell, &millionths)) {
		return false;
	}
	if (millionths == INSTANT_NONE || millionths == 0) {
		return true;
	}
	*code = millionths / MILLION;
	return millionths % MILLION == 0 && *code >= min && *code <= max;
}

static bool read_attest(struct slice cell, uint8_t *attest)
{
	cell = slice_trim(cell);
	*attest = ATTEST_NONE;
	if (cell.len == 1 && cell.p[0] >= 'A' && cell.p[0] <= 'C') {
		*attest = (uint8_t)(ATTEST_A + (cell.p[0] - 'A'));
		return true;
	}
	return cell.len == 0;
}

static bool read_cost(struct slice cell, double *cost)
{
	cell = slice_trim(cell);
	return cell.len == 0 || decimal_parse(cell, cost) == OK;
}

static bool read_ip(struct slice cell, struct ip *ip)
{
	cell = slice_trim(cell);
	return cell.len == 0 || ip_parse(cell, ip) == OK;
}

static uint8_t read_hangup(struct slice cell)
{
	int value = cell.len ? enum_value(ENUM_HANGUP, slice_trim(cell)) : HANGUP_UNKNOWN;

	return (uint8_t)(value < 0 ? HANGUP_UNKNOWN : value);
}

/* Text cells and where they go. */
static const struct text_column {
	uint8_t column;
	uint16_t member;
} text_columns[] = {
	{CDR_COL_CALLER, offsetof(struct event, caller.text)},
	{CDR_COL_CALLEE, offsetof(struct event, callee.text)},
	{CDR_COL_TRUNK_IN, offsetof(struct event, trunk_in)},
	{CDR_COL_TRUNK_OUT, offsetof(struct event, trunk_out)},
	{CDR_COL_CALLER_NAME, offsetof(struct event, display)},
	{CDR_COL_USER_AGENT, offsetof(struct event, ua)},
	{CDR_COL_ACCOUNT, offsetof(struct event, account)},
	{CDR_COL_IMEI, offsetof(struct event, imei)},
	{CDR_COL_IMSI, offsetof(struct event, imsi)},
	{CDR_COL_CELL, offsetof(struct event, cell)},
	{CDR_COL_DIVERTING, offsetof(struct event, divert.text)},
	{CDR_COL_ORIGID, offsetof(struct event, stir_origid)},
};

static void set_texts(const struct cdr_cells *cells, struct event *e)
{
	for (size_t i = 0; i < sizeof(text_columns) / sizeof(text_columns[0]); i++) {
		struct slice cell = cells->of[text_columns[i].column];
		if (cell.len > 0) {
			memcpy((char *)e + text_columns[i].member, &cell, sizeof(cell));
		}
	}
}

static enum reason set_times(struct cdr_reader *r, const struct cdr_cells *cells, struct event *e)
{
	if (slice_trim(cells->of[CDR_COL_END_TIME]).len == 0) {
		return REASON_CDR_NO_END;
	}
	if (!read_time(r, cells->of[CDR_COL_END_TIME], &e->time_us) ||
	    !read_time(r, cells->of[CDR_COL_START_TIME], &e->start_us) ||
	    !read_time(r, cells->of[CDR_COL_ANSWER_TIME], &e->answer_us)) {
		return REASON_CDR_BAD_TIME;
	}
	/* INSTANT_NONE is below every time. */
	e->answered = e->answer_us != INSTANT_NONE;
	if (e->time_us < e->start_us || e->time_us < e->answer_us ||
	    (e->answered && e->answer_us < e->start_us)) {
		return REASON_CDR_TIME_ORDER;
	}
	e->duration_us = e->answered ? e->time_us - e->answer_us : 0;
	if (e->start_us != INSTANT_NONE) {
		e->ring_us = (e->answered ? e->answer_us : e->time_us) - e->start_us;
	}
	return REASON_NONE;
}

static enum reason set_values(const struct cdr_cells *cells, struct event *e)
{
	int64_t ring;

	if (!read_code(cells->of[CDR_COL_SIP_CODE], 100, 699, &e->sip_code) ||
	    !read_code(cells->of[CDR_COL_Q850], 1, 127, &e->q850) ||
	    !read_millionths(cells->of[CDR_COL_RING_MS], &ring) ||
	    !read_attest(cells->of[CDR_COL_ATTEST], &e->attest) ||
	    !read_cost(cells->of[CDR_COL_COST], &e->cost) ||
	    !read_ip(cells->of[CDR_COL_SRC_IP], &e->src) ||
	    !read_ip(cells->of[CDR_COL_DST_IP], &e->dst)) {
		return REASON_CDR_BAD_VALUE;
	}
	if (ring != INSTANT_NONE) {
		e->ring_us = ring / US_PER_MS;
	}
	e->hangup_by = read_hangup(cells->of[CDR_COL_HANGUP_BY]);
	e->cause = cause_of(e->sip_code, e->q850, e->answered);
	e->forwarded = cells->of[CDR_COL_DIVERTING].len > 0;
	return REASON_NONE;
}

static struct slice call_id_of(struct cdr_reader *r, const struct cdr_row *row,
                               const struct cdr_cells *cells)
{
	static const char digits[] = "0123456789abcdef";

	if (cells->of[CDR_COL_CALL_ID].len > 0) {
		return cells->of[CDR_COL_CALL_ID];
	}
	uint64_t hash = hash_slice(r->options.key, row->text);
	char *out = r->scratch + r->scratch_used;
	for (unsigned i = 0; i < CDR_HASH_TEXT; i++) {
		out[i] = digits[hash >> (60 - 4 * i) & 15];
	}
	r->scratch_used += CDR_HASH_TEXT;
	return (struct slice){out, CDR_HASH_TEXT};
}

enum reason cdr_row_event(struct cdr_reader *r, const struct cdr_row *row, struct event *e)
{
	struct cdr_cells cells;
	enum reason refused = read_cells(r, row, UINT32_MAX, &cells);

	if (refused) {
		return refused;
	}
	event_init(e, KIND_CALL);
	refused = set_times(r, &cells, e);
	if (refused) {
		return refused;
	}
	set_texts(&cells, e);
	if (slice_trim(e->caller.text).len == 0 && slice_trim(e->callee.text).len == 0) {
		return REASON_CDR_NO_NUMBERS;
	}
	e->call_id = call_id_of(r, row, &cells);
	return set_values(&cells, e);
}

enum reason cdr_row_times(struct cdr_reader *r, const struct cdr_row *row, int64_t *start_us,
                          int64_t *end_us)
{
	struct cdr_cells cells;
	enum reason refused =
		read_cells(r, row, BIT(CDR_COL_START_TIME) | BIT(CDR_COL_END_TIME), &cells);

	if (refused) {
		return refused;
	}
	if (slice_trim(cells.of[CDR_COL_END_TIME]).len == 0) {
		return REASON_CDR_NO_END;
	}
	return read_time(r, cells.of[CDR_COL_END_TIME], end_us) &&
	                       (!start_us || read_time(r, cells.of[CDR_COL_START_TIME], start_us))
	               ? REASON_NONE
	               : REASON_CDR_BAD_TIME;
}

struct slice cdr_row_call_id(struct cdr_reader *r, const struct cdr_row *row)
{
	struct cdr_cells cells;

	return read_cells(r, row, BIT(CDR_COL_CALL_ID), &cells) ? SLICE_NONE
	                                                        : call_id_of(r, row, &cells);
}

void cdr_attempt_of_call(struct event *e)
{
	e->kind = KIND_ATTEMPT;
	e->time_us = e->start_us;
	e->answered = false;
	e->start_us = INSTANT_NONE;
	e->answer_us = INSTANT_NONE;
	e->duration_us = 0;
	e->ring_us = INSTANT_NONE;
	e->q850 = INSTANT_NONE;
	e->sip_code = INSTANT_NONE;
	e->cause = CAUSE_UNKNOWN;
	e->hangup_by = HANGUP_UNKNOWN;
	e->cost = (double)NAN;
	e->cell = SLICE_NONE;
	e->imei = SLICE_NONE;
	e->imsi = SLICE_NONE;
}
