#include "core/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 256 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *a, size_t size_max)
{
	*a = (struct arena){.size_max = size_max};
}

void arena_reset(struct arena *a)
{
	for (struct arena_block *b = a->first; b; b = b->next) {
		b->used = 0;
	}
	a->now = a->first;
	a->used = 0;
	a->overflowed = false;
}

void arena_fini(struct arena *a)
{
	for (struct arena_block *b = a->first, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){0};
}

static struct arena_block *block_new(size_t size)
{
	size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
	struct arena_block *b = malloc(sizeof(*b) + room);

	if (b) {
		b->next = NULL;
		b->size = room;
		b->used = 0;
	}
	return b;
}

/* The next block with room for size bytes: a kept one, else a new one behind the present. */
static struct arena_block *next_block(struct arena *a, size_t size)
{
	while (a->now && a->now->next) {
		a->now = a->now->next;
		if (a->now->size >= size) {
			return a->now;
		}
	}
	struct arena_block *b = block_new(size);
	if (!b) {
		return NULL;
	}
	if (a->now) {
		a->now->next = b;
	} else {
		a->first = b;
	}
	a->now = b;
	return b;
}

static char *take(struct arena *a, size_t size, size_t align)
{
	struct arena_block *b = a->now;
	size_t start = b ? (b->used + align - 1) & ~(align - 1) : 0;

	/* Written as subtractions so that a huge size cannot wrap around. */
	if (a->used > a->size_max || size > a->size_max - a->used) {
		a->overflowed = true;
		return NULL;
	}
	if (!b || start > b->size || size > b->size - start) {
		b = next_block(a, size);
		start = 0;
	}
	if (!b) {
		a->overflowed = true;
		return NULL;
	}
	b->used = start + size;
	a->used += size;
	return b->bytes + start;
}

void *arena_alloc(struct arena *a, size_t size)
{
	char *p = take(a, size, alignof(max_align_t));

	return p ? memset(p, 0, size) : NULL;
}

char *arena_text(struct arena *a, size_t size)
{
	return take(a, size, 1);
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	char *p = s.p ? take(a, s.len, 1) : NULL;

	if (!p) {
		return SLICE_NONE;
	}
	if (s.len > 0) {
		memcpy(p, s.p, s.len);
	}
	return (struct slice){p, s.len};
}

char *arena_str(struct arena *a, struct slice s)
{
	char *p = take(a, s.len + 1, 1);

	if (p) {
		if (s.len > 0) {
			memcpy(p, s.p, s.len);
		}
		p[s.len] = '\0';
	}
	return p;
}

struct slice arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *p = len < 0 ? NULL : take(a, (size_t)len + 1, 1);

	if (!p) {
		return SLICE_NONE;
	}
	va_start(args, format);
	(void)vsnprintf(p, (size_t)len + 1, format, args);
	va_end(args);
	return (struct slice){p, (size_t)len};
}
