#include <math.h>

#include "detect/check.h"
#include "detect/value.h"

static bool all_constant(const struct expr *e)
{
	for (unsigned i = 0; i < e->arg_count; i++) {
		if (e->args[i]->op != EXPR_CONST) {
			return false;
		}
	}
	return e->arg_count > 0;
}

static double as_float(const struct expr *e)
{
	return e->type == TYPE_FLOAT ? e->value.f : (double)e->value.i;
}

static bool fold_float(enum expr_op op, double a, double b, double *out)
{
	switch (op) {
	case EXPR_ADD: *out = a + b; break;
	case EXPR_SUB: *out = a - b; break;
	case EXPR_MUL: *out = a * b; break;
	case EXPR_DIV: *out = b == 0 ? (double)NAN : a / b; break;
	default: return false;
	}
	return isfinite(*out) && value_float_is_plain(*out);
}

static bool fold_int(enum expr_op op, int64_t a, int64_t b, int64_t *out)
{
	switch (op) {
	case EXPR_ADD: return !__builtin_add_overflow(a, b, out);
	case EXPR_SUB: return !__builtin_sub_overflow(a, b, out);
	case EXPR_MUL: return !__builtin_mul_overflow(a, b, out);
	case EXPR_MOD:
		if (b == 0 || b == -1) {
			return false;
		}
		*out = a % b;
		return true;
	default: return false;
	}
}

static bool fold_arithmetic(const struct expr *e, struct value *out)
{
	const struct expr *a = e->args[0], *b = e->args[1];
	double f;

	if (e->type == TYPE_FLOAT) {
		return fold_float(e->op, as_float(a), as_float(b), &out->f);
	}
	if (a->type != TYPE_FLOAT && b->type != TYPE_FLOAT) {
		return fold_int(e->op, a->value.i, b->value.i, &out->i);
	}
	if (!fold_float(e->op, as_float(a), as_float(b), &f) || fabs(f) > 3e15) {
		return false;
	}
	out->i = (int64_t)(f < 0 ? f - 0.5 : f + 0.5); /* as the evaluator rounds durations */
	return true;
}

static bool fold_negation(const struct expr *e, struct value *out)
{
	if (e->type == TYPE_FLOAT) {
		out->f = -e->args[0]->value.f;
		return true;
	}
	return fold_int(EXPR_SUB, 0, e->args[0]->value.i, &out->i);
}

static int order(const struct expr *a, const struct expr *b)
{
	if (a->type == TYPE_FLOAT) {
		return (a->value.f > b->value.f) - (a->value.f < b->value.f);
	}
	if (a->type == TYPE_TEXT) {
		return slice_cmp(a->value.s, b->value.s);
	}
	return (a->value.i > b->value.i) - (a->value.i < b->value.i);
}

static bool fold_comparison(const struct expr *e, struct value *out)
{
	int cmp = order(e->args[0], e->args[1]);
	bool is;

	switch (e->op) {
	case EXPR_EQ: is = cmp == 0; break;
	case EXPR_NE: is = cmp != 0; break;
	case EXPR_LT: is = cmp < 0; break;
	case EXPR_LE: is = cmp <= 0; break;
	case EXPR_GT: is = cmp > 0; break;
	default: is = cmp >= 0; break;
	}
	out->i = is ? TRUTH_TRUE : TRUTH_FALSE;
	return true;
}

static bool fold_logic(const struct expr *e, struct value *out)
{
	int64_t a = e->args[0]->value.i;

	if (e->op == EXPR_NOT) {
		out->i = TRUTH_TRUE - a;
		return true;
	}
	int64_t b = e->args[1]->value.i;
	out->i = (e->op == EXPR_AND) == (a < b) ? a : b;
	return true;
}

static bool fold_to_float(const struct expr *e, struct value *out)
{
	out->f = (double)e->args[0]->value.i;
	return value_float_is_plain(out->f);
}

static bool fold_coalesce(const struct expr *e, struct value *out)
{
	*out = e->args[0]->value;
	return true;
}

static bool (*const folds[])(const struct expr *e, struct value *out) = {
	[EXPR_NOT] = fold_logic,         [EXPR_AND] = fold_logic,
	[EXPR_OR] = fold_logic,          [EXPR_EQ] = fold_comparison,
	[EXPR_NE] = fold_comparison,     [EXPR_LT] = fold_comparison,
	[EXPR_LE] = fold_comparison,     [EXPR_GT] = fold_comparison,
	[EXPR_GE] = fold_comparison,     [EXPR_ADD] = fold_arithmetic,
	[EXPR_SUB] = fold_arithmetic,    [EXPR_MUL] = fold_arithmetic,
	[EXPR_DIV] = fold_arithmetic,    [EXPR_MOD] = fold_arithmetic,
	[EXPR_NEG] = fold_negation,      [EXPR_TO_FLOAT] = fold_to_float,
	[EXPR_COALESCE] = fold_coalesce, [EXPR_CALL] = NULL,
};

const struct expr *check_fold(struct checker *c, struct expr *e)
{
	struct value value = {0};

	if (!e || !folds[e->op] || !all_constant(e) || !folds[e->op](e, &value)) {
		return e;
	}
	struct expr *folded = arena_alloc(&c->set->arena, sizeof(*folded));
	if (!folded) {
		return NULL;
	}
	*folded = (struct expr){.op = EXPR_CONST,
	                        .type = e->type,
	                        .set = e->set,
	                        .at = e->at,
	                        .text = e->text,
	                        .value = value};
	return folded;
}
