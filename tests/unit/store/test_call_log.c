/* The call log's files: what is written is read back whole, through rotation and restarts; a disk
 * that fails sheds and says so; every flipped or missing byte is named and the rest still read;
 * single calls are those that a scan finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/err.h"
#include "store/log_reader.h"

enum { EVENTS_MAX = 60000, PATH_TEXT = 512 };

static const int64_t begin_us = INT64_C(1772452800) * US_PER_S;
static char folder[PATH_TEXT];
static struct hash_key key;

static uint64_t draw(uint64_t *seed, uint64_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*seed >> 33) % below;
}

/* ---- traffic: event n is a function of n ---- */

struct texts {
	char call_id[32], caller[24], callee[24];
};

static void make_event(uint64_t n, struct texts *t, struct event *e)
{
	uint64_t seed = n * 7919 + 1;

	event_init(e, KIND_CALL);
	(void)snprintf(t->call_id, sizeof(t->call_id), "call-%llu", (unsigned long long)n);
	(void)snprintf(t->caller, sizeof(t->caller), "+4474%08llu",
	               (unsigned long long)draw(&seed, 50));
	(void)snprintf(t->callee, sizeof(t->callee), "+4420%08llu",
	               (unsigned long long)draw(&seed, 3000));
	e->call_id = slice_of(t->call_id);
	e->caller.text = slice_of(t->caller);
	e->callee.text = slice_of(t->callee);
	e->trunk_in = draw(&seed, 2) ? SLICE_LIT("t-in") : SLICE_LIT("t-home");
	e->time_us = begin_us + (int64_t)n * 400000 - (int64_t)draw(&seed, 60) * US_PER_S;
	e->start_us = e->time_us - 5 * US_PER_S;
	e->answered = draw(&seed, 2) == 1;
}

static struct call_log *open_log(const struct call_log_options *more)
{
	struct call_log_options options = more ? *more : (struct call_log_options){0};
	struct call_log *log;
	const char *why;

	options.path = folder;
	options.key = &key;
	options.fields = options.fields ? options.fields : LOG_FIELDS_ALL;
	options.retention_us = options.retention_us ? options.retention_us : 30 * US_PER_DAY;
	assert_int_equal(call_log_open(&options, &log, &why), OK);
	return log;
}

static void write_events(struct call_log *log, uint64_t first, uint64_t count)
{
	struct texts t;
	struct event e;

	for (uint64_t n = first; n < first + count; n++) {
		make_event(n, &t, &e);
		call_log_event(log, n, &e);
		if (n % 100 == 99) {
			call_log_cut(log);
		}
	}
}

/* ---- reading ---- */

struct reading {
	uint8_t seen[EVENTS_MAX];
	uint64_t events, cuts, gaps, gap_events, damages, notes;
	bool in_order;
	char last_why[80];
};

static struct reading *read_all(int64_t from_us, int64_t to_us)
{
	struct reading *out = calloc(1, sizeof(*out));
	const struct log_reader_options options = {
		.path = folder, .key = &key, .from_us = from_us, .to_us = to_us};
	struct log_reader *r;
	struct log_item item;
	const char *why;
	uint64_t last = 0;

	out->in_order = true;
	assert_int_equal(log_reader_open(&options, &r, &why), OK);
	while (log_reader_next(r, &item) != LOG_ITEM_END) {
		struct texts t;
		struct event e;
		switch (item.kind) {
		case LOG_ITEM_EVENT:
			assert_true(item.number < EVENTS_MAX);
			make_event(item.number, &t, &e);
			assert_int_equal(event_cmp(&e, &item.event), 0); /* nothing invented */
			out->in_order = out->in_order && (out->events == 0 || item.number > last);
			last = item.number;
			out->seen[item.number]++;
			out->events++;
			break;
		case LOG_ITEM_CUT: out->cuts++; break;
		case LOG_ITEM_NOTE:
			out->notes++;
			out->gaps += item.note.type == LOG_NOTE_GAP;
			out->gap_events += item.note.type == LOG_NOTE_GAP ? item.note.count : 0;
			break;
		default:
			out->damages++;
			(void)snprintf(out->last_why, sizeof(out->last_why), "%s", item.why);
			break;
		}
	}
	log_reader_close(r);
	return out;
}

/* ---- the folder ---- */

static size_t segments(char names[][64], size_t max)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	size_t n = 0;

	for (int i = 0; i < count; i++) {
		if (strstr(entries[i]->d_name, ".calls") && n < max) {
			(void)snprintf(names[n++], 64, "%.63s", entries[i]->d_name);
		}
		free(entries[i]);
	}
	free(entries);
	return n;
}

static int set_up(void **state)
{
	(void)state;
	hash_key_default(&key);
	(void)strcpy(folder, "/tmp/ringfence-calls.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char path[PATH_TEXT + 300];
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);

	(void)state;
	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "%s/%.255s", folder, entries[i]->d_name);
		(void)unlink(path);
		free(entries[i]);
	}
	free(entries);
	return rmdir(folder);
}

/* ---- whole ---- */

static void reads_what_was_written(void **state)
{
	char names[64][64];
	struct stat st;
	char path[PATH_TEXT + 80];

	(void)state;
	for (uint64_t run = 0; run < 3; run++) {
		struct call_log *log = open_log(NULL);
		assert_int_equal(call_log_next_event(log), run * 20000);
		write_events(log, run * 20000, 20000);
		call_log_close(log);
	}
	struct reading *r = read_all(INSTANT_NONE, INSTANT_NONE);
	assert_int_equal(r->events, 60000);
	assert_true(r->in_order);
	assert_int_equal(r->cuts, 600);
	assert_int_equal(r->damages + r->gaps, 0);
	free(r);
	size_t count = segments(names, 64);
	assert_in_range(count, 4, 12); /* 6.7 hours, three runs; a block is not split */
	(void)snprintf(path, sizeof(path), "%s/%s", folder, names[0]);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void reads_a_range_of_time(void **state)
{
	struct call_log *log = open_log(NULL);
	int64_t from_us = begin_us + US_PER_HOUR, to_us = begin_us + 2 * US_PER_HOUR;
	uint64_t expected = 0;
	struct texts t;
	struct event e;

	(void)state;
	write_events(log, 0, 40000);
	call_log_close(log);
	for (uint64_t n = 0; n < 40000; n++) {
		make_event(n, &t, &e);
		expected += e.time_us >= from_us && e.time_us < to_us;
	}
	struct reading *r = read_all(from_us, to_us);
	assert_int_equal(r->events, expected);
	free(r);
}

static void a_clock_set_back_starts_no_segments(void **state)
{
	struct call_log *log = open_log(NULL);
	char names[8][64];
	struct event e;
	struct texts t;

	(void)state;
	for (uint64_t n = 0; n < 3000; n++) {
		make_event(n, &t, &e);
		e.time_us -= n % 2 ? 365 * US_PER_DAY : 0;
		call_log_event(log, n, &e);
		call_log_tick(log, begin_us - (int64_t)(n % 2) * 365 * US_PER_DAY);
	}
	call_log_close(log);
	assert_in_range(segments(names, 8), 1, 2);
}

static void retention_takes_whole_segments(void **state)
{
	const struct call_log_options two_hours = {.retention_us = 2 * US_PER_HOUR};
	struct call_log *log = open_log(&two_hours);
	struct call_log_stats stats;

	(void)state;
	write_events(log, 0, 60000);
	call_log_tick(log, begin_us);
	call_log_tick(log, begin_us + 2 * US_PER_S);
	call_log_flush(log);
	call_log_stats(log, &stats);
	assert_true(stats.segments_removed >= 1);
	call_log_close(log);
	struct reading *r = read_all(INSTANT_NONE, INSTANT_NONE);
	assert_int_equal(r->damages, 0);
	assert_in_range(r->events, 2 * 9000 - 200, 60000 - 16384);
	assert_int_equal(r->seen[59999], 1);
	free(r);
}

/* ---- a failing disk ---- */

static unsigned writes_left, writes_failed, failures;

/* Fails `failures` times after writes_left good ones, once with half of the bytes written. */
static ssize_t failing_write(int fd, const void *bytes, size_t len)
{
	if (writes_left > 0) {
		writes_left--;
		return write(fd, bytes, len);
	}
	if (writes_failed < failures) {
		writes_failed++;
		errno = ENOSPC;
		return writes_failed == 2 ? write(fd, bytes, len / 2) : -1;
	}
	return write(fd, bytes, len);
}

static void a_full_disk_sheds_and_says_so(void **state)
{
	const struct call_log_options options = {.write = failing_write};

	(void)state;
	for (unsigned good = 0; good < 14; good++) {
		struct call_log_stats stats;
		assert_int_equal(set_up(NULL), 0);
		writes_left = good;
		writes_failed = 0;
		failures = 3;
		struct call_log *log = open_log(&options);
		for (uint64_t n = 0; n < 50000; n += 5000) {
			write_events(log, n, 5000);
			call_log_flush(log);
		}
		call_log_stats(log, &stats);
		call_log_close(log);
		struct reading *r = read_all(INSTANT_NONE, INSTANT_NONE);
		assert_int_equal(stats.events, 50000);
		assert_int_equal(stats.events, stats.written + stats.shed);
		assert_int_equal(r->events, stats.written);
		assert_int_equal(r->gap_events, stats.shed);
		assert_true(r->in_order);
		assert_int_equal(stats.shed > 0, stats.errors > 0 && r->gaps > 0);
		free(r);
		assert_int_equal(tear_down(NULL), 0);
	}
	assert_int_equal(set_up(NULL), 0);
}

/* ---- damage ---- */

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *bytes = malloc(4 << 20);

	assert_non_null(f);
	*len = fread(bytes, 1, 4 << 20, f);
	(void)fclose(f);
	return bytes;
}

static void write_file(const char *path, const char *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	(void)fclose(f);
}

static void every_damage_is_named(void **state)
{
	struct call_log *log = open_log(NULL);
	char names[64][64], path[PATH_TEXT + 80];
	uint64_t seed = 3;

	(void)state;
	for (uint64_t n = 0; n < 20000; n += 500) {
		write_events(log, n, 500);
		call_log_flush(log);
	}
	call_log_close(log);
	size_t count = segments(names, 64);
	for (unsigned round = 0; round < 120; round++) {
		size_t len;
		/* Not the last one: where that ends the log ends. */
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[draw(&seed, count - 1)]);
		char *bytes = read_file(path, &len);
		char *changed = malloc(len);
		memcpy(changed, bytes, len);
		size_t at = draw(&seed, len);
		if (round % 3) {
			changed[at] = (char)(changed[at] ^ 1 << draw(&seed, 8));
			write_file(path, changed, len);
		} else {
			write_file(path, changed, at);
		}
		struct reading *r = read_all(INSTANT_NONE, INSTANT_NONE);
		assert_true(r->damages > 0);
		assert_true(r->last_why[0] != '\0');
		assert_true(r->in_order);
		/* A flip costs one frame, a cut what lay behind it in its hour. */
		assert_true(r->events >= (round % 3 ? 19500 : 10000));
		free(r);
		write_file(path, bytes, len);
		free(bytes);
		free(changed);
	}
	struct reading *r = read_all(INSTANT_NONE, INSTANT_NONE);
	assert_int_equal(r->events, 20000);
	assert_int_equal(r->damages, 0);
	free(r);
}

static void goes_on_behind_a_kill(void **state)
{
	char names[8][64], path[PATH_TEXT + 80];
	struct call_log *log = open_log(NULL);
	size_t len;

	(void)state;
	write_events(log, 0, 3000);
	call_log_flush(log);
	write_events(log, 3000, 3000);
	call_log_close(log);
	assert_int_equal(segments(names, 8), 1);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, names[0]);
	char *bytes = read_file(path, &len);
	for (size_t cut = len - 40; cut > len / 4; cut -= len / 40) {
		write_file(path, bytes, cut);
		struct reading *before = read_all(INSTANT_NONE, INSTANT_NONE);
		assert_true(before->events == 6000 || before->events == 3000 ||
		            before->events == 0);
		assert_int_equal(before->damages, 0); /* the newest: merely not ended */
		log = open_log(NULL);
		assert_int_equal(call_log_next_event(log), before->events);
		write_events(log, before->events, 500);
		call_log_close(log);
		struct reading *after = read_all(INSTANT_NONE, INSTANT_NONE);
		assert_int_equal(after->events, before->events + 500);
		assert_true(after->in_order);
		free(before);
		free(after);
		assert_int_equal(segments(names, 8), 2);
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[1]);
		(void)unlink(path);
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[0]);
	}
	free(bytes);
}

static void another_key_is_refused(void **state)
{
	const uint8_t other[HASH_KEY_SIZE] = {1};
	struct call_log *log = open_log(NULL);

	(void)state;
	write_events(log, 0, 100);
	call_log_close(log);
	hash_key_init(&key, other);
	struct reading *r = read_all(INSTANT_NONE, INSTANT_NONE);
	hash_key_default(&key);
	assert_int_equal(r->events, 0);
	assert_int_equal(r->damages, 1);
	assert_string_equal(r->last_why, "another key");
	free(r);
}

/* ---- single calls ---- */

struct found {
	uint64_t told;
	uint64_t sum;
};

static void count_found(void *user, const struct log_item *item)
{
	struct found *f = user;

	assert_int_equal(item->kind, LOG_ITEM_EVENT);
	f->told++;
	f->sum += item->number;
}

static bool asked_for(const struct log_query *q, const struct event *e)
{
	return (!q->caller.p || slice_eq(q->caller, e->caller.text)) &&
	       (!q->callee.p || slice_eq(q->callee, e->callee.text)) &&
	       (!q->trunk.p || slice_eq(q->trunk, e->trunk_in)) &&
	       (!q->call_id.p || slice_eq(q->call_id, e->call_id));
}

static void finds_what_a_scan_finds(void **state)
{
	static const struct log_query queries[] = {
		{.caller = SLICE_LIT("+447400000007")},
		{.callee = SLICE_LIT("+442000000123")},
		{.caller = SLICE_LIT("+447400000007"), .callee = SLICE_LIT("+442000000123")},
		{.call_id = SLICE_LIT("call-31234")},
		{.trunk = SLICE_LIT("t-home"), .caller = SLICE_LIT("+447400000011")},
		{.caller = SLICE_LIT("+15550000000")},
	};
	const struct log_reader_options options = {
		.path = folder, .key = &key, .from_us = INSTANT_NONE, .to_us = INSTANT_NONE};
	struct call_log *log = open_log(NULL);

	(void)state;
	write_events(log, 0, 50000);
	call_log_close(log);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct log_query q = queries[i];
		struct found expected = {0}, found = {0};
		q.from_us = q.to_us = INSTANT_NONE;
		q.limit = 100000;
		for (uint64_t n = 0; n < 50000; n++) {
			struct texts t;
			struct event e;
			make_event(n, &t, &e);
			if (asked_for(&q, &e)) {
				expected.told++;
				expected.sum += n;
			}
		}
		assert_int_equal(log_find(&options, &q, count_found, &found), expected.told);
		assert_int_equal(found.told, expected.told);
		assert_int_equal(found.sum, expected.sum);
		found = (struct found){0};
		q.limit = 3;
		assert_int_equal(log_find(&options, &q, count_found, &found), expected.told);
		assert_int_equal(found.told, expected.told < 3 ? expected.told : 3);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(reads_what_was_written),
		TEST(reads_a_range_of_time),
		TEST(a_clock_set_back_starts_no_segments),
		TEST(retention_takes_whole_segments),
		TEST(a_full_disk_sheds_and_says_so),
		TEST(every_damage_is_named),
		TEST(goes_on_behind_a_kill),
		TEST(another_key_is_refused),
		TEST(finds_what_a_scan_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
