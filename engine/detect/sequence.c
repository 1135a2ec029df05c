#include "detect/sequence.h"

#include <string.h>

#include "core/err.h"

enum { EVICT_TRIES = 64, SLOT_TEXT = 62 };

/* How far a key came. */
struct partial {
	int64_t first_us; /* INT64_MIN: nobody waits here */
	int64_t prev_us;  /* of the last step */
	uint64_t events[RULE_STEPS_MAX];
};

/* A bound value as it is kept. */
struct slot {
	uint8_t missing;
	uint8_t len; /* of text */
	char bytes[SLOT_TEXT];
};

/* The stages that are events, one behind the other. */
static unsigned stage_count(const struct rule *r)
{
	unsigned count = 0;

	for (unsigned i = 0; i < r->step_count; i++) {
		count += !r->steps[i].none;
	}
	return count;
}

static unsigned stage_of(const struct rule *r, unsigned step)
{
	unsigned stage = 0;

	for (unsigned i = 0; i < step; i++) {
		stage += !r->steps[i].none;
	}
	return stage;
}

static bool waits_at_end(const struct rule *r)
{
	return r->steps[r->step_count - 1].none;
}

static size_t state_size(const struct rule *r)
{
	return stage_count(r) * (sizeof(struct partial) + r->bound_count * sizeof(struct slot));
}

static struct slot *slots_of(const struct rule *r, struct partial *state, unsigned stage)
{
	struct slot *slots = (struct slot *)(void *)(state + stage_count(r));

	return slots + (size_t)stage * r->bound_count;
}

/* ---- bound values ---- */

static void keep_value(struct slot *slot, enum type type, const struct value *v)
{
	memset(slot, 0, sizeof(*slot));
	slot->missing = v->missing;
	if (v->missing) {
		return;
	}
	if (type == TYPE_TEXT) {
		size_t len = v->s.len;
		while (len > SLOT_TEXT ||
		       (len < v->s.len && len > 0 && (v->s.p[len] & 0xc0) == 0x80)) {
			len = len > SLOT_TEXT ? SLOT_TEXT : len - 1;
		}
		slot->len = (uint8_t)len;
		memcpy(slot->bytes, v->s.p, len);
	} else if (type == TYPE_IP) {
		memcpy(slot->bytes, &v->ip, sizeof(v->ip));
	} else {
		memcpy(slot->bytes, &v->i, sizeof(v->i));
	}
}

static void read_value(const struct slot *slot, enum type type, struct value *v)
{
	memset(v, 0, sizeof(*v));
	v->missing = slot->missing;
	if (type == TYPE_TEXT) {
		v->s = (struct slice){slot->bytes, slot->len};
	} else if (type == TYPE_IP) {
		memcpy(&v->ip, slot->bytes, sizeof(v->ip));
	} else {
		memcpy(&v->i, slot->bytes, sizeof(v->i));
	}
}

/* What the event at which eval stands binds as step; the first also binds the key's names. */
static void capture(struct worker *w, const struct rule *r, unsigned step, struct slot *slots)
{
	struct value v;

	for (unsigned i = 0; i < r->bound_count; i++) {
		const struct bound *b = &r->bound[i];
		if (b->from == BOUND_KEY && stage_of(r, step) == 0) {
			eval_value(&w->eval, r->steps[step].keys[b->index], &v);
		} else if (b->from == BOUND_STEP && b->index == step) {
			eval_field(&w->eval, b->field, &v);
		} else {
			continue;
		}
		keep_value(&slots[i], b->type, &v);
	}
}

static void bind(struct worker *w, const struct rule *r, struct partial *state, unsigned stage)
{
	const struct slot *slots = slots_of(r, state, stage);

	for (unsigned i = 0; i < r->bound_count; i++) {
		read_value(&slots[i], r->bound[i].type, &w->bound[i]);
	}
	w->eval.bound = w->bound;
	w->eval.lets_known = 0;
}

/* ---- stages ---- */

static void clear(struct partial *p)
{
	p->first_us = INT64_MIN;
}

static void clear_all(const struct rule *r, struct partial *state)
{
	for (unsigned i = 0; i < stage_count(r); i++) {
		clear(&state[i]);
	}
}

/* Does somebody wait at this stage for an event of time_us? */
static bool waiting(const struct rule *r, const struct partial *p, int64_t time_us)
{
	return p->first_us != INT64_MIN && time_us >= p->prev_us &&
	       time_us - p->first_us <= r->within_us;
}

/* One sequence at one event of one key. */
struct advance {
	struct worker *w;
	const struct detect_rule *rule;
	const struct rule *r; /* resolved */
	const struct detect_group *g;
	struct row *row;
	const struct hit *hit;
	unsigned shard;
	struct partial *state;
	int64_t time_us;
};

static void found(const struct advance *a, unsigned stage, int64_t time_us, bool due)
{
	struct cause cause = {
		.time_us = time_us,
		.row = due ? CAUSE_NO_ROW : a->hit->row,
		.role = due ? 0 : a->hit->role,
		.rank = due ? UINT64_MAX
	                    : event_rank((enum event_kind)a->w->d->batch->kind[a->hit->row],
	                                 a->hit->row, a->hit->role),
		.events = a->state[stage].events,
		.event_count = stage + 1};

	bind(a->w, a->r, a->state, stage);
	a->w->eval.rule = a->r;
	if (detector_fires(a->w, a->shard, a->g, a->rule, a->row, time_us)) {
		finding_build(a->w, a->rule, &cause);
	}
	clear_all(a->r, a->state);
}

/* Somebody has come as far as stage: the end, the wait for an absence, or waiting for more. */
static void arrive(const struct advance *a, unsigned stage)
{
	const struct sequence_step *last = &a->r->steps[a->r->step_count - 1];
	struct timer timer = {.key = a->row->key, .group = a->hit->group};

	if (stage + 1 < stage_count(a->r)) {
		table_keep(a->g->table, a->row, a->state[stage].first_us + a->r->within_us);
		return;
	}
	if (!last->none) {
		found(a, stage, a->time_us, false);
		return;
	}
	timer.due_us = a->time_us + last->for_us;
	table_keep(a->g->table, a->row, timer.due_us + 1);
	if (!timers_add(&a->w->d->timers[a->shard / BLOCK_SHARDS], &timer)) {
		a->w->no_room++;
	}
}

static void begin(const struct advance *a, unsigned step)
{
	struct partial *p = &a->state[0];

	a->w->eval.bound = NULL;
	if (!detector_late(a->w, &a->rule->steps[step]) ||
	    (a->r->keep_first && waiting(a->r, p, a->time_us))) {
		return;
	}
	capture(a->w, a->r, step, slots_of(a->r, a->state, 0));
	*p = (struct partial){a->time_us, a->time_us, {detector_event(a->w->d, a->hit->row)}};
	arrive(a, 0);
}

static bool go_on(const struct advance *a, unsigned step, unsigned stage)
{
	struct partial *from = &a->state[stage - 1], *to = &a->state[stage];

	if (!waiting(a->r, from, a->time_us)) {
		return false;
	}
	bind(a->w, a->r, a->state, stage - 1);
	if (!detector_late(a->w, &a->rule->steps[step])) {
		return false;
	}
	*to = *from;
	to->prev_us = a->time_us;
	to->events[stage] = detector_event(a->w->d, a->hit->row);
	memcpy(slots_of(a->r, a->state, stage), slots_of(a->r, a->state, stage - 1),
	       a->r->bound_count * sizeof(struct slot));
	capture(a->w, a->r, step, slots_of(a->r, a->state, stage));
	clear(from);
	arrive(a, stage);
	return true;
}

/* A `none` ends the wait of whoever stands before it. */
static void end_wait(const struct advance *a, unsigned step, unsigned stage)
{
	struct partial *p = &a->state[stage - 1];

	if (p->first_us == INT64_MIN || a->time_us < p->prev_us) {
		return;
	}
	bind(a->w, a->r, a->state, stage - 1);
	if (detector_late(a->w, &a->rule->steps[step])) {
		clear(p);
	}
}

static struct partial *state_for(struct worker *w, unsigned shard, const struct detect_group *g,
                                 struct row *row, bool make)
{
	const struct rule *r = g->sequence->resolved;
	struct window_room room = {&w->d->pools[shard], w->d->options.key, w->scratch};
	struct row_note *note = detector_note(w, shard, g->sequence, row);

	if (note && !note->state && make) {
		note->state = pool_alloc(room.pool, state_size(r));
		for (int tries = 0;
		     !note->state && tries < EVICT_TRIES && detector_make_room(w, shard, row);
		     tries++) {
			note->state = pool_alloc(room.pool, state_size(r));
		}
		if (note->state) {
			memset(pool_at(room.pool, note->state), 0, state_size(r));
			clear_all(r, pool_at(room.pool, note->state));
		}
	}
	return note && note->state ? pool_at(room.pool, note->state) : NULL;
}

/* The steps of a hit that let it in after all: those with new() are asked here. */
static uint64_t steps_of(const struct advance *a)
{
	uint64_t steps = a->hit->rules;

	for (unsigned i = 0; i < a->r->new_count; i++) {
		unsigned step = a->r->news[i].step;
		if (!(steps >> step & 1)) {
			continue;
		}
		detector_learn(a->w, a->rule, step, a->row, a->time_us);
		if (!detector_passes(a->w, &a->rule->steps[step], a->hit->position, a->hit->role)) {
			steps &= ~(UINT64_C(1) << step);
		}
	}
	return steps;
}

void sequence_take(struct worker *w, unsigned shard, const struct detect_group *g, struct row *row,
                   const struct hit *hit)
{
	const struct rule *r = g->sequence->resolved;
	struct advance a = {.w = w,
	                    .rule = g->sequence,
	                    .r = r,
	                    .g = g,
	                    .row = row,
	                    .hit = hit,
	                    .shard = shard,
	                    .state = state_for(w, shard, g, row, true),
	                    .time_us = w->d->batch->col[FIELD_TIME].i64[hit->row]};

	if (!a.state) {
		w->no_room++;
		return;
	}
	w->eval.rule = r;
	uint64_t steps = steps_of(&a);
	for (unsigned step = r->step_count; step-- > 0;) {
		unsigned stage = stage_of(r, step);
		if (!(steps >> step & 1)) {
			continue;
		}
		if (r->steps[step].none) {
			end_wait(&a, step, stage);
		} else if (stage == 0) {
			begin(&a, step);
		} else if (go_on(&a, step, stage)) {
			break;
		}
	}
	w->eval.bound = NULL;
}

void sequence_due(struct worker *w, unsigned shard, const struct detect_group *g, struct row *row,
                  int64_t due_us)
{
	const struct rule *r = g->sequence->resolved;
	unsigned stage = stage_count(r) - 1;
	struct advance a = {.w = w,
	                    .rule = g->sequence,
	                    .r = r,
	                    .g = g,
	                    .row = row,
	                    .shard = shard,
	                    .state = state_for(w, shard, g, row, false)};

	if (a.state && a.state[stage].first_us != INT64_MIN &&
	    a.state[stage].prev_us + r->steps[r->step_count - 1].for_us == due_us) {
		found(&a, stage, due_us, true);
		w->eval.bound = NULL;
	}
}

/* ---- state ---- */

const char *sequence_claim(const struct detect_group *g, struct pool *pool, pool_ref ref)
{
	const struct rule *r = g->sequence ? g->sequence->resolved : NULL;

	if (!r || !pool_claim(pool, ref, state_size(r))) {
		return "a note with a block that is none";
	}
	struct partial *state = pool_at(pool, ref);
	for (unsigned stage = 0; stage < stage_count(r); stage++) {
		const struct slot *slots = slots_of(r, state, stage);
		if (state[stage].first_us == INT64_MIN) {
			continue;
		}
		if (!state_time_sane(state[stage].first_us) ||
		    !state_time_sane(state[stage].prev_us)) {
			return "a sequence at no time";
		}
		for (unsigned i = 0; i < r->bound_count; i++) {
			if (slots[i].len > SLOT_TEXT) {
				return "a sequence with a text that is none";
			}
		}
	}
	return NULL;
}

void sequence_rearm(struct detector *d, unsigned shard, const struct detect_group *g,
                    struct row *row, unsigned group)
{
	const struct rule *r = g->sequence->resolved;
	unsigned stage = stage_count(r) - 1;
	struct timer timer = {.key = row->key, .group = group};

	for (pool_ref ref = waits_at_end(r) ? row->notes : 0; ref;) {
		const struct row_note *note = pool_at(&d->pools[shard], ref);
		const struct partial *state =
			note->state ? pool_at(&d->pools[shard], note->state) : NULL;
		if (state && state[stage].first_us != INT64_MIN) {
			timer.due_us = state[stage].prev_us + r->steps[r->step_count - 1].for_us;
			(void)timers_add(&d->timers[shard / BLOCK_SHARDS], &timer);
		}
		ref = note->next;
	}
}
