/* Walks the frames of one file of the call log, checks them, and goes on behind damage at the next
 * frame that is whole.
 *
 *	log_walk_open(w, folder, &name, newest, key, &why)
 *	while ((kind = log_walk_next(w, &frame, &payload)) != WALK_END) ...
 *	log_walk_close(w)
 *
 * The work on a file is bounded by a small multiple of its size, whatever stands in it.
 */
#ifndef ENGINE_STORE_LOG_WALK_H
#define ENGINE_STORE_LOG_WALK_H

#include "store/log_segment.h"

enum walk_kind { WALK_END = 0, WALK_FRAME, WALK_DAMAGE };

struct log_walk {
	int fd;
	bool newest; /* an unfinished frame at the end is no damage */
	uint64_t size, at;
	uint64_t work;     /* bytes that may still be read in search of a frame */
	uint32_t sequence; /* of the next frame */
	bool header_read, skipped;
	struct segment_name name;
	struct segment_header header; /* before the first frame: as far as it was readable */
	bool has_header, damaged;
	uint32_t seal; /* of its frames; without key and header unknown: no frame is found */
	const struct hash_key *key;
	struct buf payload;
	uint64_t frame_at; /* where the frame told last begins */
	/* The damage told last. */
	uint64_t damage_at, damage_size;
	const char *why;
};

/* w: zeroed, or closed before. key: NULL for any. E_NOTFOUND (gone meanwhile), E_IO (errno). */
int log_walk_open(struct log_walk *w, const char *folder, const struct segment_name *name,
                  bool newest, const struct hash_key *key);
/* Reads the header, which the first log_walk_next does else: WALK_FRAME when all is well, WALK_END
 * for a segment that is just being made. A segment of another key or version has no frames.
 */
enum walk_kind log_walk_header(struct log_walk *w);
/* The payload lives until the next call. Sets why, damage_at and damage_size at WALK_DAMAGE; a
 * frame that is out of order is told as damage and not as a frame.
 */
enum walk_kind log_walk_next(struct log_walk *w, struct frame *f, struct slice *payload);
/* The same without payloads, which are neither read nor checked: where frames are. */
enum walk_kind log_walk_skim(struct log_walk *w, struct frame *f);
/* Goes on with the frame at offset, whatever lies between; behind log_walk_header. */
void log_walk_seek(struct log_walk *w, uint64_t offset);
/* The frame at offset, which must be whole and of that type; for what an index points to. */
bool log_walk_frame_at(struct log_walk *w, uint64_t offset, enum frame_type type, struct frame *f,
                       struct slice *payload);
/* Bytes inside a frame that an index points to, unchecked. False: not all there. */
bool log_walk_bytes(const struct log_walk *w, uint64_t offset, char *out, size_t len);
/* The segment's END frame: its span and the directory of its blocks (log_index.h). False without
 * one that is whole. The directory lives until the next call.
 */
bool log_walk_index(struct log_walk *w, struct log_span *span, struct slice *directory);
/* The span of the END frame alone. */
bool log_walk_end(struct log_walk *w, struct log_span *span, uint64_t *index_at);
/* Frees the buffer as well. */
void log_walk_close(struct log_walk *w);

#endif
