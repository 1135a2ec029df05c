/* tz.h, tzif.h and tz_rule.h: known changes of the clock, the C library at random instants, files
 * made here, every prefix and every damaged byte of one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/instant.h"
#include "core/tz.h"
#include "core/tz_rule.h"
#include "core/tzif.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static int64_t utc_us(const char *text)
{
	int64_t t = 0;

	assert_int_equal(instant_parse_rfc3339(slice_of(text), NULL, &t), OK);
	return t;
}

/* The zone, or NULL where tzdata is not installed. */
static const struct tz *zone_of(const char *name)
{
	const struct tz *zone = NULL;
	int err = tz_get(slice_of(name), &zone);

	assert_true(err == OK || err == E_NOTFOUND);
	return zone;
}

// clang-format off
static const struct {
	const char *zone;
	const char *utc; /* the first second of the offset behind it */
	int before_min;
	int after_min;
} changes[] = {
	{"Europe/London",    "2026-03-29T01:00:00Z",    0,   60},
	{"Europe/London",    "2026-10-25T01:00:00Z",   60,    0},
	{"Europe/London",    "1995-10-22T01:00:00Z",   60,    0},
	{"Europe/London",    "2150-03-29T01:00:00Z",    0,   60},
	{"Europe/London",    "1971-10-31T02:00:00Z",   60,    0},
	{"America/New_York", "2026-03-08T07:00:00Z", -300, -240},
	{"America/New_York", "2026-11-01T06:00:00Z", -240, -300},
	{"America/New_York", "2006-04-02T07:00:00Z", -300, -240},
	{"America/New_York", "2199-11-03T06:00:00Z", -240, -300},
	{"Australia/Sydney", "2026-04-04T16:00:00Z",  660,  600},
	{"Australia/Sydney", "2026-10-03T16:00:00Z",  600,  660},
	{"Australia/Sydney", "2100-10-02T16:00:00Z",  600,  660},
	{"Pacific/Apia",     "2011-12-30T10:00:00Z", -600,  840},
};

static const struct {
	const char *zone;
	const char *local; /* written as if UTC */
	const char *utc;
} locals[] = {
	{"Europe/London",    "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z"},
	{"Europe/London",    "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z"}, /* gap: 02:30 BST */
	{"Europe/London",    "2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z"},
	{"Europe/London",    "2026-10-25T00:59:59Z", "2026-10-24T23:59:59Z"},
	{"Europe/London",    "2026-10-25T01:30:00Z", "2026-10-25T00:30:00Z"}, /* twice: the first */
	{"Europe/London",    "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"},
	{"America/New_York", "2026-03-08T02:30:00Z", "2026-03-08T07:30:00Z"},
	{"America/New_York", "2026-03-08T03:30:00Z", "2026-03-08T07:30:00Z"},
	{"America/New_York", "2026-11-01T01:30:00Z", "2026-11-01T05:30:00Z"},
	{"Asia/Kolkata",     "2026-03-02T17:33:15Z", "2026-03-02T12:03:15Z"},
	{"Australia/Sydney", "2026-10-04T02:30:00Z", "2026-10-03T16:30:00Z"},
	{"Australia/Sydney", "2026-04-05T02:30:00Z", "2026-04-04T15:30:00Z"},
	{"Pacific/Apia",     "2011-12-29T23:59:59Z", "2011-12-30T09:59:59Z"},
	{"Pacific/Apia",     "2011-12-31T00:00:00Z", "2011-12-30T10:00:00Z"},
	{"UTC",              "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z"},
};

static const char *const zones[] = {
	"Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "Europe/Dublin",
	"America/Sao_Paulo", "Africa/Casablanca", "Asia/Tehran", "Pacific/Apia", "America/Caracas",
	"Asia/Kathmandu", "Antarctica/Troll", "America/Godthab", "Asia/Gaza", "EST5EDT", "Etc/GMT+12",
};

static const struct {
	const char *text;
	int err;
} rules[] = {
	{"UTC0",                          OK},
	{"IST-5:30",                      OK},
	{"<+0545>-5:45",                  OK},
	{"GMT0BST,M3.5.0/1,M10.5.0",      OK},
	{"GMT0BST-1,M3.5.0/1,M10.5.0",    OK},
	{"XXX3EDT4,0/0,J365/23",          OK},
	{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0:00:01", OK},
	{"EST5EDT,M3.2.0/167,M11.1.0/-167", OK},
	{"",                              E_MALFORMED},
	{"UT0",                           E_MALFORMED},
	{"UTC",                           E_MALFORMED},
	{"UTC0 ",                         E_MALFORMED},
	{"<+05-5:45",                     E_MALFORMED},
	{"<+0>0",                         E_MALFORMED},
	{"IST-5:",                        E_MALFORMED},
	{"GMT0BST",                       E_MALFORMED},
	{"GMT0BST,M3.5.0/1",              E_MALFORMED},
	{"GMT0BST,M3.5.0/1,",             E_MALFORMED},
	{"GMT0BST,M3.5/1,M10.5.0",        E_MALFORMED},
	{"GMT0BST,M3.5.0/,M10.5.0",       E_MALFORMED},
	{"GMT0BST,M3.5.0/1,M10.5.0,",     E_MALFORMED},
	{"GMT0BST,Jx,M10.5.0",            E_MALFORMED},
	{"UTC25",                         E_RANGE},
	{"UTC5:60",                       E_RANGE},
	{"GMT0BST,M0.5.0/1,M10.5.0",      E_RANGE},
	{"GMT0BST,M13.5.0/1,M10.5.0",     E_RANGE},
	{"GMT0BST,M3.0.0/1,M10.5.0",      E_RANGE},
	{"GMT0BST,M3.6.0/1,M10.5.0",      E_RANGE},
	{"GMT0BST,M3.5.7/1,M10.5.0",      E_RANGE},
	{"GMT0BST,M3.5.0/168,M10.5.0",    E_RANGE},
	{"GMT0BST,J0,M10.5.0",            E_RANGE},
	{"GMT0BST,J366,M10.5.0",          E_RANGE},
	{"GMT0BST,366,M10.5.0",           E_RANGE},
};

/* The first second of daylight saving time, and the first after it. */
static const struct {
	const char *text;
	const char *start;
	const char *end;
} rule_changes[] = {
	{"GMT0BST,M3.5.0/1,M10.5.0",   "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"},
	{"EST5EDT,M3.2.0,M11.1.0",     "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"},
	{"STD0DST,J59,J60/0",          "2024-02-28T02:00:00Z", "2024-02-29T23:00:00Z"},
	{"STD0DST,J60,J61",            "2024-03-01T02:00:00Z", "2024-03-02T01:00:00Z"},
	{"STD0DST,J60,J61",            "2026-03-01T02:00:00Z", "2026-03-02T01:00:00Z"},
	{"STD0DST,59,60",              "2024-02-29T02:00:00Z", "2024-03-01T01:00:00Z"},
	{"STD0DST,59,60",              "2026-03-01T02:00:00Z", "2026-03-02T01:00:00Z"},
	{"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-10-03T16:00:00Z", "2026-04-04T16:00:00Z"},
	{"STD0DST,M2.4.0,M2.5.0",      "2026-02-22T02:00:00Z", "2026-02-22T01:00:00Z"},
	{"STD0DST,M12.1.1,M12.5.4",    "2026-12-07T02:00:00Z", "2026-12-31T01:00:00Z"},
	{"STD3DST,M5.1.6/-3,M6.1.6/25:30:15", "2026-05-02T00:00:00Z", "2026-06-07T03:30:15Z"},
};
// clang-format on

static void test_changes(void **state)
{
	(void)state;
	if (!zone_of("Europe/London")) {
		skip();
	}
	for (size_t i = 0; i < COUNT(changes); i++) {
		const struct tz *zone = zone_of(changes[i].zone);
		int64_t t = utc_us(changes[i].utc);
		assert_non_null(zone);
		if (tz_offset_s(zone, t - 1) != changes[i].before_min * 60 ||
		    tz_offset_s(zone, t) != changes[i].after_min * 60) {
			fail_msg("%s %s: %d %d", changes[i].zone, changes[i].utc,
			         tz_offset_s(zone, t - 1), tz_offset_s(zone, t));
		}
	}
}

static void test_locals(void **state)
{
	(void)state;
	if (!zone_of("Europe/London")) {
		skip();
	}
	for (size_t i = 0; i < COUNT(locals); i++) {
		const struct tz *zone = zone_of(locals[i].zone);
		char text[INSTANT_TEXT];
		assert_non_null(zone);
		instant_format(tz_to_utc(zone, utc_us(locals[i].local) + 123000), text);
		char want[INSTANT_TEXT];
		instant_format(utc_us(locals[i].utc) + 123000, want);
		assert_string_equal(text, want);
	}
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
	return *seed >> 20;
}

/* The earliest instant of a local time, by trying the offsets of the days around it. */
static int64_t to_utc_slowly(const struct tz *zone, int64_t local_us)
{
	int64_t earliest = INT64_MAX;

	for (int64_t hour = -48; hour <= 48; hour++) {
		int64_t offset_us = tz_offset_s(zone, local_us + hour * US_PER_HOUR) * US_PER_S;
		int64_t t = local_us - offset_us;
		if (tz_offset_s(zone, t) * US_PER_S == offset_us && t < earliest) {
			earliest = t;
		}
	}
	return earliest;
}

static void check_against_c_library(const struct tz *zone, const char *name)
{
	uint64_t seed = 3;
	struct tm tm;

	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
	for (int i = 0; i < 10000; i++) {
		/* 1900 to 2210 */
		int64_t t_s = (int64_t)(next_random(&seed) % 9782000000) - 2208988800;
		time_t time_s = (time_t)t_s;
		assert_non_null(localtime_r(&time_s, &tm));
		if (tz_offset_s(zone, t_s * US_PER_S + i) != tm.tm_gmtoff) {
			fail_msg("%s at %lld", name, (long long)t_s);
		}
		if (i % 10 == 0) {
			int64_t local_us = t_s * US_PER_S;
			int64_t want = to_utc_slowly(zone, local_us);
			int64_t got = tz_to_utc(zone, local_us);
			assert_true(want == INT64_MAX || got == want);
		}
	}
}

static void test_against_c_library(void **state)
{
	const char *tz = getenv("TZ");
	char *before = tz ? strdup(tz) : NULL;
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(zones); i++) {
		const struct tz *zone = zone_of(zones[i]);
		if (zone) {
			check_against_c_library(zone, zones[i]);
			seen++;
		}
	}
	if (before) {
		assert_int_equal(setenv("TZ", before, 1), 0);
	} else {
		assert_int_equal(unsetenv("TZ"), 0);
	}
	tzset();
	free(before);
	if (seen == 0) {
		skip();
	}
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/etc/passwd",
		"/Europe/London",
		"../passwd",
		"Europe/../Europe/London",
		"Europe",
		"No/Such",
		"Europe/",
		"europe London",
		"Europe/London\n",
		"tzdata.zi",
		"Europe/L\xc3",
	};
	const struct tz *utc = NULL;
	const struct tz *other = NULL;
	char longest[300];

	(void)state;
	assert_int_equal(tz_get(SLICE_LIT("UTC"), &utc), OK);
	assert_int_equal(tz_offset_s(utc, 0), 0);
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(tz_get(slice_of(bad[i]), &other), E_NOTFOUND);
	}
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(tz_get((struct slice){longest, sizeof(longest)}, &other), E_NOTFOUND);
	/* Only too long: the folder is there. */
	memset(longest, '/', TZ_NAME_MAX);
	memcpy(longest, "Europe", 6);
	memcpy(longest + TZ_NAME_MAX - 6, "London", 6);
	assert_int_equal(tz_get((struct slice){longest, TZ_NAME_MAX}, &other), E_NOTFOUND);
	assert_int_equal(tz_get((struct slice){"Europe/London\0", 14}, &other), E_NOTFOUND);
	assert_null(other);
}

static void *get_zones(void *arg)
{
	const struct tz **got = arg;

	for (size_t i = 0; i < COUNT(zones); i++) {
		(void)tz_get(slice_of(zones[i]), &got[i]);
	}
	return NULL;
}

static void test_threads(void **state)
{
	const struct tz *got[4][COUNT(zones)] = {{NULL}};
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, get_zones, got[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	for (size_t i = 1; i < 4; i++) {
		assert_memory_equal(got[0], got[i], sizeof(got[0]));
	}
}

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct tz_rule r;
		size_t len = strlen(rules[i].text);
		char *copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, rules[i].text, len);
		int err = tz_rule_parse((struct slice){copy, len}, &r);
		free(copy);
		if (err != rules[i].err) {
			fail_msg("'%s': %d, not %d", rules[i].text, err, rules[i].err);
		}
	}
}

static void test_rule_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rule_changes); i++) {
		int64_t start_s = utc_us(rule_changes[i].start) / US_PER_S;
		int64_t end_s = utc_us(rule_changes[i].end) / US_PER_S;
		struct tz_rule r;
		assert_int_equal(tz_rule_parse(slice_of(rule_changes[i].text), &r), OK);
		assert_true(r.has_dst);
		if (tz_rule_offset_s(&r, start_s - 1) != r.std_s ||
		    tz_rule_offset_s(&r, start_s) != r.dst_s ||
		    tz_rule_offset_s(&r, end_s - 1) != r.dst_s ||
		    tz_rule_offset_s(&r, end_s) != r.std_s) {
			fail_msg("%s %s", rule_changes[i].text, rule_changes[i].start);
		}
	}
}

/* All year long, RFC 8536 section 3.3.1. */
static void test_rule_always(void **state)
{
	struct tz_rule r;

	(void)state;
	assert_int_equal(tz_rule_parse(SLICE_LIT("XXX3EDT4,0/0,J365/23"), &r), OK);
	for (int64_t day = 0; day < 2000; day++) {
		for (int64_t hour = 0; hour < 24; hour++) {
			assert_int_equal(tz_rule_offset_s(&r, day * 86400 + hour * 3600),
			                 -4 * 3600);
		}
	}
}

static void add_u32(struct buf *b, uint32_t v)
{
	const char bytes[] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};

	buf_add(b, bytes, 4);
}

struct made {
	char version;
	uint32_t leap_count;
	int64_t times_s[3];
	uint8_t types[3];
	uint32_t time_count;
	int32_t offsets_s[2];
	uint32_t type_count;
	const char *footer;
};

static const struct made good = {
	.version = '2',
	.times_s = {0, 1000, 2000},
	.types = {1, 0, 1},
	.time_count = 3,
	.offsets_s = {-60, 3600},
	.type_count = 2,
	.footer = "\nXST-2\n",
};

static void add_made(struct buf *b, const struct made *m)
{
	for (int pass = 1; pass <= 2; pass++) {
		uint32_t times = pass == 1 ? 0 : m->time_count;
		buf_slice(b, SLICE_LIT("TZif"));
		buf_char(b, m->version);
		buf_add(b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
		add_u32(b, m->type_count); /* flags: UT */
		add_u32(b, m->type_count); /* flags: standard */
		add_u32(b, m->leap_count);
		add_u32(b, times);
		add_u32(b, m->type_count);
		add_u32(b, 4);
		for (uint32_t i = 0; i < times; i++) {
			add_u32(b, (uint32_t)((uint64_t)m->times_s[i] >> 32));
			add_u32(b, (uint32_t)m->times_s[i]);
		}
		buf_add(b, m->types, times);
		for (uint32_t i = 0; i < m->type_count; i++) {
			add_u32(b, (uint32_t)m->offsets_s[i % 2]);
			buf_add(b, "\0\0", 2);
		}
		buf_slice(b, SLICE_LIT("XST\0"));
		buf_add(b, "\0\0\0\0\0\0\0\0\0\0\0\0", m->leap_count * (pass == 1 ? 8 : 12));
		for (uint32_t i = 0; i < 2 * m->type_count; i++) {
			buf_char(b, 0);
		}
	}
	buf_text(b, m->footer);
}

/* From a heap block of exactly its length. */
static int parse_exact(struct slice bytes, struct tz **zone)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);

	assert_non_null(copy);
	memcpy(copy, bytes.p, bytes.len);
	int err = tzif_parse((struct slice){copy, bytes.len}, zone);
	free(copy);
	return err;
}

static int parse_made(const struct made *m, struct tz **zone)
{
	struct buf b = {0};

	add_made(&b, m);
	int err = parse_exact(buf_view(&b), zone);
	buf_fini(&b);
	return err;
}

static void test_file(void **state)
{
	struct made m = good;
	struct tz *zone;

	(void)state;
	assert_int_equal(parse_made(&m, &zone), OK);
	assert_int_equal(tz_offset_s(zone, -1), -60);
	assert_int_equal(tz_offset_s(zone, 0), 3600);
	assert_int_equal(tz_offset_s(zone, 1000 * US_PER_S - 1), 3600);
	assert_int_equal(tz_offset_s(zone, 1000 * US_PER_S), -60);
	assert_int_equal(tz_offset_s(zone, 2000 * US_PER_S - 1), -60);
	assert_int_equal(tz_offset_s(zone, 2000 * US_PER_S), 7200); /* the rule */
	free(zone);

	m.footer = "\n\n";
	assert_int_equal(parse_made(&m, &zone), OK);
	assert_int_equal(tz_offset_s(zone, 2000 * US_PER_S), 3600);
	free(zone);

	m.time_count = 0;
	assert_int_equal(parse_made(&m, &zone), OK);
	assert_int_equal(tz_offset_s(zone, 0), -60);
	free(zone);
}

static void test_bad_files(void **state)
{
	static const struct {
		const char *footer;
		int err;
	} footers[] = {
		{"", E_MALFORMED},        {"\n", E_TRUNCATED},      {"\nXST-2", E_TRUNCATED},
		{"XST-2\n", E_MALFORMED}, {"\nXST\n", E_MALFORMED}, {"\nXST-25\n", E_RANGE},
	};
	struct tz *zone;

	(void)state;
	for (size_t i = 0; i < COUNT(footers); i++) {
		struct made m = good;
		m.footer = footers[i].footer;
		assert_int_equal(parse_made(&m, &zone), footers[i].err);
	}
	struct made m = good;
	m.version = 0;
	assert_int_equal(parse_made(&m, &zone), E_UNSUPPORTED);
	m = good;
	m.leap_count = 1;
	assert_int_equal(parse_made(&m, &zone), E_UNSUPPORTED);
	m = good;
	m.types[2] = 2;
	assert_int_equal(parse_made(&m, &zone), E_MALFORMED);
	m = good;
	m.times_s[2] = 1000;
	assert_int_equal(parse_made(&m, &zone), E_MALFORMED);
	m = good;
	m.offsets_s[1] = 26 * 3600 + 1;
	assert_int_equal(parse_made(&m, &zone), E_RANGE);
	m = good;
	m.type_count = 257;
	assert_int_equal(parse_made(&m, &zone), E_MALFORMED);
	m = good;
	m.type_count = 0;
	m.time_count = 0;
	assert_int_equal(parse_made(&m, &zone), E_MALFORMED);
}

static void test_damage(void **state)
{
	struct buf b = {0};
	struct tz *zone;

	(void)state;
	add_made(&b, &good);
	for (size_t len = 0; len < b.len; len++) {
		assert_int_not_equal(parse_exact(slice_first(buf_view(&b), len), &zone), OK);
	}
	for (size_t bit = 0; bit < 8 * b.len; bit++) {
		b.p[bit / 8] = (char)(b.p[bit / 8] ^ (1 << bit % 8));
		if (parse_exact(buf_view(&b), &zone) == OK) {
			int32_t offset_s = tz_offset_s(zone, 1500 * US_PER_S);
			assert_in_range(offset_s + 26 * 3600, 0, 52 * 3600);
			free(zone);
		}
		b.p[bit / 8] = (char)(b.p[bit / 8] ^ (1 << bit % 8));
	}
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_locals),
		cmocka_unit_test(test_against_c_library),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rule_changes),
		cmocka_unit_test(test_rule_always),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
