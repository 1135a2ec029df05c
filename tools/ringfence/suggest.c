/* ringfence suggest: what other values of a rule's parameters would have raised on the same
 * traffic, and which of them a label file or a budget speaks for.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/variants.h"
#include "core/err.h"
#include "core/json.h"
#include "enrich/csv.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"

static const struct command_help help = {
	.usage =
		"ringfence suggest RULE INPUT... [--param NAME] [--labels F] [--budget N/day] [options]",
	.about =
		"Runs the rule with a dozen values of one parameter over the traffic, read once, and shows for\n"
		"each how many alerts come a day. With --labels (call_id,campaign,class: calls that are\n"
		"confirmed scam) also how many of them are right, and how many operations are found; then the\n"
		"values with the best F2 (misses weigh more) and F0.5 (false alarms weigh more) are marked.\n"
		"With --budget the value that stays below so many alerts a day. Without --param every\n"
		"parameter that the author lets sites tune, one after the other.",
	.common = true,
};

enum { VALUES_MAX = 12, PATH_TEXT = 4096 };

struct suggest_options {
	const char *param;
	const char *labels;
	const char *budget;
};

/* A value and what it raises. */
struct trial {
	struct value value;
	bool now;
	uint64_t alerts;
	uint64_t right;      /* most of the evidence is labelled */
	uint64_t operations; /* that right alerts hold a call of */
	double f2, f05;
};

/* ---- labels ---- */

struct label {
	uint64_t call;
	uint32_t operation;
};

struct labels {
	struct label *items;
	size_t count, cap;
	char **operations;
	size_t operation_count;
};

static const struct hash_key plain_key; /* of this run alone: nothing is written */

static int by_call(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return (x->call > y->call) - (x->call < y->call);
}

static uint32_t operation_index(struct labels *l, struct slice name)
{
	for (size_t i = l->operation_count; i-- > 0;) {
		if (slice_eq(slice_of(l->operations[i]), name)) {
			return (uint32_t)i;
		}
	}
	char **grown = realloc(l->operations, (l->operation_count + 1) * sizeof(char *));
	if (!grown) {
		return 0;
	}
	l->operations = grown;
	grown[l->operation_count] = strndup(name.p ? name.p : "", name.len);
	return (uint32_t)l->operation_count++;
}

static bool labels_read(struct labels *l, const char *path)
{
	static const char *const names[] = {"call_id", "campaign", "class"};
	struct diags diags;
	struct csv c;

	diags_init(&diags);
	bool whole = csv_open(&c, path, &diags) == OK;
	if (!whole) {
		fprintf(stderr, "%s: cannot be read\n", path);
		diags_fini(&diags);
		return false;
	}
	whole = csv_header(&c, names, 3, 2);
	while (whole && csv_next(&c)) {
		if (l->count == l->cap) {
			size_t cap = l->cap ? l->cap * 2 : 4096;
			struct label *grown = realloc(l->items, cap * sizeof(*grown));
			if (!grown) {
				whole = false;
				break;
			}
			l->items = grown;
			l->cap = cap;
		}
		l->items[l->count++] = (struct label){hash_slice(&plain_key, csv_cell(&c, 0)),
		                                      operation_index(l, csv_cell(&c, 1))};
	}
	whole = whole && !csv_failed(&c);
	csv_close(&c);
	common_print_diags(&diags);
	diags_fini(&diags);
	if (l->count) {
		qsort(l->items, l->count, sizeof(*l->items), by_call);
	}
	return whole;
}

static const struct label *label_of(const struct labels *l, struct slice call)
{
	struct label wanted = {.call = hash_slice(&plain_key, call)};

	return l->count ? bsearch(&wanted, l->items, l->count, sizeof(wanted), by_call) : NULL;
}

static void labels_fini(struct labels *l)
{
	for (size_t i = 0; i < l->operation_count; i++) {
		free(l->operations[i]);
	}
	free(l->operations);
	free(l->items);
}

/* ---- values to try ---- */

static double as_double(const struct param *p, const struct value *v)
{
	return p->type == TYPE_FLOAT ? v->f : (double)v->i;
}

static struct value of_double(const struct param *p, double f)
{
	struct value v = {.missing = false};

	if (p->type == TYPE_FLOAT) {
		v.f = f;
	} else if (p->type == TYPE_DUR) {
		v.i = (int64_t)(f / 1e5 + 0.5) * 100000; /* tenths of a second */
	} else {
		v.i = (int64_t)(f + 0.5);
	}
	return v;
}

/* Log-spaced from a quarter of the present value to four times it, inside the author's range. */
static size_t spread_values(const struct param *p, struct trial trials[VALUES_MAX])
{
	double now = as_double(p, &p->value), low = now / 4, high = now * 4;
	size_t count = 0;

	low = !p->low.missing && as_double(p, &p->low) > low ? as_double(p, &p->low) : low;
	high = !p->high.missing && as_double(p, &p->high) < high ? as_double(p, &p->high) : high;
	for (unsigned i = 0; i < VALUES_MAX; i++) {
		double f = low > 0 ? low * pow(high / low, i / (VALUES_MAX - 1.0))
		                   : low + (high - low) * i / (VALUES_MAX - 1.0);
		struct value v = of_double(p, f);
		/* The present value takes the place of the nearest above it. */
		bool passed = count == 0 || as_double(p, &trials[count - 1].value) < now;
		if (passed && as_double(p, &v) >= now) {
			trials[count++] = (struct trial){.value = p->value, .now = true};
			if (as_double(p, &v) == now) {
				continue;
			}
		}
		if (count < VALUES_MAX &&
		    (count == 0 || as_double(p, &v) > as_double(p, &trials[count - 1].value))) {
			trials[count++] = (struct trial){.value = v};
		}
	}
	return count;
}

/* ---- one parameter ---- */

struct study {
	const struct common_options *options;
	const struct suggest_options *own;
	const struct site *site;
	const struct rule *rule;
	unsigned param;
	struct labels *labels;
	struct trial trials[VALUES_MAX + 1];
	size_t count;
	double days;
};

/* The site with the rule changed. What it needs of others stays. */
static struct site *changed_site(const struct study *s, const struct value *value,
                                 struct arena *arena)
{
	struct site *site = arena_alloc(arena, sizeof(*site));
	struct ruleset *set = arena_alloc(arena, sizeof(*set));
	struct rule *rule = arena_alloc(arena, sizeof(*rule));

	if (!site || !set || !rule) {
		return NULL;
	}
	*site = *s->site;
	*set = *s->site->rules;
	*rule = *s->rule;
	rule->params[s->param].value = *value;
	set->rules = arena_alloc(arena, (set->rule_count + 1) * sizeof(struct rule *));
	if (!set->rules) {
		return NULL;
	}
	bool alone = rule->kind != KIND_SIGNAL && rule->kind != KIND_SCORE;
	size_t count = 0;
	for (size_t i = 0; i < s->site->rules->rule_count; i++) {
		struct rule *r = s->site->rules->rules[i];
		if (r == s->rule) {
			set->rules[count++] = rule;
		} else if (!alone) {
			set->rules[count++] = r;
		}
	}
	set->rule_count = count;
	site->rules = set;
	return site;
}

static void judge(const struct study *s, const struct variant *v, struct trial *t)
{
	bool *found = calloc(s->labels->operation_count + 1, sizeof(*found));

	for (size_t i = 0; i < v->count; i++) {
		const struct variant_alert *a = &v->alerts[i];
		size_t scam = 0;
		if (!slice_eq(a->rule, s->rule->name)) {
			continue;
		}
		t->alerts++;
		for (size_t n = 0; n < a->call_count; n++) {
			scam += label_of(s->labels, a->calls[n]) != NULL;
		}
		if (!found || !s->labels->count || scam * 2 <= a->call_count) {
			continue;
		}
		t->right++;
		for (size_t n = 0; n < a->call_count; n++) {
			const struct label *label = label_of(s->labels, a->calls[n]);
			if (label) {
				found[label->operation] = true;
			}
		}
	}
	for (size_t i = 0; found && i < s->labels->operation_count; i++) {
		t->operations += found[i];
	}
	free(found);
}

/* F of precision (alerts) and recall (operations that any of the values finds). */
static double f_beta(double beta, double precision, double recall)
{
	double b = beta * beta, below = b * precision + recall;

	return below > 0 ? (1 + b) * precision * recall / below : 0;
}

static void weigh(struct study *s)
{
	uint64_t most = 0;

	for (size_t i = 0; i < s->count; i++) {
		most = s->trials[i].operations > most ? s->trials[i].operations : most;
	}
	for (size_t i = 0; i < s->count; i++) {
		struct trial *t = &s->trials[i];
		double precision = t->alerts ? (double)t->right / (double)t->alerts : 0;
		double recall = most ? (double)t->operations / (double)most : 0;
		t->f2 = f_beta(2, precision, recall);
		t->f05 = f_beta(0.5, precision, recall);
	}
}

static const struct trial *best(const struct study *s, bool f2)
{
	const struct trial *best = NULL;

	for (size_t i = 0; i < s->count; i++) {
		const struct trial *t = &s->trials[i];
		double f = f2 ? t->f2 : t->f05;
		if (f > 0 && (!best || f > (f2 ? best->f2 : best->f05))) {
			best = t;
		}
	}
	return best;
}

/* The value with most alerts that stays within the budget. */
static const struct trial *within(const struct study *s)
{
	double budget = s->own->budget ? strtod(s->own->budget, NULL) : 0;
	const struct trial *best = NULL;

	for (size_t i = 0; s->own->budget && i < s->count; i++) {
		const struct trial *t = &s->trials[i];
		bool fits = (double)t->alerts <= budget * s->days;
		best = fits && (!best || t->alerts > best->alerts) ? t : best;
	}
	return best;
}

static void print_table(const struct study *s, struct buf *out)
{
	const struct param *p = &s->rule->params[s->param];
	const struct trial *f2 = best(s, true), *f05 = best(s, false), *fits = within(s);
	bool labelled = s->labels->count > 0;

	buf_printf(out, "%.*s $%.*s\n%14s %12s", SLICE_FMT(s->rule->name), SLICE_FMT(p->name),
	           "value", "alerts/day");
	buf_text(out, labelled ? "        right   precision  operations\n" : "\n");
	for (size_t i = 0; i < s->count; i++) {
		const struct trial *t = &s->trials[i];
		struct buf value = {0};
		param_print(p, &t->value, &value);
		buf_text(&value, t->now ? " (now)" : "");
		buf_printf(out, "%14.*s %12.1f", SLICE_FMT(buf_view(&value)),
		           (double)t->alerts / s->days);
		buf_fini(&value);
		if (labelled) {
			buf_printf(out, " %12llu %10.0f%% %11llu", (unsigned long long)t->right,
			           t->alerts ? 100.0 * (double)t->right / (double)t->alerts : 0.0,
			           (unsigned long long)t->operations);
		}
		buf_text(out, t == f2 && t == f05 ? "   <- best F2 and F0.5"
		              : t == f2           ? "   <- best F2 (misses weigh more)"
		              : t == f05          ? "   <- best F0.5 (false alarms weigh more)"
		                                  : "");
		buf_text(out, t == fits ? "   <- within the budget\n" : "\n");
	}
}

static void print_json(const struct study *s, struct buf *out)
{
	const struct param *p = &s->rule->params[s->param];
	struct json_out w = json_out(out);

	json_object(&w);
	json_key(&w, "rule");
	json_slice(&w, s->rule->name);
	json_key(&w, "param");
	json_slice(&w, p->name);
	json_key(&w, "days");
	json_double(&w, s->days);
	json_key(&w, "values");
	json_array(&w);
	for (size_t i = 0; i < s->count; i++) {
		const struct trial *t = &s->trials[i];
		struct buf value = {0};
		param_print(p, &t->value, &value);
		json_object(&w);
		json_key(&w, "value");
		json_slice(&w, buf_view(&value));
		json_key(&w, "now");
		json_bool(&w, t->now);
		json_key(&w, "alerts");
		json_int(&w, (int64_t)t->alerts);
		json_key(&w, "right");
		json_int(&w, (int64_t)t->right);
		json_key(&w, "operations");
		json_int(&w, (int64_t)t->operations);
		json_key(&w, "f2");
		json_double(&w, t->f2);
		json_key(&w, "f05");
		json_double(&w, t->f05);
		json_object_end(&w);
		buf_fini(&value);
	}
	json_array_end(&w);
	json_object_end(&w);
	buf_char(out, '\n');
}

/* Days of traffic: what the alerts are divided by, a day at least an hour long. */
static double days_of(const struct variant *v)
{
	double days = (double)(v->last_us - v->first_us) / 86400e6;

	return days > 1.0 / 24 ? days : 1.0 / 24;
}

static int run_trials(struct study *s, struct variant *variants)
{
	struct replay_inputs inputs;
	struct feed_options feed = common_feed(s->options, s->site);
	struct pipeline_options base = {.site_name = common_site_name(),
	                                .engine_name = common_engine_name(),
	                                .memory = s->options->memory,
	                                .threads = 1};
	struct diags diags;
	const char *why = "";
	size_t which = 0;

	diags_init(&diags);
	int err = replay_open(s->options->inputs + 1, s->options->input_count - 1, &feed, &inputs,
	                      &diags);
	common_print_diags(&diags);
	diags_fini(&diags);
	if (err) {
		return err;
	}
	base.source_names = inputs.names;
	base.source_count = inputs.count;
	err = variants_run(&inputs, variants, s->count, &base, !s->options->no_flush, &why, &which);
	if (err) {
		fprintf(stderr, "%s: %s\n", err == E_IO ? inputs.names[which] : "suggest",
		        err == E_NOMEM ? why : err_text(err));
	}
	replay_close(&inputs);
	return err;
}

static int study_param(struct study *s)
{
	struct variant variants[VALUES_MAX + 1];
	struct arena arena;
	int err = OK;

	arena_init(&arena, 256 << 20);
	s->count = spread_values(&s->rule->params[s->param], s->trials);
	for (size_t i = 0; i < s->count; i++) {
		struct site *site = changed_site(s, &s->trials[i].value, &arena);
		err = site ? err : E_NOMEM;
		variant_init(&variants[i], site);
	}
	err = err ? err : run_trials(s, variants);
	for (size_t i = 0; i < s->count; i++) {
		if (!err) {
			s->days = days_of(&variants[0]);
			judge(s, &variants[i], &s->trials[i]);
		}
		variant_fini(&variants[i]);
	}
	if (!err) {
		struct buf out = {0};
		weigh(s);
		(s->options->json ? print_json : print_table)(s, &out);
		err = common_write(stdout, &out) ? OK : E_IO;
		buf_fini(&out);
	}
	arena_fini(&arena);
	return err;
}

static bool is_wanted(const struct suggest_options *o, const struct param *p)
{
	bool scales = p->type == TYPE_INT || p->type == TYPE_FLOAT || p->type == TYPE_DUR;

	return scales && (o->param ? slice_eq(p->name, slice_of(o->param)) : p->tune && p->used);
}

static const struct rule *find_rule(const struct site *site, const char *name)
{
	for (size_t i = 0; i < site->rules->rule_count; i++) {
		const struct rule *r = site->rules->rules[i];
		if (slice_eq(r->name, slice_of(name)) || slice_eq(r->id, slice_of(name))) {
			return r;
		}
	}
	return NULL;
}

static int suggest(const struct common_options *options, const struct suggest_options *own,
                   const struct site *site)
{
	struct labels labels = {0};
	const struct rule *rule = find_rule(site, options->inputs[0]);
	unsigned studied = 0;
	int err = OK;

	if (!rule) {
		fprintf(stderr, "there is no rule '%s'\n", options->inputs[0]);
		return EXIT_USAGE;
	}
	if (own->labels && !labels_read(&labels, own->labels)) {
		labels_fini(&labels);
		return EXIT_BAD_INPUT;
	}
	for (unsigned i = 0; err == OK && i < rule->param_count; i++) {
		if (is_wanted(own, &rule->params[i])) {
			struct study s = {.options = options,
			                  .own = own,
			                  .site = site,
			                  .rule = rule,
			                  .param = i,
			                  .labels = &labels};
			err = study_param(&s);
			studied++;
		}
	}
	labels_fini(&labels);
	if (!studied) {
		fprintf(stderr, "rule '%s' has no such parameter that can be tuned\n",
		        options->inputs[0]);
		return EXIT_USAGE;
	}
	return err ? EXIT_BAD_INPUT : EXIT_DONE;
}

int cmd_suggest(int argc, char **argv)
{
	struct suggest_options o = {0};
	const struct own_option own[] = {
		{"param", "NAME", "the parameter to vary", &o.param, NULL},
		{"labels", "F", "confirmed scam calls: call_id,campaign", &o.labels, NULL},
		{"budget", "N/day", "how many alerts a day are welcome", &o.budget, NULL},
	};
	struct common_options options;
	int status = common_options(argc, argv, &help, own, 3, &options);

	if (status >= 0) {
		return status;
	}
	if (options.input_count < 2) {
		fprintf(stderr, "a rule and an input are needed\nusage: %s\n", help.usage);
		return EXIT_USAGE;
	}
	struct site *site = common_site(&options, false);
	if (!site) {
		return EXIT_BAD_INPUT;
	}
	status = suggest(&options, &o, site);
	site_free(site);
	return status;
}
