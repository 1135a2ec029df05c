#include "features/panes_parts.h"

#include <string.h>

#include "core/err.h"
#include "core/fixed.h"
#include "features/bins.h"

size_t pane_part_size(enum measure_fn fn)
{
	switch (fn) {
	case MEASURE_QUANTILE: return sizeof(struct pane_bins);
	case MEASURE_ENTROPY:
	case MEASURE_TOP_SHARE: return sizeof(struct pane_summary);
	case MEASURE_FIRST:
	case MEASURE_LAST: return sizeof(struct pane_edge);
	case MEASURE_DISTINCT: return 0;
	default: return running_size(fn);
	}
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static struct panes *panes_at(const struct window_room *room, const struct window *w)
{
	return pool_at(room->pool, w->panes);
}

static void *part(const struct window_spec *spec, struct pane *pane, unsigned n)
{
	return (char *)pane + spec->pane_at[n];
}

static void *running_part(const struct window_room *room, const struct window_spec *spec,
                          const struct window *w, unsigned n)
{
	return (char *)pool_at(room->pool, w->hot) + spec->hot_at[n];
}

/* ---- parts of one pane ---- */

static void bins_add(struct pane_bins *b, unsigned bin, uint32_t count)
{
	uint32_t at = 0;

	for (uint32_t width = b->used; width > 0;) { /* lower bound */
		uint32_t half = width / 2;
		if (b->bins[at + half].bin < bin) {
			at += half + 1;
			width -= half + 1;
		} else {
			width = half;
		}
	}
	b->n += count;
	if (at < b->used && b->bins[at].bin == bin) {
		b->bins[at].count += count;
		return;
	}
	if (b->used == PANE_BINS_MAX) {
		b->bins[1].count += b->bins[0].count;
		memmove(&b->bins[0], &b->bins[1], (PANE_BINS_MAX - 1) * sizeof(b->bins[0]));
		b->used--;
		at -= at > 0;
	}
	memmove(&b->bins[at + 1], &b->bins[at], (b->used - at) * sizeof(b->bins[0]));
	b->bins[at] = (struct pane_bin){bin, count};
	b->used++;
}

/* Space-Saving: a value without a counter takes over the smallest, with its count. */
static void summary_add(struct pane_summary *s, uint64_t value)
{
	struct counter_cell *smallest = NULL;

	s->n++;
	for (uint32_t i = 0; i < s->used; i++) {
		if (s->cells[i].value == value) {
			s->cells[i].count++;
			return;
		}
		if (!smallest || s->cells[i].count < smallest->count) {
			smallest = &s->cells[i];
		}
	}
	if (s->used < PANE_SUMMARY_VALUES) {
		s->cells[s->used++] = (struct counter_cell){value, 1};
		return;
	}
	smallest->value = value;
	smallest->count++;
}

static bool earlier(const struct pane_edge *e, int64_t time_us, uint64_t event)
{
	return time_us < e->time_us || (time_us == e->time_us && event < e->event);
}

static void edge_add(enum measure_fn fn, struct pane_edge *e, int64_t time_us, uint64_t event,
                     int64_t value)
{
	if (!e->has || (fn == MEASURE_FIRST) == earlier(e, time_us, event)) {
		*e = (struct pane_edge){true, time_us, event, value};
	}
}

static void pane_part_add(const struct measure *m, void *to, const struct window_event *e)
{
	int64_t value = m->arg >= 0 ? (int64_t)e->args[m->arg] : 0;

	if (!measure_takes(m, e)) {
		return;
	}
	switch (m->fn) {
	case MEASURE_QUANTILE: bins_add(to, bin_of(value), 1); break;
	case MEASURE_ENTROPY:
	case MEASURE_TOP_SHARE: summary_add(to, (uint64_t)value); break;
	case MEASURE_FIRST:
	case MEASURE_LAST: edge_add(m->fn, to, e->time_us, e->event, value); break;
	case MEASURE_DISTINCT: break;
	default: (void)running_add(NULL, m, to, e); break; /* sums and extremes need no pool */
	}
}

/* ---- the set's running state, from the panes ---- */

static void merge_ratio(struct running_ratio *to, const struct running_ratio *from)
{
	to->n += from->n;
	to->held += from->held;
}

static void merge_sum(struct running_sum *to, const struct running_sum *from)
{
	to->n += from->n;
	to->sum += from->sum;
	to->squares += from->squares;
}

static void merge_extreme(enum measure_fn fn, struct running_extreme *to,
                          const struct running_extreme *from)
{
	if (from->n && (to->n == 0 ||
	                (fn == MEASURE_MIN ? from->value < to->value : from->value > to->value))) {
		to->value = from->value;
	}
	to->n += from->n;
}

static void merge_bins(const struct window_room *room, struct running_bins *to,
                       const struct pane_bins *from)
{
	uint32_t *bins = pool_at(room->pool, to->bins);

	for (uint32_t i = 0; i < from->used; i++) {
		bins[from->bins[i].bin] += from->bins[i].count;
	}
	to->n += from->n;
}

static void merge_part(struct window_room *room, const struct measure *m, void *to, void *from)
{
	switch (m->fn) {
	case MEASURE_COUNT:
	case MEASURE_RATIO: merge_ratio(to, from); break;
	case MEASURE_SUM:
	case MEASURE_AVG:
	case MEASURE_STDDEV: merge_sum(to, from); break;
	case MEASURE_MIN:
	case MEASURE_MAX: merge_extreme(m->fn, to, from); break;
	case MEASURE_QUANTILE: merge_bins(room, to, from); break;
	default: break; /* read from the panes, or kept in pane_distinct */
	}
}

/* Zeroes the sums but keeps the blocks behind them. */
static void clear_merged(struct window_room *room, const struct measure *m, void *to)
{
	if (m->fn == MEASURE_QUANTILE) {
		struct running_bins *b = to;
		memset(pool_at(room->pool, b->bins), 0, BINS_COUNT * sizeof(uint32_t));
		b->n = 0;
	} else if (m->fn != MEASURE_DISTINCT && m->fn != MEASURE_ENTROPY &&
	           m->fn != MEASURE_TOP_SHARE) {
		memset(to, 0, running_size(m->fn));
	}
}

static bool in_set(const struct panes *p, const struct pane *pane)
{
	return pane->index >= p->low && pane->index <= p->now;
}

/* ---- the set ---- */

static void rebuild(struct window_room *room, const struct window_spec *spec, struct window *w)
{
	struct panes *p = panes_at(room, w);

	p->count = 0;
	for (unsigned n = 0; n < spec->measure_count; n++) {
		clear_merged(room, &spec->measures[n], running_part(room, spec, w, n));
	}
	for (int64_t i = p->low; i <= p->now; i++) {
		struct pane *pane = slot_of(spec, p, i);
		if (pane->index != i) {
			continue;
		}
		p->count += pane->count;
		for (unsigned n = 0; n < spec->measure_count; n++) {
			merge_part(room, &spec->measures[n], running_part(room, spec, w, n),
			           part(spec, pane, n));
		}
	}
	for (unsigned n = 0; n < spec->measure_count; n++) {
		if (spec->measures[n].fn == MEASURE_DISTINCT) {
			distinct_move(room, spec, p, &p->distinct[n]);
		}
	}
}

static void move_set(struct window_room *room, const struct window_spec *spec, struct window *w,
                     int64_t time_us)
{
	struct panes *p = panes_at(room, w);
	int64_t now = floor_div(time_us, spec->pane_us);
	int64_t low = floor_div(time_us - spec->span_us, spec->pane_us) + 1;

	if (now < p->now || (now == p->now && low == p->low)) {
		return;
	}
	p->now = now;
	p->low = low;
	rebuild(room, spec, w);
}

/* The pane of an index, emptied if its slot held an older one; NULL when it is too old. */
static struct pane *pane_for(struct window_room *room, const struct window_spec *spec,
                             struct panes *p, int64_t index)
{
	struct pane *pane = slot_of(spec, p, index);

	if (pane->index == index) {
		return pane;
	}
	if (pane->index > index || index < p->low) {
		return NULL;
	}
	memset(pane, 0, spec->pane_size);
	pane->index = index;
	for (unsigned n = 0; n < spec->measure_count; n++) {
		distinct_clear_pane(room, p, &p->distinct[n], index);
	}
	return pane;
}

static int reserve_bins(struct window_room *room, const struct window_spec *spec, struct window *w)
{
	for (unsigned n = 0; n < spec->measure_count; n++) {
		struct running_bins *b = running_part(room, spec, w, n);
		if (spec->measures[n].fn == MEASURE_QUANTILE && !b->bins &&
		    running_open_bins(room, b) != OK) {
			return E_FULL;
		}
	}
	return OK;
}

int panes_open(struct window_room *room, const struct window_spec *spec, struct window *w,
               const struct window_event *events(const struct window *, uint32_t, void *),
               void *user)
{
	uint32_t slots = spec->resolution + 2;
	size_t size = sizeof(struct panes) + slots * spec->pane_size;
	pool_ref ref = pool_alloc(room->pool, size);

	if (!ref || reserve_bins(room, spec, w) != OK) {
		pool_release(room->pool, ref);
		return E_FULL;
	}
	w->panes = ref;
	struct panes *p = panes_at(room, w);
	memset(p, 0, size);
	p->slots = slots;
	for (uint32_t i = 0; i < slots; i++) {
		slot_of(spec, p, i)->index = PANE_EMPTY;
	}
	const struct window_event *newest = events(w, w->count - 1, user);
	p->now = floor_div(newest->time_us, spec->pane_us);
	p->low = floor_div(newest->time_us - spec->span_us, spec->pane_us) + 1;
	p->busy_us = newest->time_us;
	for (unsigned n = 0; n < spec->measure_count; n++) {
		clear_merged(room, &spec->measures[n], running_part(room, spec, w, n));
		if (spec->measures[n].fn >= MEASURE_DISTINCT &&
		    spec->measures[n].fn != MEASURE_RATIO &&
		    spec->measures[n].fn != MEASURE_QUANTILE) {
			running_clear(room, &spec->measures[n], running_part(room, spec, w, n));
		}
	}
	for (uint32_t i = 0; i < w->count; i++) {
		if (panes_add(room, spec, w, events(w, i, user)) != OK) {
			panes_close(room, spec, w);
			return E_FULL;
		}
	}
	return OK;
}

int panes_add(struct window_room *room, const struct window_spec *spec, struct window *w,
              const struct window_event *event)
{
	move_set(room, spec, w, event->time_us);
	struct panes *p = panes_at(room, w);
	int64_t index = floor_div(event->time_us, spec->pane_us);
	struct pane *pane = pane_for(room, spec, p, index);

	if (!pane) {
		return OK; /* late, and older than the set */
	}
	for (unsigned n = 0; n < spec->measure_count; n++) {
		const struct measure *m = &spec->measures[n];
		if (m->fn == MEASURE_DISTINCT && measure_takes(m, event) &&
		    distinct_add(room, spec, p, &p->distinct[n], index, event->args[m->arg]) !=
		            OK) {
			return E_FULL;
		}
	}
	pane->count++;
	p->count += in_set(p, pane);
	for (unsigned n = 0; n < spec->measure_count; n++) {
		const struct measure *m = &spec->measures[n];
		pane_part_add(m, part(spec, pane, n), event);
		if (in_set(p, pane) && m->fn != MEASURE_DISTINCT && m->fn != MEASURE_ENTROPY &&
		    m->fn != MEASURE_TOP_SHARE) {
			(void)running_add(room, m, running_part(room, spec, w, n), event);
		}
	}
	if (p->count >= spec->exact_max / 2 && event->time_us > p->busy_us) {
		p->busy_us = event->time_us;
	}
	return OK;
}

bool panes_advance(struct window_room *room, const struct window_spec *spec, struct window *w,
                   int64_t time_us)
{
	struct panes *p = panes_at(room, w);

	move_set(room, spec, w, time_us);
	return time_us - p->busy_us >= spec->span_us;
}

void panes_close(struct window_room *room, const struct window_spec *spec, struct window *w)
{
	struct panes *p = panes_at(room, w);

	for (unsigned n = 0; n < spec->measure_count; n++) {
		distinct_close(room, &p->distinct[n]);
	}
	pool_release(room->pool, w->panes);
	w->panes = 0;
}

uint64_t panes_count(const struct window_room *room, const struct window *w)
{
	return panes_at(room, w)->count;
}

/* ---- values read from the panes ---- */

/* Adds up the summaries of the set in an open-addressing table in the scratch words. */
static struct measured summaries_value(struct window_room *room, const struct window_spec *spec,
                                       struct panes *p, unsigned n)
{
	enum { CELLS = WINDOW_SCRATCH / 2 };
	struct counter_cell *cells = (struct counter_cell *)room->scratch;
	uint64_t total = 0, top = 0;
	__int128 logs = 0;

	memset(cells, 0, CELLS * sizeof(*cells));
	for (int64_t i = p->low; i <= p->now; i++) {
		struct pane *pane = slot_of(spec, p, i);
		const struct pane_summary *s = part(spec, pane, n);
		for (uint32_t c = 0; pane->index == i && c < s->used; c++) {
			/* 242 panes of 64 values exceed the table: what finds no cell within a few
			 * probes joins the last, which only happens above 6,000 different values.
			 */
			uint32_t at = (uint32_t)hash_u64(room->key, s->cells[c].value) % CELLS;
			for (int tries = 0;
			     tries < 64 && cells[at].count && cells[at].value != s->cells[c].value;
			     tries++) {
				at = (at + 1) % CELLS;
			}
			cells[at].value = s->cells[c].value;
			cells[at].count += s->cells[c].count;
			total += s->cells[c].count;
		}
	}
	for (uint32_t i = 0; i < CELLS; i++) {
		top = cells[i].count > top ? cells[i].count : top;
		logs += c_log_c(cells[i].count);
	}
	if (total == 0) {
		return measured_missing();
	}
	return spec->measures[n].fn == MEASURE_ENTROPY
	               ? measured_entropy(total, logs)
	               : measured_float((double)top / (double)total);
}

static struct measured edge_value(const struct window_spec *spec, struct panes *p, unsigned n)
{
	struct pane_edge best = {0};

	for (int64_t i = p->low; i <= p->now; i++) {
		struct pane *pane = slot_of(spec, p, i);
		const struct pane_edge *e = part(spec, pane, n);
		if (pane->index == i && e->has) {
			edge_add(spec->measures[n].fn, &best, e->time_us, e->event, e->value);
		}
	}
	return best.has ? measured_int(best.value) : measured_missing();
}

struct measured panes_measure(struct window_room *room, const struct window_spec *spec,
                              const struct window *w, unsigned n)
{
	struct panes *p = panes_at(room, w);

	switch (spec->measures[n].fn) {
	case MEASURE_DISTINCT: return measured_int(distinct_value(room, &p->distinct[n]));
	case MEASURE_ENTROPY:
	case MEASURE_TOP_SHARE: return summaries_value(room, spec, p, n);
	case MEASURE_FIRST:
	case MEASURE_LAST: return edge_value(spec, p, n);
	default: return running_value(room, &spec->measures[n], running_part(room, spec, w, n));
	}
}
