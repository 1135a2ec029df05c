/* A borrowed run of bytes: not owned, not NUL-terminated.
 *
 * A slice points into somebody else's buffer (a packet, a CDR line, an arena) and is valid only
 * as long as that buffer. Whoever wants to keep the bytes past the call that handed them out
 * copies them into an arena it owns. An empty slice has len 0; p == NULL means missing.
 */
#ifndef ENGINE_CORE_SLICE_H
#define ENGINE_CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t len;
};

#define SLICE_LIT(text) ((struct slice){(text), sizeof(text) - 1})
#define SLICE_NONE      ((struct slice){NULL, 0})
/* For printf("%.*s", SLICE_FMT(s)). */
#define SLICE_FMT(s) (int)(s).len, (s).p

static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* Bytes as unsigned; a shorter prefix comes first. */
static inline int slice_cmp(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.p, b.p, len) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ASCII case folded. */
static inline bool slice_eq_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len) {
		return false;
	}
	for (size_t i = 0; i < a.len; i++) {
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i])) {
			return false;
		}
	}
	return true;
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

/* s without its first n bytes (n clamped). */
static inline struct slice slice_skip(struct slice s, size_t n)
{
	n = n < s.len ? n : s.len;
	return (struct slice){s.p ? s.p + n : NULL, s.len - n};
}

static inline struct slice slice_first(struct slice s, size_t n)
{
	return (struct slice){s.p, n < s.len ? n : s.len};
}

/* Without blanks and tabs at either end. */
static inline struct slice slice_trim(struct slice s)
{
	while (s.len && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s = slice_skip(s, 1);
	}
	while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t')) {
		s.len--;
	}
	return s;
}

/* Position of c, or s.len. */
static inline size_t slice_find(struct slice s, char c)
{
	const char *at = s.len ? memchr(s.p, c, s.len) : NULL;

	return at ? (size_t)(at - s.p) : s.len;
}

#endif
