/* The first steps of a batch, by ranges of its events: predicates by column, then which rule lets
 * which event in, and the key that it has there.
 */
#include <stdlib.h>

#include "detect/detector_parts.h"
#include "detect/exceptions.h"

static bool hits_add(struct hits *h, const struct hit *hit)
{
	if (h->count == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 4096;
		struct hit *items = realloc(h->items, cap * sizeof(*items));
		if (!items) {
			return false;
		}
		h->items = items;
		h->cap = cap;
	}
	h->items[h->count++] = *hit;
	return true;
}

bool detector_passes(struct worker *w, const struct condition *c, uint32_t position, unsigned role)
{
	for (unsigned i = 0; i < c->cheap_count[role]; i++) {
		if (c->cheap[role][i][position] != TRUTH_TRUE) {
			return false;
		}
	}
	for (unsigned i = 0; i < c->costly_count; i++) {
		if (eval_truth(&w->eval, c->costly[i]) != TRUTH_TRUE) {
			return false;
		}
	}
	return true;
}

/* A rule on signals sees those of the rules that it names. */
static bool hears(const struct rule *r, const struct rule *emitter)
{
	for (unsigned i = 0; i < r->from_count; i++) {
		if (rule_same(r->from[i], emitter)) {
			return true;
		}
	}
	return r->kind != KIND_SIGNAL;
}

bool detector_excepted(struct worker *w, const struct detect_rule *r)
{
	if (!r->rule->exceptions) {
		return false;
	}
	int64_t time_us = w->d->batch->col[FIELD_TIME].i64[w->eval.row];
	bool excepted = exceptions_find(&w->eval, r->resolved, time_us) != NULL;
	w->excepted += excepted;
	return excepted;
}

static bool passes(struct worker *w, const struct detect_rule *r, uint32_t position, unsigned role)
{
	w->eval.rule = r->resolved;
	w->eval.lets_known = 0;
	return hears(r->rule, w->eval.emitter) && detector_passes(w, &r->where, position, role) &&
	       !detector_excepted(w, r);
}

/* The identity of a key; false when a part is missing. A party event needs its number too. */
static bool key_of(struct worker *w, const struct expr *const *keys, unsigned count,
                   struct hash128 *key)
{
	uint64_t parts[RULE_KEYS_MAX];
	struct value v;

	for (unsigned i = 0; i < count; i++) {
		eval_value(&w->eval, keys[i], &v);
		if (v.missing) {
			return false;
		}
		parts[i] = value_identity(w->d->options.key, keys[i]->type, &v);
	}
	*key = hash128(w->d->options.key, parts, count * sizeof(parts[0]));
	return true;
}

/* A call with one number missing gives the party event of the other only. */
static bool party_exists(const struct batch *b, uint32_t row, unsigned role)
{
	return b->col[field_column(FIELD_PARTY_NUM, role)].num[row] != 0;
}

static void enter_group(struct worker *w, struct hits *hits, size_t group, uint32_t position,
                        uint32_t row, unsigned role)
{
	const struct detect_group *g = w->d->compiled->groups[group];
	struct hit hit = {.row = (uint16_t)row,
	                  .position = (uint16_t)position,
	                  .group = (uint16_t)group,
	                  .role = (uint8_t)role};

	for (unsigned n = 0; n < g->rule_count; n++) {
		if ((g->late >> n & 1) || passes(w, g->rules[n], position, role)) {
			hit.rules |= UINT64_C(1) << n;
		}
	}
	if (!hit.rules) {
		return;
	}
	w->eval.rule = g->rules[0]->resolved; /* the same key as all, signals included */
	if (!key_of(w, g->keys, g->key_count, &hit.key)) {
		w->key_missing++;
	} else if (!hits_add(&hits[table_shard(hit.key) / BLOCK_SHARDS], &hit)) {
		w->no_room++;
	}
}

static bool asks_new(const struct rule *r, unsigned step)
{
	for (unsigned i = 0; i < r->new_count; i++) {
		if (r->news[i].step == step) {
			return true;
		}
	}
	return false;
}

/* The steps that an event may be; those of one key are one hit. */
static void enter_sequence(struct worker *w, struct hits *hits, size_t group, uint32_t position,
                           uint32_t row, unsigned role)
{
	const struct detect_rule *d = w->d->compiled->groups[group]->sequence;
	const struct rule *r = d->resolved;
	struct hit found[RULE_STEPS_MAX];
	unsigned count = 0;

	for (unsigned step = 0; step < r->step_count; step++) {
		struct hit hit = {.row = (uint16_t)row,
		                  .position = (uint16_t)position,
		                  .group = (uint16_t)group,
		                  .role = (uint8_t)role,
		                  .rules = UINT64_C(1) << step};
		unsigned n = 0;
		w->eval.rule = r;
		w->eval.lets_known = 0;
		if (r->steps[step].kind != w->kind ||
		    !(asks_new(r, step) || detector_passes(w, &d->steps[step], position, role))) {
			continue;
		}
		if (!key_of(w, r->steps[step].keys, r->key_count, &hit.key)) {
			w->key_missing++;
			continue;
		}
		while (n < count &&
		       (found[n].key.lo != hit.key.lo || found[n].key.hi != hit.key.hi)) {
			n++;
		}
		hit.rules |= n < count ? found[n].rules : 0;
		found[n] = hit;
		count += n == count;
	}
	for (unsigned n = 0; n < count; n++) {
		w->no_room += !hits_add(&hits[table_shard(found[n].key) / BLOCK_SHARDS], &found[n]);
	}
}

/* Rules without state are decided here. */
static void match_rules(struct worker *w, const struct kind_rules *of, uint32_t position,
                        uint32_t row, unsigned role)
{
	struct hash128 key;

	for (size_t i = 0; i < of->stateless_count; i++) {
		const struct detect_rule *r = of->stateless[i];
		if (!passes(w, r, position, role)) {
			continue;
		}
		if (r->resolved->key_count &&
		    !key_of(w, r->resolved->keys, r->resolved->key_count, &key)) {
			w->key_missing++;
			continue;
		}
		struct cause cause = {.time_us = w->d->batch->col[FIELD_TIME].i64[row],
		                      .row = row,
		                      .role = role,
		                      .rank = event_rank(r->rule->kind, row, role)};
		finding_build(w, r, &cause);
	}
}

/* Task `range` of the parts of count. */
static void cut_range(const struct detector *d, uint32_t count, unsigned range, uint32_t *begin,
                      uint32_t *end)
{
	*begin = (uint32_t)((uint64_t)count * range / d->ranges);
	*end = (uint32_t)((uint64_t)count * (range + 1) / d->ranges);
}

static void columns_of_kind(struct detector *d, unsigned range, enum event_kind kind)
{
	const struct sequence *s = &d->sequences[kind];
	unsigned roles = kind == KIND_PARTY ? 2 : 1;
	uint32_t begin, end;

	cut_range(d, s->row_count, range, &begin, &end);
	for (unsigned role = 0; role < roles; role++) {
		columns_run(d->compiled->columns, kind, role, d->batch, s->rows, begin, end);
	}
}

static void events_of_kind(struct worker *w, unsigned range, enum event_kind kind)
{
	struct detector *d = w->d;
	const struct kind_rules *of = &d->compiled->by_kind[kind];
	const struct sequence *s = &d->sequences[kind];
	uint32_t begin, end;

	cut_range(d, s->step_count, range, &begin, &end);
	w->kind = kind;
	for (uint32_t i = begin; i < end; i++) {
		uint32_t position = s->steps[i] >> 1;
		unsigned role = s->steps[i] & 1;
		uint32_t row = s->rows[position];
		if (kind == KIND_PARTY && !party_exists(d->batch, row, role)) {
			continue;
		}
		detector_at(w, row, role);
		match_rules(w, of, position, row, role);
		for (size_t g = 0; g < of->group_count; g++) {
			bool steps = d->compiled->groups[of->groups[g]]->sequence != NULL;
			(steps ? enter_sequence : enter_group)(w, d->hits[range], of->groups[g],
			                                       position, row, role);
		}
	}
}

/* The last task keeps the batch's call ids. */
void detector_step_columns(void *arg, unsigned task, unsigned member)
{
	struct detector *d = arg;

	(void)member;
	if (task == d->ranges) {
		callids_add(&d->callids, d->batch);
		return;
	}
	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		if (d->compiled->kinds[k]) {
			columns_of_kind(d, task, (enum event_kind)k);
		}
	}
}

void detector_step_events(void *arg, unsigned range, unsigned member)
{
	struct detector *d = arg;

	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		if (d->compiled->kinds[k]) {
			events_of_kind(&d->workers[member], range, (enum event_kind)k);
		}
	}
}
