/* The commands that show traffic without rules: calls, inspect, sip. */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/instant.h"
#include "core/json.h"
#include "decode/sip.h"
#include "ringfence/calls.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"
#include "ringfence/inspect.h"

static const struct command_help calls_help = {
	.usage = "ringfence calls INPUT... [options]",
	.about =
		"Traffic as one line a call, by end time: CSV, or JSON lines with --json.\n"
		"With --log FROM..TO --config F single calls out of the daemon's call log, in its order.",
	.common = true,
};

/* What single calls are asked for with. */
struct calls_options {
	bool csv;
	const char *caller, *callee, *trunk, *call_id;
	const char *at, *within, *limit;
};

static bool usage_wrong(const char *option, const char *wrong)
{
	fprintf(stderr, "--%s %s\n", option, wrong);
	return false;
}

/* --at and --within as a range of time, inside that of --log. */
static bool query_time(const struct calls_options *o, struct log_query *query)
{
	int64_t at_us, within_us = 15 * US_PER_MIN;

	query->from_us = INSTANT_NONE;
	query->to_us = INSTANT_NONE;
	if (!o->at) {
		return !o->within || usage_wrong("within", "goes with --at");
	}
	if (instant_parse_rfc3339(slice_of(o->at), NULL, &at_us) != OK) {
		return usage_wrong("at", "is an instant, as 2026-03-02T10:00:00Z");
	}
	if (o->within && duration_parse(slice_of(o->within), &within_us) != OK) {
		return usage_wrong("within", "is a duration, as 15m");
	}
	query->from_us = at_us - within_us;
	query->to_us = at_us + within_us;
	return true;
}

static bool query_of(const struct calls_options *o, struct log_query *query)
{
	char *end = NULL;

	*query = (struct log_query){.limit = o->limit ? strtoull(o->limit, &end, 10) : 1000,
	                            .caller = o->caller ? slice_of(o->caller) : SLICE_NONE,
	                            .callee = o->callee ? slice_of(o->callee) : SLICE_NONE,
	                            .trunk = o->trunk ? slice_of(o->trunk) : SLICE_NONE,
	                            .call_id = o->call_id ? slice_of(o->call_id) : SLICE_NONE};
	if (o->limit && (*end || !ascii_is_digit(o->limit[0]))) {
		return usage_wrong("limit", "is a number");
	}
	return query_time(o, query);
}

static bool asks_for_single(const struct calls_options *o)
{
	return o->caller || o->callee || o->trunk || o->call_id || o->at || o->within || o->limit;
}

static int run_calls(const struct common_options *options, const struct calls_options *o,
                     const struct log_query *query, const struct site *site)
{
	struct log_reader_options log;
	const char *state;
	bool json = options->json && !o->csv;

	if (options->log) {
		return common_log(options, site, &log, &state)
		               ? calls_find(&log, query, &site->norm, json, stdout)
		               : EXIT_BAD_INPUT;
	}
	struct feed_options feed = common_feed(options, site);
	return calls_run(options->inputs, options->input_count, &feed, &site->norm, json, stdout);
}

int cmd_calls(int argc, char **argv)
{
	struct calls_options o = {0};
	const struct own_option own[] = {
		{"csv", NULL, "CSV (the default)", NULL, &o.csv},
		{"caller", "NUMBER", "with --log: calls of this caller", &o.caller, NULL},
		{"callee", "NUMBER", "with --log: calls to this callee", &o.callee, NULL},
		{"trunk", "NAME", "with --log: calls that came or went by this trunk", &o.trunk,
	         NULL},
		{"call-id", "TEXT", "with --log: the call of this Call-ID", &o.call_id, NULL},
		{"at", "TIME", "with --log: calls that were going on about this time", &o.at, NULL},
		{"within", "SPAN", "how far from --at (15m)", &o.within, NULL},
		{"limit", "N", "with --log: calls shown at most (1000)", &o.limit, NULL},
	};
	struct common_options options;
	struct log_query query;

	int status = common_options(argc, argv, &calls_help, own, sizeof(own) / sizeof(own[0]),
	                            &options);
	if (status >= 0) {
		return status;
	}
	if (!common_has_input(&options, calls_help.usage) || !query_of(&o, &query) ||
	    (!options.log && asks_for_single(&o) &&
	     !usage_wrong("log", "is needed to look for single calls"))) {
		return EXIT_USAGE;
	}
	struct site *site = common_site(&options, true);
	if (!site) {
		return EXIT_BAD_INPUT;
	}
	status = run_calls(&options, &o, &query, site);
	site_free(site);
	return status;
}

static const struct command_help inspect_help = {
	.usage = "ringfence inspect INPUT... [options]",
	.about =
		"What captures and files of call records hold: packets, SIP by method and code, calls, and\n"
		"what was refused with its reason.",
	.common = true,
};

int cmd_inspect(int argc, char **argv)
{
	struct common_options options;

	int status = common_options(argc, argv, &inspect_help, NULL, 0, &options);
	if (status >= 0) {
		return status;
	}
	if (!common_has_input(&options, inspect_help.usage)) {
		return EXIT_USAGE;
	}
	struct site *site = common_site(&options, true);
	if (!site) {
		return EXIT_BAD_INPUT;
	}
	struct feed_options feed = common_feed(&options, site);
	status = inspect_run(options.inputs, options.input_count, &feed, options.json, stdout);
	site_free(site);
	return status;
}

static const struct command_help sip_help = {
	.usage = "ringfence sip FILE... [--json]",
	.about =
		"Each file holds one SIP message as it travels in a datagram. Says whether it is valid by the\n"
		"grammar of RFC 3261, what is wrong first, and what could be read all the same.",
	.common = false,
};

static char *read_whole(const char *path, size_t *len)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	char *bytes = f ? malloc(SIP_MESSAGE_MAX + 1) : NULL;

	*len = bytes ? fread(bytes, 1, SIP_MESSAGE_MAX + 1, f) : 0;
	if (f && f != stdin) {
		(void)fclose(f);
	}
	return bytes;
}

static void key_text(struct json_out *w, const char *key, struct slice text)
{
	json_key(w, key);
	if (text.p) {
		json_slice(w, text);
	} else {
		json_null(w);
	}
}

static void sip_json(struct buf *out, const char *file, const char *wrong, const struct sip_msg *m)
{
	struct json_out w = json_out(out);
	bool seen = m->header[SIP_H_CSEQ].p && m->cseq_method.p;

	json_object(&w);
	json_key(&w, "file");
	json_text(&w, file);
	json_key(&w, "verdict");
	json_text(&w, wrong ? "invalid" : "valid");
	json_key(&w, "reason");
	json_text(&w, wrong);
	key_text(&w, "method", m->request ? m->method_text : SLICE_NONE);
	json_key(&w, "status");
	if (m->status) {
		json_int(&w, m->status);
	} else {
		json_null(&w);
	}
	key_text(&w, "call_id", m->call_id);
	key_text(&w, "from", m->header[SIP_H_FROM]);
	key_text(&w, "to", m->header[SIP_H_TO]);
	json_key(&w, "cseq");
	if (seen) {
		json_int(&w, m->cseq);
	} else {
		json_null(&w);
	}
	key_text(&w, "cseq_method", m->cseq_method);
	json_key(&w, "content_length");
	if (m->content_length >= 0) {
		json_int(&w, m->content_length);
	} else {
		json_null(&w);
	}
	json_object_end(&w);
	buf_char(out, '\n');
}

static void sip_text(struct buf *out, const char *file, const char *wrong, const struct sip_msg *m)
{
	buf_printf(out, "%s: %s%s%s", file, wrong ? "invalid" : "valid", wrong ? ", " : "",
	           wrong ? wrong : "");
	if (m->request) {
		buf_printf(out, " (%.*s)", SLICE_FMT(m->method_text));
	} else if (m->status) {
		buf_printf(out, " (%d)", m->status);
	}
	buf_char(out, '\n');
}

int cmd_sip(int argc, char **argv)
{
	bool json = false;
	const struct own_option own[] = {{"json", NULL, "one JSON object a file", NULL, &json}};
	struct common_options options;
	struct buf out = {0};

	int status = common_options(argc, argv, &sip_help, own, 1, &options);
	if (status >= 0) {
		return status;
	}
	if (!common_has_input(&options, sip_help.usage)) {
		return EXIT_USAGE;
	}
	status = EXIT_DONE;
	for (size_t i = 0; i < options.input_count; i++) {
		struct sip_msg msg;
		size_t len;
		char *bytes = read_whole(options.inputs[i], &len);
		if (!bytes) {
			perror(options.inputs[i]);
			status = EXIT_BAD_INPUT;
			continue;
		}
		enum reason refused = sip_parse((struct slice){bytes, len}, &msg);
		const char *wrong = sip_check(&msg, refused);
		(json ? sip_json : sip_text)(&out, options.inputs[i], wrong, &msg);
		free(bytes);
	}
	(void)common_write(stdout, &out);
	buf_fini(&out);
	return status;
}
