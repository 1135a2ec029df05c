#include "enrich/enrich.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "enrich/normalise.h"
#include "enrich/plan.h"
#include "enrich/tables.h"

enum { STRETCH = 32 };

/* The columns of one of the two ends of a call. */
struct end_columns {
	enum field num;
	enum field country;
	enum field type;
	enum field operator_of;
	enum field valid;
	enum field assigned;
	enum field care;
};

static const struct end_columns caller_end = {
	FIELD_CALLER_NUM,   FIELD_CALLER_COUNTRY,  FIELD_CALLER_TYPE, FIELD_CALLER_OPERATOR,
	FIELD_CALLER_VALID, FIELD_CALLER_ASSIGNED, FIELD_CALLER_CARE};
static const struct end_columns callee_end = {
	FIELD_CALLEE_NUM,   FIELD_CALLEE_COUNTRY,  FIELD_CALLEE_TYPE, FIELD_CALLEE_OPERATOR,
	FIELD_CALLEE_VALID, FIELD_CALLEE_ASSIGNED, FIELD_CALLEE_CARE};

/* What a reader of the wanted columns needs of one end. */
struct end_wanted {
	bool num;
	bool plan;
	bool subscriber; /* its row in the table of subscribers */
	bool carrier;
};

struct enrich {
	struct enrich_options options;
	struct normaliser norm;
	struct end_wanted caller;
	struct end_wanted callee;
	bool account;
	atomic_bool missed;
	atomic_bool *missed_home; /* &missed: the one member that enrich_run changes */
};

static struct end_wanted end_wanted(const struct enrich_options *o, const struct end_columns *end)
{
	struct end_wanted w = {
		.plan = o->wanted[end->country] || o->wanted[end->type] || o->wanted[end->valid] ||
	                o->wanted[end->assigned],
		.subscriber = o->subscribers && o->wanted[end->care],
		.carrier = o->ported && o->wanted[end->operator_of],
	};

	w.num = w.plan || w.subscriber || w.carrier || o->wanted[end->num];
	return w;
}

struct enrich *enrich_new(const struct enrich_options *options)
{
	struct enrich *e = calloc(1, sizeof(*e));
	const bool *wanted = options->wanted;

	if (e) {
		e->options = *options;
		e->missed_home = &e->missed;
		e->norm = (struct normaliser){options->plan, options->key, options->home};
		e->caller = end_wanted(options, &caller_end);
		e->callee = end_wanted(options, &callee_end);
		e->callee.subscriber |= options->subscribers && wanted[FIELD_CALLEE_AGE];
		e->callee.num |= e->callee.subscriber;
		e->account = options->subscribers &&
		             (wanted[FIELD_ACCOUNT_ID] || wanted[FIELD_ACCOUNT_TYPE] ||
		              wanted[FIELD_ACCOUNT_TZ] || wanted[FIELD_ACCOUNT_AGE]);
		e->caller.num = e->caller.num || e->account;
	}
	return e;
}

void enrich_free(struct enrich *e)
{
	free(e);
}

bool enrich_missed_home(const struct enrich *e)
{
	return atomic_load_explicit(e->missed_home, memory_order_relaxed);
}

/* By name, else by address; a name that the table does not hold stays as it is. */
static const struct trunk *find_trunk(const struct trunks *trunks, struct slice *id,
                                      const struct ip *ip)
{
	const struct trunk *trunk =
		id->len ? trunks_by_name(trunks, *id) : trunks_by_address(trunks, ip);

	if (trunk) {
		*id = trunk->id;
	}
	return trunk;
}

/* The home country that the ingress trunk gives; 0: none. */
static country fill_trunks(const struct enrich *e, struct batch *b, uint32_t i)
{
	const struct trunks *trunks = e->options.trunks;

	if (!trunks) {
		return 0;
	}
	(void)find_trunk(trunks, &b->col[FIELD_TRUNK_OUT_ID].text[i], &b->col[FIELD_DST_IP].ip[i]);
	const struct trunk *trunk =
		find_trunk(trunks, &b->col[FIELD_TRUNK_ID].text[i], &b->col[FIELD_SRC_IP].ip[i]);
	if (!trunk) {
		return 0;
	}
	b->col[FIELD_TRUNK_ROLE].u8[i] = trunk->role;
	b->col[FIELD_TRUNK_PARTNER].text[i] = trunk->partner;
	return trunk->home;
}

static number take_number(const struct enrich *e, const struct written_number *w, country home)
{
	bool no_home = false;
	number n;

	(void)number_normalise(&e->norm, w, home, &n, &no_home);
	if (no_home) {
		atomic_store_explicit(e->missed_home, true, memory_order_relaxed);
	}
	return n;
}

static void fill_end(const struct enrich *e, struct batch *b, uint32_t i,
                     const struct end_columns *end, const struct end_wanted *wanted,
                     const struct written_number *w, country home)
{
	number n = w->text.len && wanted->num ? take_number(e, w, home) : 0;

	if (!n) {
		return;
	}
	b->col[end->num].num[i] = n;
	if (wanted->plan) {
		struct plan_entry entry =
			plan_find(e->options.plan, n, home ? home : e->options.home);
		b->col[end->country].country[i] = entry.country;
		b->col[end->type].u8[i] = entry.type;
		b->col[end->valid].u8[i] = entry.valid;
		b->col[end->assigned].u8[i] = entry.assigned;
	}
	if (wanted->carrier) {
		b->col[end->operator_of].text[i] = ported_find(e->options.ported, n);
	}
}

static void fill_number(const struct enrich *e, struct batch *b, uint32_t i, enum field field,
                        const struct written_number *w, country home)
{
	if (w->text.len && e->options.wanted[field]) {
		b->col[field].num[i] = take_number(e, w, home);
	}
}

static void fill_numbers(const struct enrich *e, struct batch *b, uint32_t i, country home)
{
	struct written_number orig = {.text = b->stir_orig[i]}, dest = {.text = b->stir_dest[i]};

	fill_end(e, b, i, &caller_end, &e->caller, &b->caller[i], home);
	fill_end(e, b, i, &callee_end, &e->callee, &b->callee[i], home);
	fill_number(e, b, i, FIELD_PAI_NUM, &b->pai[i], home);
	fill_number(e, b, i, FIELD_FROM_NUM, &b->from[i], home);
	fill_number(e, b, i, FIELD_DIVERT_NUM, &b->divert[i], home);
	fill_number(e, b, i, FIELD_STIR_ORIG, &orig, home);
	fill_number(e, b, i, FIELD_STIR_DEST, &dest, home);
}

static void put_age(struct batch *b, uint32_t i, enum field age, const struct subscriber *s)
{
	if (s->activated_us != INSTANT_NONE) {
		int64_t age_us = b->col[FIELD_TIME].i64[i] - s->activated_us;
		b->col[age].i64[i] = age_us > 0 ? age_us : 0;
	}
}

static void put_account(struct batch *b, uint32_t i, const struct subscriber *s)
{
	b->col[FIELD_ACCOUNT_ID].text[i] = s->account;
	b->col[FIELD_ACCOUNT_TYPE].u8[i] = s->type;
	b->col[FIELD_ACCOUNT_TZ].text[i] = s->tz;
	put_age(b, i, FIELD_ACCOUNT_AGE, s);
}

/* The account of the record wins; what the table says of it comes from the caller's row where
 * that is of this account, else from the account's first row.
 */
static void fill_account(const struct enrich *e, struct batch *b, uint32_t i,
                         const struct subscriber *caller)
{
	struct slice id = b->col[FIELD_ACCOUNT_ID].text[i];
	struct subscriber found;

	if (caller && (!id.len || slice_eq(id, caller->account))) {
		put_account(b, i, caller);
	} else if (id.len && subscribers_by_account(e->options.subscribers, id, &found)) {
		put_account(b, i, &found);
	}
}

static void fill_subscribers(const struct enrich *e, struct batch *b, uint32_t i)
{
	const struct subscribers *table = e->options.subscribers;
	struct subscriber caller, callee;

	if (e->account || e->caller.subscriber) {
		number n = b->col[FIELD_CALLER_NUM].num[i];
		bool known = n && subscribers_find(table, n, &caller);
		if (known) {
			b->col[FIELD_CALLER_CARE].text[i] = caller.care;
		}
		fill_account(e, b, i, known ? &caller : NULL);
	}
	if (e->callee.subscriber) {
		number n = b->col[FIELD_CALLEE_NUM].num[i];
		if (n && subscribers_find(table, n, &callee)) {
			b->col[FIELD_CALLEE_CARE].text[i] = callee.care;
			put_age(b, i, FIELD_CALLEE_AGE, &callee);
		}
	}
}

/* A stretch of rows at a time, so that what the tables are asked for is on its way meanwhile. */
static void run_rows(const struct enrich *e, struct batch *b, uint32_t from, uint32_t to)
{
	const struct subscribers *table = e->options.subscribers;

	for (uint32_t i = from; i < to; i++) {
		fill_numbers(e, b, i, fill_trunks(e, b, i));
		if (e->account || e->caller.subscriber) {
			subscribers_prefetch(table, b->col[FIELD_CALLER_NUM].num[i]);
		}
		if (e->callee.subscriber) {
			subscribers_prefetch(table, b->col[FIELD_CALLEE_NUM].num[i]);
		}
	}
	for (uint32_t i = from; i < to; i++) {
		fill_subscribers(e, b, i);
		if (b->source[i] < e->options.source_count) {
			b->col[FIELD_SOURCE].text[i] =
				slice_of(e->options.source_names[b->source[i]]);
		}
	}
}

void enrich_run(const struct enrich *e, struct batch *b)
{
	for (uint32_t from = 0; from < b->count; from += STRETCH) {
		uint32_t to = b->count - from > STRETCH ? from + STRETCH : b->count;
		run_rows(e, b, from, to);
	}
}
