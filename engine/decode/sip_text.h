/* What the readers of SIP share: the character classes of RFC 3261 section 25.1 and a few steps
 * over a slice. Internal to decode/sip*.c.
 */
#ifndef ENGINE_DECODE_SIP_TEXT_H
#define ENGINE_DECODE_SIP_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

/* One bit a production; USER, PASSWORD, PARAM and URI_HEADER are what it allows besides
 * UNRESERVED, WORD what it allows besides TOKEN.
 */
enum sip_class {
	SIP_CLASS_NONE = 0,
	SIP_CLASS_TOKEN = 1 << 0,
	SIP_CLASS_WORD = 1 << 1,
	SIP_CLASS_UNRESERVED = 1 << 2,
	SIP_CLASS_RESERVED = 1 << 3,
	SIP_CLASS_USER = 1 << 4,
	SIP_CLASS_PASSWORD = 1 << 5,
	SIP_CLASS_PARAM = 1 << 6,
	SIP_CLASS_URI_HEADER = 1 << 7,
};

extern const uint8_t sip_classes[256];

static inline bool sip_is(char c, unsigned classes)
{
	return (sip_classes[(unsigned char)c] & classes) != 0;
}

static inline bool sip_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Blanks and the line breaks of a folded value. */
static inline bool sip_is_space(char c)
{
	return sip_is_blank(c) || c == '\r' || c == '\n';
}

static inline struct slice sip_skip_space(struct slice s)
{
	while (s.len && sip_is_space(s.p[0])) {
		s = slice_skip(s, 1);
	}
	return s;
}

static inline struct slice sip_trim(struct slice s)
{
	s = sip_skip_space(s);
	while (s.len && sip_is_space(s.p[s.len - 1])) {
		s.len--;
	}
	return s;
}

/* How many bytes of s, from its begin, belong to one of the classes. */
static inline size_t sip_span(struct slice s, unsigned classes)
{
	size_t n = 0;

	while (n < s.len && sip_is(s.p[n], classes)) {
		n++;
	}
	return n;
}

/* Position behind the quoted string that begins at s.p[0]; 0 when its end is missing. */
static inline size_t sip_quoted_end(struct slice s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.p[i] == '"') {
			return i + 1;
		}
		i += s.p[i] == '\\';
	}
	return 0;
}

#endif
