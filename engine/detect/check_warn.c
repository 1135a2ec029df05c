/* Warnings about a rule that is whole (rule-language.md sections 5 and 9).
 *
 * W101 looks for conditions that a missing value makes unknown where the author meant true: '!=',
 * and 'in' under 'not'. A value is guarded where the rest of the condition can only be true when it
 * is there: present(x), another comparison of x, a part of the key, or what a field implies (a
 * caller's country, that there is a caller).
 */
#include "detect/check.h"
#include "detect/regex.h"

enum { GUARDS_MAX = 64 };

/* Expressions that are there whenever the condition under view matters. */
struct guards {
	const struct expr *all[GUARDS_MAX];
	unsigned count;
};

static void guard(struct guards *g, const struct expr *e)
{
	if (g->count < GUARDS_MAX) {
		g->all[g->count++] = e;
	}
}

/* What must be there for e not to be missing. */
static void guard_value(const struct rule *rule, const struct expr *e, struct guards *g)
{
	if (e->op == EXPR_COALESCE || e->op == EXPR_AND || e->op == EXPR_OR || !e->optional) {
		return;
	}
	guard(g, e);
	if (e->op == EXPR_LET) {
		guard_value(rule, rule->lets[e->index].expr, g);
	} else if (e->op == EXPR_CALL && e->function == FUNCTION_IF) {
		guard_value(rule, e->args[0], g);
	} else {
		for (unsigned i = 0; i < e->arg_count; i++) {
			guard_value(rule, e->args[i], g);
		}
	}
}

/* What must be there for the condition e to come out as wanted. */
static void guard_condition(const struct rule *rule, const struct expr *e, bool wanted,
                            struct guards *g)
{
	if (e->op == EXPR_NOT) {
		guard_condition(rule, e->args[0], !wanted, g);
	} else if (e->op == (wanted ? EXPR_AND : EXPR_OR)) {
		guard_condition(rule, e->args[0], wanted, g);
		guard_condition(rule, e->args[1], wanted, g);
	} else if (e->op == EXPR_CALL && e->function == FUNCTION_PRESENT) {
		if (wanted) {
			guard(g, e->args[0]);
			guard_value(rule, e->args[0], g);
		}
	} else {
		guard_value(rule, e, g);
	}
}

static struct slice field_group(enum field field)
{
	struct slice name = slice_of(field_row(field)->name);

	return slice_first(name, slice_find(name, '.'));
}

/* "caller.country" is there only where "caller.num" is. */
static bool implies(enum field known, enum field asked)
{
	static const char *const of_number[] = {".country", ".operator", ".valid", ".assigned",
	                                        ".care"};
	struct slice group = field_group(known);
	struct slice rest = slice_skip(slice_of(field_row(known)->name), group.len);
	struct slice asked_name = slice_of(field_row(asked)->name);

	if (!slice_eq(group, field_group(asked)) ||
	    !slice_eq(slice_skip(asked_name, group.len), SLICE_LIT(".num"))) {
		return false;
	}
	for (size_t i = 0; i < sizeof(of_number) / sizeof(of_number[0]); i++) {
		if (slice_eq(rest, slice_of(of_number[i]))) {
			return true;
		}
	}
	return false;
}

static bool is_guarded(const struct guards *g, const struct expr *e)
{
	for (unsigned i = 0; i < g->count; i++) {
		const struct expr *known = g->all[i];
		if (expr_equal(known, e) || (known->op == EXPR_FIELD && e->op == EXPR_FIELD &&
		                             implies(known->field, e->field))) {
			return true;
		}
	}
	return false;
}

/* May be missing although its operands are there. */
static bool adds_missing(const struct expr *e)
{
	return e->op == EXPR_DIV || e->op == EXPR_MOD ||
	       (e->op == EXPR_CALL && e->function != FUNCTION_IF);
}

static bool may_lack(const struct rule *rule, const struct guards *g, const struct expr *e)
{
	bool operands_optional = false;

	if (!e->optional || is_guarded(g, e)) {
		return false;
	}
	if (e->op == EXPR_LET) {
		return may_lack(rule, g, rule->lets[e->index].expr);
	}
	for (unsigned i = 0; i < e->arg_count; i++) {
		operands_optional |= e->args[i]->optional;
		if (may_lack(rule, g, e->args[i])) {
			return true;
		}
	}
	return e->arg_count == 0 || !operands_optional || adds_missing(e);
}

struct warner {
	struct checker *c;
	const struct rule *rule;
};

static void warn_unequal(const struct warner *w, const struct expr *e)
{
	diag_add(w->c->diags, e->at, "W101",
	         SLICE_LIT("write '(x != y) ?? true' if a missing value should count"),
	         "'!=' with a field that may be missing is then unknown, not true");
}

static void warn_not_in(const struct warner *w, const struct expr *e)
{
	diag_add(w->c->diags, e->args[0]->at, "W101",
	         SLICE_LIT("write 'not ((x in @list) ?? false)' if a missing value should count"),
	         "'not … in' with a field that may be missing is then unknown, not true");
}

static bool is_membership(enum expr_op op)
{
	return op == EXPR_IN_LIST || op == EXPR_IN_SET || op == EXPR_IN_RANGE;
}

/* e counts for its rule when it comes out as wanted; g: what is known to be there then. */
static void walk_condition(const struct warner *w, const struct expr *e, bool wanted,
                           const struct guards *g)
{
	if (e->op == EXPR_NOT) {
		walk_condition(w, e->args[0], !wanted, g);
	} else if (e->op == EXPR_AND || e->op == EXPR_OR) {
		for (unsigned i = 0; i < 2; i++) {
			struct guards inner = *g;
			if ((e->op == EXPR_AND) == wanted) {
				guard_condition(w->rule, e->args[1 - i], wanted, &inner);
			}
			walk_condition(w, e->args[i], wanted, &inner);
		}
	} else if (e->op == (wanted ? EXPR_NE : EXPR_EQ)) {
		if (may_lack(w->rule, g, e->args[0]) || may_lack(w->rule, g, e->args[1])) {
			warn_unequal(w, e);
		}
	} else if (is_membership(e->op) && !wanted && may_lack(w->rule, g, e->args[0])) {
		warn_not_in(w, e);
	}
}

static bool is_let_root(const struct rule *rule, const struct expr *e)
{
	for (unsigned i = 0; i < rule->let_count; i++) {
		if (rule->lets[i].expr == e) {
			return true;
		}
	}
	return false;
}

static void warn_node(const struct warner *w, const struct expr *e)
{
	if (e->op == EXPR_COALESCE && !e->args[0]->optional) {
		diag_add(w->c->diags, e->at, "W102", SLICE_NONE,
		         "'?"
		         "?' is not needed: '%.*s' is never missing",
		         SLICE_FMT(e->args[0]->text));
	}
	if (e->regex && !regex_has_literal(e->regex)) {
		diag_add(w->c->diags, e->at, "W130",
		         SLICE_LIT("add a letter or digit that every match contains"),
		         "pattern /%.*s/ has no fixed text, so it is tried on every event",
		         SLICE_FMT(regex_pattern(e->regex)));
	}
}

/* The nodes below e, without those of lets, which come by themselves. */
static void walk_nodes(const struct warner *w, const struct expr *e)
{
	warn_node(w, e);
	for (unsigned i = 0; i < e->arg_count; i++) {
		if (!is_let_root(w->rule, e->args[i])) {
			walk_nodes(w, e->args[i]);
		}
	}
}

static void walk_root(const struct warner *w, const struct expr *e, const struct guards *g)
{
	walk_nodes(w, e);
	if (e->type == TYPE_BOOL) {
		walk_condition(w, e, true, g);
	}
}

static void warn_params(const struct warner *w)
{
	for (unsigned i = 0; i < w->rule->param_count; i++) {
		const struct param *param = &w->rule->params[i];
		if (!param->used) {
			diag_add(w->c->diags, param->at, "W110", SLICE_NONE,
			         "parameter $%.*s is never used", SLICE_FMT(param->name));
		}
	}
}

static void warn_aggregates(const struct warner *w, const struct guards *g)
{
	for (unsigned i = 0; i < w->rule->agg_count; i++) {
		const struct expr *parts[] = {w->rule->aggs[i].arg, w->rule->aggs[i].filter};
		for (size_t k = 0; k < 2; k++) {
			if (parts[k] && !is_let_root(w->rule, parts[k])) {
				walk_root(w, parts[k], g);
			}
		}
	}
}

static void warn_news(const struct warner *w)
{
	for (unsigned i = 0; i < w->rule->new_count; i++) {
		if (!is_let_root(w->rule, w->rule->news[i].value)) {
			walk_nodes(w, w->rule->news[i].value);
		}
	}
}

/* Each step is a condition of its own: an event of it has the step's key. */
static void warn_steps(const struct warner *w)
{
	const struct rule *rule = w->rule;

	for (unsigned s = 0; s < rule->step_count; s++) {
		const struct sequence_step *step = &rule->steps[s];
		struct guards g = {.count = 0};
		for (unsigned i = 0; i < rule->key_count; i++) {
			guard_value(rule, step->keys[i], &g);
			walk_nodes(w, step->keys[i]);
		}
		if (step->where) {
			walk_root(w, step->where, &g);
		}
	}
}

void check_warn(struct checker *c)
{
	const struct rule *rule = c->rule;
	const struct warner w = {c, rule};
	struct guards g = {.count = 0};

	for (unsigned i = 0; i < rule->key_count; i++) {
		guard_value(rule, rule->keys[i], &g);
		walk_nodes(&w, rule->keys[i]);
	}
	if (rule->where) {
		walk_root(&w, rule->where, &g);
		guard_condition(rule, rule->where, true, &g);
	}
	warn_steps(&w);
	warn_news(&w);
	warn_aggregates(&w, &g);
	for (unsigned i = 0; i < rule->let_count; i++) {
		walk_root(&w, rule->lets[i].expr, &g);
	}
	if (rule->when) {
		walk_root(&w, rule->when, &g);
	}
	warn_params(&w);
	if (!rule->tests) {
		diag_add(c->diags, rule->at, "W120", SLICE_NONE, "rule '%.*s' has no tests",
		         SLICE_FMT(rule->id));
	}
}
