#include "app/config.h"

#include <stdlib.h>
#include <string.h>

#include "app/config_keys.h"
#include "core/err.h"
#include "core/instant.h"
#include "core/yaml.h"

enum { FILE_MAX = 4 << 20, ARENA_MAX = 16 << 20, NAMES_MAX = 32 };

#define REORDER_HANDLES_US (200 * US_PER_MS)
#define REORDER_RECORDS_US (5 * US_PER_S)

struct reading {
	struct config *config;
	struct diags *diags;
};

static void read_section(struct reading *r, const struct yaml_node *map, struct place at,
                         const struct config_section *section, void *base);

/* ---- messages ---- */

static void unknown_key(struct reading *r, const struct yaml_node *node, const char *where,
                        const char *const *names, size_t count)
{
	const char *near = nearest_name(node->key, names, count);
	struct slice hint = SLICE_NONE;

	if (near) {
		hint = arena_printf(&r->config->arena, "did you mean %s?", near);
	}
	diag_add(r->diags, node->key_at, "E010", hint, "unknown key '%.*s' in %s",
	         SLICE_FMT(node->key), where);
}

static void not_built(struct reading *r, const struct yaml_node *node)
{
	diag_add(r->diags, node->key_at, "E091", SLICE_NONE, "not built yet: '%.*s'",
	         SLICE_FMT(node->key));
}

static bool is_shape(struct reading *r, const struct yaml_node *node, enum yaml_kind kind,
                     const char *what)
{
	if (node->kind == kind) {
		return true;
	}
	diag_add(r->diags, node->at, "E018", SLICE_NONE, "'%.*s' must be %s", SLICE_FMT(node->key),
	         what);
	return false;
}

/* ---- single values ---- */

static void read_value(struct reading *r, const struct yaml_node *node,
                       const struct config_key *key, void *base)
{
	const char *code = "E031";
	const char *wrong = "holds a NUL";

	if (node->kind != YAML_SCALAR) {
		diag_add(r->diags, node->at, "E018", SLICE_NONE, "'%s' must be one value",
		         key->name);
		return;
	}
	const char *text = arena_str(&r->config->arena, node->text);
	if (text && strlen(text) == node->text.len) {
		wrong = config_value_take(r->config, key, text, base, &code);
	}
	if (wrong) {
		diag_add(r->diags, node->at, code, SLICE_NONE, "'%.*s' %s", SLICE_FMT(node->text),
		         wrong);
	}
}

static void fill_defaults(struct reading *r, const struct config_section *section, void *base)
{
	const char *code;

	for (size_t i = 0; i < section->count; i++) {
		const struct config_key *key = &section->keys[i];
		if (key->form == FORM_SECTION) {
			fill_defaults(r, key->section, base);
		} else if (key->otherwise) {
			(void)config_value_take(r->config, key, key->otherwise, base, &code);
		}
	}
}

/* ---- rules, lists ---- */

static const struct config_key path_key = {.name = "a path", .form = FORM_PATH, .member = 0};

static void read_rules(struct reading *r, const struct yaml_node *node)
{
	struct config *c = r->config;

	if (!is_shape(r, node, YAML_LIST, "a list of files and folders")) {
		return;
	}
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (c->rule_count == OPTIONS_RULES_MAX) {
			diag_add(r->diags, item->at, "E018", SLICE_NONE,
			         "more than %d paths of rules", OPTIONS_RULES_MAX);
			return;
		}
		read_value(r, item, &path_key, &c->rules[c->rule_count++]);
	}
}

static void read_lists(struct reading *r, const struct yaml_node *node)
{
	struct config *c = r->config;

	if (!is_shape(r, node, YAML_MAP, "a map of list names to files")) {
		return;
	}
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (c->list_count == SITE_LISTS_MAX) {
			diag_add(r->diags, item->key_at, "E018", SLICE_NONE, "more than %d lists",
			         SITE_LISTS_MAX);
			return;
		}
		if (slice_starts(item->key, SLICE_LIT("@"))) {
			diag_add(r->diags, item->key_at, "E031",
			         SLICE_LIT("names stand without @ here"), "'%.*s' is no list name",
			         SLICE_FMT(item->key));
			continue;
		}
		struct list_file *list = &c->lists[c->list_count++];
		list->name = arena_str(&c->arena, item->key);
		read_value(r, item, &path_key, &list->path);
	}
}

/* ---- sources ---- */

static const struct config_kind *find_kind(struct reading *r, const struct yaml_node *node)
{
	const char *names[NAMES_MAX];

	for (size_t i = 0; i < config_kind_count; i++) {
		names[i] = config_kinds[i].name;
		if (slice_eq(node->key, slice_of(names[i]))) {
			if (config_kinds[i].kind == SOURCE_NONE) {
				not_built(r, node);
				return NULL;
			}
			return &config_kinds[i];
		}
	}
	unknown_key(r, node, "'sources'", names, config_kind_count);
	return NULL;
}

static void read_source(struct reading *r, const struct yaml_node *item)
{
	struct config *c = r->config;

	if (item->kind != YAML_MAP || item->count != 1) {
		diag_add(r->diags, item->at, "E018",
		         SLICE_LIT("write it like - cdr_file: {path: calls.csv}"),
		         "a source is a map with one kind");
		return;
	}
	const struct config_kind *kind = find_kind(r, item->first);
	if (!kind || !is_shape(r, item->first, YAML_MAP, "a map")) {
		return;
	}
	struct config_source *s = &c->sources[c->source_count++];
	s->kind = kind->kind;
	s->reorder_us = INSTANT_NONE;
	fill_defaults(r, kind->section, s);
	read_section(r, item->first, item->first->key_at, kind->section, s);
	if (s->kind == SOURCE_PCAP && !s->interface == !s->path) {
		diag_add(r->diags, item->first->key_at, s->path ? "E018" : "E011", SLICE_NONE,
		         "'pcap' takes either 'interface' or 'file'");
	}
}

static void read_sources(struct reading *r, const struct yaml_node *node)
{
	if (!is_shape(r, node, YAML_LIST, "a list of sources")) {
		return;
	}
	if (!node->first) {
		diag_add(r->diags, node->at, "E011", SLICE_NONE, "'sources' is empty");
	}
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (r->config->source_count == PIPELINE_SOURCES_MAX) {
			diag_add(r->diags, item->at, "E018", SLICE_NONE, "more than %d sources",
			         PIPELINE_SOURCES_MAX);
			return;
		}
		read_source(r, item);
	}
}

/* Several captures see one call at different moments; one alone is in order. */
static void settle_reorder(struct config *c)
{
	size_t handles = 0;

	for (size_t i = 0; i < c->source_count; i++) {
		handles += c->sources[i].interface != NULL;
	}
	for (size_t i = 0; i < c->source_count; i++) {
		struct config_source *s = &c->sources[i];
		if (s->reorder_us == INSTANT_NONE) {
			s->reorder_us = config_source_records(s) ? REORDER_RECORDS_US
			                : handles > 1            ? REORDER_HANDLES_US
			                                         : 0;
		}
	}
}

/* ---- sections ---- */

static const struct config_key *find_key(struct reading *r, const struct yaml_node *node,
                                         const struct config_section *section)
{
	const char *names[NAMES_MAX];

	for (size_t i = 0; i < section->count; i++) {
		names[i] = section->keys[i].name;
		if (slice_eq(node->key, slice_of(names[i]))) {
			return &section->keys[i];
		}
	}
	unknown_key(r, node, section->where, names, section->count);
	return NULL;
}

static void read_key(struct reading *r, const struct yaml_node *node, const struct config_key *key,
                     void *base)
{
	switch (key->form) {
	case FORM_UNBUILT: not_built(r, node); break;
	case FORM_SECTION:
		if (is_shape(r, node, YAML_MAP, "a map")) {
			read_section(r, node, node->key_at, key->section, base);
		}
		break;
	case FORM_SOURCES: read_sources(r, node); break;
	case FORM_RULES: read_rules(r, node); break;
	case FORM_LISTS: read_lists(r, node); break;
	default: read_value(r, node, key, base); break;
	}
}

static void read_section(struct reading *r, const struct yaml_node *map, struct place at,
                         const struct config_section *section, void *base)
{
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		const struct config_key *key = find_key(r, node, section);
		if (key) {
			read_key(r, node, key, base);
		}
	}
	for (size_t i = 0; i < section->count; i++) {
		if (section->keys[i].required && !yaml_get(map, section->keys[i].name)) {
			diag_add(r->diags, at, "E011", SLICE_NONE, "'%s' is missing in %s",
			         section->keys[i].name, section->where);
		}
	}
}

static const char *folder_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash) {
		return ".";
	}
	return slash == path ? "" : arena_printf(arena, "%.*s", (int)(slash - path), path).p;
}

struct config *config_read(const struct source_file *file, struct diags *d)
{
	struct config *c = calloc(1, sizeof(*c));
	struct reading r = {c, d};
	struct arena tree;
	unsigned errors = d->errors;

	if (!c) {
		return NULL;
	}
	arena_init(&c->arena, ARENA_MAX);
	arena_init(&tree, ARENA_MAX);
	c->folder = folder_of(&c->arena, file->path);
	fill_defaults(&r, &config_root, c);
	const struct yaml_node *root = yaml_parse(file, &tree, d);
	if (root && root->kind != YAML_MAP) {
		diag_add(d, root->at, "E018", SLICE_NONE, "a configuration is a map of keys");
	} else if (root) {
		read_section(&r, root, (struct place){.file = file}, &config_root, c);
		settle_reorder(c);
	}
	arena_fini(&tree);
	if (!root || d->errors > errors || arena_overflowed(&c->arena)) {
		config_free(c);
		return NULL;
	}
	return c;
}

struct config *config_load(const char *path, struct diags *d)
{
	const struct source_file *file = diags_read(d, path, FILE_MAX);

	return file ? config_read(file, d) : NULL;
}

void config_free(struct config *c)
{
	if (c) {
		arena_fini(&c->arena);
		free(c);
	}
}

/* ---- asking ---- */

const char *config_source_name(const struct config_source *s)
{
	return s->interface ? s->interface : s->path ? s->path : s->address;
}

bool config_source_finite(const struct config_source *s)
{
	return s->path && !s->follow;
}

bool config_source_records(const struct config_source *s)
{
	return s->kind != SOURCE_PCAP;
}

void config_site(const struct config *c, struct site_options *out)
{
	*out = (struct site_options){
		.home = c->home,
		.tz = c->tz,
		.rules = c->rule_count ? c->rules : NULL,
		.rule_count = c->rule_count,
		.trunks = c->trunks,
		.subscribers = c->subscribers,
		.list_count = c->list_count,
	};
	memcpy(out->lists, c->lists, sizeof(out->lists));
}

/* ---- --dump-config ---- */

static void dump_text(struct buf *out, const char *text)
{
	(void)config_value_write(&path_key, &text, out);
}

/* "name: {key: value, …}"; nothing for a section of which nothing is set. */
static void dump_map(const char *name, const struct config_section *section, const void *base,
                     struct buf *out)
{
	bool begun = false;

	for (size_t i = 0; i < section->count; i++) {
		struct buf value = {0};
		if (config_value_write(&section->keys[i], base, &value)) {
			buf_printf(out, "%s%s%s: ", begun ? ", " : name, begun ? "" : ": {",
			           section->keys[i].name);
			buf_slice(out, buf_view(&value));
			begun = true;
		}
		buf_fini(&value);
	}
	buf_text(out, begun ? "}\n" : "");
}

static void dump_sources(const struct config *c, struct buf *out)
{
	buf_text(out, "sources:\n");
	for (size_t i = 0; i < c->source_count; i++) {
		for (size_t k = 0; k < config_kind_count; k++) {
			if (config_kinds[k].kind == c->sources[i].kind) {
				buf_text(out, "  - ");
				dump_map(config_kinds[k].name, config_kinds[k].section,
				         &c->sources[i], out);
			}
		}
	}
}

static void dump_rules(const struct config *c, struct buf *out)
{
	for (size_t i = 0; i < c->rule_count; i++) {
		buf_text(out, i ? "  - " : "rules:\n  - ");
		dump_text(out, c->rules[i]);
		buf_char(out, '\n');
	}
}

static void dump_lists(const struct config *c, struct buf *out)
{
	for (size_t i = 0; i < c->list_count; i++) {
		buf_text(out, i ? "  " : "lists:\n  ");
		dump_text(out, c->lists[i].name);
		buf_text(out, ": ");
		dump_text(out, c->lists[i].path);
		buf_char(out, '\n');
	}
}

static void dump_value(const struct config_key *key, const struct config *c, struct buf *out)
{
	struct buf value = {0};

	if (config_value_write(key, c, &value)) {
		buf_printf(out, "%s: %.*s\n", key->name, SLICE_FMT(buf_view(&value)));
	}
	buf_fini(&value);
}

void config_dump(const struct config *c, struct buf *out)
{
	for (size_t i = 0; i < config_root.count; i++) {
		const struct config_key *key = &config_root.keys[i];
		switch (key->form) {
		case FORM_SECTION: dump_map(key->name, key->section, c, out); break;
		case FORM_SOURCES: dump_sources(c, out); break;
		case FORM_RULES: dump_rules(c, out); break;
		case FORM_LISTS: dump_lists(c, out); break;
		default: dump_value(key, c, out); break;
		}
	}
}
