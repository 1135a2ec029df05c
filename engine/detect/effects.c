#include "detect/effects.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "detect/detector_parts.h"
#include "detect/eval_functions.h"

enum { QUEUE_TEXT_MAX = 256 << 20 };

static void queue_reset(struct effect_queue *q)
{
	q->count = 0;
	arena_reset(&q->texts);
}

static void queue_fini(struct effect_queue *q)
{
	free(q->items);
	arena_fini(&q->texts);
}

bool effects_init(struct effects *e)
{
	arena_init(&e->pending.texts, QUEUE_TEXT_MAX);
	arena_init(&e->spare.texts, QUEUE_TEXT_MAX);
	arena_init(&e->raised[0].texts, QUEUE_TEXT_MAX);
	arena_init(&e->raised[1].texts, QUEUE_TEXT_MAX);
	e->target = &e->pending;
	e->batch = batch_new();
	e->rows = malloc(BATCH_ROWS_MAX * sizeof(*e->rows));
	return e->batch && e->rows;
}

void effects_fini(struct effects *e)
{
	queue_fini(&e->pending);
	queue_fini(&e->spare);
	queue_fini(&e->raised[0]);
	queue_fini(&e->raised[1]);
	batch_free(e->batch);
	free(e->rows);
}

/* ---- what a finding does ---- */

static void copy_value(struct arena *arena, enum type type, struct value *v)
{
	if (type == TYPE_TEXT && !v->missing) {
		v->s = arena_copy(arena, v->s);
	}
}

static struct effect *next_effect(struct worker *w, const struct detect_rule *rule, struct found *f,
                                  enum effect_kind kind, unsigned values)
{
	struct effect *e = &f->effects[f->effect_count];

	*e = (struct effect){.kind = kind,
	                     .rule = rule->rule,
	                     .number = rule->number,
	                     .time_us = f->finding.time_us,
	                     .event = f->finding.event,
	                     .value_count = values};
	e->values = arena_alloc(&w->arena, (values + 1) * sizeof(*e->values));
	if (!e->values) {
		return NULL;
	}
	f->effect_count++;
	return e;
}

static void signal_of(struct worker *w, const struct detect_rule *rule, struct found *f)
{
	const struct rule *r = rule->resolved;
	struct effect *e = next_effect(w, rule, f, EFFECT_SIGNAL, r->field_count);

	for (unsigned i = 0; e && i < r->field_count; i++) {
		eval_value(&w->eval, r->fields[i].expr, &e->values[i]);
		copy_value(&w->arena, r->fields[i].expr->type, &e->values[i]);
	}
}

static void score_of(struct worker *w, const struct detect_rule *rule, struct found *f)
{
	const struct score_give *give = &rule->resolved->score;
	struct value entity, points;

	eval_value(&w->eval, give->entity, &entity);
	eval_value(&w->eval, give->points, &points);
	if (entity.missing || points.missing) {
		return;
	}
	struct effect *e = next_effect(w, rule, f, EFFECT_SCORE, 1);
	if (!e) {
		return;
	}
	e->entity_type = give->entity_type;
	e->values[0] =
		(struct value){.s = value_text(&w->arena, give->entity->type, give->entity->set,
	                                       &entity, SLICE_LIT("name"))};
	uint64_t identity = value_identity(w->d->options.key, give->entity->type, &entity);
	e->gift = (struct score_gift){
		.entity = scores_entity(w->d->options.key, give->entity_type, identity),
		.rule = rule->number,
		.key = f->finding.key,
		.time_us = f->finding.time_us,
		.points = points.f,
		.half_life_us = give->half_life_us,
		.per_us = give->per_us};
}

static void list_op_of(struct worker *w, const struct detect_rule *rule, struct found *f,
                       unsigned op)
{
	const struct list_op *o = &rule->resolved->ops[op];
	struct value v;

	eval_value(&w->eval, o->value, &v);
	if (v.missing) {
		return;
	}
	struct effect *e = next_effect(w, rule, f, EFFECT_LIST, 1);
	if (e) {
		e->op = op;
		e->values[0] = v;
		copy_value(&w->arena, o->value->type, &e->values[0]);
		e->text =
			value_text(&w->arena, o->value->type, o->value->set, &v, SLICE_LIT("name"));
	}
}

void effects_of(struct worker *w, const struct detect_rule *rule, struct found *f)
{
	const struct rule *r = rule->resolved;
	unsigned count = (unsigned)r->signal + (r->score.entity != NULL) + r->op_count;

	f->effects = count ? arena_alloc(&w->arena, count * sizeof(*f->effects)) : NULL;
	if (!f->effects) {
		return;
	}
	for (unsigned i = 0; i < r->op_count; i++) {
		list_op_of(w, rule, f, i);
	}
	if (r->score.entity) {
		score_of(w, rule, f);
	}
	if (r->signal) {
		signal_of(w, rule, f);
	}
}

/* ---- the queue ---- */

enum type effect_value_type(const struct effect *e, unsigned i)
{
	switch (e->kind) {
	case EFFECT_SIGNAL: return e->rule->fields[i].expr->type;
	case EFFECT_LIST: return e->rule->ops[e->op].value->type;
	default: return TYPE_TEXT;
	}
}

static struct effect *queue_room(struct effect_queue *q)
{
	if (q->count == q->cap) {
		size_t cap = q->cap ? q->cap * 2 : 256;
		struct effect *items = realloc(q->items, cap * sizeof(*items));
		if (!items) {
			return NULL;
		}
		q->items = items;
		q->cap = cap;
	}
	return &q->items[q->count];
}

/* A copy that owns its texts. */
static bool enqueue(struct effect_queue *q, const struct effect *e)
{
	struct effect *copy = queue_room(q);
	struct value *values =
		copy ? arena_alloc(&q->texts, (e->value_count + 1) * sizeof(*values)) : NULL;

	if (!values) {
		return false;
	}
	*copy = *e;
	copy->values = values;
	copy->text = arena_copy(&q->texts, e->text);
	for (unsigned i = 0; i < e->value_count; i++) {
		values[i] = e->values[i];
		copy_value(&q->texts, effect_value_type(e, i), &values[i]);
	}
	q->count++;
	return true;
}

bool effects_put(struct effects *e, const struct effect *effect)
{
	return enqueue(&e->pending, effect);
}

void effects_queue(struct detector *d, struct found *const *found, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (unsigned n = 0; n < found[i]->effect_count; n++) {
			d->effects.dropped += !enqueue(d->effects.target, &found[i]->effects[n]);
		}
	}
}

int64_t effects_due(const struct effects *e)
{
	return e->pending.count ? (epoch_of(e->pending.items[0].time_us) + 1) * US_PER_S
	                        : INT64_MAX;
}

/* ---- an epoch ---- */

static void write_list(struct detector *d, const struct effect *e)
{
	const struct list_op *op = &e->rule->ops[e->op];
	struct dynamic_list *list = d->dynamic[op->list];
	struct list_key key = value_list_key(op->value->type, &e->values[0]);
	int64_t until = op->ttl_us ? e->time_us + op->ttl_us : INT64_MAX;

	if (op->remove) {
		(void)dynamic_list_remove(list, &key);
	} else if (!dynamic_list_add(list, &key, e->text, until)) {
		d->effects.dropped++;
	}
}

static struct derived *add_row(struct effects *e, enum event_kind kind, const struct effect *of)
{
	struct batch *b = e->batch;

	if (b->count == BATCH_ROWS_MAX) {
		e->dropped++;
		return NULL;
	}
	b->kind[b->count] = (uint8_t)kind;
	b->col[FIELD_TIME].i64[b->count] = of->time_us;
	e->rows[b->count] = (struct derived){of->values, of->rule, of->event};
	return &e->rows[b->count++];
}

/* A contribution that counts is an event that says what it comes to. */
static void add_score(struct detector *d, const struct effect *e)
{
	unsigned rules = 0;

	if (!scores_give(d->scores, &e->gift)) {
		return;
	}
	struct value *parts = arena_alloc(&d->effects.batch->arena, SCORE_PARTS * sizeof(*parts));
	struct derived *row = parts ? add_row(&d->effects, KIND_SCORE, e) : NULL;
	if (!row) {
		return;
	}
	parts[SCORE_ENTITY] = e->values[0];
	parts[SCORE_TYPE].s = slice_of(e->entity_type);
	parts[SCORE_VALUE].f = scores_value(d->scores, e->gift.entity, e->time_us, &rules);
	parts[SCORE_RULES].i = rules;
	row->values = parts;
	row->emitter = NULL;
}

/* Writes lists and scores; signals and contributions become rows. */
static void apply(struct detector *d, const struct effect *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (items[i].kind == EFFECT_LIST) {
			write_list(d, &items[i]);
		} else if (items[i].kind == EFFECT_SCORE) {
			add_score(d, &items[i]);
		} else {
			d->effects.signals++;
			(void)add_row(&d->effects, KIND_SIGNAL, &items[i]);
		}
	}
}

/* Rules on signals and scores see the rows. */
static void run_rows(struct detector *d)
{
	const struct batch *traffic = d->batch;
	uint32_t begin = d->begin, end = d->end;
	size_t count;

	d->batch = d->effects.batch;
	d->derived = d->effects.rows;
	d->begin = 0;
	d->end = d->batch->count;
	detector_slice(d);
	struct found **found = detector_new_findings(d, &count);
	effects_queue(d, found, count);
	d->batch = traffic;
	d->derived = NULL;
	d->begin = begin;
	d->end = end;
}

/* Round after round, until nothing new comes. */
static void close_epoch(struct detector *d, const struct effect *items, size_t count)
{
	struct effects *e = &d->effects;

	for (d->round = 1; d->round <= EFFECT_ROUNDS && count; d->round++) {
		e->target = &e->raised[d->round & 1];
		queue_reset(e->target);
		batch_reset(e->batch, 0);
		apply(d, items, count);
		if (e->batch->count) {
			run_rows(d);
		}
		items = e->target->items;
		count = e->target->count;
	}
	e->dropped += count;
	e->target = &e->pending;
	d->round = 0;
}

/* What is left begins the queue anew. */
static void drop_first(struct effects *e, size_t done)
{
	struct effect_queue old = e->pending;

	if (done == 0) {
		return;
	}
	for (size_t i = done; i < old.count; i++) {
		e->dropped += !enqueue(&e->spare, &old.items[i]);
	}
	e->pending = e->spare;
	e->spare = old;
	queue_reset(&e->spare);
}

void effects_run(struct detector *d, int64_t limit_us)
{
	struct effects *e = &d->effects;
	int64_t limit = limit_us == INT64_MAX ? INT64_MAX : epoch_of(limit_us);
	int64_t epoch = d->epoch;
	size_t done = 0;

	while (done < e->pending.count &&
	       (d->epoch = epoch_of(e->pending.items[done].time_us)) < limit) {
		size_t end = done;
		while (end < e->pending.count &&
		       epoch_of(e->pending.items[end].time_us) <= d->epoch) {
			end++;
		}
		close_epoch(d, e->pending.items + done, end - done);
		done = end;
	}
	d->epoch = epoch;
	drop_first(e, done);
}
