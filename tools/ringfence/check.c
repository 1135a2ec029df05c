#include "core/json.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"

static const struct command_help help = {
	.usage = "ringfence check [RULES...] [options]",
	.about =
		"Reads rule files and folders (the shipped packs when none is named) and reports every\n"
		"mistake with file, line and column, and a hint where one helps.",
	.common = true,
};

static void print_json(const struct diags *diags, size_t rules, struct buf *out)
{
	struct json_out w = json_out(out);
	struct buf list = {0};

	diags_json(diags, &list);
	json_object(&w);
	json_key(&w, "rules");
	json_int(&w, (int64_t)rules);
	json_key(&w, "errors");
	json_int(&w, diags->errors);
	json_key(&w, "warnings");
	json_int(&w, diags->warnings);
	json_key(&w, "diagnostics");
	json_raw(&w, buf_view(&list));
	json_object_end(&w);
	buf_char(out, '\n');
	buf_fini(&list);
}

/* One line a rule: what an event of its kind costs it and what a key holds. */
static bool print_plan(const struct site *site, bool json, struct buf *out)
{
	const char *why;
	struct detector_options options = {.rules = site->rules,
	                                   .key = &site->key,
	                                   .site = site_eval(site),
	                                   .memory = (size_t)64 << 20};
	struct detector *detector = detector_new(&options, &why);

	if (!detector) {
		fprintf(stderr, "%s\n", why);
		return false;
	}
	detector_plan(detector, out, json);
	detector_free(detector);
	return true;
}

int cmd_check(int argc, char **argv)
{
	bool strict = false, plan = false;
	const struct own_option own[] = {
		{"strict", NULL, "warnings count as errors", NULL, &strict},
		{"plan", NULL, "how each rule is evaluated, and what a key costs", NULL, &plan},
	};
	struct common_options options;
	struct diags diags;
	struct buf out = {0};

	int status = common_options(argc, argv, &help, own, 2, &options);
	if (status >= 0) {
		return status;
	}
	if (options.input_count) {
		options.site.rules = options.inputs;
		options.site.rule_count = options.input_count;
	}
	size_t rules = 0;
	options.site.whole = &rules;
	diags_init(&diags);
	struct site *site = common_load(&options, &diags);
	diags_sort(&diags);
	if (options.json) {
		print_json(&diags, rules, &out);
	} else {
		diags_print(&diags, &out);
		buf_printf(&out, "%zu rules ok, %u errors, %u warnings\n", rules, diags.errors,
		           diags.warnings);
	}
	bool planned = !plan || !site || print_plan(site, options.json, &out);
	(void)common_write(stdout, &out);
	bool good = site && planned && diags.errors == 0 && (!strict || diags.warnings == 0);
	site_free(site);
	diags_fini(&diags);
	buf_fini(&out);
	return good ? EXIT_DONE : EXIT_BAD_INPUT;
}
