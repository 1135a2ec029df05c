/* Who lives in a world. Subscribers and outsiders are computed from their index, nobody is stored;
 * only lines of firms and of scam operations stand in the book.
 */
#include <stdlib.h>
#include <string.h>

#include "core/instant.h"
#include "ringfence/gen.h"

/* Index spaces of numbers, far enough apart not to meet. */
enum {
	LINES_FIRST = 1850000,
	SPECIAL_FIRST = 1900000, /* of fixed numbers */
	BANK_FIRST = SPECIAL_FIRST + 100,
	OFFICE_FIRST = SPECIAL_FIRST + 200,
	OUTSIDER_FIRST = 2000000,
};

/* Countries that subscribers talk to; some dial beside listed dear destinations. */
static const struct {
	const char *country;
	struct gen_range range;
} foreign[] = {
	{"IE", {"35387", 12}},   {"PL", {"48601", 11}}, {"IN", {"9198", 12}},
	{"FR", {"33612", 11}},   {"ES", {"34612", 11}}, {"DE", {"491512", 13}},
	{"AT", {"4366412", 12}}, {"US", {"12126", 11}}, {"LV", {"37129", 11}},
	{"RO", {"4072", 11}},    {"IT", {"39347", 12}}, {"JM", {"1876", 11}},
};

/* Dear destinations that call-back and revenue-share schemes name (domain.md, T1 and T2). */
static const struct gen_range high_cost[GEN_HIGH_COST] = {
	{"2474", 8},   {"22220", 11}, {"23276", 11},  {"371901", 11}, {"6785", 10},   {"68572", 10},
	{"67572", 11}, {"25263", 11}, {"881621", 12}, {"22242", 11},  {"371902", 11}, {"2475", 8},
};

unsigned gen_local_hour(const struct gen_world *w, int64_t time_us)
{
	int64_t hours = time_us / US_PER_HOUR + w->plan->utc_hours;

	return (unsigned)(hours % 24);
}

unsigned gen_local_weekday(const struct gen_world *w, int64_t time_us)
{
	int64_t days = (time_us + w->plan->utc_hours * US_PER_HOUR) / US_PER_DAY;

	return (unsigned)((days + 3) % 7); /* 1970-01-01 was a Thursday */
}

/* ---- subscribers ---- */

bool gen_subscriber_business(uint64_t i)
{
	return i % 10 == 7;
}

bool gen_subscriber_mobile(uint64_t i)
{
	return i % 10 != 7 && i % 10 != 1 && i % 10 != 6;
}

uint8_t gen_home_trunk(uint64_t i)
{
	return gen_subscriber_business(i) ? GEN_TRUNK_OFFICE : GEN_TRUNK_ACCESS;
}

unsigned gen_friends(uint64_t i)
{
	unsigned spread = GEN_FRIENDS_MAX - 5;
	uint64_t chance = gen_mix(i) % (uint64_t)(spread * spread);

	/* Few people know many. */
	return GEN_FRIENDS_MAX - (unsigned)sqrt((double)chance);
}

uint64_t gen_roamers(const struct gen_world *w)
{
	return w->subscribers / GEN_ROAMER_EVERY;
}

uint64_t gen_roamer(const struct gen_world *w, uint64_t i)
{
	return i % gen_roamers(w) * GEN_ROAMER_EVERY + 3;
}

bool gen_roamer_registered(uint64_t i)
{
	return i / GEN_ROAMER_EVERY % 10 < 7;
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
	return gen_number(gen_subscriber_mobile(i) ? w->plan->mobile : w->plan->fixed, i);
}

/* ---- everybody else ---- */

uint64_t gen_outsider(const struct gen_world *w, uint64_t i)
{
	const struct gen_range *ranges = i % 4 == 0 ? w->plan->fixed : w->plan->mobile;

	return gen_number(ranges, OUTSIDER_FIRST + i % GEN_OUTSIDERS);
}

uint64_t gen_foreigner(const struct gen_world *w, uint64_t i)
{
	enum { COUNT = sizeof(foreign) / sizeof(foreign[0]) };
	uint64_t mixed = gen_mix(i);
	size_t at = mixed % COUNT;

	if (strcmp(foreign[at].country, w->plan->country) == 0) {
		at = (at + 1) % COUNT;
	}
	/* A million people of each are known here, numbers from 2 on behind the prefix. */
	return gen_number_in(foreign[at].range, 2000000 + (mixed >> 20) % 1000000);
}

const char *gen_high_cost_prefix(size_t i)
{
	return high_cost[i].prefix;
}

uint64_t gen_high_cost(uint64_t range, uint64_t i)
{
	return gen_number_in(high_cost[range % GEN_HIGH_COST], i);
}

uint64_t gen_dno(const struct gen_world *w)
{
	return gen_number(w->plan->fixed, SPECIAL_FIRST);
}

uint64_t gen_bank(const struct gen_world *w, uint64_t i)
{
	return gen_number(w->plan->fixed, BANK_FIRST + i % GEN_BANKS);
}

uint64_t gen_office(const struct gen_world *w, uint64_t i)
{
	return gen_number(w->plan->fixed, OFFICE_FIRST + i);
}

uint64_t gen_hotline(const struct gen_world *w)
{
	return gen_number(w->plan->fixed, SPECIAL_FIRST + 1);
}

/* ---- the book ---- */

void *gen_room(void *items, size_t count, size_t *cap, size_t size)
{
	if (count < *cap) {
		return items;
	}
	size_t more = *cap ? 2 * *cap : 256;
	void *grown = realloc(items, more * size);
	*cap = grown ? more : *cap;
	return grown;
}

void gen_book_fini(struct gen_plan_book *book)
{
	free(book->calls);
	free(book->lines);
	free(book->operations);
	*book = (struct gen_plan_book){0};
}

void gen_book_call(struct gen_plan_book *book, struct gen_call call)
{
	struct gen_call *calls =
		gen_room(book->calls, book->call_count, &book->call_cap, sizeof(*calls));

	if (!calls) {
		book->failed = true;
		return;
	}
	book->calls = calls;
	call.start_us -= call.start_us % US_PER_MS;
	calls[book->call_count++] = call;
}

gen_line_id gen_book_line(struct gen_plan_book *book, const struct gen_world *w,
                          struct gen_line like)
{
	struct gen_line *lines =
		gen_room(book->lines, book->line_count, &book->line_cap, sizeof(*lines));

	if (!lines) {
		book->failed = true;
		return 0;
	}
	book->lines = lines;
	if (!like.number) {
		like.number = gen_number(like.mobile ? w->plan->mobile : w->plan->fixed,
		                         LINES_FIRST + book->line_count);
	}
	lines[book->line_count] = like;
	return GEN_LINE_EXTRA + (gen_line_id)book->line_count++;
}

struct gen_operation *gen_book_operation(struct gen_plan_book *book)
{
	struct gen_operation *all = gen_room(book->operations, book->operation_count,
	                                     &book->operation_cap, sizeof(*all));

	if (!all) {
		book->failed = true;
		return NULL;
	}
	book->operations = all;
	all[book->operation_count] = (struct gen_operation){.first_us = INT64_MAX};
	return &all[book->operation_count++];
}
