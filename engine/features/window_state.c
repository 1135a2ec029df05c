#include "features/window_state.h"

#include <string.h>

#include "core/state.h"
#include "features/bins.h"
#include "features/panes_parts.h"
#include "features/running.h"

/* One window under examination. */
struct claim {
	struct pool *pool;
	const struct window_spec *spec;
	struct window_texts texts;
	const struct window *w;
};

bool window_text_known(const struct pool *pool, uint64_t arg)
{
	return arg > 0 && arg < pool->size / POOL_UNIT &&
	       (pool->order[arg] & POOL_MARKS) == POOL_TEXT && (pool->order[arg] & POOL_ORDER_BITS);
}

/* ---- the log ---- */

static const char *claim_event(const struct claim *c, const struct window_event *e)
{
	uint32_t texts = e->has & c->texts.args;

	if (!state_time_sane(e->time_us)) {
		return "an event at no time";
	}
	for (; texts; texts &= texts - 1) {
		if (!window_text_known(c->pool, e->args[__builtin_ctz(texts)])) {
			return "an event with a text that is none";
		}
	}
	return NULL;
}

static const char *claim_log(const struct claim *c)
{
	const struct window *w = c->w;

	if (w->cap == 0) {
		return w->log || w->head || w->count ? "a log without room" : NULL;
	}
	if ((w->cap & (w->cap - 1)) != 0 || w->head >= w->cap || w->count > w->cap) {
		return "a log that is no ring";
	}
	if (!pool_claim(c->pool, w->log, (size_t)w->cap * c->spec->stride)) {
		return "a log that has no block";
	}
	const char *log = pool_at(c->pool, w->log);
	for (uint32_t i = 0; i < w->count; i++) {
		const char *at = log + (size_t)((w->head + i) & (w->cap - 1)) * c->spec->stride;
		const char *wrong = claim_event(c, (const void *)at);
		if (wrong) {
			return wrong;
		}
	}
	return NULL;
}

/* ---- running state ---- */

static bool is_bool(const bool *value)
{
	return *(const unsigned char *)value <= 1;
}

static const char *claim_hot(const struct claim *c)
{
	const struct window_spec *spec = c->spec;

	if (!pool_claim(c->pool, c->w->hot, spec->hot_size)) {
		return "running state without a block";
	}
	for (unsigned n = 0; n < spec->measure_count; n++) {
		const void *part = (char *)pool_at(c->pool, c->w->hot) + spec->hot_at[n];
		enum measure_fn fn = spec->measures[n].fn;
		if ((fn == MEASURE_MIN || fn == MEASURE_MAX) &&
		    !is_bool(&((const struct running_extreme *)part)->stale)) {
			return "a broken extreme";
		}
		if ((fn == MEASURE_DISTINCT || fn == MEASURE_ENTROPY || fn == MEASURE_TOP_SHARE) &&
		    !counter_claim(&((const struct running_values *)part)->counter, c->pool)) {
			return "a broken table of values";
		}
		pool_ref bins =
			fn == MEASURE_QUANTILE ? ((const struct running_bins *)part)->bins : 0;
		if ((bins && !pool_claim(c->pool, bins, BINS_COUNT * sizeof(uint32_t))) ||
		    (fn == MEASURE_QUANTILE && c->w->panes && !bins)) {
			return "a quantile without bins";
		}
	}
	return NULL;
}

/* ---- panes ---- */

static const char *claim_bins(const struct pane_bins *b)
{
	if (b->used > PANE_BINS_MAX) {
		return "a pane with too many bins";
	}
	for (uint32_t i = 0; i < b->used; i++) {
		if (b->bins[i].bin >= BINS_COUNT) {
			return "a pane with a bin that is none";
		}
	}
	return NULL;
}

static const char *claim_edge(const struct claim *c, const struct measure *m,
                              const struct pane_edge *e)
{
	if (!is_bool(&e->has)) {
		return "a broken first or last value";
	}
	bool text = m->arg >= 0 && (c->texts.args >> m->arg & 1);

	return e->has && text && !window_text_known(c->pool, (uint64_t)e->value)
	               ? "a pane with a text that is none"
	               : NULL;
}

static const char *claim_pane(const struct claim *c, const struct pane *pane)
{
	for (unsigned n = 0; n < c->spec->measure_count; n++) {
		const struct measure *m = &c->spec->measures[n];
		const void *part = (const char *)pane + c->spec->pane_at[n];
		const char *wrong = NULL;
		switch (m->fn) {
		case MEASURE_QUANTILE: wrong = claim_bins(part); break;
		case MEASURE_ENTROPY:
		case MEASURE_TOP_SHARE:
			wrong = ((const struct pane_summary *)part)->used > PANE_SUMMARY_VALUES
			                ? "a pane with too many values"
			                : NULL;
			break;
		case MEASURE_MIN:
		case MEASURE_MAX:
			wrong = is_bool(&((const struct running_extreme *)part)->stale)
			                ? NULL
			                : "a broken extreme";
			break;
		case MEASURE_FIRST:
		case MEASURE_LAST: wrong = claim_edge(c, m, part); break;
		default: break;
		}
		if (wrong) {
			return wrong;
		}
	}
	return NULL;
}

enum { RANKS = 64, RANK_MAX = 64 - HLL_P + 1 };

/* The counts of ranks are those of the registers. */
static const char *claim_registers(const struct claim *c, const struct panes *p,
                                   const struct pane_distinct *d)
{
	size_t size = (size_t)p->slots * HLL_REGISTERS;
	uint32_t counted[RANKS] = {0};

	if (!pool_claim(c->pool, d->registers, size) ||
	    !pool_claim(c->pool, d->merged, HLL_REGISTERS + RANKS * sizeof(uint32_t))) {
		return "registers without a block";
	}
	const uint8_t *registers = pool_at(c->pool, d->registers);
	const uint8_t *merged = pool_at(c->pool, d->merged);
	for (size_t i = 0; i < size; i++) {
		if (registers[i] > RANK_MAX) {
			return "a register with a rank that is none";
		}
	}
	for (unsigned i = 0; i < HLL_REGISTERS; i++) {
		if (merged[i] > RANK_MAX) {
			return "a register with a rank that is none";
		}
		counted[merged[i]]++;
	}
	return memcmp(merged + HLL_REGISTERS, counted, sizeof(counted)) == 0
	               ? NULL
	               : "ranks that were counted wrong";
}

static const char *claim_distinct(const struct claim *c, const struct panes *p)
{
	for (unsigned n = 0; n < c->spec->measure_count; n++) {
		const struct pane_distinct *d = &p->distinct[n];
		if (!counter_claim(&d->seen, c->pool)) {
			return "a broken table of values";
		}
		if (d->registers || d->merged) {
			const char *wrong = claim_registers(c, p, d);
			if (wrong) {
				return wrong;
			}
		}
	}
	return NULL;
}

static const char *claim_panes(const struct claim *c)
{
	uint32_t slots = c->spec->resolution + 2;
	size_t size = sizeof(struct panes) + slots * c->spec->pane_size;

	if (!c->w->hot || !pool_claim(c->pool, c->w->panes, size)) {
		return "panes without a block";
	}
	struct panes *p = pool_at(c->pool, c->w->panes);
	if (p->slots != slots || !state_time_sane(p->low) || !state_time_sane(p->now) ||
	    !state_time_sane(p->busy_us) || p->now - p->low >= slots) {
		return "panes of another width";
	}
	for (uint32_t i = 0; i < slots; i++) {
		const char *wrong = claim_pane(c, slot_of(c->spec, p, i));
		if (wrong) {
			return wrong;
		}
	}
	return claim_distinct(c, p);
}

const char *window_claim(struct pool *pool, const struct window_spec *spec,
                         struct window_texts texts, const struct window *w)
{
	struct claim c = {pool, spec, texts, w};
	const char *wrong = claim_log(&c);

	if (!wrong && w->hot) {
		wrong = claim_hot(&c);
	}
	return !wrong && w->panes ? claim_panes(&c) : wrong;
}
