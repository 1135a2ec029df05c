/* decimal_format and decimal_parse (json.h) against tables, against strtod, and against a search
 * for a shorter text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/json.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct {
	double value;
	const char *want;
} forms[] = {
	{0, "0"},
	{-0.0, "0"},
	{1, "1"},
	{-40, "-40"},
	{0.1, "0.1"},
	{0.8, "0.8"},
	{1.0 / 3, "0.3333333333333333"},
	{2.0 / 3, "0.6666666666666666"},
	{0.1 + 0.2, "0.30000000000000004"},
	{123.456, "123.456"},
	{-0.000001, "-0.000001"},
	{0.00000123, "0.00000123"},
	{9.5e-7, "9.5e-7"},
	{1e-7, "1e-7"},
	{999999999999999, "999999999999999"},
	{1e15, "1000000000000000"},
	{1e20, "100000000000000000000"},
	{123456789012345680000.0, "123456789012345680000"},
	{1e21, "1e+21"},
	{-1.5e300, "-1.5e+300"},
	{9007199254740993.0, "9007199254740992"},
	{DBL_MAX, "1.7976931348623157e+308"},
	{DBL_MIN, "2.2250738585072014e-308"},
	{0x1p-1074, "5e-324"},
	{0x1p-44,
         "5.684341886080802e-14"}, /* the nearest 16 digits do not read back, the next do */
	{9.5367431640625e-7, "9.5367431640625e-7"},
};

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		char text[DECIMAL_TEXT];
		size_t len = decimal_format(forms[i].value, text);
		assert_string_equal(text, forms[i].want);
		assert_int_equal(len, strlen(text));
	}
}

/* Digits of a text without leading and trailing zeros. */
static int significant(const char *text)
{
	int count = 0, zeros = 0;

	for (; *text && *text != 'e'; text++) {
		if (*text == '0') {
			zeros++;
		} else if (*text > '0') {
			count += 1 + (count ? zeros : 0);
			zeros = 0;
		}
	}
	return count;
}

/* The fewest digits that read back as value > 0: every length, the nearest decimal and both of its
 * neighbours.
 */
static int fewest(double value)
{
	for (int count = 1; count < 17; count++) {
		char text[40], digits[20];
		(void)snprintf(text, sizeof(text), "%.*e", count - 1, value);
		int exponent = atoi(strchr(text, 'e') + 1) - count + 1;
		int made = 0;
		for (const char *p = text; made < count; p++) {
			if (ascii_is_digit(*p)) {
				digits[made++] = *p;
			}
		}
		digits[made] = '\0';
		for (int step = -1; step <= 1; step++) {
			(void)snprintf(text, sizeof(text), "%llde%d", atoll(digits) + step,
			               exponent);
			if (strtod(text, NULL) == value) {
				return count;
			}
		}
	}
	return 17;
}

static double random_double(void)
{
	uint64_t bits = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
	double value;

	switch (random() % 4) {
	case 0: return (double)(random() % 100000) / 1000;
	case 1: return ldexp(1, (int)(random() % 2090) - 1070);
	case 2: bits &= UINT64_C(0x000fffffffffffff) >> random() % 52; break; /* below normal */
	default: break;
	}
	memcpy(&value, &bits, sizeof(value));
	return isfinite(value) ? value : 1;
}

static void test_shortest_and_back(void **state)
{
	(void)state;
	srandom(5);
	for (int round = 0; round < 40000; round++) {
		char text[DECIMAL_TEXT];
		double value = random_double(), back = 0;
		struct slice s = {text, decimal_format(value, text)};
		assert_int_equal(decimal_parse(s, &back), OK);
		if (back != value || strtod(text, NULL) != value) {
			fail_msg("%a is not %s", value, text);
		}
		if (value != 0 && significant(text) > fewest(fabs(value))) {
			fail_msg("%a as %s: %d digits do", value, text, fewest(fabs(value)));
		}
	}
}

static const struct {
	const char *text;
	int err;
	double value;
} parses[] = {
	{"0", OK, 0},
	{"12", OK, 12},
	{"-12.5", OK, -12.5},
	{"1767225600.123", OK, 1767225600.123},
	{"0.00000000000001", OK, 0.00000000000001},
	{"999999999999999.9", OK, 999999999999999.9},
	{"1E5", OK, 1e5},
	{"1.5e-3", OK, 1.5e-3},
	{"9007199254740993", OK, 9007199254740992},
	{"123456789012345678901234567890", OK, 123456789012345678901234567890.0},
	{"1e-400", OK, 0},
	{"1e400", E_RANGE, 0},
	{"", E_MALFORMED, 0},
	{"-", E_MALFORMED, 0},
	{"+1", E_MALFORMED, 0},
	{" 1", E_MALFORMED, 0},
	{"1 ", E_MALFORMED, 0},
	{"1,5", E_MALFORMED, 0},
	{"01", E_MALFORMED, 0},
	{"1.", E_MALFORMED, 0},
	{".1", E_MALFORMED, 0},
	{"1e", E_MALFORMED, 0},
	{"0x1", E_MALFORMED, 0},
	{"inf", E_MALFORMED, 0},
	{"nan", E_MALFORMED, 0},
};

static int parse_exact(const char *text, size_t len, double *value)
{
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	int err = decimal_parse((struct slice){copy, len}, value);
	free(copy);
	return err;
}

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(parses); i++) {
		double value = 77;
		int err = parse_exact(parses[i].text, strlen(parses[i].text), &value);
		if (err != parses[i].err || value != (err ? 77 : parses[i].value)) {
			fail_msg("'%s': %d %.17g", parses[i].text, err, value);
		}
	}
	char longest[1025];
	double value = 0;
	memset(longest, '1', sizeof(longest));
	longest[1] = '.';
	assert_int_equal(parse_exact(longest, 1024, &value), OK);
	assert_true(value == 1.0 + 1.0 / 9);
	assert_int_equal(parse_exact(longest, 1025, &value), E_RANGE);
}

/* What people write: short decimals take the quick way and must not differ from strtod. */
static void test_short_decimals(void **state)
{
	(void)state;
	srandom(9);
	for (int round = 0; round < 40000; round++) {
		char text[40];
		double value = 0;
		long long whole = (long long)random() % (1LL << (random() % 31)),
			  part = (long long)random();
		int places = (int)(random() % 10);
		(void)snprintf(text, sizeof(text), "%s%lld.%.*lld", random() % 2 ? "-" : "", whole,
		               places + 1, part % (1LL << (3 * places)));
		assert_int_equal(parse_exact(text, strlen(text), &value), OK);
		if (value != strtod(text, NULL)) {
			fail_msg("%s: %.17g", text, value);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_shortest_and_back),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_short_decimals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
