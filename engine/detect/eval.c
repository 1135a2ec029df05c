#include "detect/eval.h"

#include <math.h>
#include <string.h>

#include "core/err.h"
#include "core/instant.h"
#include "core/json.h"
#include "detect/eval_functions.h"
#include "detect/scores.h"

enum { EVAL_TEXT_MAX = 1 << 20 };

int eval_init(struct eval *e, const struct eval_site *site)
{
	memset(e, 0, sizeof(*e));
	e->site = site;
	e->regex = regex_scratch_new();
	arena_init(&e->text, EVAL_TEXT_MAX);
	return e->regex ? OK : E_NOMEM;
}

void eval_fini(struct eval *e)
{
	regex_scratch_free(e->regex);
	arena_fini(&e->text);
}

void eval_at(struct eval *e, const struct batch *batch, uint32_t row, unsigned role)
{
	e->batch = batch;
	e->row = row;
	e->role = role;
	e->lets_known = 0;
	if (e->text.used) {
		arena_reset(&e->text);
	}
}

/* ---- fields ---- */

static void read_i64(struct value *out, int64_t i)
{
	out->missing = i == INSTANT_NONE;
	out->i = i;
}

static void read_column(enum storage storage, const union column *col, uint32_t row,
                        struct value *out)
{
	switch (storage) {
	case STORE_NUM:
		out->num = col->num[row];
		out->missing = out->num == 0;
		break;
	case STORE_TIME:
	case STORE_DUR:
	case STORE_INT: read_i64(out, col->i64[row]); break;
	case STORE_FLOAT:
		out->f = col->f64[row];
		out->missing = isnan(out->f);
		break;
	case STORE_BOOL:
		out->i = col->u8[row];
		out->missing = out->i == TRUTH_UNKNOWN;
		break;
	case STORE_ENUM:
		out->i = col->u8[row];
		out->missing = false;
		break;
	case STORE_COUNTRY:
		out->i = col->country[row];
		out->missing = out->i == 0;
		break;
	case STORE_TEXT:
		out->s = col->text[row];
		out->missing = !out->s.p;
		break;
	case STORE_IP:
		out->ip = col->ip[row];
		out->missing = out->ip.family == 0;
		break;
	case STORE_NONE: out->missing = true; break;
	}
}

void eval_field(const struct eval *e, enum field field, struct value *out)
{
	if (field == FIELD_PARTY_ROLE) {
		out->missing = false;
		out->i = e->role;
		return;
	}
	enum field column = field < FIELD_COUNT ? field : field_column(field, e->role);
	if (column == FIELD_NONE) {
		out->missing = true;
		return;
	}
	read_column(field_row(column)->storage, &e->batch->col[column], e->row, out);
}

enum field field_raw(enum field field)
{
	switch (field) {
	case FIELD_CALLER_NUM: return FIELD_CALLER_RAW;
	case FIELD_CALLEE_NUM: return FIELD_CALLEE_RAW;
	default: return FIELD_NONE;
	}
}

/* ---- truth ---- */

static void set_truth(struct value *out, enum truth t)
{
	out->missing = t == TRUTH_UNKNOWN;
	out->i = t;
}

static void set_bool(struct value *out, bool t)
{
	out->missing = false;
	out->i = t ? TRUTH_TRUE : TRUTH_FALSE;
}

enum truth eval_truth(struct eval *e, const struct expr *x)
{
	struct value v;

	eval_value(e, x, &v);
	return v.missing ? TRUTH_UNKNOWN : (enum truth)v.i;
}

static void eval_not(struct eval *e, const struct expr *x, struct value *out)
{
	set_truth(out, (enum truth)(2 - (int)eval_truth(e, x->args[0])));
}

/* and is the smaller truth, or the larger; the right side is asked only when it can matter. */
static void eval_and(struct eval *e, const struct expr *x, struct value *out)
{
	enum truth a = eval_truth(e, x->args[0]);
	enum truth b = a == TRUTH_FALSE ? TRUTH_FALSE : eval_truth(e, x->args[1]);

	set_truth(out, a < b ? a : b);
}

static void eval_or(struct eval *e, const struct expr *x, struct value *out)
{
	enum truth a = eval_truth(e, x->args[0]);
	enum truth b = a == TRUTH_TRUE ? TRUTH_TRUE : eval_truth(e, x->args[1]);

	set_truth(out, a > b ? a : b);
}

/* ---- comparisons ---- */

static int cmp_i64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

int value_compare(enum type type, const struct value *a, const struct value *b)
{
	switch (type) {
	case TYPE_FLOAT: return (a->f > b->f) - (a->f < b->f);
	case TYPE_TEXT: return slice_cmp(a->s, b->s);
	case TYPE_NUM: return (a->num > b->num) - (a->num < b->num);
	case TYPE_IP: return memcmp(a->ip.bytes, b->ip.bytes, sizeof(a->ip.bytes));
	default: return cmp_i64(a->i, b->i);
	}
}

static bool holds(enum expr_op op, int order)
{
	switch (op) {
	case EXPR_EQ: return order == 0;
	case EXPR_NE: return order != 0;
	case EXPR_LT: return order < 0;
	case EXPR_LE: return order <= 0;
	case EXPR_GT: return order > 0;
	default: return order >= 0;
	}
}

static void eval_history(struct eval *e, const struct expr *x, struct value *out)
{
	out->missing = true;
	if (e->history) {
		(void)e->history(e, x->index, out);
	}
}

/* Does x come out missing because the key has too little history? */
static bool too_short(struct eval *e, const struct expr *x)
{
	struct value v;
	bool is = (x->op == EXPR_HISTORY && e->history && !e->history(e, x->index, &v)) ||
	          (x->op == EXPR_LET && too_short(e, e->rule->lets[x->index].expr));

	for (unsigned i = 0; i < x->arg_count && !is; i++) {
		is = too_short(e, x->args[i]);
	}
	return is;
}

static void eval_compare(struct eval *e, const struct expr *x, struct value *out)
{
	struct value a, b;

	eval_value(e, x->args[0], &a);
	eval_value(e, x->args[1], &b);
	if (a.missing || b.missing) {
		out->missing = true;
		if (e->rule && e->rule->history_count && too_short(e, x)) {
			set_bool(out, e->rule->baseline.short_passes);
		}
		return;
	}
	set_bool(out, holds(x->op, value_compare(x->args[0]->type, &a, &b)));
}

static void eval_match(struct eval *e, const struct expr *x, struct value *out)
{
	struct value a;

	eval_value(e, x->args[0], &a);
	if (a.missing) {
		out->missing = true;
		return;
	}
	int found = regex_match(x->regex, e->regex, a.s);
	e->regex_limits += found < 0;
	set_bool(out, (found == 1) == (x->op == EXPR_MATCH));
}

struct list_key value_list_key(enum type type, const struct value *v)
{
	struct list_key key = {0};

	switch (type) {
	case TYPE_NUM: key.num = v->num; break;
	case TYPE_IP: key.ip = v->ip; break;
	case TYPE_COUNTRY: key.country = (country)v->i; break;
	default: key.text = v->s; break;
	}
	return key;
}

static void eval_in_list(struct eval *e, const struct expr *x, struct value *out)
{
	struct value a;

	eval_value(e, x->args[0], &a);
	if (a.missing) {
		out->missing = true;
		return;
	}
	const struct list *list = e->site->lists ? e->site->lists[x->index] : NULL;
	struct list_key key = value_list_key(x->args[0]->type, &a);
	set_bool(out, list && list->find(list, &key) >= 0);
}

static void eval_in_set(struct eval *e, const struct expr *x, struct value *out)
{
	struct value a, b;
	bool unknown = false;

	eval_value(e, x->args[0], &a);
	out->missing = true;
	if (a.missing) {
		return;
	}
	for (unsigned i = 1; i < x->arg_count; i++) {
		eval_value(e, x->args[i], &b);
		unknown = unknown || b.missing;
		if (!b.missing && value_compare(x->args[0]->type, &a, &b) == 0) {
			set_bool(out, true);
			return;
		}
	}
	if (!unknown) {
		set_bool(out, false);
	}
}

static void eval_in_range(struct eval *e, const struct expr *x, struct value *out)
{
	struct value a, low, high;

	eval_value(e, x->args[0], &a);
	eval_value(e, x->args[1], &low);
	eval_value(e, x->args[2], &high);
	out->missing = true;
	if (!a.missing && !low.missing && !high.missing) {
		enum type type = x->args[0]->type;
		set_bool(out,
		         value_compare(type, &a, &low) >= 0 && value_compare(type, &a, &high) <= 0);
	}
}

/* ---- arithmetic: integers that leave their range are missing, never wrapped ---- */

static double as_float(enum type type, const struct value *v)
{
	return type == TYPE_FLOAT ? v->f : (double)v->i;
}

static void arith_float(enum expr_op op, double a, double b, struct value *out)
{
	double f = 0;

	switch (op) {
	case EXPR_ADD: f = a + b; break;
	case EXPR_SUB: f = a - b; break;
	case EXPR_MUL: f = a * b; break;
	case EXPR_MOD: f = b == 0 ? (double)NAN : fmod(a, b); break;
	default: f = b == 0 ? (double)NAN : a / b; break;
	}
	out->missing = !isfinite(f);
	out->f = f;
}

static void arith_int(enum expr_op op, int64_t a, int64_t b, struct value *out)
{
	int64_t i = 0;
	bool bad = false;

	switch (op) {
	case EXPR_ADD: bad = __builtin_add_overflow(a, b, &i); break;
	case EXPR_SUB: bad = __builtin_sub_overflow(a, b, &i); break;
	case EXPR_MUL: bad = __builtin_mul_overflow(a, b, &i); break;
	default:
		bad = b == 0 || (a == INT64_MIN && b == -1);
		i = bad ? 0 : a % b;
		break;
	}
	out->missing = bad || i == INSTANT_NONE;
	out->i = i;
}

/* A duration scaled by a float, rounded to the microsecond (half away from zero). */
static void scale(double f, struct value *out)
{
	out->missing = !(f > -9e18 && f < 9e18);
	out->i = out->missing ? 0 : (int64_t)(f < 0 ? f - 0.5 : f + 0.5);
}

static void eval_arith(struct eval *e, const struct expr *x, struct value *out)
{
	struct value a, b;
	enum type ta = x->args[0]->type, tb = x->args[1]->type;

	eval_value(e, x->args[0], &a);
	eval_value(e, x->args[1], &b);
	if (a.missing || b.missing) {
		out->missing = true;
		return;
	}
	if (x->type == TYPE_FLOAT) {
		arith_float(x->op, as_float(ta, &a), as_float(tb, &b), out);
	} else if (ta == TYPE_FLOAT || tb == TYPE_FLOAT || x->op == EXPR_DIV) {
		arith_float(x->op, as_float(ta, &a), as_float(tb, &b), out);
		if (!out->missing) {
			scale(out->f, out);
		}
	} else {
		arith_int(x->op, a.i, b.i, out);
	}
}

static void eval_neg(struct eval *e, const struct expr *x, struct value *out)
{
	eval_value(e, x->args[0], out);
	if (out->missing) {
		return;
	}
	if (x->type == TYPE_FLOAT) {
		out->f = -out->f;
	} else {
		arith_int(EXPR_SUB, 0, out->i, out);
	}
}

static void eval_to_float(struct eval *e, const struct expr *x, struct value *out)
{
	eval_value(e, x->args[0], out);
	if (!out->missing) {
		out->f = (double)out->i;
	}
}

static void eval_coalesce(struct eval *e, const struct expr *x, struct value *out)
{
	eval_value(e, x->args[0], out);
	if (out->missing) {
		eval_value(e, x->args[1], out);
	}
}

/* ---- leaves ---- */

static void eval_const(struct eval *e, const struct expr *x, struct value *out)
{
	(void)e;
	*out = x->value;
}

static void eval_field_leaf(struct eval *e, const struct expr *x, struct value *out)
{
	eval_field(e, x->field, out);
}

static void eval_param(struct eval *e, const struct expr *x, struct value *out)
{
	*out = e->rule->params[x->index].value;
}

static void eval_let(struct eval *e, const struct expr *x, struct value *out)
{
	uint32_t bit = UINT32_C(1) << x->index;

	if (!(e->lets_known & bit)) {
		eval_value(e, e->rule->lets[x->index].expr, &e->lets[x->index]);
		e->lets_known |= bit;
	}
	*out = e->lets[x->index];
}

static void eval_agg(struct eval *e, const struct expr *x, struct value *out)
{
	out->missing = true;
	if (e->aggregate) {
		e->aggregate(e, x->index, out);
	}
}

static void eval_site_country(struct eval *e, const struct expr *x, struct value *out)
{
	(void)x;
	out->i = e->site->country;
	out->missing = e->site->country == 0;
}

static void eval_site_tz(struct eval *e, const struct expr *x, struct value *out)
{
	(void)x;
	out->s = e->site->tz_name;
	out->missing = !out->s.p;
}

static const struct value *signal_value(const struct eval *e, unsigned index)
{
	for (unsigned i = 0; i < e->rule->from_count; i++) {
		if (rule_same(e->rule->from[i], e->emitter)) {
			return &e->bound[e->rule->signal_fields[i][index]];
		}
	}
	return NULL;
}

static void eval_bound(struct eval *e, const struct expr *x, struct value *out)
{
	const struct bound *b = &e->rule->bound[x->index];
	const struct value *v = !e->bound                 ? NULL
	                        : b->from == BOUND_SIGNAL ? signal_value(e, x->index)
	                        : b->from == BOUND_SCORE  ? &e->bound[b->index]
	                                                  : &e->bound[x->index];

	out->missing = true;
	if (v) {
		*out = *v;
	}
}

static void eval_new(struct eval *e, const struct expr *x, struct value *out)
{
	set_truth(out, e->news[x->index]);
}

static void eval_score(struct eval *e, const struct expr *x, struct value *out)
{
	struct value who;

	eval_value(e, x->args[0], &who);
	out->missing = who.missing;
	out->f = 0;
	if (!who.missing && e->scores) {
		out->f = scores_value(e->scores, scores_entity(e->key, "number", who.num),
		                      e->scores_us, NULL);
	}
}

static void eval_none(struct eval *e, const struct expr *x, struct value *out)
{
	(void)e;
	(void)x;
	out->missing = true;
}

typedef void (*eval_fn)(struct eval *e, const struct expr *x, struct value *out);

static const eval_fn by_op[] = {
	[EXPR_NONE] = eval_none,
	[EXPR_CONST] = eval_const,
	[EXPR_FIELD] = eval_field_leaf,
	[EXPR_PARAM] = eval_param,
	[EXPR_LET] = eval_let,
	[EXPR_AGG] = eval_agg,
	[EXPR_BOUND] = eval_bound,
	[EXPR_HISTORY] = eval_history,
	[EXPR_NEW] = eval_new,
	[EXPR_SCORE] = eval_score,
	[EXPR_SITE_COUNTRY] = eval_site_country,
	[EXPR_SITE_TZ] = eval_site_tz,
	[EXPR_NOT] = eval_not,
	[EXPR_AND] = eval_and,
	[EXPR_OR] = eval_or,
	[EXPR_EQ] = eval_compare,
	[EXPR_NE] = eval_compare,
	[EXPR_LT] = eval_compare,
	[EXPR_LE] = eval_compare,
	[EXPR_GT] = eval_compare,
	[EXPR_GE] = eval_compare,
	[EXPR_MATCH] = eval_match,
	[EXPR_NOT_MATCH] = eval_match,
	[EXPR_IN_LIST] = eval_in_list,
	[EXPR_IN_SET] = eval_in_set,
	[EXPR_IN_RANGE] = eval_in_range,
	[EXPR_ADD] = eval_arith,
	[EXPR_SUB] = eval_arith,
	[EXPR_MUL] = eval_arith,
	[EXPR_DIV] = eval_arith,
	[EXPR_MOD] = eval_arith,
	[EXPR_NEG] = eval_neg,
	[EXPR_COALESCE] = eval_coalesce,
	[EXPR_TO_FLOAT] = eval_to_float,
	[EXPR_CALL] = eval_call,
};

void eval_value(struct eval *e, const struct expr *x, struct value *out)
{
	by_op[x->op](e, x, out);
}

/* ---- values as identity and as text ---- */

uint64_t value_identity(const struct hash_key *key, enum type type, const struct value *v)
{
	switch (type) {
	case TYPE_NUM: return v->num;
	case TYPE_TEXT: return hash_slice(key, v->s);
	case TYPE_IP: return hash64(key, v->ip.bytes, sizeof(v->ip.bytes));
	default: return (uint64_t)v->i; /* a float by its bits */
	}
}

struct slice value_text(struct arena *arena, enum type type, enum enum_id set,
                        const struct value *v, struct slice raw)
{
	char text[64] = "";
	size_t len = 0;

	if (v->missing) {
		return SLICE_NONE;
	}
	switch (type) {
	case TYPE_NUM:
		len = number_format(v->num, text);
		if (len == 0) {
			return arena_copy(arena, raw);
		}
		break;
	case TYPE_TEXT: return arena_copy(arena, v->s);
	case TYPE_IP: len = ip_format(&v->ip, text); break;
	case TYPE_ENUM: return slice_of(enum_word(set, (unsigned)v->i));
	case TYPE_COUNTRY:
		text[0] = (char)(v->i >> 8);
		text[1] = (char)(v->i & 0xff);
		len = 2;
		break;
	case TYPE_BOOL: return v->i == TRUTH_TRUE ? SLICE_LIT("true") : SLICE_LIT("false");
	case TYPE_TIME: len = instant_format(v->i, text); break;
	case TYPE_DUR: len = duration_format(v->i, text); break;
	case TYPE_FLOAT: len = decimal_format(v->f, text); break;
	default: return arena_printf(arena, "%lld", (long long)v->i);
	}
	return arena_copy(arena, (struct slice){text, len});
}
