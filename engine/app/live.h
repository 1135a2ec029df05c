/* The live sources of a configuration: interfaces, files that are followed, sockets that take call
 * records. Each brings its bytes to the intake as events.
 *
 *	struct live *live = live_open(&options, &failed);      opens everything, reads nothing
 *	... give up privileges ...
 *	live_start(live);                                      from now on the loop reads
 *	live_tick(live);                                       every 50 ms: files, silent captures
 *	live_stop(live); live_close(live);
 *
 * After each round of reading options.round is called, which releases what may leave the intake.
 * One thread, that of the loop.
 */
#ifndef ENGINE_APP_LIVE_H
#define ENGINE_APP_LIVE_H

#include "app/config.h"
#include "app/intake.h"
#include "app/rejects.h"
#include "core/loop.h"
#include "core/state.h"
#include "sources/pcap.h"

enum { LIVE_CONNECTIONS_MAX = 256, LIVE_WHY = 320 };

struct live_options {
	const struct config *config;
	const struct config_source *const *sources; /* by index in the intake */
	size_t source_count;
	struct intake *intake;
	struct loop *loop;
	const struct hash_key *key;
	const struct tz *tz;
	struct rejects *rejects;
	void (*clock)(void *user); /* brings the intake's clock up to date */
	void (*round)(void *user);
	void *user;
};

struct live_stat {
	struct stage_count decode;
	struct stage_count calls; /* captures only */
	uint64_t bytes;
	uint64_t open_calls;        /* captures: in flight in the dialog table */
	struct capture_drops drops; /* captures */
	uint64_t connections;       /* open */
	uint64_t connections_taken;
	uint64_t connections_refused; /* one too many, or not call records */
	bool up;
};

struct live;

/* NULL: why says which source failed and how, in one line. */
struct live *live_open(const struct live_options *options, char why[LIVE_WHY]);
void live_start(struct live *live);
void live_tick(struct live *live);
/* What sources go on with after a restart: open calls of captures, how far followed files were
 * read. Load before live_start; after an error (E_INVALID with in->why, E_NOTFOUND, E_NOMEM)
 * sources are as they were opened. Then live_settle with each event that the call log has behind
 * the snapshot: what a source had issued already it does not issue again.
 */
void live_save(const struct live *live, struct state_out *out);
int live_load(struct live *live, struct state_in *in);
void live_reset(struct live *live);
void live_settle(struct live *live, const struct event *event);
/* Reads no further. */
void live_stop(struct live *live);
void live_stat(const struct live *live, size_t source, struct live_stat *out);
void live_close(struct live *live);

#endif
