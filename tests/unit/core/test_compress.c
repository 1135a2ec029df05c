/* compress.h: every content read back in many ways, every prefix and every damaged byte of small
 * samples, pipes that give a byte at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

#include "core/buf.h"
#include "core/compress.h"
#include "core/err.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void add_gzip(struct buf *b, struct slice content)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	uLong bound = deflateBound(&z, content.len);
	buf_reserve(b, bound);
	z.next_in = (Bytef *)(uintptr_t)content.p;
	z.avail_in = (uInt)content.len;
	z.next_out = (Bytef *)b->p + b->len;
	z.avail_out = (uInt)bound;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b->len += bound - z.avail_out;
	assert_int_equal(deflateEnd(&z), Z_OK);
}

static void add_zstd(struct buf *b, struct slice content)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t bound = ZSTD_compressBound(content.len);

	assert_non_null(c);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	buf_reserve(b, bound);
	size_t len = ZSTD_compress2(c, b->p + b->len, bound, content.p, content.len);
	assert_false(ZSTD_isError(len));
	b->len += len;
	ZSTD_freeCCtx(c);
}

static void add_zstd_skippable(struct buf *b, struct slice content)
{
	buf_slice(b, SLICE_LIT("\x53\x2a\x4d\x18\x05\0\0\0index"));
	add_zstd(b, content);
}

typedef void (*add_fn)(struct buf *b, struct slice content);

/* A file with these bytes that is in no folder. */
static int file_of(struct slice bytes)
{
	int fd = memfd_create("sample", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.len), (ssize_t)bytes.len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Reads to the end in pieces of len; what ended it. */
static int read_all(struct instream *s, size_t len, struct buf *out)
{
	char *piece = malloc(len);
	ssize_t n;

	assert_non_null(piece);
	while ((n = instream_read(s, piece, len)) > 0) {
		assert_true((size_t)n <= len);
		buf_add(out, piece, (size_t)n);
	}
	/* The end and an error stay. */
	assert_int_equal(instream_read(s, piece, len), n);
	assert_int_equal(instream_err(s), n);
	free(piece);
	return (int)n;
}

static int decode(struct slice bytes, size_t len, struct buf *out, enum compression *compression)
{
	struct instream *s;

	assert_int_equal(instream_open_fd(file_of(bytes), &s), OK);
	*compression = instream_compression(s);
	int err = read_all(s, len, out);
	instream_close(s);
	return err;
}

/* Text that compresses, with noise that does not. */
static void make_content(struct buf *b, size_t len)
{
	uint32_t seed = 1;

	while (b->len < len) {
		seed = seed * 1664525 + 1013904223;
		buf_printf(b, "2026-03-02T12:03:%02uZ,+4930%07u\n", seed >> 8 & 31, seed >> 12);
	}
	b->len = len;
}

static const size_t content_sizes[] = {0, 1, 3, 4, 5, 4095, 4096, 4097, 1000003};
static const size_t piece_sizes[] = {1, 7, 4096, 3000000};

static void add_plain(struct buf *b, struct slice content)
{
	buf_slice(b, content);
}

static const struct {
	add_fn add;
	enum compression compression;
} forms[] = {
	{add_plain, COMPRESSION_NONE},
	{add_gzip, COMPRESSION_GZIP},
	{add_zstd, COMPRESSION_ZSTD},
	{add_zstd_skippable, COMPRESSION_ZSTD},
};

static void check_form(size_t form, size_t size, size_t members, size_t piece)
{
	struct buf content = {0};
	struct buf want = {0};
	struct buf bytes = {0};
	struct buf got = {0};
	enum compression compression;

	make_content(&content, size);
	for (size_t i = 0; i < members; i++) {
		forms[form].add(&bytes, buf_view(&content));
		buf_slice(&want, buf_view(&content));
	}
	assert_int_equal(decode(buf_view(&bytes), piece, &got, &compression), OK);
	assert_int_equal(compression, forms[form].compression);
	assert_true(slice_eq(buf_view(&got), buf_view(&want)));
	buf_fini(&content);
	buf_fini(&want);
	buf_fini(&bytes);
	buf_fini(&got);
}

static void test_contents(void **state)
{
	(void)state;
	for (size_t form = 0; form < COUNT(forms); form++) {
		for (size_t i = 0; i < COUNT(content_sizes); i++) {
			for (size_t j = 0; j < COUNT(piece_sizes); j++) {
				/* A byte at a time the large ones add time, not cases. */
				if (content_sizes[i] < 10000 || piece_sizes[j] > 1000) {
					check_form(form, content_sizes[i], 1, piece_sizes[j]);
					check_form(form, content_sizes[i], 3, piece_sizes[j]);
				}
			}
		}
	}
}

struct sample {
	struct buf bytes; /* two members */
	size_t first_len;
	struct buf content;
	size_t first_content_len;
};

static void sample_init(struct sample *x, add_fn add)
{
	*x = (struct sample){0};
	make_content(&x->content, 300);
	add(&x->bytes, buf_view(&x->content));
	x->first_len = x->bytes.len;
	x->first_content_len = x->content.len;
	add(&x->bytes, SLICE_LIT("the second member"));
	buf_slice(&x->content, SLICE_LIT("the second member"));
}

static void sample_fini(struct sample *x)
{
	buf_fini(&x->bytes);
	buf_fini(&x->content);
}

static void check_prefixes(add_fn add, size_t magic_len)
{
	struct sample x;

	sample_init(&x, add);
	for (size_t len = 0; len <= x.bytes.len; len++) {
		for (size_t piece = 1; piece < 1000; piece *= 30) {
			struct buf got = {0};
			struct slice prefix = slice_first(buf_view(&x.bytes), len);
			enum compression compression;
			int err = decode(prefix, piece, &got, &compression);
			if (len < magic_len) {
				assert_int_equal(err, OK);
				assert_true(slice_eq(buf_view(&got), prefix));
			} else {
				bool whole = len == x.first_len || len == x.bytes.len;
				assert_int_equal(err, whole ? OK : E_TRUNCATED);
				assert_true(slice_starts(buf_view(&x.content), buf_view(&got)));
				assert_true(len < x.first_len || got.len >= x.first_content_len);
			}
			buf_fini(&got);
		}
	}
	sample_fini(&x);
}

static void test_every_prefix(void **state)
{
	(void)state;
	check_prefixes(add_gzip, 2);
	check_prefixes(add_zstd, 4);
}

/* Whatever is wrong, wrong content never passes for good. */
static void check_damage(add_fn add, enum compression want)
{
	struct sample x;
	size_t refused = 0;

	sample_init(&x, add);
	for (size_t bit = 0; bit < 8 * x.bytes.len; bit++) {
		struct buf got = {0};
		enum compression compression;
		x.bytes.p[bit / 8] = (char)(x.bytes.p[bit / 8] ^ (1 << bit % 8));
		int err = decode(buf_view(&x.bytes), 64, &got, &compression);
		x.bytes.p[bit / 8] = (char)(x.bytes.p[bit / 8] ^ (1 << bit % 8));
		assert_true(err == OK || err == E_MALFORMED || err == E_TRUNCATED);
		if (compression == want && !err) {
			assert_true(slice_eq(buf_view(&got), buf_view(&x.content)));
		}
		refused += err != OK;
		buf_fini(&got);
	}
	/* Only header bits without meaning (time, system) and the magic number pass. */
	assert_true(refused > 8 * (x.bytes.len - 24));
	sample_fini(&x);
}

static void test_every_damaged_bit(void **state)
{
	(void)state;
	check_damage(add_gzip, COMPRESSION_GZIP);
	check_damage(add_zstd, COMPRESSION_ZSTD);
}

/* The check at the end of a member fails: what it covers was given out before. */
static void check_wrong_sum(add_fn add, size_t from_end)
{
	struct buf content = {0};
	struct buf bytes = {0};
	struct buf got = {0};
	enum compression compression;

	make_content(&content, 300);
	add(&bytes, buf_view(&content));
	bytes.p[bytes.len - from_end] ^= 1;
	assert_int_equal(decode(buf_view(&bytes), 4096, &got, &compression), E_MALFORMED);
	assert_true(slice_eq(buf_view(&got), buf_view(&content)));
	buf_fini(&content);
	buf_fini(&bytes);
	buf_fini(&got);
}

static void test_wrong_sum(void **state)
{
	(void)state;
	check_wrong_sum(add_gzip, 1); /* length */
	check_wrong_sum(add_gzip, 8); /* CRC */
}

static void check_garbage_behind(add_fn add)
{
	struct sample x;
	struct buf got = {0};
	enum compression compression;

	sample_init(&x, add);
	buf_slice(&x.bytes, SLICE_LIT("garbage"));
	assert_int_equal(decode(buf_view(&x.bytes), 4096, &got, &compression), E_MALFORMED);
	assert_true(slice_eq(buf_view(&got), buf_view(&x.content)));
	buf_fini(&got);
	sample_fini(&x);
}

static void test_garbage_behind(void **state)
{
	(void)state;
	check_garbage_behind(add_gzip);
	check_garbage_behind(add_zstd);
}

static void test_zstd_window_bound(void **state)
{
	/* RFC 8878: magic, no flags, a window of 2^(10 + x), an empty last block. */
	char frame[] = "\x28\xb5\x2f\xfd\0\x88\x01\0\0"; /* x = 17 */
	struct buf got = {0};
	enum compression compression;

	(void)state;
	assert_int_equal(decode((struct slice){frame, 9}, 16, &got, &compression), OK);
	frame[5] = (char)0x90; /* x = 18: 256 MiB */
	assert_int_equal(decode((struct slice){frame, 9}, 16, &got, &compression), E_MALFORMED);
	buf_fini(&got);
}

struct drip {
	int fd;
	struct slice bytes;
};

static void *drip_run(void *arg)
{
	struct drip *d = arg;

	for (size_t i = 0; i < d->bytes.len; i++) {
		if (write(d->fd, d->bytes.p + i, 1) != 1) {
			break;
		}
	}
	close(d->fd);
	return NULL;
}

/* A peek does not depend on how the bytes arrive. */
static void check_pipe(size_t form)
{
	struct buf content = {0};
	struct buf bytes = {0};
	struct buf got = {0};
	struct instream *s;
	const void *peeked;
	pthread_t writer;
	int ends[2];

	make_content(&content, 10000);
	forms[form].add(&bytes, buf_view(&content));
	assert_int_equal(pipe(ends), 0);
	struct drip d = {ends[1], buf_view(&bytes)};
	assert_int_equal(pthread_create(&writer, NULL, drip_run, &d), 0);
	assert_int_equal(instream_open_fd(ends[0], &s), OK);
	assert_int_equal(instream_compression(s), forms[form].compression);
	assert_int_equal(instream_peek(s, &peeked), 4096);
	assert_memory_equal(peeked, content.p, 4096);
	assert_int_equal(read_all(s, 1000, &got), OK);
	assert_true(slice_eq(buf_view(&got), buf_view(&content)));
	assert_int_equal(pthread_join(writer, NULL), 0);
	instream_close(s);
	buf_fini(&content);
	buf_fini(&bytes);
	buf_fini(&got);
}

static void test_pipe(void **state)
{
	(void)state;
	for (size_t form = 0; form < COUNT(forms); form++) {
		check_pipe(form);
	}
}

static void test_peek_between_reads(void **state)
{
	struct buf content = {0};
	struct buf bytes = {0};
	struct instream *s;
	const void *peeked;
	char piece[5000];
	size_t pos = 0;

	(void)state;
	make_content(&content, 20000);
	add_gzip(&bytes, buf_view(&content));
	assert_int_equal(instream_open_fd(file_of(buf_view(&bytes)), &s), OK);
	for (size_t i = 0; pos < content.len; i++) {
		size_t want = content.len - pos < 4096 ? content.len - pos : 4096;
		assert_int_equal(instream_peek(s, &peeked), want);
		assert_memory_equal(peeked, content.p + pos, want);
		ssize_t n = instream_read(s, piece, 1 + i * 611 % sizeof(piece));
		assert_true(n > 0);
		assert_memory_equal(piece, content.p + pos, n);
		pos += (size_t)n;
	}
	assert_int_equal(instream_peek(s, &peeked), 0);
	instream_close(s);
	buf_fini(&content);
	buf_fini(&bytes);
}

/* What is good before an error can be looked at and read. */
static void test_peek_truncated(void **state)
{
	struct sample x;
	struct instream *s;
	const void *peeked;
	char piece[4096];

	(void)state;
	sample_init(&x, add_gzip);
	assert_int_equal(
		instream_open_fd(file_of(slice_first(buf_view(&x.bytes), x.first_len + 5)), &s),
		OK);
	assert_int_equal(instream_peek(s, &peeked), x.first_content_len);
	assert_int_equal(instream_read(s, piece, sizeof(piece)), x.first_content_len);
	assert_int_equal(instream_peek(s, &peeked), E_TRUNCATED);
	assert_int_equal(instream_read(s, piece, sizeof(piece)), E_TRUNCATED);
	instream_close(s);
	sample_fini(&x);
}

static void test_file(void **state)
{
	struct buf content = {0};
	struct buf bytes = {0};
	struct instream *s;
	const void *peeked;

	(void)state;
	make_content(&content, 1000003);
	add_zstd(&bytes, buf_view(&content));
	char *got = malloc(content.len + 1);
	assert_non_null(got);
	assert_int_equal(instream_open_fd(file_of(buf_view(&bytes)), &s), OK);
	assert_int_equal(instream_peek(s, &peeked), 4096);
	FILE *f = instream_file(s);
	assert_non_null(f);
	assert_int_equal(fread(got, 1, content.len + 1, f), content.len);
	assert_memory_equal(got, content.p, content.len);
	assert_true(feof(f) && !ferror(f));
	assert_int_equal(fclose(f), 0);

	assert_int_equal(
		instream_open_fd(file_of(slice_first(buf_view(&bytes), bytes.len - 1)), &s), OK);
	f = instream_file(s);
	assert_non_null(f);
	size_t n = fread(got, 1, content.len + 1, f);
	assert_memory_equal(got, content.p, n);
	assert_true(ferror(f));
	assert_int_equal(errno, EIO);
	assert_int_equal(instream_err(s), E_TRUNCATED);
	assert_int_equal(fclose(f), 0);
	free(got);
	buf_fini(&content);
	buf_fini(&bytes);
}

static void test_io_error(void **state)
{
	struct instream *s;

	(void)state;
	assert_int_equal(instream_open_fd(open("/", O_RDONLY | O_DIRECTORY), &s), E_IO);
	assert_int_equal(instream_open_fd(-1, &s), E_IO);
	instream_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_every_damaged_bit),
		cmocka_unit_test(test_wrong_sum),
		cmocka_unit_test(test_garbage_behind),
		cmocka_unit_test(test_zstd_window_bound),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_peek_between_reads),
		cmocka_unit_test(test_peek_truncated),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_io_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
