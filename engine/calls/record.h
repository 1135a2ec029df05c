/* The texts of a call that are kept until it ends, and the events made of a call. */
#ifndef ENGINE_CALLS_RECORD_H
#define ENGINE_CALLS_RECORD_H

#include "calls/call.h"
#include "model/event.h"
#include "model/message.h"

/* In the order in which they are kept: equal ones meet. */
enum record_text {
	RECORD_CALL_ID = 0,
	RECORD_UA,
	RECORD_CALLEE,
	RECORD_CALLEE_CONTEXT,
	RECORD_DISPLAY,
	RECORD_PAI,
	RECORD_CALLER,
	RECORD_FROM,
	RECORD_PAI_CONTEXT,
	RECORD_CALLER_CONTEXT,
	RECORD_FROM_CONTEXT,
	RECORD_DIVERT,
	RECORD_DIVERT_CONTEXT,
	RECORD_STIR_DEST,
	RECORD_STIR_ORIG,
	RECORD_STIR_SIGNER,
	RECORD_STIR_ORIGID,
	RECORD_TEXTS,
};

/* What the first INVITE of a call says: texts borrowed from m, and which numbers are withheld. The
 * caller is P-Asserted-Identity, else P-Preferred-Identity, else From; From alone by caller_from.
 * The display name is that of the same header, else that of From.
 */
void record_texts(const struct message *m, bool caller_from, struct slice text[RECORD_TEXTS],
                  uint8_t *withheld);

/* KIND_ATTEMPT, KIND_ANSWER or, of an ended call, KIND_CALL. */
void record_event(const struct call *c, const struct slice text[RECORD_TEXTS], enum event_kind kind,
                  struct event *e);

#endif
