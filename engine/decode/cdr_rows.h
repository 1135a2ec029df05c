/* Between the files of the call record decoder: a row as text becomes a row as cells, in CSV and
 * in JSON alike; decode/cdr.c makes the event of them.
 */
#ifndef ENGINE_DECODE_CDR_ROWS_H
#define ENGINE_DECODE_CDR_ROWS_H

#include "decode/cdr.h"

/* The known cells of one row; p == NULL or len == 0: missing. */
struct cdr_cells {
	struct slice of[CDR_COLUMN_COUNT];
};

/* The splitter of CSV in plain form: the oracle of the fast one, which also sends here whatever
 * is not of the common shape (broken quotes, NUL, rows near the bound or the end of the text).
 */
void cdr_csv_split_plain(struct slice rest, struct cdr_row *row);
/* The same with SSE2 where the machine has it. */
void cdr_csv_split(struct slice rest, struct cdr_row *row);
/* A cell without its quotes, doubled ones undoubled into the reader's scratch. */
struct slice cdr_csv_cell(struct cdr_reader *r, const struct cdr_row *row, unsigned cell);
/* Those of the wanted columns (a bit each) that the header names. */
enum reason cdr_csv_cells(struct cdr_reader *r, const struct cdr_row *row, uint32_t wanted,
                          struct cdr_cells *cells);

void cdr_json_split(struct slice rest, struct cdr_row *row);
/* By core/json: the oracle of the short way, and where it sends what it does not read. */
enum reason cdr_json_cells_plain(struct cdr_reader *r, const struct cdr_row *row,
                                 struct cdr_cells *cells);
enum reason cdr_json_cells(struct cdr_reader *r, const struct cdr_row *row,
                           struct cdr_cells *cells);

/* The row ends before at (its LF, or the end of rest); a CR before the LF is not text. */
void cdr_row_close(struct cdr_row *row, struct slice rest, size_t at);
/* Refused: the row ends at its first line break. */
void cdr_row_refuse(struct cdr_row *row, struct slice rest, enum reason refused);

/* The column of a name in any case, or CDR_COLUMN_COUNT; hint, where it is likely, is tried first.
 */
unsigned cdr_column_find(struct slice name, unsigned hint);

#endif
