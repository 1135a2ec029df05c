/* Request transactions: each gives one `sip` event (and REGISTER one `register` before it) at its
 * first final response, or delay_us after the request without a code. The key is Call-ID, CSeq
 * number, method and, inside a call, the direction; so retransmissions, further hops and forks
 * are one. A transaction is kept for delay_us after its event so that late copies are known.
 *
 * When there is no room the oldest of those kept goes, else the oldest open one, whose event is
 * issued without a code, counted.
 */
#ifndef ENGINE_CALLS_TRANSACTIONS_H
#define ENGINE_CALLS_TRANSACTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "calls/index.h"
#include "calls/slab.h"
#include "calls/table.h"
#include "calls/texts.h"

struct transactions {
	const struct hash_key *key;
	struct slab slots;
	struct slab chunks;
	struct index index;
	struct queue open; /* since the request */
	struct queue done; /* since the event */
	uint64_t evicted;
	uint64_t texts_cut;
	char buffer[TEXTS_BUFFER];
};

enum transaction_step {
	TRANSACTION_NONE = 0, /* a response to nothing, an ACK */
	TRANSACTION_REPEAT,
	TRANSACTION_NEWS,
	TRANSACTION_STRAY, /* news of a transaction begun as stray */
};

/* What a message means where it arrives. */
struct transaction_place {
	uint64_t key; /* transactions_key */
	int64_t now_us;
	bool backward; /* from callee to caller of a known call */
	bool stray;    /* a request of a dialog whose beginning was not seen */
};

/* E_NOMEM: transactions_fini is due all the same. */
int transactions_init(struct transactions *ts, const struct hash_key *key, uint32_t max,
                      int64_t delay_us);
void transactions_fini(struct transactions *ts);

/* Of a message whose Call-ID has this hash; its place in the index is on its way to the cache. */
uint64_t transactions_key(const struct transactions *ts, const struct message *m, uint64_t id);
enum transaction_step transactions_take(struct transactions *ts, const struct message *m,
                                        const struct transaction_place *place, event_emit emit,
                                        void *user);
/* The head of the open queue is due: its event is issued. */
void transactions_expire(struct transactions *ts, event_emit emit, void *user);
/* The head of the done queue is due: it is forgotten. */
void transactions_forget(struct transactions *ts);

#endif
