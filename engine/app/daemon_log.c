/* The call log of a running daemon, and the journal beside it: what a replay needs to be the same
 * run again.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/daemon_parts.h"
#include "core/err.h"
#include "core/log.h"
#include "sinks/hold.h"

enum { SETTLE_MS = 10 };
#define HOLD_US (2 * US_PER_S) /* longer than that no alert waits for a disk that stands still */

void daemon_state_path(const struct daemon *d, const char *name, char out[CONFIG_PATH])
{
	(void)snprintf(out, CONFIG_PATH, "%s/%s", d->config->state, name);
}

/* Writes an action down with the files of the present site. */
static int note_action(struct daemon *d, struct journal_entry *e)
{
	char archive[CONFIG_PATH], journal[CONFIG_PATH];
	struct site_record record = {0};
	const char *why = "";
	int err = OK;

	daemon_state_path(d, SITE_ARCHIVE_FOLDER, archive);
	daemon_state_path(d, JOURNAL_FILE, journal);
	e->time_us = daemon_wall_us();
	if (e->action != JOURNAL_STOP) {
		err = site_archive_keep(d->site, archive, &record, &why);
		e->rules = d->site->rules->digest;
		e->files = record.files;
		e->file_count = record.count;
	}
	if (err) {
		log_err("journal", "cannot keep a copy: %s", why);
	} else {
		err = journal_append(journal, e);
		if (err) {
			log_err("journal", "cannot be written: %s", err_text(err));
		}
	}
	site_record_fini(&record);
	return err;
}

static void note_in_log(struct daemon *d, enum log_note_type type)
{
	const struct log_note note = {.type = type,
	                              .wall_us = daemon_wall_us(),
	                              .at = pipeline_next_event(d->pipeline),
	                              .text = SLICE_LIT("")};

	call_log_note(d->call_log, &note);
}

/* What the files that end are: they are read on only when they are still the same. */
static uint64_t identity_of_inputs(const struct daemon *d)
{
	uint64_t identity = d->inputs.count;

	for (size_t i = 0; i < d->inputs.count; i++) {
		struct stat st = {0};
		(void)stat(d->inputs.names[i], &st);
		uint64_t parts[] = {identity, hash_slice(&d->key, slice_of(d->inputs.names[i])),
		                    (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
		                    (uint64_t)st.st_mtim.tv_nsec};
		identity = hash64(&d->key, parts, sizeof(parts));
	}
	return identity & INT64_MAX; /* it travels as a JSON integer */
}

bool daemon_log_open(struct daemon *d)
{
	char path[CONFIG_PATH];
	struct call_log_options options;
	const char *why;

	if (!config_log(d->config, path, &options)) {
		return true;
	}
	d->inputs_identity = identity_of_inputs(d);
	options.key = &d->key;
	if (call_log_open(&options, &d->call_log, &why) != OK) {
		return daemon_fail(d, "log", why);
	}
	d->hold = sink_hold_open(d->sinks, d->sink_count);
	d->ids = log_ids_new(path, &d->key);
	if (!d->hold || !d->ids) {
		return daemon_fail(d, "log", "no memory");
	}
	log_info("log", "open path=\"%s\" next_event=%llu", path,
	         (unsigned long long)call_log_next_event(d->call_log));
	return true;
}

bool daemon_log_start(struct daemon *d)
{
	if (!d->call_log) {
		return true;
	}
	struct journal_entry e = {.action = JOURNAL_START,
	                          .at = call_log_next_event(d->call_log),
	                          .since_us = call_log_last_time(d->call_log),
	                          .cold = d->live_count > 0,
	                          .resumed = d->resumed,
	                          .inputs = d->inputs_identity,
	                          .source_count = d->name_count};
	if (d->inputs_skip == 0) {
		daemon_resume_alerts(d);
	}
	e.alert = pipeline_next_alert(d->pipeline);
	memcpy(e.sources, d->names, d->name_count * sizeof(d->names[0]));
	if (note_action(d, &e) != OK) {
		return daemon_fail(d, "journal", "the state folder cannot be written");
	}
	note_in_log(d, LOG_NOTE_START);
	daemon_notes_start(d);
	return true;
}

void daemon_log_reload(struct daemon *d)
{
	if (d->call_log) {
		struct journal_entry e = {.action = JOURNAL_RELOAD,
		                          .since_us = INSTANT_NONE,
		                          .at = pipeline_next_event(d->pipeline)};
		if (d->asked.by[0]) {
			e.by = d->asked.by;
			e.why = d->asked.why;
			e.peer = d->asked.peer;
		}
		(void)note_action(d, &e);
	}
}

static bool has_written(struct daemon *d, uint64_t events)
{
	struct call_log_stats stats;

	call_log_stats(d->call_log, &stats);
	return stats.written + stats.shed >= events;
}

static uint64_t events_taken(struct daemon *d)
{
	struct call_log_stats stats;

	call_log_stats(d->call_log, &stats);
	return stats.events;
}

/* One mark at a time: what is raised meanwhile waits for the next. */
static void release_alerts(struct daemon *d)
{
	int64_t now_us = daemon_mono_us();

	if (!has_written(d, d->hold_events) && now_us - d->hold_us < HOLD_US) {
		return;
	}
	sink_hold_release(d->hold, d->hold_mark);
	if (sink_hold_mark(d->hold) > d->hold_mark) {
		d->hold_mark = sink_hold_mark(d->hold);
		d->hold_events = events_taken(d);
		d->hold_us = now_us;
		call_log_hand_on(d->call_log);
	}
}

bool daemon_log_settle(struct daemon *d)
{
	uint64_t mark = sink_hold_mark(d->hold);
	uint64_t events = events_taken(d);

	call_log_hand_on(d->call_log);
	for (int i = 0; i < SETTLE_MS && !has_written(d, events); i++) {
		(void)usleep(1000);
	}
	if (!has_written(d, events)) {
		return false;
	}
	sink_hold_release(d->hold, mark);
	return true;
}

void daemon_log_tick(struct daemon *d)
{
	if (d->call_log) {
		call_log_tick(d->call_log, daemon_wall_us());
		release_alerts(d);
	}
}

void daemon_log_stop(struct daemon *d)
{
	struct call_log_stats stats;

	if (!d->call_log || !d->pipeline) {
		return;
	}
	note_in_log(d, LOG_NOTE_STOP);
	call_log_flush(d->call_log);
	sink_hold_release(d->hold, sink_hold_mark(d->hold));
	call_log_stats(d->call_log, &stats);
	log_info("log", "closed events=%llu written=%llu shed=%llu gaps=%llu bytes=%llu",
	         (unsigned long long)stats.events, (unsigned long long)stats.written,
	         (unsigned long long)stats.shed, (unsigned long long)stats.gaps,
	         (unsigned long long)stats.bytes);
	struct journal_entry e = {.action = JOURNAL_STOP,
	                          .since_us = INSTANT_NONE,
	                          .at = pipeline_next_event(d->pipeline)};
	(void)note_action(d, &e);
}
