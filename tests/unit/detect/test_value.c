/* value_parse and test_expand: texts as values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "core/err.h"
#include "core/instant.h"
#include "detect/rule_test.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct {
	enum type type;
	enum enum_id set;
	const char *text;
	bool right;
	int64_t i; /* of what is kept as an integer */
} values[] = {
	{TYPE_BOOL, ENUM_NONE, "true", true, TRUTH_TRUE},
	{TYPE_BOOL, ENUM_NONE, "false", true, TRUTH_FALSE},
	{TYPE_BOOL, ENUM_NONE, "True", false, 0},
	{TYPE_INT, ENUM_NONE, "-12", true, -12},
	{TYPE_INT, ENUM_NONE, "1_000", true, 1000},
	{TYPE_INT, ENUM_NONE, "", false, 0},
	{TYPE_INT, ENUM_NONE, "-", false, 0},
	{TYPE_INT, ENUM_NONE, "1.0", false, 0},
	{TYPE_INT, ENUM_NONE, "9223372036854775807", true, INT64_MAX},
	{TYPE_INT, ENUM_NONE, "9223372036854775808", false, 0},
	{TYPE_DUR, ENUM_NONE, "1h30m", true, 90 * US_PER_MIN},
	{TYPE_DUR, ENUM_NONE, "90", false, 0},
	{TYPE_TIME, ENUM_NONE, "1970-01-01T00:00:01Z", true, US_PER_S},
	{TYPE_NUM, ENUM_NONE, "+24740001", true, (int64_t)(UINT64_C(0x18) << 56 | 24740001)},
	{TYPE_NUM, ENUM_NONE, "24740001", false, 0},
	{TYPE_COUNTRY, ENUM_NONE, "GB", true, 'G' << 8 | 'B'},
	{TYPE_COUNTRY, ENUM_NONE, "UK", false, 0},
	{TYPE_COUNTRY, ENUM_NONE, "GBR", false, 0},
	{TYPE_ENUM, ENUM_ATTEST, "B", true, ATTEST_B},
	{TYPE_ENUM, ENUM_ATTEST, "b", false, 0},
	{TYPE_NONE, ENUM_NONE, "x", false, 0},
};

static void test_values(void **state)
{
	struct value v;

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		int err = value_parse(values[i].type, values[i].set, slice_of(values[i].text), &v);
		if ((err == OK) != values[i].right || (err == OK && v.i != values[i].i)) {
			fail_msg("%s: %d, %ld", values[i].text, err, (long)v.i);
		}
	}
	assert_int_equal(value_parse(TYPE_FLOAT, ENUM_NONE, SLICE_LIT("0.1%"), &v), OK);
	assert_true(v.f == 0.001);
	assert_int_equal(value_parse(TYPE_FLOAT, ENUM_NONE, SLICE_LIT("%"), &v), E_MALFORMED);
	assert_int_equal(value_parse(TYPE_IP, ENUM_NONE, SLICE_LIT("192.0.2.7"), &v), OK);
	assert_int_equal(v.ip.family, 4);
	assert_int_equal(value_parse(TYPE_TEXT, ENUM_NONE, SLICE_LIT(""), &v), OK);
}

static const struct {
	const char *text;
	int64_t i;
	const char *want; /* NULL: refused */
} expansions[] = {
	{"plain", 7, "plain"},
	{"", 7, ""},
	{"+44{i}", 7, "+447"},
	{"{i:03}-{i:02}", 7, "007-07"},
	{"{i:03}", 1234, "1234"},
	{"{i+1}", 7, "8"},
	{"{i*37%100:02}", 5, "85"},
	{"{i*37%100:02}", 3, "11"},
	{"{1+i*2}", 7, "15"},
	{"{10-i-1}", 7, "2"},
	{"{0-i}", 7, "-7"},
	{"}", 7, "}"},
	{"{", 7, NULL},
	{"{}", 7, NULL},
	{"{i", 7, NULL},
	{"{j}", 7, NULL},
	{"{i:3}", 7, NULL},
	{"{i:}", 7, NULL},
	{"{i:099}", 7, NULL},
	{"{i+}", 7, NULL},
	{"{i i}", 7, NULL},
	{"{i%0}", 7, NULL},
	{"{i*9223372036854775807}", 7, NULL},
	{"{99999999999999999999}", 7, NULL},
};

static void test_expansions(void **state)
{
	char out[16];
	struct slice result;

	(void)state;
	for (size_t i = 0; i < COUNT(expansions); i++) {
		size_t len = strlen(expansions[i].text);
		char *exact = malloc(len ? len : 1);
		memcpy(exact, expansions[i].text, len);
		int err = test_expand((struct slice){exact, len}, expansions[i].i, out, sizeof(out),
		                      &result);
		free(exact);
		if ((err == OK) != (expansions[i].want != NULL) ||
		    (err == OK && !slice_eq(result, slice_of(expansions[i].want)))) {
			fail_msg("%s: %d", expansions[i].text, err);
		}
	}
	assert_int_equal(test_expand(SLICE_LIT("sixteen bytes ok"), 0, out, 16, &result), OK);
	assert_int_equal(test_expand(SLICE_LIT("sixteen bytes ok"), 0, out, 15, &result), E_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_expansions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
