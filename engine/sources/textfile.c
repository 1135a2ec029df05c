#include "sources/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/err.h"

enum { SPOOL_BUFFER = 256 * 1024 };

static int map_fd(int fd, size_t size, struct textfile *file)
{
	file->text = SLICE_LIT("");
	if (size == 0) {
		return OK;
	}
	void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		return E_IO;
	}
	(void)madvise(map, size, MADV_SEQUENTIAL);
	file->map = map;
	file->text = (struct slice){map, size};
	return OK;
}

/* A file without a name. */
static int open_unlinked(const char *dir)
{
	char path[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) {
		return fd;
	}
	int len = snprintf(path, sizeof(path), "%s/ringfence-XXXXXX", dir);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0) {
		(void)unlink(path);
	}
	return fd;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, bytes, len);
		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			return false;
		}
		bytes += done;
		len -= (size_t)done;
	}
	return true;
}

/* The rest of `in` into fd; *end is how it ended. */
static int copy_stream(struct instream *in, int fd, size_t *size, int *end)
{
	char *buffer = malloc(SPOOL_BUFFER);
	int err = buffer ? OK : E_NOMEM;
	ssize_t len = 0;

	*size = 0;
	while (err == OK && (len = instream_read(in, buffer, SPOOL_BUFFER)) > 0) {
		err = write_all(fd, buffer, (size_t)len) ? OK : E_IO;
		*size += (size_t)len;
	}
	*end = (int)len;
	free(buffer);
	return err;
}

static int spool(struct instream *in, const char *temp_dir, struct textfile *file)
{
	int fd = open_unlinked(temp_dir ? temp_dir : "/tmp");
	size_t size;

	if (fd < 0) {
		return E_IO;
	}
	file->spooled = true;
	int err = copy_stream(in, fd, &size, &file->end);
	if (err == OK) {
		err = map_fd(fd, size, file);
	}
	close(fd);
	return err;
}

int textfile_open(struct instream *in, int fd, const char *temp_dir, struct textfile *file)
{
	struct stat st;

	*file = (struct textfile){.text = SLICE_LIT("")};
	if (fd >= 0 && instream_compression(in) == COMPRESSION_NONE && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size > 0) {
		return map_fd(fd, (size_t)st.st_size, file);
	}
	return spool(in, temp_dir, file);
}

void textfile_close(struct textfile *file)
{
	if (file->map) {
		(void)munmap(file->map, file->text.len);
	}
	*file = (struct textfile){.text = SLICE_LIT("")};
}
