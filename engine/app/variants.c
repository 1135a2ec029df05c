#include "app/variants.h"

#include <stdlib.h>
#include <string.h>

#include "app/merge.h"
#include "core/err.h"
#include "core/instant.h"

enum { TEXTS_MAX = 1 << 30 };

#define SPAN_DEFAULT (INT64_C(3600) * US_PER_S)

void variant_init(struct variant *v, const struct site *site)
{
	*v = (struct variant){.site = site};
	arena_init(&v->texts, TEXTS_MAX);
}

void variant_fini(struct variant *v)
{
	free(v->alerts);
	arena_fini(&v->texts);
}

/* ---- collecting ---- */

static struct slice key_text(struct arena *arena, const struct finding *f)
{
	struct slice text = SLICE_LIT("");

	for (size_t i = 0; i < f->key_count; i++) {
		const struct datum *d = &f->keys[i].value;
		const char *comma = i ? ", " : "";
		text = d->type == DATUM_TEXT
		               ? arena_printf(arena, "%.*s%s%.*s", SLICE_FMT(text), comma,
		                              SLICE_FMT(d->text))
		               : arena_printf(arena, "%.*s%s%lld", SLICE_FMT(text), comma,
		                              d->type == DATUM_NULL ? 0LL : (long long)d->i);
	}
	return text;
}

static struct variant_alert *next_alert(struct variant *v)
{
	if (v->count == v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 1024;
		struct variant_alert *alerts = realloc(v->alerts, cap * sizeof(*alerts));
		if (!alerts) {
			v->failed = true;
			return NULL;
		}
		v->alerts = alerts;
		v->cap = cap;
	}
	return &v->alerts[v->count++];
}

static void observe(void *user, const struct finding *f, const struct alert *alert)
{
	struct variant *v = user;
	struct variant_alert *a = alert ? next_alert(v) : NULL;

	if (!a) {
		return;
	}
	*a = (struct variant_alert){
		.id = arena_copy(&v->texts, alert->id),
		.rule = f->rule->name,
		.key = key_text(&v->texts, f),
		.subject =
			arena_printf(&v->texts, "%s:%.*s", f->subject_type, SLICE_FMT(f->subject)),
		.summary = arena_copy(&v->texts, f->summary),
		.severity = f->rule->severity,
		.time_us = f->time_us,
		.span_us = f->window_us ? f->window_us : SPAN_DEFAULT,
	};
	a->calls = arena_alloc(&v->texts, (f->call_count + 1) * sizeof(*a->calls));
	for (size_t i = 0; a->calls && i < f->call_count; i++) {
		if (f->calls[i].p) {
			a->calls[a->call_count++] = arena_copy(&v->texts, f->calls[i]);
		}
	}
	v->failed |= arena_overflowed(&v->texts);
}

static int open_all(struct variant *variants, size_t count, const struct pipeline_options *base,
                    const char **why)
{
	for (size_t i = 0; i < count; i++) {
		struct pipeline_options options = *base;
		options.site = variants[i].site;
		options.observe = observe;
		options.user = &variants[i];
		variants[i].pipeline = pipeline_new(&options, why);
		if (!variants[i].pipeline) {
			return E_NOMEM;
		}
	}
	return OK;
}

static int push_all(struct replay_inputs *inputs, struct variant *variants, size_t count,
                    size_t *which)
{
	struct merge *merge = merge_new(inputs->feeds, inputs->count);
	struct event event;
	int err = merge ? OK : E_NOMEM;

	while (err == OK) {
		err = merge_next(merge, &event);
		for (size_t i = 0; err == OK && i < count; i++) {
			pipeline_push(variants[i].pipeline, &event);
		}
	}
	if (err == E_IO) {
		(void)merge_failed(merge, which);
	}
	merge_free(merge);
	return err == E_END ? OK : err;
}

int variants_run(struct replay_inputs *inputs, struct variant *variants, size_t count,
                 const struct pipeline_options *base, bool flush, const char **why, size_t *which)
{
	int err = open_all(variants, count, base, why);

	err = err ? err : push_all(inputs, variants, count, which);
	for (size_t i = 0; i < count; i++) {
		if (variants[i].pipeline && flush && err == OK) {
			pipeline_advance(variants[i].pipeline, INT64_MAX);
		} else if (variants[i].pipeline) {
			pipeline_finish(variants[i].pipeline);
		}
		if (variants[i].pipeline) {
			struct pipeline_stats stats;
			pipeline_stats(variants[i].pipeline, &stats);
			variants[i].first_us = stats.first_us;
			variants[i].last_us = stats.last_us;
		}
		pipeline_free(variants[i].pipeline);
		variants[i].pipeline = NULL;
		if (err == OK && variants[i].failed) {
			*why = "no memory for the alerts";
			err = E_NOMEM;
		}
	}
	return err;
}

/* ---- two variants ---- */

static int by_rule_key_time(const void *a, const void *b)
{
	const struct variant_alert *x = *(const struct variant_alert *const *)a;
	const struct variant_alert *y = *(const struct variant_alert *const *)b;
	int order = slice_cmp(x->rule, y->rule);

	order = order ? order : slice_cmp(x->key, y->key);
	order = order ? order : (x->time_us > y->time_us) - (x->time_us < y->time_us);
	return order ? order : slice_cmp(x->id, y->id);
}

static const struct variant_alert **sorted(const struct variant *v)
{
	const struct variant_alert **all = malloc((v->count + 1) * sizeof(*all));

	for (size_t i = 0; all && i < v->count; i++) {
		all[i] = &v->alerts[i];
	}
	if (all && v->count) {
		qsort(all, v->count, sizeof(*all), by_rule_key_time);
	}
	return all;
}

/* Which of the two comes first in the common order, or are they one? The heads of both lists; next
 * ones decide whether the later partner fits better.
 */
static enum variant_change judge(const struct variant_alert *const *a, size_t a_count,
                                 const struct variant_alert *const *b, size_t b_count)
{
	if (a_count == 0 || b_count == 0) {
		return a_count ? CHANGE_ONLY_OLD : CHANGE_ONLY_NEW;
	}
	int order = slice_cmp(a[0]->rule, b[0]->rule);
	order = order ? order : slice_cmp(a[0]->key, b[0]->key);
	if (order) {
		return order < 0 ? CHANGE_ONLY_OLD : CHANGE_ONLY_NEW;
	}
	int64_t apart = b[0]->time_us - a[0]->time_us;
	int64_t span = a[0]->span_us > b[0]->span_us ? a[0]->span_us : b[0]->span_us;
	if (apart == 0) {
		return CHANGE_SAME;
	}
	/* An alert that is there unchanged is not what another one became. */
	bool a_stays = apart < 0 && b_count > 1 && b[1]->time_us == a[0]->time_us &&
	               slice_eq(b[1]->key, a[0]->key) && slice_eq(b[1]->rule, a[0]->rule);
	bool b_stays = apart > 0 && a_count > 1 && a[1]->time_us == b[0]->time_us &&
	               slice_eq(a[1]->key, b[0]->key) && slice_eq(a[1]->rule, b[0]->rule);
	if (!a_stays && !b_stays && (apart < 0 ? -apart : apart) <= span) {
		return CHANGE_MOVED;
	}
	return apart > 0 ? CHANGE_ONLY_OLD : CHANGE_ONLY_NEW;
}

struct variant_pair *variants_align(const struct variant *before, const struct variant *after,
                                    size_t *count)
{
	const struct variant_alert **a = sorted(before), **b = sorted(after);
	struct variant_pair *pairs = malloc((before->count + after->count + 1) * sizeof(*pairs));
	size_t i = 0, n = 0;

	*count = 0;
	while (a && b && pairs && (i < before->count || n < after->count)) {
		enum variant_change change =
			judge(a + i, before->count - i, b + n, after->count - n);
		struct variant_pair *pair = &pairs[(*count)++];
		*pair = (struct variant_pair){.change = change};
		if (change != CHANGE_ONLY_NEW) {
			pair->before = a[i++];
		}
		if (change != CHANGE_ONLY_OLD) {
			pair->after = b[n++];
		}
	}
	bool whole = a && b;
	free(a);
	free(b);
	if (!whole) {
		free(pairs);
		return NULL;
	}
	return pairs;
}
