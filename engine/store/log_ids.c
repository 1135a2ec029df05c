#include "store/log_ids.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "core/err.h"
#include "store/log_index.h"
#include "store/log_walk.h"

enum { NO_ID = UINT32_MAX };

/* A block of a segment. */
struct place {
	uint64_t first, last; /* event numbers */
	uint64_t offset;      /* of its frame */
};

/* Where the blocks of a segment lie. */
struct directory {
	struct segment_name segment;
	uint64_t used; /* 0: a free slot */
	struct place *places;
	size_t count, cap;
	uint64_t walked; /* bytes of the file; 0: none yet */
	uint64_t size;   /* of the file then */
	bool complete;   /* nothing comes any more */
};

struct id {
	uint64_t number;
	uint32_t at, len; /* in the block's texts; at NO_ID: missing */
};

/* The call ids of a block; none of a damaged one. */
struct block {
	struct segment_name segment;
	uint64_t offset;
	uint64_t used; /* 0: a free slot */
	uint32_t count;
	struct buf texts;
	struct id ids[LOG_BLOCK_EVENTS];
};

struct log_ids {
	char *folder;
	const struct hash_key *key;
	uint64_t uses; /* counts calls, tells what was used last */

	struct segment_list list;
	struct stat folder_then;   /* when it was listed; zero: never */
	unsigned misses, patience; /* since then; how many before it is listed all the same */

	struct directory directories[LOG_IDS_SEGMENTS];
	size_t place_count; /* of all of them */

	struct log_rows *rows;
	struct block blocks[LOG_IDS_BLOCKS];
};

struct log_ids *log_ids_new(const char *path, const struct hash_key *key)
{
	struct log_ids *ids = calloc(1, sizeof(*ids));

	if (!ids) {
		return NULL;
	}
	ids->key = key;
	ids->folder = strdup(path);
	ids->rows = log_rows_new();
	if (!ids->folder || !ids->rows) {
		log_ids_free(ids);
		return NULL;
	}
	return ids;
}

void log_ids_free(struct log_ids *ids)
{
	if (!ids) {
		return;
	}
	for (size_t i = 0; i < LOG_IDS_BLOCKS; i++) {
		buf_fini(&ids->blocks[i].texts);
	}
	for (size_t i = 0; i < LOG_IDS_SEGMENTS; i++) {
		free(ids->directories[i].places);
	}
	segment_list_fini(&ids->list);
	log_rows_free(ids->rows);
	free(ids->folder);
	free(ids);
}

static bool same_segment(const struct segment_name *a, const struct segment_name *b)
{
	return a->first == b->first && a->opened_us == b->opened_us;
}

/* False: gone, being made, damaged, or of another key. */
static bool open_segment(const struct log_ids *ids, const struct segment_name *name, bool newest,
                         struct log_walk *w)
{
	if (log_walk_open(w, ids->folder, name, newest, ids->key)) {
		return false;
	}
	if (log_walk_header(w) == WALK_FRAME) {
		return true;
	}
	log_walk_close(w);
	return false;
}

/* ---- the folder ---- */

static bool same_folder(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static const struct segment_name *newest_segment(const struct log_ids *ids)
{
	return ids->list.count ? &ids->list.names[ids->list.count - 1] : NULL;
}

/* Lists the folder if there can be something new in it: is there? */
static bool list_again(struct log_ids *ids)
{
	const struct segment_name *before = newest_segment(ids);
	struct segment_list list;
	struct stat now;

	if (stat(ids->folder, &now) != 0 ||
	    (same_folder(&now, &ids->folder_then) && ++ids->misses < ids->patience) ||
	    segment_list_read(ids->folder, &list) != OK) {
		return false;
	}
	const struct segment_name *last = list.count ? &list.names[list.count - 1] : NULL;
	bool news = last && (!before || !same_segment(before, last));
	if (news || !same_folder(&now, &ids->folder_then)) {
		ids->patience = 1;
	} else if (ids->patience < LOG_IDS_PATIENCE) {
		ids->patience *= 2;
	}
	ids->misses = 0;
	ids->folder_then = now;
	segment_list_fini(&ids->list);
	ids->list = list;
	return news;
}

/* The last one that begins at number or before: no other holds it. NULL: none. */
static const struct segment_name *segment_of(const struct log_ids *ids, uint64_t number)
{
	size_t low = 0;
	size_t high = ids->list.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ids->list.names[middle].first <= number) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low ? &ids->list.names[low - 1] : NULL;
}

/* ---- directories ---- */

static void directory_clear(struct log_ids *ids, struct directory *d)
{
	ids->place_count -= d->count;
	free(d->places);
	*d = (struct directory){0};
}

/* Until places of others than `kept` are no more than LOG_IDS_PLACES. */
static void limit_places(struct log_ids *ids, const struct directory *kept)
{
	while (ids->place_count - kept->count > LOG_IDS_PLACES) {
		struct directory *least = NULL;
		for (size_t i = 0; i < LOG_IDS_SEGMENTS; i++) {
			struct directory *d = &ids->directories[i];
			if (d != kept && d->count > 0 && (!least || d->used < least->used)) {
				least = d;
			}
		}
		directory_clear(ids, least);
	}
}

static struct directory *directory_of(struct log_ids *ids, const struct segment_name *name)
{
	struct directory *least = ids->directories;

	for (size_t i = 0; i < LOG_IDS_SEGMENTS; i++) {
		struct directory *d = &ids->directories[i];
		if (d->used && same_segment(&d->segment, name)) {
			d->used = ids->uses;
			return d;
		}
		least = d->used < least->used ? d : least;
	}
	directory_clear(ids, least);
	least->segment = *name;
	least->used = ids->uses;
	return least;
}

static bool is_behind(const struct directory *d, uint64_t number)
{
	return d->count == 0 || number > d->places[d->count - 1].last;
}

/* What is out of order or too much is left out. E_NOMEM. */
static int add_place(struct log_ids *ids, struct directory *d, const struct log_span *span,
                     uint64_t offset)
{
	if (span->count == 0 || span->first > span->last || !is_behind(d, span->first) ||
	    d->count == INDEX_ENTRIES_MAX) {
		return OK;
	}
	if (d->count == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 64;
		struct place *grown = realloc(d->places, cap * sizeof(*grown));
		if (!grown) {
			return E_NOMEM;
		}
		d->places = grown;
		d->cap = cap;
	}
	d->places[d->count++] = (struct place){span->first, span->last, offset};
	ids->place_count++;
	return OK;
}

static int take_index(struct log_ids *ids, struct directory *d, struct slice bytes)
{
	int err = OK;

	for (size_t i = 0; !err && i < bytes.len; i += INDEX_ENTRY) {
		struct index_entry e = index_entry_get(bytes.p + i);
		err = add_place(ids, d, &e.span, e.offset + e.filter_size);
	}
	return err;
}

/* From where the walk before ended; an unfinished frame is looked at again. */
static int take_frames(struct log_ids *ids, struct directory *d, struct log_walk *w)
{
	struct frame f;
	enum walk_kind kind;
	int err = OK;

	if (d->walked) {
		log_walk_seek(w, d->walked);
	}
	d->walked = w->at;
	while (!d->complete && (kind = log_walk_skim(w, &f)) != WALK_END) {
		if (kind == WALK_FRAME && f.type == FRAME_BLOCK) {
			err = add_place(ids, d, &f.span, w->frame_at);
		}
		if (err) {
			return err;
		}
		d->complete = kind == WALK_FRAME && f.type == FRAME_END;
		d->walked = w->at;
	}
	return OK;
}

/* Reads what came into the segment since. */
static void directory_follow(struct log_ids *ids, struct directory *d, bool newest)
{
	struct log_span span;
	struct slice bytes;
	struct log_walk w;
	int err;

	if (!open_segment(ids, &d->segment, newest, &w)) {
		return;
	}
	if (newest && w.size == d->size) {
		log_walk_close(&w);
		return;
	}
	if (!d->walked && log_walk_index(&w, &span, &bytes)) {
		err = take_index(ids, d, bytes);
		d->complete = !err;
	} else {
		err = take_frames(ids, d, &w);
		d->complete = !err && (d->complete || !newest);
	}
	d->size = err ? 0 : w.size;
	if (newest && d->complete) {
		ids->patience = 1; /* there is another one, or will be */
	}
	log_walk_close(&w);
	limit_places(ids, d);
}

static const struct place *place_in(const struct directory *d, uint64_t number)
{
	size_t low = 0;
	size_t high = d->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (d->places[middle].first <= number) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low && number <= d->places[low - 1].last ? &d->places[low - 1] : NULL;
}

/* Where number is among the segments that are known; *behind: it may be in one that is not. */
static const struct place *known_place(struct log_ids *ids, uint64_t number,
                                       const struct segment_name **segment, bool *behind)
{
	*segment = segment_of(ids, number);
	*behind = ids->list.count == 0;
	if (!*segment) {
		return NULL;
	}
	bool newest = *segment == newest_segment(ids);
	struct directory *d = directory_of(ids, *segment);
	const struct place *p = place_in(d, number);
	if (!p && !d->complete && is_behind(d, number)) {
		directory_follow(ids, d, newest);
		p = place_in(d, number);
	}
	*behind = newest && is_behind(d, number);
	return p;
}

static const struct place *find_place(struct log_ids *ids, uint64_t number,
                                      const struct segment_name **segment)
{
	bool behind;
	const struct place *p = known_place(ids, number, segment, &behind);

	return !p && behind && list_again(ids) ? known_place(ids, number, segment, &behind) : p;
}

/* ---- blocks ---- */

static bool keep_ids(struct log_rows *rows, struct block *b)
{
	struct event e;
	struct id id;
	bool cut;

	while (log_rows_next(rows, &e, &id.number, &cut)) {
		id.at = e.call_id.p ? (uint32_t)b->texts.len : NO_ID;
		id.len = (uint32_t)e.call_id.len;
		buf_slice(&b->texts, e.call_id);
		b->ids[b->count++] = id;
	}
	return !b->texts.failed;
}

/* Whether a whole block lies at place. Its rows have their numbers: it may be any. */
static bool decode_block(struct log_ids *ids, struct log_walk *w, const struct place *place)
{
	struct slice payload;
	struct frame f;
	const char *why;

	return log_walk_frame_at(w, place->offset, FRAME_BLOCK, &f, &payload) &&
	       log_rows_decode(ids->rows, payload, &why) == OK &&
	       log_rows_count(ids->rows) == f.span.count;
}

static struct block *read_block(struct log_ids *ids, struct block *b,
                                const struct segment_name *segment, const struct place *place)
{
	struct log_walk w;

	b->used = 0;
	if (!open_segment(ids, segment, true, &w)) {
		return NULL;
	}
	b->segment = *segment;
	b->offset = place->offset;
	b->count = 0;
	buf_reset(&b->texts);
	buf_reserve(&b->texts, 1); /* so that an empty call id is not a missing one */
	bool whole = decode_block(ids, &w, place);
	log_walk_close(&w);
	if (whole && !keep_ids(ids->rows, b)) {
		return NULL;
	}
	return b;
}

static struct block *block_at(struct log_ids *ids, const struct segment_name *segment,
                              const struct place *place)
{
	struct block *least = ids->blocks;

	for (struct block *b = ids->blocks; b < ids->blocks + LOG_IDS_BLOCKS; b++) {
		if (b->used && b->offset == place->offset && same_segment(&b->segment, segment)) {
			return b;
		}
		least = b->used < least->used ? b : least;
	}
	return read_block(ids, least, segment, place);
}

static struct slice id_in(const struct block *b, uint64_t number)
{
	size_t low = 0;
	size_t high = b->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (b->ids[middle].number < number) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	const struct id *id = &b->ids[low];
	if (low == b->count || id->number != number || id->at == NO_ID) {
		return SLICE_NONE;
	}
	return (struct slice){b->texts.p + id->at, id->len};
}

struct slice log_ids_get(struct log_ids *ids, uint64_t number)
{
	const struct segment_name *segment;

	ids->uses++;
	const struct place *place = find_place(ids, number, &segment);
	struct block *b = place ? block_at(ids, segment, place) : NULL;
	if (!b) {
		return SLICE_NONE;
	}
	b->used = ids->uses;
	return id_in(b, number);
}
