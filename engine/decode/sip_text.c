#include "decode/sip_text.h"

enum {
	TOK = SIP_CLASS_TOKEN,
	WORD = SIP_CLASS_WORD,
	UNR = SIP_CLASS_UNRESERVED,
	RES = SIP_CLASS_RESERVED,
	USER = SIP_CLASS_USER,
	PASS = SIP_CLASS_PASSWORD,
	PAR = SIP_CLASS_PARAM,
	HDR = SIP_CLASS_URI_HEADER,
};

// clang-format off
const uint8_t sip_classes[256] = {
	['0' ... '9'] = TOK | UNR,
	['A' ... 'Z'] = TOK | UNR,
	['a' ... 'z'] = TOK | UNR,
	['!'] = TOK | UNR,
	['"'] = WORD,
	['$'] = RES | USER | PASS | PAR | HDR,
	['%'] = TOK,
	['&'] = RES | USER | PASS | PAR,
	['\''] = TOK | UNR,
	['('] = WORD | UNR,
	[')'] = WORD | UNR,
	['*'] = TOK | UNR,
	['+'] = TOK | RES | USER | PASS | PAR | HDR,
	[','] = RES | USER | PASS,
	['-'] = TOK | UNR,
	['.'] = TOK | UNR,
	['/'] = WORD | RES | USER | PAR | HDR,
	[':'] = WORD | RES | PAR | HDR,
	[';'] = RES | USER,
	['<'] = WORD,
	['='] = RES | USER | PASS,
	['>'] = WORD,
	['?'] = WORD | RES | USER | HDR,
	['@'] = RES,
	['['] = WORD | PAR | HDR,
	['\\'] = WORD,
	[']'] = WORD | PAR | HDR,
	['_'] = TOK | UNR,
	['`'] = TOK,
	['{'] = WORD,
	['}'] = WORD,
	['~'] = TOK | UNR,
};
// clang-format on
