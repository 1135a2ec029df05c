/* Blocks of the call log over a file of calls: bytes a call, and nanoseconds of filling, encoding
 * and decoding.
 *
 *	ringfence gen --out DIR --calls 200000; bench_log_block DIR/cdr.csv
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "app/feed.h"
#include "core/ensure.h"
#include "core/err.h"
#include "store/log_block.h"

enum { ROUNDS = 5, HOT = 64 };

struct calls {
	struct event *events;
	size_t count;
};

struct cost {
	double add, encode, decode; /* seconds */
	size_t bytes;
	volatile unsigned touched; /* keeps the reads that warm the cache */
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct event kept(const struct event *e)
{
	size_t size = event_packed_size(e);
	char *bytes = malloc(size);
	struct event copy;

	ENSURE(bytes);
	event_pack(e, bytes);
	event_unpack((struct slice){bytes, size}, &copy);
	return copy;
}

static struct calls read_calls(const char *path)
{
	struct hash_key key;
	struct feed_options options = {.key = &key};
	struct calls calls = {0};
	struct feed *feed;
	struct event event;
	const char *why;

	hash_key_default(&key);
	if (feed_open(path, &options, &feed, &why) != OK) {
		fprintf(stderr, "%s: %s\n", path, why);
		exit(1);
	}
	while (feed_next(feed, &event) == OK) {
		if ((calls.count & (calls.count - 1)) == 0) {
			size_t room = calls.count ? 2 * calls.count : 1;
			calls.events = realloc(calls.events, room * sizeof(event));
			ENSURE(calls.events);
		}
		calls.events[calls.count++] = kept(&event);
	}
	feed_close(feed);
	return calls;
}

static void check_block(struct log_rows *rows, const struct event *events, struct slice bytes,
                        struct cost *cost)
{
	struct event event;
	const char *why;
	uint64_t number;
	size_t differ = 0;
	size_t n = 0;
	bool cut;
	double begin = seconds();

	ENSURE(log_rows_decode(rows, bytes, &why) == OK);
	while (log_rows_next(rows, &event, &number, &cut)) {
		differ += event.time_us != events[n++].time_us;
	}
	cost->decode += seconds() - begin;
	ENSURE(differ == 0);
}

static void write_block(struct log_block *block, struct buf *bytes, struct cost *cost)
{
	double begin = seconds();

	buf_reset(bytes);
	ENSURE(log_block_encode(block, bytes) == OK);
	cost->encode += seconds() - begin;
	cost->bytes += bytes->len;
	begin = seconds();
	log_block_reset(block);
	cost->add += seconds() - begin;
}

/* Adds up to HOT events, whose bytes are in the cache as they are where they were just decoded. */
static size_t add_some(struct log_block *block, const struct calls *calls, size_t first,
                       struct cost *cost)
{
	unsigned sink = 0;
	size_t end = calls->count - first < HOT ? calls->count : first + HOT;
	size_t n = first;

	for (size_t i = first; i < end; i++) {
		size_t size = event_packed_size(&calls->events[i]) - sizeof(struct event);
		for (size_t at = 0; at < sizeof(struct event); at += 64) {
			sink += ((const uint8_t *)&calls->events[i])[at];
		}
		for (size_t at = 0; at < size; at += 64) {
			sink += (uint8_t)calls->events[i].call_id.p[at];
		}
	}
	double begin = seconds();
	while (n < end && log_block_add(block, n, &calls->events[n]) == OK) {
		n++;
	}
	cost->add += seconds() - begin;
	cost->touched += sink;
	return n;
}

static struct cost run(const struct calls *calls, struct log_block *block, struct log_rows *rows)
{
	struct cost cost = {0};
	struct buf bytes = {0};

	for (size_t first = 0; first < calls->count;) {
		size_t n = first;
		for (size_t before = n + 1; n < calls->count && n != before;) {
			before = n;
			n = add_some(block, calls, n, &cost);
		}
		write_block(block, &bytes, &cost);
		check_block(rows, calls->events + first, buf_view(&bytes), &cost);
		first = n;
	}
	buf_fini(&bytes);
	return cost;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: bench_log_block CALLS\n");
		return 2;
	}
	struct calls calls = read_calls(argv[1]);
	struct hash_key key;
	hash_key_default(&key);
	struct log_block *block = log_block_new(LOG_FIELDS_ALL, &key);
	struct log_rows *rows = log_rows_new();
	ENSURE(block && rows && calls.count);
	double ns = 1e9 / (double)calls.count;
	for (int round = 0; round < ROUNDS; round++) {
		struct cost cost = run(&calls, block, rows);
		printf("%zu calls: %.2f bytes a call; ns a call: add %.0f, encode %.0f, decode "
		       "%.0f\n",
		       calls.count, (double)cost.bytes / (double)calls.count, cost.add * ns,
		       cost.encode * ns, cost.decode * ns);
	}
	log_rows_free(rows);
	log_block_free(block);
	return 0;
}
