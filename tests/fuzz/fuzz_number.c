/* First byte: the home country. A verdict and its number agree, digits come from the text, and what
 * is written as E.164 is read back the same; every entry of the plan holds together.
 */
#include "core/ensure.h"
#include "enrich/normalise.h"
#include "support/shipped_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(const struct plan *plan, number n, country home)
{
	struct plan_entry e = plan_find(plan, n, home);

	ENSURE(e.type < NUMTYPE_COUNT && e.valid <= TRUTH_TRUE && e.assigned <= TRUTH_TRUE);
	ENSURE(e.valid != TRUTH_TRUE || (e.too == 0 && e.calling_code > 0));
	ENSURE(number_kind(n) != NUMBER_E164 || plan_country_digits(plan, n) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const country homes[] = {0, 'G' << 8 | 'B', 'U' << 8 | 'S', 'I' << 8 | 'T'};
	static struct plan *plan;
	static struct hash_key key;
	struct written_number w = {.text = {(const char *)data + 1, size ? size - 1 : 0}};
	char text[NUMBER_TEXT];
	bool no_home = false;
	number n, again;

	plan = plan ? plan : SHIPPED_PLAN();
	struct normaliser norm = {plan, &key, size ? homes[data[0] % 4] : 0};
	enum number_verdict verdict = number_normalise(&norm, &w, 0, &n, &no_home);
	ENSURE((verdict == NUMBER_OK) == (n != 0));
	check_entry(plan, n, norm.home);
	if (number_kind(n) == NUMBER_E164) {
		w.text = (struct slice){text, number_format(n, text)};
		ENSURE(number_normalise(&norm, &w, 0, &again, &no_home) == NUMBER_OK && again == n);
	}
	return 0;
}
