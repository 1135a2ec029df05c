#include "decode/sip.h"
#include "decode/sip_text.h"

struct slice sip_unfold(struct slice value, char *out)
{
	size_t len = 0;
	size_t i = 0;

	if (slice_find(value, '\n') == value.len) {
		return value;
	}
	while (i < value.len) {
		if (value.p[i] != '\n' && value.p[i] != '\r') {
			out[len++] = value.p[i++];
			continue;
		}
		while (len && sip_is_blank(out[len - 1])) {
			len--;
		}
		while (i < value.len && sip_is_space(value.p[i])) {
			i++;
		}
		out[len++] = ' ';
	}
	return (struct slice){out, len};
}

static int hex_digit(char c)
{
	if (ascii_is_digit(c)) {
		return c - '0';
	}
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that an escape at s.p[i] stands for, or -1. */
static int escaped_byte(struct slice s, size_t i)
{
	if (s.p[i] != '%' || s.len - i < 3) {
		return -1;
	}
	int high = hex_digit(s.p[i + 1]);
	int low = hex_digit(s.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

struct slice sip_unescape(struct slice s, char *out)
{
	size_t len = 0;

	if (slice_find(s, '%') == s.len) {
		return s;
	}
	for (size_t i = 0; i < s.len; i++) {
		int byte = escaped_byte(s, i);

		out[len++] = byte < 0 ? s.p[i] : (char)byte;
		i += byte < 0 ? 0 : 2;
	}
	return (struct slice){out, len};
}

struct slice sip_unquote(struct slice s, char *out)
{
	size_t len = 0;

	if (slice_find(s, '\\') == s.len) {
		return s;
	}
	for (size_t i = 0; i < s.len; i++) {
		i += s.p[i] == '\\' && i + 1 < s.len;
		out[len++] = s.p[i];
	}
	return (struct slice){out, len};
}
