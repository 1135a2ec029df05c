#include "store/log_segment.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/err.h"
#include "store/crc32c.h"

static const char segment_magic[8] = "RFCALLS\n";
static const char frame_magic[4] = {'\xf5', 'R', 'F', '\n'};

/* ---- spans ---- */

void put_span(struct buf *out, const struct log_span *s)
{
	le32_put(out, s->count);
	le64_put(out, s->first);
	le64_put(out, s->last);
	le64_put(out, (uint64_t)s->min_us);
	le64_put(out, (uint64_t)s->max_us);
}

struct log_span get_span(const char *p)
{
	return (struct log_span){
		.count = le32_get(p),
		.first = le64_get(p + 4),
		.last = le64_get(p + 12),
		.min_us = (int64_t)le64_get(p + 20),
		.max_us = (int64_t)le64_get(p + 28),
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

static uint64_t take_digits(const char **text)
{
	uint64_t value = 0;

	while (ascii_is_digit(**text)) {
		value = value * 10 + (uint64_t)(*(*text)++ - '0');
	}
	return value;
}

bool segment_name_parse(const char *text, struct segment_name *n)
{
	const char *at = text;
	uint64_t first = take_digits(&at);

	at += *at == '-';
	/* Only what segment_name_make writes: too large numbers and other tails are somebody
	 * else's.
	 */
	segment_name_make(n, first, (int64_t)take_digits(&at));
	return strcmp(n->text, text) == 0;
}

bool segment_path(const char *folder, const struct segment_name *n, char *out)
{
	int len = snprintf(out, PATH_MAX, "%s/%s", folder, n->text);

	errno = ENAMETOOLONG;
	return len >= 0 && len < PATH_MAX;
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

uint32_t segment_seal(const struct hash_key *key, const struct segment_name *name)
{
	return (uint32_t)hash_slice(key, slice_of(name->text));
}

void segment_header_put(struct buf *out, const struct segment_header *h)
{
	size_t start = out->len;

	buf_add(out, segment_magic, sizeof(segment_magic));
	le32_put(out, SEGMENT_VERSION);
	le32_put(out, h->fields);
	le64_put(out, h->key_id);
	le64_put(out, h->first);
	le64_put(out, (uint64_t)h->opened_us);
	le64_put(out, h->before_first);
	le64_put(out, h->before_last);
	le32_put(out, h->seal);
	if (!out->failed) {
		le32_put(out, crc32c(0, out->p + start, out->len - start));
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
	if (crc32c(0, p, SEGMENT_HEADER - 4) != le32_get(p + SEGMENT_HEADER - 4)) {
		return "checksum";
	}
	if (le32_get(p + 8) != SEGMENT_VERSION) {
		return "another version";
	}
	*h = (struct segment_header){
		.fields = le32_get(p + 12),
		.key_id = le64_get(p + 16),
		.first = le64_get(p + 24),
		.opened_us = (int64_t)le64_get(p + 32),
		.before_first = le64_get(p + 40),
		.before_last = le64_get(p + 48),
		.seal = le32_get(p + 56),
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

void frame_put(struct buf *out, uint32_t seal, enum frame_type type, uint32_t sequence,
               const struct log_span *span, struct slice payload)
{
	size_t start = out->len;

	buf_add(out, frame_magic, sizeof(frame_magic));
	le32_put(out, type);
	le32_put(out, sequence);
	le32_put(out, (uint32_t)payload.len);
	put_span(out, span);
	le32_put(out, crc32c(0, payload.p, payload.len));
	if (!out->failed) {
		le32_put(out, crc32c(seal, out->p + start, out->len - start));
	}
	buf_slice(out, payload);
}

bool frame_get(const char *bytes, uint32_t seal, struct frame *f)
{
	if (memcmp(bytes, frame_magic, sizeof(frame_magic)) != 0 ||
	    crc32c(seal, bytes, FRAME_HEADER - 4) != le32_get(bytes + FRAME_HEADER - 4)) {
		return false;
	}
	uint32_t type = le32_get(bytes + 4);
	*f = (struct frame){
		.type = type < FRAME_TYPE_COUNT ? (enum frame_type)type : (enum frame_type)0,
		.sequence = le32_get(bytes + 8),
		.length = le32_get(bytes + 12),
		.span = get_span(bytes + 16),
		.crc = le32_get(bytes + 16 + SPAN_SIZE),
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
	le32_put(out, note->type);
	le64_put(out, (uint64_t)note->wall_us);
	le64_put(out, note->at);
	le64_put(out, note->first);
	le64_put(out, note->last);
	le64_put(out, note->count);
	le64_put(out, (uint64_t)note->min_us);
	le64_put(out, (uint64_t)note->max_us);
	buf_slice(out, slice_first(note->text, NOTE_TEXT_MAX));
}

bool note_get(struct slice bytes, struct log_note *note)
{
	const char *p = bytes.p;

	if (bytes.len < NOTE_HEADER || bytes.len > NOTE_HEADER + NOTE_TEXT_MAX ||
	    le32_get(p) == 0 || le32_get(p) >= LOG_NOTE_TYPE_COUNT) {
		return false;
	}
	*note = (struct log_note){
		.type = (enum log_note_type)le32_get(p),
		.wall_us = (int64_t)le64_get(p + 4),
		.at = le64_get(p + 12),
		.first = le64_get(p + 20),
		.last = le64_get(p + 28),
		.count = le64_get(p + 36),
		.min_us = (int64_t)le64_get(p + 44),
		.max_us = (int64_t)le64_get(p + 52),
		.text = slice_skip(bytes, NOTE_HEADER),
	};
	return true;
}
