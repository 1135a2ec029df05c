#include "core/extsort_mem.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"

enum {
	STRAYS_MAX = 64 * 1024,
	INSERTION_MAX = 32,
	RADIX_BITS = 8,
	RADIX = 1 << RADIX_BITS,
};

void sort_mem_init(struct sort_mem *m)
{
	*m = (struct sort_mem){.strays_sorted = true, .strays_min = INT64_MAX};
}

static void run_fini(struct sort_run *r)
{
	free(r->at);
	*r = (struct sort_run){0};
}

void sort_mem_fini(struct sort_mem *m)
{
	run_fini(&m->main);
	run_fini(&m->strays);
	for (size_t i = 0; i < m->run_count; i++) {
		run_fini(&m->runs[i]);
	}
	sort_store_fini(&m->store);
	free(m->scratch);
}

static size_t run_count(const struct sort_run *r)
{
	return r->end - r->first;
}

/* Room behind the last entry, by moving to the front or growing. */
static int run_reserve(struct sort_run *r)
{
	if (r->end < r->cap) {
		return OK;
	}
	if (r->first > r->cap / 2) {
		memmove(r->at, r->at + r->first, run_count(r) * sizeof(*r->at));
		r->end -= r->first;
		r->first = 0;
		return OK;
	}
	size_t cap = r->cap ? 2 * r->cap : 1024;
	struct sort_entry *at = realloc(r->at, cap * sizeof(*at));
	if (!at) {
		return E_NOMEM;
	}
	r->at = at;
	r->cap = cap;
	return OK;
}

static void insertion_sort(struct sort_entry *at, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct sort_entry e = at[i];
		size_t j = i;
		for (; j > 0 && at[j - 1].key > e.key; j--) {
			at[j] = at[j - 1];
		}
		at[j] = e;
	}
}

/* Stable, from the lowest byte up to the highest in which the keys differ. */
static void radix_sort(struct sort_entry *at, struct sort_entry *scratch, size_t count)
{
	struct sort_entry *from = at;
	struct sort_entry *to = scratch;
	int64_t min = INT64_MAX;
	int64_t max = INT64_MIN;

	for (size_t i = 0; i < count; i++) {
		min = at[i].key < min ? at[i].key : min;
		max = at[i].key > max ? at[i].key : max;
	}
	uint64_t range = (uint64_t)max - (uint64_t)min;
	for (unsigned shift = 0; shift < 64 && range >> shift > 0; shift += RADIX_BITS) {
		uint32_t ends[RADIX] = {0};
		uint32_t sum = 0;
		for (size_t i = 0; i < count; i++) {
			ends[((uint64_t)from[i].key - (uint64_t)min) >> shift & (RADIX - 1)]++;
		}
		for (size_t i = 0; i < RADIX; i++) {
			uint32_t start = sum;
			sum += ends[i];
			ends[i] = start;
		}
		for (size_t i = 0; i < count; i++) {
			uint64_t digit = ((uint64_t)from[i].key - (uint64_t)min) >> shift;
			to[ends[digit & (RADIX - 1)]++] = from[i];
		}
		struct sort_entry *swap = from;
		from = to;
		to = swap;
	}
	if (from != at) {
		memcpy(at, from, count * sizeof(*at));
	}
}

static int sort_strays(struct sort_mem *m)
{
	struct sort_run *r = &m->strays;

	if (m->strays_sorted) {
		return OK;
	}
	if (run_count(r) <= INSERTION_MAX) {
		insertion_sort(r->at, r->end);
		return OK;
	}
	if (!m->scratch) {
		m->scratch = malloc(STRAYS_MAX * sizeof(*m->scratch));
	}
	if (!m->scratch) {
		return E_NOMEM;
	}
	radix_sort(r->at, m->scratch, r->end);
	return OK;
}

static int merge_runs(struct sort_run *a, struct sort_run *b)
{
	size_t count = run_count(a) + run_count(b);
	struct sort_entry *at = malloc(count * sizeof(*at));
	struct sort_entry *to = at;

	if (!at) {
		return E_NOMEM;
	}
	while (a->first < a->end && b->first < b->end) {
		bool from_b = sort_entry_before(b->at[b->first], a->at[a->first]);
		*to++ = from_b ? b->at[b->first] : a->at[a->first];
		b->first += from_b;
		a->first += !from_b;
	}
	memcpy(to, a->at + a->first, run_count(a) * sizeof(*at));
	to += run_count(a);
	memcpy(to, b->at + b->first, run_count(b) * sizeof(*at));
	run_fini(a);
	run_fini(b);
	*a = (struct sort_run){.at = at, .end = count, .cap = count};
	return OK;
}

static void drop_empty_runs(struct sort_mem *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->run_count; i++) {
		if (run_count(&m->runs[i]) > 0) {
			m->runs[kept++] = m->runs[i];
		} else {
			run_fini(&m->runs[i]);
		}
	}
	m->run_count = kept;
}

static int merge_last_runs(struct sort_mem *m)
{
	int err = merge_runs(&m->runs[m->run_count - 2], &m->runs[m->run_count - 1]);

	m->run_count -= err == OK;
	return err;
}

/* Each run at least twice as long as the next. */
static int merge_similar_runs(struct sort_mem *m)
{
	int err = OK;

	while (!err && m->run_count >= 2) {
		const struct sort_run *last = &m->runs[m->run_count - 1];
		if (run_count(last - 1) >= 2 * run_count(last)) {
			break;
		}
		err = merge_last_runs(m);
	}
	return err;
}

/* Strays become a run. Strays in order while main is short: then a key far ahead stands in main and
 * everything ordinary strays, so they change places.
 */
static int seal_strays(struct sort_mem *m)
{
	m->from = NULL;
	drop_empty_runs(m);
	int err = m->run_count == SORT_RUNS_MAX ? merge_last_runs(m) : OK;
	err = err ? err : sort_strays(m);
	if (err) {
		return err;
	}
	bool swapped = m->strays_sorted && run_count(&m->main) < run_count(&m->strays);
	struct sort_run *from = swapped ? &m->main : &m->strays;
	size_t count = run_count(from);
	if (count > 0) {
		struct sort_entry *at = malloc(count * sizeof(*at));
		if (!at) {
			return E_NOMEM;
		}
		memcpy(at, from->at + from->first, count * sizeof(*at));
		m->runs[m->run_count++] = (struct sort_run){.at = at, .end = count, .cap = count};
	}
	from->first = 0;
	from->end = 0;
	if (swapped) {
		struct sort_run emptied = m->main;
		m->main = m->strays;
		m->strays = emptied;
	}
	m->strays_sorted = true;
	m->strays_min = INT64_MAX;
	return merge_similar_runs(m);
}

/* What sort_mem_least relies on, for a key that is about to go to the end of r. */
static inline void note_key(struct sort_mem *m, const struct sort_run *r, int64_t key)
{
	if (r == &m->strays) {
		m->strays_sorted &= run_count(r) == 0 || key >= r->at[r->end - 1].key;
		m->strays_min = key < m->strays_min ? key : m->strays_min;
	}
	if (r != m->from && key < m->until) {
		m->until = key;
	}
}

int sort_mem_push(struct sort_mem *m, int64_t key, const void *bytes, size_t len)
{
	uint64_t seq;

	int err = run_count(&m->strays) == STRAYS_MAX ? seal_strays(m) : OK;
	if (err) {
		return err;
	}
	bool ordered = run_count(&m->main) == 0 || key >= m->main.at[m->main.end - 1].key;
	struct sort_run *r = ordered ? &m->main : &m->strays;
	err = run_reserve(r);
	err = err ? err : sort_store_add(&m->store, bytes, len, &seq);
	if (err) {
		return err;
	}
	note_key(m, r, key);
	r->at[r->end++] = (struct sort_entry){key, seq};
	m->count++;
	return OK;
}

static void compare_head(struct sort_mem *m, struct sort_run *r)
{
	if (run_count(r) == 0) {
		return;
	}
	struct sort_entry head = r->at[r->first];
	if (!m->from || sort_entry_before(head, m->from->at[m->from->first])) {
		m->until = m->from ? m->from->at[m->from->first].key : m->until;
		m->from = r;
	} else if (head.key < m->until) {
		m->until = head.key;
	}
}

/* Finds from and until anew. */
static void find_from(struct sort_mem *m)
{
	m->from = NULL;
	m->until = INT64_MAX;
	compare_head(m, &m->main);
	for (size_t i = 0; i < m->run_count; i++) {
		compare_head(m, &m->runs[i]);
	}
}

static int least_slow(struct sort_mem *m, int64_t key_max, struct sort_entry *least)
{
	find_from(m);
	if (run_count(&m->strays) > 0) {
		int64_t min = m->strays_min;
		if (min <= key_max && (!m->from || min <= m->from->at[m->from->first].key)) {
			int err = seal_strays(m);
			if (err) {
				return err;
			}
			find_from(m);
		} else if (min < m->until) {
			m->until = min;
		}
	}
	if (!m->from) {
		return 0;
	}
	*least = m->from->at[m->from->first];
	return least->key <= key_max;
}

int sort_mem_least(struct sort_mem *m, int64_t key_max, struct sort_entry *least)
{
	const struct sort_run *r = m->from;

	if (r && r->first < r->end && r->at[r->first].key < m->until) {
		*least = r->at[r->first];
		return least->key <= key_max;
	}
	return least_slow(m, key_max, least);
}

void sort_mem_take(struct sort_mem *m)
{
	m->from->first++;
	m->count--;
}

void sort_mem_reset(struct sort_mem *m)
{
	for (size_t i = 0; i < m->run_count; i++) {
		run_fini(&m->runs[i]);
	}
	sort_store_reset(&m->store);
	m->main.first = m->main.end = 0;
	m->strays.first = m->strays.end = 0;
	m->strays_sorted = true;
	m->strays_min = INT64_MAX;
	m->run_count = 0;
	m->from = NULL;
	m->count = 0;
}

int sort_mem_each(struct sort_mem *m, sort_each_fn each, void *user)
{
	size_t firsts[SORT_RUNS_MAX] = {0};
	struct sort_entry e;

	int err = run_count(&m->strays) > 0 ? seal_strays(m) : OK;
	if (err) {
		return err;
	}
	size_t first_main = m->main.first;
	for (size_t i = 0; i < m->run_count; i++) {
		firsts[i] = m->runs[i].first;
	}
	while (!err && sort_mem_least(m, INT64_MAX, &e) > 0) {
		m->from->first++;
		err = each(user, e, sort_store_record(&m->store, e.seq));
	}
	m->main.first = first_main;
	for (size_t i = 0; i < m->run_count; i++) {
		m->runs[i].first = firsts[i];
	}
	m->from = NULL;
	return err;
}
