/* One rule from its tree: what it says of itself, then its parts in the order in which names become
 * known.
 */
#include "core/instant.h"
#include "detect/load.h"
#include "detect/load_output.h"
#include "detect/load_parts.h"
#include "detect/schema.h"
#include "detect/value.h"

enum { RESOLUTION_DEFAULT = 30, EXACT_MAX_DEFAULT = 4096 };

enum rule_key {
#define RULE_KEY(id, name, shape, required, not_built) KEY_##id,
#include "detect/rule_keys.def"
#undef RULE_KEY
	RULE_KEYS,
};

static const struct schema_key keys[RULE_KEYS] = {
#define RULE_KEY(id, name, shape, required, not_built) \
 [KEY_##id] = {name, YAML_##shape, required, not_built},
#include "detect/rule_keys.def"
#undef RULE_KEY
};
static const struct schema schema = {"a rule", keys, RULE_KEYS};

/* rule-language.md section 3: closed, so that national statistics stay comparable. */
static const char *const built_in_classes[] = {
	"wangiri",
	"irsf",
	"pbx_hack",
	"simbox",
	"robocall",
	"scam_centre",
	"inbound_scam",
	"spoofing",
	"rotation",
	"impersonation",
	"bank_impersonation",
	"harvesting",
	"tdos",
	"victim_targeting",
	"traffic_pumping",
	"flash_call",
	"false_answer",
	"scanning",
	"account_takeover",
	"attestation_abuse",
	"composite",
	"other",
};

static const char *const severities[] = {"low", "medium", "high", "critical"};

/* A rule on its way: what every part of its loading needs. */
struct rule_loader {
	struct loader *l;
	struct rule *rule;
	const struct yaml_node *node;
	const struct yaml_node *got[RULE_KEYS];
	struct checker checker;
	bool misspelt; /* an unknown key stands there: what is missing may be that one */
};

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = ascii_lower(s.p[i]);
		bool letter = (c >= 'a' && c <= 'z') || ascii_is_digit(c);
		if (!letter && (i == 0 || !memchr("._-", c, 3))) {
			return false;
		}
	}
	return s.len > 0 && s.len <= 128;
}

static struct slice keep(struct rule_loader *r, const struct yaml_node *node)
{
	return node ? arena_copy(&r->l->set->arena, node->text) : SLICE_NONE;
}

static bool load_id(struct rule_loader *r)
{
	const struct yaml_node *id = r->got[KEY_ID];

	if (!id) {
		return false;
	}
	if (!is_name(id->text)) {
		diag_add(r->l->diags, id->at, "E031",
		         SLICE_LIT("use letters, digits, '.', '_' and '-', as in wangiri.blast"),
		         "'%.*s' is not the id of a rule", SLICE_FMT(id->text));
		return false;
	}
	r->rule->id = keep(r, id);
	r->rule->name = arena_printf(&r->l->set->arena, "%.*s/%.*s", SLICE_FMT(r->rule->pack),
	                             SLICE_FMT(r->rule->id));
	return true;
}

static bool load_class(struct rule_loader *r)
{
	const struct ruleset_options *options = r->l->options;
	const char *const *classes = built_in_classes;
	size_t count = sizeof(built_in_classes) / sizeof(built_in_classes[0]);
	const struct yaml_node *node = r->got[KEY_CLASS];
	char hint[HINT_TEXT];

	if (!node) {
		return false;
	}
	if (options && options->classes) {
		classes = options->classes;
		count = options->class_count;
	}
	for (size_t i = 0; i < count; i++) {
		if (slice_eq(node->text, slice_of(classes[i]))) {
			r->rule->class = keep(r, node);
			return true;
		}
	}
	diag_add(r->l->diags, node->at, "E015",
	         hint_nearest(hint, "did you mean %s?", node->text, classes, count),
	         "unknown class '%.*s'", SLICE_FMT(node->text));
	return false;
}

static bool load_status(struct rule_loader *r)
{
	static const char *const words[] = {"stable", "test", "experimental", "deprecated"};
	const struct yaml_node *node = r->got[KEY_STATUS];
	unsigned status = STATUS_STABLE;

	if (node && slice_eq(node->text, SLICE_LIT("shadow"))) {
		check_not_built(r->l->diags, node->at, "status 'shadow'");
		return false;
	}
	bool right =
		schema_word(r->l->diags, node, words, sizeof(words) / sizeof(words[0]), &status);
	r->rule->status = (enum rule_status)status;
	return right;
}

static void load_about(struct rule_loader *r)
{
	unsigned severity = 0;

	(void)load_class(r);
	(void)load_status(r);
	(void)schema_int(r->l->diags, r->got[KEY_REV], 1, INT32_MAX, &r->rule->rev);
	(void)schema_word(r->l->diags, r->got[KEY_SEVERITY], severities,
	                  sizeof(severities) / sizeof(severities[0]), &severity);
	r->rule->severity = (enum severity)(severity + SEVERITY_LOW);
	r->rule->title = keep(r, r->got[KEY_TITLE]);
}

static bool refuse_missing(struct rule_loader *r, const char *key, const char *why)
{
	if (!r->misspelt) {
		diag_add(r->l->diags, r->node->at, "E011", SLICE_NONE,
		         "a rule %s needs the key '%s'", why, key);
	}
	return false;
}

/* What a sequence says with its steps stands nowhere else. */
static bool load_sequence_shape(struct rule_loader *r)
{
	static const enum rule_key others[] = {KEY_ON,   KEY_FROM,   KEY_WHERE,   KEY_KEY,
	                                       KEY_WHEN, KEY_WINDOW, KEY_BASELINE};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct yaml_node *node = r->got[others[i]];
		if (node) {
			diag_add(r->l->diags, node->key_at, "E010",
			         SLICE_LIT("it belongs to the steps"),
			         "'%s' cannot stand beside 'sequence'", keys[others[i]].name);
		}
	}
	return true;
}

/* False when the kind of its events is not known: its expressions cannot be checked then. */
static bool load_shape(struct rule_loader *r)
{
	const struct yaml_node *on = r->got[KEY_ON], *emit = r->got[KEY_EMIT];
	static const char *const emits[] = {"alert", "signal"};
	const char *names[KIND_COUNT];
	unsigned emitted = 0;
	char hint[HINT_TEXT];

	(void)schema_word(r->l->diags, emit, emits, 2, &emitted);
	r->rule->signal = emitted == 1;
	if (r->got[KEY_SEQUENCE]) {
		return load_sequence_shape(r);
	}
	if (!on) {
		return refuse_missing(r, "on", "that is no sequence");
	}
	r->rule->kind = kind_find(on->text);
	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		names[k - 1] = kind_name((enum event_kind)k);
	}
	if (r->rule->kind == KIND_NONE) {
		diag_add(r->l->diags, on->at, "E017",
		         hint_nearest(hint, "did you mean %s?", on->text, names, KIND_COUNT - 1),
		         "unknown kind of event '%.*s'", SLICE_FMT(on->text));
	}
	return r->rule->kind != KIND_NONE;
}

static void load_numbers(struct rule_loader *r)
{
	struct diags *d = r->l->diags;
	int64_t resolution = RESOLUTION_DEFAULT, exact_max = EXACT_MAX_DEFAULT, max_keys = 0;
	const struct yaml_node *window = r->got[KEY_WINDOW];

	(void)schema_int(d, r->got[KEY_RESOLUTION], 6, 240, &resolution);
	(void)schema_int(d, r->got[KEY_EXACT_MAX], 256, 65536, &exact_max);
	(void)schema_int(d, r->got[KEY_MAX_KEYS], 1, INT64_MAX, &max_keys);
	r->rule->resolution = (unsigned)resolution;
	r->rule->exact_max = (unsigned)exact_max;
	r->rule->max_keys = (uint64_t)max_keys;
	if (window && window->kind == YAML_MAP && yaml_get(window, "tumbling")) {
		check_not_built(d, window->at, "tumbling windows");
	} else if (window && schema_kind(d, window, YAML_SCALAR, SLICE_LIT("window"))) {
		(void)schema_duration(d, window, US_PER_MS, &r->rule->window_us);
	}
}

/* Summaries name the key's parts key1 to key4. */
static bool is_key_word(struct slice name)
{
	return name.len == 4 && slice_starts(name, SLICE_LIT("key")) && name.p[3] >= '1' &&
	       name.p[3] <= '4';
}

bool name_is_free(struct checker *c, struct place at, struct slice name)
{
	bool of_key = is_key_word(name);

	for (unsigned i = 0; i < c->rule->key_count && !of_key; i++) {
		of_key = slice_eq(c->rule->key_names[i], name);
	}
	if (!of_key && field_find(name) == FIELD_NONE) {
		return true;
	}
	diag_add(c->diags, at, "E057", SLICE_LIT("take another name"),
	         "'%.*s' is already the name of a %s", SLICE_FMT(name),
	         of_key ? "part of the key" : "field");
	return false;
}

static void load_let(struct rule_loader *r, const struct yaml_node *node, bool in_flow)
{
	struct rule *rule = r->rule;

	if (!is_name(node->key) || slice_find(node->key, '.') < node->key.len ||
	    slice_find(node->key, '-') < node->key.len || ascii_is_digit(node->key.p[0])) {
		diag_add(r->l->diags, node->key_at, "E031",
		         SLICE_LIT("use letters, digits and '_', a letter first"),
		         "'%.*s' is not a name for 'let'", SLICE_FMT(node->key));
		return;
	}
	if (!name_is_free(&r->checker, node->key_at, node->key)) {
		return;
	}
	struct let *let = &rule->lets[rule->let_count];
	let->name = arena_copy(&r->l->set->arena, node->key);
	let->expr = check_expr(&r->checker, CLAUSE_LET, node, in_flow);
	if (let->expr && !check_weight(&r->checker, rule->let_count)) {
		let->expr = NULL;
	}
	rule->let_count++; /* only now: it does not see itself */
}

static void load_lets(struct rule_loader *r)
{
	const struct yaml_node *map = r->got[KEY_LET];

	for (const struct yaml_node *node = map ? map->first : NULL; node; node = node->next) {
		if (r->rule->let_count == RULE_LETS_MAX) {
			diag_add(r->l->diags, node->key_at, "E018", SLICE_NONE,
			         "a rule can have at most %d names in 'let'", RULE_LETS_MAX);
			return;
		}
		load_let(r, node, map->flow);
	}
}

/* The key of a rule on scores: whose score it is. */
static void load_score_key(struct rule_loader *r)
{
	struct ast name = {.kind = AST_NAME, .name = SLICE_LIT("score.entity")};

	name.text = name.name;
	r->checker.clause = CLAUSE_KEY;
	r->checker.source = yaml_first_scalar(r->node);
	r->rule->keys[0] = check_node(&r->checker, &name);
	r->rule->key_count = r->rule->keys[0] != NULL;
}

static void load_key(struct rule_loader *r)
{
	const struct yaml_node *key = r->got[KEY_KEY];

	if (!key) {
		if (r->rule->kind == KIND_SCORE) {
			load_score_key(r);
		} else if (r->got[KEY_WINDOW]) {
			(void)refuse_missing(r, "key", "with a window");
		}
		return;
	}
	(void)check_exprs(&r->checker, CLAUSE_KEY, key, r->node->flow, RULE_KEYS_MAX, r->rule->keys,
	                  &r->rule->key_count);
}

static void load_when(struct rule_loader *r)
{
	const struct yaml_node *when = r->got[KEY_WHEN];

	if (!when && r->got[KEY_WINDOW]) {
		(void)refuse_missing(r, "when", "with a window");
	}
	if (!when) {
		return;
	}
	if (!r->got[KEY_WINDOW] && !r->misspelt && r->rule->kind != KIND_SCORE) {
		diag_add(r->l->diags, when->key_at, "E055",
		         SLICE_LIT("add a window, such as window: 10m"),
		         "'when' needs a 'window:' in the rule");
	}
	r->checker.window_missed |= !r->got[KEY_WINDOW] && r->rule->kind != KIND_SCORE;
	r->rule->when = check_condition(&r->checker, CLAUSE_WHEN, when, r->node->flow);
}

/* False: what follows cannot be checked. */
static bool load_conditions(struct rule_loader *r)
{
	struct checker *c = &r->checker;

	*c = (struct checker){.diags = r->l->diags,
	                      .set = r->l->set,
	                      .options = r->l->options,
	                      .scratch = &r->l->scratch,
	                      .rule = r->rule,
	                      .kind = r->rule->kind,
	                      .step = -1,
	                      .has_window = r->got[KEY_WINDOW] != NULL,
	                      .has_baseline = yaml_get(r->node, "baseline") != NULL,
	                      .window_missed = r->misspelt || r->got[KEY_WHEN] != NULL};
	if (r->got[KEY_SEQUENCE]) {
		if (!steps_load(c, r->got[KEY_SEQUENCE])) {
			r->rule->step_count = 0;
			return false;
		}
		load_lets(r);
		return true;
	}
	if (r->rule->kind == KIND_SIGNAL && !signals_load(c, r->l, r->got[KEY_FROM])) {
		return false;
	}
	if (r->got[KEY_FROM] && r->rule->kind != KIND_SIGNAL) {
		diag_add(r->l->diags, r->got[KEY_FROM]->key_at, "E054",
		         SLICE_LIT("it stands with on: signal"),
		         "'from' names rules that give signals");
	}
	if (r->got[KEY_WHERE]) {
		r->rule->where = check_condition(c, CLAUSE_WHERE, r->got[KEY_WHERE], r->node->flow);
	}
	if (r->got[KEY_BASELINE]) {
		(void)baseline_load(c, r->got[KEY_BASELINE]);
	}
	load_key(r);
	load_lets(r);
	load_when(r);
	if (r->rule->new_count && !r->got[KEY_KEY]) {
		(void)refuse_missing(r, "key", "with new()");
	}
	return true;
}

static void load_fire(struct rule_loader *r)
{
	static const char *const words[] = {"once", "each"};
	struct rule *rule = r->rule;
	unsigned fire = r->got[KEY_WHEN] ? 0 : 1;

	(void)schema_word(r->l->diags, r->got[KEY_FIRE], words, 2, &fire);
	rule->fire = fire == 0 ? FIRE_ONCE : FIRE_EACH;
	bool windowless = rule->step_count || rule->kind == KIND_SCORE;
	rule->rearm_us = rule->fire == FIRE_ONCE ? rule->window_us : 0;
	if (rule->fire == FIRE_ONCE && windowless && !rule->window_us) {
		rule->rearm_us = 3600 * US_PER_S;
	}
	(void)schema_duration(r->l->diags, r->got[KEY_REARM], 0, &rule->rearm_us);
	if (r->got[KEY_WINDOW] || r->got[KEY_WHEN] || windowless || rule->fire != FIRE_ONCE) {
		return;
	}
	if (!r->got[KEY_REARM]) {
		(void)refuse_missing(r, "rearm", "with 'fire: once' and no window");
	}
	if (!r->got[KEY_KEY]) {
		(void)refuse_missing(r, "key", "with 'fire: once'");
	}
}

static void load_outputs(struct rule_loader *r)
{
	struct checker *c = &r->checker;

	output_load_subject(c, r->got[KEY_SUBJECT], r->node->flow);
	if (r->got[KEY_SUPPRESS]) {
		output_load_suppress(c, r->got[KEY_SUPPRESS]);
	}
	output_load(c, r->got[KEY_OUTPUT]);
	signals_check(c);
	if (r->got[KEY_SCORE]) {
		score_load(c, r->got[KEY_SCORE]);
	}
	if (r->got[KEY_THEN]) {
		writes_load(c, r->got[KEY_THEN]);
	}
	if (r->got[KEY_PRIVACY]) {
		output_load_privacy(c, r->got[KEY_PRIVACY]);
	}
	if (r->got[KEY_EXCEPTIONS]) {
		output_load_exceptions(c, r->got[KEY_EXCEPTIONS]);
	}
}

static bool has_unknown_key(const struct yaml_node *map)
{
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		bool known = slice_starts(node->key, SLICE_LIT("x-"));
		for (size_t i = 0; i < RULE_KEYS && !known; i++) {
			known = slice_eq(node->key, slice_of(keys[i].name));
		}
		if (!known) {
			return true;
		}
	}
	return false;
}

static void load_parts(struct rule_loader *r)
{
	load_about(r);
	if (!load_shape(r)) {
		return;
	}
	load_numbers(r);
	if (r->got[KEY_PARAMS]) {
		(void)load_params(r->l, r->rule, r->got[KEY_PARAMS]);
	}
	if (!load_conditions(r)) {
		return;
	}
	load_fire(r);
	load_outputs(r);
	if (r->got[KEY_TESTS]) {
		(void)tests_load(r->l, r->rule, r->got[KEY_TESTS]);
	}
}

void load_rule(struct loader *l, struct loaded_rule *out)
{
	struct rule *rule = arena_alloc(&l->set->arena, sizeof(*rule));
	struct rule_loader *r = arena_alloc(&l->scratch, sizeof(*r));
	const struct yaml_node *node = out->node;
	unsigned errors_before = l->diags->errors;

	if (!rule || !r) {
		return;
	}
	out->rule = rule;
	*r = (struct rule_loader){.l = l, .rule = rule, .node = node};
	rule->pack = out->pack;
	rule->at = node->kind == YAML_MAP && node->first ? node->first->key_at : node->at;
	if (!schema_take(l->diags, node, &schema, r->got) && node->kind != YAML_MAP) {
		return;
	}
	r->misspelt = has_unknown_key(node);
	out->named = load_id(r);
	load_parts(r);
	rule->authored_where = rule->where;
	for (unsigned i = 0; i < rule->param_count; i++) {
		rule->params[i].authored = rule->params[i].value;
	}
	out->whole = out->named && l->diags->errors == errors_before && !r->checker.from_broken;
	if (out->whole) {
		rule->source = arena_copy(&l->set->arena, yaml_source(node));
		check_loss(&r->checker);
		check_warn(&r->checker);
	}
}

const char *severity_word(enum severity s)
{
	return s == SEVERITY_NONE ? "none" : severities[s - SEVERITY_LOW];
}
