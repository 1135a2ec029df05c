#include "enrich/text_pool.h"

enum { SLOTS_MIN = 64 };

void text_pool_init(struct text_pool *p, const struct hash_key *key, size_t tail_size)
{
	*p = (struct text_pool){.key = *key, .tail_size = tail_size};
	buf_char(&p->bytes, '\0'); /* offset 0 names no text */
}

void text_pool_fini(struct text_pool *p)
{
	buf_fini(&p->bytes);
	buf_fini(&p->slots);
}

static uint32_t *slot_array(const struct text_pool *p)
{
	return (uint32_t *)(void *)p->slots.p;
}

static size_t slot_count(const struct text_pool *p)
{
	return p->slots.len / sizeof(uint32_t);
}

struct slice text_pool_get(const struct text_pool *p, uint32_t offset)
{
	if (offset == TEXT_NONE) {
		return SLICE_NONE;
	}
	const char *at = p->bytes.p + offset + p->tail_size;
	return (struct slice){at + 1, (unsigned char)*at};
}

void *text_pool_tail(const struct text_pool *p, uint32_t offset)
{
	return p->bytes.p + offset;
}

/* The slot that holds text, or the free one where it belongs. There are slots, some of them free.
 */
static uint32_t *find_slot(const struct text_pool *p, struct slice text)
{
	size_t mask = slot_count(p) - 1;
	uint32_t *slots = slot_array(p);
	size_t at = hash_slice(&p->key, text) & mask;

	while (slots[at] && !slice_eq(text_pool_get(p, slots[at]), text)) {
		at = (at + 1) & mask;
	}
	return &slots[at];
}

static void grow(struct text_pool *p)
{
	struct buf old = p->slots;
	size_t len = old.len ? old.len * 2 : SLOTS_MIN * sizeof(uint32_t);
	const uint32_t *offsets = (const uint32_t *)(const void *)old.p;

	p->slots = (struct buf){0};
	buf_reserve(&p->slots, len);
	if (!p->slots.failed) {
		memset(p->slots.p, 0, len);
		p->slots.len = len;
		for (size_t i = 0; i < old.len / sizeof(*offsets); i++) {
			if (offsets[i]) {
				*find_slot(p, text_pool_get(p, offsets[i])) = offsets[i];
			}
		}
	}
	buf_fini(&old);
}

static uint32_t append(struct text_pool *p, struct slice text)
{
	size_t offset = p->bytes.len;

	buf_reserve(&p->bytes, p->tail_size + 1 + text.len);
	if (offset > UINT32_MAX) {
		p->bytes.failed = true;
	}
	if (text_pool_failed(p)) {
		return TEXT_NONE;
	}
	memset(p->bytes.p + offset, 0, p->tail_size);
	p->bytes.len += p->tail_size;
	buf_char(&p->bytes, (char)text.len);
	buf_slice(&p->bytes, text);
	return (uint32_t)offset;
}

uint32_t text_pool_add(struct text_pool *p, struct slice text, bool *is_new)
{
	if (is_new) {
		*is_new = false;
	}
	if (p->count * 4 >= slot_count(p) * 3) {
		grow(p);
	}
	if (text.len == 0 || text_pool_failed(p)) {
		return TEXT_NONE;
	}
	text = slice_first(text, POOL_TEXT_MAX);
	uint32_t *slot = find_slot(p, text);
	if (*slot == TEXT_NONE) {
		*slot = append(p, text);
		p->count += *slot != TEXT_NONE;
		if (is_new) {
			*is_new = *slot != TEXT_NONE;
		}
	}
	return *slot;
}

uint32_t text_pool_find(const struct text_pool *p, struct slice text)
{
	return text.len && slot_count(p) ? *find_slot(p, text) : TEXT_NONE;
}
