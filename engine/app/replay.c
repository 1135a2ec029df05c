#include "app/replay.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/merge.h"
#include "core/err.h"
#include "core/json.h"

static int open_one(const char *path, const struct feed_options *options,
                    struct replay_inputs *inputs, struct diags *diags)
{
	const char *why = "cannot be read";

	if (inputs->count == REPLAY_INPUTS_MAX) {
		diag_add(diags, (struct place){0}, "E006", SLICE_NONE, "more than %d inputs",
		         REPLAY_INPUTS_MAX);
		return E_FULL;
	}
	size_t i = inputs->count;
	inputs->names[i] = strdup(path);
	if (!inputs->names[i]) {
		return E_NOMEM;
	}
	inputs->count++;
	int err = feed_open(inputs->names[i], options, &inputs->feeds[i], &why);
	if (err) {
		inputs->feeds[i] = NULL;
		diag_add(diags, (struct place){0}, "E006", SLICE_NONE, "%s: %s", path, why);
	}
	return err;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int open_folder(const char *path, const struct feed_options *options,
                       struct replay_inputs *inputs, struct diags *diags)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, visible, alphasort);
	int err = OK;

	for (int i = 0; i < count; i++) {
		char file[4096];
		struct stat st;
		(void)snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		if (err == OK && stat(file, &st) == 0 && S_ISREG(st.st_mode)) {
			err = open_one(file, options, inputs, diags);
		}
		free(entries[i]);
	}
	free(entries);
	return err;
}

int replay_open(const char *const *paths, size_t count, const struct feed_options *options,
                struct replay_inputs *inputs, struct diags *diags)
{
	int err = OK;

	*inputs = (struct replay_inputs){0};
	for (size_t i = 0; i < count && err == OK; i++) {
		struct stat st;
		bool folder = strcmp(paths[i], "-") != 0 && stat(paths[i], &st) == 0 &&
		              S_ISDIR(st.st_mode);
		err = folder ? open_folder(paths[i], options, inputs, diags)
		             : open_one(paths[i], options, inputs, diags);
	}
	if (err) {
		replay_close(inputs);
	}
	return err;
}

void replay_close(struct replay_inputs *inputs)
{
	for (size_t i = 0; i < inputs->count; i++) {
		if (inputs->feeds[i]) {
			feed_close(inputs->feeds[i]);
		}
		free((void *)(uintptr_t)inputs->names[i]);
	}
	*inputs = (struct replay_inputs){0};
}

int replay_run(struct replay_inputs *inputs, struct pipeline *p, const bool *stop, size_t *which)
{
	struct merge *merge = merge_new(inputs->feeds, inputs->count);
	struct event event;
	int err = merge ? OK : E_NOMEM;

	while (err == OK) {
		if (stop && __atomic_load_n(stop, __ATOMIC_RELAXED)) {
			break;
		}
		err = merge_next(merge, &event);
		if (err == OK) {
			pipeline_push(p, &event);
		}
	}
	pipeline_finish(p);
	if (err == E_IO) {
		(void)merge_failed(merge, which);
	}
	merge_free(merge);
	return err == E_END ? OK : err;
}

/* ---- reports ---- */

static void write_dropped(struct json_out *w, const struct stage_count *c)
{
	json_key(w, "dropped");
	json_object(w);
	for (unsigned r = 1; r < REASON_COUNT; r++) {
		if (c->dropped[r]) {
			json_key(w, reason_word((enum reason)r));
			json_int(w, (int64_t)c->dropped[r]);
		}
	}
	json_object_end(w);
}

static void write_stage(struct json_out *w, const char *name, const struct stage_count *c)
{
	json_object(w);
	json_key(w, "stage");
	json_text(w, name);
	json_key(w, "in");
	json_int(w, (int64_t)c->in);
	json_key(w, "out");
	json_int(w, (int64_t)c->out);
	write_dropped(w, c);
	json_key(w, "in_flight");
	json_int(w, 0);
	json_object_end(w);
}

static void sum_inputs(const struct replay_inputs *inputs, struct stage_count *decode,
                       struct stage_count *calls)
{
	*decode = (struct stage_count){0};
	*calls = (struct stage_count){0};
	for (size_t i = 0; i < inputs->count; i++) {
		struct feed_stat stat;
		feed_stat(inputs->feeds[i], &stat);
		stage_add(decode, &stat.decode);
		stage_add(calls, &stat.calls);
	}
}

static void write_inputs(struct json_out *w, const struct replay_inputs *inputs)
{
	json_key(w, "inputs");
	json_array(w);
	for (size_t i = 0; i < inputs->count; i++) {
		struct feed_stat stat;
		feed_stat(inputs->feeds[i], &stat);
		json_object(w);
		json_key(w, "source");
		json_text(w, inputs->names[i]);
		json_key(w, "in");
		json_int(w, (int64_t)stat.decode.in);
		json_key(w, "bytes");
		json_int(w, (int64_t)stat.bytes);
		json_object_end(w);
	}
	json_array_end(w);
}

static void write_alerts(struct json_out *w, const struct pipeline_stats *s,
                         const struct stats_report *report)
{
	json_key(w, "alerts");
	json_object(w);
	json_key(w, "raised");
	json_int(w, (int64_t)s->alerts.raised);
	json_key(w, "suppressed");
	json_int(w, (int64_t)s->alerts.suppressed);
	json_key(w, "written");
	json_int(w, (int64_t)report->written);
	json_key(w, "refused");
	json_int(w, (int64_t)report->refused);
	json_key(w, "by_rule");
	json_object(w);
	for (size_t i = 0; i < s->rule_count; i++) {
		json_key_slice(w, s->by_rule[i].rule);
		json_int(w, (int64_t)s->by_rule[i].alerts);
	}
	json_object_end(w);
	json_object_end(w);
}

void replay_stats_json(const struct replay_inputs *inputs, struct pipeline *p,
                       const struct stats_report *report, struct buf *out)
{
	struct json_out w = json_out(out);
	struct stage_count decode, calls, detect = {0};
	struct pipeline_stats s;

	pipeline_stats(p, &s);
	sum_inputs(inputs, &decode, &calls);
	detect.in = detect.out = s.detect.events;
	json_object(&w);
	write_inputs(&w, inputs);
	json_key(&w, "stages");
	json_array(&w);
	write_stage(&w, "decode", &decode);
	write_stage(&w, "calls", &calls);
	write_stage(&w, "batch", &s.batch);
	write_stage(&w, "duplicates", &s.dedupe);
	write_stage(&w, "detect", &detect);
	json_array_end(&w);
	write_alerts(&w, &s, report);
	json_key(&w, "memory_peak_bytes");
	json_int(&w, (int64_t)report->memory_peak_bytes);
	json_key(&w, "seconds");
	json_double(&w, report->seconds);
	json_object_end(&w);
	buf_char(out, '\n');
}

static void table_dropped(struct buf *out, const char *stage, const struct stage_count *c)
{
	for (unsigned r = 1; r < REASON_COUNT; r++) {
		if (c->dropped[r]) {
			buf_printf(out, "  %-10s %-24s %12llu  %s\n", stage,
			           reason_word((enum reason)r), (unsigned long long)c->dropped[r],
			           reason_help((enum reason)r));
		}
	}
}

void replay_stats_table(const struct replay_inputs *inputs, struct pipeline *p,
                        const struct stats_report *report, struct buf *out)
{
	struct stage_count decode, calls;
	struct pipeline_stats s;
	char first[INSTANT_TEXT] = "-", last[INSTANT_TEXT] = "-";

	pipeline_stats(p, &s);
	sum_inputs(inputs, &decode, &calls);
	if (s.first_us != INSTANT_NONE) {
		(void)instant_format(s.first_us, first);
		(void)instant_format(s.last_us, last);
	}
	buf_printf(out, "%-44s %10s\n", "rule", "alerts");
	for (size_t i = 0; i < s.rule_count; i++) {
		buf_printf(out, "%-44.*s %10llu\n", SLICE_FMT(s.by_rule[i].rule),
		           (unsigned long long)s.by_rule[i].alerts);
	}
	buf_printf(out, "%-44s %10llu  (%llu more suppressed)\n", "in all",
	           (unsigned long long)s.sent, (unsigned long long)s.alerts.suppressed);
	buf_printf(out, "%llu events from %s to %s in %.1f s\n",
	           (unsigned long long)s.detect.events, first, last, report->seconds);
	if (stage_dropped(&decode) + stage_dropped(&calls) + stage_dropped(&s.dedupe) +
	    stage_dropped(&s.batch)) {
		buf_text(out, "not counted:\n");
		table_dropped(out, "decode", &decode);
		table_dropped(out, "calls", &calls);
		table_dropped(out, "duplicates", &s.dedupe);
		table_dropped(out, "batch", &s.batch);
	}
}
