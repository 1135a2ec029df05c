/* Reads the call log back: a range of event time in the order in which it was seen, or single
 * calls. What is damaged is named and stepped over; nothing is invented. Works on a log that is
 * being written, up to its last whole block.
 *
 * Of a range, notes and damage are told that lie between the first and the last block that may hold
 * an event of it; where an end of the range is open, all to that end of the log. The end of a batch
 * is told when an event of it was.
 *
 *	log_reader_open(&options, &r, &why);
 *	while ((kind = log_reader_next(r, &item)) != LOG_ITEM_END) ...
 */
#ifndef ENGINE_STORE_LOG_READER_H
#define ENGINE_STORE_LOG_READER_H

#include "core/hash.h"
#include "store/call_log.h"

enum log_item_kind {
	LOG_ITEM_END = 0,
	LOG_ITEM_EVENT,
	LOG_ITEM_CUT,   /* a batch ended here */
	LOG_ITEM_NOTE,  /* also gaps that the writer recorded */
	LOG_ITEM_DAMAGE /* bytes of a file could not be read: a gap of what lay there */
};

struct log_item {
	enum log_item_kind kind;
	struct event event; /* EVENT; slices live until the next call */
	uint64_t number;
	struct log_note note;  /* NOTE */
	struct slice file;     /* DAMAGE: which segment ... */
	uint64_t offset, size; /* ... where, how many bytes were stepped over */
	const char *why;       /* ... "cut", "checksum", "another key", "another version", ... */
};

struct log_reader_options {
	const char *path;
	const struct hash_key
		*key;           /* NULL: any; else segments of another key are refused by name */
	int64_t from_us, to_us; /* event time, half-open; INSTANT_NONE: open */
	void (*progress)(void *user, uint64_t done, uint64_t total); /* bytes; NULL */
	void *user;
};

struct log_reader;

/* E_IO (no such folder), E_NOMEM; *why. An empty folder is an empty log. */
int log_reader_open(const struct log_reader_options *options, struct log_reader **r,
                    const char **why);
enum log_item_kind log_reader_next(struct log_reader *r, struct log_item *item);
void log_reader_close(struct log_reader *r);

/* Single calls (KIND_CALL), by all of these that are not missing; INSTANT_NONE: open. Numbers are
 * compared by their first 64 digits ("+44 20 ..." and "4420..." alike), one with a letter in it as
 * it stands; a hit is the whole of what was written.
 */
struct log_query {
	struct slice caller, callee, trunk, call_id;
	int64_t from_us, to_us; /* of the call's start or end (its event time), half-open */
	uint64_t limit;         /* calls told at most; counting goes on */
};

/* Calls each(user, item) for the first `limit` hits in log order, and for every damage met. Returns
 * how many calls there are in all (each beyond limit only counted); segments and blocks that the
 * index excludes are not read. E_IO, E_NOMEM < 0.
 */
int64_t log_find(const struct log_reader_options *options, const struct log_query *query,
                 void (*each)(void *user, const struct log_item *item), void *user);

#endif
