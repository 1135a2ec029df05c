#include "decode/identity.h"

#include "core/err.h"
#include "core/instant.h"
#include "core/json.h"
#include "decode/sip_text.h"

struct scratch {
	char *p;
	size_t left;
};

/* Room for len bytes, or NULL. */
static char *scratch_take(struct scratch *s, size_t len)
{
	char *room = len <= s->left ? s->p : NULL;

	if (room) {
		s->p += len;
		s->left -= len;
	}
	return room;
}

/* Of base64url (RFC 7515) and of plain base64, which some signers send; -1 for another byte. */
static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	if (c >= 'a' && c <= 'z') {
		return c - 'a' + 26;
	}
	if (ascii_is_digit(c)) {
		return c - '0' + 52;
	}
	if (c == '-' || c == '+') {
		return 62;
	}
	return c == '_' || c == '/' ? 63 : -1;
}

/* A missing slice on a byte that does not belong there. A folded header breaks the text anywhere.
 */
static struct slice base64_decode(struct slice s, struct scratch *scratch)
{
	char *out = scratch_take(scratch, s.len / 4 * 3 + 3);
	uint32_t bits = 0;
	unsigned held = 0; /* bits not yet written */
	size_t len = 0;

	while (s.len && s.p[s.len - 1] == '=') {
		s.len--;
	}
	if (!out) {
		return SLICE_NONE;
	}
	for (size_t i = 0; i < s.len; i++) {
		int six = sextet(s.p[i]);

		if (six < 0 && sip_is_space(s.p[i])) {
			continue;
		}
		if (six < 0) {
			return SLICE_NONE;
		}
		bits = bits << 6 | (uint32_t)six;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[len++] = (char)(bits >> held & 0xff);
		}
	}
	return held < 6 ? (struct slice){out, len} : SLICE_NONE;
}

/* The host of "https://cert.example.org:8443/a.pem", also without its scheme; missing for a path.
 */
static struct slice url_host(struct slice url, struct scratch *scratch)
{
	size_t colon = slice_find(url, ':');

	if (slice_starts(slice_skip(url, colon), SLICE_LIT("://"))) {
		url = slice_skip(url, colon + 3);
	}
	url = slice_first(url, slice_find(url, '/'));
	if (slice_find(url, '@') < url.len) {
		url = slice_skip(url, slice_find(url, '@') + 1);
	}
	size_t len = url.len && url.p[0] == '[' ? slice_find(url, ']') + 1 : slice_find(url, ':');
	url = slice_first(url, len);

	char *out = url.len && url.len <= IDENTITY_HOST_MAX ? scratch_take(scratch, url.len) : NULL;
	if (!out) {
		return SLICE_NONE;
	}
	for (size_t i = 0; i < url.len; i++) {
		out[i] = ascii_lower(url.p[i]);
	}
	return (struct slice){out, url.len};
}

struct reading {
	struct json_in in;
	struct identity *id;
	struct scratch *scratch;
};

/* The text of the string or number just read. */
static struct slice value_text(struct reading *r)
{
	char *out = r->in.escaped ? scratch_take(r->scratch, r->in.text.len) : NULL;

	if (!r->in.escaped) {
		return r->in.text;
	}
	return out ? json_unescape(r->in.text, out) : SLICE_NONE;
}

/* A claim that comes twice counts as its first. */
static enum json_type read_text(struct reading *r, enum json_type type, struct slice *text)
{
	if ((type == JSON_STRING || type == JSON_NUMBER) && !text->p) {
		*text = value_text(r);
	}
	return json_skip(&r->in, type);
}

static enum json_type read_ppt(struct reading *r, enum json_type type)
{
	return read_text(r, type, &r->id->ppt);
}

static enum json_type read_x5u(struct reading *r, enum json_type type)
{
	struct slice url = SLICE_NONE;
	enum json_type last = read_text(r, type, &url);

	if (!r->id->signer.p) {
		r->id->signer = url_host(url, r->scratch);
	}
	return last;
}

static enum json_type read_attest(struct reading *r, enum json_type type)
{
	struct slice word = SLICE_NONE;
	enum json_type last = read_text(r, type, &word);
	int attest = enum_value(ENUM_ATTEST, word);

	if (word.len == 1 && attest > 0) {
		r->id->attest = (uint8_t)attest;
	}
	return last;
}

static enum json_type read_origid(struct reading *r, enum json_type type)
{
	return read_text(r, type, &r->id->origid);
}

enum { IAT_DIGITS_MAX = 11 };

/* NumericDate (RFC 7519), as a number or as its text; a fraction is cut. */
static enum json_type read_iat(struct reading *r, enum json_type type)
{
	struct slice text = SLICE_NONE;
	enum json_type last = read_text(r, type, &text);
	struct slice whole = slice_first(text, slice_find(text, '.'));
	int64_t seconds = 0;

	if (whole.len == 0 || whole.len > IAT_DIGITS_MAX) {
		return last;
	}
	for (size_t i = 0; i < whole.len; i++) {
		if (!ascii_is_digit(whole.p[i])) {
			return last;
		}
		seconds = seconds * 10 + (whole.p[i] - '0');
	}
	r->id->iat_us = seconds * US_PER_S;
	return last;
}

/* "+1…" or ["+1…", …]: the first text. */
static enum json_type read_first_text(struct reading *r, enum json_type type, struct slice *text)
{
	if (type != JSON_ARRAY) {
		return read_text(r, type, text);
	}
	while ((type = json_next(&r->in)) != JSON_ARRAY_END && type != JSON_ERROR) {
		type = read_text(r, type, text);
		if (type == JSON_ERROR) {
			break;
		}
	}
	return type;
}

/* The tn of {"tn": …}, whose begin was just read. */
static enum json_type read_tn(struct reading *r, struct slice *tn)
{
	enum json_type type;

	while ((type = json_next(&r->in)) == JSON_KEY) {
		bool wanted = slice_eq(r->in.text, SLICE_LIT("tn"));

		type = json_next(&r->in);
		type = wanted ? read_first_text(r, type, tn) : json_skip(&r->in, type);
		if (type == JSON_ERROR) {
			break;
		}
	}
	return type;
}

/* orig and dest; some signers send the object as a string. */
static enum json_type read_party(struct reading *r, enum json_type type, struct slice *tn)
{
	if (type == JSON_OBJECT) {
		return read_tn(r, tn);
	}
	if (type == JSON_STRING) {
		struct reading inner = {json_in(value_text(r)), r->id, r->scratch};

		if (json_next(&inner.in) == JSON_OBJECT) {
			(void)read_tn(&inner, tn);
		}
	}
	return json_skip(&r->in, type);
}

static enum json_type read_orig(struct reading *r, enum json_type type)
{
	return read_party(r, type, &r->id->orig_tn);
}

static enum json_type read_dest(struct reading *r, enum json_type type)
{
	return read_party(r, type, &r->id->dest_tn);
}

/* Reads the value that begins with type (just returned by json_next). */
struct claim {
	const char *name;
	enum json_type (*read)(struct reading *r, enum json_type type);
};

static const struct claim header_claims[] = {{"ppt", read_ppt}, {"x5u", read_x5u}, {NULL, NULL}};
static const struct claim payload_claims[] = {
	{"attest", read_attest}, {"orig", read_orig},     {"dest", read_dest},
	{"iat", read_iat},       {"origid", read_origid}, {NULL, NULL},
};

static enum json_type read_claim(struct reading *r, const struct claim *claims)
{
	while (claims->name && !slice_eq(r->in.text, slice_of(claims->name))) {
		claims++;
	}
	enum json_type type = json_next(&r->in);
	return claims->name ? claims->read(r, type) : json_skip(&r->in, type);
}

/* One part of the token: an object of claims. */
static int read_part(struct slice part, struct reading *r, const struct claim *claims)
{
	struct slice json = base64_decode(part, r->scratch);

	if (!json.p) {
		return E_MALFORMED;
	}
	r->in = json_in(json);
	if (json_next(&r->in) != JSON_OBJECT) {
		return E_MALFORMED;
	}
	while (json_next(&r->in) == JSON_KEY) {
		(void)read_claim(r, claims);
	}
	return json_next(&r->in) == JSON_NONE ? OK : E_MALFORMED;
}

/* Cuts off what stands before the next dot; false without a dot. */
static bool cut_part(struct slice *token, struct slice *part)
{
	size_t dot = slice_find(*token, '.');
	bool there = dot < token->len;

	*part = slice_first(*token, dot);
	*token = slice_skip(*token, dot + 1);
	return there;
}

static int read_token(struct slice token, struct identity *id, struct scratch *scratch)
{
	struct slice header;
	struct slice payload;
	struct reading r = {.id = id, .scratch = scratch};

	if (token.len > IDENTITY_TOKEN_MAX || !cut_part(&token, &header) ||
	    !cut_part(&token, &payload) || token.len == 0 || slice_find(token, '.') < token.len) {
		return E_MALFORMED;
	}
	id->compact = header.len == 0 && payload.len == 0;
	if (id->compact) {
		return OK;
	}
	if (read_part(header, &r, header_claims) || read_part(payload, &r, payload_claims)) {
		return E_MALFORMED;
	}
	return OK;
}

static struct slice without_brackets(struct slice s)
{
	if (s.len >= 2 && s.p[0] == '<' && s.p[s.len - 1] == '>') {
		return (struct slice){s.p + 1, s.len - 2};
	}
	return s;
}

int identity_parse(struct slice value, struct identity *id, char scratch[IDENTITY_SCRATCH])
{
	struct scratch room = {scratch, IDENTITY_SCRATCH};
	size_t semi = slice_find(value, ';');
	struct slice params = slice_skip(value, semi);
	struct identity said = {.iat_us = INSTANT_NONE};

	said.ppt = sip_param(params, "ppt");
	said.signer = url_host(without_brackets(sip_param(params, "info")), &room);
	*id = said;
	if (read_token(sip_trim(slice_first(value, semi)), &said, &room)) {
		return E_MALFORMED;
	}
	*id = said;
	return OK;
}

/* Takes word from the begin of s, in any case. */
static bool cut_word(struct slice *s, struct slice word)
{
	bool there = slice_eq_nocase(slice_first(*s, word.len), word);

	*s = slice_skip(*s, there ? word.len : 0);
	return there;
}

struct verstat verstat_read(struct slice word)
{
	struct verstat v = {VERSTAT_NONE, ATTEST_NONE};
	uint8_t result = VERSTAT_NONE;

	if (cut_word(&word, SLICE_LIT("TN-Validation-Passed"))) {
		result = VERSTAT_PASSED;
	} else if (cut_word(&word, SLICE_LIT("TN-Validation-Failed"))) {
		result = VERSTAT_FAILED;
	}
	if (word.len && word.p[0] != '-') {
		return v;
	}
	v.result = result;
	if (result && word.len == 2) {
		char level = (char)(word.p[1] & ~0x20);
		int attest = enum_value(ENUM_ATTEST, (struct slice){&level, 1});
		v.attest = (uint8_t)(attest > 0 ? attest : ATTEST_NONE);
	}
	return v;
}

struct verstat verstat_of(const struct sip_addr *addr)
{
	struct sip_uri uri;
	struct slice word = sip_param(addr->params, "verstat");

	(void)sip_uri_parse(addr->uri, &uri);
	if (!word.p) {
		word = sip_param(uri.params, "verstat");
	}
	if (!word.p) {
		word = sip_param(slice_skip(uri.user, slice_find(uri.user, ';')), "verstat");
	}
	return verstat_read(word);
}
