/* Saves a table and takes one back. The rows lie in the pools, which are saved and loaded whole
 * (pool_save, pool_load); here is what leads to them. Reading claims the table's blocks.
 */
#ifndef ENGINE_FEATURES_TABLE_STATE_H
#define ENGINE_FEATURES_TABLE_STATE_H

#include "core/state.h"
#include "features/table.h"
#include "features/window_state.h"

/* How the rows of a table are to be judged. */
struct table_claim {
	struct pool *pools; /* TABLE_SHARDS of them, loaded */
	struct window_texts texts[TABLE_WINDOWS_MAX];
	/* The events that wait in a row which is not open: NULL, or what is wrong. */
	const char *(*early)(const void *user, const struct pool *pool, const struct row *row);
	/* A note's block, of owners[owner]: NULL once it is claimed and right, or what is wrong. */
	const char *(*state)(const void *user, struct pool *pool, pool_ref ref, unsigned owner);
	const void *user;
	/* Notes of owners[n] become those of renamed[n]; any other owner is refused. */
	const uint32_t *owners;
	const uint32_t *renamed;
	unsigned owner_count;
};

void table_save(const struct table *t, struct state_out *out);
/* t is new, its specs are those it was saved with. E_INVALID (in->why): t and the pools are to be
 * freed then.
 */
int table_load(struct table *t, const struct table_claim *claim, struct state_in *in,
               struct state_view *v);

#endif
