/* Scalar functions: the table of their arguments, and what some of them fix at load. */
#include <stdio.h>

#include "core/err.h"
#include "core/instant.h"
#include "detect/check.h"
#include "detect/value.h"

enum { ARGS_MAX = 3 };

/* What an argument must be. */
enum want {
	WANT_ANY = 0,
	WANT_CONDITION,
	WANT_QUANTITY, /* a number or a duration */
	WANT_TEXT,
	WANT_NUM,
	WANT_TIME,
	WANT_DIGITS, /* a count of digits: constant or parameter */
	WANT_SPAN,   /* constant "20:00-06:00" */
	WANT_ZONE,
};

static const struct {
	enum type type; /* NONE: several */
	const char *words;
} wants[] = {
	[WANT_ANY] = {TYPE_NONE, "a value"},
	[WANT_CONDITION] = {TYPE_BOOL, "something true or false"},
	[WANT_QUANTITY] = {TYPE_NONE, "a number or a duration"},
	[WANT_TEXT] = {TYPE_TEXT, "text"},
	[WANT_NUM] = {TYPE_NUM, "a phone number"},
	[WANT_TIME] = {TYPE_TIME, "a point in time"},
	[WANT_DIGITS] = {TYPE_INT, "a number of digits"},
	[WANT_SPAN] = {TYPE_TEXT, "hours like \"20:00-06:00\""},
	[WANT_ZONE] = {TYPE_TEXT, "a time zone"},
};

enum missing { MISSING_AS_ARGS = 0, MISSING_NEVER, MISSING_MAYBE, MISSING_AS_FIRST };

static const struct {
	const char *name;
	unsigned min, max;
} names[] = {
	[FUNCTION_NONE] = {"", 0, 0},
#define FUNCTION(id, name, min, max) [FUNCTION_##id] = {name, min, max},
#include "detect/functions.def"
#undef FUNCTION
};

/* result NONE: that of the first argument. */
static const struct signature {
	enum want args[ARGS_MAX];
	enum type result;
	enum missing missing;
} signatures[] = {
	[FUNCTION_PRESENT] = {{WANT_ANY}, TYPE_BOOL, MISSING_NEVER},
	[FUNCTION_IF] = {{WANT_CONDITION, WANT_ANY, WANT_ANY}, TYPE_NONE, MISSING_AS_ARGS},
	[FUNCTION_ABS] = {{WANT_QUANTITY}, TYPE_NONE, MISSING_AS_ARGS},
	[FUNCTION_LEN] = {{WANT_TEXT}, TYPE_INT, MISSING_AS_ARGS},
	[FUNCTION_LOWER] = {{WANT_TEXT}, TYPE_TEXT, MISSING_AS_ARGS},
	[FUNCTION_FOLD] = {{WANT_TEXT}, TYPE_TEXT, MISSING_AS_ARGS},
	[FUNCTION_STARTS] = {{WANT_TEXT, WANT_TEXT}, TYPE_BOOL, MISSING_AS_ARGS},
	[FUNCTION_CONTAINS] = {{WANT_TEXT, WANT_TEXT}, TYPE_BOOL, MISSING_AS_ARGS},
	[FUNCTION_PREFIX] = {{WANT_NUM, WANT_DIGITS}, TYPE_NUM, MISSING_MAYBE},
	[FUNCTION_BLOCK] = {{WANT_NUM, WANT_DIGITS}, TYPE_NUM, MISSING_MAYBE},
	[FUNCTION_COMMON_PREFIX] = {{WANT_NUM, WANT_NUM}, TYPE_INT, MISSING_AS_ARGS},
	[FUNCTION_COUNTRY] = {{WANT_NUM}, TYPE_COUNTRY, MISSING_MAYBE},
	[FUNCTION_HOUR] = {{WANT_TIME, WANT_ZONE}, TYPE_INT, MISSING_AS_FIRST},
	[FUNCTION_WEEKDAY] = {{WANT_TIME, WANT_ZONE}, TYPE_INT, MISSING_AS_FIRST},
	[FUNCTION_IN_HOURS] = {{WANT_TIME, WANT_SPAN, WANT_ZONE}, TYPE_BOOL, MISSING_AS_FIRST},
	[FUNCTION_ATTR] = {{WANT_ANY}, TYPE_TEXT, MISSING_MAYBE},
};

static const struct {
	const char *name;
	bool baseline;
} not_built[] = {
	{"peers", true},
	{"active", false},
	{"age", false},
};

bool check_arg_count(struct checker *c, const struct ast *ast, unsigned min, unsigned max)
{
	char range[32];

	if (ast->count >= min && ast->count <= max) {
		return true;
	}
	(void)snprintf(range, sizeof(range), min == max ? "%u" : "%u to %u", min, max);
	diag_add(c->diags, check_place(c, ast->at), "E041", SLICE_NONE,
	         "%.*s() takes %s argument%s, not %u", SLICE_FMT(ast->name),
	         max == 0 ? "no" : range, max == 1 && min == 1 ? "" : "s", ast->count);
	return false;
}

static bool is_fixed(const struct expr *e)
{
	return e->op == EXPR_CONST || e->op == EXPR_PARAM;
}

static bool refuse_variable(struct checker *c, const struct ast *ast, const struct expr *e,
                            enum want want)
{
	diag_add(c->diags, e->at, "E046", SLICE_NONE, "%.*s() needs a constant here: %s",
	         SLICE_FMT(ast->name), wants[want].words);
	return false;
}

static bool check_digits(struct checker *c, const struct ast *ast, const struct expr *e)
{
	if (!is_fixed(e)) {
		return refuse_variable(c, ast, e, WANT_DIGITS);
	}
	if (e->op == EXPR_CONST && (e->value.i < 1 || e->value.i > NUMBER_DIGITS_MAX)) {
		diag_add(c->diags, e->at, "E031", SLICE_NONE,
		         "a phone number has 1 to %d digits, not %lld", NUMBER_DIGITS_MAX,
		         (long long)e->value.i);
		return false;
	}
	return true;
}

static bool check_arg(struct checker *c, const struct ast *ast, const struct expr **arg,
                      enum want want)
{
	unsigned errors = c->diags->errors;
	enum type type = (*arg)->type;
	bool fits = true;

	if (want == WANT_QUANTITY) {
		fits = type == TYPE_INT || type == TYPE_FLOAT || type == TYPE_DUR;
	} else if (want == WANT_CONDITION) {
		fits = type == TYPE_BOOL;
	} else if (want != WANT_ANY) {
		fits = check_as(c, arg, wants[want].type);
	}
	if (!fits && c->diags->errors == errors) {
		diag_add(c->diags, (*arg)->at, want == WANT_CONDITION ? "E035" : "E036", SLICE_NONE,
		         "%.*s() needs %s here, this is %s", SLICE_FMT(ast->name),
		         wants[want].words, type_words(type));
	}
	if (fits && want == WANT_DIGITS) {
		return check_digits(c, ast, *arg);
	}
	if (fits && want == WANT_SPAN && (*arg)->op != EXPR_CONST) {
		return refuse_variable(c, ast, *arg, WANT_SPAN);
	}
	return fits;
}

/* "20:00" as microseconds of the day; "24:00" is its end. */
static bool read_minute(struct slice s, int64_t *us)
{
	if (s.len != 5 || s.p[2] != ':') {
		return false;
	}
	for (size_t i = 0; i < 5; i++) {
		if (i != 2 && !ascii_is_digit(s.p[i])) {
			return false;
		}
	}
	int hour = (s.p[0] - '0') * 10 + s.p[1] - '0';
	int minute = (s.p[3] - '0') * 10 + s.p[4] - '0';
	*us = hour * US_PER_HOUR + minute * US_PER_MIN;
	return minute < 60 && *us <= US_PER_DAY;
}

static bool read_span(struct checker *c, struct expr *e)
{
	struct slice text = e->args[1]->value.s;

	if (text.len == 11 && text.p[5] == '-' && read_minute(slice_first(text, 5), &e->from_us) &&
	    read_minute(slice_skip(text, 6), &e->to_us) && e->from_us != e->to_us) {
		return true;
	}
	diag_add(c->diags, e->args[1]->at, "E031", SLICE_LIT("write them like 20:00-06:00"),
	         "'%.*s' is not a span of hours", SLICE_FMT(text));
	return false;
}

static bool read_zone(struct checker *c, struct expr *e, const struct expr *zone)
{
	if (zone->op != EXPR_CONST || tz_get(zone->value.s, &e->zone) == OK) {
		return true;
	}
	diag_add(c->diags, zone->at, "E031", SLICE_LIT("write it like Europe/London"),
	         "'%.*s' is not a time zone", SLICE_FMT(zone->value.s));
	return false;
}

/* What the function knows once its arguments are typed. */
static bool finish_call(struct checker *c, struct expr *e, const struct signature *s)
{
	for (unsigned i = 0; i < e->arg_count; i++) {
		if ((s->args[i] == WANT_SPAN && !read_span(c, e)) ||
		    (s->args[i] == WANT_ZONE && !read_zone(c, e, e->args[i]))) {
			return false;
		}
	}
	return true;
}

static bool fit_branches(struct checker *c, const struct ast *ast, const struct expr **args)
{
	unsigned errors = c->diags->errors;
	char hint[64];

	if (check_fit(c, &args[1], &args[2])) {
		return true;
	}
	if (c->diags->errors == errors) {
		diag_add(c->diags, check_place(c, ast->at), "E036",
		         check_unit_hint(hint, args[1], args[2]),
		         "if() gives one kind of value, these are %s and %s",
		         type_words(args[1]->type), type_words(args[2]->type));
	}
	return false;
}

static bool is_optional(const struct expr *e, enum missing missing)
{
	switch (missing) {
	case MISSING_NEVER: return false;
	case MISSING_MAYBE: return true;
	case MISSING_AS_FIRST: return e->args[0]->optional;
	case MISSING_AS_ARGS: break;
	}
	return e->optional;
}

static const struct expr *check_function(struct checker *c, const struct ast *ast, enum function fn)
{
	const struct signature *s = &signatures[fn];
	const struct expr *args[ARGS_MAX];
	const struct ast *arg = ast->args;
	bool right = true;

	if (!check_arg_count(c, ast, names[fn].min, names[fn].max)) {
		return NULL;
	}
	for (unsigned i = 0; i < ast->count; i++, arg = arg->next) {
		args[i] = check_node(c, arg);
		right &= args[i] && check_arg(c, ast, &args[i], s->args[i]);
	}
	if (right && fn == FUNCTION_IF && check_has_history(c->rule, args[0])) {
		check_refuse_history(c, args[0]->at, "as the condition of if()");
		return NULL;
	}
	if (!right || (fn == FUNCTION_IF && !fit_branches(c, ast, args))) {
		return NULL;
	}
	const struct expr *like = fn == FUNCTION_IF ? args[1] : args[0];
	struct expr *e =
		check_new(c, ast, EXPR_CALL, s->result ? s->result : like->type, args, ast->count);
	if (!e) {
		return NULL;
	}
	e->function = fn;
	e->set = s->result ? ENUM_NONE : like->set;
	e->optional = is_optional(e, s->missing);
	return finish_call(c, e, s) ? e : NULL;
}

static bool find_column(struct checker *c, const struct expr *name, size_t list, unsigned *column)
{
	const struct list_decl *decl = &c->set->lists[list];
	struct slice value = SLICE_LIT("value");
	const struct slice *columns = decl->column_count > 0 ? decl->columns : &value;
	size_t count = decl->column_count > 0 ? decl->column_count : 1;
	const char *words[16];
	char hint[HINT_TEXT];
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		if (slice_eq(columns[i], name->value.s)) {
			*column = (unsigned)i;
			return true;
		}
		if (known < sizeof(words) / sizeof(words[0])) {
			words[known++] = arena_str(c->scratch, columns[i]);
		}
	}
	diag_add(c->diags, name->at, "E030",
	         hint_nearest(hint, "did you mean '%s'?", name->value.s, words, known),
	         "list @%.*s has no column '%.*s'", SLICE_FMT(decl->name),
	         SLICE_FMT(name->value.s));
	return false;
}

/* attr(@list, value, "column") */
static const struct expr *check_attr(struct checker *c, const struct ast *ast)
{
	const struct ast *list_ast = ast->args;
	unsigned column;

	if (!check_arg_count(c, ast, 3, 3)) {
		return NULL;
	}
	if (list_ast->kind != AST_LIST) {
		diag_add(c->diags, check_place(c, list_ast->at), "E040",
		         SLICE_LIT("write attr(@list, value, \"column\")"),
		         "the first argument of attr() is a list");
		return NULL;
	}
	int list = check_list(c, list_ast, list_ast->at);
	const struct expr *x = check_node(c, list_ast->next);
	const struct expr *name = check_node(c, list_ast->next->next);
	if (list < 0 || !x || !name) {
		return NULL;
	}
	if (name->op != EXPR_CONST || name->type != TYPE_TEXT) {
		diag_add(c->diags, name->at, "E046", SLICE_NONE,
		         "attr() needs a constant here: the name of a column");
		return NULL;
	}
	if (!check_list_holds(c, (size_t)list, x) || !find_column(c, name, (size_t)list, &column)) {
		return NULL;
	}
	struct expr *e = check_new(c, ast, EXPR_CALL, TYPE_TEXT, &x, 1);
	if (e) {
		e->function = FUNCTION_ATTR;
		e->index = (unsigned)list;
		e->column = column;
		e->optional = true;
	}
	return e;
}

/* True when the name belongs to a part that is not built; the message is added. */
static bool refuse_not_built(struct checker *c, const struct ast *ast)
{
	char what[32];

	for (size_t i = 0; i < sizeof(not_built) / sizeof(not_built[0]); i++) {
		if (!slice_eq(ast->name, slice_of(not_built[i].name))) {
			continue;
		}
		if (not_built[i].baseline && !c->has_baseline) {
			diag_add(c->diags, check_place(c, ast->at), "E045", SLICE_NONE,
			         "%s() needs a 'baseline:' block in the rule", not_built[i].name);
		} else {
			(void)snprintf(what, sizeof(what), "%s()", not_built[i].name);
			check_not_built(c->diags, check_place(c, ast->at), what);
		}
		return true;
	}
	return false;
}

static void refuse_unknown(struct checker *c, const struct ast *ast)
{
	static const char *const known[] = {
#define FUNCTION(id, name, min, max) name,
#include "detect/functions.def"
#undef FUNCTION
#define AGGREGATE(id, name, args, result, help) name,
#include "detect/aggregates.def"
#undef AGGREGATE
	};
	char hint[HINT_TEXT];

	diag_add(c->diags, check_place(c, ast->at), "E047",
	         hint_nearest(hint, "did you mean %s()?", ast->name, known,
	                      sizeof(known) / sizeof(known[0])),
	         "unknown function %.*s()", SLICE_FMT(ast->name));
}

static enum function function_find(struct slice name)
{
	for (unsigned f = FUNCTION_NONE + 1; f < FUNCTION_COUNT; f++) {
		if (slice_eq(name, slice_of(names[f].name))) {
			return (enum function)f;
		}
	}
	return FUNCTION_NONE;
}

static void refuse_over(struct checker *c, const struct ast *ast)
{
	diag_add(c->diags, check_place(c, ast->at), "E021", SLICE_NONE,
	         "'over' can only stand behind an aggregate such as count()");
}

/* ---- new() ---- */

static bool constant_span(struct checker *c, const struct ast *ast, int64_t *us)
{
	const struct expr *e = check_node(c, ast);

	if (e && (e->op != EXPR_CONST || e->type != TYPE_DUR)) {
		diag_add(c->diags, e->at, "E046", SLICE_LIT("write a duration, such as 30d"),
		         "new() needs constant durations behind the value");
		return false;
	}
	*us = e ? e->value.i : 0;
	return e != NULL;
}

static int new_index(struct checker *c, const struct new_call *call)
{
	struct rule *rule = c->rule;

	for (unsigned i = 0; i < rule->new_count; i++) {
		const struct new_call *n = &rule->news[i];
		if (expr_equal(n->value, call->value) && n->history_us == call->history_us &&
		    n->warm_us == call->warm_us && n->step == call->step) {
			return (int)i;
		}
	}
	if (rule->new_count == RULE_NEWS_MAX) {
		return -1;
	}
	rule->news[rule->new_count] = *call;
	return (int)rule->new_count++;
}

/* It learns before anything else of the rule is computed: later parts can only see the answer. */
static bool new_may_stand(struct checker *c, const struct ast *ast)
{
	struct place at = check_place(c, ast->at);
	bool conditions = c->clause == CLAUSE_WHERE || clause_takes_aggregates(c->clause);

	if (!conditions) {
		diag_add(c->diags, at, "E042", SLICE_LIT("put it in 'let', 'where' or 'when'"),
		         "new() learns from every event; it cannot stand in '%s'",
		         clause_name(c->clause));
		return false;
	}
	if (c->in_new || (c->rule->step_count && c->step < 0)) {
		diag_add(c->diags, at, "E042", SLICE_NONE, "new() looks at a value of one event");
		return false;
	}
	if (ast->over) {
		refuse_over(c, ast);
		return false;
	}
	return check_arg_count(c, ast, 2, 3);
}

static bool read_new(struct checker *c, const struct ast *ast, struct new_call *call)
{
	const struct ast *history = ast->args->next;

	c->in_new = true;
	call->value = check_node(c, ast->args);
	c->in_new = false;
	if (!call->value || !constant_span(c, history, &call->history_us) ||
	    (ast->count == 3 && !constant_span(c, history->next, &call->warm_us))) {
		return false;
	}
	if (call->history_us <= 0 || call->warm_us < 0) {
		const struct ast *wrong = call->history_us <= 0 ? history : history->next;
		diag_add(c->diags, check_place(c, wrong->at), "E031", SLICE_NONE,
		         "new() needs durations above 0s");
		return false;
	}
	if (call->value->aggregate) {
		diag_add(c->diags, check_place(c, ast->at), "E042", SLICE_NONE,
		         "new() looks at a value of one event");
		return false;
	}
	return true;
}

/* True, false, or missing while the key is younger than `warm` or the value is missing. */
static const struct expr *check_new_call(struct checker *c, const struct ast *ast)
{
	struct new_call call = {.step = c->step >= 0 ? (unsigned)c->step : 0};

	if (!new_may_stand(c, ast) || !read_new(c, ast, &call)) {
		return NULL;
	}
	int index = new_index(c, &call);
	if (index < 0) {
		diag_add(c->diags, check_place(c, ast->at), "E018", SLICE_NONE,
		         "a rule can have at most %d different new()", RULE_NEWS_MAX);
		return NULL;
	}
	struct expr *e = check_new(c, ast, EXPR_NEW, TYPE_BOOL, NULL, 0);
	if (e) {
		e->index = (unsigned)index;
		e->optional = call.value->optional || call.warm_us > 0;
	}
	return e;
}

const struct expr *check_call(struct checker *c, const struct ast *ast)
{
	enum aggregate aggregate = aggregate_find(ast->name);
	enum function fn = function_find(ast->name);

	if (aggregate != AGGREGATE_NONE) {
		return check_aggregate(c, ast, aggregate);
	}
	if (slice_eq(ast->name, SLICE_LIT("new"))) {
		return check_new_call(c, ast);
	}
	bool known;
	const struct expr *history = check_history(c, ast, &known);
	if (known) {
		return history;
	}
	if (refuse_not_built(c, ast)) {
		return NULL;
	}
	if (fn == FUNCTION_NONE) {
		refuse_unknown(c, ast);
		return NULL;
	}
	if (ast->over) {
		refuse_over(c, ast);
		return NULL;
	}
	return fn == FUNCTION_ATTR ? check_attr(c, ast) : check_function(c, ast, fn);
}
