/* Which mutants a rule has, and which of them its tests notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/mutate.h"
#include "core/buf.h"
#include "core/err.h"

#define HEAD                     \
 "version: 1\npack: p\nrules:\n" \
 "  - id: r\n    rev: 1\n    title: t\n    class: other\n    severity: low\n"
#define TAIL "    output: {summary: x}\n"

/* ---- the mutants ---- */

/* What a rule is made of between its head and its tail, and the names of its mutants in order. */
struct row {
	const char *id;
	const char *body;
	const char *names[16];
};

static const struct row rows[] = {
	{"nothing to change", "    on: call\n    key: caller.num\n", {NULL}},
	{"a lone condition goes whole",
         "    on: call\n    key: caller.num\n    where: answered\n",
         {"without: answered"}},
	{"conjuncts, one by one",
         "    on: call\n    key: caller.num\n"
         "    where: answered and not forwarded and present(ring)\n",
         {"without: answered", "without: not forwarded", "without: present(ring)"}},
	{"alternatives stay",
         "    on: call\n    key: caller.num\n    where: answered or forwarded\n",
         {"without: answered or forwarded"}},
	{"a boundary and its literal",
         "    on: call\n    key: caller.num\n    where: duration > 30s\n",
         {"duration > 30s -> >=", "duration > 30s: 30s -> 21s", "duration > 30s: 30s -> 39s",
          "without: duration > 30s"}},
	{"both ends of a range",
         "    on: call\n    key: caller.num\n    where: duration in 10s..30s\n",
         {"duration in 10s..30s: > 10s", "duration in 10s..30s: < 30s",
          "duration in 10s..30s: 10s -> 7s", "duration in 10s..30s: 10s -> 13s",
          "duration in 10s..30s: 30s -> 21s", "duration in 10s..30s: 30s -> 39s",
          "without: duration in 10s..30s"}},
	{"equality has a literal but no boundary",
         "    on: call\n    key: caller.num\n    where: q850 == 1\n",
         {"q850 == 1: 1 -> 0", "q850 == 1: 1 -> 2", "without: q850 == 1"}},
	{"arguments of functions are no literals",
         "    on: call\n    key: caller.num\n    where: prefix(caller.num, 5) == prefix(callee.num, 5)\n",
         {"without: prefix(caller.num, 5) == prefix(callee.num, 5)"}},
	{"an unused parameter changes nothing",
         "    on: call\n    key: caller.num\n    params: {n: {type: int, default: 10, doc: d}}\n",
         {NULL}},
	{"zero stays zero",
         "    on: call\n    key: caller.num\n    where: common_prefix(caller.num, callee.num) > 0\n",
         {"common_prefix(caller.num, callee.num) > 0 -> >=",
          "without: common_prefix(caller.num, callee.num) > 0"}},
	{"when is not dropped whole; a share keeps its sign",
         "    on: call\n    key: caller.num\n    window: 10m\n    when: ratio(answered) <= 50%\n",
         {"ratio(answered) <= 50% -> <", "ratio(answered) <= 50%: 50% -> 35%",
          "ratio(answered) <= 50%: 50% -> 65%"}},
	{"conditions of aggregates and let, told apart; both conjuncts of when",
         "    on: call\n    key: caller.num\n    window: 10m\n"
         "    let: {long: 'count(ring < 0s)', share: ratio(ring < 0s)}\n"
         "    when: long > 0 and share > 0%\n",
         {"long > 0 -> >=", "share > 0% -> >=", "ring < 0s -> <=",
          "ring < 0s -> <= in ratio(ring < 0s)", "without: long > 0", "without: share > 0%"}},
	{"arithmetic of a comparison",
         "    on: call\n    key: caller.num\n    window: 10m\n    when: count() * 2 >= count(answered)\n",
         {"count() * 2 >= count(answered) -> >", "count() * 2 >= count(answered): 2 -> 1",
          "count() * 2 >= count(answered): 2 -> 3"}},
	{"parameters are rounded away from what they were",
         "    on: call\n    key: caller.num\n    params: {one: {type: int, default: 1, doc: d}}\n"
         "    where: q850 == $one\n",
         {"$one 1 -> 0", "$one 1 -> 2", "without: q850 == $one"}},
	{"parameters stay inside their range",
         "    on: call\n    key: caller.num\n"
         "    params: {n: {type: int, default: 10, range: [8, 12], doc: d}}\n    where: q850 == $n\n",
         {"$n 10 -> 8", "$n 10 -> 12", "without: q850 == $n"}},
	{"a parameter at the end of its range goes one way",
         "    on: call\n    key: caller.num\n    window: 10m\n"
         "    params: {n: {type: pct, default: 100%, range: [90%, 100%], tune: true, doc: d}}\n"
         "    when: ratio(answered) == $n\n",
         {"$n 100% -> 90%"}},
	{"a duration as a parameter; a text is none",
         "    on: call\n    key: caller.num\n"
         "    params: {d: {type: dur, default: 10s, doc: d}, w: {type: str, default: x, doc: d}}\n"
         "    where: duration == $d and caller.display == $w\n",
         {"$d 10s -> 7s", "$d 10s -> 13s", "without: duration == $d",
          "without: caller.display == $w"}},
	{"steps of a sequence",
         "    sequence:\n      within: 1h\n      key: [caller]\n      steps:\n"
         "        - {as: one, on: call, key: caller.num, where: answered}\n"
         "        - {as: two, on: call, key: callee.num, where: answered and not forwarded}\n",
         {"without: answered", "without: answered in two", "without: not forwarded"}},
};

static void load(const char *text, struct diags *diags, struct ruleset **set)
{
	diags_init(diags);
	(void)ruleset_load_text("t.yaml", slice_of(text), NULL, diags, set);
	if (!*set) {
		struct buf said = {0};
		diags_print(diags, &said);
		fail_msg("%.*s", SLICE_FMT(buf_view(&said)));
	}
}

static void check_names(const struct row *row, const struct mutants *m)
{
	size_t count = 0;

	while (count < 16 && row->names[count]) {
		count++;
	}
	for (size_t i = 0; i < m->count || i < count; i++) {
		const char *name = i < count ? row->names[i] : "(no more)";
		struct slice got = i < m->count ? m->all[i].name : SLICE_LIT("(no more)");
		if (!slice_eq(got, slice_of(name))) {
			fail_msg("%s, %zu: expected '%s', got '%.*s'", row->id, i, name,
			         SLICE_FMT(got));
		}
	}
}

/* Every number and expression of the rule that a mutant may differ in. */
static void print_rule(const struct rule *rule, const struct ruleset *set, struct buf *out)
{
	struct rule own = *rule;
	enum rule_part part;
	const struct expr **at;

	buf_reset(out);
	for (unsigned i = 0; i < rule->param_count; i++) {
		param_print(&rule->params[i], &rule->params[i].value, out);
		buf_char(out, '\n');
	}
	for (unsigned i = 0; (at = rule_expr(&own, i, &part)) != NULL; i++) {
		if (*at) {
			expr_print(*at, rule, set, out);
		}
		buf_char(out, '\n');
	}
	assert_false(out->failed);
}

/* Each is another rule than the first, and than every other mutant; the first stays as it is. */
static void check_rules(const struct row *row, const struct rule *rule, const struct ruleset *set,
                        struct slice before, const struct mutants *m)
{
	struct buf texts[17] = {{0}};

	print_rule(rule, set, &texts[0]);
	assert_true(slice_eq(before, buf_view(&texts[0])));
	for (size_t i = 0; i < m->count; i++) {
		print_rule(m->all[i].rule, set, &texts[i + 1]);
		for (size_t k = 0; k <= i; k++) {
			if (slice_eq(buf_view(&texts[k]), buf_view(&texts[i + 1]))) {
				fail_msg("%s: '%.*s' changes nothing", row->id,
				         SLICE_FMT(m->all[i].name));
			}
		}
	}
	for (size_t i = 0; i <= m->count; i++) {
		buf_fini(&texts[i]);
	}
}

static void names_and_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[2048];
		struct ruleset *set = NULL;
		struct mutants m = {.count = 0};
		struct buf before = {0};
		struct diags diags;

		(void)snprintf(text, sizeof(text), HEAD "%s" TAIL, rows[i].body);
		load(text, &diags, &set);
		print_rule(set->rules[0], set, &before);
		arena_init(&m.arena, 1 << 24);
		assert_int_equal(mutants_make(set->rules[0], &m), OK);
		check_names(&rows[i], &m);
		check_rules(&rows[i], set->rules[0], set, buf_view(&before), &m);
		mutants_fini(&m);
		buf_fini(&before);
		ruleset_free(set);
		diags_fini(&diags);
	}
}

/* Too little memory ends in an error, at every size, and leaves nothing behind. */
static void memory_runs_out(void **state)
{
	struct ruleset *set = NULL;
	struct diags diags;
	size_t size = 0;
	int err = E_NOMEM;

	(void)state;
	load(HEAD
	     "    on: call\n    key: caller.num\n    where: answered and duration in 1s..9s\n" TAIL,
	     &diags, &set);
	for (; err == E_NOMEM; size += 997) {
		struct mutants m = {.count = 0};
		arena_init(&m.arena, size);
		err = mutants_make(set->rules[0], &m);
		mutants_fini(&m);
	}
	assert_int_equal(err, OK);
	assert_true(size > sizeof(struct rule));
	ruleset_free(set);
	diags_fini(&diags);
}

/* ---- what tests notice ---- */

#define CALL "event: {caller.num: '+447400900001', callee.num: '+447400900002', answered: true"
#define SHORT \
 "      - name: short\n        given: [{" CALL ", duration: 29s}}]\n        expect: []\n"
#define EXACT \
 "      - name: exact\n        given: [{" CALL ", duration: 30s}}]\n        expect: [{at: 0s}]\n"
/* The second call is seen after the first has done what it does. */
#define TWICE                                                                               \
 "      - name: twice\n        given: [{repeat: 2, every: 10s, " CALL ", duration: 1s}}]\n" \
 "        expect: [{at: 10s}]\n"
#define RULE(name)                                                                   \
 "  - id: " name "\n    rev: 1\n    title: t\n    class: other\n    severity: low\n" \
 "    on: call\n    key: caller.num\n    output: {summary: x}\n"

/* The rule under test is the first; `survive` are the names that no test notices, in order. */
static const struct trial_row {
	const char *id;
	const char *rules;
	bool broken;
	const char *survive[8];
} trials[] = {
	{"all noticed",
         RULE("a") "    where: duration >= 30s\n    tests:\n" SHORT EXACT,
         false,
         {NULL}},
	{"one test less: below",
         RULE("a") "    where: duration >= 30s\n    tests:\n" EXACT,
         false,
         {"duration >= 30s: 30s -> 21s", "without: duration >= 30s"}},
	{"one test less: at the boundary",
         RULE("a") "    where: duration >= 30s\n    tests:\n" SHORT,
         false,
         {"duration >= 30s -> >", "duration >= 30s: 30s -> 39s"}},
	{"a range",
         RULE("a") "    where: duration in 30s..40s\n    tests:\n" SHORT EXACT,
         false,
         {"duration in 30s..40s: < 40s", "duration in 30s..40s: 40s -> 52s"}},
	{"a test that gives the parameter itself does not pin its default",
         RULE("a") "    params: {min: {type: dur, default: 50s, doc: d}}\n"
                   "    where: duration >= $min\n    tests:\n"
                   "      - name: exact\n        with_params: {min: 30s}\n        given: [{" CALL
                   ", duration: 30s}}]\n        expect: [{at: 0s}]\n"
                   "      - name: short\n        with_params: {min: 30s}\n        given: [{" CALL
                   ", duration: 29s}}]\n        expect: []\n",
         false,
         {"$min 50s -> 35s", "$min 50s -> 1m5s"}},
	{"a conjunct that is dropped is the one that is named",
         RULE("a") "    where: answered and not forwarded\n    tests:\n" EXACT
                   "      - name: nobody answers\n        given: [{event: {caller.num: '+447400900001', "
                   "answered: false}}]\n        expect: []\n",
         false,
         {"without: not forwarded"}},
	{"a failing test tells nothing",
         RULE("a") "    where: duration > 30s\n    tests:\n" SHORT EXACT,
         true,
         {NULL}},
	{"what a site changes does not count",
         RULE("a") "    params: {min: {type: dur, default: 30s, doc: d}}\n"
                   "    where: duration >= $min\n    tests:\n" SHORT EXACT
                   "overrides:\n  - {rule: p/a, base_rev: 1, params: {min: 60s}, narrow: forwarded, by: b, reason: r}\n",
         false,
         {NULL}},
	{"a rule on signals runs among those that give them",
         "  - id: a\n    rev: 1\n    title: t\n    class: other\n    severity: low\n"
         "    on: signal\n    from: b\n    key: signal.who\n    output: {summary: x}\n"
         "    where: signal.long >= 30s\n    tests:\n" SHORT EXACT
         "  - id: b\n    rev: 1\n    title: t\n    class: other\n    severity: low\n"
         "    on: call\n    key: caller.num\n    emit: signal\n"
         "    let: {who: caller.num, long: duration}\n    output: {summary: x, fields: 'who, long'}\n",
         false,
         {NULL}},
	{"a rule that reads scores runs among those that give them",
         RULE("a") "    where: caller.score >= 5.0\n    tests:\n" TWICE RULE(
		 "b") "    score: {entity: caller.num, points: 10, half_life: 1h}\n",
         false,
         {"caller.score >= 5.0 -> >", "caller.score >= 5.0: 5.0 -> 3.5",
          "caller.score >= 5.0: 5.0 -> 6.5"}},
	{"a rule that reads a list runs among those that write it",
         RULE("a") "    where: caller.num in @l\n    tests:\n" TWICE RULE(
		 "b") "    then: [{add: {list: '@l', value: caller.num}}]\n"
                      "lists: {'@l': {type: num, dynamic: true}}\n",
         false,
         {NULL}},
	{"a test that sets another rule's parameter finds it",
         RULE("a") "    where: duration >= 30s\n    tests:\n" SHORT
                 EXACT "        with_params: {b: {min: 1s}}\n" RULE(
			 "b") "    params: {min: {type: dur, default: 2s, doc: d}}\n    where: duration > $min\n",
         false,
         {NULL}},
};

/* The numbering plan lies beside an installed or built program, not beside a build elsewhere. */
static struct site *open_site(const char *rules)
{
	char path[] = "/tmp/test_mutate_XXXXXX";
	const char *const paths[] = {path};
	struct site_options options = {
		.home = country_of('G', 'B'), .rules = paths, .rule_count = 1};
	struct diags diags;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "version: 1\npack: p\nrules:\n%s", rules) > 0);
	(void)close(fd);
	diags_init(&diags);
	struct site *site = site_load(&options, &diags);
	(void)unlink(path);
	if (!site) {
		struct buf said = {0};
		diags_print(&diags, &said);
		fail_msg("%.*s", SLICE_FMT(buf_view(&said)));
	}
	diags_fini(&diags);
	return site;
}

static void check_survivors(const struct trial_row *row, const struct mutation *m)
{
	size_t next = 0, noticed = 0;

	for (size_t i = 0; i < m->mutants.count; i++) {
		const struct mutant *mutant = &m->mutants.all[i];
		noticed += mutant->noticed;
		if (mutant->noticed) {
			continue;
		}
		const char *name = next < 8 && row->survive[next] ? row->survive[next] : "nothing";
		if (!slice_eq(mutant->name, slice_of(name))) {
			fail_msg("%s: '%.*s' survives, expected '%s'", row->id,
			         SLICE_FMT(mutant->name), name);
		}
		next++;
	}
	if (next < 8 && row->survive[next]) {
		fail_msg("%s: '%s' does not survive", row->id, row->survive[next]);
	}
	assert_int_equal(m->noticed, noticed);
	assert_int_equal(m->broken, row->broken);
	assert_int_equal(m->mutants.count == 0, row->broken);
}

static void tests_notice(void **state)
{
	(void)state;
	if (!site_shipped_rules()) {
		skip();
	}
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		struct site *site = open_site(trials[i].rules);
		struct mutation m;
		assert_int_equal(mutation_run(site, site->rules->rules[0], &m), OK);
		check_survivors(&trials[i], &m);
		mutation_fini(&m);
		site_free(site);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_rules),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(tests_notice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
