#include "ringfence/gen_sip.h"

#include "core/instant.h"

/* ---- the ladder ---- */

struct ladder {
	struct gen_step *steps;
	size_t count;
};

static void add_step(struct ladder *l, int64_t time_us, enum gen_message message, bool from_edge)
{
	l->steps[l->count++] = (struct gen_step){time_us, message, from_edge};
}

size_t gen_ladder(const struct gen_call *call, struct gen_step steps[GEN_STEPS_MAX])
{
	struct ladder l = {steps, 0};
	int64_t ringing = call->start_us + call->setup_ms * US_PER_MS;
	int64_t result = ringing + call->ring_ms * US_PER_MS;
	int64_t end = gen_call_end(call);

	add_step(&l, call->start_us, GEN_INVITE, false);
	add_step(&l, call->start_us + 4 * US_PER_MS, GEN_TRYING, true);
	if (call->ring_ms) {
		add_step(&l, ringing, GEN_RINGING, true);
	}
	if (call->code == 487) {
		add_step(&l, result - 12 * US_PER_MS, GEN_CANCEL, false);
		add_step(&l, result - 8 * US_PER_MS, GEN_CANCEL_OK, true);
	}
	add_step(&l, result, GEN_FINAL, true);
	add_step(&l, result + 5 * US_PER_MS, GEN_ACK, false);
	if (call->code == 200) {
		bool callee = call->end == GEN_END_CALLEE;
		add_step(&l, end, GEN_BYE, callee);
		add_step(&l, end + 6 * US_PER_MS, GEN_BYE_OK, !callee);
	}
	return l.count;
}

/* ---- the text ---- */

static const char *const methods[] = {
	[GEN_INVITE] = "INVITE",    [GEN_TRYING] = "INVITE", [GEN_RINGING] = "INVITE",
	[GEN_FINAL] = "INVITE",     [GEN_ACK] = "ACK",       [GEN_CANCEL] = "CANCEL",
	[GEN_CANCEL_OK] = "CANCEL", [GEN_BYE] = "BYE",       [GEN_BYE_OK] = "BYE",
};

static const struct {
	uint16_t code;
	const char *reason;
} reasons[] = {
	{100, "Trying"},
	{180, "Ringing"},
	{200, "OK"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{480, "No Answer"},
	{486, "Busy Here"},
	{487, "Request Terminated"},
	{503, "Service Unavailable"},
};

static uint16_t code_of(const struct gen_call *call, enum gen_message message)
{
	switch (message) {
	case GEN_TRYING: return 100;
	case GEN_RINGING: return 180;
	case GEN_FINAL: return call->code;
	case GEN_CANCEL_OK:
	case GEN_BYE_OK: return 200;
	default: return 0;
	}
}

static void add_host(struct buf *out, uint32_t address)
{
	for (unsigned shift = 32; shift; shift -= 8) {
		gen_digits(out, address >> (shift - 8) & 0xff, 0);
		if (shift > 8) {
			buf_char(out, '.');
		}
	}
}

static void add_uri(struct buf *out, uint64_t user, bool stranger, uint32_t host)
{
	buf_text(out, "sip:");
	if (!user) {
		buf_text(out, "anonymous@anonymous.invalid");
		return;
	}
	if (stranger) {
		gen_digits(out, user, 0);
	} else {
		gen_phone(out, user);
	}
	buf_char(out, '@');
	add_host(out, host);
}

static void add_start_line(struct buf *out, const struct gen_call *call,
                           const struct gen_step *step, uint32_t peer)
{
	uint16_t code = code_of(call, step->message);

	if (!code) {
		bool stranger = call->trunk_in == GEN_TRUNK_NONE;
		buf_text(out, methods[step->message]);
		buf_char(out, ' ');
		if (step->from_edge) { /* the callee hangs up */
			add_uri(out, call->caller, stranger, peer);
		} else {
			add_uri(out, call->callee, stranger, GEN_EDGE_ADDRESS);
		}
		buf_text(out, " SIP/2.0\r\n");
		return;
	}
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].code == code) {
			buf_text(out, "SIP/2.0 ");
			gen_digits(out, code, 0);
			buf_char(out, ' ');
			buf_text(out, reasons[i].reason);
			buf_text(out, "\r\n");
		}
	}
}

/* Who asked: the branch and the Via are those of the request that a response belongs to. */
static void add_via(struct buf *out, const struct gen_call *call, uint64_t id,
                    const struct gen_step *step, uint32_t peer)
{
	bool from_callee = call->end == GEN_END_CALLEE &&
	                   (step->message == GEN_BYE || step->message == GEN_BYE_OK);
	const char *transaction = step->message >= GEN_BYE                        ? "b"
	                          : step->message == GEN_ACK && call->code == 200 ? "a"
	                                                                          : "i";

	buf_text(out, "Via: SIP/2.0/UDP ");
	add_host(out, from_callee ? GEN_EDGE_ADDRESS : peer);
	buf_text(out, ":5060;branch=z9hG4bK");
	buf_text(out, transaction);
	gen_digits(out, id, 9);
	buf_text(out, "\r\n");
}

static void add_caller(struct buf *out, const struct gen_call *call, uint64_t id, uint32_t peer)
{
	if (call->display) {
		buf_char(out, '"');
		buf_text(out, call->display);
		buf_text(out, "\" ");
	}
	buf_char(out, '<');
	add_uri(out, call->caller, call->trunk_in == GEN_TRUNK_NONE, peer);
	buf_text(out, ">;tag=f");
	gen_digits(out, id, 0);
	buf_text(out, "\r\n");
}

static void add_callee(struct buf *out, const struct gen_call *call, uint64_t id, bool tagged)
{
	buf_char(out, '<');
	add_uri(out, call->callee, call->trunk_in == GEN_TRUNK_NONE, GEN_EDGE_ADDRESS);
	buf_char(out, '>');
	if (tagged) {
		buf_text(out, ";tag=t");
		gen_digits(out, id, 0);
	}
	buf_text(out, "\r\n");
}

static bool callee_tagged(const struct gen_call *call, enum gen_message message)
{
	switch (message) {
	case GEN_INVITE:
	case GEN_TRYING:
	case GEN_CANCEL: return false;
	case GEN_RINGING: return call->code == 200;
	default: return true;
	}
}

static void add_parties(struct buf *out, const struct gen_call *call, uint64_t id,
                        const struct gen_step *step, uint32_t peer)
{
	bool tagged = callee_tagged(call, step->message);
	bool turned = call->end == GEN_END_CALLEE &&
	              (step->message == GEN_BYE || step->message == GEN_BYE_OK);

	buf_text(out, "From: ");
	if (turned) {
		add_callee(out, call, id, true);
		buf_text(out, "To: ");
		add_caller(out, call, id, peer);
	} else {
		add_caller(out, call, id, peer);
		buf_text(out, "To: ");
		add_callee(out, call, id, tagged);
	}
}

static void add_offer(struct buf *out, uint32_t host, uint64_t id)
{
	struct buf body = {0};

	buf_printf(&body, "v=0\r\no=- %llu 1 IN IP4 ", (unsigned long long)id);
	add_host(&body, host);
	buf_text(&body, "\r\ns=-\r\nc=IN IP4 ");
	add_host(&body, host);
	buf_printf(&body, "\r\nt=0 0\r\nm=audio %u RTP/AVP 8 0\r\n",
	           10000 + 2 * (unsigned)(id % 20000));
	buf_printf(out, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n", body.len);
	buf_slice(out, buf_view(&body));
	buf_fini(&body);
}

void gen_sip_write(struct buf *out, const struct gen_world *w, const struct gen_call *call,
                   uint64_t id, const struct gen_step *step)
{
	uint32_t peer = gen_trunk_address(call->trunk_in);
	bool answer = step->message == GEN_FINAL && call->code == 200;

	add_start_line(out, call, step, peer);
	add_via(out, call, id, step, peer);
	if (!code_of(call, step->message)) {
		buf_text(out, "Max-Forwards: 70\r\n");
	}
	add_parties(out, call, id, step, peer);
	buf_text(out, "Call-ID: ");
	gen_call_id(out, w, id);
	buf_text(out, step->message >= GEN_BYE ? "\r\nCSeq: 2 " : "\r\nCSeq: 1 ");
	buf_text(out, methods[step->message]);
	buf_text(out, "\r\n");
	if (step->message == GEN_INVITE || answer) {
		buf_text(out, "Contact: <sip:");
		add_host(out, answer ? GEN_EDGE_ADDRESS : peer);
		buf_text(out, ":5060>\r\n");
	}
	if (step->message == GEN_INVITE && call->agent) {
		buf_text(out, "User-Agent: ");
		buf_text(out, call->agent);
		buf_text(out, "\r\n");
	}
	if (step->message == GEN_INVITE || answer) {
		add_offer(out, answer ? GEN_EDGE_ADDRESS : peer, id);
	} else {
		buf_text(out, "Content-Length: 0\r\n\r\n");
	}
}
