#include "app/replay.h"
#include "app/log_replay.h"

#include <string.h>

#include "core/err.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"
#include "sinks/ndjson.h"
#include "sinks/redis.h"

static const struct command_help help = {
	.usage = "ringfence replay INPUT... [options]",
	.about =
		"Traffic (captures, call records; files, folders or - for standard input) through the rules,\n"
		"in one event-time order. Prints a table of alerts by rule; with --alerts - the alerts go to\n"
		"standard output, one JSON object a line, and the table to standard error. The same input,\n"
		"rules and key give the same bytes for any number of threads.\n"
		"With --log FROM..TO --config F the daemon's call log is replayed with the rules, lists and\n"
		"tables of then, or with those that --rules names.",
	.common = true,
};

struct replay_options {
	const char *alerts;
	const char *stats;
	const char *rejects;
	const char *redis;
};

/* Sinks by what was asked for; at least none. */
static bool open_sinks(const struct replay_options *o, struct pipeline_options *p)
{
	if (o->alerts) {
		struct sink *sink = sink_ndjson_open(o->alerts);
		if (!sink) {
			perror(o->alerts);
			return false;
		}
		p->sinks[p->sink_count++] = sink;
	}
	if (o->redis) {
		struct redis_options redis = {.url = o->redis,
		                              .site = p->site_name,
		                              .engine = p->engine_name,
		                              .now_ms = common_now_ms()};
		const char *why;
		struct sink *sink = sink_redis_open(&redis, &why);
		if (!sink) {
			fprintf(stderr, "--redis %s: %s\n", o->redis, why);
			return false;
		}
		p->sinks[p->sink_count++] = sink;
	}
	return true;
}

static void close_sinks(struct pipeline_options *p, struct stats_report *report)
{
	for (size_t i = 0; i < p->sink_count; i++) {
		struct sink_stats s;
		if (!p->sinks[i]->ops->drain(p->sinks[i], 60000)) {
			fprintf(stderr, "%s: not everything could be delivered\n",
			        p->sinks[i]->ops->name);
		}
		p->sinks[i]->ops->stats(p->sinks[i], &s);
		report->written += s.written;
		report->refused += s.refused + s.waiting;
		p->sinks[i]->ops->close(p->sinks[i]);
	}
}

static bool write_report(const char *path, struct buf *text, FILE *otherwise)
{
	FILE *f = !path ? otherwise : strcmp(path, "-") == 0 ? stdout : fopen(path, "w");

	if (!f) {
		perror(path);
		return false;
	}
	bool whole = common_write(f, text);
	return (!path || f == stdout || fclose(f) == 0) && whole;
}

static bool report_all(const struct replay_options *o, const struct replay_inputs *inputs,
                       struct pipeline *p, const struct stats_report *report)
{
	struct buf text = {0};
	bool to_stdout = o->alerts && strcmp(o->alerts, "-") == 0;
	bool good = true;

	if (o->stats) {
		replay_stats_json(inputs, p, report, &text);
		good = write_report(o->stats, &text, NULL);
	}
	bool stats_on_stdout = o->stats && strcmp(o->stats, "-") == 0;
	replay_stats_table(inputs, p, report, &text);
	good = write_report(NULL, &text, to_stdout || stats_on_stdout ? stderr : stdout) && good;
	buf_fini(&text);
	return good;
}

static void warn_cut(const struct replay_inputs *inputs)
{
	for (size_t i = 0; i < inputs->count; i++) {
		struct feed_stat stat;
		feed_stat(inputs->feeds[i], &stat);
		if (stat.truncated) {
			fprintf(stderr, "%s: cut off; everything before the cut was read\n",
			        inputs->names[i]);
		}
	}
}

static int run(const struct common_options *options, const struct replay_options *o,
               struct site *site, struct replay_inputs *inputs, double begin)
{
	struct pipeline_options pipeline = {
		.site = site,
		.site_name = common_site_name(),
		.engine_name = common_engine_name(),
		.source_names = inputs->names,
		.source_count = inputs->count,
		.memory = options->memory,
		.threads = options_threads(options),
	};
	struct stats_report report = {0};
	const char *why;
	size_t which = 0;

	if (!open_sinks(o, &pipeline)) {
		return EXIT_BAD_INPUT;
	}
	struct pipeline *p = pipeline_new(&pipeline, &why);
	if (!p) {
		fprintf(stderr, "%s\n", why);
		return EXIT_INTERNAL;
	}
	int err = replay_run(inputs, p, NULL, &which);

	if (err == OK && !options->no_flush) {
		pipeline_advance(p, INT64_MAX);
	}
	common_progress_end();
	close_sinks(&pipeline, &report);
	report.seconds = common_seconds() - begin;
	report.memory_peak_bytes = common_memory_peak();
	if (err) {
		fprintf(stderr, "%s: %s\n", inputs->names[which], err_text(err));
	}
	warn_cut(inputs);
	bool good = report_all(o, inputs, p, &report) && report.refused == 0;
	pipeline_free(p);
	return err || !good ? EXIT_BAD_INPUT : EXIT_DONE;
}

/* ---- from the call log ---- */

static void tell(void *user, const char *text)
{
	(void)user;
	common_progress_end();
	fprintf(stderr, "%s\n", text);
}

static int run_log(const struct common_options *options, const struct replay_options *o,
                   const struct site *site, double begin)
{
	static const struct replay_inputs no_inputs;
	struct log_replay_options replay = {
		.base = &options->site,
		.site = options->rules[0] ? site : NULL,
		.pipeline = {.site_name = common_site_name(),
	                     .engine_name = common_engine_name(),
	                     .memory = options->memory,
	                     .threads = options_threads(options)},
		.tell = tell,
	};
	struct stats_report report = {0};
	struct log_replay_result result = {0};
	struct log_replay *run = NULL;
	struct diags diags;
	const char *why;

	if (!common_log(options, site, &replay.log, &replay.state) ||
	    !open_sinks(o, &replay.pipeline)) {
		return EXIT_BAD_INPUT;
	}
	replay.log.user = &begin;
	diags_init(&diags);
	int err = log_replay_run(&replay, &diags, &run, &why);
	common_progress_end();
	close_sinks(&replay.pipeline, &report);
	report.seconds = common_seconds() - begin;
	report.memory_peak_bytes = common_memory_peak();
	bool good = err == OK && report.refused == 0;
	if (err) {
		common_print_diags(&diags);
		fprintf(stderr, "%s: %s\n", replay.log.path, why);
	}
	if (run) {
		log_replay_result(run, &result);
	}
	if (run && log_replay_pipeline(run)) {
		good = report_all(o, &no_inputs, log_replay_pipeline(run), &report) && good;
	} else if (good) {
		fprintf(stderr, "%s: no calls in that range\n", replay.log.path);
	}
	if (result.missing || result.damaged) {
		fprintf(stderr, "not whole: %llu events missing, %llu places damaged\n",
		        (unsigned long long)result.missing, (unsigned long long)result.damaged);
	}
	log_replay_free(run);
	diags_fini(&diags);
	return good ? EXIT_DONE : EXIT_BAD_INPUT;
}

int cmd_replay(int argc, char **argv)
{
	struct replay_options o = {0};
	const struct own_option own[] = {
		{"alerts", "F|-", "alerts as JSON lines", &o.alerts, NULL},
		{"stats", "F|-", "counters of every stage as JSON", &o.stats, NULL},
		{"rejects", "F", "refused rows of call records, with line and reason", &o.rejects,
	         NULL},
		{"redis", "URL", "publish alerts (redis://host:port, unix:/path)", &o.redis, NULL},
	};
	struct common_options options;
	struct replay_inputs inputs;
	struct diags diags;
	double begin = common_seconds();

	int status = common_options(argc, argv, &help, own, 4, &options);
	if (status >= 0) {
		return status;
	}
	if (!common_has_input(&options, help.usage)) {
		return EXIT_USAGE;
	}
	struct site *site = common_site(&options, options.log && !options.rules[0]);
	if (!site) {
		return EXIT_BAD_INPUT;
	}
	if (options.log) {
		status = run_log(&options, &o, site, begin);
		site_free(site);
		return status;
	}
	struct feed_options feed = common_feed(&options, site);
	feed.progress = common_progress;
	feed.user = &begin;
	feed.rejects = o.rejects ? fopen(o.rejects, "w") : NULL;
	if (o.rejects && !feed.rejects) {
		perror(o.rejects);
		site_free(site);
		return EXIT_BAD_INPUT;
	}
	diags_init(&diags);
	status = EXIT_BAD_INPUT;
	if (replay_open(options.inputs, options.input_count, &feed, &inputs, &diags) == OK) {
		status = run(&options, &o, site, &inputs, begin);
		replay_close(&inputs);
	} else {
		common_print_diags(&diags);
	}
	diags_fini(&diags);
	site_free(site);
	if (feed.rejects) {
		(void)fclose(feed.rejects);
	}
	return status;
}
