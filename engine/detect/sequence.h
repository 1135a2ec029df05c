/* Sequences: steps that one key goes through, with absences between and behind them
 * (rule-language.md section 8, Sequence).
 *
 * A key holds at most one partial a stage: how far it came, when, what its steps bound. Steps are
 * tried last to first, an event advances one stage. All of it lies in one block of the shard's pool
 * at the key's note, so eviction and snapshots are those of every row. Bound text is cut at 62
 * bytes.
 */
#ifndef ENGINE_DETECT_SEQUENCE_H
#define ENGINE_DETECT_SEQUENCE_H

#include "detect/detector_parts.h"

/* An event that passed the early conditions of the steps in hit->rules. */
void sequence_take(struct worker *w, unsigned shard, const struct detect_group *g, struct row *row,
                   const struct hit *hit);
/* Nothing came that would have ended the wait: fires when the key still waits for due_us. */
void sequence_due(struct worker *w, unsigned shard, const struct detect_group *g, struct row *row,
                  int64_t due_us);
/* Claims the block of a key in a pool read from a file: NULL, or what is wrong with it. */
const char *sequence_claim(const struct detect_group *g, struct pool *pool, pool_ref ref);
/* Sets the timer of a key that waits; after loading. */
void sequence_rearm(struct detector *d, unsigned shard, const struct detect_group *g,
                    struct row *row, unsigned group);

#endif
