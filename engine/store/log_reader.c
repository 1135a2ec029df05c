#include "store/log_reader.h"

#include <errno.h>
#include <stdlib.h>

#include "core/err.h"
#include "store/log_index.h"
#include "store/log_walk.h"

/* A place in the log: a segment of the list, and an offset in it. */
struct place {
	size_t segment;
	uint64_t offset;
};

struct log_reader {
	struct log_reader_options options;
	char *folder;
	struct segment_list list;
	struct place begin, end; /* what is read: [begin, end) */
	struct log_rows *rows;

	size_t segment; /* the one being read, or the next */
	struct log_walk walk;
	bool in_segment, in_block, cut, untold_cut;
	uint64_t last; /* event number; UINT64_MAX: none yet */
	/* Of the segment read before, when it was read whole and without damage. */
	bool before_whole;
	struct segment_name before;
	uint64_t before_size, before_last, segment_last;
	uint64_t done, total; /* bytes */
};

static bool in_range(const struct log_reader *r, int64_t time_us)
{
	const struct log_reader_options *o = &r->options;

	return (o->from_us == INSTANT_NONE || time_us >= o->from_us) &&
	       (o->to_us == INSTANT_NONE || time_us < o->to_us);
}

/* ---- what of the log to read ---- */

struct reach {
	bool any;
	uint64_t from, to;
};

static void reach_add(struct reach *reach, uint64_t from, uint64_t to)
{
	reach->from = reach->any ? reach->from : from;
	reach->to = to;
	reach->any = true;
}

static struct reach reach_of_index(const struct log_reader *r, struct slice directory)
{
	struct reach reach = {0};

	for (size_t i = 0; i < directory.len; i += INDEX_ENTRY) {
		struct index_entry e = index_entry_get(directory.p + i);
		if (span_meets(&e.span, r->options.from_us, r->options.to_us)) {
			reach_add(&reach, e.offset, e.offset + e.filter_size + e.block_size);
		}
	}
	return reach;
}

/* What is damaged may have been of the range. */
static struct reach reach_of_frames(const struct log_reader *r, struct log_walk *w)
{
	struct reach reach = {0};
	struct slice payload;
	struct frame f;
	enum walk_kind kind;

	while ((kind = log_walk_next(w, &f, &payload)) != WALK_END) {
		if (kind == WALK_DAMAGE) {
			reach_add(&reach, w->damage_at, w->damage_at + w->damage_size);
		} else if (f.type == FRAME_BLOCK &&
		           span_meets(&f.span, r->options.from_us, r->options.to_us)) {
			reach_add(&reach, w->frame_at, w->at);
		}
	}
	return reach;
}

static int reach_of(struct log_reader *r, size_t i, struct reach *reach)
{
	struct log_walk w;
	struct slice directory;
	struct log_span span;
	int err = log_walk_open(&w, r->folder, &r->list.names[i], i + 1 == r->list.count,
	                        r->options.key);

	*reach = (struct reach){0};
	if (err) {
		return err == E_NOTFOUND ? OK : err;
	}
	if (log_walk_header(&w) == WALK_DAMAGE) {
		reach_add(reach, 0, w.size);
	} else if (log_walk_index(&w, &span, &directory)) {
		*reach = reach_of_index(r, directory);
	} else {
		*reach = reach_of_frames(r, &w);
	}
	r->total += w.size;
	log_walk_close(&w);
	return OK;
}

static int find_range(struct log_reader *r)
{
	const struct log_reader_options *o = &r->options;
	bool any = false;

	for (size_t i = 0; i < r->list.count; i++) {
		struct reach reach;
		int err = reach_of(r, i, &reach);
		if (err) {
			return err;
		}
		if (reach.any) {
			r->begin = any ? r->begin : (struct place){i, reach.from};
			r->end = (struct place){i, reach.to};
			any = true;
		}
	}
	if (!any || o->from_us == INSTANT_NONE) {
		r->begin = (struct place){0, 0};
	}
	if (any && o->to_us == INSTANT_NONE) {
		r->end = (struct place){r->list.count, 0};
	}
	r->segment = r->begin.segment;
	return OK;
}

int log_reader_open(const struct log_reader_options *options, struct log_reader **out,
                    const char **why)
{
	struct log_reader *r = calloc(1, sizeof(*r));

	if (!r) {
		*why = err_text(E_NOMEM);
		return E_NOMEM;
	}
	r->options = *options;
	r->walk.fd = -1;
	r->last = UINT64_MAX;
	r->folder = strdup(options->path);
	r->rows = log_rows_new();
	int err = r->folder && r->rows ? segment_list_read(r->folder, &r->list) : E_NOMEM;
	if (err == OK && (options->from_us != INSTANT_NONE || options->to_us != INSTANT_NONE)) {
		err = find_range(r);
	} else {
		r->end = (struct place){r->list.count, 0};
	}
	if (err) {
		*why = err == E_NOMEM ? err_text(err) : strerror(errno);
		log_reader_close(r);
		return err;
	}
	*out = r;
	return OK;
}

void log_reader_close(struct log_reader *r)
{
	if (r) {
		log_walk_close(&r->walk);
		segment_list_fini(&r->list);
		log_rows_free(r->rows);
		free(r->folder);
		free(r);
	}
}

/* ---- reading ---- */

static enum log_item_kind tell_damage(struct log_item *item, const struct segment_name *file,
                                      uint64_t offset, uint64_t size, const char *why)
{
	item->kind = LOG_ITEM_DAMAGE;
	item->file = slice_of(file->text);
	item->offset = offset;
	item->size = size;
	item->why = why;
	return item->kind;
}

static enum log_item_kind tell_walk_damage(const struct log_reader *r, struct log_item *item)
{
	const struct log_walk *w = &r->walk;

	return tell_damage(item, &w->name, w->damage_at, w->damage_size, w->why);
}

/* END: nothing to tell, go on. */
static enum log_item_kind begin_segment(struct log_reader *r, struct log_item *item)
{
	struct log_walk *w = &r->walk;
	const struct segment_name *name = &r->list.names[r->segment];
	int err =
		log_walk_open(w, r->folder, name, r->segment + 1 == r->list.count, r->options.key);

	if (err) {
		r->segment++;
		return err == E_NOTFOUND ? LOG_ITEM_END
		                         : tell_damage(item, name, 0, 0, strerror(errno));
	}
	r->in_segment = true;
	r->segment_last = UINT64_MAX;
	if (log_walk_header(w) == WALK_DAMAGE) {
		return tell_walk_damage(r, item);
	}
	if (r->segment == r->begin.segment && r->begin.offset > SEGMENT_HEADER) {
		log_walk_seek(w, r->begin.offset);
		return LOG_ITEM_END;
	}
	const struct segment_header *h = &w->header;
	if (w->has_header && r->before_whole && h->before_first == r->before.first &&
	    h->before_last != UINT64_MAX &&
	    (r->before_last == UINT64_MAX || r->before_last < h->before_last)) {
		return tell_damage(item, &r->before, r->before_size, 0, "cut");
	}
	return LOG_ITEM_END;
}

static void end_segment(struct log_reader *r)
{
	struct log_walk *w = &r->walk;

	r->before_whole = w->has_header && !w->damaged &&
	                  !(r->segment == r->begin.segment && r->begin.offset > 0);
	r->before = w->name;
	r->before_size = w->size;
	r->before_last = r->segment_last;
	r->done += w->size;
	log_walk_close(w);
	r->in_segment = false;
	r->segment++;
}

static enum log_item_kind begin_block(struct log_reader *r, const struct frame *f,
                                      struct slice payload, struct log_item *item)
{
	const struct log_walk *w = &r->walk;
	const char *why = "out of order";

	if (r->last == UINT64_MAX || f->span.first > r->last) {
		why = NULL;
		r->last = f->span.last;
		r->segment_last = f->span.last;
		if (!span_meets(&f->span, r->options.from_us, r->options.to_us)) {
			return LOG_ITEM_END;
		}
		if (log_rows_decode(r->rows, payload, &why) == OK) {
			why = log_rows_count(r->rows) == f->span.count ? NULL : "count of events";
		}
	}
	r->in_block = why == NULL;
	return why ? tell_damage(item, &w->name, w->frame_at, w->at - w->frame_at, why)
	           : LOG_ITEM_END;
}

static enum log_item_kind take_frame(struct log_reader *r, const struct frame *f,
                                     struct slice payload, struct log_item *item)
{
	const struct log_walk *w = &r->walk;

	switch (f->type) {
	case FRAME_BLOCK: return begin_block(r, f, payload, item);
	case FRAME_NOTE:
		if (!note_get(payload, &item->note)) {
			return tell_damage(item, &w->name, w->frame_at, w->at - w->frame_at,
			                   "not a note");
		}
		item->kind = LOG_ITEM_NOTE;
		return item->kind;
	case FRAME_CUT: r->cut = r->untold_cut; return LOG_ITEM_END;
	default: return LOG_ITEM_END;
	}
}

/* END: nothing to tell, go on. */
static enum log_item_kind next_frame(struct log_reader *r, struct log_item *item)
{
	struct log_walk *w = &r->walk;
	struct slice payload;
	struct frame f;
	enum walk_kind kind;

	if (r->segment == r->end.segment && w->at >= r->end.offset) {
		end_segment(r);
		return LOG_ITEM_END;
	}
	kind = log_walk_next(w, &f, &payload);
	if (r->options.progress) {
		r->options.progress(r->options.user, r->done + w->at, r->total);
	}
	if (kind == WALK_END) {
		end_segment(r);
		return LOG_ITEM_END;
	}
	return kind == WALK_DAMAGE ? tell_walk_damage(r, item) : take_frame(r, &f, payload, item);
}

static enum log_item_kind next_event(struct log_reader *r, struct log_item *item)
{
	bool cut;

	while (log_rows_next(r->rows, &item->event, &item->number, &cut)) {
		bool tell = in_range(r, item->event.time_us);
		r->untold_cut |= tell;
		r->cut = cut && r->untold_cut;
		if (tell) {
			item->kind = LOG_ITEM_EVENT;
			return item->kind;
		}
		if (r->cut) {
			return LOG_ITEM_END;
		}
	}
	r->in_block = false;
	return LOG_ITEM_END;
}

enum log_item_kind log_reader_next(struct log_reader *r, struct log_item *item)
{
	enum log_item_kind kind = LOG_ITEM_END;

	*item = (struct log_item){.kind = LOG_ITEM_END};
	while (kind == LOG_ITEM_END) {
		if (r->cut) {
			r->cut = false;
			r->untold_cut = false;
			item->kind = LOG_ITEM_CUT;
			return item->kind;
		}
		if (r->in_block) {
			kind = next_event(r, item);
		} else if (r->in_segment) {
			kind = next_frame(r, item);
		} else if (r->segment < r->end.segment ||
		           (r->segment == r->end.segment && r->end.offset > 0)) {
			kind = begin_segment(r, item);
		} else {
			break;
		}
	}
	return kind;
}
