/* Which call ids were seen within the last 24 h of event time (interfaces.md 1.1): two records
 * with one call id are one call, the first in order is kept.
 *
 *	uint64_t hash = dedupe_hash(d, call_id);
 *	dedupe_prefetch(d, hash);           a few records ahead, where records come in batches
 *	if (dedupe_seen(d, hash, time_us))  a duplicate: drop it and count it
 *
 * A record is a duplicate when its time is at most window_us from that of the kept record with its
 * call id, before or after; a later one is a new call and is kept in its place.
 *
 * Open addressing in cache lines of four entries (64-bit keyed hash and time): a call id has two
 * lines it may lie in, and an entry moves to its other line to make room (R. Pagh, F. Rodler,
 * "Cuckoo hashing", two steps at most). Three lines for every eight entries promised, so 24 bytes
 * an entry; the table begins small and doubles as it fills. An entry is dead, and its room free,
 * when the newest time seen is more than window_us + DEDUPE_SLACK_US ahead of it, so that late
 * records are still judged right. When no steps make room the oldest of the eight entries goes,
 * counted; that does not happen with at most entries_max calls in the window. Two call ids with one
 * hash would be one: with 10 M entries once in 10^12 records.
 *
 * One thread.
 */
#ifndef ENGINE_CALLS_DEDUPE_H
#define ENGINE_CALLS_DEDUPE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/instant.h"
#include "core/state.h"

#define DEDUPE_WINDOW_US US_PER_DAY
#define DEDUPE_SLACK_US  US_PER_HOUR

struct dedupe;

struct dedupe_stat {
	uint64_t seen; /* records asked about */
	uint64_t duplicates;
	uint64_t evicted; /* still in the window when they went */
};

/* key outlives the result. NULL when memory is short. */
struct dedupe *dedupe_new(uint64_t entries_max, int64_t window_us, const struct hash_key *key);
void dedupe_free(struct dedupe *d);

uint64_t dedupe_hash(const struct dedupe *d, struct slice call_id);
void dedupe_prefetch(const struct dedupe *d, uint64_t hash);
/* true: a duplicate. false: remembered as kept. */
bool dedupe_seen(struct dedupe *d, uint64_t hash, int64_t time_us);

void dedupe_stat(const struct dedupe *d, struct dedupe_stat *stat);

/* A section of its own. */
void dedupe_save(const struct dedupe *d, struct state_out *out);
/* Takes the place of what d remembers; d is untouched after an error: E_INVALID (in->why; also
 * when it was saved with other entries_max or window_us), E_NOTFOUND, E_NOMEM.
 */
int dedupe_load(struct dedupe *d, struct state_in *in);

#endif
