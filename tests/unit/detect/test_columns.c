/* The columnar evaluator gives what the scalar one gives, on random conditions over random rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "core/buf.h"
#include "detect/columns.h"
#include "detect/eval.h"
#include "unit/detect/bench_rules.h"

enum { RULES = 60, ROWS = 500 };

static const char *const leaves_of_all[] = {
	"answered",
	"present(account.tz)",
	"duration > 3s",
	"duration <= 3s",
	"3s < duration",
	"duration in 2s..4s",
	"trunk.role == \"peer\"",
	"trunk.role in {\"peer\", \"access\"}",
	"account.age >= 2s",
	"account.age != 2s",
	"present(account.age)",
	"true",
};

static const char *const leaves_of_call[] = {
	"caller.num == \"+44207946000\"",
	"caller.num != callee.num",
	"caller.country == callee.country",
	"caller.country != \"GB\"",
	"caller.country == site.country",
	"caller.valid",
	"caller.valid == caller.assigned",
	"caller.type in {\"mobile\", \"voip\"}",
	"caller.type == callee.type",
	"ring < setup",
	"ring == 2s",
	"cause != \"busy\"",
	"q850 in {1, 2}",
	"q850 in 1..2",
	"present(q850)",
	"present(callee.num)",
	"start <= time",
};

static const char *const leaves_of_party[] = {
	"party.role == \"orig\"",  "party.role != \"term\"",
	"party.country == \"GB\"", "party.country == peer.country",
	"party.type == peer.type", "present(party.cell)",
	"present(peer.num)",       "party.num == peer.num",
};

#define PICK(list, seed) (list)[bench_draw(seed, sizeof(list) / sizeof((list)[0]))]

static void random_condition(struct buf *out, uint64_t *seed, bool party, unsigned depth)
{
	if (depth == 0 || bench_draw(seed, 3) == 0) {
		buf_text(out, bench_draw(seed, 2) ? PICK(leaves_of_all, seed)
		              : party             ? PICK(leaves_of_party, seed)
		                                  : PICK(leaves_of_call, seed));
		return;
	}
	bool negated = bench_draw(seed, 4) == 0;
	buf_text(out, negated ? "not (" : "(");
	random_condition(out, seed, party, depth - 1);
	buf_text(out, bench_draw(seed, 2) ? " and " : " or ");
	random_condition(out, seed, party, depth - 1);
	buf_char(out, ')');
}

static void random_rules(struct buf *out, uint64_t *seed)
{
	buf_text(out, "version: 1\nrules:\n");
	for (unsigned i = 0; i < RULES; i++) {
		bool party = i % 2;
		buf_printf(
			out,
			"  - id: r%u\n    rev: 1\n    title: t\n    class: other\n"
			"    severity: low\n    on: %s\n    key: call_id\n    where: >-\n        ",
			i, party ? "party" : "call");
		random_condition(out, seed, party, 4);
		buf_text(out, "\n    output: {summary: 'x'}\n");
	}
	buf_char(out, '\0');
}

static country random_country(uint64_t *seed)
{
	return bench_draw(seed, 3) ? country_of('G', bench_draw(seed, 2) ? 'B' : 'A') : 0;
}

static int64_t random_dur(uint64_t *seed)
{
	return bench_draw(seed, 4) ? (int64_t)bench_draw(seed, 5) * US_PER_S : INSTANT_NONE;
}

static void random_row(struct bench_rules *r, uint64_t *seed)
{
	struct event e = bench_call(T0, "id");
	union column *col = r->batch->col;

	e.answered = bench_draw(seed, 2);
	e.duration_us = (int64_t)bench_draw(seed, 6) * US_PER_S;
	e.start_us = T0 + (int64_t)bench_draw(seed, 3) - 1;
	e.ring_us = random_dur(seed);
	e.setup_us = random_dur(seed);
	e.cause = (uint8_t)bench_draw(seed, CAUSE_COUNT);
	e.q850 = bench_draw(seed, 3) ? (int64_t)bench_draw(seed, 4) : INSTANT_NONE;
	e.cell = bench_draw(seed, 2) ? SLICE_LIT("cell") : SLICE_NONE;
	uint32_t row =
		bench_add(r, &e,
	                  bench_draw(seed, 3)
	                          ? number_pack(NUMBER_E164, 11, 44207946000 + bench_draw(seed, 2))
	                          : 0,
	                  bench_draw(seed, 3)
	                          ? number_pack(NUMBER_E164, 11, 44207946000 + bench_draw(seed, 2))
	                          : 0);
	col[FIELD_CALLER_COUNTRY].country[row] = random_country(seed);
	col[FIELD_CALLEE_COUNTRY].country[row] = random_country(seed);
	col[FIELD_CALLER_TYPE].u8[row] = (uint8_t)bench_draw(seed, NUMTYPE_COUNT);
	col[FIELD_CALLEE_TYPE].u8[row] = (uint8_t)bench_draw(seed, NUMTYPE_COUNT);
	col[FIELD_TRUNK_ROLE].u8[row] = (uint8_t)bench_draw(seed, ROLE_COUNT);
	col[FIELD_CALLER_VALID].u8[row] = (uint8_t)bench_draw(seed, 3);
	col[FIELD_CALLER_ASSIGNED].u8[row] = (uint8_t)bench_draw(seed, 3);
	col[FIELD_ACCOUNT_AGE].i64[row] = random_dur(seed);
	col[FIELD_ACCOUNT_TZ].text[row] = bench_draw(seed, 2) ? SLICE_LIT("UTC") : SLICE_NONE;
}

/* Site values are constants by the time that conditions are compiled; here they are left to the
 * scalar evaluator, as -1 says. Returns how many conditions were columnar.
 */
static unsigned check_rule(struct bench_rules *r, struct columns *c, struct eval *e,
                           const struct rule *rule, const uint32_t *rows)
{
	unsigned cheap = 0;

	for (unsigned role = 0; role < (rule->kind == KIND_PARTY ? 2U : 1U); role++) {
		int node = columns_add(c, rule->kind, role, rule->where);
		if (node < 0) {
			continue;
		}
		cheap++;
		columns_run(c, rule->kind, role, r->batch, rows, 0, ROWS / 3);
		columns_run(c, rule->kind, role, r->batch, rows, ROWS / 3, ROWS);
		e->rule = rule;
		for (uint32_t i = 0; i < ROWS; i++) {
			eval_at(e, r->batch, rows[i], role);
			enum truth want = eval_truth(e, rule->where);
			if (columns_truth(c, node)[i] != want) {
				fail_msg("%.*s: row %u role %u is %d, not %d",
				         SLICE_FMT(rule->where->text), rows[i], role,
				         columns_truth(c, node)[i], (int)want);
			}
		}
	}
	return cheap;
}

static void test_same_as_scalar(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= 6; round++) {
		struct bench_rules r;
		struct buf text = {0};
		struct eval e;
		uint32_t rows[ROWS];
		uint64_t seed = round;
		unsigned cheap = 0;

		random_rules(&text, &seed);
		bench_open(&r, text.p);
		for (uint32_t i = 0; i < ROWS; i++) {
			random_row(&r, &seed);
			rows[i] = i;
		}
		struct columns *c = columns_new();
		assert_int_equal(eval_init(&e, &r.site), OK);
		for (size_t i = 0; i < r.set->rule_count; i++) {
			cheap += check_rule(&r, c, &e, r.set->rules[i], rows);
		}
		assert_true(cheap > RULES / 2);
		/* What is asked again is a node that is there. */
		size_t nodes = columns_count(c);
		for (size_t i = 0; i < r.set->rule_count; i++) {
			(void)columns_add(c, r.set->rules[i]->kind, 0, r.set->rules[i]->where);
		}
		assert_int_equal(columns_count(c), nodes);
		columns_free(c);
		eval_fini(&e);
		bench_close(&r);
		buf_fini(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_scalar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
