#include "store/log_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/err.h"
#include "store/crc32c.h"
#include "store/log_index.h"

enum { SEARCH_STEP = 64 << 10 };

/* Fewer bytes at the end of the file, or where reading fails. */
static size_t read_at(const struct log_walk *w, uint64_t at, char *out, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(w->fd, out + done, len - done, (off_t)(at + done));
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			break;
		}
		done += (size_t)got;
	}
	return done;
}

bool log_walk_bytes(const struct log_walk *w, uint64_t offset, char *out, size_t len)
{
	return read_at(w, offset, out, len) == len;
}

int log_walk_open(struct log_walk *w, const char *folder, const struct segment_name *name,
                  bool newest, const struct hash_key *key)
{
	char path[PATH_MAX];
	struct stat st;

	*w = (struct log_walk){.fd = -1, .newest = newest, .name = *name, .key = key};
	if (!segment_path(folder, name, path)) {
		return E_IO;
	}
	w->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (w->fd < 0) {
		return errno == ENOENT ? E_NOTFOUND : E_IO;
	}
	if (fstat(w->fd, &st) != 0) {
		log_walk_close(w);
		return E_IO;
	}
	w->size = (uint64_t)st.st_size;
	w->work = 8 * w->size + 2 * (uint64_t)FRAME_LENGTH_MAX;
	return OK;
}

void log_walk_close(struct log_walk *w)
{
	if (w->fd >= 0) {
		(void)close(w->fd);
	}
	buf_fini(&w->payload);
	*w = (struct log_walk){.fd = -1};
}

static enum walk_kind damage(struct log_walk *w, uint64_t at, uint64_t size, const char *why)
{
	w->damage_at = at;
	w->damage_size = size;
	w->why = why;
	w->skipped = true;
	w->damaged = true;
	return WALK_DAMAGE;
}

/* NULL: the frame at `at` has a header, and the file its bytes; else what is wrong with it. */
static const char *read_header(struct log_walk *w, uint64_t at, struct frame *f, bool *unfinished)
{
	char header[FRAME_HEADER];
	size_t got = read_at(w, at, header, sizeof(header));

	*unfinished = false;
	if (got < sizeof(header)) {
		*unfinished = frame_starts((struct slice){header, got});
		return "cut";
	}
	if (!frame_get(header, w->seal, f)) {
		return frame_starts((struct slice){header, got}) ? "checksum" : "no frame";
	}
	if (f->length > w->size || at + FRAME_HEADER > w->size - f->length) {
		*unfinished = true;
		return "cut";
	}
	return NULL;
}

/* NULL: the whole frame at `at` is in the payload buffer; else what is wrong with it. */
static const char *read_frame(struct log_walk *w, uint64_t at, struct frame *f, bool *unfinished)
{
	const char *why = read_header(w, at, f, unfinished);

	if (why) {
		return why;
	}
	buf_reset(&w->payload);
	buf_reserve(&w->payload, f->length);
	if (w->payload.failed) {
		return "out of memory";
	}
	w->payload.len = read_at(w, at + FRAME_HEADER, w->payload.p, f->length);
	w->work -= w->work < f->length ? w->work : f->length;
	if (w->payload.len < f->length) {
		return "cut";
	}
	return crc32c(0, w->payload.p, w->payload.len) == f->crc ? NULL : "checksum";
}

/* Where behind `from` the next whole frame begins; the size of the file when there is none. */
static uint64_t find_frame(struct log_walk *w, uint64_t from)
{
	char chunk[SEARCH_STEP];
	struct frame f;
	bool unfinished;

	while (from < w->size && w->work > 0) {
		size_t got = read_at(w, from, chunk, sizeof(chunk));
		for (size_t i = 0; i + FRAME_HEADER <= got && w->work > 0; i++) {
			if (frame_starts((struct slice){chunk + i, 4}) &&
			    frame_get(chunk + i, w->seal, &f) &&
			    !read_frame(w, from + i, &f, &unfinished)) {
				return from + i;
			}
		}
		if (got < FRAME_HEADER) {
			break;
		}
		from += got - FRAME_HEADER + 1;
		w->work -= w->work < got ? w->work : got;
	}
	return w->size;
}

enum walk_kind log_walk_header(struct log_walk *w)
{
	char bytes[SEGMENT_HEADER];
	size_t got = read_at(w, 0, bytes, sizeof(bytes));
	const char *why = segment_header_get((struct slice){bytes, got}, &w->header);

	w->header_read = true;
	w->has_header = why == NULL;
	w->seal = w->key ? segment_seal(w->key, &w->name) : why ? 0 : w->header.seal;
	w->at = SEGMENT_HEADER;
	if (!why && w->key && w->header.key_id != segment_key_id(w->key)) {
		w->at = w->size;
		return damage(w, 0, w->size, "another key");
	}
	if (!why) {
		return WALK_FRAME;
	}
	if (strcmp(why, "another version") == 0) {
		w->at = w->size;
		return damage(w, 0, w->size, why);
	}
	if (got < sizeof(bytes) && w->newest) {
		w->at = w->size;
		return WALK_END;
	}
	w->at = find_frame(w, 0);
	return damage(w, 0, w->at, why);
}

/* read: read_frame or read_header. */
static enum walk_kind walk_on(struct log_walk *w, struct frame *f,
                              const char *(*read)(struct log_walk *w, uint64_t at, struct frame *f,
                                                  bool *unfinished))
{
	bool unfinished;

	if (!w->header_read) {
		enum walk_kind kind = log_walk_header(w);
		if (kind != WALK_FRAME) {
			return kind;
		}
	}
	if (w->at >= w->size) {
		return WALK_END;
	}
	uint64_t at = w->at;
	const char *why = read(w, at, f, &unfinished);
	if (why) {
		w->at = find_frame(w, at + 1);
		if (w->at == w->size && unfinished && w->newest) {
			return WALK_END;
		}
		return damage(w, at, w->at - at, why);
	}
	if (f->sequence > w->sequence && !w->skipped) {
		w->sequence = f->sequence;
		return damage(w, at, 0, "frames are missing");
	}
	w->at = at + FRAME_HEADER + f->length;
	if (f->sequence < w->sequence) {
		return damage(w, at, w->at - at, "out of order");
	}
	w->skipped = false;
	w->sequence = f->sequence + 1;
	w->frame_at = at;
	return WALK_FRAME;
}

enum walk_kind log_walk_next(struct log_walk *w, struct frame *f, struct slice *payload)
{
	enum walk_kind kind = walk_on(w, f, read_frame);

	*payload = buf_view(&w->payload);
	return kind;
}

enum walk_kind log_walk_skim(struct log_walk *w, struct frame *f)
{
	return walk_on(w, f, read_header);
}

void log_walk_seek(struct log_walk *w, uint64_t offset)
{
	w->at = offset;
	w->skipped = true;
}

bool log_walk_frame_at(struct log_walk *w, uint64_t offset, enum frame_type type, struct frame *f,
                       struct slice *payload)
{
	bool unfinished;

	if (offset > w->size || read_frame(w, offset, f, &unfinished) || f->type != type) {
		return false;
	}
	*payload = buf_view(&w->payload);
	return true;
}

bool log_walk_end(struct log_walk *w, struct log_span *span, uint64_t *index_at)
{
	struct slice payload;
	struct frame f;

	if (w->size < SEGMENT_HEADER + FRAME_END_SIZE ||
	    !log_walk_frame_at(w, w->size - FRAME_END_SIZE, FRAME_END, &f, &payload) ||
	    payload.len != 8) {
		return false;
	}
	*span = f.span;
	*index_at = le64_get(payload.p);
	return true;
}

bool log_walk_index(struct log_walk *w, struct log_span *span, struct slice *directory)
{
	uint64_t index_at;
	struct frame f;

	return log_walk_end(w, span, &index_at) &&
	       log_walk_frame_at(w, index_at, FRAME_INDEX, &f, directory) &&
	       directory->len % INDEX_ENTRY == 0;
}
