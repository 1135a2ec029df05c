/* rule.h: what the loader makes of sequences, signals, scores, writes to lists, new() and history,
 * and in which order it loads rules that take each other's signals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/instant.h"
#include "unit/detect/loaded.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define NAMED(id, rest) \
 "  - {id: " id ", rev: 1, title: T, class: other, severity: low, " rest "}\n"
#define LISTS "lists: {'@hot': {type: num, dynamic: true, ttl: 1h}}\n"

/* ---- sequences ---- */

static void test_sequence(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l, RULE("sequence: {within: 90m, key: 'who, peer', keep: first, steps: ["
	                   "{as: a, on: attempt, key: 'callee.num, caller.num'}, "
	                   "{none: n, on: call, key: 'caller.num, callee.num', "
	                   "where: ring > 3s and callee.num == peer}, "
	                   "{as: b, on: call, key: 'caller.num, callee.num', "
	                   "where: ua == a.ua and trunk.id == a.trunk.id}, "
	                   "{none: m, on: answer, key: 'callee.num, caller.num', for: 30m}]}, "
	                   "let: {talk: b.duration}, suppress: {for: 1h, by: a.trunk.id}, "
	                   "output: {summary: '{who} {b.setup}', fields: 'talk, a.ua'}"));
	need(&l);
	const struct rule *r = l.set->rules[0];
	assert_int_equal(r->step_count, 4);
	assert_int_equal(r->within_us, 90 * US_PER_MIN);
	assert_true(r->keep_first);
	assert_int_equal(r->kind, KIND_CALL); /* of the last step that is an event */
	assert_int_equal(r->window_us, 0);
	assert_int_equal(r->fire, FIRE_EACH);
	assert_false(r->loss_safe);
	assert_int_equal(r->key_count, 2);
	assert_text(r->key_names[1], "peer");
	assert_int_equal(r->keys[0]->op, EXPR_BOUND);
	assert_int_equal(r->bound[r->keys[0]->index].from, BOUND_KEY);
	assert_ptr_equal(r->subject, r->keys[0]);
	assert_string_equal(r->subject_type, "callee"); /* as the first step has it */
	assert_true(r->steps[1].none && !r->steps[2].none);
	assert_int_equal(r->steps[3].for_us, 30 * US_PER_MIN);
	assert_int_equal(r->steps[3].kind, KIND_ANSWER);
	assert_int_equal(r->bound_count, 6); /* who peer a.ua a.trunk.id b.duration b.setup */
	const struct bound *duration = &r->bound[r->lets[0].expr->index];
	assert_text(duration->name, "b.duration");
	assert_int_equal(duration->from, BOUND_STEP);
	assert_int_equal(duration->index, 2);
	assert_int_equal(duration->field, FIELD_DURATION);
	assert_int_equal(duration->type, TYPE_DUR);
	assert_false(duration->optional);
	assert_true(r->bound[r->suppress_by[0]->index].optional);
	static const enum field used[] = {FIELD_CALLER_NUM, FIELD_CALLEE_NUM, FIELD_RING, FIELD_UA,
	                                  FIELD_TRUNK_ID,   FIELD_DURATION,   FIELD_SETUP};
	for (size_t i = 0; i < COUNT(used); i++) {
		assert_true(r->used[used[i]] && l.set->used[used[i]]);
	}
	unload(&l);
}

/* Which sequences can only miss, and never invent, when events are lost. */
static const struct {
	const char *rule;
	bool loss_safe;
	int64_t rearm_us;
} sequences[] = {
	{RULE("sequence: {within: 1h, key: v, steps: [{as: a, on: call, key: callee.num}, "
              "{as: b, on: call, key: caller.num}]}"),
         true, 0},
	{RULE("fire: once, sequence: {within: 1h, key: v, steps: [{as: a, on: call, key: "
              "callee.num}, {as: b, on: call, key: caller.num}]}"),
         true, US_PER_HOUR},
	{RULE("sequence: {within: 1h, key: v, steps: [{as: a, on: call, key: callee.num}, "
              "{none: b, on: call, key: caller.num, for: 1m}]}"),
         false, 0},
	{RULE("sequence: {within: 1h, key: v, steps: [{as: a, on: call, key: callee.num}, "
              "{as: b, on: call, key: caller.num, where: 'new(callee.num, 1d)'}]}"),
         false, 0},
};

static void test_losses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sequences); i++) {
		struct loaded l;
		load_text(&l, sequences[i].rule);
		need(&l);
		assert_int_equal(l.set->rules[0]->loss_safe, sequences[i].loss_safe);
		assert_int_equal(l.set->rules[0]->rearm_us, sequences[i].rearm_us);
		unload(&l);
	}
}

/* ---- signals ---- */

#define SOURCE(id, fields) \
 NAMED(id, "on: call, emit: signal, key: trunk.id, output: {summary: x, fields: '" fields "'}")
#define TAKES(id, from) \
 NAMED(id, "on: signal, from: " from ", emit: signal, output: {summary: x, fields: signal.num}")
#define FILE_OF(rules) "version: 1\nrules:\n" rules

static void test_signals(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l,
	          FILE_OF(NAMED("last", "on: signal, from: [s1, site.local/s2], key: signal.num, "
	                                "where: signal.ring > 2s") SOURCE("s1", "caller.num, ring")
	                          SOURCE("s2", "ring, callee.num")));
	need(&l);
	const struct rule *r = ruleset_find(l.set, SLICE_LIT("site.local/last"));
	assert_int_equal(r->kind, KIND_SIGNAL);
	assert_int_equal(r->from_count, 2);
	assert_text(r->from[1]->id, "s2");
	assert_true(r->from[0]->signal && !r->signal);
	assert_string_equal(r->subject_type, "caller"); /* as the first source has it */
	unsigned num = r->keys[0]->index, ring = !num;
	assert_text(r->bound[num].name, "signal.num");
	assert_int_equal(r->bound[ring].type, TYPE_DUR);
	assert_int_equal(r->signal_fields[0][num], 0);
	assert_int_equal(r->signal_fields[1][num], 1);
	assert_int_equal(r->signal_fields[1][ring], 0);
	unload(&l);
}

/* Rules that take signals, in every order of the file: where the only mistake is, if any. */
static const struct {
	const char *id;
	const char *text;
	const char *code; /* NULL: none */
	unsigned line;
	size_t whole;
} orders[] = {
	{"chain", FILE_OF(SOURCE("s", "caller.num") TAKES("a", "s") TAKES("b", "a")), NULL, 0, 3},
	{"chain backwards", FILE_OF(TAKES("b", "a") TAKES("a", "s") SOURCE("s", "caller.num")),
         NULL, 0, 3},
	{"end first", FILE_OF(TAKES("b", "a") SOURCE("s", "caller.num") TAKES("a", "s")), NULL, 0,
         3},
	{"two ways",
         FILE_OF(TAKES("c", "[a, b]") TAKES("b", "[a, s]") TAKES("a", "s")
                         SOURCE("s", "caller.num")),
         NULL, 0, 4},
	{"itself", FILE_OF(SOURCE("s", "caller.num") TAKES("a", "[s, a]")), "E054", 4, 1},
	{"circle", FILE_OF(TAKES("a", "b") TAKES("b", "[s, a]") SOURCE("s", "caller.num")), "E054",
         4, 1},
	{"no signals", FILE_OF(TAKES("a", "c") NAMED("c", "on: call")), "E054", 3, 1},
	{"nobody", FILE_OF(TAKES("a", "c")), "E054", 3, 0},
	{"of another pack", FILE_OF(TAKES("a", "x/s") SOURCE("s", "caller.num")), "E054", 3, 1},
	{"twice", FILE_OF(TAKES("a", "[s, site.local/s]") SOURCE("s", "caller.num")), "E019", 3, 1},
	{"nothing of that name", FILE_OF(TAKES("a", "s") SOURCE("s", "caller.country")), "E030", 3,
         1},
	{"of two kinds",
         FILE_OF(TAKES("a", "[s, t]") SOURCE("s", "caller.num") NAMED(
		 "t",
		 "on: call, emit: signal, let: {num: ring}, output: {summary: x, fields: num}")),
         "E036", 3, 2},
	/* One cause gives one message: nothing is said of those who wait for a rule with mistakes.
         */
	{"broken source", FILE_OF(TAKES("b", "a") TAKES("a", "s") SOURCE("s", "caller.nun")),
         "E030", 5, 0},
	{"source of no kind", FILE_OF(TAKES("a", "s") NAMED("s", "on: cal, emit: signal")), "E017",
         4, 0},
	{"declared twice", FILE_OF(SOURCE("s", "caller.num") SOURCE("s", "ring") TAKES("a", "s")),
         "E019", 4, 2},
};

static void test_orders(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(orders); i++) {
		struct loaded l;
		load_text(&l, orders[i].text);
		const struct diag *first = l.diags.first;
		while (first && first->warning) {
			first = first->next;
		}
		const char *code = orders[i].code ? orders[i].code : "nothing";
		if (l.diags.errors != (orders[i].code != NULL) || l.whole != orders[i].whole ||
		    (first &&
		     (strcmp(first->code, code) != 0 || first->at.line != orders[i].line))) {
			fail_msg("%s: %u errors, %zu whole, first %s in line %u; want %s",
			         orders[i].id, l.diags.errors, l.whole,
			         first ? first->code : "nothing", first ? first->at.line : 0, code);
		}
		unload(&l);
	}
}

/* However long a chain is and however it lies in the file, each rule is looked at once. */
static void test_long_chain(void **state)
{
	enum { LENGTH = 20000 };
	struct buf text = {0};
	struct loaded l;

	(void)state;
	buf_text(&text, "version: 1\nrules:\n");
	for (unsigned i = LENGTH; i-- > 1;) {
		buf_printf(&text,
		           "- {id: r%u, rev: 1, title: T, class: other, severity: low, on: signal, "
		           "from: r%u, emit: signal}\n",
		           i, i - 1);
	}
	buf_text(&text, "- {id: r0, rev: 1, title: T, class: other, severity: low, on: call, "
	                "emit: signal}\n");
	buf_char(&text, '\0');
	load_text(&l, text.p);
	need(&l);
	assert_int_equal(l.set->rule_count, LENGTH);
	unload(&l);
	buf_fini(&text);
}

/* ---- scores, writes, new(), history ---- */

static const struct {
	const char *entity;
	const char *type;
} entities[] = {
	{"caller.num", "number"},  {"callee.num", "number"}, {"trunk.id", "trunk"},
	{"account.id", "account"}, {"src.ip", "ip"},         {"ua", "other"},
	{"who", "number"},         {"line", "trunk"},
};

static void test_entities(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(entities); i++) {
		struct buf text = {0};
		struct loaded l;
		buf_printf(&text,
		           RULE("on: call, let: {who: callee.num, line: trunk.id}, score: {entity: "
		                "%s, points: 5, half_life: 1d, per: 1h}"),
		           entities[i].entity);
		buf_char(&text, '\0');
		load_text(&l, text.p);
		need(&l);
		const struct score_give *score = &l.set->rules[0]->score;
		assert_string_equal(score->entity_type, entities[i].type);
		assert_int_equal(score->points->type, TYPE_FLOAT);
		assert_int_equal(score->half_life_us, US_PER_DAY);
		assert_int_equal(score->per_us, US_PER_HOUR);
		unload(&l);
		buf_fini(&text);
	}
}

static void test_score_rule(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l, RULE("on: score, when: score.value > 50.0 and score.rules >= 2"));
	need(&l);
	const struct rule *r = l.set->rules[0];
	assert_int_equal(r->kind, KIND_SCORE);
	assert_int_equal(r->key_count, 1);
	assert_text(r->bound[r->keys[0]->index].name, "score.entity");
	assert_int_equal(r->bound[r->keys[0]->index].from, BOUND_SCORE);
	assert_string_equal(r->subject_type, "other");
	assert_int_equal(r->fire, FIRE_ONCE);
	assert_int_equal(r->rearm_us, US_PER_HOUR);
	assert_true(r->loss_safe);
	unload(&l);
}

static void test_writes(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l, "version: 1\n" LISTS "rules:\n" NAMED(
			      "r", "on: call, then: [{add: {list: '@hot', value: caller.num}, "
				   "remove: {list: '@hot', value: callee.num}}, "
				   "{add: {list: hot, value: '\"+447700900123\"', ttl: 5m}}]"));
	need(&l);
	const struct rule *r = l.set->rules[0];
	assert_int_equal(r->op_count, 3);
	assert_int_equal(r->ops[0].ttl_us, US_PER_HOUR); /* the list's */
	assert_true(!r->ops[0].remove && r->ops[1].remove);
	assert_int_equal(r->ops[1].value->field, FIELD_CALLEE_NUM);
	assert_int_equal(r->ops[2].ttl_us, 5 * US_PER_MIN);
	assert_int_equal(r->ops[2].value->type, TYPE_NUM); /* as the list holds them */
	unload(&l);
}

static bool can_write(unsigned count)
{
	struct buf text = {0};
	struct loaded l;

	buf_text(&text, "version: 1\n" LISTS "rules: [{id: r, rev: 1, title: T, class: other, "
	                "severity: low, on: call, then: [");
	for (unsigned i = 0; i < count; i++) {
		buf_text(&text, "{add: {list: hot, value: caller.num}}, ");
	}
	buf_text(&text, "]}]");
	buf_char(&text, '\0');
	load_text(&l, text.p);
	bool can = l.set && l.set->rules[0]->op_count == count;
	unload(&l);
	buf_fini(&text);
	return can;
}

static void test_write_limit(void **state)
{
	(void)state;
	assert_true(can_write(RULE_OPS_MAX));
	assert_false(can_write(RULE_OPS_MAX + 1));
}

/* Equal calls are one entry. */
static void test_news(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l,
	          RULE("on: call, key: caller.num, window: 1h, where: 'new(callee.num, 30d)', "
	               "let: {again: 'new(callee.num, 720h)', other: 'new(callee.num, 30d, 1d)'}, "
	               "when: 'count(new(callee.country, 7d)) > 3 and again'"));
	need(&l);
	const struct rule *r = l.set->rules[0];
	assert_int_equal(r->new_count, 3);
	assert_int_equal(r->lets[0].expr->index, r->where->index);
	assert_int_equal(r->news[r->lets[1].expr->index].warm_us, US_PER_DAY);
	assert_int_equal(r->news[0].history_us, 30 * US_PER_DAY);
	unload(&l);
}

static void test_history(void **state)
{
	struct loaded l;

	(void)state;
	load_text(
		&l,
		RULE("on: call, key: caller.num, window: 1h, baseline: {bucket: 1h, history: 28d, "
	             "season: hour_of_week, min_n: 20, if_short: pass}, let: {a: usual(count()), "
	             "b: spread(count()), c: usual(sum(duration)), d: zscore(sum(duration)), "
	             "e: usual(count())}, when: zscore(count()) > 3.0"));
	need(&l);
	const struct rule *r = l.set->rules[0];
	assert_int_equal(r->baseline.bucket_us, US_PER_HOUR);
	assert_int_equal(r->baseline.history_us, 28 * US_PER_DAY);
	assert_int_equal(r->baseline.season, SEASON_HOUR_OF_WEEK);
	assert_int_equal(r->baseline.min_n, 20);
	assert_true(r->baseline.short_passes);
	assert_int_equal(r->series_count, 2);
	assert_int_equal(r->history_count, 5);
	assert_int_equal(r->lets[2].expr->type, TYPE_DUR);
	assert_int_equal(r->lets[3].expr->type, TYPE_FLOAT);
	assert_int_equal(r->lets[4].expr->index, r->lets[0].expr->index);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequence),    cmocka_unit_test(test_losses),
		cmocka_unit_test(test_signals),     cmocka_unit_test(test_orders),
		cmocka_unit_test(test_long_chain),  cmocka_unit_test(test_entities),
		cmocka_unit_test(test_score_rule),  cmocka_unit_test(test_writes),
		cmocka_unit_test(test_write_limit), cmocka_unit_test(test_news),
		cmocka_unit_test(test_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
