#include "app/feed_census.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"

enum { IDS_AT_FIRST = 1 << 12 };

struct census {
	struct feed_census counts;
	const struct hash_key *key;
	uint64_t *ids; /* hashes of Call-IDs, open addressing; 0 is empty */
	size_t slots;  /* a power of two */
};

int census_new(const struct hash_key *key, struct census **out)
{
	struct census *c = calloc(1, sizeof(*c));

	if (!c || !(c->ids = calloc(IDS_AT_FIRST, sizeof(*c->ids)))) {
		free(c);
		return E_NOMEM;
	}
	c->key = key;
	c->slots = IDS_AT_FIRST;
	*out = c;
	return OK;
}

void census_free(struct census *c)
{
	if (c) {
		free(c->ids);
		free(c);
	}
}

/* Where hash is, or the empty slot for it. */
static uint64_t *find_slot(uint64_t *ids, size_t slots, uint64_t hash)
{
	size_t at = hash & (slots - 1);

	while (ids[at] && ids[at] != hash) {
		at = (at + 1) & (slots - 1);
	}
	return &ids[at];
}

static int grow(struct census *c)
{
	uint64_t *ids = calloc(c->slots * 2, sizeof(*ids));

	if (!ids) {
		return E_NOMEM;
	}
	for (size_t i = 0; i < c->slots; i++) {
		if (c->ids[i]) {
			*find_slot(ids, c->slots * 2, c->ids[i]) = c->ids[i];
		}
	}
	free(c->ids);
	c->ids = ids;
	c->slots *= 2;
	return OK;
}

static int count_call_id(struct census *c, struct slice call_id)
{
	uint64_t hash = hash_slice(c->key, call_id) | 1; /* never the empty slot */

	if (c->counts.call_ids >= c->slots / 4 * 3 && grow(c) != OK) {
		return E_NOMEM;
	}
	uint64_t *slot = find_slot(c->ids, c->slots, hash);
	if (!*slot) {
		*slot = hash;
		c->counts.call_ids++;
	}
	return OK;
}

/* The row of a method, NULL when there is none yet. */
static struct method_count *find_method(struct feed_census *counts, struct slice method)
{
	for (size_t i = 0; i < counts->method_count; i++) {
		struct method_count *row = &counts->by_method[i];
		if (row->method[method.len] == '\0' &&
		    memcmp(row->method, method.p, method.len) == 0) {
			return row;
		}
	}
	return NULL;
}

/* Senders may invent methods without end: those too many or too long share one row. */
static void count_method(struct feed_census *counts, struct slice method)
{
	enum { ROWS = sizeof(counts->by_method) / sizeof(counts->by_method[0]) };
	static const struct slice other = SLICE_LIT("other");

	method = method.len < sizeof(counts->by_method[0].method) ? method : other;
	struct method_count *row = find_method(counts, method);
	if (!row && counts->method_count >= ROWS - 1) {
		method = other;
		row = find_method(counts, method);
	}
	if (!row) {
		row = &counts->by_method[counts->method_count++];
		memcpy(row->method, method.p, method.len);
	}
	row->count++;
}

static bool has_start_line(enum reason refused)
{
	switch (refused) {
	case REASON_NOT_SIP:
	case REASON_KEEPALIVE:
	case REASON_SIP_START_LINE:
	case REASON_SIP_VERSION:
	case REASON_SIP_STATUS: return false;
	default: return true;
	}
}

int census_message(struct census *c, const struct sip_msg *msg, enum reason refused)
{
	enum { CODES = sizeof(c->counts.by_code) / sizeof(c->counts.by_code[0]) };

	if (!has_start_line(refused)) {
		return OK;
	}
	c->counts.messages++;
	if (msg->request) {
		c->counts.requests++;
		count_method(&c->counts, msg->method_text);
	} else {
		c->counts.responses++;
		c->counts.by_code[msg->status < CODES ? msg->status : 0]++;
	}
	return msg->call_id.len ? count_call_id(c, msg->call_id) : OK;
}

const struct feed_census *census_view(const struct census *c)
{
	return &c->counts;
}
