/* The call log: every event that went into detection, in its order, with what else the result
 * depended on, in hourly segments that can be searched and replayed.
 *
 * Writing. call_log_event copies the event into the open block and returns; a thread of the log
 * compresses and writes full blocks. It never makes the caller wait: when CALL_LOG_QUEUE blocks are
 * still unwritten (a slow or full disk), events are shed and counted, and the next block that is
 * written is preceded by a gap record with the numbers and times shed. After a write error the
 * segment is left as it is (its whole blocks stay readable) and the next block tries a new one.
 *
 *	call_log_open(&options, &log, &why);
 *	call_log_event(log, number, &event) ... call_log_cut(log);   in order, one thread
 *	call_log_note(log, &note);                                   a control action, at its place
 *	call_log_tick(log, wall_us);                                 now and then
 *	call_log_close(log);                                         writes everything
 *
 * Files: PATH/<first event number, 20 digits>-<time opened, us>.calls, mode 0600 in a folder 0700.
 * A segment is a header, frames, and at its end an index (log_segment.h); one without index (still
 * written, or killed) is read by walking its frames. A frame is: magic, type, sequence, length,
 * span, CRC-32C of payload and of header (RFC 3720 B.4). A new segment begins when the newest event
 * time enters another hour, or at CALL_LOG_SEGMENT_MAX bytes, never because a time went back.
 *
 * Retention: whole segments, oldest first, that lie wholly before newest event time - retention, or
 * while the folder is over its size; never the one being written, nor one that a file PATH/holds
 * names (a line a hold: FROM..TO in RFC 3339 without blanks, then text; # a comment; a line that is
 * not understood holds everything). The newest event time is believed up to a day ahead of the
 * clock that ticks tell: one event of a far future does not take the log away.
 */
#ifndef ENGINE_STORE_CALL_LOG_H
#define ENGINE_STORE_CALL_LOG_H

#include <sys/types.h>

#include "core/hash.h"
#include "store/log_block.h"

enum { CALL_LOG_QUEUE = 16, CALL_LOG_SEGMENT_MAX = 1 << 30 };

struct call_log_options {
	const char *path;           /* folder; made when it is not there */
	const struct hash_key *key; /* its identity is written into each segment */
	log_fields fields;
	int64_t retention_us; /* of event time; at least an hour */
	uint64_t size_max;    /* bytes of the folder; 0: no limit */
	/* Faults of tests: NULL, or what to call in place of write(2) and fdatasync(2). */
	ssize_t (*write)(int fd, const void *bytes, size_t len);
	int (*sync)(int fd);
};

/* What stands between events: replays apply it at the same place. */
enum log_note_type {
	LOG_NOTE_START =
		1,     /* a run begins; before it nothing is known since the last event: downtime */
	LOG_NOTE_STOP, /* a run ended in order */
	LOG_NOTE_RULES,  /* rules, lists and tables from here on: text is JSON (rules digest, lists)
	                  */
	LOG_NOTE_GAP,    /* events first..last (count of them) were shed; text says why */
	LOG_NOTE_SOURCE, /* a source fell silent or came back; text is JSON */
	LOG_NOTE_CLOCK, /* how far the clock of the day can be trusted, steps of it; text is JSON */
	LOG_NOTE_ADVANCE, /* event time went on without events; text: to when, empty: the input
	                     ended */
	LOG_NOTE_TYPE_COUNT
};

struct log_note {
	enum log_note_type type;
	int64_t wall_us;             /* clock of the day */
	uint64_t at;                 /* number of the next event */
	uint64_t first, last, count; /* GAP */
	int64_t min_us, max_us;      /* GAP: event times */
	struct slice text;           /* at most 64 KiB */
};

struct call_log_stats {
	uint64_t events;  /* taken; = written + shed + waiting */
	uint64_t written; /* in blocks that are on disk (write returned, synced with the next tick)
	                   */
	uint64_t shed;
	uint64_t gaps;
	uint64_t bytes; /* written by this run */
	uint64_t segments_removed;
	uint64_t errors; /* of write or sync */
	int last_errno;
};

struct call_log;

/* Continues behind what the folder holds: next_event is one more than the last number there (0 when
 * empty), last_us the newest event time there (INSTANT_NONE). A broken tail of the newest segment
 * is left alone, the log goes on in a new segment. E_IO, E_NOMEM and *why.
 */
int call_log_open(const struct call_log_options *options, struct call_log **log, const char **why);
uint64_t call_log_next_event(const struct call_log *log);
int64_t call_log_last_time(const struct call_log *log);

void call_log_event(struct call_log *log, uint64_t number, const struct event *e);
void call_log_cut(struct call_log *log);
void call_log_note(struct call_log *log, const struct log_note *note);
/* Hands a part-filled block on when an earlier tick, a second or more ago, saw it so; once a second
 * syncs and applies retention.
 */
void call_log_tick(struct call_log *log, int64_t wall_us);
/* Hands the open block on now: its events are written, or counted as shed, soon. */
void call_log_hand_on(struct call_log *log);
/* Everything taken is on disk when it returns (or counted as shed). */
void call_log_flush(struct call_log *log);
void call_log_stats(struct call_log *log, struct call_log_stats *out); /* any thread */
void call_log_close(struct call_log *log);                             /* flush, index, free */

#endif
