/* One SIP message (RFC 3261 and what rules can name of RFC 3323, 3325, 5806, 8224, 3326) read
 * without copying: every slice points into the message.
 *
 * sip_parse is the fast, tolerant reader of the data path: header names in any case and order,
 * compact forms, white space before the colon, folded lines, several values on a line, quoted
 * strings, bare LF, junk (CRLF, NUL, blanks) before the start line, < > around the Request-URI. It
 * stops at the first empty line; the body is what Content-Length leaves of the datagram. A folded
 * value keeps its line breaks: whoever needs clean text takes sip_unfold. Every function takes time
 * linear in the bytes it is given.
 *
 * sip_check is the strict grammar of RFC 3261 for `ringfence sip`: whether the message is valid
 * at all, with one stable word for the first thing that is wrong. It is not on the data path.
 *
 * Pure functions, any thread.
 */
#ifndef ENGINE_DECODE_SIP_H
#define ENGINE_DECODE_SIP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/stats.h"

/* The known methods; the spelling of any other is in sip_msg.method_text. */
enum sip_method {
	SIP_OTHER = 0,
#define SIP_METHOD(id) SIP_##id,
#include "decode/sip_methods.def"
#undef SIP_METHOD
	SIP_METHOD_COUNT,
};

/* The headers that anything here reads; see sip_headers.def (name, compact form). */
enum sip_header {
	SIP_H_OTHER = 0,
#define SIP_HEADER(id, name, compact) SIP_H_##id,
#include "decode/sip_headers.def"
#undef SIP_HEADER
	SIP_H_COUNT,
};

enum { SIP_HEADER_LINES_MAX = 512, SIP_MESSAGE_MAX = 65535 };

/* name-addr or addr-spec of From, To, P-Asserted-Identity, Diversion, Contact … */
struct sip_addr {
	struct slice display; /* without the quotes, still escaped; missing when there is none */
	struct slice uri;     /* "sip:+4420…@host;user=phone" without < > */
	struct slice params;  /* header parameters behind it: ";tag=…" */
};

/* A sip:, sips: or tel: URI. Another scheme: only scheme is set. */
struct sip_uri {
	struct slice scheme;
	struct slice user; /* still %-escaped; of tel: the number with its visual separators */
	struct slice host;
	struct slice params; /* ";user=phone", of tel: ";phone-context=…"; without the first ';' */
};

struct sip_msg {
	struct slice text; /* the datagram from its start line on */
	bool request;
	enum sip_method method; /* of a response: that of CSeq */
	struct slice method_text;
	struct slice request_uri;
	int status; /* 100..699; 0 for a request and for one that was refused */
	struct slice reason_phrase;

	/* What stands behind the colon where each header occurs first (it may list several values),
	 * trimmed; missing when absent. count: how often it occurs (saturates at 255). */
	struct slice header[SIP_H_COUNT];
	uint8_t header_count[SIP_H_COUNT];
	struct slice identity_more; /* a second Identity header (div), missing else */

	struct slice call_id;
	bool cseq_read; /* CSeq has a number that fits */
	uint32_t cseq;
	struct slice cseq_method;
	struct sip_addr from;
	struct sip_addr to;
	struct slice from_tag; /* missing when absent */
	struct slice to_tag;
	struct slice via_branch; /* of the topmost Via */
	int64_t content_length;  /* -1 when absent or unreadable */
	struct slice body;
	bool body_truncated; /* Content-Length promises more than the datagram holds */
};

/* Is this how a SIP message begins? A look at the first line only, on any port: a token, a blank …
 * " SIP/2.0" at the end of the line, or "SIP/2.0 " at its begin (any version: sip_parse refuses the
 * others by name). Tolerates the same junk before it.
 */
bool sip_recognise(struct slice datagram);

/* REASON_NONE, or the first thing for which the message is refused (REASON_SIP_…; REASON_KEEPALIVE,
 * REASON_NOT_SIP). What could be read is filled in even then, from before and behind the fault;
 * all else is missing or 0. Bytes beyond SIP_MESSAGE_MAX are not read.
 */
enum reason sip_parse(struct slice datagram, struct sip_msg *msg);

/* NULL when the grammar holds, else one stable word ("cseq_method_mismatch"): that of `refused`, or
 * one of those in sip_check.c. msg is what sip_parse made of the same bytes with that verdict.
 */
const char *sip_check(const struct sip_msg *msg, enum reason refused);

/* By name: any case for a header, and its compact form; exact spelling for a method. */
enum sip_header sip_header_of(struct slice name);
enum sip_method sip_method_of(struct slice name);

/* name-addr / addr-spec; E_MALFORMED. The first of several comma-separated values is read; *rest
 * (may be NULL) is what follows its comma, missing when there is none.
 */
int sip_addr_parse(struct slice value, struct sip_addr *addr, struct slice *rest);
/* E_MALFORMED without a scheme, a host (sip, sips) or a number (tel). A password is left out. */
int sip_uri_parse(struct slice uri, struct sip_uri *parts);
/* The value of a parameter in ";a=b;c", with or without the first ';' (case-insensitive name; the
 * first of that name; the list ends at a comma): missing when absent, empty (not missing) when
 * without value; quotes removed, < > kept.
 */
struct slice sip_param(struct slice params, const char *name);
/* Each of these gives its input itself where nothing is to be changed; out has room for as many
 * bytes as the input, and may be the input's own place.
 *
 * sip_unfold    line breaks with the blanks around them as one blank, %-escapes kept
 * sip_unescape  %XX decoded; malformed escapes stay as they are
 * sip_unquote   a quoted display name without its backslashes
 */
struct slice sip_unfold(struct slice value, char *out);
struct slice sip_unescape(struct slice s, char *out);
struct slice sip_unquote(struct slice s, char *out);

#endif
