/* The records of extsort_mem.h that are in memory, one behind another in chunks of 1 MiB in the
 * order of their coming; a chunk goes when all its records are released. Zero-initialised.
 */
#ifndef ENGINE_CORE_EXTSORT_STORE_H
#define ENGINE_CORE_EXTSORT_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"

enum { SORT_RECORD_LEN_MAX = 1024 * 1024 - 1 };

struct sort_chunk;

struct sort_store {
	struct sort_chunk **chunks; /* by number; NULL where released */
	size_t cap;
	size_t count;
	uint64_t number_first;      /* of chunks[0] */
	struct sort_chunk *current; /* the last of chunks, written to */
	struct sort_chunk *spare;
	size_t bytes; /* in chunks that are not released */
};

void sort_store_fini(struct sort_store *s);
/* *seq is the place of the record, chunk number and offset: it rises with every record, also over
 * a reset. len at most SORT_RECORD_LEN_MAX. E_NOMEM.
 */
int sort_store_add(struct sort_store *s, const void *bytes, size_t len, uint64_t *seq);
struct slice sort_store_record(const struct sort_store *s, uint64_t seq);
void sort_store_release(struct sort_store *s, uint64_t seq);
/* Releases everything. */
void sort_store_reset(struct sort_store *s);

#endif
