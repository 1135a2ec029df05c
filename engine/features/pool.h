/* A bounded block allocator for one logical shard: a buddy system over one reserved range.
 *
 * Blocks are powers of two from 64 bytes; freed neighbours coalesce, so logs that grow and shrink
 * with the traffic do not fragment it (D. Knuth, TAOCP 1, 2.5). What it hands out depends on the
 * calls alone, never on the machine: eviction is the same in every run. Memory is touched only as
 * far as it is used. References are 32-bit, 0 is none. One thread at a time.
 */
#ifndef ENGINE_FEATURES_POOL_H
#define ENGINE_FEATURES_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_in;
struct state_out;
struct state_view;

typedef uint32_t pool_ref; /* block number in units of POOL_UNIT; 0: none */

enum { POOL_UNIT = 64, POOL_ORDERS = 27, POOL_SPARE_ORDERS = 5, POOL_SPARE = 128 };

/* Blocks of one small order that were freed or cut lately: taken again without touching memory.
 * They are joined with their neighbours when a larger block is wanted and there is none.
 */
struct pool_spare {
	uint32_t count;
	pool_ref refs[POOL_SPARE];
};

/* The upper bits of a block's byte in the order table: what it is. All but the first and the last
 * occur only between pool_load and pool_settle, and in the file.
 */
enum pool_mark {
	POOL_OWNED = 0x00,
	POOL_TEXT = 0x20,      /* owned, and text that others refer to */
	POOL_UNCLAIMED = 0x40, /* read from a file; nobody has asked for it yet */
	POOL_LISTED = 0x60,    /* owned (or spare), and still to be met in a list */
	POOL_FREE = 0x80,
	POOL_FREE_LISTED = 0xa0, /* free, and still to be met in the list of its order */
};
enum { POOL_MARKS = 0xe0, POOL_ORDER_BITS = 0x1f };

/* A free block's own bytes hold its neighbours in the list of its order. */
struct pool_links {
	pool_ref prev;
	pool_ref next;
};

struct pool {
	char *base;
	size_t size;
	size_t used;    /* bytes in blocks handed out */
	uint8_t *order; /* of the block that begins at a unit: its order + 1 and its mark; else 0 */
	pool_ref free[POOL_ORDERS];
	struct pool_spare spare[POOL_SPARE_ORDERS];
};

/* size is rounded down to whole units. E_NOMEM. */
int pool_init(struct pool *p, size_t size);
void pool_fini(struct pool *p);
/* A block of at least size bytes, not zeroed; 0 when there is none. */
pool_ref pool_alloc(struct pool *p, size_t size);
void pool_release(struct pool *p, pool_ref ref);
/* Bytes of the block behind ref. */
size_t pool_size(const struct pool *p, pool_ref ref);

/* A pool without a block: pool_load fills it. */
int pool_init_bare(struct pool *p, size_t size);

/* ---- pool_state.c ---- */

/* The whole pool: what is where, its lists in their order (so that a pool read back hands out what
 * this one would have), the bytes of its blocks. Free memory is not written.
 */
void pool_save(const struct pool *p, struct state_out *out);
/* Takes the place of what p holds, which must be a pool of the same size. p is untouched after an
 * error: E_INVALID, E_NOMEM. All blocks are POOL_UNCLAIMED: their owners claim them one by one,
 * then pool_settle gives back those that nobody claimed.
 */
int pool_load(struct pool *p, struct state_in *in, struct state_view *v);
/* Is there a block of at least size bytes with mark `from` at ref? It is marked `to` then. ref may
 * be anything.
 */
bool pool_move(struct pool *p, pool_ref ref, enum pool_mark from, enum pool_mark to, size_t size);
static inline bool pool_claim(struct pool *p, pool_ref ref, size_t size)
{
	return pool_move(p, ref, POOL_UNCLAIMED, POOL_OWNED, size);
}
/* Returns how many blocks nobody claimed. */
size_t pool_settle(struct pool *p);

static inline void *pool_at(const struct pool *p, pool_ref ref)
{
	return p->base + (size_t)ref * POOL_UNIT;
}

#endif
