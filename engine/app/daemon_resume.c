/* A daemon goes on where the one before it was: the newest whole snapshot, then what the call log
 * holds behind it, then the inputs from where they were read to. And the snapshots for the next
 * one.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/daemon_parts.h"
#include "app/snapshot.h"
#include "core/err.h"
#include "core/log.h"
#include "sinks/hold.h"
#include "sinks/ndjson.h"
#include "store/log_reader.h"

static bool keeps_snapshots(const struct daemon *d)
{
	return d->call_log && d->config->snapshots_every_us;
}

static void snapshot_folder(const struct daemon *d, char out[CONFIG_PATH])
{
	daemon_state_path(d, "snapshots", out);
}

static struct snapshot_parts parts_of(const struct daemon *d)
{
	return (struct snapshot_parts){d->pipeline, d->intake, d->live};
}

/* ---- going on ---- */

static int64_t latest_allowed(const struct daemon *d)
{
	int64_t late_us = 0;

	for (size_t i = 0; i < d->live_count; i++) {
		late_us = d->live_sources[i]->late_us > late_us ? d->live_sources[i]->late_us
		                                                : late_us;
	}
	return late_us;
}

static void tell_damage(const struct log_item *item)
{
	if (item->kind == LOG_ITEM_DAMAGE) {
		log_warn("resume",
		         "call log damaged file=\"%.*s\" offset=%llu bytes=%llu why=\"%s\"",
		         SLICE_FMT(item->file), (unsigned long long)item->offset,
		         (unsigned long long)item->size, item->why);
	}
}

/* What came from a live source is not to come from there again. */
static void settle(struct daemon *d, const struct event *event)
{
	if (event->source < d->live_count) {
		intake_settle(d->intake, event);
		live_settle(d->live, event);
	}
}

/* The events of the log behind the begin that info tells, in the batches that they came in. */
static int read_log(struct daemon *d, struct snapshot_info *info, int64_t last_us)
{
	char path[CONFIG_PATH];
	struct call_log_options log;
	struct log_reader *reader;
	struct log_item item;
	uint64_t events = 0;
	const char *why;

	(void)config_log(d->config, path, &log);
	const struct log_reader_options options = {
		.path = path,
		.key = &d->key,
		.from_us = last_us == INSTANT_NONE ? INSTANT_NONE : last_us - latest_allowed(d),
		.to_us = INSTANT_NONE,
	};
	int err = log_reader_open(&options, &reader, &why);
	if (err) {
		log_err("resume", "the call log cannot be read: %s", why);
		return err;
	}
	pipeline_record(d->pipeline, NULL, true, info->event);
	while (log_reader_next(reader, &item) != LOG_ITEM_END) {
		if (item.kind == LOG_ITEM_EVENT && item.number >= info->event) {
			pipeline_push(d->pipeline, &item.event);
			settle(d, &item.event);
			info->inputs_read += item.event.source >= d->live_count;
			events++;
		} else if (item.kind == LOG_ITEM_CUT) {
			pipeline_flush(d->pipeline);
			sink_hold_release(d->hold,
			                  sink_hold_mark(d->hold)); /* of events on record */
		}
		tell_damage(&item);
	}
	log_reader_close(reader);
	pipeline_finish(d->pipeline);
	sink_hold_release(d->hold, sink_hold_mark(d->hold));
	log_info("resume", "read from the call log events=%llu", (unsigned long long)events);
	return OK;
}

static bool same_sources(const struct daemon *d, const struct journal_entry *e)
{
	bool same = e->source_count == d->name_count;

	for (size_t i = 0; same && i < d->name_count; i++) {
		same = strcmp(e->sources[i], d->names[i]) == 0;
	}
	return same;
}

/* The last start, or the last at which detection began without going on from another run. */
static const struct journal_entry *last_start(const struct journal *j, bool anew)
{
	for (size_t i = j->count; i-- > 0;) {
		const struct journal_entry *e = &j->entries[i];
		if (e->action == JOURNAL_START && !(anew && e->resumed)) {
			return e;
		}
	}
	return NULL;
}

/* Without a snapshot everything since then is gone through again. */
static bool from_begin(const struct journal *j, struct snapshot_info *info, int64_t *last_us)
{
	const struct journal_entry *start = last_start(j, true);

	if (!start) {
		return false;
	}
	log_warn("resume", "no snapshot: the call log is read from event %llu on",
	         (unsigned long long)start->at);
	*info = (struct snapshot_info){.event = start->at, .inputs = start->inputs};
	*last_us = start->since_us;
	return true;
}

/* What to go on from; *last_us is the newest event time behind it. */
static bool find_begin(struct daemon *d, const struct journal *j, struct snapshot_info *info,
                       int64_t *last_us)
{
	const struct snapshot_parts parts = parts_of(d);
	struct detector_restore restore = {0};
	char folder[CONFIG_PATH];

	snapshot_folder(d, folder);
	int err = snapshot_restore(folder, &parts, &d->key, call_log_next_event(d->call_log), info,
	                           &restore);
	if (err == OK) {
		log_info("resume", "snapshot event=%llu groups=%zu cold=%zu",
		         (unsigned long long)info->event, restore.restored, restore.cold);
		*last_us = pipeline_last_time(d->pipeline);
		return true;
	}
	return from_begin(j, info, last_us);
}

static int go_on(struct daemon *d, struct snapshot_info *info, int64_t last_us)
{
	if (d->file_sink && sink_ndjson_resume(d->file_sink, d->config->alerts_file) != OK) {
		log_warn("resume", "the alerts' file cannot be read: alerts may be written twice");
	}
	int err = read_log(d, info, last_us);
	pipeline_record(d->pipeline, d->call_log, false, call_log_next_event(d->call_log));
	if (err) {
		return err;
	}
	d->resumed = true;
	if (d->inputs.count > 0 && info->inputs == d->inputs_identity) {
		d->inputs_skip = info->inputs_read;
		d->inputs_read = info->inputs_read;
	} else if (d->inputs.count > 0) {
		log_warn("resume", "the files are not the same: read from their begin");
	}
	return OK;
}

bool daemon_resume(struct daemon *d)
{
	char path[CONFIG_PATH];
	struct journal journal;
	struct snapshot_info info;
	int64_t last_us;
	bool good = true;

	if (!keeps_snapshots(d)) {
		return true;
	}
	daemon_state_path(d, JOURNAL_FILE, path);
	if (journal_read(path, &journal) != OK) {
		journal_fini(&journal);
		return daemon_fail(d, "journal", "cannot be read");
	}
	const struct journal_entry *start = last_start(&journal, false);
	if (start && !same_sources(d, start)) {
		log_warn("resume", "other sources than before: detection starts cold");
	} else if (start && find_begin(d, &journal, &info, &last_us)) {
		good = go_on(d, &info, last_us) == OK ||
		       daemon_fail(d, "resume", "no memory, or no disk");
	}
	journal_fini(&journal);
	return good;
}

/* Numbers that the alerts' file has already, of events that the log has not. */
void daemon_resume_alerts(struct daemon *d)
{
	if (d->resumed && d->file_sink) {
		pipeline_skip_alerts(d->pipeline, sink_ndjson_last(d->file_sink) + 1);
	}
}

/* ---- for the next one ---- */

static struct snapshot_info info_of(const struct daemon *d)
{
	return (struct snapshot_info){.event = pipeline_next_event(d->pipeline),
	                              .inputs_read = d->inputs_read,
	                              .inputs = d->inputs_identity};
}

void daemon_snapshot_tick(struct daemon *d, int64_t mono_us)
{
	char folder[CONFIG_PATH];
	bool good;

	if (!keeps_snapshots(d)) {
		return;
	}
	if (d->snapshot > 0) {
		if (snapshot_ended(d->snapshot, &good)) {
			d->snapshot = 0;
			d->snapshots += good;
			d->snapshots_failed += !good;
			if (!good) {
				log_err("snapshots", "could not be written");
			}
		}
		return;
	}
	if (mono_us - d->snapshot_us < d->config->snapshots_every_us) {
		return;
	}
	snapshot_folder(d, folder);
	pipeline_finish(d->pipeline);
	int64_t paused_us = daemon_mono_us();
	if (!daemon_log_settle(d)) {
		return; /* the disk is busy: at the next tick */
	}
	d->snapshot_us = mono_us;
	if (d->file_sink) {
		/* Alerts of what the snapshot counts as past are not raised again. */
		(void)d->file_sink->ops->drain(d->file_sink, 0);
	}
	const struct snapshot_parts parts = parts_of(d);
	const struct snapshot_info info = info_of(d);
	d->snapshot = snapshot_begin(folder, &parts, &d->key, &info);
	d->snapshots_failed += d->snapshot < 0;
	log_info("snapshots", "begun event=%llu paused_us=%lld", (unsigned long long)info.event,
	         (long long)(daemon_mono_us() - paused_us));
}

void daemon_snapshot_stop(struct daemon *d)
{
	char folder[CONFIG_PATH];
	bool good;

	if (!keeps_snapshots(d) || !d->pipeline) {
		return;
	}
	while (d->snapshot > 0 && !snapshot_ended(d->snapshot, &good)) {
		(void)usleep(1000);
	}
	snapshot_folder(d, folder);
	const struct snapshot_parts parts = parts_of(d);
	const struct snapshot_info info = info_of(d);
	if (snapshot_write(folder, &parts, &d->key, &info) != OK) {
		log_err("snapshots", "could not be written");
	}
}
