#include "app/mutants.h"

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "detect/eval.h"

static const int tenths[] = {7, 13};

/* ---- where a rule holds expressions ---- */

const struct expr **rule_expr(struct rule *rule, unsigned i, enum rule_part *part)
{
	unsigned lets = rule->let_count, aggs = rule->agg_count;

	if (i < PART_LET) {
		*part = (enum rule_part)i;
		return i == PART_WHERE ? &rule->where : &rule->when;
	}
	i -= PART_LET;
	if (i < lets) {
		*part = PART_LET;
		return &rule->lets[i].expr;
	}
	i -= lets;
	if (i < aggs) {
		*part = PART_FILTER;
		return &rule->aggs[i].filter;
	}
	i -= aggs;
	if (i < aggs) {
		*part = PART_CONDITION;
		return &rule->aggs[i].arg;
	}
	i -= aggs;
	*part = PART_STEP;
	return i < rule->step_count ? &rule->steps[i].where : NULL;
}

/* One of them, of a rule under change. */
struct spot {
	struct mutants *m;
	const struct rule *rule;
	unsigned i;
	int *err;
};

/* What tells two equal changes of a rule apart. */
static struct slice spot_name(const struct spot *s)
{
	unsigned at = s->i, lets = s->rule->let_count, aggs = s->rule->agg_count;

	if (at < PART_LET) {
		return at == PART_WHERE ? SLICE_LIT("where") : SLICE_LIT("when");
	}
	at -= PART_LET;
	if (at < lets) {
		return s->rule->lets[at].name;
	}
	at -= lets;
	if (at < 2 * aggs) {
		return s->rule->aggs[at % aggs].text;
	}
	return s->rule->steps[at - 2 * aggs].name;
}

/* ---- the list ---- */

static bool taken(const struct mutants *m, struct slice name)
{
	for (size_t i = 0; i < m->count; i++) {
		if (slice_eq(m->all[i].name, name)) {
			return true;
		}
	}
	return false;
}

static int add(struct mutants *m, struct rule *rule, struct slice name)
{
	if ((m->count & (m->count - 1)) == 0) {
		size_t cap = m->count ? m->count * 2 : 1;
		struct mutant *grown = realloc(m->all, cap * sizeof(*grown));
		if (!grown) {
			return E_NOMEM;
		}
		m->all = grown;
	}
	m->all[m->count++] = (struct mutant){.name = name, .rule = rule};
	return name.p ? OK : E_NOMEM;
}

static struct slice unlike_others(struct mutants *m, struct slice name, struct slice where)
{
	struct slice unlike = name;

	for (unsigned n = 1; taken(m, unlike); n++) {
		unlike = n == 1 ? arena_printf(&m->arena, "%.*s in %.*s", SLICE_FMT(name),
		                               SLICE_FMT(where))
		                : arena_printf(&m->arena, "%.*s in %.*s (%u)", SLICE_FMT(name),
		                               SLICE_FMT(where), n);
		if (!unlike.p) {
			break;
		}
	}
	return unlike;
}

/* ---- numbers ---- */

static bool is_numeric(enum type type)
{
	return type == TYPE_INT || type == TYPE_FLOAT || type == TYPE_DUR;
}

static bool scale(enum type type, const struct value *from, int by_tenths, struct value *to)
{
	*to = *from;
	if (type == TYPE_FLOAT) {
		to->f = from->f * by_tenths / 10;
	} else if (__builtin_mul_overflow(from->i, by_tenths, &to->i)) {
		return false;
	} else {
		int64_t part = to->i % 10;
		to->i /= 10;
		to->i += by_tenths > 10 ? (part > 0) - (part < 0) : 0;
	}
	return true;
}

static bool scale_param(const struct param *p, int by_tenths, struct value *v)
{
	if (p->value.missing || !is_numeric(p->type) || !scale(p->type, &p->value, by_tenths, v)) {
		return false;
	}
	if (!p->low.missing && value_compare(p->type, v, &p->low) < 0) {
		*v = p->low;
	}
	if (!p->high.missing && value_compare(p->type, v, &p->high) > 0) {
		*v = p->high;
	}
	return value_compare(p->type, v, &p->value) != 0;
}

static struct slice change_name(struct mutants *m, struct slice before, const struct param *p,
                                const struct value *v, struct slice after)
{
	struct buf text = {0};

	buf_printf(&text, "%.*s%.*s -> ", SLICE_FMT(before), SLICE_FMT(after));
	param_print(p, v, &text);
	struct slice name = text.failed ? SLICE_NONE : arena_copy(&m->arena, buf_view(&text));
	buf_fini(&text);
	return name;
}

static int mutate_param(struct mutants *m, const struct rule *rule, unsigned i, int by_tenths)
{
	const struct param *p = &rule->params[i];
	struct buf before = {0};
	struct value v;

	if (!p->used || !scale_param(p, by_tenths, &v)) {
		return OK;
	}
	struct rule *changed = arena_alloc(&m->arena, sizeof(*changed));
	if (!changed) {
		return E_NOMEM;
	}
	*changed = *rule;
	changed->params[i].value = v;
	buf_printf(&before, "$%.*s ", SLICE_FMT(p->name));
	param_print(p, &p->value, &before);
	struct slice name = change_name(m, buf_view(&before), p, &v, SLICE_LIT(""));
	buf_fini(&before);
	return add(m, changed, name);
}

/* ---- expressions ---- */

/* The tree with `from` in it replaced; unchanged parts are shared. NULL: no memory. */
static const struct expr *replace(struct arena *arena, const struct expr *x,
                                  const struct expr *from, const struct expr *to)
{
	struct expr *copy = NULL;

	if (x == from) {
		return to;
	}
	for (unsigned i = 0; i < x->arg_count; i++) {
		const struct expr *arg = replace(arena, x->args[i], from, to);
		if (!arg) {
			return NULL;
		}
		if (arg == x->args[i]) {
			continue;
		}
		copy = arena_alloc(arena, sizeof(*copy));
		const struct expr **args = arena_alloc(arena, x->arg_count * sizeof(*args));
		if (!copy || !args) {
			return NULL;
		}
		memcpy(args, x->args, x->arg_count * sizeof(*args));
		args[i] = arg;
		*copy = *x;
		copy->args = args;
		return copy;
	}
	return x;
}

/* The rule with `from` replaced in the spot, by NULL only where it is the whole. */
static void change(const struct spot *s, const struct expr *from, const struct expr *to,
                   struct slice name)
{
	struct mutants *m = s->m;
	struct rule *changed = arena_alloc(&m->arena, sizeof(*changed));
	enum rule_part part;

	if (!changed || !name.p) {
		*s->err = E_NOMEM;
		return;
	}
	*changed = *s->rule;
	const struct expr **at = rule_expr(changed, s->i, &part);
	*at = replace(&m->arena, *at, from, to);
	int err = *at || !to ? add(m, changed, unlike_others(m, name, spot_name(s))) : E_NOMEM;
	*s->err = err ? err : *s->err;
}

static struct expr *copy_of(const struct spot *s, const struct expr *x)
{
	struct expr *copy = arena_alloc(&s->m->arena, sizeof(*copy));

	if (copy) {
		*copy = *x;
	} else {
		*s->err = E_NOMEM;
	}
	return copy;
}

/* ---- boundaries ---- */

static const struct {
	const char *text;
	enum expr_op over; /* the same comparison beyond its boundary */
} orders[] = {
	[EXPR_LT] = {"<", EXPR_LE},
	[EXPR_LE] = {"<=", EXPR_LT},
	[EXPR_GT] = {">", EXPR_GE},
	[EXPR_GE] = {">=", EXPR_GT},
};

static bool is_order(enum expr_op op)
{
	return op >= EXPR_LT && op <= EXPR_GE;
}

static void flip_order(const struct spot *s, const struct expr *x)
{
	struct expr *flipped = copy_of(s, x);

	if (flipped) {
		flipped->op = orders[x->op].over;
		change(s, x, flipped,
		       arena_printf(&s->m->arena, "%.*s -> %s", SLICE_FMT(x->text),
		                    orders[flipped->op].text));
	}
}

static const struct expr *pair(const struct spot *s, const struct expr *like, enum expr_op op,
                               const struct expr *a, const struct expr *b)
{
	struct expr *both = copy_of(s, like);
	const struct expr **args = arena_alloc(&s->m->arena, 2 * sizeof(*args));

	if (!a || !b || !both || !args) {
		return NULL;
	}
	both->op = op;
	both->args = args;
	both->arg_count = 2;
	args[0] = a;
	args[1] = b;
	return both;
}

/* x in lo..hi without lo, then without hi. */
static void open_range(const struct spot *s, const struct expr *x)
{
	static const enum expr_op low[] = {EXPR_GT, EXPR_GE}, high[] = {EXPR_LE, EXPR_LT};

	for (unsigned end = 0; end < 2; end++) {
		const struct expr *above = pair(s, x, low[end], x->args[0], x->args[1]);
		const struct expr *below = pair(s, x, high[end], x->args[0], x->args[2]);
		const struct expr *opened = pair(s, x, EXPR_AND, above, below);
		enum expr_op op = end ? high[end] : low[end];
		if (opened) {
			change(s, x, opened,
			       arena_printf(&s->m->arena, "%.*s: %s %.*s", SLICE_FMT(x->text),
			                    orders[op].text, SLICE_FMT(x->args[1 + end]->text)));
		} else {
			*s->err = E_NOMEM;
		}
	}
}

/* ---- literals ---- */

static void scale_literal(const struct spot *s, const struct expr *comparison, const struct expr *x)
{
	bool pct = x->text.len && x->text.p[x->text.len - 1] == '%';
	const struct param as = {.type = x->type, .pct = pct && x->type == TYPE_FLOAT};
	struct slice before = arena_printf(&s->m->arena, "%.*s: ", SLICE_FMT(comparison->text));

	for (unsigned n = 0; n < 2; n++) {
		struct value v;
		if (!scale(x->type, &x->value, tenths[n], &v) ||
		    value_compare(x->type, &v, &x->value) == 0) {
			continue;
		}
		struct expr *scaled = copy_of(s, x);
		if (scaled) {
			scaled->value = v;
			change(s, x, scaled, change_name(s->m, before, &as, &v, x->text));
		}
	}
}

/* Those that a side of the comparison is computed from; arguments of functions are none. */
static void scale_literals(const struct spot *s, const struct expr *comparison,
                           const struct expr *x)
{
	if (x->op == EXPR_CONST && is_numeric(x->type) && !x->value.missing) {
		scale_literal(s, comparison, x);
	}
	bool computed = x->op >= EXPR_ADD && x->op <= EXPR_TO_FLOAT;
	for (unsigned i = 0; computed && i < x->arg_count; i++) {
		scale_literals(s, comparison, x->args[i]);
	}
}

static void each_comparison(const struct spot *s, const struct expr *x, bool literals)
{
	bool compares = (x->op >= EXPR_EQ && x->op <= EXPR_GE) || x->op == EXPR_IN_RANGE;

	if (!literals && is_order(x->op)) {
		flip_order(s, x);
	} else if (!literals && x->op == EXPR_IN_RANGE) {
		open_range(s, x);
	}
	for (unsigned i = 0; i < x->arg_count; i++) {
		if (literals && compares) {
			scale_literals(s, x, x->args[i]);
		}
		each_comparison(s, x->args[i], literals);
	}
}

/* ---- conjuncts ---- */

static void drop(const struct spot *s, const struct expr *from, const struct expr *to,
                 const struct expr *gone)
{
	change(s, from, to, arena_printf(&s->m->arena, "without: %.*s", SLICE_FMT(gone->text)));
}

static void drop_each(const struct spot *s, const struct expr *x)
{
	for (unsigned i = 0; i < 2; i++) {
		if (x->args[i]->op == EXPR_AND) {
			drop_each(s, x->args[i]);
		} else {
			drop(s, x, x->args[!i], x->args[i]);
		}
	}
}

static void drop_conjuncts(const struct spot *s, const struct expr *x, enum rule_part part)
{
	if (part == PART_WHERE || part == PART_WHEN || part == PART_STEP) {
		if (x->op == EXPR_AND) {
			drop_each(s, x);
		} else if (part != PART_WHEN) {
			drop(s, x, NULL, x);
		}
	}
}

int mutants_make(const struct rule *rule, struct mutants *m)
{
	enum { BOUNDARIES, LITERALS, CONJUNCTS, KINDS };
	struct rule *own = arena_alloc(&m->arena, sizeof(*own));
	int err = own ? OK : E_NOMEM;
	enum rule_part part;

	for (unsigned i = 0; err == OK && i < rule->param_count * 2; i++) {
		err = mutate_param(m, rule, i / 2, tenths[i & 1]);
	}
	if (own) {
		*own = *rule;
	}
	for (unsigned kind = 0; err == OK && kind < KINDS; kind++) {
		struct spot s = {m, rule, 0, &err};
		for (const struct expr **at; (at = rule_expr(own, s.i, &part)); s.i++) {
			if (*at && kind == CONJUNCTS) {
				drop_conjuncts(&s, *at, part);
			} else if (*at) {
				each_comparison(&s, *at, kind == LITERALS);
			}
		}
	}
	return err;
}

void mutants_fini(struct mutants *m)
{
	free(m->all);
	arena_fini(&m->arena);
}
