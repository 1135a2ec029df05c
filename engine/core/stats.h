/* Counters: one row each in stats.def (name, unit, help), exported in --stats, inspect and
 * Prometheus. A block of counters belongs to one thread; readers sum the blocks (relaxed atomics,
 * so a reader may be a little behind).
 *
 * Reasons for which input is dropped or refused are rows of reasons.def: a stable word each. For
 * every stage in = out + sum(dropped by reason) + in flight.
 */
#ifndef ENGINE_CORE_STATS_H
#define ENGINE_CORE_STATS_H

#include <stddef.h>
#include <stdint.h>

enum reason {
	REASON_NONE = 0,
#define REASON(id, word, help) REASON_##id,
#include "core/reasons.def"
#undef REASON
	REASON_COUNT,
};

/* The stable word ("bad_time"); never NULL. */
const char *reason_word(enum reason r);
const char *reason_help(enum reason r);

/* What one stage, or one source, saw. */
struct stage_count {
	uint64_t in;
	uint64_t out;
	uint64_t dropped[REASON_COUNT];
};

static inline void stage_drop(struct stage_count *c, enum reason r)
{
	__atomic_store_n(&c->dropped[r], c->dropped[r] + 1, __ATOMIC_RELAXED);
}

static inline void stage_in(struct stage_count *c, uint64_t n)
{
	__atomic_store_n(&c->in, c->in + n, __ATOMIC_RELAXED);
}

static inline void stage_out(struct stage_count *c, uint64_t n)
{
	__atomic_store_n(&c->out, c->out + n, __ATOMIC_RELAXED);
}

uint64_t stage_dropped(const struct stage_count *c); /* over all reasons */
void stage_add(struct stage_count *sum, const struct stage_count *c);

#endif
