/* The file in which a process leaves its state for the next one: named sections behind a header,
 * a directory with their checksums and a trailer at the end, so that a cut file shows.
 *
 *	state_out_open(&out, fd, &head);
 *	state_begin(&out, "dedupe");  state_u64(&out, n);  state_bytes(&out, p, len);
 *	state_end(&out);
 *	err = state_out_close(&out);              everything that went wrong on the way
 *
 *	state_in_open(&in, file, &expected);      the whole file is checked here
 *	state_in_section(&in, "dedupe", &view);
 *	n = state_get_u64(&view);  ...
 *	state_in_end(&in, &view);                 nothing missing, nothing left over
 *
 * Layout: header (168 bytes); the sections' contents without gaps; directory, 40 bytes a section
 * (name, length, checksum); trailer of 32 bytes. Numbers are little endian; bytes that an owner
 * writes raw are in the machine's order, which the header names. A checksum (XXH3 with the public
 * key, chained over blocks of 1 MiB) finds damage, not forgery: owners check every reference that
 * they read. After an error in.why says in plain words what is wrong.
 */
#ifndef ENGINE_CORE_STATE_H
#define ENGINE_CORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/hash.h"
#include "core/slice.h"

enum {
	STATE_KEY_SIZE = 8,
	STATE_BUILD_SIZE = 64,
	STATE_VALUES = 8,
	STATE_NAME_SIZE = 24, /* with its NUL */
	STATE_WHY_SIZE = 160,
};

/* What stands in front. */
struct state_head {
	uint8_t key[STATE_KEY_SIZE];   /* identity of the hash key file */
	char build[STATE_BUILD_SIZE];  /* who wrote it; NUL-terminated */
	uint64_t event;                /* number of the next event */
	uint64_t alert;                /* sequence number of the next alert */
	uint64_t values[STATE_VALUES]; /* the caller's own */
};

/* Fills head->key: a one-way digest of the key, of no use for guessing it. */
void state_head_key(struct state_head *head, const struct hash_key *key);

/* ---- writing; one thread ---- */

struct state_out {
	int fd;
	int err; /* the first error; what follows does nothing */
	char *block;
	size_t used; /* of the block */
	struct buf directory;
	char name[STATE_NAME_SIZE]; /* of the section begun */
	uint64_t len;               /* of the section so far */
	uint64_t sum;
	uint64_t total; /* bytes written */
	struct hash_key key;
	struct buf head;
};

/* Writes from where fd stands; fd stays the caller's, as does making it durable. E_NOMEM. */
int state_out_open(struct state_out *o, int fd, const struct state_head *head);
void state_begin(struct state_out *o, const char *name);
void state_bytes(struct state_out *o, const void *bytes, size_t len);
void state_u32(struct state_out *o, uint32_t value);
void state_u64(struct state_out *o, uint64_t value);
void state_end(struct state_out *o);
/* Ends the file and frees what open took, also after an error. OK, E_NOMEM or E_IO. */
int state_out_close(struct state_out *o);

/* ---- reading ---- */

struct state_section {
	char name[STATE_NAME_SIZE];
	struct slice content;
};

struct state_in {
	struct state_head head;
	struct state_section *sections;
	size_t section_count;
	char why[STATE_WHY_SIZE];
};

/* What is left of a section. After the first read beyond its end `failed` stays set and every
 * number reads as 0.
 */
struct state_view {
	struct slice left;
	const char *name;
	bool failed;
};

/* The bytes of a whole file; unmap with state_unmap. E_IO. */
int state_map(int fd, struct slice *file);
void state_unmap(struct slice file);

/* Checks all of the file: magic, version, completeness, every checksum, and that key and build are
 * those of `expected`. file outlives in. OK, E_NOMEM or E_INVALID.
 */
int state_in_open(struct state_in *in, struct slice file, const struct state_head *expected);
void state_in_close(struct state_in *in);
/* E_NOTFOUND. */
int state_in_section(struct state_in *in, const char *name, struct state_view *view);
/* E_INVALID when the section was too short or is not read to its end. */
int state_in_end(struct state_in *in, const struct state_view *view);
/* Says why a section cannot be used; returns E_INVALID. The first reason stays. */
int state_in_fail(struct state_in *in, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The next len bytes; NULL when there are not so many. */
const void *state_get_bytes(struct state_view *v, size_t len);
/* The same as a copy; false when there are not so many. */
bool state_copy(struct state_view *v, void *to, size_t len);
uint32_t state_get_u32(struct state_view *v);
uint64_t state_get_u64(struct state_view *v);

/* Times that no sum or difference in the engine takes out of 64 bits: 70,000 years around 1970. */
static inline bool state_time_sane(int64_t time_us)
{
	return time_us > -(INT64_C(1) << 61) && time_us < INT64_C(1) << 61;
}

#endif
