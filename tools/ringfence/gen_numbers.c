#include "ringfence/gen_numbers.h"

#include <string.h>

static const struct gen_plan plans[] = {
	{
		.country = "GB",
		.tz = "Europe/London",
		.utc_hours = 0,
		.mobile_network = "23415",
		.mobile = {{"447400", 12},
                           {"447401", 12},
                           {"447404", 12},
                           {"447410", 12},
                           {"447415", 12},
                           {"447425", 12},
                           {"447500", 12},
                           {"447538", 12},
                           {"447710", 12},
                           {"447740", 12},
                           {"447760", 12},
                           {"447780", 12},
                           {"447800", 12},
                           {"447850", 12},
                           {"447880", 12},
                           {"447900", 12},
                           {"447930", 12},
                           {"447950", 12},
                           {"447980", 12}},
		.fixed = {{"44207", 12},
                          {"44208", 12},
                          {"441612", 12},
                          {"441618", 12},
                          {"441214", 12},
                          {"441315", 12},
                          {"441132", 12},
                          {"441179", 12}},
	},
	{
		.country = "US",
		.tz = "America/New_York",
		.utc_hours = -5,
		.mobile_network = "310410",
		.mobile = {{"12122", 11},
                           {"12127", 11},
                           {"13102", 11},
                           {"14153", 11},
                           {"16175", 11},
                           {"17132", 11}},
		.fixed =
			{{"12126", 11}, {"13103", 11}, {"14154", 11}, {"16172", 11}, {"17137", 11}},
	},
	{
		.country = "DE",
		.tz = "Europe/Berlin",
		.utc_hours = 1,
		.mobile_network = "26202",
		.mobile = {{"491512", 13}, {"491514", 13}, {"491515", 13}},
		.fixed = {{"4930", 12}, {"4989", 12}, {"4940", 12}},
	},
	{
		.country = "FR",
		.tz = "Europe/Paris",
		.utc_hours = 1,
		.mobile_network = "20801",
		.mobile = {{"33612", 11}, {"33645", 11}, {"33672", 11}, {"33685", 11}},
		.fixed = {{"33142", 11}, {"33145", 11}, {"33472", 11}},
	},
	{
		.country = "ES",
		.tz = "Europe/Madrid",
		.utc_hours = 1,
		.mobile_network = "21407",
		.mobile = {{"34612", 11}, {"34655", 11}, {"34667", 11}},
		.fixed = {{"34912", 11}, {"34915", 11}, {"34932", 11}},
	},
	{
		.country = "IT",
		.tz = "Europe/Rome",
		.utc_hours = 1,
		.mobile_network = "22201",
		.mobile = {{"39347", 12}, {"39338", 12}, {"39320", 12}},
		.fixed = {{"39066", 11}, {"39024", 11}, {"39028", 11}},
	},
	{
		.country = "NL",
		.tz = "Europe/Amsterdam",
		.utc_hours = 1,
		.mobile_network = "20408",
		.mobile = {{"3161", 11}, {"3162", 11}, {"3164", 11}, {"3165", 11}},
		.fixed = {{"3120", 11}, {"3110", 11}, {"3130", 11}, {"3140", 11}},
	},
	{
		.country = "PL",
		.tz = "Europe/Warsaw",
		.utc_hours = 1,
		.mobile_network = "26001",
		.mobile = {{"48501", 11}, {"48601", 11}, {"48602", 11}, {"48507", 11}},
		.fixed = {{"4822", 11}, {"4812", 11}, {"4858", 11}},
	},
};

enum { PLAN_COUNT = sizeof(plans) / sizeof(plans[0]) };

const struct gen_plan *gen_plan_of(const char *country)
{
	for (size_t i = 0; i < PLAN_COUNT; i++) {
		if (strcmp(plans[i].country, country) == 0) {
			return &plans[i];
		}
	}
	return NULL;
}

const char *gen_plan_countries(void)
{
	return "GB, US, DE, FR, ES, IT, NL, PL";
}

static uint64_t power_of_ten(unsigned n)
{
	uint64_t p = 1;

	while (n--) {
		p *= 10;
	}
	return p;
}

uint64_t gen_number_in(struct gen_range range, uint64_t rest)
{
	unsigned given = 0;
	uint64_t number = 0;

	for (; range.prefix[given]; given++) {
		number = 10 * number + (uint64_t)(range.prefix[given] - '0');
	}
	uint64_t free = power_of_ten(range.digits - given);
	return number * free + rest % free;
}

uint64_t gen_number(const struct gen_range ranges[GEN_RANGES_MAX], uint64_t i)
{
	/* Coprime to 10: a permutation of the numbers of a range. */
	static const uint64_t scatter = 618033;
	unsigned count = 0;

	while (count < GEN_RANGES_MAX && ranges[count].prefix) {
		count++;
	}
	return gen_number_in(ranges[i % count], i / count * scatter + 271828);
}
