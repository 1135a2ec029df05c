#include "calls/table.h"

#include <assert.h>
#include <string.h>

#include "calls/record.h"
#include "calls/region.h"
#include "calls/table_parts.h"
#include "core/instant.h"

static_assert((int)CALL_ID_KEPT == (int)TEXTS_FIRST_KEPT, "promised in table.h");
static_assert((int)CALL_TEXT_KEPT == (int)TEXTS_OTHER_KEPT, "promised in table.h");
static_assert((int)RECORD_TEXTS <= (int)TEXTS_MAX, "one list of texts a call");

enum {
	DEFAULT_MAX = 1 << 20,
	MAX_MAX = 1 << 28,
	CHUNKS_EACH = 4,
};

/* Who gets the events of the message or timer at hand. */
struct outlet {
	event_emit emit;
	void *user;
};

static int64_t or_default(int64_t value, int64_t fallback)
{
	return value <= 0 ? fallback : value < TIME_MAX ? value : TIME_MAX;
}

static uint32_t max_of(uint32_t value)
{
	return value == 0 ? DEFAULT_MAX : value < MAX_MAX ? value : MAX_MAX;
}

static int table_init(struct call_table *t, const struct call_options *o)
{
	uint32_t max = max_of(o->max_calls);
	int64_t early_us = or_default(o->early_idle_us, 3 * US_PER_MIN);
	int64_t transaction_us = or_default(o->transaction_us, 32 * US_PER_S);
	int err = slab_init(&t->slots, sizeof(struct call), max);

	t->key = o->key;
	t->caller_from = o->caller_from;
	t->now_us = INT64_MIN;
	err = err ? err : slab_init(&t->chunks, TEXTS_CHUNK, max * CHUNKS_EACH + TEXTS_CHUNKS_MAX);
	err = err ? err : index_init(&t->index, max);
	err = err ? err
	          : transactions_init(&t->transactions, o->key, max_of(o->max_transactions),
	                              transaction_us);
	queue_init(&t->queue[CALL_EARLY], &t->slots, early_us);
	queue_init(&t->queue[CALL_WAITING], &t->slots, early_us);
	queue_init(&t->queue[CALL_ANSWERED], &t->slots,
	           or_default(o->max_idle_us, 4 * US_PER_HOUR));
	queue_init(&t->queue[CALL_ENDED], &t->slots, transaction_us);
	for (int i = 0; i < CALL_STATES; i++) {
		t->timer[i] = &t->queue[i];
	}
	t->timer[TIMER_TRANSACTION] = &t->transactions.open;
	t->timer[TIMER_TRANSACTION_DONE] = &t->transactions.done;
	return err;
}

struct call_table *call_table_new(const struct call_options *options)
{
	struct call_table *t = region_new(sizeof(*t), false);

	if (t && table_init(t, options)) {
		call_table_free(t);
		return NULL;
	}
	return t;
}

void call_table_free(struct call_table *t)
{
	if (t) {
		transactions_fini(&t->transactions);
		index_fini(&t->index);
		slab_fini(&t->chunks);
		slab_fini(&t->slots);
		region_drop(t, sizeof(*t));
	}
}

static void issue(struct call_table *t, const struct call *c, enum event_kind kind,
                  struct outlet out)
{
	struct slice text[RECORD_TEXTS];
	struct event e;

	texts_get(&t->chunks, c->text, t->buffer, text, RECORD_TEXTS);
	record_event(c, text, kind, &e);
	out.emit(out.user, &e);
}

/* What is left of a call then knows its stragglers, no texts. */
static void close_call(struct call_table *t, const struct call *c, struct outlet out)
{
	if (call_has_result(c)) {
		issue(t, c, KIND_CALL, out);
	}
	texts_drop(&t->chunks, c->text);
}

/* Brings a call into the queue of its state; what has just ended is issued. */
static void requeue(struct call_table *t, uint32_t slot, uint8_t old_state, int64_t since_us,
                    struct outlet out)
{
	const struct call *c = call_at(t, slot);

	queue_remove(&t->queue[old_state], slot);
	if (c->state == CALL_ENDED) {
		close_call(t, c, out);
		if (call_has_result(c)) {
			stage_out(&t->count, 1);
		} else {
			stage_drop(&t->count, REASON_NO_DIALOG);
		}
	}
	queue_push(&t->queue[c->state], slot, since_us);
}

static void expire(struct call_table *t, uint32_t slot, int64_t due_us, struct outlet out)
{
	struct call *c = call_at(t, slot);
	uint8_t old_state = c->state;

	call_expire(c);
	requeue(t, slot, old_state, due_us, out);
}

void call_table_drop(struct call_table *t, uint32_t slot)
{
	index_remove(&t->index, (uint32_t)call_at(t, slot)->id, slot);
	slab_give(&t->slots, slot);
}

void call_table_forget(struct call_table *t)
{
	uint32_t slot = t->queue[CALL_ENDED].head;

	queue_remove(&t->queue[CALL_ENDED], slot);
	call_table_drop(t, slot);
}

struct queue *call_table_oldest(struct call_table *t)
{
	struct queue *oldest = &t->queue[0];

	for (int i = 1; i < CALL_ENDED; i++) {
		if (t->queue[i].head_since_us < oldest->head_since_us) {
			oldest = &t->queue[i];
		}
	}
	return oldest;
}

/* The open call that is longest without a message goes. */
static void evict(struct call_table *t, struct outlet out)
{
	struct queue *oldest = call_table_oldest(t);
	uint32_t slot = oldest->head;
	struct call *c = call_at(t, slot);
	queue_remove(oldest, slot);
	call_expire(c);
	close_call(t, c, out);
	call_table_drop(t, slot);
	t->evicted++;
	stage_drop(&t->count, REASON_DIALOG_EVICTED);
}

static void fire(struct call_table *t, int timer, int64_t due_us, struct outlet out)
{
	switch (timer) {
	case TIMER_TRANSACTION: transactions_expire(&t->transactions, out.emit, out.user); break;
	case TIMER_TRANSACTION_DONE: transactions_forget(&t->transactions); break;
	case CALL_ENDED: call_table_forget(t); break;
	default: expire(t, t->queue[timer].head, due_us, out); break;
	}
}

/* Fires what is due until then, in the order of the deadlines. */
static void fire_until(struct call_table *t, int64_t until_us, struct outlet out)
{
	for (;;) {
		int next = 0;
		int64_t due_us = INT64_MAX;
		for (int i = 0; i < TIMERS; i++) {
			if (queue_due(t->timer[i]) < due_us) {
				due_us = queue_due(t->timer[i]);
				next = i;
			}
		}
		if (due_us == INT64_MAX || due_us > until_us) {
			return;
		}
		fire(t, next, due_us, out);
	}
}

void call_table_advance(struct call_table *t, int64_t time_us, event_emit emit, void *user)
{
	if (t->blind) {
		call_table_wake(t, time_us);
	}
	if (time_us > t->now_us) {
		t->now_us = time_us < TIME_MAX ? time_us : TIME_MAX;
		fire_until(t, t->now_us, (struct outlet){emit, user});
	}
}

void call_table_flush(struct call_table *t, event_emit emit, void *user)
{
	if (t->blind) {
		call_table_wake(t, t->now_us);
	}
	fire_until(t, INT64_MAX, (struct outlet){emit, user});
}

uint32_t call_table_find(const struct call_table *t, uint64_t id)
{
	struct index_walk walk = index_walk(&t->index, (uint32_t)id);
	uint32_t slot;

	while ((slot = index_next(&walk)) != SLAB_NONE) {
		if (call_at(t, slot)->id == id) {
			break;
		}
	}
	return slot;
}

static uint32_t mark_of(const struct call_table *t, struct slice s)
{
	uint32_t hash = s.len > 0 ? (uint32_t)hash_slice(t->key, s) : 0;

	return s.len > 0 && hash == 0 ? 1 : hash;
}

static uint32_t mark_of_ip(const struct call_table *t, const struct ip *ip)
{
	char bytes[sizeof(ip->bytes) + sizeof(ip->port)];

	memcpy(bytes, ip->bytes, sizeof(ip->bytes));
	memcpy(bytes + sizeof(ip->bytes), &ip->port, sizeof(ip->port));
	return mark_of(t, (struct slice){bytes, sizeof(bytes)});
}

/* Only what the method needs. */
static struct call_mark mark_message(const struct call_table *t, const struct message *m)
{
	struct call_mark mark = {.to_tag = mark_of(t, m->to_tag)};

	if (m->method == MESSAGE_INVITE || m->method == MESSAGE_CANCEL) {
		mark.branch = mark_of(t, m->branch);
	}
	if (m->request && (m->method == MESSAGE_INVITE || m->method == MESSAGE_BYE)) {
		mark.from_tag = mark_of(t, m->from_tag);
		mark.src = mark_of_ip(t, &m->src);
	}
	return mark;
}

static void begin(struct call_table *t, const struct message *m, uint64_t id,
                  const struct call_mark *mark, struct outlet out)
{
	struct slice text[RECORD_TEXTS];
	uint8_t withheld;

	record_texts(m, t->caller_from, text, &withheld);
	t->texts_cut += texts_cut(text, RECORD_TEXTS);
	uint32_t chunks = texts_chunks(text, RECORD_TEXTS);
	while (t->chunks.free < chunks || (t->slots.free == 0 && t->queue[CALL_ENDED].count == 0)) {
		evict(t, out);
	}
	if (t->slots.free == 0) {
		call_table_forget(t);
	}
	uint32_t slot = slab_take(&t->slots);
	struct call *c = call_at(t, slot);
	call_begin(c, m, mark, t->now_us);
	c->id = id;
	c->withheld = withheld;
	c->text = texts_put(&t->chunks, text, RECORD_TEXTS);
	index_add(&t->index, (uint32_t)id, slot);
	queue_push(&t->queue[c->state], slot, t->now_us);
	t->begun++;
	issue(t, c, KIND_ATTEMPT, out);
}

static enum call_step take(struct call_table *t, uint32_t slot, const struct message *m,
                           const struct call_mark *mark, struct outlet out)
{
	struct call *c = call_at(t, slot);
	uint8_t old_state = c->state;
	slab_prefetch(&t->slots, c->link.prev);
	slab_prefetch(&t->slots, c->link.next);
	enum call_step step = call_step(c, m, mark, t->now_us);

	if (step == CALL_STEP_ANSWER) {
		issue(t, c, KIND_ANSWER, out);
	}
	if (c->state != old_state || c->state == CALL_EARLY || c->state == CALL_ANSWERED) {
		requeue(t, slot, old_state, t->now_us, out);
	}
	return step;
}

/* Does a request belong to a dialog, so that its call should be known? */
static bool is_of_dialog(const struct message *m)
{
	return m->request && m->method != MESSAGE_OTHER && m->method != MESSAGE_REGISTER;
}

static void count(struct call_table *t, bool known, enum call_step call,
                  enum transaction_step transaction)
{
	if (transaction == TRANSACTION_STRAY) {
		stage_drop(&t->count, REASON_NO_DIALOG);
	} else if (call != CALL_STEP_NONE || transaction == TRANSACTION_NEWS) {
		stage_out(&t->count, 1);
	} else {
		bool repeat = known || transaction == TRANSACTION_REPEAT;
		stage_drop(&t->count, repeat ? REASON_RETRANSMISSION : REASON_NO_DIALOG);
	}
}

void call_table_message(struct call_table *t, const struct message *m, event_emit emit, void *user)
{
	struct outlet out = {emit, user};

	stage_in(&t->count, 1);
	call_table_advance(t, m->time_us > 0 ? m->time_us : 0, emit, user);

	/* What lies anywhere in memory is asked for early and used late. */
	uint64_t id = hash_slice(t->key, m->call_id);
	index_prefetch(&t->index, (uint32_t)id);
	struct transaction_place place = {.key = transactions_key(&t->transactions, m, id),
	                                  .now_us = t->now_us};
	struct call_mark mark = mark_message(t, m);
	uint32_t slot = call_table_find(t, id);

	if (slot == SLAB_NONE && m->request && m->method == MESSAGE_INVITE && !mark.to_tag) {
		begin(t, m, id, &mark, out);
		(void)transactions_take(&t->transactions, m, &place, emit, user);
		return;
	}
	enum call_step step = CALL_STEP_NONE;
	bool known = slot != SLAB_NONE;
	if (known) {
		place.backward = call_is_backward(call_at(t, slot), mark.to_tag);
		step = take(t, slot, m, &mark, out);
	}
	place.stray = !known && is_of_dialog(m);
	count(t, known, step, transactions_take(&t->transactions, m, &place, emit, user));
}

int64_t call_table_low_water(const struct call_table *t)
{
	int64_t low_us = t->now_us;

	for (int i = 0; i < CALL_ENDED; i++) {
		low_us = t->queue[i].head_since_us < low_us ? t->queue[i].head_since_us : low_us;
	}
	return low_us;
}

const struct stage_count *call_table_count(const struct call_table *t)
{
	return &t->count;
}

void call_table_stat(const struct call_table *t, struct call_table_stat *stat)
{
	*stat = (struct call_table_stat){
		.calls = t->begun,
		.calls_evicted = t->evicted,
		.transactions_open = t->transactions.open.count,
		.transactions_evicted = t->transactions.evicted,
		.texts_cut = t->texts_cut + t->transactions.texts_cut,
	};
	for (int i = 0; i < CALL_ENDED; i++) {
		stat->calls_open += t->queue[i].count;
	}
}
