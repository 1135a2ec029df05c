/* The open calls of a dialog table in a state file. Each is its struct call as it lies in memory,
 * without what says where (slots, queues), and its texts; every member is checked when it is read.
 */
#include <string.h>

#include "calls/record.h"
#include "calls/table_parts.h"
#include "core/err.h"
#include "model/enums.h"

/* ---- saving ---- */

static void save_call(const struct call_table *t, const struct call *c, struct state_out *out)
{
	char buffer[TEXTS_BUFFER];
	struct slice text[RECORD_TEXTS];
	struct call kept = *c;

	texts_get(&t->chunks, c->text, buffer, text, RECORD_TEXTS);
	if (hash_slice(t->key, text[RECORD_CALL_ID]) != c->id) {
		return; /* its Call-ID was cut */
	}
	kept.link.prev = kept.link.next = kept.text = 0;
	state_bytes(out, &kept, sizeof(kept));
	texts_save(text, RECORD_TEXTS, out);
}

void call_table_save(const struct call_table *t, struct state_out *out, const char *name)
{
	uint32_t next[CALL_ENDED];

	state_begin(out, name);
	state_u64(out, (uint64_t)t->now_us);
	state_u32(out, t->blind);
	for (int i = 0; i < CALL_ENDED; i++) {
		next[i] = t->queue[i].head;
	}
	for (;;) {
		const struct call *first = NULL;
		for (int i = 0; i < CALL_ENDED; i++) {
			const struct call *c = next[i] == SLAB_NONE ? NULL : call_at(t, next[i]);
			if (c && (!first || c->link.since_us < first->link.since_us)) {
				first = c;
			}
		}
		if (!first) {
			break;
		}
		next[first->state] = first->link.next;
		save_call(t, first, out);
	}
	state_end(out);
}

/* ---- loading ---- */

static bool is_within(int64_t time_us, int64_t from_us, int64_t to_us)
{
	return time_us >= from_us && time_us <= to_us;
}

static bool is_within_or_none(int64_t time_us, int64_t from_us, int64_t to_us)
{
	return time_us == INSTANT_NONE || is_within(time_us, from_us, to_us);
}

static bool ip_sound(const struct ip *ip)
{
	return ip->family == 0 || ip->family == 4 || ip->family == 6;
}

static bool times_sound(const struct call *c, int64_t now_us)
{
	bool waiting = c->state == CALL_WAITING;
	bool answered = c->state == CALL_ANSWERED;

	return state_time_sane(c->start_us) && is_within(c->link.since_us, c->start_us, now_us) &&
	       is_within_or_none(c->ring_us, c->start_us, now_us) &&
	       is_within_or_none(c->cancel_us, c->start_us, now_us) &&
	       (answered ? is_within(c->answer_us, c->start_us, now_us)
	                 : c->answer_us == INSTANT_NONE) &&
	       (waiting ? is_within(c->end_us, c->start_us, now_us)
	                : is_within_or_none(c->end_us, answered ? c->answer_us : c->start_us,
	                                    c->link.since_us)) &&
	       (c->stir_iat_us == INSTANT_NONE || state_time_sane(c->stir_iat_us));
}

/* What no message sequence leaves behind would lead call.c or whoever reads the event astray. */
static bool call_sound(const struct call *c, int64_t now_us)
{
	const unsigned withheld = WITHHELD_CALLER | WITHHELD_PAI | WITHHELD_FROM | WITHHELD_DIVERT;
	bool forks = c->branches >= 1 && c->branches <= CALL_FORKS && c->answers <= CALL_FORKS &&
	             c->branches_done < 1u << c->branches && c->answers_done < 1u << c->answers;
	bool refused = c->state == CALL_WAITING && !(c->flags & CALL_BYE_EARLY);

	return c->state < CALL_ENDED && forks && times_sound(c, now_us) &&
	       !(c->flags & CALL_TIMED_OUT) && c->q850 >= -1 && c->hangup_by < HANGUP_COUNT &&
	       (c->status ? is_within(c->status, 300, 699) && c->state == CALL_WAITING
	                  : !refused) &&
	       (c->withheld & ~withheld) == 0 && c->attest < ATTEST_COUNT &&
	       c->verstat < VERSTAT_COUNT && ip_sound(&c->src) && ip_sound(&c->dst);
}

/* Room for one more call: older ones go. */
static void make_room(struct call_table *t, uint32_t chunks)
{
	while (t->slots.free == 0 || t->chunks.free < chunks) {
		struct queue *oldest = call_table_oldest(t);
		uint32_t slot = oldest->head;
		queue_remove(oldest, slot);
		texts_drop(&t->chunks, call_at(t, slot)->text);
		call_table_drop(t, slot);
		t->evicted++;
	}
}

static void add_call(struct call_table *t, const struct call *c, const struct slice *text)
{
	make_room(t, texts_chunks(text, RECORD_TEXTS));
	uint32_t slot = slab_take(&t->slots);
	struct call *at = call_at(t, slot);
	*at = *c;
	at->text = texts_put(&t->chunks, text, RECORD_TEXTS);
	index_add(&t->index, (uint32_t)c->id, slot);
	queue_push(&t->queue[c->state], slot, c->link.since_us);
	t->begun++;
}

static int load_calls(struct call_table *t, struct state_in *in, struct state_view *v)
{
	int64_t since_us = INT64_MIN;

	while (v->left.len) {
		struct slice text[RECORD_TEXTS];
		struct call c;
		if (!state_copy(v, &c, sizeof(c)) || !texts_load(v, text, RECORD_TEXTS)) {
			return state_in_fail(in, "section %s: a call's texts", v->name);
		}
		if (!call_sound(&c, t->now_us) || c.link.since_us < since_us) {
			return state_in_fail(in, "section %s: a call that cannot be", v->name);
		}
		if (c.id != hash_slice(t->key, text[RECORD_CALL_ID]) ||
		    call_table_find(t, c.id) != SLAB_NONE) {
			return state_in_fail(in, "section %s: a call under a false name", v->name);
		}
		since_us = c.link.since_us;
		add_call(t, &c, text);
	}
	return OK;
}

int call_table_load(struct call_table *t, struct state_in *in, const char *name)
{
	struct state_view v;
	int err = state_in_section(in, name, &v);

	if (err) {
		return err;
	}
	t->now_us = (int64_t)state_get_u64(&v);
	uint32_t blind = state_get_u32(&v);
	t->blind = blind != 0;
	if (blind > 1 || (t->now_us != INT64_MIN && !state_time_sane(t->now_us))) {
		return state_in_fail(in, "section %s: a time that cannot be", name);
	}
	err = load_calls(t, in, &v);
	for (int i = 0; i < CALL_ENDED; i++) {
		stage_in(&t->count, t->queue[i].count);
	}
	return err ? err : state_in_end(in, &v);
}

/* ---- settling ---- */

/* Its stragglers will be known. */
static void remember_ended(struct call_table *t, uint64_t id)
{
	if (t->slots.free == 0) {
		if (t->queue[CALL_ENDED].count == 0) {
			return;
		}
		call_table_forget(t);
	}
	uint32_t slot = slab_take(&t->slots);
	*call_at(t, slot) = (struct call){.id = id, .state = CALL_ENDED};
	index_add(&t->index, (uint32_t)id, slot);
	queue_push(&t->queue[CALL_ENDED], slot, t->now_us);
}

static void settle_call(struct call_table *t, uint32_t slot, bool answer, int64_t time_us)
{
	struct call *c = call_at(t, slot);

	queue_remove(&t->queue[c->state], slot);
	if (answer) {
		call_settle_answer(c, time_us);
	} else {
		texts_drop(&t->chunks, c->text);
		c->state = CALL_ENDED;
		stage_out(&t->count, 1);
	}
	queue_push(&t->queue[c->state], slot, t->now_us);
}

void call_table_settle(struct call_table *t, const struct event *e)
{
	int64_t time_us = e->time_us < TIME_MAX ? e->time_us : TIME_MAX;

	t->blind = true;
	t->now_us = time_us > t->now_us ? time_us : t->now_us;
	if (e->kind != KIND_ATTEMPT && e->kind != KIND_ANSWER && e->kind != KIND_CALL) {
		return;
	}
	uint64_t id = hash_slice(t->key, e->call_id);
	uint32_t slot = call_table_find(t, id);
	if (slot == SLAB_NONE) {
		remember_ended(t, id);
		return;
	}
	const struct call *c = call_at(t, slot);
	/* What is older is of a call before it with the same Call-ID. */
	bool of_it = c->state != CALL_ENDED && time_us >= c->start_us;
	if (of_it &&
	    (e->kind == KIND_CALL || (e->kind == KIND_ANSWER && c->state != CALL_ANSWERED))) {
		settle_call(t, slot, e->kind == KIND_ANSWER, time_us);
	}
}

void call_table_wake(struct call_table *t, int64_t time_us)
{
	int64_t now_us = time_us > t->now_us ? time_us : t->now_us;

	now_us = now_us < TIME_MAX ? now_us : TIME_MAX;
	for (int i = 0; i < CALL_STATES; i++) {
		struct queue *q = &t->queue[i];
		for (uint32_t slot = q->head; slot != SLAB_NONE;
		     slot = call_at(t, slot)->link.next) {
			struct call *c = call_at(t, slot);
			if (i != CALL_ENDED) {
				call_miss(c);
			}
			c->link.since_us = now_us;
			q->head_since_us = now_us;
		}
	}
	t->blind = false;
}
