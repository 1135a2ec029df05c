/* Risk scores of entities: what rules that fired gave, decaying (rule-language.md section 8,
 *Score).
 *
 *	S(t) = sum of points * 2^(-(t - t_i) / half_life)
 *
 * At most one live contribution a (rule, key), the newest; one is live until it has decayed to a
 * 1024th. An entity is a type ("number", "trunk") and a value. Written between epochs by one
 * thread, read in between by all workers. Bounded: beyond SCORES_MAX entities the one whose last
 * contribution is oldest goes, counted.
 */
#ifndef ENGINE_DETECT_SCORES_H
#define ENGINE_DETECT_SCORES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/state.h"

enum { SCORES_MAX = 1 << 20, SCORE_GIVERS_MAX = 64 };

struct scores;

/* One contribution. */
struct score_gift {
	struct hash128 entity;
	uint32_t rule;      /* rank by full name */
	struct hash128 key; /* of the rule that fired */
	int64_t time_us;
	double points;
	int64_t half_life_us;
	int64_t per_us;
};

struct scores *scores_new(void); /* NULL: no memory */
void scores_free(struct scores *s);
/* The identity of an entity by its type and the value_identity of its value. */
struct hash128 scores_entity(const struct hash_key *key, const char *type, uint64_t identity);
/* False: within `per` of the last one of this rule and key, or no memory. */
bool scores_give(struct scores *s, const struct score_gift *gift);
/* Value and number of rules with a live contribution at time_us; 0 for an unknown entity. */
double scores_value(const struct scores *s, struct hash128 entity, int64_t time_us,
                    unsigned *rules);
uint64_t scores_evicted(const struct scores *s);

void scores_save(const struct scores *s, struct state_out *out);
/* Into a new one. Rules are renumbered: renamed[old] is the new rank, UINT32_MAX: gone. E_INVALID,
 * E_NOMEM.
 */
int scores_load(struct scores *s, const uint32_t *renamed, size_t renamed_count,
                struct state_in *in, struct state_view *v);

#endif
