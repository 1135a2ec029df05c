#include "detect/schema.h"

#include <inttypes.h>

#include "core/instant.h"
#include "detect/check.h"
#include "detect/value.h"

enum { KEYS_MAX = 64 };

static int find_key(const struct schema *schema, struct slice name)
{
	for (size_t i = 0; i < schema->count; i++) {
		if (slice_eq(name, slice_of(schema->keys[i].name))) {
			return (int)i;
		}
	}
	return -1;
}

/* "{summary: x, fields: a, b}": YAML takes b for a key without a value. */
static bool is_cut_off(const struct yaml_node *map, const struct yaml_node *node)
{
	return map->flow && node->kind == YAML_SCALAR && node->text.len == 0 && !node->quoted;
}

static void refuse_key(struct diags *d, const struct yaml_node *map, const struct yaml_node *node,
                       const struct schema *schema)
{
	const char *names[KEYS_MAX];
	char text[HINT_TEXT];

	for (size_t i = 0; i < schema->count; i++) {
		names[i] = schema->keys[i].name;
	}
	struct slice hint = hint_nearest(text, "did you mean %s?", node->key, names, schema->count);
	if (!hint.p && is_cut_off(map, node)) {
		hint = SLICE_LIT("a comma inside YAML { } ends a value: put the value in quotes");
	}
	diag_add(d, node->key_at, "E010", hint, "unknown key '%.*s' in %s", SLICE_FMT(node->key),
	         schema->where);
}

bool schema_kind(struct diags *d, const struct yaml_node *node, enum yaml_kind kind,
                 struct slice name)
{
	static const char *const words[] = {[YAML_NONE] = "",
	                                    [YAML_SCALAR] = "one value",
	                                    [YAML_LIST] = "a list",
	                                    [YAML_MAP] = "a map"};

	if (kind == YAML_NONE || node->kind == kind) {
		return true;
	}
	diag_add(d, node->at, "E018", SLICE_NONE, "'%.*s' must be %s", SLICE_FMT(name),
	         words[kind]);
	return false;
}

static bool take_key(struct diags *d, const struct yaml_node *node, const struct schema_key *key,
                     const struct yaml_node **got)
{
	char what[64];

	if (key->not_built) {
		(void)snprintf(what, sizeof(what), "'%s'", key->name);
		check_not_built(d, node->key_at, what);
		return false;
	}
	if (!schema_kind(d, node, key->kind, slice_of(key->name))) {
		return false;
	}
	*got = node;
	return true;
}

bool schema_take(struct diags *d, const struct yaml_node *map, const struct schema *schema,
                 const struct yaml_node **got)
{
	bool whole = true, unknown = false;
	bool seen[KEYS_MAX] = {false};

	memset(got, 0, schema->count * sizeof(const struct yaml_node *));
	if (map->kind != YAML_MAP) {
		diag_add(d, map->at, "E018", SLICE_NONE, "%s must be a map of keys", schema->where);
		return false;
	}
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		int i = find_key(schema, node->key);
		if (slice_starts(node->key, SLICE_LIT("x-"))) {
			continue;
		}
		if (i < 0) {
			refuse_key(d, map, node, schema);
			unknown = true;
			continue;
		}
		seen[i] = true;
		whole &= take_key(d, node, &schema->keys[i], &got[i]);
	}
	/* A key that is missing may be the one that is misspelt. */
	for (size_t i = 0; i < schema->count && !unknown; i++) {
		if (schema->keys[i].required && !seen[i]) {
			diag_add(d, map->at, "E011", SLICE_NONE, "%s needs the key '%s'",
			         schema->where, schema->keys[i].name);
			whole = false;
		}
	}
	return whole && !unknown;
}

bool schema_int(struct diags *d, const struct yaml_node *node, int64_t min, int64_t max,
                int64_t *value)
{
	struct value v;

	if (!node) {
		return true;
	}
	if (!value_read(d, NULL, node->at, TYPE_INT, ENUM_NONE, node->text, &v)) {
		return false;
	}
	if (v.i < min || v.i > max) {
		diag_add(d, node->at, "E031", SLICE_NONE,
		         max == INT64_MAX ? "'%.*s' must be at least %" PRId64
		                          : "'%.*s' must lie from %" PRId64 " to %" PRId64,
		         SLICE_FMT(node->text), min, max);
		return false;
	}
	*value = v.i;
	return true;
}

bool schema_duration(struct diags *d, const struct yaml_node *node, int64_t min_us, int64_t *value)
{
	struct value v;

	if (!node) {
		return true;
	}
	if (!value_read(d, NULL, node->at, TYPE_DUR, ENUM_NONE, node->text, &v)) {
		return false;
	}
	if (v.i < min_us) {
		char least[INSTANT_TEXT];
		(void)duration_format_exact(min_us, least);
		diag_add(d, node->at, "E031", SLICE_NONE, "'%.*s' must be at least %s",
		         SLICE_FMT(node->text), least);
		return false;
	}
	*value = v.i;
	return true;
}

bool schema_bool(struct diags *d, const struct yaml_node *node, bool *value)
{
	struct value v;

	if (!node) {
		return true;
	}
	if (!value_read(d, NULL, node->at, TYPE_BOOL, ENUM_NONE, node->text, &v)) {
		return false;
	}
	*value = v.i == TRUTH_TRUE;
	return true;
}

bool schema_word(struct diags *d, const struct yaml_node *node, const char *const *words,
                 size_t count, unsigned *value)
{
	int found = node ? value_read_word(d, node->at, node->text, words, count) : 0;

	if (node && found >= 0) {
		*value = (unsigned)found;
	}
	return found >= 0;
}

bool schema_texts(struct diags *d, const struct yaml_node *list)
{
	for (const struct yaml_node *item = list->first; item; item = item->next) {
		if (item->kind != YAML_SCALAR) {
			diag_add(d, item->at, "E018", SLICE_NONE,
			         "only single values can stand here");
			return false;
		}
	}
	return true;
}
