/* The dialog table's inside, for table.c (messages and timers) and table_state.c. */
#ifndef ENGINE_CALLS_TABLE_PARTS_H
#define ENGINE_CALLS_TABLE_PARTS_H

#include "calls/call.h"
#include "calls/index.h"
#include "calls/table.h"
#include "calls/texts.h"
#include "calls/transactions.h"

#define TIME_MAX (INT64_MAX / 4) /* no sum of a time and a delay overflows */

/* What has time-outs: the queues of the call states, then those of transactions. */
enum { TIMER_TRANSACTION = CALL_STATES, TIMER_TRANSACTION_DONE, TIMERS };

struct call_table {
	const struct hash_key *key;
	bool caller_from;
	bool blind;     /* messages up to the next one were not seen */
	int64_t now_us; /* INT64_MIN before the first message */
	struct slab slots;
	struct slab chunks;
	struct index index;
	struct queue queue[CALL_STATES]; /* by state */
	struct transactions transactions;
	const struct queue *timer[TIMERS];
	struct stage_count count;
	uint64_t begun;
	uint64_t evicted;
	uint64_t texts_cut;
	char buffer[TEXTS_BUFFER];
};

static inline struct call *call_at(const struct call_table *t, uint32_t slot)
{
	return slab_at(&t->slots, slot);
}

/* The slot of the call whose Call-ID has this hash, SLAB_NONE. */
uint32_t call_table_find(const struct call_table *t, uint64_t id);
/* The queue whose head is the open call that is longest without a message. */
struct queue *call_table_oldest(struct call_table *t);
/* slot is in no queue any more. */
void call_table_drop(struct call_table *t, uint32_t slot);
/* The call that ended first is forgotten. */
void call_table_forget(struct call_table *t);
/* A blind table sees again, from time_us on. */
void call_table_wake(struct call_table *t, int64_t time_us);

#endif
