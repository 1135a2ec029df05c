/* Which (rule, by-values) are muted until when: an open-addressing table with a bound. */
#ifndef ENGINE_ALERTS_SUPPRESS_H
#define ENGINE_ALERTS_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/state.h"

struct suppress;

struct suppress *suppress_new(size_t max); /* NULL: no memory */
void suppress_free(struct suppress *s);
/* Within [t, t + for) of an opening with this key? Counts the muted one. Otherwise remembers this
 * opening until time_us + for_us and returns false. With the table full of live entries the one
 * that ends first goes.
 */
bool suppress_muted(struct suppress *s, struct hash128 key, int64_t time_us, int64_t for_us);
uint64_t suppress_evicted(const struct suppress *s);

void suppress_save(const struct suppress *s, struct state_out *out);
/* Takes the place of what s holds; s is untouched after an error: E_INVALID, E_NOMEM. */
int suppress_load(struct suppress *s, struct state_in *in, struct state_view *v);

#endif
