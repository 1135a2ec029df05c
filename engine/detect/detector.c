#include "detect/detector.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "detect/detector_parts.h"

enum {
	FINDINGS_MEMORY_MAX = 1 << 30,
};

static const size_t memory_default = (size_t)4 << 30;

/* ---- set-up ---- */

static bool worker_init(struct worker *w, struct detector *d)
{
	w->d = d;
	w->scratch = malloc(WINDOW_SCRATCH * sizeof(*w->scratch));
	arena_init(&w->arena, FINDINGS_MEMORY_MAX);
	return w->scratch && eval_init(&w->eval, &d->options.site) == OK;
}

static void worker_fini(struct worker *w)
{
	free(w->scratch);
	free(w->found);
	arena_fini(&w->arena);
	eval_fini(&w->eval);
}

static bool detector_init(struct detector *d)
{
	size_t memory = d->options.memory ? d->options.memory : memory_default;

	/* Seven eighths for windows, the rest for call ids. */
	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		if (pool_init(&d->pools[s], memory / 8 * 7 / TABLE_SHARDS) != OK) {
			return false;
		}
	}
	if (callids_init(&d->callids, memory / 8) != OK) {
		return false;
	}
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		struct sequence *s = &d->sequences[k];
		s->rows = malloc(BATCH_ROWS_MAX * sizeof(*s->rows));
		s->steps = malloc(2 * BATCH_ROWS_MAX * sizeof(*s->steps));
		if (!s->rows || !s->steps) {
			return false;
		}
	}
	d->team = d->options.team;
	d->worker_count = d->team ? team_members(d->team) : 1;
	d->workers = calloc(d->worker_count, sizeof(*d->workers));
	for (unsigned i = 0; d->workers && i < d->worker_count; i++) {
		if (!worker_init(&d->workers[i], d)) {
			return false;
		}
	}
	return d->workers != NULL;
}

struct detector *detector_new(const struct detector_options *options, const char **why)
{
	struct detector *d = calloc(1, sizeof(*d));

	*why = "no memory";
	if (!d) {
		return NULL;
	}
	d->options = *options;
	d->first_us = INT64_MIN;
	d->compiled = compile_rules(options->rules, &d->options.site, why);
	if (!d->compiled || !detector_init(d)) {
		detector_free(d);
		return NULL;
	}
	*why = NULL;
	return d;
}

void detector_free(struct detector *d)
{
	if (!d) {
		return;
	}
	for (unsigned i = 0; d->workers && i < d->worker_count; i++) {
		worker_fini(&d->workers[i]);
	}
	free(d->workers);
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		free(d->sequences[k].rows);
		free(d->sequences[k].steps);
	}
	for (unsigned i = 0; i < DETECT_RANGES * DETECT_BLOCKS; i++) {
		free(d->hits[i / DETECT_BLOCKS][i % DETECT_BLOCKS].items);
	}
	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		pool_fini(&d->pools[s]);
	}
	callids_fini(&d->callids);
	compiled_free(d->compiled);
	free(d->order);
	free(d);
}

/* ---- order of events ---- */

uint64_t event_rank(enum event_kind kind, uint32_t row, unsigned role)
{
	/* Kinds in their order; orig and term of `party` are two steps. */
	uint64_t rank = (uint64_t)kind * 2 + (kind == KIND_PARTY ? role : 0);

	return rank << 32 | row;
}

static void sequence_plain(struct sequence *s, const struct batch *b, enum event_kind kind)
{
	s->row_count = 0;
	for (uint32_t row = 0; row < b->count; row++) {
		if (b->kind[row] == kind) {
			s->rows[s->row_count++] = row;
		}
	}
	for (uint32_t i = 0; i < s->row_count; i++) {
		s->steps[i] = i << 1;
	}
	s->step_count = s->row_count;
}

/* The two events of every call: of calls that end at one time first all orig, then all term. */
static void sequence_party(struct sequence *s, const struct batch *b)
{
	const int64_t *time = b->col[FIELD_TIME].i64;

	sequence_plain(s, b, KIND_CALL);
	s->step_count = 0;
	for (uint32_t begin = 0, end; begin < s->row_count; begin = end) {
		for (end = begin; end < s->row_count && time[s->rows[end]] == time[s->rows[begin]];
		     end++) {
		}
		for (unsigned role = PARTYROLE_ORIG; role <= PARTYROLE_TERM; role++) {
			for (uint32_t i = begin; i < end; i++) {
				s->steps[s->step_count++] = i << 1 | role;
			}
		}
	}
}

/* ---- step one, by ranges: predicates and keys ---- */

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

static bool passes(struct worker *w, const struct detect_rule *r, uint32_t position, unsigned role)
{
	for (unsigned i = 0; i < r->cheap_count[role]; i++) {
		if (r->cheap[role][i][position] != TRUTH_TRUE) {
			return false;
		}
	}
	w->eval.rule = r->resolved;
	w->eval.lets_known = 0;
	for (unsigned i = 0; i < r->costly_count; i++) {
		if (eval_truth(&w->eval, r->costly[i]) != TRUTH_TRUE) {
			return false;
		}
	}
	return true;
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
		if (passes(w, g->rules[n], position, role)) {
			hit.rules |= UINT64_C(1) << n;
		}
	}
	if (!hit.rules) {
		return;
	}
	if (!key_of(w, g->keys, g->key_count, &hit.key)) {
		w->key_missing++;
	} else if (!hits_add(&hits[table_shard(hit.key) / BLOCK_SHARDS], &hit)) {
		w->no_room++;
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
		finding_build(w, r, NULL, row, role);
	}
}

/* Task `range` of the DETECT_RANGES parts of count. */
static void cut_range(uint32_t count, unsigned range, uint32_t *begin, uint32_t *end)
{
	*begin = (uint32_t)((uint64_t)count * range / DETECT_RANGES);
	*end = (uint32_t)((uint64_t)count * (range + 1) / DETECT_RANGES);
}

static void columns_of_kind(struct detector *d, unsigned range, enum event_kind kind)
{
	const struct sequence *s = &d->sequences[kind];
	unsigned roles = kind == KIND_PARTY ? 2 : 1;
	uint32_t begin, end;

	cut_range(s->row_count, range, &begin, &end);
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

	cut_range(s->step_count, range, &begin, &end);
	for (uint32_t i = begin; i < end; i++) {
		uint32_t position = s->steps[i] >> 1;
		unsigned role = s->steps[i] & 1;
		uint32_t row = s->rows[position];
		if (kind == KIND_PARTY && !party_exists(d->batch, row, role)) {
			continue;
		}
		eval_at(&w->eval, d->batch, row, role);
		match_rules(w, of, position, row, role);
		for (size_t g = 0; g < of->group_count; g++) {
			enter_group(w, d->hits[range], of->groups[g], position, row, role);
		}
	}
}

/* The last task keeps the batch's call ids. */
static void step_columns(void *arg, unsigned task, unsigned member)
{
	struct detector *d = arg;

	(void)member;
	if (task == DETECT_RANGES) {
		callids_add(&d->callids, d->batch);
		return;
	}
	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		if (d->compiled->kinds[k]) {
			columns_of_kind(d, task, (enum event_kind)k);
		}
	}
}

static void step_events(void *arg, unsigned range, unsigned member)
{
	struct detector *d = arg;

	for (unsigned b = 0; b < DETECT_BLOCKS; b++) {
		d->hits[range][b].count = 0;
	}
	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		if (d->compiled->kinds[k]) {
			events_of_kind(&d->workers[member], range, (enum event_kind)k);
		}
	}
}

static void run_step(struct detector *d, team_fn step, unsigned tasks)
{
	if (d->team) {
		team_run(d->team, step, d, tasks);
		return;
	}
	for (unsigned task = 0; task < tasks; task++) {
		step(d, task, 0);
	}
}

/* ---- a batch ---- */

static int cmp_found(const void *a, const void *b)
{
	const struct found *x = *(struct found *const *)a, *y = *(struct found *const *)b;

	if (x->finding.time_us != y->finding.time_us) {
		return x->finding.time_us < y->finding.time_us ? -1 : 1;
	}
	if (x->rank != y->rank) {
		return x->rank < y->rank ? -1 : 1;
	}
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static void sort_findings(struct detector *d)
{
	size_t count = 0;

	for (unsigned i = 0; i < d->worker_count; i++) {
		count += d->workers[i].found_count;
	}
	if (count > d->order_cap) {
		free(d->order);
		d->order = malloc(count * 2 * sizeof(struct found *));
		d->order_cap = d->order ? count * 2 : 0;
	}
	d->order_count = 0;
	for (unsigned i = 0; i < d->worker_count; i++) {
		struct worker *w = &d->workers[i];
		for (size_t n = 0; n < w->found_count && d->order_count < d->order_cap; n++) {
			d->order[d->order_count++] = &w->found[n];
		}
	}
	if (d->order_count) {
		qsort(d->order, d->order_count, sizeof(struct found *), cmp_found);
	}
	d->findings += d->order_count;
}

void detector_run(struct detector *d, const struct batch *batch)
{
	d->batch = batch;
	d->events += batch->count;
	if (d->first_us == INT64_MIN && batch->count) {
		d->first_us = batch->col[FIELD_TIME].i64[0];
	}
	for (unsigned i = 0; i < d->worker_count; i++) {
		d->workers[i].found_count = 0;
		arena_reset(&d->workers[i].arena);
	}
	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		if (d->compiled->kinds[k] && k == KIND_PARTY) {
			sequence_party(&d->sequences[k], batch);
		} else if (d->compiled->kinds[k]) {
			sequence_plain(&d->sequences[k], batch, (enum event_kind)k);
		}
	}
	run_step(d, step_columns, DETECT_RANGES + 1);
	run_step(d, step_events, DETECT_RANGES);
	run_step(d, detector_step_shards, DETECT_BLOCKS);
	sort_findings(d);
}

size_t detector_count(const struct detector *d)
{
	return d->order_count;
}

const struct finding *detector_finding(const struct detector *d, size_t i)
{
	return &d->order[i]->finding;
}

void detector_stats(const struct detector *d, struct detector_stats *out)
{
	*out = (struct detector_stats){.events = d->events, .findings = d->findings};
	for (unsigned i = 0; i < d->worker_count; i++) {
		const struct worker *w = &d->workers[i];
		out->key_missing += w->key_missing;
		out->keys_evicted += w->evicted;
		out->events_no_room += w->no_room;
		out->regex_limits += w->eval.regex_limits;
	}
	for (size_t g = 0; g < d->compiled->group_count; g++) {
		out->keys += table_rows(d->compiled->groups[g]->table);
		out->keys_evicted += table_evicted(d->compiled->groups[g]->table);
	}
	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		out->memory += d->pools[s].used;
	}
	out->memory += d->callids.bytes;
}
