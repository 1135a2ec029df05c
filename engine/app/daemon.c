#include "app/daemon.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "app/daemon_parts.h"
#include "core/err.h"
#include "core/log.h"

enum {
	TICK_MS = 50,
	EVENTS_A_STEP = 4096, /* of files, between two looks at signals */
	DRAIN_MS = 10000,
};

/* ---- clocks ---- */

static int64_t clock_us(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

int64_t daemon_wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

int64_t daemon_mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

void daemon_clock(void *user)
{
	const struct daemon *d = user;

	intake_clock(d->intake, daemon_wall_us(), daemon_mono_us());
}

void daemon_round(void *user)
{
	struct daemon *d = user;

	(void)intake_release(d->intake);
	if (d->pushed) {
		d->pushed = false;
		pipeline_flush(d->pipeline);
	}
}

/* ---- running ---- */

static void stop(void *user)
{
	struct daemon *d = user;

	d->stopping = true;
	loop_stop(d->loop);
}

static void on_term(void *user)
{
	log_info("daemon", "stopping");
	stop(user);
}

static void on_hup(void *user)
{
	struct daemon *d = user;

	log_info("reload", "requested");
	d->asked = (struct daemon_asked){0};
	d->reloads_asked++;
	reload_request(d->reload);
}

static void on_loaded(void *user, struct site *site)
{
	struct daemon *d = user;
	const char *why = "mistakes in rules or tables";
	struct detector_restore restore = {0};

	if (!site || pipeline_reload(d->pipeline, site, &restore, &why) != OK) {
		d->reloads_failed++;
		log_err("reload", "refused, the old rules stay: %s", why);
		site_free(site);
		return;
	}
	if (d->site != d->first) {
		site_free(d->site);
	}
	d->site = site;
	d->reloads++;
	d->restore = restore;
	daemon_log_reload(d);
	log_info("reload", "done rules=%zu digest=%s kept=%zu new=%zu dropped=%zu",
	         site->rules->rule_count, site->rules->digest, restore.restored, restore.cold,
	         restore.dropped);
}

static void log_inputs(const struct daemon *d)
{
	for (size_t i = 0; i < d->inputs.count; i++) {
		struct feed_stat stat;
		feed_stat(d->inputs.feeds[i], &stat);
		log_info("sources",
		         "read name=\"%s\" in=%llu messages=%llu records=%llu dropped=%llu",
		         d->inputs.names[i], (unsigned long long)stat.decode.in,
		         (unsigned long long)stat.calls.in, (unsigned long long)stat.records,
		         (unsigned long long)(stage_dropped(&stat.decode) +
		                              stage_dropped(&stat.calls)));
		if (stat.truncated) {
			log_warn("sources", "cut off name=\"%s\" why=\"ends inside a record\"",
			         d->inputs.names[i]);
		}
	}
	log_info("sources", "files read count=%zu", d->inputs.count);
}

static void end_inputs(struct daemon *d, int err)
{
	size_t which;

	if (err != E_END) {
		d->status = d->exit_when_done ? EXIT_BAD_INPUT : d->status;
		log_err("sources", "failed name=\"%s\" why=\"%s\"",
		        merge_failed(d->merge, &which) ? d->inputs.names[which] : "",
		        err_text(err));
	}
	merge_free(d->merge);
	d->merge = NULL;
	pipeline_finish(d->pipeline);
	if (err == E_END && d->exit_when_done && d->live_count == 0) {
		daemon_quiet_end(d);
	}
	daemon_resume_alerts(d);
	log_inputs(d);
	if (d->exit_when_done && d->live_count == 0) {
		stop(d);
	} else {
		live_start(d->live);
	}
}

static void read_inputs(void *user)
{
	struct daemon *d = user;
	struct event event;
	int err = OK;

	if (d->stopping) {
		return;
	}
	for (int i = 0; i < EVENTS_A_STEP && err == OK; i++) {
		err = merge_next(d->merge, &event);
		if (err == OK && d->inputs_skip > 0) {
			d->inputs_skip--;
		} else if (err == OK) {
			d->inputs_read++;
			event.source = (uint16_t)(event.source + d->live_count);
			pipeline_push(d->pipeline, &event);
		}
	}
	if (err != OK) {
		end_inputs(d, err);
	} else {
		(void)loop_post(d->loop, read_inputs, d);
	}
}

static void on_tick(void *user)
{
	struct daemon *d = user;

	if (!d->merge) {
		daemon_clock(d);
		live_tick(d->live);
		daemon_round(d);
	}
	daemon_notes_tick(d, daemon_mono_us());
	daemon_quiet_tick(d, daemon_mono_us());
	daemon_log_tick(d);
	if (d->file_sink) {
		(void)d->file_sink->ops->drain(d->file_sink, 0);
	}
	(void)fflush(d->rejects.file);
	daemon_snapshot_tick(d, daemon_mono_us());
}

static bool open_loop(struct daemon *d)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

	(void)signal(SIGPIPE, SIG_IGN);
	d->loop = loop_new();
	for (size_t i = 0; d->loop && i < DAEMON_SIGNALS; i++) {
		d->signals[i] = loop_signal_new(d->loop, numbers[i],
		                                numbers[i] == SIGHUP ? on_hup : on_term, d);
	}
	d->timer = d->loop ? loop_timer_new(d->loop, on_tick, d) : NULL;
	d->reload = d->loop ? reload_new(d->loop, &d->site_options, on_loaded, d) : NULL;
	return (d->timer && d->reload) || daemon_fail(d, "daemon", "no memory");
}

static void close_loop(struct daemon *d)
{
	reload_free(d->reload);
	for (size_t i = 0; i < DAEMON_SIGNALS; i++) {
		loop_signal_free(d->signals[i]);
	}
	loop_timer_free(d->timer);
	if (d->loop) {
		loop_free(d->loop);
	}
}

static void run(struct daemon *d)
{
	log_info("daemon", "started version=%s site=%s engine=%s sources=%zu", RINGFENCE_VERSION,
	         d->config->site, d->config->engine, d->name_count);
	loop_timer_start(d->timer, TICK_MS, true);
	if (d->merge) {
		(void)loop_post(d->loop, read_inputs, d);
	} else {
		live_start(d->live);
	}
	loop_run(d->loop);
	daemon_clock(d);
	live_stop(d->live);
	(void)intake_finish(d->intake);
	pipeline_finish(d->pipeline);
	daemon_log_stop(d);
	daemon_snapshot_stop(d);
}

static void log_totals(const struct daemon *d)
{
	struct pipeline_stats stats;

	pipeline_stats(d->pipeline, &stats);
	log_info("daemon", "processed events=%llu alerts=%llu suppressed=%llu dropped=%llu",
	         (unsigned long long)stats.detect.events, (unsigned long long)stats.sent,
	         (unsigned long long)stats.alerts.suppressed,
	         (unsigned long long)(stage_dropped(&stats.batch) + stage_dropped(&stats.dedupe)));
}

/* Every sink has its time; what it could not deliver is said. */
static void drain(struct daemon *d)
{
	for (size_t i = 0; i < d->sink_count; i++) {
		struct sink *sink = d->sinks[i];
		struct sink_stats stats;
		bool all = sink->ops->drain(sink, DRAIN_MS);
		sink->ops->stats(sink, &stats);
		log_info("sinks", "drained name=%s written=%llu refused=%llu waiting=%llu",
		         sink->ops->name, (unsigned long long)stats.written,
		         (unsigned long long)stats.refused, (unsigned long long)stats.waiting);
		if (!all || stats.refused) {
			log_err("sinks", "alerts lost name=%s", sink->ops->name);
			d->status = d->exit_when_done ? EXIT_BAD_INPUT : d->status;
		}
	}
}

int daemon_run(const struct config *config, bool exit_when_done)
{
	struct daemon *d = calloc(1, sizeof(*d));

	if (!d) {
		return EXIT_INTERNAL;
	}
	d->config = config;
	d->exit_when_done = exit_when_done;
	d->status = EXIT_DONE;
	d->started_us = daemon_wall_us();
	log_clock(daemon_wall_us);
	log_level_set(LOG_INFO);
	if (open_loop(d) && daemon_open(d)) {
		run(d);
		log_totals(d);
		drain(d);
	}
	int status = d->status;
	log_info("daemon", "ended status=%d", status);
	log_flush();
	daemon_close(d);
	close_loop(d);
	free(d);
	return status;
}
