/* Operations that machines dial: T1 wangiri, T4 robocalls, T9 rotation, T10 floods, T13 scans of
 * the SIP edge, scans of numbers, calls signed by those who must not (domain.md section 1).
 */
#include "ringfence/gen_scams.h"

/* ---- T1: rings once and waits to be called back ---- */

static void call_back_bait(struct gen_stage *s, const struct gen_call *bait)
{
	struct gen_call back = gen_stage_victim_call(s, bait->to - 1);

	back.start_us = gen_call_end(bait) + (int64_t)gen_lognormal(s->r, 900, 90) * US_PER_S;
	back.callee = bait->caller;
	back.trunk_out = bait->trunk_in;
	gen_stage_talk(s, &back, 100000, 80);
	back.ring_ms = 900;
	gen_stage_add(s, back);
}

void gen_scam_wangiri(struct gen_stage *s)
{
	static const uint8_t trunks[] = {GEN_TRUNK_FOREIGN_1, GEN_TRUNK_FOREIGN_2,
	                                 GEN_TRUNK_FOREIGN_3};
	uint8_t trunk = gen_stage_trunk(s, trunks, 3);
	uint64_t range = gen_next(s->r), block = gen_next(s->r) / 100 * 100;
	unsigned baits = s->round % 2 ? gen_between(s->r, 5, 60) : 1;
	unsigned back_permille = gen_between(s->r, 10, 50);
	bool night = gen_percent(s->r, 50);

	gen_stage_time(s, (int64_t)s->size * gen_between(s->r, 600, 4000) * US_PER_MS,
	               night ? 23 : 7, night ? 6 : 22);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_call(s, trunk);
		call.start_us = gen_stage_moment(s, i);
		call.caller = gen_high_cost(range, block + 7 + gen_below(s->r, baits));
		gen_stage_anybody(s, &call);
		gen_stage_fail(s, &call, 487, (struct gen_ms){400, 2600});
		if (gen_below(s->r, 1000) < 12) {
			gen_stage_answer(s, &call, (struct gen_ms){500, 2000},
			                 (struct gen_ms){700, 3000});
		}
		gen_stage_add(s, call);
		if (gen_below(s->r, 1000) < back_permille) {
			call_back_bait(s, &call);
		}
	}
}

/* ---- T4, T9: diallers with a recorded message ---- */

static void play_message(struct gen_stage *s, struct gen_call *call, unsigned answered)
{
	if (gen_percent(s->r, answered)) {
		gen_stage_talk(s, call, 6000, 55);
	} else if (gen_percent(s->r, 25)) {
		gen_stage_fail(s, call, 404, (struct gen_ms){0, 0});
	} else if (gen_percent(s->r, 20)) {
		gen_stage_fail(s, call, 486, (struct gen_ms){0, 0});
	} else {
		gen_stage_fail(s, call, 480, (struct gen_ms){15000, 22000});
	}
}

void gen_scam_robocall(struct gen_stage *s)
{
	static const uint8_t trunks[] = {GEN_TRUNK_DIALLER, GEN_TRUNK_DIALLER, GEN_TRUNK_NATIONAL_1,
	                                 GEN_TRUNK_FOREIGN_3};
	uint8_t trunk = gen_stage_trunk(s, trunks, 4);
	unsigned numbers = s->round % 3 == 1 ? gen_between(s->r, 5, 30) : 1;
	unsigned answered = gen_between(s->r, 25, 55);
	uint64_t first = gen_next(s->r);

	gen_stage_time(s, (int64_t)s->size * gen_between(s->r, 1, 9) * US_PER_S, 8, 20);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_call(s, trunk);
		call.start_us = gen_stage_moment(s, i);
		call.caller = gen_outsider(s->w, first + i % numbers);
		gen_stage_anybody(s, &call);
		play_message(s, &call, answered);
		gen_stage_add(s, call);
	}
}

/* A fresh caller on nearly every call, out of one block. */
void gen_scam_rotation(struct gen_stage *s)
{
	static const uint8_t trunks[] = {GEN_TRUNK_PEER, GEN_TRUNK_DIALLER, GEN_TRUNK_FOREIGN_3};
	uint8_t trunk = gen_stage_trunk(s, trunks, 3);
	uint64_t block = gen_outsider(s->w, gen_next(s->r)) / 10000 * 10000;
	uint64_t width = s->size < 1000 ? 1000 : s->size;
	unsigned answered = gen_between(s->r, 25, 50);

	gen_stage_time(s, (int64_t)s->size * gen_between(s->r, 1, 6) * US_PER_S, 9, 19);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_call(s, trunk);
		call.start_us = gen_stage_moment(s, i);
		call.caller = block + gen_below(s->r, width);
		gen_stage_anybody(s, &call);
		play_message(s, &call, answered);
		gen_stage_add(s, call);
	}
}

/* ---- which numbers of a block exist ---- */

void gen_scam_harvesting(struct gen_stage *s)
{
	static const uint8_t trunks[] = {GEN_TRUNK_PEER, GEN_TRUNK_FOREIGN_3, GEN_TRUNK_DIALLER};
	uint8_t trunk = gen_stage_trunk(s, trunks, 3);
	uint64_t caller = gen_outsider(s->w, gen_next(s->r));
	uint64_t block = gen_outsider(s->w, gen_next(s->r)) / 10000 * 10000;
	unsigned dead = gen_between(s->r, 35, 75);

	gen_stage_time(s, (int64_t)s->size * gen_between(s->r, 1, 8) * US_PER_S, 0, 24);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_call(s, trunk);
		call.start_us = gen_stage_moment(s, i);
		call.caller = caller;
		call.callee = block + i;
		call.trunk_out = GEN_TRUNK_NATIONAL_2;
		if (gen_percent(s->r, dead)) {
			gen_stage_fail(s, &call, 404, (struct gen_ms){0, 0});
		} else {
			gen_stage_fail(s, &call, 487, (struct gen_ms){250, 700});
		}
		gen_stage_add(s, call);
	}
}

/* ---- T13: a scanner at the SIP edge tries dial prefixes ---- */

void gen_scam_scanning(struct gen_stage *s)
{
	static const char *const agents[] = {"friendly-scanner", "sipcli/v1.8", "VOIP",
	                                     "FreePBX 1.8"};
	static const uint64_t prefixes[] = {900, 9011, 9900, 1011, 9810, 7011, 8011, 9001};
	uint64_t target = UINT64_C(4680000000) + gen_below(s->r, 10000000);

	s->agent = agents[s->round % 4];
	s->attest = 0;
	gen_stage_time(s, (int64_t)s->size * gen_between(s->r, 200, 2500) * US_PER_MS, 0, 7);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_call(s, GEN_TRUNK_NONE);
		call.start_us = gen_stage_moment(s, i);
		call.callee =
			prefixes[gen_below(s->r, 8)] * UINT64_C(10000000000) + target + 2 * (i % 3);
		call.caller = 100 + i % 20;
		gen_stage_fail(s, &call, gen_percent(s->r, 70) ? 404 : 403, (struct gen_ms){0, 0});
		gen_stage_add(s, call);
	}
}

/* ---- T10: one line is flooded ---- */

void gen_scam_tdos(struct gen_stage *s)
{
	uint64_t target = gen_below(s->r, s->w->subscribers) / 10 * 10 + 7; /* a firm */
	bool many = s->round % 3 != 2;
	uint64_t first = gen_next(s->r);
	unsigned held = gen_between(s->r, 5, 30);

	gen_stage_time(s, (int64_t)s->size * gen_between(s->r, 250, 700) * US_PER_MS, 8, 20);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_call(s, GEN_TRUNK_NATIONAL_1);
		call.start_us = gen_stage_moment(s, i);
		call.caller = gen_outsider(s->w, first + (many ? gen_next(s->r) % 500000 : i % 3));
		gen_stage_subscriber(s, &call, target);
		if (gen_percent(s->r, held)) {
			gen_stage_answer(s, &call, (struct gen_ms){1000, 3000},
			                 (struct gen_ms){1000, 9000});
		} else {
			gen_stage_fail(s, &call, 486, (struct gen_ms){0, 0});
		}
		gen_stage_add(s, call);
	}
}

/* ---- one identity signs for numbers that nobody has seen ---- */

void gen_scam_attestation(struct gen_stage *s)
{
	static const uint8_t trunks[] = {GEN_TRUNK_FOREIGN_3, GEN_TRUNK_PEER, GEN_TRUNK_FOREIGN_3};
	uint8_t trunk = trunks[s->round % 3];

	s->attest = gen_percent(s->r, 75) ? 'A' : 'B';
	gen_stage_time(s, (int64_t)s->size * gen_between(s->r, 2, 15) * US_PER_S, 8, 20);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_call(s, trunk);
		call.start_us = gen_stage_moment(s, i);
		call.caller = gen_outsider(s->w, gen_next(s->r));
		gen_stage_anybody(s, &call);
		play_message(s, &call, 40);
		gen_stage_add(s, call);
	}
}
