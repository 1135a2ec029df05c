/* Call flows as text for the tests of the dialog table. A line is one message:
 *
 *	<ms> ><METHOD> <cseq> [option…]          a request from the caller's side
 *	<ms> <<METHOD> <cseq> [option…]          a request from the callee's side
 *	<ms> <code>[/<METHOD>] <cseq> [option…]  the response to it (INVITE when not said)
 *	<ms> tick                                time passes without a message
 *
 *	id=x Call-ID (c)      f=x caller's tag (f)      t=x callee's tag (t)     b=x Via branch
 *	h=n  hop n (1): its addresses are 10.0.0.n and 10.0.0.n+1               q=n Q.850 cause
 *	d    the request is inside the dialog: it has a To tag (BYE and ACK of an answer always)
 *	back the response is to a request of the callee's
 *	p=n  port of the sender (5060)
 *
 * Events come out as lines, sorted by time and kind (see event_line).
 */
#ifndef TESTS_UNIT_CALLS_LADDER_H
#define TESTS_UNIT_CALLS_LADDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls/table.h"
#include "core/ensure.h"
#include "model/enums.h"

enum { LADDER_LINE = 160, LADDER_EVENTS = 4096 };

/* A message and the texts that it borrows. */
struct ladder_message {
	struct message m;
	bool tick;
	char id[32], method[16], caller_tag[24], callee_tag[24], branch[32];
};

static inline struct ip ladder_ip(int host, uint16_t port)
{
	struct ip ip = {{0}, port, 4};

	ip.bytes[10] = ip.bytes[11] = 0xff;
	ip.bytes[12] = 10;
	ip.bytes[15] = (uint8_t)host;
	return ip;
}

static inline enum message_method ladder_method(const char *name)
{
	static const char *const names[] = {"",       "INVITE", "ACK",     "BYE",
	                                    "CANCEL", "PRACK",  "REGISTER"};

	for (int i = 1; i < 7; i++) {
		if (strcmp(name, names[i]) == 0) {
			return (enum message_method)i;
		}
	}
	return MESSAGE_OTHER;
}

struct ladder_options {
	int hop, port;
	bool dialog, back;
	int64_t q850;
};

static inline void ladder_option(const char *word, struct ladder_message *lm,
                                 struct ladder_options *o)
{
	const char *value = strchr(word, '=');

	value = value ? value + 1 : "";
	switch (word[0]) {
	case 'i': (void)snprintf(lm->id, sizeof(lm->id), "%s", value); break;
	case 'f': (void)snprintf(lm->caller_tag, sizeof(lm->caller_tag), "%s", value); break;
	case 't': (void)snprintf(lm->callee_tag, sizeof(lm->callee_tag), "%s", value); break;
	case 'h': o->hop = atoi(value); break;
	case 'p': o->port = atoi(value); break;
	case 'q': o->q850 = atoi(value); break;
	case 'd': o->dialog = true; break;
	case 'b':
		if (strcmp(word, "back") == 0) {
			o->back = true;
		} else {
			(void)snprintf(lm->branch, sizeof(lm->branch), "%s", value);
		}
		break;
	default: ENSURE(!"a known option");
	}
}

static inline void ladder_fill(struct ladder_message *lm, const struct ladder_options *o,
                               bool from_callee)
{
	struct message *m = &lm->m;
	bool backward = m->request ? from_callee : o->back;
	bool to_known = !m->request || o->dialog || backward || m->method == MESSAGE_BYE;
	struct slice caller = slice_of(lm->caller_tag), callee = slice_of(lm->callee_tag);

	if (!lm->branch[0]) {
		/* A CANCEL has the branch of its INVITE, any other request its own. */
		(void)snprintf(lm->branch, sizeof(lm->branch), "b%s%uh%d%s",
		               m->method == MESSAGE_CANCEL ? "INVITE" : lm->method, m->cseq, o->hop,
		               backward ? "back" : "");
	}
	m->method = ladder_method(lm->method);
	m->method_text = slice_of(lm->method);
	m->call_id = slice_of(lm->id);
	m->branch = slice_of(lm->branch);
	m->from_tag = backward ? callee : caller;
	m->to_tag = to_known ? (backward ? caller : callee) : SLICE_NONE;
	m->src = ladder_ip(o->hop + from_callee, (uint16_t)o->port);
	m->dst = ladder_ip(o->hop + !from_callee, 5060);
	m->q850 = o->q850;
	m->from_user = m->request ? SLICE_LIT("+441") : SLICE_NONE;
	m->to_user = m->request ? SLICE_LIT("+442") : SLICE_NONE;
	m->invite.callee.text = SLICE_LIT("+442");
	m->invite.from.number.text = SLICE_LIT("+441");
	m->invite.stir_iat_us = INSTANT_NONE;
}

/* One line; returns what follows it. */
static inline const char *ladder_read(const char *text, struct ladder_message *lm)
{
	struct ladder_options o = {.hop = 1, .port = 5060, .q850 = INSTANT_NONE};
	char line[LADDER_LINE], what[16];
	size_t len = strcspn(text, "\n");
	char *save = NULL;

	ENSURE(len < sizeof(line));
	memcpy(line, text, len);
	line[len] = '\0';
	*lm = (struct ladder_message){.id = "c", .caller_tag = "f", .callee_tag = "t"};
	lm->m.time_us = atoll(strtok_r(line, " ", &save)) * 1000;
	(void)snprintf(what, sizeof(what), "%s", strtok_r(NULL, " ", &save));
	lm->tick = strcmp(what, "tick") == 0;
	lm->m.request = what[0] == '>' || what[0] == '<';
	if (lm->m.request) {
		(void)snprintf(lm->method, sizeof(lm->method), "%s", what + 1);
	} else {
		const char *slash = strchr(what, '/');
		(void)snprintf(lm->method, sizeof(lm->method), "%s", slash ? slash + 1 : "INVITE");
		lm->m.status = (uint16_t)atoi(what);
	}
	for (char *word = strtok_r(NULL, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (ascii_is_digit(word[0])) {
			lm->m.cseq = (uint32_t)atoi(word);
		} else {
			ladder_option(word, lm, &o);
		}
	}
	lm->m.method = ladder_method(lm->method);
	ladder_fill(lm, &o, lm->m.request ? what[0] == '<' : !o.back);
	return text[len] ? text + len + 1 : text + len;
}

struct ladder_event {
	int64_t time_us;
	enum event_kind kind;
	char line[LADDER_LINE];
};

struct ladder_log {
	size_t count;
	int64_t floor_us; /* no event may be earlier */
	bool below_floor;
	struct ladder_event event[LADDER_EVENTS];
};

static inline const char *ladder_ms(int64_t us, char out[24])
{
	(void)snprintf(out, 24, us == INSTANT_NONE ? "-" : "%lld", (long long)(us / 1000));
	return out;
}

/* "call c 5000 200 answered by caller ring 1500 setup 500 talk 3000 q -", "attempt c 0",
 * "answer c 2000", "sip c 2000 INVITE 200", "register c 10 401"; times and durations in ms, "-"
 * for what is missing.
 */
static inline void event_line(const struct event *e, char out[LADDER_LINE])
{
	char time[24], ring[24], setup[24], talk[24], code[24], q850[24];
	int len = snprintf(out, LADDER_LINE, "%s %.*s %s", kind_name(e->kind),
	                   SLICE_FMT(e->call_id), ladder_ms(e->time_us, time));

	(void)snprintf(code, sizeof(code), e->sip_code == INSTANT_NONE ? "-" : "%d",
	               (int)e->sip_code);
	(void)snprintf(q850, sizeof(q850), e->q850 == INSTANT_NONE ? "-" : "%d", (int)e->q850);
	if (e->kind == KIND_CALL) {
		(void)snprintf(out + len, LADDER_LINE - (size_t)len,
		               " %s %s by %s ring %s setup %s talk %s q %s", code,
		               enum_word(ENUM_CAUSE, e->cause),
		               enum_word(ENUM_HANGUP, e->hangup_by), ladder_ms(e->ring_us, ring),
		               ladder_ms(e->setup_us, setup), ladder_ms(e->duration_us, talk),
		               q850);
	} else if (e->kind == KIND_SIP || e->kind == KIND_REGISTER) {
		(void)snprintf(out + len, LADDER_LINE - (size_t)len, " %.*s %s",
		               SLICE_FMT(e->method), code);
	}
}

static inline void ladder_emit(void *user, const struct event *e)
{
	struct ladder_log *log = user;

	ENSURE(log->count < LADDER_EVENTS);
	struct ladder_event *seen = &log->event[log->count++];
	seen->time_us = e->time_us;
	seen->kind = e->kind;
	log->below_floor |= e->time_us < log->floor_us;
	event_line(e, seen->line);
}

static inline int ladder_event_cmp(const void *a, const void *b)
{
	const struct ladder_event *x = a, *y = b;
	int order = (x->time_us > y->time_us) - (x->time_us < y->time_us);

	order = order ? order : (int)x->kind - (int)y->kind;
	return order ? order : strcmp(x->line, y->line);
}

static inline void ladder_log_sort(struct ladder_log *log)
{
	qsort(log->event, log->count, sizeof(log->event[0]), ladder_event_cmp);
}

/* Runs a ladder; what the table promises of time is watched on the way. */
static inline void ladder_feed(struct call_table *t, const char *text, struct ladder_log *log)
{
	struct ladder_message lm;

	while (*text) {
		text = ladder_read(text, &lm);
		log->floor_us = call_table_low_water(t);
		if (lm.tick) {
			call_table_advance(t, lm.m.time_us, ladder_emit, log);
		} else {
			call_table_message(t, &lm.m, ladder_emit, log);
		}
	}
	log->floor_us = call_table_low_water(t);
}

#endif
