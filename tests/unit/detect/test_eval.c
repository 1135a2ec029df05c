/* Expressions at one event: every operator and function, missing values, the edges of arithmetic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/detect/bench_rules.h"

/* The event of all rows: answered by +442079460001, called +442079460999, at T0, 90 s long; ring,
 * setup, q850 and ua are missing.
 */
static void add_event(struct bench_rules *r)
{
	struct event e = bench_call(T0, "call-1");

	e.answered = true;
	e.duration_us = 90 * US_PER_S;
	e.start_us = T0 - 100 * US_PER_S;
	e.cause = CAUSE_ANSWERED;
	e.cost = 1.5;
	e.display = SLICE_LIT("B\xc3\xa4nk \xd0\xa1\xd0\xb0re");
	e.account = SLICE_LIT("ab\xff");
	e.stir_signer = SLICE_LIT("");
	e.stir_iat_us = T0 - US_PER_HOUR;
	(void)ip_parse(SLICE_LIT("192.0.2.7"), &e.src);
	uint32_t row =
		bench_add(r, &e, bench_number("+442079460001"), bench_number("+442079460999"));
	r->batch->col[FIELD_CALLER_COUNTRY].country[row] = country_of('G', 'B');
	r->batch->col[FIELD_CALLER_TYPE].u8[row] = NUMTYPE_FIXED;
	r->batch->col[FIELD_PAI_NUM].num[row] = bench_number("+4930123456");
	r->batch->col[FIELD_FROM_NUM].num[row] = number_of_digits(NUMBER_SHORT, SLICE_LIT("112"));
	r->batch->col[FIELD_DIVERT_NUM].num[row] = number_of_name(12345);
	r->batch->col[FIELD_ACCOUNT_TZ].text[row] = SLICE_LIT("America/New_York");
}

static void datum_text(const struct datum *d, char *out, size_t size)
{
	char text[64];

	switch (d->type) {
	case DATUM_NULL: (void)snprintf(out, size, "missing"); break;
	case DATUM_INT: (void)snprintf(out, size, "%lld", (long long)d->i); break;
	case DATUM_FLOAT: (void)snprintf(out, size, "%.9g f", d->f); break;
	case DATUM_DURATION: (void)snprintf(out, size, "%lld us", (long long)d->i); break;
	case DATUM_TIME:
		(void)instant_format(d->i, text);
		(void)snprintf(out, size, "%s", text);
		break;
	case DATUM_BOOL: (void)snprintf(out, size, "%s", d->i ? "true" : "false"); break;
	case DATUM_TEXT: (void)snprintf(out, size, "'%.*s'", SLICE_FMT(d->text)); break;
	}
}

struct row {
	const char *expr;
	const char *value;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bench_rules r;
		char text[1024], got[256];
		(void)snprintf(text, sizeof(text),
		               "version: 1\nrules:\n  - id: x\n    rev: 1\n    title: t\n"
		               "    class: other\n    severity: low\n    on: call\n"
		               "    key: call_id\n    let:\n      v: >-\n        %s\n"
		               "    output: {summary: 'x'}\n",
		               rows[i].expr);
		bench_open(&r, text);
		add_event(&r);
		assert_int_equal(bench_run(&r), 1);
		const struct finding *f = detector_finding(r.detector, 0);
		assert_int_equal(f->value_count, 1);
		datum_text(&f->values[0].value, got, sizeof(got));
		if (strcmp(got, rows[i].value) != 0) {
			fail_msg("%s is %s, not %s", rows[i].expr, got, rows[i].value);
		}
		bench_close(&r);
	}
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* `q850 > 1` is unknown. */
static void test_truth(void **state)
{
	static const struct row rows[] = {
		{"answered and answered", "true"},
		{"answered and not answered", "false"},
		{"answered and q850 > 1", "missing"},
		{"q850 > 1 and answered", "missing"},
		{"not answered and q850 > 1", "false"},
		{"q850 > 1 and not answered", "false"},
		{"answered or q850 > 1", "true"},
		{"q850 > 1 or answered", "true"},
		{"not answered or q850 > 1", "missing"},
		{"q850 > 1 or not answered", "missing"},
		{"q850 > 1 and q850 > 2", "missing"},
		{"not (q850 > 1)", "missing"},
		{"not answered", "false"},
		{"(q850 > 1) ?? true", "true"},
		{"q850 ?? 5", "5"},
		{"duration ?? 1s", "90000000 us"},
		{"present(q850)", "false"},
		{"present(q850 > 1)", "false"},
		{"present(answered)", "true"},
		{"if(answered, 1, 2)", "1"},
		{"if(not answered, 1, 2)", "2"},
		{"if(q850 > 1, 1, 2)", "missing"},
		{"if(answered, q850, 2)", "missing"},
		{"if(answered, 2, q850)", "2"},
	};

	(void)state;
	CHECK(rows);
}

static void test_comparisons(void **state)
{
	static const struct row rows[] = {
		{"duration == 90s", "true"},
		{"duration == 1m30s", "true"},
		{"duration < 90s", "false"},
		{"duration <= 90s", "true"},
		{"duration > 90s", "false"},
		{"duration >= 90s", "true"},
		{"duration != 90s", "false"},
		{"ring != 90s", "missing"},
		{"duration in 90s..2m", "true"},
		{"duration in 30s..90s", "true"},
		{"duration in 91s..2m", "false"},
		{"ring in 91s..2m", "missing"},
		{"cause in {\"busy\", \"answered\"}", "true"},
		{"cause in {\"busy\"}", "false"},
		{"cause not in {\"busy\"}", "true"},
		{"q850 in {1, 2}", "missing"},
		{"q850 not in {1, 2}", "missing"},
		{"caller.num == \"+442079460001\"", "true"},
		{"caller.num != callee.num", "true"},
		{"caller.country == site.country", "true"},
		{"callee.country == site.country", "missing"},
		{"site.tz == \"Europe/London\"", "true"},
		{"src.ip == \"192.0.2.7\"", "true"},
		{"dst.ip == \"192.0.2.7\"", "missing"},
		{"cost >= 1.5", "true"},
		{"cost > 1", "true"},
		{"kind == \"call\"", "true"},
		{"stir.attest != \"A\"", "true"},
		{"stir.signer == \"\"", "true"},
		{"caller.display =~ /nk/", "true"},
		{"caller.display !~ /nk/", "false"},
		{"ua =~ /nk/", "missing"},
	};

	(void)state;
	CHECK(rows);
}

static void test_arithmetic(void **state)
{
	static const struct row rows[] = {
		{"1 + 2 * 3", "7"},
		{"7 / 2", "3.5 f"},
		{"7 % 3", "1"},
		{"-7 % 3", "-1"},
		{"7 % 0", "missing"},
		{"7 / 0", "missing"},
		{"7.5 / 0.0", "missing"},
		{"0 / 7", "0 f"},
		{"duration / 30s", "3 f"},
		{"duration / 0s", "missing"},
		{"duration * 2", "180000000 us"},
		{"duration * 0.5", "45000000 us"},
		{"1ms * 0.0005", "1 us"},
		{"-(1ms) * 0.0005", "-1 us"},
		{"1ms * 0.0004", "0 us"},
		{"time - start", "100000000 us"},
		{"time - 1h", "2026-01-05T11:00:00.000Z"},
		{"start + 100s == time", "true"},
		{"cost + 1", "2.5 f"},
		{"1 - cost", "-0.5 f"},
		{"-cost", "-1.5 f"},
		{"-duration", "-90000000 us"},
		{"80% * 10", "8 f"},
		{"9223372036854775807 + 1", "missing"},
		{"-(q850 ?? 9223372036854775807) - 1", "missing"},
		{"-9223372036854775807 - 2", "missing"},
		{"9223372036854775807 * 2", "missing"},
		{"9223372036854775807 * -1", "-9223372036854775807"},
		{"duration * 9223372036854775807", "missing"},
		{"duration * 900000000000.0", "missing"},
		{"q850 + 1", "missing"},
		{"ring + 1s", "missing"},
		{"-q850", "missing"},
	};

	(void)state;
	CHECK(rows);
}

static void test_functions(void **state)
{
	static const struct row rows[] = {
		{"abs(-3)", "3"},
		{"abs(1 - cost)", "0.5 f"},
		{"abs(start - time)", "100000000 us"},
		{"abs(q850)", "missing"},
		{"len(\"\")", "0"},
		{"len(caller.display)", "9"},
		{"len(account.id)", "3"},
		{"len(ua)", "missing"},
		{"lower(caller.display)", "'b\xc3\xa4nk \xd1\x81\xd0\xb0re'"},
		{"fold(caller.display)", "'bank care'"},
		{"fold(ua)", "missing"},
		{"lower(stir.signer)", "''"},
		{"starts(call_id, \"call\")", "true"},
		{"starts(call_id, \"Call\")", "false"},
		{"starts(call_id, \"call-12\")", "false"},
		{"starts(call_id, \"\")", "true"},
		{"starts(ua, \"\")", "missing"},
		{"contains(call_id, \"l-1\")", "true"},
		{"contains(call_id, \"L-1\")", "false"},
		{"contains(call_id, \"\")", "true"},
		{"contains(stir.signer, \"a\")", "false"},
		{"prefix(caller.num, 4)", "'4420'"},
		{"prefix(caller.num, 15)", "'442079460001'"},
		{"prefix(divert.num, 4)", "missing"},
		{"block(caller.num, 2)", "'4420794600'"},
		{"block(caller.num, 12)", "missing"},
		{"block(caller.num, 2) == block(callee.num, 2)", "false"},
		{"block(caller.num, 3) == block(callee.num, 3)", "true"},
		{"common_prefix(caller.num, callee.num)", "7"},
		{"common_prefix(caller.num, caller.num)", "10"},
		{"common_prefix(caller.num, pai.num)", "0"},
		{"common_prefix(caller.num, from.num)", "0"},
		{"common_prefix(divert.num, divert.num)", "0"},
		{"common_prefix(stir.orig, caller.num)", "missing"},
		{"country(caller.num)", "'GB'"},
		{"country(pai.num)", "'DE'"},
		{"country(from.num)", "missing"},
		{"country(stir.orig)", "missing"},
	};

	(void)state;
	CHECK(rows);
}

/* T0 is a Monday, 12:00 in London, 07:00 in New York, 23:00 in Sydney, 17:30 in Kolkata. */
static void test_local_time(void **state)
{
	static const struct row rows[] = {
		{"hour(time)", "12"},
		{"hour(time, \"America/New_York\")", "7"},
		{"hour(time, account.tz)", "7"},
		{"hour(time, ua)", "12"},
		{"hour(time, \"Asia/Kolkata\")", "17"},
		{"hour(time + 13h, \"Australia/Sydney\")", "12"},
		{"hour(time + 182d)", "13"}, /* summer time */
		{"hour(stir.iat)", "11"},
		{"weekday(time)", "1"},
		{"weekday(time - 1d)", "7"},
		{"weekday(time + 1h, \"Australia/Sydney\")", "2"},
		{"in_hours(time, \"12:00-13:00\")", "true"},
		{"in_hours(time, \"11:00-12:00\")", "false"},
		{"in_hours(time - 1ms, \"11:00-12:00\")", "true"},
		{"in_hours(time, \"20:00-06:00\")", "false"},
		{"in_hours(time + 8h, \"20:00-06:00\")", "true"},
		{"in_hours(time + 12h, \"20:00-06:00\")", "true"},
		{"in_hours(time + 18h - 1ms, \"20:00-06:00\")", "true"},
		{"in_hours(time + 18h, \"20:00-06:00\")", "false"},
		{"in_hours(time, \"07:00-08:00\", account.tz)", "true"},
		{"in_hours(time, \"07:00-08:00\", \"America/New_York\")", "true"},
		{"in_hours(time, \"07:00-08:00\")", "false"},
		{"hour(time + 36000d * 1000)", "missing"}, /* beyond the year 9999 */
		{"hour(time - 36000d * 2900)", "missing"},
		{"hour(time - 3600w)", "12"},
	};

	(void)state;
	CHECK(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truth),      cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_functions),
		cmocka_unit_test(test_local_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
