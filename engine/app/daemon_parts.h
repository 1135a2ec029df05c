/* What the parts of the daemon share: its state, and who does what. Only
 * app/daemon*.c include this.
 *
 *	daemon.c       the loop: signals, timer, reading files, the end
 *	daemon_open.c  everything that is opened before, and closed after
 *	daemon_log.c   the call log and its journal
 *	daemon_notes.c the circumstances of a run, into the call log
 *	daemon_resume.c snapshots, and going on from them
 *	daemon_page.c  /metrics
 *	daemon_control.c what the control socket answers
 */
#ifndef ENGINE_APP_DAEMON_PARTS_H
#define ENGINE_APP_DAEMON_PARTS_H

#include "app/config.h"
#include "app/control.h"
#include "app/key_file.h"
#include "app/live.h"
#include "app/merge.h"
#include "app/metrics.h"
#include "app/privileges.h"
#include "app/reload.h"
#include "app/replay.h"
#include "app/site_archive.h"

enum { DAEMON_PATH_TEXT = 4096, DAEMON_PASSWORD_MAX = 1024, DAEMON_SIGNALS = 3 };

/* Who asked for the reload that is under way. */
struct daemon_asked {
	char by[CONTROL_BY_MAX + 1]; /* "": a signal */
	char why[CONTROL_WHY_MAX + 1];
	char peer[CONTROL_PEER_TEXT];
};

struct daemon {
	const struct config *config;
	bool exit_when_done;
	int status;
	bool stopping;
	bool pushed; /* something waits in the present batch */
	int64_t started_us;

	struct run_as as;
	char key_path[DAEMON_PATH_TEXT];
	char password[DAEMON_PASSWORD_MAX];
	struct hash_key key;
	struct rejects rejects;
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_signal *signals[DAEMON_SIGNALS];

	struct site_options site_options;
	struct site *site;
	struct site *first; /* the pipeline keeps the address of its key */
	struct reload *reload;
	uint64_t reloads;
	uint64_t reloads_failed;
	uint64_t reloads_asked; /* done, failed, or under way */
	struct daemon_asked asked;
	struct detector_restore restore; /* of the last reload */

	const struct config_source *live_sources[PIPELINE_SOURCES_MAX];
	size_t live_count;
	struct replay_inputs inputs; /* files that end */
	struct merge *merge;         /* NULL: none, or all read */
	uint64_t inputs_read;        /* events taken from them, by runs before, too */
	uint64_t inputs_skip;        /* of these: still to be passed over */
	uint64_t inputs_identity;    /* what they are: with a call log */
	bool resumed;
	pid_t snapshot; /* a child that writes one; 0: none */
	int64_t snapshot_us;
	uint64_t snapshots;
	uint64_t snapshots_failed;
	struct intake *intake;
	struct live *live;
	const char *names[PIPELINE_SOURCES_MAX];
	size_t name_count;

	struct sink *sinks[PIPELINE_SINKS_MAX];
	size_t sink_count;
	struct sink *file_sink;
	struct sink *redis_sink;
	struct sink *hold; /* before the others, with a call log (sinks/hold.h); else NULL */
	uint64_t hold_mark, hold_events; /* released once the log has so many events */
	int64_t hold_us;                 /* since when */
	struct call_log *call_log;       /* NULL: none is kept */
	struct log_ids *ids;             /* what it says of events that memory lost */
	uint64_t quiet_event;            /* number of the next event when a quiet time began */
	int64_t quiet_us;                /* by the clock that never goes back */
	int64_t noted_us;                /* when circumstances were looked at (daemon_notes.c) */
	int64_t clock_apart_us;          /* clock of the day less the one that never goes back */
	bool clock_synchronised;
	bool silent[PIPELINE_SOURCES_MAX];
	struct pipeline *pipeline;
	struct loop_http *http;
	struct control *control;
};

/* Logs why it cannot start and sets the status. False. */
bool daemon_fail(struct daemon *d, const char *component, const char *why);

/* Sources, sinks and pipeline, in the order that giving up privileges asks for. The loop is there
 * already. False after daemon_fail.
 */
bool daemon_open(struct daemon *d);
/* All but the loop and what stands on it; also after daemon_open failed. */
void daemon_close(struct daemon *d);

/* A file or folder of the state folder. */
void daemon_state_path(const struct daemon *d, const char *name, char out[CONFIG_PATH]);

/* daemon_log.c; all but open do nothing without a `log` in the configuration. */
bool daemon_log_open(struct daemon *d);
bool daemon_log_start(struct daemon *d);  /* behind the pipeline: the journal says what begins */
void daemon_log_reload(struct daemon *d); /* the new site is in force */
void daemon_log_tick(struct daemon *d);
/* Every alert raised until now goes out when its events are written. False: not yet, after 10 ms.
 */
bool daemon_log_settle(struct daemon *d);
void daemon_log_stop(struct daemon *d); /* everything is in the pipeline */

/* daemon_quiet.c: event time goes on although no event comes: absences are due, what rules do to
 * others takes effect. Noted in the call log, so that a replay does the same.
 */
void daemon_quiet_tick(struct daemon *d, int64_t mono_us);
void daemon_quiet_end(struct daemon *d); /* the inputs have ended for good */

/* daemon_notes.c; nothing without a call log. */
void daemon_notes_start(struct daemon *d);
void daemon_notes_tick(struct daemon *d, int64_t mono_us);

/* daemon_resume.c; all do nothing without `snapshots` in the configuration. */
bool daemon_resume(struct daemon *d);        /* behind the pipeline, before daemon_log_start */
void daemon_resume_alerts(struct daemon *d); /* nothing that can be read again is left */
void daemon_snapshot_tick(struct daemon *d, int64_t mono_us);
void daemon_snapshot_stop(struct daemon *d);

/* All counters at this moment. sources: PIPELINE_SOURCES_MAX of the caller's, which m keeps. */
void daemon_gather(struct daemon *d, struct metrics *m, struct metrics_source *sources);
/* daemon_control.c; nothing without `control` in the configuration. Before privileges go. */
bool daemon_control_open(struct daemon *d);

/* Of loop_http. */
bool daemon_page(void *daemon, const char *path, struct buf *body, const char **type);

/* Brings the intake's clock up to date; lets out what may leave it. Of struct live_options. */
void daemon_clock(void *daemon);
void daemon_round(void *daemon);

int64_t daemon_wall_us(void);
int64_t daemon_mono_us(void); /* never goes back */

#endif
