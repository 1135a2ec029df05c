/* A rule made ready to be evaluated: parameters and site values are constants in its expressions.
 */
#ifndef ENGINE_DETECT_RESOLVE_H
#define ENGINE_DETECT_RESOLVE_H

#include "detect/eval.h"
#include "detect/rule.h"

/* A copy in arena; NULL: no memory (or the arena has overflowed: look there). */
struct rule *rule_resolve(struct arena *arena, const struct rule *rule,
                          const struct eval_site *site);

#endif
