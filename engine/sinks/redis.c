#include "sinks/redis.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/log.h"
#include "core/loop.h"
#include "core/resp.h"

enum { IN_FLIGHT_MAX = 256, NAME_TEXT = 256, NUMBER_TEXT_MAX = 48 };

/* What a tag asks: the command in the high byte, the entry's sequence number below. */
enum ask { ASK_NEWEST = 1, ASK_ADD, ASK_OWN, ASK_DOORBELL };

/* One alert in the queue; its texts follow in one block. */
struct entry {
	struct entry *next;
	uint64_t seq;
	size_t size;
	const char *severity;
	const char *type;
	struct slice id, rule, json;
	bool sent; /* on the present connection */
};

struct redis {
	struct sink sink;
	struct loop *loop;
	struct resp *resp;
	pthread_t thread;
	char stream[NAME_TEXT];
	char channel[NAME_TEXT];
	int64_t now_ms;
	size_t queue_bytes;

	/* Of the loop's thread. */
	uint64_t epoch;  /* 0: not chosen yet */
	bool reconciled; /* on this connection the stream's newest id is known */
	size_t in_flight;
	uint64_t previous_seq; /* of the entry published before; 0: none */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t emptied;
	struct entry *first;
	struct entry **last;
	size_t bytes;
	bool woken;
	bool fenced;
	bool connected;
	struct sink_stats stats;
};

static uint64_t tag_of(enum ask ask, uint64_t seq)
{
	return (uint64_t)ask << 56 | seq;
}

/* ---- sending: on the loop's thread ---- */

static struct slice entry_id(const struct redis *r, uint64_t seq, char out[NUMBER_TEXT_MAX])
{
	int len = snprintf(out, NUMBER_TEXT_MAX, "%llu-%llu", (unsigned long long)r->epoch,
	                   (unsigned long long)seq);

	return (struct slice){out, (size_t)len};
}

static bool send_add(struct redis *r, const struct entry *e)
{
	char id[NUMBER_TEXT_MAX], seq[NUMBER_TEXT_MAX];
	int len = snprintf(seq, sizeof(seq), "%llu", (unsigned long long)e->seq);
	const struct slice words[] = {
		SLICE_LIT("XADD"),
		slice_of(r->stream),
		entry_id(r, e->seq, id),
		SLICE_LIT("id"),
		e->id,
		SLICE_LIT("ce"),
		e->json,
		SLICE_LIT("sev"),
		slice_of(e->severity),
		SLICE_LIT("rule"),
		e->rule,
		SLICE_LIT("seq"),
		{seq, (size_t)len},
		SLICE_LIT("dur"),
		SLICE_LIT("degraded"),
	};

	return resp_command(r->resp, tag_of(ASK_ADD, e->seq), words,
	                    sizeof(words) / sizeof(words[0]));
}

static void send_waiting(struct redis *r)
{
	if (!r->reconciled) {
		return;
	}
	pthread_mutex_lock(&r->lock);
	for (struct entry *e = r->first; e && r->in_flight < IN_FLIGHT_MAX && !r->fenced;
	     e = e->next) {
		if (!e->sent && send_add(r, e)) {
			e->sent = true;
			r->in_flight++;
		}
	}
	pthread_mutex_unlock(&r->lock);
}

static void on_wake(void *arg)
{
	struct redis *r = arg;

	pthread_mutex_lock(&r->lock);
	r->woken = false;
	pthread_mutex_unlock(&r->lock);
	send_waiting(r);
}

static void ask_newest(struct redis *r)
{
	const struct slice words[] = {SLICE_LIT("XREVRANGE"), slice_of(r->stream), SLICE_LIT("+"),
	                              SLICE_LIT("-"),         SLICE_LIT("COUNT"),  SLICE_LIT("1")};

	(void)resp_command(r->resp, tag_of(ASK_NEWEST, 0), words, 6);
}

static void ask_own(struct redis *r, uint64_t seq)
{
	char id[NUMBER_TEXT_MAX];
	struct slice text = entry_id(r, seq, id);
	const struct slice words[] = {SLICE_LIT("XRANGE"), slice_of(r->stream), text, text};

	(void)resp_command(r->resp, tag_of(ASK_OWN, seq), words, 4);
}

static void ring_doorbell(struct redis *r, const struct entry *e)
{
	struct buf text = {0};
	char id[NUMBER_TEXT_MAX], channel[NAME_TEXT + 16];
	struct json_out w = json_out(&text);

	(void)snprintf(channel, sizeof(channel), "%s:%s", r->channel, e->severity);
	json_object(&w);
	json_key(&w, "stream");
	json_text(&w, r->stream);
	json_key(&w, "stream_id");
	json_slice(&w, entry_id(r, e->seq, id));
	json_key(&w, "prev");
	if (r->previous_seq) {
		json_slice(&w, entry_id(r, r->previous_seq, id));
	} else {
		json_null(&w);
	}
	json_key(&w, "id");
	json_slice(&w, e->id);
	json_key(&w, "rule");
	json_slice(&w, e->rule);
	json_key(&w, "severity");
	json_text(&w, e->severity);
	json_key(&w, "type");
	json_text(&w, e->type);
	json_object_end(&w);
	r->previous_seq = e->seq;
	const struct slice words[] = {SLICE_LIT("PUBLISH"), slice_of(channel), buf_view(&text)};
	(void)resp_command(r->resp, tag_of(ASK_DOORBELL, e->seq), words, 3);
	buf_fini(&text);
}

/* ---- answers ---- */

static struct entry *find(const struct redis *r, uint64_t seq)
{
	struct entry *e = r->first;

	while (e && e->seq != seq) {
		e = e->next;
	}
	return e;
}

static void unlink_entry(struct redis *r, const struct entry *e)
{
	struct entry **at = &r->first;

	while (*at != e) {
		at = &(*at)->next;
	}
	*at = e->next;
	if (!e->next) {
		r->last = at;
	}
	r->bytes -= e->size;
	r->stats.waiting--;
	if (!r->first) {
		pthread_cond_broadcast(&r->emptied);
	}
}

/* The stream has it: the alert leaves the queue and the doorbell rings. */
static void delivered(struct redis *r, uint64_t seq)
{
	pthread_mutex_lock(&r->lock);
	struct entry *e = find(r, seq);
	if (e) {
		unlink_entry(r, e);
		r->stats.written++;
	}
	pthread_mutex_unlock(&r->lock);
	if (e) {
		ring_doorbell(r, e);
		free(e);
	}
}

static void fence(struct redis *r)
{
	pthread_mutex_lock(&r->lock);
	r->fenced = true;
	pthread_cond_broadcast(&r->emptied);
	pthread_mutex_unlock(&r->lock);
	log_err("redis", "fenced stream=%s reason=another_writer publishing=stopped", r->stream);
}

/* The answer did not come from the stream: the entry waits for the next attempt. */
static void not_taken(struct redis *r, uint64_t seq, struct slice why)
{
	pthread_mutex_lock(&r->lock);
	struct entry *e = find(r, seq);
	if (e) {
		e->sent = false;
	}
	pthread_mutex_unlock(&r->lock);
	log_warn("redis", "not_taken stream=%s error=\"%.*s\"", r->stream, SLICE_FMT(why));
}

static void on_add(struct redis *r, uint64_t seq, const struct resp_value *reply)
{
	r->in_flight--;
	if (reply->type != RESP_ERROR) {
		delivered(r, seq);
	} else if (memmem(reply->text.p, reply->text.len, "equal or smaller", 16)) {
		ask_own(r, seq);
	} else {
		not_taken(r, seq, reply->text);
	}
}

/* Is the entry under our id our own? Its first field is id. */
static bool shows_own(const struct redis *r, uint64_t seq, const struct resp_value *reply)
{
	const struct entry *e = find(r, seq);

	if (!e || reply->type != RESP_ARRAY || reply->count != 1) {
		return false;
	}
	struct resp_value entry = resp_item(reply, 0);
	if (entry.type != RESP_ARRAY || entry.count != 2) {
		return false;
	}
	struct resp_value fields = resp_item(&entry, 1);
	for (size_t i = 0; fields.type == RESP_ARRAY && i + 1 < fields.count; i += 2) {
		if (slice_eq(resp_item(&fields, i).text, SLICE_LIT("id"))) {
			return slice_eq(resp_item(&fields, i + 1).text, e->id);
		}
	}
	return false;
}

static void on_own(struct redis *r, uint64_t seq, const struct resp_value *reply)
{
	pthread_mutex_lock(&r->lock);
	bool own = shows_own(r, seq, reply);
	pthread_mutex_unlock(&r->lock);
	if (own) {
		delivered(r, seq);
	} else {
		fence(r);
	}
}

static void on_newest(struct redis *r, const struct resp_value *reply)
{
	uint64_t newest = 0;

	if (reply->type == RESP_ERROR) {
		log_warn("redis", "not_ready error=\"%.*s\"", SLICE_FMT(reply->text));
		return;
	}
	if (reply->type == RESP_ARRAY && reply->count == 1) {
		struct resp_value entry = resp_item(reply, 0);
		if (entry.type == RESP_ARRAY && entry.count == 2) {
			char id[NUMBER_TEXT_MAX];
			struct slice text = slice_first(resp_item(&entry, 0).text, sizeof(id) - 1);
			memcpy(id, text.p, text.len);
			id[text.len] = '\0';
			newest = strtoull(id, NULL, 10);
		}
	}
	if (r->epoch == 0) {
		uint64_t now = r->now_ms > 0 ? (uint64_t)r->now_ms : 1;
		r->epoch = now > newest ? now : newest + 1;
	}
	r->reconciled = true;
	send_waiting(r);
}

static void on_reply(void *arg, uint64_t tag, const struct resp_value *reply)
{
	struct redis *r = arg;
	uint64_t seq = tag & ((UINT64_C(1) << 56) - 1);

	switch ((enum ask)(tag >> 56)) {
	case ASK_NEWEST: on_newest(r, reply); break;
	case ASK_ADD: on_add(r, seq, reply); break;
	case ASK_OWN: on_own(r, seq, reply); break;
	case ASK_DOORBELL: break; /* at most once: the stream is the record */
	}
	send_waiting(r);
}

static void on_state(void *arg, bool ready, const char *why)
{
	struct redis *r = arg;

	r->in_flight = 0;
	r->reconciled = false;
	pthread_mutex_lock(&r->lock);
	r->connected = ready;
	for (struct entry *e = r->first; e; e = e->next) {
		e->sent = false;
	}
	pthread_mutex_unlock(&r->lock);
	if (ready) {
		log_info("redis", "connected stream=%s", r->stream);
		ask_newest(r);
	} else {
		log_warn("redis", "disconnected reason=\"%s\"", why);
	}
}

/* ---- the sink ---- */

static struct slice put_text(char **at, struct slice text)
{
	struct slice copy = {*at, text.len};

	memcpy(*at, text.p, text.len);
	*at += text.len;
	return copy;
}

static struct entry *entry_new(const struct alert *alert)
{
	size_t size = sizeof(struct entry) + alert->id.len + alert->rule.len + alert->json.len;
	struct entry *e = malloc(size);

	if (e) {
		char *at = (char *)(e + 1);
		*e = (struct entry){.seq = alert->seq,
		                    .size = size,
		                    .severity = alert->severity,
		                    .type = alert->type};
		e->id = put_text(&at, alert->id);
		e->rule = put_text(&at, alert->rule);
		e->json = put_text(&at, alert->json);
	}
	return e;
}

static bool redis_push(struct sink *sink, const struct alert *alert)
{
	struct redis *r = (struct redis *)sink;
	struct entry *e = entry_new(alert);

	pthread_mutex_lock(&r->lock);
	bool room = e && r->bytes + e->size <= r->queue_bytes;
	bool wake = room && !r->woken;
	if (room) {
		*r->last = e;
		r->last = &e->next;
		r->bytes += e->size;
		r->stats.waiting++;
		r->woken = true;
	} else {
		r->stats.refused++;
	}
	pthread_mutex_unlock(&r->lock);
	if (!room) {
		free(e);
	} else if (wake) {
		(void)loop_post(r->loop, on_wake, r);
	}
	return room;
}

static bool redis_drain(struct sink *sink, int timeout_ms)
{
	struct redis *r = (struct redis *)sink;
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&r->lock);
	int err = 0;
	while (r->first && !r->fenced && err == 0) {
		err = pthread_cond_timedwait(&r->emptied, &r->lock, &until);
	}
	bool empty = !r->first;
	pthread_mutex_unlock(&r->lock);
	return empty;
}

static void redis_stats(const struct sink *sink, struct sink_stats *out)
{
	struct redis *r = (struct redis *)(uintptr_t)sink;

	pthread_mutex_lock(&r->lock);
	*out = r->stats;
	pthread_mutex_unlock(&r->lock);
}

const char *sink_redis_state(const struct sink *sink)
{
	struct redis *r = (struct redis *)(uintptr_t)sink;

	pthread_mutex_lock(&r->lock);
	const char *state = r->fenced      ? "fenced: another writer"
	                    : r->connected ? "connected"
	                                   : "connecting";
	pthread_mutex_unlock(&r->lock);
	return state;
}

static void redis_fini(struct redis *r)
{
	resp_free(r->resp);
	loop_free(r->loop);
	for (struct entry *e = r->first, *next; e; e = next) {
		next = e->next;
		free(e);
	}
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->emptied);
	free(r);
}

static void on_stop(void *arg)
{
	loop_stop(((struct redis *)arg)->loop);
}

static void redis_close(struct sink *sink)
{
	struct redis *r = (struct redis *)sink;

	(void)loop_post(r->loop, on_stop, r);
	pthread_join(r->thread, NULL);
	redis_fini(r);
}

static const struct sink_ops redis_ops = {
	.name = "redis",
	.push = redis_push,
	.drain = redis_drain,
	.stats = redis_stats,
	.close = redis_close,
};

static void *redis_main(void *arg)
{
	struct redis *r = arg;

	loop_run(r->loop);
	return NULL;
}

struct sink *sink_redis_open(const struct redis_options *options, const char **why)
{
	struct redis *r = calloc(1, sizeof(*r));

	*why = "no memory";
	if (!r) {
		return NULL;
	}
	r->sink.ops = &redis_ops;
	r->now_ms = options->now_ms;
	r->queue_bytes = options->queue_bytes ? options->queue_bytes : (size_t)REDIS_QUEUE_BYTES;
	r->last = &r->first;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->emptied, NULL);
	(void)snprintf(r->stream, sizeof(r->stream), "ringfence:1:{%s}:alerts:%s", options->site,
	               options->engine);
	(void)snprintf(r->channel, sizeof(r->channel), "ringfence:1:%s:alerts:%s", options->site,
	               options->engine);
	r->loop = loop_new();
	struct resp_options resp = {
		.loop = r->loop,
		.url = options->url,
		.user = options->user,
		.password = options->password,
		.on_state = on_state,
		.on_reply = on_reply,
		.arg = r,
	};
	r->resp = r->loop ? resp_new(&resp, why) : NULL;
	if (!r->resp || pthread_create(&r->thread, NULL, redis_main, r) != 0) {
		redis_fini(r);
		return NULL;
	}
	*why = NULL;
	return &r->sink;
}
