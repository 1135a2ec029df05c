#include "core/extsort.h"

#include <stdlib.h>

#include "core/err.h"
#include "core/extsort_disk.h"
#include "core/extsort_mem.h"

#define MEMORY_MAX_DEFAULT ((size_t)64 * 1024 * 1024)

enum { BLOCK_SHARE = 512, BLOCK_SIZE_MIN = 4096, BLOCK_SIZE_MAX = 256 * 1024 };

/* Where the bytes that the last pop gave out lie until the next call. */
enum taken { TAKEN_NONE = 0, TAKEN_MEM, TAKEN_DISK };

struct extsort {
	struct sort_mem mem;
	struct sort_disk disk;
	size_t memory_max;
	bool any_due; /* there is a key below the watermark: at most key_max */
	int64_t key_max;
	enum taken taken;
	uint64_t taken_seq;
};

int extsort_new(const struct extsort_options *options, struct extsort **s)
{
	struct extsort *made = calloc(1, sizeof(*made));

	if (!made) {
		return E_NOMEM;
	}
	made->memory_max = options->memory_max ? options->memory_max : MEMORY_MAX_DEFAULT;
	size_t block_size = made->memory_max / BLOCK_SHARE;
	block_size = block_size > BLOCK_SIZE_MIN ? block_size : BLOCK_SIZE_MIN;
	block_size = block_size < BLOCK_SIZE_MAX ? block_size : BLOCK_SIZE_MAX;
	sort_mem_init(&made->mem);
	int err = sort_disk_init(&made->disk, options->temp_dir, block_size);
	if (err) {
		free(made);
		return err;
	}
	*s = made;
	return OK;
}

void extsort_free(struct extsort *s)
{
	if (s) {
		sort_mem_fini(&s->mem);
		sort_disk_fini(&s->disk);
		free(s);
	}
}

/* Lets go of what the last pop gave out. */
static int settle(struct extsort *s)
{
	int err = OK;

	if (s->taken == TAKEN_MEM) {
		sort_store_release(&s->mem.store, s->taken_seq);
	} else if (s->taken == TAKEN_DISK) {
		err = sort_disk_drop(&s->disk);
	}
	s->taken = err ? s->taken : TAKEN_NONE;
	return err;
}

static int make_room(struct extsort *s)
{
	int err = settle(s);

	if (err) {
		return err;
	}
	if (s->mem.count > 0) {
		err = s->disk.folder ? sort_disk_spill(&s->disk, &s->mem) : E_FULL;
	}
	if (!err) {
		sort_mem_reset(&s->mem);
	}
	return err;
}

int extsort_push(struct extsort *s, int64_t key, const void *bytes, size_t len)
{
	if (len > SORT_RECORD_LEN_MAX) {
		return E_RANGE;
	}
	if (sort_mem_bytes(&s->mem) + len > s->memory_max) {
		int err = make_room(s);
		if (err) {
			return err;
		}
	}
	return sort_mem_push(&s->mem, key, bytes, len);
}

void extsort_watermark(struct extsort *s, int64_t key)
{
	if (key > INT64_MIN && (!s->any_due || key - 1 > s->key_max)) {
		s->any_due = true;
		s->key_max = key - 1;
	}
}

void extsort_finish(struct extsort *s)
{
	s->any_due = true;
	s->key_max = INT64_MAX;
}

static int pop_disk(struct extsort *s, int64_t *key, struct slice *bytes)
{
	int err = sort_disk_record(&s->disk, bytes);

	if (err) {
		return err;
	}
	*key = sort_disk_least(&s->disk)->key;
	s->taken = TAKEN_DISK;
	return 1;
}

int extsort_pop(struct extsort *s, int64_t *key, struct slice *bytes)
{
	struct sort_entry least;

	int err = settle(s);
	if (err) {
		return err;
	}
	if (!s->any_due) {
		return 0;
	}
	const struct sort_entry *disk = sort_disk_least(&s->disk);
	bool disk_due = disk && disk->key <= s->key_max;
	int mem_due = sort_mem_least(&s->mem, disk_due ? disk->key : s->key_max, &least);
	if (mem_due < 0) {
		return mem_due;
	}
	if (disk_due && (!mem_due || sort_entry_before(*disk, least))) {
		return pop_disk(s, key, bytes);
	}
	if (!mem_due) {
		return 0;
	}
	*key = least.key;
	*bytes = sort_store_record(&s->mem.store, least.seq);
	sort_mem_take(&s->mem);
	s->taken = TAKEN_MEM;
	s->taken_seq = least.seq;
	return 1;
}

struct walk {
	int (*each)(void *user, int64_t key, struct slice bytes);
	void *user;
};

static int walk_one(void *user, struct sort_entry e, struct slice record)
{
	const struct walk *w = user;

	return w->each(w->user, e.key, record);
}

int extsort_each(struct extsort *s, int (*each)(void *user, int64_t key, struct slice bytes),
                 void *user)
{
	struct walk w = {each, user};

	return s->disk.count ? E_INVALID : sort_mem_each(&s->mem, walk_one, &w);
}

size_t extsort_held(const struct extsort *s)
{
	return s->mem.count + s->disk.count - (s->taken == TAKEN_DISK);
}
