#include "calls/slab.h"

#include <string.h>

#include "calls/region.h"
#include "core/ensure.h"
#include "core/err.h"

int slab_init(struct slab *s, size_t stride, uint32_t max)
{
	*s = (struct slab){.stride = stride, .max = max, .given = SLAB_NONE, .free = max};
	s->base = region_new(stride * max, true);
	return s->base ? OK : E_NOMEM;
}

void slab_fini(struct slab *s)
{
	region_drop(s->base, s->stride * s->max);
	s->base = NULL;
}

uint32_t slab_take(struct slab *s)
{
	uint32_t slot = s->given;

	if (s->free == 0) {
		return SLAB_NONE;
	}
	s->free--;
	if (slot == SLAB_NONE) {
		return s->fresh++;
	}
	memcpy(&s->given, slab_at(s, slot), sizeof(s->given));
	return slot;
}

void slab_give(struct slab *s, uint32_t slot)
{
	ENSURE(slot < s->fresh);
	memcpy(slab_at(s, slot), &s->given, sizeof(s->given));
	s->given = slot;
	s->free++;
}

static struct queue_link *link_at(const struct queue *q, uint32_t slot)
{
	return slab_at(q->slab, slot);
}

void queue_init(struct queue *q, const struct slab *slab, int64_t delay_us)
{
	*q = (struct queue){.slab = slab,
	                    .delay_us = delay_us,
	                    .head = SLAB_NONE,
	                    .tail = SLAB_NONE,
	                    .head_since_us = INT64_MAX};
}

void queue_push(struct queue *q, uint32_t slot, int64_t since_us)
{
	struct queue_link *link = link_at(q, slot);

	*link = (struct queue_link){.prev = q->tail, .next = SLAB_NONE, .since_us = since_us};
	if (q->tail == SLAB_NONE) {
		q->head = slot;
		q->head_since_us = since_us;
	} else {
		link_at(q, q->tail)->next = slot;
	}
	q->tail = slot;
	q->count++;
}

void queue_remove(struct queue *q, uint32_t slot)
{
	const struct queue_link *link = link_at(q, slot);

	if (link->next == SLAB_NONE) {
		q->tail = link->prev;
	} else {
		link_at(q, link->next)->prev = link->prev;
	}
	if (link->prev == SLAB_NONE) {
		q->head = link->next;
		q->head_since_us = q->head == SLAB_NONE ? INT64_MAX : link_at(q, q->head)->since_us;
	} else {
		link_at(q, link->prev)->next = link->next;
	}
	q->count--;
}
