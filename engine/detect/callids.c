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

static int append(struct callids *c, struct callids_chunk *chunk)
{
	if (!chunk || (c->count == c->cap && grow(c) != OK)) {
		free(chunk);
		return E_NOMEM;
	}
	*chunk_at(c, c->count) = chunk;
	c->count++;
	c->bytes += chunk->size;
	while (c->bytes > c->bytes_max && c->count > 1) {
		drop_oldest(c);
	}
	return OK;
}

void callids_add(struct callids *c, const struct batch *batch)
{
	(void)append(c, chunk_new(batch));
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

/* ---- state ---- */

void callids_save(const struct callids *c, struct state_out *out)
{
	state_u64(out, c->count);
	for (size_t i = 0; i < c->count; i++) {
		const struct callids_chunk *chunk = *chunk_at(c, i);
		state_u64(out, chunk->first);
		state_u32(out, chunk->count);
		state_u64(out, chunk->size - sizeof(*chunk));
		state_bytes(out, chunk->ends, chunk->size - sizeof(*chunk));
	}
}

/* The texts follow each other and end with the chunk. */
static bool chunk_sound(const struct callids_chunk *chunk, size_t behind)
{
	uint32_t end = 0;

	for (uint32_t i = 0; i < chunk->count; i++) {
		if (chunk->ends[i] < end) {
			return false;
		}
		end = chunk->ends[i];
	}
	return chunk->count * sizeof(uint32_t) + end == behind;
}

static int load_chunk(struct callids *c, struct state_in *in, struct state_view *v,
                      uint64_t *first_min)
{
	uint64_t first = state_get_u64(v);
	uint32_t count = state_get_u32(v);
	uint64_t behind = state_get_u64(v);

	if (v->failed || behind > v->left.len || behind / sizeof(uint32_t) < count ||
	    first < *first_min || first > UINT64_MAX - count) {
		return state_in_fail(in, "section %s: call ids out of order", v->name);
	}
	size_t size = sizeof(struct callids_chunk) + (size_t)behind;
	struct callids_chunk *chunk = malloc(size);
	if (chunk) {
		*chunk = (struct callids_chunk){.first = first, .count = count, .size = size};
		(void)state_copy(v, chunk->ends, (size_t)behind);
		if (!chunk_sound(chunk, (size_t)behind)) {
			free(chunk);
			return state_in_fail(in, "section %s: broken call ids", v->name);
		}
	}
	*first_min = first + count;
	int err = append(c, chunk);
	if (err) {
		(void)state_in_fail(in, "no memory");
	}
	return err;
}

int callids_load(struct callids *c, struct state_in *in, struct state_view *v)
{
	struct callids next;
	uint64_t count = state_get_u64(v), first_min = 0;
	int err = callids_init(&next, c->bytes_max);

	if (err) {
		(void)state_in_fail(in, "no memory");
	}
	for (uint64_t i = 0; err == OK && i < count; i++) {
		err = load_chunk(&next, in, v, &first_min);
	}
	err = err ? err : state_in_end(in, v);
	if (err) {
		callids_fini(&next);
		return err;
	}
	callids_fini(c);
	*c = next;
	return OK;
}
