#include "detect/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"

enum { CAP_MIN = 1024, LIVE_HALVES = 10 };

struct giver {
	struct hash128 key;
	uint32_t rule;
	int64_t time_us;
	double points;
	int64_t half_life_us;
};

struct entity {
	struct hash128 id;
	int64_t last_us; /* newest contribution */
	struct giver *givers;
	uint32_t count; /* of givers; 0: an empty slot */
	uint32_t cap;
};

struct scores {
	struct entity *slots;
	size_t cap; /* a power of two */
	size_t count;
	uint64_t evicted;
};

static bool hash_same(struct hash128 a, struct hash128 b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

struct scores *scores_new(void)
{
	struct scores *s = calloc(1, sizeof(*s));

	if (s) {
		s->cap = CAP_MIN;
		s->slots = calloc(s->cap, sizeof(*s->slots));
	}
	if (s && !s->slots) {
		free(s);
		return NULL;
	}
	return s;
}

void scores_free(struct scores *s)
{
	if (!s) {
		return;
	}
	for (size_t i = 0; i < s->cap; i++) {
		free(s->slots[i].givers);
	}
	free(s->slots);
	free(s);
}

struct hash128 scores_entity(const struct hash_key *key, const char *type, uint64_t identity)
{
	uint64_t parts[2] = {hash_slice(key, slice_of(type)), identity};

	return hash128(key, parts, sizeof(parts));
}

/* ---- slots ---- */

static struct entity *find_slot(const struct scores *s, struct hash128 id)
{
	size_t at = (size_t)id.lo & (s->cap - 1);

	while (s->slots[at].count && !hash_same(s->slots[at].id, id)) {
		at = (at + 1) & (s->cap - 1);
	}
	return &s->slots[at];
}

/* Takes an entity out; those behind it move up so that searches still find them. */
static void drop(struct scores *s, struct entity *e)
{
	size_t hole = (size_t)(e - s->slots), mask = s->cap - 1;

	free(e->givers);
	memset(e, 0, sizeof(*e));
	s->count--;
	for (size_t at = (hole + 1) & mask; s->slots[at].count; at = (at + 1) & mask) {
		size_t home = (size_t)s->slots[at].id.lo & mask;
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			s->slots[hole] = s->slots[at];
			memset(&s->slots[at], 0, sizeof(s->slots[at]));
			hole = at;
		}
	}
}

static bool grow(struct scores *s)
{
	struct entity *old = s->slots;
	size_t old_cap = s->cap;

	s->slots = calloc(old_cap * 2, sizeof(*s->slots));
	if (!s->slots) {
		s->slots = old;
		return false;
	}
	s->cap = old_cap * 2;
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i].count) {
			*find_slot(s, old[i].id) = old[i];
		}
	}
	free(old);
	return true;
}

/* The entities whose last contribution is older than that of half of them go: rare, so a pass over
 * all is cheap for each.
 */
static int cmp_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void evict_half(struct scores *s)
{
	int64_t *times = malloc(s->count * sizeof(*times));
	size_t n = 0;

	if (!times) {
		return;
	}
	for (size_t i = 0; i < s->cap; i++) {
		if (s->slots[i].count) {
			times[n++] = s->slots[i].last_us;
		}
	}
	qsort(times, n, sizeof(*times), cmp_times);
	int64_t limit = times[n / 2];
	free(times);
	for (size_t i = 0; i < s->cap;) {
		if (s->slots[i].count && s->slots[i].last_us < limit) {
			drop(s, &s->slots[i]);
			s->evicted++;
		} else {
			i++;
		}
	}
}

static struct entity *entity_at(struct scores *s, struct hash128 id)
{
	struct entity *e = find_slot(s, id);

	if (e->count) {
		return e;
	}
	if (s->count >= SCORES_MAX) {
		evict_half(s);
	}
	if (s->count >= SCORES_MAX || (s->count * 2 >= s->cap && !grow(s))) {
		return NULL;
	}
	e = find_slot(s, id);
	e->id = id;
	e->last_us = INT64_MIN;
	return e;
}

/* ---- contributions ---- */

static bool live(const struct giver *g, int64_t time_us)
{
	return time_us - g->time_us <= LIVE_HALVES * g->half_life_us;
}

static void drop_dead(struct entity *e, int64_t time_us)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < e->count; i++) {
		if (live(&e->givers[i], time_us)) {
			e->givers[kept++] = e->givers[i];
		}
	}
	e->count = kept;
}

/* Room for one more: the dead go, then the oldest. */
static struct giver *new_giver(struct entity *e, int64_t time_us)
{
	drop_dead(e, time_us);
	if (e->count == SCORE_GIVERS_MAX) {
		memmove(e->givers, e->givers + 1, (e->count - 1) * sizeof(*e->givers));
		e->count--;
	}
	if (e->count == e->cap) {
		uint32_t cap = e->cap ? e->cap * 2 : 2;
		struct giver *givers = realloc(e->givers, cap * sizeof(*givers));
		if (!givers) {
			return NULL;
		}
		e->givers = givers;
		e->cap = cap;
	}
	return &e->givers[e->count++];
}

bool scores_give(struct scores *s, const struct score_gift *gift)
{
	struct entity *e = entity_at(s, gift->entity);
	struct giver *g = NULL;

	for (uint32_t i = 0; e && i < e->count && !g; i++) {
		bool same =
			e->givers[i].rule == gift->rule && hash_same(e->givers[i].key, gift->key);
		g = same ? &e->givers[i] : NULL;
	}
	if (g && gift->per_us && gift->time_us - g->time_us < gift->per_us) {
		return false;
	}
	bool first = e && e->count == 0;
	g = g || !e ? g : new_giver(e, gift->time_us);
	if (!g) {
		return false;
	}
	s->count += first;
	*g = (struct giver){gift->key, gift->rule, gift->time_us, gift->points, gift->half_life_us};
	e->last_us = gift->time_us > e->last_us ? gift->time_us : e->last_us;
	return true;
}

double scores_value(const struct scores *s, struct hash128 entity, int64_t time_us, unsigned *rules)
{
	const struct entity *e = find_slot(s, entity);
	uint32_t seen[SCORE_GIVERS_MAX];
	unsigned seen_count = 0;
	double value = 0;

	for (uint32_t i = 0; i < e->count; i++) {
		const struct giver *g = &e->givers[i];
		unsigned n = 0;
		if (!live(g, time_us)) {
			continue;
		}
		double halves = (double)(time_us - g->time_us) / (double)g->half_life_us;
		value += g->points * (halves > 0 ? exp2(-halves) : 1);
		while (n < seen_count && seen[n] != g->rule) {
			n++;
		}
		seen[n] = g->rule;
		seen_count += n == seen_count;
	}
	if (rules) {
		*rules = seen_count;
	}
	return value;
}

uint64_t scores_evicted(const struct scores *s)
{
	return s->evicted;
}

/* ---- state ---- */

static void save_double(struct state_out *out, double f)
{
	uint64_t bits;

	memcpy(&bits, &f, sizeof(bits));
	state_u64(out, bits);
}

void scores_save(const struct scores *s, struct state_out *out)
{
	state_u64(out, s->evicted);
	state_u64(out, s->count);
	for (size_t i = 0; i < s->cap; i++) {
		const struct entity *e = &s->slots[i];
		if (!e->count) {
			continue;
		}
		state_u64(out, e->id.lo);
		state_u64(out, e->id.hi);
		state_u32(out, e->count);
		for (uint32_t n = 0; n < e->count; n++) {
			const struct giver *g = &e->givers[n];
			state_u32(out, g->rule);
			state_u64(out, g->key.lo);
			state_u64(out, g->key.hi);
			state_u64(out, (uint64_t)g->time_us);
			save_double(out, g->points);
			state_u64(out, (uint64_t)g->half_life_us);
		}
	}
}

static bool load_gift(struct scores *s, struct hash128 entity, const uint32_t *renamed,
                      size_t renamed_count, struct state_view *v)
{
	struct score_gift gift = {.entity = entity};
	uint32_t rule = state_get_u32(v);
	uint64_t bits;

	gift.key.lo = state_get_u64(v);
	gift.key.hi = state_get_u64(v);
	gift.time_us = (int64_t)state_get_u64(v);
	bits = state_get_u64(v);
	memcpy(&gift.points, &bits, sizeof(bits));
	gift.half_life_us = (int64_t)state_get_u64(v);
	if (v->failed || !state_time_sane(gift.time_us) || !isfinite(gift.points) ||
	    gift.half_life_us <= 0 || gift.half_life_us > INT64_MAX / LIVE_HALVES ||
	    rule >= renamed_count) {
		return false;
	}
	gift.rule = renamed[rule];
	return gift.rule == UINT32_MAX || scores_give(s, &gift);
}

int scores_load(struct scores *s, const uint32_t *renamed, size_t renamed_count,
                struct state_in *in, struct state_view *v)
{
	s->evicted = state_get_u64(v);
	uint64_t count = state_get_u64(v);

	for (uint64_t i = 0; i < count && !v->failed; i++) {
		struct hash128 id = {.lo = state_get_u64(v)};
		id.hi = state_get_u64(v);
		uint32_t givers = state_get_u32(v);
		for (uint32_t n = 0; n < givers && !v->failed; n++) {
			if (givers > SCORE_GIVERS_MAX ||
			    !load_gift(s, id, renamed, renamed_count, v)) {
				return state_in_fail(in, "section %s: broken scores", v->name);
			}
		}
	}
	return v->failed ? state_in_fail(in, "section %s: broken scores", v->name) : OK;
}
