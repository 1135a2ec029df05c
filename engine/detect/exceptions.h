/* Rows of exceptions: from files, and at an event (rule-language.md sections 3 and 11). */
#ifndef ENGINE_DETECT_EXCEPTIONS_H
#define ENGINE_DETECT_EXCEPTIONS_H

#include "detect/eval.h"
#include "detect/load.h"
#include "detect/rule_test.h"

/* The shape of that name; NULL and E064 at the place. */
struct exception_shape *exceptions_shape(struct loader *l, const struct rule *rule,
                                         struct slice name, struct place at);
/* A row from the list of its values, one a field: E064 where it does not fit. NULL after a mistake.
 */
struct exception_row *exceptions_row(struct loader *l, const struct exception_shape *shape,
                                     const struct yaml_node *values);
/* Behind the shape's other rows; numbered in the rule. */
void exceptions_append(struct rule *rule, struct exception_shape *shape, struct exception_row *row);

/* Copies of the shapes with the rows of a test in place of those of the site. NULL: none, or no
 * memory.
 */
struct exception_shape *exceptions_copy(struct arena *arena, const struct exception_shape *shapes,
                                        const struct test_exception *more);

/* The row that excepts the event at which e stands; NULL: none. */
const struct exception_row *exceptions_find(struct eval *e, const struct rule *rule,
                                            int64_t time_us);

#endif
