#include "app/feed_merge.h"

#include <stdlib.h>

#include "core/err.h"

struct branch {
	struct feed *feed;
	int end;
	struct event next;
};

struct feed_merge {
	struct branch *branches;
	size_t count;
	uint16_t *heap; /* branches with a next event, the first of all in heap[0] */
	size_t heap_count;
	bool started;
};

int feed_merge_new(struct feed *const *feeds, size_t count, struct feed_merge **merge)
{
	struct feed_merge *m = count <= FEED_MERGE_MAX ? calloc(1, sizeof(*m)) : NULL;

	if (!m) {
		return count <= FEED_MERGE_MAX ? E_NOMEM : E_RANGE;
	}
	m->count = count;
	m->branches = calloc(count ? count : 1, sizeof(*m->branches));
	m->heap = calloc(count ? count : 1, sizeof(*m->heap));
	if (!m->branches || !m->heap) {
		feed_merge_free(m);
		return E_NOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		m->branches[i].feed = feeds[i];
	}
	*merge = m;
	return OK;
}

void feed_merge_free(struct feed_merge *m)
{
	if (m) {
		free(m->branches);
		free(m->heap);
		free(m);
	}
}

int feed_merge_end(const struct feed_merge *m, size_t i)
{
	return m->branches[i].end;
}

static bool comes_before(const struct feed_merge *m, uint16_t a, uint16_t b)
{
	int order = event_cmp(&m->branches[a].next, &m->branches[b].next);

	return order < 0 || (order == 0 && a < b);
}

/* Puts branch b in at the free place `at`, whose children are in order. */
static void sift_down(struct feed_merge *m, size_t at, uint16_t b)
{
	for (size_t child = 2 * at + 1; child < m->heap_count; child = 2 * at + 1) {
		if (child + 1 < m->heap_count &&
		    comes_before(m, m->heap[child + 1], m->heap[child])) {
			child++;
		}
		if (!comes_before(m, m->heap[child], b)) {
			break;
		}
		m->heap[at] = m->heap[child];
		at = child;
	}
	m->heap[at] = b;
}

/* The next event of a branch; false when it has ended. */
static bool advance(struct feed_merge *m, uint16_t b)
{
	struct branch *branch = &m->branches[b];

	branch->end = feed_next(branch->feed, &branch->next);
	branch->next.source = b;
	return branch->end == OK;
}

static void start(struct feed_merge *m)
{
	m->started = true;
	for (size_t i = 0; i < m->count; i++) {
		if (advance(m, (uint16_t)i)) {
			m->heap[m->heap_count++] = (uint16_t)i;
		}
	}
	for (size_t at = m->heap_count / 2; at-- > 0;) {
		sift_down(m, at, m->heap[at]);
	}
}

int feed_merge_next(struct feed_merge *m, struct event *event)
{
	if (!m->started) {
		start(m);
	} else if (m->heap_count > 0) {
		/* Only now: its slices were promised until this call. */
		uint16_t first = m->heap[0];
		if (!advance(m, first)) {
			first = m->heap[--m->heap_count];
		}
		if (m->heap_count > 0) {
			sift_down(m, 0, first);
		}
	}
	if (m->heap_count == 0) {
		return E_END;
	}
	*event = m->branches[m->heap[0]].next;
	return OK;
}
