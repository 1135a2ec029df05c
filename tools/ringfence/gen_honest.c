/* Honest callers that make many calls: what rules must not mistake for a scam (domain.md section 4,
 * benign look-alikes). Each kind is a row: how many of a thousand calls it makes, when, from what
 * numbers, to whom, and what becomes of them. Kinds that act in bursts are planned ahead.
 */
#include "core/instant.h"
#include "ringfence/gen.h"

/* Lines of a kind, whatever the size of the world. */
enum { LINES_MAX = 6000 };

enum numbers { FIXED, MOBILE, ABROAD, BANKS };

enum whom {
	ANYBODY,    /* each call another subscriber */
	REGULARS,   /* the same few hundred */
	ANY_NUMBER, /* dialled at random: many do not exist */
	NEIGHBOURS, /* anybody, shown the firm's number that looks most like his own */
};

struct kind {
	const char *name;
	const char *display;
	double share;          /* of a thousand ordinary calls */
	uint16_t firm_calls;   /* of one firm on a day */
	uint16_t lines;        /* of one firm */
	uint8_t opens, closes; /* local hours */
	uint8_t days;          /* 5: not at weekends, 7: always */
	uint8_t numbers, whom;
	uint8_t trunk;
	uint8_t answered, dead, hung_up; /* percent; the rest is busy or not answered */
	uint16_t ring_s;
	uint16_t talk_s; /* median */
	uint8_t spread;
	uint8_t incoming;  /* percent of its calls that people make to it */
	uint16_t age_days; /* 0: years */
	bool registered;   /* known by name: in registered_callers */
};

static const struct kind kinds[GEN_KINDS_MAX] = {
	[1] = {"bank", NULL, 6, 60000, GEN_BANKS, 8,  19, 6, BANKS, ANYBODY, GEN_TRUNK_NATIONAL_1,
               62,     0,    6, 9,     190,       90, 45, 0, false},
	{"courier",
         "Parcel Service",
         9,
         900,
         3,
         7,
         20,
         6,
         FIXED,
         ANYBODY,
         GEN_TRUNK_CENTRE,
         66,
         1,
         6,
         12,
         28,
         60,
         12,
         0,
         false},
	{"rider",          NULL, 12, 70, 1, 9,  23, 7,  MOBILE, ANYBODY,
         GEN_TRUNK_ACCESS, 72,   0,  9,  8, 18, 60, 18, 0,      false},
	{"tradesman",      NULL, 9, 28, 1,  7,  19, 6,  MOBILE, REGULARS,
         GEN_TRUNK_ACCESS, 68,   1, 8,  11, 70, 90, 40, 0,      false},
	{"clinic_reminder", "Clinic", 5, 500, 1, 8,  18, 5, FIXED, ANYBODY,
         GEN_TRUNK_OFFICE,  78,       1, 2,   9, 17, 35, 6, 0,     true},
	{"voice_code",         NULL, 6, 1200, 2, 6,  24, 7, FIXED, ANYBODY,
         GEN_TRUNK_NATIONAL_2, 88,   0, 3,    5, 14, 30, 0, 0,     false},
	{"flash_call",        NULL, 6, 1500, 400, 6, 24, 7, ABROAD, ANYBODY,
         GEN_TRUNK_FOREIGN_2, 1,    1, 95,   2,   2, 30, 0, 0,      false},
	{"pollster",
         "Opinion Research",
         5,
         1100,
         1,
         10,
         21,
         6,
         FIXED,
         ANY_NUMBER,
         GEN_TRUNK_CENTRE,
         34,
         14,
         7,
         16,
         35,
         150,
         2,
         0,
         false},
	{"telesales",      NULL, 8, 1500, 2,  9,  19,  5, FIXED, ANYBODY,
         GEN_TRUNK_CENTRE, 42,   3, 9,    15, 24, 120, 3, 0,     false},
	{"telesales_abroad",  NULL, 3, 800, 2,  9,  19,  5, ABROAD, ANYBODY,
         GEN_TRUNK_FOREIGN_1, 38,   3, 9,   15, 26, 120, 2, 0,      false},
	{"offshore_service",  NULL, 3, 500, 2,  8,   20,  6,  FIXED, ANYBODY,
         GEN_TRUNK_FOREIGN_1, 64,   1, 6,   12, 150, 100, 10, 0,     true},
	{"local_presence", NULL, 5, 1300, 300, 9,  19,  5, FIXED, NEIGHBOURS,
         GEN_TRUNK_CENTRE, 48,   3, 8,    14,  40, 110, 8, 0,     false},
	{"taxi_dispatch",  NULL, 8, 600, 1, 0,  24, 7,  FIXED, ANYBODY,
         GEN_TRUNK_OFFICE, 42,   0, 45,  4, 16, 50, 50, 0,     false},
	{"alarm_centre",   NULL, 3, 350, 1, 0,  24, 7,  FIXED, REGULARS,
         GEN_TRUNK_OFFICE, 80,   0, 2,   8, 22, 70, 65, 0,     false},
	{"hospital",
         "General Hospital",
         8,
         1300,
         2,
         6,
         22,
         7,
         FIXED,
         ANYBODY,
         GEN_TRUNK_PBX,
         64,
         1,
         6,
         11,
         75,
         110,
         55,
         0,
         false},
	{"conference",     NULL, 4, 400, 1, 8,    19, 5,  FIXED, REGULARS,
         GEN_TRUNK_OFFICE, 94,   0, 2,   2, 1700, 60, 97, 0,     false},
	{"busy_line",      NULL, 16, 160, 1, 8,  19,  6,  FIXED, REGULARS,
         GEN_TRUNK_OFFICE, 70,   1,  8,   9, 85, 120, 42, 0,     false},
	{"new_prepaid",    NULL, 9, 22, 1,  7,  24,  7,  MOBILE, ANYBODY,
         GEN_TRUNK_ACCESS, 58,   4, 14, 10, 45, 120, 18, 9,      false},
	{"tourist",        NULL, 4, 16, 1,  8,  24,  7, MOBILE, ANYBODY,
         GEN_TRUNK_ACCESS, 55,   5, 15, 11, 50, 110, 8, 3,      false},
	/* In bursts only, see bursts[]. */
	{"school_alert",   "School", 0, 0, 1,  0,  0,  0, FIXED, ANYBODY,
         GEN_TRUNK_OFFICE, 74,       1, 3, 10, 32, 30, 0, 0,     false},
	{"televote",       NULL, 0, 0, 1, 0,  0,  0,   FIXED, ANYBODY,
         GEN_TRUNK_OFFICE, 90,   0, 4, 1, 11, 25, 100, 0,     false},
	{"recall_notice",
         "Water Company",
         0,
         0,
         1,
         0,
         0,
         0,
         FIXED,
         ANYBODY,
         GEN_TRUNK_NATIONAL_2,
         70,
         2,
         3,
         11,
         26,
         30,
         0,
         0,
         false},
};

static const struct burst {
	uint8_t kind;
	uint8_t hour, minute; /* local; in a shorter world at half of it */
	uint16_t minutes;
	uint16_t calls; /* at most; a hundredth of a day's calls */
} bursts[] = {
	{20, 7, 25, 14, 420},
	{21, 20, 50, 11, 1500},
	{22, 17, 5, 55, 900},
};

const char *gen_kind_name(unsigned kind)
{
	return kind < GEN_KINDS_MAX ? kinds[kind].name : NULL;
}

uint8_t gen_kind_trunk(unsigned kind)
{
	return kinds[kind].trunk;
}

bool gen_kind_registered(unsigned kind)
{
	return kind && kinds[kind].registered;
}

double gen_kind_weight(unsigned kind, unsigned weekday, unsigned hour, double week)
{
	const struct kind *k = &kinds[kind];

	if (!k->firm_calls || weekday >= k->days || hour < k->opens || hour >= k->closes) {
		return 0;
	}
	return week * k->share / 1000 / ((double)k->days * (k->closes - k->opens));
}

/* ---- lines ---- */

static uint64_t first_number(const struct gen_world *w, const struct kind *k, uint32_t i)
{
	return k->numbers == ABROAD
	               ? gen_foreigner(w, UINT64_C(1) << 40 | (uint64_t)k->share << 20 | i)
	       : k->numbers == BANKS ? gen_bank(w, i)
	                             : 0;
}

static void add_lines(struct gen_honest *h, const struct gen_world *w, struct gen_plan_book *book,
                      unsigned kind)
{
	const struct kind *k = &kinds[kind];
	struct gen_firms *firms = &h->firms[kind];
	double a_day = (double)w->calls * 24 * (double)US_PER_HOUR / (double)w->span_us;
	double count = k->firm_calls ? a_day * k->share / 1000 / k->firm_calls + 0.5 : 1;

	double most = k->lines * GEN_FIRMS_MAX > LINES_MAX ? LINES_MAX / k->lines : GEN_FIRMS_MAX;
	firms->count = (uint32_t)(count < 1 ? 1 : count > most ? most : count);
	firms->lines = k->lines;
	for (uint32_t i = 0; i < firms->count * firms->lines; i++) {
		gen_line_id id = gen_book_line(
			book, w,
			(struct gen_line){
				.number = first_number(w, k, i),
				.kind = (uint8_t)kind,
				.business = k->numbers != MOBILE,
				.mobile = k->numbers == MOBILE,
				.age_days = k->age_days ? (uint32_t)(gen_mix(i) % k->age_days)
		                                        : 400 + (uint32_t)(gen_mix(i) % 3000),
			});
		if (i == 0) {
			firms->first = id;
		}
	}
}

static const struct gen_line *line_of(const struct gen_plan_book *book, gen_line_id id)
{
	return &book->lines[id - GEN_LINE_EXTRA];
}

/* ---- a call ---- */

static gen_line_id choose_line(const struct gen_honest *h, const struct gen_plan_book *book,
                               struct gen_random *r, unsigned kind, uint64_t callee)
{
	const struct gen_firms *f = &h->firms[kind];
	gen_line_id first = f->first + (gen_line_id)gen_below(r, f->count) * f->lines;
	gen_line_id best = first + (gen_line_id)gen_below(r, f->lines);

	/* Out of a pool: the one of twelve whose number begins most like the callee's. */
	for (unsigned i = 0; kinds[kind].whom == NEIGHBOURS && i < 12; i++) {
		gen_line_id other = first + (gen_line_id)gen_below(r, f->lines);
		uint64_t a = line_of(book, best)->number ^ callee;
		uint64_t b = line_of(book, other)->number ^ callee;
		best = b < a ? other : best;
	}
	return best;
}

static uint64_t choose_person(const struct gen_world *w, const struct kind *k, struct gen_random *r,
                              gen_line_id line)
{
	if (k->whom == REGULARS) {
		return gen_mix((uint64_t)line << 8 | gen_below(r, 200)) % w->subscribers;
	}
	return gen_below(r, w->subscribers);
}

static void decide_result(const struct kind *k, struct gen_random *r, struct gen_call *call)
{
	unsigned kind = (unsigned)gen_below(r, 100);

	call->setup_ms = gen_lognormal(r, 700, 50) + 100;
	if (kind < k->answered) {
		call->code = 200;
		call->ring_ms = gen_lognormal(r, k->ring_s * 600U, 45) + 300;
		call->talk_ms = gen_lognormal(r, k->talk_s * 1000U, k->spread);
		call->end = gen_percent(r, 50) ? GEN_END_CALLER : GEN_END_CALLEE;
	} else if (kind < (unsigned)k->answered + k->dead) {
		call->code = 404;
		call->end = GEN_END_NETWORK;
	} else if (kind < (unsigned)k->answered + k->dead + k->hung_up) {
		call->code = 487;
		call->ring_ms = gen_lognormal(r, k->ring_s * 1000U, 30);
		call->end = GEN_END_CALLER;
	} else if (gen_percent(r, 25)) {
		call->code = 486;
		call->end = GEN_END_CALLEE;
	} else {
		call->code = 480;
		call->ring_ms = gen_between(r, 18000, 32000);
		call->end = GEN_END_CALLEE;
	}
}

static void turn(struct gen_call *call)
{
	struct gen_call from = *call;

	call->caller = from.callee;
	call->callee = from.caller;
	call->from = from.to;
	call->to = from.from;
	call->trunk_in = from.trunk_out;
	call->trunk_out = from.trunk_in;
	call->display = NULL;
}

void gen_honest_call(const struct gen_honest *h, const struct gen_world *w,
                     const struct gen_plan_book *book, struct gen_random *r, unsigned kind,
                     struct gen_call *call)
{
	const struct kind *k = &kinds[kind];
	gen_line_id line = choose_line(h, book, r, kind, 0);
	uint64_t person = choose_person(w, k, r, line);

	call->callee = gen_subscriber(w, person);
	call->to = (gen_line_id)(person + 1);
	call->trunk_out = gen_home_trunk(person);
	if (k->whom == NEIGHBOURS) {
		line = choose_line(h, book, r, kind, call->callee);
	} else if (k->whom == ANY_NUMBER && gen_percent(r, 40)) {
		call->callee = gen_outsider(w, gen_next(r));
		call->to = 0;
		call->trunk_out = GEN_TRUNK_NATIONAL_1;
	}
	call->caller = line_of(book, line)->number;
	call->from = line;
	call->trunk_in = k->trunk;
	call->display = k->display;
	call->kind = (uint8_t)kind;
	if (gen_percent(r, k->incoming)) {
		turn(call);
	}
	decide_result(k, r, call);
}

/* ---- bursts ---- */

static void add_bursts(const struct gen_honest *h, const struct gen_world *w,
                       struct gen_plan_book *book, const struct burst *b, struct gen_random *r)
{
	uint64_t a_day = w->calls * 24 / (uint64_t)(w->span_us / US_PER_HOUR);
	uint64_t hundredth = (a_day < w->calls ? a_day : w->calls) / 100;
	uint64_t count = hundredth < b->calls ? hundredth : b->calls;
	int64_t at =
		b->hour * US_PER_HOUR + b->minute * US_PER_MIN - w->plan->utc_hours * US_PER_HOUR;
	int64_t day = w->start_us - w->start_us % US_PER_DAY;

	for (; day < gen_world_end(w); day += US_PER_DAY) {
		int64_t start = w->span_us < US_PER_DAY ? w->start_us + w->span_us / 2 : day + at;
		if (start < w->start_us || (b->kind == 20 && gen_local_weekday(w, start) > 4)) {
			continue;
		}
		for (uint64_t i = 0; i < count; i++) {
			struct gen_call call = {0};
			uint64_t into = gen_below(r, (uint64_t)(b->minutes * US_PER_MIN));
			call.start_us = start + (int64_t)into;
			gen_honest_call(h, w, book, r, b->kind, &call);
			gen_attest(w, r, &call);
			gen_book_call(book, call);
		}
		if (w->span_us < US_PER_DAY) {
			return;
		}
	}
}

void gen_honest_prepare(struct gen_honest *h, const struct gen_world *w, struct gen_plan_book *book)
{
	struct gen_random r = gen_random(w->seed ^ UINT64_C(0x40e5));

	for (unsigned kind = 1; gen_kind_name(kind) && !book->failed; kind++) {
		add_lines(h, w, book, kind);
	}
	for (size_t i = 0; i < sizeof(bursts) / sizeof(bursts[0]) && !book->failed; i++) {
		add_bursts(h, w, book, &bursts[i], &r);
	}
}
