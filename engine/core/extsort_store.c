#include "core/extsort_store.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"

enum {
	CHUNK_BITS = 21,
	CHUNK_SIZE = 1024 * 1024 + 8, /* the longest record and its length */
};

/* Records one behind another: a length of 4 bytes, the bytes. */
struct sort_chunk {
	size_t used;
	size_t live;
	char bytes[CHUNK_SIZE];
};

void sort_store_fini(struct sort_store *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->chunks[i]);
	}
	free(s->chunks);
	free(s->spare);
}

/* The slot of the next chunk's number; those of released chunks at the front go first. */
static int chunks_reserve(struct sort_store *s)
{
	size_t gone = 0;

	while (gone < s->count && !s->chunks[gone]) {
		gone++;
	}
	if (gone > 0) {
		s->count -= gone;
		s->number_first += gone;
		memmove(s->chunks, s->chunks + gone, s->count * sizeof(struct sort_chunk *));
	}
	if (s->count < s->cap) {
		return OK;
	}
	size_t cap = s->cap ? 2 * s->cap : 64;
	struct sort_chunk **chunks = realloc(s->chunks, cap * sizeof(struct sort_chunk *));
	if (!chunks) {
		return E_NOMEM;
	}
	s->chunks = chunks;
	s->cap = cap;
	return OK;
}

static void chunk_release(struct sort_store *s, size_t i)
{
	struct sort_chunk *c = s->chunks[i];

	s->bytes -= c->used;
	s->chunks[i] = NULL;
	if (s->spare) {
		free(c);
	} else {
		s->spare = c;
	}
}

static int chunk_new(struct sort_store *s)
{
	/* A current chunk whose records are all taken was kept for writing only. */
	if (s->current && s->current->live == 0) {
		chunk_release(s, s->count - 1);
	}
	s->current = NULL;
	int err = chunks_reserve(s);
	if (err) {
		return err;
	}
	struct sort_chunk *c = s->spare ? s->spare : malloc(sizeof(*c));
	if (!c) {
		return E_NOMEM;
	}
	s->spare = NULL;
	c->used = 0;
	c->live = 0;
	s->chunks[s->count++] = c;
	s->current = c;
	return OK;
}

int sort_store_add(struct sort_store *s, const void *bytes, size_t len, uint64_t *seq)
{
	uint32_t len32 = (uint32_t)len;

	if (!s->current || CHUNK_SIZE - s->current->used < len + sizeof(len32)) {
		int err = chunk_new(s);
		if (err) {
			return err;
		}
	}
	struct sort_chunk *c = s->current;
	char *p = c->bytes + c->used;
	*seq = (s->number_first + s->count - 1) << CHUNK_BITS | c->used;
	memcpy(p, &len32, sizeof(len32));
	if (len > 0) {
		memcpy(p + sizeof(len32), bytes, len);
	}
	c->used += len + sizeof(len32);
	c->live++;
	s->bytes += len + sizeof(len32);
	return OK;
}

struct slice sort_store_record(const struct sort_store *s, uint64_t seq)
{
	const struct sort_chunk *c = s->chunks[(seq >> CHUNK_BITS) - s->number_first];
	const char *p = c->bytes + (seq & ((1 << CHUNK_BITS) - 1));
	uint32_t len;

	memcpy(&len, p, sizeof(len));
	return (struct slice){p + sizeof(len), len};
}

void sort_store_release(struct sort_store *s, uint64_t seq)
{
	size_t i = (size_t)((seq >> CHUNK_BITS) - s->number_first);
	struct sort_chunk *c = s->chunks[i];

	c->live--;
	if (c->live == 0 && c != s->current) {
		chunk_release(s, i);
	}
}

void sort_store_reset(struct sort_store *s)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->chunks[i]) {
			chunk_release(s, i);
		}
	}
	/* Numbers go on rising. */
	s->number_first += s->count;
	s->count = 0;
	s->current = NULL;
}
