/* state/journal.ndjson: what was done to a running engine, one JSON object a line, so that a replay
 * of the call log can do it again at the same event:
 *
 *	{"at":0,"time":"2026-11-23T10:00:00.000Z","action":"start","since":null,
 *	 "cold":true,"sources":["eth0"],"rules":"b2:..","files":[{"role":"rules","name":"0/a.yaml","digest":"b2:.."}]}
 *	{"at":81220,"time":..,"action":"reload","rules":..,"files":[..]}
 *	{"at":90002,"time":..,"action":"stop"}
 *
 * A reload that somebody asked for by the control socket says "by", "why" and "peer", too.
 *
 * at: number of the first event behind it. A start that follows a kill may have a smaller number
 * than an action before it, whose events were lost with the kill: that action is void.
 */
#ifndef ENGINE_APP_JOURNAL_H
#define ENGINE_APP_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/slice.h"

enum { JOURNAL_SOURCES_MAX = 64 };

#define JOURNAL_FILE "journal.ndjson" /* in the state folder */

enum journal_action { JOURNAL_NONE = 0, JOURNAL_START, JOURNAL_RELOAD, JOURNAL_STOP };

/* A file that rules and tables were loaded from (app/site_archive.h). */
struct journal_file {
	const char *role;   /* "rules", "list", "trunks", "subscribers" */
	const char *name;   /* of rules: where below their roots; of a list: its name */
	const char *digest; /* of its content; "" when no copy may be kept (a secret list) */
};

struct journal_entry {
	enum journal_action action;
	uint64_t at;
	int64_t time_us;
	int64_t since_us; /* START: newest event time before it: from there on nothing was seen; or
	                     INSTANT_NONE */
	bool resumed;     /* START: detection goes on from a snapshot, or from the log */
	uint64_t alert;   /* START: number of the next alert */
	uint64_t inputs;  /* START: what the files that end were */
	bool cold;        /* START: detection began without a past */
	const char *sources[JOURNAL_SOURCES_MAX]; /* START: by number of the event's source */
	size_t source_count;
	const char *rules; /* START, RELOAD: digest of the rule set */
	const char *by, *why,
		*peer; /* RELOAD: who asked for it and why; NULL: a signal. Written only */
	const struct journal_file *files;
	size_t file_count;
};

/* Appends a line and makes it durable before it returns. E_IO, E_NOMEM. */
int journal_append(const char *path, const struct journal_entry *e);

struct journal {
	struct arena arena;
	struct journal_entry *entries; /* void ones left out; in the order of `at` */
	size_t count;
	size_t bad; /* lines that are no entry of this kind */
};

/* A journal that is not there is an empty one. E_IO, E_NOMEM. */
int journal_read(const char *path, struct journal *out);
void journal_fini(struct journal *j);

#endif
