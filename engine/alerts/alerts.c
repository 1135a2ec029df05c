#include "alerts/alerts.h"

#include <stdlib.h>
#include <string.h>

#include "alerts/alert_json.h"
#include "alerts/suppress.h"
#include "core/crypto.h"
#include "core/err.h"

enum { SUPPRESS_MAX_DEFAULT = 1 << 20, OPENINGS_MIN = 64 };

/* Openings of one rule and key at one instant; one of an earlier instant is an empty slot. */
struct opening {
	struct hash128 id; /* of rule, revision and key */
	int64_t time_us;
	uint32_t count; /* 0: empty */
};

struct alerts {
	struct alerts_options options;
	struct suppress *suppress;
	struct alerts_stats stats;
	uint64_t seq;
	struct buf json;
	char id[2 * MAC_SIZE + 1];
	int64_t now_us;
	int64_t newest_us;        /* the latest instant ever: late findings come behind it */
	struct opening *openings; /* of the present instant, by key */
	size_t opening_count;     /* of the present instant */
	size_t opening_cap;       /* a power of two */
};

struct alerts *alerts_new(const struct alerts_options *options)
{
	struct alerts *a = calloc(1, sizeof(*a));

	if (!a) {
		return NULL;
	}
	a->options = *options;
	a->now_us = INT64_MIN;
	a->newest_us = INT64_MIN;
	a->suppress =
		suppress_new(options->suppress_max ? options->suppress_max : SUPPRESS_MAX_DEFAULT);
	if (!a->suppress) {
		free(a);
		return NULL;
	}
	return a;
}

void alerts_free(struct alerts *a)
{
	if (a) {
		suppress_free(a->suppress);
		buf_fini(&a->json);
		free(a->openings);
		free(a);
	}
}

static bool is_live(const struct alerts *a, const struct opening *o)
{
	return o->count && o->time_us == a->now_us;
}

/* Where the opening with this id is, or belongs. */
static struct opening *find_opening(const struct alerts *a, struct hash128 id)
{
	size_t at = (size_t)id.lo & (a->opening_cap - 1);

	while (is_live(a, &a->openings[at]) &&
	       (a->openings[at].id.lo != id.lo || a->openings[at].id.hi != id.hi)) {
		at = (at + 1) & (a->opening_cap - 1);
	}
	return &a->openings[at];
}

static bool openings_room(struct alerts *a)
{
	struct opening *old = a->openings;
	size_t old_cap = a->opening_cap;

	if ((a->opening_count + 1) * 2 <= old_cap) {
		return true;
	}
	size_t cap = old_cap ? old_cap * 2 : OPENINGS_MIN;
	struct opening *openings = calloc(cap, sizeof(*openings));
	if (!openings) {
		return false;
	}
	a->openings = openings;
	a->opening_cap = cap;
	for (size_t i = 0; i < old_cap; i++) {
		if (is_live(a, &old[i])) {
			*find_opening(a, old[i].id) = old[i];
		}
	}
	free(old);
	return true;
}

static size_t count_live(const struct alerts *a)
{
	size_t count = 0;

	for (size_t i = 0; i < a->opening_cap; i++) {
		count += is_live(a, &a->openings[i]);
	}
	return count;
}

/* An instant that comes again behind a late one finds those of its openings that nobody displaced.
 */
static void go_to(struct alerts *a, int64_t time_us)
{
	a->now_us = time_us;
	a->opening_count = time_us > a->newest_us ? 0 : count_live(a);
	a->newest_us = time_us > a->newest_us ? time_us : a->newest_us;
}

/* How many openings with this id the present instant has seen. */
static uint32_t ordinal(struct alerts *a, int64_t time_us, struct hash128 id)
{
	if (time_us != a->now_us) {
		go_to(a, time_us);
	}
	if (!openings_room(a)) {
		return 0;
	}
	struct opening *o = find_opening(a, id);
	if (!is_live(a, o)) {
		*o = (struct opening){id, a->now_us, 0};
		a->opening_count++;
	}
	return o->count++;
}

/* BLAKE2 keyed with the key file over rule, revision, key, opening time and ordinal. */
static void make_id(struct alerts *a, const struct finding *f)
{
	uint8_t mac[MAC_SIZE];
	struct buf text = {0};

	buf_slice(&text, f->rule->name);
	buf_char(&text, '\0');
	buf_add(&text, &f->rule->rev, sizeof(f->rule->rev));
	buf_add(&text, &f->key, sizeof(f->key));
	uint32_t nth = ordinal(a, f->time_us, hash128(a->options.key, text.p, text.len));
	buf_add(&text, &f->time_us, sizeof(f->time_us));
	buf_add(&text, &nth, sizeof(nth));
	mac_blake2b(a->options.key->key, HASH_KEY_SIZE, buf_view(&text), mac);
	hex_format(mac, sizeof(mac), a->id);
	buf_fini(&text);
}

static bool muted(struct alerts *a, const struct finding *f)
{
	struct buf text = {0};

	if (f->rule->suppress_us == 0) {
		return false;
	}
	buf_slice(&text, f->rule->suppress_group);
	buf_char(&text, '\0');
	buf_add(&text, &f->suppress_key, sizeof(f->suppress_key));
	struct hash128 key = hash128(a->options.key, text.p, text.len);
	buf_fini(&text);
	return suppress_muted(a->suppress, key, f->time_us, f->rule->suppress_us);
}

bool alerts_take(struct alerts *a, const struct finding *f, struct alert *out)
{
	a->stats.raised++;
	make_id(a, f);
	if (muted(a, f)) {
		a->stats.suppressed++;
		return false;
	}
	*out = (struct alert){
		.seq = ++a->seq,
		.time_us = f->time_us,
		.id = slice_of(a->id),
		.rule = f->rule->name,
		.severity = f->rule->severity,
		.type = "ringfence.alert.opened",
	};
	buf_reset(&a->json);
	alert_json(&a->json, &a->options, f, out);
	out->json = buf_view(&a->json);
	return true;
}

void alerts_stats(const struct alerts *a, struct alerts_stats *out)
{
	*out = a->stats;
	out->suppressions_evicted = suppress_evicted(a->suppress);
}

uint64_t alerts_next(const struct alerts *a)
{
	return a->seq + 1;
}

void alerts_skip(struct alerts *a, uint64_t next)
{
	a->seq = next > a->seq + 1 ? next - 1 : a->seq;
}

/* ---- state ---- */

static const char section[] = "alerts";

/* Slots of whatever instant: one may come again. */
static size_t count_used(const struct alerts *a)
{
	size_t count = 0;

	for (size_t i = 0; i < a->opening_cap; i++) {
		count += a->openings[i].count != 0;
	}
	return count;
}

void alerts_save(const struct alerts *a, struct state_out *out)
{
	state_begin(out, section);
	state_u64(out, a->seq);
	state_u64(out, a->stats.raised);
	state_u64(out, a->stats.suppressed);
	state_u64(out, (uint64_t)a->now_us);
	state_u64(out, (uint64_t)a->newest_us);
	state_u64(out, a->opening_cap);
	state_u64(out, count_used(a));
	for (size_t i = 0; i < a->opening_cap; i++) {
		if (a->openings[i].count) {
			state_u64(out, i);
			state_u64(out, a->openings[i].id.lo);
			state_u64(out, a->openings[i].id.hi);
			state_u64(out, (uint64_t)a->openings[i].time_us);
			state_u32(out, a->openings[i].count);
		}
	}
	suppress_save(a->suppress, out);
	state_end(out);
}

/* Each opening at its old place. With late findings between, one may lie where it is not found, as
 * it did before; that half of the slots at most are live makes every search end.
 */
static int load_openings(struct alerts *a, struct state_in *in, struct state_view *v)
{
	uint64_t cap = state_get_u64(v), count = state_get_u64(v);

	a->opening_cap = (size_t)cap;
	if (cap == 0 && count == 0) {
		return OK;
	}
	/* A table once large stays so; the bound only keeps a forged number off the allocator. */
	if (cap < OPENINGS_MIN || (cap & (cap - 1)) != 0 || cap > UINT32_MAX || count > cap) {
		return state_in_fail(in, "section %s: another number of openings", section);
	}
	a->openings = calloc(a->opening_cap, sizeof(*a->openings));
	if (!a->openings) {
		(void)state_in_fail(in, "no memory");
		return E_NOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t at = state_get_u64(v);
		struct opening o = {.id.lo = state_get_u64(v)};
		o.id.hi = state_get_u64(v);
		o.time_us = (int64_t)state_get_u64(v);
		o.count = state_get_u32(v);
		if (v->failed || at >= cap || !o.count || a->openings[at].count) {
			return state_in_fail(in, "section %s: broken openings", section);
		}
		a->openings[at] = o;
	}
	a->opening_count = count_live(a);
	if (a->opening_count * 2 > cap) {
		return state_in_fail(in, "section %s: another number of openings", section);
	}
	return OK;
}

int alerts_load(struct alerts *a, struct state_in *in)
{
	struct alerts next = *a;
	struct state_view v;
	int err = state_in_section(in, section, &v);

	if (err) {
		return err;
	}
	next.openings = NULL;
	next.opening_count = 0;
	next.suppress = suppress_new(a->options.suppress_max ? a->options.suppress_max
	                                                     : SUPPRESS_MAX_DEFAULT);
	next.seq = state_get_u64(&v);
	next.stats.raised = state_get_u64(&v);
	next.stats.suppressed = state_get_u64(&v);
	next.now_us = (int64_t)state_get_u64(&v);
	next.newest_us = (int64_t)state_get_u64(&v);
	if (!next.suppress) {
		(void)state_in_fail(in, "no memory");
		return E_NOMEM;
	}
	err = load_openings(&next, in, &v);
	err = err ? err : suppress_load(next.suppress, in, &v);
	err = err ? err : state_in_end(in, &v);
	suppress_free(err ? next.suppress : a->suppress);
	free(err ? next.openings : a->openings);
	if (err == OK) {
		*a = next;
	}
	return err;
}
