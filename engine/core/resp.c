#include "core/resp.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	PAUSE_MIN_MS = 100,
	PAUSE_MAX_MS = 5000,
	WORDS_MAX = 64,
	TAGS_MAX = 1 << 16,
};

/* Tags of the connection's own commands. */
static const uint64_t tag_auth = UINT64_MAX;

struct resp {
	struct resp_options options;
	struct bufferevent *bev;
	struct evdns_base *dns;
	redisReader *reader;
	struct loop_timer *retry;
	int pause_ms;
	bool ready;
	uint64_t *tags; /* of commands without an answer: a ring */
	size_t tag_head;
	size_t tag_count;
	char host[256];
	int port;
	struct sockaddr_un path;
	bool is_unix;
};

/* ---- replies ---- */

static struct resp_value value_of(const redisReply *reply)
{
	static const enum resp_type types[] = {
		[REDIS_REPLY_STRING] = RESP_STRING,   [REDIS_REPLY_ARRAY] = RESP_ARRAY,
		[REDIS_REPLY_INTEGER] = RESP_INTEGER, [REDIS_REPLY_NIL] = RESP_NIL,
		[REDIS_REPLY_STATUS] = RESP_STATUS,   [REDIS_REPLY_ERROR] = RESP_ERROR,
	};
	struct resp_value v = {.raw = reply};

	if (reply->type > 0 && (size_t)reply->type < sizeof(types) / sizeof(types[0])) {
		v.type = types[reply->type];
	}
	v.integer = reply->integer;
	v.count = v.type == RESP_ARRAY ? reply->elements : 0;
	if (v.type == RESP_STRING || v.type == RESP_STATUS || v.type == RESP_ERROR) {
		v.text = (struct slice){reply->str, (size_t)reply->len};
	}
	return v;
}

struct resp_value resp_item(const struct resp_value *array, size_t i)
{
	const redisReply *reply = array->raw;

	return value_of(reply->element[i]);
}

/* ---- connection ---- */

static void connect_now(struct resp *r);

static void drop(struct resp *r, const char *why)
{
	bool was_ready = r->ready;

	if (r->bev) {
		bufferevent_free(r->bev);
		r->bev = NULL;
	}
	if (r->reader) {
		redisReaderFree(r->reader);
		r->reader = NULL;
	}
	r->ready = false;
	r->tag_head = r->tag_count = 0;
	if (was_ready || r->pause_ms == PAUSE_MIN_MS) {
		r->options.on_state(r->options.arg, false, why);
	}
	loop_timer_start(r->retry, r->pause_ms, false);
	r->pause_ms = r->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : r->pause_ms * 2;
}

static void become_ready(struct resp *r)
{
	r->ready = true;
	r->pause_ms = PAUSE_MIN_MS;
	r->options.on_state(r->options.arg, true, NULL);
}

static bool push_tag(struct resp *r, uint64_t tag)
{
	if (r->tag_count == TAGS_MAX) {
		return false;
	}
	r->tags[(r->tag_head + r->tag_count++) % TAGS_MAX] = tag;
	return true;
}

static bool send_words(struct resp *r, uint64_t tag, const struct slice *words, size_t count)
{
	const char *argv[WORDS_MAX];
	size_t lens[WORDS_MAX];
	char *text = NULL;

	for (size_t i = 0; i < count && i < WORDS_MAX; i++) {
		argv[i] = words[i].p;
		lens[i] = words[i].len;
	}
	if (count > WORDS_MAX || !r->bev || r->tag_count == TAGS_MAX) {
		return false;
	}
	long long len = redisFormatCommandArgv(&text, (int)count, argv, lens);
	bool sent =
		len > 0 && bufferevent_write(r->bev, text, (size_t)len) == 0 && push_tag(r, tag);
	redisFreeCommand(text);
	return sent;
}

bool resp_command(struct resp *r, uint64_t tag, const struct slice *words, size_t count)
{
	return r->ready && send_words(r, tag, words, count);
}

bool resp_ready(const struct resp *r)
{
	return r->ready;
}

static void authenticate(struct resp *r)
{
	struct slice words[3] = {SLICE_LIT("AUTH")};
	size_t count = 1;

	if (!r->options.password) {
		become_ready(r);
		return;
	}
	if (r->options.user) {
		words[count++] = slice_of(r->options.user);
	}
	words[count++] = slice_of(r->options.password);
	(void)send_words(r, tag_auth, words, count);
}

static void take_reply(struct resp *r, const redisReply *reply)
{
	struct resp_value v = value_of(reply);

	if (r->tag_count == 0) {
		return; /* nobody asked: a server that speaks out of turn */
	}
	uint64_t tag = r->tags[r->tag_head];
	r->tag_head = (r->tag_head + 1) % TAGS_MAX;
	r->tag_count--;
	if (tag != tag_auth) {
		r->options.on_reply(r->options.arg, tag, &v);
	} else if (v.type == RESP_ERROR) {
		drop(r, "the server refuses user or password");
	} else {
		become_ready(r);
	}
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct resp *r = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	void *reply = NULL;
	char bytes[16384];
	int len;

	while ((len = evbuffer_remove(in, bytes, sizeof(bytes))) > 0) {
		if (redisReaderFeed(r->reader, bytes, (size_t)len) != REDIS_OK) {
			drop(r, "a reply that is no Redis protocol");
			return;
		}
		while (r->reader && redisReaderGetReply(r->reader, &reply) == REDIS_OK && reply) {
			take_reply(r, reply);
			freeReplyObject(reply);
			reply = NULL;
		}
		if (!r->reader) {
			return; /* the connection was given up inside */
		}
		if (r->reader->err) {
			drop(r, "a reply that is no Redis protocol");
			return;
		}
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct resp *r = arg;

	(void)bev;
	if (what & BEV_EVENT_CONNECTED) {
		authenticate(r);
	} else if (what & BEV_EVENT_TIMEOUT) {
		drop(r, "no answer in time");
	} else if (what & (BEV_EVENT_ERROR | BEV_EVENT_EOF)) {
		drop(r,
		     what & BEV_EVENT_EOF ? "the server closed the connection" : "cannot connect");
	}
}

static void connect_now(struct resp *r)
{
	int err;

	r->reader = redisReaderCreate();
	r->bev = bufferevent_socket_new(loop_base(r->options.loop), -1, BEV_OPT_CLOSE_ON_FREE);
	if (!r->reader || !r->bev) {
		drop(r, "no memory");
		return;
	}
	bufferevent_setcb(r->bev, on_read, NULL, on_event, r);
	(void)bufferevent_enable(r->bev, EV_READ | EV_WRITE);
	if (r->is_unix) {
		err = bufferevent_socket_connect(r->bev, (struct sockaddr *)&r->path,
		                                 sizeof(r->path));
	} else {
		err = bufferevent_socket_connect_hostname(r->bev, r->dns, AF_UNSPEC, r->host,
		                                          r->port);
	}
	if (err != 0 && r->bev) {
		drop(r, "cannot connect");
	}
}

static void on_retry(void *arg)
{
	connect_now(arg);
}

static bool parse_url(struct resp *r, const char *url, const char **why)
{
	*why = "a Redis URL is redis://host:port or unix:/path";
	if (strncmp(url, "unix:", 5) == 0) {
		r->is_unix = true;
		r->path.sun_family = AF_UNIX;
		if (strlen(url + 5) >= sizeof(r->path.sun_path)) {
			*why = "the path of the socket is too long";
			return false;
		}
		memcpy(r->path.sun_path, url + 5, strlen(url + 5) + 1);
		return true;
	}
	if (strncmp(url, "redis://", 8) != 0) {
		return false;
	}
	const char *host = url + 8;
	const char *colon = strrchr(host, ':');
	size_t len = colon ? (size_t)(colon - host) : strlen(host);
	if (len == 0 || len >= sizeof(r->host)) {
		return false;
	}
	memcpy(r->host, host, len);
	r->port = colon ? atoi(colon + 1) : 6379;
	return r->port > 0 && r->port < 65536;
}

struct resp *resp_new(const struct resp_options *options, const char **why)
{
	struct resp *r = calloc(1, sizeof(*r));

	*why = "no memory";
	if (!r) {
		return NULL;
	}
	r->options = *options;
	r->pause_ms = PAUSE_MIN_MS;
	r->tags = calloc(TAGS_MAX, sizeof(*r->tags));
	r->retry = loop_timer_new(options->loop, on_retry, r);
	if (!r->tags || !r->retry || !parse_url(r, options->url, why)) {
		resp_free(r);
		return NULL;
	}
	if (!r->is_unix) {
		r->dns = evdns_base_new(loop_base(options->loop),
		                        EVDNS_BASE_INITIALIZE_NAMESERVERS |
		                                EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	}
	connect_now(r);
	return r;
}

void resp_free(struct resp *r)
{
	if (!r) {
		return;
	}
	if (r->bev) {
		bufferevent_free(r->bev);
	}
	if (r->reader) {
		redisReaderFree(r->reader);
	}
	if (r->dns) {
		evdns_base_free(r->dns, 0);
	}
	loop_timer_free(r->retry);
	free(r->tags);
	free(r);
}
