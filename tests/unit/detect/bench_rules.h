/* A detector with a site of its own, fed with rows made by hand: what the tests of the evaluators
 * and of the detector stand on. Enrichment is not linked here, so its columns are set directly.
 */
#ifndef TESTS_UNIT_DETECT_BENCH_RULES_H
#define TESTS_UNIT_DETECT_BENCH_RULES_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/instant.h"
#include "detect/detector.h"

/* A Monday, 12:00 UTC. */
#define T0 (INT64_C(1767614400) * US_PER_S)

struct bench_rules {
	struct hash_key key;
	struct diags diags;
	struct ruleset *set;
	struct team *team;
	struct detector *detector;
	struct batch *batch;
	struct eval_site site;
	uint64_t next_event;
};

/* The plan of this site: +44 and +49 have two digits, +1 has one. */
static inline unsigned bench_code_digits(void *user, number n)
{
	char text[NUMBER_TEXT];
	size_t len = number_format(n, text);

	(void)user;
	if (len > 1 && text[0] == '+') {
		return text[1] == '1' ? 1 : text[1] == '4' ? 2 : 0;
	}
	return 0;
}

static inline country bench_country(void *user, number n)
{
	char text[NUMBER_TEXT];
	size_t len = number_format(n, text);

	(void)user;
	return len > 3 && !strncmp(text, "+44", 3)   ? country_of('G', 'B')
	       : len > 3 && !strncmp(text, "+49", 3) ? country_of('D', 'E')
	                                             : 0;
}

static inline void bench_open_with(struct bench_rules *r, const char *text, unsigned threads,
                                   size_t memory)
{
	const char *why = NULL;

	memset(r, 0, sizeof(*r));
	hash_key_default(&r->key);
	diags_init(&r->diags);
	(void)ruleset_load_text("t.yaml", slice_of(text), NULL, &r->diags, &r->set);
	if (!r->set) {
		const struct diag *d = r->diags.first;
		while (d->warning) {
			d = d->next;
		}
		fail_msg("%u:%u %s %.*s in\n%s", d->at.line, d->at.column, d->code,
		         SLICE_FMT(d->message), text);
	}
	r->site = (struct eval_site){.country = country_of('G', 'B'),
	                             .tz_name = SLICE_LIT("Europe/London"),
	                             .number_country = bench_country,
	                             .calling_code_digits = bench_code_digits};
	assert_int_equal(tz_get(r->site.tz_name, &r->site.tz), OK);
	r->team = team_new(threads);
	assert_non_null(r->team);
	struct detector_options options = {.rules = r->set,
	                                   .key = &r->key,
	                                   .site = r->site,
	                                   .memory = memory,
	                                   .team = r->team};
	r->detector = detector_new(&options, &why);
	if (!r->detector) {
		fail_msg("%s", why);
	}
	r->batch = batch_new();
	assert_non_null(r->batch);
}

static inline void bench_open(struct bench_rules *r, const char *text)
{
	bench_open_with(r, text, 1, 64 << 20);
}

static inline void bench_close(struct bench_rules *r)
{
	detector_free(r->detector);
	team_free(r->team);
	batch_free(r->batch);
	ruleset_free(r->set);
	diags_fini(&r->diags);
}

static inline number bench_number(const char *text)
{
	return text ? number_of_e164(slice_of(text)) : 0;
}

/* Appends a row; e may be changed before by the caller. Returns the row. */
static inline uint32_t bench_add(struct bench_rules *r, const struct event *e, number caller,
                                 number callee)
{
	uint32_t row = r->batch->count;

	assert_int_equal(batch_append(r->batch, e), OK);
	r->batch->col[FIELD_CALLER_NUM].num[row] = caller;
	r->batch->col[FIELD_CALLEE_NUM].num[row] = callee;
	return row;
}

static inline struct event bench_call(int64_t time_us, const char *id)
{
	struct event e;

	event_init(&e, KIND_CALL);
	e.time_us = time_us;
	e.start_us = time_us;
	e.duration_us = 0;
	e.call_id = slice_of(id);
	return e;
}

/* A call with nothing else to say. */
static inline uint32_t bench_plain(struct bench_rules *r, int64_t time_us, const char *id,
                                   const char *caller, const char *callee)
{
	struct event e = bench_call(time_us, id);

	return bench_add(r, &e, bench_number(caller), bench_number(callee));
}

/* Runs what waits; the findings are the detector's. Empties the batch's rows for the next. */
static inline size_t bench_run(struct bench_rules *r)
{
	detector_run(r->detector, r->batch);
	r->next_event += r->batch->count;
	return detector_count(r->detector);
}

static inline void bench_next(struct bench_rules *r)
{
	batch_reset(r->batch, r->next_event);
}

/* ---- random traffic ---- */

static inline uint32_t bench_draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

struct bench_texts {
	char id[32], display[32], ua[32];
};

/* A call, or one time in four an attempt; one of `displays` display names. */
static inline struct event bench_random(uint64_t *seed, int64_t time_us, unsigned n,
                                        uint32_t displays, struct bench_texts *t)
{
	struct event e = bench_call(time_us, "");

	e.kind = bench_draw(seed, 4) ? KIND_CALL : KIND_ATTEMPT;
	(void)snprintf(t->id, sizeof(t->id), "id-%u", n);
	(void)snprintf(t->display, sizeof(t->display), "B\xc3\xa4nk%u", bench_draw(seed, displays));
	(void)snprintf(t->ua, sizeof(t->ua), "ua-%u", bench_draw(seed, 50));
	e.call_id = slice_of(t->id);
	e.display = slice_of(t->display);
	e.ua = slice_of(t->ua);
	e.answered = bench_draw(seed, 2);
	e.duration_us = (int64_t)bench_draw(seed, 30 * 1000000);
	return e;
}

static inline void bench_print_findings(const struct bench_rules *r, struct buf *out)
{
	for (size_t i = 0; i < detector_count(r->detector); i++) {
		const struct finding *f = detector_finding(r->detector, i);
		buf_printf(out, "%.*s %lld %llu %.*s %.*s %llu:", SLICE_FMT(f->rule->name),
		           (long long)f->time_us, (unsigned long long)f->event,
		           SLICE_FMT(f->subject), SLICE_FMT(f->summary),
		           (unsigned long long)f->counted);
		for (size_t c = 0; c < f->call_count; c++) {
			buf_printf(out, " %.*s", SLICE_FMT(f->calls[c]));
		}
		buf_char(out, '\n');
	}
}

#endif
