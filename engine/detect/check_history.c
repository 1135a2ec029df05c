/* `baseline:` and what reads it: usual(), spread(), zscore(). */
#include "core/instant.h"
#include "detect/check.h"
#include "detect/load_parts.h"
#include "detect/schema.h"

enum baseline_key {
	BASELINE_BUCKET,
	BASELINE_HISTORY,
	BASELINE_SEASON,
	BASELINE_MIN_N,
	BASELINE_IF_SHORT,
	BASELINE_KEYS,
};

static const struct schema_key baseline_keys[BASELINE_KEYS] = {
	[BASELINE_BUCKET] = {"bucket", YAML_SCALAR, true, false},
	[BASELINE_HISTORY] = {"history", YAML_SCALAR, true, false},
	[BASELINE_SEASON] = {"season", YAML_SCALAR, false, false},
	[BASELINE_MIN_N] = {"min_n", YAML_SCALAR, false, false},
	[BASELINE_IF_SHORT] = {"if_short", YAML_SCALAR, false, false},
};
static const struct schema baseline_schema = {"'baseline'", baseline_keys, BASELINE_KEYS};

enum { BUCKETS_MAX = 100000, MIN_N_DEFAULT = 10 };

bool baseline_load(struct checker *c, const struct yaml_node *map)
{
	static const char *const seasons[] = {"none", "hour_of_day", "hour_of_week"};
	static const char *const shorts[] = {"fail", "pass"};
	const struct yaml_node *got[BASELINE_KEYS];
	struct baseline *b = &c->rule->baseline;
	int64_t min_n = MIN_N_DEFAULT;
	unsigned season = 0, passes = 0;

	if (!schema_take(c->diags, map, &baseline_schema, got)) {
		return false;
	}
	if (!got[BASELINE_IF_SHORT]) {
		diag_add(c->diags, map->at, "E048",
		         SLICE_LIT("pass: judged by the other conditions; fail: not judged"),
		         "'baseline' says what a key without history is: if_short: pass or fail");
		return false;
	}
	bool whole = schema_duration(c->diags, got[BASELINE_BUCKET], US_PER_S, &b->bucket_us) &&
	             schema_duration(c->diags, got[BASELINE_HISTORY], US_PER_S, &b->history_us) &&
	             schema_int(c->diags, got[BASELINE_MIN_N], 1, 1000000, &min_n) &&
	             schema_word(c->diags, got[BASELINE_SEASON], seasons, 3, &season) &&
	             schema_word(c->diags, got[BASELINE_IF_SHORT], shorts, 2, &passes);
	b->min_n = (uint32_t)min_n;
	b->season = (enum season)season;
	b->short_passes = passes == 1;
	if (whole && (b->history_us < b->bucket_us || b->history_us / b->bucket_us > BUCKETS_MAX)) {
		diag_add(c->diags, got[BASELINE_HISTORY]->at, "E031", SLICE_NONE,
		         "'history' is 1 to %d buckets long", BUCKETS_MAX);
		whole = false;
	}
	return whole;
}

static enum history_fn history_find(struct slice name)
{
	static const char *const names[] = {"usual", "spread", "zscore"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_eq(name, slice_of(names[i]))) {
			return (enum history_fn)(i + HISTORY_USUAL);
		}
	}
	return HISTORY_NONE;
}

/* Indexes into the rule's tables; -1: no room. */
static int series_index(struct rule *rule, unsigned agg)
{
	for (unsigned i = 0; i < rule->series_count; i++) {
		if (rule->series[i] == agg) {
			return (int)i;
		}
	}
	if (rule->series_count == RULE_HISTORIES_MAX) {
		return -1;
	}
	rule->series[rule->series_count] = agg;
	return (int)rule->series_count++;
}

static int history_index(struct rule *rule, enum history_fn fn, unsigned series)
{
	for (unsigned i = 0; i < rule->history_count; i++) {
		if (rule->histories[i].fn == fn && rule->histories[i].series == series) {
			return (int)i;
		}
	}
	if (rule->history_count == RULE_HISTORIES_MAX) {
		return -1;
	}
	rule->histories[rule->history_count] = (struct history_call){fn, series};
	return (int)rule->history_count++;
}

static const struct expr *check_of_aggregate(struct checker *c, const struct ast *ast,
                                             enum history_fn fn, const struct expr *agg)
{
	struct rule *rule = c->rule;

	if (agg->op != EXPR_AGG ||
	    (agg->type != TYPE_INT && agg->type != TYPE_FLOAT && agg->type != TYPE_DUR)) {
		diag_add(c->diags, check_place(c, ast->at), "E036", SLICE_NONE,
		         "%.*s() takes an aggregate that is a number, such as count()",
		         SLICE_FMT(ast->name));
		return NULL;
	}
	if (rule->aggs[agg->index].window_us != rule->baseline.bucket_us) {
		diag_add(c->diags, check_place(c, ast->at), "E049", SLICE_NONE,
		         "the baseline's bucket is not as long as the window of %.*s",
		         SLICE_FMT(agg->text));
		return NULL;
	}
	int series = series_index(rule, agg->index);
	int index = series < 0 ? -1 : history_index(rule, fn, (unsigned)series);
	if (index < 0) {
		diag_add(c->diags, check_place(c, ast->at), "E018", SLICE_NONE,
		         "a rule asks at most %d times for history", RULE_HISTORIES_MAX);
		return NULL;
	}
	enum type type = agg->type == TYPE_DUR && fn != HISTORY_ZSCORE ? TYPE_DUR : TYPE_FLOAT;
	struct expr *e = check_new(c, ast, EXPR_HISTORY, type, NULL, 0);
	if (e) {
		e->index = (unsigned)index;
		e->optional = true;
		e->aggregate = true;
	}
	return e;
}

const struct expr *check_history(struct checker *c, const struct ast *ast, bool *known)
{
	enum history_fn fn = history_find(ast->name);

	*known = fn != HISTORY_NONE;
	if (!*known) {
		return NULL;
	}
	if (!c->has_baseline) {
		diag_add(c->diags, check_place(c, ast->at), "E045", SLICE_NONE,
		         "%.*s() needs a 'baseline:' block in the rule", SLICE_FMT(ast->name));
		return NULL;
	}
	if (!check_arg_count(c, ast, 1, 1)) {
		return NULL;
	}
	const struct expr *agg = check_node(c, ast->args);
	return agg && c->rule->baseline.bucket_us ? check_of_aggregate(c, ast, fn, agg) : NULL;
}

bool check_has_history(const struct rule *rule, const struct expr *e)
{
	bool has = e->op == EXPR_HISTORY || (e->op == EXPR_LET && rule->lets[e->index].expr &&
	                                     check_has_history(rule, rule->lets[e->index].expr));

	for (unsigned i = 0; i < e->arg_count && !has; i++) {
		has = check_has_history(rule, e->args[i]);
	}
	return has;
}

void check_refuse_history(struct checker *c, struct place at, const char *where)
{
	diag_add(c->diags, at, "E044", SLICE_LIT("turn the comparison round instead"),
	         "history cannot stand %s", where);
}
