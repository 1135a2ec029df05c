/* 'in' with a list, a set or a range, and '=~'. */
#include <stdio.h>

#include "detect/check.h"
#include "detect/regex.h"
#include "detect/ruleset.h"

static const struct {
	enum type type;
	const char *holds;
} list_rows[] = {
	[LIST_NONE] = {TYPE_NONE, ""},
	[LIST_NUM] = {TYPE_NUM, "phone numbers"},
	[LIST_PREFIX] = {TYPE_NUM, "prefixes of phone numbers"},
	[LIST_IP] = {TYPE_IP, "IP addresses"},
	[LIST_CIDR] = {TYPE_IP, "blocks of IP addresses"},
	[LIST_TEXT] = {TYPE_TEXT, "texts"},
	[LIST_COUNTRY] = {TYPE_COUNTRY, "countries"},
};

bool check_list_holds(struct checker *c, size_t list, const struct expr *x)
{
	const struct list_decl *decl = &c->set->lists[list];

	if (decl->type == LIST_NONE) {
		return false; /* its declaration is already refused */
	}
	if (list_rows[decl->type].type == x->type) {
		return true;
	}
	diag_add(c->diags, x->at, "E036", SLICE_NONE, "@%.*s holds %s, this is %s",
	         SLICE_FMT(decl->name), list_rows[decl->type].holds, type_words(x->type));
	return false;
}

bool check_list_takes(struct checker *c, size_t list, const struct expr **x)
{
	(void)check_as(c, x, list_rows[c->set->lists[list].type].type);
	return *x && check_list_holds(c, list, *x);
}

const struct expr *check_in_list(struct checker *c, const struct ast *ast, const struct expr *x)
{
	int list = check_list(c, ast->args->next, ast->at);

	if (list < 0 || !x || !check_list_holds(c, (size_t)list, x)) {
		return NULL;
	}
	struct expr *e = check_new(c, ast, EXPR_IN_LIST, TYPE_BOOL, &x, 1);
	if (e) {
		e->index = (unsigned)list;
	}
	return e;
}

/* x and one value that it is compared with, made of one type. */
static bool check_member(struct checker *c, const struct expr *x, const struct expr **member)
{
	const struct expr *same = x;
	unsigned errors = c->diags->errors;
	char hint[64];

	if (check_fit(c, &same, member) && same == x) {
		return true;
	}
	if (c->diags->errors == errors) {
		diag_add(c->diags, (*member)->at, "E036", check_unit_hint(hint, x, *member),
		         "cannot compare %s with %s", type_words(x->type),
		         type_words((*member)->type));
	}
	return false;
}

/* An int looked for among floats becomes a float itself. */
static const struct expr *widen(struct checker *c, const struct expr *x, const struct expr **rest,
                                unsigned count)
{
	for (unsigned i = 0; i < count && x->type == TYPE_INT; i++) {
		if (rest[i] && rest[i]->type == TYPE_FLOAT) {
			const struct expr *other = rest[i];
			(void)check_fit(c, &x, &other);
		}
	}
	return x;
}

/* The operands behind the first, checked, each of the type of *x; args[0] is *x. NULL after a
 * mistake.
 */
static const struct expr **check_members(struct checker *c, const struct ast *ast,
                                         const struct expr *x)
{
	const struct expr **args =
		arena_alloc(&c->set->arena, ast->count * sizeof(const struct expr *));
	const struct ast *member = ast->args->next;
	bool whole = x != NULL;

	if (!args) {
		return NULL;
	}
	for (unsigned i = 1; i < ast->count; i++, member = member->next) {
		args[i] = check_node(c, member);
		whole &= args[i] != NULL;
	}
	if (!whole) {
		return NULL;
	}
	args[0] = widen(c, x, args + 1, ast->count - 1);
	for (unsigned i = 1; i < ast->count; i++) {
		whole &= check_member(c, args[0], &args[i]);
	}
	return whole ? args : NULL;
}

const struct expr *check_in_set(struct checker *c, const struct ast *ast, const struct expr *x)
{
	const struct expr **args = check_members(c, ast, x);

	for (unsigned i = 1; args && i < ast->count; i++) {
		if (args[i]->op != EXPR_CONST) {
			diag_add(c->diags, args[i]->at, "E046",
			         SLICE_LIT("compare with == and 'or'"),
			         "a set holds constants only");
			return NULL;
		}
	}
	return args ? check_new(c, ast, EXPR_IN_SET, TYPE_BOOL, args, ast->count) : NULL;
}

const struct expr *check_in_range(struct checker *c, const struct ast *ast, const struct expr *x)
{
	const struct expr **args = check_members(c, ast, x);

	if (!args) {
		return NULL;
	}
	enum type type = args[0]->type;
	if (type != TYPE_INT && type != TYPE_FLOAT && type != TYPE_DUR && type != TYPE_TIME) {
		diag_add(c->diags, check_place(c, ast->at), "E037", SLICE_NONE,
		         "%s has no order: it cannot lie in a range", type_words(type));
		return NULL;
	}
	return check_new(c, ast, EXPR_IN_RANGE, TYPE_BOOL, args, ast->count);
}

static struct slice match_hint(enum type type)
{
	switch (type) {
	case TYPE_NUM: return SLICE_LIT("use prefix(…) for numbers");
	case TYPE_ENUM:
	case TYPE_COUNTRY: return SLICE_LIT("use == or 'in {…}'");
	default: return SLICE_NONE;
	}
}

/* Kept by the set, which frees it. */
static const struct regex *compile(struct checker *c, const struct ast *ast)
{
	char why[256];
	size_t offset;
	struct regex *regex = regex_compile(ast->name, ast->flags, why, &offset);

	if (!regex) {
		if (offset >= ast->name.len && offset > 0) {
			offset = ast->name.len - 1;
		}
		diag_add(c->diags, check_place(c, ast->pattern_at + offset), "E025", SLICE_NONE,
		         "pattern does not compile: %s", why);
		return NULL;
	}
	if (!ruleset_keep_regex(c->set, regex)) {
		regex_free(regex);
		return NULL;
	}
	return regex;
}

const struct expr *check_match(struct checker *c, const struct ast *ast, const struct expr *x)
{
	const struct regex *regex = compile(c, ast);

	if (!x || !regex) {
		return NULL;
	}
	if (x->type != TYPE_TEXT) {
		diag_add(c->diags, x->at, "E038", match_hint(x->type),
		         "'%s' needs text, this is %s", ast->op == EXPR_MATCH ? "=~" : "!~",
		         type_words(x->type));
		return NULL;
	}
	struct expr *e = check_new(c, ast, ast->op, TYPE_BOOL, &x, 1);
	if (e) {
		e->regex = regex;
	}
	return e;
}
