/* The socket file: whose it is, who may open it, and when an old one may go. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/control_parts.h"

enum { BACKLOG = 16 };

static bool fail(char *why, size_t size, const char *path, const char *text)
{
	(void)snprintf(why, size, "%s: %s", path, text);
	return false;
}

/* NULL: the way is free. */
static const char *clear_way(const struct sockaddr_un *at)
{
	struct stat st;

	if (lstat(at->sun_path, &st) != 0) {
		return errno == ENOENT ? NULL : strerror(errno);
	}
	if (!S_ISSOCK(st.st_mode)) {
		return "something else than a socket is there";
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return strerror(errno);
	}
	int err = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ? 0 : errno;
	close(fd);
	if (err == ENOENT) {
		return NULL;
	}
	if (err != ECONNREFUSED) {
		return err == EACCES ? strerror(err) : "another process listens there";
	}
	return unlink(at->sun_path) == 0 || errno == ENOENT ? NULL : strerror(errno);
}

/* The group of the file, (gid_t)-1 for the process's own, and the mode that lets in all who have a
 * right: two groups do not fit into one file's.
 */
static gid_t group_and_mode(const struct control *c, mode_t *mode)
{
	const struct control_rights *r = &c->rights;

	*mode = r->has_read && r->has_change && r->read != r->change ? 0666 : 0660;
	if (r->has_change) {
		return r->change;
	}
	if (r->has_read) {
		return r->read;
	}
	return c->options.owner && c->options.owner->change ? c->options.owner->gid : (gid_t)-1;
}

/* Until listen() nobody can connect, so that no one slips in before the mode is right. */
static bool listen_at(struct control *c, const struct sockaddr_un *at)
{
	const struct run_as *owner = c->options.owner;
	struct stat st;
	mode_t mode;

	gid_t group = group_and_mode(c, &mode);
	uid_t user = owner && owner->change ? owner->uid : (uid_t)-1;
	if (lstat(at->sun_path, &st) != 0) {
		return false;
	}
	c->device = st.st_dev;
	c->inode = st.st_ino;
	return lchown(at->sun_path, user, group) == 0 && chmod(at->sun_path, mode) == 0 &&
	       listen(c->listener, BACKLOG) == 0;
}

bool control_listen(struct control *c, char *why, size_t why_size)
{
	const char *path = c->options.path;
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (!path[0] || strlen(path) >= sizeof(at.sun_path)) {
		return fail(why, why_size, path, "a socket's path has 1 to 107 bytes");
	}
	memcpy(at.sun_path, path, strlen(path));
	const char *taken = clear_way(&at);
	if (taken) {
		return fail(why, why_size, path, taken);
	}
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listener < 0 || bind(c->listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    !listen_at(c, &at)) {
		return fail(why, why_size, path, strerror(errno));
	}
	return true;
}

void control_unlisten(struct control *c)
{
	struct stat st;

	if (c->listener < 0) {
		return;
	}
	close(c->listener);
	c->listener = -1;
	if (c->inode && lstat(c->options.path, &st) == 0 && st.st_dev == c->device &&
	    st.st_ino == c->inode) {
		(void)unlink(c->options.path);
	}
}
