/* Ordinary life, minute by minute, with the campaigns mixed in at their times.
 *
 * A subscriber calls and is called by a few people of his own again and again (contacts), some of
 * them customers of other networks; now and then somebody new. That is what tells him from a scam
 * centre's line, which calls everybody once and is called by nobody (domain.md, T5).
 */
#include <stdlib.h>

#include "core/instant.h"
#include "ringfence/gen.h"

enum { MINUTES_OF_DAY = 1440, CONTACTS = 12 };

/* Weight of each hour of the local day; one o'clock in the night is the quietest. */
static const unsigned hour_weight[24] = {4,  2,  1,  1,  1,  3,  10, 25, 50, 70, 75, 72,
                                         68, 70, 72, 74, 80, 85, 80, 65, 45, 30, 18, 9};

struct gen_calls {
	const struct gen_world *w;
	struct gen_random random;
	struct gen_scene scene; /* sorted by start */
	size_t scene_at;
	struct gen_call ordinary; /* the next one */
	bool ordinary_left;
	int64_t minute; /* of the span */
	int64_t minutes;
	uint64_t weight_all;
	uint64_t weight_done;
	uint64_t minute_calls; /* of the present minute */
	uint64_t minute_done;
	uint64_t done;
	uint64_t friend_step[CONTACTS];
};

static unsigned minute_weight(const struct gen_calls *c, int64_t minute)
{
	int64_t first = c->w->start_us / US_PER_MIN;

	return hour_weight[(first + minute) % MINUTES_OF_DAY / 60];
}

/* ---- one call ---- */

/* Talk time: many short, few long; about three minutes on average. */
static uint32_t talk_ms(struct gen_random *r)
{
	uint32_t kind = gen_between(r, 0, 99);

	return kind < 25   ? gen_between(r, 3000, 25000)
	       : kind < 75 ? gen_between(r, 25000, 180000)
	       : kind < 97 ? gen_between(r, 180000, 900000)
	                   : gen_between(r, 900000, 3000000);
}

static void decide_result(struct gen_random *r, struct gen_call *call)
{
	unsigned kind = (unsigned)gen_below(r, 100);

	call->setup_ms = gen_between(r, 300, 2500);
	if (kind < 68) {
		call->code = 200;
		call->ring_ms = gen_between(r, 1500, 18000);
		call->talk_ms = talk_ms(r);
		call->end = gen_percent(r, 55) ? GEN_END_CALLER : GEN_END_CALLEE;
	} else if (kind < 83) {
		call->code = 487;
		call->ring_ms = gen_between(r, 5000, 35000);
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

static uint64_t friend_of(struct gen_calls *c, uint64_t i)
{
	uint64_t step = c->friend_step[gen_below(&c->random, CONTACTS)] % c->w->subscribers;

	return gen_percent(&c->random, 50) ? i + step : i + c->w->subscribers - step;
}

/* One of six customers of other networks that subscriber i knows. */
static uint64_t outside_friend(struct gen_calls *c, uint64_t i)
{
	return gen_outsider(c->w, gen_mix(i * 8 + gen_below(&c->random, 6)) % 1000000);
}

static void decide_route(struct gen_calls *c, struct gen_call *call)
{
	struct gen_random *r = &c->random;
	unsigned kind = (unsigned)gen_below(r, 100);
	uint64_t i = gen_below(r, c->w->subscribers);
	uint64_t me = gen_subscriber(c->w, i);
	uint8_t home = gen_subscriber_business(i) ? GEN_TRUNK_OFFICE : GEN_TRUNK_ACCESS;
	uint8_t national = gen_percent(r, 50) ? GEN_TRUNK_NATIONAL_1 : GEN_TRUNK_NATIONAL_2;
	uint8_t foreign = gen_percent(r, 50) ? GEN_TRUNK_FOREIGN_1 : GEN_TRUNK_FOREIGN_2;

	call->caller = me;
	call->trunk_in = home;
	call->trunk_out = home;
	if (kind < 40) {
		call->callee = gen_subscriber(c->w, friend_of(c, i));
		call->trunk_out = GEN_TRUNK_ACCESS;
	} else if (kind < 65) {
		call->callee = outside_friend(c, i);
		call->trunk_out = national;
	} else if (kind < 90) {
		call->caller = outside_friend(c, i);
		call->callee = me;
		call->trunk_in = national;
	} else if (kind < 94) { /* somebody new */
		call->caller = gen_outsider(c->w, gen_below(r, 1000000));
		call->callee = me;
		call->trunk_in = national;
	} else if (kind < 96) {
		call->callee = gen_foreigner(c->w, r);
		call->trunk_out = foreign;
	} else if (kind < 98) {
		call->caller = gen_foreigner(c->w, r);
		call->callee = me;
		call->trunk_in = foreign;
	} else if (kind == 98) { /* a subscriber on his travels calls home */
		uint64_t roamer = gen_roamer(c->w, gen_below(r, gen_roamers(c->w)));
		call->caller = gen_subscriber(c->w, roamer);
		call->callee = gen_subscriber(c->w, friend_of(c, roamer));
		call->trunk_in = foreign;
	} else {
		call->caller = 0; /* withheld */
		call->callee = me;
		call->trunk_in = national;
	}
}

static char attest_of(struct gen_random *r, const struct gen_call *call)
{
	switch (call->trunk_in) {
	case GEN_TRUNK_ACCESS:
	case GEN_TRUNK_OFFICE: return 'A';
	case GEN_TRUNK_FOREIGN_1:
	case GEN_TRUNK_FOREIGN_2: return gen_percent(r, 30) ? 'C' : 0;
	default: return gen_percent(r, 60) ? 'A' : gen_percent(r, 30) ? 'B' : 0;
	}
}

/* ---- the stream ---- */

/* Sets up the next minute with calls in it; false at the end. */
static bool open_minute(struct gen_calls *c)
{
	while (c->minute < c->minutes && c->minute_done == c->minute_calls) {
		c->weight_done += minute_weight(c, c->minute++);
		uint64_t upto =
			(uint64_t)((unsigned __int128)c->w->calls * c->weight_done / c->weight_all);
		c->minute_calls = upto - c->done;
		c->minute_done = 0;
	}
	return c->minute_done < c->minute_calls;
}

static void next_ordinary(struct gen_calls *c)
{
	struct gen_call *call = &c->ordinary;

	c->ordinary_left = open_minute(c);
	if (!c->ordinary_left) {
		return;
	}
	uint64_t slot_us = (uint64_t)US_PER_MIN / c->minute_calls;
	uint64_t into_us =
		c->minute_done * slot_us + (slot_us ? gen_below(&c->random, slot_us) : 0);
	*call = (struct gen_call){
		.start_us = c->w->start_us + (c->minute - 1) * US_PER_MIN + (int64_t)into_us,
	};
	call->start_us -= call->start_us % US_PER_MS;
	decide_route(c, call);
	decide_result(&c->random, call);
	call->attest = attest_of(&c->random, call);
	call->agent = call->trunk_in == GEN_TRUNK_ACCESS ? "Handset/4.2" : "Gateway/7.1";
	call->capture = gen_below(&c->random, c->w->calls) < c->w->captured;
	c->minute_done++;
	c->done++;
}

static int by_start(const void *a, const void *b)
{
	const struct gen_call *x = a;
	const struct gen_call *y = b;

	if (x->start_us != y->start_us) {
		return x->start_us < y->start_us ? -1 : 1;
	}
	if (x->caller != y->caller) {
		return x->caller < y->caller ? -1 : 1;
	}
	return x->callee < y->callee ? -1 : x->callee > y->callee;
}

struct gen_calls *gen_calls_new(const struct gen_world *w)
{
	struct gen_calls *c = calloc(1, sizeof(*c));

	if (!c) {
		return NULL;
	}
	c->w = w;
	c->random = gen_random(w->seed);
	c->minutes = w->span_us / US_PER_MIN;
	for (int64_t m = 0; m < c->minutes; m++) {
		c->weight_all += minute_weight(c, m);
	}
	for (size_t i = 0; i < CONTACTS; i++) {
		c->friend_step[i] = 1 + gen_next(&c->random) % UINT32_MAX;
	}
	struct gen_random chance = gen_random(w->seed ^ UINT64_C(0x5ca3));
	gen_scams(w, &chance, &c->scene);
	if (c->scene.failed) {
		gen_calls_free(c);
		return NULL;
	}
	qsort(c->scene.calls, c->scene.count, sizeof(c->scene.calls[0]), by_start);
	next_ordinary(c);
	return c;
}

bool gen_calls_next(struct gen_calls *c, struct gen_call *out)
{
	bool scene_left = c->scene_at < c->scene.count;
	const struct gen_call *next = &c->scene.calls[c->scene_at];

	if (scene_left && (!c->ordinary_left || next->start_us <= c->ordinary.start_us)) {
		*out = *next;
		c->scene_at++;
		return true;
	}
	if (!c->ordinary_left) {
		return false;
	}
	*out = c->ordinary;
	next_ordinary(c);
	return true;
}

void gen_calls_free(struct gen_calls *c)
{
	if (c) {
		free(c->scene.calls);
		free(c);
	}
}
