#include "calls/texts.h"

#include <assert.h>
#include <string.h>

#include "core/ensure.h"

struct chunk {
	uint32_t next; /* SLAB_NONE: the last */
	char bytes[TEXTS_CHUNK - sizeof(uint32_t)];
};
static_assert(sizeof(struct chunk) == TEXTS_CHUNK, "two cache lines");

/* Stored lengths that are none. */
enum { LEN_MISSING = 0xffff, LEN_SAME = 0xfffe };

/* Where reading or writing stands in a chain. */
struct place {
	struct slab *chunks; /* NULL when reading */
	struct chunk *chunk;
	size_t used;
};

static size_t kept_len(size_t i)
{
	return i == 0 ? TEXTS_FIRST_KEPT : TEXTS_OTHER_KEPT;
}

size_t texts_cut(struct slice *list, size_t count)
{
	size_t too_long = 0;

	for (size_t i = 0; i < count; i++) {
		if (list[i].len > kept_len(i)) {
			list[i].len = kept_len(i);
			too_long++;
		}
	}
	return too_long;
}

/* What is stored for text i; its bytes follow unless it is missing, empty or the same. */
static uint16_t stored_len(const struct slice *list, size_t i)
{
	if (!list[i].p) {
		return LEN_MISSING;
	}
	if (i > 0 && list[i].len > 0 && list[i - 1].p && slice_eq(list[i], list[i - 1])) {
		return LEN_SAME;
	}
	return (uint16_t)list[i].len;
}

uint32_t texts_chunks(const struct slice *list, size_t count)
{
	size_t size = count * sizeof(uint16_t);

	for (size_t i = 0; i < count; i++) {
		uint16_t len = stored_len(list, i);
		size += len < LEN_SAME ? len : 0;
	}
	return (uint32_t)((size + sizeof(((struct chunk *)0)->bytes) - 1) /
	                  sizeof(((struct chunk *)0)->bytes));
}

static uint32_t chunk_take(struct slab *chunks)
{
	uint32_t slot = slab_take(chunks);

	ENSURE(slot != SLAB_NONE);
	((struct chunk *)slab_at(chunks, slot))->next = SLAB_NONE;
	return slot;
}

static void place_put(struct place *at, const char *bytes, size_t len)
{
	while (len > 0) {
		if (at->used == sizeof(at->chunk->bytes)) {
			at->chunk->next = chunk_take(at->chunks);
			at->chunk = slab_at(at->chunks, at->chunk->next);
			at->used = 0;
		}
		size_t room = sizeof(at->chunk->bytes) - at->used;
		size_t part = len < room ? len : room;
		memcpy(at->chunk->bytes + at->used, bytes, part);
		at->used += part;
		bytes += part;
		len -= part;
	}
}

uint32_t texts_put(struct slab *chunks, const struct slice *list, size_t count)
{
	uint16_t lens[TEXTS_MAX];
	uint32_t first = chunk_take(chunks);
	struct place at = {.chunks = chunks, .chunk = slab_at(chunks, first)};

	for (size_t i = 0; i < count; i++) {
		lens[i] = stored_len(list, i);
	}
	place_put(&at, (const char *)lens, count * sizeof(lens[0]));
	for (size_t i = 0; i < count; i++) {
		if (lens[i] < LEN_SAME) {
			place_put(&at, list[i].p, lens[i]);
		}
	}
	return first;
}

static void place_get(const struct slab *chunks, struct place *at, char *out, size_t len)
{
	while (len > 0) {
		if (at->used == sizeof(at->chunk->bytes)) {
			at->chunk = slab_at(chunks, at->chunk->next);
			at->used = 0;
		}
		size_t room = sizeof(at->chunk->bytes) - at->used;
		size_t part = len < room ? len : room;
		memcpy(out, at->chunk->bytes + at->used, part);
		at->used += part;
		out += part;
		len -= part;
	}
}

void texts_get(const struct slab *chunks, uint32_t first, char buffer[TEXTS_BUFFER],
               struct slice *list, size_t count)
{
	uint16_t lens[TEXTS_MAX];
	struct place at = {.chunk = slab_at(chunks, first)};
	size_t total = 0;

	place_get(chunks, &at, (char *)lens, count * sizeof(lens[0]));
	for (size_t i = 0; i < count; i++) {
		if (lens[i] == LEN_MISSING) {
			list[i] = SLICE_NONE;
		} else if (lens[i] == LEN_SAME) {
			list[i] = list[i - 1];
		} else {
			list[i] = (struct slice){buffer + total, lens[i]};
			total += lens[i];
		}
	}
	place_get(chunks, &at, buffer, total);
}

void texts_drop(struct slab *chunks, uint32_t first)
{
	while (first != SLAB_NONE) {
		uint32_t next = ((const struct chunk *)slab_at(chunks, first))->next;
		slab_give(chunks, first);
		first = next;
	}
}

void texts_save(const struct slice *list, size_t count, struct state_out *out)
{
	uint16_t lens[TEXTS_MAX] = {0};

	for (size_t i = 0; i < count; i++) {
		lens[i] = stored_len(list, i);
	}
	state_bytes(out, lens, count * sizeof(lens[0]));
	for (size_t i = 0; i < count; i++) {
		if (lens[i] < LEN_SAME) {
			state_bytes(out, list[i].p, lens[i]);
		}
	}
}

bool texts_load(struct state_view *v, struct slice *list, size_t count)
{
	uint16_t lens[TEXTS_MAX];

	if (!state_copy(v, lens, count * sizeof(lens[0]))) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (lens[i] == LEN_MISSING) {
			list[i] = SLICE_NONE;
		} else if (lens[i] == LEN_SAME) {
			if (i == 0 || list[i - 1].len == 0) {
				return false;
			}
			list[i] = list[i - 1];
		} else if (lens[i] > kept_len(i)) {
			return false;
		} else {
			list[i] = (struct slice){state_get_bytes(v, lens[i]), lens[i]};
		}
	}
	return !v->failed;
}
