#include "detect/expr.h"

#include "core/instant.h"
#include "core/json.h"
#include "detect/regex.h"
#include "detect/rule.h"

const char *type_words(enum type type)
{
	static const char *const words[] = {
		[TYPE_NONE] = "nothing",
		[TYPE_BOOL] = "true or false",
		[TYPE_INT] = "a number",
		[TYPE_FLOAT] = "a number",
		[TYPE_DUR] = "a duration",
		[TYPE_TIME] = "a point in time",
		[TYPE_TEXT] = "text",
		[TYPE_NUM] = "a phone number",
		[TYPE_IP] = "an IP address",
		[TYPE_COUNTRY] = "a country",
		[TYPE_ENUM] = "a word of a fixed set",
	};

	return words[type];
}

enum type type_of_storage(enum storage storage)
{
	static const enum type types[] = {
		[STORE_NONE] = TYPE_NONE, [STORE_NUM] = TYPE_NUM,   [STORE_TIME] = TYPE_TIME,
		[STORE_DUR] = TYPE_DUR,   [STORE_INT] = TYPE_INT,   [STORE_FLOAT] = TYPE_FLOAT,
		[STORE_BOOL] = TYPE_BOOL, [STORE_ENUM] = TYPE_ENUM, [STORE_COUNTRY] = TYPE_COUNTRY,
		[STORE_TEXT] = TYPE_TEXT, [STORE_IP] = TYPE_IP,
	};

	return types[storage];
}

static bool value_equal(enum type type, const struct value *a, const struct value *b)
{
	if (a->missing || b->missing) {
		return a->missing == b->missing;
	}
	switch (type) {
	case TYPE_FLOAT: return a->f == b->f;
	case TYPE_TEXT: return slice_eq(a->s, b->s);
	case TYPE_NUM: return a->num == b->num;
	case TYPE_IP: return memcmp(a->ip.bytes, b->ip.bytes, sizeof(a->ip.bytes)) == 0;
	default: return a->i == b->i;
	}
}

bool expr_equal(const struct expr *a, const struct expr *b)
{
	if (!a || !b) {
		return a == b;
	}
	if (a->op != b->op || a->type != b->type || a->set != b->set || a->field != b->field ||
	    a->function != b->function || a->index != b->index || a->column != b->column ||
	    a->arg_count != b->arg_count) {
		return false;
	}
	if (a->op == EXPR_CONST && !value_equal(a->type, &a->value, &b->value)) {
		return false;
	}
	if (a->regex && (!slice_eq(regex_pattern(a->regex), regex_pattern(b->regex)) ||
	                 strcmp(regex_flags(a->regex), regex_flags(b->regex)) != 0)) {
		return false;
	}
	for (unsigned i = 0; i < a->arg_count; i++) {
		if (!expr_equal(a->args[i], b->args[i])) {
			return false;
		}
	}
	return true;
}

static void print_text(struct slice s, struct buf *out)
{
	buf_char(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\') {
			buf_char(out, '\\');
		}
		buf_char(out, s.p[i]);
	}
	buf_char(out, '"');
}

static void print_float(double f, struct buf *out)
{
	char text[DECIMAL_TEXT];

	(void)decimal_format(f, text);
	buf_text(out, text);
	if (!strpbrk(text, ".e")) {
		buf_text(out, ".0");
	}
}

void value_print(enum type type, enum enum_id set, const struct value *value, struct buf *out)
{
	char text[64] = "";

	switch (type) {
	case TYPE_BOOL: buf_text(out, value->i == TRUTH_TRUE ? "true" : "false"); break;
	case TYPE_INT: buf_printf(out, "%lld", (long long)value->i); break;
	case TYPE_FLOAT: print_float(value->f, out); break;
	case TYPE_DUR:
		(void)duration_format_exact(value->i, text);
		buf_text(out, text);
		break;
	case TYPE_TIME:
		(void)instant_format(value->i, text);
		print_text(slice_of(text), out);
		break;
	case TYPE_TEXT: print_text(value->s, out); break;
	case TYPE_NUM:
		(void)number_format(value->num, text);
		print_text(slice_of(text), out);
		break;
	case TYPE_IP:
		(void)ip_format(&value->ip, text);
		print_text(slice_of(text), out);
		break;
	case TYPE_COUNTRY:
		buf_printf(out, "\"%c%c\"", (char)(value->i >> 8), (char)(value->i & 0xff));
		break;
	case TYPE_ENUM: print_text(slice_of(enum_word(set, (unsigned)value->i)), out); break;
	case TYPE_NONE: break;
	}
}

/* How tightly an operator binds; an operand that binds less gets parentheses. */
enum level {
	LEVEL_ANY = 0,
	LEVEL_LOGIC,
	LEVEL_NOT,
	LEVEL_COMPARE,
	LEVEL_SUM,
	LEVEL_TERM,
	LEVEL_UNARY,
	LEVEL_COALESCE,
	LEVEL_PRIMARY,
};

static const struct {
	const char *text;
	enum level level, left, right;
} operators[] = {
	[EXPR_NOT] = {"not ", LEVEL_NOT, LEVEL_NOT, LEVEL_ANY},
	[EXPR_AND] = {" and ", LEVEL_LOGIC, LEVEL_NOT, LEVEL_NOT},
	[EXPR_OR] = {" or ", LEVEL_LOGIC, LEVEL_NOT, LEVEL_NOT},
	[EXPR_EQ] = {" == ", LEVEL_COMPARE, LEVEL_SUM, LEVEL_SUM},
	[EXPR_NE] = {" != ", LEVEL_COMPARE, LEVEL_SUM, LEVEL_SUM},
	[EXPR_LT] = {" < ", LEVEL_COMPARE, LEVEL_SUM, LEVEL_SUM},
	[EXPR_LE] = {" <= ", LEVEL_COMPARE, LEVEL_SUM, LEVEL_SUM},
	[EXPR_GT] = {" > ", LEVEL_COMPARE, LEVEL_SUM, LEVEL_SUM},
	[EXPR_GE] = {" >= ", LEVEL_COMPARE, LEVEL_SUM, LEVEL_SUM},
	[EXPR_MATCH] = {" =~ ", LEVEL_COMPARE, LEVEL_SUM, LEVEL_ANY},
	[EXPR_NOT_MATCH] = {" !~ ", LEVEL_COMPARE, LEVEL_SUM, LEVEL_ANY},
	[EXPR_IN_LIST] = {" in @", LEVEL_COMPARE, LEVEL_SUM, LEVEL_ANY},
	[EXPR_IN_SET] = {" in {", LEVEL_COMPARE, LEVEL_SUM, LEVEL_SUM},
	[EXPR_IN_RANGE] = {" in ", LEVEL_COMPARE, LEVEL_SUM, LEVEL_SUM},
	[EXPR_ADD] = {" + ", LEVEL_SUM, LEVEL_SUM, LEVEL_TERM},
	[EXPR_SUB] = {" - ", LEVEL_SUM, LEVEL_SUM, LEVEL_TERM},
	[EXPR_MUL] = {" * ", LEVEL_TERM, LEVEL_TERM, LEVEL_UNARY},
	[EXPR_DIV] = {" / ", LEVEL_TERM, LEVEL_TERM, LEVEL_UNARY},
	[EXPR_MOD] = {" % ", LEVEL_TERM, LEVEL_TERM, LEVEL_UNARY},
	[EXPR_NEG] = {"-", LEVEL_UNARY, LEVEL_UNARY, LEVEL_ANY},
	[EXPR_COALESCE] = {" ?? ", LEVEL_COALESCE, LEVEL_COALESCE, LEVEL_PRIMARY},
	[EXPR_CALL] = {NULL, LEVEL_PRIMARY, LEVEL_ANY, LEVEL_ANY},
};

struct printer {
	const struct rule *rule;
	const struct ruleset *set;
	struct buf *out;
};

static void print(const struct printer *p, const struct expr *e, enum level at_least);

static bool is_negative(const struct expr *e)
{
	if (e->type == TYPE_FLOAT) {
		return e->value.f < 0;
	}
	return (e->type == TYPE_INT || e->type == TYPE_DUR) && e->value.i < 0;
}

static enum level level_of(const struct expr *e)
{
	if (e->op == EXPR_CONST && is_negative(e)) {
		return LEVEL_UNARY;
	}
	return e->op >= EXPR_NOT ? operators[e->op].level : LEVEL_PRIMARY;
}

static void print_args(const struct printer *p, const struct expr *e, unsigned from)
{
	for (unsigned i = from; i < e->arg_count; i++) {
		buf_text(p->out, i > from ? ", " : "");
		print(p, e->args[i], LEVEL_ANY);
	}
}

static const char *const function_names[] = {
	[FUNCTION_NONE] = "",
#define FUNCTION(id, name, min, max) [FUNCTION_##id] = name,
#include "detect/functions.def"
#undef FUNCTION
};

static const char *const aggregate_names[] = {
	[AGGREGATE_NONE] = "",
#define AGGREGATE(id, name, args, result, help) [AGGREGATE_##id] = name,
#include "detect/aggregates.def"
#undef AGGREGATE
};

static void print_call(const struct printer *p, const struct expr *e)
{
	buf_printf(p->out, "%s(", function_names[e->function]);
	if (e->function == FUNCTION_ATTR) {
		const struct list_decl *list = &p->set->lists[e->index];
		struct slice column = e->column < list->column_count ? list->columns[e->column]
		                                                     : SLICE_LIT("value");
		buf_printf(p->out, "@%.*s, ", SLICE_FMT(list->name));
		print(p, e->args[0], LEVEL_ANY);
		buf_text(p->out, ", ");
		print_text(column, p->out);
	} else {
		print_args(p, e, 0);
	}
	buf_char(p->out, ')');
}

static void print_agg(const struct printer *p, const struct expr *e)
{
	const struct agg *agg = &p->rule->aggs[e->index];
	const char *comma = "";

	buf_printf(p->out, "%s(", aggregate_names[agg->fn]);
	if (agg->fn == AGGREGATE_QUANTILE) {
		print_float(agg->q.f, p->out);
		comma = ", ";
	}
	if (agg->arg) {
		buf_text(p->out, comma);
		print(p, agg->arg, LEVEL_ANY);
		comma = ", ";
	}
	if (agg->filter) {
		buf_text(p->out, comma);
		print(p, agg->filter, LEVEL_ANY);
	}
	buf_char(p->out, ')');
	if (agg->window_us != p->rule->window_us) {
		char text[INSTANT_TEXT];
		(void)duration_format_exact(agg->window_us, text);
		buf_printf(p->out, " over %s", text);
	}
}

static void print_new(const struct printer *p, const struct new_call *call)
{
	struct value span = {.i = call->history_us};

	buf_text(p->out, "new(");
	print(p, call->value, LEVEL_ANY);
	buf_text(p->out, ", ");
	value_print(TYPE_DUR, ENUM_NONE, &span, p->out);
	if (call->warm_us) {
		span.i = call->warm_us;
		buf_text(p->out, ", ");
		value_print(TYPE_DUR, ENUM_NONE, &span, p->out);
	}
	buf_char(p->out, ')');
}

static void print_history(const struct printer *p, const struct history_call *call)
{
	static const char *const names[] = {"", "usual", "spread", "zscore"};
	struct expr agg = {.op = EXPR_AGG, .index = p->rule->series[call->series]};

	buf_printf(p->out, "%s(", names[call->fn]);
	print_agg(p, &agg);
	buf_char(p->out, ')');
}

static void print_leaf(const struct printer *p, const struct expr *e)
{
	switch (e->op) {
	case EXPR_CONST: value_print(e->type, e->set, &e->value, p->out); break;
	case EXPR_FIELD: buf_text(p->out, field_row(e->field)->name); break;
	case EXPR_PARAM:
		buf_printf(p->out, "$%.*s", SLICE_FMT(p->rule->params[e->index].name));
		break;
	case EXPR_LET: buf_slice(p->out, p->rule->lets[e->index].name); break;
	case EXPR_AGG: print_agg(p, e); break;
	case EXPR_BOUND: buf_slice(p->out, p->rule->bound[e->index].name); break;
	case EXPR_HISTORY: print_history(p, &p->rule->histories[e->index]); break;
	case EXPR_NEW: print_new(p, &p->rule->news[e->index]); break;
	case EXPR_SCORE:
		print(p, e->args[0], LEVEL_ANY);
		/* caller.num to caller.score */
		p->out->len -= p->out->failed ? 0 : strlen("num");
		buf_text(p->out, "score");
		break;
	case EXPR_SITE_COUNTRY: buf_text(p->out, "site.country"); break;
	default: buf_text(p->out, "site.tz"); break;
	}
}

static void print_operator(const struct printer *p, const struct expr *e)
{
	/* A chain of one of 'and', 'or' needs no parentheses on its left. */
	bool chained = (e->op == EXPR_AND || e->op == EXPR_OR) && e->args[0]->op == e->op;
	enum level left = chained ? LEVEL_LOGIC : operators[e->op].left;

	if (e->op == EXPR_NOT || e->op == EXPR_NEG) {
		buf_text(p->out, operators[e->op].text);
		print(p, e->args[0], left);
		return;
	}
	print(p, e->args[0], left);
	buf_text(p->out, operators[e->op].text);
	switch (e->op) {
	case EXPR_MATCH:
	case EXPR_NOT_MATCH:
		buf_printf(p->out, "/%.*s/%s", SLICE_FMT(regex_pattern(e->regex)),
		           regex_flags(e->regex));
		break;
	case EXPR_IN_LIST: buf_slice(p->out, p->set->lists[e->index].name); break;
	case EXPR_IN_SET:
		print_args(p, e, 1);
		buf_char(p->out, '}');
		break;
	case EXPR_IN_RANGE:
		print(p, e->args[1], LEVEL_SUM);
		buf_text(p->out, " .. ");
		print(p, e->args[2], LEVEL_SUM);
		break;
	default: print(p, e->args[1], operators[e->op].right); break;
	}
}

static void print(const struct printer *p, const struct expr *e, enum level at_least)
{
	if (e->op == EXPR_TO_FLOAT) {
		print(p, e->args[0], at_least);
		return;
	}
	bool enclosed = level_of(e) < at_least;
	if (enclosed) {
		buf_char(p->out, '(');
	}
	if (e->op < EXPR_NOT) {
		print_leaf(p, e);
	} else if (e->op == EXPR_CALL) {
		print_call(p, e);
	} else {
		print_operator(p, e);
	}
	if (enclosed) {
		buf_char(p->out, ')');
	}
}

void expr_print(const struct expr *e, const struct rule *rule, const struct ruleset *set,
                struct buf *out)
{
	print(&(struct printer){rule, set, out}, e, LEVEL_ANY);
}
