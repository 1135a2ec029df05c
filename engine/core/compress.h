/* Input streams, plain, gzip or zstd by content; and runs of bytes in memory, packed with zstd. One
 * thread an object.
 */
#ifndef ENGINE_CORE_COMPRESS_H
#define ENGINE_CORE_COMPRESS_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "core/buf.h"

enum compression { COMPRESSION_NONE = 0, COMPRESSION_GZIP, COMPRESSION_ZSTD };

struct instream;

/* Takes over fd (a file, a pipe, a socket; blocking), also when it fails. Waits for the first
 * bytes: they tell the compression. E_NOMEM, E_IO.
 */
int instream_open_fd(int fd, struct instream **s);
enum compression instream_compression(const struct instream *s);
/* Up to len bytes; 0 at the end; E_IO, E_NOMEM, E_MALFORMED (damaged, or a zstd window over
 * 128 MiB), E_TRUNCATED (compressed data ends early: what was read before stays good).
 * Concatenated members are one stream. An error stays.
 */
ssize_t instream_read(struct instream *s, void *out, size_t len);
/* Looks at the next bytes without taking them: 4096, fewer only where the stream ends or fails,
 * however they arrive. 0 and errors as above. Valid until the next call.
 */
ssize_t instream_peek(struct instream *s, const void **bytes);
/* The error that ended the stream, OK while there is none: what a FILE cannot say. */
int instream_err(const struct instream *s);
void instream_close(struct instream *s);
/* A read-only FILE over s, for libraries that want one (libpcap); takes s over, fclose closes it.
 * Errors are EIO there. Without a lock of its own: one thread. NULL without memory: s stays the
 * caller's.
 */
FILE *instream_file(struct instream *s);

/* Packs runs of bytes in memory, one after another; the same bytes give the same packed bytes. */
struct zip;

/* level: 1 (fast) to 19 (small). NULL: no memory. */
struct zip *zip_new(int level);
void zip_free(struct zip *z);
/* Appends bytes packed to out. E_NOMEM (out->failed too). */
int zip_pack(struct zip *z, struct slice bytes, struct buf *out);
/* Unpacks into exactly len bytes at out, never more, whatever packed claims: the caller knows and
 * bounds len beforehand. E_MALFORMED.
 */
int zip_unpack(struct zip *z, struct slice packed, void *out, size_t len);

#endif
