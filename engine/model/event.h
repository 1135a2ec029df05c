/* One event as a stage before the batch hands it on: what the wire or the record said, as text
 * slices and times. calls/ and decode/cdr make it; the batch copies it into columns; enrich/ fills
 * the derived columns there. Slices are borrowed from whoever made the event.
 */
#ifndef ENGINE_MODEL_EVENT_H
#define ENGINE_MODEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/instant.h"
#include "core/slice.h"
#include "model/field.h"

/* IPv4 as v4-mapped IPv6; family 0 means missing. */
struct ip {
	uint8_t bytes[16];
	uint16_t port;
	uint8_t family; /* 0, 4, 6 */
};

enum { IP_TEXT = 46 };
/* Text of inet_pton form to an address without port. E_MALFORMED. */
int ip_parse(struct slice text, struct ip *ip);
/* Without port; "" when missing. Returns the length. */
size_t ip_format(const struct ip *ip, char out[IP_TEXT]);

/* A telephone number as it was written, with what surrounds it (interfaces.md 1.2). */
struct written_number {
	struct slice text;    /* user part of a URI or a cell; missing: not there at all */
	struct slice context; /* phone-context, missing else */
	bool withheld;        /* Privacy: id */
};

/* A number that stands for "no such value" in the int64 members is INSTANT_NONE. */
struct event {
	int64_t time_us; /* event time; orders the event */
	enum event_kind kind;
	uint16_t source; /* index of the input; its name is app's */
	struct slice call_id;

	struct written_number caller; /* by the site's choice of header */
	struct written_number callee;
	struct slice display;
	struct written_number pai;
	struct written_number from;
	struct written_number divert;
	bool forwarded;

	struct slice trunk_in; /* by name; missing: found by src */
	struct slice trunk_out;
	struct ip src;
	struct ip dst;
	struct slice ua;
	struct slice account;

	uint8_t attest;  /* ATTEST_… */
	uint8_t verstat; /* VERSTAT_… */
	struct slice stir_orig;
	struct slice stir_dest;
	int64_t stir_iat_us;
	struct slice stir_signer;
	struct slice stir_origid;

	/* KIND_CALL */
	bool answered;
	int64_t start_us;
	int64_t answer_us;
	int64_t duration_us;
	int64_t ring_us;
	int64_t setup_us;
	int64_t q850;
	uint8_t cause;     /* CAUSE_… */
	uint8_t hangup_by; /* HANGUP_… */
	double cost;       /* NaN: missing */
	struct slice cell;
	struct slice imei;
	struct slice imsi;

	/* KIND_SIP, KIND_REGISTER; of KIND_CALL the code that the record or the dialog ended with
	 */
	struct slice method;
	int64_t sip_code;
	struct slice to_user;
	struct slice from_user;
};

/* All members missing, of the given kind. */
void event_init(struct event *e, enum event_kind kind);

/* The one total order of rule-language.md section 8 (time, kind, call id, caller, callee, then the
 * remaining members): <0, 0, >0. Equal only when all members are.
 */
int event_cmp(const struct event *a, const struct event *b);

/* cause of a final status, else of a Q.850 cause (rule-language.md section 4); INSTANT_NONE for
 * a value that is not known.
 */
uint8_t cause_of(int64_t sip_code, int64_t q850, bool answered);

/* A flat copy for buffers and files of the same process: packs into out (room for
 * event_packed_size bytes); event_unpack gives an event whose slices point into bytes.
 */
size_t event_packed_size(const struct event *e);
void event_pack(const struct event *e, char *out);
void event_unpack(struct slice bytes, struct event *e);

#endif
