/* Rows a second of call records: counting line breaks (the floor), splitting, splitting and
 * parsing, and the whole feed over a file in end order, in start order and shuffled.
 *
 *	bench_cdr [ROWS]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/feed.h"
#include "core/ensure.h"
#include "core/err.h"
#include "decode/cdr.h"
#include "decode/cdr_rows.h"

enum { ROWS = 1000000, ROW_ROOM = 256, CALLS_A_SECOND = 100 };

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return *seed >> 33;
}

struct made_row {
	int64_t order;
	char *text;
};

static int compare_rows(const void *a, const void *b)
{
	const struct made_row *x = a;
	const struct made_row *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

enum row_order { BY_END = 0, BY_START, SHUFFLED, BY_END_SECONDS };

/* One call; returns what orders it. */
static int64_t make_row(size_t i, enum row_order order, uint64_t *seed, char *out)
{
	int64_t start = INT64_C(1772452980000) + (int64_t)i * 1000 / CALLS_A_SECOND;
	int64_t ring = 2000 + (int64_t)(next_random(seed) % 20000);
	bool answered = next_random(seed) % 10 < 6;
	int64_t end = start + ring + (answered ? (int64_t)(next_random(seed) % 240000) : 0);
	char times[3][INSTANT_TEXT];

	if (order == BY_END_SECONDS) {
		start = start / 1000 * 1000;
		ring = ring / 1000 * 1000;
		end = end / 1000 * 1000;
	}

	instant_format(start * US_PER_MS, times[0]);
	instant_format((start + ring) * US_PER_MS, times[1]);
	instant_format(end * US_PER_MS, times[2]);
	(void)snprintf(out, ROW_ROOM,
	               "%08zx-%06x@10.1.2.3,%s,%s,%s,+4479%08u,+4420%08u,ic-%u,oc-1,%s,%s,,A\n", i,
	               (unsigned)(next_random(seed) & 0xffffff), times[0], answered ? times[1] : "",
	               times[2], (unsigned)(next_random(seed) % 1000000),
	               (unsigned)(next_random(seed) % 1000000), (unsigned)(next_random(seed) % 8),
	               answered ? "200" : "487", answered ? "callee" : "caller");
	return order == SHUFFLED ? (int64_t)next_random(seed) : order == BY_START ? start : end;
}

static struct slice make_file(size_t count, enum row_order order, const char *path)
{
	static const char head[] = "call_id,start_time,answer_time,end_time,caller,callee,trunk_in,"
				   "trunk_out,sip_code,hangup_by,caller_name,attest\n";
	struct made_row *rows = malloc(count * sizeof(*rows));
	char *texts = malloc(count * ROW_ROOM);
	char *text = malloc(count * ROW_ROOM + sizeof(head));
	uint64_t seed = 7;
	size_t len = sizeof(head) - 1;

	ENSURE(rows && texts && text);
	memcpy(text, head, len);
	for (size_t i = 0; i < count; i++) {
		rows[i].text = texts + i * ROW_ROOM;
		rows[i].order = make_row(i, order, &seed, rows[i].text);
	}
	qsort(rows, count, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < count; i++) {
		size_t row_len = strlen(rows[i].text);
		memcpy(text + len, rows[i].text, row_len);
		len += row_len;
	}
	FILE *out = fopen(path, "w");
	ENSURE(out && fwrite(text, 1, len, out) == len && fclose(out) == 0);
	free(rows);
	free(texts);
	return (struct slice){text, len};
}

static void report(const char *what, size_t rows, double since)
{
	double took = seconds() - since;

	printf("%-28s %7.1f ns/row %8.2f M rows/s\n", what, took * 1e9 / (double)rows,
	       (double)rows / took / 1e6);
}

static void bench_lines(struct slice text)
{
	double begin = seconds();
	size_t lines = 0;

	for (struct slice rest = text; rest.len; lines++) {
		rest = slice_skip(rest, slice_find(rest, '\n') + 1);
	}
	report("memchr lines (floor)", lines, begin);
}

typedef void (*split_fn)(struct slice rest, struct cdr_row *row);

static void bench_split(const char *what, struct slice text, split_fn split)
{
	double begin = seconds();
	struct cdr_row row;
	size_t rows = 0;

	for (struct slice rest = text; rest.len; rows++) {
		split(rest, &row);
		rest = slice_skip(rest, row.size);
	}
	report(what, rows, begin);
}

static void bench_parse(const char *what, struct slice text, bool times_only)
{
	static struct cdr_reader reader;
	struct hash_key key;
	struct cdr_options options = {.form = CDR_CSV, .key = &key};
	struct cdr_begin begin;
	struct cdr_row row;
	struct event event;
	const char *why;
	size_t rows = 0;

	hash_key_default(&key);
	ENSURE(cdr_reader_init(&reader, &options, text, &begin, &why) == OK);
	double since = seconds();
	for (struct slice rest = slice_skip(text, begin.offset); rest.len; rows++) {
		int64_t end_us;
		cdr_row_next(&reader, rest, &row);
		enum reason refused = times_only ? cdr_row_times(&reader, &row, NULL, &end_us)
		                                 : cdr_row_event(&reader, &row, &event);
		ENSURE(refused == REASON_NONE);
		rest = slice_skip(rest, row.size);
	}
	report(what, rows, since);
}

static void bench_feed(const char *what, const char *path, size_t memory_max)
{
	struct hash_key key;
	struct feed_options options = {.key = &key, .memory_max = memory_max};
	struct feed *feed;
	struct event event;
	const char *why;
	size_t rows = 0;
	double since = seconds();

	hash_key_default(&key);
	ENSURE(feed_open(path, &options, &feed, &why) == OK);
	while (feed_next(feed, &event) == OK) {
		rows++;
	}
	feed_close(feed);
	report(what, rows, since);
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : ROWS;
	char path[] = "/tmp/bench_cdr_XXXXXX";
	int fd = mkstemp(path);

	ENSURE(fd >= 0 && count > 0);
	close(fd);
	struct slice text = make_file(count, BY_END, path);
	printf("%zu rows, %.1f bytes a row\n", count, (double)text.len / (double)count);
	bench_lines(text);
	bench_split("split, plain", text, cdr_csv_split_plain);
	bench_split("split", text, cdr_csv_split);
	bench_parse("split and times", text, true);
	bench_parse("split and event", text, false);
	free((void *)(uintptr_t)text.p);
	bench_feed("feed, by end", path, 0);
	free((void *)(uintptr_t)make_file(count, BY_END_SECONDS, path).p);
	bench_feed("feed, by end, whole seconds", path, 0);
	free((void *)(uintptr_t)make_file(count, BY_START, path).p);
	bench_feed("feed, by start", path, 0);
	free((void *)(uintptr_t)make_file(count, SHUFFLED, path).p);
	bench_feed("feed, shuffled", path, 0);
	bench_feed("feed, shuffled, 4 MiB", path, 4 << 20);
	unlink(path);
	return 0;
}
