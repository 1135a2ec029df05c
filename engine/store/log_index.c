#include "store/log_index.h"

#include "core/err.h"
#include "store/crc32c.h"

enum {
	FILTER_WORDS = FILTER_PART / 4 - 1, /* the last one is the checksum */
};

/* ---- keys ---- */

struct slice number_key(struct slice text, char digits[NUMBER_KEY])
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = ascii_lower(text.p[i]);
		if ((c >= 'a' && c <= 'z') || (uint8_t)c >= 0x80) {
			return text;
		}
		if (ascii_is_digit(c) && len < NUMBER_KEY) {
			digits[len++] = c;
		}
	}
	return (struct slice){digits, len};
}

/* ---- filters ---- */

static uint32_t filter_bit(uint64_t hash, size_t word)
{
	static const uint32_t salts[FILTER_WORDS] = {
		0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947,
	};

	return UINT32_C(1) << ((uint32_t)hash * salts[word] >> 27);
}

/* Of the words of a part; a part at another place has another. */
static uint32_t part_sum(const char *part, size_t number)
{
	return crc32c((uint32_t)number, part, FILTER_PART - 4);
}

size_t filter_part(uint64_t hash, size_t parts)
{
	return (size_t)((hash >> 32) * parts >> 32);
}

int filter_part_has(const char *part, size_t number, uint64_t hash)
{
	if (le32_get(part + FILTER_PART - 4) != part_sum(part, number)) {
		return E_MALFORMED;
	}
	for (size_t i = 0; i < FILTER_WORDS; i++) {
		if (!(le32_get(part + 4 * i) & filter_bit(hash, i))) {
			return 0;
		}
	}
	return 1;
}

bool filter_get(struct slice payload, struct filter *f)
{
	if (payload.len < FILTER_HEADER || (payload.len - FILTER_HEADER) % FILTER_PART) {
		return false;
	}
	*f = (struct filter){
		.from_us = (int64_t)le64_get(payload.p),
		.to_us = (int64_t)le64_get(payload.p + 8),
		.bits = slice_skip(payload, FILTER_HEADER),
	};
	return true;
}

bool filter_has(const struct filter *f, uint64_t hash)
{
	size_t parts = f->bits.len / FILTER_PART;

	if (parts == 0) {
		return true;
	}
	size_t part = filter_part(hash, parts);
	return filter_part_has(f->bits.p + FILTER_PART * part, part, hash) != 0;
}

static void set_key(char *bits, size_t parts, uint64_t hash)
{
	char *part = bits + FILTER_PART * filter_part(hash, parts);

	for (size_t i = 0; i < FILTER_WORDS; i++) {
		le32_set(part + 4 * i, le32_get(part + 4 * i) | filter_bit(hash, i));
	}
}

void filter_put(const struct log_keys *keys, struct buf *out)
{
	size_t parts = (keys->count * INDEX_KEY_BITS + 8 * FILTER_PART - 1) / (8 * FILTER_PART);

	le64_put(out, (uint64_t)keys->from_us);
	le64_put(out, (uint64_t)keys->to_us);
	buf_reserve(out, parts * FILTER_PART);
	if (out->failed) {
		return;
	}
	char *bits = out->p + out->len;
	memset(bits, 0, parts * FILTER_PART);
	for (size_t i = 0; i < keys->count; i++) {
		set_key(bits, parts, keys->hashes[i]);
	}
	for (size_t i = 0; i < parts; i++) {
		char *part = bits + FILTER_PART * i;
		le32_set(part + FILTER_PART - 4, part_sum(part, i));
	}
	out->len += parts * FILTER_PART;
}

/* ---- directory ---- */

void index_entry_put(struct buf *out, const struct index_entry *e)
{
	le64_put(out, e->offset);
	le32_put(out, e->filter_size);
	le32_put(out, e->block_size);
	put_span(out, &e->span);
	le64_put(out, (uint64_t)e->from_us);
	le64_put(out, (uint64_t)e->to_us);
}

struct index_entry index_entry_get(const char *p)
{
	return (struct index_entry){
		.offset = le64_get(p),
		.filter_size = le32_get(p + 8),
		.block_size = le32_get(p + 12),
		.span = get_span(p + 16),
		.from_us = (int64_t)le64_get(p + 16 + SPAN_SIZE),
		.to_us = (int64_t)le64_get(p + 24 + SPAN_SIZE),
	};
}
