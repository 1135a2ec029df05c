/* Snapshots of detection: what the next process goes on with. The state of a pipeline between two
 * batches as one file, written under another name, made durable, renamed; the last three are kept.
 *
 *	PATH/<next event, 20 digits>.state         mode 0600
 *
 * While the engine runs a child process writes: it has the memory of the moment of its fork, so the
 * cut is consistent and detection goes on after the fork. Restoring takes the newest file that is
 * whole and of this key and build; why others were refused is logged, the one before is taken.
 */
#ifndef ENGINE_APP_SNAPSHOT_H
#define ENGINE_APP_SNAPSHOT_H

#include <sys/types.h>

#include "app/intake.h"
#include "app/live.h"
#include "app/pipeline.h"

enum { SNAPSHOTS_KEPT = 3 };

struct snapshot_info {
	uint64_t event;       /* number of the next one */
	uint64_t inputs_read; /* events taken from files that end */
	uint64_t inputs;      /* what those files were: hash of names, sizes, times */
};

/* Whose state it is. */
struct snapshot_parts {
	struct pipeline *pipeline;
	struct intake *intake;
	struct live *live;
};

/* Writes one and waits for it. The pipeline is finished. E_IO, E_NOMEM. */
int snapshot_write(const char *folder, const struct snapshot_parts *parts,
                   const struct hash_key *key, const struct snapshot_info *info);
/* The same by a child, to be waited for with snapshot_ended. -1: no process. */
pid_t snapshot_begin(const char *folder, const struct snapshot_parts *parts,
                     const struct hash_key *key, const struct snapshot_info *info);
/* True when the child has ended; *good: its file is there. */
bool snapshot_ended(pid_t child, bool *good);

/* Into new parts, from the newest snapshot of at most max_event. E_NOTFOUND: none is left. An
 * error that is none of a file's own (E_NOMEM) leaves them fit for freeing only.
 */
int snapshot_restore(const char *folder, const struct snapshot_parts *parts,
                     const struct hash_key *key, uint64_t max_event, struct snapshot_info *info,
                     struct detector_restore *restore);

#endif
