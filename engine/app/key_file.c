#include "app/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto.h"
#include "core/err.h"
#include "core/hash.h"

static int fail(char why[KEY_FILE_WHY], const char *path)
{
	(void)snprintf(why, KEY_FILE_WHY, "%.200s: %s", path, strerror(errno));
	return E_IO;
}

/* Written beside and linked into place, so that no other start sees half a key. */
static int make_key(const char *path, const struct run_as *as, char why[KEY_FILE_WHY])
{
	char part[4096];
	uint8_t key[HASH_KEY_SIZE];

	(void)snprintf(part, sizeof(part), "%s.%ld", path, (long)getpid());
	int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return fail(why, part);
	}
	bool whole = random_bytes(key, sizeof(key)) == OK &&
	             write(fd, key, sizeof(key)) == (ssize_t)sizeof(key) && fsync(fd) == 0;
	whole = close(fd) == 0 && whole && run_as_own(as, part);
	if (whole && link(part, path) != 0 && errno != EEXIST) {
		whole = false;
	}
	int err = whole ? OK : fail(why, path);
	(void)unlink(part);
	return err;
}

int key_file_ensure(const char *folder, const struct run_as *as, char *out, size_t path_len,
                    char why[KEY_FILE_WHY])
{
	if (mkdir(folder, 0750) == 0) {
		if (!run_as_own(as, folder)) {
			return fail(why, folder);
		}
	} else if (errno != EEXIST) {
		return fail(why, folder);
	}
	(void)snprintf(out, path_len, "%s/hash.key", folder);
	if (access(out, F_OK) != 0) {
		return make_key(out, as, why);
	}
	/* An earlier run may have been root's. */
	return run_as_own(as, out) ? OK : fail(why, out);
}
