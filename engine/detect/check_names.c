#include <stdio.h>

#include "detect/check.h"
#include "detect/value.h"

/* Both columns of a party name: which of them an event needs is known only there. */
void check_mark_used(struct checker *c, enum field field)
{
	for (unsigned role = PARTYROLE_ORIG; role <= PARTYROLE_TERM; role++) {
		enum field column = field_column(field, role);
		c->set->used[column] |= column != FIELD_NONE;
		c->rule->used[column] |= column != FIELD_NONE;
	}
}

void check_refuse_kind(struct checker *c, const struct ast *ast, enum field field,
                       enum event_kind kind)
{
	char hint[HINT_TEXT] = "it exists on: ";
	size_t len = strlen(hint);
	const char *comma = "";

	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		if (field_row(field)->kinds >> k & 1) {
			len += (size_t)snprintf(hint + len, sizeof(hint) - len, "%s%s", comma,
			                        kind_name((enum event_kind)k));
			comma = ", ";
		}
	}
	diag_add(c->diags, check_place(c, ast->at), "E034", slice_of(hint),
	         "field '%.*s' does not exist on '%s' events", SLICE_FMT(ast->name),
	         kind_name(kind));
}

static const struct expr *check_field(struct checker *c, const struct ast *ast, enum field field)
{
	const struct field_row *row = field_row(field);

	if (!(row->kinds >> c->kind & 1)) {
		check_refuse_kind(c, ast, field, c->kind);
		return NULL;
	}
	struct expr *e =
		check_new(c, ast, EXPR_FIELD, type_of_storage(field_storage(field)), NULL, 0);
	if (e) {
		e->field = field;
		e->set = field_set(field);
		e->optional = row->optional;
		check_mark_used(c, field);
	}
	return e;
}

static int find_let(const struct checker *c, struct slice name)
{
	for (unsigned i = 0; i < c->rule->let_count; i++) {
		if (slice_eq(c->rule->lets[i].name, name)) {
			return (int)i;
		}
	}
	return -1;
}

/* Inside an aggregate a let stands for its expression, which is then seen at each event. */
static const struct expr *check_let(struct checker *c, const struct ast *ast, unsigned index)
{
	const struct let *let = &c->rule->lets[index];

	if (!let->expr) {
		return NULL; /* already refused */
	}
	if (!clause_sees_lets(c->clause)) {
		diag_add(c->diags, check_place(c, ast->at), "E030",
		         SLICE_LIT("'let' is computed after the event is in the window"),
		         "'%.*s' of 'let' cannot stand in '%s'", SLICE_FMT(ast->name),
		         clause_name(c->clause));
		return NULL;
	}
	if (c->in_aggregate && let->expr->aggregate) {
		diag_add(c->diags, check_place(c, ast->at), "E043", SLICE_NONE,
		         "'%.*s' looks at many calls; it cannot stand inside an aggregate",
		         SLICE_FMT(ast->name));
		return NULL;
	}
	if (c->in_aggregate) {
		return let->expr;
	}
	struct expr *e = check_new(c, ast, EXPR_LET, let->expr->type, NULL, 0);
	if (e) {
		e->index = index;
		e->set = let->expr->set;
		e->optional = let->expr->optional;
		e->aggregate = let->expr->aggregate;
	}
	return e;
}

static void refuse_name(struct checker *c, const struct ast *ast)
{
	const char *names[FIELD_NAME_COUNT + RULE_LETS_MAX + SCORE_PARTS + 2];
	size_t count = 0;
	char hint[HINT_TEXT];

	for (unsigned i = 0; clause_sees_lets(c->clause) && i < c->rule->let_count; i++) {
		names[count++] = arena_str(c->scratch, c->rule->lets[i].name);
	}
	/* Those of this kind of event come first: of equally near names the first is taken. */
	for (unsigned here = 2; here-- > 0;) {
		for (unsigned f = FIELD_NONE + 1; f < FIELD_NAME_COUNT; f++) {
			const struct field_row *row = field_row((enum field)f);
			if (row->name[0] && (row->kinds >> c->kind & 1) == here) {
				names[count++] = row->name;
			}
		}
	}
	for (unsigned i = 0; c->kind == KIND_SCORE && i < SCORE_PARTS; i++) {
		names[count++] = check_score_part((enum score_part)i);
	}
	names[count++] = "site.country";
	names[count++] = "site.tz";
	diag_add(c->diags, check_place(c, ast->at), "E030",
	         hint_nearest(hint, "did you mean %s?", ast->name, names, count),
	         "unknown field '%.*s'", SLICE_FMT(ast->name));
}

const struct expr *check_name(struct checker *c, const struct ast *ast)
{
	int let = find_let(c, ast->name);
	enum field field = field_find(ast->name);
	bool known;

	if (let >= 0) {
		return check_let(c, ast, (unsigned)let);
	}
	/* Outside of its steps a sequence has many events: whose caller would it be? */
	bool of_one_event = !c->rule->step_count || c->step >= 0;
	const struct expr *e = of_one_event ? check_score_of(c, ast, &known) : NULL;
	if (of_one_event && known) {
		return e;
	}
	e = check_bound(c, ast, &known);
	if (known) {
		return e;
	}
	if (field != FIELD_NONE) {
		return check_field(c, ast, field);
	}
	if (slice_eq(ast->name, SLICE_LIT("site.country"))) {
		return check_new(c, ast, EXPR_SITE_COUNTRY, TYPE_COUNTRY, NULL, 0);
	}
	if (slice_eq(ast->name, SLICE_LIT("site.tz"))) {
		return check_new(c, ast, EXPR_SITE_TZ, TYPE_TEXT, NULL, 0);
	}
	refuse_name(c, ast);
	return NULL;
}

const struct expr *check_param(struct checker *c, const struct ast *ast)
{
	const char *names[RULE_PARAMS_MAX];
	char hint[HINT_TEXT];

	for (unsigned i = 0; i < c->rule->param_count; i++) {
		struct param *param = &c->rule->params[i];
		names[i] = arena_str(c->scratch, param->name);
		if (!slice_eq(param->name, ast->name)) {
			continue;
		}
		param->used = true;
		struct expr *e = check_new(c, ast, EXPR_PARAM, param->type, NULL, 0);
		if (!e || param->type == TYPE_NONE) {
			return NULL; /* its declaration is already refused */
		}
		e->index = i;
		return e;
	}
	diag_add(c->diags, check_place(c, ast->at), "E033",
	         hint_nearest(hint, "did you mean $%s?", ast->name, names, c->rule->param_count),
	         "unknown parameter $%.*s", SLICE_FMT(ast->name));
	return NULL;
}

static int find_list(const struct ruleset *set, struct slice name)
{
	size_t low = 0, high = set->list_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = slice_cmp(name, set->lists[middle].name);
		if (order == 0) {
			return (int)middle;
		}
		*(order < 0 ? &high : &low) = order < 0 ? middle : middle + 1;
	}
	return -1;
}

static void refuse_list(struct checker *c, const struct ast *ast, size_t at)
{
	const char **names = arena_alloc(c->scratch, (c->set->list_count + 1) * sizeof(*names));
	char hint[HINT_TEXT];
	size_t count = 0;

	for (; names && count < c->set->list_count; count++) {
		names[count] = arena_str(c->scratch, c->set->lists[count].name);
	}
	diag_add(c->diags, check_place(c, at), "E039",
	         hint_nearest(hint, "did you mean @%s?", ast->name, names, count),
	         "unknown list @%.*s", SLICE_FMT(ast->name));
}

int check_list(struct checker *c, const struct ast *ast, size_t at)
{
	struct rule *rule = c->rule;
	int found = find_list(c->set, ast->name);

	if (found < 0) {
		refuse_list(c, ast, at);
		return -1;
	}
	for (unsigned i = 0; i < rule->list_count; i++) {
		if (rule->lists[i] == (unsigned)found) {
			return found;
		}
	}
	if (rule->list_count == RULE_LISTS_MAX) {
		diag_add(c->diags, check_place(c, at), "E018", SLICE_NONE,
		         "a rule can read at most %d lists", RULE_LISTS_MAX);
		return -1;
	}
	rule->lists[rule->list_count++] = (unsigned)found;
	return found;
}
