/* The options that commands share (interfaces.md 2, "common"), as rows of one table: parsing, help
 * and their meaning come from there.
 */
#ifndef ENGINE_APP_OPTIONS_H
#define ENGINE_APP_OPTIONS_H

#include "app/feed.h"
#include "app/site.h"

/* Exit statuses of every program. */
enum { EXIT_DONE = 0, EXIT_BAD_INPUT = 1, EXIT_USAGE = 2, EXIT_INTERNAL = 3 };

enum { OPTIONS_RULES_MAX = 64, OPTIONS_INPUTS_MAX = 256 };

struct common_options {
	struct site_options site;
	const char *rules[OPTIONS_RULES_MAX];
	const char *inputs[OPTIONS_INPUTS_MAX]; /* what is no option */
	size_t input_count;
	const char *format;
	unsigned threads; /* 0: as many as the machine has, at most 8 */
	size_t memory;
	bool attempts;
	bool json;
	bool no_flush;
	const char *config;
	const char *log; /* FROM..TO: the call log of the configuration in place of inputs */
	int64_t log_from_us, log_to_us; /* INSTANT_NONE: open */
};

/* An option that one command adds to the common ones. */
struct own_option {
	const char *name;     /* "alerts" */
	const char *argument; /* "F|-"; NULL: a switch */
	const char *help;
	const char **text; /* where the argument goes */
	bool *on;          /* of a switch */
};

struct command_help {
	const char *usage; /* "ringfence replay INPUT... [options]" */
	const char *about; /* a paragraph */
	bool common;       /* takes the common options */
};

/* Parses argv[1..]. OK; E_INVALID after a message on stderr (exit status 2); E_END after --help
 * was printed (exit status 0).
 */
int options_parse(int argc, char **argv, const struct command_help *help,
                  const struct own_option *own, size_t own_count, struct common_options *out);
/* "512MiB", "4GiB", "10M" (bytes). E_MALFORMED. */
int size_parse(const char *text, size_t *bytes);
unsigned options_threads(const struct common_options *options);
struct feed_options options_feed(const struct common_options *options, const struct site *site);

#endif
