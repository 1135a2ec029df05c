/* Productions of the grammar of SIP (RFC 3261 section 25.1), strict. Internal to sip_check.
 *
 * sip_take_x(s) takes the production x from the begin of *s; false, with s anywhere, when it is not
 * there. sip_valid_x(s) asks whether all of s is one. Line breaks inside a value are taken as
 * blanks: sip_check has seen that each belongs to a fold.
 */
#ifndef ENGINE_DECODE_SIP_GRAMMAR_H
#define ENGINE_DECODE_SIP_GRAMMAR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

bool sip_take_char(struct slice *s, char c);
/* c with blanks around it (the SEMI, COMMA, SLASH, EQUAL … of the grammar). */
bool sip_take_separator(struct slice *s, char c);
bool sip_take_blanks(struct slice *s); /* one at least */
bool sip_take_token(struct slice *s);
bool sip_take_word(struct slice *s);
bool sip_take_quoted(struct slice *s);
bool sip_take_number(struct slice *s, uint64_t max);
bool sip_take_hostport(struct slice *s); /* blanks around the colon as in Via */
bool sip_take_params(struct slice *s);   /* any number of ";name=value" */

/* How an address may be written. */
enum sip_address_form {
	SIP_ADDRESS_ANY = 0,
	SIP_ADDRESS_NAME_ADDR, /* with < > only */
};
bool sip_take_address(struct slice *s, enum sip_address_form form);

enum sip_uri_place {
	SIP_URI_IN_BRACKETS = 0,
	SIP_URI_BARE, /* a Request-URI, or an address without < >: takes no ?headers */
};
bool sip_valid_uri(struct slice s, enum sip_uri_place place);
bool sip_valid_date(struct slice s);
bool sip_valid_text(struct slice s);   /* of a header that has no grammar of its own */
bool sip_valid_reason(struct slice s); /* a reason phrase */

#endif
