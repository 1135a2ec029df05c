/* Numbers as text, independent of the locale: printf and strtod are used for digits only.
 *
 * 15 digits always survive the way from decimal to double and back, so the first of 15, 16 and 17
 * digits that reads back, without its trailing zeros, is the shortest text (below the normal
 * doubles that promise fails and all lengths are tried). One case is left: at a power of two the
 * doubles below are twice as dense as those above, and the next decimal up may read back where
 * the nearest one does not.
 */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/ensure.h"
#include "core/err.h"
#include "core/json.h"

enum { DIGITS_MAX = 17, NUMBER_MAX = 1024 };

/* 0.d1d2d3... times 10^point. */
struct decimal {
	char digits[DIGITS_MAX + 1];
	int count;
	int point;
};

static double read_back(const struct decimal *d)
{
	char text[DIGITS_MAX + 16];

	/* Without a decimal point there is nothing that a locale could change. */
	(void)snprintf(text, sizeof(text), "%se%d", d->digits, d->point - d->count);
	return strtod(text, NULL);
}

static void to_digits(double value, int count, struct decimal *d)
{
	char text[DIGITS_MAX + 16];
	const char *p = text;

	(void)snprintf(text, sizeof(text), "%.*e", count - 1, value);
	for (d->count = 0; d->count < count; p++) {
		if (ascii_is_digit(*p)) {
			d->digits[d->count++] = *p;
		}
	}
	d->digits[count] = '\0';
	d->point = atoi(strchr(p, 'e') + 1) + 1;
}

/* One more in the last digit. */
static void step_up(struct decimal *d)
{
	int i = d->count - 1;

	while (i >= 0 && d->digits[i] == '9') {
		d->digits[i--] = '0';
	}
	if (i >= 0) {
		d->digits[i]++;
	} else {
		d->digits[0] = '1';
		d->point++;
	}
}

static void to_shortest(double value, struct decimal *d)
{
	for (int count = value < DBL_MIN ? 1 : DBL_DIG;; count++) {
		to_digits(value, count, d);
		if (count == DIGITS_MAX || read_back(d) == value) {
			break;
		}
		step_up(d);
		if (read_back(d) == value) {
			break;
		}
	}
	while (d->count > 1 && d->digits[d->count - 1] == '0') {
		d->digits[--d->count] = '\0';
	}
}

size_t decimal_format(double value, char out[DECIMAL_TEXT])
{
	const char *sign = value < 0 ? "-" : "";
	struct decimal d;
	int len;

	ENSURE(isfinite(value));
	if (fabs(value) < 1e15 && value == floor(value)) {
		return (size_t)snprintf(out, DECIMAL_TEXT, "%lld", (long long)value);
	}
	to_shortest(fabs(value), &d);
	int exponent = d.point - 1;
	if (exponent < -6 || exponent >= 21) {
		len = snprintf(out, DECIMAL_TEXT, "%s%c%s%se%+d", sign, d.digits[0],
		               d.count > 1 ? "." : "", d.digits + 1, exponent);
	} else if (d.point <= 0) {
		len = snprintf(out, DECIMAL_TEXT, "%s0.%.*s%s", sign, -d.point, "000000", d.digits);
	} else if (d.point >= d.count) {
		len = snprintf(out, DECIMAL_TEXT, "%s%s%.*s", sign, d.digits, d.point - d.count,
		               "00000000000000000000");
	} else {
		len = snprintf(out, DECIMAL_TEXT, "%s%.*s.%s", sign, d.point, d.digits,
		               d.digits + d.point);
	}
	return (size_t)len;
}

/* Up to 15 digits and a power of ten up to 22 are exact doubles, so that one division rounds
 * correctly (W. Clinger, "How to read floating point numbers accurately"); without a point one
 * digit more may stand, as the conversion alone rounds. False when s is longer, or has an exponent.
 */
static bool parse_short(struct slice s, double *value)
{
	static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
	                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	bool minus = s.p[0] == '-';
	uint64_t digits = 0;
	size_t fraction = 0;
	bool point = false;

	s = slice_skip(s, minus ? 1 : 0);
	if (s.len > DBL_DIG + 1) {
		return false;
	}
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '.') {
			point = true;
		} else if (ascii_is_digit(s.p[i])) {
			digits = digits * 10 + (uint64_t)(s.p[i] - '0');
			fraction += point;
		} else {
			return false;
		}
	}
	double v = (double)digits / powers[fraction];
	*value = minus ? -v : v;
	return true;
}

int decimal_parse(struct slice s, double *value)
{
	char text[NUMBER_MAX + 1];

	if (!json_is_number(s)) {
		return E_MALFORMED;
	}
	if (parse_short(s, value)) {
		return OK;
	}
	if (s.len > NUMBER_MAX) {
		return E_RANGE;
	}
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	/* The "C" locale is static in glibc: nothing is allocated, nothing needs freeing. */
	double v = strtod_l(text, NULL, newlocale(LC_ALL_MASK, "C", (locale_t)0));
	if (!isfinite(v)) {
		return E_RANGE;
	}
	*value = v;
	return OK;
}
