/* The connections of the control socket. */
#include "app/control.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/control_parts.h"

enum { ACCEPT_AGAIN_MS = 1000, OUT_KEPT_MAX = 64 * 1024 };

struct control_stats control_stats(const struct control *c)
{
	return c->stats;
}

/* ---- a connection ---- */

/* r: why, or CONTROL_REFUSED_NONE where the peer was done. */
static void end_connection(struct control_connection *k, enum control_refusal r)
{
	struct control *c = k->control;

	close(k->fd);
	k->fd = -1;
	loop_timer_free(k->deadline);
	k->deadline = NULL;
	buf_fini(&k->out);
	c->stats.connections--;
	if (r) {
		c->stats.refused[r]++;
	} else {
		c->stats.ended++;
	}
}

static bool has_line(struct control_connection *k)
{
	const char *end = NULL;

	if (k->scanned < k->end) {
		end = memchr(k->line + k->scanned, '\n', k->end - k->scanned);
		k->scanned = end ? (size_t)(end - k->line) : k->end;
	}
	return end || k->end - k->begin == sizeof(k->line);
}

static void on_deadline(void *arg)
{
	struct control_connection *k = arg;

	end_connection(k, k->out_sent < k->out.len || has_line(k) ? CONTROL_REFUSED_SLOW_READER
	                                                          : CONTROL_REFUSED_IDLE);
}

/* False: the peer is gone. */
static bool send_out(struct control_connection *k)
{
	while (k->out_sent < k->out.len) {
		ssize_t n = send(k->fd, k->out.p + k->out_sent, k->out.len - k->out_sent,
		                 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EINTR) {
			return errno == EAGAIN;
		}
		k->out_sent += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* Reads only when no whole line waits, so that there always is room for a byte. */
static bool read_more(struct control_connection *k)
{
	if (k->begin) {
		memmove(k->line, k->line + k->begin, k->end - k->begin);
		k->scanned -= k->begin;
		k->end -= k->begin;
		k->begin = 0;
	}
	ssize_t n = recv(k->fd, k->line + k->end, sizeof(k->line) - k->end, MSG_DONTWAIT);
	if (n < 0) {
		return errno == EAGAIN || errno == EINTR;
	}
	k->end += (size_t)n;
	k->ended = n == 0;
	return true;
}

/* A line without an end cannot be told from what follows: no more is taken of that peer. */
static void answer_line(struct control_connection *k)
{
	struct slice line = {k->line + k->begin, k->scanned - k->begin};

	k->doomed = line.len > CONTROL_LINE_MAX;
	buf_reset(&k->out);
	k->out_sent = 0;
	control_answer_peer(k->control, line, &k->peer, &k->out);
	k->begin = k->scanned = k->doomed ? k->end : k->scanned + 1;
}

static bool is_sent(const struct control_connection *k)
{
	return k->out_sent == k->out.len;
}

static bool watch(struct control_connection *k, int operation, bool writing)
{
	struct epoll_event e = {.events = writing ? EPOLLOUT : EPOLLIN, .data.ptr = k};

	return epoll_ctl(k->control->set, operation, k->fd, &e) == 0;
}

/* One step: at most one read and one answer, so that no peer keeps the loop. A line that waits is
 * answered when the socket can be written again, as if its answer were stuck.
 */
static void serve(struct control_connection *k)
{
	struct control *c = k->control;
	bool stuck = !is_sent(k), asked = false;

	bool alive = stuck || has_line(k) || read_more(k);
	if (alive && is_sent(k) && has_line(k)) {
		answer_line(k);
		asked = true;
	}
	alive = alive && send_out(k) && !k->out.failed;
	bool sent = is_sent(k);
	if (!alive || (sent && k->doomed)) {
		end_connection(k, CONTROL_REFUSED_NONE);
		return;
	}
	if (k->ended) { /* seen only when every line was answered */
		end_connection(k,
		               k->begin < k->end ? CONTROL_REFUSED_CUT_OFF : CONTROL_REFUSED_NONE);
		return;
	}
	if (sent && (asked || stuck)) {
		loop_timer_start(k->deadline, c->options.idle_ms, false);
	} else if (asked) {
		loop_timer_start(k->deadline, c->options.stall_ms, false);
	}
	if (sent && k->out.cap > OUT_KEPT_MAX) {
		buf_fini(&k->out);
		k->out = (struct buf){0};
		k->out_sent = 0;
	}
	if (!watch(k, EPOLL_CTL_MOD, !sent || has_line(k))) {
		end_connection(k, CONTROL_REFUSED_NONE);
	}
}

/* ---- accepting ---- */

static bool read_peer(struct control *c, int fd, struct control_peer *peer)
{
	struct ucred user;
	socklen_t len = sizeof(user), groups_len = sizeof(c->groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &len) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, c->groups, &groups_len) != 0) {
		return false;
	}
	struct control_cred cred = {.uid = user.uid,
	                            .gid = user.gid,
	                            .pid = user.pid,
	                            .groups = c->groups,
	                            .group_count = groups_len / sizeof(gid_t)};
	*peer = (struct control_peer){user.uid, user.pid, control_right(c, &cred)};
	return true;
}

static void turn_away(struct control *c, int fd, enum control_refusal r)
{
	struct buf out = {0};

	control_refuse(c, &out, -1, r);
	(void)send(fd, out.p, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_fini(&out);
	close(fd);
}

static struct control_connection *find_place(struct control *c, enum control_right right)
{
	struct control_connection *free_one = NULL;
	unsigned readers = 0;

	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
		struct control_connection *k = &c->connections[i];
		if (k->fd < 0) {
			free_one = free_one ? free_one : k;
		} else if (k->peer.right == CONTROL_RIGHT_READ) {
			readers++;
		}
	}
	return right == CONTROL_RIGHT_READ && readers >= CONTROL_READERS_MAX ? NULL : free_one;
}

static void take_connection(struct control *c, int fd)
{
	struct control_peer peer;

	c->stats.accepted++;
	if (!read_peer(c, fd, &peer) || peer.right == CONTROL_RIGHT_NONE) {
		turn_away(c, fd, CONTROL_REFUSED_STRANGER);
		return;
	}
	struct control_connection *k = find_place(c, peer.right);
	if (!k) {
		turn_away(c, fd, CONTROL_REFUSED_BUSY);
		return;
	}
	k->fd = fd;
	k->peer = peer;
	k->out = (struct buf){0};
	k->out_sent = k->begin = k->scanned = k->end = 0;
	k->ended = k->doomed = false;
	c->stats.connections++;
	k->deadline = loop_timer_new(c->loop, on_deadline, k);
	if (!k->deadline || !watch(k, EPOLL_CTL_ADD, false)) {
		end_connection(k, CONTROL_REFUSED_NONE);
		return;
	}
	loop_timer_start(k->deadline, c->options.idle_ms, false);
}

static bool watch_listener(struct control *c, int operation, bool on)
{
	struct epoll_event e = {.events = on ? EPOLLIN : 0, .data.ptr = NULL};

	return epoll_ctl(c->set, operation, c->listener, &e) == 0;
}

static void on_resume(void *arg)
{
	(void)watch_listener(arg, EPOLL_CTL_MOD, true);
}

/* Out of descriptors the listener would stay ready and keep the loop busy: it rests a while. */
static void accept_one(struct control *c)
{
	int fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		take_connection(c, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		(void)watch_listener(c, EPOLL_CTL_MOD, false);
		loop_timer_start(c->resume, ACCEPT_AGAIN_MS, false);
	}
}

/* A descriptor stands in a round once: what is closed in it does not come again. */
static void on_ready(void *arg)
{
	struct control *c = arg;
	struct epoll_event ready[CONTROL_CONNECTIONS_MAX + 1];
	int count = epoll_wait(c->set, ready, CONTROL_CONNECTIONS_MAX + 1, 0);

	for (int i = 0; i < count; i++) {
		if (ready[i].data.ptr) {
			serve(ready[i].data.ptr);
		} else {
			accept_one(c);
		}
	}
}

/* ---- opening and closing ---- */

static bool find_group(const char *name, bool *has, gid_t *out)
{
	const struct group *g = name ? getgrnam(name) : NULL;

	*has = g != NULL;
	*out = g ? g->gr_gid : 0;
	return !name || g;
}

static bool find_rights(struct control *c, char *why, size_t why_size)
{
	const struct control_options *o = &c->options;
	struct control_rights *r = &c->rights;
	const char *missing = NULL;

	r->owner = o->owner ? o->owner->uid : geteuid();
	if (!find_group(o->read_group, &r->has_read, &r->read)) {
		missing = o->read_group;
	} else if (!find_group(o->change_group, &r->has_change, &r->change)) {
		missing = o->change_group;
	}
	if (missing) {
		(void)snprintf(why, why_size, "there is no group '%s'", missing);
	}
	return !missing;
}

static bool start(struct control *c, char *why, size_t why_size)
{
	if (!control_listen(c, why, why_size)) {
		return false;
	}
	c->set = epoll_create1(EPOLL_CLOEXEC);
	c->watch = c->set >= 0 ? loop_fd_new(c->loop, c->set, on_ready, c) : NULL;
	c->resume = loop_timer_new(c->loop, on_resume, c);
	if (!c->watch || !c->resume || !watch_listener(c, EPOLL_CTL_ADD, true)) {
		(void)snprintf(why, why_size, "%s: %s", c->options.path, strerror(errno));
		return false;
	}
	return true;
}

struct control *control_open(struct loop *loop, const struct control_options *options, char *why,
                             size_t why_size)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c) {
		(void)snprintf(why, why_size, "no memory");
		return NULL;
	}
	c->options = *options;
	c->options.idle_ms = options->idle_ms ? options->idle_ms : CONTROL_IDLE_MS;
	c->options.stall_ms = options->stall_ms ? options->stall_ms : CONTROL_STALL_MS;
	c->loop = loop;
	c->listener = c->set = -1;
	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
		c->connections[i].control = c;
		c->connections[i].fd = -1;
	}
	if (!find_rights(c, why, why_size) || (options->path && !start(c, why, why_size))) {
		control_close(c);
		return NULL;
	}
	return c;
}

void control_close(struct control *c)
{
	if (!c) {
		return;
	}
	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
		if (c->connections[i].fd >= 0) {
			end_connection(&c->connections[i], CONTROL_REFUSED_NONE);
		}
	}
	loop_timer_free(c->resume);
	loop_fd_free(c->watch);
	if (c->set >= 0) {
		close(c->set);
	}
	control_unlisten(c);
	free(c);
}
