/* Bump allocator in growing blocks, for everything that dies together.
 *
 * One arena per lifetime: a batch of events (reset after each batch, blocks kept), a loaded rule
 * set (freed whole on reload). There is no per-object free. When size_max is used up allocation
 * returns NULL and the overflow flag stays set until the next reset, so a caller may build a
 * whole record and test arena_overflowed() once.
 *
 * Not thread-safe: an arena belongs to one thread.
 */
#ifndef ENGINE_CORE_ARENA_H
#define ENGINE_CORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "core/slice.h"

struct arena_block;

struct arena {
	struct arena_block *first; /* kept on reset: after warm-up a batch allocates nothing */
	struct arena_block *now;
	size_t used;     /* bytes handed out since the last reset */
	size_t size_max; /* refuses beyond it */
	bool overflowed;
};

void arena_init(struct arena *a, size_t size_max);
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);

/* size bytes, zeroed, aligned for any type; NULL on overflow. */
void *arena_alloc(struct arena *a, size_t size);
/* The same, not zeroed, byte-aligned: for text. */
char *arena_text(struct arena *a, size_t size);

/* A copy that lives as long as the arena; a missing slice on overflow or when s is missing. */
struct slice arena_copy(struct arena *a, struct slice s);
/* A NUL-terminated copy; NULL on overflow. */
char *arena_str(struct arena *a, struct slice s);
/* printf into the arena. */
struct slice arena_printf(struct arena *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline bool arena_overflowed(const struct arena *a)
{
	return a->overflowed;
}

#endif
