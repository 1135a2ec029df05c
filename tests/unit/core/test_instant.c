/* instant.h against tables, against the C library's calendar, and against itself backwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/err.h"
#include "core/instant.h"
#include "core/tz.h"

/* 2026-03-02T12:03:15Z */
#define T           INT64_C(1772452995000000)
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

typedef int (*parse_fn)(struct slice s, const struct tz *zone, int64_t *time_us);

/* From a heap block of exactly len bytes, so that a sanitizer sees the first byte read beyond. */
static int parse_exact(parse_fn parse, const char *text, const struct tz *zone, int64_t *time_us)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	int err = parse((struct slice){copy, len}, zone, time_us);
	free(copy);
	return err;
}

static int parse_duration(struct slice s, const struct tz *zone, int64_t *us)
{
	(void)zone;
	return duration_parse(s, us);
}

struct row {
	const char *text;
	int err;
	int64_t want;
};

static void check_rows(parse_fn parse, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t got = -77;
		int err = parse_exact(parse, rows[i].text, NULL, &got);
		int64_t want = rows[i].err ? -77 : rows[i].want;
		if (err != rows[i].err || got != want) {
			fail_msg("'%s': %d %" PRId64 ", not %d %" PRId64, rows[i].text, err, got,
			         rows[i].err, want);
		}
	}
}

// clang-format off
static const struct row rfc3339_rows[] = {
	{"2026-03-02T12:03:15Z",                OK, T},
	{"2026-03-02t12:03:15z",                OK, T},
	{"2026-03-02 12:03:15Z",                OK, T},
	{"2026-03-02T12:03:15",                 OK, T},
	{"2026-03-02T12:03:15.1Z",              OK, T + 100000},
	{"2026-03-02T12:03:15.123Z",            OK, T + 123000},
	{"2026-03-02T12:03:15.123456",          OK, T + 123456},
	{"2026-03-02T12:03:15.1234569999999Z",  OK, T + 123456},
	{"2026-03-02T12:03:15.000001Z",         OK, T + 1},
	{"2026-03-02T12:03:15+00:00",           OK, T},
	{"2026-03-02T12:03:15-00:00",           OK, T},
	{"2026-03-02T17:33:15+05:30",           OK, T},
	{"2026-03-02T07:03:15-05:00",           OK, T},
	{"2026-03-02T07:03:15.5-05:00",         OK, T + 500000},
	{"1970-01-01T00:00:00Z",                OK, 0},
	{"1970-01-01T23:59:00+23:59",           OK, 0},
	{"2000-02-29T00:00:00Z",                OK, 951782400 * US_PER_S},
	{"2024-02-29T00:00:00Z",                OK, 1709164800 * US_PER_S},
	{"2200-12-31T23:59:59.999999Z",         OK, 7289654400 * US_PER_S - 1},
	{"2016-12-31T23:59:60Z",                OK, 1483228800 * US_PER_S},
	{"2016-12-31T18:59:60.5-05:00",         OK, 1483228800 * US_PER_S + 500000},
	/* one change away from a good one */
	{"",                                    E_MALFORMED, 0},
	{"2026-03-02",                          E_MALFORMED, 0},
	{"2026-03-02T12:03",                    E_MALFORMED, 0},
	{"2026-03-02T12:03:1",                  E_MALFORMED, 0},
	{"2026-03-02T12:03:1Z",                 E_MALFORMED, 0},
	{"2026-03-02T12:03:15ZZ",               E_MALFORMED, 0},
	{"2026-03-02T12:03:15 Z",               E_MALFORMED, 0},
	{" 2026-03-02T12:03:15Z",               E_MALFORMED, 0},
	{"2026-03-02T12:03:15.Z",               E_MALFORMED, 0},
	{"2026-03-02T12:03:15.",                E_MALFORMED, 0},
	{"2026-03-02T12:03:15,5Z",              E_MALFORMED, 0},
	{"2026-03-02T12:03:15.5.5Z",            E_MALFORMED, 0},
	{"2026/03-02T12:03:15Z",                E_MALFORMED, 0},
	{"2026-03/02T12:03:15Z",                E_MALFORMED, 0},
	{"2026-03-02_12:03:15Z",                E_MALFORMED, 0},
	{"2026-03-02T12.03:15Z",                E_MALFORMED, 0},
	{"2026-03-02T12:03.15Z",                E_MALFORMED, 0},
	{"202x-03-02T12:03:15Z",                E_MALFORMED, 0},
	{"2026-0/-02T12:03:15Z",                E_MALFORMED, 0},
	{"2026-03-:2T12:03:15Z",                E_MALFORMED, 0},
	{"2026-03-02T-2:03:15Z",                E_MALFORMED, 0},
	{"2026-03-02T12: 3:15Z",                E_MALFORMED, 0},
	{"2026-03-02T12:03:1\xb5Z",             E_MALFORMED, 0},
	{"2026-03-02T12:03:15+0530",            E_MALFORMED, 0},
	{"2026-03-02T12:03:15+05",              E_MALFORMED, 0},
	{"2026-03-02T12:03:15+05:3",            E_MALFORMED, 0},
	{"2026-03-02T12:03:15+05:300",          E_MALFORMED, 0},
	{"2026-03-02T12:03:15*05:30",           E_MALFORMED, 0},
	{"2026-03-02T12:03:15+05.30",           E_MALFORMED, 0},
	{"2026-03-02T12:03:15+0x:30",           E_MALFORMED, 0},
	{"2026-03-02T12:03:15+24:00",           E_RANGE, 0},
	{"2026-03-02T12:03:15+05:60",           E_RANGE, 0},
	{"2026-00-02T12:03:15Z",                E_RANGE, 0},
	{"2026-13-02T12:03:15Z",                E_RANGE, 0},
	{"2026-03-00T12:03:15Z",                E_RANGE, 0},
	{"2026-03-32T12:03:15Z",                E_RANGE, 0},
	{"2026-04-31T12:03:15Z",                E_RANGE, 0},
	{"2026-02-29T12:03:15Z",                E_RANGE, 0},
	{"2100-02-29T00:00:00Z",                E_RANGE, 0},
	{"2026-03-02T24:03:15Z",                E_RANGE, 0},
	{"2026-03-02T12:60:15Z",                E_RANGE, 0},
	{"2026-03-02T12:03:61Z",                E_RANGE, 0},
	{"2026-03-02T12:03:60Z",                E_RANGE, 0},
	{"2016-12-31T23:59:60-05:00",           E_RANGE, 0},
	{"1969-12-31T23:59:59Z",                E_RANGE, 0},
	{"1970-01-01T00:00:00+00:01",           E_RANGE, 0},
	{"2201-01-01T00:00:00Z",                E_RANGE, 0},
	{"2200-12-31T23:59:00-00:01",           E_RANGE, 0},
	{"0000-01-01T00:00:00Z",                E_RANGE, 0},
	{"9999-12-31T23:59:59Z",                E_RANGE, 0},
};

static const struct row epoch_rows[] = {
	{"2026-03-02T12:03:15Z",   OK, T},
	{"2026-03-02T12:03:15.5Z", OK, T + 500000},
	{"0",                      OK, 0},
	{"7",                      OK, 7 * US_PER_S},
	{"1772452995",             OK, T},
	{"1772452995.0",           OK, T},
	{"1772452995.123456789",   OK, T + 123456},
	{"0.000001",               OK, 1},
	{"1772452995123",          OK, T + 123000},
	{"1772452995123.25",       OK, T + 123250},
	{"100000000000",           OK, 100000000 * US_PER_S},
	{"1772452995123456",       OK, T + 123456},
	{"1772452995123456.9",     OK, T + 123456},
	{"0000001772452995",       OK, 1772452995},
	{"7289654399.999999",      OK, 7289654400 * US_PER_S - 1},
	{"",                       E_MALFORMED, 0},
	{".5",                     E_MALFORMED, 0},
	{"1772452995.",            E_MALFORMED, 0},
	{"1772452995.x",           E_MALFORMED, 0},
	{"1772452995.5 ",          E_MALFORMED, 0},
	{"1772452995,5",           E_MALFORMED, 0},
	{"-1772452995",            E_MALFORMED, 0},
	{"+1772452995",            E_MALFORMED, 0},
	{"1.7e9",                  E_MALFORMED, 0},
	{"17724529951",            E_MALFORMED, 0}, /* 11 digits */
	{"177245299512345",        E_MALFORMED, 0}, /* 15 */
	{"17724529951234567",      E_MALFORMED, 0}, /* 17 */
	{"1772452995123456789012345678901234567890", E_MALFORMED, 0},
	{"2026-03-02",             E_MALFORMED, 0},
	{"7289654400",             E_RANGE, 0},
	{"9999999999",             E_RANGE, 0},
	{"99999999999999",         E_RANGE, 0},
	{"9999999999999999",       E_RANGE, 0},
};

static const struct row duration_rows[] = {
	{"30s",            OK, 30 * US_PER_S},
	{"0s",             OK, 0},
	{"500ms",          OK, 500 * US_PER_MS},
	{"1h30m",          OK, 90 * US_PER_MIN},
	{"1.5h",           OK, 90 * US_PER_MIN},
	{"1.5h30m",        OK, 120 * US_PER_MIN},
	{"1w1d1h1m1s1ms",  OK, 8 * US_PER_DAY + US_PER_HOUR + US_PER_MIN + US_PER_S + US_PER_MS},
	{"0.000001s",      OK, 1},
	{"0.001ms",        OK, 1},
	{"0.0009ms",       OK, 0},
	{"0.000001w",      OK, 604800},
	{"36525d",         OK, 36525 * US_PER_DAY},
	{"007s",           OK, 7 * US_PER_S},
	{"",               E_MALFORMED, 0},
	{"30",             E_MALFORMED, 0},
	{"s",              E_MALFORMED, 0},
	{"30 s",           E_MALFORMED, 0},
	{"30S",            E_MALFORMED, 0},
	{"30sec",          E_MALFORMED, 0},
	{"30us",           E_MALFORMED, 0},
	{"-30s",           E_MALFORMED, 0},
	{"30s ",           E_MALFORMED, 0},
	{"1.h",            E_MALFORMED, 0},
	{".5h",            E_MALFORMED, 0},
	{"1.5.5h",         E_MALFORMED, 0},
	{"1h1.5m",         E_MALFORMED, 0},
	{"1h30",           E_MALFORMED, 0},
	{"36525d1ms",      E_RANGE, 0},
	{"36526d",         E_RANGE, 0},
	{"5218w",          E_RANGE, 0},
	{"36525.000001d",  E_RANGE, 0},
	{"1.0000001s",     E_RANGE, 0},
	{"9999999999999999s", E_RANGE, 0},
	{"99999999999999999999999999s", E_RANGE, 0},
};

static const struct {
	int64_t us;
	const char *people;
	const char *exact;
} format_rows[] = {
	{0,                                      "0 s",        "0s"},
	{1,                                      "0 ms",       "0.001ms"},
	{350 * US_PER_MS,                        "350 ms",     "350ms"},
	{350499,                                 "350 ms",     "350.499ms"},
	{350500,                                 "351 ms",     "350.5ms"},
	{999499,                                 "999 ms",     "999.499ms"},
	{999500,                                 "1.0 s",      "999.5ms"},
	{US_PER_S,                               "1.0 s",      "1s"},
	{1049999,                                "1.0 s",      "1049.999ms"},
	{1050000,                                "1.1 s",      "1s50ms"},
	{59949999,                               "59.9 s",     "59949.999ms"},
	{59950000,                               "1 min",      "59s950ms"},
	{US_PER_MIN,                             "1 min",      "1m"},
	{250 * US_PER_S,                         "4 min 10 s", "4m10s"},
	{3599 * US_PER_S,                        "59 min 59 s", "59m59s"},
	{3599 * US_PER_S + 500 * US_PER_MS,      "1 h",        "59m59s500ms"},
	{US_PER_HOUR,                            "1 h",        "1h"},
	{125 * US_PER_MIN,                       "2 h 5 min",  "2h5m"},
	{125 * US_PER_MIN + 29 * US_PER_S,       "2 h 5 min",  "2h5m29s"},
	{125 * US_PER_MIN + 30 * US_PER_S,       "2 h 6 min",  "2h5m30s"},
	{US_PER_DAY - 30 * US_PER_S,             "1 d",        "23h59m30s"},
	{US_PER_DAY,                             "1 d",        "1d"},
	{7 * US_PER_DAY,                         "7 d",        "7d"},
	{76 * US_PER_HOUR,                       "3 d 4 h",    "3d4h"},
	{36525 * US_PER_DAY,                     "36525 d",    "36525d"},
	{-250 * US_PER_S,                        "-4 min 10 s", "-4m10s"},
	{-1500250,                               "-1.5 s",     "-1500.25ms"},
	{INT64_MAX,                              "106751991 d 4 h", "9223372036854775.807ms"},
	{-INT64_MAX,                             "-106751991 d 4 h", "-9223372036854775.807ms"},
	{INT64_MAX / 1000 * 1000,                "106751991 d 4 h", "106751991d4h54s775ms"},
	{INSTANT_NONE,                           "",           ""},
};

static const struct {
	int64_t time_us;
	const char *text;
} instant_rows[] = {
	{T,                              "2026-03-02T12:03:15.000Z"},
	{T + 123999,                     "2026-03-02T12:03:15.123Z"},
	{0,                              "1970-01-01T00:00:00.000Z"},
	{-1,                             "1969-12-31T23:59:59.999Z"},
	{INT64_C(253402300799999999),    "9999-12-31T23:59:59.999Z"},
	{INT64_C(253402300800000000),    ""},
	{INT64_C(-62167219200000000),    "0000-01-01T00:00:00.000Z"},
	{INT64_C(-62167219200000001),    ""},
	{INT64_MAX,                      ""},
	{INSTANT_NONE,                   ""},
};
// clang-format on

static void test_rfc3339(void **state)
{
	(void)state;
	check_rows(instant_parse_rfc3339, rfc3339_rows, COUNT(rfc3339_rows));
}

static void test_epoch(void **state)
{
	(void)state;
	check_rows(instant_parse, epoch_rows, COUNT(epoch_rows));
}

static void test_duration_parse(void **state)
{
	(void)state;
	check_rows(parse_duration, duration_rows, COUNT(duration_rows));
}

static void test_duration_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(format_rows); i++) {
		char text[INSTANT_TEXT];
		size_t len = duration_format(format_rows[i].us, text);
		assert_int_equal(len, strlen(text));
		assert_string_equal(text, format_rows[i].people);
		len = duration_format_exact(format_rows[i].us, text);
		assert_int_equal(len, strlen(text));
		assert_string_equal(text, format_rows[i].exact);
	}
}

static void test_instant_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(instant_rows); i++) {
		char text[INSTANT_TEXT];
		size_t len = instant_format(instant_rows[i].time_us, text);
		assert_int_equal(len, strlen(text));
		assert_string_equal(text, instant_rows[i].text);
	}
}

static void test_local_time(void **state)
{
	const struct tz *zone;
	int64_t t;

	(void)state;
	if (tz_get(SLICE_LIT("Europe/London"), &zone)) {
		skip();
	}
	assert_int_equal(parse_exact(instant_parse, "2026-07-01 13:00:00.25", zone, &t), OK);
	assert_int_equal(t, 1782907200 * US_PER_S + 250000);
	/* An offset in the text decides. */
	assert_int_equal(parse_exact(instant_parse, "2026-07-01T13:00:00Z", zone, &t), OK);
	assert_int_equal(t, 1782910800 * US_PER_S);
	assert_int_equal(parse_exact(instant_parse, "1970-01-01 00:59:59", zone, &t), E_RANGE);
}

/* Every day of the years -400 to 2600, in order: neighbours differ by one. */
static void test_calendar_days(void **state)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t days = days_of_civil(-400, 1, 1);
	int weekday = civil_of_instant(days * US_PER_DAY).weekday;

	(void)state;
	assert_int_equal(days_of_civil(1970, 1, 1), 0);
	for (int year = -400; year <= 2600; year++) {
		int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
		for (int month = 1; month <= 12; month++) {
			for (int day = 1; day <= lengths[month - 1] + (month == 2 && leap); day++) {
				struct civil c = civil_of_instant(days * US_PER_DAY);
				if (days_of_civil(year, month, day) != days || c.year != year ||
				    c.month != month || c.day != day || c.weekday != weekday) {
					fail_msg("%d-%d-%d", year, month, day);
				}
				days++;
				weekday = weekday % 7 + 1;
			}
		}
	}
}

static void test_against_c_library(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
		int64_t t = (int64_t)(seed >> 12) * 3 - INT64_C(4000000000000000);
		time_t s = (time_t)(t / US_PER_S - (t % US_PER_S < 0));
		struct civil c = civil_of_instant(t);
		struct tm tm;
		gmtime_r(&s, &tm);
		assert_int_equal(c.year, tm.tm_year + 1900);
		assert_int_equal(c.month, tm.tm_mon + 1);
		assert_int_equal(c.day, tm.tm_mday);
		assert_int_equal(c.hour, tm.tm_hour);
		assert_int_equal(c.minute, tm.tm_min);
		assert_int_equal(c.second, tm.tm_sec);
		assert_int_equal(c.us, t - (int64_t)s * US_PER_S);
		assert_int_equal(c.weekday % 7, tm.tm_wday);
	}
}

/* "2026-03-02T12:03:15Z" the slow way: character by character, the date by timegm. */
static int parse_slowly(const char *text, int64_t *time_us)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	int v[6] = {0};
	int n = 0;

	for (int i = 0; form[i]; i++) {
		if (form[i] == '0' && text[i] >= '0' && text[i] <= '9') {
			v[n] = v[n] * 10 + text[i] - '0';
		} else if (form[i] == '0' ||
		           (form[i] != text[i] && form[i] != 'T' && form[i] != 'Z')) {
			return E_MALFORMED;
		} else if ((form[i] == 'T' && !strchr("Tt ", text[i])) ||
		           (form[i] == 'Z' && !strchr("Zz", text[i]))) {
			return E_MALFORMED;
		} else {
			n++;
		}
	}
	struct tm tm = {v[5], v[4], v[3], v[2], v[1] - 1, v[0] - 1900, 0, 0, 0, 0, NULL};
	struct tm want = tm;
	*time_us = (int64_t)timegm(&tm) * US_PER_S;
	bool same = tm.tm_mon == want.tm_mon && tm.tm_mday == want.tm_mday &&
	            tm.tm_hour == want.tm_hour && tm.tm_min == want.tm_min;
	return same && v[0] >= 1970 && v[0] <= 2200 ? OK : E_RANGE;
}

/* Every byte of a good time set to every value. */
static void test_every_byte(void **state)
{
	(void)state;
	for (size_t at = 0; at < 20; at++) {
		for (int value = 1; value < 256; value++) {
			char text[] = "2026-03-02T12:03:15Z";
			int64_t want = 0;
			int64_t got = 0;
			text[at] = (char)value;
			int want_err = parse_slowly(text, &want);
			int err = parse_exact(instant_parse_rfc3339, text, NULL, &got);
			if (err != want_err || (!err && got != want)) {
				fail_msg("byte %zu = %d: %d, not %d", at, value, err, want_err);
			}
		}
	}
}

static void test_round_trips(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
		int64_t t = (int64_t)(seed >> 20) % (84371 * US_PER_DAY);
		char text[INSTANT_TEXT];
		int64_t back;

		size_t len = instant_format(t, text);
		assert_int_equal(instant_parse((struct slice){text, len}, NULL, &back), OK);
		assert_int_equal(back, t / 1000 * 1000);

		int64_t us = (int64_t)(seed >> (12 + i % 40)) % (36525 * US_PER_DAY);
		us -= i % 2 ? us % US_PER_MS : 0;
		len = duration_format_exact(us, text);
		assert_int_equal(duration_parse((struct slice){text, len}, &back), OK);
		assert_int_equal(back, us);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3339),        cmocka_unit_test(test_epoch),
		cmocka_unit_test(test_local_time),     cmocka_unit_test(test_instant_format),
		cmocka_unit_test(test_duration_parse), cmocka_unit_test(test_duration_format),
		cmocka_unit_test(test_calendar_days),  cmocka_unit_test(test_against_c_library),
		cmocka_unit_test(test_every_byte),     cmocka_unit_test(test_round_trips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
