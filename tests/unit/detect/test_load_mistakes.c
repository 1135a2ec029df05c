/* Mistakes in rule files outside of rules' expressions (those are in test_check.c), and limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "unit/detect/loaded.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define LIST(rest) "version: 1\nlists: {" rest "}"
#define TEST(rest)                                                                                               \
 RULE("on: call, key: caller.num, window: 10m, let: {n: count(), who: first(callee.num)}, when: n > 3, params: " \
      "{p: {type: dur, default: 3s}}, tests: [{name: t, " rest "}]")

#define OVERRIDDEN                                                                                \
 "rules:\n  - {id: r, rev: 1, title: t, class: other, severity: low, on: call, key: caller.num, " \
 "params: {n: {type: int, default: 3, range: [1, 9]}}, where: q850 > $n, "                        \
 "exceptions: [{name: desk, fields: caller.num}], tests: [{name: n, expect: []}]}\n"
#define OVERRIDE(rest) \
 "version: 1\n" OVERRIDDEN "overrides:\n  - {rule: site.local/r, base_rev: 1, " rest "}"

static const struct {
	const char *id;
	const char *text;
	const char *code; /* of the first message; NULL: none */
	const char *message;
} mistakes[] = {
	{"no version", "rules: []", "E011", "a rule file needs the key 'version'"},
	{"version", "version: 2", "E031", "'2' is not a version of the rule language"},
	{"unknown key", "version: 1\nrule: []", "E010", "unknown key 'rule' in a rule file"},
	{"no map", "[1]", "E018", "a rule file must be a map of keys"},
	{"pack", "version: 1\npack: My Pack", "E031", "'My Pack' is not the name of a pack"},
	{"override of nobody",
         "version: 1\noverrides: [{rule: x/y, base_rev: 1, by: a, reason: b}]", "E060",
         "there is no rule 'x/y' to override"},
	{"override of where",
         "version: 1\noverrides: [{rule: x/y, base_rev: 1, by: a, reason: b, where: answered}]",
         "E061", "an override cannot set 'where'"},
	{"override", OVERRIDE("status: off, by: a, reason: b"), NULL, NULL},
	{"override by nobody", OVERRIDE("status: off, reason: b"), "E062",
         "an override needs 'by'"},
	{"shadow for ever", OVERRIDE("status: shadow, by: a, reason: b"), "E062",
         "an exception or a shadow needs 'expires'"},
	{"override of a parameter", OVERRIDE("params: {n: 5}, by: a, reason: b"), NULL, NULL},
	{"beyond the range", OVERRIDE("params: {n: 50}, by: a, reason: b"), "E063",
         "$n = 50 is outside the range that the author gave"},
	{"beyond by force", OVERRIDE("params: {n: 50}, force: true, by: a, reason: b"), NULL, NULL},
	{"override of no parameter", OVERRIDE("params: {m: 5}, by: a, reason: b"), "E033",
         "unknown parameter $m"},
	{"exception",
         OVERRIDE("exceptions: {desk: [{values: ['+442079460001'], by: a, reason: b, "
                  "expires: 2099-01-01}]}"),
         NULL, NULL},
	{"exception for ever",
         OVERRIDE("exceptions: {desk: [{values: ['+442079460001'], by: a, "
                  "reason: b}]}"),
         "E062", "an exception or a shadow needs 'expires'"},
	{"exception of no shape", OVERRIDE("exceptions: {disk: []}"), "E064",
         "rule 'r' lets nobody except by 'disk'"},
	{"exception too wide",
         OVERRIDE("exceptions: {desk: [{values: [a, b], by: a, reason: b, "
                  "expires: 2099-01-01}]}"),
         "E064", "a row of 'desk' gives 1 values, one for each field"},
	{"narrow", OVERRIDE("narrow: answered, by: a, reason: b"), NULL, NULL},
	{"narrow to what is new, without a key",
         "version: 1\nrules:\n  - {id: r, rev: 1, title: t, class: other, severity: low, on: call, where: "
         "answered, tests: [{name: n, expect: []}]}\noverrides:\n  - {rule: site.local/r, base_rev: 1, "
         "narrow: 'new(callee.num, 7d)', by: a, reason: b}",
         "E011", "new() asks what a key has shown before: the rule has no key"},
	{"narrow what is not there", OVERRIDE("narrow: anwered, by: a, reason: b"), "E030",
         "unknown field 'anwered'"},
	{"tests of a file", "version: 1\ntests: []", "E090", "not built yet: 'tests'"},
	{"cut value", RULE("on: call, output: {summary: x, fields: ring, setup}"), "E010",
         "unknown key 'setup' in 'output'"},
	{"no rule", "version: 1\nrules: [x]", "E018", "a rule must be a map of keys"},
	{"missing key", "version: 1\nrules: [{id: r, rev: 1, title: T, class: other, on: call}]",
         "E011", "a rule needs the key 'severity'"},
	{"missing on", RULE("where: answered"), "E011",
         "a rule that is no sequence needs the key 'on'"},
	{"id",
         "version: 1\nrules: [{id: 'a b', rev: 1, title: T, class: other, severity: low, on: call}]",
         "E031", "'a b' is not the id of a rule"},
	{"rev",
         "version: 1\nrules: [{id: a, rev: 0, title: T, class: other, severity: low, on: call}]",
         "E031", "'0' must lie from 1 to 2147483647"},
	{"class",
         "version: 1\nrules: [{id: a, rev: 1, title: T, class: wangri, severity: low, on: call}]",
         "E015", "unknown class 'wangri'"},
	{"severity",
         "version: 1\nrules: [{id: a, rev: 1, title: T, class: irsf, severity: hig, on: call}]",
         "E032", "'hig' is not one of low, medium, high, critical"},
	{"window without key", RULE("on: call, window: 10m, when: count() > 3"), "E011",
         "a rule with a window needs the key 'key'"},
	{"window without when", RULE("on: call, window: 10m, key: caller.num"), "E011",
         "a rule with a window needs the key 'when'"},
	{"once without rearm", RULE("on: call, key: caller.num, fire: once"), "E011",
         "a rule with 'fire: once' and no window needs the key 'rearm'"},
	{"once with rearm", RULE("on: call, key: caller.num, fire: once, rearm: 1h"), NULL, NULL},
	{"misspelt window", RULE("on: call, key: caller.num, windw: 10m, when: count() > 3"),
         "E010", "unknown key 'windw' in a rule"},
	{"no key part", RULE("on: call, key: []"), "E018", "'key' takes 1 to 4 expressions"},
	{"parameter name",
         RULE("on: call, where: q850 > $a_1, params: {a_1: {type: int, default: 1}}"), NULL, NULL},
	{"dashed parameter", RULE("on: call, params: {a-1: {type: int, default: 1}}"), "E031",
         "'a-1' is not the name of a parameter"},
	{"parameter with a digit", RULE("on: call, params: {1a: {type: int, default: 1}}"), "E031",
         "'1a' is not the name of a parameter"},
	{"duplicate",
         "version: 1\nrules:\n- {id: a, rev: 1, title: T, class: other, severity: low, on: call}\n"
         "- {id: a, rev: 1, title: T, class: other, severity: low, on: call}",
         "E019", "rule 'site.local/a' is defined twice"},
	{"list", LIST("'@a': {type: num, inline: []}"), NULL, NULL},
	{"list name", LIST("a: {type: num, inline: []}"), "E031", "'a' is not the name of a list"},
	{"list type", LIST("'@a': {type: number, inline: []}"), "E032",
         "'number' is not one of num, prefix, ip, cidr, text, country"},
	{"list without type", LIST("'@a': {inline: []}"), "E011", "a list needs the key 'type'"},
	{"list without source", LIST("'@a': {type: num}"), "E011",
         "a list needs one of the keys 'file', 'inline', 'redis' and 'dynamic: true'"},
	{"list max", LIST("'@a': {type: num, inline: [], max: 0}"), "E031",
         "'0' must lie from 1 to 4294967296"},
	{"list ttl", LIST("'@a': {type: num, dynamic: true, ttl: 3}"), "E031",
         "'3' is not a duration"},
	{"list dynamic", LIST("'@a': {type: num, dynamic: yes}"), "E031",
         "'yes' is not true or false"},
	{"list privacy", LIST("'@a': {type: num, inline: [], privacy: public}"), "E032",
         "'public' is not one of secret"},
	{"list values", LIST("'@a': {type: num, inline: [[x]]}"), "E018",
         "only single values can stand here"},
	{"test", TEST("expect: []"), NULL, NULL},
	{"test without expect", TEST("given: []"), "E011", "a test needs the key 'expect'"},
	{"test key", TEST("expects: []"), "E010", "unknown key 'expects' in a test"},
	{"test cdr", TEST("expect: [], cdr: x.csv"), "E090", "not built yet: 'cdr'"},
	{"test exceptions", TEST("expect: [], with_exceptions: {r: {x: []}}"), "E064",
         "rule 'r' lets nobody except by 'x'"},
	{"event field", TEST("expect: [], given: [{event: {rnig: 2s}}]"), "E030",
         "unknown field 'rnig'"},
	{"event field of another kind",
         TEST("expect: [], given: [{event: {kind: attempt, ring: 2s}}]"), "E034",
         "field 'ring' does not exist on 'attempt' events"},
	{"event kind", TEST("expect: [], given: [{event: {kind: party}}]"), "E017",
         "a test cannot give 'party' events"},
	{"event value", TEST("expect: [], given: [{event: {ring: 2}}]"), "E031",
         "'2' is not a duration"},
	{"event word", TEST("expect: [], given: [{event: {cause: busyy}}]"), "E032",
         "'busyy' is not one of answered, busy, no_answer, cancelled, rejected, unallocated, "
         "failed, unknown"},
	{"event numbers", TEST("expect: [], given: [{event: {caller.num: '020 7946 0001'}}]"), NULL,
         NULL},
	{"placeholder", TEST("expect: [], given: [{event: {caller.num: '+44{j}'}}]"), "E070",
         "'+44{j}' holds a placeholder that cannot be read"},
	{"party field", TEST("expect: [], given: [{event: {party.cell: C1}}]"), NULL, NULL},
	{"party field of an attempt",
         TEST("expect: [], given: [{event: {kind: attempt, party.cell: C1}}]"), "E034",
         "field 'party.cell' does not exist on 'attempt' events"},
	{"no event", TEST("expect: [], given: [{at: 1m}]"), "E011",
         "an entry of 'given' needs the key 'event'"},
	{"repeat", TEST("expect: [], given: [{repeat: 1000001, event: {}}]"), "E031",
         "'1000001' must lie from 1 to 1000000"},
	{"start", TEST("expect: [], given: [{start: today, event: {}}]"), "E031",
         "'today' is not a point in time"},
	{"unknown rule", TEST("expect: [{rule: q}]"), "E071", "unknown rule 'q'"},
	{"full name", TEST("expect: [{rule: site.local/r}]"), NULL, NULL},
	{"unknown let", TEST("expect: [{with: {m: 3}}]"), "E071", "rule 'r' has no 'm' in 'let'"},
	{"value of a let", TEST("expect: [{with: {n: 3s}}]"), "E031", "'3s' is not a whole number"},
	{"number of a let", TEST("expect: [{with: {who: '+447700900123'}}]"), NULL, NULL},
	{"key parts", TEST("expect: [{key: [a, b]}]"), "E071",
         "'key' has 2 parts here, 1 in rule 'r'"},
	{"too many key parts", TEST("expect: [{key: [a, b, c, d, e]}]"), "E018",
         "a key has at most 4 parts"},
	{"list as key part", TEST("expect: [{key: [[a]]}]"), "E018",
         "only single values can stand here"},
	{"late", TEST("expect: [{late: true}]"), "E090", "not built yet: 'late'"},
	{"unknown list", TEST("expect: [], with_lists: {'@q': []}"), "E039", "unknown list @q"},
	{"parameter", TEST("expect: [], with_params: {p: 5s}"), NULL, NULL},
	{"unknown parameter", TEST("expect: [], with_params: {q: 5s}"), "E033",
         "unknown parameter $q"},
	{"value of a parameter", TEST("expect: [], with_params: {r: {p: 5}}"), "E031",
         "'5' is not a duration"},
	{"site country", TEST("expect: [], site: {country: UK}"), "E031", "'UK' is not a country"},
	{"site zone", TEST("expect: [], site: {tz: London}"), "E031",
         "'London' is not a time zone"},
	{"anchor", "version: &a 1", "E013", "anchors are not allowed"},
	{"many lets",
         RULE("on: call, let: {a: ring + ring + ring + ring + ring + ring + ring + ring, b: a + a + a + a + a + a + a + a, "
              "c: b + b + b + b + b + b + b + b, d: c + c + c + c + c + c + c + c}"),
         "E024", "'c' has more than 1000 parts, those of the lets in it counted"},
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		struct loaded l;
		load_text(&l, mistakes[i].text);
		const struct diag *first = l.diags.first;
		while (first && first->warning) {
			first = first->next;
		}
		bool same =
			mistakes[i].code
				? first && strcmp(first->code, mistakes[i].code) == 0 &&
					  slice_eq(first->message, slice_of(mistakes[i].message))
				: !first;
		if (!same) {
			fail_msg("%s: %s %.*s", mistakes[i].id, first ? first->code : "nothing",
			         first ? (int)first->message.len : 0,
			         first ? first->message.p : "");
		}
		unload(&l);
	}
}

/* ---- limits ---- */

/* Code of the first error of a rule whose key holds count entries, each of form with its number. */
static const char *load_many(const char *before, const char *form, unsigned count,
                             const char *behind)
{
	static char code[8];
	struct buf text = {0};
	struct loaded l;

	buf_text(&text, "version: 1\nlists: {");
	for (unsigned i = 0; i < 70; i++) {
		buf_printf(&text, "'@l%u': {type: num, inline: []}, ", i);
	}
	buf_printf(&text,
	           "}\nrules: [{id: r, rev: 1, title: T, class: other, severity: low, on: call, "
	           "key: caller.num, %s",
	           before);
	for (unsigned i = 0; i < count; i++) {
		char digits[16];
		(void)snprintf(digits, sizeof(digits), "%u", i);
		for (const char *p = form; *p; p++) {
			buf_text(&text, *p == '#' ? digits : "");
			buf_add(&text, p, *p != '#');
		}
	}
	buf_printf(&text, "%s}]", behind);
	buf_char(&text, '\0');
	load_text(&l, text.p);
	(void)snprintf(code, sizeof(code), "%s", l.set ? "" : l.diags.first->code);
	unload(&l);
	buf_fini(&text);
	return code;
}

static void test_limits(void **state)
{
	static const char param[] = "p#: {type: int, default: 1}, ";

	(void)state;
	assert_string_equal(load_many("params: {", param, 32, "}"), "");
	assert_string_equal(load_many("params: {", param, 33, "}"), "E018");
	assert_string_equal(load_many("let: {", "n#: ring, ", 32, "}"), "");
	assert_string_equal(load_many("let: {", "n#: ring, ", 33, "}"), "E018");
	assert_string_equal(
		load_many("window: 1h, when: '", "count(q850 > #) > 1 and ", 32, "true'"), "");
	assert_string_equal(
		load_many("window: 1h, when: '", "count(q850 > #) > 1 and ", 33, "true'"), "E018");
	assert_string_equal(load_many("output: {summary: x, fields: '", "ring,", 31, "ring'}"), "");
	assert_string_equal(load_many("output: {summary: x, fields: '", "ring,", 32, "ring'}"),
	                    "E018");
	assert_string_equal(load_many("output: {summary: '", "{ring}", 128, "'}"), "");
	assert_string_equal(load_many("output: {summary: '", "{ring}", 129, "'}"), "E026");
	assert_string_equal(load_many("output: {summary: '", "{caller.num in @l#}", 64, "'}"), "");
	assert_string_equal(load_many("output: {summary: '", "{caller.num in @l#}", 65, "'}"),
	                    "E018");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
