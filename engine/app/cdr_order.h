/* Brings the rows of a file of call records into the order of their times, whatever order they
 * stand in.
 *
 * Rows come ordered by end, by start or nearly, so most of them need not travel far. A first pass
 * (the survey, made by cdr_order_open) reads the times only and keeps, for each block of rows, the
 * smallest time that still comes behind it. The second pass takes a block at a time, sorts the
 * references to its rows, hands out those below that mark and keeps the others in core/extsort
 * until the mark has passed them. Memory is a block, a few bytes a block of the file, and the rows
 * that are open at a time; a shuffled file makes extsort spill.
 */
#ifndef ENGINE_APP_CDR_ORDER_H
#define ENGINE_APP_CDR_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/extsort.h"
#include "core/slice.h"
#include "decode/cdr.h"

enum { CDR_BLOCK_ROWS = 16384 };

/* A row, as a call at its end or as an attempt at its start. */
struct row_ref {
	int64_t time_us;
	uint64_t place; /* offset of the row << 1 | attempt */
	uint64_t line;  /* in the file, from 1 */
};

static inline size_t row_ref_offset(const struct row_ref *ref)
{
	return ref->place >> 1;
}

static inline bool row_ref_attempt(const struct row_ref *ref)
{
	return ref->place & 1;
}

struct cdr_order_options {
	bool attempts;        /* a row with a start is also an attempt */
	size_t memory_max;    /* of extsort */
	const char *temp_dir; /* of extsort */
	/* Every row of the second pass that is not empty, once, in the order of the file; refused
	 * unless REASON_NONE. */
	void (*seen)(void *user, const struct cdr_row *row, uint64_t line, enum reason refused);
	/* After each block of either pass: bytes of both passes done. */
	void (*progress)(void *user, size_t done);
	void *user;
};

struct cdr_order {
	struct cdr_order_options options;
	struct slice text;
	struct cdr_reader *reader; /* borrowed */
	struct cdr_begin at;       /* of the next row to load */
	int64_t *later_min;        /* by block: the smallest time behind it */
	size_t block_count;
	size_t block; /* blocks loaded */
	struct row_ref *refs;
	struct row_ref *refs_scratch;
	size_t ref_count;
	size_t ref_next;
	struct extsort *open; /* rows of blocks before that end later */
	struct row_ref popped;
	bool has_popped;
	struct cdr_row row;
};

/* text and reader outlive o. E_NOMEM, E_IO; after a failure nothing needs closing. */
int cdr_order_open(struct cdr_order *o, const struct cdr_order_options *options, struct slice text,
                   struct cdr_begin begin, struct cdr_reader *reader);
/* The next reference by time: OK, E_END, E_NOMEM or E_IO. Those of one time in no order. */
int cdr_order_next(struct cdr_order *o, struct row_ref *ref);
void cdr_order_close(struct cdr_order *o);

/* Sorts by time_us, equal ones in their order: radix sort, least significant digit first over the
 * bits in which the times differ (which are less than 2^63 apart); scratch has room for count.
 */
void row_refs_sort(struct row_ref *refs, struct row_ref *scratch, size_t count);

#endif
