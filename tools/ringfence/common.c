#include "ringfence/common.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "app/config.h"
#include "core/err.h"

double common_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int64_t common_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t common_memory_peak(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_maxrss * 1024;
}

int common_options(int argc, char **argv, const struct command_help *help,
                   const struct own_option *own, size_t own_count, struct common_options *out)
{
	switch (options_parse(argc, argv, help, own, own_count, out)) {
	case OK: return -1;
	case E_END: return EXIT_DONE;
	default: return EXIT_USAGE;
	}
}

bool common_write(FILE *f, struct buf *out)
{
	bool whole = !out->failed && (out->len == 0 || fwrite(out->p, 1, out->len, f) == out->len);

	buf_reset(out);
	return fflush(f) == 0 && whole;
}

void common_print_diags(const struct diags *diags)
{
	struct buf text = {0};

	diags_print(diags, &text);
	(void)common_write(stderr, &text);
	buf_fini(&text);
}

/* --config, kept to the end: the site borrows its texts. */
static struct config *configuration;
static char state_key[CONFIG_PATH];

static void free_configuration(void)
{
	config_free(configuration);
	configuration = NULL;
}

/* Options of the command line win over the configuration; lists of both count. */
static bool merge_config(struct common_options *options, struct diags *diags)
{
	struct site_options *given = &options->site;
	struct site_options site;

	configuration = config_load(options->config, diags);
	if (!configuration) {
		return false;
	}
	(void)atexit(free_configuration);
	config_site(configuration, &site);
	site.home = given->home ? given->home : site.home;
	site.trunks = given->trunks ? given->trunks : site.trunks;
	site.subscribers = given->subscribers ? given->subscribers : site.subscribers;
	site.key_file = given->key_file;
	if (options->log && !site.key_file) {
		(void)snprintf(state_key, sizeof(state_key), "%s/hash.key", configuration->state);
		site.key_file = state_key; /* as the log was written */
	}
	options->memory = options->memory ? options->memory : configuration->memory;
	site.whole = given->whole;
	site.without_rules = given->without_rules;
	if (given->rule_count) {
		site.rules = given->rules;
		site.rule_count = given->rule_count;
	}
	struct site_options own = *given;
	*given = site;
	/* A list of the command line stands before the same one of the configuration. */
	size_t room = SITE_LISTS_MAX - own.list_count;
	size_t kept = site.list_count < room ? site.list_count : room;
	memcpy(given->lists, own.lists, own.list_count * sizeof(own.lists[0]));
	memcpy(given->lists + own.list_count, site.lists, kept * sizeof(site.lists[0]));
	given->list_count = own.list_count + kept;
	return true;
}

const char *common_site_name(void)
{
	return configuration ? configuration->site : "local";
}

const char *common_engine_name(void)
{
	return configuration ? configuration->engine : "replay";
}

bool common_log(const struct common_options *options, const struct site *site,
                struct log_reader_options *out, const char **state)
{
	static char path[CONFIG_PATH];
	struct call_log_options log;

	if (!configuration || !config_log(configuration, path, &log)) {
		fprintf(stderr, "--log: %s\n",
		        configuration ? "the configuration keeps no call log (key 'log')"
		                      : "needs --config, the daemon's configuration");
		return false;
	}
	*state = configuration->state;
	*out = (struct log_reader_options){.path = path,
	                                   .key = &site->key,
	                                   .from_us = options->log_from_us,
	                                   .to_us = options->log_to_us,
	                                   .progress = common_progress};
	return true;
}

struct feed_options common_feed(const struct common_options *options, const struct site *site)
{
	struct feed_options feed = options_feed(options, site);

	if (configuration) {
		feed.caller_from = configuration->caller == CALLER_FROM;
		feed.max_idle_us = configuration->max_idle_us;
	}
	return feed;
}

struct site *common_load(struct common_options *options, struct diags *diags)
{
	if (options->config && !merge_config(options, diags)) {
		return NULL;
	}
	options->site.now_us = common_now_ms() * 1000;
	return site_load(&options->site, diags);
}

struct site *common_site(struct common_options *options, bool without_rules)
{
	struct diags *diags = calloc(1, sizeof(*diags));

	if (!diags) {
		return NULL;
	}
	diags_init(diags);
	options->site.without_rules = without_rules;
	struct site *site = common_load(options, diags);
	if (site) {
		/* Warnings are for `check`; here only what hinders. */
		site->sources = diags;
		return site;
	}
	diags_sort(diags);
	common_print_diags(diags);
	diags_fini(diags);
	free(diags);
	return NULL;
}

bool common_has_input(const struct common_options *options, const char *usage)
{
	if (options->log && options->input_count > 0) {
		fprintf(stderr, "--log stands in place of inputs\nusage: %s\n(--help says more)\n",
		        usage);
		return false;
	}
	if (options->input_count == 0 && !options->log) {
		fprintf(stderr, "no input named\nusage: %s\n(--help says more)\n", usage);
		return false;
	}
	return true;
}

static double progress_last;
static bool progress_shown;

void common_progress(void *user, uint64_t done, uint64_t total)
{
	double now = common_seconds();
	const double *begin = user;

	if (!isatty(STDERR_FILENO) || now - *begin < 1 || now - progress_last < 1) {
		return;
	}
	progress_last = now;
	progress_shown = true;
	double rate = (double)done / (now - *begin);
	if (total > done && rate > 0) {
		fprintf(stderr, "\r%5.1f %%  %.0f MB of %.0f MB, %.0f s left   ",
		        100 * (double)done / (double)total, (double)done / 1e6, (double)total / 1e6,
		        (double)(total - done) / rate);
	} else {
		fprintf(stderr, "\r%.0f MB read   ", (double)done / 1e6);
	}
}

void common_progress_end(void)
{
	if (progress_shown) {
		fprintf(stderr, "\r%60s\r", "");
	}
}
