/* Diagnostics of user text (rules, configuration, lists): collected, never printed one by one.
 *
 * A message has a place, a stable code and, where one helps, a hint. All mistakes of all files
 * are reported in one run, in the order of file and position. Printed form (rule-language.md
 * section 9): a window of 78 characters of the source line; where the place is so far right that
 * the window begins later, "…" stands before it and the caret is always 45 columns in:
 *
 *	bad/bad.yaml:6:99: error[E030]: unknown field 'caller.nmu'
 *	    6 | …ty: low, on: call, key: caller.num, where: 'caller.nmu == "+4477"', output: {s
 *	      |                                              ^
 *	      = help: did you mean caller.num?
 */
#ifndef ENGINE_CORE_DIAG_H
#define ENGINE_CORE_DIAG_H

#include <stdbool.h>
#include <stdio.h>

#include "core/arena.h"
#include "core/buf.h"
#include "core/slice.h"

/* A text file kept for its lines; owned by the diags that loaded it. A byte order mark at its
 * beginning is not part of the text.
 */
struct source_file {
	const char *path; /* as the user named it */
	struct slice text;
	unsigned order; /* of reading */
	struct source_file *next;
};

/* line and column count from 1; columns count code points. line 0: the file as a whole. */
struct place {
	const struct source_file *file;
	unsigned line;
	unsigned column;
};

struct diag {
	struct place at;
	bool warning;
	const char *code; /* "E030", "W101" */
	struct slice message;
	struct slice hint; /* may be missing */
	struct diag *next;
};

struct diags {
	struct arena arena; /* holds messages and files */
	struct source_file *files;
	struct source_file *last_file;
	struct diag *first;
	struct diag *last;
	unsigned errors;
	unsigned warnings;
};

void diags_init(struct diags *d);
void diags_fini(struct diags *d);

/* Reads a whole file (at most size_max bytes) and keeps it. On failure NULL and an error E001 in
 * d that names the file and the reason.
 */
const struct source_file *diags_read(struct diags *d, const char *path, size_t size_max);
/* The same for text that is already in memory (copied): tests, fuzzing. */
const struct source_file *diags_file(struct diags *d, const char *name, struct slice text);

/* The message is built with printf; hint is copied, SLICE_NONE for none. code is static text and
 * decides: "W…" is a warning. When memory is used up the message is lost but still counted.
 */
void diag_add(struct diags *d, struct place at, const char *code, struct slice hint,
              const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Sorted by file order of reading, line, column. */
void diags_sort(struct diags *d);
void diags_print(const struct diags *d, struct buf *out);
/* [{"file","line","column","severity","code","message","hint"}]; what is missing is null. */
void diags_json(const struct diags *d, struct buf *out);

/* The nearest of count names to word, or NULL: for "did you mean". Near is an edit distance (a
 * swap of neighbours is one) of at most 2 and below half the length of word; else a name that
 * abbreviates word or is abbreviated by it: the first 3 letters equal and the others of the shorter
 * in order in the longer, as in intl for internal.
 */
const char *nearest_name(struct slice word, const char *const *names, size_t count);

#endif
