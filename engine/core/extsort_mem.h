/* The part of extsort.h that is in memory. Owned by one extsort.
 *
 * Records lie in a store in the order of their coming; what is sorted are entries of 16 bytes. A
 * key not below the last one of `main` is appended there, so an ordered input is a queue. Others
 * gather in `strays`; when those are many, or one of them is due, they are sorted (radix, by the
 * bytes in which their keys differ) and become a run, and runs of similar length are merged, so
 * that each is at least twice as long as the next and an entry is merged log2(records / strays)
 * times. The smallest entry is found by looking at the heads of the few runs, and stays with its
 * run as long as its keys are below those of all others.
 *
 * Cost of a push and a pop of 20 bytes: 25 ns in order, 30 to 75 with a little disorder, 170
 * shuffled within a window of a million.
 */
#ifndef ENGINE_CORE_EXTSORT_MEM_H
#define ENGINE_CORE_EXTSORT_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/extsort_store.h"
#include "core/slice.h"

/* seq rises with every record that comes: its place in the store. */
struct sort_entry {
	int64_t key;
	uint64_t seq;
};

static inline bool sort_entry_before(struct sort_entry a, struct sort_entry b)
{
	return a.key < b.key || (a.key == b.key && a.seq < b.seq);
}

/* at[first..end), in order (except strays). */
struct sort_run {
	struct sort_entry *at;
	size_t first;
	size_t end;
	size_t cap;
};

enum { SORT_RUNS_MAX = 32 };

struct sort_mem {
	struct sort_run main;
	struct sort_run strays;
	bool strays_sorted;
	int64_t strays_min;
	struct sort_run runs[SORT_RUNS_MAX];
	size_t run_count;
	struct sort_entry *scratch; /* for sorting strays */
	struct sort_run *from;      /* has the smallest entry as long as that is below until */
	int64_t until;
	struct sort_store store;
	size_t count; /* entries */
};

void sort_mem_init(struct sort_mem *m);
void sort_mem_fini(struct sort_mem *m);
static inline size_t sort_mem_bytes(const struct sort_mem *m)
{
	return m->store.bytes + m->count * sizeof(struct sort_entry);
}

/* E_NOMEM */
int sort_mem_push(struct sort_mem *m, int64_t key, const void *bytes, size_t len);
/* The smallest entry, if its key is at most key_max: 1, 0, E_NOMEM. */
int sort_mem_least(struct sort_mem *m, int64_t key_max, struct sort_entry *least);
/* Drops the entry that sort_mem_least found last; its record stays in the store. */
void sort_mem_take(struct sort_mem *m);
/* Forgets all entries and records; seq goes on rising. */
void sort_mem_reset(struct sort_mem *m);
/* Gives every entry and record in order to each, until it fails: what it returned. Nothing is
 * dropped.
 */
typedef int (*sort_each_fn)(void *user, struct sort_entry e, struct slice record);
int sort_mem_each(struct sort_mem *m, sort_each_fn each, void *user);

#endif
