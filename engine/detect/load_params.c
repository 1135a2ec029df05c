#include "core/buf.h"
#include "core/instant.h"
#include "detect/load.h"
#include "detect/schema.h"
#include "detect/value.h"

enum param_key { PARAM_TYPE, PARAM_DEFAULT, PARAM_RANGE, PARAM_DOC, PARAM_TUNE, PARAM_KEYS };

static const struct schema_key keys[PARAM_KEYS] = {
	[PARAM_TYPE] = {"type", YAML_SCALAR, true, false},
	[PARAM_DEFAULT] = {"default", YAML_SCALAR, true, false},
	[PARAM_RANGE] = {"range", YAML_LIST, false, false},
	[PARAM_DOC] = {"doc", YAML_SCALAR, false, false},
	[PARAM_TUNE] = {"tune", YAML_SCALAR, false, false},
};
static const struct schema schema = {"a parameter", keys, PARAM_KEYS};

static const char *const type_names[] = {"int", "float", "pct", "dur", "str", "bool"};
static const enum type types[] = {TYPE_INT, TYPE_FLOAT, TYPE_FLOAT, TYPE_DUR, TYPE_TEXT, TYPE_BOOL};
enum { PCT = 2 };

static bool read_value(struct loader *l, const struct param *param, const struct yaml_node *node,
                       struct value *value)
{
	struct slice text = node->text;

	if (param->pct && (text.len == 0 || text.p[text.len - 1] != '%')) {
		diag_add(l->diags, node->at, "E031", SLICE_LIT("write it like 80%"),
		         "'%.*s' is not a percentage", SLICE_FMT(text));
		return false;
	}
	if (!value_read(l->diags, l->options, node->at, param->type, ENUM_NONE, text, value)) {
		return false;
	}
	if (param->type == TYPE_TEXT) {
		value->s = arena_copy(&l->set->arena, text);
	}
	return true;
}

static int order(const struct param *param, const struct value *a, const struct value *b)
{
	if (param->type == TYPE_FLOAT) {
		return (a->f > b->f) - (a->f < b->f);
	}
	return (a->i > b->i) - (a->i < b->i);
}

static bool load_range(struct loader *l, struct param *param, const struct yaml_node *range,
                       const struct yaml_node *given)
{
	const struct yaml_node *low = range->first, *high = low ? low->next : NULL;

	if (param->type == TYPE_TEXT || param->type == TYPE_BOOL || range->count != 2 ||
	    low->kind != YAML_SCALAR || high->kind != YAML_SCALAR) {
		diag_add(l->diags, range->at, "E018", SLICE_LIT("write it like range: [5, 2000]"),
		         "'range' is the lowest and the highest value of a number or duration");
		return false;
	}
	if (!read_value(l, param, low, &param->low) || !read_value(l, param, high, &param->high)) {
		return false;
	}
	if (order(param, &param->low, &param->value) > 0 ||
	    order(param, &param->value, &param->high) > 0) {
		diag_add(l->diags, given->at, "E016", SLICE_NONE,
		         "default %.*s is outside the range %.*s to %.*s", SLICE_FMT(given->text),
		         SLICE_FMT(low->text), SLICE_FMT(high->text));
		return false;
	}
	return true;
}

static bool is_ident(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = ascii_lower(name.p[i]);
		bool letter = c >= 'a' && c <= 'z';
		if (!letter && (i == 0 || (!ascii_is_digit(c) && c != '_'))) {
			return false;
		}
	}
	return name.len > 0;
}

static bool load_param(struct loader *l, struct param *param, const struct yaml_node *node)
{
	const struct yaml_node *got[PARAM_KEYS];
	unsigned type;

	*param = (struct param){.at = node->key_at,
	                        .name = arena_copy(&l->set->arena, node->key),
	                        .low = {.missing = true},
	                        .high = {.missing = true}};
	if (!is_ident(node->key)) {
		diag_add(l->diags, node->key_at, "E031",
		         SLICE_LIT("use letters, digits and '_', a letter first"),
		         "'%.*s' is not the name of a parameter", SLICE_FMT(node->key));
		return false;
	}
	if (!schema_take(l->diags, node, &schema, got) ||
	    !schema_word(l->diags, got[PARAM_TYPE], type_names,
	                 sizeof(type_names) / sizeof(type_names[0]), &type)) {
		return false;
	}
	param->type = types[type];
	param->pct = type == PCT;
	param->doc = got[PARAM_DOC] ? arena_copy(&l->set->arena, got[PARAM_DOC]->text) : SLICE_NONE;
	return schema_bool(l->diags, got[PARAM_TUNE], &param->tune) &&
	       read_value(l, param, got[PARAM_DEFAULT], &param->value) &&
	       (!got[PARAM_RANGE] || load_range(l, param, got[PARAM_RANGE], got[PARAM_DEFAULT]));
}

bool load_params(struct loader *l, struct rule *rule, const struct yaml_node *map)
{
	bool whole = true;

	for (const struct yaml_node *node = map->first; node; node = node->next) {
		if (slice_starts(node->key, SLICE_LIT("x-"))) {
			continue;
		}
		if (rule->param_count == RULE_PARAMS_MAX) {
			diag_add(l->diags, node->key_at, "E018", SLICE_NONE,
			         "a rule can have at most %d parameters", RULE_PARAMS_MAX);
			return false;
		}
		whole &= load_param(l, &rule->params[rule->param_count], node);
		rule->param_count++;
	}
	return whole;
}

void param_print(const struct param *p, const struct value *v, struct buf *out)
{
	if (p->pct) {
		buf_printf(out, "%.3g%%", v->f * 100);
	} else if (p->type == TYPE_FLOAT) {
		buf_printf(out, "%.3g", v->f);
	} else {
		value_print(p->type, ENUM_NONE, v, out);
	}
}
