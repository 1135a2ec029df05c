/* rule.h, rule_test.h: what a loaded rule holds, files and folders, lists, tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/err.h"
#include "core/instant.h"
#include "detect/rule_test.h"
#include "unit/detect/loaded.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- one rule ---- */

static const char full[] =
	"version: 1\n"
	"pack: my.pack\n"
	"lists:\n"
	"  \"@home\": {type: num, file: lists/home.csv, columns: [value, note], max: 100}\n"
	"  \"@away\": {type: prefix, inline: [\"+44\", \"+1\"], privacy: secret, doc: Far}\n"
	"rules:\n"
	"  - id: ring\n"
	"    rev: 3\n"
	"    title: Rings\n"
	"    class: wangiri\n"
	"    severity: high\n"
	"    status: test\n"
	"    tags: [a, b]\n"
	"    x-own: {free: [1]}\n"
	"    on: call\n"
	"    key: caller.num, block(callee.num, 2)\n"
	"    window: 10m\n"
	"    resolution: 60\n"
	"    exact_max: 1000\n"
	"    max_keys: 500\n"
	"    where: ring <= $ring_max and caller.num in @home\n"
	"    params:\n"
	"      ring_max: {type: dur, default: 4s, range: [1s, 15s], doc: Short}\n"
	"      share: {type: pct, default: 80%, tune: true}\n"
	"    let:\n"
	"      calls: count()\n"
	"      people: distinct(callee.num)\n"
	"      again: count() + count(answered)\n"
	"    when: calls >= 20 and people / calls >= $share\n"
	"    rearm: 1h\n"
	"    suppress: {for: 6h, by: caller.num}\n"
	"    privacy: {mask: [callee.num], route: [care]}\n"
	"    output:\n"
	"      summary: \"{caller.num} {{x}} {calls:.2}, {key2:mask} {again}\"\n"
	"      fields: calls, caller.country, trunk.id\n"
	"      evidence: 20\n"
	"    tests:\n"
	"      - name: twenty\n"
	"        with_lists: {\"@home\": [\"+447700900999\"]}\n"
	"        with_params: {ring_max: 5s, other: {n: 4}}\n"
	"        site: {country: FR, tz: Europe/Paris}\n"
	"        given:\n"
	"          - {at: 1m, repeat: 20, every: 5s, event: {caller.num: \"+2474000{i}\", ring: 2s, "
	"party.cell: C1}}\n"
	"          - {start: \"2026-01-14T02:00:00Z\", event: {kind: attempt, stir.attest: A}}\n"
	"        expect:\n"
	"          - {rule: ring, at: 155s, key: [\"+24740001\", \"4477\"], with: {calls: 20}}\n"
	"          - {}\n"
	"  - {id: other, rev: 1, title: Others, class: other, severity: low, on: party,\n"
	"     where: 'q850 > $n', params: {n: {type: int, default: 3}}}\n";

static void test_rule(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l, full);
	assert_null(l.set); /* q850 is no field of party events */
	assert_int_equal(l.whole, 1);
	assert_int_equal(l.diags.errors, 1);
	unload(&l);

	char *text = strdup(full);
	(void)memcpy(strstr(text, "q850 > $n"), "$n > 2   ", 9);
	load_text(&l, text);
	need(&l);
	free(text);
	assert_int_equal(l.set->rule_count, 2);
	const struct rule *r = ruleset_find(l.set, SLICE_LIT("my.pack/ring"));
	assert_ptr_equal(r, l.set->rules[1]);
	assert_null(ruleset_find(l.set, SLICE_LIT("my.pack/rin")));
	assert_text(r->name, "my.pack/ring");
	assert_text(r->pack, "my.pack");
	assert_text(r->id, "ring");
	assert_int_equal(r->rev, 3);
	assert_text(r->title, "Rings");
	assert_text(r->class, "wangiri");
	assert_int_equal(r->severity, SEVERITY_HIGH);
	assert_string_equal(severity_word(r->severity), "high");
	assert_int_equal(r->status, STATUS_TEST);
	assert_int_equal(r->at.line, 7);
	assert_int_equal(r->at.column, 5);
	assert_true(slice_starts(r->source, SLICE_LIT("  - id: ring\n")));
	assert_int_equal(r->source.p[r->source.len - 1], '0'); /* with: {calls: 20 */
	assert_int_equal(r->kind, KIND_CALL);
	assert_int_equal(r->key_count, 2);
	assert_int_equal(r->keys[1]->type, TYPE_NUM);
	assert_int_equal(r->window_us, 10 * US_PER_MIN);
	assert_int_equal(r->resolution, 60);
	assert_int_equal(r->exact_max, 1000);
	assert_int_equal(r->max_keys, 500);
	assert_int_equal(r->param_count, 2);
	assert_int_equal(r->params[0].value.i, 4 * US_PER_S);
	assert_int_equal(r->params[0].high.i, 15 * US_PER_S);
	assert_false(r->params[0].tune);
	assert_true(r->params[1].pct && r->params[1].tune && r->params[1].low.missing);
	assert_true(r->params[1].value.f == 0.8);
	assert_int_equal(r->let_count, 3);
	assert_int_equal(r->agg_count, 3); /* count() twice is one */
	assert_int_equal(r->fire, FIRE_ONCE);
	assert_int_equal(r->rearm_us, US_PER_HOUR);
	assert_ptr_equal(r->subject, r->keys[0]);
	assert_string_equal(r->subject_type, "caller");
	assert_int_equal(r->suppress_us, 6 * US_PER_HOUR);
	assert_int_equal(r->suppress_count, 1);
	assert_int_equal(r->mask_count, 1);
	assert_int_equal(r->evidence, 20);
	assert_int_equal(r->field_count, 3);
	assert_text(r->fields[1].name, "caller.country");
	assert_int_equal(r->list_count, 1);
	assert_text(l.set->lists[r->lists[0]].name, "home");
	assert_false(r->loss_safe);
	assert_true(l.set->used[FIELD_CALLER_COUNTRY]);
	assert_false(l.set->used[FIELD_CALLEE_COUNTRY]);

	assert_int_equal(r->summary_count, 7);
	assert_text(r->summary[1].text, " {x} ");
	assert_int_equal(r->summary[2].format, FORMAT_DECIMALS);
	assert_int_equal(r->summary[2].decimals, 2);
	assert_int_equal(r->summary[4].key, 2);
	assert_int_equal(r->summary[4].format, FORMAT_MASK);

	const struct rule_test *t = r->tests;
	assert_text(t->name, "twenty");
	assert_text(t->lists->name, "home");
	assert_text(t->lists->values[0], "+447700900999");
	assert_text(t->params->name, "ring_max");
	assert_null(t->params->rule.p);
	assert_text(t->params->next->rule, "other");
	assert_text(t->site_country, "FR");
	assert_int_equal(t->given->at_us, US_PER_MIN);
	assert_int_equal(t->given->repeat, 20);
	assert_int_equal(t->given->start_us, INSTANT_NONE);
	assert_int_equal(t->given->kind, KIND_CALL);
	assert_int_equal(t->given->fields->field, FIELD_CALLER_NUM);
	assert_text(t->given->fields->text, "+2474000{i}");
	assert_int_equal(t->given->next->kind, KIND_ATTEMPT);
	assert_int_equal(t->given->next->repeat, 1);
	assert_int_equal(t->given->next->start_us, INT64_C(1768356000) * US_PER_S);
	assert_int_equal(t->expect->at_us, 155 * US_PER_S);
	assert_int_equal(t->expect->key_count, 2);
	assert_text(t->expect->with->name, "calls");
	assert_int_equal(t->expect->next->at_us, INSTANT_NONE);
	unload(&l);
}

/* Warnings stand at a rule's first key; tests of a rule that is not whole are left alone. */
static void test_places(void **state)
{
	struct loaded l;

	(void)state;
	load_text(
		&l,
		"version: 1\nrules: [{id: r, rev: 1, title: T, class: other, severity: low, on: call}]");
	assert_string_equal(l.diags.first->code, "W120");
	assert_int_equal(l.diags.first->at.column, 10);
	unload(&l);
	load_text(
		&l,
		"version: 1\nrules:\n"
		"- {id: a, rev: 1, title: T, class: other, severity: low, on: call, let: {n: rnig}}\n"
		"- {id: b, rev: 1, title: T, class: other, severity: low, on: call,\n"
		"   tests: [{name: t, with_params: {a: {p: 3}}, expect: [{rule: a, with: {n: 3, m: 4}}]}]}");
	assert_int_equal(l.diags.errors, 1);
	assert_int_equal(l.whole, 1);
	unload(&l);
}

static void test_lists(void **state)
{
	struct loaded l;
	char *text = strdup(full);

	(void)state;
	(void)memcpy(strstr(text, "q850 > $n"), "$n > 2   ", 9);
	load_text(&l, text);
	free(text);
	assert_int_equal(l.set->list_count, 2);
	const struct list_decl *away = &l.set->lists[0], *home = &l.set->lists[1];
	assert_text(away->name, "away");
	assert_int_equal(away->type, LIST_PREFIX);
	assert_true(away->secret);
	assert_int_equal(away->inline_count, 2);
	assert_text(away->inline_values[1], "+1");
	assert_int_equal(away->inline_places[1].column, 43);
	assert_text(away->doc, "Far");
	assert_text(home->file, "lists/home.csv");
	assert_int_equal(home->column_count, 2);
	assert_int_equal(home->max, 100);
	assert_null(home->redis.p);
	unload(&l);
}

/* ---- defaults ---- */

static void test_defaults(void **state)
{
	struct loaded l;

	(void)state;
	load_text(
		&l,
		RULE("on: call, key: trunk.id, window: 10m, when: count() > 3, suppress: {for: 1h}"));
	need(&l);
	const struct rule *r = l.set->rules[0];
	assert_text(r->name, "site.local/r");
	assert_int_equal(r->status, STATUS_STABLE);
	assert_int_equal(r->fire, FIRE_ONCE);
	assert_int_equal(r->rearm_us, 10 * US_PER_MIN);
	assert_int_equal(r->resolution, 30);
	assert_int_equal(r->exact_max, 4096);
	assert_int_equal(r->evidence, 50);
	assert_int_equal(r->summary_count, 1);
	assert_text(r->summary[0].text, "T");
	assert_int_equal(r->suppress_count, 1);
	assert_ptr_equal(r->suppress_by[0], r->keys[0]);
	assert_true(r->loss_safe);
	unload(&l);

	load_text(&l, RULE("on: call, where: answered, suppress: {for: 1h}"));
	need(&l);
	r = l.set->rules[0];
	assert_int_equal(r->fire, FIRE_EACH);
	assert_int_equal(r->window_us, 0);
	assert_int_equal(r->subject->field, FIELD_CALLER_NUM);
	assert_string_equal(r->subject_type, "caller");
	assert_int_equal(r->suppress_by[0]->field, FIELD_CALLER_NUM);
	assert_true(l.set->used[FIELD_CALLER_NUM]);
	unload(&l);
}

static const struct {
	const char *rule;
	const char *type;
} subjects[] = {
	{RULE("on: call, key: callee.num"), "callee"},
	{RULE("on: call, key: trunk.id"), "trunk"},
	{RULE("on: call, key: \"block(callee.num, 2)\""), "block"},
	{RULE("on: call, key: src.ip"), "ip"},
	{RULE("on: call, key: account.id"), "account"},
	{RULE("on: call, key: trunk.role"), "other"},
	{RULE("on: party, key: party.num"), "other"},
	{RULE("on: sip"), "other"},
	{RULE("on: call, key: \"trunk.id, callee.num\", subject: callee.num"), "callee"},
	{RULE("on: call, key: trunk.id, let: {b: \"block(callee.num, 2)\"}, subject: b"), "block"},
};

static void test_subjects(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(subjects); i++) {
		struct loaded l;
		load_text(&l, subjects[i].rule);
		need(&l);
		assert_string_equal(l.set->rules[0]->subject_type, subjects[i].type);
		unload(&l);
	}
}

/* A party name needs the columns of both sides. */
static void test_used(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l, RULE("on: party, key: peer.num, where: party.cell == \"x\""));
	need(&l);
	assert_true(l.set->used[FIELD_CALLER_NUM] && l.set->used[FIELD_CALLEE_NUM]);
	assert_true(l.set->used[FIELD_ORIG_CELL]);
	assert_false(l.set->used[FIELD_CALLER_TYPE]);
	unload(&l);
}

/* Aggregates are one only where they read the same. */
static void test_aggregates(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l,
	          RULE("on: call, key: trunk.id, window: 10m, when: a > 3, let: {a: count(), "
	               "b: count(answered), c: count(forwarded), d: count(duration > 3s), "
	               "e: count(duration > 4s), f: count(duration  > 3s), g: count() over 1h, "
	               "h: count() over 10m, i: 'quantile(0.5, ring)', j: 'quantile(0.9, ring)', "
	               "k: count(ua =~ /a/), m: count(ua =~ /a/i), n: count(ua =~ /b/), "
	               "o: count(ua =~ /a/), p: rate(), q: sum(duration), r: avg(duration)}"));
	need(&l);
	assert_int_equal(l.set->rules[0]->agg_count, 14);
	assert_int_equal(l.set->rules[0]->lets[5].expr->index, 3);
	assert_int_equal(l.set->rules[0]->lets[7].expr->index, 0);
	assert_int_equal(l.set->rules[0]->aggs[5].window_us, US_PER_HOUR);
	unload(&l);
}

/* ---- files and folders ---- */

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#define SMALL(id) \
 "version: 1\nrules: [{id: " id ", rev: 1, title: T, class: other, severity: low, on: call}]"

static void test_folders(void **state)
{
	char folder[] = "/tmp/ringfence-load-XXXXXX", command[64];
	struct diags d;
	struct ruleset *set;

	(void)state;
	assert_non_null(mkdtemp(folder));
	write_file(folder, "b.yaml", SMALL("b"));
	write_file(folder, "a.yaml", SMALL("a"));
	write_file(folder, "c.yml", "no rules");
	write_file(folder, "sub/deep/d.yaml", SMALL("d"));
	write_file(folder, "sub/lists/e.yaml", "no rules");
	write_file(folder, "formats/e.yaml", "no rules");
	write_file(folder, "schema/e.yaml", "no rules");
	write_file(folder, ".hidden/e.yaml", "no rules");

	const char *paths[] = {folder, "/no/such/file.yaml"};
	diags_init(&d);
	assert_int_equal(ruleset_load(paths, 1, NULL, &d, &set), OK);
	assert_int_equal(set->rule_count, 3);
	assert_text(set->rules[2]->id, "d");
	assert_true(set->digest[0] == 'b' && strlen(set->digest) == 67);
	char digest[72];
	memcpy(digest, set->digest, sizeof(digest));
	ruleset_free(set);
	diags_fini(&d);

	/* A list of one name in two files. */
	char l1[64], l2[64];
	write_file(folder, "sub/lists/1.yaml",
	           "version: 1\nlists: {'@a': {type: num, inline: []}}");
	write_file(folder, "sub/lists/2.yaml",
	           "version: 1\nlists: {'@a': {type: num, inline: []}}");
	(void)snprintf(l1, sizeof(l1), "%s/sub/lists/1.yaml", folder);
	(void)snprintf(l2, sizeof(l2), "%s/sub/lists/2.yaml", folder);
	const char *lists[] = {l1, l2};
	diags_init(&d);
	assert_int_equal(ruleset_load(lists, 1, NULL, &d, &set), OK);
	ruleset_free(set);
	assert_int_equal(ruleset_load(lists, 2, NULL, &d, &set), E_INVALID);
	assert_string_equal(d.last->code, "E019");
	assert_string_equal(d.last->at.file->path, l2);
	diags_fini(&d);

	/* The same rules in another order of files. */
	char a[64], b[64], deep[64];
	(void)snprintf(a, sizeof(a), "%s/a.yaml", folder);
	(void)snprintf(b, sizeof(b), "%s/b.yaml", folder);
	(void)snprintf(deep, sizeof(deep), "%s/sub", folder);
	const char *others[] = {deep, b, a, a};
	diags_init(&d);
	assert_int_equal(ruleset_load(others, 3, NULL, &d, &set), OK);
	assert_string_equal(set->digest, digest);
	ruleset_free(set);
	assert_int_equal(ruleset_load(others, 4, NULL, &d, &set), E_INVALID);
	assert_string_equal(d.last->code, "E019");
	diags_fini(&d);

	diags_init(&d);
	assert_int_equal(ruleset_load(paths, 2, NULL, &d, &set), E_INVALID);
	assert_int_equal(d.errors, 1);
	assert_string_equal(d.last->code, "E001");
	diags_fini(&d);

	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),     cmocka_unit_test(test_lists),
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_used),     cmocka_unit_test(test_folders),
		cmocka_unit_test(test_places),   cmocka_unit_test(test_aggregates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
