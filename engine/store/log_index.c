#include "store/log_index.h"

#include <assert.h>
#include <stdlib.h>

enum {
	FILTER_PART = 32,
	FILTER_WORDS = FILTER_PART / 4,
	FILTER_HEADER = 16,
	EVENT_KEYS = 5,
	SEEN_BITS = 17,
};
static_assert((1 << SEEN_BITS) > LOG_BLOCK_EVENTS * EVENT_KEYS, "a free place ends each search");

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

uint64_t index_key_hash(const struct hash_key *key, enum index_key kind, struct slice text)
{
	uint64_t parts[2] = {kind, hash_slice(key, text)};

	return hash64(key, parts, sizeof(parts)) | 1;
}

/* ---- filters ---- */

static uint32_t filter_bit(uint64_t hash, size_t word)
{
	static const uint32_t salts[FILTER_WORDS] = {
		0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
		0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
	};

	return UINT32_C(1) << ((uint32_t)hash * salts[word] >> 27);
}

static size_t filter_part(uint64_t hash, size_t parts)
{
	return (size_t)((hash >> 32) * parts >> 32);
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
	const char *part = f->bits.p + FILTER_PART * filter_part(hash, parts);
	for (size_t i = 0; i < FILTER_WORDS; i++) {
		if (!(le32_get(part + 4 * i) & filter_bit(hash, i))) {
			return false;
		}
	}
	return true;
}

struct filter_maker {
	const struct hash_key *key;
	int64_t from_us, to_us;
	struct slice trunk_in, trunk_out; /* of the event before */
	size_t count;
	uint64_t keys[LOG_BLOCK_EVENTS * EVENT_KEYS];
	uint64_t seen[1 << SEEN_BITS]; /* those that come again, as a hash table; 0: free */
};

static void maker_reset(struct filter_maker *m)
{
	m->from_us = INT64_MAX;
	m->to_us = INT64_MIN;
	m->count = 0;
	m->trunk_in = SLICE_NONE;
	m->trunk_out = SLICE_NONE;
	memset(m->seen, 0, sizeof(m->seen));
}

struct filter_maker *filter_maker_new(const struct hash_key *key)
{
	struct filter_maker *m = malloc(sizeof(*m));

	if (m) {
		m->key = key;
		maker_reset(m);
	}
	return m;
}

void filter_maker_free(struct filter_maker *m)
{
	free(m);
}

static void keep_key(struct filter_maker *m, uint64_t hash)
{
	if (m->count < sizeof(m->keys) / sizeof(m->keys[0])) {
		m->keys[m->count++] = hash;
	}
}

static void add_key(struct filter_maker *m, enum index_key kind, struct slice text)
{
	if (!text.p) {
		return;
	}
	uint64_t hash = index_key_hash(m->key, kind, text);
	size_t at = (size_t)(hash >> (64 - SEEN_BITS));
	while (m->seen[at] && m->seen[at] != hash) {
		at = (at + 1) & ((1 << SEEN_BITS) - 1);
	}
	if (!m->seen[at]) {
		m->seen[at] = hash;
		keep_key(m, hash);
	}
}

/* Of what hardly ever comes twice: a repeated key costs bits, not truth. */
static void add_new_key(struct filter_maker *m, enum index_key kind, struct slice text)
{
	if (text.p) {
		keep_key(m, index_key_hash(m->key, kind, text));
	}
}

/* Of what hardly ever changes: the codec gives an equal text of a block at the same place. */
static void add_steady_key(struct filter_maker *m, enum index_key kind, struct slice text,
                           struct slice *before)
{
	if (text.p != before->p || text.len != before->len) {
		add_key(m, kind, text);
		*before = text;
	}
}

static void add_number(struct filter_maker *m, enum index_key kind, struct slice text)
{
	char digits[NUMBER_KEY];

	if (text.p) {
		add_key(m, kind, number_key(text, digits));
	}
}

static void add_time(struct filter_maker *m, int64_t time_us)
{
	if (time_us != INSTANT_NONE) {
		m->from_us = time_us < m->from_us ? time_us : m->from_us;
		m->to_us = time_us > m->to_us ? time_us : m->to_us;
	}
}

void filter_maker_add(struct filter_maker *m, const struct event *e)
{
	if (e->kind != KIND_CALL) {
		return;
	}
	add_number(m, INDEX_CALLER, e->caller.text);
	add_number(m, INDEX_CALLEE, e->callee.text);
	add_steady_key(m, INDEX_TRUNK, e->trunk_in, &m->trunk_in);
	add_steady_key(m, INDEX_TRUNK, e->trunk_out, &m->trunk_out);
	add_new_key(m, INDEX_CALL_ID, e->call_id);
	add_time(m, e->start_us);
	add_time(m, e->time_us);
}

void filter_maker_put(struct filter_maker *m, struct buf *out)
{
	size_t parts = (m->count * INDEX_KEY_BITS + 8 * FILTER_PART - 1) / (8 * FILTER_PART);

	le64_put(out, (uint64_t)m->from_us);
	le64_put(out, (uint64_t)m->to_us);
	buf_reserve(out, parts * FILTER_PART);
	if (!out->failed) {
		char *bits = out->p + out->len;
		memset(bits, 0, parts * FILTER_PART);
		for (size_t i = 0; i < m->count; i++) {
			char *part = bits + FILTER_PART * filter_part(m->keys[i], parts);
			for (size_t w = 0; w < FILTER_WORDS; w++) {
				uint32_t bit = filter_bit(m->keys[i], w);
				for (size_t b = 0; b < 4; b++) {
					part[4 * w + b] |= (char)(uint8_t)(bit >> 8 * b);
				}
			}
		}
		out->len += parts * FILTER_PART;
	}
	maker_reset(m);
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
