/* The part of extsort.h that is in a file: sorted runs one behind another, read back in blocks and
 * merged by a heap of their heads. Owned by one extsort.
 *
 * The file has no name (O_TMPFILE, or made and unlinked) and takes space only for runs that are not
 * read to their end. When 32 runs of a level are there they are merged into one of the next level,
 * so that the read buffers are bounded: a record is written 1 + log32(runs) times.
 */
#ifndef ENGINE_CORE_EXTSORT_DISK_H
#define ENGINE_CORE_EXTSORT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/extsort_mem.h"
#include "core/slice.h"

struct disk_run;

struct sort_disk {
	int fd;                 /* -1 before the first run */
	char *folder;           /* NULL: no disk */
	size_t block_size;      /* of reads */
	uint64_t end;           /* of the file */
	struct disk_run **heap; /* by head */
	size_t run_count;
	size_t run_cap;
	size_t count; /* records */
	char *out;    /* of the run being written */
	size_t out_len;
};

/* folder (copied) may be NULL: then nothing is written. E_NOMEM. */
int sort_disk_init(struct sort_disk *d, const char *folder, size_t block_size);
void sort_disk_fini(struct sort_disk *d);

/* All that is in m as a run; m keeps it. E_IO, E_NOMEM: as if it had not been tried. */
int sort_disk_spill(struct sort_disk *d, struct sort_mem *m);

/* The smallest record: NULL without one. */
const struct sort_entry *sort_disk_least(const struct sort_disk *d);
/* Its bytes, valid until sort_disk_drop: E_IO, E_NOMEM. */
int sort_disk_record(struct sort_disk *d, struct slice *bytes);
/* Drops it. E_IO, E_NOMEM: it is still there. */
int sort_disk_drop(struct sort_disk *d);

#endif
