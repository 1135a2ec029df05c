/* Saving and restoring a detector. Windows live in the pools, which go to the file block by block;
 * groups say how to reach them. On the way back a group with another signature is not looked at:
 * nobody claims its blocks then, and the pools give them back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "core/err.h"
#include "detect/baseline.h"
#include "detect/detector_parts.h"
#include "detect/early.h"
#include "detect/sequence.h"
#include "features/panes_parts.h"
#include "features/table_state.h"

/* Sizes of what lies raw in the pools: another build may lay it out otherwise. */
static const uint32_t raw_sizes[] = {
	sizeof(struct row),          sizeof(struct row_note),        sizeof(struct window),
	sizeof(struct counter_cell), sizeof(struct running_sum),     sizeof(struct running_ratio),
	sizeof(struct running_bins), sizeof(struct running_extreme), sizeof(struct running_values),
	sizeof(struct pane_bins),    sizeof(struct pane_summary),    sizeof(struct pane_edge),
	sizeof(struct pane),         sizeof(struct pane_distinct),   sizeof(struct panes),
};

enum { RAW_SIZES = sizeof(raw_sizes) / sizeof(raw_sizes[0]), TEXT_MAX = 256 };

/* ---- signatures ---- */

struct signature {
	struct buf text;
	const struct ruleset *set;
	const struct rule *rule; /* whose expressions are being written */
};

/* The lets that an expression reads, those that they read included. */
static uint32_t lets_of(const struct rule *rule, const struct expr *x)
{
	uint32_t lets = 0;

	if (x && x->op == EXPR_LET) {
		lets |= UINT32_C(1) << x->index;
	}
	for (unsigned i = 0; x && i < x->arg_count; i++) {
		lets |= lets_of(rule, x->args[i]);
	}
	return lets;
}

static void sign_expr(struct signature *s, const struct expr *x)
{
	uint32_t lets = lets_of(s->rule, x), all = 0;

	if (x) {
		expr_print(x, s->rule, s->set, &s->text);
	}
	/* A let reads only those before it. */
	while (lets) {
		unsigned n = 31U - (unsigned)__builtin_clz(lets);
		const struct let *let = &s->rule->lets[n];
		all |= UINT32_C(1) << n;
		lets = (lets | lets_of(s->rule, let->expr)) & ~all;
		buf_printf(&s->text, " let %u=", n);
		expr_print(let->expr, s->rule, s->set, &s->text);
	}
	buf_char(&s->text, '\n');
}

static void sign_rule(struct signature *s, const struct detect_rule *r)
{
	s->rule = r->resolved;
	buf_printf(&s->text, "rule %.*s windows %u fire %d rearm %lld where ",
	           SLICE_FMT(r->rule->name), r->window_count, (int)r->rule->fire,
	           (long long)r->rule->rearm_us);
	sign_expr(s, r->resolved->where);
	buf_printf(&s->text, "baseline %lld %lld %d %u\n", (long long)r->rule->baseline.bucket_us,
	           (long long)r->rule->baseline.history_us, (int)r->rule->baseline.season,
	           r->rule->series_count);
	for (unsigned i = 0; i < r->rule->series_count; i++) {
		buf_printf(&s->text, "series %u ", r->rule->series[i]);
		buf_printf(&s->text, "%.*s\n", SLICE_FMT(r->rule->aggs[r->rule->series[i]].text));
	}
	for (unsigned i = 0; i < r->window_count; i++) {
		buf_printf(&s->text, "window %u\n", r->windows[i]);
	}
	for (unsigned i = 0; i < r->arg_count; i++) {
		buf_printf(&s->text, "arg %d %d ", (int)r->args[i].class,
		           (int)r->args[i].expr->type);
		sign_expr(s, r->args[i].expr);
	}
	for (unsigned i = 0; i < r->filter_count; i++) {
		buf_text(&s->text, "filter ");
		sign_expr(s, r->filters[i]);
	}
}

static void sign_spec(struct signature *s, const struct window_spec *spec)
{
	buf_printf(&s->text, "span %lld/%u exact %u args %u\n", (long long)spec->span_us,
	           spec->resolution, spec->exact_max, spec->arg_count);
	for (unsigned i = 0; i < spec->measure_count; i++) {
		const struct measure *m = &spec->measures[i];
		buf_printf(&s->text, "measure %d %d %d %d %a\n", (int)m->fn, m->arg, m->filter,
		           m->cond, m->q);
	}
}

/* Everything that a key's block depends on: steps, what they bind, how long they wait. */
static void sign_sequence(struct signature *s, const struct detect_rule *d)
{
	const struct rule *r = d->resolved;

	s->rule = r;
	buf_printf(&s->text, "sequence %.*s within %lld keep %d fire %d rearm %lld\n",
	           SLICE_FMT(r->name), (long long)r->within_us, r->keep_first, (int)r->fire,
	           (long long)r->rearm_us);
	for (unsigned i = 0; i < r->step_count; i++) {
		const struct sequence_step *step = &r->steps[i];
		buf_printf(&s->text, "step %d on %d for %lld\n", step->none, (int)step->kind,
		           (long long)step->for_us);
		sign_expr(s, step->where);
		for (unsigned k = 0; k < r->key_count; k++) {
			sign_expr(s, step->keys[k]);
		}
	}
	for (unsigned i = 0; i < r->bound_count; i++) {
		const struct bound *b = &r->bound[i];
		buf_printf(&s->text, "bound %d %u %d %d\n", (int)b->from, b->index, (int)b->field,
		           (int)b->type);
	}
}

static int sign_group(const struct detector *d, const struct detect_group *g,
                      uint8_t out[DIGEST_SIZE])
{
	const struct detect_rule *first = g->sequence ? g->sequence : g->rules[0];
	struct signature s = {.set = d->options.rules, .rule = first->resolved};

	buf_printf(&s.text, "kind %d max %llu early %u/%zu bucket %lld\n", (int)g->kind,
	           (unsigned long long)g->max_keys, g->early.max, g->early.stride,
	           (long long)g->table->bucket_us);
	if (g->sequence) {
		sign_sequence(&s, g->sequence);
	}
	for (unsigned i = 0; i < g->key_count && !g->sequence; i++) {
		buf_text(&s.text, "key ");
		sign_expr(&s, g->keys[i]);
	}
	for (unsigned n = 0; n < g->rule_count; n++) {
		sign_rule(&s, g->rules[n]);
	}
	for (unsigned n = 0; n < g->spec_count; n++) {
		sign_spec(&s, &g->specs[n]);
	}
	int err = s.text.failed ? E_NOMEM : OK;
	if (err == OK) {
		digest_blake2b(buf_view(&s.text), out);
	}
	buf_fini(&s.text);
	return err;
}

int detector_signatures(const struct detector *d, detector_signature_fn each, void *user)
{
	uint8_t signature[DIGEST_SIZE];

	for (size_t i = 0; i < d->compiled->group_count; i++) {
		const struct detect_group *g = d->compiled->groups[i];
		int err = sign_group(d, g, signature);
		if (err) {
			return err;
		}
		for (unsigned n = 0; n < g->rule_count; n++) {
			each(user, g->rules[n]->rule, signature);
		}
		if (g->sequence && g->rule_count == 0) {
			each(user, g->sequence->rule, signature);
		}
	}
	return OK;
}

/* ---- saving ---- */

static void section_name(char name[STATE_NAME_SIZE], const char *what, unsigned n)
{
	(void)snprintf(name, STATE_NAME_SIZE, "detect.%s.%u", what, n);
}

static void save_head(const struct detector *d, struct state_out *out)
{
	struct detector_stats stats;

	detector_stats(d, &stats);
	uint64_t evicted = stats.keys_evicted;
	for (size_t n = 0; n < d->compiled->group_count; n++) {
		evicted -= table_evicted(d->compiled->groups[n]->table); /* saved with it */
	}
	state_begin(out, "detect");
	state_u32(out, RAW_SIZES);
	for (unsigned i = 0; i < RAW_SIZES; i++) {
		state_u32(out, raw_sizes[i]);
	}
	state_u64(out, d->compiled->group_count);
	state_u64(out, (uint64_t)d->first_us);
	state_u64(out, d->events);
	state_u64(out, d->findings);
	state_u64(out, stats.key_missing);
	state_u64(out, evicted);
	state_u64(out, stats.events_no_room);
	state_u64(out, stats.regex_limits);
	state_end(out);
}

static void save_texts(const struct detector *d, struct state_out *out)
{
	state_begin(out, "detect.text");
	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		state_u32(out, d->texts[s].cells);
		state_u32(out, d->texts[s].cap);
		state_u32(out, d->texts[s].used);
	}
	state_end(out);
}

/* The rules whose notes stand in the group's rows. */
static unsigned owner_count(const struct detect_group *g)
{
	return g->sequence ? 1 : g->rule_count;
}

static uint32_t owner(const struct detect_group *g, unsigned n)
{
	return g->sequence ? g->sequence->number : g->rules[n]->number;
}

static void save_group(const struct detector *d, size_t n, struct state_out *out)
{
	const struct detect_group *g = d->compiled->groups[n];
	uint8_t digest[DIGEST_SIZE];
	char name[STATE_NAME_SIZE];

	if (sign_group(d, g, digest) != OK) {
		out->err = out->err ? out->err : E_NOMEM;
		return;
	}
	section_name(name, "group", (unsigned)n);
	state_begin(out, name);
	state_bytes(out, digest, sizeof(digest));
	state_u32(out, owner_count(g));
	for (unsigned i = 0; i < owner_count(g); i++) {
		state_u32(out, owner(g, i));
	}
	table_save(g->table, out);
	state_end(out);
}

void detector_save(const struct detector *d, struct state_out *out)
{
	char name[STATE_NAME_SIZE];

	save_head(d, out);
	save_texts(d, out);
	for (size_t n = 0; n < d->compiled->group_count; n++) {
		save_group(d, n, out);
	}
	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		section_name(name, "pool", s);
		state_begin(out, name);
		pool_save(&d->pools[s], out);
		state_end(out);
	}
	effects_save(d, out);
	state_begin(out, "detect.callids");
	callids_save(&d->callids, out);
	state_end(out);
}

/* ---- loading ---- */

static int load_head(struct detector *d, struct state_in *in, uint64_t *group_count)
{
	struct worker *w = &d->workers[0];
	struct state_view v;
	int err = state_in_section(in, "detect", &v);

	if (err) {
		return err;
	}
	bool same = state_get_u32(&v) == RAW_SIZES;
	for (unsigned i = 0; same && i < RAW_SIZES; i++) {
		same = state_get_u32(&v) == raw_sizes[i];
	}
	if (!same) {
		return state_in_fail(in, "another build: windows are laid out otherwise");
	}
	*group_count = state_get_u64(&v);
	d->first_us = (int64_t)state_get_u64(&v);
	d->events = state_get_u64(&v);
	d->findings = state_get_u64(&v);
	w->key_missing = state_get_u64(&v);
	w->evicted = state_get_u64(&v);
	w->no_room = state_get_u64(&v);
	w->eval.regex_limits = state_get_u64(&v);
	if (d->first_us != INT64_MIN && !state_time_sane(d->first_us)) {
		return state_in_fail(in, "section detect: a first event at no time");
	}
	return state_in_end(in, &v);
}

static int load_pools(struct detector *d, struct state_in *in)
{
	char name[STATE_NAME_SIZE];
	struct state_view v;
	int err = OK;

	for (unsigned s = 0; err == OK && s < TABLE_SHARDS; s++) {
		section_name(name, "pool", s);
		err = state_in_section(in, name, &v);
		err = err ? err : pool_load(&d->pools[s], in, &v);
	}
	return err;
}

/* The cells of a shard lead to blocks of a length and as many bytes. */
static bool claim_texts(const struct counter *texts, struct pool *pool)
{
	if (!counter_claim(texts, pool)) {
		return false;
	}
	for (uint32_t i = 0; i < texts->cap; i++) {
		uint64_t ref = counter_cells(texts, pool)[i].count;
		if (!ref) {
			continue;
		}
		if (ref > UINT32_MAX ||
		    !pool_move(pool, (pool_ref)ref, POOL_UNCLAIMED, POOL_TEXT, sizeof(uint64_t))) {
			return false;
		}
		const uint64_t *block = pool_at(pool, (pool_ref)ref);
		if (*block > TEXT_MAX ||
		    *block > pool_size(pool, (pool_ref)ref) - sizeof(uint64_t)) {
			return false;
		}
	}
	return true;
}

static int load_texts(struct detector *d, struct state_in *in)
{
	struct state_view v;
	int err = state_in_section(in, "detect.text", &v);

	if (err) {
		return err;
	}
	for (unsigned s = 0; s < TABLE_SHARDS; s++) {
		d->texts[s].cells = state_get_u32(&v);
		d->texts[s].cap = state_get_u32(&v);
		d->texts[s].used = state_get_u32(&v);
		if (!v.failed && !claim_texts(&d->texts[s], &d->pools[s])) {
			return state_in_fail(in, "section %s: shard %u: broken texts", v.name, s);
		}
	}
	return state_in_end(in, &v);
}

/* The early events of a row, as every rule of its group would read them. */
static const char *claim_early(const void *user, const struct pool *pool, const struct row *row)
{
	const struct detect_group *g = user;
	struct window_event e;

	if (row->early > g->early.max) {
		return "a row with too many early events";
	}
	for (unsigned i = 0; i < row->early; i++) {
		for (unsigned n = 0; n < g->rule_count; n++) {
			const struct detect_rule *r = g->rules[n];
			if (!r->window_count || !early_read(g, row, i, n, &e)) {
				continue;
			}
			for (unsigned a = 0; a < r->arg_count; a++) {
				bool text = r->args[a].class == ARG_TEXT && (e.has >> a & 1);
				if (text && !window_text_known(pool, e.args[a])) {
					return "an early event with a text that is none";
				}
			}
			if (!state_time_sane(e.time_us)) {
				return "an early event at no time";
			}
		}
	}
	return NULL;
}

static const char *claim_state(const void *user, struct pool *pool, pool_ref ref, unsigned owner)
{
	const struct detect_group *g = user;

	return g->sequence ? sequence_claim(g, pool, ref)
	                   : baseline_claim(g->rules[owner]->resolved, pool, ref);
}

/* Which arguments of a spec are texts: those of the rule that the spec belongs to. */
static void texts_of(const struct detect_group *g, struct table_claim *claim)
{
	for (unsigned n = 0; n < g->rule_count; n++) {
		const struct detect_rule *r = g->rules[n];
		uint32_t args = 0;
		for (unsigned i = 0; i < r->arg_count; i++) {
			args |= (uint32_t)(r->args[i].class == ARG_TEXT) << i;
		}
		for (unsigned i = 0; i < r->window_count; i++) {
			claim->texts[r->windows[i]].args = args;
		}
	}
}

static int load_rows(struct detector *d, struct detect_group *g, struct state_in *in,
                     struct state_view *v)
{
	uint32_t owners[GROUP_RULES_MAX], renamed[GROUP_RULES_MAX];
	struct table_claim claim = {.pools = d->pools,
	                            .early = claim_early,
	                            .state = claim_state,
	                            .user = g,
	                            .owners = owners,
	                            .renamed = renamed,
	                            .owner_count = owner_count(g)};

	if (state_get_u32(v) != owner_count(g)) {
		return state_in_fail(in, "section %s: another number of rules", v->name);
	}
	for (unsigned i = 0; i < owner_count(g); i++) {
		owners[i] = state_get_u32(v);
		renamed[i] = owner(g, i);
	}
	texts_of(g, &claim);
	return table_load(g->table, &claim, in, v);
}

/* Signatures of all groups of d, one behind the other. */
static uint8_t *sign_groups(const struct detector *d, struct state_in *in)
{
	size_t count = d->compiled->group_count;
	uint8_t *digests = malloc((count + 1) * DIGEST_SIZE);
	int err = digests ? OK : E_NOMEM;

	for (size_t n = 0; err == OK && n < count; n++) {
		err = sign_group(d, d->compiled->groups[n], digests + n * DIGEST_SIZE);
	}
	if (err) {
		(void)state_in_fail(in, "no memory");
		free(digests);
		return NULL;
	}
	return digests;
}

static int load_group(struct detector *d, const uint8_t *digests, const char *name,
                      struct state_in *in, struct detector_restore *restore)
{
	struct state_view v;
	int err = state_in_section(in, name, &v);
	const uint8_t *digest = err ? NULL : state_get_bytes(&v, DIGEST_SIZE);

	if (!digest) {
		return err ? err : state_in_end(in, &v);
	}
	for (size_t n = 0; n < d->compiled->group_count; n++) {
		struct detect_group *g = d->compiled->groups[n];
		if (memcmp(digests + n * DIGEST_SIZE, digest, DIGEST_SIZE) == 0) {
			if (table_rows(g->table)) {
				return state_in_fail(in, "section %s: a group twice", name);
			}
			restore->restored++;
			return load_rows(d, g, in, &v);
		}
	}
	restore->dropped++;
	return OK;
}

static int load_groups(struct detector *d, uint64_t count, struct state_in *in,
                       struct detector_restore *restore)
{
	uint8_t *digests = sign_groups(d, in);
	char name[STATE_NAME_SIZE];
	int err = digests ? OK : E_NOMEM;

	for (size_t n = 0; err == OK && n < count; n++) {
		section_name(name, "group", (unsigned)n);
		err = load_group(d, digests, name, in, restore);
	}
	free(digests);
	if (err == OK && restore->restored > d->compiled->group_count) {
		return state_in_fail(in, "section detect: a group twice");
	}
	restore->cold = d->compiled->group_count - restore->restored;
	return err;
}

struct rearm {
	struct detector *d;
	unsigned shard;
	unsigned group;
};

static void rearm_row(void *user, struct row *row)
{
	const struct rearm *r = user;

	sequence_rearm(r->d, r->shard, r->d->compiled->groups[r->group], row, r->group);
}

/* The timers of keys that wait for an absence. */
static void set_timers(struct detector *d)
{
	for (unsigned g = 0; g < d->compiled->group_count; g++) {
		for (unsigned s = 0; d->compiled->groups[g]->sequence && s < TABLE_SHARDS; s++) {
			struct rearm r = {d, s, g};
			table_each(d->compiled->groups[g]->table, &d->pools[s], s, rearm_row, &r);
		}
	}
}

int detector_load(struct detector *d, struct state_in *in, struct detector_restore *restore)
{
	struct state_view v;
	uint64_t group_count = 0;

	*restore = (struct detector_restore){0};
	int err = load_head(d, in, &group_count);
	err = err ? err : load_pools(d, in);
	err = err ? err : load_texts(d, in);
	err = err ? err : load_groups(d, group_count, in, restore);
	err = err ? err : effects_load(d, in);
	if (err == OK) {
		set_timers(d);
	}
	err = err ? err : state_in_section(in, "detect.callids", &v);
	err = err ? err : callids_load(&d->callids, in, &v);
	for (unsigned s = 0; err == OK && s < TABLE_SHARDS; s++) {
		restore->given_back += pool_settle(&d->pools[s]);
	}
	return err;
}
