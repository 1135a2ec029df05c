#include "detect/check.h"

enum { LET_WEIGHT_MAX = 1000 };

static const struct {
	const char *name;
	bool lets;
	bool aggregates;
} clauses[] = {
	[CLAUSE_WHERE] = {"where", false, false},
	[CLAUSE_KEY] = {"key", false, false},
	[CLAUSE_LET] = {"let", true, true},
	[CLAUSE_WHEN] = {"when", true, true},
	[CLAUSE_SUBJECT] = {"subject", true, false},
	[CLAUSE_SUPPRESS] = {"suppress", true, false},
	[CLAUSE_OUTPUT] = {"output", true, false},
	[CLAUSE_PRIVACY] = {"privacy", true, false},
	[CLAUSE_EXCEPTIONS] = {"exceptions", false, false},
};

const char *clause_name(enum clause clause)
{
	return clauses[clause].name;
}

bool clause_sees_lets(enum clause clause)
{
	return clauses[clause].lets;
}

bool clause_takes_aggregates(enum clause clause)
{
	return clauses[clause].aggregates;
}

void check_not_built(struct diags *d, struct place at, const char *what)
{
	diag_add(d, at, "E090", SLICE_NONE, "not built yet: %s", what);
}

struct place check_place(const struct checker *c, size_t at)
{
	return yaml_place(c->source, c->source_begin + at);
}

struct expr *check_new(struct checker *c, const struct ast *ast, enum expr_op op, enum type type,
                       const struct expr **args, unsigned count)
{
	struct arena *arena = &c->set->arena;
	struct expr *e = arena_alloc(arena, sizeof(*e));

	if (!e) {
		return NULL;
	}
	*e = (struct expr){
		.op = op, .type = type, .at = check_place(c, ast->at), .text = ast->text};
	if (count > 0) {
		e->args = arena_alloc(arena, count * sizeof(const struct expr *));
		if (!e->args) {
			return NULL;
		}
	}
	e->arg_count = count;
	for (unsigned i = 0; i < count; i++) {
		e->args[i] = args[i];
		e->optional |= args[i]->optional;
		e->aggregate |= args[i]->aggregate;
	}
	return e;
}

static const struct expr *check_literal(struct checker *c, const struct ast *ast)
{
	struct expr *e = check_new(c, ast, EXPR_CONST, ast->type, NULL, 0);

	if (e) {
		e->value = ast->value;
	}
	return e;
}

const struct expr *check_node(struct checker *c, const struct ast *ast)
{
	switch (ast->kind) {
	case AST_LITERAL: return check_literal(c, ast);
	case AST_NAME: return check_name(c, ast);
	case AST_PARAM: return check_param(c, ast);
	case AST_CALL: return check_call(c, ast);
	case AST_OP: return check_op(c, ast);
	case AST_LIST:
		diag_add(c->diags, check_place(c, ast->at), "E040", SLICE_NONE,
		         "a list can only stand after 'in' and first in attr()");
		return NULL;
	case AST_NONE: break;
	}
	return NULL;
}

static struct parse_input begin_source(struct checker *c, enum clause clause,
                                       const struct yaml_node *scalar, size_t begin, size_t end)
{
	c->clause = clause;
	c->in_aggregate = false;
	c->source = scalar;
	c->source_begin = begin;
	return (struct parse_input){
		.source = slice_skip(slice_first(scalar->text, end), begin),
		.keep = &c->set->arena,
		.scratch = c->scratch,
	};
}

static void refuse_parse(struct checker *c, const struct parse_error *error)
{
	diag_add(c->diags, check_place(c, error->at), error->code, error->hint, "%.*s",
	         SLICE_FMT(error->message));
}

static const struct expr *check_source(struct checker *c, const struct parse_input *in)
{
	struct parse_error error = {0};
	const struct ast *ast = parse_expr(in, &error);

	if (!ast) {
		refuse_parse(c, &error);
		return NULL;
	}
	return check_node(c, ast);
}

const struct expr *check_part(struct checker *c, enum clause clause, const struct yaml_node *scalar,
                              size_t begin, size_t end)
{
	struct parse_input in = begin_source(c, clause, scalar, begin, end);

	return check_source(c, &in);
}

static bool is_scalar(struct checker *c, const struct yaml_node *node, enum clause clause)
{
	if (node->kind != YAML_SCALAR) {
		diag_add(c->diags, node->at, "E018", SLICE_NONE, "'%s' must be an expression",
		         clause_name(clause));
		return false;
	}
	return true;
}

const struct expr *check_expr(struct checker *c, enum clause clause, const struct yaml_node *scalar,
                              bool in_flow)
{
	if (!is_scalar(c, scalar, clause)) {
		return NULL;
	}
	struct parse_input in = begin_source(c, clause, scalar, 0, scalar->text.len);
	in.in_flow = in_flow && !scalar->quoted;
	return check_source(c, &in);
}

const struct expr *check_condition(struct checker *c, enum clause clause,
                                   const struct yaml_node *scalar, bool in_flow)
{
	const struct expr *e = check_expr(c, clause, scalar, in_flow);

	return e && check_is_condition(c, e, clause_name(clause)) ? e : NULL;
}

static bool refuse_count(struct checker *c, struct place at, unsigned max)
{
	diag_add(c->diags, at, "E018", SLICE_NONE, "'%s' takes 1 to %u expressions",
	         clause_name(c->clause), max);
	return false;
}

static bool check_comma_list(struct checker *c, const struct parse_input *in, unsigned max,
                             const struct expr **out, unsigned *count)
{
	struct parse_error error = {0};
	unsigned parsed;
	const struct ast *ast = parse_exprs(in, &parsed, &error);
	bool whole = true;

	if (!ast) {
		refuse_parse(c, &error);
		return false;
	}
	if (parsed > max) {
		return refuse_count(c, c->source->at, max);
	}
	for (; ast; ast = ast->next) {
		out[*count] = check_node(c, ast);
		whole &= out[(*count)++] != NULL;
	}
	return whole;
}

bool check_exprs(struct checker *c, enum clause clause, const struct yaml_node *node, bool in_flow,
                 unsigned max, const struct expr **out, unsigned *count)
{
	bool whole = true;

	*count = 0;
	if (node->kind != YAML_LIST) {
		if (!is_scalar(c, node, clause)) {
			return false;
		}
		struct parse_input in = begin_source(c, clause, node, 0, node->text.len);
		in.in_flow = in_flow && !node->quoted;
		return check_comma_list(c, &in, max, out, count);
	}
	c->clause = clause;
	if (node->count < 1 || node->count > max) {
		return refuse_count(c, node->at, max);
	}
	/* Up to the first mistake: what follows may be the other half of a cut expression. */
	for (const struct yaml_node *item = node->first; item && whole; item = item->next) {
		out[*count] = check_expr(c, clause, item, node->flow);
		whole = out[(*count)++] != NULL;
	}
	return whole;
}

static size_t weigh(const struct checker *c, const struct expr *e)
{
	size_t sum = 1;

	if (e->op == EXPR_LET) {
		return 1 + c->weights[e->index];
	}
	if (e->op == EXPR_AGG) {
		const struct agg *agg = &c->rule->aggs[e->index];
		sum += agg->arg ? weigh(c, agg->arg) : 0;
		sum += agg->filter ? weigh(c, agg->filter) : 0;
	}
	for (unsigned i = 0; i < e->arg_count; i++) {
		sum += weigh(c, e->args[i]);
	}
	return sum;
}

bool check_weight(struct checker *c, unsigned let)
{
	const struct expr *e = c->rule->lets[let].expr;

	c->weights[let] = weigh(c, e);
	if (c->weights[let] > LET_WEIGHT_MAX) {
		diag_add(c->diags, e->at, "E024", SLICE_NONE,
		         "'%.*s' has more than %d parts, those of the lets in it counted",
		         SLICE_FMT(c->rule->lets[let].name), LET_WEIGHT_MAX);
		return false;
	}
	return true;
}
