/* Call ids by event number: windows hold 8-byte event numbers, the text lives here once and is read
 * only when an alert opens. Kept by batch, newest first to go last; beyond the bound the oldest
 * batch goes, and evidence older than that names its calls no more (counted in the alert as
 * truncated).
 */
#ifndef ENGINE_DETECT_CALLIDS_H
#define ENGINE_DETECT_CALLIDS_H

#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/state.h"
#include "model/batch.h"

struct callids_chunk;

struct callids {
	struct callids_chunk **chunks; /* ring, by first event */
	size_t cap;
	size_t head;
	size_t count;
	size_t bytes;
	size_t bytes_max;
};

int callids_init(struct callids *c, size_t bytes_max); /* E_NOMEM */
void callids_fini(struct callids *c);
/* Keeps the ids of a batch. Without memory the batch's ids are not kept. */
void callids_add(struct callids *c, const struct batch *batch);
/* Missing when it is not kept (any more). */
struct slice callids_get(const struct callids *c, uint64_t event);

void callids_save(const struct callids *c, struct state_out *out);
/* Takes the place of what c holds; c is untouched after an error: E_INVALID, E_NOMEM. Beyond c's
 * bound the oldest go.
 */
int callids_load(struct callids *c, struct state_in *in, struct state_view *v);

#endif
