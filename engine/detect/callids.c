#include "detect/callids.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"

struct callids_chunk {
	uint64_t first;
	uint32_t count;
	size_t size;
	uint32_t ends[]; /* of each text in the bytes behind; the texts follow */
};

enum { RING_MIN = 64 };

int callids_init(struct callids *c, size_t bytes_max)
{
	*c = (struct callids){.cap = RING_MIN, .bytes_max = bytes_max};
	c->chunks = calloc(c->cap, sizeof(struct callids_chunk *));
	return c->chunks ? OK : E_NOMEM;
}

static struct callids_chunk **chunk_at(const struct callids *c, size_t i)
{
	return &c->chunks[(c->head + i) & (c->cap - 1)];
}

static void drop_oldest(struct callids *c)
{
	struct callids_chunk *old = *chunk_at(c, 0);

	c->bytes -= old->size;
	free(old);
	c->head = (c->head + 1) & (c->cap - 1);
	c->count--;
}

void callids_fini(struct callids *c)
{
	while (c->count) {
		drop_oldest(c);
	}
	free(c->chunks);
	*c = (struct callids){0};
}

static int grow(struct callids *c)
{
	struct callids_chunk **next = calloc(c->cap * 2, sizeof(struct callids_chunk *));

	if (!next) {
		return E_NOMEM;
	}
	for (size_t i = 0; i < c->count; i++) {
		next[i] = *chunk_at(c, i);
	}
	free(c->chunks);
	c->chunks = next;
	c->cap *= 2;
	c->head = 0;
	return OK;
}

static struct callids_chunk *chunk_new(const struct batch *b)
{
	const struct slice *ids = b->col[FIELD_CALL_ID].text;
	size_t text = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		text += ids[i].len;
	}
	size_t size = sizeof(struct callids_chunk) + b->count * sizeof(uint32_t) + text;
	struct callids_chunk *chunk = malloc(size);
	if (!chunk) {
		return NULL;
	}
	*chunk = (struct callids_chunk){.first = b->first_event, .count = b->count, .size = size};
	char *to = (char *)&chunk->ends[b->count];
	uint32_t end = 0;
	for (uint32_t i = 0; i < b->count; i++) {
		if (ids[i].len) {
			memcpy(to + end, ids[i].p, ids[i].len);
			end += (uint32_t)ids[i].len;
		}
		chunk->ends[i] = end;
	}
	return chunk;
}

void callids_add(struct callids *c, const struct batch *batch)
{
	struct callids_chunk *chunk = chunk_new(batch);

	if (!chunk || (c->count == c->cap && grow(c) != OK)) {
		free(chunk);
		return;
	}
	*chunk_at(c, c->count) = chunk;
	c->count++;
	c->bytes += chunk->size;
	while (c->bytes > c->bytes_max && c->count > 1) {
		drop_oldest(c);
	}
}

struct slice callids_get(const struct callids *c, uint64_t event)
{
	size_t low = 0, high = c->count;

	while (low < high) { /* the last chunk that begins at or before event */
		size_t middle = (low + high) / 2;
		if ((*chunk_at(c, middle))->first <= event) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low == 0) {
		return SLICE_NONE;
	}
	const struct callids_chunk *chunk = *chunk_at(c, low - 1);
	uint64_t i = event - chunk->first;
	if (i >= chunk->count) {
		return SLICE_NONE;
	}
	uint32_t begin = i ? chunk->ends[i - 1] : 0;
	return (struct slice){(const char *)&chunk->ends[chunk->count] + begin,
	                      chunk->ends[i] - begin};
}
