#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "log_folder.h"
#include "store/crc32c.h"
#include "store/log_writer.h"

static struct folder folder;
static struct told told;

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

static size_t segment_count(struct segment_list *list)
{
	assert_int_equal(segment_list_read(folder.path, list), OK);
	return list->count;
}

/* RFC 3720 B.4. */
static void crc_of_rfc3720(void **state)
{
	(void)state;
	uint8_t bytes[4][32];

	for (size_t i = 0; i < 32; i++) {
		bytes[0][i] = 0;
		bytes[1][i] = 0xff;
		bytes[2][i] = (uint8_t)i;
		bytes[3][i] = (uint8_t)(31 - i);
	}
	static const uint32_t want[4] = {0x8a9136aa, 0x62a8ab43, 0x46dd794e, 0x113fdb5c};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(crc32c(0, bytes[i], 32), want[i]);
		assert_int_equal(crc32c_table(0, bytes[i], 32), want[i]);
		for (size_t cut = 0; cut <= 32; cut++) {
			uint32_t crc = crc32c(0, bytes[i], cut);
			assert_int_equal(crc, crc32c_table(0, bytes[i], cut));
			assert_int_equal(crc32c(crc, bytes[i] + cut, 32 - cut), want[i]);
		}
	}
}

/* Hours pass, a year back in between; runs end and go on; junk lies about. */
static void rounds_over_rotations(void **state)
{
	(void)state;
	struct segment_list list;
	char path[512];
	uint64_t n = 0;

	folder_path(&folder, "00000000000000000001-x.calls", path);
	FILE *junk = fopen(path, "w");
	assert_non_null(junk);
	fputs("junk", junk);
	fclose(junk);
	for (int run = 0; run < 3; run++) {
		struct call_log *log = folder_log(&folder, (struct call_log_options){0});
		assert_int_equal(call_log_next_event(log), n);
		log_test_note(log, LOG_NOTE_START, n, "{}");
		for (int i = 0; i < 1000; i++, n++) {
			int64_t time_us = TEST_START + (int64_t)n * 10 * US_PER_S;
			log_test_call(log, n, i % 100 >= 50 ? time_us - 365 * US_PER_DAY : time_us);
			if (i % 50 == 49) {
				call_log_flush(log);
			}
			if (i % 10 == 9) {
				call_log_cut(log);
			}
			if (i % 100 == 99) {
				log_test_note(log, LOG_NOTE_SOURCE, n + 1, "source");
				call_log_cut(log);
			}
		}
		struct call_log_stats stats;
		call_log_flush(log);
		call_log_stats(log, &stats);
		assert_int_equal(stats.events, 1000);
		assert_int_equal(stats.written, 1000);
		assert_int_equal(stats.errors + stats.shed + stats.gaps, 0);
		call_log_close(log);
	}
	read_all(&folder, &told);
	assert_true(told.ordered);
	assert_int_equal(told.events, 3000);
	assert_int_equal(told.cuts, 300);
	assert_int_equal(told.notes, 33);
	assert_int_equal(told.damages, 0);
	/* 30,000 s are 8.3 hours; each of three runs begins one more. A year back begins none. */
	assert_in_range(segment_count(&list), 8, 12);
	segment_list_fini(&list);
}

/* A batch ended after its block was handed on. */
static void cut_behind_a_block(void **state)
{
	(void)state;
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});
	struct call_log_stats once, twice;

	log_test_call(log, 0, TEST_START);
	call_log_flush(log);
	call_log_cut(log);
	call_log_flush(log);
	call_log_stats(log, &once);
	call_log_cut(log);
	call_log_flush(log);
	call_log_stats(log, &twice);
	assert_int_equal(once.bytes, twice.bytes);
	log_test_call(log, 1, TEST_START);
	call_log_close(log);
	read_all(&folder, &told);
	assert_int_equal(told.events, 2);
	assert_int_equal(told.cuts, 1);
}

static void fill_hours(int hours, struct call_log *log)
{
	for (int h = 0; h < hours; h++) {
		for (int i = 0; i < 50; i++) {
			log_test_call(log, (uint64_t)(h * 50 + i),
			              TEST_START + h * US_PER_HOUR + i);
		}
		call_log_flush(log);
	}
}

static void hold(const char *text)
{
	char path[512];

	folder_path(&folder, "holds", path);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static size_t segments_kept(struct call_log_options options, const char *holds, int64_t wall_us)
{
	struct segment_list list;

	folder_empty(&folder);
	if (holds) {
		hold(holds);
	}
	struct call_log *log = folder_log(&folder, options);
	fill_hours(10, log);
	call_log_tick(log, wall_us);
	call_log_flush(log);
	size_t count = segment_count(&list);
	segment_list_fini(&list);
	call_log_close(log);
	return count;
}

static void retention(void **state)
{
	(void)state;
	int64_t wall_us = TEST_START + 10 * US_PER_HOUR;
	struct call_log_options three = {.retention_us = 3 * US_PER_HOUR};
	char from[INSTANT_TEXT], to[INSTANT_TEXT], line[128];
	int64_t minute = TEST_START + 2 * US_PER_HOUR - US_PER_MIN;

	instant_format(minute, from);
	instant_format(minute + 2 * US_PER_MIN, to);
	assert_int_equal(segments_kept((struct call_log_options){0}, NULL, wall_us), 10);
	assert_int_equal(segments_kept(three, NULL, wall_us), 4);
	(void)snprintf(line, sizeof(line), "# held\n\n%s..%s case 7\n", from, to);
	assert_int_equal(segments_kept(three, line, wall_us), 5);
	assert_int_equal(segments_kept(three, "2026-02-02..soon\n", wall_us), 10);
	assert_int_equal(segments_kept((struct call_log_options){.size_max = 1}, NULL, wall_us), 1);
	assert_int_equal(segments_kept((struct call_log_options){.size_max = 1}, line, wall_us), 2);
	/* Events of a far future against the clock. */
	assert_int_equal(segments_kept(three, NULL, TEST_START - 300 * US_PER_DAY), 10);
}

/* ---- faults ---- */

static int writes, fail_at, fail_count, syncs, sync_fail_at;

static ssize_t faulty_write(int fd, const void *bytes, size_t len)
{
	writes++;
	if (fail_at && writes >= fail_at && writes < fail_at + fail_count) {
		/* Half of it still went, as on a disk that becomes full. */
		if (len > 1 && writes == fail_at) {
			return write(fd, bytes, len / 2);
		}
		errno = ENOSPC;
		return -1;
	}
	return write(fd, bytes, len);
}

static int faulty_sync(int fd)
{
	(void)fd;
	if (++syncs == sync_fail_at) {
		errno = EIO;
		return -1;
	}
	return 0;
}

static void write_under_faults(struct call_log_stats *stats)
{
	struct call_log *log = folder_log(
		&folder, (struct call_log_options){.write = faulty_write, .sync = faulty_sync});

	for (uint64_t n = 0; n < 400; n++) {
		log_test_call(log, n, TEST_START + (int64_t)n * 60 * US_PER_S);
		if (n % 20 == 19) {
			call_log_flush(log);
		}
		if (n % 100 == 99) {
			log_test_note(log, LOG_NOTE_SOURCE, n + 1, "s");
		}
	}
	call_log_flush(log);
	call_log_stats(log, stats);
	call_log_close(log);
}

static void disk_full_at_each_write(void **state)
{
	(void)state;
	struct call_log_stats stats;
	bool failed = true;

	for (int n = 1; failed; n++) {
		folder_empty(&folder);
		writes = 0;
		fail_at = n;
		fail_count = 2 + n % 3 * 2;
		write_under_faults(&stats);
		failed = writes >= n;
		read_all(&folder, &told);
		assert_int_equal(stats.events, 400);
		assert_int_equal(stats.written + stats.shed, 400);
		assert_int_equal(told.events, stats.written);
		/* Unless the disk was full to the end, the gap is there and exact. */
		bool ended = writes >= n + fail_count;
		assert_int_equal(told.gap_count, ended || told.gap_notes ? stats.shed : 0);
		assert_int_equal(told.damages, 0);
		assert_true(told.ordered);
		/* A failure of the very last write, the index, takes nothing. */
		assert_true(stats.shed == 0 || stats.errors > 0);
		assert_true(stats.errors == 0 || stats.last_errno == ENOSPC);
	}
	fail_at = 0;
}

static void sync_fails(void **state)
{
	(void)state;
	struct call_log_stats stats;

	for (sync_fail_at = 1; sync_fail_at < 12; sync_fail_at++) {
		folder_empty(&folder);
		syncs = 0;
		write_under_faults(&stats);
		assert_int_equal(stats.errors, 1);
		assert_int_equal(stats.last_errno, EIO);
		assert_int_equal(stats.written, 400);
		read_all(&folder, &told);
		assert_int_equal(told.events, 400);
		assert_int_equal(told.damages, 0);
	}
	sync_fail_at = 0;
}

/* The disk is full to the end, and the next run goes on. */
static void disk_stays_full(void **state)
{
	(void)state;
	struct call_log_stats stats;

	writes = 0;
	fail_at = 5;
	fail_count = 1 << 20;
	write_under_faults(&stats);
	assert_true(stats.shed > 0);
	assert_int_equal(stats.written + stats.shed, 400);
	fail_at = 0;
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});
	assert_int_equal(call_log_next_event(log), stats.written);
	log_test_call(log, 500, TEST_START);
	call_log_close(log);
	read_all(&folder, &told);
	assert_int_equal(told.events, stats.written + 1);
}

/* The process is killed within each byte of the last two units. */
static void killed_anywhere(void **state)
{
	(void)state;
	struct segment_list list;
	char path[512];
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});
	off_t sizes[4];
	struct stat st;

	for (uint64_t n = 0; n < 4; n++) {
		log_test_call(log, n, TEST_START);
		call_log_flush(log);
		assert_int_equal(segment_count(&list), 1);
		folder_path(&folder, list.names[0].text, path);
		segment_list_fini(&list);
		assert_int_equal(stat(path, &st), 0);
		sizes[n] = st.st_size;
	}
	call_log_close(log);
	for (off_t size = sizes[3]; size >= sizes[1]; size--) {
		uint64_t whole = size >= sizes[3] ? 4 : size >= sizes[2] ? 3 : 2;
		assert_int_equal(truncate(path, size), 0);
		read_all(&folder, &told);
		assert_int_equal(told.events, whole);
		assert_int_equal(told.damages, 0);
		if (size % 16 == 0) {
			log = folder_log(&folder, (struct call_log_options){0});
			assert_int_equal(call_log_next_event(log), whole);
			assert_true(call_log_last_time(log) == TEST_START);
			log_test_call(log, whole, TEST_START);
			call_log_close(log);
			read_all(&folder, &told);
			assert_int_equal(told.events, whole + 1);
			assert_int_equal(segment_count(&list), 2);
			folder_path(&folder, list.names[1].text, path);
			assert_int_equal(unlink(path), 0);
			folder_path(&folder, list.names[0].text, path);
			segment_list_fini(&list);
		}
	}
}

/* What another process meets: 0 it writes the log, 1 refused because somebody does, 2 otherwise. */
static int other_process(void)
{
	const struct call_log_options options = {
		.path = folder.path, .key = &folder.key, .retention_us = US_PER_HOUR};
	struct log_writer writer;
	const char *why = "";
	int status;
	pid_t child = fork();

	if (child == 0) {
		int err = log_writer_open(&writer, &options, &why);
		_exit(err == OK ? 0 : strstr(why, "another process") ? 1 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static void one_process_writes(void **state)
{
	(void)state;
	const struct call_log_options options = {
		.path = folder.path, .key = &folder.key, .retention_us = US_PER_HOUR};
	struct log_writer writer;
	const char *why;

	assert_int_equal(log_writer_open(&writer, &options, &why), OK);
	assert_int_equal(other_process(), 1);
	log_writer_close(&writer);
	assert_int_equal(other_process(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_of_rfc3720),
		cmocka_unit_test_setup_teardown(rounds_over_rotations, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cut_behind_a_block, set_up, tear_down),
		cmocka_unit_test_setup_teardown(retention, set_up, tear_down),
		cmocka_unit_test_setup_teardown(disk_full_at_each_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sync_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(disk_stays_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(killed_anywhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_process_writes, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
