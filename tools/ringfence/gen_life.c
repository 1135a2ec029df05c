/* Ordinary life: what people who know each other do.
 *
 * A subscriber calls and is called by five to thirty people of his own again and again, some of
 * them customers of other networks or abroad; now and then somebody new. A missed call is often
 * answered by a call back. That is what tells him from a scam centre's line, which calls everybody
 * once and is called by nobody (domain.md, T5). Activity is heavy-tailed: the busiest hundredth
 * makes about three times the calls of the others, single lines twenty times.
 */
#include "core/instant.h"
#include "ringfence/gen.h"

enum { OUTSIDE_FRIENDS = 6, TALK_MAX_MS = 3 * 3600 * 1000 };

void gen_life_init(struct gen_life *life, const struct gen_world *w)
{
	struct gen_random r = gen_random(w->seed ^ UINT64_C(0x11fe));

	for (size_t i = 0; i < GEN_FRIENDS_MAX; i++) {
		life->friend_sum[i] = gen_below(&r, w->subscribers);
	}
	life->shuffle = gen_below(&r, w->subscribers);
}

/* ---- who ---- */

/* Few are busy: the density over the rank falls with its cube root. */
static uint64_t somebody_active(const struct gen_life *life, const struct gen_world *w,
                                struct gen_random *r)
{
	static const uint64_t step = 2147483647; /* a prime: coprime to any number of subscribers */
	double u = gen_unit(r);
	uint64_t rank = (uint64_t)((double)w->subscribers * u * sqrt(u));

	return (rank * step + life->shuffle) % w->subscribers;
}

/* Friend k of i has i as his friend k; the first ones are called most. */
static uint64_t friend_of(const struct gen_life *life, const struct gen_world *w,
                          struct gen_random *r, uint64_t i)
{
	double u = gen_unit(r);
	size_t k = (size_t)((double)gen_friends(i) * u * u);

	uint64_t other = (life->friend_sum[k] + w->subscribers - i) % w->subscribers;
	return other != i ? other : (i + 1) % w->subscribers;
}

/* One of six customers of other networks that subscriber i knows. */
static uint64_t outside_friend(const struct gen_world *w, struct gen_random *r, uint64_t i)
{
	return gen_outsider(w, gen_mix(i * 8 + gen_below(r, OUTSIDE_FRIENDS)));
}

/* Every eighth has family abroad, three of them; others call a hotel once. */
static uint64_t foreign_friend(const struct gen_world *w, struct gen_random *r, uint64_t *i)
{
	if (gen_percent(r, 80)) {
		*i -= *i % 8;
		return gen_foreigner(w, *i * 4 + gen_below(r, 3));
	}
	return gen_foreigner(w, gen_next(r));
}

static void from_subscriber(const struct gen_world *w, struct gen_call *call, uint64_t i)
{
	call->caller = gen_subscriber(w, i);
	call->from = (gen_line_id)(i + 1);
	call->trunk_in = gen_home_trunk(i);
}

static void to_subscriber(const struct gen_world *w, struct gen_call *call, uint64_t i)
{
	call->callee = gen_subscriber(w, i);
	call->to = (gen_line_id)(i + 1);
	call->trunk_out = gen_home_trunk(i);
}

static void between_friends(const struct gen_life *life, const struct gen_world *w,
                            struct gen_random *r, struct gen_call *call, uint64_t i)
{
	from_subscriber(w, call, i);
	to_subscriber(w, call, friend_of(life, w, r, i));
	call->diverting = gen_percent(r, 1) ? gen_subscriber(w, friend_of(life, w, r, i)) : 0;
}

/* A subscriber on his travels calls home. */
static void from_travels(const struct gen_life *life, const struct gen_world *w,
                         struct gen_random *r, struct gen_call *call)
{
	uint64_t i = gen_roamer(w, gen_below(r, gen_roamers(w)));

	call->caller = gen_subscriber(w, i);
	call->trunk_in = gen_percent(r, 50) ? GEN_TRUNK_FOREIGN_1 : GEN_TRUNK_FOREIGN_2;
	to_subscriber(w, call, friend_of(life, w, r, i));
}

static uint8_t foreign_trunk(struct gen_random *r)
{
	unsigned kind = (unsigned)gen_below(r, 100);

	return kind < 48   ? GEN_TRUNK_FOREIGN_1
	       : kind < 97 ? GEN_TRUNK_FOREIGN_2
	                   : GEN_TRUNK_FOREIGN_3;
}

static void decide_route(const struct gen_life *life, const struct gen_world *w,
                         struct gen_random *r, struct gen_call *call)
{
	unsigned kind = (unsigned)gen_below(r, 1000);
	uint64_t i = somebody_active(life, w, r);
	uint8_t national = gen_percent(r, 50) ? GEN_TRUNK_NATIONAL_1 : GEN_TRUNK_NATIONAL_2;

	if (kind < 420) {
		between_friends(life, w, r, call, i);
	} else if (kind < 660) {
		from_subscriber(w, call, i);
		call->callee = outside_friend(w, r, i);
		call->trunk_out = national;
	} else if (kind < 890) {
		call->caller = outside_friend(w, r, i);
		to_subscriber(w, call, i);
		call->trunk_in = national;
	} else if (kind < 930) { /* somebody new */
		call->caller = gen_outsider(w, gen_next(r));
		to_subscriber(w, call, i);
		call->trunk_in = national;
	} else if (kind < 950) {
		call->callee = foreign_friend(w, r, &i);
		from_subscriber(w, call, i);
		call->trunk_out = gen_percent(r, 85) ? foreign_trunk(r) : GEN_TRUNK_TRANSIT;
	} else if (kind < 970) {
		call->caller = foreign_friend(w, r, &i);
		to_subscriber(w, call, i);
		call->trunk_in = foreign_trunk(r);
	} else if (kind < 978) {
		from_travels(life, w, r, call);
	} else if (kind < 988) { /* the bank */
		from_subscriber(w, call, i);
		call->callee = gen_bank(w, gen_next(r));
		call->trunk_out = GEN_TRUNK_NATIONAL_1;
	} else {
		to_subscriber(w, call, i); /* withheld */
		call->trunk_in = national;
	}
}

/* ---- what becomes of it ---- */

/* Many calls last at most six seconds, of some people four in ten. */
static uint32_t talk_ms(struct gen_random *r, uint64_t caller)
{
	unsigned brief = caller % 5 == 0 ? 38 : 12;

	if (gen_percent(r, brief)) {
		return gen_between(r, 900, 6000);
	}
	uint32_t ms = gen_lognormal(r, 70000, 125);
	return ms < TALK_MAX_MS ? ms : TALK_MAX_MS;
}

static void decide_result(struct gen_random *r, struct gen_call *call)
{
	unsigned kind = (unsigned)gen_below(r, 100);

	call->setup_ms = gen_lognormal(r, 900, 60) + 150;
	if (kind < 68) {
		call->code = 200;
		call->ring_ms = gen_lognormal(r, 7000, 60) + 500;
		call->talk_ms = talk_ms(r, call->caller);
		call->end = gen_percent(r, 55) ? GEN_END_CALLER : GEN_END_CALLEE;
	} else if (kind < 83) { /* some think better of it at once */
		call->code = 487;
		call->ring_ms = gen_lognormal(r, 14000, 80) + 300;
		call->end = GEN_END_CALLER;
	} else if (kind < 91) {
		call->code = 480;
		call->ring_ms = gen_between(r, 25000, 45000);
		call->end = GEN_END_CALLEE;
	} else if (kind < 98) {
		call->code = 486;
		call->end = GEN_END_CALLEE;
	} else {
		call->code = kind == 98 ? 404 : 503;
		call->end = GEN_END_NETWORK;
	}
}

void gen_attest(const struct gen_world *w, struct gen_random *r, struct gen_call *call)
{
	bool foreign = call->trunk_in >= GEN_TRUNK_FOREIGN_1;
	bool own = call->trunk_in <= GEN_TRUNK_DIALLER;
	unsigned kind = (unsigned)gen_below(r, 100);

	if (!w->stir || call->trunk_in == GEN_TRUNK_NONE) {
		return;
	}
	call->attest = own         ? 'A'
	               : foreign   ? (char)(kind < 25   ? 'C'
	                                    : kind < 27 ? 'B'
	                                                : 0)
	               : kind < 60 ? 'A'
	               : kind < 72 ? 'B'
	                           : 0;
	/* A provider has one identity for a few thousand of its customers. */
	call->origid = call->attest ? 1 + call->trunk_in * 16U + (uint32_t)(call->caller % 4) : 0;
}

void gen_life_call(const struct gen_life *life, const struct gen_world *w, struct gen_random *r,
                   struct gen_call *call)
{
	decide_route(life, w, r, call);
	decide_result(r, call);
}

bool gen_life_back(const struct gen_world *w, struct gen_random *r, const struct gen_call *call,
                   struct gen_call *back)
{
	(void)w;
	if (call->code == 200 || call->code == 404 || !call->caller ||
	    call->callee == call->caller || call->trunk_out == GEN_TRUNK_NONE ||
	    call->trunk_in >= GEN_TRUNK_FOREIGN_1 || !gen_percent(r, call->from ? 38 : 30)) {
		return false;
	}
	*back = (struct gen_call){
		.start_us = gen_call_end(call) + (int64_t)gen_lognormal(r, 600, 120) * US_PER_S,
		.caller = call->callee,
		.callee = call->caller,
		.from = call->to,
		.to = call->from,
		.trunk_in = call->trunk_out,
		.trunk_out = call->trunk_in,
		.kind = call->kind,
	};
	decide_result(r, back);
	return true;
}
