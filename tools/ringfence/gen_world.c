/* Who lives in a world. Everybody is computed from his index, nobody is stored. */
#include "ringfence/gen.h"

#include <string.h>

/* Index spaces of numbers, far enough apart not to meet. */
enum {
	OUTSIDER_FIRST = 2000000,
	SPECIAL_FIRST = 1900000, /* of fixed numbers */
	BANK_FIRST = SPECIAL_FIRST + 100,
	OFFICE_FIRST = SPECIAL_FIRST + 200,
};

/* Countries that subscribers talk to. */
static const struct {
	const char *country;
	struct gen_range range;
} foreign[] = {
	{"IE", {"35387", 12}},   {"PL", {"48601", 11}}, {"IN", {"9198", 12}},
	{"FR", {"33612", 11}},   {"ES", {"34612", 11}}, {"DE", {"491512", 13}},
	{"AT", {"4366412", 12}}, {"US", {"12126", 11}},
};

/* Dear destinations that call-back and revenue-share schemes name (domain.md, T1 and T2). */
static const struct gen_range high_cost[GEN_HIGH_COST] = {
	{"2474", 8},   {"22220", 11}, {"23276", 11},  {"371901", 11}, {"6785", 10},   {"68572", 10},
	{"67572", 11}, {"25263", 11}, {"881621", 12}, {"22242", 11},  {"371902", 11}, {"2475", 8},
};

bool gen_subscriber_business(uint64_t i)
{
	return i % 10 == 7;
}

uint64_t gen_roamers(const struct gen_world *w)
{
	return w->subscribers / GEN_ROAMER_EVERY;
}

uint64_t gen_roamer(const struct gen_world *w, uint64_t i)
{
	return i % gen_roamers(w) * GEN_ROAMER_EVERY + 3;
}

uint64_t gen_protected(uint64_t i)
{
	return 10 * i + 4;
}

bool gen_subscriber_protected(uint64_t i)
{
	return i % 10 == 4 && i / 10 < GEN_PROTECTED;
}

uint64_t gen_subscriber(const struct gen_world *w, uint64_t i)
{
	i %= w->subscribers;
	return gen_subscriber_business(i) ? gen_number(w->plan->fixed, i)
	                                  : gen_number(w->plan->mobile, i);
}

uint64_t gen_outsider(const struct gen_world *w, uint64_t i)
{
	const struct gen_range *ranges = i % 4 == 0 ? w->plan->fixed : w->plan->mobile;

	return gen_number(ranges, OUTSIDER_FIRST + i);
}

uint64_t gen_foreigner(const struct gen_world *w, struct gen_random *random)
{
	enum { COUNT = sizeof(foreign) / sizeof(foreign[0]) };
	size_t i = gen_below(random, COUNT);

	if (strcmp(foreign[i].country, w->plan->country) == 0) {
		i = (i + 1) % COUNT;
	}
	return gen_number_in(foreign[i].range, gen_next(random) >> 20);
}

const char *gen_high_cost_prefix(size_t i)
{
	return high_cost[i].prefix;
}

uint64_t gen_dno(const struct gen_world *w)
{
	return gen_number(w->plan->fixed, SPECIAL_FIRST);
}

uint64_t gen_bank(const struct gen_world *w, uint64_t i)
{
	return gen_number(w->plan->fixed, BANK_FIRST + i);
}

uint64_t gen_office(const struct gen_world *w, uint64_t i)
{
	return gen_number(w->plan->fixed, OFFICE_FIRST + i);
}

uint64_t gen_hotline(const struct gen_world *w)
{
	return gen_number(w->plan->fixed, SPECIAL_FIRST + 1);
}

uint64_t gen_reminder(const struct gen_world *w)
{
	return gen_number(w->plan->fixed, SPECIAL_FIRST + 2);
}
