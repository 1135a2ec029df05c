#include "decode/sip.h"
#include "decode/sip_grammar.h"
#include "decode/sip_text.h"

enum { CSEQ_MAX = INT32_MAX, MAX_FORWARDS_MAX = 255, DELTA_SECONDS_MAX = UINT32_MAX };

static bool take_address_params(struct slice *s)
{
	return sip_take_address(s, SIP_ADDRESS_ANY) && sip_take_params(s);
}

static bool take_name_addr_params(struct slice *s)
{
	return sip_take_address(s, SIP_ADDRESS_NAME_ADDR) && sip_take_params(s);
}

static bool take_via(struct slice *s)
{
	return sip_take_token(s) && sip_take_separator(s, '/') && sip_take_token(s) &&
	       sip_take_separator(s, '/') && sip_take_token(s) && sip_take_blanks(s) &&
	       sip_take_hostport(s) && sip_take_params(s);
}

static bool take_call_id(struct slice *s)
{
	return sip_take_word(s) && (!sip_take_char(s, '@') || sip_take_word(s));
}

static bool take_cseq(struct slice *s)
{
	return sip_take_number(s, CSEQ_MAX) && sip_take_blanks(s) && sip_take_token(s);
}

static bool take_delta_seconds(struct slice *s)
{
	return sip_take_number(s, DELTA_SECONDS_MAX);
}

/* "120 (in a meeting);duration=3600"; RFC 3261 lets comments nest, here they do not. */
static bool take_retry_after(struct slice *s)
{
	if (!take_delta_seconds(s)) {
		return false;
	}
	*s = sip_skip_space(*s);
	if (sip_take_char(s, '(')) {
		size_t close = slice_find(*s, ')');
		struct slice comment = slice_first(*s, close);

		*s = slice_skip(*s, close);
		if (!sip_take_char(s, ')') || !sip_valid_text(comment)) {
			return false;
		}
	}
	return sip_take_params(s);
}

static bool take_media_type(struct slice *s)
{
	return sip_take_token(s) && sip_take_separator(s, '/') && sip_take_token(s) &&
	       sip_take_params(s);
}

/* warn-code of three digits, warn-agent, quoted text. */
static bool take_warning(struct slice *s)
{
	size_t before = s->len;

	if (!sip_take_number(s, 999) || before - s->len != 3 || !sip_take_blanks(s)) {
		return false;
	}
	struct slice agent = *s;
	if (!sip_take_hostport(s) || !sip_take_blanks(s)) {
		*s = agent;
		if (!sip_take_token(s) || !sip_take_blanks(s)) {
			return false;
		}
	}
	return sip_take_quoted(s);
}

static bool take_token_params(struct slice *s)
{
	return sip_take_token(s) && sip_take_params(s);
}

static bool take_contact(struct slice *s)
{
	if (slice_eq(*s, SLICE_LIT("*"))) {
		return sip_take_char(s, '*');
	}
	return take_address_params(s);
}

static bool take_max_forwards(struct slice *s)
{
	return sip_take_number(s, MAX_FORWARDS_MAX);
}

static bool take_content_length(struct slice *s)
{
	return sip_take_number(s, INT64_MAX);
}

/* All of it. */
static bool take_text(struct slice *s)
{
	bool valid = sip_valid_text(*s);

	*s = slice_skip(*s, s->len);
	return valid;
}

static bool take_date(struct slice *s)
{
	bool valid = sip_valid_date(*s);

	*s = slice_skip(*s, s->len);
	return valid;
}

/* How often a header may stand in a message, and how many values in it (RFC 3261 section 7.3.1). */
enum form { ONCE = 0, LIST, LIST_OR_EMPTY };

static const struct rule {
	const char *name;
	char compact;
	enum form form;
	bool (*take)(struct slice *s); /* one value */
	const char *fault;
} rules[] = {
	{"Via", 'v', LIST, take_via, "bad_via"},
	{"From", 'f', ONCE, take_address_params, "bad_from"},
	{"To", 't', ONCE, take_address_params, "bad_to"},
	{"Call-ID", 'i', ONCE, take_call_id, "bad_call_id"},
	{"CSeq", 0, ONCE, take_cseq, "bad_cseq"},
	{"Max-Forwards", 0, ONCE, take_max_forwards, "bad_max_forwards"},
	{"Content-Length", 'l', ONCE, take_content_length, "bad_content_length"},
	{"Content-Type", 'c', ONCE, take_media_type, "bad_content_type"},
	{"Contact", 'm', LIST, take_contact, "bad_contact"},
	{"Route", 0, LIST, take_name_addr_params, "bad_route"},
	{"Record-Route", 0, LIST, take_name_addr_params, "bad_record_route"},
	{"Expires", 0, ONCE, take_delta_seconds, "bad_expires"},
	{"Min-Expires", 0, ONCE, take_delta_seconds, "bad_min_expires"},
	{"Retry-After", 0, ONCE, take_retry_after, "bad_retry_after"},
	{"Date", 0, ONCE, take_date, "bad_date"},
	{"Warning", 0, LIST, take_warning, "bad_warning"},
	{"Allow", 0, LIST_OR_EMPTY, sip_take_token, "bad_allow"},
	{"Supported", 'k', LIST_OR_EMPTY, sip_take_token, "bad_supported"},
	{"Require", 0, LIST, sip_take_token, "bad_require"},
	{"Proxy-Require", 0, LIST, sip_take_token, "bad_proxy_require"},
	{"Unsupported", 0, LIST, sip_take_token, "bad_unsupported"},
	{"Content-Encoding", 'e', LIST, sip_take_token, "bad_content_encoding"},
	{"Reply-To", 0, ONCE, take_address_params, "bad_reply_to"},
	{"P-Asserted-Identity", 0, LIST, take_address_params, "bad_p_asserted_identity"},
	{"P-Preferred-Identity", 0, LIST, take_address_params, "bad_p_preferred_identity"},
	{"Remote-Party-ID", 0, LIST, take_address_params, "bad_remote_party_id"},
	{"Diversion", 0, LIST, take_name_addr_params, "bad_diversion"},
	{"History-Info", 0, LIST, take_name_addr_params, "bad_history_info"},
	{"Privacy", 0, LIST, take_token_params, "bad_privacy"},
	{"Reason", 0, LIST, take_token_params, "bad_reason"},
	{"Subject", 's', ONCE, take_text, "bad_subject"},
	{"Organization", 0, ONCE, take_text, "bad_organization"},
	{"User-Agent", 0, ONCE, take_text, "bad_user_agent"},
	{"Server", 0, ONCE, take_text, "bad_server"},
};

enum { RULE_COUNT = sizeof(rules) / sizeof(rules[0]) };

static size_t rule_find(struct slice name)
{
	size_t i;

	for (i = 0; i < RULE_COUNT; i++) {
		bool compact = name.len == 1 && rules[i].compact &&
		               ascii_lower(name.p[0]) == rules[i].compact;
		if (compact || slice_eq_nocase(name, slice_of(rules[i].name))) {
			break;
		}
	}
	return i;
}

static bool rule_holds(const struct rule *rule, struct slice value)
{
	if (rule->form == LIST_OR_EMPTY && value.len == 0) {
		return true;
	}
	do {
		if (!rule->take(&value)) {
			return false;
		}
	} while (rule->form != ONCE && sip_take_separator(&value, ','));
	return value.len == 0;
}

/* Takes a line with its folds, up to its LF, from *head. */
static struct slice take_line(struct slice *head)
{
	size_t len = slice_find(*head, '\n');

	while (len + 1 < head->len && sip_is_blank(head->p[len + 1])) {
		len += 1 + slice_find(slice_skip(*head, len + 1), '\n');
	}
	struct slice line = slice_first(*head, len);
	*head = slice_skip(*head, len + 1);
	return line;
}

/* The lines up to the empty one, which must all end with CR LF and hold no other CR or LF. */
static bool take_head(struct slice text, struct slice *head)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		bool pair = text.p[i] == '\r' && text.p[i + 1] == '\n';

		if (!pair && (text.p[i] == '\r' || text.p[i] == '\n')) {
			return false;
		}
		if (pair && text.len - i >= 4 && memcmp(text.p + i, "\r\n\r\n", 4) == 0) {
			*head = slice_first(text, i + 2);
			return true;
		}
		i += pair;
	}
	return false;
}

static const char *check_request_line(struct slice line)
{
	bool method = sip_take_token(&line) && sip_take_char(&line, ' ');
	struct slice uri = slice_first(line, slice_find(line, ' '));
	struct slice version = slice_skip(line, uri.len + 1);

	if (!method || !slice_eq_nocase(version, SLICE_LIT("SIP/2.0"))) {
		return "bad_request_line";
	}
	return sip_valid_uri(uri, SIP_URI_BARE) ? NULL : "bad_request_uri";
}

/* The version and the code are as sip_parse found them. */
static const char *check_status_line(struct slice line)
{
	line = slice_skip(line, sizeof("SIP/2.0") - 1);
	bool code = sip_take_char(&line, ' ') && sip_take_number(&line, 699) &&
	            sip_take_char(&line, ' ');

	return code && sip_valid_reason(line) ? NULL : "bad_status_line";
}

static const char *check_header(struct slice line, uint8_t *seen)
{
	struct slice name = line;

	if (!sip_take_token(&line)) {
		return "bad_header_name";
	}
	name.len -= line.len;
	line = slice_trim(line);
	if (!sip_take_char(&line, ':')) {
		return "bad_header_name";
	}
	struct slice value = sip_trim(line);
	size_t i = rule_find(name);
	if (i == RULE_COUNT) {
		return sip_valid_text(value) ? NULL : "bad_header_text";
	}
	if (seen[i] && rules[i].form == ONCE) {
		return "duplicate_header";
	}
	seen[i] = 1;
	return rule_holds(&rules[i], value) ? NULL : rules[i].fault;
}

static const char *check_headers(struct slice head)
{
	uint8_t seen[RULE_COUNT] = {0};

	while (head.len) {
		const char *fault = check_header(take_line(&head), seen);

		if (fault) {
			return fault;
		}
	}
	return NULL;
}

const char *sip_check(const struct sip_msg *msg, enum reason refused)
{
	struct slice head;
	const char *fault;

	if (refused) {
		return reason_word(refused);
	}
	if (!take_head(msg->text, &head)) {
		return "bad_line_end";
	}
	struct slice start = slice_first(head, slice_find(head, '\r'));
	fault = msg->request ? check_request_line(start) : check_status_line(start);
	if (!fault) {
		fault = check_headers(slice_skip(head, start.len + 2));
	}
	if (fault) {
		return fault;
	}
	if (msg->request && !slice_eq(msg->cseq_method, msg->method_text)) {
		return "cseq_method_mismatch";
	}
	if (msg->body_truncated) {
		return "content_length_beyond_body";
	}
	return msg->header_count[SIP_H_VIA] ? NULL : "missing_via";
}
