/* The second step of a batch: by shards, the events that rules let in enter their windows and the
 * conditions are judged.
 */
#include <string.h>

#include "core/err.h"
#include "detect/baseline.h"
#include "detect/detector_parts.h"
#include "detect/early.h"
#include "detect/sequence.h"

enum {
	PREFETCH_AHEAD = 8,
	EVICT_TRIES = 64,
	TEXTS_MAX = 4096, /* different texts a shard that first() and last() remember */
};

/* Frees the least recent key of the shard but `keep`, of whatever table. */
bool detector_make_room(struct worker *w, unsigned shard, const struct row *keep)
{
	struct compiled *c = w->d->compiled;
	struct window_room room = {&w->d->pools[shard], w->d->options.key, w->scratch};
	struct table *oldest = NULL;
	int64_t oldest_us = INT64_MAX;
	bool evicted = false;

	for (size_t g = 0; g < c->group_count; g++) {
		int64_t us = table_oldest(c->groups[g]->table, &room, shard);
		if (us < oldest_us) {
			oldest_us = us;
			oldest = c->groups[g]->table;
		}
	}
	evicted = oldest && table_evict(oldest, &room, shard, keep);
	/* The oldest may have been the only row of its table, and the one to keep. */
	for (size_t g = 0; !evicted && g < c->group_count; g++) {
		evicted = table_evict(c->groups[g]->table, &room, shard, keep);
	}
	w->evicted += evicted;
	return evicted;
}

/* Text is kept once a shard; an aggregate logs where. 0: no room for another text. */
static uint64_t keep_text(struct worker *w, unsigned shard, struct slice text)
{
	struct detector *d = w->d;
	struct pool *pool = &d->pools[shard];
	struct counter *texts = &d->texts[shard];
	struct counter_cell *cell =
		counter_at(texts, pool, d->options.key, hash_slice(d->options.key, text));

	if (!cell) {
		return 0;
	}
	if (cell->count) {
		return cell->count;
	}
	text = slice_first(text, 256);
	pool_ref ref = texts->used > TEXTS_MAX ? 0 : pool_alloc(pool, sizeof(uint64_t) + text.len);
	if (!ref) {
		cell->count = 1; /* removal goes by an occupied cell */
		counter_remove(texts, pool, d->options.key, cell);
		return 0;
	}
	uint64_t *block = pool_at(pool, ref);
	*block = text.len;
	memcpy(block + 1, text.p, text.len);
	cell->count = ref;
	return ref;
}

/* A float in millionths, so that sums do not depend on their order. */
static int64_t millionths(double f)
{
	double scaled = f * 1e6;

	if (!(scaled > -9e18 && scaled < 9e18)) {
		return scaled > 0 ? INT64_MAX : INT64_MIN + 1;
	}
	return (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

static bool log_arg(struct worker *w, unsigned shard, const struct logged_arg *arg, uint64_t *out)
{
	enum type type = arg->expr->type;
	struct value v;

	eval_value(&w->eval, arg->expr, &v);
	if (v.missing) {
		return false;
	}
	if (arg->class == ARG_VALUE) {
		*out = value_identity(w->d->options.key, type, &v);
	} else if (arg->class == ARG_TEXT) {
		char ip[IP_TEXT];
		struct slice text =
			type == TYPE_IP ? (struct slice){ip, ip_format(&v.ip, ip)} : v.s;
		*out = keep_text(w, shard, text);
		return *out != 0;
	} else {
		*out = type == TYPE_FLOAT  ? (uint64_t)millionths(v.f)
		       : type == TYPE_NUM  ? v.num
		       : type == TYPE_BOOL ? (uint64_t)(v.i == TRUTH_TRUE)
		                           : (uint64_t)v.i;
	}
	return true;
}

static void log_event(struct worker *w, unsigned shard, const struct detect_rule *r,
                      const struct hit *hit, struct window_event *e)
{
	const struct batch *b = w->d->batch;

	w->eval.rule = r->resolved;
	w->eval.lets_known = 0;
	e->time_us = b->col[FIELD_TIME].i64[hit->row];
	e->event = detector_event(w->d, hit->row);
	e->flags = 0;
	e->has = 0;
	for (unsigned i = 0; i < r->filter_count; i++) {
		const uint8_t *column = r->filter_truth[hit->role][i];
		enum truth truth = column ? (enum truth)column[hit->position]
		                          : eval_truth(&w->eval, r->filters[i]);
		if (truth == TRUTH_TRUE) {
			e->flags |= UINT32_C(1) << i;
		}
	}
	for (unsigned i = 0; i < r->arg_count; i++) {
		e->args[i] = 0;
		if (log_arg(w, shard, &r->args[i], &e->args[i])) {
			e->has |= UINT32_C(1) << i;
		}
	}
}

static bool add_to_windows(struct worker *w, unsigned shard, const struct detect_group *g,
                           const struct detect_rule *r, struct row *row,
                           const struct window_event *e)
{
	struct window_room room = {&w->d->pools[shard], w->d->options.key, w->scratch};

	for (unsigned i = 0; i < r->window_count; i++) {
		unsigned n = r->windows[i];
		int err = window_add(&room, &g->specs[n], &row->windows[n], e);
		for (int tries = 0; err && tries < EVICT_TRIES && detector_make_room(w, shard, row);
		     tries++) {
			err = window_add(&room, &g->specs[n], &row->windows[n], e);
		}
		if (err) {
			w->no_room++;
			return false;
		}
	}
	return true;
}

static void measured_to_value(const struct detector *d, unsigned shard, const struct agg *a,
                              struct measured m, struct value *out)
{
	bool of_float = a->arg && a->arg->type == TYPE_FLOAT && a->fn != AGGREGATE_DISTINCT &&
	                a->fn != AGGREGATE_ENTROPY && a->fn != AGGREGATE_TOP_SHARE;
	double f = m.is_float ? m.f : (double)m.i;

	out->missing = m.missing;
	if (m.missing) {
		return;
	}
	switch (a->type) {
	case TYPE_FLOAT:
		out->f = of_float ? f / 1e6 : f;
		if (a->fn == AGGREGATE_RATE) {
			out->f = f / ((double)a->window_us / 1e6);
		}
		break;
	case TYPE_NUM: out->num = (number)m.i; break;
	case TYPE_BOOL: out->i = m.i ? TRUTH_TRUE : TRUTH_FALSE; break;
	case TYPE_IP:
	case TYPE_TEXT: {
		const uint64_t *block = pool_at(&d->pools[shard], (pool_ref)m.i);
		struct slice text = {(const char *)(block + 1), (size_t)*block};
		if (a->type == TYPE_TEXT) {
			out->s = text;
		} else {
			out->missing = ip_parse(text, &out->ip) != OK;
		}
		break;
	}
	default: out->i = m.is_float ? (int64_t)(f < 0 ? f - 0.5 : f + 0.5) : m.i; break;
	}
}

void detector_aggregate(struct eval *e, unsigned n, struct value *out)
{
	struct agg_view *v = e->aggregate_user;
	struct worker *w = (struct worker *)((char *)e - offsetof(struct worker, eval));
	const struct agg_source *source = &v->rule->sources[n];
	unsigned spec = v->rule->windows[source->window];
	struct measured m = window_measure(&v->room, &v->group->specs[spec], &v->row->windows[spec],
	                                   source->measure, v->time_us);

	measured_to_value(w->d, table_shard(v->row->key), &v->rule->resolved->aggs[n], m, out);
}

static bool read_history(struct eval *e, unsigned n, struct value *out)
{
	return baseline_read(e, e->aggregate_user, n, out);
}

struct row_note *detector_note(struct worker *w, unsigned shard, const struct detect_rule *r,
                               struct row *row)
{
	struct window_room room = {&w->d->pools[shard], w->d->options.key, w->scratch};
	struct row_note *note = table_note(&room, row, r->number);

	for (int tries = 0; !note && tries < EVICT_TRIES && detector_make_room(w, shard, row);
	     tries++) {
		note = table_note(&room, row, r->number);
	}
	return note;
}

bool detector_fires(struct worker *w, unsigned shard, const struct detect_group *g,
                    const struct detect_rule *r, struct row *row, int64_t time_us)
{
	if (r->rule->fire == FIRE_EACH) {
		return true;
	}
	struct row_note *note = detector_note(w, shard, r, row);
	if (!note) {
		w->no_room++;
		return true; /* rather twice than not at all */
	}
	bool open = note->last_us != INT64_MIN && time_us <= note->last_us + r->rule->rearm_us;
	note->last_us = note->last_us > time_us ? note->last_us : time_us;
	note->opened_us = open ? note->opened_us : time_us;
	table_keep(g->table, row, note->last_us + r->rule->rearm_us);
	return !open;
}

static void judge(struct worker *w, unsigned shard, const struct detect_group *g,
                  const struct detect_rule *r, struct row *row, const struct hit *hit)
{
	struct agg_view view = {
		.room = {&w->d->pools[shard], w->d->options.key, w->scratch},
		.group = g,
		.rule = r,
		.row = row,
	};

	w->eval.rule = r->resolved;
	w->eval.lets_known = 0;
	if (r->window_count) {
		unsigned own = r->windows[0];
		view.time_us = window_newest(&view.room, &g->specs[own], &row->windows[own]);
		if (window_count(&view.room, &g->specs[own], &row->windows[own], view.time_us) <
		    r->count_min) {
			return;
		}
		w->eval.aggregate = detector_aggregate;
		w->eval.history = read_history;
		w->eval.aggregate_user = &view;
	} else {
		view.time_us = w->d->batch->col[FIELD_TIME].i64[hit->row];
	}
	bool holds = !r->resolved->when || eval_truth(&w->eval, r->resolved->when) == TRUTH_TRUE;
	if (holds && detector_fires(w, shard, g, r, row, view.time_us)) {
		struct cause cause = {.view = r->window_count ? &view : NULL,
		                      .time_us = view.time_us,
		                      .row = hit->row,
		                      .role = hit->role,
		                      .rank = event_rank(g->kind, hit->row, hit->role)};
		finding_build(w, r, &cause);
	}
	w->eval.aggregate = NULL;
	w->eval.history = NULL;
}

static struct row *row_for(struct worker *w, unsigned shard, const struct detect_group *g,
                           const struct hit *hit)
{
	struct window_room room = {&w->d->pools[shard], w->d->options.key, w->scratch};
	int64_t time_us = w->d->batch->col[FIELD_TIME].i64[hit->row];
	struct row *row = table_row(g->table, &room, hit->key, time_us);

	for (int tries = 0; !row && tries < EVICT_TRIES && detector_make_room(w, shard, NULL);
	     tries++) {
		row = table_row(g->table, &room, hit->key, time_us);
	}
	return row;
}

/* The rules that let the hit in log it among the early events. */
static void log_early(struct worker *w, unsigned shard, const struct detect_group *g,
                      struct row *row, const struct hit *hit)
{
	const struct batch *b = w->d->batch;
	struct window_event event;

	early_begin(g, row, b->col[FIELD_TIME].i64[hit->row], detector_event(w->d, hit->row));
	for (uint64_t rules = hit->rules & g->early.windowed; rules; rules &= rules - 1) {
		unsigned n = (unsigned)__builtin_ctzll(rules);
		memcpy(w->eval.news, w->news[n], sizeof(w->eval.news));
		log_event(w, shard, g->rules[n], hit, &event);
		early_log(g, row, n, &event);
	}
}

/* The early events enter the windows, in their order. */
static void open_row(struct worker *w, unsigned shard, const struct detect_group *g,
                     struct row *row)
{
	_Alignas(struct row) char copy[sizeof(struct row) + EARLY_BYTES];
	const struct row *kept = (const struct row *)(const void *)copy;
	struct window_event event;

	memcpy(copy, row, offsetof(struct row, windows) + row->early * g->early.stride);
	table_open_row(g->table, row);
	for (unsigned i = 0; i < kept->early; i++) {
		for (unsigned n = 0; n < g->rule_count; n++) {
			if (early_read(g, kept, i, n, &event)) {
				(void)add_to_windows(w, shard, g, g->rules[n], row, &event);
			}
		}
	}
}

static void take_rule(struct worker *w, unsigned shard, const struct detect_group *g,
                      const struct detect_rule *r, struct row *row, const struct hit *hit)
{
	struct window_event event;

	if (r->window_count) {
		log_event(w, shard, r, hit, &event);
		if (r->rule->history_count) {
			baseline_close(w, shard, g, r, row, event.time_us);
		}
		if (!add_to_windows(w, shard, g, r, row, &event)) {
			return;
		}
	}
	judge(w, shard, g, r, row, hit);
}

/* ---- new() and what depends on it ---- */

/* Has the key shown the value before? Learns it, also from events that `where` refuses. */
static enum truth learn(struct worker *w, const struct detect_rule *r, unsigned n,
                        const struct row *row, int64_t time_us)
{
	const struct new_call *call = &r->resolved->news[n];
	struct seen *seen = &w->d->seen[table_shard(row->key) / BLOCK_SHARDS];
	uint64_t parts[5] = {r->number, n, row->key.lo, row->key.hi, 0};
	struct value v;

	int64_t first_us = INT64_MIN;
	if (call->warm_us) {
		struct hash128 key = hash128(w->d->options.key, parts, 4 * sizeof(parts[0]));
		first_us = seen_note(seen, key, time_us, call->history_us + call->warm_us, true);
	}
	eval_value(&w->eval, call->value, &v);
	if (v.missing) {
		return TRUTH_UNKNOWN;
	}
	parts[4] = value_identity(w->d->options.key, call->value->type, &v);
	struct hash128 id = hash128(w->d->options.key, parts, sizeof(parts));
	int64_t last_us = seen_note(seen, id, time_us, call->history_us, false);
	if (call->warm_us && (first_us == INT64_MIN || time_us - first_us < call->warm_us)) {
		return TRUTH_UNKNOWN;
	}
	return last_us == INT64_MIN || time_us - last_us > call->history_us ? TRUTH_TRUE
	                                                                    : TRUTH_FALSE;
}

void detector_learn(struct worker *w, const struct detect_rule *r, unsigned step,
                    const struct row *row, int64_t time_us)
{
	for (unsigned n = 0; n < r->resolved->new_count; n++) {
		if (!r->rule->step_count || r->resolved->news[n].step == step) {
			w->eval.news[n] = learn(w, r, n, row, time_us);
		}
	}
}

bool detector_late(struct worker *w, const struct condition *c)
{
	for (unsigned i = 0; i < c->late_count; i++) {
		if (eval_truth(&w->eval, c->late[i]) != TRUTH_TRUE) {
			return false;
		}
	}
	return true;
}

/* The rules of a hit that let it in after all. */
static uint64_t late_rules(struct worker *w, const struct detect_group *g, struct row *row,
                           const struct hit *hit)
{
	uint64_t rules = hit->rules;
	int64_t time_us = w->d->batch->col[FIELD_TIME].i64[hit->row];

	for (uint64_t late = rules & g->late; late; late &= late - 1) {
		unsigned n = (unsigned)__builtin_ctzll(late);
		const struct detect_rule *r = g->rules[n];
		w->eval.rule = r->resolved;
		w->eval.lets_known = 0;
		detector_learn(w, r, 0, row, time_us);
		memcpy(w->news[n], w->eval.news, sizeof(w->news[n]));
		if (!detector_passes(w, &r->where, hit->position, hit->role) ||
		    !detector_late(w, &r->where) || detector_excepted(w, r)) {
			rules &= ~(UINT64_C(1) << n);
		}
	}
	return rules;
}

static void take_hit(struct worker *w, const struct hit *hit)
{
	const struct detect_group *g = w->d->compiled->groups[hit->group];
	unsigned shard = table_shard(hit->key);
	struct row *row = row_for(w, shard, g, hit);
	uint64_t rules = hit->rules;

	if (!row) {
		w->no_room++;
		return;
	}
	detector_at(w, hit->row, hit->role);
	if (g->sequence) {
		sequence_take(w, shard, g, row, hit);
		return;
	}
	rules = late_rules(w, g, row, hit);
	if (row->early != ROW_OPEN && (rules & g->early.windowed)) {
		if (early_has_room(g, row)) {
			log_early(w, shard, g, row, hit);
			rules &= ~g->early.windowed; /* too few events to be true */
		} else {
			open_row(w, shard, g, row);
		}
	}
	for (; rules; rules &= rules - 1) {
		unsigned n = (unsigned)__builtin_ctzll(rules);
		memcpy(w->eval.news, w->news[n], sizeof(w->eval.news));
		take_rule(w, shard, g, g->rules[n], row, hit);
	}
}

/* A place in the hits of a block, range after range. */
struct hit_cursor {
	const struct detector *d;
	unsigned block;
	unsigned range;
	size_t at;
};

/* NULL: behind the last. */
static const struct hit *next_hit(struct hit_cursor *c)
{
	for (; c->range < DETECT_RANGES; c->range++, c->at = 0) {
		const struct hits *hits = &c->d->hits[c->range][c->block];
		if (c->at < hits->count) {
			return &hits->items[c->at++];
		}
	}
	return NULL;
}

typedef void (*prefetch_fn)(const struct table *t, const struct pool *pool, struct hash128 key);

static void prefetch_next(const struct detector *d, struct hit_cursor *c, prefetch_fn fn)
{
	const struct hit *hit = next_hit(c);

	if (hit) {
		fn(d->compiled->groups[hit->group]->table, &d->pools[table_shard(hit->key)],
		   hit->key);
	}
}

/* The hits of a block in order, with the cache lines of those behind asked for ahead: first the
 * slots, when they are there the rows, then the logs.
 */
static void take_hits(struct worker *w, unsigned block)
{
	const struct detector *d = w->d;
	struct hit_cursor slots = {.d = d, .block = block}, rows = slots, logs = slots, own = slots;
	const struct hit *hit;

	for (unsigned i = 0; i < 3 * PREFETCH_AHEAD; i++) {
		prefetch_next(d, &slots, table_prefetch_slot);
		if (i >= PREFETCH_AHEAD) {
			prefetch_next(d, &rows, table_prefetch_row);
		}
		if (i >= 2 * PREFETCH_AHEAD) {
			prefetch_next(d, &logs, table_prefetch_logs);
		}
	}
	while ((hit = next_hit(&own)) != NULL) {
		if (!d->derived && d->timers[block].count) {
			detector_timers(w, block, d->batch->col[FIELD_TIME].i64[hit->row]);
		}
		prefetch_next(d, &slots, table_prefetch_slot);
		prefetch_next(d, &rows, table_prefetch_row);
		prefetch_next(d, &logs, table_prefetch_logs);
		take_hit(w, hit);
	}
}

/* Rows of a group whose windows have run out; what the next shards will touch is asked for ahead.
 */
static void expire_group(struct worker *w, unsigned block, struct table *table, int64_t now_us)
{
	struct detector *d = w->d;
	unsigned begin = block * BLOCK_SHARDS, end = begin + BLOCK_SHARDS;

	for (unsigned shard = begin; shard < end; shard++) {
		struct window_room room = {&d->pools[shard], d->options.key, w->scratch};
		if (shard + 2 < end) {
			table_prefetch_expire(table, &d->pools[shard + 2], shard + 2, now_us, 0);
		}
		if (shard + 1 < end) {
			table_prefetch_expire(table, &d->pools[shard + 1], shard + 1, now_us, 1);
		}
		table_expire(table, &room, shard, now_us);
	}
}

void detector_timers(struct worker *w, unsigned block, int64_t limit_us)
{
	struct detector *d = w->d;
	struct timer timer;

	while (timers_take(&d->timers[block], limit_us, &timer)) {
		const struct detect_group *g = d->compiled->groups[timer.group];
		unsigned shard = table_shard(timer.key);
		struct row *row = table_find(g->table, &d->pools[shard], timer.key);
		if (row) {
			sequence_due(w, shard, g, row, timer.due_us);
		}
	}
}

void detector_step_shards(void *arg, unsigned block, unsigned member)
{
	struct detector *d = arg;
	struct worker *w = &d->workers[member];

	take_hits(w, block);
	if (d->derived) {
		return;
	}
	int64_t now_us = d->batch->col[FIELD_TIME].i64[d->end - 1];
	detector_timers(w, block, now_us);
	if (d->end < d->batch->count) {
		return; /* once a batch is enough */
	}
	for (size_t g = 0; g < d->compiled->group_count; g++) {
		expire_group(w, block, d->compiled->groups[g]->table, now_us);
	}
}
