#include "detect/dynamic_list.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"

enum { CAP_MIN = 64 };

/* Entries lie in a ring in the order in which they were added; slots lead to them by hash. One that
 * was removed or added anew leaves a hole (text NULL) until the ring is swept.
 */
struct entry {
	struct hash128 id;
	int64_t until_us;
	char *text;
	size_t len;
};

struct dynamic_list {
	struct list view; /* first: what rules see */
	const struct list *seed;
	struct hash_key key;
	size_t max;
	int64_t now_us;
	struct entry *entries;
	size_t begin, end, room; /* of entries */
	size_t live;             /* without holes */
	uint32_t *slots;         /* index + 1; 0: empty */
	size_t cap;              /* a power of two */
	uint64_t evicted;
};

static struct hash128 id_of(const struct dynamic_list *d, const struct list_key *key)
{
	switch (d->view.type) {
	case LIST_NUM:
	case LIST_PREFIX: return hash128(&d->key, &key->num, sizeof(key->num));
	case LIST_IP:
	case LIST_CIDR: return hash128(&d->key, key->ip.bytes, sizeof(key->ip.bytes));
	case LIST_COUNTRY: return hash128(&d->key, &key->country, sizeof(key->country));
	default: return hash128(&d->key, key->text.p, key->text.len);
	}
}

static uint32_t *find_slot(const struct dynamic_list *d, struct hash128 id)
{
	size_t at = (size_t)id.lo & (d->cap - 1);

	for (; d->slots[at]; at = (at + 1) & (d->cap - 1)) {
		const struct entry *e = &d->entries[d->slots[at] - 1];
		if (e->id.lo == id.lo && e->id.hi == id.hi) {
			break;
		}
	}
	return &d->slots[at];
}

static int64_t find(const struct list *list, const struct list_key *key)
{
	const struct dynamic_list *d = (const struct dynamic_list *)(const void *)list;
	int64_t row = d->seed ? d->seed->find(d->seed, key) : -1;

	if (row >= 0) {
		return row;
	}
	uint32_t slot = *find_slot(d, id_of(d, key));
	return slot && d->entries[slot - 1].text && d->entries[slot - 1].until_us > d->now_us
	               ? (int64_t)1 << 40
	               : -1;
}

static struct slice attribute(const struct list *list, int64_t row, unsigned column)
{
	const struct dynamic_list *d = (const struct dynamic_list *)(const void *)list;

	return d->seed && row < (int64_t)1 << 40 ? d->seed->attribute(d->seed, row, column)
	                                         : SLICE_NONE;
}

struct dynamic_list *dynamic_list_new(enum list_type type, struct slice name, size_t max,
                                      const struct list *seed, const struct hash_key *key)
{
	struct dynamic_list *d = calloc(1, sizeof(*d));

	if (!d) {
		return NULL;
	}
	d->view = (struct list){.type = type,
	                        .name = name,
	                        .version = seed ? seed->version : SLICE_LIT("dynamic"),
	                        .find = find,
	                        .count = seed ? seed->count : 0,
	                        .attribute = attribute};
	d->seed = seed;
	d->key = *key;
	d->max = max && max < DYNAMIC_LIST_MAX ? max : DYNAMIC_LIST_MAX;
	d->now_us = INT64_MIN;
	d->cap = 2 * CAP_MIN;
	d->room = CAP_MIN;
	d->slots = calloc(d->cap, sizeof(*d->slots));
	d->entries = calloc(d->room, sizeof(*d->entries));
	if (!d->slots || !d->entries) {
		dynamic_list_free(d);
		return NULL;
	}
	return d;
}

void dynamic_list_free(struct dynamic_list *d)
{
	if (!d) {
		return;
	}
	for (size_t i = d->begin; i < d->end; i++) {
		free(d->entries[i].text);
	}
	free(d->entries);
	free(d->slots);
	free(d);
}

const struct list *dynamic_list_view(const struct dynamic_list *d)
{
	return &d->view;
}

void dynamic_list_at(struct dynamic_list *d, int64_t time_us)
{
	d->now_us = time_us > d->now_us ? time_us : d->now_us;
}

/* ---- writing ---- */

static void set_live(struct dynamic_list *d, size_t live)
{
	d->live = live;
	d->view.count = live + (d->seed ? d->seed->count : 0);
}

static void forget(struct dynamic_list *d, struct entry *e)
{
	free(e->text);
	e->text = NULL;
	set_live(d, d->live - 1);
}

/* Without holes and what has run out, in new arrays large enough for twice as many. */
static bool sweep(struct dynamic_list *d)
{
	size_t room = CAP_MIN, kept = 0;

	while (room < d->live * 2 + 2) {
		room *= 2;
	}
	struct entry *entries = calloc(room, sizeof(*entries));
	uint32_t *slots = calloc(room * 2, sizeof(*slots));
	if (!entries || !slots) {
		free(entries);
		free(slots);
		return false;
	}
	for (size_t i = d->begin; i < d->end; i++) {
		struct entry *e = &d->entries[i];
		if (e->text && e->until_us > d->now_us) {
			entries[kept++] = *e;
		} else {
			free(e->text);
		}
	}
	free(d->entries);
	free(d->slots);
	d->entries = entries;
	d->slots = slots;
	d->room = room;
	d->cap = room * 2;
	d->begin = 0;
	d->end = kept;
	set_live(d, kept);
	for (size_t i = 0; i < kept; i++) {
		*find_slot(d, entries[i].id) = (uint32_t)(i + 1);
	}
	return true;
}

static void evict_oldest(struct dynamic_list *d)
{
	while (d->begin < d->end && !d->entries[d->begin].text) {
		d->begin++;
	}
	if (d->begin < d->end) {
		forget(d, &d->entries[d->begin]);
		d->evicted++;
	}
}

bool dynamic_list_add(struct dynamic_list *d, const struct list_key *key, struct slice text,
                      int64_t until_us)
{
	struct hash128 id = id_of(d, key);
	uint32_t *slot = find_slot(d, id);

	text = slice_first(text, DYNAMIC_TEXT_MAX);
	if (*slot && d->entries[*slot - 1].text) {
		forget(d, &d->entries[*slot - 1]);
	}
	if (d->live == d->max) {
		evict_oldest(d);
	}
	if (d->end == d->room && !sweep(d)) {
		return false;
	}
	char *copy = malloc(text.len + 1);
	if (!copy) {
		return false;
	}
	memcpy(copy, text.p ? text.p : "", text.len);
	slot = find_slot(d, id);
	d->entries[d->end++] = (struct entry){id, until_us, copy, text.len};
	*slot = (uint32_t)d->end;
	set_live(d, d->live + 1);
	return true;
}

bool dynamic_list_remove(struct dynamic_list *d, const struct list_key *key)
{
	uint32_t slot = *find_slot(d, id_of(d, key));

	if (!slot || !d->entries[slot - 1].text) {
		return false;
	}
	forget(d, &d->entries[slot - 1]);
	return true;
}

/* ---- reading ---- */

bool dynamic_list_next(const struct dynamic_list *d, size_t *cursor, struct dynamic_entry *out)
{
	size_t i = *cursor > d->begin ? *cursor : d->begin;

	for (; i < d->end; i++) {
		const struct entry *e = &d->entries[i];
		if (e->text && e->until_us > d->now_us) {
			*out = (struct dynamic_entry){{e->text, e->len}, e->until_us};
			*cursor = i + 1;
			return true;
		}
	}
	return false;
}

size_t dynamic_list_count(const struct dynamic_list *d)
{
	return d->live;
}

uint64_t dynamic_list_evicted(const struct dynamic_list *d)
{
	return d->evicted;
}

/* ---- state ---- */

void dynamic_list_save(const struct dynamic_list *d, struct state_out *out)
{
	state_u64(out, (uint64_t)d->now_us);
	state_u64(out, d->evicted);
	state_u64(out, d->live);
	for (size_t i = d->begin; i < d->end; i++) {
		const struct entry *e = &d->entries[i];
		if (e->text) {
			state_u64(out, e->id.lo);
			state_u64(out, e->id.hi);
			state_u64(out, (uint64_t)e->until_us);
			state_u32(out, (uint32_t)e->len);
			state_bytes(out, e->text, e->len);
		}
	}
}

int dynamic_list_load(struct dynamic_list *d, struct state_in *in, struct state_view *v)
{
	int64_t now_us = (int64_t)state_get_u64(v);
	uint64_t evicted = state_get_u64(v), count = state_get_u64(v);

	for (uint64_t i = 0; i < count && !v->failed; i++) {
		struct hash128 id = {.lo = state_get_u64(v)};
		id.hi = state_get_u64(v);
		int64_t until_us = (int64_t)state_get_u64(v);
		uint32_t len = state_get_u32(v);
		const void *bytes = len <= DYNAMIC_TEXT_MAX ? state_get_bytes(v, len) : NULL;
		if (v->failed || !bytes || d->live == d->max) {
			return state_in_fail(in, "section %s: a broken list", v->name);
		}
		char *copy = (d->end == d->room && !sweep(d)) ? NULL : malloc((size_t)len + 1);
		if (!copy) {
			(void)state_in_fail(in, "no memory");
			return E_NOMEM;
		}
		memcpy(copy, bytes, len);
		d->entries[d->end++] = (struct entry){id, until_us, copy, len};
		*find_slot(d, id) = (uint32_t)d->end;
		set_live(d, d->live + 1);
	}
	d->now_us = now_us;
	d->evicted = evicted;
	return v->failed ? state_in_fail(in, "section %s: a broken list", v->name) : OK;
}
