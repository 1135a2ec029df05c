#include "alerts/alerts.h"

#include <stdlib.h>
#include <string.h>

#include "alerts/alert_json.h"
#include "alerts/suppress.h"
#include "core/crypto.h"

enum { SUPPRESS_MAX_DEFAULT = 1 << 20, OPENINGS_MIN = 64 };

/* Openings of one rule and key at one instant; one of an earlier instant is an empty slot. */
struct opening {
	const struct finding_rule *rule;
	struct hash128 key;
	int64_t time_us;
	uint32_t count;
};

struct alerts {
	struct alerts_options options;
	struct suppress *suppress;
	struct alerts_stats stats;
	uint64_t seq;
	struct buf json;
	char id[2 * MAC_SIZE + 1];
	int64_t now_us;
	struct opening *openings; /* of the present instant, by key */
	size_t opening_count;
	size_t opening_cap; /* a power of two */
};

struct alerts *alerts_new(const struct alerts_options *options)
{
	struct alerts *a = calloc(1, sizeof(*a));

	if (!a) {
		return NULL;
	}
	a->options = *options;
	a->now_us = INT64_MIN;
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

/* Where the opening of this rule and key is, or belongs. */
static struct opening *find_opening(const struct alerts *a, const struct finding_rule *rule,
                                    struct hash128 key)
{
	size_t at = (size_t)key.lo & (a->opening_cap - 1);

	for (;;) {
		struct opening *o = &a->openings[at];
		bool live = o->rule && o->time_us == a->now_us;
		if (!live || (o->rule == rule && o->key.lo == key.lo && o->key.hi == key.hi)) {
			return o;
		}
		at = (at + 1) & (a->opening_cap - 1);
	}
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
		if (old[i].rule && old[i].time_us == a->now_us) {
			*find_opening(a, old[i].rule, old[i].key) = old[i];
		}
	}
	free(old);
	return true;
}

/* How many openings of this rule and key the present instant has seen. */
static uint32_t ordinal(struct alerts *a, const struct finding *f)
{
	if (f->time_us != a->now_us) {
		a->now_us = f->time_us;
		a->opening_count = 0;
	}
	if (!openings_room(a)) {
		return 0;
	}
	struct opening *o = find_opening(a, f->rule, f->key);
	if (!o->rule || o->time_us != a->now_us) {
		*o = (struct opening){f->rule, f->key, a->now_us, 0};
		a->opening_count++;
	}
	return o->count++;
}

/* BLAKE2 keyed with the key file over rule, revision, key, opening time and ordinal. */
static void make_id(struct alerts *a, const struct finding *f)
{
	uint8_t mac[MAC_SIZE];
	struct buf text = {0};
	uint32_t nth = ordinal(a, f);

	buf_slice(&text, f->rule->name);
	buf_char(&text, '\0');
	buf_add(&text, &f->rule->rev, sizeof(f->rule->rev));
	buf_add(&text, &f->key, sizeof(f->key));
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
