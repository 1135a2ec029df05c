/* The caller, the log's thread and readers at the same time; a disk that stands still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "log_folder.h"

static struct folder folder;
static struct told told;

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate = PTHREAD_COND_INITIALIZER;
static bool gate_shut;

static int set_up(void **state)
{
	(void)state;
	folder_make(&folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	folder_remove(&folder);
	return 0;
}

static void set_gate(bool shut)
{
	pthread_mutex_lock(&gate_lock);
	gate_shut = shut;
	pthread_cond_broadcast(&gate);
	pthread_mutex_unlock(&gate_lock);
}

static ssize_t gated_write(int fd, const void *bytes, size_t len)
{
	pthread_mutex_lock(&gate_lock);
	while (gate_shut) {
		pthread_cond_wait(&gate, &gate_lock);
	}
	pthread_mutex_unlock(&gate_lock);
	return write(fd, bytes, len);
}

/* Each note closes a block, so that the queue is full after CALL_LOG_QUEUE of them. */
static void sheds_and_tells(void **state)
{
	(void)state;
	struct call_log_stats stats;
	struct call_log *log = folder_log(&folder, (struct call_log_options){.write = gated_write});
	uint64_t n = 0;

	set_gate(true);
	for (int b = 0; b < CALL_LOG_QUEUE + 10; b++) {
		for (int i = 0; i < 7; i++, n++) {
			log_test_call(log, n, TEST_START + (int64_t)n);
		}
		log_test_note(log, LOG_NOTE_SOURCE, n, "s");
	}
	call_log_stats(log, &stats);
	assert_int_equal(stats.events, n);
	assert_int_equal(stats.shed, 70);
	set_gate(false);
	call_log_flush(log);
	for (int i = 0; i < 10; i++, n++) {
		log_test_call(log, n, TEST_START + (int64_t)n);
	}
	call_log_close(log);
	read_all(&folder, &told);
	assert_int_equal(told.events, n - 70);
	assert_int_equal(told.gap_count, 70);
	assert_int_equal(told.gap_notes, 10);
	assert_int_equal(told.notes, CALL_LOG_QUEUE + 20);
	assert_true(told.ordered);
}

/* More notes than there is room for: they are told as lost. */
static void notes_are_bounded(void **state)
{
	(void)state;
	struct call_log *log = folder_log(&folder, (struct call_log_options){.write = gated_write});

	set_gate(true);
	for (int i = 0; i < 1000; i++) {
		log_test_note(log, LOG_NOTE_SOURCE, 0, "s");
	}
	set_gate(false);
	call_log_close(log);
	read_all(&folder, &told);
	assert_int_equal(told.gap_notes, 1);
	assert_in_range(told.notes, 200, 260);
}

struct reading {
	atomic_bool stop;
	bool good;
	uint64_t rounds;
};

static void *read_along(void *user)
{
	struct reading *reading = user;
	static struct told along;
	uint64_t before = 0;

	while (!atomic_load(&reading->stop)) {
		read_all(&folder, &along);
		reading->good &= along.damages == 0 && along.ordered && along.events >= before;
		before = along.events;
		reading->rounds++;
	}
	return NULL;
}

static void reads_while_writing(void **state)
{
	(void)state;
	struct reading reading = {.good = true};
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});
	struct call_log_stats stats;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, read_along, &reading), 0);
	for (uint64_t n = 0; n < 4000; n++) {
		log_test_call(log, n, TEST_START + (int64_t)n * 10 * US_PER_S);
		call_log_tick(log, TEST_START + (int64_t)n * 100 * US_PER_MS);
		if (n % 500 == 499) {
			call_log_flush(log);
		}
	}
	call_log_flush(log);
	call_log_stats(log, &stats);
	call_log_close(log);
	atomic_store(&reading.stop, true);
	pthread_join(thread, NULL);
	assert_true(reading.good);
	assert_true(reading.rounds > 0);
	read_all(&folder, &told);
	assert_int_equal(stats.written + stats.shed, 4000);
	assert_int_equal(told.events, stats.written);
	assert_int_equal(told.gap_count, stats.shed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sheds_and_tells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(notes_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reads_while_writing, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
