#include "detect/early.h"

#include <string.h>

enum { WORD_BITS = 64 };

struct early_event {
	int64_t time_us;
	uint64_t event;
	uint64_t bits;
	uint64_t args[EARLY_ARGS_MAX];
};

/* Rows lie at multiples of 4 only, so events are copied in and out. */
static char *place(const struct detect_group *g, const struct row *row, unsigned i)
{
	return (char *)(uintptr_t)row->windows + i * g->early.stride;
}

/* ---- layout ---- */

static int same_arg(const struct detect_group *g, const struct logged_arg *arg)
{
	for (unsigned i = 0; i < g->early.arg_count; i++) {
		if (g->early.args[i]->class == arg->class &&
		    expr_equal(g->early.args[i]->expr, arg->expr)) {
			return (int)i;
		}
	}
	return -1;
}

static bool add_rule(struct detect_group *g, unsigned n)
{
	const struct detect_rule *r = g->rules[n];
	struct early_layout *early = &g->early;

	if (!r->window_count) {
		return true;
	}
	early->windowed |= UINT64_C(1) << n;
	early->first_filter[n] = (uint8_t)early->filter_count;
	early->filter_count += r->filter_count;
	for (unsigned i = 0; i < r->arg_count; i++) {
		int at = same_arg(g, &r->args[i]);
		if (at < 0 && early->arg_count == EARLY_ARGS_MAX) {
			return false;
		}
		if (at < 0) {
			at = (int)early->arg_count;
			early->args[early->arg_count++] = &r->args[i];
		}
		early->arg_of[n][i] = (uint8_t)at;
	}
	return g->rule_count + early->filter_count + early->arg_count <= WORD_BITS;
}

void early_lay_out(struct detect_group *g)
{
	uint64_t max = UINT64_MAX;

	g->early.max = 0;
	for (unsigned n = 0; n < g->rule_count; n++) {
		const struct detect_rule *r = g->rules[n];
		if (!add_rule(g, n)) {
			return;
		}
		if (r->window_count) {
			/* Fewer events than count_min leave the rule false. */
			uint64_t harmless = r->count_min ? r->count_min - 1 : 0;
			max = harmless < max ? harmless : max;
		}
	}
	if (!g->early.windowed) {
		return;
	}
	g->early.stride =
		offsetof(struct early_event, args) + g->early.arg_count * sizeof(uint64_t);
	uint64_t fit = EARLY_BYTES / g->early.stride;
	g->early.max = (uint8_t)(fit < max ? fit : max);
}

/* ---- bits: rules, filters, arguments ---- */

static unsigned filter_bit(const struct detect_group *g, unsigned rule)
{
	return g->rule_count + g->early.first_filter[rule];
}

static unsigned arg_bit(const struct detect_group *g, unsigned rule, unsigned i)
{
	return g->rule_count + g->early.filter_count + g->early.arg_of[rule][i];
}

/* ---- events ---- */

void early_begin(const struct detect_group *g, struct row *row, int64_t time_us, uint64_t event)
{
	struct early_event kept = {.time_us = time_us, .event = event};

	memcpy(place(g, row, row->early), &kept, g->early.stride);
	row->early++;
}

void early_log(const struct detect_group *g, struct row *row, unsigned rule,
               const struct window_event *e)
{
	const struct detect_rule *r = g->rules[rule];
	char *at = place(g, row, row->early - 1U);
	struct early_event kept;

	memcpy(&kept, at, g->early.stride);
	kept.bits |= UINT64_C(1) << rule |
	             (r->filter_count ? (uint64_t)e->flags << filter_bit(g, rule) : 0);
	for (unsigned i = 0; i < r->arg_count; i++) {
		if (e->has >> i & 1) {
			kept.bits |= UINT64_C(1) << arg_bit(g, rule, i);
			kept.args[g->early.arg_of[rule][i]] = e->args[i];
		}
	}
	memcpy(at, &kept, g->early.stride);
}

bool early_read(const struct detect_group *g, const struct row *row, unsigned i, unsigned rule,
                struct window_event *e)
{
	const struct detect_rule *r = g->rules[rule];
	struct early_event kept;

	memcpy(&kept, place(g, row, i), g->early.stride);
	if (!(kept.bits >> rule & 1)) {
		return false;
	}
	e->time_us = kept.time_us;
	e->event = kept.event;
	e->flags = 0;
	e->has = 0;
	if (r->filter_count) {
		uint64_t mask = (UINT64_C(1) << r->filter_count) - 1;
		e->flags = (uint32_t)(kept.bits >> filter_bit(g, rule) & mask);
	}
	for (unsigned a = 0; a < r->arg_count; a++) {
		e->args[a] = 0;
		if (kept.bits >> arg_bit(g, rule, a) & 1) {
			e->has |= UINT32_C(1) << a;
			e->args[a] = kept.args[g->early.arg_of[rule][a]];
		}
	}
	return true;
}
