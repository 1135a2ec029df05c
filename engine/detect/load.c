#include "detect/load.h"

#include <stdlib.h>

#include "core/err.h"
#include "detect/rule_files.h"
#include "detect/ruleset.h"
#include "detect/schema.h"

enum { FILE_SIZE_MAX = 4 << 20, SCRATCH_MAX = 1 << 30 };

enum file_key {
	FILE_VERSION,
	FILE_PACK,
	FILE_ABOUT,
	FILE_RULES,
	FILE_LISTS,
	FILE_OVERRIDES,
	FILE_TESTS,
	FILE_KEYS
};

static const struct schema_key file_keys[FILE_KEYS] = {
	[FILE_VERSION] = {"version", YAML_SCALAR, true, false},
	[FILE_PACK] = {"pack", YAML_SCALAR, false, false},
	[FILE_ABOUT] = {"about", YAML_MAP, false, false},
	[FILE_RULES] = {"rules", YAML_LIST, false, false},
	[FILE_LISTS] = {"lists", YAML_MAP, false, false},
	[FILE_OVERRIDES] = {"overrides", YAML_LIST, false, false},
	[FILE_TESTS] = {"tests", YAML_NONE, false, true},
};
static const struct schema file_schema = {"a rule file", file_keys, FILE_KEYS};

/* A file that has been read, its keys taken. */
struct rule_file {
	const struct yaml_node *got[FILE_KEYS];
	struct slice pack;
	struct rule_file *next;
};

struct load {
	struct loader loader;
	struct rule_file *files;
	struct rule_file **tail;
};

static struct slice read_pack(struct loader *l, const struct yaml_node *node)
{
	if (!node) {
		return SLICE_LIT("site.local");
	}
	for (size_t i = 0; i < node->text.len; i++) {
		char c = node->text.p[i];
		if (!(c >= 'a' && c <= 'z') && !ascii_is_digit(c) && !memchr("._-", c, 3)) {
			diag_add(l->diags, node->at, "E031",
			         SLICE_LIT("use a-z, 0-9, '.', '_' and '-'"),
			         "'%.*s' is not the name of a pack", SLICE_FMT(node->text));
			return SLICE_LIT("site.local");
		}
	}
	return arena_copy(&l->set->arena, node->text);
}

static void check_version(struct loader *l, const struct yaml_node *node)
{
	if (node && !slice_eq(node->text, SLICE_LIT("1"))) {
		diag_add(l->diags, node->at, "E031", SLICE_LIT("write version: 1"),
		         "'%.*s' is not a version of the rule language", SLICE_FMT(node->text));
	}
}

static void take_file(struct load *load, const struct source_file *file)
{
	struct loader *l = &load->loader;
	const struct yaml_node *root = file ? yaml_parse(file, &l->scratch, l->diags) : NULL;
	struct rule_file *new = root ? arena_alloc(&l->scratch, sizeof(*new)) : NULL;

	if (!new) {
		return;
	}
	(void)schema_take(l->diags, root, &file_schema, new->got);
	check_version(l, new->got[FILE_VERSION]);
	new->pack = read_pack(l, new->got[FILE_PACK]);
	*load->tail = new;
	load->tail = &new->next;
}

static void take_path(void *user, const char *path)
{
	struct load *load = user;

	take_file(load, diags_read(load->loader.diags, path, FILE_SIZE_MAX));
}

/* ---- rules ---- */

static int by_pack_and_id(const struct loaded_rule *a, struct slice pack, struct slice id)
{
	int order = slice_cmp(a->pack, pack);

	return order ? order : slice_cmp(a->id, id);
}

static int by_declared_name(const void *a, const void *b)
{
	const struct loaded_rule *const *x = a, *const *y = b;
	int order = by_pack_and_id(*x, (*y)->pack, (*y)->id);

	return order ? order : (*x < *y ? -1 : 1);
}

struct loaded_rule *loader_find(const struct loader *l, struct slice pack, struct slice name)
{
	size_t slash = slice_find(name, '/'), low = 0, high = l->name_count;

	if (slash < name.len) {
		pack = slice_first(name, slash);
		name = slice_skip(name, slash + 1);
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		bool before = by_pack_and_id(l->by_name[middle], pack, name) < 0;
		*(before ? &low : &high) = before ? middle + 1 : middle;
	}
	bool found = low < l->name_count && by_pack_and_id(l->by_name[low], pack, name) == 0;
	return found ? l->by_name[low] : NULL;
}

static const struct yaml_node *scalar_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = map->kind == YAML_MAP ? yaml_get(map, key) : NULL;

	return node && node->kind == YAML_SCALAR ? node : NULL;
}

/* The next rule that gives r signals and is not yet on its way. */
static struct loaded_rule *next_source(const struct loader *l, struct loaded_rule *r)
{
	while (r->source) {
		const struct yaml_node *item = r->source;
		r->source = item == scalar_of(r->node, "from") ? NULL : item->next;
		struct loaded_rule *from =
			item->kind == YAML_SCALAR ? loader_find(l, r->pack, item->text) : NULL;
		if (from && !from->begun) {
			return from;
		}
	}
	return NULL;
}

/* Sources before those who take their signals. In a circle one takes from a rule that is not
 * loaded, which its `from` refuses.
 */
static void load_with_sources(struct loader *l, struct loaded_rule *rule)
{
	rule->begun = true;
	while (rule) {
		struct loaded_rule *from = next_source(l, rule);
		if (from) {
			from->begun = true;
			from->taker = rule;
			rule = from;
		} else {
			load_rule(l, rule);
			rule = rule->taker;
		}
	}
}

static void declare(struct loader *l, const struct rule_file *file, const struct yaml_node *node)
{
	struct loaded_rule *rule = &l->rules[l->rule_count++];
	const struct yaml_node *id = scalar_of(node, "id"), *on = scalar_of(node, "on");
	const struct yaml_node *from = node->kind == YAML_MAP ? yaml_get(node, "from") : NULL;

	*rule = (struct loaded_rule){.pack = file->pack, .node = node};
	if (id) {
		rule->id = id->text;
		l->by_name[l->name_count++] = rule;
	}
	if (from && on && slice_eq(on->text, SLICE_LIT("signal"))) {
		rule->source = from->kind == YAML_LIST ? from->first : scalar_of(node, "from");
	}
}

static void load_rules(struct load *load)
{
	struct loader *l = &load->loader;
	size_t count = 0;

	for (const struct rule_file *f = load->files; f; f = f->next) {
		count += f->got[FILE_RULES] ? f->got[FILE_RULES]->count : 0;
	}
	l->rules = arena_alloc(&l->scratch, (count + 1) * sizeof(*l->rules));
	l->by_name = arena_alloc(&l->scratch, (count + 1) * sizeof(struct loaded_rule *));
	for (const struct rule_file *f = load->files; l->rules && l->by_name && f; f = f->next) {
		const struct yaml_node *list = f->got[FILE_RULES];
		for (const struct yaml_node *node = list ? list->first : NULL; node;
		     node = node->next) {
			declare(l, f, node);
		}
	}
	if (l->name_count > 0) {
		qsort(l->by_name, l->name_count, sizeof(struct loaded_rule *), by_declared_name);
	}
	for (size_t i = 0; i < l->rule_count; i++) {
		if (!l->rules[i].begun) {
			load_with_sources(l, &l->rules[i]);
		}
	}
}

static int by_name_and_place(const void *a, const void *b)
{
	const struct loaded_rule *const *x = a, *const *y = b;
	int order = slice_cmp((*x)->rule->name, (*y)->rule->name);

	return order ? order : (*x < *y ? -1 : 1);
}

/* Two definitions of one name are an error at the later one. */
static void refuse_duplicates(struct loader *l)
{
	struct loaded_rule **sorted =
		arena_alloc(&l->scratch, (l->rule_count + 1) * sizeof(struct loaded_rule *));
	size_t count = 0;

	for (size_t i = 0; sorted && i < l->rule_count; i++) {
		if (l->rules[i].named) {
			sorted[count++] = &l->rules[i];
		}
	}
	if (count > 0) {
		qsort(sorted, count, sizeof(struct loaded_rule *), by_name_and_place);
	}
	for (size_t i = 1; i < count; i++) {
		const struct rule *first = sorted[i - 1]->rule, *again = sorted[i]->rule;
		if (slice_eq(first->name, again->name)) {
			diag_add(l->diags, again->at, "E019",
			         arena_printf(&l->scratch, "the other one is at %s:%u",
			                      first->at.file->path, first->at.line),
			         "rule '%.*s' is defined twice", SLICE_FMT(again->name));
			sorted[i]->whole = false;
		}
	}
}

static void link_tests(struct loader *l)
{
	for (size_t i = 0; i < l->rule_count; i++) {
		unsigned errors_before = l->diags->errors;
		if (l->rules[i].whole) {
			tests_link(l, &l->rules[i]);
			l->rules[i].whole = l->diags->errors == errors_before;
		}
	}
}

/* The whole rules become the set's, but for those that a site turned off; their number. */
static size_t collect(struct loader *l)
{
	struct ruleset *set = l->set;
	size_t whole = 0;

	set->rules = arena_alloc(&set->arena, (l->rule_count + 1) * sizeof(struct rule *));
	for (size_t i = 0; set->rules && i < l->rule_count; i++) {
		if (l->rules[i].whole) {
			whole++;
		}
		if (l->rules[i].whole && l->rules[i].rule->status != STATUS_OFF) {
			set->rules[set->rule_count++] = l->rules[i].rule;
		}
	}
	return whole;
}

/* ---- the load ---- */

static int load_begin(struct load *load, const struct ruleset_options *options, struct diags *diags,
                      struct ruleset **set)
{
	*set = NULL;
	*load = (struct load){.loader = {.diags = diags, .options = options}};
	load->tail = &load->files;
	load->loader.set = ruleset_new();
	arena_init(&load->loader.scratch, SCRATCH_MAX);
	return load->loader.set ? OK : E_NOMEM;
}

static int load_end(struct load *load, unsigned errors_before, struct ruleset **set)
{
	struct loader *l = &load->loader;
	int err = OK;

	for (const struct rule_file *f = load->files; f; f = f->next) {
		if (f->got[FILE_LISTS]) {
			lists_load(l, f->got[FILE_LISTS]);
		}
	}
	lists_seal(l);
	load_rules(load);
	refuse_duplicates(l);
	for (const struct rule_file *f = load->files; f; f = f->next) {
		if (f->got[FILE_OVERRIDES]) {
			overrides_load(l, f->got[FILE_OVERRIDES]);
		}
	}
	link_tests(l);
	size_t whole = collect(l);
	if (l->options && l->options->whole) {
		*l->options->whole = whole;
	}
	if (arena_overflowed(&l->set->arena) || arena_overflowed(&l->scratch)) {
		err = E_NOMEM;
	} else if (l->diags->errors > errors_before) {
		err = E_INVALID;
	}
	diags_sort(l->diags);
	arena_fini(&l->scratch);
	if (err) {
		ruleset_free(l->set);
		return err;
	}
	ruleset_seal(l->set);
	*set = l->set;
	return OK;
}

int ruleset_load(const char *const *paths, size_t count, const struct ruleset_options *options,
                 struct diags *diags, struct ruleset **set)
{
	struct load load;
	unsigned errors_before = diags->errors;
	int err = load_begin(&load, options, diags, set);

	if (err) {
		return err;
	}
	for (size_t i = 0; i < count; i++) {
		rule_files_walk(paths[i], &load.loader.scratch, diags, take_path, &load);
	}
	return load_end(&load, errors_before, set);
}

int ruleset_load_text(const char *name, struct slice text, const struct ruleset_options *options,
                      struct diags *diags, struct ruleset **set)
{
	struct load load;
	unsigned errors_before = diags->errors;
	int err = load_begin(&load, options, diags, set);

	if (err) {
		return err;
	}
	take_file(&load, diags_file(diags, name, text));
	return load_end(&load, errors_before, set);
}
