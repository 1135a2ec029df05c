#include "core/compress.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "core/err.h"

enum {
	RAW_SIZE = 128 * 1024, /* ZSTD_DStreamInSize: a whole block */
	PEEK_SIZE = 4096,
	FILE_BUFFER_SIZE = 64 * 1024,
	MAGIC_SIZE = 4,
	GZIP_WINDOW = 15 + 16, /* the largest, gzip header and trailer expected */
};

struct codec;

struct instream {
	int fd;
	int err; /* ended the stream; told once what was read before is taken */
	enum compression compression;
	const struct codec *codec;
	bool raw_ended;
	bool inside; /* a member or frame has begun and not ended */
	size_t raw_pos;
	size_t raw_len;
	size_t peek_pos;
	size_t peek_len;
	union {
		z_stream gzip;
		ZSTD_DStream *zstd;
	} decoder;
	uint8_t peek[PEEK_SIZE];
	uint8_t raw[RAW_SIZE];
	char file_buffer[FILE_BUFFER_SIZE];
};

/* One compression. step decodes from raw[raw_pos] on, moves raw_pos, keeps `inside`, and adds to
 * *made what it wrote to out; with nothing to do it does nothing.
 */
struct codec {
	int (*open)(struct instream *s);
	int (*step)(struct instream *s, void *out, size_t len, size_t *made);
	void (*close)(struct instream *s);
};

static int gzip_open(struct instream *s)
{
	return inflateInit2(&s->decoder.gzip, GZIP_WINDOW) == Z_OK ? OK : E_NOMEM;
}

static int gzip_step(struct instream *s, void *out, size_t len, size_t *made)
{
	z_stream *z = &s->decoder.gzip;
	size_t raw_left = s->raw_len - s->raw_pos;

	z->next_in = s->raw + s->raw_pos;
	z->avail_in = (uInt)raw_left;
	z->next_out = out;
	z->avail_out = len < UINT32_MAX ? (uInt)len : UINT32_MAX;
	uInt room = z->avail_out;
	int result = inflate(z, Z_NO_FLUSH);

	s->inside = s->inside || z->avail_in < raw_left;
	s->raw_pos = s->raw_len - z->avail_in;
	*made += room - z->avail_out;
	switch (result) {
	case Z_OK:
	case Z_BUF_ERROR: return OK;
	case Z_STREAM_END: s->inside = false; return inflateReset(z) == Z_OK ? OK : E_NOMEM;
	case Z_MEM_ERROR: return E_NOMEM;
	default: return E_MALFORMED;
	}
}

static void gzip_close(struct instream *s)
{
	(void)inflateEnd(&s->decoder.gzip);
}

static int zstd_open(struct instream *s)
{
	s->decoder.zstd = ZSTD_createDStream();
	return s->decoder.zstd ? OK : E_NOMEM;
}

static int zstd_step(struct instream *s, void *out, size_t len, size_t *made)
{
	ZSTD_inBuffer from = {s->raw, s->raw_len, s->raw_pos};
	ZSTD_outBuffer to = {out, len, 0};
	size_t result = ZSTD_decompressStream(s->decoder.zstd, &to, &from);

	s->inside = s->inside || from.pos > s->raw_pos;
	s->raw_pos = from.pos;
	*made += to.pos;
	if (ZSTD_isError(result)) {
		return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? E_NOMEM
		                                                                 : E_MALFORMED;
	}
	if (result == 0) {
		s->inside = false;
	}
	return OK;
}

static void zstd_close(struct instream *s)
{
	(void)ZSTD_freeDStream(s->decoder.zstd);
}

static const struct codec codecs[] = {
	[COMPRESSION_GZIP] = {gzip_open, gzip_step, gzip_close},
	[COMPRESSION_ZSTD] = {zstd_open, zstd_step, zstd_close},
};

/* Bytes of the descriptor, 0 at its end, E_IO. */
static ssize_t read_fd(struct instream *s, void *out, size_t len)
{
	ssize_t n;

	do {
		n = read(s->fd, out, len);
	} while (n < 0 && errno == EINTR);
	s->raw_ended = n == 0;
	return n < 0 ? E_IO : n;
}

/* More bytes behind those in raw. */
static int fill_raw(struct instream *s)
{
	if (s->raw_pos == s->raw_len) {
		s->raw_pos = 0;
		s->raw_len = 0;
	}
	ssize_t n = read_fd(s, s->raw + s->raw_len, RAW_SIZE - s->raw_len);

	s->raw_len += n > 0 ? (size_t)n : 0;
	return n < 0 ? (int)n : OK;
}

static enum compression detect(const uint8_t *bytes, size_t len)
{
	static const uint8_t gzip[] = {0x1f, 0x8b};
	static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
	static const uint8_t zstd_skippable[] = {0x2a, 0x4d, 0x18}; /* behind 0x50 to 0x5f */

	if (len >= sizeof(gzip) && memcmp(bytes, gzip, sizeof(gzip)) == 0) {
		return COMPRESSION_GZIP;
	}
	if (len >= MAGIC_SIZE &&
	    (memcmp(bytes, zstd, sizeof(zstd)) == 0 ||
	     ((bytes[0] & 0xf0) == 0x50 &&
	      memcmp(bytes + 1, zstd_skippable, sizeof(zstd_skippable)) == 0))) {
		return COMPRESSION_ZSTD;
	}
	return COMPRESSION_NONE;
}

int instream_open_fd(int fd, struct instream **s)
{
	struct instream *made = malloc(sizeof(*made));
	int err = OK;

	if (!made) {
		(void)close(fd);
		return E_NOMEM;
	}
	memset(made, 0, offsetof(struct instream, peek)); /* not the buffers */
	made->fd = fd;
	while (!err && !made->raw_ended && made->raw_len < MAGIC_SIZE) {
		err = fill_raw(made);
	}
	enum compression compression = detect(made->raw, made->raw_len);
	if (!err && compression != COMPRESSION_NONE) {
		err = codecs[compression].open(made);
	}
	if (err) {
		instream_close(made);
		return err;
	}
	made->compression = compression;
	made->codec = compression != COMPRESSION_NONE ? &codecs[compression] : NULL;
	*s = made;
	return OK;
}

enum compression instream_compression(const struct instream *s)
{
	return s->compression;
}

static size_t take(void *out, size_t len, const uint8_t *from, size_t *pos, size_t end)
{
	size_t n = end - *pos < len ? end - *pos : len;

	memcpy(out, from + *pos, n);
	*pos += n;
	return n;
}

/* Past what the first look took in, bytes go straight to the caller. */
static ssize_t read_plain(struct instream *s, void *out, size_t len)
{
	if (s->raw_pos < s->raw_len) {
		return (ssize_t)take(out, len, s->raw, &s->raw_pos, s->raw_len);
	}
	return s->raw_ended ? 0 : read_fd(s, out, len);
}

/* Some decoded bytes, at least one unless the stream has ended. */
static ssize_t read_decoded(struct instream *s, void *out, size_t len)
{
	size_t made = 0;

	while (made == 0) {
		size_t raw_before = s->raw_pos;
		int err = s->codec->step(s, out, len, &made);
		if (err) {
			s->err = err;
			return made > 0 ? (ssize_t)made : err;
		}
		if (made > 0 || s->raw_pos > raw_before) {
			continue;
		}
		if (s->raw_ended) {
			return s->inside ? E_TRUNCATED : 0;
		}
		err = fill_raw(s);
		if (err) {
			return err;
		}
	}
	return (ssize_t)made;
}

static ssize_t read_stream(struct instream *s, void *out, size_t len)
{
	if (s->err) {
		return s->err;
	}
	if (len == 0) {
		return 0;
	}
	ssize_t n = s->codec ? read_decoded(s, out, len) : read_plain(s, out, len);

	if (n < 0) {
		s->err = (int)n;
	}
	return n;
}

ssize_t instream_read(struct instream *s, void *out, size_t len)
{
	if (s->peek_pos < s->peek_len) {
		return (ssize_t)take(out, len, s->peek, &s->peek_pos, s->peek_len);
	}
	return read_stream(s, out, len);
}

ssize_t instream_peek(struct instream *s, const void **bytes)
{
	ssize_t n = 1;

	s->peek_len -= s->peek_pos;
	memmove(s->peek, s->peek + s->peek_pos, s->peek_len);
	s->peek_pos = 0;
	while (n > 0 && s->peek_len < PEEK_SIZE) {
		n = read_stream(s, s->peek + s->peek_len, PEEK_SIZE - s->peek_len);
		s->peek_len += n > 0 ? (size_t)n : 0;
	}
	*bytes = s->peek;
	return s->peek_len > 0 ? (ssize_t)s->peek_len : n;
}

int instream_err(const struct instream *s)
{
	return s->err;
}

void instream_close(struct instream *s)
{
	if (!s) {
		return;
	}
	if (s->codec) {
		s->codec->close(s);
	}
	(void)close(s->fd);
	free(s);
}

static ssize_t file_read(void *cookie, char *out, size_t len)
{
	ssize_t n = instream_read(cookie, out, len);

	if (n < 0) {
		errno = EIO;
		return -1;
	}
	return n;
}

static int file_close(void *cookie)
{
	instream_close(cookie);
	return 0;
}

FILE *instream_file(struct instream *s)
{
	FILE *f = fopencookie(s, "r",
	                      (cookie_io_functions_t){.read = file_read, .close = file_close});

	if (f) {
		(void)setvbuf(f, s->file_buffer, _IOFBF, sizeof(s->file_buffer));
		(void)__fsetlocking(f, FSETLOCKING_BYCALLER);
	}
	return f;
}

struct zip {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
};

struct zip *zip_new(int level)
{
	struct zip *z = calloc(1, sizeof(*z));

	if (!z) {
		return NULL;
	}
	z->pack = ZSTD_createCCtx();
	z->unpack = ZSTD_createDCtx();
	if (!z->pack || !z->unpack ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(z->pack, ZSTD_c_compressionLevel, level))) {
		zip_free(z);
		return NULL;
	}
	return z;
}

void zip_free(struct zip *z)
{
	if (!z) {
		return;
	}
	(void)ZSTD_freeCCtx(z->pack);
	(void)ZSTD_freeDCtx(z->unpack);
	free(z);
}

int zip_pack(struct zip *z, struct slice bytes, struct buf *out)
{
	size_t room = ZSTD_compressBound(bytes.len);

	buf_reserve(out, room);
	if (out->failed) {
		return E_NOMEM;
	}
	size_t len = ZSTD_compress2(z->pack, out->p + out->len, room, bytes.p, bytes.len);
	if (ZSTD_isError(len)) {
		out->failed = true; /* with enough room there is no other reason */
		return E_NOMEM;
	}
	out->len += len;
	return OK;
}

int zip_unpack(struct zip *z, struct slice packed, void *out, size_t len)
{
	size_t made = ZSTD_decompressDCtx(z->unpack, out, len, packed.p, packed.len);

	return ZSTD_isError(made) || made != len ? E_MALFORMED : OK;
}
