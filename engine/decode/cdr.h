/* Generic call records (interfaces.md 1.1): a row of CSV (RFC 4180) or a line of JSON becomes a
 * struct event, without copying what need not be unescaped.
 *
 *	err = cdr_reader_init(&reader, &options, text, &begin, &why);     header row, column table
 *	for (rest = slice_skip(text, begin.offset); rest.len > 0; rest = slice_skip(rest, row.size))
 *{ cdr_row_next(&reader, rest, &row); if (row.text.len > 0) { refused = cdr_row_event(&reader,
 *&row, &event);
 *		}
 *	}
 *
 * CSV. A cell that begins with a quote runs to its closing quote and may hold commas, doubled
 * quotes and line breaks; a quote anywhere else is refused, as is one that is not closed. So that
 * one broken quote costs one row and not the rest of the file, a row that is refused for its
 * quotes or its length ends at its first line break, whatever the quotes say. Lines end with LF or
 * CRLF; a last line without one counts; empty lines are nothing.
 *
 * Cells. An empty cell and a JSON null are missing. Times, codes and other typed cells may stand
 * between blanks; text is taken as it is. Whole numbers may be written "200.0", as data frames
 * write columns with gaps. sip_code 0 and q850 0 mean missing; another sip_code outside 100 to 699,
 * a q850 above 127, an attest other than A, B, C, an address that is none, a negative ring_ms are
 * CDR_BAD_VALUE; so is true, false, an object or an array in a known JSON member. Of JSON members
 * of one name the last counts.
 *
 * Pure functions over the caller's storage. A reader belongs to one thread (it holds the unescaped
 * text of the present row and a count); slices of an event point into the row or into the reader
 * and are valid until the next call with that reader.
 */
#ifndef ENGINE_DECODE_CDR_H
#define ENGINE_DECODE_CDR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/slice.h"
#include "core/stats.h"
#include "core/tz.h"
#include "model/enums.h"
#include "model/event.h"

enum cdr_form { CDR_NONE = 0, CDR_CSV, CDR_JSON };

enum cdr_column {
#define CDR_COLUMN(id, name) CDR_COL_##id,
#include "decode/cdr_columns.def"
#undef CDR_COLUMN
	CDR_COLUMN_COUNT,
};

enum {
	CDR_ROW_MAX = 64 * 1024, /* bytes of a row without its LF */
	CDR_CELLS_MAX = 256,
	CDR_HASH_TEXT = 16, /* a call id made of the row's hash */
	CDR_DATE_TEXT = 11, /* "2026-03-02T" */
	CDR_FIXED_COLUMNS = CDR_COL_ATTEST + 1,
};

/* What the first bytes of an input are: JSON when the first thing in it is a brace; CSV when the
 * first row names at least end_time, caller and callee (any order, any case, quoted or not, a byte
 * order mark before it); else CDR_NONE.
 */
enum cdr_form cdr_recognise(struct slice first_bytes);
/* The name of a column as the interface spells it. */
const char *cdr_column_name(enum cdr_column column);

struct cdr_options {
	enum cdr_form form;
	const char *format;         /* of CSV whose first row is no header: "generic"; NULL */
	const struct tz *zone;      /* of times without an offset; NULL: UTC */
	const struct hash_key *key; /* of call ids that the row does not give */
};

struct cdr_reader {
	struct cdr_options options;
	/* CSV: the columns that the header names, a bit each, and the cells they stand in. */
	unsigned cell_count;
	uint32_t named;
	uint8_t cell_of[CDR_COLUMN_COUNT];
	/* Columns (CSV) or members so far (JSON) that nothing here reads. */
	uint64_t unknown;
	/* The date that the last time was of: rows of a file share few. */
	char date[CDR_DATE_TEXT];
	int64_t date_us;
	size_t scratch_used;
	char scratch[CDR_ROW_MAX + CDR_HASH_TEXT];
};

/* Where the first record stands. */
struct cdr_begin {
	size_t offset;
	uint64_t line; /* from 1 */
};

/* Reads what precedes the first record of text: byte order mark, header row. text is the whole
 * input or as much as holds its first row. E_UNSUPPORTED: an unknown format, or CSV without a
 * known header and without a format; E_MALFORMED: a header that names a column twice or has too
 * many; *why says so for people.
 */
int cdr_reader_init(struct cdr_reader *r, const struct cdr_options *options, struct slice text,
                    struct cdr_begin *begin, const char **why);

/* One row as the splitter sees it. */
struct cdr_row {
	struct slice text;   /* without its line break; empty: an empty line */
	size_t size;         /* with it: where the next row begins */
	uint32_t lines;      /* LF in it */
	enum reason refused; /* REASON_NONE, or why it cannot be read further */
	/* CSV: where each cell ends, in bytes from the begin of the row. */
	bool quotes;
	bool doubled; /* quotes within quotes */
	unsigned cell_count;
	uint32_t cell_end[CDR_CELLS_MAX];
};

/* The first row of rest, which is not empty. */
void cdr_row_next(const struct cdr_reader *r, struct slice rest, struct cdr_row *row);

/* REASON_NONE and the row as an event of kind call; or why it is refused (REASON_CDR_…), the
 * event then unspecified.
 */
enum reason cdr_row_event(struct cdr_reader *r, const struct cdr_row *row, struct event *e);

/* Only the times that order a row: *end_us as above, *start_us (may be NULL: not wanted)
 * INSTANT_NONE when not given. What it accepts cdr_row_event may still refuse, never the other way
 * round.
 */
enum reason cdr_row_times(struct cdr_reader *r, const struct cdr_row *row, int64_t *start_us,
                          int64_t *end_us);

/* The call id that cdr_row_event would give; missing for a row that it would refuse unread. */
struct slice cdr_row_call_id(struct cdr_reader *r, const struct cdr_row *row);

/* Turns the event of a call record into the attempt that it also tells of (`attempts: true`): at
 * its start, which is given, with nothing of the result.
 */
void cdr_attempt_of_call(struct event *e);

#endif
