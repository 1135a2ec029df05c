#include "app/records.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "decode/cdr.h"

struct records {
	struct records_source *source;
	bool begun;    /* the reader knows the form */
	bool skipping; /* behind what was too long, to the end of its line */
	const char *why;
	uint64_t line;
	size_t held;
	struct cdr_row row;
	struct cdr_reader reader;
	char text[CDR_ROW_MAX + 2]; /* the begin of a line that is not whole yet */
};

struct records *records_new(struct records_source *source)
{
	struct records *r = malloc(sizeof(*r));

	if (r) {
		r->source = source;
		records_restart(r);
	}
	return r;
}

void records_free(struct records *r)
{
	free(r);
}

void records_restart(struct records *r)
{
	r->begun = false;
	r->skipping = false;
	r->why = NULL;
	r->line = 0;
	r->held = 0;
}

const char *records_why(const struct records *r)
{
	return r->why;
}

/* ---- rows ---- */

static void refuse(struct records *r, enum reason reason, struct slice line)
{
	struct records_source *s = r->source;

	stage_drop(&s->decode, reason);
	if (s->rejects) {
		rejects_write(s->rejects, s->name, r->line, reason, line);
	}
}

/* A call record and, where the source is asked for them, its attempt. */
static enum reason put(struct records_source *s, struct event *event)
{
	bool started = event->start_us != INSTANT_NONE;
	enum reason refused =
		intake_time(s->intake, s->index, started ? event->start_us : event->time_us);

	if (refused) {
		return refused;
	}
	intake_put(s->intake, s->index, event);
	if (s->attempts && started) {
		cdr_attempt_of_call(event);
		intake_put(s->intake, s->index, event);
	}
	return REASON_NONE;
}

static void take_row(struct records *r, struct slice line)
{
	struct records_source *s = r->source;
	struct event event;

	cdr_row_next(&r->reader, line, &r->row);
	if (r->row.text.len == 0) {
		return;
	}
	stage_in(&s->decode, 1);
	enum reason refused = cdr_row_event(&r->reader, &r->row, &event);
	if (refused == REASON_NONE) {
		refused = put(s, &event);
	}
	if (refused) {
		refuse(r, refused, r->row.text);
	} else {
		stage_out(&s->decode, 1);
	}
}

static bool is_blank(struct slice line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (!strchr(" \t\r\n", line.p[i])) {
			return false;
		}
	}
	return true;
}

/* The first line: a header, or already a record. */
static bool begin(struct records *r, struct slice line, bool taken)
{
	enum cdr_form form = cdr_recognise(line);
	const struct cdr_options options = {
		.form = form == CDR_NONE ? CDR_CSV : form,
		.zone = r->source->tz,
		.key = r->source->key,
	};
	struct cdr_begin at;

	if (cdr_reader_init(&r->reader, &options, line, &at, &r->why) != OK) {
		return false;
	}
	r->begun = true;
	if (at.offset < line.len && !taken) {
		take_row(r, slice_skip(line, at.offset));
	}
	return true;
}

/* A line with its break, or the last one without. */
static bool take_line(struct records *r, struct slice line)
{
	r->line++;
	if (is_blank(line)) {
		return true;
	}
	if (!r->begun) {
		return begin(r, line, false);
	}
	take_row(r, line);
	return true;
}

/* ---- bytes to lines ---- */

static void too_long(struct records *r)
{
	stage_in(&r->source->decode, 1);
	r->line++;
	refuse(r, REASON_CDR_TOO_LONG, (struct slice){r->text, r->held});
	r->held = 0;
	r->skipping = true;
}

/* What is left of bytes behind the line that was skipped. */
static struct slice skip_line(struct records *r, struct slice bytes)
{
	size_t at = slice_find(bytes, '\n');

	r->skipping = at == bytes.len;
	return slice_skip(bytes, at + 1);
}

static bool hold(struct records *r, struct slice part)
{
	if (r->held + part.len > sizeof(r->text)) {
		return false;
	}
	memcpy(r->text + r->held, part.p, part.len);
	r->held += part.len;
	return true;
}

bool records_take(struct records *r, struct slice bytes)
{
	r->source->bytes += bytes.len;
	while (bytes.len > 0) {
		if (r->skipping) {
			bytes = skip_line(r, bytes);
			continue;
		}
		size_t end = slice_find(bytes, '\n');
		bool whole = end < bytes.len;
		struct slice line = slice_first(bytes, whole ? end + 1 : end);
		if (r->held > 0 || !whole) {
			if (!hold(r, line)) {
				too_long(r);
				continue;
			}
			line = (struct slice){r->text, r->held};
		}
		bytes = slice_skip(bytes, whole ? end + 1 : end);
		if (!whole) {
			return true;
		}
		r->held = 0;
		if (!take_line(r, line)) {
			return false;
		}
	}
	return true;
}

void records_end(struct records *r)
{
	struct slice line = {r->text, r->held};

	r->held = 0;
	if (line.len > 0) {
		(void)take_line(r, line);
	}
}

bool records_resume(struct records *r, struct slice first_line)
{
	records_restart(r);
	return begin(r, first_line, true);
}

size_t records_held(const struct records *r)
{
	return r->held;
}
