#include "features/running.h"

#include <math.h> /* sqrt: correctly rounded everywhere (IEEE 754) */
#include <string.h>

#include "core/err.h"
#include "core/fixed.h"
#include "features/bins.h"

enum { STDDEV_EXACT = 1 << 16 };

size_t running_size(enum measure_fn fn)
{
	switch (fn) {
	case MEASURE_COUNT:
	case MEASURE_RATIO: return sizeof(struct running_ratio);
	case MEASURE_SUM:
	case MEASURE_AVG:
	case MEASURE_STDDEV: return sizeof(struct running_sum);
	case MEASURE_MIN:
	case MEASURE_MAX: return sizeof(struct running_extreme);
	case MEASURE_DISTINCT:
	case MEASURE_ENTROPY:
	case MEASURE_TOP_SHARE: return sizeof(struct running_values);
	case MEASURE_QUANTILE: return sizeof(struct running_bins);
	case MEASURE_FIRST:
	case MEASURE_LAST: return 0;
	}
	return 0;
}

int64_t c_log_c(uint64_t c)
{
	return c < 2 ? 0 : (int64_t)c * log2_fixed(c);
}

static int add_value(struct window_room *room, struct running_values *s, uint64_t value, bool logs)
{
	struct counter_cell *cell = counter_at(&s->counter, room->pool, room->key, value);

	if (!cell) {
		return E_FULL;
	}
	if (logs) {
		s->c_log_c += c_log_c(cell->count + 1) - c_log_c(cell->count);
	}
	cell->count++;
	s->n++;
	return OK;
}

static void remove_value(struct window_room *room, struct running_values *s, uint64_t value,
                         bool logs)
{
	struct counter_cell *cell = counter_at(&s->counter, room->pool, room->key, value);

	if (logs) {
		s->c_log_c -= c_log_c(cell->count) - c_log_c(cell->count - 1);
	}
	s->n--;
	if (--cell->count == 0) {
		cell->count = 1; /* removal goes by an occupied cell */
		counter_remove(&s->counter, room->pool, room->key, cell);
	}
}

static void add_extreme(enum measure_fn fn, struct running_extreme *s, int64_t value)
{
	bool further = fn == MEASURE_MIN ? value <= s->value : value >= s->value;

	if (s->n == 0 || (further && !s->stale)) {
		s->value = value;
		s->stale = false;
	}
	s->n++;
}

static void add_bin(const struct window_room *room, struct running_bins *s, int64_t value)
{
	if (s->bins) {
		((uint32_t *)pool_at(room->pool, s->bins))[bin_of(value)]++;
	}
	s->n++;
}

static void remove_bin(struct window_room *room, struct running_bins *s, int64_t value)
{
	s->n--;
	if (s->bins) {
		((uint32_t *)pool_at(room->pool, s->bins))[bin_of(value)]--;
	}
	if (s->n < WINDOW_QUANTILE_EXACT / 2) {
		pool_release(room->pool, s->bins);
		s->bins = 0;
	}
}

int running_open_bins(struct window_room *room, struct running_bins *s)
{
	s->bins = pool_alloc(room->pool, BINS_COUNT * sizeof(uint32_t));
	if (!s->bins) {
		return E_FULL;
	}
	memset(pool_at(room->pool, s->bins), 0, BINS_COUNT * sizeof(uint32_t));
	s->n = 0;
	return OK;
}

static bool holds(const struct measure *m, const struct window_event *e)
{
	return m->cond >= 0 && (e->flags >> m->cond & 1);
}

/* A deviation is asked of durations and costs, not of values beyond 4 years or 140 million: those
 * count as the bound, so that n * squares stays in 128 bits.
 */
static int64_t squarable(int64_t value)
{
	const int64_t bound = INT64_C(1) << 47;

	return value > bound ? bound : value < -bound ? -bound : value;
}

int running_add(struct window_room *room, const struct measure *m, void *state,
                const struct window_event *e)
{
	if (!measure_takes(m, e)) {
		return OK;
	}
	int64_t value = m->arg >= 0 ? (int64_t)e->args[m->arg] : 0;
	switch (m->fn) {
	case MEASURE_COUNT:
	case MEASURE_RATIO: {
		struct running_ratio *s = state;
		s->n++;
		s->held += holds(m, e);
		return OK;
	}
	case MEASURE_SUM:
	case MEASURE_AVG:
	case MEASURE_STDDEV: {
		struct running_sum *s = state;
		value = m->fn == MEASURE_STDDEV ? squarable(value) : value;
		s->n++;
		s->sum += value;
		s->squares += m->fn == MEASURE_STDDEV ? (__int128)value * value : 0;
		return OK;
	}
	case MEASURE_MIN:
	case MEASURE_MAX: add_extreme(m->fn, state, value); return OK;
	case MEASURE_DISTINCT:
	case MEASURE_ENTROPY:
	case MEASURE_TOP_SHARE:
		return add_value(room, state, (uint64_t)value, m->fn == MEASURE_ENTROPY);
	case MEASURE_QUANTILE: add_bin(room, state, value); return OK;
	case MEASURE_FIRST:
	case MEASURE_LAST: return OK;
	}
	return OK;
}

static void remove_extreme(struct running_extreme *s, int64_t value)
{
	s->n--;
	if (value == s->value) {
		s->stale = true;
	}
}

void running_remove(struct window_room *room, const struct measure *m, void *state,
                    const struct window_event *e)
{
	if (!measure_takes(m, e)) {
		return;
	}
	int64_t value = m->arg >= 0 ? (int64_t)e->args[m->arg] : 0;
	switch (m->fn) {
	case MEASURE_COUNT:
	case MEASURE_RATIO: {
		struct running_ratio *s = state;
		s->n--;
		s->held -= holds(m, e);
		break;
	}
	case MEASURE_SUM:
	case MEASURE_AVG:
	case MEASURE_STDDEV: {
		struct running_sum *s = state;
		value = m->fn == MEASURE_STDDEV ? squarable(value) : value;
		s->n--;
		s->sum -= value;
		s->squares -= m->fn == MEASURE_STDDEV ? (__int128)value * value : 0;
		break;
	}
	case MEASURE_MIN:
	case MEASURE_MAX: remove_extreme(state, value); break;
	case MEASURE_DISTINCT:
	case MEASURE_ENTROPY:
	case MEASURE_TOP_SHARE:
		remove_value(room, state, (uint64_t)value, m->fn == MEASURE_ENTROPY);
		break;
	case MEASURE_QUANTILE: remove_bin(room, state, value); break;
	case MEASURE_FIRST:
	case MEASURE_LAST: break;
	}
}

void running_clear(struct window_room *room, const struct measure *m, void *state)
{
	switch (m->fn) {
	case MEASURE_DISTINCT:
	case MEASURE_ENTROPY:
	case MEASURE_TOP_SHARE:
		counter_clear(&((struct running_values *)state)->counter, room->pool);
		break;
	case MEASURE_QUANTILE:
		pool_release(room->pool, ((struct running_bins *)state)->bins);
		break;
	default: break;
	}
	memset(state, 0, running_size(m->fn));
}

struct measured measured_missing(void)
{
	return (struct measured){.missing = true};
}

struct measured measured_int(int64_t value)
{
	return (struct measured){.i = value};
}

struct measured measured_float(double value)
{
	return (struct measured){.is_float = true, .f = value};
}

struct measured measured_sum(const struct measure *m, const struct running_sum *s)
{
	if (m->fn == MEASURE_SUM) {
		bool fits = s->sum > INT64_MIN && s->sum <= INT64_MAX;
		return fits ? measured_int((int64_t)s->sum) : measured_missing();
	}
	if (s->n == 0) {
		return measured_missing();
	}
	if (m->fn == MEASURE_AVG) {
		return measured_float((double)s->sum / (double)s->n);
	}
	/* n * squares - sum^2 is an integer: no cancellation before the one division. */
	if (s->n <= STDDEV_EXACT) {
		__int128 spread = (__int128)s->n * s->squares - s->sum * s->sum;
		return measured_float(sqrt((double)spread) / (double)s->n);
	}
	double mean = (double)s->sum / (double)s->n;
	double variance = (double)s->squares / (double)s->n - mean * mean;
	return measured_float(sqrt(variance > 0 ? variance : 0));
}

struct measured measured_entropy(uint64_t n, __int128 sum)
{
	if (n == 0) {
		return measured_missing();
	}
	double bits = (double)((__int128)log2_fixed(n) * (__int128)n - sum) / (double)n;

	return measured_float(bits / (double)(UINT64_C(1) << LOG2_FRACTION_BITS));
}

uint64_t quantile_rank(double q, uint64_t n)
{
	/* In millionths: 0.07 * 100 is a little more than 7 in binary and would round up. */
	uint64_t millionths = (uint64_t)(q * 1e6 + 0.5);
	uint64_t rank = (uint64_t)(((unsigned __int128)millionths * n + 999999) / 1000000);

	return rank < 1 ? 1 : rank > n ? n : rank;
}

static struct measured bins_quantile(const struct window_room *room, const struct measure *m,
                                     const struct running_bins *s)
{
	const uint32_t *bins = pool_at(room->pool, s->bins);
	uint64_t rank = quantile_rank(m->q, s->n);
	uint64_t below = 0;

	for (unsigned b = 0; b < BINS_COUNT; b++) {
		below += bins[b];
		if (below >= rank) {
			return measured_int(bin_value(b));
		}
	}
	return measured_missing();
}

static struct measured values_top(const struct window_room *room, const struct running_values *s)
{
	const struct counter_cell *cells = counter_cells(&s->counter, room->pool);
	uint64_t top = 0;

	for (uint32_t i = 0; i < s->counter.cap; i++) {
		top = cells[i].count > top ? cells[i].count : top;
	}
	return s->n ? measured_float((double)top / (double)s->n) : measured_missing();
}

struct measured running_value(const struct window_room *room, const struct measure *m,
                              const void *state)
{
	switch (m->fn) {
	case MEASURE_COUNT: return measured_int((int64_t)((const struct running_ratio *)state)->n);
	case MEASURE_RATIO: {
		const struct running_ratio *s = state;
		return s->n ? measured_float((double)s->held / (double)s->n) : measured_missing();
	}
	case MEASURE_SUM:
	case MEASURE_AVG:
	case MEASURE_STDDEV: return measured_sum(m, state);
	case MEASURE_MIN:
	case MEASURE_MAX: {
		const struct running_extreme *s = state;
		return s->n ? measured_int(s->value) : measured_missing();
	}
	case MEASURE_DISTINCT:
		return measured_int(((const struct running_values *)state)->counter.used);
	case MEASURE_ENTROPY: {
		const struct running_values *s = state;
		return measured_entropy(s->n, s->c_log_c);
	}
	case MEASURE_TOP_SHARE: return values_top(room, state);
	case MEASURE_QUANTILE: return bins_quantile(room, m, state);
	case MEASURE_FIRST:
	case MEASURE_LAST: break;
	}
	return measured_missing();
}
