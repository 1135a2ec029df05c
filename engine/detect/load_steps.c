/* `sequence:` of a rule (rule-language.md sections 3 and 8). */
#include "detect/load_parts.h"

#include "detect/schema.h"
#include "detect/value.h"

enum sequence_key { SEQUENCE_WITHIN, SEQUENCE_KEY, SEQUENCE_STEPS, SEQUENCE_KEEP, SEQUENCE_KEYS };

static const struct schema_key sequence_keys[SEQUENCE_KEYS] = {
	[SEQUENCE_WITHIN] = {"within", YAML_SCALAR, true, false},
	[SEQUENCE_KEY] = {"key", YAML_NONE, true, false},
	[SEQUENCE_STEPS] = {"steps", YAML_LIST, true, false},
	[SEQUENCE_KEEP] = {"keep", YAML_SCALAR, false, false},
};
static const struct schema sequence_schema = {"'sequence'", sequence_keys, SEQUENCE_KEYS};

enum step_key { STEP_AS, STEP_NONE, STEP_ON, STEP_KEY, STEP_WHERE, STEP_FOR, STEP_KEYS };

static const struct schema_key step_keys[STEP_KEYS] = {
	[STEP_AS] = {"as", YAML_SCALAR, false, false},
	[STEP_NONE] = {"none", YAML_SCALAR, false, false},
	[STEP_ON] = {"on", YAML_SCALAR, true, false},
	[STEP_KEY] = {"key", YAML_NONE, true, false},
	[STEP_WHERE] = {"where", YAML_SCALAR, false, false},
	[STEP_FOR] = {"for", YAML_SCALAR, false, false},
};
static const struct schema step_schema = {"a step", step_keys, STEP_KEYS};

static bool is_word(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && (i == 0 || (c != '_' && !ascii_is_digit(c)))) {
			return false;
		}
	}
	return s.len > 0 && s.len <= 64;
}

static bool refuse_word(struct checker *c, struct place at, struct slice text)
{
	diag_add(c->diags, at, "E031", SLICE_LIT("use letters, digits and '_', a letter first"),
	         "'%.*s' is not a name for a sequence", SLICE_FMT(text));
	return false;
}

/* ---- the key's names ---- */

static bool add_key_name(struct checker *c, struct place at, struct slice name)
{
	struct rule *rule = c->rule;

	if (!is_word(name)) {
		return refuse_word(c, at, name);
	}
	if (!name_is_free(c, at, name)) {
		return false;
	}
	if (rule->key_count == RULE_KEYS_MAX) {
		diag_add(c->diags, at, "E018", SLICE_NONE, "a key has at most %d parts",
		         RULE_KEYS_MAX);
		return false;
	}
	rule->key_names[rule->key_count++] = arena_copy(&c->set->arena, name);
	return true;
}

static struct slice trim(struct slice s)
{
	while (s.len && s.p[0] == ' ') {
		s = slice_skip(s, 1);
	}
	while (s.len && s.p[s.len - 1] == ' ') {
		s.len--;
	}
	return s;
}

static bool load_key_names(struct checker *c, const struct yaml_node *node)
{
	bool whole = true;

	if (node->kind == YAML_LIST) {
		if (!schema_texts(c->diags, node)) {
			return false;
		}
		for (const struct yaml_node *item = node->first; item; item = item->next) {
			whole &= add_key_name(c, item->at, item->text);
		}
		return whole;
	}
	if (!schema_kind(c->diags, node, YAML_SCALAR, SLICE_LIT("key"))) {
		return false;
	}
	for (struct slice rest = node->text; whole && rest.p;) {
		size_t comma = slice_find(rest, ',');
		whole = add_key_name(c, node->at, trim(slice_first(rest, comma)));
		rest = comma < rest.len ? slice_skip(rest, comma + 1) : SLICE_NONE;
	}
	return whole;
}

/* ---- steps ---- */

static bool refuse_step(struct checker *c, const struct yaml_node *node, const char *code,
                        const char *why)
{
	diag_add(c->diags, node->at, code, SLICE_NONE, "%s", why);
	return false;
}

static bool load_step_name(struct checker *c, const struct yaml_node *node,
                           const struct yaml_node *const *got, struct sequence_step *step)
{
	const struct yaml_node *name = got[STEP_AS] ? got[STEP_AS] : got[STEP_NONE];

	if (!name || (got[STEP_AS] && got[STEP_NONE])) {
		return refuse_step(c, node, "E050", "a step has a name behind 'as:' or 'none:'");
	}
	if (!is_word(name->text)) {
		return refuse_word(c, name->at, name->text);
	}
	for (const struct sequence_step *s = c->rule->steps; s < step; s++) {
		if (slice_eq(s->name, name->text)) {
			return refuse_step(c, name, "E019", "two steps of one name");
		}
	}
	step->name = arena_copy(&c->set->arena, name->text);
	step->none = got[STEP_NONE] != NULL;
	return true;
}

static bool load_step_kind(struct checker *c, const struct yaml_node *on,
                           struct sequence_step *step)
{
	const char *names[KIND_COUNT];
	unsigned count = 0;
	char hint[HINT_TEXT];

	if (!on) {
		return false;
	}
	for (unsigned k = KIND_NONE + 1; k < KIND_SIGNAL; k++) {
		names[count++] = kind_name((enum event_kind)k);
	}
	step->kind = kind_find(on->text);
	if (step->kind != KIND_NONE && step->kind < KIND_SIGNAL) {
		return true;
	}
	diag_add(c->diags, on->at, "E017",
	         hint_nearest(hint, "did you mean %s?", on->text, names, count),
	         "a step cannot stand on '%.*s'", SLICE_FMT(on->text));
	return false;
}

/* As many parts as the key has names, of the types that the first step gives them. */
static bool load_step_key(struct checker *c, const struct yaml_node *node, bool in_flow,
                          struct sequence_step *step)
{
	const struct sequence_step *first = &c->rule->steps[0];
	unsigned count;

	if (!node ||
	    !check_exprs(c, CLAUSE_KEY, node, in_flow, RULE_KEYS_MAX, step->keys, &count)) {
		return false;
	}
	if (count != c->rule->key_count) {
		diag_add(c->diags, node->at, "E053", SLICE_NONE,
		         "the sequence's key has %u parts, that of this step %u",
		         c->rule->key_count, count);
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		const struct expr *key = step->keys[i], *same = first->keys[i];
		if (key->type == same->type && key->set == same->set) {
			continue;
		}
		diag_add(c->diags, key->at, "E036", SLICE_NONE,
		         "'%.*s' is %s in the first step, here it is %s",
		         SLICE_FMT(c->rule->key_names[i]), type_words(same->type),
		         key->type == same->type ? "one of another set" : type_words(key->type));
		return false;
	}
	return true;
}

static bool load_step(struct checker *c, const struct yaml_node *node)
{
	struct rule *rule = c->rule;
	struct sequence_step *step = &rule->steps[rule->step_count];
	const struct yaml_node *got[STEP_KEYS];

	step->at = node->at;
	if (!schema_take(c->diags, node, &step_schema, got) ||
	    !load_step_name(c, node, got, step) || !load_step_kind(c, got[STEP_ON], step)) {
		return false;
	}
	c->step = (int)rule->step_count++;
	c->kind = step->kind;
	bool whole = load_step_key(c, got[STEP_KEY], node->flow, step);
	if (got[STEP_WHERE]) {
		step->where = check_condition(c, CLAUSE_WHERE, got[STEP_WHERE], node->flow);
		whole &= step->where != NULL;
	}
	whole &= schema_duration(c->diags, got[STEP_FOR], US_PER_MS, &step->for_us);
	c->step = -1;
	return whole;
}

static bool load_steps(struct checker *c, const struct yaml_node *list)
{
	bool whole = true;

	if (list->count < 2 || list->count > RULE_STEPS_MAX) {
		diag_add(c->diags, list->at, "E050", SLICE_NONE, "a sequence has 2 to %d steps",
		         RULE_STEPS_MAX);
		return false;
	}
	for (const struct yaml_node *node = list->first; node && whole; node = node->next) {
		whole = load_step(c, node);
	}
	return whole;
}

/* Where a `none` may stand and how long it waits. */
static bool check_order(struct checker *c)
{
	const struct rule *rule = c->rule;
	bool whole = true;

	for (unsigned i = 0; i < rule->step_count; i++) {
		const struct sequence_step *step = &rule->steps[i];
		bool last = i + 1 == rule->step_count;
		const char *wrong = step->none && (i == 0 || rule->steps[i - 1].none)
		                            ? "'none' stands behind a step that is an event"
		                    : step->for_us && !(step->none && last)
		                            ? "'for' belongs to a 'none' at the end"
		                    : step->none && last && !step->for_us
		                            ? "a 'none' at the end says how long: for: 30m"
		                            : NULL;
		if (wrong) {
			diag_add(c->diags, step->at,
			         step->none && !step->for_us && !last ? "E052" : "E053", SLICE_NONE,
			         "%s", wrong);
			whole = false;
		}
	}
	return whole;
}

bool steps_load(struct checker *c, const struct yaml_node *map)
{
	static const char *const keeps[] = {"latest", "first"};
	const struct yaml_node *got[SEQUENCE_KEYS];
	struct rule *rule = c->rule;
	unsigned keep = 0;

	if (!schema_take(c->diags, map, &sequence_schema, got)) {
		return false;
	}
	bool whole = schema_duration(c->diags, got[SEQUENCE_WITHIN], US_PER_MS, &rule->within_us) &&
	             schema_word(c->diags, got[SEQUENCE_KEEP], keeps, 2, &keep) &&
	             load_key_names(c, got[SEQUENCE_KEY]) && load_steps(c, got[SEQUENCE_STEPS]) &&
	             check_order(c);
	rule->keep_first = keep == 1;
	for (unsigned i = 0; whole && i < rule->step_count; i++) {
		rule->kind = rule->steps[i].none ? rule->kind : rule->steps[i].kind;
	}
	for (unsigned i = 0; whole && i < rule->key_count; i++) {
		rule->keys[i] = check_key_name(c, i);
		whole = rule->keys[i] != NULL;
	}
	return whole;
}
