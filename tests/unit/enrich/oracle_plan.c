#include "unit/enrich/oracle_plan.h"

#include "enrich/plan.h"

static struct plan *plan;

int oracle_plan_load(const char *folder)
{
	struct diags d;

	diags_init(&d);
	plan = plan_load(folder, &d);
	diags_fini(&d);
	return plan ? 0 : -1;
}

void oracle_plan_free(void)
{
	plan_free(plan);
}

struct oracle_entry oracle_plan_find(const char *digits)
{
	number n = number_of_digits(NUMBER_E164, slice_of(digits));
	struct plan_entry entry = plan_find(plan, n, 0);

	return (struct oracle_entry){
		.country = {(char)(entry.country >> 8), (char)(entry.country & 0xff), '\0'},
		.type = enum_word(ENUM_NUMTYPE, entry.type),
		.valid = entry.valid == TRUTH_TRUE,
	};
}
