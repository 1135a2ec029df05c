#include "features/window.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "features/panes.h"
#include "features/running.h"

enum { LOG_FIXED = 24 };

/* An event in the log: window_event with only as many arguments as the window has. */
static size_t log_stride(const struct window_spec *spec)
{
	return LOG_FIXED + spec->arg_count * sizeof(uint64_t);
}

/* What one unit of the pool holds: most keys see no more. */
static uint32_t log_cap_min(const struct window_spec *spec)
{
	return 2 * spec->stride <= POOL_UNIT ? 2 : 1;
}

static size_t align16(size_t size)
{
	return (size + 15) & ~(size_t)15;
}

void window_spec_finish(struct window_spec *spec)
{
	spec->stride = log_stride(spec);
	spec->pane_us = spec->span_us / spec->resolution;
	spec->pane_us = spec->pane_us < 1 ? 1 : spec->pane_us;
	spec->hot_size = 0;
	spec->pane_size = 16; /* index and count */
	for (unsigned n = 0; n < spec->measure_count; n++) {
		spec->hot_at[n] = spec->hot_size;
		spec->hot_size += align16(running_size(spec->measures[n].fn));
		spec->pane_at[n] = spec->pane_size;
		spec->pane_size += align16(pane_part_size(spec->measures[n].fn));
	}
	spec->hot_size = spec->hot_size ? spec->hot_size : 16;
}

/* ---- the log ---- */

static const struct window_event *event_at(const struct window_room *room,
                                           const struct window_spec *spec, const struct window *w,
                                           uint32_t i)
{
	const char *log = pool_at(room->pool, w->log);

	return (const struct window_event *)(const void *)(log +
	                                                   (size_t)((w->head + i) & (w->cap - 1)) *
	                                                           spec->stride);
}

static void *slot_at(const struct window_room *room, const struct window_spec *spec,
                     const struct window *w, uint32_t i)
{
	char *log = pool_at(room->pool, w->log);

	return log + (size_t)((w->head + i) & (w->cap - 1)) * spec->stride;
}

static int log_resize(struct window_room *room, const struct window_spec *spec, struct window *w,
                      uint32_t cap)
{
	pool_ref next = pool_alloc(room->pool, cap * spec->stride);
	char *to = next ? pool_at(room->pool, next) : NULL;

	if (!next) {
		return E_FULL;
	}
	for (uint32_t i = 0; i < w->count; i++) {
		memcpy(to + i * spec->stride, event_at(room, spec, w, i), spec->stride);
	}
	pool_release(room->pool, w->log);
	w->log = next;
	w->head = 0;
	w->cap = cap;
	return OK;
}

/* A late event moves the newer ones one place on. */
static __attribute__((noinline)) uint32_t make_place_slow(const struct window_room *room,
                                                          const struct window_spec *spec,
                                                          const struct window *w, int64_t time_us)
{
	uint32_t at = w->count;

	while (at > 0 && event_at(room, spec, w, at - 1)->time_us > time_us) {
		memcpy(slot_at(room, spec, w, at), event_at(room, spec, w, at - 1), spec->stride);
		at--;
	}
	return at;
}

static uint32_t log_insert(const struct window_room *room, const struct window_spec *spec,
                           struct window *w, const struct window_event *event)
{
	uint32_t at = w->count;

	if (at > 0 && event_at(room, spec, w, at - 1)->time_us > event->time_us) {
		at = make_place_slow(room, spec, w, event->time_us);
	}
	memcpy(slot_at(room, spec, w, at), event, spec->stride);
	w->count++;
	return at;
}

static void log_remove(const struct window_room *room, const struct window_spec *spec,
                       struct window *w, uint32_t at)
{
	for (uint32_t i = at; i + 1 < w->count; i++) {
		memcpy(slot_at(room, spec, w, i), event_at(room, spec, w, i + 1), spec->stride);
	}
	w->count--;
}

/* ---- running state of an exact window ---- */

static void *hot_part(const struct window_room *room, const struct window_spec *spec,
                      const struct window *w, unsigned n)
{
	return (char *)pool_at(room->pool, w->hot) + spec->hot_at[n];
}

static void hot_close(struct window_room *room, const struct window_spec *spec, struct window *w)
{
	if (!w->hot) {
		return;
	}
	for (unsigned n = 0; n < spec->measure_count; n++) {
		running_clear(room, &spec->measures[n], hot_part(room, spec, w, n));
	}
	pool_release(room->pool, w->hot);
	w->hot = 0;
}

/* A quantile that grew beyond what is exact gets its bins from the log. */
static int bins_check(struct window_room *room, const struct window_spec *spec, struct window *w)
{
	for (unsigned n = 0; n < spec->measure_count; n++) {
		struct running_bins *b = hot_part(room, spec, w, n);
		if (spec->measures[n].fn != MEASURE_QUANTILE || b->bins ||
		    b->n <= WINDOW_QUANTILE_EXACT) {
			continue;
		}
		if (running_open_bins(room, b) != OK) {
			return E_FULL;
		}
		for (uint32_t i = 0; i < w->count; i++) {
			(void)running_add(room, &spec->measures[n], b, event_at(room, spec, w, i));
		}
	}
	return OK;
}

static int hot_add(struct window_room *room, const struct window_spec *spec, struct window *w,
                   const struct window_event *event)
{
	for (unsigned n = 0; n < spec->measure_count; n++) {
		if (running_add(room, &spec->measures[n], hot_part(room, spec, w, n), event) !=
		    OK) {
			return E_FULL;
		}
	}
	return OK;
}

static int hot_open(struct window_room *room, const struct window_spec *spec, struct window *w)
{
	w->hot = pool_alloc(room->pool, spec->hot_size);
	if (!w->hot) {
		return E_FULL;
	}
	memset(pool_at(room->pool, w->hot), 0, spec->hot_size);
	for (uint32_t i = 0; i < w->count; i++) {
		if (hot_add(room, spec, w, event_at(room, spec, w, i)) != OK) {
			hot_close(room, spec, w);
			return E_FULL;
		}
	}
	if (bins_check(room, spec, w) != OK) {
		hot_close(room, spec, w);
		return E_FULL;
	}
	return OK;
}

/* ---- adding and expiring ---- */

static void expire(struct window_room *room, const struct window_spec *spec, struct window *w,
                   int64_t time_us)
{
	while (w->count > 0) {
		const struct window_event *oldest = event_at(room, spec, w, 0);
		if (oldest->time_us > time_us - spec->span_us) {
			break;
		}
		if (w->hot && !w->panes) {
			for (unsigned n = 0; n < spec->measure_count; n++) {
				running_remove(room, &spec->measures[n], hot_part(room, spec, w, n),
				               oldest);
			}
		}
		w->head = (w->head + 1) & (w->cap - 1);
		w->count--;
	}
	if (w->hot && !w->panes && w->count <= WINDOW_COLD / 2) {
		hot_close(room, spec, w);
	}
	if (!w->panes && w->cap > log_cap_min(spec) && w->count * 8 < w->cap) {
		/* Without room the larger log simply stays. */
		(void)log_resize(room, spec, w, w->cap / 2);
	}
}

struct log_view {
	const struct window_room *room;
	const struct window_spec *spec;
};

static const struct window_event *log_event(const struct window *w, uint32_t i, void *user)
{
	const struct log_view *view = user;

	return event_at(view->room, view->spec, w, i);
}

static int open_panes(struct window_room *room, const struct window_spec *spec, struct window *w)
{
	struct log_view view = {room, spec};

	return panes_open(room, spec, w, log_event, &view);
}

/* Back to exact: the log still holds every event of the window. */
static void close_panes(struct window_room *room, const struct window_spec *spec, struct window *w)
{
	panes_close(room, spec, w);
	hot_close(room, spec, w);
	if (w->count > WINDOW_COLD) {
		/* Without room the window stays cold and is scanned until the next event tries
		 * again. */
		(void)hot_open(room, spec, w);
	}
}

void window_advance(struct window_room *room, const struct window_spec *spec, struct window *w,
                    int64_t time_us)
{
	if (w->count > 0 && event_at(room, spec, w, w->count - 1)->time_us > time_us) {
		return;
	}
	expire(room, spec, w, time_us);
	if (w->panes && panes_advance(room, spec, w, time_us)) {
		close_panes(room, spec, w);
	}
}

static int add_to_panes(struct window_room *room, const struct window_spec *spec, struct window *w,
                        const struct window_event *event)
{
	int err = panes_add(room, spec, w, event);

	if (err == OK) {
		if (w->count == w->cap) {
			w->head = (w->head + 1) & (w->cap - 1);
			w->count--;
		}
		(void)log_insert(room, spec, w, event);
	}
	return err;
}

/* Room in the log for one more event. */
static int log_room(struct window_room *room, const struct window_spec *spec, struct window *w)
{
	if (w->count < w->cap) {
		return OK;
	}
	return log_resize(room, spec, w, w->cap ? w->cap * 2 : log_cap_min(spec));
}

static int add_exact(struct window_room *room, const struct window_spec *spec, struct window *w,
                     const struct window_event *event)
{
	int err = log_room(room, spec, w);
	if (err) {
		return err;
	}
	uint32_t at = log_insert(room, spec, w, event);

	if (w->hot) {
		err = hot_add(room, spec, w, event);
		err = err ? err : bins_check(room, spec, w);
	} else if (w->count > WINDOW_COLD) {
		err = hot_open(room, spec, w);
	}
	if (err) {
		hot_close(room, spec, w);
		log_remove(room, spec, w, at);
	}
	return err;
}

int window_add(struct window_room *room, const struct window_spec *spec, struct window *w,
               const struct window_event *event)
{
	int64_t newest = window_newest(room, spec, w);

	if (w->count > 0 && event->time_us <= newest - spec->span_us) {
		return OK; /* too late to lie in the window */
	}
	window_advance(room, spec, w, event->time_us);
	if (!w->panes && w->count >= spec->exact_max && open_panes(room, spec, w) != OK) {
		hot_close(room, spec, w); /* it was half rebuilt; the next event makes it anew */
		return E_FULL;
	}
	return w->panes ? add_to_panes(room, spec, w, event) : add_exact(room, spec, w, event);
}

void window_clear(struct window_room *room, const struct window_spec *spec, struct window *w)
{
	if (w->panes) {
		panes_close(room, spec, w);
	}
	hot_close(room, spec, w);
	pool_release(room->pool, w->log);
	*w = (struct window){0};
}

/* ---- reading ---- */

int64_t window_newest(const struct window_room *room, const struct window_spec *spec,
                      const struct window *w)
{
	return w->count ? event_at(room, spec, w, w->count - 1)->time_us : INT64_MIN;
}

bool window_exact(const struct window *w)
{
	return !w->panes;
}

/* Index of the first event of the log that lies in the window at time_us. */
static uint32_t first_inside(const struct window_room *room, const struct window_spec *spec,
                             const struct window *w, int64_t time_us)
{
	uint32_t i = 0;

	while (i < w->count && event_at(room, spec, w, i)->time_us <= time_us - spec->span_us) {
		i++;
	}
	return i;
}

uint64_t window_count(const struct window_room *room, const struct window_spec *spec,
                      const struct window *w, int64_t time_us)
{
	return w->panes ? panes_count(room, w) : w->count - first_inside(room, spec, w, time_us);
}

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int cmp_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The measure's values in the window, into the scratch words. */
static size_t collect(const struct window_room *room, const struct window_spec *spec,
                      const struct window *w, const struct measure *m, uint32_t from)
{
	size_t n = 0;

	for (uint32_t i = from; i < w->count && n < WINDOW_SCRATCH; i++) {
		const struct window_event *e = event_at(room, spec, w, i);
		if (measure_takes(m, e)) {
			room->scratch[n++] = e->args[m->arg];
		}
	}
	return n;
}

static struct measured scan_values(const struct window_room *room, const struct measure *m,
                                   size_t n)
{
	uint64_t distinct = 0, top = 0;
	__int128 logs = 0;

	qsort(room->scratch, n, sizeof(room->scratch[0]), cmp_u64);
	for (size_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && room->scratch[i + run] == room->scratch[i]; run++) {
		}
		distinct++;
		top = run > top ? run : top;
		logs += c_log_c(run);
	}
	switch (m->fn) {
	case MEASURE_ENTROPY: return measured_entropy(n, logs);
	case MEASURE_TOP_SHARE:
		return n ? measured_float((double)top / (double)n) : measured_missing();
	default: return measured_int((int64_t)distinct);
	}
}

static struct measured scan_quantile(const struct window_room *room, const struct measure *m,
                                     size_t n)
{
	if (n == 0) {
		return measured_missing();
	}
	qsort(room->scratch, n, sizeof(room->scratch[0]), cmp_i64);
	return measured_int((int64_t)room->scratch[quantile_rank(m->q, n) - 1]);
}

static struct measured scan_edge(const struct window_room *room, const struct window_spec *spec,
                                 const struct window *w, const struct measure *m, uint32_t from)
{
	bool first = m->fn == MEASURE_FIRST;

	for (uint32_t i = from; i < w->count; i++) {
		const struct window_event *e =
			event_at(room, spec, w, first ? i : w->count - 1 - (i - from));
		if (measure_takes(m, e)) {
			return measured_int((int64_t)e->args[m->arg]);
		}
	}
	return measured_missing();
}

/* Sums and extremes of a cold window, through the same code as the hot one's. */
static struct measured scan_running(struct window_room *room, const struct window_spec *spec,
                                    const struct window *w, const struct measure *m, uint32_t from)
{
	union {
		struct running_ratio ratio;
		struct running_sum sum;
		struct running_extreme extreme;
	} state;

	memset(&state, 0, sizeof(state));
	for (uint32_t i = from; i < w->count; i++) {
		(void)running_add(room, m, &state, event_at(room, spec, w, i));
	}
	return running_value(room, m, &state);
}

static struct measured scan(struct window_room *room, const struct window_spec *spec,
                            const struct window *w, const struct measure *m, int64_t time_us)
{
	uint32_t from = first_inside(room, spec, w, time_us);

	switch (m->fn) {
	case MEASURE_DISTINCT:
	case MEASURE_ENTROPY:
	case MEASURE_TOP_SHARE: return scan_values(room, m, collect(room, spec, w, m, from));
	case MEASURE_QUANTILE: return scan_quantile(room, m, collect(room, spec, w, m, from));
	case MEASURE_FIRST:
	case MEASURE_LAST: return scan_edge(room, spec, w, m, from);
	default: return scan_running(room, spec, w, m, from);
	}
}

/* Can the running state answer, or must the log be looked through? */
static bool running_answers(const struct window_room *room, const struct window_spec *spec,
                            const struct window *w, unsigned n, int64_t time_us)
{
	const void *part = w->hot ? hot_part(room, spec, w, n) : NULL;

	if (!part || window_newest(room, spec, w) < time_us) {
		return false; /* asked for a time to which the state was not moved */
	}
	switch (spec->measures[n].fn) {
	case MEASURE_MIN:
	case MEASURE_MAX: return !((const struct running_extreme *)part)->stale;
	case MEASURE_QUANTILE: {
		const struct running_bins *b = part;
		return b->bins && b->n > WINDOW_QUANTILE_EXACT;
	}
	case MEASURE_FIRST:
	case MEASURE_LAST: return false;
	default: return true;
	}
}

struct measured window_measure(struct window_room *room, const struct window_spec *spec,
                               const struct window *w, unsigned n, int64_t time_us)
{
	if (w->panes) {
		return panes_measure(room, spec, w, n);
	}

	const struct measure *m = &spec->measures[n];
	if (running_answers(room, spec, w, n, time_us)) {
		return running_value(room, m, hot_part(room, spec, w, n));
	}
	struct measured found = scan(room, spec, w, m, time_us);
	if (w->hot && (m->fn == MEASURE_MIN || m->fn == MEASURE_MAX) &&
	    window_newest(room, spec, w) >= time_us) {
		struct running_extreme *part = hot_part(room, spec, w, n);
		part->value = found.i;
		part->stale = false;
	}
	return found;
}

size_t window_evidence(const struct window_room *room, const struct window_spec *spec,
                       const struct window *w, uint64_t *out, size_t max)
{
	size_t n = w->count < max ? w->count : max;

	for (size_t i = 0; i < n; i++) {
		out[i] = event_at(room, spec, w, w->count - (uint32_t)n + (uint32_t)i)->event;
	}
	return n;
}
