/* Aggregates: where they may stand, what they take, what they give. */
#include "detect/check.h"

/* What the table says of results, as numbers of their own beside the types. */
enum result { RESULT_INT, RESULT_FLOAT, RESULT_ARG, RESULT_ARG_AVG };

static const struct {
	const char *name;
	unsigned args;
	enum result result;
} rows[] = {
	[AGGREGATE_NONE] = {"", 0, RESULT_INT},
#define AGGREGATE(id, name, args, result, help) [AGGREGATE_##id] = {name, args, RESULT_##result},
#include "detect/aggregates.def"
#undef AGGREGATE
};

enum {
	TAKES_NUMBER = 1 << TYPE_INT | 1 << TYPE_FLOAT,
	TAKES_QUANTITY = TAKES_NUMBER | 1 << TYPE_DUR,
	TAKES_ORDERED = TAKES_QUANTITY | 1 << TYPE_TIME,
	TAKES_BOOL = 1 << TYPE_BOOL,
	TAKES_ANY = ~0,
};

static const struct {
	int types; /* bits of enum type */
	const char *words;
} takes[AGGREGATE_COUNT_OF] = {
	[AGGREGATE_SUM] = {TAKES_QUANTITY, "a number or a duration"},
	[AGGREGATE_AVG] = {TAKES_QUANTITY, "a number or a duration"},
	[AGGREGATE_MIN] = {TAKES_ORDERED, "a number, a duration or a point in time"},
	[AGGREGATE_MAX] = {TAKES_ORDERED, "a number, a duration or a point in time"},
	[AGGREGATE_STDDEV] = {TAKES_NUMBER, "a number"},
	[AGGREGATE_DISTINCT] = {TAKES_ANY, ""},
	[AGGREGATE_RATIO] = {TAKES_BOOL, "something true or false"},
	[AGGREGATE_QUANTILE] = {TAKES_QUANTITY, "a number or a duration"},
	[AGGREGATE_ENTROPY] = {TAKES_ANY, ""},
	[AGGREGATE_TOP_SHARE] = {TAKES_ANY, ""},
	[AGGREGATE_FIRST] = {TAKES_ANY, ""},
	[AGGREGATE_LAST] = {TAKES_ANY, ""},
};

enum aggregate aggregate_find(struct slice name)
{
	for (unsigned a = AGGREGATE_NONE + 1; a < AGGREGATE_COUNT_OF; a++) {
		if (slice_eq(name, slice_of(rows[a].name))) {
			return (enum aggregate)a;
		}
	}
	return AGGREGATE_NONE;
}

static bool may_stand(struct checker *c, const struct ast *ast)
{
	struct place at = check_place(c, ast->at);

	if (!clause_takes_aggregates(c->clause)) {
		diag_add(c->diags, at, "E042", SLICE_LIT("put it in 'let' or 'when'"),
		         "%.*s() looks at many calls; it cannot stand in '%s'",
		         SLICE_FMT(ast->name), clause_name(c->clause));
		return false;
	}
	if (c->in_aggregate) {
		diag_add(c->diags, at, "E043", SLICE_NONE,
		         "%.*s() looks at many calls; it cannot stand inside an aggregate",
		         SLICE_FMT(ast->name));
		return false;
	}
	if (!c->has_window) {
		if (!c->window_missed) {
			diag_add(c->diags, at, "E055",
			         SLICE_LIT("add a window, such as window: 10m"),
			         "%.*s() needs a 'window:' in the rule", SLICE_FMT(ast->name));
		}
		c->window_missed = true;
		return false;
	}
	return check_arg_count(c, ast, rows[aggregate_find(ast->name)].args,
	                       rows[aggregate_find(ast->name)].args + 1);
}

/* The order of a quantile: a constant from 0 to 1. */
static bool check_order(struct checker *c, const struct expr *q, struct value *out)
{
	double value = q->type == TYPE_INT ? (double)q->value.i : q->value.f;

	if (q->op != EXPR_CONST || (q->type != TYPE_INT && q->type != TYPE_FLOAT)) {
		diag_add(c->diags, q->at, "E046", SLICE_LIT("write it like quantile(0.5, ring)"),
		         "quantile() needs a constant from 0 to 1 first");
		return false;
	}
	if (!(value >= 0 && value <= 1)) {
		diag_add(c->diags, q->at, "E031", SLICE_LIT("the median is quantile(0.5, …)"),
		         "quantile() needs a constant from 0 to 1, not %.*s", SLICE_FMT(q->text));
		return false;
	}
	out->f = value;
	return true;
}

static bool check_taken(struct checker *c, const struct ast *ast, enum aggregate fn,
                        const struct expr *arg)
{
	if (takes[fn].types & 1 << arg->type) {
		return true;
	}
	bool spread = fn == AGGREGATE_STDDEV && arg->type == TYPE_DUR;
	diag_add(c->diags, arg->at, fn == AGGREGATE_RATIO ? "E035" : "E036",
	         spread ? SLICE_LIT("count it in seconds: stddev(duration / 1s)") : SLICE_NONE,
	         "%.*s() needs %s, this is %s", SLICE_FMT(ast->name), takes[fn].words,
	         type_words(arg->type));
	return false;
}

static enum type result_type(enum aggregate fn, const struct expr *arg)
{
	switch (rows[fn].result) {
	case RESULT_INT: return TYPE_INT;
	case RESULT_FLOAT: return TYPE_FLOAT;
	case RESULT_ARG: return arg->type;
	case RESULT_ARG_AVG: return arg->type == TYPE_DUR ? TYPE_DUR : TYPE_FLOAT;
	}
	return TYPE_NONE;
}

/* Reads the arguments in their order: q of quantile, the value, the filter. */
static bool read_args(struct checker *c, const struct ast *ast, enum aggregate fn, struct agg *agg)
{
	const struct expr *args[3] = {NULL};
	const struct ast *arg = ast->args;
	bool whole = true;
	unsigned at = 0;

	c->in_aggregate = true;
	for (unsigned i = 0; i < ast->count; i++, arg = arg->next) {
		args[i] = check_node(c, arg);
		whole &= args[i] != NULL;
	}
	c->in_aggregate = false;
	if (!whole || (fn == AGGREGATE_QUANTILE && !check_order(c, args[at++], &agg->q))) {
		return false;
	}
	if (at < rows[fn].args) {
		agg->arg = args[at++];
		whole = check_taken(c, ast, fn, agg->arg);
	}
	agg->filter = args[at];
	return whole && (!agg->filter || check_is_condition(c, agg->filter, rows[fn].name));
}

static bool agg_equal(const struct agg *a, const struct agg *b)
{
	return a->fn == b->fn && a->window_us == b->window_us && a->q.f == b->q.f &&
	       expr_equal(a->arg, b->arg) && expr_equal(a->filter, b->filter);
}

/* Index of the equal aggregate of the rule, made if need be; -1 when there are too many. */
static int intern(struct checker *c, const struct ast *ast, const struct agg *agg)
{
	struct rule *rule = c->rule;

	for (unsigned i = 0; i < rule->agg_count; i++) {
		if (agg_equal(&rule->aggs[i], agg)) {
			return (int)i;
		}
	}
	if (rule->agg_count == RULE_AGGS_MAX) {
		diag_add(c->diags, check_place(c, ast->at), "E018", SLICE_NONE,
		         "a rule can hold at most %d different aggregates", RULE_AGGS_MAX);
		return -1;
	}
	rule->aggs[rule->agg_count] = *agg;
	return (int)rule->agg_count++;
}

/* count, rate, sum and distinct are 0 where nothing is there; the others are missing then, which
 * the event itself prevents where it cannot be filtered out or lack the value.
 */
static bool may_be_missing(const struct agg *agg)
{
	switch (agg->fn) {
	case AGGREGATE_COUNT:
	case AGGREGATE_RATE:
	case AGGREGATE_SUM:
	case AGGREGATE_DISTINCT: return false;
	case AGGREGATE_RATIO: return agg->filter != NULL;
	default: return agg->filter != NULL || agg->arg->optional;
	}
}

const struct expr *check_aggregate(struct checker *c, const struct ast *ast, enum aggregate fn)
{
	struct agg agg = {.fn = fn, .text = ast->text};

	if (!may_stand(c, ast) || !read_args(c, ast, fn, &agg)) {
		return NULL;
	}
	if (ast->over && ast->over_us <= 0) {
		diag_add(c->diags, check_place(c, ast->at), "E031", SLICE_NONE,
		         "'over' needs a duration above 0s");
		return NULL;
	}
	agg.window_us = ast->over ? ast->over_us : c->rule->window_us;
	agg.type = result_type(fn, agg.arg);
	int index = intern(c, ast, &agg);
	struct expr *e = index < 0 ? NULL : check_new(c, ast, EXPR_AGG, agg.type, NULL, 0);
	if (e) {
		e->index = (unsigned)index;
		e->set = rows[fn].result == RESULT_ARG ? agg.arg->set : ENUM_NONE;
		e->optional = may_be_missing(&agg);
		e->aggregate = true;
	}
	return e;
}
