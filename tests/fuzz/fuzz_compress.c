/* Any bytes as a stream: it ends, an error stays, and a look ahead sees what is read afterwards. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/compress.h"
#include "core/ensure.h"
#include "core/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	ssize_t written = write(fd, bytes, len);
	struct instream *s;
	const void *ahead;
	char piece[1000];
	ssize_t n;

	ENSURE(written == (ssize_t)len && lseek(fd, 0, SEEK_SET) == 0);
	ENSURE(instream_open_fd(fd, &s) == OK);
	/* A small bomb may unpack to much: its beginning is enough. */
	for (int i = 0; i < 1000; i++) {
		ssize_t seen = instream_peek(s, &ahead);
		size_t same = seen > 1000 ? 1000 : seen > 0 ? (size_t)seen : 0;
		char kept[1000];
		memcpy(kept, ahead, same);
		n = instream_read(s, piece, sizeof(piece));
		ENSURE(n == (same ? (ssize_t)same : seen) && memcmp(kept, piece, same) == 0);
	}
	ENSURE(instream_err(s) == OK || n > 0 || n == instream_err(s));
	instream_close(s);
	return 0;
}
