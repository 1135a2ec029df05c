/* What the control socket answers: how the engine is, which rules it runs, and a reload. */
#include <string.h>

#include "app/daemon_parts.h"
#include "app/rule_state.h"
#include "core/err.h"
#include "core/instant.h"
#include "core/log.h"

/* ---- status ---- */

static void put_int(struct json_out *w, const char *name, uint64_t value)
{
	json_key(w, name);
	json_int(w, (int64_t)value);
}

static void put_text(struct json_out *w, const char *name, const char *text)
{
	json_key(w, name);
	json_text(w, text);
}

static void put_time(struct json_out *w, const char *name, int64_t us)
{
	char text[INSTANT_TEXT];

	if (us != INSTANT_NONE) {
		(void)instant_format(us, text);
	}
	put_text(w, name, us == INSTANT_NONE ? NULL : text);
}

static void put_sources(struct json_out *w, const struct metrics *m)
{
	json_key(w, "sources");
	json_array(w);
	for (size_t i = 0; i < m->source_count; i++) {
		const struct metrics_source *s = &m->sources[i];
		json_object(w);
		put_text(w, "name", s->name);
		json_key(w, "up");
		json_bool(w, s->live.up);
		put_int(w, "in", s->live.decode.in);
		put_int(w, "dropped",
		        stage_dropped(&s->live.decode) + stage_dropped(&s->live.calls));
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_sinks(struct json_out *w, const struct metrics *m)
{
	json_key(w, "sinks");
	json_array(w);
	for (size_t i = 0; i < m->sink_count; i++) {
		const struct metrics_sink *s = &m->sinks[i];
		json_object(w);
		put_text(w, "name", s->name);
		json_key(w, "connected");
		json_bool(w, s->connected);
		put_int(w, "written", s->stats.written);
		put_int(w, "waiting", s->stats.waiting);
		put_int(w, "refused", s->stats.refused);
		json_object_end(w);
	}
	json_array_end(w);
}

/* asked = done + failed once nothing is under way. */
static void put_reloads(struct json_out *w, const struct daemon *d)
{
	json_key(w, "reloads");
	json_object(w);
	put_int(w, "asked", d->reloads_asked);
	put_int(w, "done", d->reloads);
	put_int(w, "failed", d->reloads_failed);
	put_int(w, "kept", d->restore.restored);
	put_int(w, "new", d->restore.cold);
	put_int(w, "dropped", d->restore.dropped);
	json_object_end(w);
}

static int run_status(void *user, const struct control_request *r, struct json_out *w,
                      const char **code, const char **message)
{
	struct daemon *d = user;
	struct metrics_source sources[PIPELINE_SOURCES_MAX];
	struct metrics m;

	(void)r;
	(void)code;
	(void)message;
	daemon_gather(d, &m, sources);
	json_object(w);
	put_text(w, "version", RINGFENCE_VERSION);
	put_text(w, "site", d->config->site);
	put_text(w, "engine", d->config->engine);
	put_time(w, "started", d->started_us);
	put_int(w, "rules", m.rules);
	put_text(w, "digest", d->site->rules->digest);
	put_int(w, "events", m.pipeline.detect.events);
	put_int(w, "alerts", m.pipeline.sent);
	put_int(w, "suppressed", m.pipeline.alerts.suppressed);
	put_time(w, "newest_event", m.pipeline.last_us);
	put_reloads(w, d);
	put_sources(w, &m);
	put_sinks(w, &m);
	json_object_end(w);
	return OK;
}

/* ---- rules ---- */

static int run_rules(void *user, const struct control_request *r, struct json_out *w,
                     const char **code, const char **message)
{
	const struct daemon *d = user;

	(void)r;
	(void)code;
	(void)message;
	return rule_state_write(d->site, w);
}

/* ---- reload ---- */

static void keep(struct slice text, char *out, size_t size)
{
	size_t len = text.len < size ? text.len : size - 1;

	memcpy(out, text.p ? text.p : "", len);
	out[len] = '\0';
}

/* It is loaded beside the running one; `status` says when and how it ended. */
static int run_reload(void *user, const struct control_request *r, struct json_out *w,
                      const char **code, const char **message)
{
	struct daemon *d = user;

	if (d->reloads + d->reloads_failed < d->reloads_asked) {
		*code = "busy";
		*message = "a reload is under way";
		return E_AGAIN;
	}
	keep(r->by, d->asked.by, sizeof(d->asked.by));
	keep(r->why, d->asked.why, sizeof(d->asked.why));
	keep(slice_of(r->peer), d->asked.peer, sizeof(d->asked.peer));
	d->reloads_asked++;
	reload_request(d->reload);
	json_object(w);
	put_int(w, "asked", d->reloads_asked);
	json_object_end(w);
	return OK;
}

static void journal(void *user, const struct control_request *r, bool ok, struct slice message)
{
	(void)user;
	if (ok) {
		log_info("control", "done verb=%.*s by=\"%.*s\" why=\"%.*s\" peer=\"%s\"",
		         SLICE_FMT(r->verb), SLICE_FMT(r->by), SLICE_FMT(r->why), r->peer);
	} else {
		log_warn("control", "failed verb=%.*s by=\"%.*s\" why=\"%.*s\" peer=\"%s\": %.*s",
		         SLICE_FMT(r->verb), SLICE_FMT(r->by), SLICE_FMT(r->why), r->peer,
		         SLICE_FMT(message));
	}
}

static const struct control_verb verbs[] = {
	{"status", false, NULL, run_status, "events, alerts, sources, sinks and reloads"},
	{"rules", false, NULL, run_rules, "the rules in force and what their state depends on"},
	{"reload", true, NULL, run_reload, "rules, lists and tables anew; all or nothing"},
};

bool daemon_control_open(struct daemon *d)
{
	struct control_options options = {
		.path = d->config->control,
		.owner = &d->as,
		.read_group = d->config->control_read,
		.change_group = d->config->control_change,
		.verbs = verbs,
		.verb_count = sizeof(verbs) / sizeof(verbs[0]),
		.journal = journal,
		.user = d,
	};
	char why[CONTROL_ERROR_TEXT];

	if (!options.path) {
		return true;
	}
	d->control = control_open(d->loop, &options, why, sizeof(why));
	if (!d->control) {
		return daemon_fail(d, "control", why);
	}
	log_info("control", "listening path=\"%s\"", options.path);
	return true;
}
