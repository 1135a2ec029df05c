/* log.h: what arrives on stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/instant.h"
#include "core/log.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* 2026-03-02T12:03:15Z */
#define T INT64_C(1772452995000000)

static int64_t now_us;

static int64_t now(void)
{
	return now_us;
}

static int stderr_kept;
static int captured = -1;

static int capture_start(void **state)
{
	(void)state;
	stderr_kept = dup(STDERR_FILENO);
	captured = memfd_create("log", MFD_CLOEXEC);
	now_us = T;
	log_clock(now);
	log_level_set(LOG_INFO);
	return dup2(captured, STDERR_FILENO) < 0;
}

static int capture_end(void **state)
{
	(void)state;
	log_flush();
	log_clock(NULL);
	log_level_set(LOG_WARN);
	(void)dup2(stderr_kept, STDERR_FILENO);
	(void)close(stderr_kept);
	return close(captured);
}

/* What was written since the last look; the caller frees it. */
static char *take_written(void)
{
	off_t len = lseek(captured, 0, SEEK_CUR);
	char *text = calloc(1, (size_t)len + 1);

	assert_non_null(text);
	assert_int_equal(pread(captured, text, (size_t)len, 0), len);
	assert_int_equal(ftruncate(captured, 0), 0);
	assert_int_equal(lseek(captured, 0, SEEK_SET), 0);
	return text;
}

static void check_written(const char *want)
{
	char *text = take_written();

	assert_string_equal(text, want);
	free(text);
}

static void test_line(void **state)
{
	(void)state;
	now_us = T + 123999;
	log_info("sources", "opened kind=%s interface=%s", "pcap", "eth0");
	check_written("2026-03-02T12:03:15.123Z info sources opened kind=pcap interface=eth0\n");
	log_err("sinks", "lost");
	log_warn("sinks", "slow");
	check_written("2026-03-02T12:03:15.123Z error sinks lost\n"
	              "2026-03-02T12:03:15.123Z warn sinks slow\n");
	log_clock(NULL);
	log_info("app", "started");
	log_info("app", "started");
	check_written("info app started\ninfo app started\n");
}

static void test_levels(void **state)
{
	static const char *const want[] = {"error x e\n", "error x e\nwarn x w\n",
	                                   "error x e\nwarn x w\ninfo x i\n",
	                                   "error x e\nwarn x w\ninfo x i\ndebug x d\n"};

	(void)state;
	log_clock(NULL);
	for (int level = LOG_ERR; level <= LOG_DEBUG; level++) {
		log_level_set((enum log_level)level);
		log_err("x", "e");
		log_warn("x", "w");
		log_info("x", "i");
		log_debug("x", "d");
		check_written(want[level]);
	}
}

static void test_hostile_text(void **state)
{
	char longest[5000];

	(void)state;
	log_clock(NULL);
	log_info("sip", "name=%s", "a\nerror x y\r\x1b[2J\x7f\t");
	check_written("info sip name=a?error x y??[2J??\n");
	log_info("sip", "name=%s", "\xc3\xa9");
	check_written("info sip name=\xc3\xa9\n");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	log_info("sip", "%s", longest);
	char *text = take_written();
	assert_in_range(strlen(text), 990, 1000);
	assert_int_equal(text[strlen(text) - 1], '\n');
	free(text);
	log_info(longest, "%s", "unseen");
	text = take_written();
	assert_in_range(strlen(text), 990, 1000);
	free(text);
}

static void test_repeated(void **state)
{
	(void)state;
	log_warn("redis", "gone");
	check_written("2026-03-02T12:03:15.000Z warn redis gone\n");
	for (int i = 0; i < 7; i++) {
		now_us += US_PER_S;
		log_warn("redis", "gone");
		log_warn("redis", "gone to=%d", i / 4);
	}
	check_written("2026-03-02T12:03:16.000Z warn redis gone to=0\n"
	              "2026-03-02T12:03:20.000Z warn redis gone to=1\n");
	now_us = T + 10 * US_PER_S - 1;
	log_warn("redis", "gone");
	check_written("");
	/* The window is over: the report, then the line itself. */
	now_us = T + 10 * US_PER_S;
	log_warn("redis", "gone");
	check_written("2026-03-02T12:03:25.000Z warn redis gone repeated=8\n"
	              "2026-03-02T12:03:25.000Z warn redis gone\n");
	/* Another line brings the report of one that does not come again. */
	now_us = T + 15 * US_PER_S;
	log_info("app", "reload");
	check_written("2026-03-02T12:03:30.000Z warn redis gone to=0 repeated=3\n"
	              "2026-03-02T12:03:30.000Z warn redis gone to=1 repeated=2\n"
	              "2026-03-02T12:03:30.000Z info app reload\n");
	log_info("app", "reload");
	log_flush();
	log_flush();
	check_written("2026-03-02T12:03:30.000Z info app reload repeated=1\n");
	/* One that was not repeated has nothing to report; another level is another line. */
	log_info("app", "reload");
	log_err("app", "reload");
	log_flush();
	check_written("2026-03-02T12:03:30.000Z info app reload\n"
	              "2026-03-02T12:03:30.000Z error app reload\n");
}

static void test_clock_set_back(void **state)
{
	(void)state;
	log_info("app", "tick");
	log_info("app", "tick");
	now_us = T - US_PER_HOUR;
	log_info("app", "tick");
	check_written("2026-03-02T12:03:15.000Z info app tick\n"
	              "2026-03-02T11:03:15.000Z info app tick repeated=1\n"
	              "2026-03-02T11:03:15.000Z info app tick\n");
}

/* More different lines than are remembered: the oldest is reported and forgotten. */
static void test_many_lines(void **state)
{
	(void)state;
	log_info("x", "first");
	log_info("x", "first");
	free(take_written());
	for (int i = 0; i < 16; i++) {
		now_us += 1000;
		log_info("x", "line=%d", i);
	}
	char *text = take_written();
	assert_non_null(strstr(text, "2026-03-02T12:03:15.016Z info x first repeated=1\n"
	                             "2026-03-02T12:03:15.016Z info x line=15\n"));
	free(text);
	log_info("x", "line=%d", 0);
	check_written("");
}

enum { THREADS = 4, LINES = 300 };

static void *log_lines(void *arg)
{
	for (int i = 0; i < LINES; i++) {
		log_info("thread", "number=%d line=%d", *(const int *)arg, i);
		log_level_set(LOG_INFO);
	}
	return NULL;
}

static void test_threads(void **state)
{
	static const int numbers[THREADS] = {0, 1, 2, 3};
	pthread_t threads[THREADS];
	int next[THREADS] = {0};

	(void)state;
	log_clock(NULL);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, log_lines,
		                                (void *)(uintptr_t)&numbers[i]),
		                 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	char *text = take_written();
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
		char want[64];
		int number = line[strlen("info thread number=")] - '0';
		assert_in_range(number, 0, THREADS - 1);
		snprintf(want, sizeof(want), "info thread number=%d line=%d", number,
		         next[number]++);
		assert_string_equal(line, want);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(next[i], LINES);
	}
	free(text);
}

static void test_num(void **state)
{
	static const struct {
		const char *number;
		const char *want;
	} rows[] = {
		{"+447911123456", "+4479111234xx"},
		{"112", "1xx"},
		{"7", "x"},
		{"", "-"},
		{"+44 7911 1234 5 6", "+44 7911 1234 x x"},
		{"withheld", "withheld"},
		{"1234567890123456789012345678901234567890123",
	         "1234567890123456789012345678901234567xx"},
	};
	char out[LOG_NUM_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = strlen(rows[i].number);
		char *copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, rows[i].number, len);
		assert_ptr_equal(log_num((struct slice){copy, len}, out), out);
		assert_string_equal(out, rows[i].want);
		free(copy);
	}
	assert_string_equal(log_num(SLICE_NONE, out), "-");
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture_start, capture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CAPTURED(test_line),     CAPTURED(test_levels),         CAPTURED(test_hostile_text),
		CAPTURED(test_repeated), CAPTURED(test_clock_set_back), CAPTURED(test_many_lines),
		CAPTURED(test_threads),  cmocka_unit_test(test_num),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
