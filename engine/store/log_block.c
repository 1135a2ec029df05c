#include "store/log_columns.h"

#include <stdlib.h>

#include "core/err.h"
#include "core/hash.h"

enum {
	SLOTS = LOG_ENTRIES,
	PROBES = 8, /* then a text is kept anew: texts made to collide cost bytes, not time */
};

/* A text of a dictionary, where its bytes are. */
struct entry {
	uint32_t id; /* in its dictionary */
	uint32_t at; /* in the memory of the streams */
	uint16_t len;
	uint8_t dictionary;
};

/* Small, for the cache: most texts are looked up in vain. */
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
	uint32_t recent[TEXT_COUNT];     /* what the last row with a text had: an entry, + 1 */
	uint8_t columns[TEXT_COUNT + 1]; /* text columns that are kept */
	unsigned column_count;
	uint32_t id_len;
	char id[LOG_EVENT_TEXT]; /* the call id before */
	struct hash_key key;
	struct log_streams streams;
	struct slot slots[SLOTS];
	struct entry texts[LOG_ENTRIES];
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

struct log_block *log_block_new(log_fields fields)
{
	struct log_block *b = malloc(sizeof(*b));

	if (!b) {
		return NULL;
	}
	b->kept = log_kept_of(fields);
	b->column_count = 0;
	for (unsigned i = 0; i < TEXT_COUNT; i++) {
		b->columns[b->column_count] = (uint8_t)i;
		b->column_count += b->kept >> log_text_columns[i].field & 1;
	}
	hash_key_default(&b->key);
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
	b->text_used = b->digits_used = b->entries = b->id_len = 0;
	memset(b->counts, 0, sizeof(b->counts));
	memset(b->recent, 0, sizeof(b->recent));
	memset(b->slots, 0, sizeof(b->slots));
	log_streams_reset(&b->streams);
}

/* ---- texts ---- */

/* How many digits follow an optional plus; 0: not a text of digits, or too long a one. */
static unsigned digits_of(struct slice text)
{
	struct slice digits = slice_skip(text, text.len && text.p[0] == '+');

	if (digits.len > LOG_DIGITS_MAX) {
		return 0;
	}
	for (size_t i = 0; i < digits.len; i++) {
		if (!ascii_is_digit(digits.p[i])) {
			return 0;
		}
	}
	return (unsigned)digits.len;
}

/* Two digits a byte, below 100; a last one alone is 100 and more. */
static void add_digits(struct log_block *b, unsigned dictionary, const char *digits, unsigned count)
{
	struct log_bytes *plane = &b->streams.of[STREAM_PLANE + dictionary * LOG_PLANES];

	for (unsigned i = 0; i < count; i += 2) {
		unsigned value = (unsigned)(digits[i] - '0');

		value = i + 1 < count ? value * 10 + (unsigned)(digits[i + 1] - '0') : 100 + value;
		ENSURE(plane->len < plane->cap);
		plane->at[plane->len++] = (uint8_t)value;
		plane += i / 2 < LOG_PLANES - 1;
	}
}

/* A text that comes into its dictionary; returns where in the streams' memory its bytes stay. */
static uint32_t add_text(struct log_block *b, unsigned dictionary, struct slice text)
{
	struct log_bytes *shape = &b->streams.of[STREAM_SHAPE + dictionary];
	struct log_bytes *texts = &b->streams.of[STREAM_TEXT];
	unsigned digits = digits_of(text);

	if (digits == 0) {
		log_bytes_varint(shape, text.len << 1 | 1);
		log_bytes_text(texts, text.p, text.len);
		return (uint32_t)(texts->at + texts->len - text.len - b->streams.memory);
	}
	char *at = b->streams.digits + b->digits_used;
	bool plus = text.p[0] == '+';
	log_bytes_varint(shape, (digits << 1 | plus) << 1);
	add_digits(b, dictionary, text.p + plus, digits);
	memcpy(at, text.p, text.len);
	b->digits_used += (uint32_t)text.len;
	return (uint32_t)((uint8_t *)at - b->streams.memory);
}

static bool is_text(const struct log_block *b, uint32_t entry, unsigned dictionary,
                    struct slice text)
{
	const struct entry *t = &b->texts[entry];

	return t->dictionary == dictionary && t->len == text.len &&
	       memcmp(b->streams.memory + t->at, text.p, text.len) == 0;
}

/* The entry of text; a further one when it is not found. */
static uint32_t find_text(struct log_block *b, unsigned dictionary, struct slice text)
{
	uint64_t hash = hash_slice(&b->key, text) + dictionary * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t home = (uint32_t)(hash % SLOTS);
	uint32_t tag = (uint32_t)(hash >> 32) | 1;
	struct slot *slot = &b->slots[home];

	for (unsigned i = 0; i < PROBES; i++) {
		struct slot *s = &b->slots[(home + i) % SLOTS];
		if (s->tag == 0) {
			slot = s;
			break;
		}
		if (s->tag == tag && is_text(b, s->entry, dictionary, text)) {
			return s->entry;
		}
	}
	*slot = (struct slot){tag, b->entries};
	b->texts[b->entries] =
		(struct entry){b->counts[dictionary]++, add_text(b, dictionary, text),
	                       (uint16_t)text.len, (uint8_t)dictionary};
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
	uint32_t n = 0;

	while (n < a.len && n < b.len && a.p[n] == b.p[n]) {
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

static void put_small(struct log_block *b, const struct event *e)
{
	for (unsigned i = 0; i < SMALL_COUNT; i++) {
		const struct log_small_column *c = &log_small_columns[i];

		if (b->kept >> c->field & 1) {
			log_bytes_row(&b->streams.of[STREAM_SMALL + i], b->span.count,
			              log_small_get(c, e));
		}
	}
}

/* A difference in milliseconds (most clocks tell no more), and a rest where there is one. */
static void put_time(struct log_block *b, unsigned i, const struct event *e)
{
	const struct log_time_column *c = &log_time_columns[i];
	struct log_bytes *pair = &b->streams.of[STREAM_TIME + 2 * i];
	int64_t value = log_wide_get(e, c->offset);
	uint64_t head = 0;

	if (value != INSTANT_NONE) {
		int64_t apart = wrap_sub(value, c->base(e, b->previous_us));
		int64_t rest = apart % US_PER_MS;
		head = 1 + (zigzag(apart / US_PER_MS) << 1 | (rest != 0));
		if (rest) {
			log_bytes_varint(&pair[1], zigzag(rest));
		}
	}
	log_bytes_row(&pair[0], b->span.count, c->expected && head < 2 ? head ^ 1 : head);
}

static void put_numbers(struct log_block *b, const struct event *e)
{
	for (unsigned i = 0; i < TIME_COUNT; i++) {
		if (b->kept >> log_time_columns[i].field & 1) {
			put_time(b, i, e);
		}
	}
	for (unsigned i = 0; i < NUMBER_COUNT; i++) {
		const struct log_number_column *c = &log_number_columns[i];
		int64_t value = log_wide_get(e, c->offset);

		if (b->kept >> c->field & 1 && value != INSTANT_NONE) {
			log_bytes_row(&b->streams.of[STREAM_VALUE + i], b->span.count,
			              zigzag(value) + 1);
		}
	}
}

/* ---- events ---- */

/* Lists the texts that e has (of packed members those that it may have); their size. */
static size_t list_texts(const struct log_block *b, const struct event *e, struct present *present)
{
	size_t size = e->call_id.p ? e->call_id.len : 0;

	present->count = 0;
	for (unsigned n = 0; n < b->column_count; n++) {
		const struct log_text_column *c = &log_text_columns[b->columns[n]];
		const struct slice *text = text_of(e, c);
		bool has = c->pack || text->p;

		present->columns[present->count] = b->columns[n];
		present->count += has;
		size += c->pack ? LOG_PACKED_TEXT : has ? text->len : 0;
	}
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
	put_small(b, e);
	put_numbers(b, e);
	put_texts(b, &present, e);
	put_call_id(b, e->call_id);
	b->previous_us = e->time_us;
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

int log_block_encode(const struct log_block *b, struct buf *out)
{
	const uint8_t head[] = {LOG_VERSION, (uint8_t)(b->span.count >> 8), (uint8_t)b->span.count};

	buf_add(out, head, sizeof(head));
	return log_streams_pack(&b->streams, out);
}
