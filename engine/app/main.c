/* ringfenced: the command line of the daemon. */
#include <stdio.h>
#include <string.h>

#include "app/config.h"
#include "app/daemon.h"
#include "app/options.h"
#include "core/err.h"

static const struct command_help help = {
	.usage = "ringfenced --config F [--check-config | --dump-config] [--exit-when-done]",
	.about =
		"The daemon: call records and SIP traffic from the sources of its configuration through the\n"
		"rules, alerts into Redis. SIGHUP loads rules and lists anew, SIGTERM drains and ends.",
	.common = false,
};

enum { OWN_COUNT = 5 };

struct wishes {
	const char *config;
	bool check;
	bool dump;
	bool exit_when_done;
	bool version;
};

static void print_diags(struct diags *d)
{
	struct buf text = {0};

	diags_sort(d);
	diags_print(d, &text);
	(void)fwrite(text.p, 1, text.len, stderr);
	buf_fini(&text);
}

/* What the daemon would load, without the key, which it makes at its first start. */
static int check(const struct config *config, struct diags *d)
{
	struct site_options options;

	config_site(config, &options);
	struct site *site = site_load(&options, d);
	if (site) {
		config_log_check(config, site->rules, d);
	}
	print_diags(d);
	if (!site) {
		return EXIT_BAD_INPUT;
	}
	printf("configuration ok: %zu sources, %zu rules, %zu lists, %u warnings\n",
	       config->source_count, site->rules->rule_count, site->rules->list_count, d->warnings);
	site_free(site);
	return EXIT_DONE;
}

static int dump(const struct config *config)
{
	struct buf text = {0};

	config_dump(config, &text);
	bool whole = !text.failed && fwrite(text.p, 1, text.len, stdout) == text.len;
	buf_fini(&text);
	return whole && fflush(stdout) == 0 ? EXIT_DONE : EXIT_INTERNAL;
}

static int run(const struct wishes *w)
{
	struct diags d;
	int status = EXIT_BAD_INPUT;

	diags_init(&d);
	struct config *config = config_load(w->config, &d);
	if (!config) {
		print_diags(&d);
	} else if (w->check) {
		status = check(config, &d);
	} else if (w->dump) {
		status = dump(config);
	} else {
		status = daemon_run(config, w->exit_when_done);
	}
	config_free(config);
	diags_fini(&d);
	return status;
}

int main(int argc, char **argv)
{
	struct wishes w = {0};
	const struct own_option own[OWN_COUNT] = {
		{"config", "F", "the configuration (YAML)", &w.config, NULL},
		{"check-config", NULL,
	         "check configuration, rules, lists and trunks; start nothing", NULL, &w.check},
		{"dump-config", NULL, "print the configuration in force, defaults filled in", NULL,
	         &w.dump},
		{"exit-when-done", NULL, "end when every source is a file and read to its end",
	         NULL, &w.exit_when_done},
		{"version", NULL, "print the version", NULL, &w.version},
	};
	static struct common_options common;

	switch (options_parse(argc, argv, &help, own, OWN_COUNT, &common)) {
	case OK: break;
	case E_END: return EXIT_DONE;
	default: return EXIT_USAGE;
	}
	if (w.version) {
		printf("ringfenced %s\n", RINGFENCE_VERSION);
		return EXIT_DONE;
	}
	if (!w.config || common.input_count > 0 || (w.check && w.dump)) {
		fprintf(stderr, "%s\nusage: %s\n",
		        common.input_count ? "what is read stands in the configuration"
		        : w.config         ? "--check-config and --dump-config exclude each other"
		                           : "no configuration named",
		        help.usage);
		return EXIT_USAGE;
	}
	return run(&w);
}
