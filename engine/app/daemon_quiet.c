/* Event time on a quiet network (rule-language.md section 8, Watermark): when no event has come for
 * QUIET_US, it is what the last event said and the time since then, less that margin.
 */
#include "app/daemon_parts.h"
#include "core/instant.h"

#define QUIET_US (5 * US_PER_S)

static void advance(struct daemon *d, int64_t until_us)
{
	char text[INSTANT_TEXT] = "";

	if (d->call_log) {
		struct log_note note = {.type = LOG_NOTE_ADVANCE,
		                        .wall_us = daemon_wall_us(),
		                        .at = pipeline_next_event(d->pipeline),
		                        .text = {text, 0}};
		if (until_us != INT64_MAX) {
			note.text.len = instant_format(until_us, text);
		}
		call_log_note(d->call_log, &note);
	}
	pipeline_advance(d->pipeline, until_us);
}

void daemon_quiet_tick(struct daemon *d, int64_t mono_us)
{
	uint64_t next = pipeline_next_event(d->pipeline);
	int64_t last_us = pipeline_last_time(d->pipeline);

	if (next != d->quiet_event || d->live_count == 0 || d->merge) {
		d->quiet_event = next;
		d->quiet_us = mono_us;
		return;
	}
	if (last_us == INSTANT_NONE || mono_us - d->quiet_us < QUIET_US) {
		return;
	}
	/* Whole milliseconds: what the log says is what was done. */
	int64_t until_us = last_us + (mono_us - d->quiet_us) - QUIET_US;
	until_us -= until_us % US_PER_MS;
	if (pipeline_due(d->pipeline) < until_us) {
		advance(d, until_us);
	}
}

void daemon_quiet_end(struct daemon *d)
{
	if (pipeline_due(d->pipeline) != INT64_MAX) {
		advance(d, INT64_MAX);
	}
}
