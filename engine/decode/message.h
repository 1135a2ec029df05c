/* From a parsed SIP message to the record that the dialog table reads (model/message.h).
 *
 * Of a list of values (P-Asserted-Identity may carry a sip and a tel URI) the first with a number
 * in it counts, else the first. Only the first header line of a name is read, of Identity two: a
 * token of type div says who diverted, so the other one speaks of the call.
 */
#ifndef ENGINE_DECODE_MESSAGE_H
#define ENGINE_DECODE_MESSAGE_H

#include "decode/identity.h"
#include "decode/sip.h"
#include "model/frame.h"
#include "model/message.h"

/* Room for the texts that cannot be borrowed as they stand. One a thread; nobody's but
 * message_of_sip's.
 */
struct message_scratch {
	size_t used;
	char text[SIP_MESSAGE_MAX];
	char identity[IDENTITY_SCRATCH];
};

/* Fills out from what sip_parse accepted (REASON_NONE) and the frame that carried it. Slices of
 * out point into the message and into scratch: valid until either is used again. source is 0.
 * What cannot be read is missing; nothing fails.
 */
void message_of_sip(const struct sip_msg *msg, const struct frame *frame,
                    struct message_scratch *scratch, struct message *out);

#endif
