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
#include "core/state.h"
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

/* ---- going on in another process ----
 *
 *	call_table_load(t, in, name);      as it was when it was saved
 *	call_table_settle(t, &event);      each event that the call log has behind that, in order
 *	call_table_message(t, ...);        what comes now
 */

/* A section of its own, `name`: the calls that are open, by their last message. Requests under way
 * (transactions) and calls just ended are not kept: their stragglers count as no_dialog. Nor is a
 * call whose Call-ID was cut: the events that settle it could not name it.
 */
void call_table_save(const struct call_table *t, struct state_out *out, const char *name);
/* Into a new table. E_INVALID (in->why; t is then fit for call_table_free only), E_NOTFOUND. A
 * table with less room keeps the calls that had a message last (older ones count as evicted in the
 * stat only, no event). The INVITE of each call that stays counts as `in` here too, as it was in
 * the process before; likewise `calls` of the stat.
 */
int call_table_load(struct call_table *t, struct state_in *in, const char *name);
/* An event that this table issued after it was saved, as the call log tells; only before the first
 * message. `call` ends the open call of its Call-ID without an event, `answer` makes it an answered
 * one (which forks exist is no longer known: any BYE then ends it). A Call-ID that is not open
 * cannot be made a call of: it is known as one that has ended. Time moves on to that of the event,
 * no timer fires.
 *
 * After it the table knows that it missed messages: every time-out counts anew from the first
 * message that follows; an open call rings no more than was seen before, its refusal is its result
 * only when nothing better comes, a response to a later INVITE is taken as its own, and when it
 * ends without a result seen (no final response, or one that asks for another INVITE) it is no
 * event: its INVITE counts as no_dialog. A call that timed out ends at the last message known,
 * which call_table_low_water does not allow for.
 */
void call_table_settle(struct call_table *t, const struct event *e);

#endif
