/* Layout of a run: records of key (8 bytes), seq (8), length (4), bytes; in the machine's order, as
 * the file never leaves it.
 */
#include "core/extsort_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"

enum { HEADER_SIZE = 20, OUT_SIZE = 256 * 1024, FAN_IN = 32 };

struct disk_run {
	struct sort_entry head;
	uint64_t start;
	uint64_t pos; /* in the file: where the head begins */
	uint64_t end;
	unsigned level;
	/* A window of the file, made when the head is first read. */
	char *block;
	size_t block_cap;
	size_t block_len;
	uint64_t block_pos;
};

int sort_disk_init(struct sort_disk *d, const char *folder, size_t block_size)
{
	*d = (struct sort_disk){.fd = -1, .block_size = block_size};
	d->folder = folder ? strdup(folder) : NULL;
	return folder && !d->folder ? E_NOMEM : OK;
}

static void run_free(struct disk_run *r)
{
	free(r->block);
	free(r);
}

void sort_disk_fini(struct sort_disk *d)
{
	for (size_t i = 0; i < d->run_count; i++) {
		run_free(d->heap[i]);
	}
	free(d->heap);
	free(d->out);
	free(d->folder);
	if (d->fd >= 0) {
		(void)close(d->fd);
	}
}

static int open_unlinked(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *path;

	if (fd >= 0 || asprintf(&path, "%s/sort-XXXXXX", folder) < 0) {
		return fd;
	}
	/* Some file systems have no O_TMPFILE. */
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0) {
		(void)unlink(path);
	}
	free(path);
	return fd;
}

static int write_at(int fd, const char *bytes, size_t len, uint64_t pos)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, (off_t)pos);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return E_IO;
		}
		bytes += n;
		len -= (size_t)n;
		pos += (uint64_t)n;
	}
	return OK;
}

/* Up to len bytes, fewer only at the end of the file. */
static ssize_t read_at(int fd, char *bytes, size_t len, uint64_t pos)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, bytes + got, len - got, (off_t)(pos + got));
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return E_IO;
		}
		if (n == 0) {
			break;
		}
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* Moves the window so that len bytes from the head on are in it; len reaches not beyond the run. */
static int run_see(const struct sort_disk *d, struct disk_run *r, size_t len)
{
	size_t cap = len > d->block_size ? len : d->block_size;

	if (r->block && r->pos >= r->block_pos && r->pos + len <= r->block_pos + r->block_len) {
		return OK;
	}
	if (cap > r->block_cap) {
		char *block = realloc(r->block, cap);
		if (!block) {
			return E_NOMEM;
		}
		r->block = block;
		r->block_cap = cap;
	}
	size_t want = r->end - r->pos < cap ? (size_t)(r->end - r->pos) : cap;
	r->block_len = 0; /* the window is void if the read fails */
	ssize_t got = read_at(d->fd, r->block, want, r->pos);
	if (got < 0 || (size_t)got < len) {
		return E_IO;
	}
	r->block_pos = r->pos;
	r->block_len = (size_t)got;
	return OK;
}

/* Reads the head into r->head and *bytes. */
static int run_read(const struct sort_disk *d, struct disk_run *r, struct slice *bytes)
{
	uint32_t len;

	int err = run_see(d, r, HEADER_SIZE);
	if (err) {
		return err;
	}
	memcpy(&len, r->block + (r->pos - r->block_pos) + sizeof(r->head), sizeof(len));
	err = run_see(d, r, HEADER_SIZE + (size_t)len);
	if (err) {
		return err;
	}
	const char *p = r->block + (r->pos - r->block_pos);
	memcpy(&r->head, p, sizeof(r->head));
	*bytes = (struct slice){p + HEADER_SIZE, len};
	return OK;
}

/* On to the next record; the run is at its end when pos == end. On an error it has not moved. */
static int run_next(const struct sort_disk *d, struct disk_run *r)
{
	struct slice bytes;
	uint64_t pos = r->pos;

	int err = run_read(d, r, &bytes);
	if (err) {
		return err;
	}
	r->pos += HEADER_SIZE + bytes.len;
	if (r->pos < r->end) {
		err = run_read(d, r, &bytes);
	}
	if (err) {
		r->pos = pos;
	}
	return err;
}

static bool heap_before(struct disk_run *const *heap, size_t a, size_t b)
{
	return sort_entry_before(heap[a]->head, heap[b]->head);
}

static void heap_sift(struct disk_run **heap, size_t count, size_t i)
{
	for (;;) {
		size_t least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++) {
			least = heap_before(heap, child, least) ? child : least;
		}
		if (least == i) {
			return;
		}
		struct disk_run *swap = heap[i];
		heap[i] = heap[least];
		heap[least] = swap;
		i = least;
	}
}

static void heap_build(struct disk_run **heap, size_t count)
{
	for (size_t i = count / 2; i > 0; i--) {
		heap_sift(heap, count, i - 1);
	}
}

/* What is behind the end is nobody's; where it cannot be cut it only takes space. */
static void cut_file(const struct sort_disk *d)
{
	int failed = ftruncate(d->fd, (off_t)d->end);

	(void)failed;
}

/* Gives the space of a run that left the heap back. */
static void run_drop(struct sort_disk *d, struct disk_run *r)
{
	(void)fallocate(d->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)r->start,
	                (off_t)(r->end - r->start));
	run_free(r);
	if (d->run_count == 0) {
		d->end = 0;
		cut_file(d);
	}
}

static int flush_out(struct sort_disk *d, uint64_t *pos)
{
	int err = write_at(d->fd, d->out, d->out_len, *pos);

	*pos += d->out_len;
	d->out_len = 0;
	return err;
}

/* A run being written at the end of the file. */
struct writer {
	struct sort_disk *d;
	struct disk_run *run;
};

static int write_record(void *user, struct sort_entry e, struct slice record)
{
	struct writer *w = user;
	struct sort_disk *d = w->d;
	uint32_t len = (uint32_t)record.len;

	if (w->run->end == w->run->start && d->out_len == 0) {
		w->run->head = e;
	}
	if (OUT_SIZE - d->out_len < HEADER_SIZE + record.len) {
		int err = flush_out(d, &w->run->end);
		if (err) {
			return err;
		}
	}
	char *p = d->out + d->out_len;
	memcpy(p, &e, sizeof(e));
	memcpy(p + sizeof(e), &len, sizeof(len));
	d->out_len += HEADER_SIZE;
	if (record.len > OUT_SIZE - HEADER_SIZE) {
		int err = flush_out(d, &w->run->end);
		err = err ? err : write_at(d->fd, record.p, record.len, w->run->end);
		w->run->end += record.len;
		return err;
	}
	memcpy(p + HEADER_SIZE, record.p, record.len);
	d->out_len += record.len;
	return OK;
}

/* Room for one more run, an open file and a buffer. */
static int writer_init(struct writer *w, struct sort_disk *d, unsigned level)
{
	if (d->fd < 0) {
		d->fd = open_unlinked(d->folder);
	}
	if (d->fd < 0) {
		return E_IO;
	}
	if (!d->out) {
		d->out = malloc(OUT_SIZE);
	}
	if (d->run_count == d->run_cap) {
		size_t cap = d->run_cap ? 2 * d->run_cap : FAN_IN;
		struct disk_run **heap = realloc(d->heap, cap * sizeof(struct disk_run *));
		d->heap = heap ? heap : d->heap;
		d->run_cap = heap ? cap : d->run_cap;
	}
	struct disk_run *r = calloc(1, sizeof(*r));
	if (!d->out || d->run_count == d->run_cap || !r) {
		free(r);
		return E_NOMEM;
	}
	d->out_len = 0;
	r->start = r->pos = r->end = d->end;
	r->level = level;
	*w = (struct writer){d, r};
	return OK;
}

/* The run is there, or after an error as if it had never been. */
static int writer_end(struct writer *w, int err)
{
	struct sort_disk *d = w->d;

	err = err ? err : flush_out(d, &w->run->end);
	if (err) {
		run_free(w->run);
		cut_file(d);
		return err;
	}
	d->end = w->run->end;
	d->heap[d->run_count++] = w->run;
	heap_build(d->heap, d->run_count);
	return OK;
}

/* The runs of a level, to be read a second time: what they have read so far stays theirs. */
static size_t copy_level(const struct sort_disk *d, unsigned level, struct disk_run *copies,
                         struct disk_run **heap)
{
	size_t count = 0;

	for (size_t i = 0; i < d->run_count; i++) {
		if (d->heap[i]->level == level) {
			copies[count] = *d->heap[i];
			copies[count].block = NULL;
			copies[count].block_cap = 0;
			heap[count] = &copies[count];
			count++;
		}
	}
	return count;
}

static int write_merged(struct writer *w, struct disk_run **heap, size_t count)
{
	heap_build(heap, count);
	while (count > 0) {
		struct disk_run *r = heap[0];
		struct slice bytes;
		int err = run_read(w->d, r, &bytes);
		err = err ? err : write_record(w, r->head, bytes);
		err = err ? err : run_next(w->d, r);
		if (err) {
			return err;
		}
		if (r->pos == r->end) {
			heap[0] = heap[--count];
		}
		heap_sift(heap, count, 0);
	}
	return OK;
}

static void drop_level(struct sort_disk *d, unsigned level)
{
	size_t kept = 0;
	size_t count = d->run_count;

	for (size_t i = 0; i < count; i++) {
		if (d->heap[i]->level == level) {
			run_drop(d, d->heap[i]);
		} else {
			d->heap[kept++] = d->heap[i];
		}
	}
	d->run_count = kept;
	heap_build(d->heap, kept);
}

static size_t count_level(const struct sort_disk *d, unsigned level)
{
	size_t count = 0;

	for (size_t i = 0; i < d->run_count; i++) {
		count += d->heap[i]->level == level;
	}
	return count;
}

/* The FAN_IN runs of a level become one of the next. */
static int merge_level(struct sort_disk *d, unsigned level)
{
	struct disk_run copies[FAN_IN];
	struct disk_run *heap[FAN_IN];
	struct writer w;

	int err = writer_init(&w, d, level + 1);
	if (err) {
		return err;
	}
	size_t count = copy_level(d, level, copies, heap);
	err = writer_end(&w, write_merged(&w, heap, count));
	for (size_t i = 0; i < count; i++) {
		free(copies[i].block);
	}
	if (!err) {
		drop_level(d, level);
	}
	return err;
}

int sort_disk_spill(struct sort_disk *d, struct sort_mem *m)
{
	struct writer w;

	for (unsigned level = 0; count_level(d, level) >= FAN_IN; level++) {
		int err = merge_level(d, level);
		if (err) {
			return err;
		}
	}
	int err = writer_init(&w, d, 0);
	if (err) {
		return err;
	}
	err = writer_end(&w, sort_mem_each(m, write_record, &w));
	if (!err) {
		d->count += m->count;
	}
	return err;
}

const struct sort_entry *sort_disk_least(const struct sort_disk *d)
{
	return d->run_count > 0 ? &d->heap[0]->head : NULL;
}

int sort_disk_record(struct sort_disk *d, struct slice *bytes)
{
	return run_read(d, d->heap[0], bytes);
}

int sort_disk_drop(struct sort_disk *d)
{
	struct disk_run *r = d->heap[0];

	int err = run_next(d, r);
	if (err) {
		return err;
	}
	d->count--;
	if (r->pos == r->end) {
		d->heap[0] = d->heap[--d->run_count];
		run_drop(d, r);
	}
	heap_sift(d->heap, d->run_count, 0);
	return OK;
}
