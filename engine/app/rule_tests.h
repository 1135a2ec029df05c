/* Runs the tests that stand inside rules (rule-language.md section 10) through the production
 * code: events are enriched and detected as live ones are; fields that a test sets itself win over
 * what enrichment derives. The whole set is loaded; `expect` lists all alerts of the enclosing
 * rule.
 */
#ifndef ENGINE_APP_RULE_TESTS_H
#define ENGINE_APP_RULE_TESTS_H

#include "app/site.h"
#include "core/buf.h"
#include "detect/rule_test.h"

struct test_result {
	const struct rule *rule;
	const struct rule_test *test;
	bool passed;
	struct buf report; /* of a failed test: a diff of fields, a line each, indented */
	double seconds;    /* filled by the caller who has a clock */
};

/* Runs one test with the lists, parameters and site that it names; the default site of every test
 * is {country: GB, tz: UTC}, whatever `site` says. E_NOMEM, E_INVALID (in report: a value that
 * does not fit its field, with its place).
 */
int rule_test_run(const struct site *site, const struct rule *rule, const struct rule_test *test,
                  struct test_result *result);

#endif
