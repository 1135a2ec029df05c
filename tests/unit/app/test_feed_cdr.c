#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "app/cdr_order.h"
#include "app/feed.h"
#include "core/buf.h"
#include "core/err.h"
#include "decode/cdr.h"

/* Over two blocks, so that rows are open beyond the block they stand in. */
enum { ROWS = CDR_BLOCK_ROWS * 2 + 2000, FEW = 3000, ROW_ROOM = 256 };

#define HEAD                                                                          \
 "call_id,start_time,answer_time,end_time,caller,callee,trunk_in,trunk_out,sip_code," \
 "hangup_by,caller_name,attest\n"

static struct hash_key key;

struct made_row {
	int64_t start;
	int64_t end;
	uint64_t random;
	char *text;
};

static struct made_row *rows;
static char *row_texts;
static uint64_t seed = 4242;

static uint64_t next_random(uint64_t bound)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (seed >> 33) % bound;
}

/* Calls of whole seconds, so that most tie; some without an id, some with an id of others (even
 * at one instant), some with line breaks in quotes, some refused.
 */
static void make_row(size_t i, struct made_row *row)
{
	uint64_t odd = next_random(50);
	char id[64];

	row->start = 1772452980 + (int64_t)i / 40;
	row->end = row->start + (int64_t)next_random(next_random(30) ? 120 : 7000);
	row->random = next_random(UINT32_MAX);
	if (odd == 0) {
		id[0] = '\0';
	} else if (odd < 3) {
		(void)snprintf(id, sizeof(id), "same-%u", (unsigned)next_random(4));
	} else if (odd == 3) {
		(void)snprintf(id, sizeof(id), "\"line\n%zu, \"\"q\"\"\"", i);
	} else {
		(void)snprintf(id, sizeof(id), "%06zx@host", i * 7919 % ROWS);
	}
	(void)snprintf(row->text, ROW_ROOM, "%s,%lld,%s,%lld,%s,+4420%07u,in%u,out,%s,,,\n", id,
	               (long long)row->start, odd == 4 ? "1" : "", (long long)row->end,
	               odd == 5 ? "+4479,+44" : "+44791", (unsigned)next_random(1000),
	               (unsigned)next_random(3), odd == 6 ? "x" : "487");
}

static int set_up(void **state)
{
	(void)state;
	hash_key_default(&key);
	rows = malloc(ROWS * sizeof(*rows));
	row_texts = malloc((size_t)ROWS * ROW_ROOM);
	if (!rows || !row_texts) {
		return 1;
	}
	for (size_t i = 0; i < ROWS; i++) {
		rows[i].text = row_texts + i * ROW_ROOM;
		make_row(i, &rows[i]);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(rows);
	free(row_texts);
	return 0;
}

enum row_order { BY_START = 0, BY_END, SHUFFLED, REVERSED, ORDER_COUNT };

static int by_start(const void *a, const void *b)
{
	const struct made_row *x = a, *y = b;
	return x->start != y->start ? (x->start > y->start) - (x->start < y->start)
	                            : (x->text > y->text) - (x->text < y->text);
}

static int by_end(const void *a, const void *b)
{
	const struct made_row *x = a, *y = b;
	return x->end != y->end ? (x->end > y->end) - (x->end < y->end) : by_start(a, b);
}

static int by_random(const void *a, const void *b)
{
	const struct made_row *x = a, *y = b;
	return x->random != y->random ? (x->random > y->random) - (x->random < y->random)
	                              : by_start(a, b);
}

static int by_end_reversed(const void *a, const void *b)
{
	return by_end(b, a);
}

static void order_rows(size_t count, enum row_order order)
{
	static int (*const compare[ORDER_COUNT])(const void *, const void *) = {
		by_start, by_end, by_random, by_end_reversed};

	qsort(rows, ROWS, sizeof(*rows), by_start); /* the same first rows in any order */
	qsort(rows, count, sizeof(*rows), compare[order]);
}

static struct buf text_of_rows(size_t count)
{
	struct buf text = {0};

	buf_text(&text, HEAD);
	for (size_t i = 0; i < count; i++) {
		buf_text(&text, rows[i].text);
	}
	assert_false(text.failed);
	return text;
}

static void write_text(struct slice text, char *path)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	FILE *out = fdopen(fd, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text.p, 1, text.len, out), text.len);
	assert_int_equal(fclose(out), 0);
}

/* What is compared of a sequence of events. */
static void dump_event(const struct event *e, struct buf *out)
{
	buf_printf(out, "%lld %d %.*s %.*s %.*s %.*s %lld %lld %d %u\n", (long long)e->time_us,
	           (int)e->kind, SLICE_FMT(e->call_id), SLICE_FMT(e->caller.text),
	           SLICE_FMT(e->callee.text), SLICE_FMT(e->trunk_in), (long long)e->start_us,
	           (long long)e->ring_us, e->answered, e->cause);
}

/* The slow way: every row parsed and kept, all events sorted at once. */

static int compare_packed(const void *a, const void *b)
{
	struct event x, y;

	event_unpack(*(const struct slice *)a, &x);
	event_unpack(*(const struct slice *)b, &y);
	return event_cmp(&x, &y);
}

static struct slice pack(const struct event *e)
{
	size_t size = event_packed_size(e);
	char *bytes = malloc(size);

	assert_non_null(bytes);
	event_pack(e, bytes);
	return (struct slice){bytes, size};
}

static struct buf expect_of(struct slice text, bool attempts, uint64_t *good)
{
	struct cdr_options options = {.form = CDR_CSV, .key = &key};
	struct cdr_reader *reader = malloc(sizeof(*reader));
	struct slice *packed = malloc(2 * ROWS * sizeof(*packed));
	struct cdr_begin begin;
	struct cdr_row row;
	struct event e;
	struct buf out = {0};
	const char *why;
	size_t count = 0;

	assert_true(reader && packed);
	assert_int_equal(cdr_reader_init(reader, &options, text, &begin, &why), OK);
	*good = 0;
	for (struct slice rest = slice_skip(text, begin.offset); rest.len;) {
		cdr_row_next(reader, rest, &row);
		rest = slice_skip(rest, row.size);
		if (row.text.len == 0 || cdr_row_event(reader, &row, &e)) {
			continue;
		}
		++*good;
		packed[count++] = pack(&e);
		if (attempts && e.start_us != INSTANT_NONE) {
			cdr_attempt_of_call(&e);
			packed[count++] = pack(&e);
		}
	}
	qsort(packed, count, sizeof(*packed), compare_packed);
	for (size_t i = 0; i < count; i++) {
		event_unpack(packed[i], &e);
		dump_event(&e, &out);
		free((void *)(uintptr_t)packed[i].p);
	}
	free(packed);
	free(reader);
	assert_false(out.failed);
	return out;
}

static struct buf read_feed(const char *path, const struct feed_options *options,
                            struct feed_stat *stat)
{
	struct feed *feed;
	struct event e;
	struct buf out = {0};
	const char *why;
	int err;

	assert_int_equal(feed_open(path, options, &feed, &why), OK);
	while ((err = feed_next(feed, &e)) == OK) {
		dump_event(&e, &out);
	}
	assert_int_equal(err, E_END);
	assert_int_equal(feed_next(feed, &e), E_END);
	feed_stat(feed, stat);
	feed_close(feed);
	assert_false(out.failed);
	assert_int_equal(stat->decode.in, stat->decode.out + stage_dropped(&stat->decode));
	return out;
}

static void check_same(const struct buf *got, const struct buf *expect, const char *what)
{
	if (got->len == expect->len && memcmp(got->p, expect->p, got->len) == 0) {
		return;
	}
	size_t at = 0;
	while (at < got->len && at < expect->len && got->p[at] == expect->p[at]) {
		at++;
	}
	size_t from = at > 60 ? at - 60 : 0;
	fail_msg("%s: at byte %zu:\n%.*s\nexpected\n%.*s", what, at, 200, got->p + from, 200,
	         expect->p + from);
}

static void check_orders(size_t count, bool attempts, size_t memory_max)
{
	static const char *const names[ORDER_COUNT] = {"start", "end", "shuffled", "reversed"};
	struct feed_options options = {.key = &key, .attempts = attempts, .memory_max = memory_max};
	struct buf expect = {0};
	uint64_t good = 0;

	for (enum row_order order = BY_START; order < ORDER_COUNT; order++) {
		char path[] = "/tmp/test_feed_cdr_XXXXXX";
		struct feed_stat stat;
		order_rows(count, order);
		struct buf text = text_of_rows(count);
		if (order == BY_START) {
			expect = expect_of(buf_view(&text), attempts, &good);
		}
		write_text(buf_view(&text), path);
		struct buf got = read_feed(path, &options, &stat);
		unlink(path);
		check_same(&got, &expect, names[order]);
		assert_int_equal(stat.kind, INPUT_CDR_CSV);
		assert_int_equal(stat.records, count);
		assert_int_equal(stat.decode.out, good);
		assert_int_equal(stat.bytes, text.len - strlen(HEAD));
		assert_false(stat.truncated);
		buf_fini(&got);
		buf_fini(&text);
	}
	buf_fini(&expect);
}

static void any_order_same_events(void **state)
{
	(void)state;
	check_orders(ROWS, false, 0);
}

static void any_order_with_attempts(void **state)
{
	(void)state;
	check_orders(FEW, true, 0);
}

static void any_order_in_little_memory(void **state)
{
	(void)state;
	check_orders(ROWS, true, 1 << 20);
}

static void gzip_and_pipe(void **state)
{
	struct feed_options options = {.key = &key};
	char path[] = "/tmp/test_feed_cdr_XXXXXX";
	char packed[] = "/tmp/test_feed_cdr_XXXXXX";
	char pipe_path[32];
	struct feed_stat stat;
	int ends[2];

	(void)state;
	order_rows(400, SHUFFLED);
	struct buf text = text_of_rows(400);
	write_text(buf_view(&text), path);
	struct buf plain = read_feed(path, &options, &stat);
	assert_true(stat.records == 400 && plain.len > 0);

	gzFile gz = gzdopen(mkstemp(packed), "w");
	assert_int_equal(gzwrite(gz, text.p, (unsigned)text.len), (int)text.len);
	assert_int_equal(gzclose(gz), Z_OK);
	struct buf got = read_feed(packed, &options, &stat);
	check_same(&got, &plain, "gzip");
	buf_fini(&got);

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text.p, text.len), (ssize_t)text.len);
	close(ends[1]);
	(void)snprintf(pipe_path, sizeof(pipe_path), "/dev/fd/%d", ends[0]);
	got = read_feed(pipe_path, &options, &stat);
	check_same(&got, &plain, "pipe");
	buf_fini(&got);
	close(ends[0]);
	unlink(path);
	unlink(packed);
	buf_fini(&plain);
	buf_fini(&text);
}

/* A gzip file (stored, not compressed) cut in the middle of its last row: the rows before the cut
 * are good, the one it cuts is none.
 */
static void cut_gzip(void **state)
{
	static const char text[] = "end_time,caller,callee\n1772452995,1,2\n1772452996,1,2345\n";
	enum { TRAILER = 8 };
	struct feed_options options = {.key = &key};
	char path[] = "/tmp/test_feed_cdr_XXXXXX";
	struct feed_stat stat;

	(void)state;
	int fd = mkstemp(path);
	gzFile gz = gzdopen(dup(fd), "w0");
	assert_int_equal(gzwrite(gz, text, sizeof(text) - 1), (int)sizeof(text) - 1);
	assert_int_equal(gzclose(gz), Z_OK);
	assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - TRAILER - 3), 0);
	close(fd);
	struct buf got = read_feed(path, &options, &stat);
	unlink(path);
	assert_true(stat.truncated);
	assert_int_equal(stat.records, 1);
	assert_int_equal(stat.decode.out, 1);
	buf_fini(&got);
}

static struct buf read_text(struct slice text, struct feed_options *options, struct feed_stat *stat)
{
	char path[] = "/tmp/test_feed_cdr_XXXXXX";

	write_text(text, path);
	struct buf got = read_feed(path, options, stat);
	unlink(path);
	return got;
}

static void rejects_are_written(void **state)
{
	static const char text[] = "end_time,caller,callee\n"
				   "1772452995,1,2\r\n"
				   "yesterday,1,2\n"
				   "\n"
				   "1772452995,\"1\n1\",2\n"
				   "1772452995,,\n"
				   "1772452995,1\n"
				   "1772452995,\"1,2\n"
				   "1772452995,1\x01,2,3\n"
				   ",1,2";
	static const char expect[] = "line 3: cdr_bad_time: yesterday,1,2\n"
				     "line 8: cdr_columns: 1772452995,1\n"
				     "line 9: cdr_quote: 1772452995,\"1,2\n"
				     "line 10: cdr_columns: 1772452995,1\\x01,2,3\n"
				     "line 11: cdr_no_end: ,1,2\n"
				     "line 7: cdr_no_numbers: 1772452995,,\n";
	char *rejects = NULL;
	size_t size;
	struct feed_stat stat;
	struct feed_options options = {.key = &key, .rejects = open_memstream(&rejects, &size)};

	(void)state;
	struct buf got = read_text(SLICE_LIT(text), &options, &stat);
	fclose(options.rejects);
	assert_string_equal(rejects, expect);
	free(rejects);
	assert_int_equal(stat.records, 8);
	assert_int_equal(stat.decode.out, 2);
	assert_int_equal(stat.decode.dropped[REASON_CDR_COLUMNS], 2);
	assert_true(stat.truncated);
	buf_fini(&got);
}

static void json_lines(void **state)
{
	static const char text[] =
		"{\"call_id\":\"b\",\"end_time\":1772452995,\"caller\":\"1\",\"callee\":\"2\"}\n"
		"{\"call_id\":\"\\u0061\",\"end_time\":1772452995,\"caller\":\"1\",\"callee\":\"2\"}\r\n"
		"\r\n"
		"{\"call_id\":\"c\",\"end_time\":1772452994,\"caller\":\"1\",\"callee\":\"2\"}";
	static const char csv[] = "callee,caller,end_time,call_id\n"
				  "2,1,1772452994,c\n2,1,1772452995,a\n2,1,1772452995,b\n";
	struct feed_options options = {.key = &key};
	struct feed_stat stat;

	(void)state;
	struct buf expect = read_text(SLICE_LIT(csv), &options, &stat);
	assert_int_equal(stat.kind, INPUT_CDR_CSV);
	struct buf got = read_text(SLICE_LIT(text), &options, &stat);
	assert_int_equal(stat.kind, INPUT_CDR_JSON);
	assert_int_equal(stat.records, 3);
	assert_true(stat.first_us == INT64_C(1772452994000000));
	assert_true(stat.last_us == INT64_C(1772452995000000));
	check_same(&got, &expect, "json");
	buf_fini(&got);
	buf_fini(&expect);
}

/* Nothing but the header, or not even that. */
static void no_rows(void **state)
{
	struct feed_options options = {.key = &key};
	struct feed_stat stat;

	(void)state;
	struct buf got = read_text(SLICE_LIT("end_time,caller,callee"), &options, &stat);
	assert_int_equal(got.len, 0);
	assert_int_equal(stat.records, 0);
	assert_true(stat.first_us == INSTANT_NONE);
	buf_fini(&got);
}

static void refused_inputs(void **state)
{
	static const struct refused_input {
		const char *text;
		const char *format;
		int err;
	} inputs[] = {
		{"a,b,c\n1,2,3\n", NULL, E_UNSUPPORTED},
		{"a,b,c\n1,2,3\n", "asterisk", E_UNSUPPORTED},
		{"a,b,c\n1,2,3\n", "generic", OK},
		{"end_time,caller,callee,caller\n", NULL, E_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
		char path[] = "/tmp/test_feed_cdr_XXXXXX";
		struct feed_options options = {.key = &key, .format = inputs[i].format};
		struct feed *feed = NULL;
		const char *why = NULL;
		write_text(slice_of(inputs[i].text), path);
		assert_int_equal(feed_open(path, &options, &feed, &why), inputs[i].err);
		assert_true(inputs[i].err == OK || why);
		feed_close(feed);
		unlink(path);
	}
}

struct progress_seen {
	uint64_t last;
	uint64_t total;
	bool backwards;
};

static void note_progress(void *user, uint64_t done, uint64_t total)
{
	struct progress_seen *seen = user;

	seen->backwards = seen->backwards || done < seen->last;
	seen->last = done;
	seen->total = total;
}

static void progress_reaches_the_end(void **state)
{
	struct progress_seen seen = {0};
	struct feed_options options = {.key = &key, .progress = note_progress, .user = &seen};
	struct feed_stat stat;

	(void)state;
	order_rows(FEW, BY_END);
	struct buf text = text_of_rows(FEW);
	struct buf got = read_text(buf_view(&text), &options, &stat);
	assert_int_equal(seen.last, text.len);
	assert_int_equal(seen.total, text.len);
	assert_false(seen.backwards);
	buf_fini(&got);
	buf_fini(&text);
}

static int compare_refs(const void *a, const void *b)
{
	const struct row_ref *x = a, *y = b;
	return x->time_us != y->time_us ? (x->time_us > y->time_us) - (x->time_us < y->time_us)
	                                : (x->line > y->line) - (x->line < y->line);
}

static void refs_sort_like_qsort(void **state)
{
	static const uint64_t spreads[] = {
		1, 2, 2048, 5000000, UINT64_C(1) << 33, UINT64_C(1) << 62};
	enum { COUNT = 3000 };
	static struct row_ref refs[COUNT], scratch[COUNT], expect[COUNT];

	(void)state;
	for (size_t s = 0; s < sizeof(spreads) / sizeof(spreads[0]); s++) {
		for (size_t i = 0; i < COUNT; i++) {
			uint64_t wide = next_random(UINT32_MAX) << 31 ^ next_random(UINT32_MAX);
			refs[i] = (struct row_ref){(int64_t)(wide % spreads[s]) - 1000, i, i};
		}
		memcpy(expect, refs, sizeof(refs));
		qsort(expect, COUNT, sizeof(expect[0]), compare_refs);
		row_refs_sort(refs, scratch, COUNT);
		assert_memory_equal(refs, expect, sizeof(refs));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_same_events),
		cmocka_unit_test(any_order_with_attempts),
		cmocka_unit_test(any_order_in_little_memory),
		cmocka_unit_test(gzip_and_pipe),
		cmocka_unit_test(cut_gzip),
		cmocka_unit_test(rejects_are_written),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(no_rows),
		cmocka_unit_test(refused_inputs),
		cmocka_unit_test(progress_reaches_the_end),
		cmocka_unit_test(refs_sort_like_qsort),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
