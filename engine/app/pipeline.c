#include "app/pipeline.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "calls/dedupe.h"
#include "core/arena.h"
#include "core/ensure.h"
#include "core/err.h"
#include "core/team.h"
#include "core/utf8.h"

enum { DEDUPE_MAX = 32 * 1024 * 1024 };

/* Where the full batch stands between the two threads. */
enum hand { HAND_EMPTY = 0, HAND_FULL, HAND_ENDING };

struct pipeline {
	struct pipeline_options options;
	struct dedupe *dedupe;
	struct enrich *enrich;
	struct team *team;
	struct detector *detector;
	struct alerts *alerts;
	struct alerts_stats past_alerts; /* before a restart */
	struct batch *filling;
	struct batch *running; /* the other one; with one thread they take turns all the same */
	uint64_t next_event;
	int64_t last_us;

	bool threaded;
	struct arena recalled; /* call ids of a finding, out of the log */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum hand hand;

	/* Counters: written by one thread each, read behind the lock. */
	struct stage_count dedupe_count;
	struct stage_count batch_count;
	uint64_t by_kind[KIND_COUNT];
	int64_t first_seen_us;
	uint64_t sent;
	struct rule_count *by_rule;
	size_t rule_count;
	size_t rule_cap;
};

/* ---- one batch ---- */

static void count_rule(struct pipeline *p, struct slice rule)
{
	size_t at = 0;

	while (at < p->rule_count && slice_cmp(p->by_rule[at].rule, rule) < 0) {
		at++;
	}
	if (at < p->rule_count && slice_eq(p->by_rule[at].rule, rule)) {
		p->by_rule[at].alerts++;
		return;
	}
	if (p->rule_count == p->rule_cap) {
		size_t cap = p->rule_cap ? p->rule_cap * 2 : 64;
		struct rule_count *rows = realloc(p->by_rule, cap * sizeof(*rows));
		if (!rows) {
			return;
		}
		p->by_rule = rows;
		p->rule_cap = cap;
	}
	char *name = strndup(rule.p, rule.len); /* outlives a reload of the rules */
	if (!name) {
		return;
	}
	memmove(&p->by_rule[at + 1], &p->by_rule[at], (p->rule_count - at) * sizeof(*p->by_rule));
	p->by_rule[at] = (struct rule_count){{name, rule.len}, 1};
	p->rule_count++;
}

static void send_alert(struct pipeline *p, const struct alert *alert)
{
	for (size_t i = 0; i < p->options.sink_count; i++) {
		(void)p->options.sinks[i]->ops->push(p->options.sinks[i], alert);
	}
	pthread_mutex_lock(&p->lock);
	p->sent++;
	count_rule(p, alert->rule);
	pthread_mutex_unlock(&p->lock);
}

enum { DEDUPE_AHEAD = 16, RECALLED_MAX = 4 << 20 };

/* Rows of calls that were seen before become rows of no kind: nothing looks at them any more. */
static void drop_duplicates(struct pipeline *p, struct batch *b)
{
	const struct slice *ids = b->col[FIELD_CALL_ID].text;
	uint64_t hashes[DEDUPE_AHEAD];

	stage_in(&p->dedupe_count, b->count);
	for (uint32_t i = 0; i < b->count + DEDUPE_AHEAD; i++) {
		if (i >= DEDUPE_AHEAD) {
			uint32_t row = i - DEDUPE_AHEAD;
			if (b->kind[row] == KIND_CALL &&
			    dedupe_seen(p->dedupe, hashes[row % DEDUPE_AHEAD],
			                b->col[FIELD_TIME].i64[row])) {
				b->kind[row] = KIND_NONE;
				stage_drop(&p->dedupe_count, REASON_DUPLICATE_CALL);
			} else {
				stage_out(&p->dedupe_count, 1);
			}
			p->by_kind[b->kind[row]]++;
		}
		if (i < b->count && b->kind[i] == KIND_CALL) {
			hashes[i % DEDUPE_AHEAD] = dedupe_hash(p->dedupe, ids[i]);
			dedupe_prefetch(p->dedupe, hashes[i % DEDUPE_AHEAD]);
		}
	}
}

/* Valid UTF-8, as the detector's own; missing without memory. */
static struct slice keep_id(struct pipeline *p, struct slice id)
{
	char *text = id.p ? arena_alloc(&p->recalled, 3 * id.len + 1) : NULL;

	return text ? (struct slice){text, utf8_repair(id, text)} : SLICE_NONE;
}

static void recall_calls(struct pipeline *p, const struct finding *f)
{
	for (size_t i = 0; p->options.ids && i < f->call_count; i++) {
		if (!f->calls[i].p) {
			f->calls[i] = keep_id(p, log_ids_get(p->options.ids, f->call_events[i]));
		}
	}
}

static void take_findings(struct pipeline *p)
{
	struct alert alert;

	for (size_t i = 0; i < detector_count(p->detector); i++) {
		const struct finding *f = detector_finding(p->detector, i);
		arena_reset(&p->recalled);
		recall_calls(p, f);
		bool out = !f->signal && !f->shadow && alerts_take(p->alerts, f, &alert);
		if (p->options.observe) {
			p->options.observe(p->options.user, f, out ? &alert : NULL);
		}
		if (out) {
			send_alert(p, &alert);
		}
	}
}

static void run_batch(struct pipeline *p, struct batch *batch)
{
	detector_run(p->detector, batch);
	take_findings(p);
}

/* ---- handing over ---- */

static void *pipeline_main(void *arg)
{
	struct pipeline *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->hand == HAND_EMPTY) {
			pthread_cond_wait(&p->changed, &p->lock);
		}
		if (p->hand == HAND_ENDING) {
			break;
		}
		pthread_mutex_unlock(&p->lock);
		run_batch(p, p->running);
		pthread_mutex_lock(&p->lock);
		p->hand = HAND_EMPTY;
		pthread_cond_broadcast(&p->changed);
		team_close(p->team);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Until the batch handed over is done; takes part in its detection. */
static void wait_idle(struct pipeline *p)
{
	if (!p->threaded) {
		return;
	}
	team_assist(p->team);
	pthread_mutex_lock(&p->lock);
	while (p->hand == HAND_FULL) {
		pthread_cond_wait(&p->changed, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
}

static void hand_over(struct pipeline *p)
{
	struct batch *full = p->filling;

	if (full->count == 0) {
		return;
	}
	p->next_event += full->count;
	if (p->options.log) {
		call_log_cut(p->options.log);
	}
	stage_out(&p->batch_count, full->count);
	/* Beside the detection of the batch before. */
	drop_duplicates(p, full);
	enrich_run(p->enrich, full);
	wait_idle(p);
	p->filling = p->running;
	p->running = full;
	if (p->threaded) {
		team_open(p->team);
		pthread_mutex_lock(&p->lock);
		p->hand = HAND_FULL;
		pthread_cond_broadcast(&p->changed);
		pthread_mutex_unlock(&p->lock);
	} else {
		run_batch(p, full);
	}
	batch_reset(p->filling, p->next_event);
}

/* ---- set-up ---- */

static struct detector *new_detector(const struct pipeline *p, const struct site *site,
                                     const char **why)
{
	struct detector_options options = {
		.rules = site->rules,
		.key = &site->key,
		.site = site_eval(site),
		.memory = p->options.memory,
		.team = p->team,
		.cold = p->options.cold,
	};

	return detector_new(&options, why);
}

/* What a run begins with. */
static bool begin_run(struct pipeline *p, const char **why)
{
	const struct pipeline_options *o = &p->options;
	struct alerts_options alerts = {
		.key = &o->site->key,
		.site = o->site_name,
		.engine = o->engine_name,
	};

	*why = "no memory";
	p->dedupe = dedupe_new(DEDUPE_MAX, DEDUPE_WINDOW_US, &o->site->key);
	p->enrich = site_enrich(o->site, o->source_names, o->source_count);
	p->alerts = alerts_new(&alerts);
	p->detector = new_detector(p, o->site, why);
	return p->dedupe && p->enrich && p->alerts && p->detector;
}

static void end_run(struct pipeline *p)
{
	struct alerts_stats stats = {0};

	if (p->alerts) {
		alerts_stats(p->alerts, &stats);
	}
	p->past_alerts.raised += stats.raised;
	p->past_alerts.suppressed += stats.suppressed;
	p->past_alerts.suppressions_evicted += stats.suppressions_evicted;
	detector_free(p->detector);
	enrich_free(p->enrich);
	dedupe_free(p->dedupe);
	alerts_free(p->alerts);
	p->detector = NULL;
	p->enrich = NULL;
	p->dedupe = NULL;
	p->alerts = NULL;
}

struct pipeline *pipeline_new(const struct pipeline_options *options, const char **why)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	*why = "no memory";
	if (!p) {
		return NULL;
	}
	p->options = *options;
	p->first_seen_us = INSTANT_NONE;
	p->last_us = INSTANT_NONE;
	arena_init(&p->recalled, RECALLED_MAX);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->filling = batch_new();
	p->running = batch_new();
	p->team = team_new(options->threads);
	if (!p->filling || !p->running || !p->team || !begin_run(p, why)) {
		pipeline_free(p);
		return NULL;
	}
	p->next_event = options->first_event;
	batch_reset(p->filling, p->next_event);
	if (options->threads > 1) {
		p->threaded = pthread_create(&p->thread, NULL, pipeline_main, p) == 0;
	}
	*why = NULL;
	return p;
}

void pipeline_free(struct pipeline *p)
{
	if (!p) {
		return;
	}
	wait_idle(p);
	if (p->threaded) {
		pthread_mutex_lock(&p->lock);
		p->hand = HAND_ENDING;
		pthread_cond_broadcast(&p->changed);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->thread, NULL);
	}
	end_run(p);
	team_free(p->team);
	batch_free(p->filling);
	batch_free(p->running);
	for (size_t i = 0; i < p->rule_count; i++) {
		free((void *)(uintptr_t)p->by_rule[i].rule.p);
	}
	free(p->by_rule);
	arena_fini(&p->recalled);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->changed);
	free(p);
}

/* What `from` remembers, as a snapshot would have it, into `to`. */
static int hand_over_state(const struct pipeline *p, const struct detector *from,
                           struct detector *to, struct detector_restore *restore)
{
	struct state_head head = {.build = RINGFENCE_VERSION};
	struct state_out out;
	struct state_in in = {0};
	struct slice file = SLICE_NONE;

	state_head_key(&head, &p->options.site->key);
	int fd = memfd_create("ringfence-reload", MFD_CLOEXEC);
	int err = fd < 0 ? E_IO : state_out_open(&out, fd, &head);
	if (err == OK) {
		detector_save(from, &out);
		err = state_out_close(&out);
	}
	err = err ? err : state_map(fd, &file);
	err = err ? err : state_in_open(&in, file, &head);
	err = err ? err : detector_load(to, &in, restore);
	state_in_close(&in);
	if (file.p) {
		state_unmap(file);
	}
	if (fd >= 0) {
		close(fd);
	}
	return err;
}

/* A detector for the site that goes on where the present one is; one without a past where that
 * fails. NULL and *why: no memory.
 */
static struct detector *successor(struct pipeline *p, const struct site *site,
                                  struct detector_restore *restore, const char **why)
{
	struct detector *detector = new_detector(p, site, why);

	if (detector && hand_over_state(p, p->detector, detector, restore) != OK) {
		*restore = (struct detector_restore){0};
		detector_free(detector);
		detector = new_detector(p, site, why);
	}
	return detector;
}

int pipeline_reload(struct pipeline *p, const struct site *site, struct detector_restore *restore,
                    const char **why)
{
	struct detector_restore unasked;

	pipeline_finish(p);
	struct detector *detector = successor(p, site, restore ? restore : &unasked, why);
	struct enrich *enrich = site_enrich(site, p->options.source_names, p->options.source_count);
	if (!detector || !enrich) {
		detector_free(detector);
		enrich_free(enrich);
		return E_NOMEM;
	}
	detector_free(p->detector);
	enrich_free(p->enrich);
	p->detector = detector;
	p->enrich = enrich;
	p->options.site = site;
	return OK;
}

int pipeline_restart(struct pipeline *p, const struct pipeline_options *options, const char **why)
{
	pipeline_finish(p);
	end_run(p);
	p->options.site = options->site;
	p->options.source_names = options->source_names;
	p->options.source_count = options->source_count;
	p->options.cold = options->cold;
	return begin_run(p, why) ? OK : E_NOMEM;
}

/* ---- going on after another process ---- */

static const char section[] = "pipeline";

void pipeline_save(const struct pipeline *p, struct state_out *out)
{
	state_begin(out, section);
	state_u64(out, (uint64_t)p->last_us);
	state_end(out);
	dedupe_save(p->dedupe, out);
	alerts_save(p->alerts, out);
	detector_save(p->detector, out);
}

static int load_own(struct state_in *in, int64_t *last_us)
{
	struct state_view v;
	int err = state_in_section(in, section, &v);

	if (err) {
		return err;
	}
	*last_us = (int64_t)state_get_u64(&v);
	if (*last_us != INSTANT_NONE && !state_time_sane(*last_us)) {
		return state_in_fail(in, "section %s: a last event at no time", section);
	}
	return state_in_end(in, &v);
}

int pipeline_load(struct pipeline *p, struct state_in *in, struct detector_restore *restore)
{
	const char *why;
	int64_t last_us;
	int err = load_own(in, &last_us);

	err = err ? err : detector_load(p->detector, in, restore);
	err = err ? err : dedupe_load(p->dedupe, in);
	err = err ? err : alerts_load(p->alerts, in);
	if (err) {
		end_run(p);
		return begin_run(p, &why) ? err : E_NOMEM;
	}
	p->last_us = last_us;
	return OK;
}

void pipeline_record(struct pipeline *p, struct call_log *log, bool given_batches,
                     uint64_t first_event)
{
	ENSURE(p->filling->count == 0);
	p->options.log = log;
	p->options.given_batches = given_batches;
	p->next_event = first_event;
	batch_reset(p->filling, first_event);
}

uint64_t pipeline_next_alert(const struct pipeline *p)
{
	return alerts_next(p->alerts);
}

void pipeline_skip_alerts(struct pipeline *p, uint64_t next)
{
	alerts_skip(p->alerts, next);
}

/* ---- events ---- */

void pipeline_push(struct pipeline *p, const struct event *event)
{
	/* Events of one instant stay in one batch. */
	if (!p->options.given_batches && p->filling->count >= BATCH_ROWS &&
	    event->time_us != p->last_us) {
		hand_over(p);
	}
	stage_in(&p->batch_count, 1);
	int err = batch_append(p->filling, event);
	if (err == E_FULL || (err == E_RANGE && p->filling->count > 0)) {
		hand_over(p);
		err = batch_append(p->filling, event);
	}
	if (err != OK) {
		stage_drop(&p->batch_count, REASON_BATCH_TEXT);
		return;
	}
	if (p->options.log) {
		call_log_event(p->options.log, pipeline_next_event(p) - 1, event);
	}
	p->first_seen_us = p->first_seen_us == INSTANT_NONE ? event->time_us : p->first_seen_us;
	p->last_us = event->time_us;
}

uint64_t pipeline_next_event(const struct pipeline *p)
{
	return p->filling->first_event + p->filling->count;
}

int64_t pipeline_last_time(const struct pipeline *p)
{
	return p->last_us;
}

void pipeline_flush(struct pipeline *p)
{
	hand_over(p);
}

void pipeline_finish(struct pipeline *p)
{
	hand_over(p);
	wait_idle(p);
}

int64_t pipeline_due(struct pipeline *p)
{
	pipeline_finish(p);
	return detector_due(p->detector);
}

void pipeline_advance(struct pipeline *p, int64_t watermark_us)
{
	pipeline_finish(p);
	detector_advance(p->detector, watermark_us);
	take_findings(p);
}

void pipeline_stats(struct pipeline *p, struct pipeline_stats *out)
{
	*out = (struct pipeline_stats){0};
	wait_idle(p);
	stage_add(&out->dedupe, &p->dedupe_count);
	stage_add(&out->batch, &p->batch_count);
	memcpy(out->events_by_kind, p->by_kind, sizeof(p->by_kind));
	out->first_us = p->first_seen_us;
	out->last_us = p->last_us;
	detector_stats(p->detector, &out->detect);
	alerts_stats(p->alerts, &out->alerts);
	out->alerts.raised += p->past_alerts.raised;
	out->alerts.suppressed += p->past_alerts.suppressed;
	out->alerts.suppressions_evicted += p->past_alerts.suppressions_evicted;
	out->sent = p->sent;
	out->by_rule = p->by_rule;
	out->rule_count = p->rule_count;
}
