/* `overrides:`: how a site tunes rules that it does not own (rule-language.md section 11). Applied
 * when all rules are known.
 */
#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "core/instant.h"
#include "detect/exceptions.h"
#include "detect/load_output.h"
#include "detect/schema.h"
#include "detect/value.h"

enum override_key {
	OVERRIDE_RULE,
	OVERRIDE_BASE_REV,
	OVERRIDE_STATUS,
	OVERRIDE_PARAMS,
	OVERRIDE_SEVERITY,
	OVERRIDE_SUPPRESS,
	OVERRIDE_REARM,
	OVERRIDE_PRIVACY,
	OVERRIDE_TAGS,
	OVERRIDE_EXCEPTIONS,
	OVERRIDE_NARROW,
	OVERRIDE_FORCE,
	OVERRIDE_BY,
	OVERRIDE_ON,
	OVERRIDE_REASON,
	OVERRIDE_EXPIRES,
	OVERRIDE_KEYS,
};

static const struct schema_key keys[OVERRIDE_KEYS] = {
	[OVERRIDE_RULE] = {"rule", YAML_SCALAR, true, false},
	[OVERRIDE_BASE_REV] = {"base_rev", YAML_SCALAR, true, false},
	[OVERRIDE_STATUS] = {"status", YAML_SCALAR, false, false},
	[OVERRIDE_PARAMS] = {"params", YAML_MAP, false, false},
	[OVERRIDE_SEVERITY] = {"severity", YAML_SCALAR, false, false},
	[OVERRIDE_SUPPRESS] = {"suppress", YAML_MAP, false, false},
	[OVERRIDE_REARM] = {"rearm", YAML_SCALAR, false, false},
	[OVERRIDE_PRIVACY] = {"privacy", YAML_MAP, false, false},
	[OVERRIDE_TAGS] = {"tags", YAML_NONE, false, false},
	[OVERRIDE_EXCEPTIONS] = {"exceptions", YAML_MAP, false, false},
	[OVERRIDE_NARROW] = {"narrow", YAML_SCALAR, false, false},
	[OVERRIDE_FORCE] = {"force", YAML_SCALAR, false, false},
	[OVERRIDE_BY] = {"by", YAML_SCALAR, false, false},
	[OVERRIDE_ON] = {"on", YAML_SCALAR, false, false},
	[OVERRIDE_REASON] = {"reason", YAML_SCALAR, false, false},
	[OVERRIDE_EXPIRES] = {"expires", YAML_SCALAR, false, false},
};
static const struct schema schema = {"an override", keys, OVERRIDE_KEYS};

/* What belongs to the author: a site that wants it otherwise writes a rule of its own. */
static const char *const authors[] = {"where", "when",     "key",    "window",
                                      "let",   "sequence", "output", "on_event"};

struct override {
	struct loader *l;
	const struct yaml_node *node;
	const struct yaml_node *got[OVERRIDE_KEYS];
	struct loaded_rule *loaded;
	struct rule *rule;
	struct checker checker;
	bool force;
};

static bool refuse(struct override *o, const struct yaml_node *node, const char *code,
                   const char *why)
{
	diag_add(o->l->diags, node->at, code, SLICE_NONE, "%s", why);
	return false;
}

/* A date is the end of its day, UTC. */
static bool read_date(struct override *o, const struct yaml_node *node, int64_t *end_us)
{
	char text[40];
	int64_t begin;

	if (node->text.len != 10) {
		return refuse(o, node, "E031", "write a date like 2026-12-31");
	}
	(void)snprintf(text, sizeof(text), "%.*sT00:00:00Z", SLICE_FMT(node->text));
	if (instant_parse_rfc3339(slice_of(text), NULL, &begin) != OK) {
		return refuse(o, node, "E031", "write a date like 2026-12-31");
	}
	*end_us = begin + 24 * 3600 * US_PER_S;
	return true;
}

/* Who, why, until when: a text of the node or of the override. */
static bool signed_by(struct override *o, const struct yaml_node *at, const struct yaml_node *by,
                      const struct yaml_node *reason, const struct yaml_node *expires,
                      bool must_expire)
{
	const char *missing = !by || !by->text.len           ? "by"
	                      : !reason || !reason->text.len ? "reason"
	                      : must_expire && !expires      ? "expires"
	                                                     : NULL;

	if (missing) {
		diag_add(o->l->diags, at->at, "E062", SLICE_NONE, "%s needs '%s'",
		         must_expire ? "an exception or a shadow" : "an override", missing);
	}
	return !missing;
}

/* ---- what may be set ---- */

static bool set_status(struct override *o)
{
	static const char *const words[] = {"on", "shadow", "off"};
	const struct yaml_node *node = o->got[OVERRIDE_STATUS];
	unsigned status = 0;

	if (!node) {
		return true;
	}
	if (!schema_word(o->l->diags, node, words, 3, &status)) {
		return false;
	}
	if (status == 1 && !signed_by(o, node, o->got[OVERRIDE_BY], o->got[OVERRIDE_REASON],
	                              o->got[OVERRIDE_EXPIRES], true)) {
		return false;
	}
	if (status == 1 && !read_date(o, o->got[OVERRIDE_EXPIRES], &o->rule->shadow_until_us)) {
		return false;
	}
	o->rule->status = status == 1 ? STATUS_SHADOW : status == 2 ? STATUS_OFF : o->rule->status;
	return true;
}

static bool in_range(const struct param *p, const struct value *v)
{
	return (p->low.missing || value_compare(p->type, v, &p->low) >= 0) &&
	       (p->high.missing || value_compare(p->type, v, &p->high) <= 0);
}

static bool set_param(struct override *o, const struct yaml_node *node)
{
	struct rule *rule = o->rule;
	struct value v;

	for (unsigned i = 0; i < rule->param_count; i++) {
		struct param *p = &rule->params[i];
		if (!slice_eq(p->name, node->key)) {
			continue;
		}
		struct slice text = arena_copy(&o->l->set->arena, node->text);
		if (!value_read(o->l->diags, o->l->options, node->at, p->type, ENUM_NONE, text,
		                &v)) {
			return false;
		}
		if (!o->force && !in_range(p, &v)) {
			diag_add(o->l->diags, node->at, "E063",
			         SLICE_LIT("force: true sets it nevertheless"),
			         "$%.*s = %.*s is outside the range that the author gave",
			         SLICE_FMT(p->name), SLICE_FMT(text));
			return false;
		}
		p->value = v; /* authored stays: the rule's own tests are about it */
		return true;
	}
	diag_add(o->l->diags, node->key_at, "E033", SLICE_NONE, "unknown parameter $%.*s",
	         SLICE_FMT(node->key));
	return false;
}

static bool set_params(struct override *o)
{
	const struct yaml_node *map = o->got[OVERRIDE_PARAMS];
	bool whole = true;

	for (const struct yaml_node *node = map ? map->first : NULL; node; node = node->next) {
		whole &= schema_kind(o->l->diags, node, YAML_SCALAR, node->key) &&
		         set_param(o, node);
	}
	return whole;
}

static bool set_row(struct override *o, struct exception_shape *shape, const struct yaml_node *node)
{
	enum { VALUES, REASON, BY, EXPIRES, ROW_KEYS };
	static const struct schema_key row_keys[ROW_KEYS] = {
		[VALUES] = {"values", YAML_LIST, true, false},
		[REASON] = {"reason", YAML_SCALAR, false, false},
		[BY] = {"by", YAML_SCALAR, false, false},
		[EXPIRES] = {"expires", YAML_SCALAR, false, false},
	};
	static const struct schema row_schema = {"a row", row_keys, ROW_KEYS};
	const struct yaml_node *got[ROW_KEYS];

	if (!schema_take(o->l->diags, node, &row_schema, got)) {
		return false;
	}
	const struct yaml_node *by = got[BY] ? got[BY] : o->got[OVERRIDE_BY];
	const struct yaml_node *reason = got[REASON] ? got[REASON] : o->got[OVERRIDE_REASON];
	const struct yaml_node *expires = got[EXPIRES] ? got[EXPIRES] : o->got[OVERRIDE_EXPIRES];
	if (!signed_by(o, node, by, reason, expires, true)) {
		return false;
	}
	struct exception_row *row = exceptions_row(o->l, shape, got[VALUES]);
	if (!row || !read_date(o, expires, &row->expires_us)) {
		return false;
	}
	row->by = arena_copy(&o->l->set->arena, by->text);
	row->reason = arena_copy(&o->l->set->arena, reason->text);
	exceptions_append(o->rule, shape, row);
	return true;
}

static bool set_exceptions(struct override *o)
{
	const struct yaml_node *map = o->got[OVERRIDE_EXCEPTIONS];
	bool whole = true;

	for (const struct yaml_node *node = map ? map->first : NULL; node; node = node->next) {
		struct exception_shape *shape =
			exceptions_shape(o->l, o->rule, node->key, node->key_at);
		if (!shape || !schema_kind(o->l->diags, node, YAML_LIST, node->key)) {
			whole = false;
			continue;
		}
		for (const struct yaml_node *row = node->first; row; row = row->next) {
			whole &= set_row(o, shape, row);
		}
	}
	return whole;
}

/* One more condition that an event must meet. */
static bool set_narrow(struct override *o)
{
	const struct yaml_node *node = o->got[OVERRIDE_NARROW];
	struct arena *arena = &o->l->set->arena;

	if (!node) {
		return true;
	}
	if (o->rule->step_count) {
		return refuse(o, node, "E061",
		              "a sequence cannot be narrowed: its steps have 'where'");
	}
	const struct expr *more = check_condition(&o->checker, CLAUSE_WHERE, node, o->node->flow);
	if (more && o->rule->new_count > 0 && o->rule->key_count == 0) {
		return refuse(o, node, "E011",
		              "new() asks what a key has shown before: the rule has no key");
	}
	if (!more || !o->rule->where) {
		o->rule->where = more;
		return more != NULL;
	}
	struct expr *both = arena_alloc(arena, sizeof(*both));
	if (!both) {
		return false;
	}
	*both = *more;
	both->op = EXPR_AND;
	both->type = TYPE_BOOL;
	both->optional = more->optional || o->rule->where->optional;
	both->args = arena_alloc(arena, 2 * sizeof(const struct expr *));
	if (!both->args) {
		return false;
	}
	both->args[0] = o->rule->where;
	both->args[1] = more;
	both->arg_count = 2;
	o->rule->where = both;
	return true;
}

static bool set_rest(struct override *o)
{
	static const char *const severities[] = {"low", "medium", "high", "critical"};
	unsigned severity = 0;
	bool whole = true;

	if (o->got[OVERRIDE_SEVERITY]) {
		whole &= schema_word(o->l->diags, o->got[OVERRIDE_SEVERITY], severities, 4,
		                     &severity);
		o->rule->severity = (enum severity)(severity + SEVERITY_LOW);
	}
	whole &= schema_duration(o->l->diags, o->got[OVERRIDE_REARM], 0, &o->rule->rearm_us);
	if (o->got[OVERRIDE_SUPPRESS]) {
		o->rule->suppress_count = 0;
		output_load_suppress(&o->checker, o->got[OVERRIDE_SUPPRESS]);
	}
	if (o->got[OVERRIDE_PRIVACY]) {
		o->rule->mask_count = 0;
		output_load_privacy(&o->checker, o->got[OVERRIDE_PRIVACY]);
	}
	return whole;
}

/* ---- one override ---- */

static bool find_rule(struct override *o)
{
	const struct yaml_node *node = o->got[OVERRIDE_RULE];
	const char **names = arena_alloc(&o->l->scratch, (o->l->rule_count + 1) * sizeof(*names));
	char hint[HINT_TEXT];
	size_t count = 0;

	for (size_t i = 0; names && i < o->l->rule_count; i++) {
		struct loaded_rule *r = &o->l->rules[i];
		if (!r->named) {
			continue;
		}
		if (slice_eq(r->rule->name, node->text)) {
			o->loaded = r;
			o->rule = r->rule;
			return true;
		}
		names[count++] = arena_str(&o->l->scratch, r->rule->name);
	}
	diag_add(o->l->diags, node->at, "E060",
	         hint_nearest(hint, "did you mean %s?", node->text, names, count),
	         "there is no rule '%.*s' to override", SLICE_FMT(node->text));
	return false;
}

static bool check_rev(struct override *o)
{
	int64_t rev = o->rule->rev;

	if (!schema_int(o->l->diags, o->got[OVERRIDE_BASE_REV], 1, INT32_MAX, &rev)) {
		return false;
	}
	if (rev != o->rule->rev) {
		diag_add(o->l->diags, o->got[OVERRIDE_BASE_REV]->at, "W162",
		         SLICE_LIT("compare the two with ringfence diff, then set base_rev"),
		         "override of '%.*s' was written for rev %lld, the pack has rev %lld",
		         SLICE_FMT(o->rule->id), (long long)rev, (long long)o->rule->rev);
	}
	return true;
}

/* Said from 14 days before its day on. What it sets ends by event time, so that a replay of
 * yesterday is what yesterday was.
 */
static void warn_expiry(struct override *o)
{
	int64_t now_us = o->l->options ? o->l->options->now_us : 0, end_us;
	const struct yaml_node *node = o->got[OVERRIDE_EXPIRES];

	if (!node || !read_date(o, node, &end_us) || !now_us) {
		return;
	}
	if (now_us >= end_us - 14 * 24 * 3600 * US_PER_S) {
		diag_add(o->l->diags, node->at, "W165", SLICE_NONE, "override of '%.*s' %s",
		         SLICE_FMT(o->rule->id),
		         now_us >= end_us ? "has run out" : "runs out soon");
	}
}

static bool refuse_authors(struct override *o)
{
	bool whole = true;

	for (size_t i = 0; i < sizeof(authors) / sizeof(authors[0]); i++) {
		const struct yaml_node *node =
			o->node->kind == YAML_MAP ? yaml_get(o->node, authors[i]) : NULL;
		if (node) {
			diag_add(
				o->l->diags, node->key_at, "E061",
				SLICE_LIT(
					"narrow: adds a condition; for more write a rule of the site"),
				"an override cannot set '%s'", authors[i]);
			whole = false;
		}
	}
	return whole;
}

static bool apply(struct override *o)
{
	bool whole = true;

	/* Rows of exceptions may say it each for itself. */
	for (unsigned i = OVERRIDE_STATUS; i <= OVERRIDE_NARROW && whole; i++) {
		whole = !o->got[i] || i == OVERRIDE_EXCEPTIONS ||
		        signed_by(o, o->node, o->got[OVERRIDE_BY], o->got[OVERRIDE_REASON], NULL,
		                  false);
	}

	if (o->got[OVERRIDE_FORCE]) {
		whole &= schema_bool(o->l->diags, o->got[OVERRIDE_FORCE], &o->force);
	}
	o->checker = (struct checker){.diags = o->l->diags,
	                              .set = o->l->set,
	                              .options = o->l->options,
	                              .scratch = &o->l->scratch,
	                              .rule = o->rule,
	                              .kind = o->rule->kind,
	                              .step = -1};
	whole &= check_rev(o);
	warn_expiry(o);
	bool (*const parts[])(struct override *) = {set_status, set_params, set_exceptions,
	                                            set_narrow, set_rest};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		whole &= parts[i](o);
	}
	return whole;
}

/* What it says is part of the digest of its rule. */
static void note_source(struct override *o)
{
	struct slice text = yaml_source(o->node);

	o->rule->overridden = true;
	o->rule->source = arena_printf(&o->l->set->arena, "%.*s\n%.*s", SLICE_FMT(o->rule->source),
	                               SLICE_FMT(text));
}

void overrides_load(struct loader *l, const struct yaml_node *list)
{
	for (const struct yaml_node *node = list->first; node; node = node->next) {
		struct override *o = arena_alloc(&l->scratch, sizeof(*o));
		if (!o) {
			return;
		}
		*o = (struct override){.l = l, .node = node};
		/* E061 says more than an unknown key would. */
		if (!refuse_authors(o) || !schema_take(l->diags, node, &schema, o->got) ||
		    !find_rule(o)) {
			continue;
		}
		if (o->loaded->whole) {
			o->loaded->whole = apply(o);
			note_source(o);
		}
	}
}
