#include "app/mutate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"

enum { MEMORY_MAX = 64 << 20 };

/* One rule under change. */
struct mutator {
	const struct site *site;
	const struct rule *rule;
	struct mutation *m;
	int err;
};

/* ---- trying one ---- */

/* Other rules matter only to rules that look at what others do. */
static bool stands_alone(const struct site *site, const struct rule *rule)
{
	bool alone = rule->kind != KIND_SIGNAL && rule->kind != KIND_SCORE;

	for (unsigned i = 0; i < rule->list_count && alone; i++) {
		alone = !site->rules->lists[rule->lists[i]].dynamic;
	}
	return alone;
}

static bool passes_all(const struct mutator *t, const struct rule *changed)
{
	struct arena *arena = &t->m->arena;
	struct ruleset set = *t->site->rules;
	struct site site = *t->site;
	bool alone = stands_alone(t->site, t->rule), passed = true;

	set.rules = arena_alloc(arena, (set.rule_count + 1) * sizeof(struct rule *));
	if (!set.rules) {
		return true;
	}
	set.rule_count = 0;
	for (size_t i = 0; i < t->site->rules->rule_count; i++) {
		const struct rule *r = t->site->rules->rules[i];
		if (r == t->rule || !alone) {
			const struct rule *in = r == t->rule ? changed : r;
			set.rules[set.rule_count++] = (struct rule *)(uintptr_t)in;
		}
	}
	site.rules = &set;
	for (const struct rule_test *test = t->rule->tests; test && passed; test = test->next) {
		struct test_result result;
		passed = rule_test_run(&site, changed, test, &result) == OK && result.passed;
		buf_fini(&result.report);
	}
	return passed;
}

static void try_mutant(struct mutator *t, const struct rule *changed, struct slice name)
{
	struct mutation *m = t->m;

	if ((m->count & (m->count - 1)) == 0) {
		size_t cap = m->count ? m->count * 2 : 1;
		struct mutant *grown = realloc(m->mutants, cap * sizeof(*grown));
		if (!grown) {
			t->err = E_NOMEM;
			return;
		}
		m->mutants = grown;
	}
	struct mutant *mutant = &m->mutants[m->count++];
	*mutant = (struct mutant){name, !passes_all(t, changed)};
	m->noticed += mutant->noticed;
}

/* ---- parameters ---- */

static struct value scaled(const struct param *p, double factor)
{
	struct value v = p->value;

	if (p->type == TYPE_FLOAT) {
		v.f *= factor;
	} else {
		double to = (double)v.i * factor;
		v.i = (int64_t)(factor < 1 ? floor(to) : ceil(to));
	}
	if (!p->low.missing && value_compare(p->type, &v, &p->low) < 0) {
		v = p->low;
	}
	if (!p->high.missing && value_compare(p->type, &v, &p->high) > 0) {
		v = p->high;
	}
	return v;
}

static void scale_params(struct mutator *t)
{
	static const double factors[] = {0.7, 1.3};
	struct arena *arena = &t->m->arena;

	for (unsigned i = 0; i < t->rule->param_count * 2; i++) {
		const struct param *p = &t->rule->params[i / 2];
		bool scales = p->type == TYPE_INT || p->type == TYPE_FLOAT || p->type == TYPE_DUR;
		struct value v = scales ? scaled(p, factors[i & 1]) : p->value;
		struct rule *changed = arena_alloc(arena, sizeof(*changed));
		struct buf text = {0};
		if (!changed || !p->used || !scales || value_compare(p->type, &v, &p->value) == 0) {
			continue;
		}
		*changed = *t->rule;
		changed->params[i / 2].value = v;
		buf_printf(&text, "$%.*s ", SLICE_FMT(p->name));
		param_print(p, &p->value, &text);
		buf_text(&text, " -> ");
		param_print(p, &v, &text);
		try_mutant(t, changed, arena_copy(arena, buf_view(&text)));
		buf_fini(&text);
	}
}

/* ---- conditions ---- */

/* The tree with `from` in it replaced; unchanged parts are shared. */
static const struct expr *replace(struct arena *arena, const struct expr *x,
                                  const struct expr *from, const struct expr *to)
{
	if (x == from) {
		return to;
	}
	struct expr *copy = NULL;
	for (unsigned i = 0; i < x->arg_count; i++) {
		const struct expr *arg = replace(arena, x->args[i], from, to);
		if (arg == x->args[i] || !arg) {
			continue;
		}
		if (!copy) {
			copy = arena_alloc(arena, sizeof(*copy));
			const struct expr **args =
				arena_alloc(arena, x->arg_count * sizeof(const struct expr *));
			if (!copy || !args) {
				return x;
			}
			*copy = *x;
			memcpy(args, x->args, x->arg_count * sizeof(const struct expr *));
			copy->args = args;
		}
		copy->args[i] = arg;
	}
	return copy ? copy : x;
}

/* Where a condition stands in a rule: a member that holds an expression. */
struct site_of {
	const struct expr **(*at)(struct rule *rule, unsigned i);
	unsigned (*count)(const struct rule *rule);
	bool conjuncts; /* may be dropped */
};

static const struct expr **at_where(struct rule *rule, unsigned i)
{
	(void)i;
	return &rule->where;
}

static const struct expr **at_when(struct rule *rule, unsigned i)
{
	(void)i;
	return &rule->when;
}

static const struct expr **at_let(struct rule *rule, unsigned i)
{
	return &rule->lets[i].expr;
}

static const struct expr **at_agg(struct rule *rule, unsigned i)
{
	return i & 1 ? &rule->aggs[i / 2].filter : &rule->aggs[i / 2].arg;
}

static const struct expr **at_step(struct rule *rule, unsigned i)
{
	return &rule->steps[i].where;
}

static unsigned one(const struct rule *rule)
{
	(void)rule;
	return 1;
}

static unsigned lets(const struct rule *rule)
{
	return rule->let_count;
}

static unsigned aggs(const struct rule *rule)
{
	return rule->agg_count * 2;
}

static unsigned steps(const struct rule *rule)
{
	return rule->step_count;
}

static const struct site_of sites[] = {
	{at_where, one, true}, {at_when, one, true},   {at_let, lets, false},
	{at_agg, aggs, false}, {at_step, steps, true},
};

static void change(struct mutator *t, const struct site_of *s, unsigned i, const struct expr *from,
                   const struct expr *to, struct slice name)
{
	struct rule *changed = arena_alloc(&t->m->arena, sizeof(*changed));

	if (!changed) {
		t->err = E_NOMEM;
		return;
	}
	*changed = *t->rule;
	const struct expr **at = s->at(changed, i);
	*at = replace(&t->m->arena, *at, from, to);
	try_mutant(t, changed, name);
}

static enum expr_op over_the_boundary(enum expr_op op)
{
	switch (op) {
	case EXPR_GE: return EXPR_GT;
	case EXPR_GT: return EXPR_GE;
	case EXPR_LE: return EXPR_LT;
	case EXPR_LT: return EXPR_LE;
	default: return EXPR_NONE;
	}
}

static void flip(struct mutator *t, const struct site_of *s, unsigned i, const struct expr *x)
{
	static const char *const ops[] = {
		[EXPR_GE] = ">=", [EXPR_GT] = ">", [EXPR_LE] = "<=", [EXPR_LT] = "<"};
	enum expr_op op = over_the_boundary(x->op);
	struct expr *flipped = op ? arena_alloc(&t->m->arena, sizeof(*flipped)) : NULL;

	if (flipped) {
		*flipped = *x;
		flipped->op = op;
		change(t, s, i, x, flipped,
		       arena_printf(&t->m->arena, "%.*s: %s", SLICE_FMT(x->text), ops[op]));
	}
	for (unsigned n = 0; n < x->arg_count; n++) {
		flip(t, s, i, x->args[n]);
	}
}

static void drop(struct mutator *t, const struct site_of *s, unsigned i, const struct expr *x)
{
	for (unsigned n = 0; x->op == EXPR_AND && n < 2; n++) {
		const struct expr *gone = x->args[n];
		if (gone->op == EXPR_AND) {
			drop(t, s, i, gone);
		} else {
			change(t, s, i, x, x->args[!n],
			       arena_printf(&t->m->arena, "without: %.*s", SLICE_FMT(gone->text)));
		}
	}
}

static void change_conditions(struct mutator *t)
{
	struct rule *rule = arena_alloc(&t->m->arena, sizeof(*rule));

	if (!rule) {
		t->err = E_NOMEM;
		return;
	}
	*rule = *t->rule;
	for (size_t n = 0; n < sizeof(sites) / sizeof(sites[0]); n++) {
		for (unsigned i = 0; i < sites[n].count(rule); i++) {
			const struct expr *x = *sites[n].at(rule, i);
			if (!x) {
				continue;
			}
			flip(t, &sites[n], i, x);
			if (sites[n].conjuncts) {
				drop(t, &sites[n], i, x);
			}
			if (sites[n].at == at_where && x->op != EXPR_AND) {
				change(t, &sites[n], i, x, NULL,
				       arena_printf(&t->m->arena, "without: %.*s",
				                    SLICE_FMT(x->text)));
			}
		}
	}
}

int mutation_run(const struct site *site, const struct rule *rule, struct mutation *m)
{
	struct mutator t = {.site = site, .rule = rule, .m = m};

	*m = (struct mutation){.count = 0};
	arena_init(&m->arena, MEMORY_MAX);
	scale_params(&t);
	change_conditions(&t);
	return t.err ? t.err : arena_overflowed(&m->arena) ? E_NOMEM : OK;
}

void mutation_fini(struct mutation *m)
{
	free(m->mutants);
	arena_fini(&m->arena);
}
