/* The texts of calls and transactions: a list of slices kept together in a chain of 128-byte
 * chunks from a slab, so that a call takes the memory that its texts need and no more.
 *
 * A text that is longer than its bound (CALL_ID_KEPT for the first of a list, CALL_TEXT_KEPT for
 * the others) is cut. A text equal to the one before it in the list is stored once: order lists so
 * that equal ones meet (P-Asserted-Identity, caller, From).
 */
#ifndef ENGINE_CALLS_TEXTS_H
#define ENGINE_CALLS_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#include "calls/slab.h"
#include "core/slice.h"
#include "core/state.h"

enum {
	TEXTS_MAX = 20, /* in one list */
	TEXTS_FIRST_KEPT = 1024,
	TEXTS_OTHER_KEPT = 512,
	TEXTS_CHUNK = 128,
	TEXTS_BUFFER = TEXTS_FIRST_KEPT + (TEXTS_MAX - 1) * TEXTS_OTHER_KEPT,
	/* A list never takes more: a slab has at least as many. */
	TEXTS_CHUNKS_MAX = TEXTS_BUFFER / (TEXTS_CHUNK - 4) + 2,
};

/* Cuts the texts of a list to their bounds; how many were too long. */
size_t texts_cut(struct slice *list, size_t count);
/* Chunks that the list takes (already cut). */
uint32_t texts_chunks(const struct slice *list, size_t count);
/* The first chunk. The slab has texts_chunks free slots of TEXTS_CHUNK bytes. */
uint32_t texts_put(struct slab *chunks, const struct slice *list, size_t count);
/* The list as it was put, slices into buffer. */
void texts_get(const struct slab *chunks, uint32_t first, char buffer[TEXTS_BUFFER],
               struct slice *list, size_t count);
void texts_drop(struct slab *chunks, uint32_t first);

/* The list as bytes of a state file, and back: slices into the view. False when the bytes are no
 * list that texts_put took.
 */
void texts_save(const struct slice *list, size_t count, struct state_out *out);
bool texts_load(struct state_view *v, struct slice *list, size_t count);

#endif
