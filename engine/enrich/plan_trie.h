/* The plan's trie while it grows, and its folding into plan_table.h's nodes. */
#ifndef ENGINE_ENRICH_PLAN_TRIE_H
#define ENGINE_ENRICH_PLAN_TRIE_H

#include "enrich/plan_table.h"

struct plan_trie {
	struct buf raw; /* struct raw_node, 0 is the root */
};

/* What one row says: numbers that begin with prefix and whose digit count is in lengths have this
 * label; lengths 0: prefix decides country and type of what fits no label. prefix: 1 to 15 digits.
 */
struct plan_row {
	struct slice prefix;
	unsigned country_row;
	unsigned type;
	unsigned lengths;
};

/* E_NOMEM. */
int plan_trie_init(struct plan_trie *t);
int plan_trie_add(struct plan_trie *t, const struct plan_row *row);
void plan_trie_fini(struct plan_trie *t);
/* Makes nodes, profiles and root of p, whose codes are there. E_NOMEM, E_FULL. */
int plan_trie_fold(const struct plan_trie *t, struct plan *p);

#endif
