#include "store/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/err.h"
#include "core/folder.h"

/* ---- losses ---- */

bool log_loss_any(const struct log_loss *l)
{
	return l->count > 0 || l->notes > 0;
}

void log_loss_add(struct log_loss *sum, const struct log_loss *l)
{
	span_add(&sum->span, &l->span);
	sum->count += l->count;
	sum->notes += l->notes;
	sum->why = l->why ? l->why : sum->why;
}

void log_loss_events(struct log_loss *l, const struct log_span *span, const char *why)
{
	log_loss_add(l, &(struct log_loss){.span = *span, .count = span->count, .why = why});
}

void log_loss_note(struct log_loss *l, const char *why)
{
	log_loss_add(l, &(struct log_loss){.notes = 1, .why = why});
}

/* ---- segments ---- */

static void count_error(struct log_writer *w)
{
	w->stats.errors++;
	w->stats.last_errno = errno;
}

static int create_segment(struct log_writer *w, uint64_t first)
{
	char path[PATH_MAX];
	int64_t opened_us = w->wall_us > 0 ? w->wall_us : 0;

	/* The order of names is the order of the log, also when the clock stands or goes back. */
	if (w->before_first == first && opened_us <= w->live.name.opened_us) {
		opened_us = w->live.name.opened_us + 1;
	}
	struct segment_state state = {.span = {0}};
	do {
		segment_name_make(&state.name, first, opened_us++);
		if (!segment_path(w->folder, &state.name, path)) {
			return E_IO;
		}
		w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	} while (w->fd < 0 && errno == EEXIST);
	if (w->fd < 0) {
		return E_IO;
	}
	w->seal = segment_seal(w->options.key, &state.name);
	segment_header_put(&w->unit, &(struct segment_header){
					     .fields = w->options.fields,
					     .key_id = segment_key_id(w->options.key),
					     .first = first,
					     .opened_us = state.name.opened_us,
					     .before_first = w->before_first,
					     .before_last = w->before_last,
					     .seal = w->seal,
				     });
	w->live = state;
	w->sequence = 0;
	w->entries = 0;
	buf_reset(&w->directory);
	(void)folder_sync(w->folder); /* part of the log only when its name is on disk */
	return OK;
}

static bool write_all(struct log_writer *w, const struct buf *bytes)
{
	size_t done = 0;

	while (done < bytes->len) {
		ssize_t put = w->options.write(w->fd, bytes->p + done, bytes->len - done);
		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put <= 0) {
			errno = put == 0 ? ENOSPC : errno;
			return false;
		}
		done += (size_t)put;
	}
	w->live.size += bytes->len;
	w->stats.bytes += bytes->len;
	w->unsynced = true;
	return true;
}

static void set_before(struct log_writer *w, const struct segment_state *s)
{
	w->before_first = s->name.first;
	w->before_last = s->span.count ? s->span.last : UINT64_MAX;
}

/* The file keeps its whole units; without any it goes. */
static void leave_segment(struct log_writer *w)
{
	char path[PATH_MAX];

	if (w->live.size == 0 && segment_path(w->folder, &w->live.name, path)) {
		(void)unlink(path);
	} else {
		set_before(w, &w->live);
		if (segment_states_add(&w->closed, &w->live) != OK) {
			errno = ENOMEM; /* stays on disk until the next start counts it */
			count_error(w);
		}
	}
	(void)close(w->fd);
	w->fd = -1;
	w->unsynced = false;
}

static void abandon_segment(struct log_writer *w)
{
	count_error(w);
	/* Not possible: readers find the cut and name it. */
	int left = ftruncate(w->fd, (off_t)w->live.size);
	(void)left;
	leave_segment(w);
}

void log_writer_sync(struct log_writer *w)
{
	if (w->fd >= 0 && w->unsynced) {
		w->unsynced = false;
		if (w->options.sync(w->fd) != 0) {
			/* What the disk did not take it may have dropped: nothing goes behind it.
			 */
			count_error(w);
			leave_segment(w);
		}
	}
}

static void close_segment(struct log_writer *w)
{
	struct buf *end = &w->payload;
	uint64_t index_at = w->live.size;

	buf_reset(&w->unit);
	buf_reset(end);
	frame_put(&w->unit, w->seal, FRAME_INDEX, w->sequence++, &w->live.span,
	          buf_view(&w->directory));
	le64_put(end, index_at);
	frame_put(&w->unit, w->seal, FRAME_END, w->sequence++, &w->live.span, buf_view(end));
	if (w->unit.failed || w->directory.failed) {
		leave_segment(w); /* readable without its index */
	} else if (!write_all(w, &w->unit)) {
		abandon_segment(w);
	} else {
		log_writer_sync(w);
		if (w->fd >= 0) {
			leave_segment(w);
		}
	}
}

static int64_t hour_of(int64_t time_us)
{
	int64_t rest = time_us % US_PER_HOUR;

	return time_us - (rest < 0 ? rest + US_PER_HOUR : rest);
}

static bool segment_is_over(const struct log_writer *w, const struct log_span *span, size_t size)
{
	bool hour = span->count > 0 && w->newest_us != INSTANT_NONE && w->hour_us != INSTANT_NONE &&
	            hour_of(w->newest_us) > w->hour_us;

	return hour || w->entries == INDEX_ENTRIES_MAX ||
	       w->live.size + size > (uint64_t)CALL_LOG_SEGMENT_MAX;
}

/* ---- units ---- */

/* Opens a segment if need be and puts what was lost at the head of the unit. */
static int unit_begin(struct log_writer *w, uint64_t at, const struct log_span *span, size_t size)
{
	if (span->count > 0 && (w->newest_us == INSTANT_NONE || span->max_us > w->newest_us)) {
		w->newest_us = span->max_us;
	}
	if (w->fd >= 0 && segment_is_over(w, span, size)) {
		close_segment(w);
	}
	buf_reset(&w->unit);
	if (w->fd < 0) {
		uint64_t first = w->lost.count && w->lost.span.first < at ? w->lost.span.first : at;
		int err = create_segment(w, first);
		w->hour_us = INSTANT_NONE;
		if (err) {
			return err;
		}
	}
	if (w->hour_us == INSTANT_NONE && w->newest_us != INSTANT_NONE) {
		w->hour_us = hour_of(w->newest_us);
	}
	if (log_loss_any(&w->lost)) {
		const struct log_loss *l = &w->lost;
		char text[160];
		int len = l->notes ? snprintf(text, sizeof(text), "%s; notes lost: %llu", l->why,
		                              (unsigned long long)l->notes)
		                   : snprintf(text, sizeof(text), "%s", l->why);
		struct log_note gap = {
			.type = LOG_NOTE_GAP,
			.wall_us = w->wall_us,
			.at = l->count ? l->span.first : at,
			.first = l->span.first,
			.last = l->span.last,
			.count = l->count,
			.min_us = l->span.min_us,
			.max_us = l->span.max_us,
			.text = {text, (size_t)len},
		};
		buf_reset(&w->payload);
		note_put(&w->payload, &gap);
		frame_put(&w->unit, w->seal, FRAME_NOTE, w->sequence++,
		          &(struct log_span){.first = gap.at}, buf_view(&w->payload));
	}
	return OK;
}

static bool unit_end(struct log_writer *w)
{
	if (w->unit.failed) {
		errno = ENOMEM;
		abandon_segment(w);
		return false;
	}
	if (!write_all(w, &w->unit)) {
		abandon_segment(w);
		return false;
	}
	w->stats.gaps += log_loss_any(&w->lost);
	w->lost = (struct log_loss){0};
	return true;
}

static const char *const write_failed = "writing failed";

static bool write_block(struct log_writer *w, const struct log_block *block,
                        const struct log_span *span)
{
	const struct log_keys keys = log_block_keys(block);

	buf_reset(&w->block);
	if (log_block_encode(block, &w->block) != OK || w->block.failed) {
		errno = ENOMEM;
		count_error(w);
		return false;
	}
	if (unit_begin(w, span->first, span, w->block.len) != OK) {
		count_error(w);
		return false;
	}
	buf_reset(&w->payload);
	filter_put(&keys, &w->payload);
	w->unit.failed = w->unit.failed || w->payload.failed;
	struct index_entry entry = {
		.offset = w->live.size + w->unit.len,
		.filter_size = (uint32_t)(FRAME_HEADER + w->payload.len),
		.block_size = (uint32_t)(FRAME_HEADER + w->block.len),
		.span = *span,
		.from_us = keys.from_us,
		.to_us = keys.to_us,
	};
	frame_put(&w->unit, w->seal, FRAME_FILTER, w->sequence++, span, buf_view(&w->payload));
	frame_put(&w->unit, w->seal, FRAME_BLOCK, w->sequence++, span, buf_view(&w->block));
	if (!unit_end(w)) {
		return false;
	}
	index_entry_put(&w->directory, &entry);
	w->entries++;
	span_add(&w->live.span, span);
	return true;
}

void log_writer_block(struct log_writer *w, const struct log_block *block)
{
	struct log_span span;

	log_block_span(block, &span);
	if (write_block(w, block, &span)) {
		w->stats.written += span.count;
		w->last_event = span.last;
	} else {
		w->stats.shed += span.count;
		log_loss_events(&w->lost, &span, write_failed);
	}
}

static void write_small(struct log_writer *w, enum frame_type type, uint64_t at,
                        const struct log_note *note)
{
	struct log_span span = {.first = at, .last = at};

	if (unit_begin(w, at, &span, 0) != OK) {
		count_error(w);
		log_loss_note(&w->lost, write_failed);
		return;
	}
	buf_reset(&w->payload);
	if (note) {
		note_put(&w->payload, note);
	}
	frame_put(&w->unit, w->seal, type, w->sequence++, &span, buf_view(&w->payload));
	if (w->payload.failed) {
		w->unit.failed = true;
	}
	if (!unit_end(w)) {
		log_loss_note(&w->lost, write_failed);
	}
}

void log_writer_note(struct log_writer *w, const struct log_note *note)
{
	w->wall_us = note->wall_us > w->wall_us ? note->wall_us : w->wall_us;
	write_small(w, FRAME_NOTE, note->at, note);
}

void log_writer_cut(struct log_writer *w, uint64_t number)
{
	write_small(w, FRAME_CUT, number, NULL);
}

void log_writer_settle(struct log_writer *w)
{
	if (!log_loss_any(&w->lost)) {
		return;
	}
	struct log_span none = {0};
	uint64_t at = w->lost.count ? w->lost.span.first : w->last_event + 1;
	if (unit_begin(w, at, &none, 0) != OK) {
		count_error(w);
	} else {
		(void)unit_end(w);
	}
}

void log_writer_gap(struct log_writer *w, const struct log_loss *loss)
{
	log_loss_add(&w->lost, loss);
	log_writer_settle(w);
}

void log_writer_retain(struct log_writer *w)
{
	/* One event of a far future must not take the log away: time is believed up to a day ahead
	 * of the clock.
	 */
	int64_t newest = w->newest_us;
	if (newest != INSTANT_NONE && newest > w->wall_us + US_PER_DAY) {
		newest = w->wall_us + US_PER_DAY;
	}
	int64_t before = newest == INSTANT_NONE ? INSTANT_NONE : newest - w->options.retention_us;
	w->stats.segments_removed += segment_states_retain(
		&w->closed, w->folder, before, w->options.size_max, w->fd >= 0 ? w->live.size : 0);
}

/* ---- life ---- */

static int make_folder(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST ? OK : E_IO;
}

/* A lock of the process (POSIX): it ends with it, however it ends, and a child does not have it. */
static int lock_folder(struct log_writer *w, const char **why)
{
	char path[PATH_MAX];
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (snprintf(path, sizeof(path), "%s/lock", w->folder) >= (int)sizeof(path)) {
		*why = "too long a path";
		return E_IO;
	}
	w->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->lock < 0) {
		*why = strerror(errno);
		return E_IO;
	}
	if (fcntl(w->lock, F_SETLK, &whole) != 0) {
		*why = errno == EACCES || errno == EAGAIN ? "another process writes there"
		                                          : strerror(errno);
		return E_IO;
	}
	return OK;
}

static ssize_t plain_write(int fd, const void *bytes, size_t len)
{
	return write(fd, bytes, len);
}

static int plain_sync(int fd)
{
	return fdatasync(fd);
}

/* What the folder holds is where the log goes on. */
static void continue_behind(struct log_writer *w)
{
	for (size_t i = 0; i < w->closed.count; i++) {
		const struct segment_state *s = &w->closed.v[i];
		set_before(w, s);
		w->live.name = s->name;
		if (s->span.count == 0) {
			continue;
		}
		if (w->last_event == UINT64_MAX || s->span.last > w->last_event) {
			w->last_event = s->span.last;
		}
		if (w->newest_us == INSTANT_NONE || s->span.max_us > w->newest_us) {
			w->newest_us = s->span.max_us;
		}
	}
}

static void free_parts(struct log_writer *w)
{
	if (w->lock >= 0) {
		(void)close(w->lock);
	}
	segment_states_fini(&w->closed);
	buf_fini(&w->block);
	buf_fini(&w->payload);
	buf_fini(&w->unit);
	buf_fini(&w->directory);
	free(w->folder);
}

int log_writer_open(struct log_writer *w, const struct call_log_options *options, const char **why)
{
	*w = (struct log_writer){.options = *options,
	                         .lock = -1,
	                         .fd = -1,
	                         .newest_us = INSTANT_NONE,
	                         .hour_us = INSTANT_NONE,
	                         .last_event = UINT64_MAX,
	                         .before_first = UINT64_MAX,
	                         .before_last = UINT64_MAX};
	w->options.write = options->write ? options->write : plain_write;
	w->options.sync = options->sync ? options->sync : plain_sync;
	w->folder = strdup(options->path);
	w->options.path = w->folder;
	int err = w->folder ? OK : E_NOMEM;
	*why = err_text(E_NOMEM);
	if (!err && make_folder(w->folder)) {
		*why = strerror(errno);
		err = E_IO;
	}
	err = err ? err : lock_folder(w, why);
	if (!err) {
		err = segment_states_read(w->folder, &w->closed);
		*why = err == E_NOMEM ? err_text(err) : strerror(errno);
	}
	if (err) {
		free_parts(w);
		return err;
	}
	continue_behind(w);
	return OK;
}

void log_writer_close(struct log_writer *w)
{
	log_writer_settle(w);
	if (w->fd >= 0) {
		close_segment(w);
	}
	free_parts(w);
}
