#include "detect/exceptions.h"

#include "detect/eval_functions.h"
#include "detect/value.h"

struct exception_shape *exceptions_shape(struct loader *l, const struct rule *rule,
                                         struct slice name, struct place at)
{
	const char *names[64];
	size_t count = 0;
	char hint[HINT_TEXT];

	for (struct exception_shape *s = rule->exceptions; s; s = s->next) {
		if (slice_eq(s->name, name)) {
			return s;
		}
		if (count < 64) {
			names[count++] = arena_str(&l->scratch, s->name);
		}
	}
	diag_add(l->diags, at, "E064", hint_nearest(hint, "did you mean %s?", name, names, count),
	         "rule '%.*s' lets nobody except by '%.*s'", SLICE_FMT(rule->id), SLICE_FMT(name));
	return NULL;
}

/* ---- rows from files ---- */

static int list_named(const struct ruleset *set, struct slice name)
{
	for (size_t i = 0; i < set->list_count; i++) {
		if (slice_eq(set->lists[i].name, name)) {
			return (int)i;
		}
	}
	return -1;
}

static bool one_value(struct loader *l, const struct expr *field, const struct yaml_node *node,
                      struct value *out)
{
	if (node->kind != YAML_SCALAR) {
		diag_add(l->diags, node->at, "E064", SLICE_NONE, "'%.*s' takes one value",
		         SLICE_FMT(field->text));
		return false;
	}
	struct slice text = arena_copy(&l->set->arena, node->text);
	return value_read(l->diags, l->options, node->at, field->type, field->set, text, out);
}

static bool load_match(struct loader *l, const struct exception_shape *shape, unsigned i,
                       const struct yaml_node *node, struct exception_match *match)
{
	bool list = shape->many[i] && node->kind == YAML_SCALAR &&
	            slice_starts(node->text, SLICE_LIT("@"));
	size_t count = node->kind == YAML_LIST ? node->count : 1;

	match->list = list ? list_named(l->set, slice_skip(node->text, 1)) : -1;
	if (list && match->list < 0) {
		diag_add(l->diags, node->at, "E039", SLICE_NONE, "unknown list %.*s",
		         SLICE_FMT(node->text));
	}
	if (list) {
		return match->list >= 0;
	}
	match->values = arena_alloc(&l->set->arena, (count + 1) * sizeof(*match->values));
	if (!match->values) {
		return false;
	}
	if (!shape->many[i] || node->kind != YAML_LIST) {
		match->value_count = 1;
		return one_value(l, shape->fields[i], node, &match->values[0]);
	}
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (!one_value(l, shape->fields[i], item, &match->values[match->value_count++])) {
			return false;
		}
	}
	return true;
}

struct exception_row *exceptions_row(struct loader *l, const struct exception_shape *shape,
                                     const struct yaml_node *values)
{
	struct arena *arena = &l->set->arena;
	struct exception_row *row = arena_alloc(arena, sizeof(*row));
	unsigned i = 0;

	if (values->kind != YAML_LIST || values->count != shape->field_count) {
		diag_add(l->diags, values->at, "E064", SLICE_NONE,
		         "a row of '%.*s' gives %u values, one for each field",
		         SLICE_FMT(shape->name), shape->field_count);
		return NULL;
	}
	if (!row) {
		return NULL;
	}
	*row = (struct exception_row){.expires_us = INT64_MAX, .at = values->at};
	row->matches = arena_alloc(arena, (shape->field_count + 1) * sizeof(*row->matches));
	for (const struct yaml_node *item = values->first; row->matches && item;
	     item = item->next, i++) {
		if (!load_match(l, shape, i, item, &row->matches[i])) {
			return NULL;
		}
	}
	return row->matches ? row : NULL;
}

void exceptions_append(struct rule *rule, struct exception_shape *shape, struct exception_row *row)
{
	struct exception_row **tail = &shape->rows;

	while (*tail) {
		tail = &(*tail)->next;
	}
	row->number = rule->exception_rows++;
	*tail = row;
}

struct exception_shape *exceptions_copy(struct arena *arena, const struct exception_shape *shapes,
                                        const struct test_exception *more)
{
	struct exception_shape *first = NULL, **tail = &first;

	for (const struct exception_shape *s = shapes; s; s = s->next) {
		struct exception_shape *copy = arena_alloc(arena, sizeof(*copy));
		if (!copy) {
			return NULL;
		}
		*copy = *s;
		copy->next = NULL;
		copy->rows = NULL;
		for (const struct test_exception *e = more; e; e = e->next) {
			struct exception_row *row =
				e->shape == s ? arena_alloc(arena, sizeof(*row)) : NULL;
			if (row) {
				*row = *e->row;
				row->next = copy->rows;
				copy->rows = row;
			}
		}
		*tail = copy;
		tail = &copy->next;
	}
	return first;
}

/* ---- at an event ---- */

static bool matches(struct eval *e, const struct expr *field, const struct exception_match *m)
{
	struct value v;

	eval_value(e, field, &v);
	if (v.missing) {
		return false;
	}
	if (m->list >= 0) {
		const struct list *list = e->site->lists ? e->site->lists[m->list] : NULL;
		struct list_key key = value_list_key(field->type, &v);
		return list && list->find(list, &key) >= 0;
	}
	for (unsigned i = 0; i < m->value_count; i++) {
		if (value_compare(field->type, &v, &m->values[i]) == 0) {
			return true;
		}
	}
	return false;
}

const struct exception_row *exceptions_find(struct eval *e, const struct rule *rule,
                                            int64_t time_us)
{
	for (const struct exception_shape *s = rule->exceptions; s; s = s->next) {
		for (const struct exception_row *row = s->rows; row; row = row->next) {
			unsigned i = 0;
			while (i < s->field_count && matches(e, s->fields[i], &row->matches[i])) {
				i++;
			}
			if (i == s->field_count && time_us < row->expires_us) {
				return row;
			}
		}
	}
	return NULL;
}
