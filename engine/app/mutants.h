/* A rule, changed a little: every way in which `ringfence test --mutate` breaks it.
 *
 *	parameters    times 0.7 and times 1.3, inside their range    "$min_victims 40 -> 28"
 *	boundaries    >= to >, < to <=, an end of a range left out   "duration > 30s -> >="
 *	literals      of comparisons, times 0.7 and times 1.3        "duration > 30s: 30s -> 21s"
 *	conjuncts     of `where` and `when` dropped                  "without: answered"
 *
 * Whole numbers are rounded away from what they were. A change that changes nothing is no mutant.
 * Boundaries and literals are those of every condition: `where`, `when`, `let`, the filters and
 * conditions of aggregates, the steps of a sequence. `when` is never dropped whole.
 */
#ifndef ENGINE_APP_MUTANTS_H
#define ENGINE_APP_MUTANTS_H

#include "detect/rule.h"

struct mutant {
	struct slice name; /* no two of a rule have the same */
	struct rule *rule;
	bool noticed; /* by a test */
};

struct mutants {
	struct arena arena; /* the caller's to init: names and rules */
	struct mutant *all; /* in the order of the table above */
	size_t count;
};

/* Adds those of the rule, which stays as it is and shares with them what they do not change.
 * E_NOMEM.
 */
int mutants_make(const struct rule *rule, struct mutants *m);
void mutants_fini(struct mutants *m);

/* The rule's own expressions, one after the other; NULL behind the last. Some are missing: then
 * *at is NULL. `when` drops conjuncts but never goes whole; `let` and aggregates do neither.
 */
enum rule_part { PART_WHERE = 0, PART_WHEN, PART_LET, PART_FILTER, PART_CONDITION, PART_STEP };
const struct expr **rule_expr(struct rule *rule, unsigned i, enum rule_part *part);

#endif
