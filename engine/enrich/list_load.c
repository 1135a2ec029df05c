#include <stdlib.h>

#include "core/crypto.h"
#include "core/err.h"
#include "enrich/csv.h"
#include "enrich/list_table.h"

enum {
	LIST_MAX = 10 * 1000 * 1000,
	LIST_TEXT_MAX = 1 << 20, /* name and version */
	CELL_SEPARATOR = 0x1f,   /* between cells of a digest's line */
};

/* A list while it is made, from a file (csv) or from a rule file's values (at). */
struct making {
	struct list_table *t;
	const struct list_options *options;
	const struct normaliser *norm;
	struct diags *diags;
	struct csv *csv;          /* NULL: inline */
	struct place at;          /* inline: of the value */
	struct buf nums;          /* struct list_number */
	struct buf lines;         /* unsigned: where each row stands */
	struct buf digest_text;   /* a line a row, in the order of rows */
	struct buf digest_ends;   /* size_t */
	unsigned cell[CSV_CELLS]; /* column -> cell of the file's rows */
	unsigned errors;
	struct list_value value;
};

static void fail(struct making *m, const char *code, const char *wrong, struct slice text)
{
	text = slice_first(text, 64);
	m->errors++;
	if (m->csv) {
		csv_fail(m->csv, m->cell[0], code, SLICE_NONE, "'%.*s': %s", SLICE_FMT(text),
		         wrong);
	} else {
		diag_add(m->diags, m->at, code, SLICE_NONE, "'%.*s': %s", SLICE_FMT(text), wrong);
	}
}

/* The value is there already, at `row`: said twice in the same way it counts once. */
static void take_again(struct making *m, uint32_t row, const struct slice *cells)
{
	char wrong[64];

	for (unsigned i = 1; i < m->t->columns; i++) {
		if (!slice_eq(list_cell(m->t, row, i), cells[i])) {
			(void)snprintf(wrong, sizeof(wrong), "stands on line %u with other columns",
			               ((const unsigned *)(void *)m->lines.p)[row]);
			fail(m, "E072", wrong, cells[0]);
			return;
		}
	}
}

/* Where the type's own index keeps it. */
static int index_value(struct making *m, uint32_t row)
{
	struct list_table *t = m->t;
	struct list_number num = {m->value.num, row};
	uint32_t other;

	switch (t->list.type) {
	case LIST_NUM:
	case LIST_PREFIX:
		buf_add(&m->nums, &num, sizeof(num));
		return m->nums.failed ? E_NOMEM : OK;
	case LIST_CIDR:
		m->value.block.row = row;
		return cidr_map_add(&t->cidrs, &m->value.block, &other);
	case LIST_COUNTRY: t->countries[m->value.country] = (int32_t)row + 1; return OK;
	case LIST_NONE:
	case LIST_IP:
	case LIST_TEXT: break;
	}
	return OK;
}

static int keep_cells(struct making *m, const struct slice *cells)
{
	struct list_table *t = m->t;
	unsigned line = m->csv ? m->csv->line : m->at.line;

	for (unsigned i = 0; i < t->columns; i++) {
		buf_slice(&t->text, cells[i]);
		uint32_t end = (uint32_t)t->text.len;
		buf_add(&t->starts, &end, sizeof(end));
		if (i == 0) {
			list_value_format(&m->value, &m->digest_text);
		} else {
			buf_char(&m->digest_text, CELL_SEPARATOR);
			buf_slice(&m->digest_text, cells[i]);
		}
	}
	buf_char(&m->digest_text, '\n');
	buf_add(&m->digest_ends, &m->digest_text.len, sizeof(m->digest_text.len));
	buf_add(&m->lines, &line, sizeof(line));
	return t->text.failed || t->starts.failed || m->lines.failed || m->digest_text.failed ||
	                       m->digest_ends.failed || t->text.len > UINT32_MAX
	               ? E_NOMEM
	               : OK;
}

static void take_value(struct making *m, const struct slice *cells)
{
	struct list_table *t = m->t;
	size_t max = m->options->max ? m->options->max : LIST_MAX;
	uint32_t row = (uint32_t)t->list.count, there;
	bool is_new;
	const char *wrong = list_value_parse(t->list.type, cells[0], m->norm, &m->value);

	if (wrong) {
		fail(m, "E071", wrong, cells[0]);
		return;
	}
	uint32_t text =
		text_pool_add(&t->values, (struct slice){m->value.bytes, m->value.len}, &is_new);
	if (text != TEXT_NONE && !is_new) {
		memcpy(&there, text_pool_tail(&t->values, text), sizeof(there));
		take_again(m, there, cells);
		return;
	}
	if (row >= max) {
		char message[64];
		(void)snprintf(message, sizeof(message), "more than %zu entries", max);
		fail(m, "E073", message, cells[0]);
		return;
	}
	if (text == TEXT_NONE || index_value(m, row) || keep_cells(m, cells)) {
		fail(m, "E070", err_text(E_NOMEM), cells[0]);
		return;
	}
	memcpy(text_pool_tail(&t->values, text), &row, sizeof(row));
	t->list.count++;
}

static int line_cmp(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* "b2:" and the digest of the lines in the order of their bytes, whatever the file's order was. */
static int make_version(struct making *m)
{
	char hex[2 * DIGEST_SIZE + 1];
	uint8_t bytes[DIGEST_SIZE];
	struct buf lines = {0};
	struct digest *digest = digest_new();
	size_t start = 0;

	for (size_t i = 0; i < m->t->list.count; i++) {
		size_t end = ((const size_t *)(void *)m->digest_ends.p)[i];
		struct slice line = {m->digest_text.p + start, end - start};
		buf_add(&lines, &line, sizeof(line));
		start = end;
	}
	if (lines.len) {
		qsort(lines.p, lines.len / sizeof(struct slice), sizeof(struct slice), line_cmp);
	}
	for (size_t i = 0; digest && i < lines.len / sizeof(struct slice); i++) {
		digest_add(digest, ((const struct slice *)(void *)lines.p)[i]);
	}
	bool whole = digest && !lines.failed;
	if (digest) {
		digest_end(digest, bytes);
		hex_format(bytes, sizeof(bytes), hex);
		m->t->list.version = arena_printf(&m->t->arena, "b2:%s", hex);
	}
	buf_fini(&lines);
	return whole && m->t->list.version.p ? OK : E_NOMEM;
}

static struct list_table *table_new(const struct list_options *options, const struct hash_key *key)
{
	struct list_table *t = calloc(1, sizeof(*t));
	uint32_t start = 0;

	if (t) {
		arena_init(&t->arena, LIST_TEXT_MAX);
		text_pool_init(&t->values, key, sizeof(uint32_t));
		cidr_map_init(&t->cidrs, key);
		buf_add(&t->starts, &start, sizeof(start));
		t->columns = options->column_count ? (unsigned)options->column_count : 1;
		t->list.type = options->type;
		t->list.name = arena_copy(&t->arena, options->name);
		list_table_ops(t);
	}
	return t;
}

/* The list when all went well; else NULL. Values that another index holds are dropped. */
static struct list *finish(struct making *m)
{
	struct list_table *t = m->t;
	number twice;
	int err = m->errors ? E_INVALID : make_version(m);

	if (!err && (t->list.type == LIST_NUM || t->list.type == LIST_PREFIX)) {
		err = number_map_init(&t->nums, &m->nums, sizeof(struct list_number), m->norm->key,
		                      &twice);
	}
	if (err && !m->errors) {
		fail(m, "E070", err_text(err), m->options->name);
	}
	if (t->list.type != LIST_IP && t->list.type != LIST_TEXT) {
		text_pool_fini(&t->values);
	}
	buf_fini(&m->nums);
	buf_fini(&m->lines);
	buf_fini(&m->digest_text);
	buf_fini(&m->digest_ends);
	if (err) {
		list_free(&t->list);
		return NULL;
	}
	return &t->list;
}

static unsigned find_cell(const struct csv *c, struct slice name)
{
	unsigned cell = 0;

	while (cell < c->count && !slice_eq(c->cells[cell], name)) {
		cell++;
	}
	return cell;
}

/* The present row is the header: where does it name the columns that were asked for? Rows have its
 * width; 0 when it does not serve.
 */
static void take_header(struct making *m)
{
	struct csv *c = m->csv;

	if (!m->options->columns) {
		m->t->columns = c->count;
	}
	for (unsigned i = 0; m->options->columns && i < m->t->columns; i++) {
		m->cell[i] = find_cell(c, m->options->columns[i]);
		if (m->cell[i] == c->count) {
			csv_fail(c, 0, "E070", SLICE_NONE, "the header lacks column %.*s",
			         SLICE_FMT(m->options->columns[i]));
		}
	}
	c->width = csv_failed(c) ? 0 : c->count;
}

/* A header names the first column; where no columns were asked for it is a row of several cells,
 * or the word value.
 */
static bool is_header(const struct making *m)
{
	const struct csv *c = m->csv;

	if (m->options->columns) {
		return slice_eq(c->cells[0], m->options->columns[0]);
	}
	return c->count > 1 || slice_eq(c->cells[0], SLICE_LIT("value"));
}

static void take_row(struct making *m)
{
	struct slice cells[CSV_CELLS] = {{NULL, 0}};

	for (unsigned i = 0; i < m->t->columns; i++) {
		cells[i] = i > 0 && m->csv->width == 1 ? SLICE_NONE : m->csv->cells[m->cell[i]];
	}
	take_value(m, cells);
}

static void read_file(struct making *m)
{
	struct csv *c = m->csv;

	for (unsigned i = 0; i < CSV_CELLS; i++) {
		m->cell[i] = i;
	}
	if (csv_next(c)) {
		if (is_header(m)) {
			take_header(m);
		} else if (c->count > 1) {
			csv_fail(c, 0, "E070", SLICE_NONE,
			         "several cells, but no header that names %.*s first",
			         SLICE_FMT(m->options->columns[0]));
		} else {
			c->width = 1;
			take_row(m);
		}
	}
	while (c->width && csv_next(c)) {
		take_row(m);
	}
	m->errors = c->errors;
}

/* Closes c. */
static struct list *read_list(struct csv *c, const struct list_options *options,
                              const struct normaliser *norm)
{
	struct making m = {.options = options, .norm = norm, .diags = c->diags, .csv = c};
	struct list *list = NULL;

	m.t = options->column_count <= CSV_CELLS ? table_new(options, norm->key) : NULL;
	if (m.t) {
		read_file(&m);
		list = finish(&m);
	} else {
		csv_fail(c, 0, "E070", SLICE_NONE, "out of memory, or more than %d columns",
		         CSV_CELLS);
	}
	csv_close(c);
	return list;
}

struct list *list_load(const char *path, const struct list_options *options,
                       const struct normaliser *norm, struct diags *d)
{
	struct csv c;
	int err = csv_open(&c, path, d);

	if (err == E_NOTFOUND) {
		struct place at = {.file = diags_file(d, path, SLICE_LIT(""))};
		diag_add(d, at, "W160", SLICE_NONE, "no such file: list @%.*s is empty",
		         SLICE_FMT(options->name));
		return list_inline(NULL, NULL, 0, options, norm, d);
	}
	return err ? NULL : read_list(&c, options, norm);
}

struct list *list_parse(const struct source_file *file, const struct list_options *options,
                        const struct normaliser *norm, struct diags *d)
{
	struct csv c;

	csv_use(&c, file, d);
	return read_list(&c, options, norm);
}

struct list *list_inline(const struct slice *values, const struct place *places, size_t count,
                         const struct list_options *options, const struct normaliser *norm,
                         struct diags *d)
{
	struct making m = {.options = options, .norm = norm, .diags = d};

	m.t = options->column_count <= CSV_CELLS ? table_new(options, norm->key) : NULL;
	if (!m.t) {
		diag_add(d, m.at, "E070", SLICE_NONE, "out of memory, or more than %d columns",
		         CSV_CELLS);
		return NULL;
	}
	for (size_t i = 0; i < count && m.errors < CSV_ERRORS_MAX; i++) {
		struct slice cells[CSV_CELLS] = {slice_trim(values[i])};
		m.at = places ? places[i] : m.at;
		take_value(&m, cells);
	}
	return finish(&m);
}
