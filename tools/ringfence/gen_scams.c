/* Which scam operations a world holds, and how large they are: sizes drawn from what domain.md
 * publishes, several of each class in a large world, smaller ones in a small world, so that scam
 * stays below a twentieth of all calls.
 */
#include "ringfence/gen_scams.h"

#include <stdlib.h>
#include <string.h>

static const struct scam {
	const char *class;
	const char *name; /* of its operations */
	void (*run)(struct gen_stage *s);
	uint16_t least; /* calls that still show what it is */
	uint16_t low, high;
	bool records_only; /* it shows in columns that SIP does not carry */
	bool stir_only;
} scams[] = {
	{"wangiri", "wangiri", gen_scam_wangiri, 62, 200, 1500, false, false},
	{"irsf", "irsf", gen_scam_irsf, 18, 40, 300, true, false},
	{"pbx_hack", "pbx-hack", gen_scam_pbx, 18, 40, 200, true, false},
	{"robocall", "robocall", gen_scam_robocall, 130, 300, 2600, false, false},
	{"rotation", "rotation", gen_scam_rotation, 80, 300, 1800, false, false},
	{"scam_centre", "scam-centre", gen_scam_centre, 45, 200, 1500, true, false},
	{"bank_impersonation", "bank", gen_scam_bank, 8, 8, 40, false, false},
	{"victim_targeting", "victim", gen_scam_targeting, 8, 10, 30, false, false},
	{"inbound_scam", "inbound", gen_scam_inbound, 30, 60, 400, false, false},
	{"simbox", "simbox", gen_scam_simbox, 60, 300, 2000, true, false},
	{"spoofing", "spoofing", gen_scam_spoofing, 24, 100, 500, false, false},
	{"impersonation", "impersonation", gen_scam_impersonation, 8, 20, 100, false, false},
	{"tdos", "tdos", gen_scam_tdos, 70, 200, 800, false, false},
	{"traffic_pumping", "pumping", gen_scam_pumping, 18, 60, 300, false, false},
	{"scanning", "scanning", gen_scam_scanning, 40, 100, 400, false, false},
	{"harvesting", "harvesting", gen_scam_harvesting, 50, 150, 600, false, false},
	{"false_answer", "false-answer", gen_scam_false_answer, 40, 100, 500, false, false},
	{"attestation_abuse", "attestation", gen_scam_attestation, 18, 100, 500, true, true},
};

enum {
	SCAMS = sizeof(scams) / sizeof(scams[0]),
	ROUNDS_MAX = 12,
	SHARE = 43, /* scam in a thousand ordinary calls */
	SIZE_MIN = 3,
};

/* ---- the stage ---- */

void gen_stage_time(struct gen_stage *s, int64_t length_us, unsigned from, unsigned to)
{
	const struct gen_world *w = s->w;
	int64_t most = w->span_us / 2;
	int64_t last;

	s->length_us = length_us < most ? length_us : most;
	/* An eighth of the span is left behind the last call. */
	last = w->span_us - w->span_us / 8 - s->length_us;
	for (unsigned i = 0; i < 48; i++) {
		s->from_us = w->start_us + (int64_t)gen_below(s->r, (uint64_t)last);
		unsigned hour = gen_local_hour(w, s->from_us);
		if (from < to ? hour >= from && hour < to : hour >= from || hour < to) {
			return;
		}
	}
}

int64_t gen_stage_moment(struct gen_stage *s, unsigned i)
{
	int64_t gap = s->length_us / (s->size ? s->size : 1);

	return s->from_us + i % (s->size ? s->size : 1) * gap +
	       (int64_t)gen_below(s->r, (uint64_t)(gap * 3 / 4 + 1));
}

struct gen_call gen_stage_call(struct gen_stage *s, uint8_t trunk)
{
	return (struct gen_call){
		.operation = s->operation,
		.trunk_in = trunk,
		.attest = s->attest,
		.origid = s->attest ? s->origid : 0,
		.agent = s->agent,
		.capture = s->capture,
		.setup_ms = gen_between(s->r, 200, 1100),
	};
}

struct gen_call gen_stage_call_from(struct gen_stage *s, gen_line_id line)
{
	const struct gen_line *l = &s->book->lines[line - GEN_LINE_EXTRA];
	struct gen_call call = gen_stage_call(s, l->mobile ? GEN_TRUNK_ACCESS : GEN_TRUNK_OFFICE);

	call.caller = l->number;
	call.from = line;
	call.attest = s->w->stir ? 'A' : 0;
	call.origid = call.attest ? 1 + call.trunk_in * 16U : 0;
	call.agent = l->mobile ? "Handset/4.2" : "Gateway/7.1";
	return call;
}

void gen_stage_subscriber(struct gen_stage *s, struct gen_call *call, uint64_t i)
{
	call->callee = gen_subscriber(s->w, i);
	call->to = (gen_line_id)(i % s->w->subscribers + 1);
	call->trunk_out = gen_home_trunk(i % s->w->subscribers);
}

void gen_stage_anybody(struct gen_stage *s, struct gen_call *call)
{
	gen_stage_subscriber(s, call, gen_below(s->r, s->w->subscribers));
}

struct gen_call gen_stage_victim_call(struct gen_stage *s, uint64_t i)
{
	struct gen_call call = gen_stage_call(s, gen_home_trunk(i % s->w->subscribers));

	call.caller = gen_subscriber(s->w, i);
	call.from = (gen_line_id)(i % s->w->subscribers + 1);
	call.attest = s->w->stir ? 'A' : 0;
	call.origid = call.attest ? 1 + call.trunk_in * 16U : 0;
	call.agent = "Handset/4.2";
	call.by_victim = true;
	return call;
}

void gen_stage_answer(struct gen_stage *s, struct gen_call *call, struct gen_ms ring,
                      struct gen_ms talk)
{
	call->code = 200;
	call->ring_ms = gen_between(s->r, ring.low, ring.high);
	call->talk_ms = gen_between(s->r, talk.low, talk.high);
	call->end = call->by_victim ? GEN_END_CALLER : GEN_END_CALLEE;
}

void gen_stage_talk(struct gen_stage *s, struct gen_call *call, uint32_t median_ms, unsigned spread)
{
	gen_stage_answer(s, call, (struct gen_ms){2500, 14000}, (struct gen_ms){1, 1});
	call->talk_ms = gen_lognormal(s->r, median_ms, spread);
}

void gen_stage_fail(struct gen_stage *s, struct gen_call *call, uint16_t code, struct gen_ms ring)
{
	call->code = code;
	call->ring_ms = ring.high ? gen_between(s->r, ring.low, ring.high) : 0;
	call->talk_ms = 0;
	call->end = code == 487                  ? GEN_END_CALLER
	            : code == 480 || code == 486 ? GEN_END_CALLEE
	                                         : GEN_END_NETWORK;
}

void gen_stage_add(struct gen_stage *s, struct gen_call call)
{
	/* Nothing of it is left to tell when the world ends. */
	if (gen_call_end(&call) < gen_world_end(s->w) - US_PER_S) {
		gen_book_call(s->book, call);
	}
}

gen_line_id gen_stage_sim(struct gen_stage *s, uint32_t days_max)
{
	gen_line_id line = gen_book_line(
		s->book, s->w,
		(struct gen_line){.mobile = true, .age_days = gen_between(s->r, 0, days_max)});

	return line;
}

uint64_t gen_stage_number(const struct gen_stage *s, gen_line_id line)
{
	return s->book->lines[line - GEN_LINE_EXTRA].number;
}

uint8_t gen_stage_trunk(struct gen_stage *s, const uint8_t *trunks, size_t count)
{
	return trunks[gen_below(s->r, count)];
}

/* ---- operations ---- */

static int cmp_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void count_numbers(struct gen_plan_book *book, size_t first, struct gen_operation *op)
{
	size_t count = 0;
	uint64_t *numbers = malloc((book->call_count - first + 1) * sizeof(*numbers));

	if (!numbers) {
		book->failed = true;
		return;
	}
	for (size_t i = first; i < book->call_count; i++) {
		const struct gen_call *call = &book->calls[i];
		if (!call->by_victim) {
			numbers[count++] = call->caller;
		} else if (call->to >= GEN_LINE_EXTRA) {
			numbers[count++] = call->callee;
		}
	}
	if (count) {
		qsort(numbers, count, sizeof(*numbers), cmp_u64);
	}
	for (size_t i = 0; i < count; i++) {
		op->numbers += i == 0 || numbers[i] != numbers[i - 1];
	}
	free(numbers);
}

static char attest_of_scam(const struct gen_world *w, struct gen_random *r)
{
	unsigned kind = (unsigned)gen_below(r, 100);

	return !w->stir ? 0 : kind < 10 ? 'A' : kind < 33 ? 'B' : kind < 50 ? 'C' : 0;
}

static void run(const struct gen_world *w, struct gen_plan_book *book, struct gen_random *r,
                const struct scam *scam, unsigned round, unsigned size)
{
	static const char *const agents[] = {"Gateway/7.1", "SBC/3.8", "Dialer/2.6", "FPBX-16"};
	struct gen_operation *op = gen_book_operation(book);
	size_t first = book->call_count;

	if (!op) {
		return;
	}
	(void)snprintf(op->name, sizeof(op->name), "%s-%u", scam->name, round + 1);
	op->class = scam->class;
	op->capture = w->captured && !scam->records_only &&
	              (gen_percent(r, 30) || scam->run == gen_scam_scanning);
	struct gen_stage stage = {
		.w = w,
		.book = book,
		.r = r,
		.operation = (uint32_t)book->operation_count,
		.round = round,
		.size = size > SIZE_MIN ? size : SIZE_MIN,
		.capture = op->capture,
		.attest = attest_of_scam(w, r),
		.origid = 1000 + (uint32_t)book->operation_count,
		.agent = agents[gen_below(r, sizeof(agents) / sizeof(agents[0]))],
	};
	scam->run(&stage);
	if (!book->failed) {
		count_numbers(book, first, &book->operations[stage.operation - 1]);
	}
}

/* How many of each class, so that sizes from the middle fill the budget. */
static unsigned rounds_for(double budget)
{
	double middle = 0;

	for (size_t i = 0; i < SCAMS; i++) {
		middle += (scams[i].low + scams[i].high) / 2;
	}
	double rounds = budget / middle;
	return rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : (unsigned)rounds;
}

/* From the least sizes to the drawn ones, as far as the budget allows; in a small world, parts of
 * the least.
 */
static void fit_sizes(double sizes[ROUNDS_MAX * SCAMS], size_t count, double budget)
{
	double least = 0, drawn = 0;

	for (size_t i = 0; i < count; i++) {
		least += scams[i % SCAMS].least;
		drawn += sizes[i];
	}
	double part = budget < least ? 0 : budget < drawn ? (budget - least) / (drawn - least) : 1;
	double of_least = budget < least ? budget / least : 1;
	for (size_t i = 0; i < count; i++) {
		double from = scams[i % SCAMS].least;
		sizes[i] = from * of_least + part * (sizes[i] - from);
	}
}

void gen_scams(const struct gen_world *w, struct gen_plan_book *book)
{
	struct gen_random r = gen_random(w->seed ^ UINT64_C(0x5ca3));
	double budget = (double)w->calls * SHARE / 1000;
	size_t count = rounds_for(budget) * (size_t)SCAMS;
	double sizes[ROUNDS_MAX * SCAMS];
	/* In a tiny world there is no room for every class. */
	double room = budget / (SIZE_MIN + 1);
	size_t first = room < SCAMS ? w->seed % SCAMS : 0;

	for (size_t i = 0; i < count; i++) {
		sizes[i] = gen_between(&r, scams[i % SCAMS].low, scams[i % SCAMS].high);
	}
	fit_sizes(sizes, count, budget);
	for (size_t i = 0; i < count && (double)i + 1 <= room && !book->failed; i++) {
		size_t at = room < SCAMS ? (first + i) % SCAMS : i;
		const struct scam *s = &scams[at % SCAMS];
		if (w->stir || !s->stir_only) {
			run(w, book, &r, s, (unsigned)(at / SCAMS), (unsigned)sizes[at]);
		}
	}
}
