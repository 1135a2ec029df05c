#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/err.h"
#include "sources/textfile.h"

enum { TEXT_SIZE = 700000 };

static char text[TEXT_SIZE];
static unsigned char packed[TEXT_SIZE];

static int make_text(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < TEXT_SIZE; i++) {
		seed = seed * 1664525 + 1013904223;
		text[i] = (char)('a' + (seed >> 28));
	}
	return 0;
}

static int file_of(const void *bytes, size_t len)
{
	char path[] = "/tmp/test_textfile_XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static size_t gzip(size_t len)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)text;
	z.avail_in = (unsigned)len;
	z.next_out = packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	len = z.total_out;
	deflateEnd(&z);
	return len;
}

/* Opens and closes the stream around textfile_open: the text must not need it. */
static int open_file(int fd, int regular_fd, const char *temp_dir, struct textfile *file)
{
	struct instream *in;

	assert_int_equal(instream_open_fd(fd, &in), OK);
	int err = textfile_open(in, regular_fd, temp_dir, file);
	instream_close(in);
	return err;
}

static void plain_file_is_mapped(void **state)
{
	struct textfile file;
	int fd = file_of(text, TEXT_SIZE);

	(void)state;
	assert_int_equal(open_file(fd, fd, NULL, &file), OK);
	assert_false(file.spooled);
	assert_int_equal(file.end, OK);
	assert_int_equal(file.text.len, TEXT_SIZE);
	assert_memory_equal(file.text.p, text, TEXT_SIZE);
	textfile_close(&file);
	assert_int_equal(file.text.len, 0);
	textfile_close(&file);
}

static void gzip_is_spooled(void **state)
{
	struct textfile file;
	int fd = file_of(packed, gzip(TEXT_SIZE));

	(void)state;
	assert_int_equal(open_file(fd, fd, NULL, &file), OK);
	assert_true(file.spooled);
	assert_int_equal(file.end, OK);
	assert_int_equal(file.text.len, TEXT_SIZE);
	assert_memory_equal(file.text.p, text, TEXT_SIZE);
	textfile_close(&file);
}

static void cut_gzip_keeps_what_came(void **state)
{
	struct textfile file;
	size_t len = gzip(TEXT_SIZE);
	int fd = file_of(packed, len / 2);

	(void)state;
	assert_int_equal(open_file(fd, fd, NULL, &file), OK);
	assert_int_equal(file.end, E_TRUNCATED);
	assert_in_range(file.text.len, TEXT_SIZE / 4, TEXT_SIZE - 1);
	assert_memory_equal(file.text.p, text, file.text.len);
	textfile_close(&file);
}

static void damaged_gzip_keeps_what_came(void **state)
{
	struct textfile file;
	size_t len = gzip(TEXT_SIZE);

	(void)state;
	packed[len - 6] ^= 1; /* in the checksum at the end */
	int fd = file_of(packed, len);
	assert_int_equal(open_file(fd, fd, NULL, &file), OK);
	assert_int_equal(file.end, E_MALFORMED);
	assert_memory_equal(file.text.p, text, file.text.len);
	textfile_close(&file);
}

static void pipe_is_spooled(void **state)
{
	struct textfile file;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, 5000), 5000);
	close(ends[1]);
	assert_int_equal(open_file(ends[0], -1, NULL, &file), OK);
	assert_true(file.spooled);
	assert_int_equal(file.text.len, 5000);
	assert_memory_equal(file.text.p, text, 5000);
	textfile_close(&file);
}

static void empty_input(void **state)
{
	struct textfile file;
	int fd = file_of("", 0);

	(void)state;
	assert_int_equal(open_file(fd, fd, NULL, &file), OK);
	assert_non_null(file.text.p);
	assert_int_equal(file.text.len, 0);
	assert_int_equal(file.end, OK);
	textfile_close(&file);
}

static void no_place_for_the_spool(void **state)
{
	struct textfile file;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[1]);
	assert_int_equal(open_file(ends[0], -1, "/tmp/no/such/folder", &file), E_IO);
	textfile_close(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_file_is_mapped),
		cmocka_unit_test(gzip_is_spooled),
		cmocka_unit_test(cut_gzip_keeps_what_came),
		cmocka_unit_test(damaged_gzip_keeps_what_came),
		cmocka_unit_test(pipe_is_spooled),
		cmocka_unit_test(empty_input),
		cmocka_unit_test(no_place_for_the_spool),
	};

	return cmocka_run_group_tests(tests, make_text, NULL);
}
