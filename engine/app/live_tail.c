/* A file of call records that grows: read from its begin, then followed by inode and offset.
 *
 * Another file under the name (rotation): the old one is read to its end first, the new one from
 * its begin, with a header of its own. A file that became shorter (truncated in place, as
 * logrotate's copytruncate does) begins anew too. A last line without its line break is no record
 * yet. After a restart it is read on from where the snapshot says, in the file of then even if that
 * has been rotated meanwhile.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/live_ops.h"
#include "core/err.h"
#include "core/log.h"

enum { BYTES_A_READ = 256 * 1024, READS_A_TICK = 32 };

/* Up to the end of a line of one file; offset 0: unknown. */
struct position {
	uint64_t device, inode, offset;
};

struct live_tail {
	struct live_source source;
	struct records_source shared;
	struct records *records;
	int fd; /* -1: not there yet */
	bool running;
	bool refused; /* no call records: waits for another file */
	off_t offset;
	struct position from; /* the process before it read so far */
	char bytes[BYTES_A_READ];
};

static void close_file(struct live_tail *t)
{
	if (t->fd >= 0) {
		close(t->fd);
	}
	t->fd = -1;
}

/* The file of a position, under whatever name it is in its folder now: it may have been rotated. */
static int open_position(const char *path, const struct position *p)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) + 1 : 0;
	int fd = -1;

	(void)snprintf(folder, sizeof(folder), "%.*s.", len, path);
	DIR *dir = opendir(folder);
	for (struct dirent *e; dir && fd < 0 && (e = readdir(dir)) != NULL;) {
		struct stat st;
		if (fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
		    st.st_ino == p->inode && st.st_dev == p->device &&
		    (uint64_t)st.st_size >= p->offset) {
			fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		}
	}
	if (dir) {
		(void)closedir(dir);
	}
	return fd;
}

/* Goes on where the process before it stopped. */
static bool go_on(struct live_tail *t)
{
	t->fd = open_position(t->source.config->path, &t->from);
	ssize_t n = t->fd < 0 ? 0 : pread(t->fd, t->bytes, sizeof(t->bytes), 0);
	const char *end = n > 0 ? memchr(t->bytes, '\n', (size_t)n) : NULL;
	bool good = end && records_resume(t->records,
	                                  (struct slice){t->bytes, (size_t)(end + 1 - t->bytes)});

	t->offset = (off_t)t->from.offset;
	t->from.offset = 0;
	if (!good) {
		log_warn("sources",
		         "gone name=%s why=\"the file that was read is not there any more\"",
		         t->source.config->path);
		close_file(t);
	}
	return good;
}

static void open_file(struct live_tail *t)
{
	t->refused = false;
	if (t->from.offset > 0 && go_on(t)) {
		return;
	}
	t->fd = open(t->source.config->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	t->offset = 0;
	records_restart(t->records);
}

static void begin_again(struct live_tail *t, const char *event)
{
	log_info("sources", "%s name=%s", event, t->source.config->path);
	close_file(t);
	open_file(t);
}

/* Everything that is there now, a bounded part of it; true at the end of the file. */
static bool read_on(struct live_tail *t)
{
	for (int i = 0; i < READS_A_TICK; i++) {
		ssize_t n = pread(t->fd, t->bytes, sizeof(t->bytes), t->offset);
		if (n <= 0) {
			return true;
		}
		t->offset += n;
		if (!t->refused && !records_take(t->records, (struct slice){t->bytes, (size_t)n})) {
			t->refused = true;
			log_err("sources", "refused name=%s why=\"%s\"", t->source.config->path,
			        records_why(t->records));
		}
	}
	return false;
}

static bool replaced(const struct live_tail *t)
{
	struct stat now, open_one;

	return stat(t->source.config->path, &now) == 0 && fstat(t->fd, &open_one) == 0 &&
	       (now.st_ino != open_one.st_ino || now.st_dev != open_one.st_dev);
}

static bool shortened(const struct live_tail *t)
{
	struct stat st;

	return fstat(t->fd, &st) == 0 && st.st_size < t->offset;
}

static void tick(struct live_source *s)
{
	struct live_tail *t = (struct live_tail *)s;

	if (!t->running) {
		return;
	}
	s->options->clock(s->options->user);
	if (t->fd < 0) {
		open_file(t);
	}
	if (t->fd >= 0 && shortened(t)) {
		begin_again(t, "truncated");
	}
	/* Asked before reading: what was written before the rotation is then all read. */
	bool rotated = t->fd >= 0 && replaced(t);
	bool at_end = t->fd >= 0 && read_on(t);
	if (rotated && at_end) {
		if (!t->refused) {
			records_end(t->records);
		}
		begin_again(t, "rotated");
	}
	s->options->round(s->options->user);
}

static void start(struct live_source *s)
{
	struct live_tail *t = (struct live_tail *)s;

	t->running = true;
}

static void stop(struct live_source *s)
{
	struct live_tail *t = (struct live_tail *)s;

	t->running = false;
}

static void stat_tail(struct live_source *s, struct live_stat *out)
{
	struct live_tail *t = (struct live_tail *)s;

	out->decode = t->shared.decode;
	out->bytes = t->shared.bytes;
	out->up = t->fd >= 0 && !t->refused;
}

static void close_tail(struct live_source *s)
{
	struct live_tail *t = (struct live_tail *)s;

	close_file(t);
	records_free(t->records);
	free(t);
}

/* ---- going on ---- */

static void save(const struct live_source *s, struct state_out *out, const char *name)
{
	const struct live_tail *t = (const struct live_tail *)s;
	struct stat st = {0};
	bool known = t->fd >= 0 && !t->refused && fstat(t->fd, &st) == 0;

	state_begin(out, name);
	state_u64(out, (uint64_t)st.st_dev);
	state_u64(out, (uint64_t)st.st_ino);
	state_u64(out, known ? (uint64_t)t->offset - records_held(t->records) : 0);
	state_end(out);
}

static int load(struct live_source *s, struct state_in *in, const char *name)
{
	struct live_tail *t = (struct live_tail *)s;
	struct state_view v;
	int err = state_in_section(in, name, &v);

	if (err) {
		return err;
	}
	struct position from = {.device = state_get_u64(&v),
	                        .inode = state_get_u64(&v),
	                        .offset = state_get_u64(&v)};
	err = state_in_end(in, &v);
	if (err == OK && from.offset > INT64_MAX) {
		err = state_in_fail(in, "section %s: an impossible position", name);
	}
	if (err == OK && from.offset > 0) {
		t->from = from;
		close_file(t);
		open_file(t);
	}
	return err;
}

static void reset(struct live_source *s)
{
	struct live_tail *t = (struct live_tail *)s;

	t->from.offset = 0;
	close_file(t);
	open_file(t);
}

static const struct live_ops tail_ops = {
	.start = start,
	.tick = tick,
	.stop = stop,
	.stat = stat_tail,
	.close = close_tail,
	.save = save,
	.load = load,
	.reset = reset,
};

struct live_source *live_open_tail(const struct live_source *base, char why[LIVE_WHY])
{
	struct live_tail *t = calloc(1, sizeof(*t));

	(void)snprintf(why, LIVE_WHY, "%s: no memory", base->config->path);
	if (!t) {
		return NULL;
	}
	t->source = *base;
	t->source.ops = &tail_ops;
	t->shared = live_records(base);
	t->fd = -1;
	t->records = records_new(&t->shared);
	if (!t->records) {
		close_tail(&t->source);
		return NULL;
	}
	open_file(t);
	if (t->fd < 0 && errno != ENOENT) {
		(void)snprintf(why, LIVE_WHY, "%s: %s", base->config->path, strerror(errno));
		close_tail(&t->source);
		return NULL;
	}
	if (t->fd < 0) {
		log_warn("sources", "waiting name=%s why=\"no such file yet\"", base->config->path);
	}
	return &t->source;
}
