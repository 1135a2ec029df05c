/* `check --plan`: how each rule is evaluated and what a key of it costs. */
#include "core/instant.h"
#include "core/json.h"
#include "detect/detector_parts.h"

struct cost {
	unsigned cheap;    /* conjuncts of `where` computed by column */
	unsigned costly;   /* conjuncts left to the scalar evaluator */
	size_t cold_bytes; /* a key with one event */
	size_t log_bytes;  /* an event more */
	size_t full_bytes; /* a key with exact_max events */
	bool stateless;
};

static struct cost cost_of(const struct compiled *c, const struct detect_rule *r)
{
	struct cost cost = {.cheap = r->where.cheap_count[0],
	                    .costly = r->where.costly_count,
	                    .stateless = r->window_count == 0};

	for (size_t g = 0; g < c->group_count; g++) {
		for (unsigned n = 0; n < c->groups[g]->rule_count; n++) {
			if (c->groups[g]->rules[n] != r) {
				continue;
			}
			for (unsigned i = 0; i < r->window_count; i++) {
				const struct window_spec *spec =
					&c->groups[g]->specs[r->windows[i]];
				cost.log_bytes += spec->stride;
				cost.cold_bytes += sizeof(struct window) + spec->stride;
				cost.full_bytes +=
					spec->hot_size + 2 * (size_t)spec->exact_max * spec->stride;
			}
		}
	}
	return cost;
}

static const char *aggregate_name(enum aggregate fn)
{
	static const char *const names[] = {
		"",
#define AGGREGATE(id, name, args, result, help) name,
#include "detect/aggregates.def"
#undef AGGREGATE
	};

	return names[fn];
}

static const char *plan_words(enum aggregate fn)
{
	switch (fn) {
	case AGGREGATE_DISTINCT: return "exact to 4096 values, then HyperLogLog p=12 (1.6 %)";
	case AGGREGATE_QUANTILE: return "exact to 256 values, then within 1 %";
	case AGGREGATE_ENTROPY:
	case AGGREGATE_TOP_SHARE: return "exact in an exact window, then 64 counters a pane";
	default: return "exact in an exact window, then panes";
	}
}

static void print_text(const struct detect_rule *r, const struct cost *cost, struct buf *out)
{
	buf_printf(out, "%.*s\n  on %s, where: %u conditions by column, %u by event\n",
	           SLICE_FMT(r->rule->name), kind_name(r->rule->kind), cost->cheap, cost->costly);
	if (r->rule->step_count) {
		char within[INSTANT_TEXT];
		(void)duration_format_exact(r->rule->within_us, within);
		buf_printf(out, "  %u steps within %s, one partial a step and key%s\n",
		           r->rule->step_count, within,
		           r->rule->loss_safe ? "" : "; not loss-safe");
		return;
	}
	if (cost->stateless) {
		buf_printf(out, "  no windows%s\n", r->rule->loss_safe ? "" : "; not loss-safe");
		return;
	}
	for (unsigned i = 0; i < r->resolved->agg_count; i++) {
		const struct agg *a = &r->resolved->aggs[i];
		buf_printf(out, "  %-10s %.*s: %s\n", aggregate_name(a->fn), SLICE_FMT(a->text),
		           plan_words(a->fn));
	}
	buf_printf(
		out,
		"  exact to %u events a key and window, %u panes beyond; evaluated from %llu events on%s\n"
		"  memory a key: %zu bytes with one event, %zu an event more, %zu at most while exact\n",
		r->rule->exact_max, r->rule->resolution, (unsigned long long)r->count_min,
		r->rule->loss_safe ? "" : "; not loss-safe", cost->cold_bytes, cost->log_bytes,
		cost->full_bytes);
}

static void print_json(struct json_out *w, const struct detect_rule *r, const struct cost *cost)
{
	json_object(w);
	json_key(w, "rule");
	json_slice(w, r->rule->name);
	json_key(w, "on");
	json_text(w, kind_name(r->rule->kind));
	json_key(w, "conditions_by_column");
	json_int(w, cost->cheap);
	json_key(w, "conditions_by_event");
	json_int(w, cost->costly);
	json_key(w, "windows");
	json_int(w, r->window_count);
	json_key(w, "exact_max");
	json_int(w, r->rule->exact_max);
	json_key(w, "panes");
	json_int(w, r->rule->resolution);
	json_key(w, "count_min");
	json_int(w, (int64_t)r->count_min);
	json_key(w, "loss_safe");
	json_bool(w, r->rule->loss_safe);
	json_key(w, "bytes_one_event");
	json_int(w, (int64_t)cost->cold_bytes);
	json_key(w, "bytes_an_event");
	json_int(w, (int64_t)cost->log_bytes);
	json_key(w, "bytes_exact_max");
	json_int(w, (int64_t)cost->full_bytes);
	json_object_end(w);
}

void detector_plan(const struct detector *d, struct buf *out, bool json)
{
	struct json_out w = json_out(out);

	if (json) {
		json_array(&w);
	}
	for (size_t i = 0; i < d->compiled->rule_count; i++) {
		const struct detect_rule *r = &d->compiled->rules[i];
		struct cost cost = cost_of(d->compiled, r);
		if (json) {
			print_json(&w, r, &cost);
		} else {
			print_text(r, &cost, out);
		}
	}
	if (json) {
		json_array_end(&w);
		buf_char(out, '\n');
	} else {
		buf_printf(out, "%zu predicates by column, shared by all rules\n",
		           columns_count(d->compiled->columns));
	}
}
