/* Ids, suppression and the JSON of alerts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "alerts/alerts.h"
#include "alerts/suppress.h"
#include "core/instant.h"

#define T0 (INT64_C(1767614400) * US_PER_S)

static struct finding_rule rule_of(const char *name, const char *group, int64_t suppress_us)
{
	return (struct finding_rule){.name = slice_of(name),
	                             .rev = 2,
	                             .class = SLICE_LIT("wangiri"),
	                             .severity = "high",
	                             .title = SLICE_LIT("t"),
	                             .ruleset = "b2:00",
	                             .suppress_us = suppress_us,
	                             .suppress_group = slice_of(group)};
}

static struct finding finding_of(const struct finding_rule *rule, int64_t time_us, uint64_t key)
{
	return (struct finding){.rule = rule,
	                        .time_us = time_us,
	                        .key = {key, key},
	                        .suppress_key = {key, key},
	                        .subject_type = "caller",
	                        .subject = SLICE_LIT("+442079460001"),
	                        .summary = SLICE_LIT("s"),
	                        .counted = 1,
	                        .exact = true};
}

static struct alerts *open_alerts(struct hash_key *key)
{
	struct alerts_options options = {.key = key, .site = "demo", .engine = "edge-1"};
	struct alerts *a = alerts_new(&options);

	assert_non_null(a);
	return a;
}

static bool take(struct alerts *a, const struct finding_rule *rule, int64_t time_us, uint64_t key,
                 char id[64])
{
	struct alert out;
	struct finding f = finding_of(rule, time_us, key);
	bool sent = alerts_take(a, &f, &out);

	if (id) {
		(void)snprintf(id, 64, "%.*s", sent ? (int)out.id.len : 0, sent ? out.id.p : "");
	}
	return sent;
}

/* Within [t, t + for) of the one that went out; those muted do not prolong it. */
static void test_suppress(void **state)
{
	struct hash_key key;
	struct finding_rule r = rule_of("p/x", "p/x", 60 * US_PER_S);
	struct alerts_stats stats;

	(void)state;
	hash_key_default(&key);
	struct alerts *a = open_alerts(&key);
	assert_true(take(a, &r, T0, 1, NULL));
	assert_false(take(a, &r, T0, 1, NULL));
	assert_true(take(a, &r, T0, 2, NULL));
	assert_false(take(a, &r, T0 + 60 * US_PER_S - 1, 1, NULL));
	assert_true(take(a, &r, T0 + 60 * US_PER_S, 1, NULL));
	assert_false(take(a, &r, T0 + 119 * US_PER_S, 1, NULL));
	alerts_stats(a, &stats);
	assert_int_equal(stats.raised, 6);
	assert_int_equal(stats.suppressed, 3);
	alerts_free(a);
}

static void test_twins(void **state)
{
	struct hash_key key;
	struct finding_rule live = rule_of("p/x", "p/x", 60 * US_PER_S);
	struct finding_rule cdr = rule_of("p/x.cdr", "p/x", 60 * US_PER_S);
	struct finding_rule other = rule_of("p/y", "p/y", 60 * US_PER_S);

	(void)state;
	hash_key_default(&key);
	struct alerts *a = open_alerts(&key);
	assert_true(take(a, &live, T0, 1, NULL));
	assert_false(take(a, &cdr, T0 + US_PER_S, 1, NULL));
	assert_true(take(a, &other, T0 + US_PER_S, 1, NULL));
	alerts_free(a);
}

static void test_ids(void **state)
{
	struct hash_key key, other;
	uint8_t secret[HASH_KEY_SIZE] = {1};
	struct finding_rule r = rule_of("p/x", "p/x", 0), newer = r;
	char ids[7][64], again[64];

	(void)state;
	hash_key_default(&key);
	hash_key_init(&other, secret);
	newer.rev = 3;
	struct alerts *a = open_alerts(&key), *b = open_alerts(&key), *c = open_alerts(&other);
	assert_true(take(a, &r, T0, 1, ids[0]));
	assert_true(take(a, &r, T0, 1, ids[1])); /* the second of the instant */
	assert_true(take(a, &r, T0, 2, ids[2]));
	assert_true(take(a, &r, T0 + 1, 1, ids[3]));
	assert_true(take(a, &newer, T0 + 1, 1, ids[4]));
	assert_true(take(c, &r, T0, 1, ids[5]));
	assert_true(take(a, &r, T0 + 2, 1, ids[6]));
	for (int i = 0; i < 7; i++) {
		assert_int_equal(strlen(ids[i]), 32);
		for (int n = 0; n < i; n++) {
			assert_string_not_equal(ids[i], ids[n]);
		}
	}
	/* The same key file: the same ids, the ordinal too. */
	assert_true(take(b, &r, T0, 1, again));
	assert_string_equal(again, ids[0]);
	assert_true(take(b, &r, T0, 1, again));
	assert_string_equal(again, ids[1]);
	alerts_free(a);
	alerts_free(b);
	alerts_free(c);
}

/* Thousands of openings of one instant: each key's second has the id of a second. */
static void test_crowded_instant(void **state)
{
	enum { KEYS = 3000 };
	struct hash_key key;
	struct finding_rule r = rule_of("p/x", "p/x", 0);
	static char ids[2][KEYS][64];
	char alone[64];

	(void)state;
	hash_key_default(&key);
	struct alerts *a = open_alerts(&key);
	for (int round = 0; round < 2; round++) {
		for (uint64_t n = 0; n < KEYS; n++) {
			assert_true(take(a, &r, T0, n * 64, ids[round][n]));
		}
	}
	for (uint64_t n = 0; n < KEYS; n += 97) {
		struct alerts *b = open_alerts(&key);
		for (int round = 0; round < 2; round++) {
			assert_true(take(b, &r, T0, n * 64, alone));
			assert_string_equal(alone, ids[round][n]);
		}
		alerts_free(b);
	}
	alerts_free(a);
}

/* All members, always present, in the order of the contract. */
static void test_json(void **state)
{
	static const char *const members[] = {
		"specversion",     "type",       "source",   "id",     "time",    "subject",
		"datacontenttype", "dataschema", "data",     "alert",  "rule",    "rev",
		"ruleset",         "class",      "severity", "status", "subject", "key",
		"title",           "summary",    "window",   "values", "fields",  "reasons",
		"params",          "lists",      "evidence", "muted",  "late",    "partial",
		"campaign",        "seq"};
	struct hash_key key;
	struct finding_rule r = rule_of("p/x", "p/x", 0);
	struct finding f = finding_of(&r, T0, 1);
	struct named_datum values[] = {
		{SLICE_LIT("n"), {.type = DATUM_INT, .i = 3}},
		{SLICE_LIT("d"), {.type = DATUM_DURATION, .i = 1500000}},
		{SLICE_LIT("s"), {.type = DATUM_DURATION, .i = 2 * US_PER_S}},
		{SLICE_LIT("q\""), {.type = DATUM_TEXT, .text = SLICE_LIT("a\"\n")}},
		{SLICE_LIT("z"), {.type = DATUM_NULL}},
	};
	char text[8192];
	struct alert out;

	(void)state;
	f.values = values;
	f.value_count = 5;
	f.window_us = 10 * US_PER_S;
	hash_key_default(&key);
	struct alerts *a = open_alerts(&key);
	assert_true(alerts_take(a, &f, &out));
	assert_true(out.json.len < sizeof(text));
	memcpy(text, out.json.p, out.json.len);
	text[out.json.len] = '\0';
	assert_null(strchr(text, '\n'));
	const char *at = text;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		char member[40];
		(void)snprintf(member, sizeof(member), "\"%s\":", members[i]);
		at = strstr(at, member);
		if (!at) {
			fail_msg("%s is missing or out of order in %s", member, text);
		}
		at += strlen(member);
	}
	assert_non_null(strstr(text, "\"source\":\"/ringfence/demo/edge-1\""));
	assert_non_null(strstr(text, "\"subject\":\"caller:+442079460001\""));
	assert_non_null(strstr(text, "\"window\":{\"from\":\"2026-01-05T11:59:50.000Z\","
	                             "\"to\":\"2026-01-05T12:00:00.000Z\"}"));
	assert_non_null(strstr(text, "\"values\":{\"n\":3,\"d\":1.5,\"s\":2,"
	                             "\"q\\\"\":\"a\\\"\\n\",\"z\":null}"));
	alerts_free(a);
}

/* A bounded table: the earliest endings go first, the others still mute. */
static void test_suppress_bound(void **state)
{
	struct suppress *s = suppress_new(1000);

	(void)state;
	for (uint64_t i = 0; i < 5000; i++) {
		struct hash128 key = {i * 7919, i};
		assert_false(suppress_muted(s, key, T0 + (int64_t)i, US_PER_HOUR));
		assert_true(suppress_muted(s, key, T0 + (int64_t)i, US_PER_HOUR));
	}
	assert_true(suppress_evicted(s) > 3000);
	assert_true(suppress_muted(s, (struct hash128){4900 * 7919, 4900}, T0 + 5000, US_PER_HOUR));
	suppress_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suppress),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_suppress_bound),
		cmocka_unit_test(test_crowded_instant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
