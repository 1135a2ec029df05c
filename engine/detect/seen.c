#include "detect/seen.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"

enum { CAP_MIN = 1024 };

void seen_fini(struct seen *s)
{
	free(s->slots);
	*s = (struct seen){0};
}

static struct seen_entry *find_slot(const struct seen *s, struct hash128 id)
{
	size_t at = (size_t)id.lo & (s->cap - 1);

	while (s->slots[at].id.lo && (s->slots[at].id.lo != id.lo || s->slots[at].id.hi != id.hi)) {
		at = (at + 1) & (s->cap - 1);
	}
	return &s->slots[at];
}

static bool resize(struct seen *s, size_t cap, int64_t limit_us)
{
	struct seen_entry *old = s->slots;
	size_t old_cap = s->cap;
	struct seen_entry *slots = calloc(cap, sizeof(*slots));

	if (!slots) {
		return false;
	}
	s->slots = slots;
	s->cap = cap;
	s->count = 0;
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i].id.lo && old[i].until_us >= limit_us) {
			*find_slot(s, old[i].id) = old[i];
			s->count++;
		} else {
			s->evicted += old[i].id.lo != 0;
		}
	}
	free(old);
	return true;
}

static int cmp_until(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The instant before which half of the entries run out. */
static int64_t median_until(const struct seen *s)
{
	int64_t *untils = malloc((s->count + 1) * sizeof(*untils));
	size_t n = 0;

	if (!untils) {
		return INT64_MAX;
	}
	for (size_t i = 0; i < s->cap; i++) {
		if (s->slots[i].id.lo) {
			untils[n++] = s->slots[i].until_us;
		}
	}
	qsort(untils, n, sizeof(*untils), cmp_until);
	int64_t median = untils[n / 2];
	free(untils);
	return median;
}

/* Room for one more: first those that have run out go. */
static bool make_room(struct seen *s, int64_t time_us)
{
	if (s->cap == 0) {
		return resize(s, CAP_MIN, INT64_MIN);
	}
	if ((s->count + 1) * 2 <= s->cap) {
		return true;
	}
	uint64_t evicted = s->evicted;
	if (!resize(s, s->cap, time_us)) {
		return false;
	}
	s->evicted = evicted; /* they had run out */
	if ((s->count + 1) * 4 > s->cap && s->cap < 2 * SEEN_MAX) {
		return resize(s, s->cap * 2, INT64_MIN);
	}
	return (s->count + 1) * 2 <= s->cap || resize(s, s->cap, median_until(s) + 1);
}

int64_t seen_note(struct seen *s, struct hash128 id, int64_t time_us, int64_t history_us,
                  bool keep_first)
{
	id.lo |= id.lo == 0;
	struct seen_entry *e = s->cap ? find_slot(s, id) : NULL;
	if (!e || !e->id.lo) {
		if (!make_room(s, time_us)) {
			return INT64_MIN;
		}
		e = find_slot(s, id);
		*e = (struct seen_entry){id, time_us, time_us + history_us};
		s->count++;
		return INT64_MIN;
	}
	int64_t last = e->until_us >= time_us ? e->time_us : INT64_MIN;
	if (!keep_first || last == INT64_MIN) {
		e->time_us = time_us > e->time_us ? time_us : e->time_us;
	}
	e->until_us = time_us + history_us > e->until_us ? time_us + history_us : e->until_us;
	return last;
}

void seen_save(const struct seen *s, struct state_out *out)
{
	state_u64(out, s->evicted);
	state_u64(out, s->count);
	for (size_t i = 0; i < s->cap; i++) {
		const struct seen_entry *e = &s->slots[i];
		if (e->id.lo) {
			state_u64(out, e->id.lo);
			state_u64(out, e->id.hi);
			state_u64(out, (uint64_t)e->time_us);
			state_u64(out, (uint64_t)e->until_us);
		}
	}
}

int seen_load(struct seen *s, struct state_in *in, struct state_view *v)
{
	uint64_t evicted = state_get_u64(v), count = state_get_u64(v);

	for (uint64_t i = 0; i < count && !v->failed; i++) {
		struct hash128 id = {.lo = state_get_u64(v)};
		id.hi = state_get_u64(v);
		int64_t time_us = (int64_t)state_get_u64(v);
		int64_t until_us = (int64_t)state_get_u64(v);
		if (v->failed || !state_time_sane(time_us) || until_us < time_us) {
			return state_in_fail(in, "section %s: broken values of new()", v->name);
		}
		(void)seen_note(s, id, time_us, until_us - time_us, false);
	}
	s->evicted = evicted;
	return v->failed ? state_in_fail(in, "section %s: broken values of new()", v->name) : OK;
}
