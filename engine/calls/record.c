#include "calls/record.h"

#include "model/enums.h"

static const struct message_party *caller_of(const struct message_invite *invite, bool caller_from)
{
	if (!caller_from && invite->pai.number.text.p) {
		return &invite->pai;
	}
	return !caller_from && invite->ppi.number.text.p ? &invite->ppi : &invite->from;
}

void record_texts(const struct message *m, bool caller_from, struct slice text[RECORD_TEXTS],
                  uint8_t *withheld)
{
	const struct message_invite *invite = &m->invite;
	const struct message_party *caller = caller_of(invite, caller_from);

	text[RECORD_CALL_ID] = m->call_id;
	text[RECORD_UA] = m->ua;
	text[RECORD_CALLEE] = invite->callee.text;
	text[RECORD_CALLEE_CONTEXT] = invite->callee.context;
	text[RECORD_DISPLAY] = caller->display.p ? caller->display : invite->from.display;
	text[RECORD_PAI] = invite->pai.number.text;
	text[RECORD_CALLER] = caller->number.text;
	text[RECORD_FROM] = invite->from.number.text;
	text[RECORD_PAI_CONTEXT] = invite->pai.number.context;
	text[RECORD_CALLER_CONTEXT] = caller->number.context;
	text[RECORD_FROM_CONTEXT] = invite->from.number.context;
	text[RECORD_DIVERT] = invite->divert.text;
	text[RECORD_DIVERT_CONTEXT] = invite->divert.context;
	text[RECORD_STIR_DEST] = invite->stir_dest;
	text[RECORD_STIR_ORIG] = invite->stir_orig;
	text[RECORD_STIR_SIGNER] = invite->stir_signer;
	text[RECORD_STIR_ORIGID] = invite->stir_origid;
	*withheld = (uint8_t)((caller->number.withheld ? WITHHELD_CALLER : 0) |
	                      (invite->pai.number.withheld ? WITHHELD_PAI : 0) |
	                      (invite->from.number.withheld ? WITHHELD_FROM : 0) |
	                      (invite->divert.withheld ? WITHHELD_DIVERT : 0));
}

static struct written_number written(const struct call *c, const struct slice *text,
                                     enum record_text number, enum record_text context,
                                     unsigned withheld)
{
	return (struct written_number){.text = text[number],
	                               .context = text[context],
	                               .withheld = (c->withheld & withheld) != 0};
}

static void parties(const struct call *c, const struct slice *text, struct event *e)
{
	e->caller = written(c, text, RECORD_CALLER, RECORD_CALLER_CONTEXT, WITHHELD_CALLER);
	e->callee = written(c, text, RECORD_CALLEE, RECORD_CALLEE_CONTEXT, 0);
	e->pai = written(c, text, RECORD_PAI, RECORD_PAI_CONTEXT, WITHHELD_PAI);
	e->from = written(c, text, RECORD_FROM, RECORD_FROM_CONTEXT, WITHHELD_FROM);
	e->divert = written(c, text, RECORD_DIVERT, RECORD_DIVERT_CONTEXT, WITHHELD_DIVERT);
	e->display = text[RECORD_DISPLAY];
	e->forwarded = (c->flags & CALL_FORWARDED) != 0;
	e->attest = c->attest;
	e->verstat = c->verstat;
	e->stir_orig = text[RECORD_STIR_ORIG];
	e->stir_dest = text[RECORD_STIR_DEST];
	e->stir_iat_us = c->stir_iat_us;
	e->stir_signer = text[RECORD_STIR_SIGNER];
	e->stir_origid = text[RECORD_STIR_ORIGID];
}

/* From the first 180 or 183 to the 2xx, the CANCEL or the end; how long a call rang that timed out
 * before any of them is not known. A 180 that crosses the CANCEL rang for no time.
 */
static int64_t ring_time(const struct call *c)
{
	int64_t until = c->end_us;

	if (c->answer_us != INSTANT_NONE) {
		until = c->answer_us;
	} else if (c->cancel_us != INSTANT_NONE) {
		until = c->cancel_us;
	} else if (c->flags & CALL_TIMED_OUT) {
		return INSTANT_NONE;
	}
	if (c->ring_us == INSTANT_NONE) {
		return INSTANT_NONE;
	}
	return until > c->ring_us ? until - c->ring_us : 0;
}

/* To the first 180, 183 or 2xx; not known when a 180 may have been missed. */
static int64_t setup_time(const struct call *c)
{
	int64_t until = c->ring_us;

	if (until == INSTANT_NONE && !(c->flags & CALL_MISSED)) {
		until = c->answer_us;
	}
	return until == INSTANT_NONE ? INSTANT_NONE : until - c->start_us;
}

static void result(const struct call *c, struct event *e)
{
	e->answered = c->answer_us != INSTANT_NONE;
	e->start_us = c->start_us;
	e->answer_us = c->answer_us;
	e->duration_us = e->answered ? c->end_us - c->answer_us : 0;
	e->ring_us = ring_time(c);
	e->setup_us = setup_time(c);
	e->q850 = c->q850 < 0 ? INSTANT_NONE : c->q850;
	if (e->answered) {
		e->sip_code = 200;
	} else if (c->status && !(c->flags & CALL_TIMED_OUT)) {
		e->sip_code = c->status;
	}
	e->hangup_by = call_hangup_by(c);
	e->cause = cause_of(e->sip_code, e->q850, e->answered);
}

void record_event(const struct call *c, const struct slice text[RECORD_TEXTS], enum event_kind kind,
                  struct event *e)
{
	event_init(e, kind);
	e->time_us = kind == KIND_CALL     ? c->end_us
	             : kind == KIND_ANSWER ? c->answer_us
	                                   : c->start_us;
	e->source = c->source;
	e->call_id = text[RECORD_CALL_ID];
	e->src = c->src;
	e->dst = c->dst;
	e->ua = text[RECORD_UA];
	parties(c, text, e);
	if (kind == KIND_CALL) {
		result(c, e);
	}
}
