#include "store/log_columns.h"

#include <endian.h>
#include <stdlib.h>

#include "core/err.h"
#include "store/log_bases.h"
#include "store/log_index.h"

/* A text that finds its slot taken takes it over: one met again after that is kept anew. Few slots
 * stay in the cache; a slot a text costs a miss an event and saves half a byte.
 */
enum { SLOTS = 512, KEYS = LOG_ENTRIES + LOG_BLOCK_EVENTS };

/* A text of a dictionary, where its bytes are. */
struct entry {
	uint32_t id; /* in its dictionary */
	uint32_t at; /* in the memory of the streams */
	uint16_t len;
	uint8_t dictionary;
};

struct slot {
	uint32_t tag; /* of the hash; 0: empty */
	uint32_t entry;
};

struct log_block {
	log_kept kept;
	struct log_span span;
	int64_t previous_us;
	uint32_t text_used, digits_used, entries;
	uint32_t counts[DICTIONARY_COUNT];
	uint32_t recent[TEXT_COUNT]; /* what the last row with a text had: an entry, + 1 */
	uint32_t id_len;
	char id[LOG_EVENT_TEXT]; /* the call id before */
	const struct hash_key *key;
	int64_t from_us, to_us; /* of struct log_keys */
	uint32_t key_count;
	struct log_streams streams;
	struct slot slots[SLOTS];
	struct entry texts[LOG_ENTRIES];
	uint64_t keys[KEYS];
};

/* The text columns of an event that are not missing. */
struct present {
	unsigned count;
	uint8_t columns[TEXT_COUNT + 1]; /* one is written before it is known to count */
};

static const struct slice *text_of(const struct event *e, const struct log_text_column *c)
{
	return (const struct slice *)(const void *)((const char *)e + c->offset);
}

struct log_block *log_block_new(log_fields fields, const struct hash_key *key)
{
	struct log_block *b = malloc(sizeof(*b));

	if (!b) {
		return NULL;
	}
	b->kept = log_kept_of(fields);
	b->key = key;
	if (log_streams_init(&b->streams)) {
		log_block_free(b);
		return NULL;
	}
	log_block_reset(b);
	return b;
}

void log_block_free(struct log_block *b)
{
	if (!b) {
		return;
	}
	log_streams_fini(&b->streams);
	free(b);
}

void log_block_reset(struct log_block *b)
{
	b->span = (struct log_span){.min_us = INSTANT_NONE, .max_us = INSTANT_NONE};
	b->previous_us = 0;
	b->text_used = b->digits_used = b->entries = b->id_len = b->key_count = 0;
	b->from_us = INT64_MAX;
	b->to_us = INT64_MIN;
	memset(b->counts, 0, sizeof(b->counts));
	memset(b->recent, 0, sizeof(b->recent));
	memset(b->slots, 0, sizeof(b->slots));
	log_streams_reset(&b->streams);
}

/* ---- texts ---- */

/* Texts of numbers and trunks are 8 to 16 bytes: two words that overlap, no call. */
static inline bool same_bytes(const char *a, const char *b, size_t len)
{
	uint64_t head[2], tail[2];

	if (len < sizeof(head[0]) || len > 2 * sizeof(head[0])) {
		return memcmp(a, b, len) == 0;
	}
	memcpy(&head[0], a, sizeof(head[0]));
	memcpy(&head[1], b, sizeof(head[1]));
	memcpy(&tail[0], a + len - sizeof(tail[0]), sizeof(tail[0]));
	memcpy(&tail[1], b + len - sizeof(tail[1]), sizeof(tail[1]));
	return head[0] == head[1] && tail[0] == tail[1];
}

static inline void copy_bytes(char *to, const char *from, size_t len)
{
	uint64_t head, tail;

	if (len < sizeof(head) || len > 2 * sizeof(head)) {
		memcpy(to, from, len);
		return;
	}
	memcpy(&head, from, sizeof(head));
	memcpy(&tail, from + len - sizeof(tail), sizeof(tail));
	memcpy(to, &head, sizeof(head));
	memcpy(to + len - sizeof(tail), &tail, sizeof(tail));
}

/* Eight bytes at once: a digit is 0x30 to 0x39, so nothing but 3 in the high half, also of six
 * more.
 */
static bool are_digits(const char *p, size_t len)
{
	const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0), three = UINT64_C(0x3030303030303030);
	uint64_t chars, wrong = 0;

	for (; len >= sizeof(chars); p += sizeof(chars), len -= sizeof(chars)) {
		memcpy(&chars, p, sizeof(chars));
		wrong |= (chars & high) ^ three;
		wrong |= ((chars + UINT64_C(0x0606060606060606)) & high) ^ three;
	}
	for (; len > 0; p++, len--) {
		wrong |= !ascii_is_digit(*p);
	}
	return wrong == 0;
}

/* How many digits follow an optional plus; 0: not a text of digits, or too long a one. */
static unsigned digits_of(struct slice text)
{
	struct slice digits = slice_skip(text, text.len && text.p[0] == '+');

	return digits.len <= LOG_DIGITS_MAX && are_digits(digits.p, digits.len)
	               ? (unsigned)digits.len
	               : 0;
}

/* Two digits a byte, below 100; a last one alone is 100 and more. */
static void add_digits(struct log_block *b, unsigned dictionary, const char *digits, unsigned count)
{
	struct log_bytes *plane = &b->streams.of[STREAM_PLANE + dictionary * LOG_PLANES];
	struct log_bytes *last = plane + LOG_PLANES - 1;

	/* Planes have room for LOG_ENTRIES texts of LOG_DIGITS_MAX. */
	ENSURE(plane->len < plane->cap && last->cap - last->len >= LOG_DIGITS_MAX / 2);
	for (; count >= 8; count -= 8, digits += 8) {
		uint64_t pairs;
		memcpy(&pairs, digits, sizeof(pairs));
		pairs = le64toh(pairs) - UINT64_C(0x3030303030303030);
		pairs = pairs * 10 + (pairs >> 8); /* a pair in every other byte */
		for (unsigned i = 0; i < 4; i++, pairs >>= 16) {
			plane->at[plane->len++] = (uint8_t)pairs;
			plane += plane < last;
		}
	}
	for (; count > 1; count -= 2, digits += 2) {
		plane->at[plane->len++] = (uint8_t)((digits[0] - '0') * 10 + digits[1] - '0');
		plane += plane < last;
	}
	if (count) {
		plane->at[plane->len++] = (uint8_t)(100 + digits[0] - '0');
	}
}

/* A text that comes into its dictionary; returns where in the streams' memory its bytes stay. */
static uint32_t add_text(struct log_block *b, unsigned dictionary, struct slice text,
                         unsigned digits)
{
	struct log_bytes *shape = &b->streams.of[STREAM_SHAPE + dictionary];
	struct log_bytes *texts = &b->streams.of[STREAM_TEXT];

	if (digits == 0) {
		log_bytes_varint(shape, text.len << 1 | 1);
		log_bytes_text(texts, text.p, text.len);
		return (uint32_t)(texts->at + texts->len - text.len - b->streams.memory);
	}
	char *at = b->streams.digits + b->digits_used;
	bool plus = text.p[0] == '+';
	log_bytes_varint(shape, (digits << 1 | plus) << 1);
	add_digits(b, dictionary, text.p + plus, digits);
	copy_bytes(at, text.p, text.len);
	b->digits_used += (uint32_t)text.len;
	return (uint32_t)((uint8_t *)at - b->streams.memory);
}

/* hash: of the text, of a number's digits alone. */
static void add_key(struct log_block *b, unsigned dictionary, struct slice text, unsigned digits,
                    uint64_t hash)
{
	char room[NUMBER_KEY];

	if (dictionary == DICTIONARY_PHONE && digits == 0) {
		hash = hash_slice(b->key, number_key(text, room));
	}
	if (dictionary == DICTIONARY_PHONE || dictionary == DICTIONARY_TRUNK) {
		bool trunk = dictionary == DICTIONARY_TRUNK;
		b->keys[b->key_count++] = index_key_of(trunk ? INDEX_TRUNK : INDEX_NUMBER, hash);
	}
}

static bool is_text(const struct log_block *b, uint32_t entry, unsigned dictionary,
                    struct slice text)
{
	const struct entry *t = &b->texts[entry];

	return t->dictionary == dictionary && t->len == text.len &&
	       same_bytes((const char *)b->streams.memory + t->at, text.p, text.len);
}

/* The entry of text; a further one when it is not found. */
static uint32_t find_text(struct log_block *b, unsigned dictionary, struct slice text)
{
	unsigned digits = digits_of(text);
	bool plus = dictionary == DICTIONARY_PHONE && digits > 0 && text.p[0] == '+';
	uint64_t hash = hash_slice(b->key, slice_skip(text, plus));
	uint64_t place = hash + dictionary * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t tag = (uint32_t)(place >> 32) | 1;
	struct slot *slot = &b->slots[place % SLOTS];

	if (slot->tag == tag && is_text(b, slot->entry, dictionary, text)) {
		return slot->entry;
	}
	*slot = (struct slot){tag, b->entries};
	b->texts[b->entries] =
		(struct entry){b->counts[dictionary]++, add_text(b, dictionary, text, digits),
	                       (uint16_t)text.len, (uint8_t)dictionary};
	add_key(b, dictionary, text, digits, hash);
	return b->entries++;
}

/* A text of this event equals its twin, or that of the row before, more often than any other. */
static uint32_t guess_text(struct log_block *b, unsigned column, uint32_t twin, struct slice text)
{
	unsigned dictionary = log_text_columns[column].dictionary;
	uint32_t recent = b->recent[column];

	if (twin && is_text(b, twin - 1, dictionary, text)) {
		return twin - 1;
	}
	if (recent && is_text(b, recent - 1, dictionary, text)) {
		return recent - 1;
	}
	return find_text(b, dictionary, text);
}

static void put_texts(struct log_block *b, const struct present *present, const struct event *e)
{
	uint32_t entries[TEXT_COUNT] = {0}; /* of this event, + 1; 0: missing */
	char room[LOG_PACKED_TEXT];

	for (unsigned n = 0; n < present->count; n++) {
		unsigned i = present->columns[n];
		const struct log_text_column *c = &log_text_columns[i];
		struct slice text = c->pack ? c->pack(e, room) : *text_of(e, c);
		if (!text.p) {
			continue;
		}
		uint32_t count = b->counts[c->dictionary];
		uint32_t twin = c->twin == i ? 0 : entries[c->twin];
		uint32_t entry = guess_text(b, i, twin, text);
		uint32_t id = b->texts[entry].id;
		uint32_t ref = id == count         ? REF_NEXT
		               : twin == entry + 1 ? REF_TWIN
		                                   : REF_KNOWN + count - 1 - id;
		entries[i] = entry + 1;
		b->recent[i] = entry + 1;
		log_bytes_row(&b->streams.of[STREAM_REF + i], b->span.count, ref);
	}
}

static uint32_t shared_head(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	uint64_t from_a, from_b;
	uint32_t n = 0;

	for (; n + sizeof(from_a) <= len; n += sizeof(from_a)) {
		memcpy(&from_a, a.p + n, sizeof(from_a));
		memcpy(&from_b, b.p + n, sizeof(from_b));
		if (from_a != from_b) {
			break;
		}
	}
	while (n < len && a.p[n] == b.p[n]) {
		n++;
	}
	return n;
}

/* Of what is behind the head that they share. */
static uint32_t shared_tail(struct slice a, struct slice b, uint32_t head)
{
	uint32_t n = 0;

	while (n + head < a.len && n + head < b.len && a.p[a.len - 1 - n] == b.p[b.len - 1 - n]) {
		n++;
	}
	return n;
}

static void put_call_id(struct log_block *b, struct slice id)
{
	struct slice before = {b->id, b->id_len};
	struct log_bytes *streams = b->streams.of;

	if (!id.p) {
		return;
	}
	b->keys[b->key_count++] = index_key_hash(b->key, INDEX_CALL_ID, id);
	uint32_t row = b->span.count;
	uint32_t head = shared_head(before, id);
	uint32_t tail = shared_tail(before, id, head);
	log_bytes_row(&streams[STREAM_ID_HEAD], row, head + 1);
	log_bytes_row(&streams[STREAM_ID_TAIL], row, tail);
	log_bytes_row(&streams[STREAM_ID_SIZE], row, zigzag((int64_t)id.len - b->id_len));
	log_bytes_text(&streams[STREAM_ID_TEXT], id.p + head, id.len - head - tail);
	memcpy(b->id + head, id.p + head, id.len - head);
	b->id_len = (uint32_t)id.len;
}

/* ---- numbers ---- */

/* A difference in milliseconds (most clocks tell no more), and a rest where there is one. */
static inline void put_time(struct log_block *b, unsigned i, int64_t value, int64_t base,
                            bool expected)
{
	struct log_bytes *pair = &b->streams.of[STREAM_TIME + 2 * i];
	uint64_t head = 0;

	if (value != INSTANT_NONE) {
		int64_t apart = wrap_sub(value, base);
		int64_t rest = apart % US_PER_MS;
		head = 1 + (zigzag(apart / US_PER_MS) << 1 | (rest != 0));
		if (rest) {
			log_bytes_varint(&pair[1], zigzag(rest));
		}
	}
	log_bytes_row(&pair[0], b->span.count, expected && head < 2 ? head ^ 1 : head);
}

static inline void put_number(struct log_block *b, unsigned i, int64_t value)
{
	if (value != INSTANT_NONE) {
		log_bytes_row(&b->streams.of[STREAM_VALUE + i], b->span.count, zigzag(value) + 1);
	}
}

/* Written out column by column: loops over the tables cost three times as much. */
static void put_numbers(struct log_block *b, const struct event *e)
{
#define KEPT(field) (b->kept >> LOG_FIELD_##field & 1)
#define SMALL(id, member, field, first, limit)                                        \
 if (KEPT(field)) {                                                                   \
  log_bytes_row(&b->streams.of[STREAM_SMALL + SMALL_##id], b->span.count, e->member); \
 }
#define TIME(id, member, field, base)                                                           \
 if (KEPT(field)) {                                                                             \
  put_time(b, TIME_##id, e->member, log_base_##base(e, b->previous_us), LOG_TIME_EXPECTED(id)); \
 }
#define NUMBER(id, member, field)        \
 if (KEPT(field)) {                      \
  put_number(b, NUMBER_##id, e->member); \
 }
#define TEXT(id, member, field, dictionary, twin)
#define PACKED(id, field, dictionary, what)
#include "store/log_columns.def"
#undef KEPT
#undef SMALL
#undef TIME
#undef NUMBER
#undef TEXT
#undef PACKED
}

/* ---- events ---- */

/* Lists the texts that e has; their size. */
static size_t list_texts(const struct log_block *b, const struct event *e, struct present *present)
{
	size_t size = e->call_id.len;
	unsigned count = 0;

#define SMALL(id, member, field, first, limit)
#define TIME(id, member, field, base)
#define NUMBER(id, member, field)
#define TEXT(id, member, field, dictionary, twin)         \
 present->columns[count] = TEXT_##id;                     \
 if ((b->kept >> LOG_FIELD_##field & 1) && e->member.p) { \
  count++;                                                \
  size += e->member.len;                                  \
 }
#define PACKED(id, field, dictionary, what)                     \
 present->columns[count] = TEXT_##id;                           \
 if ((b->kept >> LOG_FIELD_##field & 1) && log_has_##what(e)) { \
  count++;                                                      \
  size += LOG_PACKED_TEXT;                                      \
 }
#include "store/log_columns.def"
#undef SMALL
#undef TIME
#undef NUMBER
#undef TEXT
#undef PACKED
	present->count = count;
	return size;
}

static void cut_text(struct slice *text, size_t *left)
{
	*text = slice_first(*text, *left);
	*left -= text->p ? text->len : 0;
}

/* Texts of e as far as they find room, in the order of columns, the call id first. */
static struct event cut_texts(const struct log_block *b, const struct event *e)
{
	struct event cut = *e;
	size_t left = LOG_EVENT_TEXT - 3 * LOG_PACKED_TEXT;

	cut_text(&cut.call_id, &left);
	for (unsigned i = 0; i < TEXT_COUNT; i++) {
		const struct log_text_column *c = &log_text_columns[i];

		if (!c->pack && b->kept >> c->field & 1) {
			cut_text((struct slice *)(void *)((char *)&cut + c->offset), &left);
		}
	}
	return cut;
}

static void widen_span(struct log_span *span, uint64_t number, int64_t time_us)
{
	ENSURE(span->count == 0 || number > span->last);
	span->first = span->count == 0 ? number : span->first;
	span->last = number;
	span->min_us = span->count == 0 || time_us < span->min_us ? time_us : span->min_us;
	span->max_us = span->count == 0 || time_us > span->max_us ? time_us : span->max_us;
	span->count++;
}

static void widen_keys(struct log_block *b, int64_t time_us)
{
	if (time_us != INSTANT_NONE) {
		b->from_us = time_us < b->from_us ? time_us : b->from_us;
		b->to_us = time_us > b->to_us ? time_us : b->to_us;
	}
}

int log_block_add(struct log_block *b, uint64_t number, const struct event *e)
{
	struct present present;
	size_t size = list_texts(b, e, &present);
	uint32_t row = b->span.count;
	struct event cut;

	if (size > LOG_EVENT_TEXT) {
		cut = cut_texts(b, e);
		e = &cut;
		size = LOG_EVENT_TEXT;
	}
	if (row == LOG_BLOCK_EVENTS || b->text_used + size > LOG_BLOCK_TEXT ||
	    b->entries + TEXT_COUNT > LOG_ENTRIES) {
		return E_FULL;
	}
	b->text_used += (uint32_t)size;
	log_bytes_row(&b->streams.of[STREAM_NUMBER], row, row ? number - b->span.last - 1 : number);
	put_numbers(b, e);
	put_texts(b, &present, e);
	put_call_id(b, e->call_id);
	b->previous_us = e->time_us;
	if (e->kind == KIND_CALL) {
		widen_keys(b, e->time_us);
		widen_keys(b, e->start_us);
	}
	widen_span(&b->span, number, e->time_us);
	return OK;
}

void log_block_cut(struct log_block *b)
{
	struct log_bytes *cuts = &b->streams.of[STREAM_CUT];

	if (b->span.count > cuts->rows) {
		log_bytes_row(cuts, b->span.count - 1, 1);
	}
}

void log_block_span(const struct log_block *b, struct log_span *out)
{
	*out = b->span;
}

struct log_keys log_block_keys(const struct log_block *b)
{
	return (struct log_keys){b->keys, b->key_count, b->from_us, b->to_us};
}

int log_block_encode(const struct log_block *b, struct buf *out)
{
	const uint8_t head[] = {LOG_VERSION, (uint8_t)(b->span.count >> 8), (uint8_t)b->span.count};

	buf_add(out, head, sizeof(head));
	return log_streams_pack(&b->streams, out);
}
