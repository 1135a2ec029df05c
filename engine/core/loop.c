#include "core/loop.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HTTP_TIMEOUT_S = 10, HTTP_HEADERS_MAX = 8192 };

struct loop {
	struct event_base *base;
};

struct callback {
	void (*fn)(void *arg);
	void *arg;
};

static pthread_once_t threads_once = PTHREAD_ONCE_INIT;

static void use_threads(void)
{
	(void)evthread_use_pthreads();
}

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	(void)pthread_once(&threads_once, use_threads);
	if (l) {
		l->base = event_base_new();
	}
	if (l && !l->base) {
		free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (l) {
		event_base_free(l->base);
		free(l);
	}
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

void loop_run(struct loop *l)
{
	(void)event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *l)
{
	(void)event_base_loopbreak(l->base);
}

/* ---- calls from other threads ---- */

static void run_posted(evutil_socket_t fd, short what, void *arg)
{
	struct callback *c = arg;

	(void)fd;
	(void)what;
	c->fn(c->arg);
	free(c);
}

bool loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct callback *c = malloc(sizeof(*c));
	/* Not zero: a call that posts itself again would never let timers and signals in. */
	struct timeval soon = {0, 1};

	if (!c) {
		return false;
	}
	*c = (struct callback){fn, arg};
	if (event_base_once(l->base, -1, EV_TIMEOUT, run_posted, c, &soon) != 0) {
		free(c);
		return false;
	}
	return true;
}

/* ---- timers, descriptors, signals: one event with a callback ---- */

struct loop_event {
	struct event *event;
	struct callback callback;
};

struct loop_timer {
	struct loop_event e;
	struct timeval interval;
	bool repeat;
};
struct loop_fd {
	struct loop_event e;
};
struct loop_signal {
	struct loop_event e;
};

static void run_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop_event *e = arg;

	(void)fd;
	(void)what;
	e->callback.fn(e->callback.arg);
}

static void run_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	if (t->repeat) {
		(void)evtimer_add(t->e.event, &t->interval);
	}
	t->e.callback.fn(t->e.callback.arg);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	if (t) {
		t->e.callback = (struct callback){fn, arg};
		t->e.event = evtimer_new(l->base, run_timer, t);
	}
	return t;
}

void loop_timer_start(struct loop_timer *t, int interval_ms, bool repeat)
{
	t->interval = (struct timeval){interval_ms / 1000, interval_ms % 1000 * 1000};
	t->repeat = repeat;
	(void)evtimer_add(t->e.event, &t->interval);
}

void loop_timer_free(struct loop_timer *t)
{
	if (t) {
		event_free(t->e.event);
		free(t);
	}
}

struct loop_fd *loop_fd_new(struct loop *l, int fd, void (*fn)(void *arg), void *arg)
{
	struct loop_fd *f = calloc(1, sizeof(*f));

	if (f) {
		f->e.callback = (struct callback){fn, arg};
		f->e.event = event_new(l->base, fd, EV_READ | EV_PERSIST, run_event, &f->e);
		(void)event_add(f->e.event, NULL);
	}
	return f;
}

void loop_fd_free(struct loop_fd *f)
{
	if (f) {
		event_free(f->e.event);
		free(f);
	}
}

struct loop_signal *loop_signal_new(struct loop *l, int number, void (*fn)(void *arg), void *arg)
{
	struct loop_signal *s = calloc(1, sizeof(*s));

	if (s) {
		s->e.callback = (struct callback){fn, arg};
		s->e.event = evsignal_new(l->base, number, run_event, &s->e);
		(void)event_add(s->e.event, NULL);
	}
	return s;
}

void loop_signal_free(struct loop_signal *s)
{
	if (s) {
		event_free(s->e.event);
		free(s);
	}
}

/* ---- listening ---- */

struct loop_listener {
	struct evconnlistener *listener;
	void (*accepted)(void *arg, int fd);
	void *arg;
};

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *arg)
{
	struct loop_listener *s = arg;

	(void)listener;
	(void)address;
	(void)len;
	s->accepted(s->arg, fd);
}

static bool address_unix(const char *path, struct sockaddr_storage *out, int *len)
{
	struct sockaddr_un *un = (struct sockaddr_un *)out;

	if (strlen(path) >= sizeof(un->sun_path)) {
		return false;
	}
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	*len = sizeof(*un);
	struct stat st;
	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		(void)unlink(path);
	}
	return true;
}

static bool address_of(const char *address, struct sockaddr_storage *out, int *len)
{
	memset(out, 0, sizeof(*out));
	*len = sizeof(*out);
	return strncmp(address, "unix:", 5) == 0
	               ? address_unix(address + 5, out, len)
	               : evutil_parse_sockaddr_port(address, (struct sockaddr *)out, len) == 0;
}

struct loop_listener *loop_listen(struct loop *l, const char *address,
                                  void (*accepted)(void *arg, int fd), void *arg, const char **why)
{
	struct sockaddr_storage at;
	int len;
	struct loop_listener *s = calloc(1, sizeof(*s));

	*why = "no memory";
	if (!s) {
		return NULL;
	}
	*s = (struct loop_listener){.accepted = accepted, .arg = arg};
	if (!address_of(address, &at, &len)) {
		*why = "no address: unix:/path or host:port";
		free(s);
		return NULL;
	}
	s->listener = evconnlistener_new_bind(l->base, on_accept, s,
	                                      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
	                                              LEV_OPT_REUSEABLE,
	                                      -1, (struct sockaddr *)&at, len);
	if (!s->listener) {
		*why = "cannot listen there";
		free(s);
		return NULL;
	}
	return s;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
		return 0;
	}
	switch (at.ss_family) {
	case AF_INET: return ntohs(((struct sockaddr_in *)&at)->sin_port);
	case AF_INET6: return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
	default: return 0;
	}
}

unsigned loop_listener_port(const struct loop_listener *s)
{
	return port_of(evconnlistener_get_fd(s->listener));
}

void loop_listener_free(struct loop_listener *s)
{
	if (s) {
		evconnlistener_free(s->listener);
		free(s);
	}
}

/* ---- HTTP ---- */

struct loop_http {
	struct evhttp *http;
	struct evhttp_bound_socket *socket;
	bool (*page)(void *arg, const char *path, struct buf *body, const char **content_type);
	void *arg;
};

static void on_request(struct evhttp_request *request, void *arg)
{
	struct loop_http *h = arg;
	const char *type = "text/plain; charset=utf-8";
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	struct buf body = {0};

	if (!path || !h->page(h->arg, path, &body, &type)) {
		evhttp_send_error(request, HTTP_NOTFOUND, NULL);
	} else {
		(void)evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
		                        type);
		(void)evbuffer_add(evhttp_request_get_output_buffer(request), body.p, body.len);
		evhttp_send_reply(request, HTTP_OK, "OK", NULL);
	}
	buf_fini(&body);
}

struct loop_http *loop_http_new(struct loop *l, const char *address,
                                bool (*page)(void *arg, const char *path, struct buf *body,
                                             const char **content_type),
                                void *arg, const char **why)
{
	char host[64];
	const char *colon = strrchr(address, ':');
	struct loop_http *h = calloc(1, sizeof(*h));

	*why = "no address: host:port";
	if (!h || !colon || (size_t)(colon - address) >= sizeof(host)) {
		free(h);
		return NULL;
	}
	memcpy(host, address, (size_t)(colon - address));
	host[colon - address] = '\0';
	*h = (struct loop_http){.page = page, .arg = arg, .http = evhttp_new(l->base)};
	evhttp_set_allowed_methods(h->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_timeout(h->http, HTTP_TIMEOUT_S);
	evhttp_set_max_headers_size(h->http, HTTP_HEADERS_MAX);
	evhttp_set_max_body_size(h->http, 0);
	evhttp_set_gencb(h->http, on_request, h);
	h->socket = evhttp_bind_socket_with_handle(h->http, host, (uint16_t)atoi(colon + 1));
	if (!h->socket) {
		*why = "cannot listen there";
		loop_http_free(h);
		return NULL;
	}
	return h;
}

unsigned loop_http_port(const struct loop_http *h)
{
	return port_of(evhttp_bound_socket_get_fd(h->socket));
}

void loop_http_free(struct loop_http *h)
{
	if (h) {
		evhttp_free(h->http);
		free(h);
	}
}
