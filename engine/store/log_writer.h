/* The call log's side that writes: units of frames into segments, their rotation, sync and
 * retention. Used by the log's thread alone; never waits for anything but the disk.
 *
 * A unit (a block with its filter, a note) is written with one write and is in the segment whole or
 * not at all: after an error the segment is cut back to its last whole unit and left, and what the
 * unit held counts as lost. What was lost is recorded by a gap note before the next unit, in the
 * same write.
 */
#ifndef ENGINE_STORE_LOG_WRITER_H
#define ENGINE_STORE_LOG_WRITER_H

#include "store/log_index.h"
#include "store/log_retention.h"

/* Events, and notes and ends of batches, that are not in the log. */
struct log_loss {
	struct log_span span; /* of the events: numbers and times */
	uint64_t count;       /* more than a span can count */
	uint64_t notes;
	const char *why;
};

bool log_loss_any(const struct log_loss *l);
void log_loss_events(struct log_loss *l, const struct log_span *span, const char *why);
void log_loss_note(struct log_loss *l, const char *why);
void log_loss_add(struct log_loss *sum, const struct log_loss *l);

struct log_writer {
	struct call_log_options options;
	char *folder;                 /* options.path */
	struct segment_states closed; /* all segments but the one being written */
	struct buf block, payload, unit, directory;

	int lock; /* a file of the folder: one process writes a log */
	int fd;   /* -1: none */
	struct segment_state live;
	uint32_t seal; /* of its frames */
	uint32_t sequence, entries;
	int64_t hour_us; /* the hour that the segment belongs to */
	bool unsynced;

	struct log_loss lost; /* not yet recorded */
	int64_t wall_us;      /* clock of the day, as last heard */
	int64_t newest_us;    /* event time */
	uint64_t last_event;  /* UINT64_MAX: none yet */
	/* Of the segment before: number in its name, its last event; UINT64_MAX: none. */
	uint64_t before_first, before_last;
	struct call_log_stats stats; /* but events, and what the caller's side shed */
};

/* Makes the folder, reads what is there. E_IO (also when another process writes there), E_NOMEM and
 * *why; key and functions of options must
 * stay, its path is copied.
 */
int log_writer_open(struct log_writer *w, const struct call_log_options *options, const char **why);
void log_writer_block(struct log_writer *w, const struct log_block *block);
void log_writer_note(struct log_writer *w, const struct log_note *note);
void log_writer_cut(struct log_writer *w, uint64_t number);
void log_writer_gap(struct log_writer *w, const struct log_loss *loss);
void log_writer_sync(struct log_writer *w);
/* Records what is lost and not yet recorded, if the disk lets it. */
void log_writer_settle(struct log_writer *w);
void log_writer_retain(struct log_writer *w);
/* Index, sync, free. */
void log_writer_close(struct log_writer *w);

#endif
