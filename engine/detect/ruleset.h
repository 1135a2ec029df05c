/* Making of a rule set, between its parts; what others may do with one is in detect/rule.h. */
#ifndef ENGINE_DETECT_RULESET_H
#define ENGINE_DETECT_RULESET_H

#include "detect/regex.h"
#include "detect/rule.h"

/* NULL: no memory. */
struct ruleset *ruleset_new(void);
/* The set frees the pattern. False: no memory, the caller keeps it. */
bool ruleset_keep_regex(struct ruleset *set, struct regex *regex);
/* Sorts the set's rules by name and fills in the digest. */
void ruleset_seal(struct ruleset *set);

#endif
