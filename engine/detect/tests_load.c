/* The tests inside a rule (rule-language.md section 10): shape, fields, values. What they say of
 * rules is checked by tests_link once all rules are known.
 */
#include "core/err.h"
#include "core/instant.h"
#include "detect/load.h"
#include "detect/schema.h"
#include "detect/value.h"

enum { REPEAT_MAX = 1000000, VALUE_MAX = 1024 };

enum test_key {
	TEST_NAME,
	TEST_GIVEN,
	TEST_EXPECT,
	TEST_WITH_LISTS,
	TEST_WITH_PARAMS,
	TEST_SITE,
	TEST_CDR,
	TEST_PCAP,
	TEST_WITH_EXCEPTIONS,
	TEST_WITH_HISTORY,
	TEST_KEYS,
};

static const struct schema_key test_keys[TEST_KEYS] = {
	[TEST_NAME] = {"name", YAML_SCALAR, true, false},
	[TEST_GIVEN] = {"given", YAML_LIST, false, false},
	[TEST_EXPECT] = {"expect", YAML_LIST, true, false},
	[TEST_WITH_LISTS] = {"with_lists", YAML_MAP, false, false},
	[TEST_WITH_PARAMS] = {"with_params", YAML_MAP, false, false},
	[TEST_SITE] = {"site", YAML_MAP, false, false},
	[TEST_CDR] = {"cdr", YAML_NONE, false, true},
	[TEST_PCAP] = {"pcap", YAML_NONE, false, true},
	[TEST_WITH_EXCEPTIONS] = {"with_exceptions", YAML_MAP, false, false},
	[TEST_WITH_HISTORY] = {"with_history", YAML_NONE, false, true},
};
static const struct schema test_schema = {"a test", test_keys, TEST_KEYS};

enum gen_key { GEN_AT, GEN_START, GEN_REPEAT, GEN_EVERY, GEN_EVENT, GEN_KEYS };

static const struct schema_key gen_keys[GEN_KEYS] = {
	[GEN_AT] = {"at", YAML_SCALAR, false, false},
	[GEN_START] = {"start", YAML_SCALAR, false, false},
	[GEN_REPEAT] = {"repeat", YAML_SCALAR, false, false},
	[GEN_EVERY] = {"every", YAML_SCALAR, false, false},
	[GEN_EVENT] = {"event", YAML_MAP, true, false},
};
static const struct schema gen_schema = {"an entry of 'given'", gen_keys, GEN_KEYS};

enum expect_key { EXPECT_RULE, EXPECT_AT, EXPECT_KEY, EXPECT_WITH, EXPECT_LATE, EXPECT_KEYS };

static const struct schema_key expect_keys[EXPECT_KEYS] = {
	[EXPECT_RULE] = {"rule", YAML_SCALAR, false, false},
	[EXPECT_AT] = {"at", YAML_SCALAR, false, false},
	[EXPECT_KEY] = {"key", YAML_LIST, false, false},
	[EXPECT_WITH] = {"with", YAML_MAP, false, false},
	[EXPECT_LATE] = {"late", YAML_SCALAR, false, true},
};
static const struct schema expect_schema = {"an entry of 'expect'", expect_keys, EXPECT_KEYS};

enum site_key { SITE_COUNTRY, SITE_TZ, SITE_KEYS };

static const struct schema_key site_keys[SITE_KEYS] = {
	[SITE_COUNTRY] = {"country", YAML_SCALAR, false, false},
	[SITE_TZ] = {"tz", YAML_SCALAR, false, false},
};
static const struct schema site_schema = {"'site'", site_keys, SITE_KEYS};

static struct slice keep(struct loader *l, const struct yaml_node *node)
{
	return node ? arena_copy(&l->set->arena, node->text) : SLICE_NONE;
}

static void *make(struct loader *l, size_t size)
{
	return arena_alloc(&l->set->arena, size);
}

/* ---- given ---- */

/* The value of the first repetition is read by the field's type; numbers and texts may be anything,
 * they are normalised as in production.
 */
static bool check_value(struct loader *l, enum field field, const struct yaml_node *node)
{
	enum type type = type_of_storage(field_storage(field));
	char expanded[VALUE_MAX];
	struct value value;
	struct slice text;

	if (test_expand(node->text, 0, expanded, sizeof(expanded), &text) != OK) {
		diag_add(l->diags, node->at, "E070",
		         SLICE_LIT("write {i}, {i:03}, {i+1} or {i*37%100:02}"),
		         "'%.*s' holds a placeholder that cannot be read", SLICE_FMT(node->text));
		return false;
	}
	if (type == TYPE_NUM || type == TYPE_TEXT) {
		return true;
	}
	return value_read(l->diags, NULL, node->at, type, field_set(field), text, &value);
}

/* On call events party.* stands for its originating side. */
static bool exists_on(enum field field, enum event_kind kind)
{
	unsigned kinds = field_row(field)->kinds;

	return (kinds >> kind & 1) || (kind == KIND_CALL && (kinds & K_PARTY));
}

static void refuse_field(struct loader *l, const struct yaml_node *node)
{
	const char *names[FIELD_NAME_COUNT];
	char hint[HINT_TEXT];
	size_t count = 0;

	for (unsigned f = FIELD_NONE + 1; f < FIELD_NAME_COUNT; f++) {
		names[count++] = field_row((enum field)f)->name;
	}
	diag_add(l->diags, node->key_at, "E030",
	         hint_nearest(hint, "did you mean %s?", node->key, names, count),
	         "unknown field '%.*s'", SLICE_FMT(node->key));
}

static bool load_field(struct loader *l, enum event_kind kind, const struct yaml_node *node,
                       struct test_field *out)
{
	enum field field = field_find(node->key);

	if (field == FIELD_NONE) {
		refuse_field(l, node);
		return false;
	}
	if (!exists_on(field, kind)) {
		diag_add(l->diags, node->key_at, "E034", SLICE_NONE,
		         "field '%.*s' does not exist on '%s' events", SLICE_FMT(node->key),
		         kind_name(kind));
		return false;
	}
	*out = (struct test_field){.field = field, .text = keep(l, node), .at = node->at};
	return schema_kind(l->diags, node, YAML_SCALAR, node->key) && check_value(l, field, node);
}

static bool load_event(struct loader *l, struct test_gen *gen, const struct yaml_node *event)
{
	const struct yaml_node *kind = yaml_get(event, "kind");
	struct test_field **tail = &gen->fields;
	bool whole = true;

	gen->kind = kind ? kind_find(kind->text) : KIND_CALL;
	if (gen->kind == KIND_NONE || gen->kind == KIND_PARTY) {
		diag_add(l->diags, kind->at, "E017",
		         SLICE_LIT("a call gives both its party events"),
		         "a test cannot give '%.*s' events", SLICE_FMT(kind->text));
		return false;
	}
	for (const struct yaml_node *node = event->first; node; node = node->next) {
		struct test_field *field = make(l, sizeof(*field));
		if (!field) {
			return false;
		}
		whole &= load_field(l, gen->kind, node, field);
		*tail = field;
		tail = &field->next;
	}
	return whole;
}

static bool load_start(struct loader *l, const struct yaml_node *node, int64_t *start_us)
{
	struct value v = {.i = INSTANT_NONE};
	bool right =
		!node || value_read(l->diags, NULL, node->at, TYPE_TIME, ENUM_NONE, node->text, &v);

	*start_us = right ? v.i : INSTANT_NONE;
	return right;
}

static bool load_gen(struct loader *l, const struct yaml_node *node, struct test_gen *gen)
{
	const struct yaml_node *got[GEN_KEYS];

	*gen = (struct test_gen){.start_us = INSTANT_NONE, .repeat = 1};
	bool whole = schema_take(l->diags, node, &gen_schema, got);
	whole &= schema_duration(l->diags, got[GEN_AT], 0, &gen->at_us);
	whole &= schema_duration(l->diags, got[GEN_EVERY], 0, &gen->every_us);
	whole &= schema_int(l->diags, got[GEN_REPEAT], 1, REPEAT_MAX, &gen->repeat);
	whole &= load_start(l, got[GEN_START], &gen->start_us);
	return got[GEN_EVENT] && load_event(l, gen, got[GEN_EVENT]) && whole;
}

static bool load_given(struct loader *l, struct rule_test *test, const struct yaml_node *list)
{
	struct test_gen **tail = &test->given;
	bool whole = true;

	for (const struct yaml_node *item = list->first; item; item = item->next) {
		struct test_gen *gen = make(l, sizeof(*gen));
		if (!gen) {
			return false;
		}
		whole &= load_gen(l, item, gen);
		*tail = gen;
		tail = &gen->next;
	}
	return whole;
}

/* ---- expect ---- */

static bool load_keys(struct loader *l, struct test_expect *expect, const struct yaml_node *list)
{
	if (!schema_texts(l->diags, list)) {
		return false;
	}
	if (list->count > RULE_KEYS_MAX) {
		diag_add(l->diags, list->at, "E018", SLICE_NONE, "a key has at most %d parts",
		         RULE_KEYS_MAX);
		return false;
	}
	for (const struct yaml_node *item = list->first; item; item = item->next) {
		expect->keys[expect->key_count++] = keep(l, item);
	}
	return true;
}

static bool load_with(struct loader *l, struct test_expect *expect, const struct yaml_node *map)
{
	struct test_with **tail = &expect->with;

	for (const struct yaml_node *node = map->first; node; node = node->next) {
		struct test_with *with = make(l, sizeof(*with));
		if (!with || !schema_kind(l->diags, node, YAML_SCALAR, node->key)) {
			return false;
		}
		*with = (struct test_with){.name = arena_copy(&l->set->arena, node->key),
		                           .text = keep(l, node),
		                           .at = node->at};
		*tail = with;
		tail = &with->next;
	}
	return true;
}

static bool load_expect(struct loader *l, const struct yaml_node *node, struct test_expect *expect)
{
	const struct yaml_node *got[EXPECT_KEYS];

	*expect = (struct test_expect){.at_us = INSTANT_NONE, .at = node->at};
	bool whole = schema_take(l->diags, node, &expect_schema, got);
	whole &= schema_duration(l->diags, got[EXPECT_AT], 0, &expect->at_us);
	expect->rule = keep(l, got[EXPECT_RULE]);
	return (!got[EXPECT_KEY] || load_keys(l, expect, got[EXPECT_KEY])) &&
	       (!got[EXPECT_WITH] || load_with(l, expect, got[EXPECT_WITH])) && whole;
}

static bool load_expects(struct loader *l, struct rule_test *test, const struct yaml_node *list)
{
	struct test_expect **tail = &test->expect;
	bool whole = true;

	for (const struct yaml_node *item = list->first; item; item = item->next) {
		struct test_expect *expect = make(l, sizeof(*expect));
		if (!expect) {
			return false;
		}
		whole &= load_expect(l, item, expect);
		*tail = expect;
		tail = &expect->next;
	}
	return whole;
}

/* ---- with_lists, with_params, site ---- */

static bool list_is_declared(const struct ruleset *set, struct slice name)
{
	for (size_t i = 0; i < set->list_count; i++) {
		if (slice_eq(set->lists[i].name, name)) {
			return true;
		}
	}
	return false;
}

static bool load_list(struct loader *l, const struct yaml_node *node, struct test_list *out)
{
	struct slice name = slice_skip(node->key, node->key.len > 0 && node->key.p[0] == '@');

	if (!list_is_declared(l->set, name)) {
		diag_add(l->diags, node->key_at, "E039", SLICE_NONE, "unknown list @%.*s",
		         SLICE_FMT(name));
		return false;
	}
	if (!schema_kind(l->diags, node, YAML_LIST, node->key) || !schema_texts(l->diags, node)) {
		return false;
	}
	out->name = arena_copy(&l->set->arena, name);
	out->values = make(l, (node->count + 1) * sizeof(*out->values));
	out->places = make(l, (node->count + 1) * sizeof(*out->places));
	if (!out->values || !out->places) {
		return false;
	}
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		out->values[out->count] = keep(l, item);
		out->places[out->count++] = item->at;
	}
	return true;
}

static bool load_lists(struct loader *l, struct rule_test *test, const struct yaml_node *map)
{
	struct test_list **tail = &test->lists;
	bool whole = true;

	for (const struct yaml_node *node = map->first; node; node = node->next) {
		struct test_list *list = make(l, sizeof(*list));
		if (!list) {
			return false;
		}
		whole &= load_list(l, node, list);
		*tail = list;
		tail = &list->next;
	}
	return whole;
}

/* {name: value} for the enclosing rule, {rule: {name: value}} for another one. */
static bool load_params_of(struct loader *l, struct test_param ***tail, struct slice rule,
                           const struct yaml_node *map)
{
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		if (node->kind == YAML_MAP && !rule.p) {
			if (!load_params_of(l, tail, node->key, node)) {
				return false;
			}
			continue;
		}
		struct test_param *param = make(l, sizeof(*param));
		if (!param || !schema_kind(l->diags, node, YAML_SCALAR, node->key)) {
			return false;
		}
		*param = (struct test_param){.rule = arena_copy(&l->set->arena, rule),
		                             .name = arena_copy(&l->set->arena, node->key),
		                             .text = keep(l, node),
		                             .at = node->at};
		**tail = param;
		*tail = &param->next;
	}
	return true;
}

static bool load_site(struct loader *l, struct rule_test *test, const struct yaml_node *map)
{
	const struct yaml_node *got[SITE_KEYS];
	const struct tz *zone;
	struct value home;
	bool whole = schema_take(l->diags, map, &site_schema, got);

	if (got[SITE_COUNTRY]) {
		whole &= value_read(l->diags, NULL, got[SITE_COUNTRY]->at, TYPE_COUNTRY, ENUM_NONE,
		                    got[SITE_COUNTRY]->text, &home);
	}
	if (got[SITE_TZ] && tz_get(got[SITE_TZ]->text, &zone) != OK) {
		diag_add(l->diags, got[SITE_TZ]->at, "E031",
		         SLICE_LIT("write it like Europe/London"), "'%.*s' is not a time zone",
		         SLICE_FMT(got[SITE_TZ]->text));
		whole = false;
	}
	test->site_country = keep(l, got[SITE_COUNTRY]);
	test->site_tz = keep(l, got[SITE_TZ]);
	return whole;
}

/* ---- the test ---- */

static bool load_test(struct loader *l, const struct yaml_node *node, struct rule_test *test)
{
	const struct yaml_node *got[TEST_KEYS];
	struct test_param **params = &test->params;
	bool whole = schema_take(l->diags, node, &test_schema, got);

	test->name = keep(l, got[TEST_NAME]);
	test->at = node->at;
	whole &= !got[TEST_GIVEN] || load_given(l, test, got[TEST_GIVEN]);
	whole &= !got[TEST_EXPECT] || load_expects(l, test, got[TEST_EXPECT]);
	whole &= !got[TEST_WITH_LISTS] || load_lists(l, test, got[TEST_WITH_LISTS]);
	whole &= !got[TEST_WITH_PARAMS] ||
	         load_params_of(l, &params, SLICE_NONE, got[TEST_WITH_PARAMS]);
	test->excepting = got[TEST_WITH_EXCEPTIONS];
	whole &= !got[TEST_SITE] || load_site(l, test, got[TEST_SITE]);
	return whole;
}

bool tests_load(struct loader *l, struct rule *rule, const struct yaml_node *list)
{
	struct rule_test *first = NULL, **tail = &first;
	bool whole = true;

	for (const struct yaml_node *item = list->first; item; item = item->next) {
		struct rule_test *test = make(l, sizeof(*test));
		if (!test) {
			return false;
		}
		whole &= load_test(l, item, test);
		*tail = test;
		tail = &test->next;
	}
	rule->tests = first;
	return whole;
}
