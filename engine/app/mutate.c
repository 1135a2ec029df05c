#include "app/mutate.h"

#include "app/rule_tests.h"
#include "core/err.h"

enum { MEMORY_MAX = 256 << 20 };

/* The mutants of one rule on their way through its tests. */
struct trial {
	const struct site *site;
	const struct rule *rule; /* as loaded */
	struct ruleset set;      /* the rules among which a mutant runs; its own place is `at` */
	size_t at;
};

static bool reads_score(const struct expr *x)
{
	bool reads = x->op == EXPR_SCORE;

	for (unsigned i = 0; i < x->arg_count && !reads; i++) {
		reads = reads_score(x->args[i]);
	}
	return reads;
}

/* Other rules matter only to a rule that looks at what others do, and to tests that name them. */
static bool stands_alone(const struct site *site, const struct rule *rule)
{
	bool alone = rule->kind != KIND_SIGNAL && rule->kind != KIND_SCORE;
	struct rule own = *rule;
	enum rule_part part;
	const struct expr **at;

	for (unsigned i = 0; alone && (at = rule_expr(&own, i, &part)); i++) {
		alone = !*at || !reads_score(*at);
	}
	for (unsigned i = 0; i < rule->list_count && alone; i++) {
		alone = !site->rules->lists[rule->lists[i]].dynamic;
	}
	for (const struct rule_test *test = rule->tests; test && alone; test = test->next) {
		for (const struct test_param *p = test->params; p && alone; p = p->next) {
			alone = !p->rule.p;
		}
	}
	return alone;
}

static bool trial_init(struct trial *t, struct arena *arena)
{
	const struct ruleset *all = t->site->rules;
	bool alone = stands_alone(t->site, t->rule);

	t->set = *all;
	t->set.rule_count = 0;
	t->set.rules = arena_alloc(arena, all->rule_count * sizeof(*t->set.rules));
	for (size_t i = 0; t->set.rules && i < all->rule_count; i++) {
		if (all->rules[i] == t->rule) {
			t->at = t->set.rule_count;
		}
		if (all->rules[i] == t->rule || !alone) {
			t->set.rules[t->set.rule_count++] = all->rules[i];
		}
	}
	return t->set.rules != NULL;
}

/* The tests on `changed` in the place of the rule. *passed: all of them. E_INVALID: one could not
 * be run.
 */
static int run_tests(struct trial *t, struct rule *changed, bool *passed)
{
	struct site site = *t->site;
	int err = OK;

	site.rules = &t->set;
	t->set.rules[t->at] = changed;
	*passed = true;
	for (const struct rule_test *test = t->rule->tests; test && *passed; test = test->next) {
		struct test_result result;
		err = rule_test_run(&site, changed, test, &result);
		*passed = err == OK && result.passed;
		buf_fini(&result.report);
	}
	return err;
}

/* What a site changed does not count: tests are about the rule as its author wrote it. */
static struct rule *as_authored(struct arena *arena, const struct rule *rule)
{
	struct rule *own = arena_alloc(arena, sizeof(*own));

	if (!own) {
		return NULL;
	}
	*own = *rule;
	for (unsigned i = 0; own->overridden && i < own->param_count; i++) {
		own->params[i].value = own->params[i].authored;
	}
	if (own->overridden) {
		own->where = own->authored_where;
		own->status = STATUS_STABLE;
		own->overridden = false; /* or the tests would take it back */
	}
	return own;
}

int mutation_run(const struct site *site, const struct rule *rule, struct mutation *m)
{
	struct mutants *mutants = &m->mutants;
	struct trial t = {.site = site, .rule = rule};
	bool passed;

	*m = (struct mutation){.noticed = 0};
	arena_init(&mutants->arena, MEMORY_MAX);
	struct rule *own = as_authored(&mutants->arena, rule);
	if (!own || !trial_init(&t, &mutants->arena)) {
		return E_NOMEM;
	}
	(void)run_tests(&t, own, &passed);
	m->broken = !passed;
	int err = m->broken ? OK : mutants_make(own, mutants);
	for (size_t i = 0; err == OK && i < mutants->count; i++) {
		struct mutant *mutant = &mutants->all[i];
		/* The tests ran on the rule as it is: what they may lack now is memory. */
		err = run_tests(&t, mutant->rule, &passed) == OK ? OK : E_NOMEM;
		mutant->noticed = !passed;
		m->noticed += mutant->noticed;
	}
	return err;
}

void mutation_fini(struct mutation *m)
{
	mutants_fini(&m->mutants);
}
