/* What writer and reader of a block share: which columns there are, how a value becomes an integer
 * of a column, and the streams of bytes that columns lie in.
 *
 * A block is a version, the count of events, which streams are not empty (a bit each), and those
 * streams: length unpacked, how it is packed, bytes. A stream of rows that ends early goes on with
 * zeros, and zero is what most rows of most columns are: missing, or as expected. So a column that
 * nobody fills costs a bit.
 *
 * Texts. Equal texts are written once: a row of a text column is a reference (enum log_ref), a
 * text comes into its dictionary at its first row. A text of digits is kept as pairs of digits, the
 * n-th pairs of all texts of a dictionary together: the first tell country and operator and pack
 * well, the last are noise. Call ids are not looked up (they hardly ever repeat): what they share
 * with the one before, at either end, is left out.
 *
 * Streams are allocated once at their largest; the pages that are never touched cost nothing.
 */
#ifndef ENGINE_STORE_LOG_COLUMNS_H
#define ENGINE_STORE_LOG_COLUMNS_H

#include <stdint.h>

#include "core/compress.h"
#include "core/ensure.h"
#include "store/log_block.h"

enum {
	LOG_VERSION = 1,
	LOG_EVENT_TEXT = 16 * 1024,           /* texts of one event */
	LOG_ENTRIES = 4 * LOG_BLOCK_EVENTS,   /* texts in the dictionaries of a block, together */
	LOG_VARINT = 10,                      /* bytes of the longest */
	LOG_DIGITS_MAX = 32,                  /* longer texts of digits are kept as any text */
	LOG_PLANES = 8,                       /* the last one holds all further pairs */
	LOG_DIGITS_TEXT = LOG_DIGITS_MAX + 1, /* with a plus */
	LOG_PACKED_TEXT = 17,                 /* the longest that a PACKED member becomes */
};

enum log_dictionary {
	DICTIONARY_PHONE = 0,
	DICTIONARY_CONTEXT,
	DICTIONARY_DISPLAY,
	DICTIONARY_TRUNK,
	DICTIONARY_UA,
	DICTIONARY_ACCOUNT,
	DICTIONARY_SIGNER,
	DICTIONARY_ORIGID,
	DICTIONARY_CELL,
	DICTIONARY_IMEI,
	DICTIONARY_IMSI,
	DICTIONARY_METHOD,
	DICTIONARY_ADDRESS,
	DICTIONARY_COST,
	DICTIONARY_COUNT
};

/* A row of a text column; from REF_KNOWN on, how many texts came into the dictionary since. */
enum log_ref { REF_MISSING = 0, REF_NEXT, REF_TWIN, REF_KNOWN };

/* Ids of columns by kind, each from 0. */
#define SMALL(id, member, field, first, limit)
#define TIME(id, member, field, base)
#define NUMBER(id, member, field)
#define TEXT(id, member, field, dictionary, twin)
#define PACKED(id, field, dictionary, what)
enum log_small {
#undef SMALL
#define SMALL(id, member, field, first, limit) SMALL_##id,
#include "store/log_columns.def"
#undef SMALL
#define SMALL(id, member, field, first, limit)
	SMALL_COUNT
};
enum log_time {
#undef TIME
#define TIME(id, member, field, base) TIME_##id,
#include "store/log_columns.def"
#undef TIME
#define TIME(id, member, field, base)
	TIME_COUNT
};
enum log_number {
#undef NUMBER
#define NUMBER(id, member, field) NUMBER_##id,
#include "store/log_columns.def"
#undef NUMBER
#define NUMBER(id, member, field)
	NUMBER_COUNT
};
/* TEXT and PACKED alike. */
enum log_text {
#undef TEXT
#undef PACKED
#define TEXT(id, member, field, dictionary, twin) TEXT_##id,
#define PACKED(id, field, dictionary, what)       TEXT_##id,
#include "store/log_columns.def"
	TEXT_COUNT
};
#undef SMALL
#undef TIME
#undef NUMBER
#undef TEXT
#undef PACKED

/* Streams in their order in the block. */
enum log_stream {
	STREAM_NUMBER = 0, /* event numbers left out since the event before */
	STREAM_CUT,
	STREAM_SMALL,
	STREAM_TIME = STREAM_SMALL + SMALL_COUNT, /* a pair each: milliseconds, rest */
	STREAM_VALUE = STREAM_TIME + 2 * TIME_COUNT,
	STREAM_REF = STREAM_VALUE + NUMBER_COUNT,
	STREAM_SHAPE = STREAM_REF + TEXT_COUNT, /* of the texts of a dictionary */
	STREAM_PLANE = STREAM_SHAPE + DICTIONARY_COUNT,
	STREAM_TEXT = STREAM_PLANE + DICTIONARY_COUNT * LOG_PLANES,
	STREAM_ID_HEAD, /* of call ids: 1 + bytes as before; 0: missing */
	STREAM_ID_TAIL, /* bytes at the end as before */
	STREAM_ID_SIZE, /* longer or shorter than before */
	STREAM_ID_TEXT, /* what is between */
	STREAM_COUNT
};

/* ---- columns ---- */

typedef uint32_t log_kept; /* log_fields and, above them, what is always kept */
enum { LOG_FIELD_ALWAYS = LOG_FIELD_COUNT };

static inline log_kept log_kept_of(log_fields fields)
{
	return (fields & LOG_FIELDS_ALL) | UINT32_C(1) << LOG_FIELD_ALWAYS;
}

struct log_small_column {
	uint16_t offset; /* in struct event */
	uint8_t width;
	uint8_t field;
	uint32_t first, limit;
};
/* Zero stands for the base itself, not for missing: a call lasts from its answer to its end, and no
 * time but that has a base so sure.
 */
#define LOG_TIME_EXPECTED(id) (TIME_##id == TIME_duration_us)
struct log_time_column {
	uint16_t offset;
	uint8_t field;
	bool expected; /* LOG_TIME_EXPECTED */
	int64_t (*base)(const struct event *e, int64_t previous_us);
};
struct log_number_column {
	uint16_t offset;
	uint8_t field;
};
struct log_text_column {
	uint16_t offset;
	uint8_t field, dictionary, twin;
	/* NULL of texts. A member as a text in room, and back; false: not such a text. */
	struct slice (*pack)(const struct event *e, char room[LOG_PACKED_TEXT]);
	bool (*unpack)(struct slice text, struct event *e);
};

extern const struct log_small_column log_small_columns[SMALL_COUNT];
extern const struct log_time_column log_time_columns[TIME_COUNT];
extern const struct log_number_column log_number_columns[NUMBER_COUNT];
extern const struct log_text_column log_text_columns[TEXT_COUNT];

/* Of members that are kept as texts: whether there is one. */
static inline bool log_has_ip(const struct ip *ip)
{
	uint64_t words[sizeof(ip->bytes) / sizeof(uint64_t)];

	memcpy(words, ip->bytes, sizeof(words));
	return ip->family || words[0] || words[1];
}

static inline bool log_has_src(const struct event *e)
{
	return log_has_ip(&e->src);
}

static inline bool log_has_dst(const struct event *e)
{
	return log_has_ip(&e->dst);
}

static inline bool log_has_cost(const struct event *e)
{
	return e->cost == e->cost; /* NaN: missing */
}

static inline void log_small_set(const struct log_small_column *c, struct event *e, uint32_t value)
{
	char *at = (char *)e + c->offset;
	uint16_t half = (uint16_t)value;

	switch (c->width) {
	case 1: *(uint8_t *)at = (uint8_t)value; break;
	case 2: memcpy(at, &half, sizeof(half)); break;
	default: memcpy(at, &value, sizeof(value)); break;
	}
}

static inline int64_t *log_wide(struct event *e, uint16_t offset)
{
	return (int64_t *)(void *)((char *)e + offset);
}

static inline int64_t log_wide_get(const struct event *e, uint16_t offset)
{
	return *(const int64_t *)(const void *)((const char *)e + offset);
}

static inline uint64_t zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

/* Differences wrap around: every value has one, whatever the base. */
static inline int64_t wrap_add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t wrap_sub(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* ---- streams ---- */

struct log_bytes {
	uint8_t *at;
	uint32_t len, cap;
	uint32_t rows; /* rows written; those behind are zero */
};

struct log_streams {
	struct log_bytes of[STREAM_COUNT];
	char *digits; /* texts of digits of the dictionaries, unpacked */
	struct zip *zip;
	uint8_t *memory;
};

int log_streams_init(struct log_streams *s); /* E_NOMEM; fini is needed all the same */
void log_streams_fini(struct log_streams *s);
void log_streams_reset(struct log_streams *s);
/* Appends the streams with what says how to read them. E_NOMEM. */
int log_streams_pack(const struct log_streams *s, struct buf *out);
/* Takes all of bytes. E_MALFORMED and *why. */
int log_streams_unpack(struct log_streams *s, struct slice bytes, const char **why);

static inline void log_bytes_varint(struct log_bytes *b, uint64_t v)
{
	ENSURE(b->cap - b->len >= LOG_VARINT);
	while (v >= 0x80) {
		b->at[b->len++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	b->at[b->len++] = (uint8_t)v;
}

/* The value of a row; rows rise. */
static inline void log_bytes_row(struct log_bytes *b, uint32_t row, uint64_t v)
{
	if (v == 0) {
		return;
	}
	if (b->rows < row) {
		ENSURE(b->cap - b->len > row - b->rows);
		memset(b->at + b->len, 0, row - b->rows);
		b->len += row - b->rows;
	}
	b->rows = row + 1;
	log_bytes_varint(b, v);
}

static inline void log_bytes_text(struct log_bytes *b, const char *p, size_t len)
{
	ENSURE(b->cap - b->len >= len);
	memcpy(b->at + b->len, p, len);
	b->len += (uint32_t)len;
}

#endif
