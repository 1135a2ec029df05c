/* SIP messages of one call as one box sees them: the caller's side sends to the edge, the edge
 * answers (RFC 3261; ladders of RFC 3665 sections 3.1, 3.8, 3.9).
 */
#ifndef TOOLS_RINGFENCE_GEN_SIP_H
#define TOOLS_RINGFENCE_GEN_SIP_H

#include "ringfence/gen.h"

enum gen_message {
	GEN_INVITE = 0,
	GEN_TRYING,
	GEN_RINGING,
	GEN_FINAL, /* 200 or a failure of the INVITE */
	GEN_ACK,
	GEN_CANCEL,
	GEN_CANCEL_OK,
	GEN_BYE,
	GEN_BYE_OK,
};

enum { GEN_STEPS_MAX = 10 };

struct gen_step {
	int64_t time_us;
	enum gen_message message;
	bool from_edge; /* else from the caller's side */
};

/* The ladder of a call, in order of time. Returns the number of steps. */
size_t gen_ladder(const struct gen_call *call, struct gen_step steps[GEN_STEPS_MAX]);
/* The text of one step's message, appended to out. */
void gen_sip_write(struct buf *out, const struct gen_world *w, const struct gen_call *call,
                   uint64_t id, const struct gen_step *step);

#define GEN_EDGE_ADDRESS UINT32_C(0xcb007105) /* 203.0.113.5 */

#endif
