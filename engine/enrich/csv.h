/* Reads the rows of a reference table: one row a line, cells between separators, RFC 4180 quotes
 * (a quoted cell ends on its line), '#' comments and blank lines skipped, blanks around cells
 * dropped. A file is read in pieces, so that a table of 50 M rows needs no second copy in memory.
 *
 *	struct csv c;
 *	if (csv_open(&c, path, diags) == OK && csv_header(&c, names, count, required)) {
 *		while (csv_next(&c)) {
 *			use(csv_cell(&c, 0), csv_cell(&c, 1));      valid until the next row
 *		}
 *	}
 *	bool whole = !csv_failed(&c);
 *	csv_close(&c);
 *
 * Mistakes become diagnostics with line and column; after CSV_ERRORS_MAX of them reading stops.
 */
#ifndef ENGINE_ENRICH_CSV_H
#define ENGINE_ENRICH_CSV_H

#include <stdbool.h>
#include <stdio.h>

#include "core/buf.h"
#include "core/diag.h"
#include "core/slice.h"

enum { CSV_CELLS = 16, CSV_LINE_MAX = 64 * 1024, CSV_ERRORS_MAX = 20 };

struct csv {
	struct diags *diags;
	const char *path;
	const struct source_file *file; /* of diagnostics; NULL before the first one */
	char separator;
	FILE *input; /* NULL: everything is in `left` */
	struct buf chunk;
	struct slice left; /* bytes read, not yet handed out */
	struct slice text; /* the present line */
	unsigned line;
	unsigned count;
	struct slice cells[CSV_CELLS];
	size_t starts[CSV_CELLS];         /* where in the line each begins */
	struct buf scratch;               /* quoted cells */
	unsigned width;                   /* cells that a row must have; 0: any number */
	signed char column_of[CSV_CELLS]; /* name -> cell, -1: the file has no such column */
	unsigned errors;
};

/* E_NOTFOUND without a diagnostic when there is no such file; E_IO with E070. In both cases there
 * is nothing to close.
 */
int csv_open(struct csv *c, const char *path, struct diags *d);
/* E070 for a file that csv_open did not find and that must be there. */
void csv_missing(struct csv *c);
/* Reads a text in memory instead; it outlives c. */
void csv_use(struct csv *c, const struct source_file *file, struct diags *d);
void csv_close(struct csv *c);

/* False at the end, and when too much was wrong. A row that cannot be split is E071 and skipped. */
bool csv_next(struct csv *c);

/* Takes the first row as the header: count names in any order; the first `required` of them must
 * be there. E070 and false otherwise.
 */
bool csv_header(struct csv *c, const char *const *names, unsigned count, unsigned required);
/* Back to the first row behind the header. False where the input cannot be read again. */
bool csv_rewind(struct csv *c);
/* The cell of a name of the header; missing (p NULL) without that column or when empty. */
struct slice csv_cell(const struct csv *c, unsigned name);

/* A mistake in a cell (its number in the row) of the present line. */
void csv_fail(struct csv *c, unsigned cell, const char *code, struct slice hint, const char *format,
              ...) __attribute__((format(printf, 5, 6)));
struct place csv_place(struct csv *c, unsigned cell);
/* The cell of a name of the header; 0 without that column. */
unsigned csv_cell_of(const struct csv *c, unsigned name);

static inline bool csv_failed(const struct csv *c)
{
	return c->errors > 0;
}

#endif
