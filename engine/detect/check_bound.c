/* Names beside the fields of an event: of a sequence its key and its steps, of a signal what the
 * rules that give it say, of a score its parts.
 */
#include <stdio.h>

#include "detect/check.h"
#include "detect/value.h"

static const struct {
	const char *name;
	enum type type;
} score_parts[SCORE_PARTS] = {
	[SCORE_ENTITY] = {"score.entity", TYPE_TEXT},
	[SCORE_TYPE] = {"score.type", TYPE_TEXT},
	[SCORE_VALUE] = {"score.value", TYPE_FLOAT},
	[SCORE_RULES] = {"score.rules", TYPE_INT},
};

const char *check_score_part(enum score_part part)
{
	return score_parts[part].name;
}

/* The rule's entry of that name, made from b when it is new; -1: no room. */
static int bound_index(struct checker *c, const struct bound *b)
{
	struct rule *rule = c->rule;

	for (unsigned i = 0; i < rule->bound_count; i++) {
		if (slice_eq(rule->bound[i].name, b->name)) {
			return (int)i;
		}
	}
	if (rule->bound_count == RULE_BOUND_MAX) {
		return -1;
	}
	rule->bound[rule->bound_count] = *b;
	rule->bound[rule->bound_count].name = arena_copy(&c->set->arena, b->name);
	return (int)rule->bound_count++;
}

static const struct expr *bound_expr(struct checker *c, const struct ast *ast,
                                     const struct bound *b)
{
	int index = bound_index(c, b);

	if (index < 0) {
		diag_add(c->diags, check_place(c, ast->at), "E018", SLICE_NONE,
		         "a rule can name at most %d values of steps and signals", RULE_BOUND_MAX);
		return NULL;
	}
	struct expr *e = check_new(c, ast, EXPR_BOUND, b->type, NULL, 0);
	if (e) {
		e->index = (unsigned)index;
		e->set = b->set;
		e->optional = b->optional;
	}
	return e;
}

/* ---- sequences ---- */

static const struct sequence_step *first_event(const struct rule *rule)
{
	return &rule->steps[0];
}

const struct expr *check_key_name(struct checker *c, unsigned part)
{
	const struct expr *key = first_event(c->rule)->keys[part];
	struct bound b = {.name = c->rule->key_names[part],
	                  .type = key->type,
	                  .set = key->set,
	                  .from = BOUND_KEY,
	                  .index = part};
	int index = bound_index(c, &b);
	struct expr *e = index < 0 ? NULL : arena_alloc(&c->set->arena, sizeof(*e));

	if (e) {
		*e = (struct expr){.op = EXPR_BOUND,
		                   .type = b.type,
		                   .set = b.set,
		                   .index = (unsigned)index,
		                   .at = c->rule->at,
		                   .text = b.name};
	}
	return e;
}

static int key_part(const struct rule *rule, struct slice name)
{
	for (unsigned i = 0; i < rule->key_count; i++) {
		if (slice_eq(rule->key_names[i], name)) {
			return (int)i;
		}
	}
	return -1;
}

static void refuse_step_name(struct checker *c, const struct ast *ast)
{
	const char *names[RULE_KEYS_MAX + RULE_STEPS_MAX];
	const struct rule *rule = c->rule;
	char hint[HINT_TEXT];
	size_t count = 0;

	if (field_find(ast->name) != FIELD_NONE && c->step < 0) {
		(void)snprintf(hint, sizeof(hint), "say of which step: %.*s.%.*s",
		               SLICE_FMT(first_event(rule)->name), SLICE_FMT(ast->name));
		diag_add(c->diags, check_place(c, ast->at), "E051", slice_of(hint),
		         "a sequence has many events: '%.*s' of which?", SLICE_FMT(ast->name));
		return;
	}
	for (unsigned i = 0; i < rule->key_count; i++) {
		names[count++] = arena_str(c->scratch, rule->key_names[i]);
	}
	for (unsigned i = 0; i < rule->step_count; i++) {
		if (!rule->steps[i].none) {
			names[count++] = arena_str(c->scratch, rule->steps[i].name);
		}
	}
	struct slice head = slice_first(ast->name, slice_find(ast->name, '.'));
	diag_add(c->diags, check_place(c, ast->at), "E051",
	         hint_nearest(hint, "did you mean %s?", head, names, count),
	         "'%.*s' is no name of the sequence's key and no field of one of its steps",
	         SLICE_FMT(ast->name));
}

/* back.duration, as far as steps before the present one go. */
static const struct expr *step_field(struct checker *c, const struct ast *ast, bool *known)
{
	size_t dot = slice_find(ast->name, '.');
	const struct rule *rule = c->rule;
	unsigned end = c->step >= 0 ? (unsigned)c->step : rule->step_count;

	for (unsigned i = 0; i < end && dot < ast->name.len; i++) {
		const struct sequence_step *step = &rule->steps[i];
		enum field field = field_find(slice_skip(ast->name, dot + 1));
		if (step->none || !slice_eq(step->name, slice_first(ast->name, dot)) ||
		    field == FIELD_NONE) {
			continue;
		}
		*known = true;
		if (!(field_row(field)->kinds >> step->kind & 1)) {
			check_refuse_kind(c, ast, field, step->kind);
			return NULL;
		}
		check_mark_used(c, field);
		struct bound b = {.name = ast->name,
		                  .type = type_of_storage(field_storage(field)),
		                  .set = field_set(field),
		                  .optional = field_row(field)->optional,
		                  .from = BOUND_STEP,
		                  .index = i,
		                  .field = field};
		return bound_expr(c, ast, &b);
	}
	return NULL;
}

static const struct expr *sequence_name(struct checker *c, const struct ast *ast, bool *known)
{
	int part = key_part(c->rule, ast->name);

	if (part >= 0 && c->clause != CLAUSE_KEY) {
		const struct expr *key = first_event(c->rule)->keys[part];
		*known = true;
		if (!key) {
			return NULL;
		}
		struct bound b = {.name = ast->name,
		                  .type = key->type,
		                  .set = key->set,
		                  .from = BOUND_KEY,
		                  .index = (unsigned)part};
		return bound_expr(c, ast, &b);
	}
	const struct expr *e = step_field(c, ast, known);
	bool of_site = slice_starts(ast->name, SLICE_LIT("site."));
	if (!*known && !of_site && (c->step < 0 || field_find(ast->name) == FIELD_NONE)) {
		*known = true;
		refuse_step_name(c, ast);
	}
	return e;
}

/* ---- signals ---- */

struct slice signal_field_name(struct slice name)
{
	size_t at = name.len;

	while (at > 0 && name.p[at - 1] != '.') {
		at--;
	}
	return slice_skip(name, at);
}

static int field_index(const struct rule *emitter, struct slice name)
{
	for (unsigned i = 0; i < emitter->field_count; i++) {
		if (slice_eq(signal_field_name(emitter->fields[i].name), name)) {
			return (int)i;
		}
	}
	return -1;
}

static void refuse_signal_field(struct checker *c, const struct ast *ast,
                                const struct rule *emitter)
{
	const char *names[RULE_FIELDS_MAX];
	char hint[HINT_TEXT];

	for (unsigned i = 0; i < emitter->field_count; i++) {
		names[i] = arena_printf(c->scratch, "signal.%.*s",
		                        SLICE_FMT(signal_field_name(emitter->fields[i].name)))
		                   .p;
	}
	diag_add(c->diags, check_place(c, ast->at), "E030",
	         hint_nearest(hint, "did you mean %s?", ast->name, names, emitter->field_count),
	         "rule '%.*s' does not give '%.*s'", SLICE_FMT(emitter->name),
	         SLICE_FMT(ast->name));
}

static const struct expr *signal_name(struct checker *c, const struct ast *ast)
{
	struct slice name = slice_skip(ast->name, strlen("signal."));
	struct bound b = {.name = ast->name, .from = BOUND_SIGNAL};
	struct rule *rule = c->rule;
	int fields[RULE_FROM_MAX];

	if (rule->from_count == 0) {
		return NULL; /* already refused */
	}
	for (unsigned i = 0; i < rule->from_count; i++) {
		fields[i] = field_index(rule->from[i], name);
		if (fields[i] < 0) {
			if (!c->from_broken) {
				refuse_signal_field(c, ast, rule->from[i]);
			}
			return NULL;
		}
		const struct expr *e = rule->from[i]->fields[fields[i]].expr;
		if (i > 0 && (e->type != b.type || e->set != b.set)) {
			diag_add(c->diags, check_place(c, ast->at), "E036", SLICE_NONE,
			         "'%.*s' is %s in one rule and %s in another", SLICE_FMT(ast->name),
			         type_words(b.type), type_words(e->type));
			return NULL;
		}
		b.type = e->type;
		b.set = e->set;
		b.optional |= e->optional;
	}
	const struct expr *e = bound_expr(c, ast, &b);
	for (unsigned i = 0; e && i < rule->from_count; i++) {
		rule->signal_fields[i][e->index] = (uint8_t)fields[i];
	}
	return e;
}

/* ---- scores ---- */

static const struct expr *score_name(struct checker *c, const struct ast *ast)
{
	for (unsigned i = 0; i < SCORE_PARTS; i++) {
		if (slice_eq(ast->name, slice_of(score_parts[i].name))) {
			struct bound b = {.name = ast->name,
			                  .type = score_parts[i].type,
			                  .from = BOUND_SCORE,
			                  .index = i};
			return bound_expr(c, ast, &b);
		}
	}
	return NULL;
}

const struct expr *check_bound(struct checker *c, const struct ast *ast, bool *known)
{
	*known = false;
	if (c->rule->step_count) {
		return sequence_name(c, ast, known);
	}
	if (c->rule->kind == KIND_SIGNAL && slice_starts(ast->name, SLICE_LIT("signal."))) {
		*known = true;
		return signal_name(c, ast);
	}
	if (c->rule->kind == KIND_SCORE) {
		const struct expr *e = score_name(c, ast);
		*known = e != NULL;
		return e;
	}
	return NULL;
}

/* caller.score: the risk score of the number before the dot. */
const struct expr *check_score_of(struct checker *c, const struct ast *ast, bool *known)
{
	static const struct {
		const char *name;
		enum field field;
	} names[] = {{"caller.score", FIELD_CALLER_NUM}, {"callee.score", FIELD_CALLEE_NUM}};

	*known = false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!slice_eq(ast->name, slice_of(names[i].name))) {
			continue;
		}
		*known = true;
		if (!(field_row(names[i].field)->kinds >> c->kind & 1)) {
			check_refuse_kind(c, ast, names[i].field, c->kind);
			return NULL;
		}
		struct expr *of = check_new(c, ast, EXPR_FIELD, TYPE_NUM, NULL, 0);
		if (!of) {
			return NULL;
		}
		of->field = names[i].field;
		of->optional = true;
		check_mark_used(c, names[i].field);
		const struct expr *args[] = {of};
		return check_new(c, ast, EXPR_SCORE, TYPE_FLOAT, args, 1);
	}
	return NULL;
}
