/* ringfence docs: the reference of the rule language, from the tables that the engine reads. */
#include <string.h>

#include "detect/expr.h"
#include "detect/rule.h"
#include "model/field.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"
#include "ringfence/language.h"

static const struct command_help help = {
	.usage = "ringfence docs [fields|functions|aggregates|keys|lists]...",
	.about = "Writes the reference of the rule language as Markdown, from the tables that the\n"
		 "engine reads; all of it when nothing is named. `lists` are those of the rules.",
	.common = true,
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- fields ---- */

static const char *const storage_words[] = {
	[STORE_NONE] = "",        [STORE_NUM] = "number",  [STORE_TIME] = "time",
	[STORE_DUR] = "duration", [STORE_INT] = "integer", [STORE_FLOAT] = "decimal",
	[STORE_BOOL] = "yes/no",  [STORE_ENUM] = "",       [STORE_COUNTRY] = "country",
	[STORE_TEXT] = "text",    [STORE_IP] = "address",
};

/* Names that stand for more than a column of an event. */
static const struct {
	const char *name, *type, *help;
} more_fields[] = {
	{"caller.score", "decimal", "Risk of the caller's number at the last second."},
	{"callee.score", "decimal", "Risk of the called number at the last second."},
	{"score.entity", "text", "`on: score`: whose score it is."},
	{"score.type", "text", "`on: score`: number, trunk, account, ip or other."},
	{"score.value", "decimal", "`on: score`: the score."},
	{"score.rules", "integer", "`on: score`: how many rules gave points that still count."},
	{"signal.NAME", "of the field", "`on: signal`: a field that the rules of `from` give."},
	{"STEP.FIELD", "of the field", "Of a sequence: a field of the step's event."},
	{"site.country", "country", "Home country of the site."},
	{"site.tz", "text", "Time zone of the site."},
};

static void print_kinds(unsigned kinds, struct buf *out)
{
	const char *between = "";

	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		if (kinds >> k & 1) {
			buf_printf(out, "%s%s", between, kind_name((enum event_kind)k));
			between = ", ";
		}
	}
}

static void print_type(enum field field, struct buf *out)
{
	struct enum_set set = enum_set(field_set(field));

	buf_text(out, storage_words[field_storage(field)]);
	for (unsigned i = 0; field_storage(field) == STORE_ENUM && i < set.count; i++) {
		buf_printf(out, "%s%s", i ? " " : "", set.words[i]);
	}
}

static unsigned kinds_of(enum field field)
{
	return field >= FIELD_PARTY_FIRST ? (unsigned)K_PARTY : field_row(field)->kinds;
}

/* Fields that exist on the same kinds of event are a group, in the order of the first of each. */
static void print_fields_of(unsigned kinds, struct buf *out)
{
	buf_text(out, "\n### On ");
	print_kinds(kinds, out);
	buf_text(out, "\n\n| field | type | may be missing | |\n|---|---|---|---|\n");
	for (unsigned f = FIELD_NONE + 1; f < FIELD_NAME_COUNT; f++) {
		const struct field_row *row = field_row((enum field)f);
		if (!row->name[0] || kinds_of((enum field)f) != kinds) {
			continue;
		}
		buf_printf(out, "| `%s` | ", row->name);
		print_type((enum field)f, out);
		buf_printf(out, " | %s | %s |\n", row->optional ? "yes" : "", row->help);
	}
}

static bool print_fields(const struct common_options *options, struct buf *out)
{
	(void)options;
	buf_text(out, "## Fields\n");
	for (unsigned f = FIELD_NONE + 1; f < FIELD_NAME_COUNT; f++) {
		bool first = field_row((enum field)f)->name[0] != '\0';
		for (unsigned g = FIELD_NONE + 1; g < f && first; g++) {
			first = !field_row((enum field)g)->name[0] ||
			        kinds_of((enum field)g) != kinds_of((enum field)f);
		}
		if (first) {
			print_fields_of(kinds_of((enum field)f), out);
		}
	}
	buf_text(out, "\n### Beside events\n\n| name | type | |\n|---|---|---|\n");
	for (size_t i = 0; i < COUNT(more_fields); i++) {
		buf_printf(out, "| `%s` | %s | %s |\n", more_fields[i].name, more_fields[i].type,
		           more_fields[i].help);
	}
	return true;
}

/* ---- functions and aggregates ---- */

// clang-format off
#define ABOUT_PRESENT "x", "yes/no", "Is there a value?"
#define ABOUT_IF "condition, a, b", "of a and b", "a where the condition holds, else b."
#define ABOUT_ABS "x", "of x", "Without its sign: a number or a duration."
#define ABOUT_LEN "text", "integer", "How many characters."
#define ABOUT_LOWER "text", "text", "In lower case."
#define ABOUT_FOLD "text", "text", "In lower case, without accents, look-alike letters of other scripts as Latin ones."
#define ABOUT_STARTS "text, start", "yes/no", "Does the text begin so?"
#define ABOUT_CONTAINS "text, part", "yes/no", "Does the text hold that?"
#define ABOUT_PREFIX "number, n", "number", "Its first n digits; missing when it has fewer."
#define ABOUT_BLOCK "number, n", "number", "All but its last n digits: the block that it lies in."
#define ABOUT_COMMON_PREFIX "number, number", "integer", "Equal leading digits behind the country code; 0 across countries."
#define ABOUT_COUNTRY "number", "country", "The number's country."
#define ABOUT_HOUR "time[, tz]", "integer", "Hour of the day, 0 to 23; of the site's zone without tz."
#define ABOUT_WEEKDAY "time[, tz]", "integer", "1 for Monday to 7."
#define ABOUT_IN_HOURS "time, \"20:00-06:00\"[, tz]", "yes/no", "Does the time lie in these hours? They may pass midnight."
#define ABOUT_ATTR "@list, x, \"column\"", "text", "Another column of x's row in the list."

static const struct {
	const char *name, *arguments, *result, *help;
} functions[] = {
#define FUNCTION(id, name, min, max) {name, ABOUT_##id},
#include "detect/functions.def"
#undef FUNCTION
	{"new", "x, history[, warm]", "yes/no", "Has this key not shown x within `history`? Missing while the key is younger than `warm`."},
	{"usual", "aggregate", "decimal", "Mean of the aggregate over the key's own past (`baseline`)."},
	{"spread", "aggregate", "decimal", "Its standard deviation there."},
	{"zscore", "aggregate", "decimal", "How many spreads the present window lies above the usual."},
};

#define RESULT_INT "integer"
#define RESULT_FLOAT "decimal"
#define RESULT_ARG "of x"
#define RESULT_ARG_AVG "of x, decimal for integers"
#define ARGUMENTS_0 "[condition]"
#define ARGUMENTS_1 "x[, condition]"
#define ARGUMENTS_2 "q, x[, condition]"

static const struct {
	const char *name, *arguments, *result, *help;
} aggregates[] = {
#define AGGREGATE(id, name, args, result, help) {name, ARGUMENTS_##args, RESULT_##result, help},
#include "detect/aggregates.def"
#undef AGGREGATE
};
// clang-format on

static bool print_functions(const struct common_options *options, struct buf *out)
{
	(void)options;
	buf_text(out, "## Functions\n\n| function | result | |\n|---|---|---|\n");
	for (size_t i = 0; i < COUNT(functions); i++) {
		buf_printf(out, "| `%s(%s)` | %s | %s |\n", functions[i].name,
		           functions[i].arguments, functions[i].result, functions[i].help);
	}
	return true;
}

static bool print_aggregates(const struct common_options *options, struct buf *out)
{
	(void)options;
	buf_text(out, "## Aggregates\n\nOver the events of the window, the present one included; "
	              "with a condition, over those that meet it. `... over 1h` takes another "
	              "window.\n\n| aggregate | result | |\n|---|---|---|\n");
	for (size_t i = 0; i < COUNT(aggregates); i++) {
		buf_printf(out, "| `%s(%s)` | %s | %s |\n", aggregates[i].name,
		           aggregates[i].arguments, aggregates[i].result, aggregates[i].help);
	}
	return true;
}

/* ---- keys ---- */

static void print_key(const struct language_key *key, struct buf *out)
{
	buf_printf(out, "| `%s` | %s", key->name, shape_words(key->shape));
	if (key->words) {
		struct slice words = slice_trim(slice_of(key->words));
		buf_printf(out, ": %.*s", SLICE_FMT(words));
	} else if (key->of) {
		buf_printf(out, ": [%s](#%s)", key->of->name, key->of->name);
	}
	buf_printf(out, " | %s | %s%s |\n", key->required ? "yes" : "", key->help,
	           key->not_built ? " Not built yet." : "");
}

static bool print_keys(const struct common_options *options, struct buf *out)
{
	(void)options;
	buf_text(out, "## Keys\n\nOther keys are mistakes, but for those that begin with `x-`.\n");
	for (size_t i = 0; i < language_map_count; i++) {
		const struct language_map *map = language_maps[i];
		buf_printf(out,
		           "\n### %s\n\n%s.\n\n| key | holds | needed | |\n|---|---|---|---|\n",
		           map->name, map->title);
		for (size_t k = 0; k < map->count; k++) {
			print_key(&map->keys[k], out);
		}
	}
	return true;
}

/* ---- lists ---- */

static void print_list(const struct list_decl *list, struct buf *out)
{
	static const char *const types[] = {
		[LIST_NONE] = "",          [LIST_NUM] = "num",   [LIST_PREFIX] = "prefix",
		[LIST_IP] = "ip",          [LIST_CIDR] = "cidr", [LIST_TEXT] = "text",
		[LIST_COUNTRY] = "country"};

	buf_printf(out, "| `@%.*s` | %s | ", SLICE_FMT(list->name), types[list->type]);
	for (size_t i = 0; i < list->column_count; i++) {
		buf_printf(out, "%s%.*s", i ? ", " : "", SLICE_FMT(list->columns[i]));
	}
	buf_printf(out, " | %s | %.*s |\n", list->dynamic ? "rules" : "the site",
	           SLICE_FMT(list->doc));
}

static bool print_lists(const struct common_options *options, struct buf *out)
{
	struct common_options copy = *options;
	struct diags diags;

	diags_init(&diags);
	struct site *site = common_load(&copy, &diags);
	if (site) {
		buf_text(out, "## Lists\n\n| list | type | columns | filled by | |\n"
		              "|---|---|---|---|---|\n");
		for (size_t i = 0; i < site->rules->list_count; i++) {
			print_list(&site->rules->lists[i], out);
		}
	} else {
		common_print_diags(&diags);
	}
	bool loaded = site != NULL;
	site_free(site);
	diags_fini(&diags);
	return loaded;
}

/* ---- the command ---- */

static const struct {
	const char *name;
	bool (*print)(const struct common_options *options, struct buf *out);
} parts[] = {
	{"keys", print_keys},           {"fields", print_fields},
	{"functions", print_functions}, {"aggregates", print_aggregates},
	{"lists", print_lists},
};

static bool is_asked(const struct common_options *options, const char *name)
{
	bool asked = options->input_count == 0;

	for (size_t i = 0; i < options->input_count; i++) {
		asked |= strcmp(options->inputs[i], name) == 0;
	}
	return asked;
}

static bool is_part(const char *name)
{
	for (size_t i = 0; i < COUNT(parts); i++) {
		if (strcmp(parts[i].name, name) == 0) {
			return true;
		}
	}
	fprintf(stderr, "'%s' is no part of the reference\nusage: %s\n", name, help.usage);
	return false;
}

int cmd_docs(int argc, char **argv)
{
	struct common_options options;
	struct buf out = {0};
	bool good = true;

	int status = common_options(argc, argv, &help, NULL, 0, &options);
	if (status >= 0) {
		return status;
	}
	for (size_t i = 0; i < options.input_count; i++) {
		if (!is_part(options.inputs[i])) {
			return EXIT_USAGE;
		}
	}
	for (size_t i = 0; i < COUNT(parts); i++) {
		if (is_asked(&options, parts[i].name)) {
			buf_text(&out, out.len ? "\n" : "");
			good &= parts[i].print(&options, &out);
		}
	}
	good &= common_write(stdout, &out);
	buf_fini(&out);
	return good ? EXIT_DONE : EXIT_BAD_INPUT;
}
