#include "calls/call.h"

#include <string.h>

#include "core/instant.h"
#include "model/enums.h"

/* What asks for another INVITE of the same call: RFC 3261 8.1.3.4 and 8.1.3.5, RFC 4028 section 6
 * (422), RFC 3329 (494), RFC 8224 6.2.2 (428).
 */
static bool asks_again(unsigned status)
{
	static const uint16_t codes[] = {401, 407, 415, 416, 420, 421, 422, 428, 494};

	if (status < 400) {
		return true;
	}
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i] == status) {
			return true;
		}
	}
	return false;
}

static bool is_live(const struct call *c)
{
	return c->state != CALL_ANSWERED && c->state != CALL_ENDED;
}

static int16_t q850_of(const struct message *m)
{
	return m->q850 >= 0 && m->q850 <= INT16_MAX ? (int16_t)m->q850 : (int16_t)-1;
}

/* Position of the branch among those that the first hop opened, or -1. */
static int branch_find(const struct call *c, uint32_t branch)
{
	for (int i = 0; i < c->branches; i++) {
		if (c->branch[i] == branch) {
			return i;
		}
	}
	return -1;
}

static void try_begin(struct call *c, const struct message *m, const struct call_mark *mark)
{
	c->state = CALL_EARLY;
	c->cseq = m->cseq;
	c->hop_src = mark->src;
	c->branch[0] = mark->branch;
	c->branches = 1;
	c->branches_done = 0;
	c->status = 0;
	c->q850 = -1;
	c->end_us = INSTANT_NONE;
	c->cancel_us = INSTANT_NONE;
	c->hangup_by = HANGUP_UNKNOWN;
	c->flags &= (uint8_t) ~(CALL_HAS_HOP_CSEQ | CALL_BYE_EARLY | CALL_CANCELLED |
	                        CALL_MANY_FORKS | CALL_MISSED);
}

void call_begin(struct call *c, const struct message *m, const struct call_mark *mark,
                int64_t now_us)
{
	const struct message_invite *invite = &m->invite;

	c->start_us = now_us;
	c->ring_us = c->answer_us = INSTANT_NONE;
	c->stir_iat_us = invite->stir_iat_us;
	c->caller_tag[0] = mark->from_tag;
	c->caller_tag[1] = 0;
	c->src = m->src;
	c->dst = m->dst;
	c->source = m->source;
	c->attest = invite->attest;
	c->verstat = invite->verstat;
	c->flags = invite->forwarded ? CALL_FORWARDED : 0;
	c->answers = c->answers_done = 0;
	try_begin(c, m, mark);
}

/* All that may still answer at the first hop has refused. */
static bool is_decided(const struct call *c)
{
	return !(c->flags & CALL_MANY_FORKS) && c->branches_done == (1u << c->branches) - 1;
}

static enum call_step invite_again(struct call *c, const struct message *m,
                                   const struct call_mark *mark)
{
	bool first_hop = mark->src == c->hop_src;

	if (!c->caller_tag[1] && mark->from_tag != c->caller_tag[0]) {
		c->caller_tag[1] = mark->from_tag;
	}
	if (!is_live(c) || m->cseq < c->cseq) {
		return CALL_STEP_NONE;
	}
	if (m->cseq > c->cseq) {
		if (first_hop || is_decided(c)) {
			try_begin(c, m, mark);
		} else {
			c->cseq_hop = m->cseq;
			c->flags |= CALL_HAS_HOP_CSEQ;
		}
		return CALL_STEP_NEWS;
	}
	if (!first_hop || branch_find(c, mark->branch) >= 0) {
		return CALL_STEP_NONE;
	}
	if (c->branches == CALL_FORKS) {
		c->flags |= CALL_MANY_FORKS;
	} else {
		c->branch[c->branches++] = mark->branch;
	}
	return CALL_STEP_NEWS;
}

static enum call_step rings(struct call *c, const struct message *m, int64_t now_us)
{
	if ((m->status != 180 && m->status != 183) || c->ring_us != INSTANT_NONE ||
	    (c->flags & CALL_MISSED)) {
		return CALL_STEP_NONE;
	}
	c->ring_us = now_us;
	return CALL_STEP_NEWS;
}

/* Further dialogs count only where the first hop sees them: a B2BUA changes tags between hops. */
static bool answer_add(struct call *c, const struct call_mark *mark)
{
	if (branch_find(c, mark->branch) < 0 || c->answers == CALL_FORKS) {
		return false;
	}
	for (int i = 0; i < c->answers; i++) {
		if (c->answer_tag[i] == mark->to_tag) {
			return false;
		}
	}
	c->answer_tag[c->answers++] = mark->to_tag;
	return true;
}

static void answered(struct call *c, int64_t time_us)
{
	c->state = CALL_ANSWERED;
	c->answer_us = time_us;
	c->end_us = INSTANT_NONE;
	c->status = 0;
	c->q850 = -1;
	c->hangup_by = HANGUP_UNKNOWN;
}

static enum call_step answers(struct call *c, const struct call_mark *mark, int64_t now_us)
{
	if (c->flags & CALL_BYE_EARLY) {
		return CALL_STEP_NONE;
	}
	if (c->state == CALL_ANSWERED) {
		return answer_add(c, mark) ? CALL_STEP_NEWS : CALL_STEP_NONE;
	}
	(void)answer_add(c, mark);
	answered(c, now_us);
	return CALL_STEP_ANSWER;
}

static void result_take(struct call *c, const struct message *m, int64_t now_us)
{
	/* A 487 seldom says more than the CANCEL that it answers. */
	int16_t q850 = q850_of(m);

	c->q850 = q850 < 0 && m->status == 487 ? c->q850 : q850;
	c->status = m->status;
	if (!(c->flags & CALL_BYE_EARLY)) {
		c->end_us = now_us;
	}
}

static enum call_step refuses(struct call *c, const struct message *m, const struct call_mark *mark,
                              int64_t now_us)
{
	int branch = branch_find(c, mark->branch);
	bool news = c->status != m->status;

	if (is_decided(c)) {
		return CALL_STEP_NONE;
	}
	if (news) {
		result_take(c, m, now_us);
	}
	if (branch >= 0) {
		c->branches_done |= (uint8_t)(1u << branch);
	}
	bool last = is_decided(c) && (!asks_again(c->status) || (c->flags & CALL_BYE_EARLY));
	c->state = last ? CALL_ENDED : CALL_WAITING;
	return news || last ? CALL_STEP_NEWS : CALL_STEP_NONE;
}

static enum call_step invite_answered(struct call *c, const struct message *m,
                                      const struct call_mark *mark, int64_t now_us)
{
	/* A response to an INVITE that was missed. */
	if ((c->flags & CALL_MISSED) && is_live(c) && m->cseq > c->cseq) {
		c->cseq_hop = m->cseq;
		c->flags |= CALL_HAS_HOP_CSEQ;
	}
	bool of_try =
		m->cseq == c->cseq || ((c->flags & CALL_HAS_HOP_CSEQ) && m->cseq == c->cseq_hop);

	if (!of_try || c->state == CALL_ENDED) {
		return CALL_STEP_NONE;
	}
	if (m->status >= 200 && m->status < 300) {
		return answers(c, mark, now_us);
	}
	if (c->state == CALL_ANSWERED) {
		return CALL_STEP_NONE;
	}
	return m->status < 200 ? rings(c, m, now_us) : refuses(c, m, mark, now_us);
}

static enum call_step cancels(struct call *c, const struct message *m, const struct call_mark *mark,
                              int64_t now_us)
{
	bool first = c->cancel_us == INSTANT_NONE;

	if (!is_live(c)) {
		return CALL_STEP_NONE;
	}
	if (branch_find(c, mark->branch) >= 0) {
		c->flags |= CALL_CANCELLED;
	}
	if (first) {
		c->cancel_us = now_us;
		c->q850 = c->q850 < 0 ? q850_of(m) : c->q850;
	}
	return first ? CALL_STEP_NEWS : CALL_STEP_NONE;
}

static bool ip_same(const struct ip *a, const struct ip *b, bool with_port)
{
	return a->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0 &&
	       (!with_port || a->port == b->port);
}

bool call_is_backward(const struct call *c, uint32_t to_tag)
{
	return to_tag && (to_tag == c->caller_tag[0] || to_tag == c->caller_tag[1]);
}

/* By tag, else (RFC 2543 has none) by address; ports only where both ends share one address. */
static uint8_t side_of(const struct call *c, const struct message *m, const struct call_mark *mark)
{
	bool with_port = ip_same(&c->src, &c->dst, false);

	if (call_is_backward(c, mark->to_tag)) {
		return HANGUP_CALLEE;
	}
	if (mark->from_tag &&
	    (mark->from_tag == c->caller_tag[0] || mark->from_tag == c->caller_tag[1])) {
		return HANGUP_CALLER;
	}
	if (ip_same(&m->src, &c->src, with_port)) {
		return HANGUP_CALLER;
	}
	return ip_same(&m->src, &c->dst, with_port) ? HANGUP_CALLEE : HANGUP_UNKNOWN;
}

/* Does this BYE leave another answered fork in being? Marks its own as gone. */
static bool fork_survives(struct call *c, const struct call_mark *mark)
{
	uint32_t tag = call_is_backward(c, mark->to_tag) ? mark->from_tag : mark->to_tag;

	if (c->answers < 2) {
		return false;
	}
	for (int i = 0; i < c->answers; i++) {
		if (c->answer_tag[i] == tag) {
			c->answers_done |= (uint8_t)(1u << i);
		}
	}
	return c->answers_done != (1u << c->answers) - 1;
}

static enum call_step hangs_up(struct call *c, const struct message *m,
                               const struct call_mark *mark, int64_t now_us)
{
	bool live = c->state == CALL_EARLY ||
	            (c->state == CALL_WAITING && !is_decided(c) && !(c->flags & CALL_BYE_EARLY));

	if (!live && (c->state != CALL_ANSWERED || fork_survives(c, mark))) {
		return CALL_STEP_NONE;
	}
	c->end_us = now_us;
	c->hangup_by = side_of(c, m, mark);
	c->q850 = q850_of(m);
	if (c->state == CALL_ANSWERED) {
		c->state = CALL_ENDED;
	} else {
		c->state = CALL_WAITING;
		c->flags |= CALL_BYE_EARLY;
	}
	return CALL_STEP_NEWS;
}

static enum call_step acks(struct call *c, const struct message *m)
{
	if ((c->flags & CALL_ACKED) && c->cseq_acked == m->cseq) {
		return CALL_STEP_NONE;
	}
	c->flags |= CALL_ACKED;
	c->cseq_acked = m->cseq;
	return CALL_STEP_NEWS;
}

enum call_step call_step(struct call *c, const struct message *m, const struct call_mark *mark,
                         int64_t now_us)
{
	if (c->state == CALL_EARLY || c->state == CALL_ANSWERED) {
		c->end_us = INSTANT_NONE;
	}
	if (!m->request) {
		return m->method == MESSAGE_INVITE ? invite_answered(c, m, mark, now_us)
		                                   : CALL_STEP_NONE;
	}
	switch (m->method) {
	case MESSAGE_INVITE: return mark->to_tag ? CALL_STEP_NONE : invite_again(c, m, mark);
	case MESSAGE_ACK: return acks(c, m);
	case MESSAGE_CANCEL: return cancels(c, m, mark, now_us);
	case MESSAGE_BYE: return hangs_up(c, m, mark, now_us);
	default: return CALL_STEP_NONE;
	}
}

void call_expire(struct call *c)
{
	if (c->state == CALL_EARLY || c->state == CALL_ANSWERED) {
		c->flags |= CALL_TIMED_OUT;
		c->end_us = c->end_us == INSTANT_NONE ? c->link.since_us : c->end_us;
		c->hangup_by = HANGUP_TIMEOUT;
	}
	c->state = CALL_ENDED;
}

void call_miss(struct call *c)
{
	if ((c->state == CALL_EARLY || c->state == CALL_ANSWERED) && c->end_us == INSTANT_NONE) {
		c->end_us = c->link.since_us;
	}
	if (c->state != CALL_ANSWERED) {
		c->flags |= CALL_MISSED | CALL_MANY_FORKS;
	}
}

void call_settle_answer(struct call *c, int64_t time_us)
{
	answered(c, time_us);
	c->flags |= CALL_MISSED;
}

bool call_has_result(const struct call *c)
{
	bool open_end = c->status == 0 || asks_again(c->status);

	return c->answer_us != INSTANT_NONE || !(c->flags & CALL_MISSED) || !open_end;
}

uint8_t call_hangup_by(const struct call *c)
{
	bool cancelled = (c->flags & CALL_CANCELLED) || c->status == 487;

	if (c->hangup_by != HANGUP_UNKNOWN || c->answer_us != INSTANT_NONE || !c->status) {
		return c->hangup_by;
	}
	return cancelled ? HANGUP_CALLER : HANGUP_CALLEE;
}
