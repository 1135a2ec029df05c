#include "enrich/plan.h"

#include "enrich/plan_table.h"

static const uint64_t fill_up[] = {
	1000000000000000,
	100000000000000,
	10000000000000,
	1000000000000,
	100000000000,
	10000000000,
	1000000000,
	100000000,
	10000000,
	1000000,
	100000,
	10000,
	1000,
	100,
	10,
	1,
};

enum { MILLION = 1000000 };

/* Six digits as a binary fraction: each multiplication by ten brings one digit to the front. Exact
 * because 10^6 * 10^6 is far below 2^64.
 */
static uint64_t fraction_of(uint64_t six_digits)
{
	return six_digits * (UINT64_MAX / MILLION + 1);
}

static unsigned fraction_digit(uint64_t *fraction)
{
	unsigned __int128 product = (unsigned __int128)*fraction * 10;

	*fraction = (uint64_t)product;
	return (unsigned)(product >> 64);
}

/* The node of the longest known prefix; count >= CODE_DIGITS. *code: row of the calling code. */
static const struct plan_node *walk(const struct plan *p, number n, unsigned *code)
{
	unsigned count = number_digit_count(n);
	uint64_t digits = number_digits(n) * fill_up[count];
	uint64_t first = digits / MILLION / MILLION;
	const struct plan_node *node = &p->nodes[p->root[first]];
	uint64_t left = fraction_of(digits / MILLION % MILLION);

	*code = p->code_at[first];
	for (unsigned i = CODE_DIGITS; i < count; i++) {
		if (i == CODE_DIGITS + 6) {
			left = fraction_of(digits % MILLION);
		}
		unsigned next = node->child[fraction_digit(&left)];
		if (!next) {
			break;
		}
		node = &p->nodes[next];
	}
	return node;
}

static struct plan_entry unknown_entry(void)
{
	return (struct plan_entry){.valid = TRUTH_UNKNOWN, .assigned = TRUTH_UNKNOWN};
}

static struct plan_entry e164_entry(const struct plan *p, number n)
{
	struct plan_entry entry = unknown_entry();
	unsigned count = number_digit_count(n), row;

	entry.valid = TRUTH_FALSE;
	if (count < CODE_DIGITS || number_digits(n) >= fill_up[NUMBER_DIGITS_MAX - count]) {
		return entry;
	}
	const struct plan_node *node = walk(p, n, &row);
	const struct plan_code *code = &p->codes[row];
	plan_label label = p->profiles[node->profile].label[count];
	const struct plan_country *place = &p->countries[label ? label >> 4 : node->country_row];
	entry.country = place->country;
	entry.type = label ? label & 15 : node->type;
	entry.valid = label ? TRUTH_TRUE : TRUTH_FALSE;
	entry.assigned = place->knows_allocations ? entry.valid : TRUTH_UNKNOWN;
	entry.too = (uint8_t)(row ? (count > code->longest) - (count < code->shortest) : 0);
	entry.calling_code = code->code;
	return entry;
}

struct plan_entry plan_find(const struct plan *p, number n, country home)
{
	struct plan_entry entry = unknown_entry();

	if (number_kind(n) == NUMBER_E164) {
		return e164_entry(p, n);
	}
	if (number_kind(n) == NUMBER_SHORT) {
		entry.country = home;
		entry.type = NUMTYPE_SHORT;
	}
	return entry;
}

const char *plan_version(const struct plan *p)
{
	return p->version;
}

const struct plan_country *plan_country(const struct plan *p, country c)
{
	unsigned row = plan_country_row(p, c);

	return row ? &p->countries[row] : NULL;
}

static const struct plan_code *code_of_digits(const struct plan *p, struct slice digits)
{
	const struct plan_code *code = &p->codes[p->code_at[plan_code_row(digits)]];

	return code->digits <= digits.len ? code : &p->codes[0];
}

unsigned plan_calling_code_length(const struct plan *p, struct slice digits)
{
	return code_of_digits(p, digits)->digits;
}

bool plan_length_possible(const struct plan *p, struct slice digits)
{
	return digits.len < PLAN_LENGTHS && (code_of_digits(p, digits)->lengths >> digits.len & 1);
}

country plan_main_country(const struct plan *p, unsigned calling_code)
{
	char text[CODE_DIGITS];
	size_t len = 0;

	for (unsigned unit = 100; unit > 0; unit /= 10) {
		if (calling_code >= unit && len < CODE_DIGITS) {
			text[len++] = (char)('0' + calling_code / unit % 10);
		}
	}
	const struct plan_code *code = code_of_digits(p, (struct slice){text, len});
	return code->code == calling_code ? p->countries[code->country_row].country : 0;
}

unsigned plan_country_digits(const struct plan *p, number n)
{
	unsigned count = number_digit_count(n);

	if (number_kind(n) != NUMBER_E164 || count < CODE_DIGITS) {
		return 0;
	}
	uint64_t first = number_digits(n) * fill_up[count] / MILLION / MILLION;
	return first < CODE_ROWS ? p->codes[p->code_at[first]].digits : 0;
}
