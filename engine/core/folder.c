#include "core/folder.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/err.h"

int folder_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		return E_IO;
	}
	int err = fsync(fd) == 0 ? OK : E_IO;
	(void)close(fd);
	return err;
}
