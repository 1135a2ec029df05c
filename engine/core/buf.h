/* A growable byte buffer, for text that is written piece by piece (JSON, tables, reports).
 * After a failed allocation `failed` stays set and appends do nothing; the owner checks once.
 */
#ifndef ENGINE_CORE_BUF_H
#define ENGINE_CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/slice.h"

struct buf {
	char *p;
	size_t len;
	size_t cap;
	bool failed;
};

void buf_fini(struct buf *b);
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_slice(struct buf *b, struct slice s);
void buf_text(struct buf *b, const char *text);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

static inline struct slice buf_view(const struct buf *b)
{
	return (struct slice){b->p, b->len};
}

#endif
