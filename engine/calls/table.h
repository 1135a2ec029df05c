/* The dialog table: SIP messages in capture order become events (interfaces.md section 3).
 *
 *	struct call_table *t = call_table_new(&options);
 *	for each message:   call_table_message(t, &message, emit, user);
 *	on a quiet network: call_table_advance(t, time_us, emit, user);
 *	at end of input:    call_table_flush(t, emit, user);
 *
 * One call = one Call-ID. What a call's messages mean:
 *
 *	INVITE without To tag, new Call-ID     the call begins: `attempt`
 *	the same at a further hop, again       nothing new
 *	180, 183                               the first one begins the ring time
 *	CANCEL                                 ends the ring time; the final response ends the call
 *	2xx                                    `answer`; a 2xx of another fork only adds its dialog
 *	final response >= 300                  `call`, once every branch that the first hop opened
 *	                                       has its final response; until then the last one
 *counts 3xx, 401, 407 and others that ask for  the call waits transaction_us for the next INVITE
 *(the another INVITE                         same Call-ID, another CSeq), then ends with this code
 *	BYE, answered                          `call` (with forks: the BYE of the last living fork)
 *	BYE before the answer                  as CANCEL, but the BYE is the end
 *	no message for max_idle_us, without    `call`, timed out: ends at its last message
 *	any final response early_idle_us
 *
 * The first hop is where the call's INVITE was seen first; a response belongs to it when its
 * topmost Via branch is that of the INVITE. A final response >= 300 seen at further hops only
 * is the result when nothing better comes within early_idle_us: a proxy may try elsewhere. Times
 * are the first seen of each kind, the result that of the first 2xx, else of the last final
 * response to the last INVITE tried. hangup_by is who sent the BYE or, at the first hop, the
 * CANCEL; for a 487 the caller, for any other final response the callee.
 *
 * An ended call is kept for transaction_us so that stragglers and repeated INVITEs are known as
 * such. Requests inside a dialog whose beginning was not seen (INVITE with To tag, BYE, CANCEL,
 * ACK, PRACK), and responses to nothing, are counted as no_dialog; no call is invented.
 *
 * Every request but ACK and PRACK is a transaction (Call-ID, CSeq, method and, inside a call, the
 * direction; hops and forks share it) and gives one `sip` event, REGISTER one `register` before
 * it: at its first final response, or transaction_us after the request without a code.
 *
 * Time is capture time and never goes back: an older message counts as of the newest one before.
 * Timers fire in the order of their deadlines before a message of that time or later is read, so
 * that events do not depend on when call_table_advance is called.
 *
 * Memory is fixed at call_table_new and touched as it is used: 0.7 KiB a call and 0.3 KiB a
 * transaction at most. When the table is full the call longest without a message goes: it is issued
 * as timed out and counted. A Call-ID is kept to 1024 bytes, every other text to 512: longer ones
 * are cut and counted (calls are told apart by a 64-bit keyed hash of the whole Call-ID).
 *
 * One thread a table.
 */
#ifndef ENGINE_CALLS_TABLE_H
#define ENGINE_CALLS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/stats.h"
#include "model/event.h"
#include "model/message.h"

/* Slices of e are valid until the function returns. */
typedef void (*event_emit)(void *user, const struct event *e);

/* A count or time of 0 takes the default. */
struct call_options {
	const struct hash_key *key; /* outlives the table */
	uint32_t max_calls;         /* open and just ended; 1 M */
	uint32_t max_transactions;  /* open and just ended; 1 M */
	int64_t max_idle_us;        /* 4 h */
	int64_t early_idle_us;      /* without a final response; 3 min */
	int64_t transaction_us;     /* 32 s */
	bool caller_from; /* caller is From, not P-Asserted- or P-Preferred-Identity first */
};

enum { CALL_ID_KEPT = 1024, CALL_TEXT_KEPT = 512 };

struct call_table_stat {
	uint64_t calls;                /* begun */
	uint64_t calls_open;           /* begun, `call` not issued yet */
	uint64_t calls_evicted;        /* issued early for want of room */
	uint64_t transactions_open;    /* `sip` not issued yet */
	uint64_t transactions_evicted; /* issued early for want of room */
	uint64_t texts_cut;
};

struct call_table;

/* NULL when memory is short. */
struct call_table *call_table_new(const struct call_options *options);
void call_table_free(struct call_table *t);

void call_table_message(struct call_table *t, const struct message *m, event_emit emit, void *user);
/* Capture time has reached time_us: fires what is due. */
void call_table_advance(struct call_table *t, int64_t time_us, event_emit emit, void *user);
/* End of input: open calls are issued as timed out (with their result, when only its confirmation
 * is missing), open transactions at their deadline without a code.
 */
void call_table_flush(struct call_table *t, event_emit emit, void *user);

/* No event issued later has an earlier event time. INT64_MIN before the first message. */
int64_t call_table_low_water(const struct call_table *t);

/* in: messages. out: those that belonged to a call or a transaction and said something new.
 * dropped: retransmission, no_dialog, and dialog_evicted. The INVITE that began an open call is in
 * flight until the call is issued: in = out + dropped + calls_open; that of an evicted call counts
 * as dialog_evicted.
 */
const struct stage_count *call_table_count(const struct call_table *t);
void call_table_stat(const struct call_table *t, struct call_table_stat *stat);

#endif
