/* One input as a stream of events in time order: what `replay`, `calls`, `inspect` and a daemon
 * with finite sources pull from. A feed hides what is behind it (capture file through packets, SIP
 * and dialogs; call records through the order-restoring buffer).
 *
 *	struct feed *feed;
 *	int err = feed_open(path, &options, &feed);      content decides, never the name
 *	while ((err = feed_next(feed, &event)) == OK) ...  events in time order; E_END at the end
 *	feed_close(feed);
 *
 * Slices of an event are valid until the next call. One thread a feed.
 */
#ifndef ENGINE_APP_FEED_H
#define ENGINE_APP_FEED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/hash.h"
#include "core/stats.h"
#include "core/tz.h"
#include "model/event.h"

enum input_kind { INPUT_UNKNOWN = 0, INPUT_PCAP, INPUT_PCAPNG, INPUT_CDR_CSV, INPUT_CDR_JSON };

struct feed_options {
	const struct hash_key *key;
	const struct tz *tz;  /* of call records without an offset; NULL: UTC */
	bool attempts;        /* a call record also gives an attempt at its start */
	bool caller_from;     /* site: {caller: from} instead of P-Asserted-Identity first */
	int64_t max_idle_us;  /* a dialog without a message for so long has timed out; 0: 4 h */
	bool no_flush;        /* leave open calls out at the end of input */
	size_t memory_max;    /* of the order-restoring buffer before it spills */
	const char *temp_dir; /* NULL: /tmp */
	const char *format;   /* --format: of call records without a known header; NULL */
	FILE *rejects;        /* refused rows with line number and reason; NULL */
	/* Called now and then with bytes read and bytes in all (0: not known); NULL: never. */
	void (*progress)(void *user, uint64_t done, uint64_t total);
	void *user;
	/* Set by `inspect`: counts by method, code and Call-ID, which nothing else needs. */
	bool census;
};

/* SIP census of `inspect --json`. A message counts when its start line can be read, also if it is
 * refused for its headers.
 */
struct feed_census {
	uint64_t messages, requests, responses, call_ids;
	struct method_count {
		char method[32];
		uint64_t count;
	} by_method[64]; /* as the message spells it; the last row collects what has no room:
	                    "other" */
	size_t method_count;
	uint64_t by_code[700];
};

struct feed_stat {
	enum input_kind kind;
	const char *linktype; /* "EN10MB" of a capture, "" else */
	bool truncated;       /* the file ends inside a packet or a row; what came before counts */
	uint64_t packets;     /* of captures */
	uint64_t bytes;       /* captured bytes of packets; bytes of records */
	uint64_t records;     /* rows of call records, the refused ones included */
	int64_t first_us;     /* earliest time in it; INSTANT_NONE when empty */
	int64_t last_us;      /* latest */
	struct stage_count decode;        /* packets or rows in; messages or records out */
	struct stage_count calls;         /* messages in (captures only); see calls/table.h */
	const struct feed_census *census; /* NULL without options.census */
};

struct feed;

/* path "-" is standard input. On failure E_IO, E_UNSUPPORTED (unknown content), E_MALFORMED; a
 * one-line reason for people is in *why (static or inside the feed module, no need to free).
 */
int feed_open(const char *path, const struct feed_options *options, struct feed **feed,
              const char **why);
/* OK, E_END (also where the input is cut short: see feed_stat), E_MALFORMED (damaged from here on),
 * E_IO, E_NOMEM, E_FULL. What came before stays good: the events of damaged input are issued to the
 * last before the error is told.
 */
int feed_next(struct feed *feed, struct event *event);
/* At any time; complete at the end. linktype and census live as long as the feed. */
void feed_stat(const struct feed *feed, struct feed_stat *stat);
void feed_close(struct feed *feed);

#endif
