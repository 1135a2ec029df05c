#include "store/log_segment.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/err.h"
#include "store/crc32c.h"

static const char segment_magic[8] = "RFCALLS\n";
static const char frame_magic[4] = {'\xf5', 'R', 'F', '\n'};

/* ---- little-endian pieces ---- */

static void put_le(struct buf *out, uint64_t value, size_t size)
{
	char bytes[8];

	for (size_t i = 0; i < size; i++) {
		bytes[i] = (char)(uint8_t)(value >> 8 * i);
	}
	buf_add(out, bytes, size);
}

static uint64_t get_le(const char *p, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++) {
		value |= (uint64_t)(uint8_t)p[i] << 8 * i;
	}
	return value;
}

void put_u32(struct buf *out, uint32_t value)
{
	put_le(out, value, 4);
}

void put_u64(struct buf *out, uint64_t value)
{
	put_le(out, value, 8);
}

uint32_t get_u32(const char *p)
{
	return (uint32_t)get_le(p, 4);
}

uint64_t get_u64(const char *p)
{
	return get_le(p, 8);
}

void put_span(struct buf *out, const struct log_span *s)
{
	put_u32(out, s->count);
	put_u64(out, s->first);
	put_u64(out, s->last);
	put_u64(out, (uint64_t)s->min_us);
	put_u64(out, (uint64_t)s->max_us);
}

struct log_span get_span(const char *p)
{
	return (struct log_span){
		.count = get_u32(p),
		.first = get_u64(p + 4),
		.last = get_u64(p + 12),
		.min_us = (int64_t)get_u64(p + 20),
		.max_us = (int64_t)get_u64(p + 28),
	};
}

/* ---- names ---- */

void segment_name_make(struct segment_name *n, uint64_t first, int64_t opened_us)
{
	n->first = first;
	n->opened_us = opened_us > 0 ? opened_us : 0;
	(void)snprintf(n->text, sizeof(n->text), "%020" PRIu64 "-%" PRId64 ".calls", n->first,
	               n->opened_us);
}

bool segment_name_parse(const char *text, struct segment_name *n)
{
	uint64_t first;
	int64_t opened_us;

	if (sscanf(text, "%20" SCNu64 "-%19" SCNd64, &first, &opened_us) != 2) {
		return false;
	}
	/* Only what segment_name_make writes: signs, blanks and other tails are somebody else's. */
	segment_name_make(n, first, opened_us);
	return strcmp(n->text, text) == 0;
}

static int cmp_names(const void *left, const void *right)
{
	const struct segment_name *a = left;
	const struct segment_name *b = right;

	if (a->first != b->first) {
		return a->first < b->first ? -1 : 1;
	}
	return (a->opened_us > b->opened_us) - (a->opened_us < b->opened_us);
}

static int add_name(struct segment_list *list, size_t *cap, const struct segment_name *name)
{
	if (list->count == *cap) {
		size_t more = *cap ? 2 * *cap : 64;
		struct segment_name *grown = realloc(list->names, more * sizeof(*grown));
		if (!grown) {
			return E_NOMEM;
		}
		list->names = grown;
		*cap = more;
	}
	list->names[list->count++] = *name;
	return OK;
}

int segment_list_read(const char *path, struct segment_list *list)
{
	DIR *dir = opendir(path);
	struct segment_name name;
	size_t cap = 0;
	int err = OK;

	*list = (struct segment_list){0};
	if (!dir) {
		return E_IO;
	}
	for (struct dirent *entry; err == OK && (entry = readdir(dir));) {
		if (segment_name_parse(entry->d_name, &name)) {
			err = add_name(list, &cap, &name);
		}
	}
	(void)closedir(dir);
	if (err) {
		segment_list_fini(list);
	} else if (list->count) {
		qsort(list->names, list->count, sizeof(*list->names), cmp_names);
	}
	return err;
}

void segment_list_fini(struct segment_list *list)
{
	free(list->names);
	*list = (struct segment_list){0};
}

/* ---- header ---- */

uint64_t segment_key_id(const struct hash_key *key)
{
	static const char text[] = "ringfence call log";

	return hash64(key, text, sizeof(text) - 1);
}

void segment_header_put(struct buf *out, const struct segment_header *h)
{
	size_t start = out->len;

	buf_add(out, segment_magic, sizeof(segment_magic));
	put_u32(out, SEGMENT_VERSION);
	put_u32(out, h->fields);
	put_u64(out, h->key_id);
	put_u64(out, h->first);
	put_u64(out, (uint64_t)h->opened_us);
	put_u64(out, h->before_first);
	put_u64(out, h->before_last);
	if (!out->failed) {
		put_u32(out, crc32c(0, out->p + start, out->len - start));
	}
}

const char *segment_header_get(struct slice bytes, struct segment_header *h)
{
	const char *p = bytes.p;

	if (bytes.len < SEGMENT_HEADER) {
		return "cut";
	}
	if (memcmp(p, segment_magic, sizeof(segment_magic)) != 0) {
		return "not a segment";
	}
	if (crc32c(0, p, SEGMENT_HEADER - 4) != get_u32(p + SEGMENT_HEADER - 4)) {
		return "checksum";
	}
	if (get_u32(p + 8) != SEGMENT_VERSION) {
		return "another version";
	}
	*h = (struct segment_header){
		.fields = get_u32(p + 12),
		.key_id = get_u64(p + 16),
		.first = get_u64(p + 24),
		.opened_us = (int64_t)get_u64(p + 32),
		.before_first = get_u64(p + 40),
		.before_last = get_u64(p + 48),
	};
	return NULL;
}

/* ---- frames ---- */

void span_add(struct log_span *sum, const struct log_span *s)
{
	if (s->count == 0) {
		return;
	}
	if (sum->count == 0) {
		*sum = *s;
		return;
	}
	sum->count = s->count > UINT32_MAX - sum->count ? UINT32_MAX : sum->count + s->count;
	sum->first = s->first < sum->first ? s->first : sum->first;
	sum->last = s->last > sum->last ? s->last : sum->last;
	sum->min_us = s->min_us < sum->min_us ? s->min_us : sum->min_us;
	sum->max_us = s->max_us > sum->max_us ? s->max_us : sum->max_us;
}

bool span_meets(const struct log_span *s, int64_t from_us, int64_t to_us)
{
	return s->count > 0 && (from_us == INSTANT_NONE || s->max_us >= from_us) &&
	       (to_us == INSTANT_NONE || s->min_us < to_us);
}

void frame_put(struct buf *out, enum frame_type type, uint32_t sequence,
               const struct log_span *span, struct slice payload)
{
	size_t start = out->len;

	buf_add(out, frame_magic, sizeof(frame_magic));
	put_u32(out, type);
	put_u32(out, sequence);
	put_u32(out, (uint32_t)payload.len);
	put_span(out, span);
	put_u32(out, crc32c(0, payload.p, payload.len));
	if (!out->failed) {
		put_u32(out, crc32c(0, out->p + start, out->len - start));
	}
	buf_slice(out, payload);
}

bool frame_get(const char *bytes, struct frame *f)
{
	if (memcmp(bytes, frame_magic, sizeof(frame_magic)) != 0 ||
	    crc32c(0, bytes, FRAME_HEADER - 4) != get_u32(bytes + FRAME_HEADER - 4)) {
		return false;
	}
	uint32_t type = get_u32(bytes + 4);
	*f = (struct frame){
		.type = type < FRAME_TYPE_COUNT ? (enum frame_type)type : (enum frame_type)0,
		.sequence = get_u32(bytes + 8),
		.length = get_u32(bytes + 12),
		.span = get_span(bytes + 16),
		.crc = get_u32(bytes + 16 + SPAN_SIZE),
	};
	return f->type != 0 && f->length <= FRAME_LENGTH_MAX;
}

bool frame_starts(struct slice bytes)
{
	size_t len = bytes.len < sizeof(frame_magic) ? bytes.len : sizeof(frame_magic);

	return len > 0 && memcmp(bytes.p, frame_magic, len) == 0;
}

enum { NOTE_HEADER = 60 };

void note_put(struct buf *out, const struct log_note *note)
{
	put_u32(out, note->type);
	put_u64(out, (uint64_t)note->wall_us);
	put_u64(out, note->at);
	put_u64(out, note->first);
	put_u64(out, note->last);
	put_u64(out, note->count);
	put_u64(out, (uint64_t)note->min_us);
	put_u64(out, (uint64_t)note->max_us);
	buf_slice(out, slice_first(note->text, NOTE_TEXT_MAX));
}

bool note_get(struct slice bytes, struct log_note *note)
{
	const char *p = bytes.p;

	if (bytes.len < NOTE_HEADER || bytes.len > NOTE_HEADER + NOTE_TEXT_MAX || get_u32(p) == 0 ||
	    get_u32(p) >= LOG_NOTE_TYPE_COUNT) {
		return false;
	}
	*note = (struct log_note){
		.type = (enum log_note_type)get_u32(p),
		.wall_us = (int64_t)get_u64(p + 4),
		.at = get_u64(p + 12),
		.first = get_u64(p + 20),
		.last = get_u64(p + 28),
		.count = get_u64(p + 36),
		.min_us = (int64_t)get_u64(p + 44),
		.max_us = (int64_t)get_u64(p + 52),
		.text = slice_skip(bytes, NOTE_HEADER),
	};
	return true;
}
