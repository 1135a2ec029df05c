/* A list that rules and operators write while traffic flows (rule-language.md section 8, Lists).
 *
 * It answers as a struct list. What its declaration or the site gives it to begin with (`seed`)
 * stays for good; entries that are added live until their time, and beyond `max` the oldest goes,
 * counted. Written between epochs by one thread, read in between by all workers; time is event
 * time, moved on by dynamic_list_at.
 */
#ifndef ENGINE_DETECT_DYNAMIC_LIST_H
#define ENGINE_DETECT_DYNAMIC_LIST_H

#include "core/hash.h"
#include "core/state.h"
#include "model/list.h"

enum { DYNAMIC_LIST_MAX = 1000000, DYNAMIC_TEXT_MAX = 256 };

struct dynamic_list;

/* max 0: DYNAMIC_LIST_MAX. seed is borrowed, NULL: none. NULL: no memory. */
struct dynamic_list *dynamic_list_new(enum list_type type, struct slice name, size_t max,
                                      const struct list *seed, const struct hash_key *key);
void dynamic_list_free(struct dynamic_list *d);
const struct list *dynamic_list_view(const struct dynamic_list *d);

/* What is asked from here on is asked at time_us. */
void dynamic_list_at(struct dynamic_list *d, int64_t time_us);
/* text: how the value is shown. until_us INT64_MAX: for good. An entry that is there begins anew.
 * False: no memory.
 */
bool dynamic_list_add(struct dynamic_list *d, const struct list_key *key, struct slice text,
                      int64_t until_us);
/* False: it was not there. */
bool dynamic_list_remove(struct dynamic_list *d, const struct list_key *key);

struct dynamic_entry {
	struct slice text;
	int64_t until_us;
};

/* Entries in force, oldest first: i from 0; false behind the last. *cursor starts at 0. */
bool dynamic_list_next(const struct dynamic_list *d, size_t *cursor, struct dynamic_entry *out);
size_t dynamic_list_count(const struct dynamic_list *d); /* entries, run out or not */
uint64_t dynamic_list_evicted(const struct dynamic_list *d);

void dynamic_list_save(const struct dynamic_list *d, struct state_out *out);
/* Into a new one. E_INVALID, E_NOMEM. */
int dynamic_list_load(struct dynamic_list *d, struct state_in *in, struct state_view *v);

#endif
