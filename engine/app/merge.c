#include "app/merge.h"

#include <stdlib.h>

#include "core/arena.h"
#include "core/err.h"

enum {
	GROUP_MAX = 1 << 20, /* events of one instant that are sorted as one */
	GROUP_MEMORY_MAX = 1 << 30,
};

struct head {
	struct feed *feed;
	struct event event; /* the next one */
	bool ended;
};

struct merge {
	struct head *heads;
	size_t count;
	struct arena arena; /* the events of the present instant */
	struct event *group;
	size_t group_cap;
	size_t group_count;
	size_t taken;
	bool failed;
	size_t failed_which;
};

static void advance(struct merge *m, size_t i)
{
	struct head *h = &m->heads[i];
	int err = feed_next(h->feed, &h->event);

	h->ended = err != OK;
	h->event.source = (uint16_t)i;
	if (err != OK && err != E_END && !m->failed) {
		m->failed = true;
		m->failed_which = i;
	}
}

struct merge *merge_new(struct feed *const *feeds, size_t count)
{
	struct merge *m = calloc(1, sizeof(*m));

	if (!m) {
		return NULL;
	}
	m->heads = calloc(count + 1, sizeof(*m->heads));
	m->count = count;
	arena_init(&m->arena, GROUP_MEMORY_MAX);
	if (!m->heads) {
		merge_free(m);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		m->heads[i].feed = feeds[i];
		advance(m, i);
	}
	return m;
}

void merge_free(struct merge *m)
{
	if (m) {
		arena_fini(&m->arena);
		free(m->heads);
		free(m->group);
		free(m);
	}
}

bool merge_failed(const struct merge *m, size_t *which)
{
	*which = m->failed_which;
	return m->failed;
}

/* Keeps a copy of e for the group. */
static int keep(struct merge *m, const struct event *e)
{
	if (m->group_count == m->group_cap) {
		size_t cap = m->group_cap ? m->group_cap * 2 : 256;
		struct event *group = realloc(m->group, cap * sizeof(*group));
		if (!group) {
			return E_NOMEM;
		}
		m->group = group;
		m->group_cap = cap;
	}
	size_t size = event_packed_size(e);
	char *bytes = arena_text(&m->arena, size);
	if (!bytes) {
		return E_NOMEM;
	}
	event_pack(e, bytes);
	event_unpack((struct slice){bytes, size}, &m->group[m->group_count++]);
	return OK;
}

static int cmp_events(const void *a, const void *b)
{
	return event_cmp(a, b);
}

/* Events that compare equal are equal in every member, so that an unstable sort cannot be seen. */
static void sort_group(struct merge *m)
{
	if (m->group_count > 1) {
		qsort(m->group, m->group_count, sizeof(*m->group), cmp_events);
	}
}

static size_t earliest(const struct merge *m)
{
	size_t best = m->count;

	for (size_t i = 0; i < m->count; i++) {
		if (!m->heads[i].ended &&
		    (best == m->count ||
		     m->heads[i].event.time_us < m->heads[best].event.time_us)) {
			best = i;
		}
	}
	return best;
}

/* All events of the next instant, of all feeds. */
static int gather(struct merge *m)
{
	size_t first = earliest(m);
	int err = OK;

	m->group_count = 0;
	m->taken = 0;
	arena_reset(&m->arena);
	if (first == m->count) {
		return E_END;
	}
	int64_t time_us = m->heads[first].event.time_us;
	for (size_t i = first; i < m->count && err == OK; i++) {
		struct head *h = &m->heads[i];
		while (!h->ended && h->event.time_us == time_us && m->group_count < GROUP_MAX &&
		       err == OK) {
			err = keep(m, &h->event);
			if (err == OK) {
				advance(m, i);
			}
		}
	}
	sort_group(m);
	return err;
}

int merge_next(struct merge *m, struct event *event)
{
	if (m->count == 1) {
		/* One feed is in order already, ties included. */
		if (m->heads[0].ended) {
			return m->failed ? E_IO : E_END;
		}
		if (m->taken) {
			advance(m, 0);
			if (m->heads[0].ended) {
				return m->failed ? E_IO : E_END;
			}
		}
		m->taken = 1;
		*event = m->heads[0].event;
		return OK;
	}
	if (m->taken == m->group_count) {
		int err = gather(m);
		if (err != OK) {
			return err == E_END && m->failed ? E_IO : err;
		}
	}
	*event = m->group[m->taken++];
	return OK;
}
