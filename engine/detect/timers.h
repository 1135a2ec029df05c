/* Instants at which something is due for a key: a heap, earliest first, ties by group and key, so
 * that what is due comes in one order whatever came before. One thread.
 */
#ifndef ENGINE_DETECT_TIMERS_H
#define ENGINE_DETECT_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"

struct timer {
	int64_t due_us;
	struct hash128 key;
	uint32_t group;
};

struct timers {
	struct timer *heap;
	size_t count;
	size_t cap;
};

void timers_fini(struct timers *t);
/* False: no memory. */
bool timers_add(struct timers *t, const struct timer *timer);
/* Takes the earliest out when it is due before limit_us. */
bool timers_take(struct timers *t, int64_t limit_us, struct timer *out);

#endif
