#include "app/log_replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/journal.h"
#include "app/site_archive.h"
#include "core/err.h"

enum { SITES_MAX = 4096, PATH_TEXT = 4096, TEXT = 512, SHOWN_MAX = 200 };

struct log_replay {
	const struct log_replay_options *options; /* while it runs */
	struct log_replay_result result;
	struct journal journal;
	size_t next; /* action */
	struct pipeline *pipeline;
	struct log_ids *ids;
	struct diags *diags;
	/* Sites of then: kept to the end, the pipeline borrows from all of them. */
	struct site **sites;
	size_t site_count;
	const char *why;
};

/* ---- telling ---- */

static void tell_gap(const struct log_replay *r, const struct log_note *note)
{
	char text[TEXT], from[INSTANT_TEXT] = "-", to[INSTANT_TEXT] = "-";

	if (note->min_us != INSTANT_NONE) {
		(void)instant_format(note->min_us, from);
		(void)instant_format(note->max_us, to);
	}
	(void)snprintf(text, sizeof(text), "gap: %llu events from %s to %s are missing: %.*s",
	               (unsigned long long)note->count, from, to,
	               SLICE_FMT(slice_first(note->text, SHOWN_MAX)));
	r->options->tell(r->options->user, text);
}

static void tell_damage(const struct log_replay *r, const struct log_item *item)
{
	char text[TEXT];

	(void)snprintf(text, sizeof(text), "%.*s: %llu bytes at %llu cannot be read: %s",
	               SLICE_FMT(slice_first(item->file, SHOWN_MAX)),
	               (unsigned long long)item->size, (unsigned long long)item->offset, item->why);
	r->options->tell(r->options->user, text);
}

static void tell_downtime(const struct log_replay *r, const struct journal_entry *e)
{
	char text[TEXT], since[INSTANT_TEXT], until[INSTANT_TEXT];

	if (e->since_us == INSTANT_NONE) {
		return;
	}
	(void)instant_format(e->since_us, since);
	(void)instant_format(e->time_us, until);
	(void)snprintf(text, sizeof(text), "the engine was not running between %s and %s", since,
	               until);
	r->options->tell(r->options->user, text);
}

/* What a source or the clock did: nothing to be done about it, but it explains what one sees. */
static void tell_circumstance(const struct log_replay *r, const struct log_note *note)
{
	char text[TEXT], when[INSTANT_TEXT];

	(void)instant_format(note->wall_us, when);
	(void)snprintf(text, sizeof(text), "%s: %.*s", when,
	               SLICE_FMT(slice_first(note->text, SHOWN_MAX)));
	r->options->tell(r->options->user, text);
}

/* ---- what was done then ---- */

static const struct site *site_of(struct log_replay *r, const struct journal_entry *e)
{
	char archive[PATH_TEXT];

	if (r->options->site) {
		return r->options->site;
	}
	if (r->site_count == SITES_MAX) {
		r->why = "more than 4096 reloads in the range";
		return NULL;
	}
	(void)snprintf(archive, sizeof(archive), "%s/" SITE_ARCHIVE_FOLDER, r->options->state);
	struct site *site = site_archive_load(archive, e, r->options->base, r->diags);
	if (site) {
		r->sites[r->site_count++] = site;
	} else {
		r->why = "the rules of then cannot be loaded";
	}
	return site;
}

/* Events keep the numbers that they had: the log knows their calls by them. */
static int start(struct log_replay *r, const struct journal_entry *e, const struct site *site,
                 bool cold, uint64_t first)
{
	struct pipeline_options options = r->options->pipeline;

	options.site = site;
	options.source_names = e->sources;
	options.source_count = e->source_count;
	options.cold = cold;
	options.given_batches = true;
	options.first_event = first;
	options.ids = r->ids;
	if (r->pipeline) {
		return pipeline_restart(r->pipeline, &options, &r->why);
	}
	r->pipeline = pipeline_new(&options, &r->why);
	return r->pipeline ? OK : E_NOMEM;
}

/* Did the run go on with what was in force before? Else windows start anew here, though they did
 * not there as far as rules were the same.
 */
static bool same_rules(struct log_replay *r, const struct journal_entry *start)
{
	const struct journal_entry *before = NULL;

	for (const struct journal_entry *e = r->journal.entries; e < start; e++) {
		before = e->action == JOURNAL_STOP ? before : e;
	}
	bool same = before && before->file_count == start->file_count;
	for (size_t i = 0; same && i < start->file_count; i++) {
		same = strcmp(before->files[i].digest, start->files[i].digest) == 0 &&
		       strcmp(before->files[i].name, start->files[i].name) == 0;
	}
	if (!same) {
		r->options->tell(r->options->user,
		                 "rules or tables changed while the engine was stopped: windows "
		                 "start anew there");
	}
	return same;
}

static int act(struct log_replay *r, const struct journal_entry *e, uint64_t first)
{
	const struct site *site;

	switch (e->action) {
	case JOURNAL_START:
		tell_downtime(r, e);
		if (e->resumed && (r->options->site || same_rules(r, e))) {
			pipeline_finish(r->pipeline);
			pipeline_skip_alerts(r->pipeline, e->alert);
			return OK;
		}
		site = site_of(r, e);
		return site ? start(r, e, site, e->cold, first) : E_MALFORMED;
	case JOURNAL_RELOAD:
		if (r->options->site) {
			return OK;
		}
		site = site_of(r, e);
		return site ? pipeline_reload(r->pipeline, site, NULL, &r->why) : E_MALFORMED;
	default: return OK;
	}
}

/* The first event of the range: the run that it belongs to, with the rules in force by then. */
static int begin(struct log_replay *r, uint64_t first)
{
	const struct journal_entry *run = NULL, *files = NULL;

	for (; r->next < r->journal.count && r->journal.entries[r->next].at <= first; r->next++) {
		const struct journal_entry *e = &r->journal.entries[r->next];
		run = e->action == JOURNAL_START ? e : run;
		files = e->action == JOURNAL_STOP ? files : e;
	}
	if (!run) {
		r->why = "the journal has no start of the run that these calls belong to";
		return E_MALFORMED;
	}
	const struct site *site = site_of(r, files);
	return site ? start(r, run, site, run->cold || run->at < first, first) : E_MALFORMED;
}

static int take_event(struct log_replay *r, const struct log_item *item)
{
	int err = r->pipeline ? OK : begin(r, item->number);

	while (err == OK && r->next < r->journal.count &&
	       r->journal.entries[r->next].at <= item->number) {
		err = act(r, &r->journal.entries[r->next++], item->number);
	}
	if (err == OK && item->number != pipeline_next_event(r->pipeline)) {
		pipeline_finish(r->pipeline);
		pipeline_record(r->pipeline, NULL, true, item->number);
	}
	if (err == OK) {
		r->result.events++;
		pipeline_push(r->pipeline, &item->event);
	}
	return err;
}

/* Event time went on without events. */
static void take_advance(struct log_replay *r, const struct log_note *note)
{
	int64_t until_us = INT64_MAX;

	if (note->text.len && instant_parse_rfc3339(note->text, NULL, &until_us) != OK) {
		return;
	}
	if (r->pipeline) {
		pipeline_advance(r->pipeline, until_us);
	}
}

static void take_note(struct log_replay *r, const struct log_note *note)
{
	if (note->type == LOG_NOTE_GAP) {
		r->result.missing += note->count;
		tell_gap(r, note);
	} else if (note->type == LOG_NOTE_ADVANCE) {
		take_advance(r, note);
	} else if (note->type == LOG_NOTE_SOURCE || note->type == LOG_NOTE_CLOCK) {
		tell_circumstance(r, note);
	}
}

static int take_item(struct log_replay *r, const struct log_item *item)
{
	switch (item->kind) {
	case LOG_ITEM_EVENT: return take_event(r, item);
	case LOG_ITEM_CUT:
		if (r->pipeline) {
			pipeline_flush(r->pipeline);
		}
		return OK;
	case LOG_ITEM_NOTE: take_note(r, &item->note); return OK;
	case LOG_ITEM_DAMAGE:
		r->result.damaged++;
		tell_damage(r, item);
		return OK;
	default: return OK;
	}
}

static int run_items(struct log_replay *r)
{
	struct log_reader *reader;
	struct log_item item;
	int err = log_reader_open(&r->options->log, &reader, &r->why);

	if (err) {
		return err;
	}
	while (err == OK && log_reader_next(reader, &item) != LOG_ITEM_END) {
		err = take_item(r, &item);
	}
	log_reader_close(reader);
	if (r->pipeline) {
		pipeline_finish(r->pipeline);
	}
	return err;
}

int log_replay_run(const struct log_replay_options *options, struct diags *diags,
                   struct log_replay **out, const char **why)
{
	struct log_replay *r = calloc(1, sizeof(*r));
	char path[PATH_TEXT];

	*why = "no memory";
	*out = r;
	if (!r) {
		return E_NOMEM;
	}
	r->options = options;
	r->diags = diags;
	r->why = *why;
	(void)snprintf(path, sizeof(path), "%s/" JOURNAL_FILE, options->state);
	r->sites = calloc(SITES_MAX, sizeof(struct site *));
	r->ids = log_ids_new(options->log.path, options->log.key);
	int err = r->sites && r->ids ? journal_read(path, &r->journal) : E_NOMEM;
	if (err == E_IO) {
		r->why = "the journal cannot be read";
	}
	err = err ? err : run_items(r);
	*why = r->why;
	return err;
}

void log_replay_result(const struct log_replay *r, struct log_replay_result *out)
{
	*out = r->result;
}

struct pipeline *log_replay_pipeline(const struct log_replay *r)
{
	return r->pipeline;
}

void log_replay_free(struct log_replay *r)
{
	if (!r) {
		return;
	}
	pipeline_free(r->pipeline);
	log_ids_free(r->ids);
	for (size_t i = 0; i < r->site_count; i++) {
		site_free(r->sites[i]);
	}
	free(r->sites);
	journal_fini(&r->journal);
	free(r);
}
