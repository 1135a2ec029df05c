#include "core/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* RFC 3629 section 4: what may follow a lead byte. The second byte has a narrower range where a
 * shorter form, a surrogate or a code beyond U+10FFFF would begin.
 */
static const struct {
	uint8_t first, last; /* lead bytes */
	uint8_t second_min, second_max;
	uint8_t len;
} leads[] = {
	{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
	{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
	{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Length of the valid sequence that begins at p, 0 for none. left > 0. */
static size_t sequence_len(const uint8_t *p, size_t left)
{
	if (p[0] < 0x80) {
		return 1;
	}
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		size_t len = leads[i].len;
		if (p[0] < leads[i].first || p[0] > leads[i].last) {
			continue;
		}
		if (left < len || p[1] < leads[i].second_min || p[1] > leads[i].second_max) {
			return 0;
		}
		for (size_t k = 2; k < len; k++) {
			if ((p[k] & 0xc0) != 0x80) {
				return 0;
			}
		}
		return len;
	}
	return 0;
}

/* Bytes of the ASCII prefix, eight at a time: most text is nothing else. */
static size_t ascii_len(const uint8_t *p, size_t len)
{
	size_t i = 0;

	for (uint64_t word; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		if (word & UINT64_C(0x8080808080808080)) {
			break;
		}
	}
	while (i < len && p[i] < 0x80) {
		i++;
	}
	return i;
}

size_t utf8_valid_len(struct slice s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t i = 0;

	while (i < s.len) {
		i += ascii_len(p + i, s.len - i);
		size_t len = i < s.len ? sequence_len(p + i, s.len - i) : 0;
		if (len == 0) {
			break;
		}
		i += len;
	}
	return i;
}

bool utf8_valid(struct slice s)
{
	return utf8_valid_len(s) == s.len;
}

size_t utf8_bad_len(struct slice s)
{
	size_t i = 0;

	while (i < s.len && sequence_len((const uint8_t *)s.p + i, s.len - i) == 0) {
		i++;
	}
	return i;
}

size_t utf8_repair(struct slice s, char *out)
{
	size_t made = 0;

	while (s.len > 0) {
		size_t good = utf8_valid_len(s);
		if (good > 0 && out) {
			memcpy(out + made, s.p, good);
		}
		made += good;
		s = slice_skip(s, good);
		if (s.len > 0) {
			if (out) {
				memcpy(out + made, REPLACEMENT, sizeof(REPLACEMENT) - 1);
			}
			made += sizeof(REPLACEMENT) - 1;
			s = slice_skip(s, utf8_bad_len(s));
		}
	}
	return made;
}

uint32_t utf8_next(struct slice *s)
{
	static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const uint8_t *p = (const uint8_t *)s->p;
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t code = p[0] & lead_mask[len];

	for (size_t i = 1; i < len; i++) {
		code = code << 6 | (p[i] & 0x3f);
	}
	*s = slice_skip(*s, len);
	return code;
}

size_t utf8_put(uint32_t code, char *out)
{
	static const uint8_t lead_bits[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = len - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(lead_bits[len] | code);
	return len;
}
