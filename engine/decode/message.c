#include "decode/message.h"

#include "core/err.h"

/* Values of one list that are looked at. */
enum { LIST_MAX = 16 };

static const uint8_t methods[SIP_METHOD_COUNT] = {
	[SIP_INVITE] = MESSAGE_INVITE, [SIP_ACK] = MESSAGE_ACK,
	[SIP_BYE] = MESSAGE_BYE,       [SIP_CANCEL] = MESSAGE_CANCEL,
	[SIP_PRACK] = MESSAGE_PRACK,   [SIP_REGISTER] = MESSAGE_REGISTER,
};

typedef struct slice (*text_rewrite)(struct slice s, char *out);

/* What rewrite makes of s, in the scratch where it differs from s. Each text of a message passes
 * here a few times at most; one that finds no room any more stays as it is.
 */
static struct slice rewritten(struct message_scratch *scratch, struct slice s, text_rewrite rewrite)
{
	if (s.len > sizeof(scratch->text) - scratch->used) {
		return s;
	}
	char *out = scratch->text + scratch->used;
	struct slice made = rewrite(s, out);
	scratch->used += made.p == out ? made.len : 0;
	return made;
}

static struct slice unfolded(struct message_scratch *scratch, struct slice s)
{
	return rewritten(scratch, s, sip_unfold);
}

/* The user part without its parameters; missing for other schemes and where there is none. */
static struct written_number number_of_uri(struct slice uri)
{
	struct written_number number = {.text = SLICE_NONE};
	struct sip_uri parts;

	if (sip_uri_parse(uri, &parts) || parts.user.len == 0) {
		return number;
	}
	size_t semi = slice_find(parts.user, ';');
	number.text = slice_first(parts.user, semi);
	number.context = sip_param(slice_skip(parts.user, semi), "phone-context");
	if (!number.context.p) {
		number.context = sip_param(parts.params, "phone-context");
	}
	return number;
}

/* "+" and digits with visual separators: what interfaces.md 1.2 makes a number of, not a name. */
static bool is_number(struct slice text)
{
	static const char separators[] = " -.()/";
	size_t digits = 0;
	size_t i = slice_starts(text, SLICE_LIT("+"))     ? 1
	           : slice_starts(text, SLICE_LIT("%2B")) ? 3
	           : slice_starts(text, SLICE_LIT("%2b")) ? 3
	                                                  : 0;

	for (; i < text.len; i++) {
		bool digit = ascii_is_digit(text.p[i]);
		if (!digit && !memchr(separators, text.p[i], sizeof(separators) - 1)) {
			return false;
		}
		digits += digit;
	}
	return digits > 0;
}

/* The first address of the list with a number in it, else the first. */
static int addr_of_list(struct slice list, struct sip_addr *addr)
{
	struct slice rest;
	struct sip_addr other;
	int err = sip_addr_parse(list, addr, &rest);

	if (err || is_number(number_of_uri(addr->uri).text)) {
		return err;
	}
	for (int i = 1; i < LIST_MAX && rest.len > 0; i++) {
		if (sip_addr_parse(rest, &other, &rest)) {
			break;
		}
		if (is_number(number_of_uri(other.uri).text)) {
			*addr = other;
			break;
		}
	}
	return OK;
}

static struct message_party party_of(const struct sip_addr *addr, bool withheld,
                                     struct message_scratch *scratch)
{
	struct message_party party = {.number = number_of_uri(addr->uri),
	                              .display = unfolded(scratch, addr->display)};

	party.number.withheld = withheld;
	party.display = rewritten(scratch, party.display, sip_unquote);
	return party;
}

/* Missing where the header is. */
static struct message_party party_of_header(const struct sip_msg *msg, enum sip_header header,
                                            bool withheld, struct message_scratch *scratch)
{
	struct sip_addr addr;

	if (addr_of_list(msg->header[header], &addr)) {
		return (struct message_party){.number = {.text = SLICE_NONE}};
	}
	return party_of(&addr, withheld, scratch);
}

/* RFC 3323 section 4.2: a list of tokens between semicolons. */
static bool asks_for_privacy(struct slice tokens)
{
	while (tokens.len > 0) {
		size_t len = slice_find(tokens, ';');
		if (slice_eq_nocase(slice_trim(slice_first(tokens, len)), SLICE_LIT("id"))) {
			return true;
		}
		tokens = slice_skip(tokens, len + 1);
	}
	return false;
}

/* RFC 5806: the topmost value is the last diversion; its privacy may withhold the number. */
static bool divert_of_diversion(struct slice value, struct written_number *divert)
{
	struct sip_addr addr;

	if (sip_addr_parse(value, &addr, NULL)) {
		return false;
	}
	struct slice privacy = sip_param(addr.params, "privacy");
	*divert = number_of_uri(addr.uri);
	divert->withheld = slice_eq_nocase(privacy, SLICE_LIT("full")) ||
	                   slice_eq_nocase(privacy, SLICE_LIT("uri"));
	return true;
}

/* RFC 7044 lists the targets in the order in which they were tried: who diverted is the last one
 * with another user than the present target. Without such there was routing, no diversion.
 */
static bool divert_of_history(struct slice list, struct written_number *divert)
{
	struct written_number entry[LIST_MAX];
	struct sip_addr addr;
	size_t count = 0;

	while (count < LIST_MAX && list.len > 0 && sip_addr_parse(list, &addr, &list) == OK) {
		entry[count++] = number_of_uri(addr.uri);
	}
	for (size_t i = count; i-- > 0;) {
		if (entry[i].text.p && !slice_eq(entry[i].text, entry[count - 1].text)) {
			*divert = entry[i];
			return true;
		}
	}
	return false;
}

static void read_diversion(const struct sip_msg *msg, struct message_invite *invite)
{
	invite->divert = (struct written_number){.text = SLICE_NONE};
	invite->forwarded = divert_of_diversion(msg->header[SIP_H_DIVERSION], &invite->divert) ||
	                    divert_of_history(msg->header[SIP_H_HISTORY_INFO], &invite->divert);
}

static struct verstat verstat_of_header(struct slice value)
{
	struct verstat none = {VERSTAT_NONE, ATTEST_NONE};
	struct sip_addr addr;

	return addr_of_list(value, &addr) ? none : verstat_of(&addr);
}

/* What the token claims, and what a verification service made of it: its word also tells the level
 * where the token itself was taken out.
 */
static void read_stir(const struct sip_msg *msg, struct message_scratch *scratch,
                      struct message_invite *invite)
{
	struct identity id = {.iat_us = INSTANT_NONE};
	struct verstat verstat = verstat_of_header(msg->header[SIP_H_P_ASSERTED_IDENTITY]);

	if (msg->header[SIP_H_IDENTITY].p) {
		(void)identity_parse(msg->header[SIP_H_IDENTITY], &id, scratch->identity);
	}
	if (msg->identity_more.p && slice_eq(id.ppt, SLICE_LIT("div"))) {
		(void)identity_parse(msg->identity_more, &id, scratch->identity);
	}
	if (verstat.result == VERSTAT_NONE) {
		verstat = verstat_of(&msg->from);
	}
	invite->attest = id.attest ? id.attest : verstat.attest;
	invite->verstat = verstat.result;
	invite->stir_orig = id.orig_tn;
	invite->stir_dest = id.dest_tn;
	invite->stir_iat_us = id.iat_us;
	invite->stir_signer = id.signer;
	invite->stir_origid = id.origid;
}

static void read_invite(const struct sip_msg *msg, struct message_scratch *scratch,
                        struct message_invite *invite)
{
	bool withheld = asks_for_privacy(msg->header[SIP_H_PRIVACY]);
	struct written_number to = number_of_uri(msg->to.uri);

	invite->callee = number_of_uri(msg->request_uri);
	if (!invite->callee.text.p || (!is_number(invite->callee.text) && is_number(to.text))) {
		invite->callee = to;
	}
	invite->pai = party_of_header(msg, SIP_H_P_ASSERTED_IDENTITY, withheld, scratch);
	invite->ppi = party_of_header(msg, SIP_H_P_PREFERRED_IDENTITY, withheld, scratch);
	invite->from = party_of(&msg->from, withheld, scratch);
	read_diversion(msg, invite);
	read_stir(msg, scratch, invite);
}

/* Behind the comma that ends the first value of the list. */
static struct slice next_value(struct slice list)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < list.len && (quoted || list.p[i] != ','); i++) {
		quoted ^= list.p[i] == '"';
		i += quoted && list.p[i] == '\\';
	}
	return slice_skip(list, i + 1);
}

static int64_t cause_of_param(struct slice cause)
{
	int64_t value = 0;

	if (cause.len == 0 || cause.len > 3) {
		return INSTANT_NONE;
	}
	for (size_t i = 0; i < cause.len; i++) {
		if (!ascii_is_digit(cause.p[i])) {
			return INSTANT_NONE;
		}
		value = value * 10 + (cause.p[i] - '0');
	}
	return value <= 127 ? value : INSTANT_NONE;
}

/* RFC 3326: "SIP;cause=200, Q.850;cause=16;text=\"…\"". */
static int64_t q850_of_reason(struct slice list)
{
	for (int i = 0; i < LIST_MAX && list.len > 0; i++) {
		size_t semi = slice_find(list, ';');
		struct slice protocol = slice_trim(slice_first(list, semi));
		if (slice_eq_nocase(protocol, SLICE_LIT("Q.850"))) {
			return cause_of_param(sip_param(slice_skip(list, semi), "cause"));
		}
		list = next_value(list);
	}
	return INSTANT_NONE;
}

static struct slice user_of(const struct sip_addr *addr, struct message_scratch *scratch)
{
	return rewritten(scratch, number_of_uri(addr->uri).text, sip_unescape);
}

void message_of_sip(const struct sip_msg *msg, const struct frame *frame,
                    struct message_scratch *scratch, struct message *out)
{
	scratch->used = 0;
	out->time_us = frame->time_us;
	out->src = frame->src;
	out->dst = frame->dst;
	out->source = 0;
	out->request = msg->request;
	out->status = (uint16_t)msg->status;
	out->method = (enum message_method)methods[msg->method];
	out->method_text = msg->method_text;
	out->call_id = unfolded(scratch, msg->call_id);
	out->cseq = msg->cseq;
	out->branch = msg->via_branch;
	out->from_tag = msg->from_tag;
	out->to_tag = msg->to_tag;
	out->q850 = q850_of_reason(msg->header[SIP_H_REASON]);
	out->from_user = out->to_user = out->ua = SLICE_NONE;
	if (msg->request) {
		out->from_user = user_of(&msg->from, scratch);
		out->to_user = user_of(&msg->to, scratch);
		out->ua = unfolded(scratch, msg->header[SIP_H_USER_AGENT]);
		if (out->method == MESSAGE_INVITE) {
			read_invite(msg, scratch, &out->invite);
		}
	}
}
