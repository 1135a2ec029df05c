#include "model/event.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#include "core/err.h"

int ip_parse(struct slice text, struct ip *ip)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char copy[IP_TEXT];

	*ip = (struct ip){0};
	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.p, '\0', text.len)) {
		return E_MALFORMED;
	}
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, ip->bytes + 12) == 1) {
		memcpy(ip->bytes, mapped, sizeof(mapped));
		ip->family = 4;
		return OK;
	}
	if (inet_pton(AF_INET6, copy, ip->bytes) == 1) {
		ip->family = memcmp(ip->bytes, mapped, sizeof(mapped)) == 0 ? 4 : 6;
		return OK;
	}
	return E_MALFORMED;
}

size_t ip_format(const struct ip *ip, char out[IP_TEXT])
{
	out[0] = '\0';
	if (ip->family == 4) {
		(void)inet_ntop(AF_INET, ip->bytes + 12, out, IP_TEXT);
	} else if (ip->family == 6) {
		(void)inet_ntop(AF_INET6, ip->bytes, out, IP_TEXT);
	}
	return strlen(out);
}

void event_init(struct event *e, enum event_kind kind)
{
	*e = (struct event){.kind = kind};
	e->time_us = INSTANT_NONE;
	e->stir_iat_us = INSTANT_NONE;
	e->start_us = INSTANT_NONE;
	e->answer_us = INSTANT_NONE;
	e->ring_us = INSTANT_NONE;
	e->setup_us = INSTANT_NONE;
	e->q850 = INSTANT_NONE;
	e->sip_code = INSTANT_NONE;
	e->cost = (double)NAN;
}

static int cmp_i64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int cmp_written(const struct written_number *a, const struct written_number *b)
{
	int order = slice_cmp(a->text, b->text);

	order = order ? order : slice_cmp(a->context, b->context);
	return order ? order : cmp_i64(a->withheld, b->withheld);
}

static int cmp_ip(const struct ip *a, const struct ip *b)
{
	int order = cmp_i64(a->family, b->family);

	order = order ? order : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return order ? order : cmp_i64(a->port, b->port);
}

static int cmp_cost(double a, double b)
{
	if (isnan(a) || isnan(b)) {
		return cmp_i64(isnan(a) != 0, isnan(b) != 0);
	}
	return (a > b) - (a < b);
}

static int cmp_rest(const struct event *a, const struct event *b)
{
	int order = 0;
#define SLICE(member)   order = order ? order : slice_cmp(a->member, b->member);
#define WRITTEN(member) order = order ? order : cmp_written(&a->member, &b->member);
#define SCALAR(member)  order = order ? order : cmp_i64(a->member, b->member);
#include "model/event_members.def"
#undef SLICE
#undef WRITTEN
#undef SCALAR
	order = order ? order : cmp_ip(&a->src, &b->src);
	order = order ? order : cmp_ip(&a->dst, &b->dst);
	return order ? order : cmp_cost(a->cost, b->cost);
}

int event_cmp(const struct event *a, const struct event *b)
{
	int order = cmp_i64(a->time_us, b->time_us);

	order = order ? order : cmp_i64(a->kind, b->kind);
	order = order ? order : slice_cmp(a->call_id, b->call_id);
	order = order ? order : cmp_written(&a->caller, &b->caller);
	order = order ? order : cmp_written(&a->callee, &b->callee);
	return order ? order : cmp_rest(a, b);
}

struct cause_row {
	int64_t code;
	uint8_t cause;
};

static const struct cause_row cause_of_sip[] = {
	{486, CAUSE_BUSY},        {600, CAUSE_BUSY},        {408, CAUSE_NO_ANSWER},
	{480, CAUSE_NO_ANSWER},   {487, CAUSE_CANCELLED},   {403, CAUSE_REJECTED},
	{433, CAUSE_REJECTED},    {603, CAUSE_REJECTED},    {607, CAUSE_REJECTED},
	{608, CAUSE_REJECTED},    {404, CAUSE_UNALLOCATED}, {410, CAUSE_UNALLOCATED},
	{484, CAUSE_UNALLOCATED}, {604, CAUSE_UNALLOCATED},
};

static const struct cause_row cause_of_q850[] = {
	{17, CAUSE_BUSY},     {18, CAUSE_NO_ANSWER},  {19, CAUSE_NO_ANSWER},
	{21, CAUSE_REJECTED}, {1, CAUSE_UNALLOCATED}, {28, CAUSE_UNALLOCATED},
};

static uint8_t cause_find(const struct cause_row *rows, size_t count, int64_t code)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].code == code) {
			return rows[i].cause;
		}
	}
	return CAUSE_FAILED;
}

uint8_t cause_of(int64_t sip_code, int64_t q850, bool answered)
{
	if (sip_code >= 200 && sip_code < 300) {
		return CAUSE_ANSWERED;
	}
	if (sip_code >= 300 && sip_code < 700) {
		return cause_find(cause_of_sip, sizeof(cause_of_sip) / sizeof(cause_of_sip[0]),
		                  sip_code);
	}
	if (q850 == 16) {
		return answered ? CAUSE_ANSWERED : CAUSE_CANCELLED;
	}
	if (q850 != INSTANT_NONE) {
		return cause_find(cause_of_q850, sizeof(cause_of_q850) / sizeof(cause_of_q850[0]),
		                  q850);
	}
	return answered ? CAUSE_ANSWERED : CAUSE_UNKNOWN;
}

/* Every slice of an event, in one fixed order, for packing. */
#define EACH_SLICE(e, DO) \
 DO((e)->call_id)         \
 DO((e)->caller.text)     \
 DO((e)->caller.context)  \
 DO((e)->callee.text)     \
 DO((e)->callee.context)

size_t event_packed_size(const struct event *e)
{
	size_t size = sizeof(*e);
#define ADD(s) size += (s).len;
	EACH_SLICE(e, ADD)
#define SLICE(member)   ADD(e->member)
#define WRITTEN(member) ADD(e->member.text) ADD(e->member.context)
#define SCALAR(member)
#include "model/event_members.def"
#undef SLICE
#undef WRITTEN
#undef SCALAR
#undef ADD
	return size;
}

void event_pack(const struct event *e, char *out)
{
	char *text = out + sizeof(*e);

	memcpy(out, e, sizeof(*e));
#define PUT(s)                  \
 if ((s).len) {                 \
  memcpy(text, (s).p, (s).len); \
  text += (s).len;              \
 }
	EACH_SLICE(e, PUT)
#define SLICE(member)   PUT(e->member)
#define WRITTEN(member) PUT(e->member.text) PUT(e->member.context)
#define SCALAR(member)
#include "model/event_members.def"
#undef SLICE
#undef WRITTEN
#undef SCALAR
#undef PUT
}

void event_unpack(struct slice bytes, struct event *e)
{
	const char *text = bytes.p + sizeof(*e);

	memcpy(e, bytes.p, sizeof(*e));
	/* A stale p only says present or missing; lengths are as packed. */
#define GET(s)     \
 if ((s).p) {      \
  (s).p = text;    \
  text += (s).len; \
 }
	EACH_SLICE(e, GET)
#define SLICE(member)   GET(e->member)
#define WRITTEN(member) GET(e->member.text) GET(e->member.context)
#define SCALAR(member)
#include "model/event_members.def"
#undef SLICE
#undef WRITTEN
#undef SCALAR
#undef GET
}
