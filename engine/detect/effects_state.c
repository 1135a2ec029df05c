/* What rules did to others, and what is still to be done, in a snapshot. Rules and lists go by
 * name: with other rules the rest goes on.
 */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "detect/detector_parts.h"

enum { TEXT_MAX = 1 << 16 };

static const char section[] = "detect.effects";

static void save_text(struct state_out *out, struct slice text)
{
	text = slice_first(text, TEXT_MAX);
	state_u32(out, (uint32_t)text.len);
	state_bytes(out, text.p, text.len);
}

static struct slice load_text(struct state_view *v)
{
	uint32_t len = state_get_u32(v);
	const char *p = len <= TEXT_MAX ? state_get_bytes(v, len) : NULL;

	if (!p) {
		v->failed = true;
	}
	return p ? (struct slice){p, len} : SLICE_NONE;
}

/* ---- values ---- */

static void save_value(struct state_out *out, enum type type, const struct value *v)
{
	state_u32(out, (uint32_t)type);
	state_u32(out, v->missing);
	if (v->missing) {
		return;
	}
	if (type == TYPE_TEXT) {
		save_text(out, v->s);
	} else if (type == TYPE_IP) {
		state_bytes(out, &v->ip, sizeof(v->ip));
	} else {
		state_u64(out, (uint64_t)v->i);
	}
}

static void load_value(struct state_view *v, enum type *type, struct value *out)
{
	const void *ip;

	memset(out, 0, sizeof(*out));
	*type = (enum type)state_get_u32(v);
	out->missing = state_get_u32(v) != 0;
	if (out->missing) {
		return;
	}
	if (*type == TYPE_TEXT) {
		out->s = load_text(v);
	} else if (*type == TYPE_IP) {
		ip = state_get_bytes(v, sizeof(out->ip));
		if (ip) {
			memcpy(&out->ip, ip, sizeof(out->ip));
		}
	} else {
		out->i = (int64_t)state_get_u64(v);
	}
}

/* ---- effects that wait ---- */

static void save_effect(struct state_out *out, const struct effect *e)
{
	state_u32(out, (uint32_t)e->kind);
	state_u32(out, e->number);
	state_u64(out, (uint64_t)e->time_us);
	state_u64(out, e->event);
	state_u64(out, e->gift.entity.lo);
	state_u64(out, e->gift.entity.hi);
	state_u64(out, e->gift.key.lo);
	state_u64(out, e->gift.key.hi);
	uint64_t points;
	memcpy(&points, &e->gift.points, sizeof(points));
	state_u64(out, points);
	state_u32(out, e->op);
	save_text(out, e->text);
	state_u32(out, e->value_count);
	for (unsigned i = 0; i < e->value_count; i++) {
		save_value(out, effect_value_type(e, i), &e->values[i]);
	}
}

/* Does the rule as it is now still do this? */
static bool fits(const struct effect *e, const enum type *types)
{
	const struct rule *r = e->rule;
	bool same = e->kind == EFFECT_SIGNAL  ? r->signal && e->value_count == r->field_count
	            : e->kind == EFFECT_SCORE ? r->score.entity && e->value_count == 1
	                                      : e->op < r->op_count && e->value_count == 1;

	for (unsigned i = 0; same && i < e->value_count; i++) {
		same = types[i] == effect_value_type(e, i);
	}
	return same;
}

static int load_effect(struct detector *d, const uint32_t *renamed, size_t renamed_count,
                       struct state_view *v)
{
	struct value values[RULE_FIELDS_MAX];
	enum type types[RULE_FIELDS_MAX];
	struct effect e = {.kind = (enum effect_kind)state_get_u32(v), .values = values};
	uint32_t rank = state_get_u32(v);
	uint64_t points;

	e.time_us = (int64_t)state_get_u64(v);
	e.event = state_get_u64(v);
	e.gift.entity.lo = state_get_u64(v);
	e.gift.entity.hi = state_get_u64(v);
	e.gift.key.lo = state_get_u64(v);
	e.gift.key.hi = state_get_u64(v);
	points = state_get_u64(v);
	memcpy(&e.gift.points, &points, sizeof(points));
	e.op = state_get_u32(v);
	e.text = load_text(v);
	e.value_count = state_get_u32(v);
	if (v->failed || e.value_count > RULE_FIELDS_MAX || e.kind > EFFECT_LIST ||
	    rank >= renamed_count || !state_time_sane(e.time_us)) {
		return E_INVALID;
	}
	for (unsigned i = 0; i < e.value_count; i++) {
		load_value(v, &types[i], &values[i]);
	}
	if (v->failed || renamed[rank] == UINT32_MAX) {
		return v->failed ? E_INVALID : OK;
	}
	e.number = renamed[rank];
	e.rule = d->compiled->rules[e.number].rule;
	if (!fits(&e, types)) {
		return OK;
	}
	e.entity_type = e.rule->score.entity_type;
	e.gift.rule = e.number;
	e.gift.time_us = e.time_us;
	e.gift.half_life_us = e.rule->score.half_life_us;
	e.gift.per_us = e.rule->score.per_us;
	return effects_put(&d->effects, &e) ? OK : E_NOMEM;
}

/* ---- lists ---- */

static void save_lists(const struct detector *d, struct state_out *out)
{
	const struct ruleset *set = d->options.rules;
	uint32_t count = 0;

	for (size_t i = 0; i < set->list_count; i++) {
		count += d->dynamic[i] != NULL;
	}
	state_u32(out, count);
	for (size_t i = 0; i < set->list_count; i++) {
		if (d->dynamic[i]) {
			save_text(out, set->lists[i].name);
			state_u32(out, (uint32_t)set->lists[i].type);
			dynamic_list_save(d->dynamic[i], out);
		}
	}
}

/* A list that is no more, or of another type, is read and let go. */
static int load_list(struct detector *d, struct state_in *in, struct state_view *v)
{
	const struct ruleset *set = d->options.rules;
	struct slice name = load_text(v);
	enum list_type type = (enum list_type)state_get_u32(v);

	for (size_t i = 0; i < set->list_count; i++) {
		if (d->dynamic[i] && slice_eq(set->lists[i].name, name) &&
		    set->lists[i].type == type && dynamic_list_count(d->dynamic[i]) == 0) {
			return dynamic_list_load(d->dynamic[i], in, v);
		}
	}
	struct dynamic_list *gone = dynamic_list_new(type, name, 0, NULL, d->options.key);
	int err = gone ? dynamic_list_load(gone, in, v) : E_NOMEM;
	dynamic_list_free(gone);
	return err;
}

/* ---- the section ---- */

static void save_names(const struct detector *d, struct state_out *out)
{
	state_u32(out, (uint32_t)d->compiled->rule_count);
	for (size_t i = 0; i < d->compiled->rule_count; i++) {
		save_text(out, d->compiled->rules[i].rule->name);
	}
}

/* Ranks in the file to ranks now. NULL: no memory, or broken. */
static uint32_t *load_names(struct detector *d, size_t *count, struct state_view *v)
{
	*count = state_get_u32(v);
	uint32_t *renamed = *count <= 1 << 20 ? malloc((*count + 1) * sizeof(*renamed)) : NULL;

	for (size_t i = 0; renamed && i < *count; i++) {
		struct slice name = load_text(v);
		renamed[i] = UINT32_MAX;
		for (size_t n = 0; !v->failed && n < d->compiled->rule_count; n++) {
			if (slice_eq(d->compiled->rules[n].rule->name, name)) {
				renamed[i] = (uint32_t)n;
			}
		}
	}
	return renamed;
}

void effects_save(const struct detector *d, struct state_out *out)
{
	const struct effect_queue *q = &d->effects.pending;

	state_begin(out, section);
	save_names(d, out);
	state_u64(out, d->effects.signals);
	state_u64(out, d->effects.dropped);
	state_u64(out, (uint64_t)d->workers[0].eval.scores_us);
	state_u64(out, q->count);
	for (size_t i = 0; i < q->count; i++) {
		save_effect(out, &q->items[i]);
	}
	scores_save(d->scores, out);
	save_lists(d, out);
	for (unsigned b = 0; b < DETECT_BLOCKS; b++) {
		seen_save(&d->seen[b], out);
	}
	state_end(out);
}

static int load_parts(struct detector *d, const uint32_t *renamed, size_t count,
                      struct state_in *in, struct state_view *v)
{
	int err = OK;

	d->effects.signals = state_get_u64(v);
	d->effects.dropped = state_get_u64(v);
	int64_t scores_us = (int64_t)state_get_u64(v);
	for (unsigned i = 0; i < d->worker_count; i++) {
		d->workers[i].eval.scores_us = scores_us;
	}
	uint64_t waiting = state_get_u64(v);
	for (uint64_t i = 0; err == OK && i < waiting; i++) {
		err = load_effect(d, renamed, count, v);
	}
	err = err ? err : scores_load(d->scores, renamed, count, in, v);
	uint32_t lists = err ? 0 : state_get_u32(v);
	for (uint32_t i = 0; err == OK && i < lists && !v->failed; i++) {
		err = load_list(d, in, v);
	}
	for (unsigned b = 0; err == OK && b < DETECT_BLOCKS; b++) {
		err = seen_load(&d->seen[b], in, v);
	}
	return err;
}

int effects_load(struct detector *d, struct state_in *in)
{
	struct state_view v;
	size_t count;
	int err = state_in_section(in, section, &v);

	if (err) {
		return err;
	}
	uint32_t *renamed = load_names(d, &count, &v);
	err = renamed ? load_parts(d, renamed, count, in, &v) : E_INVALID;
	free(renamed);
	if (err == E_INVALID && !in->why[0]) {
		return state_in_fail(in, "section %s: broken", section);
	}
	return err ? err : state_in_end(in, &v);
}
