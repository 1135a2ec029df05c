#include "sinks/hold.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

struct hold {
	struct sink sink;
	struct sink *to[HOLD_SINKS_MAX];
	size_t to_count;

	pthread_mutex_t lock;
	struct buf held; /* alerts one behind the other: struct alert, then its texts */
	size_t out;      /* bytes of held that were passed on */
	uint64_t pushed, passed, refused;
};

static size_t size_of(const struct alert *a)
{
	size_t size = sizeof(*a) + a->id.len + a->rule.len + a->json.len;

	return (size + 7) & ~(size_t)7;
}

static bool hold_push(struct sink *sink, const struct alert *alert)
{
	static const char padding[8];
	struct hold *h = (struct hold *)sink;
	size_t size = size_of(alert);

	pthread_mutex_lock(&h->lock);
	size_t texts = sizeof(*alert) + alert->id.len + alert->rule.len + alert->json.len;
	bool room = h->held.len + size <= HOLD_BYTES_MAX;
	if (room) {
		buf_reserve(&h->held, size);
		room = !h->held.failed;
	}
	if (room) {
		buf_add(&h->held, alert, sizeof(*alert));
		buf_slice(&h->held, alert->id);
		buf_slice(&h->held, alert->rule);
		buf_slice(&h->held, alert->json);
		buf_add(&h->held, padding, size - texts);
		h->pushed++;
	} else {
		h->held.failed = false;
		h->refused++;
	}
	pthread_mutex_unlock(&h->lock);
	return room;
}

static struct slice text_at(const char **at, size_t len)
{
	struct slice text = {*at, len};

	*at += len;
	return text;
}

/* The next alert held; its texts lie in held. */
static struct alert next_alert(struct hold *h)
{
	const char *at = h->held.p + h->out;
	struct alert a;

	memcpy(&a, at, sizeof(a));
	at += sizeof(a);
	a.id = text_at(&at, a.id.len);
	a.rule = text_at(&at, a.rule.len);
	a.json = text_at(&at, a.json.len);
	return a;
}

/* What was passed on makes room when it is half of all. */
static void compact(struct hold *h)
{
	if (h->out * 2 >= h->held.len) {
		h->held.len -= h->out;
		if (h->held.len > 0) {
			memmove(h->held.p, h->held.p + h->out, h->held.len);
		}
		h->out = 0;
	}
}

void sink_hold_release(struct sink *sink, uint64_t mark)
{
	struct hold *h = (struct hold *)sink;

	pthread_mutex_lock(&h->lock);
	while (h->passed < mark && h->passed < h->pushed) {
		struct alert alert = next_alert(h);
		for (size_t i = 0; i < h->to_count; i++) {
			(void)h->to[i]->ops->push(h->to[i], &alert);
		}
		h->out += size_of(&alert);
		h->passed++;
	}
	compact(h);
	pthread_mutex_unlock(&h->lock);
}

uint64_t sink_hold_mark(const struct sink *sink)
{
	struct hold *h = (struct hold *)(uintptr_t)sink;

	pthread_mutex_lock(&h->lock);
	uint64_t pushed = h->pushed;
	pthread_mutex_unlock(&h->lock);
	return pushed;
}

static bool hold_drain(struct sink *sink, int timeout_ms)
{
	const struct hold *h = (const struct hold *)sink;

	(void)timeout_ms;
	return h->passed == sink_hold_mark(sink);
}

static void hold_stats(const struct sink *sink, struct sink_stats *out)
{
	struct hold *h = (struct hold *)(uintptr_t)sink;

	pthread_mutex_lock(&h->lock);
	*out = (struct sink_stats){
		.written = h->passed, .refused = h->refused, .waiting = h->pushed - h->passed};
	pthread_mutex_unlock(&h->lock);
}

static void hold_close(struct sink *sink)
{
	struct hold *h = (struct hold *)sink;

	pthread_mutex_destroy(&h->lock);
	buf_fini(&h->held);
	free(h);
}

static const struct sink_ops hold_ops = {
	.name = "hold",
	.push = hold_push,
	.drain = hold_drain,
	.stats = hold_stats,
	.close = hold_close,
};

struct sink *sink_hold_open(struct sink *const *to, size_t count)
{
	struct hold *h = count <= HOLD_SINKS_MAX ? calloc(1, sizeof(*h)) : NULL;

	if (!h) {
		return NULL;
	}
	h->sink.ops = &hold_ops;
	h->to_count = count;
	memcpy(h->to, to, count * sizeof(to[0]));
	pthread_mutex_init(&h->lock, NULL);
	return &h->sink;
}
