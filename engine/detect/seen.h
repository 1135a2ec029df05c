/* What new() remembers: when a key last showed a value, and when the key was first seen. Exact: an
 * open-addressing table of hashes; entries older than their history go when room is wanted, then
 * the oldest half. One thread (a block of shards has its own).
 */
#ifndef ENGINE_DETECT_SEEN_H
#define ENGINE_DETECT_SEEN_H

#include <stdint.h>

#include "core/hash.h"
#include "core/state.h"

enum { SEEN_MAX = 1 << 20 };

struct seen_entry {
	struct hash128 id; /* of rule, call, key and value; lo 0: empty */
	int64_t time_us;
	int64_t until_us; /* of no use after it */
};

struct seen {
	struct seen_entry *slots;
	size_t cap;
	size_t count;
	uint64_t evicted;
};

void seen_fini(struct seen *s);
/* The time that id was last noted; INT64_MIN: never, or not within its history. Notes time_us (the
 * later of the two) until time_us + history_us; keep_first: notes only when there was none.
 */
int64_t seen_note(struct seen *s, struct hash128 id, int64_t time_us, int64_t history_us,
                  bool keep_first);

void seen_save(const struct seen *s, struct state_out *out);
int seen_load(struct seen *s, struct state_in *in, struct state_view *v); /* E_INVALID, E_NOMEM */

#endif
