#include "detect/detector.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "detect/detector_parts.h"

enum {
	FINDINGS_MEMORY_MAX = 1 << 30,
	TEAM_ROWS_MIN = 256, /* a smaller slice is done sooner by one */
};

static const size_t memory_default = (size_t)4 << 30;

/* ---- set-up ---- */

static bool worker_init(struct worker *w, struct detector *d)
{
	w->d = d;
	w->scratch = malloc(WINDOW_SCRATCH * sizeof(*w->scratch));
	arena_init(&w->arena, FINDINGS_MEMORY_MAX);
	if (!w->scratch || eval_init(&w->eval, &d->options.site) != OK) {
		return false;
	}
	w->eval.scores = d->scores;
	w->eval.key = d->options.key;
	return true;
}

/* The lists that rules ask: those that change take the place of what the site has. */
static bool lists_init(struct detector *d)
{
	const struct ruleset *set = d->options.rules;
	struct eval_site *site = &d->options.site;

	d->lists = calloc(set->list_count + 1, sizeof(struct list *));
	d->dynamic = calloc(set->list_count + 1, sizeof(struct dynamic_list *));
	for (size_t i = 0; d->lists && d->dynamic && i < set->list_count; i++) {
		const struct list_decl *decl = &set->lists[i];
		d->lists[i] = site->lists && i < site->list_count ? site->lists[i] : NULL;
		if (!decl->dynamic) {
			continue;
		}
		d->dynamic[i] = dynamic_list_new(decl->type, decl->name, decl->max, d->lists[i],
		                                 d->options.key);
		if (!d->dynamic[i]) {
			return false;
		}
		d->lists[i] = dynamic_list_view(d->dynamic[i]);
	}
	site->lists = d->lists;
	site->list_count = set->list_count;
	return d->lists && d->dynamic;
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
	if (callids_init(&d->callids, memory / 8) != OK || !effects_init(&d->effects)) {
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
	d->scores = scores_new();
	bool ready = d->scores && lists_init(d);
	d->compiled = ready ? compile_rules(options->rules, &d->options.site, why) : NULL;
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
	for (unsigned b = 0; b < DETECT_BLOCKS; b++) {
		timers_fini(&d->timers[b]);
		seen_fini(&d->seen[b]);
	}
	for (size_t i = 0; d->dynamic && i < d->options.rules->list_count; i++) {
		dynamic_list_free(d->dynamic[i]);
	}
	free(d->dynamic);
	free(d->lists);
	scores_free(d->scores);
	effects_fini(&d->effects);
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

static void sequence_plain(struct sequence *s, const struct detector *d, enum event_kind kind)
{
	const struct batch *b = d->batch;

	s->row_count = 0;
	for (uint32_t row = d->begin; row < d->end; row++) {
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
static void sequence_party(struct sequence *s, const struct detector *d)
{
	const int64_t *time = d->batch->col[FIELD_TIME].i64;

	sequence_plain(s, d, KIND_CALL);
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

/* ---- the steps ---- */

static void run_step(struct detector *d, team_fn step, unsigned tasks)
{
	if (d->team && d->end - d->begin >= TEAM_ROWS_MIN) {
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

	if (x->epoch != y->epoch) {
		return x->epoch < y->epoch ? -1 : 1;
	}
	if (x->round != y->round) {
		return x->round < y->round ? -1 : 1;
	}
	if (x->finding.time_us != y->finding.time_us) {
		return x->finding.time_us < y->finding.time_us ? -1 : 1;
	}
	if (x->rank != y->rank) {
		return x->rank < y->rank ? -1 : 1;
	}
	if (x->rule != y->rule) {
		return x->rule < y->rule ? -1 : 1;
	}
	const struct hash128 *k = &x->finding.key, *l = &y->finding.key; /* timers of one instant */
	return k->hi != l->hi ? (k->hi < l->hi ? -1 : 1) : (k->lo > l->lo) - (k->lo < l->lo);
}

static bool order_room(struct detector *d, size_t count)
{
	if (d->order_count + count <= d->order_cap) {
		return true;
	}
	size_t cap = (d->order_count + count) * 2;
	struct found **order = realloc(d->order, cap * sizeof(struct found *));
	if (!order) {
		return false;
	}
	d->order = order;
	d->order_cap = cap;
	return true;
}

struct found **detector_new_findings(struct detector *d, size_t *count)
{
	size_t begin = d->order_count;

	for (unsigned i = 0; i < d->worker_count; i++) {
		struct worker *w = &d->workers[i];
		size_t fresh = w->found_count - w->found_taken;
		if (fresh && order_room(d, fresh)) {
			memcpy(d->order + d->order_count, w->found + w->found_taken,
			       fresh * sizeof(struct found *));
			d->order_count += fresh;
		}
		w->found_taken = w->found_count;
	}
	*count = d->order_count - begin;
	if (*count) {
		qsort(d->order + begin, *count, sizeof(struct found *), cmp_found);
	}
	return d->order ? d->order + begin : NULL;
}

uint64_t detector_event(const struct detector *d, uint32_t row)
{
	return d->derived ? d->derived[row].event : d->batch->first_event + row;
}

void detector_at(struct worker *w, uint32_t row, unsigned role)
{
	const struct detector *d = w->d;

	eval_at(&w->eval, d->batch, row, role);
	w->eval.bound = d->derived ? d->derived[row].values : NULL;
	w->eval.emitter = d->derived ? d->derived[row].emitter : NULL;
}

void detector_slice(struct detector *d)
{
	bool first = d->begin == 0 && !d->derived;

	d->ranges = d->end - d->begin >= TEAM_ROWS_MIN ? DETECT_RANGES : 1;
	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		if (d->compiled->kinds[k] && k == KIND_PARTY) {
			sequence_party(&d->sequences[k], d);
		} else if (d->compiled->kinds[k]) {
			sequence_plain(&d->sequences[k], d, (enum event_kind)k);
		}
	}
	for (unsigned i = 0; i < DETECT_RANGES * DETECT_BLOCKS; i++) {
		d->hits[i / DETECT_BLOCKS][i % DETECT_BLOCKS].count = 0;
	}
	run_step(d, detector_step_columns, d->ranges + first);
	run_step(d, detector_step_events, d->ranges);
	run_step(d, detector_step_shards, DETECT_BLOCKS);
}

/* Rows from begin on that see one state of lists and scores: all, unless some rule reads what
 * others write.
 */
static uint32_t slice_end(const struct detector *d, const struct batch *b, uint32_t begin)
{
	const int64_t *time = b->col[FIELD_TIME].i64;
	uint32_t end = begin + 1;

	if (!d->compiled->feedback) {
		return b->count;
	}
	while (end < b->count && epoch_of(time[end]) <= epoch_of(time[begin])) {
		end++;
	}
	return end;
}

/* What rules ask of lists and scores in an epoch is asked as of its beginning, wherever in it a
 * batch was cut.
 */
static void ask_as_of(struct detector *d, int64_t epoch)
{
	int64_t time_us = epoch * US_PER_S;

	for (unsigned i = 0; i < d->worker_count; i++) {
		d->workers[i].eval.scores_us = time_us;
	}
	for (size_t i = 0; i < d->options.rules->list_count; i++) {
		if (d->dynamic[i]) {
			dynamic_list_at(d->dynamic[i], time_us);
		}
	}
}

static void begin_findings(struct detector *d)
{
	d->order_count = 0;
	for (unsigned i = 0; i < d->worker_count; i++) {
		d->workers[i].found_count = 0;
		d->workers[i].found_taken = 0;
		arena_reset(&d->workers[i].arena);
	}
}

/* Those of the slices and of what they caused, in one order. */
static void end_findings(struct detector *d)
{
	if (d->order_count && d->compiled->effects) {
		qsort(d->order, d->order_count, sizeof(struct found *), cmp_found);
	}
	d->findings += d->order_count;
}

/* A finding of traffic belongs to the epoch of its time. */
static void place_findings(struct found *const *found, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		found[i]->epoch = epoch_of(found[i]->finding.time_us);
	}
}

void detector_run(struct detector *d, const struct batch *batch)
{
	const int64_t *time = batch->col[FIELD_TIME].i64;
	size_t count;

	begin_findings(d);
	d->events += batch->count;
	if (d->first_us == INT64_MIN && batch->count) {
		d->first_us = time[0];
	}
	for (uint32_t begin = 0, end; begin < batch->count; begin = end) {
		end = slice_end(d, batch, begin);
		effects_run(d, time[begin]);
		ask_as_of(d, epoch_of(time[begin]));
		d->batch = batch;
		d->begin = begin;
		d->end = end;
		detector_slice(d);
		struct found **found = detector_new_findings(d, &count);
		place_findings(found, count);
		effects_queue(d, found, count);
	}
	if (batch->count) {
		effects_run(d, time[batch->count - 1]);
	}
	end_findings(d);
}

void detector_advance(struct detector *d, int64_t watermark_us)
{
	size_t count;

	begin_findings(d);
	batch_reset(d->effects.batch, 0);
	d->batch = d->effects.batch; /* timers have no event */
	d->begin = d->end = 0;
	for (unsigned block = 0; block < DETECT_BLOCKS; block++) {
		detector_timers(&d->workers[0], block, watermark_us);
	}
	struct found **found = detector_new_findings(d, &count);
	place_findings(found, count);
	effects_queue(d, found, count);
	effects_run(d, watermark_us);
	end_findings(d);
}

int64_t detector_due(const struct detector *d)
{
	int64_t due = effects_due(&d->effects);

	for (unsigned b = 0; b < DETECT_BLOCKS; b++) {
		if (d->timers[b].count && d->timers[b].heap[0].due_us < due) {
			due = d->timers[b].heap[0].due_us;
		}
	}
	return due;
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
		out->excepted += w->excepted;
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
