/* A text input as one run of bytes, for readers that go over it more than once.
 *
 *	int err = textfile_open(in, fd, temp_dir, &file);
 *	... file.text, borrowed until textfile_close ...
 *	if (file.end) ... the input broke off: what is in text stays good
 *
 * A plain regular file is mapped as it is, from its first byte to the size it has now. Anything
 * else (gzip, zstd, a pipe, a terminal) is first read to its end into an unlinked temporary file,
 * which is then mapped: the disk pays, not the memory.
 *
 * Who shortens a mapped file while it is being read ends this process with SIGBUS; appending to it
 * does no harm. One thread opens and closes; the text may be read by any.
 */
#ifndef ENGINE_SOURCES_TEXTFILE_H
#define ENGINE_SOURCES_TEXTFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/compress.h"
#include "core/slice.h"

struct textfile {
	struct slice text; /* never missing; empty when the input is */
	int end;           /* OK, E_TRUNCATED, E_MALFORMED or E_IO: how the input ended */
	bool spooled;      /* through a temporary file */
	void *map;         /* of textfile_close */
};

/* in is read, not taken over. fd is the descriptor that `in` reads where that is a regular file,
 * else -1; neither is needed after the call. temp_dir: NULL for /tmp. E_IO when the temporary file
 * cannot be made, written or mapped.
 */
int textfile_open(struct instream *in, int fd, const char *temp_dir, struct textfile *file);
void textfile_close(struct textfile *file);

#endif
