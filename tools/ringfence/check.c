#include "app/rule_state.h"
#include "core/err.h"
#include "core/json.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"
#include "ringfence/control.h"

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

/* ---- what a reload would keep ---- */

static const char *fate_of(const struct rule_state *mine, const struct rule_states *theirs)
{
	const struct rule_state *old = rule_states_find(theirs, mine->name);

	return !old                                   ? "new"
	       : !mine->state[0]                      ? "stateless"
	       : strcmp(old->state, mine->state) == 0 ? "kept"
	                                              : "reset";
}

static void print_fates(const struct rule_states *mine, const struct rule_states *theirs, bool json,
                        struct buf *out)
{
	for (size_t i = 0; i < mine->count; i++) {
		const struct rule_state *rule = &mine->rules[i];
		buf_printf(out, json ? "{\"rule\":\"%.*s\",\"state\":\"%s\"}\n" : "%.*s: %s\n",
		           SLICE_FMT(rule->name), fate_of(rule, theirs));
	}
	for (size_t i = 0; i < theirs->count; i++) {
		if (!rule_states_find(mine, theirs->rules[i].name)) {
			buf_printf(out,
			           json ? "{\"rule\":\"%.*s\",\"state\":\"gone\"}\n"
			                : "%.*s: gone\n",
			           SLICE_FMT(theirs->rules[i].name));
		}
	}
}

/* A line a rule: kept, new, reset (its state depends on something else now), gone. */
static bool print_against(const struct site *site, const char *socket, bool json, struct buf *out)
{
	struct buf answer = {0};
	struct slice result;
	struct rule_states mine = {0}, theirs = {0};

	bool good = control_ask(socket, SLICE_LIT("{\"v\":1,\"id\":1,\"verb\":\"rules\"}"), &answer,
	                        &result);
	if (good) {
		int err = rule_states_of(site, &mine);
		err = err ? err : rule_states_read(result, &theirs);
		good = err == OK;
		if (good) {
			print_fates(&mine, &theirs, json, out);
		} else {
			fprintf(stderr, "%s: %s\n", socket, err_text(err));
		}
	}
	rule_states_fini(&mine);
	rule_states_fini(&theirs);
	buf_fini(&answer);
	return good;
}

int cmd_check(int argc, char **argv)
{
	bool strict = false, plan = false;
	const char *against = NULL;
	const struct own_option own[] = {
		{"strict", NULL, "warnings count as errors", NULL, &strict},
		{"plan", NULL, "how each rule is evaluated, and what a key costs", NULL, &plan},
		{"against-running", "SOCKET",
	         "what a reload of the engine there would keep, rule by rule", &against, NULL},
	};
	struct common_options options;
	struct diags diags;
	struct buf out = {0};

	int status = common_options(argc, argv, &help, own, 3, &options);
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
	bool compared = !against || !site || print_against(site, against, options.json, &out);
	(void)common_write(stdout, &out);
	bool good = site && planned && compared && diags.errors == 0 &&
	            (!strict || diags.warnings == 0);
	site_free(site);
	diags_fini(&diags);
	buf_fini(&out);
	return good ? EXIT_DONE : EXIT_BAD_INPUT;
}
