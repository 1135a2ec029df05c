/* The whole way from events to alerts: the same with any number of threads, duplicates left out,
 * events of one instant in one batch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/pipeline.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/instant.h"

#define T0 (INT64_C(1767614400) * US_PER_S)

static const char rules[] =
	"version: 1\nrules:\n"
	"  - id: blast\n    rev: 1\n    title: t\n    class: other\n    severity: low\n"
	"    on: call\n    key: caller.num\n    window: 20s\n"
	"    when: distinct(callee.num) >= 5\n    output: {summary: '{caller.num}'}\n"
	"  - id: many\n    rev: 1\n    title: t\n    class: other\n    severity: low\n"
	"    on: call\n    key: callee.num\n    window: 10s\n    fire: each\n"
	"    when: count() >= 6\n    suppress: {for: 5s}\n    output: {summary: 'x'}\n";

/* A sink that keeps the lines. */
struct kept {
	struct sink sink;
	struct buf lines;
};

static bool kept_push(struct sink *sink, const struct alert *alert)
{
	struct kept *k = (struct kept *)sink;

	buf_slice(&k->lines, alert->json);
	buf_char(&k->lines, '\n');
	return true;
}

static const struct sink_ops kept_ops = {.name = "kept", .push = kept_push};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

/* The numbering plan lies beside an installed or built program, not beside a build elsewhere. */
static struct site *open_site(void)
{
	if (!site_shipped_rules()) {
		skip();
	}
	char path[] = "/tmp/test_pipeline_XXXXXX";
	const char *const paths[] = {path};
	struct site_options options = {
		.home = country_of('G', 'B'), .rules = paths, .rule_count = 1};
	struct diags diags;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, rules, sizeof(rules) - 1), sizeof(rules) - 1);
	(void)close(fd);
	diags_init(&diags);
	struct site *site = site_load(&options, &diags);
	(void)unlink(path);
	if (!site) {
		fail_msg("%s: %.*s", diags.first->code, SLICE_FMT(diags.first->message));
	}
	diags_fini(&diags);
	return site;
}

static void push_call(struct pipeline *p, int64_t time_us, const char *id, uint32_t from,
                      uint32_t to)
{
	char caller[32], callee[32];
	struct event e;

	event_init(&e, KIND_CALL);
	(void)snprintf(caller, sizeof(caller), "+4420794%05u", from);
	(void)snprintf(callee, sizeof(callee), "+4420795%05u", to);
	e.time_us = time_us;
	e.start_us = time_us;
	e.duration_us = 0;
	e.call_id = slice_of(id);
	e.caller.text = slice_of(caller);
	e.callee.text = slice_of(callee);
	pipeline_push(p, &e);
}

static struct pipeline *open_pipeline(const struct site *site, unsigned threads, struct kept *kept)
{
	static const char *const names[] = {"input"};
	const char *why = NULL;
	struct pipeline_options options = {.site = site,
	                                   .site_name = "local",
	                                   .engine_name = "replay",
	                                   .source_names = names,
	                                   .source_count = 1,
	                                   .sinks = {&kept->sink},
	                                   .sink_count = 1,
	                                   .memory = 64 << 20,
	                                   .threads = threads};

	*kept = (struct kept){.sink = {&kept_ops}};
	struct pipeline *p = pipeline_new(&options, &why);
	if (!p) {
		fail_msg("%s", why);
	}
	return p;
}

static void run_random(const struct site *site, unsigned threads, struct kept *kept)
{
	struct pipeline *p = open_pipeline(site, threads, kept);
	struct pipeline_stats stats;
	uint64_t seed = 11, duplicates = 0;
	int64_t now = T0;
	unsigned last = 0;

	for (unsigned n = 0; n < 20000; n++) {
		char id[32];
		bool again = n > 0 && draw(&seed, 20) == 0;
		now += (int64_t)draw(&seed, 20000);
		last = again ? last : n;
		(void)snprintf(id, sizeof(id), "id-%u", last);
		uint32_t from = draw(&seed, 400), to = draw(&seed, 400);
		push_call(p, now, id, from, to);
		duplicates += again;
	}
	pipeline_finish(p);
	pipeline_stats(p, &stats);
	assert_int_equal(stats.dedupe.in, 20000);
	assert_int_equal(stats.dedupe.out, 20000 - duplicates);
	assert_int_equal(stats.events_by_kind[KIND_CALL], 20000 - duplicates);
	assert_int_equal(stats.batch.in, 20000);
	assert_int_equal(stats.batch.out, 20000);
	assert_true(stats.sent > 50);
	assert_int_equal(stats.alerts.raised, stats.sent + stats.alerts.suppressed);
	assert_int_equal(stats.rule_count, 2);
	assert_int_equal(stats.by_rule[0].alerts + stats.by_rule[1].alerts, stats.sent);
	pipeline_free(p);
}

static void test_same_alerts(void **state)
{
	static const unsigned threads[] = {2, 4};
	struct site *site = open_site();
	struct kept one, more;

	(void)state;
	run_random(site, 1, &one);
	for (size_t i = 0; i < 2; i++) {
		run_random(site, threads[i], &more);
		assert_int_equal(one.lines.len, more.lines.len);
		assert_memory_equal(one.lines.p, more.lines.p, one.lines.len);
		buf_fini(&more.lines);
	}
	buf_fini(&one.lines);
	site_free(site);
}

/* More calls of one instant than a batch is meant to hold, then a duplicate of the first. */
static void test_one_instant(void **state)
{
	struct site *site = open_site();
	struct pipeline_stats stats;
	struct kept kept;

	(void)state;
	struct pipeline *p = open_pipeline(site, 4, &kept);
	for (unsigned n = 0; n < 3 * BATCH_ROWS; n++) {
		char id[32];
		(void)snprintf(id, sizeof(id), "id-%u", n);
		push_call(p, T0, id, n % 1000, n / 1000);
	}
	push_call(p, T0, "id-0", 0, 0);
	pipeline_stats(p, &stats);
	assert_int_equal(stats.detect.events, 0); /* still one batch that fills */
	push_call(p, T0 + 1, "next", 1, 1);
	pipeline_stats(p, &stats);
	assert_int_equal(stats.detect.events, 3 * BATCH_ROWS + 1);
	pipeline_finish(p);
	pipeline_stats(p, &stats);
	assert_int_equal(stats.detect.events, 3 * BATCH_ROWS + 2);
	assert_int_equal(stats.dedupe.in - stats.dedupe.out, 1);
	assert_int_equal(stats.first_us, T0);
	assert_int_equal(stats.last_us, T0 + 1);
	pipeline_free(p);
	buf_fini(&kept.lines);
	site_free(site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_alerts),
		cmocka_unit_test(test_one_instant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
