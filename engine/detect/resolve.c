#include "detect/resolve.h"

struct resolver {
	struct arena *arena;
	const struct rule *rule;
	const struct eval_site *site;
	enum event_kind kind; /* of the events that expressions are about */
};

static void resolve_leaf(const struct resolver *r, struct expr *x)
{
	switch (x->op) {
	case EXPR_PARAM: x->value = r->rule->params[x->index].value; break;
	case EXPR_FIELD:
		/* The two events of a `party` pair share the row of their call. */
		if (x->field != FIELD_KIND) {
			return;
		}
		x->field = FIELD_NONE;
		x->value = (struct value){.i = r->kind - KIND_ATTEMPT};
		break;
	case EXPR_SITE_COUNTRY:
		x->value = (struct value){.missing = r->site->country == 0};
		x->value.i = r->site->country;
		break;
	case EXPR_SITE_TZ:
		x->value = (struct value){.missing = !r->site->tz_name.p};
		x->value.s = r->site->tz_name;
		break;
	default: return;
	}
	x->op = EXPR_CONST;
	x->index = 0; /* the same constant, whatever parameter it came from */
}

static const struct expr *resolve(const struct resolver *r, const struct expr *x)
{
	struct expr *copy = x ? arena_alloc(r->arena, sizeof(*copy)) : NULL;

	if (!copy) {
		return NULL;
	}
	*copy = *x;
	copy->args = arena_alloc(r->arena, x->arg_count * sizeof(*copy->args) + 1);
	if (!copy->args) {
		return NULL;
	}
	for (unsigned i = 0; i < x->arg_count; i++) {
		copy->args[i] = resolve(r, x->args[i]);
	}
	resolve_leaf(r, copy);
	if (copy->op == EXPR_TO_FLOAT && copy->args[0] && copy->args[0]->op == EXPR_CONST) {
		struct value v = copy->args[0]->value;
		copy->value =
			(struct value){.missing = v.missing, .f = v.missing ? 0 : (double)v.i};
		copy->op = EXPR_CONST;
		copy->arg_count = 0;
	}
	return copy;
}

static void resolve_shapes(const struct resolver *r, struct rule *copy)
{
	struct exception_shape **tail = &copy->exceptions;

	for (const struct exception_shape *s = r->rule->exceptions; s; s = s->next) {
		struct exception_shape *shape = arena_alloc(r->arena, sizeof(*shape));
		if (!shape) {
			return;
		}
		*shape = *s;
		for (unsigned i = 0; i < s->field_count; i++) {
			shape->fields[i] = resolve(r, s->fields[i]);
		}
		*tail = shape;
		tail = &shape->next;
	}
}

static void resolve_effects(const struct resolver *r, struct rule *copy)
{
	copy->score.entity = resolve(r, r->rule->score.entity);
	copy->score.points = resolve(r, r->rule->score.points);
	for (unsigned i = 0; i < copy->op_count; i++) {
		copy->ops[i].value = resolve(r, r->rule->ops[i].value);
	}
}

static void resolve_steps(struct resolver *r, struct rule *copy)
{
	for (unsigned i = 0; i < copy->step_count; i++) {
		struct sequence_step *step = &copy->steps[i];
		r->kind = step->kind;
		step->where = resolve(r, step->where);
		for (unsigned k = 0; k < copy->key_count; k++) {
			step->keys[k] = resolve(r, step->keys[k]);
		}
	}
	for (unsigned i = 0; i < copy->new_count; i++) {
		r->kind = copy->step_count ? copy->steps[copy->news[i].step].kind : copy->kind;
		copy->news[i].value = resolve(r, copy->news[i].value);
	}
}

struct rule *rule_resolve(struct arena *arena, const struct rule *rule,
                          const struct eval_site *site)
{
	struct resolver r = {arena, rule, site, rule->kind};
	struct rule *copy = arena_alloc(arena, sizeof(*copy));

	if (!copy) {
		return NULL;
	}
	*copy = *rule;
	copy->where = resolve(&r, rule->where);
	copy->when = resolve(&r, rule->when);
	copy->subject = resolve(&r, rule->subject);
	for (unsigned i = 0; i < rule->key_count; i++) {
		copy->keys[i] = resolve(&r, rule->keys[i]);
	}
	for (unsigned i = 0; i < rule->let_count; i++) {
		copy->lets[i].expr = resolve(&r, rule->lets[i].expr);
	}
	for (unsigned i = 0; i < rule->agg_count; i++) {
		copy->aggs[i].arg = resolve(&r, rule->aggs[i].arg);
		copy->aggs[i].filter = resolve(&r, rule->aggs[i].filter);
	}
	for (unsigned i = 0; i < rule->suppress_count; i++) {
		copy->suppress_by[i] = resolve(&r, rule->suppress_by[i]);
	}
	for (unsigned i = 0; i < rule->field_count; i++) {
		copy->fields[i].expr = resolve(&r, rule->fields[i].expr);
	}
	resolve_shapes(&r, copy);
	for (unsigned i = 0; i < rule->mask_count; i++) {
		copy->mask[i] = resolve(&r, rule->mask[i]);
	}
	struct template_part *parts =
		arena_alloc(arena, (rule->summary_count + 1) * sizeof(*parts));
	if (!parts) {
		return NULL;
	}
	for (unsigned i = 0; i < rule->summary_count; i++) {
		parts[i] = rule->summary[i];
		parts[i].expr = resolve(&r, rule->summary[i].expr);
	}
	copy->summary = parts;
	resolve_effects(&r, copy);
	resolve_steps(&r, copy);
	return copy;
}
