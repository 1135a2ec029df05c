/* Declarations of lists (rule-language.md section 8, "Lists"). Their data is bound elsewhere. */
#include <stdlib.h>

#include "detect/load.h"
#include "detect/schema.h"
#include "detect/value.h"

enum declaration_key {
	LIST_KEY_TYPE,
	LIST_KEY_FILE,
	LIST_KEY_INLINE,
	LIST_KEY_REDIS,
	LIST_KEY_DYNAMIC,
	LIST_KEY_COLUMNS,
	LIST_KEY_MAX,
	LIST_KEY_TTL,
	LIST_KEY_PRIVACY,
	LIST_KEY_DOC,
	LIST_KEYS,
};

static const struct schema_key keys[LIST_KEYS] = {
	[LIST_KEY_TYPE] = {"type", YAML_SCALAR, true, false},
	[LIST_KEY_FILE] = {"file", YAML_SCALAR, false, false},
	[LIST_KEY_INLINE] = {"inline", YAML_LIST, false, false},
	[LIST_KEY_REDIS] = {"redis", YAML_SCALAR, false, false},
	[LIST_KEY_DYNAMIC] = {"dynamic", YAML_SCALAR, false, false},
	[LIST_KEY_COLUMNS] = {"columns", YAML_LIST, false, false},
	[LIST_KEY_MAX] = {"max", YAML_SCALAR, false, false},
	[LIST_KEY_TTL] = {"ttl", YAML_SCALAR, false, false},
	[LIST_KEY_PRIVACY] = {"privacy", YAML_SCALAR, false, false},
	[LIST_KEY_DOC] = {"doc", YAML_SCALAR, false, false},
};
static const struct schema schema = {"a list", keys, LIST_KEYS};

static const char *const type_names[] = {"num", "prefix", "ip", "cidr", "text", "country"};
static const enum list_type types[] = {LIST_NUM,  LIST_PREFIX, LIST_IP,
                                       LIST_CIDR, LIST_TEXT,   LIST_COUNTRY};

/* file as seen from the folder of the declaring file. */
static struct slice beside(struct arena *arena, const char *declared_in, struct slice file)
{
	const char *slash = strrchr(declared_in, '/');

	if (!slash || (file.len > 0 && file.p[0] == '/')) {
		return arena_copy(arena, file);
	}
	return arena_printf(arena, "%.*s%.*s", (int)(slash + 1 - declared_in), declared_in,
	                    SLICE_FMT(file));
}

/* Copies of the items' texts; *count of them. NULL after a mistake or for an empty list. */
static const struct slice *copy_texts(struct loader *l, const struct yaml_node *list, size_t *count,
                                      const struct place **places)
{
	struct arena *arena = &l->set->arena;
	struct slice *texts = arena_alloc(arena, (list->count + 1) * sizeof(*texts));
	struct place *at = arena_alloc(arena, (list->count + 1) * sizeof(*at));

	*count = 0;
	if (!texts || !at || !schema_texts(l->diags, list)) {
		return NULL;
	}
	for (const struct yaml_node *item = list->first; item; item = item->next) {
		texts[*count] = arena_copy(arena, item->text);
		at[(*count)++] = item->at;
	}
	if (places) {
		*places = at;
	}
	return texts;
}

static struct slice copy_text(struct loader *l, const struct yaml_node *node)
{
	return node ? arena_copy(&l->set->arena, node->text) : SLICE_NONE;
}

static bool load_source(struct loader *l, struct list_decl *list, const struct yaml_node **got)
{
	if (got[LIST_KEY_FILE]) {
		list->file = beside(&l->set->arena, list->at.file->path, got[LIST_KEY_FILE]->text);
	}
	if (got[LIST_KEY_INLINE]) {
		list->inline_values = copy_texts(l, got[LIST_KEY_INLINE], &list->inline_count,
		                                 &list->inline_places);
	}
	list->redis = copy_text(l, got[LIST_KEY_REDIS]);
	if (!schema_bool(l->diags, got[LIST_KEY_DYNAMIC], &list->dynamic)) {
		return false;
	}
	if (!got[LIST_KEY_FILE] && !got[LIST_KEY_INLINE] && !got[LIST_KEY_REDIS] &&
	    !list->dynamic) {
		diag_add(
			l->diags, list->at, "E011", SLICE_NONE,
			"a list needs one of the keys 'file', 'inline', 'redis' and 'dynamic: true'");
		return false;
	}
	return true;
}

static void load_list(struct loader *l, struct list_decl *list, const struct yaml_node *node)
{
	static const char *const privacy_words[] = {"secret"};
	const struct yaml_node *got[LIST_KEYS];
	unsigned type = 0, privacy = 0;
	int64_t max = 0;

	*list = (struct list_decl){.at = node->key_at,
	                           .name = arena_copy(&l->set->arena, slice_skip(node->key, 1))};
	if (node->key.len < 2 || node->key.p[0] != '@') {
		diag_add(l->diags, node->key_at, "E031",
		         SLICE_LIT("write it like \"@bank_numbers\""),
		         "'%.*s' is not the name of a list", SLICE_FMT(node->key));
		return;
	}
	bool whole = schema_take(l->diags, node, &schema, got);
	if (!got[LIST_KEY_TYPE]) {
		return;
	}
	whole &= schema_word(l->diags, got[LIST_KEY_TYPE], type_names,
	                     sizeof(type_names) / sizeof(type_names[0]), &type);
	whole &= schema_int(l->diags, got[LIST_KEY_MAX], 1, INT64_C(1) << 32, &max);
	whole &= schema_duration(l->diags, got[LIST_KEY_TTL], 1, &list->ttl_us);
	whole &= schema_word(l->diags, got[LIST_KEY_PRIVACY], privacy_words, 1, &privacy);
	whole &= load_source(l, list, got);
	if (got[LIST_KEY_COLUMNS]) {
		list->columns = copy_texts(l, got[LIST_KEY_COLUMNS], &list->column_count, NULL);
	}
	list->max = (size_t)max;
	list->secret = got[LIST_KEY_PRIVACY] != NULL;
	list->doc = copy_text(l, got[LIST_KEY_DOC]);
	list->type = whole ? types[type] : LIST_NONE; /* NONE: rules that name it stay silent */
}

void lists_load(struct loader *l, const struct yaml_node *map)
{
	struct ruleset *set = l->set;
	struct list_decl *more =
		arena_alloc(&set->arena, (set->list_count + map->count) * sizeof(*more));

	if (!more) {
		return;
	}
	if (set->list_count > 0) {
		memcpy(more, set->lists, set->list_count * sizeof(*more));
	}
	set->lists = more;
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		load_list(l, &set->lists[set->list_count++], node);
	}
}

static int by_name(const void *a, const void *b)
{
	const struct list_decl *x = a, *y = b;
	int order = slice_cmp(x->name, y->name);

	if (order) {
		return order;
	}
	if (x->at.file != y->at.file) {
		return x->at.file->order < y->at.file->order ? -1 : 1;
	}
	return x->at.line < y->at.line ? -1 : 1;
}

void lists_seal(struct loader *l)
{
	struct ruleset *set = l->set;

	if (set->list_count > 0) {
		qsort(set->lists, set->list_count, sizeof(*set->lists), by_name);
	}
	for (size_t i = 1; i < set->list_count; i++) {
		const struct list_decl *first = &set->lists[i - 1], *again = &set->lists[i];
		if (slice_eq(first->name, again->name)) {
			diag_add(l->diags, again->at, "E019",
			         arena_printf(&l->scratch, "the other one is at %s:%u",
			                      first->at.file->path, first->at.line),
			         "list @%.*s is declared twice", SLICE_FMT(again->name));
		}
	}
}
