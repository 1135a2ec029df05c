#include "core/err.h"
#include "decode/sip.h"
#include "decode/sip_text.h"

/* Splits what follows an address at the comma that ends its value. */
static void take_params(struct slice s, struct sip_addr *addr, struct slice *rest)
{
	size_t i = 0;

	while (i < s.len && s.p[i] != ',') {
		size_t quoted = s.p[i] == '"' ? sip_quoted_end(slice_skip(s, i)) : 1;

		i = quoted ? i + quoted : s.len;
	}
	if (i < s.len && rest) {
		*rest = slice_skip(s, i + 1);
	}
	addr->params = sip_trim(slice_first(s, i));
	if (addr->params.len == 0) {
		addr->params = SLICE_NONE;
	}
}

static int take_addr_spec(struct slice s, size_t len, struct sip_addr *addr, struct slice *rest)
{
	addr->uri = sip_trim(slice_first(s, len));
	take_params(slice_skip(s, len), addr, rest);
	return addr->uri.len ? OK : E_MALFORMED;
}

static int take_name_addr(struct slice s, size_t open, struct sip_addr *addr, struct slice *rest)
{
	s = slice_skip(s, open + 1);

	size_t close = slice_find(s, '>');
	if (close == s.len) {
		return E_MALFORMED;
	}
	addr->uri = sip_trim(slice_first(s, close));
	take_params(slice_skip(s, close + 1), addr, rest);
	return addr->uri.len ? OK : E_MALFORMED;
}

/* A comma ends the value only behind a URI: "Bell, Alexander <sip:…>" is one address, though it
 * should have been quoted, and "sip:a@x, <sip:b@y>" are two. Looking no further than that comma
 * also keeps the walk over a list linear.
 */
static int take_unquoted(struct slice s, struct sip_addr *addr, struct slice *rest)
{
	bool scheme = false;
	size_t i;

	for (i = 0; i < s.len && s.p[i] != '<'; i++) {
		scheme |= s.p[i] == ':';
		if (s.p[i] == ';' || (s.p[i] == ',' && scheme)) {
			return take_addr_spec(s, i, addr, rest);
		}
	}
	if (i == s.len) {
		return take_addr_spec(s, i, addr, rest);
	}
	addr->display = sip_trim(slice_first(s, i));
	if (addr->display.len == 0) {
		addr->display = SLICE_NONE;
	}
	return take_name_addr(s, i, addr, rest);
}

int sip_addr_parse(struct slice value, struct sip_addr *addr, struct slice *rest)
{
	struct slice s = sip_skip_space(value);
	size_t end = s.len && s.p[0] == '"' ? sip_quoted_end(s) : 0;

	*addr = (struct sip_addr){0};
	if (rest) {
		*rest = SLICE_NONE;
	}
	if (end == 0) {
		/* A quote that is never closed is dropped: some proxies route such calls. */
		return take_unquoted(slice_skip(s, s.len && s.p[0] == '"'), addr, rest);
	}
	addr->display = (struct slice){s.p + 1, end - 2};
	s = slice_skip(s, end);
	return take_name_addr(s, slice_find(s, '<'), addr, rest);
}

/* The '@' that ends the user part: the last one before parameters or headers, because some send
 * "sip:alice@example.com@10.0.0.1". A ';' or '?' before the first '@' belongs to the user.
 */
static size_t user_end(struct slice s)
{
	size_t at = slice_find(s, '@');

	for (size_t i = at; i < s.len && s.p[i] != ';' && s.p[i] != '?'; i++) {
		at = s.p[i] == '@' ? i : at;
	}
	return at;
}

static size_t host_len(struct slice s)
{
	size_t bracket = s.len && s.p[0] == '[' ? slice_find(s, ']') : s.len;
	size_t i = 0;

	if (bracket < s.len) {
		return bracket + 1;
	}
	while (i < s.len && s.p[i] != ':' && s.p[i] != ';' && s.p[i] != '?' &&
	       !sip_is_space(s.p[i])) {
		i++;
	}
	return i;
}

static int sip_scheme_parse(struct slice s, struct sip_uri *parts)
{
	size_t at = user_end(s);

	if (at < s.len) {
		struct slice user = slice_first(s, at);
		parts->user = slice_first(user, slice_find(user, ':'));
		s = slice_skip(s, at + 1);
	}
	parts->host = slice_first(s, host_len(s));
	s = slice_skip(s, parts->host.len);

	size_t semi = slice_find(s, ';');
	size_t question = slice_find(s, '?');
	if (semi < question) {
		parts->params = (struct slice){s.p + semi + 1, question - semi - 1};
	}
	return parts->host.len ? OK : E_MALFORMED;
}

static int tel_scheme_parse(struct slice s, struct sip_uri *parts)
{
	size_t semi = slice_find(s, ';');

	parts->user = slice_first(s, semi);
	if (semi < s.len) {
		parts->params = slice_skip(s, semi + 1);
	}
	return parts->user.len ? OK : E_MALFORMED;
}

int sip_uri_parse(struct slice uri, struct sip_uri *parts)
{
	struct slice s = sip_trim(uri);
	size_t colon = slice_find(s, ':');

	*parts = (struct sip_uri){0};
	if (colon == 0 || colon == s.len) {
		return E_MALFORMED;
	}
	parts->scheme = slice_first(s, colon);
	s = slice_skip(s, colon + 1);
	if (slice_eq_nocase(parts->scheme, SLICE_LIT("sip")) ||
	    slice_eq_nocase(parts->scheme, SLICE_LIT("sips"))) {
		return sip_scheme_parse(s, parts);
	}
	if (slice_eq_nocase(parts->scheme, SLICE_LIT("tel"))) {
		return tel_scheme_parse(s, parts);
	}
	return OK;
}

static bool ends_param(char c)
{
	return c == ';' || c == ',';
}

/* The value that begins at s->p[0]; leaves s at what ends it. */
static struct slice take_param_value(struct slice *s)
{
	struct slice value = *s;
	size_t len = 0;

	if (s->len && s->p[0] == '"') {
		size_t end = sip_quoted_end(*s);
		value = (struct slice){s->p + 1, end ? end - 2 : s->len - 1};
		*s = slice_skip(*s, end ? end : s->len);
	} else if (s->len && s->p[0] == '<') {
		value = slice_first(*s, slice_find(*s, '>') + 1);
		*s = slice_skip(*s, value.len);
	}
	while (len < s->len && !ends_param(s->p[len])) {
		len++;
	}
	if (value.p == s->p) {
		value = sip_trim(slice_first(*s, len));
	}
	*s = slice_skip(*s, len);
	return value;
}

/* The next "name=value" or "name"; false at the end of the list. */
static bool take_param(struct slice *s, struct slice *name, struct slice *value)
{
	size_t len = 0;

	while (s->len && (s->p[0] == ';' || sip_is_space(s->p[0]))) {
		*s = slice_skip(*s, 1);
	}
	if (s->len == 0 || s->p[0] == ',') {
		return false;
	}
	while (len < s->len && s->p[len] != '=' && !ends_param(s->p[len])) {
		len++;
	}
	*name = sip_trim(slice_first(*s, len));
	*value = (struct slice){s->p + len, 0};
	*s = slice_skip(*s, len);
	if (s->len && s->p[0] == '=') {
		*s = sip_skip_space(slice_skip(*s, 1));
		*value = take_param_value(s);
	}
	return true;
}

struct slice sip_param(struct slice params, const char *name)
{
	struct slice want = slice_of(name);
	struct slice found;
	struct slice value;

	while (take_param(&params, &found, &value)) {
		if (slice_eq_nocase(found, want)) {
			return value;
		}
	}
	return SLICE_NONE;
}
