/* What tests say of rules, checked once all of them are known. */
#include "detect/exceptions.h"
#include "detect/load.h"
#include "detect/schema.h"
#include "detect/value.h"

/* By full name, by id in the same pack, by id in any. NULL where no such rule is declared. */
static const struct loaded_rule *find_rule(const struct loader *l, const struct loaded_rule *from,
                                           struct slice name)
{
	const struct loaded_rule *elsewhere = NULL;

	if (!name.p) {
		return from;
	}
	for (size_t i = 0; i < l->rule_count; i++) {
		const struct loaded_rule *one = &l->rules[i];
		if (!one->named) {
			continue;
		}
		if (slice_eq(one->rule->name, name) ||
		    (slice_eq(one->rule->id, name) &&
		     slice_eq(one->rule->pack, from->rule->pack))) {
			return one;
		}
		elsewhere = slice_eq(one->rule->id, name) ? one : elsewhere;
	}
	return elsewhere;
}

static const struct loaded_rule *need_rule(struct loader *l, const struct loaded_rule *from,
                                           struct slice name, struct place at)
{
	const struct loaded_rule *found = find_rule(l, from, name);

	if (!found) {
		const char **names = arena_alloc(&l->scratch, (l->rule_count + 1) * sizeof(*names));
		char hint[HINT_TEXT];
		size_t count = 0;
		for (size_t i = 0; names && i < l->rule_count; i++) {
			if (l->rules[i].named) {
				names[count++] = arena_str(&l->scratch, l->rules[i].rule->id);
			}
		}
		diag_add(l->diags, at, "E071",
		         hint_nearest(hint, "did you mean %s?", name, names, count),
		         "unknown rule '%.*s'", SLICE_FMT(name));
	}
	return found;
}

static const struct let *find_let(const struct rule *rule, struct slice name)
{
	for (unsigned i = 0; i < rule->let_count; i++) {
		if (slice_eq(rule->lets[i].name, name)) {
			return &rule->lets[i];
		}
	}
	return NULL;
}

static void link_with(struct loader *l, const struct rule *rule, const struct test_with *with)
{
	const struct let *let = find_let(rule, with->name);
	struct value value;

	if (!let) {
		diag_add(l->diags, with->at, "E071", SLICE_LIT("'with' names what 'let' computes"),
		         "rule '%.*s' has no '%.*s' in 'let'", SLICE_FMT(rule->id),
		         SLICE_FMT(with->name));
		return;
	}
	enum type type = let->expr->type;
	if (type != TYPE_NUM) { /* what prefix() and block() give is no international number */
		(void)value_read(l->diags, NULL, with->at, type, let->expr->set, with->text,
		                 &value);
	}
}

static void link_expect(struct loader *l, const struct loaded_rule *from,
                        const struct test_expect *expect)
{
	const struct loaded_rule *found = need_rule(l, from, expect->rule, expect->at);

	if (!found || !found->whole) {
		return;
	}
	if (expect->key_count > 0 && expect->key_count != found->rule->key_count) {
		diag_add(l->diags, expect->at, "E071", SLICE_NONE,
		         "'key' has %u parts here, %u in rule '%.*s'", expect->key_count,
		         found->rule->key_count, SLICE_FMT(found->rule->id));
	}
	for (const struct test_with *with = expect->with; with; with = with->next) {
		link_with(l, found->rule, with);
	}
}

static void link_param(struct loader *l, const struct loaded_rule *from,
                       const struct test_param *given)
{
	const struct loaded_rule *found = need_rule(l, from, given->rule, given->at);
	struct value value;

	if (!found || !found->whole) {
		return;
	}
	for (unsigned i = 0; i < found->rule->param_count; i++) {
		const struct param *param = &found->rule->params[i];
		if (slice_eq(param->name, given->name)) {
			(void)value_read(l->diags, l->options, given->at, param->type, ENUM_NONE,
			                 given->text, &value);
			return;
		}
	}
	diag_add(l->diags, given->at, "E033", SLICE_NONE, "unknown parameter $%.*s",
	         SLICE_FMT(given->name));
}

static void link_rows(struct loader *l, const struct rule *rule, const struct yaml_node *rows,
                      struct rule_test *test)
{
	const struct exception_shape *shape = exceptions_shape(l, rule, rows->key, rows->key_at);

	if (!shape || !schema_kind(l->diags, rows, YAML_LIST, rows->key)) {
		return;
	}
	for (const struct yaml_node *values = rows->first; values; values = values->next) {
		struct test_exception *e = arena_alloc(&l->set->arena, sizeof(*e));
		struct exception_row *row = e ? exceptions_row(l, shape, values) : NULL;
		if (!row) {
			return;
		}
		*e = (struct test_exception){rule, shape, row, test->exceptions};
		test->exceptions = e;
	}
}

/* {rule: {shape: [[values], …]}} */
static void link_exceptions(struct loader *l, const struct loaded_rule *from,
                            struct rule_test *test)
{
	const struct yaml_node *map = test->excepting;

	for (const struct yaml_node *of = map ? map->first : NULL; of; of = of->next) {
		const struct loaded_rule *found = need_rule(l, from, of->key, of->key_at);
		if (!found || !schema_kind(l->diags, of, YAML_MAP, of->key)) {
			continue;
		}
		for (const struct yaml_node *rows = of->first; rows; rows = rows->next) {
			link_rows(l, found->rule, rows, test);
		}
	}
	test->excepting = NULL;
}

void tests_link(struct loader *l, const struct loaded_rule *rule)
{
	for (struct rule_test *test = rule->rule->tests; test; test = test->next) {
		link_exceptions(l, rule, test);
		for (const struct test_expect *e = test->expect; e; e = e->next) {
			link_expect(l, rule, e);
		}
		for (const struct test_param *p = test->params; p; p = p->next) {
			link_param(l, rule, p);
		}
	}
}
