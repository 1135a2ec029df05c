#include "detect/baseline.h"

#include <math.h>
#include <string.h>

#include "core/err.h"

enum { EVICT_TRIES = 64, SLOTS_MAX = 168 };

struct slot {
	float mean;
	float variance;
	uint32_t n;
};

/* Of one key. */
struct series {
	int64_t bucket; /* number of the newest with an event; INT64_MIN: none yet */
	struct slot slots[];
};

static unsigned slot_count(const struct rule *r)
{
	static const unsigned counts[] = {
		[SEASON_NONE] = 1, [SEASON_HOUR_OF_DAY] = 24, [SEASON_HOUR_OF_WEEK] = SLOTS_MAX};

	return counts[r->baseline.season];
}

static size_t series_size(const struct rule *r)
{
	return sizeof(struct series) +
	       (size_t)r->series_count * slot_count(r) * sizeof(struct slot);
}

static int64_t bucket_of(const struct rule *r, int64_t time_us)
{
	int64_t whole = time_us / r->baseline.bucket_us;

	return whole - (time_us % r->baseline.bucket_us < 0);
}

static unsigned slot_of(const struct rule *r, const struct eval_site *site, int64_t bucket)
{
	int64_t us = bucket * r->baseline.bucket_us;

	if (r->baseline.season == SEASON_NONE) {
		return 0;
	}
	int64_t hour = (us / US_PER_S + (site->tz ? tz_offset_s(site->tz, us) : 0)) / 3600;
	/* 1970-01-01 was a Thursday: hour 72 of a week that begins on Monday. */
	return (unsigned)(r->baseline.season == SEASON_HOUR_OF_DAY ? hour % 24
	                                                           : (hour + 72) % SLOTS_MAX);
}

static struct slot *slot_at(const struct rule *r, struct series *s, unsigned series, unsigned slot)
{
	return &s->slots[series * slot_count(r) + slot];
}

static void learn(const struct rule *r, struct slot *slot, double x)
{
	double alpha = (double)r->baseline.bucket_us / (double)r->baseline.history_us;

	slot->n += slot->n < UINT32_MAX;
	alpha = alpha > 1.0 / slot->n ? alpha : 1.0 / slot->n;
	double d = x - (double)slot->mean;
	slot->mean = (float)((double)slot->mean + alpha * d);
	slot->variance = (float)((1 - alpha) * ((double)slot->variance + alpha * d * d));
}

static double number_of(enum type type, const struct value *v)
{
	return type == TYPE_FLOAT ? v->f : (double)v->i;
}

/* A bucket without an event has none of these, but no mean of anything. */
static bool empty_is_zero(enum aggregate fn)
{
	return fn == AGGREGATE_COUNT || fn == AGGREGATE_RATE || fn == AGGREGATE_SUM ||
	       fn == AGGREGATE_DISTINCT;
}

static void close_last(struct worker *w, const struct rule *r, struct agg_view *view,
                       struct series *s)
{
	unsigned slot = slot_of(r, w->eval.site, s->bucket);
	struct value v;

	view->time_us = (s->bucket + 1) * r->baseline.bucket_us - 1;
	w->eval.aggregate_user = view;
	for (unsigned i = 0; i < r->series_count; i++) {
		unsigned agg = r->series[i];
		detector_aggregate(&w->eval, agg, &v);
		if (!v.missing) {
			learn(r, slot_at(r, s, i, slot), number_of(r->aggs[agg].type, &v));
		}
	}
}

static void close_empty(struct worker *w, const struct rule *r, struct series *s, int64_t end)
{
	for (int64_t b = s->bucket + 1; b < end; b++) {
		unsigned slot = slot_of(r, w->eval.site, b);
		for (unsigned i = 0; i < r->series_count; i++) {
			if (empty_is_zero(r->aggs[r->series[i]].fn)) {
				learn(r, slot_at(r, s, i, slot), 0);
			}
		}
	}
}

static struct series *series_for(struct worker *w, unsigned shard, const struct detect_rule *r,
                                 struct row *row, bool make)
{
	struct pool *pool = &w->d->pools[shard];
	struct row_note *note = detector_note(w, shard, r, row);

	if (note && !note->state && make) {
		size_t size = series_size(r->resolved);
		note->state = pool_alloc(pool, size);
		for (int tries = 0;
		     !note->state && tries < EVICT_TRIES && detector_make_room(w, shard, row);
		     tries++) {
			note->state = pool_alloc(pool, size);
		}
		if (note->state) {
			struct series *s = pool_at(pool, note->state);
			memset(s, 0, size);
			s->bucket = INT64_MIN;
		}
	}
	return note && note->state ? pool_at(pool, note->state) : NULL;
}

void baseline_close(struct worker *w, unsigned shard, const struct detect_group *g,
                    const struct detect_rule *d, struct row *row, int64_t time_us)
{
	const struct rule *r = d->resolved;
	struct series *s = series_for(w, shard, d, row, true);
	int64_t bucket = bucket_of(r, time_us);
	struct agg_view view = {.room = {&w->d->pools[shard], w->d->options.key, w->scratch},
	                        .group = g,
	                        .rule = d,
	                        .row = row};

	if (!s) {
		w->no_room++;
		return;
	}
	table_keep(g->table, row, time_us + r->baseline.history_us);
	if (s->bucket == INT64_MIN ||
	    bucket - s->bucket > r->baseline.history_us / r->baseline.bucket_us) {
		memset(s, 0, series_size(r));
		s->bucket = bucket;
		return;
	}
	if (bucket <= s->bucket) {
		return;
	}
	w->eval.rule = r;
	w->eval.lets_known = 0;
	close_last(w, r, &view, s);
	close_empty(w, r, s, bucket);
	s->bucket = bucket;
}

static double zscore(double now, double mean, double spread)
{
	double least = sqrt(mean > 0 ? mean : 0);

	least = least > 1 ? least : 1;
	return (now - mean) / (spread > least ? spread : least);
}

bool baseline_read(struct eval *e, const struct agg_view *view, unsigned n, struct value *out)
{
	struct worker *w = (struct worker *)((char *)e - offsetof(struct worker, eval));
	const struct rule *r = view->rule->resolved;
	const struct history_call *call = &r->histories[n];
	struct series *s = series_for(w, table_shard(view->row->key), view->rule, view->row, false);
	enum type type = r->aggs[r->series[call->series]].type;
	struct value now;

	out->missing = true;
	if (!s || s->bucket == INT64_MIN) {
		return false;
	}
	const struct slot *slot =
		slot_at(r, s, call->series, slot_of(r, e->site, bucket_of(r, view->time_us)));
	if (slot->n < r->baseline.min_n || slot->n == 0) {
		return false;
	}
	double spread = sqrt((double)slot->variance), value = (double)slot->mean;
	if (call->fn == HISTORY_ZSCORE) {
		detector_aggregate(e, r->series[call->series], &now);
		if (now.missing) {
			return true;
		}
		value = zscore(number_of(type, &now), value, spread);
	} else if (call->fn == HISTORY_SPREAD) {
		value = spread;
	}
	out->missing = false;
	if (type == TYPE_DUR && call->fn != HISTORY_ZSCORE) {
		out->i = (int64_t)(value + 0.5);
	} else {
		out->f = value;
	}
	return true;
}

const char *baseline_claim(const struct rule *r, struct pool *pool, pool_ref ref)
{
	if (!r->series_count || !pool_claim(pool, ref, series_size(r))) {
		return "a note with a block that is none";
	}
	const struct series *s = pool_at(pool, ref);
	if (s->bucket != INT64_MIN && !state_time_sane(s->bucket)) {
		return "a baseline at no time";
	}
	for (unsigned i = 0; i < r->series_count * slot_count(r); i++) {
		if (!isfinite(s->slots[i].mean) || !isfinite(s->slots[i].variance) ||
		    s->slots[i].variance < 0) {
			return "a baseline that is no number";
		}
	}
	return NULL;
}
