/* Types of the operators (rule-language.md section 5). */
#include <stdio.h>

#include "detect/check.h"
#include "detect/value.h"

static bool is_number(const struct expr *e)
{
	return e->type == TYPE_INT || e->type == TYPE_FLOAT;
}

/* ---- making two operands fit ---- */

static const struct expr *to_float(struct checker *c, const struct expr *e)
{
	struct expr *f = arena_alloc(&c->set->arena, sizeof(*f));
	const struct expr **args = arena_alloc(&c->set->arena, sizeof(*args));

	if (!f || !args) {
		return NULL;
	}
	args[0] = e;
	*f = (struct expr){.op = EXPR_TO_FLOAT,
	                   .type = TYPE_FLOAT,
	                   .optional = e->optional,
	                   .aggregate = e->aggregate,
	                   .at = e->at,
	                   .text = e->text,
	                   .args = args,
	                   .arg_count = 1};
	return check_fold(c, f);
}

/* prefix() and block() give digits without +; looks through what hands them on. */
static bool gives_digits(const struct checker *c, const struct expr *e)
{
	for (;;) {
		if (e->op == EXPR_LET) {
			e = c->rule->lets[e->index].expr;
		} else if (e->op == EXPR_AGG && c->rule->aggs[e->index].arg) {
			e = c->rule->aggs[e->index].arg;
		} else if (e->op == EXPR_COALESCE) {
			e = e->args[0];
		} else if (e->op == EXPR_CALL && e->function == FUNCTION_IF) {
			e = e->args[1];
		} else {
			return e->op == EXPR_CALL &&
			       (e->function == FUNCTION_PREFIX || e->function == FUNCTION_BLOCK);
		}
	}
}

static bool read_digits(struct checker *c, const struct expr *e, struct value *value)
{
	value->num = number_of_digits(NUMBER_NATIONAL, e->value.s);
	if (!value->num) {
		diag_add(c->diags, e->at, "E031", SLICE_LIT("write them like 447700"),
		         "'%.*s' is not the digits of a number", SLICE_FMT(e->value.s));
	}
	return value->num != 0;
}

/* The text constant e as a value of the type of beside. */
static const struct expr *type_text(struct checker *c, const struct expr *e,
                                    const struct expr *beside)
{
	struct value value = {0};
	bool digits = beside->type == TYPE_NUM && gives_digits(c, beside);
	bool read = digits ? read_digits(c, e, &value)
	                   : value_read(c->diags, c->options, e->at, beside->type, beside->set,
	                                e->value.s, &value);
	struct expr *typed = read ? arena_alloc(&c->set->arena, sizeof(*typed)) : NULL;

	if (!typed) {
		return NULL;
	}
	*typed = *e;
	typed->type = beside->type;
	typed->set = beside->set;
	typed->value = value;
	return typed;
}

static bool is_text_literal(const struct expr *e)
{
	return e->op == EXPR_CONST && e->type == TYPE_TEXT;
}

static bool takes_text(const struct expr *e)
{
	return e->type == TYPE_NUM || e->type == TYPE_IP || e->type == TYPE_COUNTRY ||
	       e->type == TYPE_ENUM || e->type == TYPE_DUR || e->type == TYPE_TIME;
}

bool check_as(struct checker *c, const struct expr **e, enum type type)
{
	const struct expr beside = {.op = EXPR_CONST, .type = type};

	if (is_text_literal(*e) && takes_text(&beside)) {
		*e = type_text(c, *e, &beside);
	}
	return *e && (*e)->type == type;
}

struct slice check_unit_hint(char out[64], const struct expr *a, const struct expr *b)
{
	const struct expr *bare = a->type == TYPE_DUR ? b : a;
	const struct expr *dur = a->type == TYPE_DUR ? a : b;

	if (dur->type != TYPE_DUR || bare->op != EXPR_CONST || !is_number(bare) ||
	    bare->text.len > 12) {
		return SLICE_NONE;
	}
	(void)snprintf(out, 64, "durations need a unit: %.*ss or %.*sm", SLICE_FMT(bare->text),
	               SLICE_FMT(bare->text));
	return slice_of(out);
}

/* Both after fitting; false when their types stay different, without a message. */
static bool fits(struct checker *c, const struct expr **a, const struct expr **b, bool *refused)
{
	*refused = false;
	if ((*a)->type == (*b)->type) {
		return (*a)->set == (*b)->set;
	}
	if (is_number(*a) && is_number(*b)) {
		const struct expr **narrow = (*a)->type == TYPE_INT ? a : b;
		*narrow = to_float(c, *narrow);
		*refused = !*narrow;
		return *narrow != NULL;
	}
	const struct expr **text = is_text_literal(*a) ? a : b;
	const struct expr *beside = text == a ? *b : *a;
	if (is_text_literal(*text) && takes_text(beside)) {
		*text = type_text(c, *text, beside);
		*refused = !*text;
		return *text != NULL;
	}
	return false;
}

bool check_fit(struct checker *c, const struct expr **a, const struct expr **b)
{
	bool refused;

	return fits(c, a, b, &refused);
}

/* ---- logic ---- */

bool check_is_condition(struct checker *c, const struct expr *x, const char *what)
{
	if (x->type == TYPE_BOOL) {
		return true;
	}
	diag_add(c->diags, x->at, "E035", SLICE_NONE,
	         "'%s' needs something true or false, this is %s", what, type_words(x->type));
	return false;
}

static const struct expr *check_logic(struct checker *c, const struct ast *ast,
                                      const struct expr **args)
{
	static const char *const words[] = {
		[EXPR_NOT] = "not", [EXPR_AND] = "and", [EXPR_OR] = "or"};
	bool right = true;

	for (unsigned i = 0; i < ast->count; i++) {
		right &= check_is_condition(c, args[i], words[ast->op]);
	}
	return right ? check_fold(c, check_new(c, ast, ast->op, TYPE_BOOL, args, ast->count))
	             : NULL;
}

/* ---- comparisons ---- */

static bool has_order(enum type type)
{
	return type == TYPE_INT || type == TYPE_FLOAT || type == TYPE_DUR || type == TYPE_TIME;
}

static const struct expr *check_compare(struct checker *c, const struct ast *ast,
                                        const struct expr **args)
{
	char hint[64];
	bool refused;

	if (!fits(c, &args[0], &args[1], &refused)) {
		if (!refused) {
			diag_add(c->diags, check_place(c, ast->at), "E036",
			         check_unit_hint(hint, args[0], args[1]),
			         "cannot compare %s with %s", type_words(args[0]->type),
			         type_words(args[1]->type));
		}
		return NULL;
	}
	if (ast->op != EXPR_EQ && ast->op != EXPR_NE && !has_order(args[0]->type)) {
		diag_add(c->diags, check_place(c, ast->at), "E037",
		         args[0]->type == TYPE_NUM
		                 ? SLICE_LIT("use prefix(…) or a list of prefixes")
		                 : SLICE_NONE,
		         "%s has no order: only == and != compare it", type_words(args[0]->type));
		return NULL;
	}
	return check_fold(c, check_new(c, ast, ast->op, TYPE_BOOL, args, 2));
}

/* ---- arithmetic ---- */

/* What an operator makes of two types, after int has become float beside a float. */
static const struct arithmetic {
	enum expr_op op;
	enum type left, right, result;
} arithmetic[] = {
	{EXPR_ADD, TYPE_INT, TYPE_INT, TYPE_INT},
	{EXPR_ADD, TYPE_FLOAT, TYPE_FLOAT, TYPE_FLOAT},
	{EXPR_ADD, TYPE_DUR, TYPE_DUR, TYPE_DUR},
	{EXPR_ADD, TYPE_TIME, TYPE_DUR, TYPE_TIME},
	{EXPR_ADD, TYPE_DUR, TYPE_TIME, TYPE_TIME},
	{EXPR_SUB, TYPE_INT, TYPE_INT, TYPE_INT},
	{EXPR_SUB, TYPE_FLOAT, TYPE_FLOAT, TYPE_FLOAT},
	{EXPR_SUB, TYPE_DUR, TYPE_DUR, TYPE_DUR},
	{EXPR_SUB, TYPE_TIME, TYPE_DUR, TYPE_TIME},
	{EXPR_SUB, TYPE_TIME, TYPE_TIME, TYPE_DUR},
	{EXPR_MUL, TYPE_INT, TYPE_INT, TYPE_INT},
	{EXPR_MUL, TYPE_FLOAT, TYPE_FLOAT, TYPE_FLOAT},
	{EXPR_MUL, TYPE_DUR, TYPE_INT, TYPE_DUR},
	{EXPR_MUL, TYPE_DUR, TYPE_FLOAT, TYPE_DUR},
	{EXPR_MUL, TYPE_INT, TYPE_DUR, TYPE_DUR},
	{EXPR_MUL, TYPE_FLOAT, TYPE_DUR, TYPE_DUR},
	{EXPR_DIV, TYPE_FLOAT, TYPE_FLOAT, TYPE_FLOAT},
	{EXPR_DIV, TYPE_DUR, TYPE_DUR, TYPE_FLOAT},
	{EXPR_MOD, TYPE_INT, TYPE_INT, TYPE_INT},
};

static const char *sign_of(enum expr_op op)
{
	static const char *const signs[] = {[EXPR_ADD] = "+",
	                                    [EXPR_SUB] = "-",
	                                    [EXPR_MUL] = "*",
	                                    [EXPR_DIV] = "/",
	                                    [EXPR_MOD] = "%"};

	return signs[op];
}

static void refuse_arithmetic(struct checker *c, const struct ast *ast, const struct expr **args)
{
	char text[64];
	struct slice hint = check_unit_hint(text, args[0], args[1]);

	if (ast->op == EXPR_DIV && args[0]->type == TYPE_DUR && is_number(args[1])) {
		hint = SLICE_LIT(
			"multiply it (duration * 0.5), or divide it by a duration: duration / 1s");
	}
	diag_add(c->diags, check_place(c, ast->at), "E036", hint, "'%s' does not fit %s and %s",
	         sign_of(ast->op), type_words(args[0]->type), type_words(args[1]->type));
}

static bool may_be_zero(const struct expr *e)
{
	return e->op != EXPR_CONST || (e->type == TYPE_FLOAT ? e->value.f == 0 : e->value.i == 0);
}

static const struct expr *check_arithmetic(struct checker *c, const struct ast *ast,
                                           const struct expr **args)
{
	bool mixed = args[0]->type != args[1]->type;

	if (is_number(args[0]) && is_number(args[1]) && (mixed || ast->op == EXPR_DIV)) {
		for (unsigned i = 0; i < 2; i++) {
			if (args[i]->type == TYPE_INT && !(args[i] = to_float(c, args[i]))) {
				return NULL;
			}
		}
	}
	for (size_t i = 0; i < sizeof(arithmetic) / sizeof(arithmetic[0]); i++) {
		const struct arithmetic *row = &arithmetic[i];
		if (row->op != ast->op || row->left != args[0]->type ||
		    row->right != args[1]->type) {
			continue;
		}
		struct expr *e = check_new(c, ast, ast->op, row->result, args, 2);
		if (e && (ast->op == EXPR_DIV || ast->op == EXPR_MOD)) {
			e->optional |= may_be_zero(args[1]);
		}
		return check_fold(c, e);
	}
	refuse_arithmetic(c, ast, args);
	return NULL;
}

static const struct expr *check_negation(struct checker *c, const struct ast *ast,
                                         const struct expr **args)
{
	if (!is_number(args[0]) && args[0]->type != TYPE_DUR) {
		diag_add(c->diags, check_place(c, ast->at), "E036", SLICE_NONE,
		         "'-' does not fit %s", type_words(args[0]->type));
		return NULL;
	}
	return check_fold(c, check_new(c, ast, EXPR_NEG, args[0]->type, args, 1));
}

static const struct expr *check_coalesce(struct checker *c, const struct ast *ast,
                                         const struct expr **args)
{
	char hint[64];
	bool refused;

	if (!fits(c, &args[0], &args[1], &refused)) {
		if (!refused) {
			diag_add(c->diags, check_place(c, ast->at), "E036",
			         check_unit_hint(hint, args[0], args[1]),
			         "'?"
			         "?' needs two of one kind, these are %s and %s",
			         type_words(args[0]->type), type_words(args[1]->type));
		}
		return NULL;
	}
	struct expr *e = check_new(c, ast, EXPR_COALESCE, args[0]->type, args, 2);
	if (e) {
		e->set = args[0]->set;
		e->optional = args[0]->optional && args[1]->optional;
	}
	return check_fold(c, e);
}

typedef const struct expr *(*check_op_fn)(struct checker *c, const struct ast *ast,
                                          const struct expr **args);

/* Operators of one or two operands; the others have checks of their own. */
static const check_op_fn by_op[] = {
	[EXPR_NOT] = check_logic,      [EXPR_AND] = check_logic,
	[EXPR_OR] = check_logic,       [EXPR_EQ] = check_compare,
	[EXPR_NE] = check_compare,     [EXPR_LT] = check_compare,
	[EXPR_LE] = check_compare,     [EXPR_GT] = check_compare,
	[EXPR_GE] = check_compare,     [EXPR_ADD] = check_arithmetic,
	[EXPR_SUB] = check_arithmetic, [EXPR_MUL] = check_arithmetic,
	[EXPR_DIV] = check_arithmetic, [EXPR_MOD] = check_arithmetic,
	[EXPR_NEG] = check_negation,   [EXPR_COALESCE] = check_coalesce,
};

/* Would it make a true comparison with history false? `if_short` had two meanings then. */
static bool turns_round(const struct checker *c, enum expr_op op, const struct expr *const *args)
{
	if (op == EXPR_NOT) {
		return check_has_history(c->rule, args[0]);
	}
	return (op == EXPR_EQ || op == EXPR_NE) && args[0]->type == TYPE_BOOL &&
	       (check_has_history(c->rule, args[0]) || check_has_history(c->rule, args[1]));
}

const struct expr *check_op(struct checker *c, const struct ast *ast)
{
	const struct expr *args[2] = {check_node(c, ast->args), NULL};

	switch (ast->op) {
	case EXPR_IN_LIST: return check_in_list(c, ast, args[0]);
	case EXPR_IN_SET: return check_in_set(c, ast, args[0]);
	case EXPR_IN_RANGE: return check_in_range(c, ast, args[0]);
	case EXPR_MATCH:
	case EXPR_NOT_MATCH: return check_match(c, ast, args[0]);
	default: break;
	}
	if (ast->count == 2) {
		args[1] = check_node(c, ast->args->next);
	}
	if (!args[0] || (ast->count == 2 && !args[1])) {
		return NULL;
	}
	if (turns_round(c, ast->op, args)) {
		check_refuse_history(c, check_place(c, ast->at),
		                     ast->op == EXPR_NOT ? "under 'not'"
		                                         : "in a compared condition");
		return NULL;
	}
	return by_op[ast->op](c, ast, args);
}
