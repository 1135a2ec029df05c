/* Texts kept once each, named by a 32-bit offset: what many rows of a table share. Built by one
 * thread, then read by any.
 */
#ifndef ENGINE_ENRICH_TEXT_POOL_H
#define ENGINE_ENRICH_TEXT_POOL_H

#include <stdint.h>

#include "core/buf.h"
#include "core/hash.h"
#include "core/slice.h"

enum { TEXT_NONE = 0, POOL_TEXT_MAX = 255 };

struct text_pool {
	struct buf bytes; /* per text: tail_size bytes, its length, its bytes */
	struct buf slots; /* uint32_t offsets, open addressing; 0 is free */
	size_t count;
	size_t tail_size; /* bytes that the owner keeps with each text; zero at first */
	struct hash_key key;
};

void text_pool_init(struct text_pool *p, const struct hash_key *key, size_t tail_size);
void text_pool_fini(struct text_pool *p);
/* The offset of a text, which is added if it is not there yet; TEXT_NONE for a missing or empty
 * one. Texts beyond POOL_TEXT_MAX bytes are the caller's to refuse. *is_new may be NULL. When
 * memory is short TEXT_NONE and text_pool_failed().
 */
uint32_t text_pool_add(struct text_pool *p, struct slice text, bool *is_new);
/* TEXT_NONE when it is not there. */
uint32_t text_pool_find(const struct text_pool *p, struct slice text);
/* Missing for TEXT_NONE. */
struct slice text_pool_get(const struct text_pool *p, uint32_t offset);
/* What the owner keeps with a text; unaligned, until the next add. */
void *text_pool_tail(const struct text_pool *p, uint32_t offset);

static inline bool text_pool_failed(const struct text_pool *p)
{
	return p->bytes.failed || p->slots.failed;
}

#endif
