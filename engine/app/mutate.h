/* Do the tests of a rule notice when the rule is changed? (rule-language.md section 10)
 *
 * Mutants are: every parameter times 0.7 and times 1.3, every comparison moved over its boundary
 * (>= to >, < to <=), every conjunct of a condition dropped. One that all tests of the rule pass
 * survives: nothing pins that part of the rule.
 */
#ifndef ENGINE_APP_MUTATE_H
#define ENGINE_APP_MUTATE_H

#include "app/rule_tests.h"

struct mutant {
	struct slice name; /* "$min_victims 40 -> 28", "duration > 30s: >=", "without: answered" */
	bool noticed;
};

struct mutation {
	struct arena arena;
	struct mutant *mutants;
	size_t count;
	size_t noticed;
};

/* Makes the mutants of a rule and runs its tests on each. E_NOMEM. mutation_fini frees. */
int mutation_run(const struct site *site, const struct rule *rule, struct mutation *m);
void mutation_fini(struct mutation *m);

#endif
