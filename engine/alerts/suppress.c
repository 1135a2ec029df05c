#include "alerts/suppress.h"

#include <stdlib.h>

#include "core/err.h"

enum { CAP_MIN = 1024 };

struct entry {
	struct hash128 key;
	int64_t until_us; /* 0: empty */
	uint64_t muted;
};

struct suppress {
	struct entry *entries;
	size_t cap;
	size_t used;
	size_t max;
	uint64_t evicted;
};

struct suppress *suppress_new(size_t max)
{
	struct suppress *s = calloc(1, sizeof(*s));

	if (s) {
		s->max = max;
		s->cap = CAP_MIN;
		s->entries = calloc(s->cap, sizeof(*s->entries));
	}
	if (s && !s->entries) {
		free(s);
		return NULL;
	}
	return s;
}

void suppress_free(struct suppress *s)
{
	if (s) {
		free(s->entries);
		free(s);
	}
}

static struct entry *find(const struct suppress *s, struct hash128 key)
{
	size_t at = (size_t)key.lo & (s->cap - 1);

	while (s->entries[at].until_us &&
	       (s->entries[at].key.lo != key.lo || s->entries[at].key.hi != key.hi)) {
		at = (at + 1) & (s->cap - 1);
	}
	return &s->entries[at];
}

/* A new table without what has run out by now_us, and without `ends_us` and earlier. */
static void rebuild(struct suppress *s, size_t cap, int64_t ends_us)
{
	struct suppress next = {.cap = cap, .max = s->max, .evicted = s->evicted};

	next.entries = calloc(cap, sizeof(*next.entries));
	if (!next.entries) {
		return; /* the old table serves on until it is full */
	}
	for (size_t i = 0; i < s->cap; i++) {
		if (s->entries[i].until_us > ends_us) {
			*find(&next, s->entries[i].key) = s->entries[i];
			next.used++;
		}
	}
	free(s->entries);
	*s = next;
}

static int cmp_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Full of live entries: the quarter that ends first goes, so that this is rare. */
static void evict(struct suppress *s)
{
	int64_t *ends = malloc(s->used * sizeof(*ends));
	size_t n = 0, before = s->used;

	for (size_t i = 0; ends && i < s->cap; i++) {
		if (s->entries[i].until_us) {
			ends[n++] = s->entries[i].until_us;
		}
	}
	if (n) {
		qsort(ends, n, sizeof(*ends), cmp_i64);
		rebuild(s, s->cap, ends[n / 4]);
		s->evicted += before - s->used;
	}
	free(ends);
}

static void make_room(struct suppress *s, int64_t now_us)
{
	if ((s->used + 1) * 2 <= s->cap) {
		return;
	}
	rebuild(s, s->cap, now_us);
	if (s->used * 4 > s->cap && s->cap < 2 * s->max) {
		rebuild(s, s->cap * 2, now_us);
	}
	if ((s->used + 1) * 2 > s->cap) {
		evict(s);
	}
}

bool suppress_muted(struct suppress *s, struct hash128 key, int64_t time_us, int64_t for_us)
{
	struct entry *e = find(s, key);

	if (e->until_us && time_us < e->until_us) {
		e->muted++;
		return true;
	}
	if (!e->until_us) {
		make_room(s, time_us);
		if (s->used + 1 >= s->cap) {
			return false; /* no memory: rather an alert twice than a full table */
		}
		e = find(s, key);
		s->used++;
	}
	*e = (struct entry){key, time_us + for_us, 0};
	return false;
}

uint64_t suppress_evicted(const struct suppress *s)
{
	return s->evicted;
}

/* ---- state ---- */

void suppress_save(const struct suppress *s, struct state_out *out)
{
	state_u64(out, s->cap);
	state_u64(out, s->used);
	state_u64(out, s->evicted);
	for (size_t i = 0; i < s->cap; i++) {
		const struct entry *e = &s->entries[i];
		if (e->until_us) {
			state_u64(out, i);
			state_u64(out, e->key.lo);
			state_u64(out, e->key.hi);
			state_u64(out, (uint64_t)e->until_us);
			state_u64(out, e->muted);
		}
	}
}

/* Each entry at its old place: where find looks for it. */
static bool load_entries(struct suppress *s, struct state_view *v)
{
	for (size_t i = 0; i < s->used; i++) {
		uint64_t at = state_get_u64(v);
		struct entry e = {.key.lo = state_get_u64(v)};
		e.key.hi = state_get_u64(v);
		e.until_us = (int64_t)state_get_u64(v);
		e.muted = state_get_u64(v);
		if (v->failed || at >= s->cap || !e.until_us || s->entries[at].until_us) {
			return false;
		}
		s->entries[at] = e;
	}
	for (size_t i = 0; i < s->cap; i++) {
		if (s->entries[i].until_us && find(s, s->entries[i].key) != &s->entries[i]) {
			return false;
		}
	}
	return true;
}

int suppress_load(struct suppress *s, struct state_in *in, struct state_view *v)
{
	uint64_t cap = state_get_u64(v), used = state_get_u64(v);
	struct suppress next = {.cap = cap, .used = used, .max = s->max};

	next.evicted = state_get_u64(v);
	if (cap < CAP_MIN || (cap & (cap - 1)) != 0 || (cap > CAP_MIN && cap / 4 >= s->max) ||
	    used >= cap) {
		return state_in_fail(in, "section %s: another number of suppressions", v->name);
	}
	next.entries = calloc(next.cap, sizeof(*next.entries));
	if (!next.entries) {
		(void)state_in_fail(in, "no memory");
		return E_NOMEM;
	}
	if (!load_entries(&next, v)) {
		free(next.entries);
		return state_in_fail(in, "section %s: a suppression where nobody looks", v->name);
	}
	free(s->entries);
	*s = next;
	return OK;
}
