#include <assert.h>
#include <stdlib.h>

#include "core/err.h"
#include "core/instant.h"
#include "enrich/csv.h"
#include "enrich/number_map.h"
#include "enrich/tables.h"
#include "enrich/text_pool.h"
#include "enrich/written.h"

enum { PROFILES_MAX = 65535, SUBSCRIBERS_MAX = 200 * 1000 * 1000 };

enum heading {
	HEADING_NUMBER,
	HEADING_ACCOUNT,
	HEADING_TYPE,
	HEADING_ACTIVATED,
	HEADING_TZ,
	HEADING_CARE,
	HEADING_COUNT
};

static const char *const headings[HEADING_COUNT] = {"number",    "account", "type",
                                                    "activated", "tz",      "care"};

/* Twenty bytes a subscriber: what many have in common is a profile. */
struct __attribute__((packed, aligned(4))) row {
	number key;
	uint32_t account;   /* in accounts */
	uint32_t activated; /* seconds since 1970, plus 1; 0: empty */
	uint16_t profile;
};

static_assert(sizeof(struct row) == 20, "subscribers fit their memory");

/* What the first row of an account said; kept with its text. */
struct __attribute__((packed)) account_tail {
	uint32_t activated;
	uint16_t profile;
};

/* One of each combination that occurs. */
struct profile {
	uint32_t tz; /* in texts */
	uint32_t care;
	uint8_t type;
	uint8_t zero[3];
};

struct subscribers {
	struct number_map map;
	struct text_pool accounts;
	struct text_pool texts;
	struct text_pool profiles; /* bytes of struct profile; tail: their number */
	struct buf profile_rows;   /* struct profile */
};

/* Rows in the order of the file, before they are mapped. */
struct reading {
	struct subscribers *s;
	struct csv csv;
	const struct normaliser *norm;
	struct buf rows;
};

static void fail(struct reading *r, enum heading heading, const char *wrong)
{
	struct slice text = csv_cell(&r->csv, heading);

	csv_fail(&r->csv, csv_cell_of(&r->csv, heading), "E071", SLICE_NONE, "%s '%.*s': %s",
	         headings[heading], SLICE_FMT(slice_first(text, 64)), wrong);
}

static uint32_t take_text(struct reading *r, struct text_pool *pool, enum heading heading)
{
	struct slice text = csv_cell(&r->csv, heading);

	if (text.len > POOL_TEXT_MAX) {
		fail(r, heading, "longer than 255 bytes");
		return TEXT_NONE;
	}
	return text_pool_add(pool, text, NULL);
}

static uint8_t take_type(struct reading *r)
{
	struct slice word = csv_cell(&r->csv, HEADING_TYPE);
	int type = word.p ? enum_value(ENUM_ACCOUNT, word) : ACCOUNT_UNKNOWN;

	if (type < 0) {
		fail(r, HEADING_TYPE, "not one of residential, business, pbx, wholesale, unknown");
		return ACCOUNT_UNKNOWN;
	}
	return (uint8_t)type;
}

static uint32_t take_activated(struct reading *r)
{
	struct slice text = csv_cell(&r->csv, HEADING_ACTIVATED);
	int64_t time_us = 0;

	if (!text.p) {
		return 0;
	}
	int err = written_date(text, &time_us);
	if (err || time_us / US_PER_S >= UINT32_MAX) {
		fail(r, HEADING_ACTIVATED, "not a date as 2024-05-01, nor an instant of RFC 3339");
		return 0;
	}
	return (uint32_t)(time_us / US_PER_S) + 1;
}

static uint16_t take_profile(struct reading *r)
{
	struct subscribers *s = r->s;
	struct profile profile = {
		.tz = take_text(r, &s->texts, HEADING_TZ),
		.care = take_text(r, &s->texts, HEADING_CARE),
		.type = take_type(r),
	};
	uint16_t index = (uint16_t)s->profiles.count;
	bool is_new;

	uint32_t text = text_pool_add(
		&s->profiles, (struct slice){(const char *)&profile, sizeof(profile)}, &is_new);
	if (text == TEXT_NONE) {
		return 0;
	}
	if (!is_new) {
		memcpy(&index, text_pool_tail(&s->profiles, text), sizeof(index));
		return index;
	}
	if (s->profiles.count > PROFILES_MAX) {
		csv_fail(&r->csv, 0, "E073", SLICE_NONE,
		         "more than %d combinations of type, tz and care", PROFILES_MAX);
		return 0;
	}
	memcpy(text_pool_tail(&s->profiles, text), &index, sizeof(index));
	buf_add(&s->profile_rows, &profile, sizeof(profile));
	return index;
}

static uint32_t take_account(struct reading *r, const struct row *row)
{
	struct account_tail tail = {row->activated, row->profile};
	struct slice text = csv_cell(&r->csv, HEADING_ACCOUNT);
	bool is_new;

	if (text.len > POOL_TEXT_MAX) {
		fail(r, HEADING_ACCOUNT, "longer than 255 bytes");
		return TEXT_NONE;
	}
	uint32_t account = text_pool_add(&r->s->accounts, text, &is_new);
	if (is_new) {
		memcpy(text_pool_tail(&r->s->accounts, account), &tail, sizeof(tail));
	}
	return account;
}

static void take_row(struct reading *r)
{
	struct subscribers *s = r->s;
	struct row row;
	number key;

	memset(&row, 0, sizeof(row));
	const char *wrong = written_key(r->norm, csv_cell(&r->csv, HEADING_NUMBER), &key);
	if (wrong) {
		fail(r, HEADING_NUMBER, wrong);
		return;
	}
	row.key = key;
	row.activated = take_activated(r);
	row.profile = take_profile(r);
	row.account = take_account(r, &row);
	buf_add(&r->rows, &row, sizeof(row));
	if (r->rows.failed || s->profile_rows.failed || text_pool_failed(&s->accounts) ||
	    text_pool_failed(&s->texts) || text_pool_failed(&s->profiles)) {
		csv_fail(&r->csv, 0, "E070", SLICE_NONE, "%s", err_text(E_NOMEM));
	} else if (r->rows.len / sizeof(row) > SUBSCRIBERS_MAX) {
		csv_fail(&r->csv, 0, "E073", SLICE_NONE, "more than %d rows", SUBSCRIBERS_MAX);
	}
}

static struct subscribers *subscribers_new(const struct hash_key *key)
{
	struct subscribers *s = calloc(1, sizeof(*s));

	if (s) {
		text_pool_init(&s->accounts, key, sizeof(struct account_tail));
		text_pool_init(&s->texts, key, 0);
		text_pool_init(&s->profiles, key, sizeof(uint16_t));
	}
	return s;
}

static bool read_rows(struct reading *r)
{
	if (!csv_header(&r->csv, headings, HEADING_COUNT, HEADING_ACCOUNT)) {
		return false;
	}
	while (csv_next(&r->csv) && r->csv.errors < CSV_ERRORS_MAX) {
		take_row(r);
	}
	return !csv_failed(&r->csv);
}

struct subscribers *subscribers_load(const char *path, const struct normaliser *norm,
                                     struct diags *d)
{
	struct reading r = {.norm = norm};
	number twice = 0;
	int err = csv_open(&r.csv, path, d);

	if (err == E_NOTFOUND) {
		csv_missing(&r.csv);
	}
	if (err) {
		return NULL;
	}
	r.s = subscribers_new(norm->key);
	err = r.s && read_rows(&r) ? OK : E_INVALID;
	err = err ? err
	          : number_map_init(&r.s->map, &r.rows, sizeof(struct row), norm->key, &twice);
	if (err) {
		written_report(&r.csv, norm, twice);
		subscribers_free(r.s);
		r.s = NULL;
	}
	csv_close(&r.csv);
	buf_fini(&r.rows);
	return r.s;
}

void subscribers_free(struct subscribers *s)
{
	if (s) {
		number_map_fini(&s->map);
		text_pool_fini(&s->accounts);
		text_pool_fini(&s->texts);
		text_pool_fini(&s->profiles);
		buf_fini(&s->profile_rows);
		free(s);
	}
}

static void fill(const struct subscribers *s, const struct account_tail *said, uint32_t account,
                 struct subscriber *out)
{
	const struct profile *profiles = (const struct profile *)(const void *)s->profile_rows.p;
	const struct profile *profile = &profiles[said->profile];

	*out = (struct subscriber){
		.account = text_pool_get(&s->accounts, account),
		.tz = text_pool_get(&s->texts, profile->tz),
		.care = text_pool_get(&s->texts, profile->care),
		.activated_us = said->activated ? (said->activated - 1) * US_PER_S : INSTANT_NONE,
		.type = profile->type,
	};
}

void subscribers_prefetch(const struct subscribers *s, number n)
{
	number_map_prefetch(&s->map, n);
}

bool subscribers_find(const struct subscribers *s, number n, struct subscriber *out)
{
	const struct row *row = number_map_find(&s->map, n);

	if (row) {
		struct account_tail said = {row->activated, row->profile};
		fill(s, &said, row->account, out);
	}
	return row != NULL;
}

bool subscribers_by_account(const struct subscribers *s, struct slice account,
                            struct subscriber *out)
{
	uint32_t text = text_pool_find(&s->accounts, account);
	struct account_tail said;

	if (text == TEXT_NONE) {
		return false;
	}
	memcpy(&said, text_pool_tail(&s->accounts, text), sizeof(said));
	fill(s, &said, text, out);
	out->care = SLICE_NONE;
	return true;
}

size_t subscribers_count(const struct subscribers *s)
{
	return s->map.count;
}
