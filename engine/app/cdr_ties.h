/* The rows of one instant in the order of their events (event_cmp): call records have times in
 * whole seconds more often than not, so ties are the rule and not the exception.
 *
 * Sorting needs the call ids only; rows that share one, or whose ids have no room, are read whole
 * while they are compared. Memory: 48 bytes a row of the largest instant, twice, plus at most
 * CDR_TIES_IDS_MAX of ids that are not written in the file as such (hashes, escaped ones).
 *
 *	cdr_ties_add(t, &ref) ... cdr_ties_sort(t); while (cdr_ties_next(t, &ref)) ...
 */
#ifndef ENGINE_APP_CDR_TIES_H
#define ENGINE_APP_CDR_TIES_H

#include <stdbool.h>
#include <stddef.h>

#include "app/cdr_order.h"
#include "core/arena.h"

enum { CDR_TIES_IDS_MAX = 64 << 20 };

struct tied_row {
	struct slice call_id; /* missing: not read, or had no room */
	struct row_ref ref;
};

struct cdr_ties {
	struct slice text;
	struct cdr_reader *readers[2]; /* owned: to compare two rows */
	struct tied_row *rows;
	struct tied_row *scratch;
	size_t capacity;
	size_t count;
	size_t next;
	struct arena ids;
};

/* text outlives t; the reader is copied. E_NOMEM; after a failure nothing needs fini. */
int cdr_ties_init(struct cdr_ties *t, struct slice text, const struct cdr_reader *reader);
void cdr_ties_fini(struct cdr_ties *t);

/* All handed out, none added since: a next instant may begin. */
bool cdr_ties_empty(const struct cdr_ties *t);
/* E_NOMEM. */
int cdr_ties_add(struct cdr_ties *t, const struct row_ref *ref);
void cdr_ties_sort(struct cdr_ties *t);
bool cdr_ties_next(struct cdr_ties *t, struct row_ref *ref);

#endif
