#include "decode/sip_grammar.h"

#include "core/utf8.h"
#include "decode/sip_text.h"

bool sip_take_char(struct slice *s, char c)
{
	bool there = s->len && s->p[0] == c;

	*s = slice_skip(*s, there);
	return there;
}

bool sip_take_separator(struct slice *s, char c)
{
	*s = sip_skip_space(*s);
	bool there = sip_take_char(s, c);
	*s = sip_skip_space(*s);
	return there;
}

bool sip_take_blanks(struct slice *s)
{
	size_t before = s->len;

	*s = sip_skip_space(*s);
	return s->len < before;
}

static bool take_class(struct slice *s, unsigned classes)
{
	size_t len = sip_span(*s, classes);

	*s = slice_skip(*s, len);
	return len > 0;
}

bool sip_take_token(struct slice *s)
{
	return take_class(s, SIP_CLASS_TOKEN);
}

bool sip_take_word(struct slice *s)
{
	return take_class(s, SIP_CLASS_TOKEN | SIP_CLASS_WORD);
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && !sip_is_space(c)) || c == 0x7f;
}

bool sip_take_quoted(struct slice *s)
{
	size_t end = s->len && s->p[0] == '"' ? sip_quoted_end(*s) : 0;
	struct slice text = slice_first(*s, end);

	*s = slice_skip(*s, end);
	for (size_t i = 0; i < text.len; i++) {
		bool escape = text.p[i] == '\\';

		i += escape; /* not past the end: that is an unescaped quote */
		if (escape ? text.p[i] == '\r' || text.p[i] == '\n' || text.p[i] & 0x80
		           : is_control(text.p[i])) {
			return false;
		}
	}
	return end && utf8_valid(text);
}

bool sip_take_number(struct slice *s, uint64_t max)
{
	uint64_t value = 0;
	size_t digits = 0;

	while (digits < s->len && ascii_is_digit(s->p[digits])) {
		uint64_t digit = (uint64_t)(s->p[digits] - '0');

		if (value > (max - digit) / 10) {
			return false;
		}
		value = value * 10 + digit;
		digits++;
	}
	*s = slice_skip(*s, digits);
	return digits > 0;
}

static bool is_alpha(char c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static bool is_alnum(char c)
{
	return is_alpha(c) || ascii_is_digit(c);
}

static bool is_hex(char c)
{
	return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static size_t ip6_span(struct slice s)
{
	size_t len = 0;

	while (len < s.len && (is_hex(s.p[len]) || s.p[len] == ':' || s.p[len] == '.')) {
		len++;
	}
	return len;
}

static bool take_ip6_reference(struct slice *s)
{
	if (!sip_take_char(s, '[')) {
		return false;
	}
	size_t len = ip6_span(*s);
	*s = slice_skip(*s, len);
	return len > 1 && sip_take_char(s, ']');
}

static bool valid_label(struct slice label)
{
	return label.len && label.p[0] != '-' && label.p[label.len - 1] != '-';
}

/* Four numbers, or labels of which the last begins with a letter. */
static bool valid_host_name(struct slice name)
{
	size_t labels = 0;
	size_t numbers = 0;
	bool top_alpha = false;

	while (name.len) {
		size_t len = slice_find(name, '.');
		struct slice label = slice_first(name, len);
		struct slice digits = label;

		if (!valid_label(label)) {
			return false;
		}
		top_alpha = is_alpha(label.p[0]);
		numbers += len <= 3 && sip_take_number(&digits, 999) && digits.len == 0;
		labels++;
		name = slice_skip(name, len + 1);
	}
	return top_alpha || (labels == 4 && numbers == 4);
}

static bool take_host(struct slice *s)
{
	size_t len = 0;

	if (s->len && s->p[0] == '[') {
		return take_ip6_reference(s);
	}
	while (len < s->len && (is_alnum(s->p[len]) || s->p[len] == '.' || s->p[len] == '-')) {
		len++;
	}
	struct slice name = slice_first(*s, len);
	*s = slice_skip(*s, len);
	return valid_host_name(name);
}

enum { PORT_MAX = 65535 };

bool sip_take_hostport(struct slice *s)
{
	if (!take_host(s)) {
		return false;
	}
	struct slice port = *s;
	if (!sip_take_separator(&port, ':')) {
		return true;
	}
	*s = port;
	return sip_take_number(s, PORT_MAX);
}

/* gen-value; that of "received" may be an IPv6 address without brackets. */
static bool take_param_value(struct slice *s, struct slice name)
{
	if (s->len && s->p[0] == '"') {
		return sip_take_quoted(s);
	}
	if (s->len && s->p[0] == '[') {
		return take_ip6_reference(s);
	}
	if (slice_eq_nocase(name, SLICE_LIT("received"))) {
		size_t len = ip6_span(*s);
		if (slice_find(slice_first(*s, len), ':') < len) {
			*s = slice_skip(*s, len);
			return true;
		}
	}
	return sip_take_token(s);
}

bool sip_take_params(struct slice *s)
{
	while (sip_take_separator(s, ';')) {
		struct slice name = slice_first(*s, sip_span(*s, SIP_CLASS_TOKEN));

		*s = slice_skip(*s, name.len);
		if (name.len == 0 || (sip_take_separator(s, '=') && !take_param_value(s, name))) {
			return false;
		}
	}
	return true;
}

static bool take_escape(struct slice *s)
{
	bool there = s->len >= 3 && s->p[0] == '%' && is_hex(s->p[1]) && is_hex(s->p[2]);

	*s = slice_skip(*s, there ? 3 : 0);
	return there;
}

/* One at least of the classes or %XX. */
static bool take_escaped(struct slice *s, unsigned classes)
{
	size_t before = s->len;

	while (take_class(s, classes) || take_escape(s)) {
	}
	return s->len < before;
}

static bool valid_userinfo(struct slice s)
{
	if (!take_escaped(&s, SIP_CLASS_UNRESERVED | SIP_CLASS_USER)) {
		return false;
	}
	if (sip_take_char(&s, ':')) {
		(void)take_escaped(&s, SIP_CLASS_UNRESERVED | SIP_CLASS_PASSWORD);
	}
	return s.len == 0;
}

static bool take_uri_params(struct slice *s)
{
	const unsigned allowed = SIP_CLASS_UNRESERVED | SIP_CLASS_PARAM;

	while (sip_take_char(s, ';')) {
		if (!take_escaped(s, allowed) ||
		    (sip_take_char(s, '=') && !take_escaped(s, allowed))) {
			return false;
		}
	}
	return true;
}

static bool take_uri_headers(struct slice *s)
{
	const unsigned allowed = SIP_CLASS_UNRESERVED | SIP_CLASS_URI_HEADER;

	do {
		if (!take_escaped(s, allowed) || !sip_take_char(s, '=')) {
			return false;
		}
		(void)take_escaped(s, allowed);
	} while (sip_take_char(s, '&'));
	return true;
}

static bool valid_sip_uri(struct slice s, enum sip_uri_place place)
{
	size_t at = slice_find(s, '@');

	if (at < s.len) {
		if (!valid_userinfo(slice_first(s, at))) {
			return false;
		}
		s = slice_skip(s, at + 1);
	}
	if (!take_host(&s) || (sip_take_char(&s, ':') && !sip_take_number(&s, PORT_MAX)) ||
	    !take_uri_params(&s)) {
		return false;
	}
	if (place == SIP_URI_IN_BRACKETS && sip_take_char(&s, '?') && !take_uri_headers(&s)) {
		return false;
	}
	return s.len == 0;
}

bool sip_valid_uri(struct slice s, enum sip_uri_place place)
{
	struct slice scheme = slice_first(s, slice_find(s, ':'));

	if (scheme.len == s.len || scheme.len == 0 || !is_alpha(scheme.p[0])) {
		return false;
	}
	for (size_t i = 1; i < scheme.len; i++) {
		char c = scheme.p[i];
		if (!is_alnum(c) && c != '+' && c != '-' && c != '.') {
			return false;
		}
	}
	s = slice_skip(s, scheme.len + 1);
	if (slice_eq_nocase(scheme, SLICE_LIT("sip")) ||
	    slice_eq_nocase(scheme, SLICE_LIT("sips"))) {
		return valid_sip_uri(s, place);
	}
	return take_escaped(&s, SIP_CLASS_UNRESERVED | SIP_CLASS_RESERVED) && s.len == 0;
}

/* A display name of tokens up to its '<'. */
static bool at_name_addr(struct slice s)
{
	while (sip_take_token(&s)) {
		s = sip_skip_space(s);
	}
	return s.len && s.p[0] == '<';
}

/* RFC 3261 section 20.10: a URI with a comma, question mark or semicolon stands in < >. */
static bool take_addr_spec(struct slice *s)
{
	size_t len = 0;

	while (len < s->len && s->p[len] != ';' && s->p[len] != ',' && !sip_is_space(s->p[len])) {
		len++;
	}
	struct slice uri = slice_first(*s, len);
	*s = slice_skip(*s, len);
	return slice_find(uri, '?') == len && sip_valid_uri(uri, SIP_URI_BARE);
}

bool sip_take_address(struct slice *s, enum sip_address_form form)
{
	if (s->len && s->p[0] == '"') {
		if (!sip_take_quoted(s)) {
			return false;
		}
	} else if (!at_name_addr(*s)) {
		return form == SIP_ADDRESS_ANY && take_addr_spec(s);
	} else {
		*s = slice_skip(*s, slice_find(*s, '<'));
	}
	*s = sip_skip_space(*s);
	if (!sip_take_char(s, '<')) {
		return false;
	}
	size_t close = slice_find(*s, '>');
	struct slice uri = slice_first(*s, close);
	*s = slice_skip(*s, close);
	return sip_take_char(s, '>') && sip_valid_uri(uri, SIP_URI_IN_BRACKETS);
}

/* 1 when word is one of the three-letter words in list. */
static bool is_word_of(struct slice word, const char *list)
{
	for (const char *p = list; *p; p += 3) {
		if (slice_eq(word, (struct slice){p, 3})) {
			return true;
		}
	}
	return false;
}

/* "Sat, 13 Nov 2010 23:29:00 GMT" */
bool sip_valid_date(struct slice s)
{
	static const char shape[] = "ddd, 99 mmm 9999 99:99:99 GMT";

	if (s.len != sizeof(shape) - 1) {
		return false;
	}
	for (size_t i = 0; i < s.len; i++) {
		bool letter = shape[i] == 'd' || shape[i] == 'm';
		if (!letter && (shape[i] == '9' ? !ascii_is_digit(s.p[i]) : s.p[i] != shape[i])) {
			return false;
		}
	}
	return is_word_of(slice_first(s, 3), "MonTueWedThuFriSatSun") &&
	       is_word_of((struct slice){s.p + 8, 3}, "JanFebMarAprMayJunJulAugSepOctNovDec");
}

bool sip_valid_text(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_control(s.p[i])) {
			return false;
		}
	}
	return true;
}

bool sip_valid_reason(struct slice s)
{
	while (s.len) {
		if (sip_is_blank(s.p[0]) || s.p[0] & 0x80) {
			s = slice_skip(s, 1);
		} else if (!take_escaped(&s, SIP_CLASS_UNRESERVED | SIP_CLASS_RESERVED)) {
			return false;
		}
	}
	return true;
}
