/* An order-restoring buffer: records go in almost or not at all ordered, come out by key, equal
 * keys in the order of their coming. Memory is bounded; beyond it sorted runs go to an unlinked
 * temporary file and are merged back. What comes out does not depend on memory_max.
 *
 * The caller raises the watermark when it knows that no smaller key can come any more; records
 * below it may be taken meanwhile (streaming), extsort_finish raises it to the end.
 *
 *	extsort_push(s, key, bytes, len) ...
 *	extsort_watermark(s, key);
 *	while (extsort_pop(s, &key, &bytes) > 0) ...   bytes are valid until the next call
 *
 * One thread. A key pushed below the watermark comes out at once (the caller decides what late
 * means before it pushes): a pop gives the smallest key inside that is below the watermark.
 *
 * extsort_mem.h holds what is in memory, extsort_disk.h what is in the file; what a record costs
 * is said there.
 */
#ifndef ENGINE_CORE_EXTSORT_H
#define ENGINE_CORE_EXTSORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"

struct extsort;

struct extsort_options {
	/* Bytes held before a run is spilled; 64 MiB when 0. Read buffers come on top: a 512th of
	 * it, at least 4 KiB, for each run in the file that is being read.
	 */
	size_t memory_max;
	const char *temp_dir; /* for the unlinked file; NULL: refuse with E_FULL instead */
};

/* E_NOMEM. temp_dir is copied. */
int extsort_new(const struct extsort_options *options, struct extsort **s);
void extsort_free(struct extsort *s);
/* E_NOMEM, E_FULL, E_IO (disk full while spilling), E_RANGE unless len < 1 MiB. After an error the
 * record is not inside, all others are.
 */
int extsort_push(struct extsort *s, int64_t key, const void *bytes, size_t len);
void extsort_watermark(struct extsort *s, int64_t key);
void extsort_finish(struct extsort *s);
/* The next record below the watermark in *key, *bytes: 1; 0 for none yet; E_IO, E_NOMEM. */
int extsort_pop(struct extsort *s, int64_t *key, struct slice *bytes);
/* Gives what a further pop may give, in order, to each until it fails: what it returned. Nothing
 * leaves. For what is in memory alone: E_INVALID when there is anything in the file.
 */
int extsort_each(struct extsort *s, int (*each)(void *user, int64_t key, struct slice bytes),
                 void *user);
size_t extsort_held(const struct extsort *s); /* records inside */

#endif
