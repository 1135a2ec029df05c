/* One SIP message reduced to what the dialog table needs: which call and transaction it belongs
 * to, what it says of them, and, of an INVITE, who calls whom. decode/message makes it of a parsed
 * message, calls/table reads it.
 *
 * Every slice is borrowed from the packet or from the decoder's scratch and is valid until the
 * next message is decoded. Folded lines are unfolded. Numbers are as written (still %-escaped,
 * without the parameters behind the user part): enrich/normalise makes numbers of them.
 */
#ifndef ENGINE_MODEL_MESSAGE_H
#define ENGINE_MODEL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "model/event.h"

/* The methods that the dialog table tells apart; any other is a transaction of its own. */
enum message_method {
	MESSAGE_OTHER = 0,
	MESSAGE_INVITE,
	MESSAGE_ACK,
	MESSAGE_BYE,
	MESSAGE_CANCEL,
	MESSAGE_PRACK,
	MESSAGE_REGISTER,
};

/* A number with the display name beside it; number.text is missing when the header is absent. */
struct message_party {
	struct written_number number;
	struct slice display; /* without quotes and backslashes */
};

/* What an INVITE says of the call. */
struct message_invite {
	struct written_number callee; /* Request-URI; To where that is no number */
	struct message_party pai;     /* P-Asserted-Identity */
	struct message_party ppi;     /* P-Preferred-Identity */
	struct message_party from;
	struct written_number divert; /* Diversion, else History-Info */
	bool forwarded;

	uint8_t attest;  /* ATTEST_… */
	uint8_t verstat; /* VERSTAT_… */
	struct slice stir_orig;
	struct slice stir_dest;
	int64_t stir_iat_us; /* INSTANT_NONE: missing */
	struct slice stir_signer;
	struct slice stir_origid;
};

struct message {
	int64_t time_us; /* capture time */
	struct ip src;
	struct ip dst;
	uint16_t source; /* index of the input; decode leaves 0, app sets it */

	bool request;
	uint16_t status;            /* 100..699; 0 for a request */
	enum message_method method; /* of a response: the method in CSeq */
	struct slice method_text;   /* its spelling */
	struct slice call_id;       /* never empty */
	uint32_t cseq;
	struct slice branch; /* of the topmost Via */
	struct slice from_tag;
	struct slice to_tag; /* missing in a request that opens a dialog */
	int64_t q850;        /* Q.850 cause of Reason; INSTANT_NONE */

	/* Of requests; missing in responses. Users are unescaped, without parameters. */
	struct slice from_user;
	struct slice to_user;
	struct slice ua; /* User-Agent */

	/* Set for INVITE requests only; undefined in any other message. */
	struct message_invite invite;
};

#endif
