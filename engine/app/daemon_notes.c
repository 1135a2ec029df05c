/* Under which circumstances a run saw what it saw, noted in the call log when they change: how far
 * the clock can be trusted (its discipline and offset as the kernel tells them, adjtimex(2); steps
 * against the monotonic clock), and which live sources are silent.
 */
#include <sys/timex.h>

#include "app/daemon_parts.h"
#include "core/json.h"
#include "core/log.h"

enum { NANO = 1000 };
#define STEP_US                                                                   \
 (US_PER_S / 2) /* of the day's clock; a slew moves it by 500 us a second at most \
	         */

static void note(struct daemon *d, enum log_note_type type, struct buf *text)
{
	const struct log_note n = {.type = type,
	                           .wall_us = daemon_wall_us(),
	                           .at = pipeline_next_event(d->pipeline),
	                           .text = buf_view(text)};

	if (!text->failed) {
		call_log_note(d->call_log, &n);
	}
	buf_fini(text);
}

/* ---- clock ---- */

static bool read_clock(int64_t *offset_us, int64_t *error_us)
{
	struct timex t = {0};
	int state = adjtimex(&t);

	*offset_us = t.status & STA_NANO ? t.offset / NANO : t.offset;
	*error_us = t.maxerror;
	return state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
}

static void note_clock(struct daemon *d, const char *why, bool synchronised, int64_t stepped_us)
{
	int64_t offset_us, error_us;
	struct buf text = {0};
	struct json_out w = json_out(&text);

	(void)read_clock(&offset_us, &error_us);
	json_object(&w);
	json_key(&w, "clock");
	json_text(&w, why);
	json_key(&w, "synchronised");
	json_bool(&w, synchronised);
	json_key(&w, "offset_us");
	json_int(&w, offset_us);
	json_key(&w, "error_at_most_us");
	json_int(&w, error_us);
	if (stepped_us) {
		json_key(&w, "stepped_us");
		json_int(&w, stepped_us);
		log_warn("clock", "stepped us=%lld", (long long)stepped_us);
	}
	json_object_end(&w);
	note(d, LOG_NOTE_CLOCK, &text);
}

static void look_at_clock(struct daemon *d)
{
	int64_t offset_us, error_us;
	int64_t apart_us = daemon_wall_us() - daemon_mono_us();
	int64_t stepped_us = apart_us - d->clock_apart_us;
	bool synchronised = read_clock(&offset_us, &error_us);

	if (stepped_us > STEP_US || stepped_us < -STEP_US) {
		note_clock(d, "stepped", synchronised, stepped_us);
	} else if (synchronised != d->clock_synchronised) {
		note_clock(d, synchronised ? "synchronised" : "unsynchronised", synchronised, 0);
	}
	d->clock_apart_us = apart_us;
	d->clock_synchronised = synchronised;
}

/* ---- sources ---- */

static void note_source(struct daemon *d, size_t source, bool silent)
{
	struct intake_stat stat;
	struct buf text = {0};
	struct json_out w = json_out(&text);
	char newest[INSTANT_TEXT];

	intake_stat(d->intake, source, &stat);
	json_object(&w);
	json_key(&w, "source");
	json_text(&w, d->names[source]);
	json_key(&w, "state");
	json_text(&w, silent ? "silent" : "heard");
	json_key(&w, "newest");
	json_slice(&w, (struct slice){newest, instant_format(stat.newest_us, newest)});
	json_object_end(&w);
	note(d, LOG_NOTE_SOURCE, &text);
}

static void look_at_sources(struct daemon *d)
{
	for (size_t i = 0; i < d->live_count; i++) {
		bool silent = intake_idle_time(d->intake, i) != INSTANT_NONE;
		if (silent != d->silent[i]) {
			note_source(d, i, silent);
			d->silent[i] = silent;
		}
	}
}

/* ---- of daemon_parts.h ---- */

void daemon_notes_start(struct daemon *d)
{
	int64_t offset_us, error_us;

	if (d->call_log) {
		d->clock_apart_us = daemon_wall_us() - daemon_mono_us();
		d->clock_synchronised = read_clock(&offset_us, &error_us);
		d->noted_us = daemon_mono_us();
		note_clock(d, "start", d->clock_synchronised, 0);
	}
}

void daemon_notes_tick(struct daemon *d, int64_t mono_us)
{
	if (!d->call_log) {
		return;
	}
	look_at_sources(d);
	if (mono_us - d->noted_us >= US_PER_S) {
		d->noted_us = mono_us;
		look_at_clock(d);
	}
}
