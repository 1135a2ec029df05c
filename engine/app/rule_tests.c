#include "app/rule_tests.h"

#include <stdlib.h>
#include <string.h>

#include "alerts/alerts.h"
#include "core/err.h"
#include "core/json.h"
#include "detect/exceptions.h"

enum { EVENTS_MAX = 2000000, TEXT_MAX = 512, ACTUAL_MAX = 4096 };
/* 2026-01-05T12:00:00Z, a Monday. */
static const int64_t test_zero_us = INT64_C(1767614400) * US_PER_S;

/* One event of a test: when, from which generator, which repetition. */
struct planned {
	int64_t time_us;
	const struct test_gen *gen;
	int64_t i;
	size_t order;
};

/* An alert as the test sees it. */
struct actual {
	int64_t time_us;
	char keys[RULE_KEYS_MAX][TEXT_MAX];
	size_t key_count;
	struct named_datum values[RULE_LETS_MAX];
	size_t value_count;
	bool late;
};

struct run {
	const struct site *site;
	const struct rule *rule; /* of the copy with the test's parameters */
	const struct rule_test *test;
	struct test_result *result;
	struct eval_site eval;
	struct ruleset set; /* a shallow copy: rules with the test's parameters */
	struct list **own;  /* lists that the test gives */
	const struct list **lists;
	struct enrich *enrich;
	struct detector *detector;
	struct alerts *alerts;
	struct batch *batch;
	struct planned *plan;
	size_t plan_count;
	struct actual *actual;
	size_t actual_count;
	struct arena arena;
};

static void fail(struct run *r, struct place at, const char *what, struct slice value)
{
	r->result->passed = false;
	buf_printf(&r->result->report, "    line %u: %s '%.*s'\n", at.line, what, SLICE_FMT(value));
}

/* ---- parameters and lists of the test ---- */

static struct rule *own_rule(struct run *r, struct slice name)
{
	for (size_t i = 0; i < r->set.rule_count; i++) {
		struct rule *rule = r->set.rules[i];
		if (!name.p ? rule == r->rule
		            : slice_eq(rule->id, name) || slice_eq(rule->name, name)) {
			return rule;
		}
	}
	return NULL;
}

static bool set_params(struct run *r)
{
	for (const struct test_param *p = r->test->params; p; p = p->next) {
		struct rule *rule = own_rule(r, p->rule);
		bool found = false;
		for (unsigned i = 0; rule && i < rule->param_count; i++) {
			struct param *param = &rule->params[i];
			if (slice_eq(param->name, p->name)) {
				found = value_parse(param->type, ENUM_NONE, p->text,
				                    &param->value) == OK;
			}
		}
		if (!found) {
			fail(r, p->at, "no such parameter or not a value of it:", p->name);
			return false;
		}
	}
	return true;
}

/* Tests are the author's: they are about the rule as he wrote it, not as a site tuned it. */
static void as_authored(struct rule *rule)
{
	for (unsigned i = 0; rule->overridden && i < rule->param_count; i++) {
		rule->params[i].value = rule->params[i].authored;
	}
	if (rule->overridden) {
		rule->where = rule->authored_where;
		rule->status = STATUS_STABLE;
	}
	rule->mask_count = 0; /* keys are named as they are */
}

static bool copy_rules(struct run *r, const struct rule *rule)
{
	r->set = *r->site->rules;
	r->set.rules = arena_alloc(&r->arena, (r->set.rule_count + 1) * sizeof(struct rule *));
	for (size_t i = 0; r->set.rules && i < r->set.rule_count; i++) {
		r->set.rules[i] = arena_alloc(&r->arena, sizeof(struct rule));
		if (!r->set.rules[i]) {
			return false;
		}
		*r->set.rules[i] = *r->site->rules->rules[i];
		as_authored(r->set.rules[i]);
		r->set.rules[i]->exceptions = exceptions_copy(
			&r->arena, r->set.rules[i]->exceptions, r->test->exceptions);
		if (r->site->rules->rules[i] == rule) {
			r->rule = r->set.rules[i];
		}
	}
	return r->set.rules && set_params(r);
}

static size_t list_index(const struct run *r, struct slice name)
{
	size_t i = 0;

	while (i < r->set.list_count && !slice_eq(r->set.lists[i].name, name)) {
		i++;
	}
	return i;
}

static bool set_lists(struct run *r)
{
	struct normaliser norm = r->site->norm;
	struct diags d;

	norm.home = r->eval.country;
	r->own = arena_alloc(&r->arena, (r->set.list_count + 1) * sizeof(struct list *));
	r->lists = arena_alloc(&r->arena, (r->set.list_count + 1) * sizeof(struct list *));
	if (!r->own || !r->lists) {
		return false;
	}
	for (size_t i = 0; r->site->lists && i < r->set.list_count; i++) {
		r->lists[i] = r->site->lists[i];
	}
	diags_init(&d);
	for (const struct test_list *l = r->test->lists; l; l = l->next) {
		size_t i = list_index(r, l->name);
		if (i == r->set.list_count) {
			fail(r, r->test->at, "no rule file declares the list", l->name);
			break;
		}
		struct list_options options = {.type = r->set.lists[i].type,
		                               .name = l->name,
		                               .columns = r->set.lists[i].columns,
		                               .column_count = r->set.lists[i].column_count};
		r->own[i] = list_inline(l->values, l->places, l->count, &options, &norm, &d);
		r->lists[i] = r->own[i];
		if (!r->own[i]) {
			diags_print(&d, &r->result->report);
			r->result->passed = false;
		}
	}
	diags_fini(&d);
	return r->result->passed;
}

/* ---- events ---- */

static int cmp_planned(const void *a, const void *b)
{
	const struct planned *x = a, *y = b;

	if (x->time_us != y->time_us) {
		return x->time_us < y->time_us ? -1 : 1;
	}
	if (x->gen->kind != y->gen->kind) {
		return x->gen->kind < y->gen->kind ? -1 : 1;
	}
	return (x->order > y->order) - (x->order < y->order);
}

static bool plan_events(struct run *r)
{
	int64_t count = 0;

	for (const struct test_gen *g = r->test->given; g; g = g->next) {
		count += g->repeat;
	}
	if (count > EVENTS_MAX) {
		fail(r, r->test->at, "more than 2,000,000 events in test", r->test->name);
		return false;
	}
	r->plan = malloc((size_t)(count + 1) * sizeof(*r->plan));
	for (const struct test_gen *g = r->test->given; r->plan && g; g = g->next) {
		int64_t base = g->start_us == INSTANT_NONE ? test_zero_us : g->start_us;
		for (int64_t i = 0; i < g->repeat; i++) {
			r->plan[r->plan_count] = (struct planned){base + g->at_us + i * g->every_us,
			                                          g, i, r->plan_count};
			r->plan_count++;
		}
	}
	if (r->plan_count) {
		qsort(r->plan, r->plan_count, sizeof(*r->plan), cmp_planned);
	}
	return r->plan != NULL;
}

/* A field of the test as text for the members that enrichment starts from. */
static void set_written(struct event *e, enum field field, struct slice text)
{
	switch (field) {
	case FIELD_CALLER_NUM:
	case FIELD_PARTY_NUM: e->caller.text = text; break;
	case FIELD_CALLEE_NUM:
	case FIELD_PEER_NUM: e->callee.text = text; break;
	case FIELD_PAI_NUM: e->pai.text = text; break;
	case FIELD_FROM_NUM: e->from.text = text; break;
	case FIELD_DIVERT_NUM:
		e->divert.text = text;
		e->forwarded = true;
		break;
	case FIELD_TRUNK_ID: e->trunk_in = text; break;
	case FIELD_TRUNK_OUT_ID: e->trunk_out = text; break;
	case FIELD_SRC_IP: (void)ip_parse(text, &e->src); break;
	case FIELD_DST_IP: (void)ip_parse(text, &e->dst); break;
	case FIELD_ACCOUNT_ID: e->account = text; break;
	case FIELD_STIR_ORIG: e->stir_orig = text; break;
	case FIELD_STIR_DEST: e->stir_dest = text; break;
	default: break;
	}
}

static bool expand(struct run *r, const struct test_field *f, int64_t i, char out[TEXT_MAX],
                   struct slice *text)
{
	if (test_expand(f->text, i, out, TEXT_MAX, text) != OK) {
		fail(r, f->at, "cannot expand", f->text);
		return false;
	}
	return true;
}

/* Which column a test sets: of a party name its orig column. */
static enum field column_of(enum field field)
{
	return field < FIELD_COUNT ? field : field_column(field, PARTYROLE_ORIG);
}

static bool set_column(struct run *r, uint32_t row, const struct test_field *f, struct slice text)
{
	enum field column = column_of(f->field);
	enum storage storage = column == FIELD_NONE ? STORE_NONE : field_row(column)->storage;
	struct value v = {0};

	if (storage == STORE_NONE || storage == STORE_NUM || storage == STORE_IP ||
	    column == FIELD_KIND || column == FIELD_TIME) {
		return true; /* set before enrichment, or not a column */
	}
	if (value_parse(type_of_storage(storage), field_row(column)->set, text, &v) != OK) {
		fail(r, f->at, "not a value of this field:", text);
		return false;
	}
	union column *col = &r->batch->col[column];
	switch (storage) {
	case STORE_TIME:
	case STORE_DUR:
	case STORE_INT: col->i64[row] = v.i; break;
	case STORE_FLOAT: col->f64[row] = v.f; break;
	case STORE_BOOL:
	case STORE_ENUM: col->u8[row] = (uint8_t)v.i; break;
	case STORE_COUNTRY: col->country[row] = (country)v.i; break;
	default: col->text[row] = arena_copy(&r->batch->arena, text); break;
	}
	return true;
}

static bool sets(const struct test_gen *g, enum field field)
{
	for (const struct test_field *f = g->fields; f; f = f->next) {
		if (column_of(f->field) == field) {
			return true;
		}
	}
	return false;
}

/* What a test leaves out is derived as in production: the cause from `answered`. */
static void set_defaults(struct run *r, uint32_t row, const struct test_gen *g)
{
	const struct batch *b = r->batch;
	bool answered = b->col[FIELD_ANSWERED].u8[row] == TRUTH_TRUE;

	if (g->kind == KIND_CALL && !sets(g, FIELD_CAUSE)) {
		b->col[FIELD_CAUSE].u8[row] = cause_of(INSTANT_NONE, INSTANT_NONE, answered);
	}
	if (g->kind == KIND_CALL && !sets(g, FIELD_START)) {
		b->col[FIELD_START].i64[row] =
			b->col[FIELD_TIME].i64[row] - b->col[FIELD_DURATION].i64[row];
	}
}

static bool append(struct run *r, const struct planned *p, size_t nth)
{
	char texts[64][TEXT_MAX];
	char call_id[32];
	struct slice expanded[64];
	size_t n = 0;
	struct event e;

	event_init(&e, p->gen->kind);
	e.time_us = p->time_us;
	(void)snprintf(call_id, sizeof(call_id), "c%zu", nth);
	e.call_id = slice_of(call_id);
	for (const struct test_field *f = p->gen->fields; f && n < 64; f = f->next, n++) {
		if (!expand(r, f, p->i, texts[n], &expanded[n])) {
			return false;
		}
		set_written(&e, f->field, expanded[n]);
	}
	return batch_append(r->batch, &e) == OK;
}

/* After enrichment: the values that the test gives itself. */
static bool override(struct run *r, const struct planned *p, uint32_t row)
{
	char text[TEXT_MAX];
	struct slice expanded;

	for (const struct test_field *f = p->gen->fields; f; f = f->next) {
		if (!expand(r, f, p->i, text, &expanded) || !set_column(r, row, f, expanded)) {
			return false;
		}
	}
	set_defaults(r, row, p->gen);
	return true;
}

/* ---- alerts ---- */

static void datum_to_text(const struct datum *d, char out[TEXT_MAX])
{
	char plain[64] = "";

	switch (d->type) {
	case DATUM_TEXT: (void)snprintf(out, TEXT_MAX, "%.*s", SLICE_FMT(d->text)); return;
	case DATUM_INT: (void)snprintf(out, TEXT_MAX, "%lld", (long long)d->i); return;
	case DATUM_BOOL: (void)snprintf(out, TEXT_MAX, "%s", d->i ? "true" : "false"); return;
	case DATUM_FLOAT: (void)decimal_format(d->f, plain); break;
	case DATUM_DURATION: (void)duration_format_exact(d->i, plain); break;
	case DATUM_TIME: (void)instant_format(d->i, plain); break;
	case DATUM_NULL: (void)snprintf(plain, sizeof(plain), "missing"); break;
	}
	(void)snprintf(out, TEXT_MAX, "%s", plain);
}

static void keep_alert(struct run *r, const struct finding *f)
{
	struct actual *a = &r->actual[r->actual_count++];

	a->time_us = f->time_us;
	a->late = f->late;
	a->key_count = f->key_count;
	for (size_t i = 0; i < f->key_count; i++) {
		datum_to_text(&f->keys[i].value, a->keys[i]);
	}
	a->value_count = f->value_count < RULE_LETS_MAX ? f->value_count : RULE_LETS_MAX;
	for (size_t i = 0; i < a->value_count; i++) {
		a->values[i] = f->values[i];
		if (f->values[i].value.type == DATUM_TEXT) {
			a->values[i].value.text = arena_copy(&r->arena, f->values[i].value.text);
		}
	}
}

static void take_findings(struct run *r)
{
	struct alert alert;

	for (size_t i = 0; i < detector_count(r->detector); i++) {
		const struct finding *f = detector_finding(r->detector, i);
		bool out = f->signal || alerts_take(r->alerts, f, &alert);
		if (out && slice_eq(f->rule->name, r->rule->name) && r->actual_count < ACTUAL_MAX) {
			keep_alert(r, f);
		}
	}
}

static bool run_events(struct run *r)
{
	size_t done = 0;

	while (done < r->plan_count) {
		size_t end = done;
		batch_reset(r->batch, done);
		while (end < r->plan_count &&
		       (r->batch->count < BATCH_ROWS ||
		        r->plan[end].time_us == r->plan[end - 1].time_us) &&
		       r->batch->count < BATCH_ROWS_MAX) {
			if (!append(r, &r->plan[end], end + 1)) {
				return false;
			}
			end++;
		}
		enrich_run(r->enrich, r->batch);
		for (uint32_t row = 0; row < r->batch->count; row++) {
			if (!override(r, &r->plan[done + row], row)) {
				return false;
			}
		}
		detector_run(r->detector, r->batch);
		take_findings(r);
		done = end;
	}
	/* What the last events caused; absences that nobody waited for stay open. */
	if (done) {
		detector_advance(r->detector, r->plan[done - 1].time_us + US_PER_S);
		take_findings(r);
	}
	return true;
}

/* ---- comparison ---- */

static void differs(struct run *r, const char *what, const char *expected, const char *got)
{
	r->result->passed = false;
	buf_printf(&r->result->report, "    %s: expected %s, got %s\n", what, expected, got);
}

static void compare_value(struct run *r, const struct test_with *with, const struct datum *d)
{
	static const enum type types[] = {
		[DATUM_NULL] = TYPE_NONE,    [DATUM_INT] = TYPE_INT,   [DATUM_FLOAT] = TYPE_FLOAT,
		[DATUM_DURATION] = TYPE_DUR, [DATUM_TIME] = TYPE_TIME, [DATUM_BOOL] = TYPE_BOOL,
		[DATUM_TEXT] = TYPE_TEXT,
	};
	char name[TEXT_MAX], expected[TEXT_MAX], got[TEXT_MAX];
	struct value v = {0};
	bool same = false;

	if (d->type != DATUM_NULL && value_parse(types[d->type], ENUM_NONE, with->text, &v) == OK) {
		switch (d->type) {
		case DATUM_FLOAT: same = v.f - d->f < 1e-9 && d->f - v.f < 1e-9; break;
		case DATUM_TEXT: same = slice_eq(v.s, d->text); break;
		case DATUM_BOOL: same = (v.i == TRUTH_TRUE) == (d->i != 0); break;
		default: same = v.i == d->i; break;
		}
	}
	if (!same) {
		(void)snprintf(name, sizeof(name), "%.*s", SLICE_FMT(with->name));
		(void)snprintf(expected, sizeof(expected), "%.*s", SLICE_FMT(with->text));
		datum_to_text(d, got);
		differs(r, name, expected, got);
	}
}

static void compare_with(struct run *r, const struct test_expect *expect, const struct actual *a)
{
	for (const struct test_with *w = expect->with; w; w = w->next) {
		bool found = false;
		for (size_t i = 0; i < a->value_count && !found; i++) {
			if (slice_eq(a->values[i].name, w->name)) {
				compare_value(r, w, &a->values[i].value);
				found = true;
			}
		}
		if (!found) {
			fail(r, w->at, "the rule has no 'let' of the name", w->name);
		}
	}
}

static void compare_time(struct run *r, const struct test_expect *expect, const struct actual *a)
{
	char expected[INSTANT_TEXT], got[INSTANT_TEXT];
	int64_t zero = r->test->given && r->test->given->start_us != INSTANT_NONE
	                       ? r->test->given->start_us
	                       : test_zero_us;

	if (expect->at_us != INSTANT_NONE && expect->at_us != a->time_us - zero) {
		(void)duration_format_exact(expect->at_us, expected);
		(void)duration_format_exact(a->time_us - zero, got);
		differs(r, "at", expected, got);
	}
}

static void compare_keys(struct run *r, const struct test_expect *expect, const struct actual *a)
{
	char expected[TEXT_MAX];

	for (unsigned i = 0; i < expect->key_count; i++) {
		const char *got = i < a->key_count ? a->keys[i] : "nothing";
		if (!slice_eq(expect->keys[i], slice_of(got))) {
			(void)snprintf(expected, sizeof(expected), "%.*s",
			               SLICE_FMT(expect->keys[i]));
			differs(r, "key", expected, got);
		}
	}
}

static void compare(struct run *r)
{
	size_t expected = 0;
	char a[32], b[32];

	for (const struct test_expect *e = r->test->expect; e; e = e->next, expected++) {
		if (expected < r->actual_count) {
			const struct actual *got = &r->actual[expected];
			compare_time(r, e, got);
			compare_keys(r, e, got);
			compare_with(r, e, got);
		}
	}
	if (expected != r->actual_count) {
		(void)snprintf(a, sizeof(a), "%zu", expected);
		(void)snprintf(b, sizeof(b), "%zu", r->actual_count);
		differs(r, "alerts", a, b);
		for (size_t i = expected; i < r->actual_count; i++) {
			char at[INSTANT_TEXT];
			(void)duration_format_exact(r->actual[i].time_us - test_zero_us, at);
			buf_printf(&r->result->report, "    not expected: at %s key %s\n", at,
			           r->actual[i].key_count ? r->actual[i].keys[0] : "-");
		}
	}
}

/* ---- one test ---- */

static bool prepare(struct run *r, const struct rule *rule)
{
	char home[3] = "GB";
	const char *why;

	if (r->test->site_country.len == 2) {
		memcpy(home, r->test->site_country.p, 2);
	}
	r->eval = site_eval(r->site);
	r->eval.country = site_country_of(home);
	r->eval.tz_name = r->test->site_tz.p ? r->test->site_tz : SLICE_LIT("UTC");
	if (tz_get(r->eval.tz_name, &r->eval.tz) != OK) {
		fail(r, r->test->at, "unknown time zone", r->eval.tz_name);
		return false;
	}
	if (!copy_rules(r, rule) || !set_lists(r)) {
		return false;
	}
	r->eval.lists = r->lists;
	struct enrich_options enrich = {
		.key = &r->site->key, .plan = r->site->plan, .home = r->eval.country};
	memset(enrich.wanted, true, sizeof(enrich.wanted));
	struct detector_options detect = {
		.rules = &r->set, .key = &r->site->key, .site = r->eval, .memory = (size_t)1 << 30};
	struct alerts_options alerts = {.key = &r->site->key, .site = "local", .engine = "test"};
	r->enrich = enrich_new(&enrich);
	r->detector = detector_new(&detect, &why);
	r->alerts = alerts_new(&alerts);
	r->batch = batch_new();
	r->actual = calloc(ACTUAL_MAX, sizeof(*r->actual));
	return r->enrich && r->detector && r->alerts && r->batch && r->actual;
}

static void finish(struct run *r)
{
	enrich_free(r->enrich);
	detector_free(r->detector);
	alerts_free(r->alerts);
	batch_free(r->batch);
	for (size_t i = 0; r->own && i < r->set.list_count; i++) {
		list_free(r->own[i]);
	}
	free(r->plan);
	free(r->actual);
	arena_fini(&r->arena);
}

int rule_test_run(const struct site *site, const struct rule *rule, const struct rule_test *test,
                  struct test_result *result)
{
	struct run r = {.site = site, .test = test, .result = result};

	*result = (struct test_result){.rule = rule, .test = test, .passed = true};
	arena_init(&r.arena, (size_t)256 << 20);
	bool ran = prepare(&r, rule) && plan_events(&r) && run_events(&r);
	if (ran) {
		compare(&r);
	} else {
		result->passed = false;
		if (!result->report.len) {
			buf_text(&result->report, "    no memory to run this test\n");
		}
	}
	finish(&r);
	return ran ? OK : E_INVALID;
}
