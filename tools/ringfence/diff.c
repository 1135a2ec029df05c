/* ringfence diff: what another version of the rules would have raised on the same traffic. */
#include <stdlib.h>
#include <string.h>

#include "app/variants.h"
#include "core/err.h"
#include "core/instant.h"
#include "core/json.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"

static const struct command_help help = {
	.usage = "ringfence diff OLD NEW INPUT... [options]",
	.about =
		"Two versions of the rules (files or folders) over the same traffic, read once: which alerts\n"
		"only the old ones raise, which only the new ones, which come at another time. The same\n"
		"alerts as two separate replays would give.",
	.common = true,
};

static const char *const words[] = {"only old", "only new", "moved", "same"};
static const char *const json_words[] = {"only_old", "only_new", "moved", "same"};

static struct site *load_version(const struct common_options *options, const char *rules)
{
	struct common_options own = *options;

	own.rules[0] = rules;
	own.site.rules = own.rules;
	own.site.rule_count = 1;
	return common_site(&own, false);
}

static void add_times(const struct variant_pair *p, struct buf *out)
{
	const struct variant_alert *a = p->before ? p->before : p->after;
	char text[INSTANT_TEXT], span[INSTANT_TEXT];

	(void)instant_format(a->time_us, text);
	buf_text(out, text);
	if (p->change == CHANGE_MOVED) {
		int64_t apart = p->after->time_us - p->before->time_us;
		(void)duration_format(apart < 0 ? -apart : apart, span);
		buf_printf(out, " (%s %s)", span, apart < 0 ? "earlier" : "later");
	}
}

static void print_table(const struct variant_pair *pairs, size_t count, struct buf *out)
{
	struct slice rule = SLICE_NONE;
	size_t sums[4] = {0};

	for (size_t i = 0; i < count; i++) {
		const struct variant_pair *p = &pairs[i];
		const struct variant_alert *a = p->after ? p->after : p->before;
		sums[p->change]++;
		if (p->change == CHANGE_SAME) {
			continue;
		}
		if (!slice_eq(rule, a->rule)) {
			rule = a->rule;
			buf_printf(out, "%.*s\n", SLICE_FMT(rule));
		}
		buf_printf(out, "  %-8s  ", words[p->change]);
		add_times(p, out);
		buf_printf(out, "  %.*s  %.*s\n", SLICE_FMT(a->subject), SLICE_FMT(a->summary));
	}
	buf_printf(out, "%zu only old, %zu only new, %zu moved, %zu the same\n",
	           sums[CHANGE_ONLY_OLD], sums[CHANGE_ONLY_NEW], sums[CHANGE_MOVED],
	           sums[CHANGE_SAME]);
}

static void json_alert(struct json_out *w, const char *key, const struct variant_alert *a)
{
	char text[INSTANT_TEXT];

	json_key(w, key);
	if (!a) {
		json_null(w);
		return;
	}
	(void)instant_format(a->time_us, text);
	json_object(w);
	json_key(w, "id");
	json_slice(w, a->id);
	json_key(w, "time");
	json_text(w, text);
	json_key(w, "summary");
	json_slice(w, a->summary);
	json_object_end(w);
}

/* One object a changed alert, a line each. */
static void print_json(const struct variant_pair *pairs, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct variant_pair *p = &pairs[i];
		const struct variant_alert *a = p->after ? p->after : p->before;
		struct json_out w = json_out(out);
		if (p->change == CHANGE_SAME) {
			continue;
		}
		json_object(&w);
		json_key(&w, "change");
		json_text(&w, json_words[p->change]);
		json_key(&w, "rule");
		json_slice(&w, a->rule);
		json_key(&w, "key");
		json_slice(&w, a->key);
		json_key(&w, "subject");
		json_slice(&w, a->subject);
		json_alert(&w, "old", p->before);
		json_alert(&w, "new", p->after);
		json_object_end(&w);
		buf_char(out, '\n');
	}
}

static int compare(const struct common_options *options, struct site *const sites[2],
                   struct replay_inputs *inputs)
{
	struct pipeline_options base = {.site_name = common_site_name(),
	                                .engine_name = common_engine_name(),
	                                .source_names = inputs->names,
	                                .source_count = inputs->count,
	                                .memory = options->memory,
	                                .threads = options_threads(options)};
	struct variant variants[2];
	const char *why = "";
	size_t which = 0, count = 0;

	variant_init(&variants[0], sites[0]);
	variant_init(&variants[1], sites[1]);
	int err = variants_run(inputs, variants, 2, &base, !options->no_flush, &why, &which);
	common_progress_end();
	struct variant_pair *pairs =
		err ? NULL : variants_align(&variants[0], &variants[1], &count);
	if (pairs) {
		struct buf out = {0};
		(options->json ? print_json : print_table)(pairs, count, &out);
		err = common_write(stdout, &out) ? OK : E_IO;
		buf_fini(&out);
	} else {
		fprintf(stderr, "%s: %s\n", err == E_IO ? inputs->names[which] : "diff",
		        err == E_NOMEM ? why : err_text(err ? err : E_NOMEM));
	}
	int status = pairs && !err ? EXIT_DONE : err == E_NOMEM ? EXIT_INTERNAL : EXIT_BAD_INPUT;
	free(pairs);
	variant_fini(&variants[0]);
	variant_fini(&variants[1]);
	return status;
}

int cmd_diff(int argc, char **argv)
{
	struct common_options options;
	struct replay_inputs inputs;
	struct diags diags;
	double begin = common_seconds();
	int status = common_options(argc, argv, &help, NULL, 0, &options);

	if (status >= 0) {
		return status;
	}
	if (options.input_count < 3) {
		fprintf(stderr, "two versions of the rules and an input are needed\nusage: %s\n",
		        help.usage);
		return EXIT_USAGE;
	}
	struct site *sites[2] = {load_version(&options, options.inputs[0]), NULL};
	sites[1] = sites[0] ? load_version(&options, options.inputs[1]) : NULL;
	status = EXIT_BAD_INPUT;
	if (sites[1]) {
		struct feed_options feed = common_feed(&options, sites[0]);
		feed.progress = common_progress;
		feed.user = &begin;
		diags_init(&diags);
		if (replay_open(options.inputs + 2, options.input_count - 2, &feed, &inputs,
		                &diags) == OK) {
			status = compare(&options, sites, &inputs);
			replay_close(&inputs);
		} else {
			common_print_diags(&diags);
		}
		diags_fini(&diags);
	}
	site_free(sites[0]);
	site_free(sites[1]);
	return status;
}
