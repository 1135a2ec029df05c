/* What is usual for a key: mean and spread of an aggregate over its own closed buckets
 * (rule-language.md section 7, "Against history").
 *
 * Buckets are as long as the rule's window and begin at multiples of it since 1970. When an event
 * comes in a later bucket, the value of the last one is read from the window as it was at the
 * bucket's end; buckets without events count as 0 for count, rate, sum and distinct and not at all
 * for the rest. Mean and variance are exponential with weight max(bucket / history, 1 / n), one
 * pair a season's slot. A key silent for `history` begins anew. The series lie in one block of the
 * shard's pool at the key's note.
 */
#ifndef ENGINE_DETECT_BASELINE_H
#define ENGINE_DETECT_BASELINE_H

#include "detect/detector_parts.h"

/* Before an event of time_us enters the windows of the rule at the key: closes buckets. */
void baseline_close(struct worker *w, unsigned shard, const struct detect_group *g,
                    const struct detect_rule *r, struct row *row, int64_t time_us);
/* usual, spread or zscore at time_us; false: fewer than min_n buckets (*out is missing then). */
bool baseline_read(struct eval *e, const struct agg_view *view, unsigned n, struct value *out);
const char *baseline_claim(const struct rule *r, struct pool *pool, pool_ref ref);

#endif
