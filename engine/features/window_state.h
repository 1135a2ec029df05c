/* Windows that were read from a file: everything in them that the engine will follow or count by is
 * checked, and every block they refer to is claimed (pool_load), so that no block has two owners.
 *
 * What is only a number (sums, counts of values) is taken as it is: a forged file may make a window
 * lie, it cannot make it reach beyond its blocks.
 */
#ifndef ENGINE_FEATURES_WINDOW_STATE_H
#define ENGINE_FEATURES_WINDOW_STATE_H

#include "features/window.h"

/* Which arguments of a window's events refer to text (POOL_TEXT) in its pool. */
struct window_texts {
	uint32_t args; /* bit n: argument n */
};

/* NULL, or what is wrong. */
const char *window_claim(struct pool *pool, const struct window_spec *spec,
                         struct window_texts texts, const struct window *w);

/* Does the argument refer to a text of the pool? */
bool window_text_known(const struct pool *pool, uint64_t arg);

#endif
