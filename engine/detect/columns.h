/* The columnar evaluator: the cheap conjuncts of every rule's `where`, over all events of a kind in
 * a batch at once. Equal predicates of different rules are one node, computed once a batch.
 *
 * Cheap are comparisons, sets and ranges of columns with constants or with each other, numbers in
 * lists, present(), and, or, not and ?? over those. What is not (patterns, other lists, arithmetic,
 * functions) is left to the scalar evaluator, which sees only the events that the cheap conjuncts
 * let through.
 *
 * A node's result is a truth byte (F 0, U 1, T 2) an event, so and = min, or = max, not = 2 - x:
 * plain loops that the compiler vectorises.
 */
#ifndef ENGINE_DETECT_COLUMNS_H
#define ENGINE_DETECT_COLUMNS_H

#include "detect/expr.h"

struct columns;

struct columns *columns_new(void); /* NULL: no memory */
/* The lists by index of the rule set; without them list conditions are not cheap. */
void columns_lists(struct columns *c, const struct list *const *lists);
void columns_free(struct columns *c);

/* The node of x (params and site values already constants) for events of kind, on `party` events
 * seen from role; -1 when it is not cheap. Compile time only. E_NOMEM is -1 as well.
 */
int columns_add(struct columns *c, enum event_kind kind, unsigned role, const struct expr *x);

/* Computes all nodes of (kind, role) for rows[begin..end). Disjoint ranges may run in parallel. */
void columns_run(struct columns *c, enum event_kind kind, unsigned role, const struct batch *batch,
                 const uint32_t *rows, uint32_t begin, uint32_t end);

/* Truth bytes of a node, by position in rows. */
const uint8_t *columns_truth(const struct columns *c, int node);

size_t columns_count(const struct columns *c); /* nodes, for `check --plan` */

#endif
