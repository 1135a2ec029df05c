#include "detect/timers.h"

#include <stdlib.h>

void timers_fini(struct timers *t)
{
	free(t->heap);
	*t = (struct timers){0};
}

static bool before(const struct timer *a, const struct timer *b)
{
	if (a->due_us != b->due_us) {
		return a->due_us < b->due_us;
	}
	if (a->group != b->group) {
		return a->group < b->group;
	}
	return a->key.hi != b->key.hi ? a->key.hi < b->key.hi : a->key.lo < b->key.lo;
}

bool timers_add(struct timers *t, const struct timer *timer)
{
	if (t->count == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		struct timer *heap = realloc(t->heap, cap * sizeof(*heap));
		if (!heap) {
			return false;
		}
		t->heap = heap;
		t->cap = cap;
	}
	size_t at = t->count++;
	for (; at > 0 && before(timer, &t->heap[(at - 1) / 2]); at = (at - 1) / 2) {
		t->heap[at] = t->heap[(at - 1) / 2];
	}
	t->heap[at] = *timer;
	return true;
}

bool timers_take(struct timers *t, int64_t limit_us, struct timer *out)
{
	if (t->count == 0 || t->heap[0].due_us >= limit_us) {
		return false;
	}
	*out = t->heap[0];
	struct timer last = t->heap[--t->count];
	size_t at = 0, child;
	while ((child = 2 * at + 1) < t->count) {
		child += child + 1 < t->count && before(&t->heap[child + 1], &t->heap[child]);
		if (!before(&t->heap[child], &last)) {
			break;
		}
		t->heap[at] = t->heap[child];
		at = child;
	}
	t->heap[at] = last;
	return true;
}
