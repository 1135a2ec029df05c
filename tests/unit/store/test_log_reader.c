#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log_folder.h"
#include "store/log_walk.h"

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

/* One segment of `blocks` blocks of ten events and a note before each, closed. Its name and bytes.
 */
static char *write_segment(int blocks, char path[512], size_t *len)
{
	struct segment_list list;
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});
	struct stat st;

	for (int b = 0; b < blocks; b++) {
		log_test_note(log, LOG_NOTE_SOURCE, (uint64_t)b * 10, "a note");
		for (int i = 0; i < 10; i++) {
			log_test_call(log, (uint64_t)(b * 10 + i), TEST_START + b * 10 + i);
		}
		call_log_flush(log);
	}
	call_log_close(log);
	assert_int_equal(segment_list_read(folder.path, &list), OK);
	assert_int_equal(list.count, 1);
	folder_path(&folder, list.names[0].text, path);
	segment_list_fini(&list);
	assert_int_equal(stat(path, &st), 0);
	*len = (size_t)st.st_size;
	char *bytes = malloc(*len);
	assert_non_null(bytes);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fread(bytes, 1, *len, f), *len);
	fclose(f);
	return bytes;
}

static void put_file(const char *path, const char *bytes, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

struct part {
	size_t at, len;
	enum frame_type type;
	struct log_span span;
};

static size_t split_frames(const char *bytes, size_t len, struct part parts[256])
{
	size_t count = 0;
	struct segment_header header;
	struct frame f;

	assert_null(segment_header_get((struct slice){bytes, len}, &header));
	for (size_t at = SEGMENT_HEADER; at < len; at += parts[count++].len) {
		assert_true(count < 256 && len - at >= FRAME_HEADER &&
		            frame_get(bytes + at, header.seal, &f));
		parts[count] = (struct part){at, FRAME_HEADER + f.length, f.type, f.span};
	}
	return count;
}

/* The events of every block but `hurt` are told, of that one none or all. */
static void expect_others(const struct part *parts, size_t count, size_t hurt, size_t hurt2)
{
	for (size_t i = 0; i < count; i++) {
		if (parts[i].type != FRAME_BLOCK || i == hurt || i == hurt2) {
			continue;
		}
		for (uint64_t n = parts[i].span.first; n <= parts[i].span.last; n++) {
			assert_int_equal(told.seen[n], 1);
		}
	}
	assert_true(told.ordered);
}

static void flip_bits(const char *bytes, size_t len, const char *path, const struct part *parts,
                      size_t count)
{
	char *copy = malloc(len);
	size_t at_header = 0;

	assert_non_null(copy);
	for (uint64_t round = 0; round < 600; round++) {
		/* Frames are hit alike, however long they are, and the header too. */
		uint64_t r = mix(round + 77);
		size_t hurt = r % (count + 1);
		size_t from = hurt < count ? parts[hurt].at : 0;
		size_t size = hurt < count ? parts[hurt].len : SEGMENT_HEADER;
		size_t at = from + (r >> 16) % size;
		memcpy(copy, bytes, len);
		copy[at] = (char)(copy[at] ^ 1 << (r >> 60 & 7));
		put_file(path, copy, len);
		read_all(&folder, &told);
		assert_true(told.damages >= 1);
		assert_non_null(told.why);
		expect_others(parts, count, hurt, hurt);
		assert_true(hurt == count || parts[hurt].type != FRAME_BLOCK ||
		            !told.seen[parts[hurt].span.first]);
		at_header += hurt == count;
	}
	assert_true(at_header > 0);
	free(copy);
}

static void cut_bytes(const char *bytes, size_t len, const char *path, const struct part *parts,
                      size_t count)
{
	char *copy = malloc(len);

	assert_non_null(copy);
	for (uint64_t round = 0; round < 200; round++) {
		uint64_t r = mix(round + 7777);
		size_t hurt = r % count;
		size_t at = parts[hurt].at + (r >> 16) % parts[hurt].len;
		size_t gone = 1 + (r >> 40) % (parts[hurt].at + parts[hurt].len - at);
		memcpy(copy, bytes, at);
		memcpy(copy + at, bytes + at + gone, len - at - gone);
		put_file(path, copy, len - gone);
		read_all(&folder, &told);
		/* An unfinished END frame at the newest: as after a kill. */
		assert_true(told.damages >= 1 || parts[hurt].type == FRAME_END);
		expect_others(parts, count, hurt, hurt);
	}
	free(copy);
}

static void swap_frames(const char *bytes, size_t len, const char *path, const struct part *parts,
                        size_t count)
{
	char *copy = malloc(len);

	assert_non_null(copy);
	for (uint64_t round = 0; round < 200; round++) {
		uint64_t r = mix(round + 99);
		size_t a = r % (count - 1);
		size_t b = a + 1;
		char *p = copy + parts[a].at;
		memcpy(copy, bytes, len);
		memcpy(p, bytes + parts[b].at, parts[b].len);
		memcpy(p + parts[b].len, bytes + parts[a].at, parts[a].len);
		put_file(path, copy, len);
		read_all(&folder, &told);
		assert_true(told.damages >= 1);
		expect_others(parts, count, a, b);
	}
	free(copy);
}

static void damage_is_named(void **state)
{
	(void)state;
	struct part parts[256];
	char path[512];
	size_t len;
	char *bytes = write_segment(12, path, &len);
	size_t count = split_frames(bytes, len, parts);

	read_all(&folder, &told);
	assert_int_equal(told.damages, 0);
	assert_int_equal(told.events, 120);
	assert_int_equal(told.notes, 12);
	assert_int_equal(told.note_bytes, 12 * strlen("a note"));
	flip_bits(bytes, len, path, parts, count);
	cut_bytes(bytes, len, path, parts, count);
	swap_frames(bytes, len, path, parts, count);
	free(bytes);
}

/* Each way to be wrong has its name. */
static void names_of_damage(void **state)
{
	(void)state;
	struct part parts[256];
	char path[512];
	size_t len;
	char *bytes = write_segment(3, path, &len);
	size_t count = split_frames(bytes, len, parts);

	bytes[0] = 'X';
	put_file(path, bytes, len);
	read_all(&folder, &told);
	assert_string_equal(told.why, "not a segment");
	assert_int_equal(told.events, 30);
	bytes[0] = 'R';
	bytes[20] ^= 1;
	put_file(path, bytes, len);
	read_all(&folder, &told);
	assert_string_equal(told.why, "checksum");
	assert_int_equal(told.events, 30);
	bytes[20] ^= 1;

	struct segment_header h;
	struct buf header = {0};
	assert_null(segment_header_get((struct slice){bytes, len}, &h));
	h.key_id ^= 1;
	segment_header_put(&header, &h);
	memcpy(bytes, header.p, SEGMENT_HEADER);
	put_file(path, bytes, len);
	read_all(&folder, &told);
	assert_string_equal(told.why, "another key");
	assert_int_equal(told.events, 0);
	assert_int_equal(told.damages, 1);
	buf_fini(&header);

	/* Two frames swapped: the second is told, the first is not. */
	char *copy = malloc(len);
	assert_non_null(copy);
	h.key_id ^= 1;
	header = (struct buf){0};
	segment_header_put(&header, &h);
	memcpy(bytes, header.p, SEGMENT_HEADER);
	buf_fini(&header);
	memcpy(copy, bytes, len);
	const struct part *a = &parts[2], *b = &parts[3];
	memcpy(copy + a->at, bytes + b->at, b->len);
	memcpy(copy + a->at + b->len, bytes + a->at, a->len);
	put_file(path, copy, len);
	free(copy);
	read_all(&folder, &told);
	assert_string_equal(told.why, "frames are missing");
	assert_string_equal(told.last_why, "out of order");
	assert_int_equal(told.events, 20);
	assert_int_equal(told.damages, 2);

	/* A frame taken out whole. */
	const struct part *gone = &parts[count / 2];
	memmove(bytes + gone->at, bytes + gone->at + gone->len, len - gone->at - gone->len);
	put_file(path, bytes, len - gone->len);
	read_all(&folder, &told);
	assert_string_equal(told.why, "frames are missing");
	free(bytes);
}

/* Notes read of a segment whose one frame is damaged and has in its text, as a caller might have
 * chosen it, the bytes of a note under this seal.
 */
static uint64_t planted_notes(uint32_t planted_seal)
{
	const struct log_note plain = {.type = LOG_NOTE_STOP, .text = SLICE_LIT("planted")};
	struct segment_name name;
	struct buf inner = {0}, outer = {0}, planted = {0}, file = {0};
	char path[512];

	folder_empty(&folder);
	segment_name_make(&name, 0, 1);
	const struct segment_header header = {.key_id = segment_key_id(&folder.key),
	                                      .opened_us = 1,
	                                      .before_first = UINT64_MAX,
	                                      .before_last = UINT64_MAX,
	                                      .seal = segment_seal(&folder.key, &name)};
	note_put(&inner, &plain);
	frame_put(&planted, planted_seal, FRAME_NOTE, 1, &(struct log_span){0}, buf_view(&inner));
	note_put(&outer, &(struct log_note){.type = LOG_NOTE_STOP, .text = buf_view(&planted)});
	segment_header_put(&file, &header);
	frame_put(&file, header.seal, FRAME_NOTE, 0, &(struct log_span){0}, buf_view(&outer));
	file.p[SEGMENT_HEADER + 20] ^= 1;
	folder_path(&folder, name.text, path);
	put_file(path, file.p, file.len);
	read_all(&folder, &told);
	assert_true(told.damages >= 1);
	buf_fini(&inner);
	buf_fini(&outer);
	buf_fini(&planted);
	buf_fini(&file);
	return told.notes;
}

static void planted_frame(void **state)
{
	(void)state;
	struct segment_name name;

	segment_name_make(&name, 0, 1);
	assert_int_equal(planted_notes(0), 0);
	assert_int_equal(planted_notes(segment_seal(&folder.key, &name)), 1);
}

/* A tail that is missing is quiet at the newest segment and named at an older one, also where it
 * was cut between two frames.
 */
static void older_cut(void **state)
{
	(void)state;
	struct part parts[256];
	char path[512];
	size_t len;
	char *bytes = write_segment(3, path, &len);
	size_t count = split_frames(bytes, len, parts);
	size_t block = count;

	while (parts[--block].type != FRAME_BLOCK) {
	}
	put_file(path, bytes, parts[block].at + 20);
	read_all(&folder, &told);
	assert_int_equal(told.damages, 0);
	assert_int_equal(told.events, 20);
	put_file(path, bytes, len);
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});
	log_test_call(log, 30, TEST_START);
	call_log_close(log);
	size_t cuts[] = {parts[block].at + 20, parts[block].at, parts[block - 1].at};
	for (size_t i = 0; i < 3; i++) {
		put_file(path, bytes, cuts[i]);
		read_all(&folder, &told);
		assert_int_equal(told.damages, 1);
		assert_string_equal(told.why, "cut");
		assert_int_equal(told.events, 21);
		assert_int_equal(told.last_size, i == 0 ? 20 : 0);
	}
	/* Only the index is gone: nothing is lost. */
	put_file(path, bytes, parts[count - 2].at);
	read_all(&folder, &told);
	assert_int_equal(told.damages, 0);
	assert_int_equal(told.events, 31);
	free(bytes);
}

/* Against what was written, with and without index. */
static void ranges(void **state)
{
	(void)state;
	struct segment_list list;
	char path[512];
	int64_t times[600];
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});

	for (uint64_t n = 0; n < 600; n++) {
		times[n] = TEST_START + (int64_t)n * 30 * US_PER_S -
		           (int64_t)(mix(n) % 7 == 0) * 2 * US_PER_HOUR;
		log_test_call(log, n, times[n]);
		if (n % 15 == 14) {
			call_log_cut(log);
		}
		if (n % 30 == 29) {
			log_test_note(log, LOG_NOTE_SOURCE, n + 1, "");
			call_log_flush(log);
		}
	}
	call_log_close(log);
	assert_int_equal(segment_list_read(folder.path, &list), OK);
	for (uint64_t round = 0; round < 200; round++) {
		int64_t from = TEST_START + (int64_t)(mix(round) % 20000) * US_PER_S;
		int64_t to = from + (int64_t)(mix(round + 1000) % 9000) * US_PER_S;
		uint64_t want = 0;
		from = round % 5 == 0 ? INSTANT_NONE : from;
		to = round % 7 == 0 ? INSTANT_NONE : to;
		if (round == 100) {
			folder_path(&folder, list.names[1].text, path);
			struct stat st;
			assert_int_equal(stat(path, &st), 0);
			assert_int_equal(truncate(path, st.st_size - FRAME_END_SIZE), 0);
		}
		read_range(&folder, from, to, &told);
		for (size_t n = 0; n < 600; n++) {
			bool in = (from == INSTANT_NONE || times[n] >= from) &&
			          (to == INSTANT_NONE || times[n] < to);
			assert_int_equal(told.seen[n], in);
			want += in;
		}
		assert_int_equal(told.events, want);
		assert_true(told.ordered);
		assert_int_equal(told.damages, 0);
		assert_true(want == 0 || told.cuts >= 1);
		assert_true(from != INSTANT_NONE || to != INSTANT_NONE || told.notes == 20);
		assert_true(want > 100 || want == 0 || told.notes < 20);
	}
	segment_list_fini(&list);
}

static void no_folder(void **state)
{
	(void)state;
	struct log_reader *r;
	const char *why = NULL;
	struct log_reader_options options = {
		.path = "/nonexistent/calls", .from_us = INSTANT_NONE, .to_us = INSTANT_NONE};

	assert_int_equal(log_reader_open(&options, &r, &why), E_IO);
	assert_string_equal(why, "No such file or directory");
	read_all(&folder, &told);
	assert_int_equal(told.events + told.damages + told.notes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(damage_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_of_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(planted_frame, set_up, tear_down),
		cmocka_unit_test_setup_teardown(older_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ranges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_folder, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
