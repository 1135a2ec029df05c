#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "log_folder.h"
#include "store/log_ids.h"
#include "store/log_index.h"

enum { NUMBERS = 8000, HOUR = 90 /* numbers of a segment */, BLOCK = 37 };

static struct folder folder;
static int files_before;
static unsigned listings;

/* Counts the listings of folders; in place of the C library's. */
DIR *opendir(const char *name)
{
	listings++;
	return fdopendir(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir)) {
		count++;
	}
	(void)closedir(dir);
	return count;
}

static int set_up(void **state)
{
	(void)state;
	files_before = open_files();
	folder_make(&folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	folder_remove(&folder);
	assert_int_equal(open_files(), files_before);
	return 0;
}

/* ---- what is written ---- */

static bool is_number(uint64_t n)
{
	return n / 50 % 9 != 3 && n % 29 != 4;
}

static int64_t time_of(uint64_t n)
{
	return TEST_START + (int64_t)n * (US_PER_HOUR / HOUR);
}

static const struct event *event_of(struct test_call *c, uint64_t n)
{
	(void)test_call(c, n, time_of(n));
	if (n % 11 == 0) {
		c->event.call_id = SLICE_NONE;
	} else if (n % 13 == 0) {
		c->event.call_id = (struct slice){"", 0};
	}
	return &c->event;
}

static void write_numbers(struct call_log *log, uint64_t from, uint64_t to)
{
	struct test_call c;

	for (uint64_t n = from; n < to; n++) {
		if (is_number(n)) {
			call_log_event(log, n, event_of(&c, n));
		}
		if (n % 23 == 0) {
			call_log_cut(log);
		}
		if (n % 101 == 0) {
			log_test_note(log, LOG_NOTE_SOURCE, n + 1, "a note");
		}
		if (n % BLOCK == BLOCK - 1) {
			call_log_flush(log);
		}
	}
}

static void write_log(uint64_t from, uint64_t to)
{
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});

	write_numbers(log, from, to);
	call_log_close(log);
}

static struct log_ids *new_ids(void)
{
	struct log_ids *ids = log_ids_new(folder.path, &folder.key);

	assert_non_null(ids);
	return ids;
}

/* Whether the id of n is told; must be the right one. */
static bool tells(struct log_ids *ids, uint64_t n)
{
	struct test_call c;
	struct slice id = log_ids_get(ids, n);

	if (id.p &&
	    (!is_number(n) || !event_of(&c, n)->call_id.p || !slice_eq(id, c.event.call_id))) {
		fail_msg("event %u has a wrong call id", (unsigned)n);
	}
	return id.p;
}

static bool has_id(uint64_t n)
{
	return is_number(n) && n % 11 != 0;
}

/* ---- the segments ---- */

static struct segment_list segments(void)
{
	struct segment_list list;

	assert_int_equal(segment_list_read(folder.path, &list), OK);
	return list;
}

static size_t size_of(const struct segment_name *name)
{
	char path[512];
	struct stat st;

	folder_path(&folder, name->text, path);
	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

static void cut_segment(const struct segment_name *name, size_t bytes)
{
	char path[512];

	folder_path(&folder, name->text, path);
	assert_int_equal(truncate(path, (off_t)(size_of(name) - bytes)), 0);
}

static void flip_bit(const struct segment_name *name, uint64_t bit)
{
	char path[512];
	uint8_t byte;

	folder_path(&folder, name->text, path);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
	byte ^= (uint8_t)(1 << bit % 8);
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
	(void)close(fd);
}

/* The numbers that a reader of the log tells. */
static uint8_t *read_numbers(void)
{
	struct log_reader *r = folder_reader(&folder, INSTANT_NONE, INSTANT_NONE);
	uint8_t *there = calloc(NUMBERS, 1);
	struct log_item item;

	assert_non_null(there);
	while (log_reader_next(r, &item) != LOG_ITEM_END) {
		if (item.kind == LOG_ITEM_EVENT) {
			there[item.number] = 1;
		}
	}
	log_reader_close(r);
	return there;
}

static void same_as_reader(struct log_ids *ids)
{
	uint8_t *there = read_numbers();

	for (uint64_t n = 0; n < NUMBERS; n++) {
		assert_int_equal(tells(ids, n), there[n] && has_id(n));
	}
	for (uint64_t round = 0; round < 1500; round++) {
		uint64_t n = mix(round + 99) % (NUMBERS + 100);
		assert_int_equal(tells(ids, n), n < NUMBERS && there[n] && has_id(n));
	}
	free(there);
}

/* ---- tests ---- */

static void against_reader(void **state)
{
	(void)state;
	struct log_ids *ids = new_ids();

	assert_false(tells(ids, 0));
	write_log(0, NUMBERS / 2);
	write_log(NUMBERS / 2, NUMBERS);
	same_as_reader(ids);
	log_ids_free(ids);

	/* Without an index, and with less and less of the last block. */
	struct segment_list list = segments();
	assert_true(list.count > LOG_IDS_SEGMENTS);
	for (size_t i = 0; i < list.count; i++) {
		size_t size = size_of(&list.names[i]);
		cut_segment(&list.names[i], i % 3 == 0 ? size / 3 : i % 3 == 1 ? 1 : 0);
	}
	segment_list_fini(&list);
	ids = new_ids();
	same_as_reader(ids);
	log_ids_free(ids);
}

static void empty_and_missing_ids(void **state)
{
	(void)state;
	struct log_ids *ids = new_ids();

	write_log(0, 40);
	assert_null(log_ids_get(ids, 11).p);
	assert_non_null(log_ids_get(ids, 13).p);
	assert_int_equal(log_ids_get(ids, 13).len, 0);
	assert_non_null(log_ids_get(ids, 14).p);
	assert_null(log_ids_get(ids, UINT64_MAX).p);
	log_ids_free(ids);
	ids = log_ids_new("/nonexistent/folder", NULL);
	assert_null(log_ids_get(ids, 14).p);
	log_ids_free(ids);
}

static void follows_the_writer(void **state)
{
	(void)state;
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});
	struct log_ids *ids = new_ids();

	for (uint64_t n = 0; n < 2000; n += 20) {
		write_numbers(log, n, n + 20);
		call_log_flush(log);
		for (uint64_t back = 0; back < 120 && back < n; back += 3) {
			assert_int_equal(tells(ids, n + 19 - back), has_id(n + 19 - back));
		}
		assert_false(tells(ids, n + 20));
	}
	call_log_close(log);
	log_ids_free(ids);
}

static void after_retention(void **state)
{
	(void)state;
	struct call_log *log =
		folder_log(&folder, (struct call_log_options){.retention_us = 9 * US_PER_HOUR});
	struct log_ids *ids = new_ids();
	uint64_t gone = 0;

	for (uint64_t n = 0; n < 4000; n += HOUR) {
		write_numbers(log, n, n + HOUR);
		call_log_tick(log, time_of(n + HOUR));
		call_log_flush(log);
		for (uint64_t old = 1; old < n + HOUR; old += 31) {
			bool told = tells(ids, old);
			gone += has_id(old) && !told;
			assert_true(told || !has_id(old) || old + 8 * HOUR < n);
		}
	}
	call_log_close(log);
	assert_true(gone > 300);
	same_as_reader(ids);
	log_ids_free(ids);
}

static atomic_bool written;

static void *write_along(void *user)
{
	struct call_log *log = user;

	write_numbers(log, 0, 4000);
	call_log_flush(log);
	atomic_store(&written, true);
	return NULL;
}

static void while_writing(void **state)
{
	(void)state;
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});
	struct log_ids *ids = new_ids();
	pthread_t thread;
	uint64_t next = 1;

	atomic_store(&written, false);
	assert_int_equal(pthread_create(&thread, NULL, write_along, log), 0);
	for (uint64_t round = 0; !atomic_load(&written); round++) {
		(void)tells(ids, mix(round) % 4100);
		while (next < 4000 && (!has_id(next) || tells(ids, next))) {
			next++;
		}
	}
	pthread_join(thread, NULL);
	call_log_close(log);
	for (uint64_t n = 0; n < 4100; n++) {
		assert_int_equal(tells(ids, n), n < 4000 && has_id(n));
	}
	log_ids_free(ids);
}

/* A flipped bit takes at most the numbers of its segment, and never tells a wrong one. */
static void damage(const struct segment_list *list, uint64_t rounds, bool newest_first)
{
	uint64_t lost = 0;

	for (uint64_t round = 0; round < rounds; round++) {
		uint64_t r = mix(round + 12345);
		size_t hurt = r % list->count;
		const struct segment_name *name = &list->names[hurt];
		uint64_t end = hurt + 1 < list->count ? list->names[hurt + 1].first : 400;
		uint64_t bit = (r >> 20) % (8 * size_of(name));
		struct log_ids *ids = new_ids();
		flip_bit(name, bit);
		for (uint64_t i = 0; i < 400; i++) {
			uint64_t n = newest_first ? 399 - i : i;
			bool told = tells(ids, n);
			lost += has_id(n) && !told;
			assert_true(told || !has_id(n) || (n >= name->first && n < end));
		}
		flip_bit(name, bit);
		log_ids_free(ids);
	}
	assert_true(lost > 0);
}

static void damaged(void **state)
{
	(void)state;
	write_log(0, 400);
	struct segment_list list = segments();

	assert_true(list.count >= 4);
	damage(&list, 60, false);
	for (size_t i = 0; i < list.count; i++) {
		cut_segment(&list.names[i], 1);
	}
	damage(&list, 60, true);
	segment_list_fini(&list);
}

static void another_key(void **state)
{
	(void)state;
	static const uint8_t bytes[HASH_KEY_SIZE] = {1};
	struct hash_key other;

	write_log(0, 40);
	hash_key_init(&other, bytes);
	struct log_ids *ids = log_ids_new(folder.path, &other);
	assert_null(log_ids_get(ids, 14).p);
	log_ids_free(ids);
	ids = log_ids_new(folder.path, NULL);
	assert_true(tells(ids, 14));
	log_ids_free(ids);
}

static void set_folder_time(const struct stat *st)
{
	const struct timespec times[2] = {st->st_mtim, st->st_mtim};

	assert_int_equal(utimensat(AT_FDCWD, folder.path, times, 0), 0);
}

/* Also when the folder's time does not show that there is another segment. */
static void lists_seldom(void **state)
{
	(void)state;
	struct log_ids *ids = new_ids();
	struct stat then;

	write_log(0, 80);
	assert_int_equal(stat(folder.path, &then), 0);
	listings = 0;
	for (uint64_t round = 0; round < 20000; round++) {
		assert_false(tells(ids, 80 + round % 7));
	}
	assert_in_range(listings, 5, 40);

	/* Behind nothing that is known: no look at the folder at all. */
	listings = 0;
	for (uint64_t n = 0; n < 78; n++) {
		assert_int_equal(tells(ids, n), has_id(n));
	}
	assert_int_equal(listings, 0);

	write_log(80, 160);
	set_folder_time(&then);
	unsigned asked = 0;
	while (!tells(ids, 81) && asked < 2 * LOG_IDS_PATIENCE) {
		asked++;
	}
	assert_in_range(asked, 1, LOG_IDS_PATIENCE);
	log_ids_free(ids);
}

static void lists_at_once(void **state)
{
	(void)state;
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});
	struct log_ids *ids = new_ids();
	struct stat then;

	write_numbers(log, 0, 80);
	call_log_flush(log);
	assert_int_equal(stat(folder.path, &then), 0);
	for (uint64_t round = 0; round < 5000; round++) {
		assert_false(tells(ids, 80));
	}
	/* The segment ends, which says that another one follows. */
	write_numbers(log, 80, 260);
	call_log_flush(log);
	set_folder_time(&then);
	assert_true(tells(ids, 259));
	for (uint64_t round = 0; round < 5000; round++) {
		assert_false(tells(ids, 260));
	}
	/* Run after run; the folder's time shows it. */
	call_log_close(log);
	write_log(260, 300);
	assert_true(tells(ids, 299));
	log_ids_free(ids);
}

/* A segment of an index alone: as many blocks as may be, which are not there. */
static void forge_segment(uint64_t first)
{
	struct segment_name name;
	struct buf out = {0};
	struct buf payload = {0};
	struct log_span span = {1, first, first, 0, 0};
	char path[512];

	segment_name_make(&name, first, 1);
	uint32_t seal = segment_seal(&folder.key, &name);
	segment_header_put(&out, &(struct segment_header){.key_id = segment_key_id(&folder.key),
	                                                  .first = first,
	                                                  .seal = seal});
	size_t index_at = out.len;
	for (uint64_t i = 0; i < INDEX_ENTRIES_MAX + 10; i++) {
		struct index_entry e = {.offset = mix(i) % 3 ? 0 : UINT64_MAX - i,
		                        .filter_size = UINT32_MAX,
		                        .span = {1, first + i, first + i, 0, 0}};
		index_entry_put(&payload, &e);
	}
	frame_put(&out, seal, FRAME_INDEX, 0, &span, buf_view(&payload));
	buf_reset(&payload);
	le64_put(&payload, index_at);
	frame_put(&out, seal, FRAME_END, 1, &span, buf_view(&payload));
	folder_path(&folder, name.text, path);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(out.p, 1, out.len, f), out.len);
	(void)fclose(f);
	buf_fini(&payload);
	buf_fini(&out);
}

static void places_are_bounded(void **state)
{
	(void)state;
	struct log_ids *ids = new_ids();

	write_log(0, 300);
	assert_true(tells(ids, 14));
	for (uint64_t i = 1; i <= LOG_IDS_PLACES / INDEX_ENTRIES_MAX + 2; i++) {
		forge_segment(i << 20);
	}
	for (uint64_t i = 1; i <= LOG_IDS_PLACES / INDEX_ENTRIES_MAX + 2; i++) {
		assert_null(log_ids_get(ids, (i << 20) + 5).p);
		assert_null(log_ids_get(ids, (i << 20) + INDEX_ENTRIES_MAX + 5).p);
	}
	for (uint64_t n = 0; n < 300; n++) {
		assert_int_equal(tells(ids, n), has_id(n));
	}
	log_ids_free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(against_reader, set_up, tear_down),
		cmocka_unit_test_setup_teardown(empty_and_missing_ids, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follows_the_writer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(after_retention, set_up, tear_down),
		cmocka_unit_test_setup_teardown(while_writing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_seldom, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(places_are_bounded, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
