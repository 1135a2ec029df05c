/* A socket that takes call records: any number of senders at once up to LIVE_CONNECTIONS_MAX, each
 * connection a stream of its own with its own header.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/live_ops.h"
#include "core/log.h"

enum { BYTES_A_READ = 256 * 1024, LAST_READS_MAX = 64 };

struct connection {
	struct live_listen *listen;
	struct connection *next;
	struct connection **at; /* what points to it */
	int fd;
	struct loop_fd *watch;
	struct records *records;
};

struct live_listen {
	struct live_source source;
	struct records_source shared;
	struct loop_listener *listener;
	struct connection *connections;
	uint64_t count;
	uint64_t taken;
	uint64_t refused;
	bool running;
	char bytes[BYTES_A_READ];
};

static void end_connection(struct connection *c)
{
	struct live_listen *l = c->listen;

	if (c->at) {
		*c->at = c->next;
		if (c->next) {
			c->next->at = c->at;
		}
		l->count--;
	}
	loop_fd_free(c->watch);
	records_free(c->records);
	close(c->fd);
	free(c);
}

static void on_readable(void *arg)
{
	struct connection *c = arg;
	struct live_listen *l = c->listen;
	const struct live_options *o = l->source.options;

	o->clock(o->user);
	ssize_t n = read(c->fd, l->bytes, sizeof(l->bytes));
	if (n > 0) {
		if (!records_take(c->records, (struct slice){l->bytes, (size_t)n})) {
			l->refused++;
			log_warn("sources", "refused name=%s why=\"%s\"",
			         config_source_name(l->source.config), records_why(c->records));
			end_connection(c);
		}
	} else if (n == 0) {
		records_end(c->records);
		end_connection(c);
	} else if (errno != EAGAIN && errno != EINTR) {
		end_connection(c);
	}
	o->round(o->user);
}

static bool watch(struct connection *c)
{
	c->watch = loop_fd_new(c->listen->source.options->loop, c->fd, on_readable, c);
	return c->watch != NULL;
}

/* Before the start connections are taken and left waiting. */
static void on_accepted(void *arg, int fd)
{
	struct live_listen *l = arg;
	struct connection *c = l->count < LIVE_CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		l->refused++;
		close(fd);
		return;
	}
	c->listen = l;
	c->fd = fd;
	c->records = records_new(&l->shared);
	if (!c->records || (l->running && !watch(c))) {
		l->refused++;
		end_connection(c);
		return;
	}
	c->next = l->connections;
	c->at = &l->connections;
	if (c->next) {
		c->next->at = &c->next;
	}
	l->connections = c;
	l->count++;
	l->taken++;
}

static void start(struct live_source *s)
{
	struct live_listen *l = (struct live_listen *)s;

	l->running = true;
	for (struct connection *c = l->connections, *next; c; c = next) {
		next = c->next;
		if (!watch(c)) {
			end_connection(c);
		}
	}
}

static void tick(struct live_source *s)
{
	(void)s;
}

/* What a sender has handed over already is still read: it cannot know that it was not. */
static void read_rest(struct connection *c)
{
	struct live_listen *l = c->listen;
	ssize_t n = read(c->fd, l->bytes, sizeof(l->bytes));

	for (int i = 0; i < LAST_READS_MAX && n > 0; i++) {
		if (!records_take(c->records, (struct slice){l->bytes, (size_t)n})) {
			return;
		}
		n = read(c->fd, l->bytes, sizeof(l->bytes));
	}
	if (n == 0) {
		records_end(c->records);
	}
}

static void stop(struct live_source *s)
{
	struct live_listen *l = (struct live_listen *)s;

	loop_listener_free(l->listener);
	l->listener = NULL;
	for (struct connection *c = l->connections, *next; c; c = next) {
		next = c->next;
		read_rest(c);
		end_connection(c);
	}
	if (strncmp(s->config->address, "unix:", 5) == 0) {
		(void)unlink(s->config->address + 5);
	}
}

static void stat_listen(struct live_source *s, struct live_stat *out)
{
	struct live_listen *l = (struct live_listen *)s;

	out->decode = l->shared.decode;
	out->bytes = l->shared.bytes;
	out->connections = l->count;
	out->connections_taken = l->taken;
	out->connections_refused = l->refused;
	out->up = l->listener != NULL;
}

static void close_listen(struct live_source *s)
{
	struct live_listen *l = (struct live_listen *)s;

	while (l->connections) {
		end_connection(l->connections);
	}
	loop_listener_free(l->listener);
	free(l);
}

static const struct live_ops listen_ops = {
	.start = start, .tick = tick, .stop = stop, .stat = stat_listen, .close = close_listen};

struct live_source *live_open_listen(const struct live_source *base, char why[LIVE_WHY])
{
	struct live_listen *l = calloc(1, sizeof(*l));
	const char *detail = "no memory";

	if (l) {
		l->source = *base;
		l->source.ops = &listen_ops;
		l->shared = live_records(base);
		l->listener = loop_listen(base->options->loop, base->config->address, on_accepted,
		                          l, &detail);
	}
	if (!l || !l->listener) {
		(void)snprintf(why, LIVE_WHY, "%s: %s", base->config->address, detail);
		if (l) {
			close_listen(&l->source);
		}
		return NULL;
	}
	return &l->source;
}
