#include "detect/compile.h"

#include <stdlib.h>
#include <string.h>

#include "detect/early.h"
#include "detect/resolve.h"

enum { COMPILE_MEMORY_MAX = 256 * 1024 * 1024 };

/* ---- where ---- */

/* Reads what is known only where the key's state is. */
static bool is_late(const struct rule *rule, const struct expr *x)
{
	bool late = x->op == EXPR_NEW || (x->op == EXPR_BOUND && rule->step_count) ||
	            (x->op == EXPR_LET && is_late(rule, rule->lets[x->index].expr));

	for (unsigned i = 0; i < x->arg_count && !late; i++) {
		late = is_late(rule, x->args[i]);
	}
	return late;
}

/* What a conjunct is split for: its rule, the kind of its events, where it goes. */
struct splitter {
	struct compiled *c;
	const struct rule *rule;
	enum event_kind kind;
	struct condition *out;
};

static bool split_where(const struct splitter *s, const struct expr *x)
{
	unsigned roles = s->kind == KIND_PARTY ? 2 : 1;
	struct condition *out = s->out;
	int nodes[2] = {0, 0};

	if (!x) {
		return true;
	}
	if (x->op == EXPR_AND) {
		return split_where(s, x->args[0]) && split_where(s, x->args[1]);
	}
	if (out->cheap_count[0] == CONJUNCTS_MAX || out->costly_count == CONJUNCTS_MAX ||
	    out->late_count == CONJUNCTS_MAX) {
		return false;
	}
	if (is_late(s->rule, x)) {
		out->late[out->late_count++] = x;
		return true;
	}
	for (unsigned role = 0; role < roles; role++) {
		nodes[role] = columns_add(s->c->columns, s->kind, role, x);
	}
	if (nodes[0] < 0 || nodes[1] < 0) {
		out->costly[out->costly_count++] = x;
		return true;
	}
	for (unsigned role = 0; role < roles; role++) {
		out->cheap[role][out->cheap_count[role]++] =
			columns_truth(s->c->columns, nodes[role]);
	}
	return true;
}

/* ---- sequences ---- */

static const char *compile_steps(struct compiled *c, struct detect_rule *d)
{
	const struct rule *r = d->resolved;
	struct detect_group *g = arena_alloc(&c->arena, sizeof(*g));

	d->steps = arena_alloc(&c->arena, r->step_count * sizeof(*d->steps));
	if (!d->steps || !g) {
		return "no memory for the rules";
	}
	for (unsigned i = 0; i < r->step_count; i++) {
		struct splitter s = {c, r, r->steps[i].kind, &d->steps[i]};
		c->kinds[s.kind] = true;
		c->timers |= r->steps[i].for_us > 0;
		if (!split_where(&s, r->steps[i].where)) {
			return "a 'where' of more than 64 conditions";
		}
	}
	g->sequence = d;
	g->key_count = r->key_count;
	g->max_keys = r->max_keys;
	c->groups[c->group_count++] = g;
	return NULL;
}

/* ---- aggregates ---- */

static enum arg_class class_of(const struct agg *a)
{
	switch (a->fn) {
	case AGGREGATE_DISTINCT:
	case AGGREGATE_ENTROPY:
	case AGGREGATE_TOP_SHARE: return ARG_VALUE;
	case AGGREGATE_FIRST:
	case AGGREGATE_LAST:
		return a->arg->type == TYPE_TEXT || a->arg->type == TYPE_IP ? ARG_TEXT : ARG_NUMBER;
	default: return ARG_NUMBER;
	}
}

/* Index of an argument, shared by the aggregates that log the same; -1 when there is no room. */
static int arg_index(struct detect_rule *d, const struct expr *x, enum arg_class class)
{
	for (unsigned i = 0; i < d->arg_count; i++) {
		if (d->args[i].class == class && expr_equal(d->args[i].expr, x)) {
			return (int)i;
		}
	}
	if (d->arg_count == WINDOW_ARGS_MAX) {
		return -1;
	}
	d->args[d->arg_count] = (struct logged_arg){x, class};
	return (int)d->arg_count++;
}

static int filter_index(struct detect_rule *d, const struct expr *x)
{
	for (unsigned i = 0; i < d->filter_count; i++) {
		if (expr_equal(d->filters[i], x)) {
			return (int)i;
		}
	}
	if (d->filter_count == WINDOW_FILTERS_MAX) {
		return -1;
	}
	d->filters[d->filter_count] = x;
	return (int)d->filter_count++;
}

static enum measure_fn measure_of(enum aggregate fn)
{
	static const enum measure_fn by_aggregate[AGGREGATE_COUNT_OF] = {
		[AGGREGATE_COUNT] = MEASURE_COUNT,     [AGGREGATE_RATE] = MEASURE_COUNT,
		[AGGREGATE_SUM] = MEASURE_SUM,         [AGGREGATE_AVG] = MEASURE_AVG,
		[AGGREGATE_MIN] = MEASURE_MIN,         [AGGREGATE_MAX] = MEASURE_MAX,
		[AGGREGATE_STDDEV] = MEASURE_STDDEV,   [AGGREGATE_DISTINCT] = MEASURE_DISTINCT,
		[AGGREGATE_RATIO] = MEASURE_RATIO,     [AGGREGATE_QUANTILE] = MEASURE_QUANTILE,
		[AGGREGATE_ENTROPY] = MEASURE_ENTROPY, [AGGREGATE_TOP_SHARE] = MEASURE_TOP_SHARE,
		[AGGREGATE_FIRST] = MEASURE_FIRST,     [AGGREGATE_LAST] = MEASURE_LAST,
	};

	return by_aggregate[fn];
}

/* The rule's window of that span, opened in the group when it is new; -1 when there is no room. */
static int window_index(struct detect_group *g, struct detect_rule *d, int64_t span_us)
{
	for (unsigned i = 0; i < d->window_count; i++) {
		if (d->window_us[i] == span_us) {
			return (int)i;
		}
	}
	if (d->window_count == RULE_WINDOWS_MAX || g->spec_count == TABLE_WINDOWS_MAX) {
		return -1;
	}
	struct window_spec *spec = &g->specs[g->spec_count];
	memset(spec, 0, sizeof(*spec));
	spec->span_us = span_us;
	spec->resolution = d->rule->resolution;
	spec->exact_max = d->rule->exact_max;
	d->windows[d->window_count] = g->spec_count++;
	d->window_us[d->window_count] = span_us;
	return (int)d->window_count++;
}

static bool add_measure(struct detect_group *g, struct detect_rule *d, unsigned n)
{
	const struct agg *a = &d->resolved->aggs[n];
	struct measure m = {.fn = measure_of(a->fn), .arg = -1, .filter = -1, .cond = -1};
	int window = window_index(g, d, a->window_us);

	if (window < 0) {
		return false;
	}
	if (a->fn == AGGREGATE_RATIO) {
		m.cond = filter_index(d, a->arg);
	} else if (a->arg) {
		m.arg = arg_index(d, a->arg, class_of(a));
	}
	if (a->filter) {
		m.filter = filter_index(d, a->filter);
	}
	if ((a->fn == AGGREGATE_RATIO && m.cond < 0) ||
	    (a->fn != AGGREGATE_RATIO && a->arg && m.arg < 0) || (a->filter && m.filter < 0)) {
		return false;
	}
	m.q = a->fn == AGGREGATE_QUANTILE ? a->q.f : 0;
	struct window_spec *spec = &g->specs[d->windows[window]];
	d->sources[n] = (struct agg_source){(unsigned)window, spec->measure_count};
	spec->measures[spec->measure_count++] = m;
	return true;
}

/* Filters that are cheap are computed by column, with the conditions of `where`. */
static void place_filters(struct compiled *c, struct detect_rule *d)
{
	for (unsigned role = 0; role < 2; role++) {
		for (unsigned i = 0; i < d->filter_count; i++) {
			bool exists = role == 0 || d->rule->kind == KIND_PARTY;
			int node =
				exists ? columns_add(c->columns, d->rule->kind, role, d->filters[i])
				       : -1;
			d->filter_truth[role][i] =
				node < 0 ? NULL : columns_truth(c->columns, node);
		}
	}
}

static bool lay_out_windows(struct detect_group *g, struct detect_rule *d)
{
	if (!d->resolved->when || d->rule->window_us == 0) {
		return true;
	}
	if (window_index(g, d, d->rule->window_us) < 0) {
		return false;
	}
	for (unsigned n = 0; n < d->resolved->agg_count; n++) {
		if (!add_measure(g, d, n)) {
			return false;
		}
	}
	for (unsigned i = 0; i < d->window_count; i++) {
		struct window_spec *spec = &g->specs[d->windows[i]];
		spec->arg_count = d->arg_count;
		window_spec_finish(spec);
	}
	return true;
}

/* ---- how many events `when` needs at least ---- */

static const struct expr *through_let(const struct detect_rule *d, const struct expr *x)
{
	while (x->op == EXPR_LET || x->op == EXPR_TO_FLOAT) {
		x = x->op == EXPR_LET ? d->resolved->lets[x->index].expr : x->args[0];
	}
	return x;
}

/* x counts events or values of the rule's own window: it cannot exceed the events there. */
static bool bounded_by_count(const struct detect_rule *d, const struct expr *x)
{
	x = through_let(d, x);
	if (x->op != EXPR_AGG) {
		return false;
	}
	const struct agg *a = &d->resolved->aggs[x->index];
	return (a->fn == AGGREGATE_COUNT || a->fn == AGGREGATE_DISTINCT) &&
	       a->window_us == d->rule->window_us;
}

static uint64_t at_least(const struct expr *limit, bool strictly)
{
	if (limit->op != EXPR_CONST || limit->value.missing) {
		return 0;
	}
	double bound = limit->type == TYPE_FLOAT ? limit->value.f : (double)limit->value.i;
	if (!(bound > 0 && bound < 1e15)) {
		return 0;
	}
	uint64_t whole = (uint64_t)bound;
	return (double)whole < bound || strictly ? whole + 1 : whole;
}

static uint64_t count_min(const struct detect_rule *d, const struct expr *x)
{
	if (x->op == EXPR_AND || x->op == EXPR_OR) {
		uint64_t a = count_min(d, x->args[0]), b = count_min(d, x->args[1]);
		bool larger = (x->op == EXPR_AND) == (a > b);
		return larger ? a : b;
	}
	if ((x->op == EXPR_GE || x->op == EXPR_GT || x->op == EXPR_EQ) &&
	    bounded_by_count(d, x->args[0])) {
		return at_least(x->args[1], x->op == EXPR_GT);
	}
	if ((x->op == EXPR_LE || x->op == EXPR_LT) && bounded_by_count(d, x->args[1])) {
		return at_least(x->args[0], x->op == EXPR_LT);
	}
	return 0;
}

/* ---- groups ---- */

static bool needs_group(const struct rule *rule)
{
	return rule->when || rule->step_count || rule->new_count ||
	       (rule->fire == FIRE_ONCE && rule->key_count > 0);
}

static bool fits(const struct detect_group *g, const struct rule *r)
{
	/* What a bound value stands for is each rule's own. */
	bool plain = r->kind != KIND_SIGNAL && r->kind != KIND_SCORE && !g->sequence;
	bool same = plain && g->kind == r->kind && g->key_count == r->key_count &&
	            g->max_keys == r->max_keys && g->rule_count < GROUP_RULES_MAX &&
	            g->spec_count + RULE_WINDOWS_MAX <= TABLE_WINDOWS_MAX;

	for (unsigned i = 0; same && i < r->key_count; i++) {
		same = expr_equal(g->keys[i], r->keys[i]);
	}
	return same;
}

static struct detect_group *group_for(struct compiled *c, const struct rule *r)
{
	for (size_t i = 0; i < c->group_count; i++) {
		if (fits(c->groups[i], r)) {
			return c->groups[i];
		}
	}
	struct detect_group *g = arena_alloc(&c->arena, sizeof(*g));
	if (!g) {
		return NULL;
	}
	g->kind = r->kind;
	g->key_count = r->key_count;
	g->max_keys = r->max_keys;
	memcpy(g->keys, r->keys, sizeof(g->keys));
	c->groups[c->group_count++] = g;
	return g;
}

static struct named_datum *params_shown(struct arena *arena, const struct rule *rule, size_t *count)
{
	struct named_datum *out = arena_alloc(arena, (rule->param_count + 1) * sizeof(*out));

	*count = 0;
	for (unsigned i = 0; out && i < rule->param_count; i++) {
		const struct param *p = &rule->params[i];
		static const enum datum_type types[] = {
			[TYPE_INT] = DATUM_INT,      [TYPE_FLOAT] = DATUM_FLOAT,
			[TYPE_DUR] = DATUM_DURATION, [TYPE_TEXT] = DATUM_TEXT,
			[TYPE_BOOL] = DATUM_BOOL,
		};
		if (!p->used) {
			continue;
		}
		struct datum d = {.type = types[p->type]};
		switch (d.type) {
		case DATUM_FLOAT: d.f = p->value.f; break;
		case DATUM_TEXT: d.text = p->value.s; break;
		case DATUM_BOOL: d.i = p->value.i == TRUTH_TRUE; break;
		default: d.i = p->value.i; break;
		}
		out[(*count)++] = (struct named_datum){p->name, d};
	}
	return out;
}

static void fill_info(struct compiled *c, const struct ruleset *set, struct detect_rule *d)
{
	const struct rule *r = d->rule;
	struct slice group = r->name;

	/* Two forms of one rule, for signalling and for records, share their suppression. */
	if (group.len > 4 && memcmp(group.p + group.len - 4, ".cdr", 4) == 0) {
		group.len -= 4;
	}
	d->info = (struct finding_rule){
		.name = r->name,
		.rev = r->rev,
		.class = r->class,
		.severity = severity_word(r->severity),
		.title = r->title,
		.ruleset = set->digest,
		.suppress_us = r->suppress_us,
		.suppress_group = group,
	};
	d->info.params = params_shown(&c->arena, r, &d->info.param_count);
}

static const char *compile_rule(struct compiled *c, const struct ruleset *set,
                                const struct eval_site *site, struct detect_rule *d)
{
	d->resolved = rule_resolve(&c->arena, d->rule, site);
	if (!d->resolved || arena_overflowed(&c->arena)) {
		return "no memory for the rules";
	}
	fill_info(c, set, d);
	if (d->rule->step_count) {
		return compile_steps(c, d);
	}
	struct splitter s = {c, d->resolved, d->rule->kind, &d->where};
	if (!split_where(&s, d->resolved->where)) {
		return "a 'where' of more than 64 conditions";
	}
	c->kinds[d->rule->kind] = true;
	if (!needs_group(d->rule)) {
		return NULL;
	}
	struct detect_group *g = group_for(c, d->resolved);
	if (!g) {
		return "no memory for the rules";
	}
	g->late |= (uint64_t)(d->rule->new_count > 0) << g->rule_count;
	g->rules[g->rule_count++] = d;
	if (!lay_out_windows(g, d)) {
		return "a rule with more than 16 different arguments, 32 filters or 4 windows";
	}
	place_filters(c, d);
	/* Every event tells what is usual: none waits in a row that is not open. */
	d->count_min = d->rule->history_count ? 0
	               : d->resolved->when    ? count_min(d, d->resolved->when)
	                                      : 0;
	return NULL;
}

/* How long a key's open alerts may outlive its events. */
static int64_t keep_us(const struct detect_group *g)
{
	int64_t keep = 0;

	if (g->sequence) {
		const struct rule *r = g->sequence->rule;
		keep = r->within_us + r->steps[r->step_count - 1].for_us;
		keep = r->fire == FIRE_ONCE && r->rearm_us > keep ? r->rearm_us : keep;
	}
	for (unsigned n = 0; n < g->rule_count; n++) {
		const struct rule *r = g->rules[n]->rule;
		keep = r->fire == FIRE_ONCE && r->rearm_us > keep ? r->rearm_us : keep;
		keep = r->history_count && r->baseline.history_us > keep ? r->baseline.history_us
		                                                         : keep;
	}
	return keep;
}

static bool sees_kind(const struct detect_group *g, enum event_kind kind)
{
	bool sees = g->kind == kind;

	for (unsigned i = 0; g->sequence && i < g->sequence->rule->step_count && !sees; i++) {
		sees = g->sequence->rule->steps[i].kind == kind;
	}
	return sees;
}

/* ---- what rules write and read ---- */

static bool reads_written(const bool *written, const struct expr *x)
{
	bool reads = x && (x->op == EXPR_SCORE || (x->op == EXPR_IN_LIST && written[x->index]));

	for (unsigned i = 0; x && i < x->arg_count && !reads; i++) {
		reads = reads_written(written, x->args[i]);
	}
	return reads;
}

static bool rule_reads_written(const bool *written, const struct rule *r)
{
	bool reads = reads_written(written, r->where) || reads_written(written, r->when);

	for (unsigned i = 0; i < r->let_count && !reads; i++) {
		reads = reads_written(written, r->lets[i].expr);
	}
	for (unsigned i = 0; i < r->agg_count && !reads; i++) {
		reads = reads_written(written, r->aggs[i].arg) ||
		        reads_written(written, r->aggs[i].filter);
	}
	for (unsigned i = 0; i < r->step_count && !reads; i++) {
		reads = reads_written(written, r->steps[i].where);
	}
	return reads;
}

static bool find_effects(struct compiled *c, const struct ruleset *set)
{
	bool *written = arena_alloc(&c->arena, set->list_count + 1);

	for (size_t i = 0; written && i < c->rule_count; i++) {
		const struct rule *r = c->rules[i].rule;
		c->effects |= r->signal || r->score.entity || r->op_count;
		for (unsigned n = 0; n < r->op_count; n++) {
			written[r->ops[n].list] = true;
		}
	}
	for (size_t i = 0; written && i < c->rule_count; i++) {
		const struct rule *r = c->rules[i].rule;
		bool of_traffic = r->kind != KIND_SIGNAL && r->kind != KIND_SCORE;
		c->feedback |= of_traffic && c->effects && rule_reads_written(written, r);
	}
	return written != NULL;
}

static bool sort_by_kind(struct compiled *c)
{
	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		struct kind_rules *of = &c->by_kind[k];
		of->stateless =
			arena_alloc(&c->arena, (c->rule_count + 1) * sizeof(*of->stateless));
		of->groups = arena_alloc(&c->arena, (c->group_count + 1) * sizeof(*of->groups));
		if (!of->stateless || !of->groups) {
			return false;
		}
		for (size_t i = 0; i < c->rule_count; i++) {
			if (c->rules[i].rule->kind == k && !needs_group(c->rules[i].rule)) {
				of->stateless[of->stateless_count++] = &c->rules[i];
			}
		}
		for (size_t g = 0; g < c->group_count; g++) {
			if (sees_kind(c->groups[g], (enum event_kind)k)) {
				of->groups[of->group_count++] = g;
			}
		}
	}
	return true;
}

struct compiled *compile_rules(const struct ruleset *set, const struct eval_site *site,
                               const char **why)
{
	struct compiled *c = calloc(1, sizeof(*c));

	*why = "no memory for the rules";
	if (!c) {
		return NULL;
	}
	arena_init(&c->arena, COMPILE_MEMORY_MAX);
	c->columns = columns_new();
	if (c->columns) {
		columns_lists(c->columns, site->lists);
	}
	c->rule_count = set->rule_count;
	c->rules = calloc(set->rule_count + 1, sizeof(*c->rules));
	c->groups = calloc(set->rule_count + 1, sizeof(struct detect_group *));
	if (!c->columns || !c->rules || !c->groups) {
		compiled_free(c);
		return NULL;
	}
	for (size_t i = 0; i < set->rule_count; i++) {
		c->rules[i].rule = set->rules[i];
		c->rules[i].number = (unsigned)i;
		const char *wrong = compile_rule(c, set, site, &c->rules[i]);
		if (wrong) {
			*why = wrong;
			compiled_free(c);
			return NULL;
		}
	}
	for (size_t i = 0; i < c->group_count; i++) {
		struct detect_group *g = c->groups[i];
		early_lay_out(g);
		struct table_options options = {.specs = g->specs,
		                                .spec_count = g->spec_count,
		                                .early_bytes = g->early.max * g->early.stride,
		                                .max_keys = g->max_keys,
		                                .keep_us = keep_us(g)};
		g->table = table_new(&options);
		if (!g->table) {
			compiled_free(c);
			return NULL;
		}
	}
	if (!sort_by_kind(c) || !find_effects(c, set)) {
		compiled_free(c);
		return NULL;
	}
	*why = NULL;
	return c;
}

void compiled_free(struct compiled *c)
{
	if (!c) {
		return;
	}
	for (size_t i = 0; i < c->group_count; i++) {
		table_free(c->groups[i]->table);
	}
	columns_free(c->columns);
	free(c->rules);
	free(c->groups);
	arena_fini(&c->arena);
	free(c);
}
