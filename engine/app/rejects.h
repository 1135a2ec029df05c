/* The rows of call records that were refused, with source, line number and reason, in a file beside
 * the daemon's state. At most REJECTS_BYTES_MAX a run: who floods a feed with rubbish fills no
 * disk; what has no room is still counted by its source.
 */
#ifndef ENGINE_APP_REJECTS_H
#define ENGINE_APP_REJECTS_H

#include <stdint.h>
#include <stdio.h>

#include "core/slice.h"
#include "core/stats.h"

enum { REJECTS_BYTES_MAX = 64 << 20 };

struct rejects {
	FILE *file; /* NULL: could not be opened */
	uint64_t bytes;
};

void rejects_write(struct rejects *r, const char *source, uint64_t line, enum reason reason,
                   struct slice row);

#endif
