/* Alerts that were saved and loaded number, name and mute as those that ran on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alerts/alerts.h"
#include "core/err.h"
#include "core/instant.h"

#define T0 (INT64_C(1767614400) * US_PER_S)

static struct hash_key key;
static const struct state_head head = {.build = "test"};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static struct alerts *open_alerts(void)
{
	struct alerts_options options = {
		.key = &key, .site = "demo", .engine = "edge-1", .suppress_max = 1500};
	struct alerts *a = alerts_new(&options);

	assert_non_null(a);
	return a;
}

static struct slice save(const struct alerts *a)
{
	struct state_out out;
	struct slice file;
	int fd = memfd_create("alerts", MFD_CLOEXEC);

	assert_int_equal(state_out_open(&out, fd, &head), OK);
	alerts_save(a, &out);
	assert_int_equal(state_out_close(&out), OK);
	assert_int_equal(state_map(fd, &file), OK);
	(void)close(fd);
	return file;
}

static struct alerts *replace(struct alerts *a)
{
	struct slice file = save(a), again;
	struct state_in in;
	uint64_t next = alerts_next(a);

	alerts_free(a);
	a = open_alerts();
	assert_int_equal(state_in_open(&in, file, &head), OK);
	assert_int_equal(alerts_load(a, &in), OK);
	assert_int_equal(alerts_next(a), next);
	again = save(a);
	assert_int_equal(again.len, file.len);
	assert_memory_equal(again.p, file.p, file.len);
	state_in_close(&in);
	state_unmap(again);
	state_unmap(file);
	return a;
}

/* Many findings of one instant, few and many suppressions, evictions of them. */
static void test_goes_on(void **state)
{
	struct finding_rule rules[2] = {
		{.name = SLICE_LIT("p/a"),
	         .severity = "high",
	         .ruleset = "b2:00",
	         .suppress_us = US_PER_HOUR,
	         .suppress_group = SLICE_LIT("p/a")},
		{.name = SLICE_LIT("p/b"), .severity = "low", .ruleset = "b2:00"}};
	struct alerts *one = open_alerts(), *two = open_alerts();
	struct alerts_stats a, b;
	uint64_t seed = 21;
	int64_t now = T0;

	(void)state;
	for (unsigned i = 0; i < 12000; i++) {
		struct finding f = {.rule = &rules[draw(&seed, 2)],
		                    .time_us = now += draw(&seed, 40) ? 0 : US_PER_S,
		                    .key = {draw(&seed, 20), 0},
		                    .suppress_key = {draw(&seed, 4000), 0},
		                    .subject_type = "caller"};
		struct alert x, y;
		bool out = alerts_take(one, &f, &x);
		assert_int_equal(alerts_take(two, &f, &y), out);
		if (out) {
			assert_int_equal(y.seq, x.seq);
			assert_true(slice_eq(y.id, x.id));
			assert_true(slice_eq(y.json, x.json));
		}
		if (draw(&seed, 1000) == 0) {
			two = replace(two);
		}
	}
	alerts_stats(one, &a);
	alerts_stats(two, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.suppressed > 500 && a.suppressions_evicted > 100);
	alerts_free(one);
	alerts_free(two);
}

/* Late findings take the instant back and forth: its openings are found again, and saved so. */
static void test_late_findings(void **state)
{
	struct finding_rule rule = {
		.name = SLICE_LIT("p/a"), .severity = "low", .ruleset = "b2:00"};
	struct alerts *one = open_alerts(), *two = open_alerts();
	uint64_t seed = 5;

	(void)state;
	for (unsigned i = 0; i < 6000; i++) {
		/* Three instants in turn, each with more keys every time: the table fills. */
		struct finding f = {.rule = &rule,
		                    .time_us = T0 + (int64_t)draw(&seed, 3),
		                    .key = {draw(&seed, 20 + i / 4), 0},
		                    .subject_type = "caller"};
		struct alert x, y;
		assert_true(alerts_take(one, &f, &x));
		assert_true(alerts_take(two, &f, &y));
		assert_int_equal(y.seq, x.seq);
		assert_true(slice_eq(y.id, x.id));
		if (draw(&seed, 60) == 0) {
			two = replace(two);
		}
	}
	alerts_free(one);
	alerts_free(two);
}

/* Any byte of the section changed behind a right checksum: refused or harmless. */
static void test_forged(void **state)
{
	struct finding_rule rule = {.name = SLICE_LIT("p/a"),
	                            .severity = "high",
	                            .ruleset = "b2:00",
	                            .suppress_us = US_PER_HOUR};
	struct alerts *a = open_alerts();
	struct state_in in;
	struct alert alert;
	unsigned refused = 0;
	uint64_t seed = 2;

	(void)state;
	for (uint64_t i = 0; i < 20; i++) {
		struct finding f = {
			.rule = &rule, .time_us = T0, .key = {i, 0}, .suppress_key = {i, 0}};
		f.subject_type = "caller";
		(void)alerts_take(a, &f, &alert);
	}
	struct slice file = save(a);
	assert_int_equal(state_in_open(&in, file, &head), OK);
	struct slice content = in.sections[0].content;
	for (size_t i = 0; i < content.len; i++) {
		char *copy = malloc(content.len);
		memcpy(copy, content.p, content.len);
		copy[i] = (char)(copy[i] ^ 1 << draw(&seed, 8));
		in.sections[0].content.p = copy;
		in.why[0] = '\0';
		int err = alerts_load(a, &in);
		assert_int_equal(err != OK, in.why[0] != '\0');
		refused += err != OK;
		struct finding f = {.rule = &rule, .time_us = T0, .subject_type = "caller"};
		(void)alerts_take(a, &f, &alert);
		free(copy);
	}
	assert_true(refused > 100);
	state_in_close(&in);
	state_unmap(file);
	alerts_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_late_findings),
		cmocka_unit_test(test_forged),
	};

	hash_key_default(&key);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
