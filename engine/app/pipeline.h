/* From events in order to alerts at the sinks: batches, duplicates out, enrichment, detection.
 *
 *	struct pipeline *p = pipeline_new(&options, &why);
 *	while (event) pipeline_push(p, &event);
 *	pipeline_finish(p);
 *
 * With more than one thread the caller fills and enriches batches while the pipeline's own thread
 * takes the full ones through detection, and takes part in that when its next batch is full: two
 * threads keep two processors busy. One batch is handed over at a time, so memory is bounded and
 * the result is the same as with one thread. Replay and daemon run this same code.
 */
#ifndef ENGINE_APP_PIPELINE_H
#define ENGINE_APP_PIPELINE_H

#include <stdint.h>

#include "alerts/alerts.h"
#include "app/site.h"
#include "core/stats.h"
#include "sinks/sink.h"
#include "store/call_log.h"
#include "store/log_ids.h"

enum { PIPELINE_SINKS_MAX = 4, PIPELINE_SOURCES_MAX = 64 };

struct pipeline_options {
	const struct site *site;
	const char *site_name;   /* "local" */
	const char *engine_name; /* "replay" */
	const char *const *source_names;
	size_t source_count;
	struct sink *sinks[PIPELINE_SINKS_MAX]; /* borrowed */
	size_t sink_count;
	size_t memory;    /* 0: 4 GiB */
	unsigned threads; /* in all, the caller's included */
	bool cold;        /* a live start: see detector_options */
	/* Where every event goes that enters detection, with the ends of batches; borrowed, NULL:
	 * nowhere. Its numbers go on from first_event.
	 */
	struct call_log *log;
	uint64_t first_event;
	/* Where call ids of evidence are read that detection remembers no more, by the numbers of
	 * their events; borrowed, NULL: nowhere. Used by the pipeline's thread alone.
	 */
	struct log_ids *ids;
	bool given_batches; /* batches end where pipeline_flush says, as a log has them */
	/* Sees every finding before suppression, and the alert or NULL; NULL: nobody. From the
	 * pipeline's thread. */
	void (*observe)(void *user, const struct finding *f, const struct alert *alert);
	void *user;
};

/* Alerts sent by one rule. */
struct rule_count {
	struct slice rule;
	uint64_t alerts;
};

struct pipeline_stats {
	struct stage_count batch;
	struct stage_count dedupe; /* events in, events that are not duplicates out */
	struct detector_stats detect;
	struct alerts_stats alerts;
	uint64_t sent;                       /* alerts handed to the sinks */
	uint64_t events_by_kind[KIND_COUNT]; /* [KIND_NONE]: duplicates */
	const struct rule_count *by_rule;    /* rules with alerts, by name; the pipeline's */
	size_t rule_count;
	int64_t first_us, last_us; /* event time; INSTANT_NONE when empty */
};

struct pipeline;

struct pipeline *pipeline_new(const struct pipeline_options *options, const char **why);
void pipeline_free(struct pipeline *p);
/* Events in the total order. */
void pipeline_push(struct pipeline *p, const struct event *event);
/* Number of the event that is pushed next. */
uint64_t pipeline_next_event(const struct pipeline *p);
/* Time of the newest event; INSTANT_NONE: there was none. */
int64_t pipeline_last_time(const struct pipeline *p);
/* Hands over what waits in the present batch (live sources: a quiet moment). */
void pipeline_flush(struct pipeline *p);
/* The same, and waits until every alert is at the sinks. */
void pipeline_finish(struct pipeline *p);
/* The same, and no event before watermark_us is to come: absences that are due fire, what rules do
 * to others takes effect. INT64_MAX: the input has ended.
 */
void pipeline_advance(struct pipeline *p, int64_t watermark_us);
/* When that would do something, at the earliest; INT64_MAX: never. Waits for the pipeline. */
int64_t pipeline_due(struct pipeline *p);
/* Another site (reload) from the next batch on. What the rules in force remember goes over where
 * the new ones look at the same (detector_load says when); *restore, if not NULL, tells how much.
 * The old site may be freed when this returns. E_NOMEM and *why: the old one stays.
 */
int pipeline_reload(struct pipeline *p, const struct site *site, struct detector_restore *restore,
                    const char **why);
/* Begins anew, as another run of the engine did: state, duplicates and alert numbers are new,
 * counts and sinks stay. Of options: site, source names, cold. E_NOMEM and *why: p can only be
 * freed.
 */
int pipeline_restart(struct pipeline *p, const struct pipeline_options *options, const char **why);
/* What a later process goes on with, finished pipeline to new one: duplicates, windows,
 * suppression, alert numbers. pipeline_load: results of detector_load; after an error a p without a
 * past.
 */
void pipeline_save(const struct pipeline *p, struct state_out *out);
int pipeline_load(struct pipeline *p, struct state_in *in, struct detector_restore *restore);
/* From now on events go to log (NULL: nowhere), and batches end by themselves or are given; the
 * present batch must be empty. first_event is the number of the next event.
 */
void pipeline_record(struct pipeline *p, struct call_log *log, bool given_batches,
                     uint64_t first_event);
/* The number that the next alert will have, and a larger one in its place. */
uint64_t pipeline_next_alert(const struct pipeline *p);
void pipeline_skip_alerts(struct pipeline *p, uint64_t next);
/* After pipeline_finish, or a little behind while running. */
void pipeline_stats(struct pipeline *p, struct pipeline_stats *out);

#endif
