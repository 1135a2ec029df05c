/* Operations in which people talk to victims: T5 call centres and what their victims see, T6 lines
 * that victims call, T7 SIM boxes, T8 other people's numbers and names (domain.md section 1).
 */
#include "ringfence/gen_scams.h"

#define MINUTES(n) ((uint32_t)(n)*60000U)

/* ---- T5: a call centre ---- */

/* Most hang up soon, few believe it (a long call), the rest does not answer. */
static void persuade(struct gen_stage *s, struct gen_call *call)
{
	unsigned kind = (unsigned)gen_below(s->r, 1000);

	if (kind < 420) {
		gen_stage_talk(s, call, 14000, 60);
	} else if (kind < 600) {
		gen_stage_talk(s, call, 75000, 60);
	} else if (kind < 625) {
		gen_stage_answer(s, call, (struct gen_ms){3000, 9000},
		                 (struct gen_ms){MINUTES(10), MINUTES(40)});
	} else if (kind < 800) {
		gen_stage_fail(s, call, 480, (struct gen_ms){20000, 32000});
	} else if (kind < 900) {
		gen_stage_fail(s, call, 486, (struct gen_ms){0, 0});
	} else {
		gen_stage_fail(s, call, 487, (struct gen_ms){12000, 25000});
	}
}

/* Each agent has a SIM of the network, or a number of another one. */
void gen_scam_centre(struct gen_stage *s)
{
	unsigned a_day = gen_between(s->r, 30, 150);
	int64_t days = s->w->span_us / US_PER_DAY;
	unsigned agents = 1 + s->size / (a_day * (unsigned)(days < 1 ? 1 : days > 7 ? 7 : days));
	bool inside = s->round % 3 != 2;
	uint32_t cell = 9000 + s->operation;
	uint64_t first = gen_next(s->r), last_victim = 0;
	gen_line_id sim = 0;

	gen_stage_time(s, 8 * US_PER_HOUR, 8, 11);
	for (unsigned i = 0; i < agents && inside; i++) {
		gen_line_id line = gen_stage_sim(s, 130);
		sim = i ? sim : line;
	}
	if (s->book->failed) {
		return;
	}
	for (unsigned i = 0; i < s->size; i++) {
		unsigned agent = i % agents;
		uint64_t victim =
			gen_percent(s->r, 17) ? last_victim : gen_below(s->r, s->w->subscribers);
		struct gen_call call = inside ? gen_stage_call_from(s, sim + agent)
		                              : gen_stage_call(s, GEN_TRUNK_NATIONAL_2);
		call.start_us = gen_stage_moment(s, i);
		/* As many of its days as the world has, one after the other. */
		call.start_us +=
			days > 1 ? (int64_t)(gen_below(s->r, (uint64_t)days)) * US_PER_DAY : 0;
		call.caller = inside ? call.caller : gen_outsider(s->w, first + agent);
		call.device = s->operation * 1000 + agent / 2 * 4 + (uint32_t)gen_below(s->r, 3);
		call.cell = cell;
		gen_stage_subscriber(s, &call, victim);
		persuade(s, &call);
		gen_stage_add(s, call);
		last_victim = victim;
	}
}

/* ---- T5: the bank's security team ---- */

/* A long call from a stranger, the victim rings his bank, then the stranger again. */
static void safe_account(struct gen_stage *s, int64_t at, uint64_t stranger, uint8_t trunk)
{
	uint64_t victim = gen_below(s->r, s->w->subscribers);
	struct gen_call call = gen_stage_call(s, trunk);

	call.start_us = at;
	call.caller = stranger;
	call.display = gen_percent(s->r, 50) ? "Bank Fraud Team" : NULL;
	gen_stage_subscriber(s, &call, victim);
	gen_stage_answer(s, &call, (struct gen_ms){3000, 9000},
	                 (struct gen_ms){MINUTES(13), MINUTES(40)});
	gen_stage_add(s, call);

	struct gen_call bank = gen_stage_victim_call(s, victim);
	bank.start_us = gen_call_end(&call) + (int64_t)gen_between(s->r, 40, 600) * US_PER_S;
	bank.callee = gen_percent(s->r, 25) ? gen_hotline(s->w) : gen_bank(s->w, victim);
	bank.trunk_out = GEN_TRUNK_NATIONAL_1;
	gen_stage_answer(s, &bank, (struct gen_ms){2000, 9000},
	                 (struct gen_ms){MINUTES(2), MINUTES(9)});
	gen_stage_add(s, bank);

	call.start_us = gen_call_end(&bank) + (int64_t)gen_between(s->r, 60, 900) * US_PER_S;
	gen_stage_answer(s, &call, (struct gen_ms){2000, 5000},
	                 (struct gen_ms){MINUTES(8), MINUTES(45)});
	gen_stage_add(s, call);
}

/* The bank's own number from abroad, a number of the country, a number abroad. */
static uint64_t stranger_number(const struct gen_stage *s, uint64_t first, unsigned i)
{
	switch (s->round % 3) {
	case 0: return gen_bank(s->w, i);
	case 1: return gen_outsider(s->w, first + i % 3);
	default: return gen_foreigner(s->w, first + i % 3);
	}
}

void gen_scam_bank(struct gen_stage *s)
{
	static const uint8_t trunks[] = {GEN_TRUNK_FOREIGN_3, GEN_TRUNK_NATIONAL_2,
	                                 GEN_TRUNK_FOREIGN_2};
	uint8_t trunk = trunks[s->round % 3];
	uint64_t first = gen_next(s->r);

	gen_stage_time(s, 7 * US_PER_HOUR, 9, 12);
	for (unsigned i = 0; i < (s->size + 3) / 4; i++) {
		safe_account(s, gen_stage_moment(s, i * 4), stranger_number(s, first, i), trunk);
	}
	/* Others hang up. */
	for (unsigned i = 0; i < (s->size + 3) / 4; i++) {
		struct gen_call call = gen_stage_call(s, trunk);
		call.start_us = gen_stage_moment(s, i * 4 + 2);
		call.caller = stranger_number(s, first, i);
		gen_stage_anybody(s, &call);
		gen_stage_talk(s, &call, 20000, 70);
		gen_stage_add(s, call);
	}
}

/* One person in care, called by many numbers of one centre. */
void gen_scam_targeting(struct gen_stage *s)
{
	uint64_t victim = gen_protected(gen_below(s->r, GEN_PROTECTED));
	bool abroad = s->round % 2 == 0;
	uint64_t first = gen_next(s->r);

	gen_stage_time(s, 10 * US_PER_HOUR, 8, 12);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call =
			gen_stage_call(s, abroad ? GEN_TRUNK_FOREIGN_2 : GEN_TRUNK_NATIONAL_1);
		call.start_us = gen_stage_moment(s, i);
		call.caller = abroad ? gen_foreigner(s->w, first + i * 2 / 3)
		                     : gen_outsider(s->w, first + i * 2 / 3);
		gen_stage_subscriber(s, &call, victim);
		if (i == s->size / 2) {
			gen_stage_answer(s, &call, (struct gen_ms){3000, 9000},
			                 (struct gen_ms){MINUTES(31), MINUTES(55)});
		} else if (gen_percent(s->r, 65)) {
			gen_stage_answer(s, &call, (struct gen_ms){3000, 15000},
			                 (struct gen_ms){MINUTES(2), MINUTES(16)});
		} else {
			gen_stage_fail(s, &call, 480, (struct gen_ms){20000, 32000});
		}
		gen_stage_add(s, call);
	}
}

/* ---- T6: a number that victims are told to call ---- */

void gen_scam_inbound(struct gen_stage *s)
{
	gen_line_id line = gen_book_line(
		s->book, s->w,
		(struct gen_line){.business = true, .age_days = gen_between(s->r, 0, 5)});

	if (s->book->failed) {
		return;
	}
	gen_stage_time(s, (int64_t)gen_between(s->r, 3, 9) * US_PER_HOUR, 8, 14);
	for (unsigned i = 0; i < s->size; i++) {
		uint64_t victim = gen_below(s->r, s->w->subscribers);
		struct gen_call call = gen_stage_victim_call(s, victim);
		call.start_us = gen_stage_moment(s, i);
		if (gen_percent(s->r, 55)) {
			call.caller = gen_outsider(s->w, gen_next(s->r));
			call.from = 0;
			call.trunk_in = GEN_TRUNK_NATIONAL_1;
		}
		call.callee = gen_stage_number(s, line);
		call.to = line;
		call.trunk_out = GEN_TRUNK_OFFICE;
		if (gen_percent(s->r, 85)) {
			gen_stage_talk(s, &call, MINUTES(11), 85);
		} else {
			gen_stage_fail(s, &call, 487, (struct gen_ms){8000, 25000});
		}
		gen_stage_add(s, call);
	}
}

/* ---- T7: other people's calls out of a box of SIM cards ---- */

void gen_scam_simbox(struct gen_stage *s)
{
	unsigned sims = 4 + s->size / gen_between(s->r, 40, 90);
	unsigned a_device = gen_between(s->r, 4, 8);
	gen_line_id first = gen_stage_sim(s, 10);

	for (unsigned i = 1; i < sims; i++) {
		(void)gen_stage_sim(s, 10);
	}
	if (s->book->failed) {
		return;
	}
	gen_stage_time(s, 12 * US_PER_HOUR, 6, 12);
	for (unsigned i = 0; i < s->size; i++) {
		unsigned sim = (unsigned)gen_below(s->r, sims);
		struct gen_call call = gen_stage_call_from(s, first + sim);
		call.start_us = gen_stage_moment(s, i);
		call.device = s->operation * 1000 + sim / a_device;
		call.cell = 9000 + s->operation;
		gen_stage_anybody(s, &call);
		if (gen_percent(s->r, 22)) {
			call.callee = gen_outsider(s->w, gen_next(s->r));
			call.to = 0;
			call.trunk_out = GEN_TRUNK_NATIONAL_2;
		}
		if (gen_percent(s->r, 62)) {
			gen_stage_talk(s, &call, 110000, 110);
		} else {
			gen_stage_fail(s, &call, 480, (struct gen_ms){20000, 40000});
		}
		gen_stage_add(s, call);
	}
}

/* ---- T8: other people's numbers ---- */

static uint64_t home_number(struct gen_stage *s, const struct gen_call *call)
{
	(void)call;
	return gen_outsider(s->w, gen_next(s->r));
}

/* The victim sees a number of his own block. */
static uint64_t neighbour(struct gen_stage *s, const struct gen_call *call)
{
	return call->callee / 1000 * 1000 + gen_below(s->r, 1000);
}

static uint64_t never_calls(struct gen_stage *s, const struct gen_call *call)
{
	(void)call;
	return gen_dno(s->w);
}

/* Three digits are missing. */
static uint64_t no_number(struct gen_stage *s, const struct gen_call *call)
{
	return (call->callee + gen_below(s->r, 50000)) / 1000;
}

static uint64_t himself(struct gen_stage *s, const struct gen_call *call)
{
	(void)s;
	return call->callee;
}

void gen_scam_spoofing(struct gen_stage *s)
{
	static const struct {
		uint64_t (*number)(struct gen_stage *s, const struct gen_call *call);
		uint8_t trunk;
	} ways[] = {
		{home_number, GEN_TRUNK_FOREIGN_3},  {neighbour, GEN_TRUNK_PEER},
		{never_calls, GEN_TRUNK_NATIONAL_1}, {no_number, GEN_TRUNK_FOREIGN_3},
		{himself, GEN_TRUNK_FOREIGN_3},      {neighbour, GEN_TRUNK_FOREIGN_3},
		{home_number, GEN_TRUNK_FOREIGN_1},
	};
	enum { WAYS = sizeof(ways) / sizeof(ways[0]) };
	unsigned way = (unsigned)((s->w->seed + s->round) % WAYS);

	gen_stage_time(s, (int64_t)s->size * gen_between(s->r, 3, 20) * US_PER_S, 8, 20);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_call(s, ways[way].trunk);
		call.start_us = gen_stage_moment(s, i);
		gen_stage_anybody(s, &call);
		call.caller = ways[way].number(s, &call);
		persuade(s, &call);
		gen_stage_add(s, call);
	}
}

void gen_scam_impersonation(struct gen_stage *s)
{
	static const char *const names[] = {"HMRC Tax Office", "\xd0\x9dMRC Refund",
	                                    "POLICE Fraud Dept", "Revenue Office",
	                                    "Bank Security Team"};
	uint64_t first = gen_next(s->r);
	const char *name = names[gen_below(s->r, sizeof(names) / sizeof(names[0]))];

	gen_stage_time(s, (int64_t)s->size * gen_between(s->r, 20, 200) * US_PER_S, 8, 18);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_call(s, GEN_TRUNK_NATIONAL_2);
		call.start_us = gen_stage_moment(s, i);
		call.caller = gen_outsider(s->w, first + i / 4);
		call.display = name;
		gen_stage_anybody(s, &call);
		persuade(s, &call);
		gen_stage_add(s, call);
	}
}
