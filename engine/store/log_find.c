#include "store/log_reader.h"

#include <errno.h>

#include "core/err.h"
#include "store/log_index.h"
#include "store/log_walk.h"

enum { TERMS_MAX = 4 };

struct find {
	const struct log_reader_options *options;
	const struct log_query *query;
	void (*each)(void *user, const struct log_item *item);
	void *user;
	uint64_t terms[TERMS_MAX]; /* hashes that a block's filter must have */
	size_t term_count;
	char caller_digits[NUMBER_KEY], callee_digits[NUMBER_KEY];
	struct slice caller, callee;

	struct log_walk walk;
	struct log_rows *rows;
	struct buf directory;
	int64_t hits;
	uint64_t last; /* event number; UINT64_MAX: none yet */
};

static void find_init(struct find *f)
{
	const struct log_query *q = f->query;
	const struct hash_key *key = f->options->key;

	f->caller = q->caller.p ? number_key(q->caller, f->caller_digits) : SLICE_NONE;
	f->callee = q->callee.p ? number_key(q->callee, f->callee_digits) : SLICE_NONE;
	const struct {
		enum index_key kind;
		struct slice text;
	} asked[TERMS_MAX] = {
		{INDEX_NUMBER, f->caller},
		{INDEX_NUMBER, f->callee},
		{INDEX_TRUNK, q->trunk},
		{INDEX_CALL_ID, q->call_id},
	};
	for (size_t i = 0; key && i < TERMS_MAX; i++) {
		if (asked[i].text.p) {
			f->terms[f->term_count++] =
				index_key_hash(key, asked[i].kind, asked[i].text);
		}
	}
}

/* ---- matching ---- */

static bool in_times(int64_t time_us, int64_t from_us, int64_t to_us)
{
	return (from_us == INSTANT_NONE || (time_us != INSTANT_NONE && time_us >= from_us)) &&
	       (to_us == INSTANT_NONE || (time_us != INSTANT_NONE && time_us < to_us));
}

static bool number_matches(struct slice asked, struct slice text)
{
	char digits[NUMBER_KEY];

	return !asked.p || (text.p && slice_eq(asked, number_key(text, digits)));
}

static bool text_matches(struct slice asked, struct slice text)
{
	return !asked.p || (text.p && slice_eq(asked, text));
}

static bool call_matches(const struct find *f, const struct event *e)
{
	const struct log_query *q = f->query;

	return e->kind == KIND_CALL &&
	       in_times(e->time_us, f->options->from_us, f->options->to_us) &&
	       (in_times(e->time_us, q->from_us, q->to_us) ||
	        in_times(e->start_us, q->from_us, q->to_us)) &&
	       number_matches(f->caller, e->caller.text) &&
	       number_matches(f->callee, e->callee.text) &&
	       (text_matches(q->trunk, e->trunk_in) || text_matches(q->trunk, e->trunk_out)) &&
	       text_matches(q->call_id, e->call_id);
}

/* May a block of this span, with calls from from_us to to_us, hold a hit? */
static bool times_meet(const struct find *f, const struct log_span *span, int64_t from_us,
                       int64_t to_us)
{
	const struct log_query *q = f->query;

	return from_us <= to_us && span_meets(span, f->options->from_us, f->options->to_us) &&
	       (q->from_us == INSTANT_NONE || to_us >= q->from_us) &&
	       (q->to_us == INSTANT_NONE || from_us < q->to_us);
}

static bool filter_meets(const struct find *f, const struct filter *filter)
{
	for (size_t i = 0; i < f->term_count; i++) {
		if (!filter_has(filter, f->terms[i])) {
			return false;
		}
	}
	return true;
}

/* ---- telling ---- */

static void tell_damage(struct find *f, uint64_t offset, uint64_t size, const char *why)
{
	f->each(f->user, &(struct log_item){.kind = LOG_ITEM_DAMAGE,
	                                    .file = slice_of(f->walk.name.text),
	                                    .offset = offset,
	                                    .size = size,
	                                    .why = why});
}

static void search_block(struct find *f, uint64_t offset, const struct frame *frame,
                         struct slice payload)
{
	struct log_item item = {.kind = LOG_ITEM_EVENT};
	const char *why = NULL;
	bool cut;

	if (f->last != UINT64_MAX && frame->span.first <= f->last) {
		why = "out of order";
	} else if (log_rows_decode(f->rows, payload, &why) == OK) {
		why = log_rows_count(f->rows) == frame->span.count ? NULL : "count of events";
	}
	if (why) {
		tell_damage(f, offset, FRAME_HEADER + frame->length, why);
		return;
	}
	f->last = frame->span.last;
	while (log_rows_next(f->rows, &item.event, &item.number, &cut)) {
		if (call_matches(f, &item.event)) {
			f->hits++;
			if ((uint64_t)f->hits <= f->query->limit) {
				f->each(f->user, &item);
			}
		}
	}
}

/* ---- segments ---- */

/* The one part of a block's filter that tells of a key: its bytes are read, no more. */
static int part_meets(struct find *f, const struct index_entry *e, uint64_t hash)
{
	char part[FILTER_PART];
	size_t head = FRAME_HEADER + FILTER_HEADER;
	size_t parts = e->filter_size > head ? (e->filter_size - head) / FILTER_PART : 0;
	size_t number = filter_part(hash, parts);

	if (parts == 0) {
		return 1;
	}
	return log_walk_bytes(&f->walk, e->offset + head + number * FILTER_PART, part, sizeof(part))
	               ? filter_part_has(part, number, hash)
	               : E_MALFORMED;
}

static bool entry_meets(struct find *f, const struct index_entry *e)
{
	if (!times_meet(f, &e->span, e->from_us, e->to_us)) {
		return false;
	}
	for (size_t i = 0; i < f->term_count; i++) {
		int meets = part_meets(f, e, f->terms[i]);
		if (meets < 0) {
			tell_damage(f, e->offset, e->filter_size, "checksum");
			return true;
		}
		if (meets == 0) {
			return false;
		}
	}
	return true;
}

static void search_entry(struct find *f, const struct index_entry *e)
{
	struct log_walk *w = &f->walk;
	struct slice payload;
	struct frame frame;

	if (!entry_meets(f, e)) {
		return;
	}
	uint64_t at = e->offset + e->filter_size;
	if (log_walk_frame_at(w, at, FRAME_BLOCK, &frame, &payload)) {
		search_block(f, at, &frame, payload);
	} else {
		tell_damage(f, at, e->block_size, "checksum");
	}
}

static int search_index(struct find *f, struct slice directory)
{
	buf_reset(&f->directory);
	buf_slice(&f->directory, directory);
	if (f->directory.failed) {
		return E_NOMEM;
	}
	for (size_t i = 0; i < f->directory.len; i += INDEX_ENTRY) {
		struct index_entry e = index_entry_get(f->directory.p + i);
		search_entry(f, &e);
	}
	return OK;
}

/* Without an index; the filters before the blocks still hold. */
static void search_frames(struct find *f)
{
	struct log_walk *w = &f->walk;
	bool excluded = false;
	struct slice payload;
	struct filter filter;
	struct frame frame;
	enum walk_kind kind;

	while ((kind = log_walk_next(w, &frame, &payload)) != WALK_END) {
		if (kind == WALK_DAMAGE) {
			excluded = false;
			tell_damage(f, w->damage_at, w->damage_size, w->why);
		} else if (frame.type == FRAME_FILTER) {
			excluded = filter_get(payload, &filter) &&
			           (!times_meet(f, &frame.span, filter.from_us, filter.to_us) ||
			            !filter_meets(f, &filter));
		} else if (frame.type == FRAME_BLOCK) {
			if (!excluded) {
				search_block(f, w->frame_at, &frame, payload);
			}
			excluded = false;
		}
	}
}

static int search_segment(struct find *f, const struct segment_name *name, bool newest)
{
	struct log_walk *w = &f->walk;
	struct slice directory;
	struct log_span span;
	int err = log_walk_open(w, f->options->path, name, newest, f->options->key);

	if (err) {
		return err == E_NOTFOUND ? OK : err;
	}
	if (log_walk_header(w) == WALK_DAMAGE) {
		tell_damage(f, w->damage_at, w->damage_size, w->why);
	}
	if (w->at < w->size && log_walk_index(w, &span, &directory)) {
		err = search_index(f, directory);
	} else {
		search_frames(f);
	}
	log_walk_close(w);
	return err;
}

int64_t log_find(const struct log_reader_options *options, const struct log_query *query,
                 void (*each)(void *user, const struct log_item *item), void *user)
{
	struct find f = {.options = options,
	                 .query = query,
	                 .each = each,
	                 .user = user,
	                 .walk = {.fd = -1},
	                 .rows = log_rows_new(),
	                 .last = UINT64_MAX};
	struct segment_list list = {0};
	int err = f.rows ? segment_list_read(options->path, &list) : E_NOMEM;

	find_init(&f);
	for (size_t i = 0; err == OK && i < list.count; i++) {
		err = search_segment(&f, &list.names[i], i + 1 == list.count);
		if (options->progress) {
			options->progress(options->user, i + 1, list.count);
		}
	}
	segment_list_fini(&list);
	log_walk_close(&f.walk);
	log_rows_free(f.rows);
	buf_fini(&f.directory);
	return err ? err : f.hits;
}
