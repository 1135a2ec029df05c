#include "app/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"
#include "core/instant.h"

enum { THREADS_MAX = 64, THREADS_DEFAULT_MAX = 8 };

/* ---- values ---- */

int size_parse(const char *text, size_t *bytes)
{
	static const struct {
		const char *suffix;
		unsigned long long factor;
	} units[] = {
		{"", 1},          {"k", 1000ULL},      {"M", 1000000ULL},     {"G", 1000000000ULL},
		{"KiB", 1 << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30},   {"TiB", 1ULL << 40},
		{"KB", 1000ULL},  {"MB", 1000000ULL},  {"GB", 1000000000ULL},
	};
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (end == text || text[0] == '-') {
		return E_MALFORMED;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix) == 0 && n <= SIZE_MAX / units[i].factor) {
			*bytes = (size_t)(n * units[i].factor);
			return OK;
		}
	}
	return E_MALFORMED;
}

static const char *take_config(struct common_options *o, char *value)
{
	o->config = value;
	return NULL;
}

/* One end of a range: an instant, or nothing. */
static bool take_end(struct slice text, int64_t *us)
{
	*us = INSTANT_NONE;
	return text.len == 0 || instant_parse_rfc3339(text, NULL, us) == OK;
}

static const char *take_log(struct common_options *o, char *value)
{
	const char *dots = strstr(value, "..");

	o->log = value;
	bool good = dots &&
	            take_end((struct slice){value, (size_t)(dots - value)}, &o->log_from_us) &&
	            take_end(slice_of(dots + 2), &o->log_to_us);
	return good ? NULL
	            : "is written FROM..TO, as 2026-03-02T10:00:00Z..2026-03-02T12:00:00Z; "
	              "either may be left out";
}

static const char *take_home(struct common_options *o, char *value)
{
	o->site.home = site_country_of(value);
	return o->site.home ? NULL : "is no country: two capital letters, as GB";
}

static const char *take_trunks(struct common_options *o, char *value)
{
	o->site.trunks = value;
	return NULL;
}

static const char *take_subscribers(struct common_options *o, char *value)
{
	o->site.subscribers = value;
	return NULL;
}

static const char *take_list(struct common_options *o, char *value)
{
	char *equal = strchr(value, '=');

	if (!equal || equal == value || !equal[1]) {
		return "is written NAME=FILE";
	}
	if (o->site.list_count == SITE_LISTS_MAX) {
		return "is given too often";
	}
	*equal = '\0';
	o->site.lists[o->site.list_count++] = (struct list_file){value, equal + 1};
	return NULL;
}

static const char *take_format(struct common_options *o, char *value)
{
	o->format = value;
	return NULL;
}

static const char *take_threads(struct common_options *o, char *value)
{
	size_t n;

	if (size_parse(value, &n) != OK || n < 1 || n > THREADS_MAX) {
		return "is a number from 1 to 64";
	}
	o->threads = (unsigned)n;
	return NULL;
}

static const char *take_memory(struct common_options *o, char *value)
{
	if (size_parse(value, &o->memory) != OK || o->memory < (size_t)64 << 20) {
		return "is a size of at least 64MiB, as 512MiB or 4GiB";
	}
	return NULL;
}

static const char *take_key(struct common_options *o, char *value)
{
	o->site.key_file = value;
	return NULL;
}

static const char *take_rules(struct common_options *o, char *value)
{
	if (o->site.rule_count == OPTIONS_RULES_MAX) {
		return "is given too often";
	}
	o->rules[o->site.rule_count++] = value;
	o->site.rules = o->rules;
	return NULL;
}

static const char *take_attempts(struct common_options *o, char *value)
{
	(void)value;
	o->attempts = true;
	return NULL;
}

static const char *take_json(struct common_options *o, char *value)
{
	(void)value;
	o->json = true;
	return NULL;
}

static const char *take_no_flush(struct common_options *o, char *value)
{
	(void)value;
	o->no_flush = true;
	return NULL;
}

struct common_row {
	const char *name;
	const char *argument;
	const char *help;
	const char *(*take)(struct common_options *o, char *value); /* NULL, or what is wrong */
};

static const struct common_row common_rows[] = {
	{"config", "F", "site configuration (the daemon's): country, zone, trunks, lists, rules",
         take_config},
	{"log", "FROM..TO", "the daemon's call log as input (with --config): RFC 3339, half-open",
         take_log},
	{"home", "CC", "home country, as GB: explains national numbers", take_home},
	{"trunks", "F", "table of trunks (CSV: trunk,role,partner,cidr,home)", take_trunks},
	{"subscribers", "F", "table of subscribers (CSV)", take_subscribers},
	{"list", "NAME=FILE", "data of a list that rules declare; repeatable", take_list},
	{"format", "NAME", "format of call records without a known header (generic)", take_format},
	{"rules", "PATH", "rule file or folder instead of the shipped packs; repeatable",
         take_rules},
	{"threads", "N", "threads (as many as there are processors, at most 8)", take_threads},
	{"memory", "SIZE", "memory for the state of rules (4GiB)", take_memory},
	{"key", "F", "key file: makes alert ids those of the daemon that owns it", take_key},
	{"attempts", NULL, "call records also give an attempt at their start", take_attempts},
	{"no-flush", NULL, "the input goes on elsewhere: leave open calls and absences open",
         take_no_flush},
	{"json", NULL, "output for programs", take_json},
};

enum { COMMON_COUNT = sizeof(common_rows) / sizeof(common_rows[0]) };

/* ---- help ---- */

static void print_option(const char *name, const char *argument, const char *help)
{
	char left[40];

	(void)snprintf(left, sizeof(left), "--%s%s%s", name, argument ? " " : "",
	               argument ? argument : "");
	printf("  %-26s %s\n", left, help);
}

static void print_help(const struct command_help *help, const struct own_option *own, size_t count)
{
	printf("usage: %s\n\n%s\n\noptions:\n", help->usage, help->about);
	for (size_t i = 0; i < count; i++) {
		print_option(own[i].name, own[i].argument, own[i].help);
	}
	for (size_t i = 0; help->common && i < COMMON_COUNT; i++) {
		print_option(common_rows[i].name, common_rows[i].argument, common_rows[i].help);
	}
	print_option("help", NULL, "this text");
	printf("\nexit status: 0 done, 1 bad input or rules, 2 usage, 3 internal error\n");
}

/* ---- parsing ---- */

static int usage_error(const struct command_help *help, const char *option, const char *wrong)
{
	fprintf(stderr, "%s %s\nusage: %s\n(--help says more)\n", option, wrong, help->usage);
	return E_INVALID;
}

struct cursor_args {
	int argc;
	char **argv;
	int at;
};

/* The argument of an option: behind '=' or the next word; NULL when there is none. */
static char *argument_of(struct cursor_args *args, char *equal)
{
	if (equal) {
		return equal + 1;
	}
	return args->at + 1 < args->argc ? args->argv[++args->at] : NULL;
}

static int take_option(struct cursor_args *args, const struct command_help *help,
                       const struct own_option *own, size_t own_count, struct common_options *out)
{
	char *word = args->argv[args->at];
	char *equal = strchr(word, '=');
	size_t len = equal ? (size_t)(equal - word) - 2 : strlen(word) - 2;
	const char *name = word + 2;

	for (size_t i = 0; i < own_count; i++) {
		if (strlen(own[i].name) != len || strncmp(own[i].name, name, len) != 0) {
			continue;
		}
		if (!own[i].argument) {
			*own[i].on = true;
			return OK;
		}
		*own[i].text = argument_of(args, equal);
		return *own[i].text ? OK : usage_error(help, word, "needs an argument");
	}
	for (size_t i = 0; help->common && i < COMMON_COUNT; i++) {
		const struct common_row *row = &common_rows[i];
		if (strlen(row->name) != len || strncmp(row->name, name, len) != 0) {
			continue;
		}
		char *value = row->argument ? argument_of(args, equal) : NULL;
		if (row->argument && !value) {
			return usage_error(help, word, "needs an argument");
		}
		const char *wrong = row->take(out, value);
		return wrong ? usage_error(help, word, wrong) : OK;
	}
	return usage_error(help, word, "is no option of this command");
}

int options_parse(int argc, char **argv, const struct command_help *help,
                  const struct own_option *own, size_t own_count, struct common_options *out)
{
	struct cursor_args args = {argc, argv, 1};
	bool only_inputs = false;

	*out = (struct common_options){0};
	for (; args.at < argc; args.at++) {
		char *word = argv[args.at];
		if (!only_inputs && strcmp(word, "--") == 0) {
			only_inputs = true;
		} else if (!only_inputs && strcmp(word, "--help") == 0) {
			print_help(help, own, own_count);
			return E_END;
		} else if (!only_inputs && strncmp(word, "--", 2) == 0) {
			int err = take_option(&args, help, own, own_count, out);
			if (err) {
				return err;
			}
		} else if (!only_inputs && word[0] == '-' && word[1]) {
			return usage_error(help, word, "is no option: options are long, as --help");
		} else if (out->input_count == OPTIONS_INPUTS_MAX) {
			return usage_error(help, word, "is one input too many");
		} else {
			out->inputs[out->input_count++] = word;
		}
	}
	return OK;
}

unsigned options_threads(const struct common_options *options)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (options->threads) {
		return options->threads;
	}
	return processors < 1                     ? 1
	       : processors > THREADS_DEFAULT_MAX ? THREADS_DEFAULT_MAX
	                                          : (unsigned)processors;
}

struct feed_options options_feed(const struct common_options *options, const struct site *site)
{
	return (struct feed_options){
		.key = &site->key,
		.tz = site->tz,
		.attempts = options->attempts,
		.no_flush = options->no_flush,
		.format = options->format,
		.memory_max = (size_t)256 << 20,
	};
}
