#include "app/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/err.h"

/* Of the whole line: a result and what stands around it. */
enum { ANSWER_LINE_MAX = CONTROL_ANSWER_MAX + 4096, BYTES_A_READ = 16 * 1024 };

struct call {
	const char *path;
	int fd;
	int64_t end_ms;
	char *why;
};

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int fail(const struct call *c, int err, const char *text)
{
	(void)snprintf(c->why, CONTROL_ERROR_TEXT, "%s: %s", c->path, text);
	return err;
}

/* What is left of the time becomes the limit of the next system call, which is not made without. */
static bool arm(const struct call *c)
{
	int64_t left = c->end_ms - now_ms();
	struct timeval t = {left / 1000, left % 1000 * 1000};

	errno = EAGAIN;
	return left > 0 && setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == 0 &&
	       setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0;
}

static int fail_errno(const struct call *c, int number)
{
	switch (number) {
	case EAGAIN: return fail(c, E_AGAIN, "no answer in time");
	case ENOENT:
	case ECONNREFUSED: return fail(c, E_NOTFOUND, "no engine listens there");
	case EACCES: return fail(c, E_INVALID, "this user may not connect");
	default: return fail(c, E_IO, strerror(number));
	}
}

static int connect_to(const struct call *c)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (strlen(c->path) >= sizeof(at.sun_path)) {
		return fail(c, E_NOTFOUND, "a socket's path has at most 107 bytes");
	}
	memcpy(at.sun_path, c->path, strlen(c->path));
	bool connected = arm(c) && connect(c->fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	return connected ? OK : fail_errno(c, errno);
}

/* An engine that turns the caller away has answered already when it closes: so a connection that
 * breaks here is read all the same.
 */
static int send_all(const struct call *c, struct slice text)
{
	while (text.len) {
		ssize_t n = arm(c) ? send(c->fd, text.p, text.len, MSG_NOSIGNAL) : -1;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			return OK;
		}
		if (n < 0 && errno != EINTR) {
			return fail_errno(c, errno);
		}
		text = slice_skip(text, n > 0 ? (size_t)n : 0);
	}
	return OK;
}

static int read_line(const struct call *c, struct buf *answer)
{
	size_t start = answer->len;
	char bytes[BYTES_A_READ];

	while (answer->len - start <= ANSWER_LINE_MAX) {
		ssize_t n = arm(c) ? recv(c->fd, bytes, sizeof(bytes), 0) : -1;
		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			return fail(c, E_TRUNCATED, "the connection ended before the answer");
		}
		if (n < 0 && errno != EINTR) {
			return fail_errno(c, errno);
		}
		struct slice got = {bytes, n > 0 ? (size_t)n : 0};
		size_t len = slice_find(got, '\n');
		buf_slice(answer, slice_first(got, len));
		if (answer->failed) {
			return fail(c, E_NOMEM, err_text(E_NOMEM));
		}
		if (len < got.len) {
			return OK;
		}
	}
	return fail(c, E_FULL, "the answer is too long");
}

int control_call(const char *path, struct slice request, int timeout_ms, struct buf *answer,
                 char why[CONTROL_ERROR_TEXT])
{
	struct call c = {path, -1, now_ms() + timeout_ms, why};

	if (request.len > CONTROL_LINE_MAX || slice_find(request, '\n') < request.len) {
		return fail(&c, E_INVALID, "a request is one line of at most 64 KiB");
	}
	c.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c.fd < 0) {
		return fail_errno(&c, errno);
	}
	int err = connect_to(&c);
	err = err ? err : send_all(&c, request);
	err = err ? err : send_all(&c, SLICE_LIT("\n"));
	err = err ? err : read_line(&c, answer);
	close(c.fd);
	return err;
}
