#include <stdio.h>
#include <string.h>

#include "app/options.h"
#include "ringfence/commands.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"check", cmd_check, "check rule files: every mistake with its place and a hint"},
	{"test", cmd_test, "run the tests that stand inside rules"},
	{"replay", cmd_replay, "traffic through the rules: alerts, and a table of them"},
	{"diff", cmd_diff, "what another version of the rules raises on the same traffic"},
	{"fmt", cmd_fmt, "lay rule files out in one way; comments stay"},
	{"docs", cmd_docs, "the reference of the rule language"},
	{"schema", cmd_schema, "a JSON Schema of rule files, for editors"},
	{"suggest", cmd_suggest, "thresholds of a rule: what each would raise"},
	{"calls", cmd_calls, "traffic as one line a call"},
	{"inspect", cmd_inspect, "what a capture or a file of call records holds"},
	{"sip", cmd_sip, "files of one SIP message each: valid or not, and why"},
	{"score", cmd_score, "alerts against what a labelled world holds"},
	{"gen", cmd_gen, "make a labelled scene to try rules on"},
	{"status", cmd_status, "how a running engine is"},
	{"reload", cmd_reload, "a running engine reads rules, lists and tables anew"},
	{"control", cmd_control, "any other word to a running engine"},
	{"help", cmd_help, "what the code of a message means: help E036"},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void print_commands(FILE *out)
{
	fprintf(out, "usage: ringfence COMMAND [options]\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	}
	fprintf(out, "\nringfence COMMAND --help says more; ringfence --version the version.\n");
}

int main(int argc, char **argv)
{
	bool plain_help = argc == 2 && strcmp(argv[1], "help") == 0;
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || plain_help)) {
		print_commands(stdout);
		return EXIT_DONE;
	}
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("ringfence %s\n", RINGFENCE_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; argc > 1 && i < COMMAND_COUNT; i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	if (argc > 1) {
		fprintf(stderr, "'%s' is no command\n", argv[1]);
	}
	print_commands(stderr);
	return EXIT_USAGE;
}
