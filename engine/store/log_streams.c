#include "store/log_columns.h"

#include <stdlib.h>

#include "core/cursor.h"
#include "core/err.h"

enum {
	FILLED_SIZE = (STREAM_COUNT + 7) / 8,
	PACK_LEVEL = 1,
	PACK_MIN = 32,
	PACKED_PLANES = 3,                     /* country and operator */
	SMALL_CAP = 3 * LOG_BLOCK_EVENTS + 16, /* values below 2^21, a row each */
	WIDE_CAP = LOG_VARINT * LOG_BLOCK_EVENTS + 16,
	SHAPE_CAP = 3 * LOG_ENTRIES + 16,
	PLANE_CAP = LOG_ENTRIES + 16,
	LAST_PLANE_CAP = (LOG_DIGITS_MAX / 2 - (LOG_PLANES - 1)) * LOG_ENTRIES + 16,
	DIGITS_CAP = LOG_DIGITS_TEXT * LOG_ENTRIES,
};

enum packing { PACKING_NONE = 0, PACKING_ZSTD, PACKING_RUN, PACKING_COUNT };

static uint32_t cap_of(unsigned stream)
{
	if (stream == STREAM_TEXT || stream == STREAM_ID_TEXT) {
		return LOG_BLOCK_TEXT;
	}
	if (stream == STREAM_NUMBER || (stream >= STREAM_TIME && stream < STREAM_REF)) {
		return WIDE_CAP;
	}
	if (stream >= STREAM_PLANE && stream < STREAM_TEXT) {
		bool last = (stream - STREAM_PLANE) % LOG_PLANES == LOG_PLANES - 1;
		return last ? LAST_PLANE_CAP : PLANE_CAP;
	}
	return stream >= STREAM_SHAPE && stream < STREAM_PLANE ? SHAPE_CAP : SMALL_CAP;
}

int log_streams_init(struct log_streams *s)
{
	size_t size = DIGITS_CAP;

	*s = (struct log_streams){0};
	for (unsigned i = 0; i < STREAM_COUNT; i++) {
		size += cap_of(i);
	}
	s->memory = malloc(size);
	s->zip = zip_new(PACK_LEVEL);
	if (!s->memory || !s->zip) {
		return E_NOMEM;
	}
	uint8_t *at = s->memory;
	for (unsigned i = 0; i < STREAM_COUNT; i++) {
		s->of[i] = (struct log_bytes){.at = at, .cap = cap_of(i)};
		at += cap_of(i);
	}
	s->digits = (char *)at;
	return OK;
}

void log_streams_fini(struct log_streams *s)
{
	zip_free(s->zip);
	free(s->memory);
}

void log_streams_reset(struct log_streams *s)
{
	for (unsigned i = 0; i < STREAM_COUNT; i++) {
		s->of[i].len = 0;
		s->of[i].rows = 0;
	}
}

static void add_length(struct buf *out, size_t v)
{
	while (v >= 0x80) {
		buf_char(out, (char)(v | 0x80));
		v >>= 7;
	}
	buf_char(out, (char)v);
}

/* The last digits of numbers, and what is less than a frame, are not worth packing. */
static bool is_noise(unsigned stream, size_t len)
{
	bool plane = stream >= STREAM_PLANE && stream < STREAM_TEXT;

	return len < PACK_MIN || (plane && (stream - STREAM_PLANE) % LOG_PLANES >= PACKED_PLANES);
}

static int pack_one(struct zip *zip, unsigned stream, const struct log_bytes *b, struct buf *packed,
                    struct buf *out)
{
	struct slice bytes = {(const char *)b->at, b->len};
	enum packing packing = PACKING_NONE;

	if (memcmp(bytes.p, bytes.p + 1, bytes.len - 1) == 0) {
		packing = PACKING_RUN;
		bytes.len = 1;
	} else if (!is_noise(stream, bytes.len)) {
		buf_reset(packed);
		int err = zip_pack(zip, bytes, packed);
		if (err) {
			return err;
		}
		if (packed->len < bytes.len) {
			packing = PACKING_ZSTD;
			bytes = buf_view(packed);
		}
	}
	add_length(out, b->len);
	buf_char(out, (char)packing);
	if (packing == PACKING_ZSTD) {
		add_length(out, bytes.len);
	}
	buf_slice(out, bytes);
	return OK;
}

int log_streams_pack(const struct log_streams *s, struct buf *out)
{
	uint8_t filled[FILLED_SIZE] = {0};
	struct buf packed = {0};
	int err = OK;

	for (unsigned i = 0; i < STREAM_COUNT; i++) {
		filled[i / 8] |= (uint8_t)((s->of[i].len > 0) << i % 8);
	}
	buf_add(out, filled, sizeof(filled));
	for (unsigned i = 0; !err && i < STREAM_COUNT; i++) {
		if (s->of[i].len > 0) {
			err = pack_one(s->zip, i, &s->of[i], &packed, out);
		}
	}
	buf_fini(&packed);
	return err || out->failed ? E_NOMEM : OK;
}

/* Four bytes at most: every length is below 2^28. */
static uint32_t take_length(struct cursor *c)
{
	uint32_t value = 0;

	for (unsigned shift = 0; shift < 28; shift += 7) {
		const uint8_t *p = cur_take(c, 1);
		if (!p) {
			return 0;
		}
		value |= (uint32_t)(*p & 0x7f) << shift;
		if (*p < 0x80) {
			return value;
		}
	}
	c->failed = true;
	return 0;
}

static int unpack_one(struct zip *zip, struct cursor *c, struct log_bytes *b, const char **why)
{
	uint32_t len = take_length(c);
	const uint8_t *packing = cur_take(c, 1);

	*why = "a column is cut short";
	if (!packing) {
		return E_MALFORMED;
	}
	if (len == 0 || len > b->cap || *packing >= PACKING_COUNT) {
		*why = "a column has a wrong length or packing";
		return E_MALFORMED;
	}
	b->len = len;
	uint32_t size = *packing == PACKING_ZSTD  ? take_length(c)
	                : *packing == PACKING_RUN ? 1
	                                          : len;
	struct slice packed = cur_slice(c, size);
	if (cur_err(c)) {
		return E_MALFORMED;
	}
	switch (*packing) {
	case PACKING_NONE: memcpy(b->at, packed.p, len); return OK;
	case PACKING_RUN: memset(b->at, packed.p[0], len); return OK;
	default: break;
	}
	*why = "a column does not unpack";
	return zip_unpack(zip, packed, b->at, len);
}

int log_streams_unpack(struct log_streams *s, struct slice bytes, const char **why)
{
	struct cursor c = cur_init(bytes.p, bytes.len);
	const uint8_t *filled = cur_take(&c, FILLED_SIZE);

	log_streams_reset(s);
	if (!filled) {
		*why = "the list of columns is cut short";
		return E_MALFORMED;
	}
	for (unsigned i = 0; i < 8 * FILLED_SIZE; i++) {
		if (filled[i / 8] >> i % 8 & 1) {
			if (i >= STREAM_COUNT) {
				*why = "a column that is not known";
				return E_MALFORMED;
			}
			int err = unpack_one(s->zip, &c, &s->of[i], why);
			if (err) {
				return err;
			}
		}
	}
	if (cur_left(&c) > 0) {
		*why = "bytes behind the last column";
		return E_MALFORMED;
	}
	return OK;
}
