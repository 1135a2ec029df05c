#include "detect/load_output.h"

#include "detect/schema.h"

enum { EVIDENCE_DEFAULT = 50 };

/* ---- subject ---- */

static const struct {
	enum field field;
	const char *type;
} subject_types[] = {
	{FIELD_CALLER_NUM, "caller"}, {FIELD_CALLEE_NUM, "callee"},  {FIELD_TRUNK_ID, "trunk"},
	{FIELD_SRC_IP, "ip"},         {FIELD_ACCOUNT_ID, "account"},
};

static const char *field_type(enum field field)
{
	for (size_t i = 0; i < sizeof(subject_types) / sizeof(subject_types[0]); i++) {
		if (field == subject_types[i].field) {
			return subject_types[i].type;
		}
	}
	return "other";
}

static const char *subject_type(const struct rule *rule, const struct expr *e);

/* What a name of a sequence or a signal stands for. */
static const char *bound_type(const struct rule *rule, const struct bound *b, unsigned index)
{
	switch (b->from) {
	case BOUND_KEY: return subject_type(rule, rule->steps[0].keys[b->index]);
	case BOUND_STEP: return field_type(b->field);
	case BOUND_SIGNAL: {
		const struct rule *from = rule->from[0];
		return subject_type(from, from->fields[rule->signal_fields[0][index]].expr);
	}
	case BOUND_SCORE: break;
	}
	return "other";
}

static const char *subject_type(const struct rule *rule, const struct expr *e)
{
	while (e->op == EXPR_LET) {
		e = rule->lets[e->index].expr;
	}
	if (e->op == EXPR_BOUND) {
		return bound_type(rule, &rule->bound[e->index], e->index);
	}
	if (e->op == EXPR_CALL && e->function == FUNCTION_BLOCK) {
		return "block";
	}
	return e->op == EXPR_FIELD ? field_type(e->field) : "other";
}

static bool is_key_part(const struct rule *rule, const struct expr *e)
{
	for (unsigned i = 0; i < rule->key_count; i++) {
		if (expr_equal(rule->keys[i], e)) {
			return true;
		}
	}
	return false;
}

/* A field that no author wrote. */
static const struct expr *plain_field(struct checker *c, enum field field)
{
	struct expr *e = arena_alloc(&c->set->arena, sizeof(*e));

	if (e) {
		*e = (struct expr){.op = EXPR_FIELD,
		                   .type = type_of_storage(field_storage(field)),
		                   .field = field,
		                   .optional = field_row(field)->optional,
		                   .at = c->rule->at,
		                   .text = slice_of(field_row(field)->name)};
		c->set->used[field] = true;
		c->rule->used[field] = true;
	}
	return e;
}

static const struct expr *default_subject(struct checker *c)
{
	bool has_caller = field_row(FIELD_CALLER_NUM)->kinds >> c->rule->kind & 1;

	if (c->rule->key_count > 0) {
		return c->rule->keys[0];
	}
	if (c->rule->kind == KIND_SIGNAL) {
		return NULL; /* a signal has no number of its own */
	}
	return plain_field(c, has_caller ? FIELD_CALLER_NUM : FIELD_CALL_ID);
}

void output_load_subject(struct checker *c, const struct yaml_node *node, bool in_flow)
{
	struct rule *rule = c->rule;

	rule->subject = node ? check_expr(c, CLAUSE_SUBJECT, node, in_flow) : default_subject(c);
	rule->subject_type = rule->subject ? subject_type(rule, rule->subject) : "other";
	if (node && rule->subject && rule->subject->op != EXPR_LET &&
	    !is_key_part(rule, rule->subject)) {
		diag_add(c->diags, rule->subject->at, "E059", SLICE_NONE,
		         "'subject' is a part of the key or a name of 'let'");
	}
}

/* ---- suppress ---- */

enum suppress_key { SUPPRESS_FOR, SUPPRESS_BY, SUPPRESS_KEYS };

static const struct schema_key suppress_keys[SUPPRESS_KEYS] = {
	[SUPPRESS_FOR] = {"for", YAML_SCALAR, true, false},
	[SUPPRESS_BY] = {"by", YAML_NONE, false, false},
};
static const struct schema suppress_schema = {"'suppress'", suppress_keys, SUPPRESS_KEYS};

void output_load_suppress(struct checker *c, const struct yaml_node *map)
{
	const struct yaml_node *got[SUPPRESS_KEYS];
	struct rule *rule = c->rule;

	(void)schema_take(c->diags, map, &suppress_schema, got);
	(void)schema_duration(c->diags, got[SUPPRESS_FOR], 1, &rule->suppress_us);
	if (got[SUPPRESS_BY]) {
		(void)check_exprs(c, CLAUSE_SUPPRESS, got[SUPPRESS_BY], map->flow, RULE_KEYS_MAX,
		                  rule->suppress_by, &rule->suppress_count);
		return;
	}
	for (unsigned i = 0; i < rule->key_count; i++) {
		rule->suppress_by[i] = rule->keys[i];
	}
	rule->suppress_count = rule->key_count;
	if (rule->key_count == 0 && rule->subject) {
		rule->suppress_by[0] = rule->subject;
		rule->suppress_count = 1;
	}
}

/* ---- output ---- */

enum output_key { OUTPUT_SUMMARY, OUTPUT_FIELDS, OUTPUT_EVIDENCE, OUTPUT_KEYS };

static const struct schema_key output_keys[OUTPUT_KEYS] = {
	[OUTPUT_SUMMARY] = {"summary", YAML_SCALAR, true, false},
	[OUTPUT_FIELDS] = {"fields", YAML_NONE, false, false},
	[OUTPUT_EVIDENCE] = {"evidence", YAML_SCALAR, false, false},
};
static const struct schema output_schema = {"'output'", output_keys, OUTPUT_KEYS};

static void title_as_summary(struct checker *c)
{
	struct template_part *part = arena_alloc(&c->set->arena, sizeof(*part));

	if (part) {
		part->text = c->rule->title;
		c->rule->summary = part;
		c->rule->summary_count = 1;
	}
}

static void load_fields(struct checker *c, const struct yaml_node *node, bool in_flow)
{
	const struct expr *exprs[RULE_FIELDS_MAX];
	unsigned count;

	if (!check_exprs(c, CLAUSE_OUTPUT, node, in_flow, RULE_FIELDS_MAX, exprs, &count)) {
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		c->rule->fields[i] = (struct output_field){exprs[i]->text, exprs[i]};
	}
	c->rule->field_count = count;
}

void output_load(struct checker *c, const struct yaml_node *map)
{
	const struct yaml_node *got[OUTPUT_KEYS] = {NULL};
	int64_t evidence = EVIDENCE_DEFAULT;

	if (map) {
		(void)schema_take(c->diags, map, &output_schema, got);
		(void)schema_int(c->diags, got[OUTPUT_EVIDENCE], 0, RULE_EVIDENCE_MAX, &evidence);
	}
	c->rule->evidence = (unsigned)evidence;
	if (got[OUTPUT_SUMMARY]) {
		(void)template_load(c, got[OUTPUT_SUMMARY]);
	} else {
		title_as_summary(c);
	}
	if (got[OUTPUT_FIELDS]) {
		load_fields(c, got[OUTPUT_FIELDS], map->flow);
	}
}

/* ---- privacy ---- */

enum privacy_key { PRIVACY_MASK, PRIVACY_ROUTE, PRIVACY_KEYS };

static const struct schema_key privacy_keys[PRIVACY_KEYS] = {
	[PRIVACY_MASK] = {"mask", YAML_NONE, true, false},
	[PRIVACY_ROUTE] = {"route", YAML_LIST, false, false},
};
static const struct schema privacy_schema = {"'privacy'", privacy_keys, PRIVACY_KEYS};

void output_load_privacy(struct checker *c, const struct yaml_node *map)
{
	const struct yaml_node *got[PRIVACY_KEYS];

	(void)schema_take(c->diags, map, &privacy_schema, got);
	if (got[PRIVACY_ROUTE]) {
		(void)schema_texts(c->diags, got[PRIVACY_ROUTE]);
	}
	if (got[PRIVACY_MASK]) {
		(void)check_exprs(c, CLAUSE_PRIVACY, got[PRIVACY_MASK], map->flow, RULE_KEYS_MAX,
		                  c->rule->mask, &c->rule->mask_count);
	}
}

/* ---- exceptions ---- */

enum exception_key {
	EXCEPTION_NAME,
	EXCEPTION_DOC,
	EXCEPTION_FIELDS,
	EXCEPTION_OPS,
	EXCEPTION_VALUES, /* sites give them by an override */
	EXCEPTION_KEYS
};

static const struct schema_key exception_keys[EXCEPTION_KEYS] = {
	[EXCEPTION_NAME] = {"name", YAML_SCALAR, true, false},
	[EXCEPTION_DOC] = {"doc", YAML_SCALAR, false, false},
	[EXCEPTION_FIELDS] = {"fields", YAML_NONE, true, false},
	[EXCEPTION_OPS] = {"ops", YAML_LIST, false, false},
	[EXCEPTION_VALUES] = {"values", YAML_NONE, false, true},
};
static const struct schema exception_schema = {"an exception", exception_keys, EXCEPTION_KEYS};

static void load_ops(struct checker *c, const struct yaml_node *list, struct exception_shape *shape)
{
	static const char *const words[] = {"==", "in"};
	unsigned op, i = 0;

	if (list->count != shape->field_count) {
		diag_add(c->diags, list->at, "E018", SLICE_NONE,
		         "'ops' needs one operator for each field");
		return;
	}
	if (!schema_texts(c->diags, list)) {
		return;
	}
	for (const struct yaml_node *item = list->first; item; item = item->next) {
		op = 0;
		(void)schema_word(c->diags, item, words, sizeof(words) / sizeof(words[0]), &op);
		shape->many[i++] = op == 1;
	}
}

static void load_shape(struct checker *c, const struct yaml_node *item,
                       struct exception_shape *shape)
{
	const struct yaml_node *got[EXCEPTION_KEYS];

	(void)schema_take(c->diags, item, &exception_schema, got);
	if (got[EXCEPTION_NAME]) {
		shape->name = arena_copy(&c->set->arena, got[EXCEPTION_NAME]->text);
	}
	if (got[EXCEPTION_FIELDS] &&
	    check_exprs(c, CLAUSE_EXCEPTIONS, got[EXCEPTION_FIELDS], item->flow, RULE_KEYS_MAX,
	                shape->fields, &shape->field_count) &&
	    got[EXCEPTION_OPS]) {
		load_ops(c, got[EXCEPTION_OPS], shape);
	}
}

void output_load_exceptions(struct checker *c, const struct yaml_node *list)
{
	struct exception_shape **tail = &c->rule->exceptions;

	if (c->rule->step_count) {
		diag_add(c->diags, list->at, "E018", SLICE_NONE,
		         "a sequence has no exceptions: its steps have 'where'");
		return;
	}
	for (const struct yaml_node *item = list->first; item; item = item->next) {
		struct exception_shape *shape = arena_alloc(&c->set->arena, sizeof(*shape));
		if (!shape) {
			return;
		}
		load_shape(c, item, shape);
		*tail = shape;
		tail = &shape->next;
	}
}
