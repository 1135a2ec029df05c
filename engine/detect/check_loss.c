/* Loss-safety (rule-language.md section 7): a condition that more events can only make true never
 * comes true because some were lost. Proved by the direction in which each part moves when an event
 * is added to the window; the event under view itself is always there.
 */
#include "detect/check.h"

enum direction {
	FIXED = 0, /* the same whatever else the window holds */
	UP = 1,
	DOWN = 2,
	EITHER = UP | DOWN,
};

static enum direction flip(enum direction d)
{
	return d == UP ? DOWN : d == DOWN ? UP : d;
}

static enum direction join(enum direction a, enum direction b)
{
	return (enum direction)(a | b);
}

static enum direction direction_of(const struct rule *rule, const struct expr *e);

/* Never below zero: what is summed up then only grows. Numbers of records are counts, codes and
 * costs; differences and negated values are not trusted.
 */
static bool is_unsigned(const struct rule *rule, const struct expr *e)
{
	if (e->op == EXPR_CONST) {
		return e->type == TYPE_FLOAT ? e->value.f >= 0 : e->value.i >= 0;
	}
	if (e->op == EXPR_SUB || e->op == EXPR_NEG) {
		return false;
	}
	if (e->op == EXPR_LET) {
		return is_unsigned(rule, rule->lets[e->index].expr);
	}
	if (e->op == EXPR_PARAM) {
		const struct param *param = &rule->params[e->index];
		return param->type == TYPE_FLOAT ? param->value.f >= 0 : param->value.i >= 0;
	}
	for (unsigned i = 0; i < e->arg_count; i++) {
		if (!is_unsigned(rule, e->args[i])) {
			return false;
		}
	}
	return true;
}

/* Does e, which looks at one event, ask what the key has shown before? */
static bool asks_new(const struct expr *e)
{
	bool asks = e && e->op == EXPR_NEW;

	for (unsigned i = 0; e && i < e->arg_count && !asks; i++) {
		asks = asks_new(e->args[i]);
	}
	return asks;
}

static enum direction of_aggregate(const struct rule *rule, const struct agg *agg)
{
	if (asks_new(agg->arg) || asks_new(agg->filter)) {
		return EITHER; /* what was lost makes later values new */
	}
	switch (agg->fn) {
	case AGGREGATE_COUNT:
	case AGGREGATE_RATE:
	case AGGREGATE_DISTINCT: return UP;
	case AGGREGATE_MAX: return agg->filter || agg->arg->optional ? EITHER : UP;
	case AGGREGATE_MIN: return agg->filter || agg->arg->optional ? EITHER : DOWN;
	case AGGREGATE_SUM: return is_unsigned(rule, agg->arg) ? UP : EITHER;
	default: return EITHER;
	}
}

/* a * b, a / b by something of fixed sign. */
static enum direction of_product(const struct rule *rule, const struct expr *e)
{
	enum direction a = direction_of(rule, e->args[0]);
	enum direction b = direction_of(rule, e->args[1]);

	if (!is_unsigned(rule, e->args[0]) || !is_unsigned(rule, e->args[1])) {
		return a == FIXED && b == FIXED ? FIXED : EITHER;
	}
	return join(a, e->op == EXPR_DIV ? flip(b) : b);
}

static enum direction of_operands(const struct rule *rule, const struct expr *e)
{
	enum direction d = FIXED;

	for (unsigned i = 0; i < e->arg_count; i++) {
		d = join(d, direction_of(rule, e->args[i]));
	}
	return d;
}

static enum direction direction_of(const struct rule *rule, const struct expr *e)
{
	switch (e->op) {
	case EXPR_NEW: return DOWN;
	case EXPR_SCORE: return UP;
	case EXPR_BOUND: return rule->bound[e->index].from == BOUND_SCORE ? UP : FIXED;
	case EXPR_HISTORY: return EITHER;
	case EXPR_AGG: return of_aggregate(rule, &rule->aggs[e->index]);
	case EXPR_LET: return direction_of(rule, rule->lets[e->index].expr);
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_ADD:
	case EXPR_TO_FLOAT: return of_operands(rule, e);
	case EXPR_NOT:
	case EXPR_NEG: return flip(direction_of(rule, e->args[0]));
	case EXPR_SUB:
	case EXPR_GT:
	case EXPR_GE:
		return join(direction_of(rule, e->args[0]), flip(direction_of(rule, e->args[1])));
	case EXPR_LT:
	case EXPR_LE:
		return join(flip(direction_of(rule, e->args[0])), direction_of(rule, e->args[1]));
	case EXPR_MUL:
	case EXPR_DIV: return of_product(rule, e);
	default: return of_operands(rule, e) == FIXED ? FIXED : EITHER;
	}
}

/* The smallest condition from the left that is not safe. */
static const struct expr *find_unsafe(const struct rule *rule, const struct expr *e)
{
	if (e->op == EXPR_AND || e->op == EXPR_OR) {
		const struct expr *left = find_unsafe(rule, e->args[0]);
		return left ? left : find_unsafe(rule, e->args[1]);
	}
	return direction_of(rule, e) & DOWN ? e : NULL;
}

/* An event that is not seen lets an absence come true; it makes the next of its kind new. */
static bool needs_all_events(const struct rule *rule)
{
	bool needs = rule->new_count > 0;

	for (unsigned i = 0; i < rule->step_count; i++) {
		needs |= rule->steps[i].none;
	}
	return needs;
}

void check_loss(struct checker *c)
{
	struct rule *rule = c->rule;
	const struct expr *unsafe = rule->when ? find_unsafe(rule, rule->when) : NULL;

	rule->loss_safe = !unsafe && !needs_all_events(rule);
	if (unsafe) {
		diag_add(c->diags, unsafe->at, "W140", SLICE_NONE,
		         "not loss-safe: when events are lost, '%.*s' may come true wrongly",
		         SLICE_FMT(unsafe->text));
	}
}
