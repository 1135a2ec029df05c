#include <regex.h>

#include "app/rule_tests.h"
#include "core/json.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"
#include "ringfence/mutate.h"

static const struct command_help help = {
	.usage = "ringfence test [RULES...] [options]",
	.about =
		"Runs the tests that stand inside rules (of the shipped packs when none is named). A test\n"
		"that fails shows what differs: expected and got.",
	.common = true,
};

struct tally {
	unsigned run;
	unsigned failed;
	double seconds;
};

static void write_xml_text(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		switch (text.p[i]) {
		case '<': buf_text(out, "&lt;"); break;
		case '>': buf_text(out, "&gt;"); break;
		case '&': buf_text(out, "&amp;"); break;
		case '"': buf_text(out, "&quot;"); break;
		default: buf_char(out, text.p[i]); break;
		}
	}
}

static void junit_case(struct buf *out, const struct test_result *r)
{
	buf_text(out, "  <testcase classname=\"");
	write_xml_text(out, r->rule->name);
	buf_text(out, "\" name=\"");
	write_xml_text(out, r->test->name);
	buf_printf(out, "\" time=\"%.3f\"", r->seconds);
	if (r->passed) {
		buf_text(out, "/>\n");
		return;
	}
	buf_text(out, "><failure>");
	write_xml_text(out, buf_view(&r->report));
	buf_text(out, "</failure></testcase>\n");
}

static void json_case(struct json_out *w, const struct test_result *r)
{
	json_object(w);
	json_key(w, "rule");
	json_slice(w, r->rule->name);
	json_key(w, "test");
	json_slice(w, r->test->name);
	json_key(w, "passed");
	json_bool(w, r->passed);
	json_key(w, "report");
	json_slice(w, r->report.len ? buf_view(&r->report) : SLICE_LIT(""));
	json_key(w, "seconds");
	json_double(w, r->seconds);
	json_object_end(w);
}

static bool selected(const regex_t *filter, const struct rule *rule, const struct rule_test *test)
{
	char name[512];

	if (!filter) {
		return true;
	}
	(void)snprintf(name, sizeof(name), "%.*s %.*s", SLICE_FMT(rule->name),
	               SLICE_FMT(test->name));
	return regexec(filter, name, 0, NULL, 0) == 0;
}

static void run_one(const struct site *site, const struct rule *rule, const struct rule_test *test,
                    struct tally *tally, struct buf *junit, struct json_out *json)
{
	struct test_result result;
	double begin = common_seconds();

	(void)rule_test_run(site, rule, test, &result);
	result.seconds = common_seconds() - begin;
	tally->run++;
	tally->failed += !result.passed;
	tally->seconds += result.seconds;
	junit_case(junit, &result);
	if (json) {
		json_case(json, &result);
	} else if (!result.passed) {
		printf("FAIL %.*s: %.*s (%s:%u)\n%.*s", SLICE_FMT(rule->name),
		       SLICE_FMT(test->name), test->at.file ? test->at.file->path : "",
		       test->at.line, SLICE_FMT(buf_view(&result.report)));
	}
	buf_fini(&result.report);
}

static bool write_junit(const char *path, struct buf *cases, const struct tally *tally)
{
	FILE *f = fopen(path, "w");

	if (!f) {
		perror(path);
		return false;
	}
	fprintf(f,
	        "<?xml version=\"1.0\"?>\n<testsuite name=\"rules\" tests=\"%u\" failures=\"%u\" time=\"%.3f\">\n",
	        tally->run, tally->failed, tally->seconds);
	bool whole = common_write(f, cases);
	fprintf(f, "</testsuite>\n");
	return fclose(f) == 0 && whole;
}

static void run_all(const struct site *site, const regex_t *filter, struct tally *tally,
                    struct buf *junit, struct json_out *json)
{
	for (size_t i = 0; i < site->rules->rule_count; i++) {
		const struct rule *rule = site->rules->rules[i];
		for (const struct rule_test *t = rule->tests; t; t = t->next) {
			if (selected(filter, rule, t)) {
				run_one(site, rule, t, tally, junit, json);
			}
		}
	}
}

int cmd_test(int argc, char **argv)
{
	const char *run = NULL, *junit_path = NULL;
	bool mutate = false, strict = false;
	const struct own_option own[] = {
		{"run", "RE", "only tests whose \"rule name\" matches the pattern", &run, NULL},
		{"junit", "F", "results as JUnit XML", &junit_path, NULL},
		{"mutate", NULL,
	         "change the rules a little: which changes do their tests not notice?", NULL,
	         &mutate},
		{"strict", NULL,
	         "with --mutate: exit status 1 when a change survives without a reason", NULL,
	         &strict},
	};
	struct common_options options;
	struct tally tally = {0};
	struct buf junit = {0}, out = {0};
	regex_t filter;

	int status = common_options(argc, argv, &help, own, 4, &options);
	if (status >= 0) {
		return status;
	}
	if (run && regcomp(&filter, run, REG_EXTENDED | REG_NOSUB) != 0) {
		fprintf(stderr, "--run '%s' is no pattern\n", run);
		return EXIT_USAGE;
	}
	if (options.input_count) {
		options.site.rules = options.inputs;
		options.site.rule_count = options.input_count;
	}
	struct site *site = common_site(&options, false);
	if (!site) {
		return EXIT_BAD_INPUT;
	}
	if (mutate) {
		status = mutate_all(site, run ? &filter : NULL, options.json, strict);
		site_free(site);
		if (run) {
			regfree(&filter);
		}
		return status;
	}
	struct json_out w = json_out(&out);
	if (options.json) {
		json_array(&w);
	}
	run_all(site, run ? &filter : NULL, &tally, &junit, options.json ? &w : NULL);
	if (options.json) {
		json_array_end(&w);
		buf_char(&out, '\n');
		(void)common_write(stdout, &out);
	} else {
		printf("%u passed, %u failed\n", tally.run - tally.failed, tally.failed);
	}
	bool written = !junit_path || write_junit(junit_path, &junit, &tally);
	site_free(site);
	buf_fini(&junit);
	buf_fini(&out);
	if (run) {
		regfree(&filter);
	}
	return tally.failed || !written ? EXIT_BAD_INPUT : EXIT_DONE;
}
