/* Do the tests of a rule notice when the rule is changed? (rule-language.md section 10)
 *
 * Each mutant (app/mutants.h) is put into the rule set in the place of its rule and the rule's own
 * tests are run. One that all of them pass survives: nothing pins that part of the rule.
 */
#ifndef ENGINE_APP_MUTATE_H
#define ENGINE_APP_MUTATE_H

#include "app/mutants.h"
#include "app/site.h"

struct mutation {
	struct mutants mutants;
	size_t noticed;
	/* A test fails on the rule as it is: it has no mutants then. */
	bool broken;
};

/* Makes the mutants of a rule of the site, as its author wrote it, and tries each. E_NOMEM, also
 * when a mutant could not be run. mutation_fini frees, in every case.
 */
int mutation_run(const struct site *site, const struct rule *rule, struct mutation *m);
void mutation_fini(struct mutation *m);

#endif
