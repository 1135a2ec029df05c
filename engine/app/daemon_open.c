#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/daemon_parts.h"
#include "core/err.h"
#include "core/log.h"
#include "sinks/ndjson.h"
#include "sinks/redis.h"

enum { WHY = 512 };

bool daemon_fail(struct daemon *d, const char *component, const char *why)
{
	log_err(component, "cannot start: %s", why);
	d->status = EXIT_BAD_INPUT;
	return false;
}

/* The folder belongs to the user that root is about to become: nothing in it is trusted. */
static bool open_rejects(struct daemon *d)
{
	char path[DAEMON_PATH_TEXT];
	char why[WHY];

	(void)snprintf(path, sizeof(path), "%s/rejects.txt", d->config->state);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && (!d->as.change || fchown(fd, d->as.uid, d->as.gid) == 0)) {
		d->rejects.file = fdopen(fd, "a");
	}
	if (d->rejects.file) {
		return true;
	}
	(void)snprintf(why, sizeof(why), "%.200s: %s", path, strerror(errno));
	if (fd >= 0) {
		close(fd);
	}
	return daemon_fail(d, "state", why);
}

static bool open_state(struct daemon *d)
{
	char why[KEY_FILE_WHY];

	if (key_file_ensure(d->config->state, &d->as, d->key_path, sizeof(d->key_path), why) !=
	    OK) {
		return daemon_fail(d, "state", why);
	}
	return open_rejects(d);
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
		(void)daemon_fail(d, "rules", "mistakes in rules or tables");
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
	return (read && d->password[0]) ||
	       daemon_fail(d, "redis", "cannot read redis.password_file");
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
		(void)daemon_fail(d, "sources", s->path);
	}
	diags_fini(&diags);
	for (size_t i = 0; good && i < opened.count; i++) {
		if (d->inputs.count + d->live_count == REPLAY_INPUTS_MAX) {
			(void)daemon_fail(d, "sources", "too many files");
			feed_close(opened.feeds[i]);
			free((void *)(uintptr_t)opened.names[i]);
			continue;
		}
		d->inputs.names[d->inputs.count] = opened.names[i];
		d->inputs.feeds[d->inputs.count++] = opened.feeds[i];
	}
	return good && d->status == EXIT_DONE;
}

static void push_live(void *user, const struct event *event)
{
	struct daemon *d = user;

	pipeline_push(d->pipeline, event);
	d->pushed = true;
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
	return d->intake || daemon_fail(d, "intake", "no memory");
}

/* Sockets that senders in his group may write to. */
static bool own_sockets(struct daemon *d)
{
	for (size_t i = 0; i < d->live_count; i++) {
		const char *address = d->live_sources[i]->address;
		if (address && strncmp(address, "unix:", 5) == 0 &&
		    !run_as_own(&d->as, address + 5)) {
			return daemon_fail(d, "sources", "cannot give the socket away");
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
		.clock = daemon_clock,
		.round = daemon_round,
		.user = d,
	};
	d->live = live_open(&options, why);
	return d->live ? own_sockets(d) : daemon_fail(d, "sources", why);
}

static bool open_file_sink(struct daemon *d)
{
	char why[WHY];
	const char *path = d->config->alerts_file;

	if (!path) {
		return true;
	}
	d->file_sink = sink_ndjson_open(path);
	if (!d->file_sink) {
		(void)snprintf(why, sizeof(why), "%s: %s", path, strerror(errno));
		return daemon_fail(d, "alerts", why);
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
		.now_ms = daemon_wall_us() / 1000,
	};
	const char *why;

	if (!c->redis_url) {
		return true;
	}
	d->redis_sink = sink_redis_open(&options, &why);
	if (!d->redis_sink) {
		return daemon_fail(d, "redis", why);
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
		.log = d->call_log,
		.ids = d->ids,
		.first_event = d->call_log ? call_log_next_event(d->call_log) : 0,
	};
	const char *why;

	memcpy(options.sinks, d->sinks, sizeof(options.sinks));
	if (d->hold) {
		options.sinks[0] = d->hold;
		options.sink_count = 1;
	}
	d->pipeline = pipeline_new(&options, &why);
	return d->pipeline || daemon_fail(d, "pipeline", why);
}

static bool become(struct daemon *d)
{
	char why[PRIVILEGES_WHY];

	if (run_as_become(&d->as, why) != OK) {
		return daemon_fail(d, "privileges", why);
	}
	if (d->as.change) {
		log_info("privileges", "dropped user=%s", d->as.name);
	} else if (d->as.uid == 0) {
		log_warn("privileges", "running as root: name a 'user' in the configuration");
	}
	return true;
}

static bool open_metrics(struct daemon *d)
{
	const char *why;

	if (!d->config->metrics_listen) {
		return true;
	}
	d->http = loop_http_new(d->loop, d->config->metrics_listen, daemon_page, d, &why);
	if (!d->http) {
		return daemon_fail(d, "metrics", why);
	}
	log_info("metrics", "listening port=%u", loop_http_port(d->http));
	return true;
}

static bool open_user(struct daemon *d)
{
	char why[PRIVILEGES_WHY];

	(void)umask(007);
	if (!privileges_no_new()) {
		return daemon_fail(d, "privileges", "no_new_privs is refused");
	}
	return run_as_find(d->config->user, &d->as, why) == OK || daemon_fail(d, "privileges", why);
}

static bool open_merge(struct daemon *d)
{
	if (d->inputs.count == 0) {
		return true;
	}
	d->merge = merge_new(d->inputs.feeds, d->inputs.count);
	return d->merge || daemon_fail(d, "sources", "no memory");
}

/* What needs privileges comes before become(), threads come after it. */
bool daemon_open(struct daemon *d)
{
	return open_user(d) && open_state(d) && open_site(d) &&
	       (!d->config->redis_password_file || read_password(d)) && open_sources(d) &&
	       open_metrics(d) && daemon_control_open(d) && become(d) && open_file_sink(d) &&
	       open_redis(d) && daemon_log_open(d) && open_pipeline(d) && daemon_resume(d) &&
	       daemon_log_start(d) && open_merge(d);
}

void daemon_close(struct daemon *d)
{
	control_close(d->control);
	loop_http_free(d->http);
	live_close(d->live);
	pipeline_free(d->pipeline);
	call_log_close(d->call_log);
	log_ids_free(d->ids);
	if (d->hold) {
		d->hold->ops->close(d->hold);
	}
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
	if (d->rejects.file) {
		(void)fclose(d->rejects.file);
	}
}
