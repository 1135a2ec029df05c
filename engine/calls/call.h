/* One call as the dialog table keeps it, and what a message does to it: a state machine that knows
 * neither queues nor events (calls/table does those). What each message means is in
 * calls/table.h.
 *
 *	EARLY ───2xx──► ANSWERED ──BYE, idle──► ENDED
 *	 ▲ │               ▲                     ▲ ▲
 *	 │ ├─refused───────│─────────────────────┘ │
 *	 │ ▼               │                       │
 *	WAITING ────2xx────┘                       │   for another branch, the next INVITE or, after
 *	   └────────refused by all, idle───────────┘   an early BYE, the final response
 */
#ifndef ENGINE_CALLS_CALL_H
#define ENGINE_CALLS_CALL_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "calls/slab.h"
#include "model/message.h"

enum call_state {
	CALL_EARLY = 0, /* no final response yet */
	CALL_WAITING,   /* refused, or BYE before the answer, but this may not be the result */
	CALL_ANSWERED,
	CALL_ENDED, /* issued; kept to know its stragglers */
	CALL_STATES,
};

/* Forks that a call tells apart, at the first hop and by answered dialogs. */
enum { CALL_FORKS = 4 };

/* Hashes of what tells messages of one call apart; 0 where the message does not have it. */
struct call_mark {
	uint32_t branch;
	uint32_t from_tag;
	uint32_t to_tag;
	uint32_t src; /* address and port */
};

enum call_flag {
	CALL_HAS_HOP_CSEQ = 1,
	CALL_ACKED = 2,
	CALL_BYE_EARLY = 4,
	CALL_CANCELLED = 8,   /* by the first hop */
	CALL_MANY_FORKS = 16, /* more than CALL_FORKS branches */
	CALL_FORWARDED = 32,
	CALL_TIMED_OUT = 64,
	CALL_MISSED = 128, /* messages of the INVITE being tried are missing */
};

/* Which numbers Privacy withholds. */
enum call_withheld {
	WITHHELD_CALLER = 1,
	WITHHELD_PAI = 2,
	WITHHELD_FROM = 4,
	WITHHELD_DIVERT = 8
};

/* Three cache lines: what every message reads, what changes, what stays as it began. Times are
 * INSTANT_NONE until seen.
 */
struct call {
	struct queue_link link; /* since: the last message, or when it began to wait or ended */
	uint64_t id;            /* hash of the whole Call-ID */
	uint32_t caller_tag[2]; /* a B2BUA that keeps the Call-ID may change the tag */
	uint32_t cseq;          /* of the INVITE being tried */
	uint32_t cseq_hop;
	uint32_t cseq_acked;
	uint32_t text;   /* first chunk, until it has ended */
	uint16_t status; /* of the last final response >= 300 to the INVITE being tried; 0 */
	int16_t q850;    /* -1: missing */
	uint8_t state;
	uint8_t flags; /* enum call_flag */
	uint8_t hangup_by;
	uint8_t branches;
	uint8_t branches_done; /* bits */
	uint8_t answers;
	uint8_t answers_done; /* bits */
	uint8_t withheld;     /* enum call_withheld */

	uint32_t branch[CALL_FORKS];
	uint32_t answer_tag[CALL_FORKS];
	int64_t ring_us;   /* first 180 or 183 */
	int64_t cancel_us; /* first CANCEL */
	int64_t answer_us; /* first 2xx */
	/* First BYE, else first of the final responses with this status. Before either:
	 * INSTANT_NONE, or what call_miss set.
	 */
	int64_t end_us;

	int64_t start_us;
	int64_t stir_iat_us;
	uint32_t hop_src; /* where the INVITE being tried was seen first */
	struct ip src;
	struct ip dst;
	uint16_t source;
	uint8_t attest;
	uint8_t verstat;
};
static_assert(sizeof(struct call) == 192, "three cache lines");

enum call_step {
	CALL_STEP_NONE = 0, /* nothing that was not known */
	CALL_STEP_NEWS,
	CALL_STEP_ANSWER,
};

/* The INVITE that begins the call. Texts are the table's. */
void call_begin(struct call *c, const struct message *m, const struct call_mark *mark,
                int64_t now_us);
/* Any other message with its Call-ID; c->state is what it is then. */
enum call_step call_step(struct call *c, const struct message *m, const struct call_mark *mark,
                         int64_t now_us);
/* No message for as long as the state allows. */
void call_expire(struct call *c);
/* Of an ended call; HANGUP_… */
uint8_t call_hangup_by(const struct call *c);
/* Messages of it were not seen, for who knows how long: its last known one is remembered as its end
 * until the next; unless it was answered before, nothing is concluded from what did not come, and
 * when it rang is not learnt any more.
 */
void call_miss(struct call *c);
/* It was answered then, by which forks is not known: any BYE ends it. */
void call_settle_answer(struct call *c, int64_t time_us);
/* Of an ended call: false when its result may be among the messages that were missed. */
bool call_has_result(const struct call *c);
/* Does a request with this To tag go from callee to caller? */
bool call_is_backward(const struct call *c, uint32_t to_tag);

#endif
