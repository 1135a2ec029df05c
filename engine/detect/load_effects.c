/* What a rule does to others: `from`, `score`, `then` (rule-language.md sections 3 and 8). */
#include "detect/load_parts.h"
#include "detect/schema.h"

/* ---- signals ---- */

static bool add_from(struct checker *c, const struct loader *l, const struct yaml_node *item)
{
	struct rule *rule = c->rule;
	const struct loaded_rule *from = loader_find(l, rule->pack, item->text);

	if (!from || !from->named || from->rule == rule) {
		diag_add(c->diags, item->at, "E054", SLICE_NONE,
		         "there is no rule '%.*s', or it waits for this one",
		         SLICE_FMT(item->text));
		return false;
	}
	if (from->whole && !from->rule->signal) {
		diag_add(c->diags, item->at, "E054", SLICE_LIT("it needs emit: signal"),
		         "rule '%.*s' gives no signals", SLICE_FMT(item->text));
		return false;
	}
	for (unsigned i = 0; i < rule->from_count; i++) {
		if (rule->from[i] == from->rule) {
			diag_add(c->diags, item->at, "E019", SLICE_NONE,
			         "'from' names rule '%.*s' twice", SLICE_FMT(item->text));
			return false;
		}
	}
	if (rule->from_count == RULE_FROM_MAX) {
		diag_add(c->diags, item->at, "E018", SLICE_NONE, "'from' names at most %d rules",
		         RULE_FROM_MAX);
		return false;
	}
	c->from_broken |= !from->whole;
	rule->from[rule->from_count++] = from->rule;
	return true;
}

/* Up to the first mistake. */
bool signals_load(struct checker *c, const struct loader *l, const struct yaml_node *node)
{
	bool whole = true;

	if (!node || (node->kind == YAML_LIST && !node->first)) {
		diag_add(c->diags, node ? node->at : c->rule->at, "E054",
		         SLICE_LIT("from: [wangiri.callback]"),
		         "a rule on signals says whose: 'from'");
		return false;
	}
	if (node->kind == YAML_SCALAR) {
		whole = add_from(c, l, node);
	} else if (!schema_kind(c->diags, node, YAML_LIST, SLICE_LIT("from")) ||
	           !schema_texts(c->diags, node)) {
		return false;
	} else {
		for (const struct yaml_node *item = node->first; item && whole; item = item->next) {
			whole = add_from(c, l, item);
		}
	}
	return whole;
}

void signals_check(struct checker *c)
{
	const struct rule *rule = c->rule;

	for (unsigned i = 0; rule->signal && i < rule->field_count; i++) {
		for (unsigned n = 0; n < i; n++) {
			if (slice_eq(signal_field_name(rule->fields[i].name),
			             signal_field_name(rule->fields[n].name))) {
				diag_add(c->diags, rule->fields[i].expr->at, "E058",
				         SLICE_LIT("give one of them a name in 'let'"),
				         "two fields of a signal are named '%.*s'",
				         SLICE_FMT(signal_field_name(rule->fields[i].name)));
			}
		}
	}
}

/* ---- score ---- */

enum score_key { SCORE_KEY_ENTITY, SCORE_KEY_POINTS, SCORE_KEY_HALF, SCORE_KEY_PER, SCORE_KEYS };

static const struct schema_key score_keys[SCORE_KEYS] = {
	[SCORE_KEY_ENTITY] = {"entity", YAML_SCALAR, true, false},
	[SCORE_KEY_POINTS] = {"points", YAML_SCALAR, true, false},
	[SCORE_KEY_HALF] = {"half_life", YAML_SCALAR, true, false},
	[SCORE_KEY_PER] = {"per", YAML_SCALAR, false, false},
};
static const struct schema score_schema = {"'score'", score_keys, SCORE_KEYS};

static enum field field_behind(const struct rule *rule, const struct expr *e)
{
	if (e->op == EXPR_LET) {
		return field_behind(rule, rule->lets[e->index].expr);
	}
	if (e->op == EXPR_FIELD) {
		return e->field;
	}
	return e->op == EXPR_BOUND ? rule->bound[e->index].field : FIELD_NONE;
}

static const char *entity_type(const struct rule *rule, const struct expr *e)
{
	if (e->type == TYPE_NUM) {
		return "number";
	}
	switch ((unsigned)field_behind(rule, e)) {
	case FIELD_TRUNK_ID: return "trunk";
	case FIELD_ACCOUNT_ID: return "account";
	case FIELD_SRC_IP: return "ip";
	default: return "other";
	}
}

/* Points as a float. */
static const struct expr *as_float(struct checker *c, const struct expr *e)
{
	if (!e || e->type == TYPE_FLOAT) {
		return e;
	}
	if (e->type != TYPE_INT) {
		diag_add(c->diags, e->at, "E036", SLICE_NONE, "'points' is a number, this is %s",
		         type_words(e->type));
		return NULL;
	}
	struct expr *f = arena_alloc(&c->set->arena, sizeof(*f));
	if (f) {
		*f = (struct expr){.op = EXPR_TO_FLOAT,
		                   .type = TYPE_FLOAT,
		                   .at = e->at,
		                   .text = e->text,
		                   .optional = e->optional,
		                   .arg_count = 1};
		f->args = arena_alloc(&c->set->arena, sizeof(const struct expr *));
		if (!f->args) {
			return NULL;
		}
		f->args[0] = e;
	}
	return f;
}

void score_load(struct checker *c, const struct yaml_node *map)
{
	const struct yaml_node *got[SCORE_KEYS];
	struct score_give *score = &c->rule->score;

	if (!schema_take(c->diags, map, &score_schema, got)) {
		return;
	}
	score->entity = check_expr(c, CLAUSE_OUTPUT, got[SCORE_KEY_ENTITY], map->flow);
	score->points = as_float(c, check_expr(c, CLAUSE_OUTPUT, got[SCORE_KEY_POINTS], map->flow));
	(void)schema_duration(c->diags, got[SCORE_KEY_HALF], US_PER_S, &score->half_life_us);
	(void)schema_duration(c->diags, got[SCORE_KEY_PER], US_PER_MS, &score->per_us);
	if (score->entity) {
		score->entity_type = entity_type(c->rule, score->entity);
	}
}

/* ---- then ---- */

enum write_key { WRITE_LIST, WRITE_VALUE, WRITE_TTL, WRITE_KEYS };

static const struct schema_key write_keys[WRITE_KEYS] = {
	[WRITE_LIST] = {"list", YAML_SCALAR, true, false},
	[WRITE_VALUE] = {"value", YAML_SCALAR, true, false},
	[WRITE_TTL] = {"ttl", YAML_SCALAR, false, false},
};
static const struct schema write_schema = {"a write to a list", write_keys, WRITE_KEYS};
/* What is removed has no time to live. */
static const struct schema removal_schema = {"a removal from a list", write_keys, WRITE_TTL};

static int list_named(struct checker *c, const struct yaml_node *node)
{
	struct slice name = node->text;
	struct ast ast = {0};

	if (slice_starts(name, SLICE_LIT("@"))) {
		name = slice_skip(name, 1);
	}
	ast.name = name;
	c->source = node;
	c->source_begin = 0;
	int list = check_list(c, &ast, 0);
	if (list >= 0 && !c->set->lists[list].dynamic) {
		diag_add(c->diags, node->at, "E056", SLICE_LIT("declare it with dynamic: true"),
		         "@%.*s is not a list that rules write", SLICE_FMT(name));
		return -1;
	}
	return list;
}

static void load_write(struct checker *c, const struct yaml_node *map, bool removes)
{
	const struct yaml_node *got[WRITE_KEYS];
	struct rule *rule = c->rule;
	struct list_op op = {.remove = removes};

	if (rule->op_count == RULE_OPS_MAX) {
		diag_add(c->diags, map->at, "E018", SLICE_NONE, "'then' writes at most %d times",
		         RULE_OPS_MAX);
		return;
	}
	if (!schema_take(c->diags, map, removes ? &removal_schema : &write_schema, got)) {
		return;
	}
	int list = list_named(c, got[WRITE_LIST]);
	op.value = check_expr(c, CLAUSE_OUTPUT, got[WRITE_VALUE], map->flow);
	if (list < 0 || !op.value || !check_list_takes(c, (size_t)list, &op.value)) {
		return;
	}
	op.list = (unsigned)list;
	op.ttl_us = c->set->lists[list].ttl_us;
	if (removes || schema_duration(c->diags, got[WRITE_TTL], US_PER_S, &op.ttl_us)) {
		rule->ops[rule->op_count++] = op;
	}
}

void writes_load(struct checker *c, const struct yaml_node *list)
{
	enum { ADD, REMOVE, VERBS };
	static const struct schema_key verbs[VERBS] = {
		[ADD] = {"add", YAML_MAP, false, false},
		[REMOVE] = {"remove", YAML_MAP, false, false},
	};
	static const struct schema schema = {"'then'", verbs, VERBS};
	const struct yaml_node *got[VERBS];

	for (const struct yaml_node *item = list->first; item; item = item->next) {
		if (!schema_take(c->diags, item, &schema, got)) {
			continue;
		}
		if (!got[ADD] && !got[REMOVE]) {
			diag_add(c->diags, item->at, "E011", SLICE_NONE,
			         "'then' needs 'add' or 'remove'");
		}
		if (got[ADD]) {
			load_write(c, got[ADD], false);
		}
		if (got[REMOVE]) {
			load_write(c, got[REMOVE], true);
		}
	}
}
