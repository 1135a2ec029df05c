/* Operations that live on what calls cost: T2 revenue share, T3 hacked telephone systems, T11
 * traffic pumping, T14 false answers (domain.md section 1).
 */
#include "ringfence/gen_scams.h"

#define MINUTES(n) ((uint32_t)(n)*60000U)

static int64_t shorter(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- T2: a few test calls, a pause, then minutes ---- */

static struct gen_call dear_call(struct gen_stage *s, struct gen_call call, uint64_t range,
                                 uint64_t number)
{
	call.callee = gen_high_cost(range, number);
	call.trunk_out = gen_percent(s->r, 60) ? GEN_TRUNK_FOREIGN_2 : GEN_TRUNK_TRANSIT;
	call.by_victim = false;
	return call;
}

void gen_scam_irsf(struct gen_stage *s)
{
	bool sim = s->round % 2 == 1;
	uint64_t account = gen_below(s->r, s->w->subscribers) / 10 * 10 + 7;
	gen_line_id line = sim ? gen_stage_sim(s, 4) : 0;
	uint64_t range = gen_next(s->r), first = gen_next(s->r) / 100 * 100;
	unsigned tests = 2 + s->size / 12 < 6 ? 2 + s->size / 12 : 6;
	unsigned numbers = gen_between(s->r, 3, 20);
	int64_t pause =
		shorter((int64_t)gen_between(s->r, 30, 1440) * US_PER_MIN, s->w->span_us / 3);

	if (s->book->failed) {
		return;
	}
	/* Two to eight calls at once. */
	gen_stage_time(
		s,
		shorter((int64_t)s->size * gen_between(s->r, 20, 90) * US_PER_S, s->w->span_us / 4),
		20, 5);
	if (s->from_us < s->w->start_us + pause) {
		s->from_us += pause;
	}
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call =
			sim ? gen_stage_call_from(s, line) : gen_stage_victim_call(s, account);
		bool test = i < tests;
		call = dear_call(s, call, range, first + (test ? i : gen_below(s->r, numbers)));
		call.start_us = gen_stage_moment(s, i);
		if (test) {
			call.start_us = s->from_us - pause + (int64_t)i * 70 * US_PER_S;
		}
		gen_stage_answer(s, &call, (struct gen_ms){700, 1500},
		                 test ? (struct gen_ms){4000, 25000}
		                      : (struct gen_ms){MINUTES(4), MINUTES(28)});
		call.end = GEN_END_CALLER;
		gen_stage_add(s, call);
	}
}

/* ---- T3: a firm's telephone system at night ---- */

static gen_line_id line_of_firm(struct gen_stage *s)
{
	for (unsigned i = 0; i < 1000; i++) {
		size_t at = gen_below(s->r, s->book->line_count);
		if (gen_kind_trunk(s->book->lines[at].kind) == GEN_TRUNK_PBX) {
			return GEN_LINE_EXTRA + (gen_line_id)at;
		}
	}
	return GEN_LINE_EXTRA;
}

void gen_scam_pbx(struct gen_stage *s)
{
	gen_line_id firm = line_of_firm(s);
	uint64_t prober = gen_foreigner(s->w, gen_next(s->r));
	uint64_t range = gen_next(s->r), first = gen_next(s->r) / 10 * 10;
	unsigned probes = s->size / 5;

	gen_stage_time(s, (int64_t)gen_between(s->r, 3, 9) * US_PER_HOUR, 20, 2);
	for (unsigned i = 0; i < probes; i++) { /* voice mail, direct inward access */
		struct gen_call call = gen_stage_call(s, GEN_TRUNK_FOREIGN_1);
		call.start_us = s->from_us + (int64_t)i * 47 * US_PER_S;
		call.caller = prober;
		call.callee = gen_stage_number(s, firm) + i % 4;
		call.to = firm;
		call.trunk_out = GEN_TRUNK_PBX;
		gen_stage_answer(s, &call, (struct gen_ms){1500, 4000},
		                 (struct gen_ms){4000, 29000});
		gen_stage_add(s, call);
	}
	for (unsigned i = probes; i < s->size; i++) {
		struct gen_call call = gen_stage_call_from(s, firm);
		call.start_us = gen_stage_moment(s, i);
		call.trunk_in = GEN_TRUNK_PBX;
		call = dear_call(s, call, range + i / 40, first + gen_below(s->r, 8));
		gen_stage_talk(s, &call, MINUTES(9), 60);
		call.end = GEN_END_CALLER;
		gen_stage_add(s, call);
	}
}

/* ---- T11: long calls to few numbers, day and night ---- */

void gen_scam_pumping(struct gen_stage *s)
{
	bool hosted = s->round % 2 == 0; /* the numbers are the network's own */
	unsigned numbers = gen_between(s->r, 2, 6);
	unsigned sources = gen_between(s->r, 8, 40);
	uint64_t rural = gen_outsider(s->w, gen_next(s->r) / 4 * 4) / 100 * 100;
	uint64_t first = gen_next(s->r);
	gen_line_id line = 0;

	for (unsigned i = 0; i < numbers && hosted; i++) {
		gen_line_id next = gen_book_line(
			s->book, s->w, (struct gen_line){.business = true, .age_days = 20 + i});
		line = i ? line : next;
	}
	if (s->book->failed) {
		return;
	}
	gen_stage_time(s, 20 * US_PER_HOUR, 0, 24);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_call(s, GEN_TRUNK_NATIONAL_2);
		unsigned to = (unsigned)gen_below(s->r, numbers);
		call.start_us = gen_stage_moment(s, i);
		call.caller = gen_outsider(s->w, first + gen_below(s->r, sources));
		call.callee = hosted ? gen_stage_number(s, line + to) : rural + to;
		call.to = hosted ? line + to : 0;
		call.trunk_out = hosted ? GEN_TRUNK_OFFICE : GEN_TRUNK_NATIONAL_1;
		gen_stage_answer(s, &call, (struct gen_ms){900, 2500},
		                 (struct gen_ms){MINUTES(12), MINUTES(70)});
		call.end = GEN_END_CALLER;
		gen_stage_add(s, call);
	}
}

/* ---- T14: a route answers before anybody does ---- */

void gen_scam_false_answer(struct gen_stage *s)
{
	gen_stage_time(s, 9 * US_PER_HOUR, 7, 14);
	for (unsigned i = 0; i < s->size; i++) {
		struct gen_call call = gen_stage_victim_call(s, gen_below(s->r, s->w->subscribers));
		call.start_us = gen_stage_moment(s, i);
		call.callee = gen_foreigner(s->w, gen_next(s->r));
		call.trunk_out = GEN_TRUNK_TRANSIT;
		call.setup_ms = gen_between(s->r, 20, 90);
		gen_stage_answer(s, &call, (struct gen_ms){0, 0}, (struct gen_ms){1000, 14000});
		gen_stage_add(s, call);
	}
}
