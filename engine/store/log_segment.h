/* The format of the call log's files: names, segment headers, frames, notes. Everything is little
 * endian and written byte by byte. No input or output happens here but the list of a folder.
 *
 *	segment = header frame*
 *	header  = magic 8, version u32, fields u32, key identity u64, first u64, opened i64,
 *	          before first u64, before last u64, seal u32, CRC-32C of these u32
 *	frame   = magic u32, type u32, sequence u32, length u32, span (u32 u64 u64 i64 i64),
 *	          CRC-32C of the payload u32, CRC-32C of seal and header so far u32, payload
 *
 * A frame's header has a checksum of its own so that its length can be trusted before the payload
 * is there: an unfinished frame at the end of a live segment is told from a damaged one. The seal
 * is a keyed hash of the segment's name: bytes of a caller's choice inside a damaged frame do not
 * pass for a frame. Sequence
 * numbers make a frame that was removed or moved show. A segment that was closed in order ends with
 * an index and an END frame, which is found from the end of the file.
 */
#ifndef ENGINE_STORE_LOG_SEGMENT_H
#define ENGINE_STORE_LOG_SEGMENT_H

#include "core/buf.h"
#include "core/hash.h"
#include "core/le.h"
#include "store/call_log.h"

enum {
	SEGMENT_VERSION = 2,
	SEGMENT_HEADER = 64,
	FRAME_HEADER = 60,
	FRAME_LENGTH_MAX = 64 << 20,
	SEGMENT_NAME = 56,
	NOTE_TEXT_MAX = 64 << 10,
};

/* ---- names ---- */

struct segment_name {
	uint64_t first;    /* event number */
	int64_t opened_us; /* clock of the day; not negative */
	char text[SEGMENT_NAME];
};

void segment_name_make(struct segment_name *n, uint64_t first, int64_t opened_us);
bool segment_name_parse(const char *text, struct segment_name *n);
/* Where it lies; out has PATH_MAX bytes. False, with errno: too long a path. */
bool segment_path(const char *folder, const struct segment_name *n, char *out);

struct segment_list {
	struct segment_name *names; /* in the order of the log */
	size_t count;
};

/* Other files are ignored. E_IO (errno), E_NOMEM. */
int segment_list_read(const char *path, struct segment_list *list);
void segment_list_fini(struct segment_list *list);

/* ---- header ---- */

struct segment_header {
	log_fields fields;
	uint64_t key_id;
	uint64_t first;
	int64_t opened_us;
	/* The segment before by its first number, and the last event number that was written there
	 * (UINT64_MAX: none): shows a segment that was cut.
	 */
	uint64_t before_first, before_last;
	uint32_t seal;
};

uint64_t segment_key_id(const struct hash_key *key);
uint32_t segment_seal(const struct hash_key *key, const struct segment_name *name);
void segment_header_put(struct buf *out, const struct segment_header *h);
/* NULL, or what is wrong: "cut", "not a segment", "checksum", "another version". */
const char *segment_header_get(struct slice bytes, struct segment_header *h);

/* ---- frames ---- */

enum frame_type {
	FRAME_BLOCK = 1,
	FRAME_FILTER, /* of the block behind it (log_index.h) */
	FRAME_NOTE,
	FRAME_CUT,   /* a batch ended behind the last event of the block before */
	FRAME_INDEX, /* log_index.h */
	FRAME_END,   /* payload: offset of the index frame u64; span: of the segment */
	FRAME_TYPE_COUNT
};

enum { FRAME_END_SIZE = FRAME_HEADER + 8 };

struct frame {
	enum frame_type type;
	uint32_t sequence;
	uint32_t length; /* of the payload */
	uint32_t crc;    /* of the payload */
	struct log_span span;
};

void span_add(struct log_span *sum, const struct log_span *s);
/* May hold an event of [from_us, to_us)? INSTANT_NONE: open. */
bool span_meets(const struct log_span *s, int64_t from_us, int64_t to_us);

/* Length and CRC are taken from payload. */
void frame_put(struct buf *out, uint32_t seal, enum frame_type type, uint32_t sequence,
               const struct log_span *span, struct slice payload);
/* bytes: FRAME_HEADER of them. False: not the header of a frame of this segment. */
bool frame_get(const char *bytes, uint32_t seal, struct frame *f);
/* Whether a frame may begin here, by its magic; fewer than four bytes: by those. */
bool frame_starts(struct slice bytes);

/* Text is cut at NOTE_TEXT_MAX. */
void note_put(struct buf *out, const struct log_note *note);
/* Text borrows from bytes. */
bool note_get(struct slice bytes, struct log_note *note);

void put_span(struct buf *out, const struct log_span *s);
enum { SPAN_SIZE = 36 };
struct log_span get_span(const char *p);

#endif
