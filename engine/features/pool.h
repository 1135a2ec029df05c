/* A bounded block allocator for one logical shard: a buddy system over one reserved range.
 *
 * Blocks are powers of two from 64 bytes; freed neighbours coalesce, so logs that grow and shrink
 * with the traffic do not fragment it (D. Knuth, TAOCP 1, 2.5). What it hands out depends on the
 * calls alone, never on the machine: eviction is the same in every run. Memory is touched only as
 * far as it is used. References are 32-bit, 0 is none. One thread at a time.
 */
#ifndef ENGINE_FEATURES_POOL_H
#define ENGINE_FEATURES_POOL_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t pool_ref; /* block number in units of POOL_UNIT; 0: none */

enum { POOL_UNIT = 64, POOL_ORDERS = 27, POOL_SPARE_ORDERS = 5, POOL_SPARE = 128 };

/* Blocks of one small order that were freed or cut lately: taken again without touching memory.
 * They are joined with their neighbours when a larger block is wanted and there is none.
 */
struct pool_spare {
	uint32_t count;
	pool_ref refs[POOL_SPARE];
};

struct pool {
	char *base;
	size_t size;
	size_t used;    /* bytes in blocks handed out */
	uint8_t *order; /* of the block that begins at a unit: its order + 1; 0x80 when free */
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

static inline void *pool_at(const struct pool *p, pool_ref ref)
{
	return p->base + (size_t)ref * POOL_UNIT;
}

#endif
