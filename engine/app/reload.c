#include "app/reload.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/log.h"

enum { MISTAKES_LOGGED_MAX = 20 };

struct reload {
	struct loop *loop;
	const struct site_options *options;
	void (*loaded)(void *user, struct site *site);
	void *user;
	pthread_t thread;
	bool running;
	bool again;
	struct site *site; /* of the thread until it has ended */
};

void reload_log_diags(const char *component, struct diags *d)
{
	unsigned count = 0;

	diags_sort(d);
	for (const struct diag *m = d->first; m; m = m->next) {
		if (m->warning) {
			continue;
		}
		if (count++ == MISTAKES_LOGGED_MAX) {
			log_err(component, "mistakes_not_shown count=%u",
			        d->errors - MISTAKES_LOGGED_MAX);
			return;
		}
		log_err(component, "mistake file=\"%s\" line=%u column=%u code=%s why=\"%.*s\"",
		        m->at.file ? m->at.file->path : "", m->at.line, m->at.column, m->code,
		        SLICE_FMT(m->message));
	}
}

static void start(struct reload *r);

static void finished(void *arg)
{
	struct reload *r = arg;

	(void)pthread_join(r->thread, NULL);
	r->running = false;
	struct site *site = r->site;
	r->site = NULL;
	r->loaded(r->user, site);
	if (r->again) {
		start(r);
	}
}

static void *load(void *arg)
{
	struct reload *r = arg;
	struct diags diags;

	diags_init(&diags);
	r->site = site_load(r->options, &diags);
	if (!r->site) {
		reload_log_diags("reload", &diags);
	}
	diags_fini(&diags);
	(void)loop_post(r->loop, finished, r);
	return NULL;
}

static void start(struct reload *r)
{
	r->again = false;
	r->running = pthread_create(&r->thread, NULL, load, r) == 0;
	if (!r->running) {
		log_err("reload", "failed why=\"no thread\"");
	}
}

struct reload *reload_new(struct loop *loop, const struct site_options *options,
                          void (*loaded)(void *user, struct site *site), void *user)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (r) {
		*r = (struct reload){
			.loop = loop, .options = options, .loaded = loaded, .user = user};
	}
	return r;
}

void reload_request(struct reload *r)
{
	if (r->running) {
		r->again = true;
		return;
	}
	start(r);
}

void reload_free(struct reload *r)
{
	if (!r) {
		return;
	}
	if (r->running) {
		(void)pthread_join(r->thread, NULL);
		site_free(r->site);
	}
	free(r);
}
