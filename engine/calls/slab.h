/* A fixed number of equal slots, taken and given back by number, and queues of such slots in the
 * order in which a time-out reaches them.
 *
 * A slot given back is the next one taken, so that memory is touched only as far as slots are in
 * use at once. Slots are not zeroed.
 */
#ifndef ENGINE_CALLS_SLAB_H
#define ENGINE_CALLS_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_NONE UINT32_MAX

struct slab {
	char *base;
	size_t stride;
	uint32_t max;
	uint32_t fresh; /* slots from here on were never taken */
	uint32_t given; /* head of the list of slots given back */
	uint32_t free;
};

/* E_NOMEM. stride is a multiple of 8, max below SLAB_NONE. */
int slab_init(struct slab *s, size_t stride, uint32_t max);
void slab_fini(struct slab *s);
/* SLAB_NONE when none is free. */
uint32_t slab_take(struct slab *s);
void slab_give(struct slab *s, uint32_t slot);

static inline void *slab_at(const struct slab *s, uint32_t slot)
{
	return s->base + s->stride * slot;
}

static inline void slab_prefetch(const struct slab *s, uint32_t slot)
{
	if (slot != SLAB_NONE) {
		__builtin_prefetch(slab_at(s, slot), 1);
	}
}

/* First member of what lies in a slot that queues. */
struct queue_link {
	uint32_t prev;
	uint32_t next;
	int64_t since_us; /* what its time-out counts from */
};

/* Slots in the order of since_us, all with one delay, so that only the head can be due. */
struct queue {
	const struct slab *slab;
	int64_t delay_us;
	uint32_t head;
	uint32_t tail;
	int64_t head_since_us; /* INT64_MAX when empty */
	uint32_t count;
};

void queue_init(struct queue *q, const struct slab *slab, int64_t delay_us);
/* At the end: since_us is not before that of any slot in the queue. */
void queue_push(struct queue *q, uint32_t slot, int64_t since_us);
void queue_remove(struct queue *q, uint32_t slot);

/* When the head is due; INT64_MAX when the queue is empty. */
static inline int64_t queue_due(const struct queue *q)
{
	return q->head_since_us > INT64_MAX - q->delay_us ? INT64_MAX
	                                                  : q->head_since_us + q->delay_us;
}

#endif
