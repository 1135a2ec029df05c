#include "calls/transactions.h"

#include <assert.h>
#include <string.h>

#include "core/err.h"

/* The texts that an event needs, in the order in which they are kept. */
enum {
	TEXT_CALL_ID,
	TEXT_ADDRESSES, /* struct addresses, as it lies in memory */
	TEXT_UA,
	TEXT_METHOD,
	TEXT_FROM_USER,
	TEXT_TO_USER,
	TEXT_COUNT,
};

/* Of the request. */
struct addresses {
	struct ip src;
	struct ip dst;
};

enum { CHUNKS_EACH = 2 };

struct transaction {
	struct queue_link link;
	uint64_t key;
	uint32_t text; /* first chunk, while open */
	uint32_t final_tag;
	uint16_t source;
	uint16_t status; /* final; 0: none yet */
	uint8_t method;
	uint8_t provisional; /* bits of those seen */
	bool stray;
	bool open;
};

int transactions_init(struct transactions *ts, const struct hash_key *key, uint32_t max,
                      int64_t delay_us)
{
	int err = slab_init(&ts->slots, sizeof(struct transaction), max);

	ts->key = key;
	ts->evicted = ts->texts_cut = 0;
	err = err ? err : slab_init(&ts->chunks, TEXTS_CHUNK, max * CHUNKS_EACH + TEXTS_CHUNKS_MAX);
	err = err ? err : index_init(&ts->index, max);
	queue_init(&ts->open, &ts->slots, delay_us);
	queue_init(&ts->done, &ts->slots, delay_us);
	return err;
}

void transactions_fini(struct transactions *ts)
{
	index_fini(&ts->index);
	slab_fini(&ts->chunks);
	slab_fini(&ts->slots);
}

static struct transaction *transaction_at(const struct transactions *ts, uint32_t slot)
{
	return slab_at(&ts->slots, slot);
}

static void issue(struct transactions *ts, const struct transaction *t, int64_t time_us,
                  event_emit emit, void *user)
{
	struct slice text[TEXT_COUNT];
	struct addresses addresses;
	struct event e;

	if (t->method == MESSAGE_PRACK) {
		return;
	}
	texts_get(&ts->chunks, t->text, ts->buffer, text, TEXT_COUNT);
	event_init(&e, KIND_SIP);
	e.time_us = time_us;
	e.source = t->source;
	e.call_id = text[TEXT_CALL_ID];
	memcpy(&addresses, text[TEXT_ADDRESSES].p, sizeof(addresses));
	e.src = addresses.src;
	e.dst = addresses.dst;
	e.ua = text[TEXT_UA];
	e.method = text[TEXT_METHOD];
	e.from_user = text[TEXT_FROM_USER];
	e.to_user = text[TEXT_TO_USER];
	e.sip_code = t->status ? t->status : INSTANT_NONE;
	if (t->method == MESSAGE_REGISTER) {
		e.kind = KIND_REGISTER;
		emit(user, &e);
		e.kind = KIND_SIP;
	}
	emit(user, &e);
}

/* Issues the event of an open transaction and keeps the rest for late copies. */
static void finish(struct transactions *ts, uint32_t slot, int64_t time_us, event_emit emit,
                   void *user)
{
	struct transaction *t = transaction_at(ts, slot);

	issue(ts, t, time_us, emit, user);
	texts_drop(&ts->chunks, t->text);
	t->open = false;
	queue_remove(&ts->open, slot);
	queue_push(&ts->done, slot, time_us);
}

void transactions_expire(struct transactions *ts, event_emit emit, void *user)
{
	finish(ts, ts->open.head, queue_due(&ts->open), emit, user);
}

void transactions_forget(struct transactions *ts)
{
	uint32_t slot = ts->done.head;

	queue_remove(&ts->done, slot);
	index_remove(&ts->index, (uint32_t)transaction_at(ts, slot)->key, slot);
	slab_give(&ts->slots, slot);
}

/* Keys of the two directions share their tag, so that one place in the index serves both. */
enum { BACKWARD_SHIFT = 63 };

uint64_t transactions_key(const struct transactions *ts, const struct message *m, uint64_t id)
{
	uint64_t parts[3] = {id, (uint64_t)m->cseq << 32 | (uint64_t)m->method, 0};

	if (m->method == MESSAGE_OTHER) {
		parts[2] = hash_slice(ts->key, m->method_text);
	}
	uint64_t key = hash64(ts->key, parts, sizeof(parts)) >> 1;
	index_prefetch(&ts->index, (uint32_t)key);
	return key;
}

static uint32_t find(const struct transactions *ts, uint64_t key)
{
	struct index_walk walk = index_walk(&ts->index, (uint32_t)key);
	uint32_t slot;

	while ((slot = index_next(&walk)) != SLAB_NONE) {
		if (transaction_at(ts, slot)->key == key) {
			break;
		}
	}
	return slot;
}

/* Room for one more transaction with texts of so many chunks. */
static void make_room(struct transactions *ts, uint32_t chunks, int64_t now_us, event_emit emit,
                      void *user)
{
	while (ts->chunks.free < chunks || (ts->slots.free == 0 && ts->done.count == 0)) {
		ts->evicted++;
		finish(ts, ts->open.head, now_us, emit, user);
	}
	if (ts->slots.free == 0) {
		transactions_forget(ts);
	}
}

static void begin(struct transactions *ts, const struct message *m,
                  const struct transaction_place *place, uint64_t key, event_emit emit, void *user)
{
	struct addresses addresses = {m->src, m->dst};
	struct slice text[TEXT_COUNT] = {
		[TEXT_CALL_ID] = m->call_id,
		[TEXT_ADDRESSES] = {(const char *)&addresses, sizeof(addresses)},
		[TEXT_UA] = m->ua,
		[TEXT_METHOD] = m->method_text,
		[TEXT_FROM_USER] = m->from_user,
		[TEXT_TO_USER] = m->to_user};

	ts->texts_cut += texts_cut(text, TEXT_COUNT);
	make_room(ts, texts_chunks(text, TEXT_COUNT), place->now_us, emit, user);

	uint32_t slot = slab_take(&ts->slots);
	struct transaction *t = transaction_at(ts, slot);
	*t = (struct transaction){.key = key,
	                          .text = texts_put(&ts->chunks, text, TEXT_COUNT),
	                          .source = m->source,
	                          .method = (uint8_t)m->method,
	                          .stray = place->stray,
	                          .open = true};
	index_add(&ts->index, (uint32_t)key, slot);
	queue_push(&ts->open, slot, place->now_us);
}

static bool provisional_is_new(struct transaction *t, unsigned status)
{
	static const uint16_t told_apart[] = {100, 180, 181, 182, 183};
	uint8_t bit = 1;

	for (size_t i = 0; i < sizeof(told_apart) / sizeof(told_apart[0]); i++, bit <<= 1) {
		if (told_apart[i] == status) {
			break;
		}
	}
	bool is_new = !(t->provisional & bit);
	t->provisional |= bit;
	return is_new;
}

static bool final_is_new(struct transactions *ts, uint32_t slot, const struct message *m,
                         int64_t now_us, event_emit emit, void *user)
{
	struct transaction *t = transaction_at(ts, slot);
	uint32_t tag = (uint32_t)hash_slice(ts->key, m->to_tag);
	bool is_new = t->status != m->status || t->final_tag != tag;

	t->status = m->status;
	t->final_tag = tag;
	if (t->open) {
		finish(ts, slot, now_us, emit, user);
	}
	return is_new;
}

enum transaction_step transactions_take(struct transactions *ts, const struct message *m,
                                        const struct transaction_place *place, event_emit emit,
                                        void *user)
{
	if (m->method == MESSAGE_ACK) {
		return TRANSACTION_NONE;
	}
	uint64_t key = place->key | (uint64_t)place->backward << BACKWARD_SHIFT;
	uint32_t slot = find(ts, key);

	if (m->request) {
		if (slot != SLAB_NONE) {
			return TRANSACTION_REPEAT;
		}
		begin(ts, m, place, key, emit, user);
		return place->stray ? TRANSACTION_STRAY : TRANSACTION_NEWS;
	}
	if (slot == SLAB_NONE) {
		return TRANSACTION_NONE;
	}
	struct transaction *t = transaction_at(ts, slot);
	bool is_new = m->status < 200 ? provisional_is_new(t, m->status)
	                              : final_is_new(ts, slot, m, place->now_us, emit, user);
	if (!is_new) {
		return TRANSACTION_REPEAT;
	}
	return t->stray ? TRANSACTION_STRAY : TRANSACTION_NEWS;
}
