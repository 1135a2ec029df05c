/* Makes a finding: the values, reasons and texts that the alert will show. Rare beside events, so
 * it spends on clarity, not on speed.
 */
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "core/instant.h"
#include "core/json.h"
#include "core/utf8.h"
#include "detect/detector_parts.h"

enum { REASONS_MAX = 32 };

/* One finding in the making. */
struct maker {
	struct worker *w;
	const struct detect_rule *rule;
	struct finding *f;
	uint32_t row; /* CAUSE_NO_ROW: there is no event */
};

static struct slice *text_column(const struct maker *m, enum field field)
{
	return &m->w->d->batch->col[field].text[m->row];
}

/* The text as written of a number that has no digits to show (a name). */
static struct slice raw_of(const struct maker *m, const struct expr *x)
{
	enum field column = FIELD_NONE;

	if (x->op == EXPR_FIELD && x->field != FIELD_PARTY_ROLE) {
		column =
			x->field < FIELD_COUNT ? x->field : field_column(x->field, m->w->eval.role);
	}
	enum field raw = field_raw(column);
	return raw == FIELD_NONE || m->row == CAUSE_NO_ROW ? SLICE_NONE : *text_column(m, raw);
}

static bool masked(const struct maker *m, const struct expr *x)
{
	const struct rule *r = m->rule->resolved;

	for (unsigned i = 0; i < r->mask_count; i++) {
		if (expr_equal(r->mask[i], x)) {
			return true;
		}
	}
	return false;
}

/* A keyed hash and the last three characters: the same person stays the same person. */
static struct slice mask_text(const struct maker *m, struct slice text)
{
	uint8_t mac[MAC_SIZE];
	char hex[2 * MAC_SIZE + 1];
	struct slice tail = slice_skip(text, text.len > 3 ? text.len - 3 : 0);

	mac_blake2b(m->w->d->options.key->key, HASH_KEY_SIZE, text, mac);
	hex_format(mac, 4, hex);
	return arena_printf(&m->w->arena, "#%s~%.*s", hex, SLICE_FMT(tail));
}

static struct slice clean(struct arena *arena, struct slice text)
{
	if (!text.p || utf8_valid(text)) {
		return text;
	}
	char *out = arena_text(arena, 3 * text.len);
	return out ? (struct slice){out, utf8_repair(text, out)} : SLICE_NONE;
}

static struct slice text_of(const struct maker *m, const struct expr *x, const struct value *v)
{
	struct slice text = value_text(&m->w->arena, x->type, x->set, v, raw_of(m, x));

	text = clean(&m->w->arena, text);
	return text.p && masked(m, x) ? mask_text(m, text) : text;
}

static struct datum datum_of(const struct maker *m, const struct expr *x, const struct value *v)
{
	struct datum d = {.type = DATUM_NULL};

	if (v->missing) {
		return d;
	}
	switch (x->type) {
	case TYPE_INT:
		d.type = DATUM_INT;
		d.i = v->i;
		break;
	case TYPE_FLOAT:
		d.type = DATUM_FLOAT;
		d.f = v->f;
		break;
	case TYPE_DUR:
		d.type = DATUM_DURATION;
		d.i = v->i;
		break;
	case TYPE_TIME:
		d.type = DATUM_TIME;
		d.i = v->i;
		break;
	case TYPE_BOOL:
		d.type = DATUM_BOOL;
		d.i = v->i == TRUTH_TRUE;
		break;
	default:
		d.text = text_of(m, x, v);
		d.type = d.text.p ? DATUM_TEXT : DATUM_NULL;
		break;
	}
	return d;
}

static struct datum datum_at(const struct maker *m, const struct expr *x)
{
	struct value v;

	eval_value(&m->w->eval, x, &v);
	return datum_of(m, x, &v);
}

static void *take(const struct maker *m, size_t count, size_t size)
{
	return arena_alloc(&m->w->arena, count * size + 1);
}

/* ---- parts ---- */

static void make_keys(struct maker *m)
{
	const struct rule *r = m->rule->resolved;

	m->f->keys = take(m, r->key_count, sizeof(*m->f->keys));
	for (unsigned i = 0; m->f->keys && i < r->key_count; i++) {
		m->f->keys[m->f->key_count++] =
			(struct named_datum){m->rule->rule->keys[i]->text, datum_at(m, r->keys[i])};
	}
}

static void make_subject(struct maker *m)
{
	const struct rule *r = m->rule->resolved;
	struct value v;

	m->f->subject_type = r->subject_type ? r->subject_type : "other";
	if (!r->subject) {
		return;
	}
	eval_value(&m->w->eval, r->subject, &v);
	m->f->subject = text_of(m, r->subject, &v);
}

static void make_values(struct maker *m)
{
	const struct rule *r = m->rule->resolved;

	m->f->values = take(m, r->let_count, sizeof(*m->f->values));
	for (unsigned i = 0; m->f->values && i < r->let_count; i++) {
		struct expr let = {.op = EXPR_LET,
		                   .index = i,
		                   .type = r->lets[i].expr->type,
		                   .set = r->lets[i].expr->set};
		m->f->values[m->f->value_count++] =
			(struct named_datum){r->lets[i].name, datum_at(m, &let)};
	}
}

/* output.fields that are no let. */
static void make_fields(struct maker *m)
{
	const struct rule *r = m->rule->resolved;

	m->f->fields = take(m, r->field_count, sizeof(*m->f->fields));
	for (unsigned i = 0; m->f->fields && i < r->field_count; i++) {
		if (r->fields[i].expr->op != EXPR_LET) {
			m->f->fields[m->f->field_count++] = (struct named_datum){
				r->fields[i].name, datum_at(m, r->fields[i].expr)};
		}
	}
}

static bool is_comparison(enum expr_op op)
{
	return op >= EXPR_EQ && op <= EXPR_IN_RANGE;
}

static void add_reason(struct maker *m, const struct expr *as_written, const struct expr *x)
{
	struct finding_reason *reason = &m->f->reasons[m->f->reason_count++];
	bool compares = is_comparison(x->op);

	reason->condition = as_written->text;
	reason->value = compares ? datum_at(m, x->args[0]) : datum_at(m, x);
	reason->threshold.type = DATUM_NULL;
	if (x->op >= EXPR_EQ && x->op <= EXPR_GE) {
		reason->threshold = datum_at(m, x->args[1]);
	}
}

/* Each comparison that is true, from left to right; under `not` the negation as a whole. */
static void walk_reasons(struct maker *m, const struct expr *as_written, const struct expr *x)
{
	if (x->op == EXPR_AND || x->op == EXPR_OR) {
		walk_reasons(m, as_written->args[0], x->args[0]);
		walk_reasons(m, as_written->args[1], x->args[1]);
	} else if (x->op != EXPR_CONST && m->f->reason_count < REASONS_MAX &&
	           eval_truth(&m->w->eval, x) == TRUTH_TRUE) {
		bool negated = x->op == EXPR_NOT && is_comparison(x->args[0]->op);
		add_reason(m, as_written, negated ? x->args[0] : x);
		if (negated) {
			m->f->reasons[m->f->reason_count - 1].condition = as_written->text;
		}
	}
}

static void make_reasons(struct maker *m)
{
	const struct rule *written = m->rule->rule, *r = m->rule->resolved;

	m->f->reasons = take(m, REASONS_MAX, sizeof(*m->f->reasons));
	if (m->f->reasons && r->when) {
		walk_reasons(m, written->when, r->when);
	} else if (m->f->reasons && r->where) {
		walk_reasons(m, written->where, r->where);
	}
}

static void make_lists(struct maker *m)
{
	const struct rule *r = m->rule->rule;
	const struct eval_site *site = m->w->eval.site;

	m->f->lists = take(m, r->list_count, sizeof(*m->f->lists));
	for (unsigned i = 0; m->f->lists && site->lists && i < r->list_count; i++) {
		const struct list *list = site->lists[r->lists[i]];
		if (list) {
			struct datum version = {.type = DATUM_TEXT, .text = list->version};
			m->f->lists[m->f->list_count++] = (struct named_datum){list->name, version};
		}
	}
}

static void make_suppress_key(struct maker *m)
{
	const struct rule *r = m->rule->resolved;
	uint64_t parts[RULE_KEYS_MAX] = {0};
	struct value v;

	m->f->suppress_key = m->f->key;
	if (r->suppress_count == 0) {
		return;
	}
	for (unsigned i = 0; i < r->suppress_count; i++) {
		eval_value(&m->w->eval, r->suppress_by[i], &v);
		parts[i] = v.missing ? 0
		                     : value_identity(m->w->d->options.key, r->suppress_by[i]->type,
		                                      &v);
	}
	m->f->suppress_key = hash128(m->w->d->options.key, parts, sizeof(parts));
}

/* ---- summary ---- */

static struct slice significant(struct arena *arena, double f)
{
	char text[DECIMAL_TEXT];

	/* Three significant digits, in the plain form of decimal_format. */
	struct slice rounded = arena_printf(arena, "%.3g", f);
	double value = 0;
	if (decimal_parse(rounded, &value) != 0) {
		value = f;
	}
	return arena_copy(arena, (struct slice){text, decimal_format(value, text)});
}

static double number_value(const struct expr *x, const struct value *v)
{
	return x->type == TYPE_FLOAT ? v->f
	       : x->type == TYPE_DUR ? (double)v->i / 1e6
	                             : (double)v->i;
}

static struct slice format_value(const struct maker *m, const struct template_part *p,
                                 const struct expr *x, const struct value *v)
{
	struct arena *arena = &m->w->arena;

	if (v->missing) {
		return SLICE_LIT("-");
	}
	switch (p->format) {
	case FORMAT_DECIMALS:
		return arena_printf(arena, "%.*f", (int)p->decimals, number_value(x, v));
	case FORMAT_PERCENT: {
		struct slice n = significant(arena, number_value(x, v) * 100);
		return arena_printf(arena, "%.*s%%", SLICE_FMT(n));
	}
	case FORMAT_MASK: return mask_text(m, text_of(m, x, v));
	case FORMAT_PLAIN: break;
	}
	return x->type == TYPE_FLOAT ? significant(arena, v->f) : text_of(m, x, v);
}

static struct slice format_part(const struct maker *m, const struct template_part *p)
{
	const struct rule *r = m->rule->resolved;
	const struct expr *x = p->key ? r->keys[p->key - 1] : p->expr;
	struct value v;

	if (!x) {
		return p->text;
	}
	eval_value(&m->w->eval, x, &v);
	return format_value(m, p, x, &v);
}

static void make_summary(struct maker *m)
{
	const struct rule *r = m->rule->resolved;
	struct slice parts[64];
	size_t len = 0;
	unsigned count = r->summary_count < 64 ? r->summary_count : 64;

	for (unsigned i = 0; i < count; i++) {
		parts[i] = format_part(m, &r->summary[i]);
		len += parts[i].len;
	}
	char *text = arena_text(&m->w->arena, len + 1);
	m->f->summary = (struct slice){text, 0};
	for (unsigned i = 0; text && i < count; i++) {
		if (parts[i].len) {
			memcpy(text + m->f->summary.len, parts[i].p, parts[i].len);
			m->f->summary.len += parts[i].len;
		}
	}
}

/* ---- evidence ---- */

/* The events behind a finding: of its window, of its steps, its own. Returns how many there are;
 * max of them at most are in events, the newest.
 */
static size_t events_of(const struct maker *m, const struct cause *cause, uint64_t *events,
                        size_t max)
{
	const struct agg_view *view = cause->view;

	m->f->exact = true;
	if (view) {
		unsigned own = m->rule->windows[0];
		const struct window_spec *spec = &view->group->specs[own];
		const struct window *window = &view->row->windows[own];
		m->f->counted = window_count(&view->room, spec, window, view->time_us);
		for (unsigned i = 0; i < m->rule->window_count; i++) {
			m->f->exact = m->f->exact &&
			              window_exact(&view->row->windows[m->rule->windows[i]]);
		}
		return window_evidence(&view->room, spec, window, events, max);
	}
	m->f->counted = cause->event_count ? cause->event_count : 1;
	events[0] = m->f->event;
	for (unsigned i = 0; i < cause->event_count; i++) {
		events[i] = cause->events[i];
	}
	return m->f->counted;
}

static void make_evidence(struct maker *m, const struct cause *cause)
{
	const struct detector *d = m->w->d;
	uint64_t events[RULE_EVIDENCE_MAX];
	size_t max = m->rule->rule->evidence < RULE_EVIDENCE_MAX ? m->rule->rule->evidence
	                                                         : RULE_EVIDENCE_MAX;
	size_t count = events_of(m, cause, events, max);

	m->f->calls = take(m, count, sizeof(*m->f->calls));
	m->f->call_events = take(m, count, sizeof(*m->f->call_events));
	for (size_t i = 0; m->f->calls && m->f->call_events && i < count && i < max; i++) {
		struct slice id = callids_get(&d->callids, events[i]);
		m->f->call_events[i] = events[i];
		m->f->calls[i] = id.p ? clean(&m->w->arena, arena_copy(&m->w->arena, id)) : id;
		m->f->call_count++;
	}
}

static struct found *next_found(struct worker *w)
{
	if (w->found_count == w->found_cap) {
		size_t cap = w->found_cap ? w->found_cap * 2 : 64;
		struct found **found = realloc(w->found, cap * sizeof(struct found *));
		if (!found) {
			return NULL;
		}
		w->found = found;
		w->found_cap = cap;
	}
	struct found *f = arena_alloc(&w->arena, sizeof(*f));
	if (f) {
		w->found[w->found_count++] = f;
	}
	return f;
}

static bool partial(const struct detector *d, const struct detect_rule *rule, int64_t time_us)
{
	return d->options.cold && rule->rule->window_us &&
	       time_us < d->first_us + rule->rule->window_us;
}

static void set_key(struct maker *m)
{
	const struct rule *r = m->rule->resolved;
	uint64_t parts[RULE_KEYS_MAX] = {0};
	struct value v;

	for (unsigned i = 0; i < r->key_count; i++) {
		eval_value(&m->w->eval, r->keys[i], &v);
		parts[i] =
			v.missing ? 0 : value_identity(m->w->d->options.key, r->keys[i]->type, &v);
	}
	m->f->key = hash128(m->w->d->options.key, parts, r->key_count * sizeof(parts[0]));
}

void finding_build(struct worker *w, const struct detect_rule *rule, const struct cause *cause)
{
	const struct detector *d = w->d;
	struct found *found = next_found(w);

	if (!found) {
		w->no_room++;
		return;
	}
	struct maker m = {.w = w, .rule = rule, .f = &found->finding, .row = cause->row};
	found->rule = rule->number;
	found->rank = cause->rank;
	found->round = d->round;
	found->epoch = d->epoch;
	m.f->rule = &rule->info;
	m.f->time_us = cause->time_us;
	m.f->event = cause->row == CAUSE_NO_ROW ? cause->events[cause->event_count - 1]
	                                        : detector_event(d, cause->row);
	m.f->window_us = rule->rule->step_count ? rule->rule->within_us : rule->rule->window_us;
	m.f->late = cause->view && cause->time_us > d->batch->col[FIELD_TIME].i64[cause->row];
	m.f->partial = partial(d, rule, m.f->time_us);
	m.f->signal = rule->rule->signal;
	m.f->shadow =
		rule->rule->status == STATUS_SHADOW && cause->time_us < rule->rule->shadow_until_us;
	w->eval.rule = rule->resolved;
	set_key(&m);
	make_keys(&m);
	make_subject(&m);
	make_values(&m);
	make_fields(&m);
	make_reasons(&m);
	make_lists(&m);
	make_suppress_key(&m);
	make_summary(&m);
	make_evidence(&m, cause);
	if (!m.f->shadow) {
		effects_of(w, rule, found);
	}
}
