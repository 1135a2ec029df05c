#include "app/cdr_order.h"

#include <stdlib.h>
#include <string.h>

#include "core/ensure.h"
#include "core/err.h"

static int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The row at `at`, and its times, that of an attempt where one is wanted; at moves behind it. */
static enum reason read_row(struct cdr_order *o, struct cdr_begin *at, int64_t *start_us,
                            int64_t *end_us)
{
	cdr_row_next(o->reader, slice_skip(o->text, at->offset), &o->row);
	at->offset += o->row.size;
	at->line += o->row.lines;
	return o->row.text.len > 0 ? cdr_row_times(o->reader, &o->row,
	                                           o->options.attempts ? start_us : NULL, end_us)
	                           : REASON_NONE;
}

static void tell_progress(const struct cdr_order *o, size_t done)
{
	if (o->options.progress) {
		o->options.progress(o->options.user, done);
	}
}

/* The smallest time of the next block; INT64_MAX when it has none. */
static int64_t survey_block(struct cdr_order *o, struct cdr_begin *at)
{
	int64_t least = INT64_MAX;
	int64_t start_us = INSTANT_NONE;
	int64_t end_us;

	for (size_t rows = 0; rows < CDR_BLOCK_ROWS && at->offset < o->text.len;) {
		enum reason refused = read_row(o, at, &start_us, &end_us);
		if (o->row.text.len == 0) {
			continue;
		}
		rows++;
		if (refused == REASON_NONE) {
			least = min_i64(least, end_us);
			if (start_us != INSTANT_NONE) {
				least = min_i64(least, start_us);
			}
		}
	}
	return least;
}

static int survey(struct cdr_order *o)
{
	struct cdr_begin at = o->at;
	size_t capacity = 0;

	while (at.offset < o->text.len) {
		if (o->block_count == capacity) {
			capacity = capacity ? capacity * 2 : 64;
			int64_t *grown = realloc(o->later_min, capacity * sizeof(*grown));
			if (!grown) {
				return E_NOMEM;
			}
			o->later_min = grown;
		}
		o->later_min[o->block_count++] = survey_block(o, &at);
		tell_progress(o, at.offset);
	}
	/* From the smallest of a block to the smallest behind it. */
	int64_t least = INT64_MAX;
	for (size_t i = o->block_count; i-- > 0;) {
		int64_t own = o->later_min[i];
		o->later_min[i] = least;
		least = min_i64(least, own);
	}
	return OK;
}

static int allocate(struct cdr_order *o)
{
	size_t refs = o->options.attempts ? 2 * (size_t)CDR_BLOCK_ROWS : CDR_BLOCK_ROWS;
	struct extsort_options options = {.memory_max = o->options.memory_max,
	                                  .temp_dir = o->options.temp_dir};

	o->refs = malloc(refs * sizeof(*o->refs));
	o->refs_scratch = malloc(refs * sizeof(*o->refs));
	return o->refs && o->refs_scratch ? extsort_new(&options, &o->open) : E_NOMEM;
}

int cdr_order_open(struct cdr_order *o, const struct cdr_order_options *options, struct slice text,
                   struct cdr_begin begin, struct cdr_reader *reader)
{
	*o = (struct cdr_order){.options = *options, .text = text, .reader = reader, .at = begin};
	int err = allocate(o);
	if (err == OK) {
		err = survey(o);
	}
	if (err) {
		cdr_order_close(o);
	}
	return err;
}

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

/* One stable pass by the digit at `shift` of time_us - least. */
static void sort_by_digit(const struct row_ref *from, struct row_ref *to, size_t count,
                          int64_t least, unsigned shift)
{
	uint32_t begin[DIGITS] = {0};
	uint32_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		begin[(uint64_t)(from[i].time_us - least) >> shift & (DIGITS - 1)]++;
	}
	for (size_t d = 0; d < DIGITS; d++) {
		uint32_t own = begin[d];
		begin[d] = sum;
		sum += own;
	}
	for (size_t i = 0; i < count; i++) {
		to[begin[(uint64_t)(from[i].time_us - least) >> shift & (DIGITS - 1)]++] = from[i];
	}
}

void row_refs_sort(struct row_ref *refs, struct row_ref *scratch, size_t count)
{
	int64_t least = INT64_MAX;
	int64_t most = INT64_MIN;
	bool sorted = true;
	struct row_ref *from = refs;
	struct row_ref *to = scratch;

	for (size_t i = 0; i < count; i++) {
		sorted = sorted && refs[i].time_us >= most;
		least = min_i64(least, refs[i].time_us);
		most = refs[i].time_us > most ? refs[i].time_us : most;
	}
	if (sorted) {
		return;
	}
	for (unsigned shift = 0; shift < 64 && (uint64_t)(most - least) >> shift;
	     shift += DIGIT_BITS) {
		sort_by_digit(from, to, count, least, shift);
		struct row_ref *swap = from;
		from = to;
		to = swap;
	}
	if (from != refs) {
		memcpy(refs, from, count * sizeof(*refs));
	}
}

static void add_ref(struct cdr_order *o, int64_t time_us, size_t offset, uint64_t line,
                    bool attempt)
{
	o->refs[o->ref_count++] = (struct row_ref){
		.time_us = time_us, .place = (uint64_t)offset << 1 | attempt, .line = line};
}

/* The references of the next block, sorted. */
static void load_block(struct cdr_order *o)
{
	int64_t start_us = INSTANT_NONE;
	int64_t end_us;

	o->ref_count = 0;
	o->ref_next = 0;
	for (size_t rows = 0; rows < CDR_BLOCK_ROWS && o->at.offset < o->text.len;) {
		struct cdr_begin at = o->at;
		enum reason refused = read_row(o, &o->at, &start_us, &end_us);
		if (o->row.text.len == 0) {
			continue;
		}
		rows++;
		o->options.seen(o->options.user, &o->row, at.line, refused);
		if (refused) {
			continue;
		}
		if (start_us != INSTANT_NONE) {
			add_ref(o, start_us, at.offset, at.line, true);
		}
		add_ref(o, end_us, at.offset, at.line, false);
	}
	row_refs_sort(o->refs, o->refs_scratch, o->ref_count);
	o->block++;
	tell_progress(o, o->text.len + o->at.offset);
}

struct open_row {
	uint64_t place;
	uint64_t line;
};

/* What the present block has left is open beyond it. */
static int keep_rest(struct cdr_order *o)
{
	for (; o->ref_next < o->ref_count; o->ref_next++) {
		const struct row_ref *ref = &o->refs[o->ref_next];
		struct open_row row = {ref->place, ref->line};
		int err = extsort_push(o->open, ref->time_us, &row, sizeof(row));
		if (err) {
			return err;
		}
	}
	return OK;
}

static int load_next(struct cdr_order *o)
{
	int err = keep_rest(o);

	if (err) {
		return err;
	}
	load_block(o);
	extsort_watermark(o->open, o->later_min[o->block - 1]);
	return OK;
}

/* The first open row below the mark, into popped. */
static int pop_open(struct cdr_order *o)
{
	struct slice bytes;
	struct open_row row;

	if (o->has_popped || extsort_held(o->open) == 0) {
		return OK;
	}
	int got = extsort_pop(o->open, &o->popped.time_us, &bytes);
	if (got < 0) {
		return got;
	}
	if (got > 0) {
		ENSURE(bytes.len == sizeof(row));
		memcpy(&row, bytes.p, sizeof(row));
		o->popped.place = row.place;
		o->popped.line = row.line;
		o->has_popped = true;
	}
	return OK;
}

int cdr_order_next(struct cdr_order *o, struct row_ref *ref)
{
	for (;;) {
		int err = pop_open(o);
		if (err) {
			return err;
		}
		int64_t mark = o->block ? o->later_min[o->block - 1] : INT64_MIN;
		const struct row_ref *first =
			o->ref_next < o->ref_count && o->refs[o->ref_next].time_us < mark
				? &o->refs[o->ref_next]
				: NULL;
		if (first && (!o->has_popped || first->time_us <= o->popped.time_us)) {
			*ref = *first;
			o->ref_next++;
			return OK;
		}
		if (o->has_popped) {
			*ref = o->popped;
			o->has_popped = false;
			return OK;
		}
		if (o->block == o->block_count) {
			return E_END;
		}
		err = load_next(o);
		if (err) {
			return err;
		}
	}
}

void cdr_order_close(struct cdr_order *o)
{
	free(o->later_min);
	free(o->refs);
	free(o->refs_scratch);
	extsort_free(o->open);
	*o = (struct cdr_order){0};
}
