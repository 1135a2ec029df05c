#include "store/log_columns.h"

#include <stdlib.h>

#include "core/cursor.h"
#include "core/err.h"

/* The rest of a stream while rows are read. */
struct lane {
	const uint8_t *pos, *end;
};

/* Texts of a dictionary, as many as rows have brought so far. */
struct dictionary {
	struct slice *texts;
	uint32_t count, room;
};

struct log_rows {
	uint32_t count, next;
	const char *why; /* the first thing that is wrong with the block */
	struct lane lanes[STREAM_COUNT];
	struct dictionary dictionaries[DICTIONARY_COUNT];
	uint8_t small[SMALL_COUNT], times[TIME_COUNT], texts[TEXT_COUNT]; /* columns to read */
	unsigned small_count, time_count, text_count;
	uint64_t next_number;
	struct slice id;  /* the call id before */
	uint32_t id_used; /* bytes in ids */
	uint32_t digits_used;
	struct log_streams streams;
	char ids[LOG_BLOCK_TEXT];
	struct slice entries[LOG_ENTRIES];
	uint64_t numbers[LOG_BLOCK_EVENTS];
	bool cuts[LOG_BLOCK_EVENTS];
	struct event events[LOG_BLOCK_EVENTS];
};

struct log_rows *log_rows_new(void)
{
	struct log_rows *r = malloc(sizeof(*r));

	if (!r) {
		return NULL;
	}
	r->count = r->next = 0;
	if (log_streams_init(&r->streams)) {
		log_rows_free(r);
		return NULL;
	}
	return r;
}

void log_rows_free(struct log_rows *r)
{
	if (!r) {
		return;
	}
	log_streams_fini(&r->streams);
	free(r);
}

static void fail(struct log_rows *r, const char *why)
{
	r->why = r->why ? r->why : why;
}

/* ---- streams ---- */

static uint64_t take_long(struct log_rows *r, struct lane *lane)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && lane->pos < lane->end; shift += 7) {
		uint8_t byte = *lane->pos++;
		if (shift == 63 && byte > 1) {
			break;
		}
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			return value;
		}
	}
	fail(r, "a number is cut short or too long");
	return 0;
}

/* The value of the next row: zero behind the end. */
static inline uint64_t take_row(struct log_rows *r, struct lane *lane)
{
	if (lane->pos == lane->end) {
		return 0;
	}
	return *lane->pos < 0x80 ? *lane->pos++ : take_long(r, lane);
}

static uint8_t take_byte(struct log_rows *r, struct lane *lane)
{
	if (lane->pos == lane->end) {
		fail(r, "digits are missing");
		return 0;
	}
	return *lane->pos++;
}

static struct slice take_text(struct log_rows *r, struct lane *lane, uint64_t len)
{
	struct slice text = {(const char *)lane->pos, (size_t)len};

	if (len > (size_t)(lane->end - lane->pos)) {
		fail(r, "texts are missing");
		return (struct slice){"", 0};
	}
	lane->pos += len;
	return text;
}

/* ---- texts ---- */

static char *take_digits(struct log_rows *r, struct lane *plane, char *out, unsigned count)
{
	for (unsigned i = 0; i < count; i += 2) {
		unsigned value = take_byte(r, plane);

		if (i + 1 == count) {
			if (value < 100 || value > 109) {
				fail(r, "a digit is none");
			}
			*out++ = (char)('0' + value % 10);
			break;
		}
		if (value > 99) {
			fail(r, "a pair of digits is none");
		}
		*out++ = (char)('0' + value / 10 % 10);
		*out++ = (char)('0' + value % 10);
		plane += i / 2 < LOG_PLANES - 1;
	}
	return out;
}

/* The next text of a dictionary; room for it was counted. */
static struct slice take_entry(struct log_rows *r, unsigned dictionary)
{
	uint64_t shape = take_long(r, &r->lanes[STREAM_SHAPE + dictionary]);
	char *digits = r->streams.digits + r->digits_used;
	char *end = digits;

	if (shape & 1) {
		return take_text(r, &r->lanes[STREAM_TEXT], shape >> 1);
	}
	if (shape >> 2 == 0 || shape >> 2 > LOG_DIGITS_MAX) {
		fail(r, "a text has a wrong number of digits");
		return (struct slice){"", 0};
	}
	if (shape >> 1 & 1) {
		*end++ = '+';
	}
	end = take_digits(r, &r->lanes[STREAM_PLANE + dictionary * LOG_PLANES], end,
	                  (unsigned)(shape >> 2));
	r->digits_used += (uint32_t)(end - digits);
	return (struct slice){digits, (size_t)(end - digits)};
}

/* As many texts as shapes: their last bytes are those without the high bit. */
static int count_entries(struct log_rows *r)
{
	struct slice *texts = r->entries;
	uint32_t left = LOG_ENTRIES;

	for (unsigned i = 0; i < DICTIONARY_COUNT; i++) {
		const struct log_bytes *shape = &r->streams.of[STREAM_SHAPE + i];
		uint32_t count = 0;

		for (uint32_t n = 0; n < shape->len; n++) {
			count += shape->at[n] < 0x80;
		}
		if (count > left) {
			return E_MALFORMED;
		}
		r->dictionaries[i] = (struct dictionary){.texts = texts, .room = count};
		texts += count;
		left -= count;
	}
	return OK;
}

/* The id, in its dictionary, of the text that ref stands for; brings it when it is the next. */
static uint32_t resolve(struct log_rows *r, unsigned column, uint64_t ref, const uint32_t *ids)
{
	const struct log_text_column *c = &log_text_columns[column];
	struct dictionary *d = &r->dictionaries[c->dictionary];

	switch (ref) {
	case REF_NEXT:
		if (d->count == d->room) {
			break;
		}
		d->texts[d->count] = take_entry(r, c->dictionary);
		return d->count++;
	case REF_TWIN:
		if (c->twin == column || ids[c->twin] == 0) {
			break;
		}
		return ids[c->twin] - 1;
	default:
		if (ref - REF_KNOWN >= d->count) {
			break;
		}
		return d->count - 1 - (uint32_t)(ref - REF_KNOWN);
	}
	fail(r, "a row refers to a text that is not there");
	return UINT32_MAX;
}

static void take_texts(struct log_rows *r, struct event *e)
{
	uint32_t ids[TEXT_COUNT] = {0}; /* of this event, + 1; 0: missing */

	for (unsigned n = 0; n < r->text_count; n++) {
		unsigned column = r->texts[n];
		const struct log_text_column *c = &log_text_columns[column];
		uint64_t ref = take_row(r, &r->lanes[STREAM_REF + column]);
		if (ref == REF_MISSING) {
			continue;
		}
		uint32_t id = resolve(r, column, ref, ids);
		if (id == UINT32_MAX) {
			return;
		}
		ids[column] = id + 1;
		struct slice text = r->dictionaries[c->dictionary].texts[id];
		if (!c->unpack) {
			*(struct slice *)(void *)((char *)e + c->offset) = text;
		} else if (!c->unpack(text, e)) {
			fail(r, "an address or a cost is none");
		}
	}
}

static void take_call_id(struct log_rows *r, struct event *e)
{
	uint64_t head = take_row(r, &r->lanes[STREAM_ID_HEAD]);
	uint64_t tail = take_row(r, &r->lanes[STREAM_ID_TAIL]);
	int64_t size = unzigzag(take_row(r, &r->lanes[STREAM_ID_SIZE]));

	if (head == 0) {
		if (tail || size) {
			fail(r, "a call id that is missing has a length");
		}
		return;
	}
	head--;
	if (size < -(int64_t)LOG_EVENT_TEXT || size > LOG_EVENT_TEXT) {
		fail(r, "a call id is too long");
		return;
	}
	int64_t len = (int64_t)r->id.len + size;
	if (len < 0 || len > LOG_EVENT_TEXT || len > LOG_BLOCK_TEXT - (int64_t)r->id_used ||
	    head > r->id.len || tail > r->id.len - head || head + tail > (uint64_t)len) {
		fail(r, "a call id shares more than there is");
		return;
	}
	char *at = r->ids + r->id_used;
	struct slice text = take_text(r, &r->lanes[STREAM_ID_TEXT], (uint64_t)len - head - tail);
	if (r->why) {
		return;
	}
	memcpy(at, r->id.p, head);
	memcpy(at + head, text.p, text.len);
	memcpy(at + head + text.len, r->id.p + r->id.len - tail, tail);
	r->id_used += (uint32_t)len;
	r->id = e->call_id = (struct slice){at, (size_t)len};
}

/* ---- numbers ---- */

static void take_small(struct log_rows *r, struct event *e)
{
	for (unsigned n = 0; n < r->small_count; n++) {
		unsigned column = r->small[n];
		const struct log_small_column *c = &log_small_columns[column];
		uint64_t value = take_row(r, &r->lanes[STREAM_SMALL + column]);

		if (value < c->first || value >= c->limit) {
			fail(r, "a value is out of its range");
			return;
		}
		log_small_set(c, e, (uint32_t)value);
	}
}

static void take_times(struct log_rows *r, struct event *e, int64_t previous_us)
{
	for (unsigned n = 0; n < r->time_count; n++) {
		const struct log_time_column *c = &log_time_columns[r->times[n]];
		struct lane *pair = &r->lanes[STREAM_TIME + 2 * r->times[n]];
		uint64_t head = take_row(r, &pair[0]);
		int64_t *value = log_wide(e, c->offset);

		head = c->expected && head < 2 ? head ^ 1 : head;
		if (head == 0) {
			*value = INSTANT_NONE;
			continue;
		}
		head--;
		int64_t rest = 0;
		if (head & 1) {
			rest = unzigzag(take_long(r, &pair[1]));
		}
		int64_t apart = (int64_t)((uint64_t)unzigzag(head >> 1) * (uint64_t)US_PER_MS);
		*value = wrap_add(c->base(e, previous_us), wrap_add(apart, rest));
	}
}

static void take_numbers(struct log_rows *r, struct event *e)
{
	for (unsigned i = 0; i < NUMBER_COUNT; i++) {
		uint64_t value = take_row(r, &r->lanes[STREAM_VALUE + i]);

		if (value) {
			*log_wide(e, log_number_columns[i].offset) = unzigzag(value - 1);
		}
	}
}

static void take_place(struct log_rows *r, uint32_t row)
{
	uint64_t skipped = take_row(r, &r->lanes[STREAM_NUMBER]);
	uint64_t cut = take_row(r, &r->lanes[STREAM_CUT]);

	if (cut > 1 || skipped > UINT64_MAX - r->next_number || (row && r->next_number == 0)) {
		fail(r, "an event number or the end of a batch is none");
		return;
	}
	r->numbers[row] = r->next_number + skipped;
	r->next_number = r->numbers[row] + 1;
	r->cuts[row] = cut;
}

/* ---- blocks ---- */

/* Columns with a stream, and those whose zero is not what event_init sets. */
static void list_columns(struct log_rows *r)
{
	const struct log_bytes *streams = r->streams.of;

	r->small_count = r->time_count = r->text_count = 0;
	for (unsigned i = 0; i < SMALL_COUNT; i++) {
		if (streams[STREAM_SMALL + i].len || log_small_columns[i].first > 0) {
			r->small[r->small_count++] = (uint8_t)i;
		}
	}
	for (unsigned i = 0; i < TIME_COUNT; i++) {
		if (streams[STREAM_TIME + 2 * i].len || log_time_columns[i].expected) {
			r->times[r->time_count++] = (uint8_t)i;
		}
	}
	for (unsigned i = 0; i < TEXT_COUNT; i++) {
		if (streams[STREAM_REF + i].len) {
			r->texts[r->text_count++] = (uint8_t)i;
		}
	}
}

static void begin(struct log_rows *r)
{
	for (unsigned i = 0; i < STREAM_COUNT; i++) {
		const struct log_bytes *b = &r->streams.of[i];
		r->lanes[i] = (struct lane){b->at, b->at + b->len};
	}
	r->next_number = 0;
	r->id = (struct slice){r->ids, 0};
	r->id_used = r->digits_used = 0;
	list_columns(r);
}

static void take_rows(struct log_rows *r, uint32_t count)
{
	struct event none;
	int64_t previous_us = 0;

	event_init(&none, KIND_CALL);
	for (uint32_t row = 0; row < count && !r->why; row++) {
		struct event *e = &r->events[row];

		*e = none;
		take_place(r, row);
		take_small(r, e);
		take_times(r, e, previous_us);
		take_numbers(r, e);
		take_texts(r, e);
		take_call_id(r, e);
		previous_us = e->time_us;
	}
	for (unsigned i = 0; i < STREAM_COUNT; i++) {
		if (r->lanes[i].pos < r->lanes[i].end) {
			fail(r, "a column is longer than its rows");
		}
	}
}

/* Version and count. */
static int take_head(struct cursor *c, uint32_t *count, const char **why)
{
	const uint8_t *head = cur_take(c, 3);

	if (!head) {
		*why = "the block is cut short";
		return E_MALFORMED;
	}
	*count = (uint32_t)head[1] << 8 | head[2];
	if (head[0] != LOG_VERSION || *count > LOG_BLOCK_EVENTS) {
		*why = head[0] != LOG_VERSION ? "another version" : "too many events";
		return E_MALFORMED;
	}
	return OK;
}

int log_rows_decode(struct log_rows *r, struct slice bytes, const char **why)
{
	struct cursor c = cur_init(bytes.p, bytes.len);
	uint32_t count;

	r->count = r->next = 0;
	r->why = NULL;
	int err = take_head(&c, &count, why);
	if (!err) {
		err = log_streams_unpack(&r->streams, cur_slice(&c, cur_left(&c)), why);
	}
	if (err) {
		return err;
	}
	if (count_entries(r)) {
		*why = "too many texts";
		return E_MALFORMED;
	}
	begin(r);
	take_rows(r, count);
	if (r->why) {
		*why = r->why;
		return E_MALFORMED;
	}
	r->count = count;
	return OK;
}

uint32_t log_rows_count(const struct log_rows *r)
{
	return r->count;
}

bool log_rows_next(struct log_rows *r, struct event *e, uint64_t *number, bool *cut)
{
	if (r->next == r->count) {
		return false;
	}
	*e = r->events[r->next];
	*number = r->numbers[r->next];
	*cut = r->cuts[r->next];
	r->next++;
	return true;
}
