#include "core/state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto.h"
#include "core/err.h"
#include "core/le.h"

enum {
	VERSION = 1,
	BLOCK_SIZE = 1 << 20,
	MAGIC_SIZE = 8,
	HEAD_SIZE = MAGIC_SIZE + 8 + STATE_KEY_SIZE + STATE_BUILD_SIZE + 16 + 8 * STATE_VALUES,
	ENTRY_SIZE = STATE_NAME_SIZE + 16,
	TRAILER_SIZE = 24 + MAGIC_SIZE,
};

static const char magic_head[MAGIC_SIZE] = "RFSTATE";
static const char magic_end[MAGIC_SIZE] = "RFSTEND";
static const uint32_t order_mark = 0x01020304; /* as the machine writes it */

void state_head_key(struct state_head *head, const struct hash_key *key)
{
	uint8_t digest[DIGEST_SIZE];

	digest_blake2b((struct slice){(const char *)key->key, HASH_KEY_SIZE}, digest);
	memcpy(head->key, digest, STATE_KEY_SIZE);
}

/* The checksum of a section goes from block to block. */
static uint64_t sum_block(const struct hash_key *key, uint64_t sum, const void *block, size_t len)
{
	uint64_t link[2] = {htole64(sum), htole64(hash64(key, block, len))};

	return hash64(key, link, sizeof(link));
}

static uint64_t sum_slice(const struct hash_key *key, struct slice s)
{
	uint64_t sum = 0;

	for (; s.len; s = slice_skip(s, BLOCK_SIZE)) {
		sum = sum_block(key, sum, s.p, s.len < BLOCK_SIZE ? s.len : BLOCK_SIZE);
	}
	return sum;
}

/* ---- writing ---- */

static void write_all(struct state_out *o, const char *p, size_t len)
{
	while (len && o->err == OK) {
		ssize_t n = write(o->fd, p, len);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			o->err = E_IO;
			return;
		}
		p += n;
		len -= (size_t)n;
		o->total += (uint64_t)n;
	}
}

int state_out_open(struct state_out *o, int fd, const struct state_head *head)
{
	struct buf *h = &o->head;

	*o = (struct state_out){.fd = fd, .block = malloc(BLOCK_SIZE)};
	hash_key_default(&o->key);
	buf_add(h, magic_head, MAGIC_SIZE);
	le32_put(h, VERSION);
	buf_add(h, &order_mark, sizeof(order_mark));
	buf_add(h, head->key, STATE_KEY_SIZE);
	buf_add(h, head->build, STATE_BUILD_SIZE);
	le64_put(h, head->event);
	le64_put(h, head->alert);
	for (unsigned i = 0; i < STATE_VALUES; i++) {
		le64_put(h, head->values[i]);
	}
	if (!o->block || h->failed) {
		o->err = E_NOMEM;
	}
	if (o->err == OK) {
		write_all(o, h->p, h->len);
	}
	return o->err;
}

static void flush(struct state_out *o)
{
	if (o->used && o->err == OK) {
		o->sum = sum_block(&o->key, o->sum, o->block, o->used);
		o->len += o->used;
		write_all(o, o->block, o->used);
	}
	o->used = 0;
}

void state_begin(struct state_out *o, const char *name)
{
	memset(o->name, 0, sizeof(o->name));
	memcpy(o->name, name, strnlen(name, STATE_NAME_SIZE - 1));
	o->len = 0;
	o->sum = 0;
}

void state_bytes(struct state_out *o, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len && o->err == OK) {
		size_t room = BLOCK_SIZE - o->used;
		size_t part = len < room ? len : room;
		memcpy(o->block + o->used, p, part);
		o->used += part;
		p += part;
		len -= part;
		if (o->used == BLOCK_SIZE) {
			flush(o);
		}
	}
}

void state_u32(struct state_out *o, uint32_t value)
{
	value = htole32(value);
	state_bytes(o, &value, sizeof(value));
}

void state_u64(struct state_out *o, uint64_t value)
{
	value = htole64(value);
	state_bytes(o, &value, sizeof(value));
}

void state_end(struct state_out *o)
{
	flush(o);
	buf_add(&o->directory, o->name, STATE_NAME_SIZE);
	le64_put(&o->directory, o->len);
	le64_put(&o->directory, o->sum);
}

/* Over the header and the directory: what the sections' own checksums leave open. */
static uint64_t sum_frame(const struct hash_key *key, struct slice head, struct slice directory)
{
	return sum_block(key, sum_slice(key, directory), head.p, head.len);
}

int state_out_close(struct state_out *o)
{
	struct buf trailer = {0};

	if (o->err == OK && !o->directory.failed) {
		struct slice directory = buf_view(&o->directory);
		le64_put(&trailer, directory.len / ENTRY_SIZE);
		le64_put(&trailer, o->total + directory.len + TRAILER_SIZE);
		le64_put(&trailer, sum_frame(&o->key, buf_view(&o->head), directory));
		buf_add(&trailer, magic_end, MAGIC_SIZE);
		write_all(o, directory.p, directory.len);
		write_all(o, trailer.p, trailer.len);
	}
	if (o->err == OK && (o->directory.failed || trailer.failed)) {
		o->err = E_NOMEM;
	}
	buf_fini(&trailer);
	buf_fini(&o->directory);
	buf_fini(&o->head);
	free(o->block);
	o->block = NULL;
	return o->err;
}

/* ---- reading ---- */

int state_map(int fd, struct slice *file)
{
	struct stat st;

	*file = SLICE_NONE;
	if (fstat(fd, &st) != 0 || st.st_size < 0) {
		return E_IO;
	}
	if (st.st_size == 0) {
		return OK;
	}
	void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED) {
		return E_IO;
	}
	*file = (struct slice){at, (size_t)st.st_size};
	return OK;
}

void state_unmap(struct slice file)
{
	if (file.p) {
		(void)munmap((void *)(uintptr_t)file.p, file.len);
	}
}

const void *state_get_bytes(struct state_view *v, size_t len)
{
	const char *at = v->left.p;

	if (v->failed || v->left.len < len) {
		v->failed = true;
		return NULL;
	}
	v->left = slice_skip(v->left, len);
	return at;
}

bool state_copy(struct state_view *v, void *to, size_t len)
{
	const void *from = state_get_bytes(v, len);

	if (from) {
		memcpy(to, from, len);
	}
	return !v->failed;
}

uint32_t state_get_u32(struct state_view *v)
{
	uint32_t value = 0;

	(void)state_copy(v, &value, sizeof(value));
	return le32toh(value);
}

uint64_t state_get_u64(struct state_view *v)
{
	uint64_t value = 0;

	(void)state_copy(v, &value, sizeof(value));
	return le64toh(value);
}

int state_in_fail(struct state_in *in, const char *format, ...)
{
	if (!in->why[0]) {
		va_list args;
		va_start(args, format);
		(void)vsnprintf(in->why, sizeof(in->why), format, args);
		va_end(args);
	}
	return E_INVALID;
}

static int read_head(struct state_in *in, struct slice file)
{
	struct state_view v = {.left = slice_first(file, HEAD_SIZE)};
	const char *magic = state_get_bytes(&v, MAGIC_SIZE);
	uint32_t order = 0;

	if (!magic || memcmp(magic, magic_head, MAGIC_SIZE) != 0) {
		return state_in_fail(in, file.len ? "not a state file" : "empty");
	}
	uint32_t version = state_get_u32(&v);
	if (version != VERSION && !v.failed) {
		return state_in_fail(in, "another version: %u, not %d", version, VERSION);
	}
	(void)state_copy(&v, &order, sizeof(order));
	(void)state_copy(&v, in->head.key, STATE_KEY_SIZE);
	(void)state_copy(&v, in->head.build, STATE_BUILD_SIZE);
	in->head.build[STATE_BUILD_SIZE - 1] = '\0';
	in->head.event = state_get_u64(&v);
	in->head.alert = state_get_u64(&v);
	for (unsigned i = 0; i < STATE_VALUES; i++) {
		in->head.values[i] = state_get_u64(&v);
	}
	if (!v.failed && order != order_mark) {
		return state_in_fail(in, "another build: another byte order");
	}
	return v.failed || file.len < HEAD_SIZE + TRAILER_SIZE ? state_in_fail(in, "cut") : OK;
}

/* The trailer, and with it where the directory lies. */
static int read_trailer(struct state_in *in, const struct hash_key *key, struct slice file,
                        struct slice *directory)
{
	struct state_view v = {.left = slice_skip(file, file.len - TRAILER_SIZE)};
	size_t room = file.len - TRAILER_SIZE - HEAD_SIZE;
	uint64_t count = state_get_u64(&v);
	uint64_t total = state_get_u64(&v);
	uint64_t sum = state_get_u64(&v);

	if (memcmp(v.left.p, magic_end, MAGIC_SIZE) != 0 || total != file.len ||
	    count > room / ENTRY_SIZE) {
		return state_in_fail(in, "cut: its end is missing or damaged");
	}
	size_t len = (size_t)count * ENTRY_SIZE;
	*directory = (struct slice){file.p + HEAD_SIZE + room - len, len};
	if (sum_frame(key, slice_first(file, HEAD_SIZE), *directory) != sum) {
		return state_in_fail(in, "header or directory: checksum");
	}
	in->section_count = (size_t)count;
	return OK;
}

static int read_sections(struct state_in *in, const struct hash_key *key, struct slice content,
                         struct slice directory)
{
	struct state_view v = {.left = directory};

	in->sections = calloc(in->section_count + 1, sizeof(*in->sections));
	if (!in->sections) {
		(void)state_in_fail(in, "no memory");
		return E_NOMEM;
	}
	for (size_t i = 0; i < in->section_count; i++) {
		struct state_section *s = &in->sections[i];
		(void)state_copy(&v, s->name, STATE_NAME_SIZE);
		s->name[STATE_NAME_SIZE - 1] = '\0';
		uint64_t len = state_get_u64(&v);
		uint64_t sum = state_get_u64(&v);
		if (len > content.len) {
			return state_in_fail(in, "section %s: longer than the file", s->name);
		}
		s->content = slice_first(content, (size_t)len);
		content = slice_skip(content, (size_t)len);
		if (sum_slice(key, s->content) != sum) {
			return state_in_fail(in, "section %s: checksum", s->name);
		}
	}
	return content.len ? state_in_fail(in, "bytes that belong to no section") : OK;
}

int state_in_open(struct state_in *in, struct slice file, const struct state_head *expected)
{
	struct hash_key key;
	struct slice directory = SLICE_NONE;

	*in = (struct state_in){0};
	hash_key_default(&key);
	int err = read_head(in, file);
	err = err ? err : read_trailer(in, &key, file, &directory);
	if (err == OK && memcmp(in->head.key, expected->key, STATE_KEY_SIZE) != 0) {
		err = state_in_fail(in, "another key");
	}
	if (err == OK && strncmp(in->head.build, expected->build, STATE_BUILD_SIZE) != 0) {
		err = state_in_fail(in, "another build: %s", in->head.build);
	}
	if (err == OK) {
		const char *begin = file.p + HEAD_SIZE;
		struct slice content = {begin, (size_t)(directory.p - begin)};
		err = read_sections(in, &key, content, directory);
	}
	return err;
}

void state_in_close(struct state_in *in)
{
	free(in->sections);
	in->sections = NULL;
	in->section_count = 0;
}

int state_in_section(struct state_in *in, const char *name, struct state_view *view)
{
	for (size_t i = 0; i < in->section_count; i++) {
		const struct state_section *s = &in->sections[i];
		if (strcmp(s->name, name) == 0) {
			*view = (struct state_view){.left = s->content, .name = s->name};
			return OK;
		}
	}
	(void)state_in_fail(in, "section %s: missing", name);
	return E_NOTFOUND;
}

int state_in_end(struct state_in *in, const struct state_view *view)
{
	if (view->failed) {
		return state_in_fail(in, "section %s: too short", view->name);
	}
	return view->left.len ? state_in_fail(in, "section %s: too long", view->name) : OK;
}
