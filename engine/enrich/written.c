#include "enrich/written.h"

#include <stdio.h>

#include "core/err.h"
#include "core/instant.h"
#include "enrich/number_map.h"
#include "enrich/plan.h"

enum { DATE_LEN = 10, PREFIX_TEXT_MAX = 64, CODE_DIGITS_MAX = 3 };

const char *written_number_key(const struct normaliser *norm, struct slice text, number *key)
{
	struct written_number w = {.text = text};
	bool no_home = false;

	switch (number_normalise(norm, &w, 0, key, &no_home)) {
	case NUMBER_OK: return NULL;
	case NUMBER_WITHHELD: return "this word stands for a withheld number";
	case NUMBER_EMPTY: return "no number";
	case NUMBER_INVALID: break;
	}
	return "not a number";
}

/* Digits of a prefix with blanks and punctuation dropped; false when something else is there. */
static bool take_digits(struct slice text, char out[PREFIX_TEXT_MAX], size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		if (ascii_is_digit(c) && *len < PREFIX_TEXT_MAX) {
			out[(*len)++] = c;
		} else if (c == '\0' || !strchr(" -.()/", c)) {
			return false;
		}
	}
	return true;
}

/* With the 0 that national numbers begin with, dialled before them (GB) or part of them (IT). No
 * calling code begins with 0, as one may with the 1 or 8 of other countries.
 */
static bool digits_begin_at_home(const struct plan_country *home, struct slice digits)
{
	const char *prefix = home->national_prefix;

	return slice_starts(digits, SLICE_LIT("0")) && (!prefix[0] || strcmp(prefix, "0") == 0);
}

const char *written_prefix_key(const struct normaliser *norm, struct slice text, number *key)
{
	const struct plan_country *home = plan_country(norm->plan, norm->home);
	struct slice abroad = home ? slice_of(home->international_prefix) : SLICE_LIT("00");
	char kept[PREFIX_TEXT_MAX], whole[PREFIX_TEXT_MAX + 8];
	bool plus = text.len && text.p[0] == '+';

	if (text.len && text.p[text.len - 1] == '*') {
		text.len--;
	}
	struct slice digits = {kept, 0};
	if (!take_digits(slice_skip(text, plus), kept, &digits.len)) {
		return "not a prefix of numbers";
	}
	if (!plus && slice_starts(digits, abroad)) {
		digits = slice_skip(digits, abroad.len);
	} else if (!plus && slice_starts(digits, SLICE_LIT("00"))) {
		digits = slice_skip(digits, 2);
	} else if (!plus && home && digits_begin_at_home(home, digits)) {
		digits = slice_skip(digits, strlen(home->national_prefix));
		digits.len = (size_t)snprintf(whole, sizeof(whole), "%u%.*s", home->calling_code,
		                              SLICE_FMT(digits));
		digits.p = whole;
	}
	bool whole_code = digits.len >= CODE_DIGITS_MAX;
	bool begins = digits.len && digits.p[0] != '0' &&
	              (!whole_code || plan_calling_code_length(norm->plan, digits));
	*key = begins ? number_map_prefix(digits) : 0;
	return *key ? NULL : "begins with no calling code";
}

const char *written_key(const struct normaliser *norm, struct slice text, number *key)
{
	return text.len && text.p[text.len - 1] == '*' ? written_prefix_key(norm, text, key)
	                                               : written_number_key(norm, text, key);
}

void written_report(struct csv *c, const struct normaliser *norm, number twice)
{
	unsigned first = 0;
	number key;

	if (csv_failed(c)) {
		return;
	}
	if (!twice || !csv_rewind(c)) {
		csv_fail(c, 0, "E070", SLICE_NONE, "%s", err_text(E_NOMEM));
		return;
	}
	while (csv_next(c)) {
		struct slice text = csv_cell(c, 0);
		if (written_key(norm, text, &key) || key != twice) {
			continue;
		}
		if (first) {
			csv_fail(c, csv_cell_of(c, 0), "E072", SLICE_NONE,
			         "number '%.*s' stands on line %u already", SLICE_FMT(text), first);
			return;
		}
		first = c->line;
	}
}

int written_date(struct slice text, int64_t *time_us)
{
	char whole[DATE_LEN + sizeof("T00:00:00Z")];

	if (text.len != DATE_LEN) {
		return instant_parse_rfc3339(text, NULL, time_us);
	}
	int len = snprintf(whole, sizeof(whole), "%.*sT00:00:00Z", SLICE_FMT(text));
	return instant_parse_rfc3339((struct slice){whole, (size_t)len}, NULL, time_us);
}
