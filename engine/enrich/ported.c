#include <stdlib.h>

#include "core/err.h"
#include "enrich/csv.h"
#include "enrich/number_map.h"
#include "enrich/tables.h"
#include "enrich/text_pool.h"
#include "enrich/written.h"

enum { PORTED_MAX = 200 * 1000 * 1000 };

enum heading { HEADING_NUMBER, HEADING_OPERATOR, HEADING_COUNT };

static const char *const headings[HEADING_COUNT] = {"number", "operator"};

struct __attribute__((packed, aligned(4))) row {
	number key;
	uint32_t carrier;
};

struct ported {
	struct number_map map;
	struct text_pool carriers;
};

static void take_row(struct ported *p, struct csv *c, const struct normaliser *norm,
                     struct buf *rows)
{
	struct slice text = csv_cell(c, HEADING_NUMBER), carrier = csv_cell(c, HEADING_OPERATOR);
	struct row row;
	number key;
	const char *wrong = written_key(norm, text, &key);

	if (wrong) {
		csv_fail(c, csv_cell_of(c, HEADING_NUMBER), "E071", SLICE_NONE, "number '%.*s': %s",
		         SLICE_FMT(slice_first(text, 64)), wrong);
		return;
	}
	if (!carrier.p || carrier.len > POOL_TEXT_MAX) {
		csv_fail(c, csv_cell_of(c, HEADING_OPERATOR), "E071", SLICE_NONE,
		         carrier.p ? "operator: longer than 255 bytes" : "no operator");
		return;
	}
	memset(&row, 0, sizeof(row));
	row.key = key;
	row.carrier = text_pool_add(&p->carriers, carrier, NULL);
	buf_add(rows, &row, sizeof(row));
	if (rows->failed || text_pool_failed(&p->carriers)) {
		csv_fail(c, 0, "E070", SLICE_NONE, "%s", err_text(E_NOMEM));
	} else if (rows->len / sizeof(row) > PORTED_MAX) {
		csv_fail(c, 0, "E073", SLICE_NONE, "more than %d rows", PORTED_MAX);
	}
}

static struct ported *ported_new(const struct hash_key *key)
{
	struct ported *p = calloc(1, sizeof(*p));

	if (p) {
		text_pool_init(&p->carriers, key, 0);
	}
	return p;
}

static bool read_rows(struct ported *p, struct csv *c, const struct normaliser *norm,
                      struct buf *rows)
{
	if (!csv_header(c, headings, HEADING_COUNT, HEADING_COUNT)) {
		return false;
	}
	while (csv_next(c)) {
		take_row(p, c, norm, rows);
	}
	return !csv_failed(c);
}

struct ported *ported_load(const char *path, const struct normaliser *norm, struct diags *d)
{
	struct ported *p = NULL;
	struct buf rows = {0};
	struct csv c;
	number twice = 0;
	int err = csv_open(&c, path, d);

	if (err == E_NOTFOUND) {
		csv_missing(&c);
	}
	if (err) {
		return NULL;
	}
	p = ported_new(norm->key);
	err = p && read_rows(p, &c, norm, &rows) ? OK : E_INVALID;
	err = err ? err : number_map_init(&p->map, &rows, sizeof(struct row), norm->key, &twice);
	if (err) {
		written_report(&c, norm, twice);
		ported_free(p);
		p = NULL;
	}
	csv_close(&c);
	buf_fini(&rows);
	return p;
}

void ported_free(struct ported *p)
{
	if (p) {
		number_map_fini(&p->map);
		text_pool_fini(&p->carriers);
		free(p);
	}
}

struct slice ported_find(const struct ported *p, number n)
{
	const struct row *row = number_map_find(&p->map, n);

	return row ? text_pool_get(&p->carriers, row->carrier) : SLICE_NONE;
}

size_t ported_count(const struct ported *p)
{
	return p->map.count;
}
