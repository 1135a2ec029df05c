#include "app/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "app/key_file.h"
#include "app/live.h"
#include "app/merge.h"
#include "app/metrics.h"
#include "app/reload.h"
#include "app/replay.h"
#include "core/err.h"
#include "core/log.h"
#include "sinks/ndjson.h"
#include "sinks/redis.h"

enum {
	TICK_MS = 50,
	EVENTS_A_STEP = 4096, /* of finite files, between two looks at signals */
	DRAIN_MS = 10000,
	PASSWORD_MAX = 1024,
	PATH_TEXT = 4096,
	WHY = 512,
};

struct daemon {
	const struct config *config;
	bool exit_when_done;
	int status;
	bool stopping;
	bool ticked; /* something may wait in the present batch */
	int64_t started_us;

	struct run_as as;
	char key_path[PATH_TEXT];
	char password[PASSWORD_MAX];
	struct hash_key key;
	struct rejects rejects;
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_signal *signals[3];

	struct site_options site_options;
	struct site *site;
	struct site *first; /* the pipeline keeps the address of its key */
	struct reload *reload;
	uint64_t reloads;
	uint64_t reloads_failed;

	const struct config_source *live_sources[PIPELINE_SOURCES_MAX];
	size_t live_count;
	struct replay_inputs inputs; /* files that end */
	const struct config_source *input_sources[REPLAY_INPUTS_MAX];
	struct merge *merge; /* NULL: all read */
	struct intake *intake;
	struct live *live;
	const char *names[PIPELINE_SOURCES_MAX];
	size_t name_count;

	struct sink *sinks[PIPELINE_SINKS_MAX];
	size_t sink_count;
	struct sink *file_sink;
	struct sink *redis_sink;
	struct pipeline *pipeline;
	struct loop_http *http;
};

/* ---- clocks ---- */

static int64_t clock_us(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

static int64_t wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

static void on_clock(void *user)
{
	const struct daemon *d = user;

	intake_clock(d->intake, wall_us(), clock_us(CLOCK_MONOTONIC));
}

/* ---- opening ---- */

static bool fail(struct daemon *d, const char *component, const char *why)
{
	log_err(component, "cannot start: %s", why);
	d->status = EXIT_BAD_INPUT;
	return false;
}

static bool open_state(struct daemon *d)
{
	char why[KEY_FILE_WHY];
	char path[PATH_TEXT];

	if (key_file_ensure(d->config->state, &d->as, d->key_path, sizeof(d->key_path), why) !=
	    OK) {
		return fail(d, "state", why);
	}
	(void)snprintf(path, sizeof(path), "%s/rejects.txt", d->config->state);
	d->rejects.file = fopen(path, "ae");
	if (!d->rejects.file) {
		(void)snprintf(why, sizeof(why), "%.200s: %s", path, strerror(errno));
		return fail(d, "state", why);
	}
	(void)chmod(path, 0600);
	return run_as_own(&d->as, path) || fail(d, "state", "cannot give rejects.txt away");
}

static bool open_site(struct daemon *d)
{
	struct diags diags;

	config_site(d->config, &d->site_options);
	d->site_options.key_file = d->key_path;
	diags_init(&diags);
	d->site = d->first = site_load(&d->site_options, &diags);
	if (!d->site) {
		reload_log_diags("rules", &diags);
		(void)fail(d, "rules", "mistakes in rules or tables");
	} else {
		d->key = d->site->key;
		log_info("rules", "loaded rules=%zu lists=%zu warnings=%u digest=%s",
		         d->site->rules->rule_count, d->site->rules->list_count, diags.warnings,
		         d->site->rules->digest);
	}
	diags_fini(&diags);
	return d->site != NULL;
}

/* One line of a file, without its end. */
static bool read_password(struct daemon *d)
{
	FILE *f = fopen(d->config->redis_password_file, "re");
	bool read = f && fgets(d->password, sizeof(d->password), f);

	if (f) {
		(void)fclose(f);
	}
	d->password[strcspn(d->password, "\r\n")] = '\0';
	return (read && d->password[0]) || fail(d, "redis", "cannot read redis.password_file");
}

/* A file that ends, or all files of a folder, each with the options of its source. */
static bool open_input(struct daemon *d, const struct config_source *s)
{
	const struct feed_options options = {
		.key = &d->key,
		.tz = d->site->tz,
		.attempts = s->attempts,
		.caller_from = d->config->caller == CALLER_FROM,
		.max_idle_us = d->config->max_idle_us,
		.memory_max = INTAKE_MEMORY_MAX,
		.temp_dir = d->config->state,
		.rejects = d->rejects.file,
	};
	struct replay_inputs opened;
	struct diags diags;

	diags_init(&diags);
	bool good = replay_open(&s->path, 1, &options, &opened, &diags) == OK;
	if (!good) {
		reload_log_diags("sources", &diags);
		(void)fail(d, "sources", s->path);
	}
	diags_fini(&diags);
	for (size_t i = 0; good && i < opened.count; i++) {
		if (d->inputs.count + d->live_count == REPLAY_INPUTS_MAX) {
			(void)fail(d, "sources", "too many files");
			feed_close(opened.feeds[i]);
			free((void *)(uintptr_t)opened.names[i]);
			d->status = EXIT_BAD_INPUT;
			continue;
		}
		d->input_sources[d->inputs.count] = s;
		d->inputs.names[d->inputs.count] = opened.names[i];
		d->inputs.feeds[d->inputs.count++] = opened.feeds[i];
	}
	return good && d->status == EXIT_DONE;
}

static void push_live(void *user, const struct event *event)
{
	struct daemon *d = user;

	pipeline_push(d->pipeline, event);
	d->ticked = true;
}

static void on_round(void *user)
{
	struct daemon *d = user;

	(void)intake_release(d->intake);
	if (d->ticked) {
		d->ticked = false;
		pipeline_flush(d->pipeline);
	}
}

static bool open_intake(struct daemon *d)
{
	struct intake_source sources[PIPELINE_SOURCES_MAX];

	for (size_t i = 0; i < d->live_count; i++) {
		const struct config_source *s = d->live_sources[i];
		sources[i] = (struct intake_source){
			.group = config_source_records(s) ? INTAKE_RECORDS : INTAKE_SIGNALLING,
			.reorder_us = s->reorder_us,
			.late_us = s->late_us,
			.idle_us = s->idle_us,
		};
	}
	const struct intake_options options = {
		.sources = sources, .source_count = d->live_count, .push = push_live, .user = d};
	d->intake = intake_new(&options);
	return d->intake || fail(d, "intake", "no memory");
}

/* Sockets that senders in his group may write to. */
static bool own_sockets(struct daemon *d)
{
	for (size_t i = 0; i < d->live_count; i++) {
		const char *address = d->live_sources[i]->address;
		if (address && strncmp(address, "unix:", 5) == 0 &&
		    !run_as_own(&d->as, address + 5)) {
			return fail(d, "sources", "cannot give the socket away");
		}
	}
	return true;
}

static bool open_sources(struct daemon *d)
{
	char why[LIVE_WHY];

	for (size_t i = 0; i < d->config->source_count; i++) {
		const struct config_source *s = &d->config->sources[i];
		if (!config_source_finite(s)) {
			d->names[d->live_count] = config_source_name(s);
			d->live_sources[d->live_count++] = s;
		}
	}
	for (size_t i = 0; i < d->config->source_count; i++) {
		if (config_source_finite(&d->config->sources[i]) &&
		    !open_input(d, &d->config->sources[i])) {
			return false;
		}
	}
	d->name_count = d->live_count;
	for (size_t i = 0; i < d->inputs.count; i++) {
		d->names[d->name_count++] = d->inputs.names[i];
	}
	if (!open_intake(d)) {
		return false;
	}
	const struct live_options options = {
		.config = d->config,
		.sources = d->live_sources,
		.source_count = d->live_count,
		.intake = d->intake,
		.loop = d->loop,
		.key = &d->key,
		.tz = d->site->tz,
		.rejects = &d->rejects,
		.clock = on_clock,
		.round = on_round,
		.user = d,
	};
	d->live = live_open(&options, why);
	return d->live ? own_sockets(d) : fail(d, "sources", why);
}

static bool open_file_sink(struct daemon *d)
{
	char why[WHY];
	const char *path = d->config->alerts_file;

	if (!path) {
		return true;
	}
	d->file_sink = sink_ndjson_open(path);
	if (!d->file_sink || !run_as_own(&d->as, path)) {
		(void)snprintf(why, sizeof(why), "%s: %s", path, strerror(errno));
		return fail(d, "alerts", why);
	}
	d->sinks[d->sink_count++] = d->file_sink;
	return true;
}

static bool open_redis(struct daemon *d)
{
	const struct config *c = d->config;
	const struct redis_options options = {
		.url = c->redis_url,
		.user = c->redis_user,
		.password = d->password[0] ? d->password : NULL,
		.site = c->site,
		.engine = c->engine,
		.now_ms = wall_us() / 1000,
	};
	const char *why;

	if (!c->redis_url) {
		return true;
	}
	d->redis_sink = sink_redis_open(&options, &why);
	if (!d->redis_sink) {
		return fail(d, "redis", why);
	}
	d->sinks[d->sink_count++] = d->redis_sink;
	return true;
}

static bool open_pipeline(struct daemon *d)
{
	const struct common_options threads = {.threads = (unsigned)d->config->threads};
	struct pipeline_options options = {
		.site = d->site,
		.site_name = d->config->site,
		.engine_name = d->config->engine,
		.source_names = d->names,
		.source_count = d->name_count,
		.sink_count = d->sink_count,
		.memory = d->config->memory,
		.threads = options_threads(&threads),
		.cold = d->live_count > 0,
	};
	const char *why;

	memcpy(options.sinks, d->sinks, sizeof(options.sinks));
	d->pipeline = pipeline_new(&options, &why);
	return d->pipeline || fail(d, "pipeline", why);
}

static bool become(struct daemon *d)
{
	char why[PRIVILEGES_WHY];

	if (run_as_become(&d->as, why) != OK) {
		return fail(d, "privileges", why);
	}
	if (d->as.change) {
		log_info("privileges", "dropped user=%s", d->as.name);
	} else if (d->as.uid == 0) {
		log_warn("privileges", "running as root: name a 'user' in the configuration");
	}
	return true;
}

/* ---- metrics ---- */

static const char *kind_of(const struct config_source *s)
{
	static const char *const kinds[] = {"none", "pcap", "cdr_file", "cdr_listen"};

	return kinds[s->kind];
}

static void gather_sources(const struct daemon *d, struct metrics_source *out)
{
	for (size_t i = 0; i < d->live_count; i++, out++) {
		*out = (struct metrics_source){.name = d->names[i],
		                               .kind = kind_of(d->live_sources[i])};
		live_stat(d->live, i, &out->live);
		intake_stat(d->intake, i, &out->intake);
	}
	for (size_t i = 0; i < d->inputs.count; i++, out++) {
		struct feed_stat stat;
		feed_stat(d->inputs.feeds[i], &stat);
		*out = (struct metrics_source){.name = d->inputs.names[i],
		                               .kind = kind_of(d->input_sources[i])};
		out->live.decode = stat.decode;
		out->live.calls = stat.calls;
		out->live.bytes = stat.bytes;
		out->live.up = d->merge != NULL;
	}
}

static void gather_sinks(const struct daemon *d, struct metrics *m)
{
	for (size_t i = 0; i < d->sink_count; i++) {
		struct metrics_sink *out = &m->sinks[m->sink_count++];
		out->name = d->sinks[i]->ops->name;
		out->connected = d->sinks[i] != d->redis_sink ||
		                 strcmp(sink_redis_state(d->sinks[i]), "connected") == 0;
		d->sinks[i]->ops->stats(d->sinks[i], &out->stats);
	}
}

static bool on_page(void *user, const char *path, struct buf *body, const char **type)
{
	static const char *const groups[INTAKE_GROUP_COUNT] = {"signalling", "records"};
	struct daemon *d = user;
	struct metrics_source sources[PIPELINE_SOURCES_MAX];
	struct metrics m = {
		.sources = sources,
		.source_count = d->name_count,
		.rules = d->site->rules->rule_count,
		.reloads = d->reloads,
		.reloads_failed = d->reloads_failed,
		.started_us = d->started_us,
		.now_us = wall_us(),
	};

	if (strcmp(path, "/metrics") != 0) {
		return false;
	}
	gather_sources(d, sources);
	pipeline_stats(d->pipeline, &m.pipeline); /* first: then no batch is under way */
	gather_sinks(d, &m);
	for (unsigned g = 0; g < INTAKE_GROUP_COUNT; g++) {
		m.groups[g] = (struct metrics_group){
			.name = groups[g],
			.watermark_us = intake_watermark(d->intake, (enum intake_group)g),
			.waiting = intake_waiting(d->intake, (enum intake_group)g),
		};
	}
	metrics_write(&m, body);
	*type = METRICS_TYPE;
	return true;
}

static bool open_metrics(struct daemon *d)
{
	const char *why;

	if (!d->config->metrics_listen) {
		return true;
	}
	d->http = loop_http_new(d->loop, d->config->metrics_listen, on_page, d, &why);
	if (!d->http) {
		return fail(d, "metrics", why);
	}
	log_info("metrics", "listening port=%u", loop_http_port(d->http));
	return true;
}

/* ---- running ---- */

static void stop(void *user)
{
	struct daemon *d = user;

	d->stopping = true;
	loop_stop(d->loop);
}

static void on_term(void *user)
{
	log_info("daemon", "stopping");
	stop(user);
}

static void on_hup(void *user)
{
	struct daemon *d = user;

	log_info("reload", "requested");
	reload_request(d->reload);
}

static void on_loaded(void *user, struct site *site)
{
	struct daemon *d = user;
	const char *why = "mistakes in rules or tables";

	if (!site || pipeline_reload(d->pipeline, site, &why) != OK) {
		d->reloads_failed++;
		log_err("reload", "refused, the old rules stay: %s", why);
		site_free(site);
		return;
	}
	if (d->site != d->first) {
		site_free(d->site);
	}
	d->site = site;
	d->reloads++;
	log_info("reload", "done rules=%zu digest=%s", site->rules->rule_count,
	         site->rules->digest);
}

static void end_inputs(struct daemon *d, int err)
{
	size_t which;

	if (err != E_END) {
		d->status = EXIT_BAD_INPUT;
		log_err("sources", "failed name=\"%s\" why=\"%s\"",
		        merge_failed(d->merge, &which) ? d->inputs.names[which] : "",
		        err_text(err));
	}
	merge_free(d->merge);
	d->merge = NULL;
	pipeline_finish(d->pipeline);
	log_info("sources", "files read count=%zu", d->inputs.count);
	if (d->exit_when_done && d->live_count == 0) {
		stop(d);
	} else {
		live_start(d->live);
	}
}

static void read_inputs(void *user)
{
	struct daemon *d = user;
	struct event event;
	int err = OK;

	if (d->stopping) {
		return;
	}
	for (int i = 0; i < EVENTS_A_STEP && err == OK; i++) {
		err = merge_next(d->merge, &event);
		if (err == OK) {
			event.source = (uint16_t)(event.source + d->live_count);
			pipeline_push(d->pipeline, &event);
		}
	}
	if (err != OK) {
		end_inputs(d, err);
	} else {
		(void)loop_post(d->loop, read_inputs, d);
	}
}

static void on_tick(void *user)
{
	struct daemon *d = user;

	if (!d->merge) {
		on_clock(d);
		live_tick(d->live);
		on_round(d);
	}
	if (d->file_sink) {
		(void)d->file_sink->ops->drain(d->file_sink, 0);
	}
}

static bool open_loop(struct daemon *d)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

	(void)signal(SIGPIPE, SIG_IGN);
	d->loop = loop_new();
	for (size_t i = 0; d->loop && i < 3; i++) {
		d->signals[i] = loop_signal_new(d->loop, numbers[i],
		                                numbers[i] == SIGHUP ? on_hup : on_term, d);
	}
	d->timer = d->loop ? loop_timer_new(d->loop, on_tick, d) : NULL;
	d->reload = d->loop ? reload_new(d->loop, &d->site_options, on_loaded, d) : NULL;
	return (d->timer && d->reload) || fail(d, "daemon", "no memory");
}

static bool open_user(struct daemon *d)
{
	char why[PRIVILEGES_WHY];

	(void)umask(007);
	if (!privileges_no_new()) {
		return fail(d, "privileges", "no_new_privs is refused");
	}
	return run_as_find(d->config->user, &d->as, why) == OK || fail(d, "privileges", why);
}

/* The order matters: what needs privileges comes before become(), threads after it. */
static bool open_all(struct daemon *d)
{
	return open_user(d) && open_loop(d) && open_state(d) && open_site(d) &&
	       (!d->config->redis_password_file || read_password(d)) && open_file_sink(d) &&
	       open_sources(d) && open_metrics(d) && become(d) && open_redis(d) && open_pipeline(d);
}

static void run(struct daemon *d)
{
	log_info("daemon", "started version=%s site=%s engine=%s sources=%zu", RINGFENCE_VERSION,
	         d->config->site, d->config->engine, d->name_count);
	loop_timer_start(d->timer, TICK_MS, true);
	if (d->inputs.count > 0) {
		d->merge = merge_new(d->inputs.feeds, d->inputs.count);
	}
	if (d->merge) {
		(void)loop_post(d->loop, read_inputs, d);
	} else {
		live_start(d->live);
	}
	loop_run(d->loop);
	on_clock(d);
	live_stop(d->live);
	(void)intake_finish(d->intake);
	pipeline_finish(d->pipeline);
}

/* Every sink has its time; what it could not deliver is said. */
static void drain(struct daemon *d)
{
	for (size_t i = 0; i < d->sink_count; i++) {
		struct sink *sink = d->sinks[i];
		struct sink_stats stats;
		bool all = sink->ops->drain(sink, DRAIN_MS);
		sink->ops->stats(sink, &stats);
		log_info("sinks", "drained name=%s written=%llu refused=%llu waiting=%llu",
		         sink->ops->name, (unsigned long long)stats.written,
		         (unsigned long long)stats.refused, (unsigned long long)stats.waiting);
		if (!all || stats.refused) {
			log_err("sinks", "alerts lost name=%s", sink->ops->name);
			d->status = d->exit_when_done ? EXIT_BAD_INPUT : d->status;
		}
	}
}

static void close_all(struct daemon *d)
{
	reload_free(d->reload);
	loop_http_free(d->http);
	live_close(d->live);
	pipeline_free(d->pipeline);
	for (size_t i = 0; i < d->sink_count; i++) {
		d->sinks[i]->ops->close(d->sinks[i]);
	}
	merge_free(d->merge);
	replay_close(&d->inputs);
	intake_free(d->intake);
	if (d->site != d->first) {
		site_free(d->site);
	}
	site_free(d->first);
	for (size_t i = 0; i < 3; i++) {
		loop_signal_free(d->signals[i]);
	}
	loop_timer_free(d->timer);
	if (d->loop) {
		loop_free(d->loop);
	}
	if (d->rejects.file) {
		(void)fclose(d->rejects.file);
	}
	free(d);
}

int daemon_run(const struct config *config, bool exit_when_done)
{
	struct daemon *d = calloc(1, sizeof(*d));

	if (!d) {
		return EXIT_INTERNAL;
	}
	d->config = config;
	d->exit_when_done = exit_when_done;
	d->status = EXIT_DONE;
	d->started_us = wall_us();
	log_clock(wall_us);
	log_level_set(LOG_INFO);
	if (open_all(d)) {
		run(d);
		drain(d);
	}
	int status = d->status;
	log_info("daemon", "ended status=%d", status);
	log_flush();
	close_all(d);
	return status;
}
