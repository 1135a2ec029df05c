#include "app/cdr_ties.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"

int cdr_ties_init(struct cdr_ties *t, struct slice text, const struct cdr_reader *reader)
{
	*t = (struct cdr_ties){.text = text};
	arena_init(&t->ids, CDR_TIES_IDS_MAX);
	for (int i = 0; i < 2; i++) {
		t->readers[i] = malloc(sizeof(*reader));
		if (!t->readers[i]) {
			cdr_ties_fini(t);
			return E_NOMEM;
		}
		memcpy(t->readers[i], reader, sizeof(*reader));
	}
	return OK;
}

void cdr_ties_fini(struct cdr_ties *t)
{
	free(t->readers[0]);
	free(t->readers[1]);
	free(t->rows);
	free(t->scratch);
	arena_fini(&t->ids);
	*t = (struct cdr_ties){0};
}

bool cdr_ties_empty(const struct cdr_ties *t)
{
	return t->next == t->count;
}

static int grow(struct cdr_ties *t)
{
	size_t capacity = t->capacity ? t->capacity * 2 : 1024;
	struct tied_row *rows = realloc(t->rows, capacity * sizeof(*rows));

	if (!rows) {
		return E_NOMEM;
	}
	t->rows = rows;
	struct tied_row *scratch = realloc(t->scratch, capacity * sizeof(*scratch));
	if (!scratch) {
		return E_NOMEM;
	}
	t->scratch = scratch;
	t->capacity = capacity;
	return OK;
}

int cdr_ties_add(struct cdr_ties *t, const struct row_ref *ref)
{
	if (cdr_ties_empty(t)) {
		t->count = 0;
		t->next = 0;
		arena_reset(&t->ids);
	}
	if (t->count == t->capacity) {
		int err = grow(t);
		if (err) {
			return err;
		}
	}
	t->rows[t->count++] = (struct tied_row){.ref = *ref};
	return OK;
}

bool cdr_ties_next(struct cdr_ties *t, struct row_ref *ref)
{
	if (cdr_ties_empty(t)) {
		return false;
	}
	*ref = t->rows[t->next++].ref;
	return true;
}

static void split(const struct cdr_ties *t, const struct row_ref *ref, struct cdr_row *row)
{
	cdr_row_next(t->readers[0], slice_skip(t->text, row_ref_offset(ref)), row);
}

static void read_call_id(struct cdr_ties *t, struct tied_row *tied)
{
	struct cdr_row row;

	split(t, &tied->ref, &row);
	struct slice id = cdr_row_call_id(t->readers[0], &row);
	bool in_text = id.p >= t->text.p && id.p < t->text.p + t->text.len;
	tied->call_id = in_text ? id : arena_copy(&t->ids, id);
}

/* Two attempts or two calls: by call id, then refused ones last, then as events. */
static int compare_slow(struct cdr_ties *t, const struct row_ref *a, const struct row_ref *b)
{
	struct cdr_row rows[2];
	struct event events[2];

	split(t, a, &rows[0]);
	split(t, b, &rows[1]);
	int order = slice_cmp(cdr_row_call_id(t->readers[0], &rows[0]),
	                      cdr_row_call_id(t->readers[1], &rows[1]));
	if (order) {
		return order;
	}
	bool bad_a = cdr_row_event(t->readers[0], &rows[0], &events[0]) != REASON_NONE;
	bool bad_b = cdr_row_event(t->readers[1], &rows[1], &events[1]) != REASON_NONE;
	if (bad_a || bad_b) {
		return bad_a - bad_b;
	}
	if (row_ref_attempt(a)) {
		cdr_attempt_of_call(&events[0]);
		cdr_attempt_of_call(&events[1]);
	}
	return event_cmp(&events[0], &events[1]);
}

static int compare(struct cdr_ties *t, const struct tied_row *a, const struct tied_row *b)
{
	/* KIND_ATTEMPT is before KIND_CALL. */
	int order = row_ref_attempt(&b->ref) - row_ref_attempt(&a->ref);

	if (order) {
		return order;
	}
	if (a->call_id.p && b->call_id.p) {
		order = slice_cmp(a->call_id, b->call_id);
	}
	return order ? order : compare_slow(t, &a->ref, &b->ref);
}

enum { RUN = 8 };

static void sort_run(struct cdr_ties *t, struct tied_row *rows, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct tied_row row = rows[i];
		size_t at = i;
		for (; at > 0 && compare(t, &rows[at - 1], &row) > 0; at--) {
			rows[at] = rows[at - 1];
		}
		rows[at] = row;
	}
}

/* Two sorted neighbours of from into one of to. Runs that are in order already only move. */
static void merge(struct cdr_ties *t, const struct tied_row *from, struct tied_row *to,
                  size_t middle, size_t end)
{
	size_t a = 0;
	size_t b = middle;

	if (middle < end && compare(t, &from[middle - 1], &from[middle]) <= 0) {
		b = end;
	}
	for (size_t i = 0; i < end; i++) {
		bool take_a = b == end || (a < middle && compare(t, &from[a], &from[b]) <= 0);
		to[i] = from[take_a ? a++ : b++];
	}
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

void cdr_ties_sort(struct cdr_ties *t)
{
	for (size_t i = 0; t->count > 1 && i < t->count; i++) {
		read_call_id(t, &t->rows[i]);
	}
	for (size_t i = 0; i < t->count; i += RUN) {
		sort_run(t, t->rows + i, min_size(RUN, t->count - i));
	}
	for (size_t width = RUN; width < t->count; width *= 2) {
		for (size_t i = 0; i < t->count; i += 2 * width) {
			size_t end = min_size(2 * width, t->count - i);
			merge(t, t->rows + i, t->scratch + i, min_size(width, end), end);
		}
		struct tied_row *swap = t->rows;
		t->rows = t->scratch;
		t->scratch = swap;
	}
}
