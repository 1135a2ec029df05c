#include <stdlib.h>

#include "core/err.h"
#include "enrich/cidr_map.h"
#include "enrich/csv.h"
#include "enrich/tables.h"
#include "enrich/text_pool.h"

enum { TRUNKS_MAX = 1 << 20, TRUNKS_SIZE_MAX = 64 * 1024 * 1024, HINT = 96 };

enum heading {
	HEADING_TRUNK,
	HEADING_ROLE,
	HEADING_PARTNER,
	HEADING_CIDR,
	HEADING_HOME,
	HEADING_COUNT
};

static const char *const headings[HEADING_COUNT] = {"trunk", "role", "partner", "cidr", "home"};

/* Kept with the text of a trunk's name. */
struct name_tail {
	uint32_t row;
};

struct trunks {
	struct arena arena; /* names and partners */
	struct text_pool names;
	struct cidr_map blocks;
	struct buf rows;  /* struct trunk */
	struct buf lines; /* unsigned: where each row stands; while reading */
};

static struct trunk *rows_of(const struct trunks *t)
{
	return (struct trunk *)(void *)t->rows.p;
}

static unsigned line_of(const struct trunks *t, uint32_t row)
{
	return ((const unsigned *)(const void *)t->lines.p)[row];
}

static void take_role(struct csv *c, struct trunk *trunk)
{
	struct slice word = csv_cell(c, HEADING_ROLE);
	int role = enum_value(ENUM_ROLE, word);
	struct enum_set roles = enum_set(ENUM_ROLE);
	char hint[HINT];

	if (role < 0) {
		const char *near = nearest_name(word, roles.words, roles.count);
		(void)snprintf(hint, sizeof(hint), "did you mean %s?", near ? near : "");
		csv_fail(c, csv_cell_of(c, HEADING_ROLE), "E071",
		         near ? slice_of(hint) : SLICE_NONE,
		         "'%.*s' is not one of access, enterprise, national, international, peer, "
		         "internal, unknown",
		         SLICE_FMT(slice_first(word, 32)));
		return;
	}
	trunk->role = (uint8_t)role;
}

static void take_home(struct csv *c, struct trunk *trunk)
{
	struct slice home = csv_cell(c, HEADING_HOME);

	if (!home.p) {
		return;
	}
	if (home.len != 2 || home.p[0] < 'A' || home.p[0] > 'Z' || home.p[1] < 'A' ||
	    home.p[1] > 'Z') {
		csv_fail(c, csv_cell_of(c, HEADING_HOME), "E071", SLICE_NONE,
		         "'%.*s' is no country of two capital letters",
		         SLICE_FMT(slice_first(home, 32)));
		return;
	}
	trunk->home = country_of(home.p[0], home.p[1]);
}

static void take_block(struct trunks *t, struct csv *c, struct slice text, uint32_t row)
{
	unsigned cell = csv_cell_of(c, HEADING_CIDR);
	struct cidr_block block;
	char name[CIDR_TEXT], hint[HINT];
	uint32_t other;
	const char *wrong = cidr_parse(text, &block);

	if (wrong) {
		bool close = block.family != 0 && block.bits != 0;
		(void)cidr_format(&block, name);
		(void)snprintf(hint, sizeof(hint), "did you mean %s?", name);
		csv_fail(c, cell, "E071", close ? slice_of(hint) : SLICE_NONE,
		         "bad block '%.*s': %s", SLICE_FMT(slice_first(text, CIDR_TEXT)), wrong);
		return;
	}
	block.row = row;
	int err = cidr_map_add(&t->blocks, &block, &other);
	if (err == E_INVALID) {
		(void)cidr_format(&block, name);
		csv_fail(c, cell, "E072", SLICE_NONE, "block %s is that of trunk '%.*s' on line %u",
		         name, SLICE_FMT(rows_of(t)[other].id), line_of(t, other));
	} else if (err) {
		csv_fail(c, cell, "E070", SLICE_NONE, "%s", err_text(err));
	}
}

static void take_blocks(struct trunks *t, struct csv *c, uint32_t row)
{
	struct slice left = csv_cell(c, HEADING_CIDR);

	while (left.len) {
		size_t end = slice_find(left, ' ');
		if (end > 0) {
			take_block(t, c, slice_first(left, end), row);
		}
		left = slice_skip(left, end + 1);
	}
}

/* False when the name is missing or stands there already. */
static bool take_name(struct trunks *t, struct csv *c, uint32_t row)
{
	struct slice name = csv_cell(c, HEADING_TRUNK);
	struct name_tail tail = {row};
	bool is_new;

	if (!name.p || name.len > POOL_TEXT_MAX) {
		csv_fail(c, csv_cell_of(c, HEADING_TRUNK), "E071", SLICE_NONE,
		         name.p ? "the name of the trunk is too long" : "no name of a trunk");
		return false;
	}
	uint32_t text = text_pool_add(&t->names, name, &is_new);
	if (text == TEXT_NONE) {
		csv_fail(c, 0, "E070", SLICE_NONE, "%s", err_text(E_NOMEM));
		return false;
	}
	if (!is_new) {
		memcpy(&tail, text_pool_tail(&t->names, text), sizeof(tail));
		csv_fail(c, csv_cell_of(c, HEADING_TRUNK), "E072", SLICE_NONE,
		         "trunk '%.*s' stands on line %u already", SLICE_FMT(name),
		         line_of(t, tail.row));
		return false;
	}
	memcpy(text_pool_tail(&t->names, text), &tail, sizeof(tail));
	return true;
}

static void take_row(struct trunks *t, struct csv *c)
{
	size_t row = trunks_count(t);
	struct trunk trunk = {0};

	if (row >= TRUNKS_MAX) {
		csv_fail(c, 0, "E073", SLICE_NONE, "more than %d trunks", TRUNKS_MAX);
		return;
	}
	if (!take_name(t, c, (uint32_t)row)) {
		return;
	}
	trunk.id = arena_copy(&t->arena, csv_cell(c, HEADING_TRUNK));
	trunk.partner = arena_copy(&t->arena, csv_cell(c, HEADING_PARTNER));
	take_role(c, &trunk);
	take_home(c, &trunk);
	buf_add(&t->rows, &trunk, sizeof(trunk));
	buf_add(&t->lines, &c->line, sizeof(c->line));
	if (t->rows.failed || t->lines.failed || arena_overflowed(&t->arena)) {
		csv_fail(c, 0, "E070", SLICE_NONE, "%s", err_text(E_NOMEM));
		return;
	}
	take_blocks(t, c, (uint32_t)row);
}

static struct trunks *trunks_new(void)
{
	struct trunks *t = calloc(1, sizeof(*t));
	struct hash_key key;

	if (t) {
		/* Only the configuration puts names and blocks in: no need for the secret key. */
		hash_key_default(&key);
		arena_init(&t->arena, TRUNKS_SIZE_MAX);
		text_pool_init(&t->names, &key, sizeof(struct name_tail));
		cidr_map_init(&t->blocks, &key);
	}
	return t;
}

/* Closes c. */
static struct trunks *read_trunks(struct csv *c)
{
	struct trunks *t = trunks_new();

	if (!t) {
		csv_fail(c, 0, "E070", SLICE_NONE, "%s", err_text(E_NOMEM));
	} else if (csv_header(c, headings, HEADING_COUNT, HEADING_PARTNER)) {
		while (csv_next(c)) {
			take_row(t, c);
		}
		buf_fini(&t->lines);
	}
	if (csv_failed(c)) {
		trunks_free(t);
		t = NULL;
	}
	csv_close(c);
	return t;
}

struct trunks *trunks_load(const char *path, struct diags *d)
{
	struct csv c;
	int err = csv_open(&c, path, d);

	if (err == E_NOTFOUND) {
		csv_missing(&c);
	}
	return err ? NULL : read_trunks(&c);
}

struct trunks *trunks_parse(const struct source_file *file, struct diags *d)
{
	struct csv c;

	csv_use(&c, file, d);
	return read_trunks(&c);
}

void trunks_free(struct trunks *t)
{
	if (t) {
		arena_fini(&t->arena);
		text_pool_fini(&t->names);
		cidr_map_fini(&t->blocks);
		buf_fini(&t->rows);
		buf_fini(&t->lines);
		free(t);
	}
}

const struct trunk *trunks_by_name(const struct trunks *t, struct slice name)
{
	uint32_t text = text_pool_find(&t->names, name);
	struct name_tail tail;

	if (text == TEXT_NONE) {
		return NULL;
	}
	memcpy(&tail, text_pool_tail(&t->names, text), sizeof(tail));
	return &rows_of(t)[tail.row];
}

const struct trunk *trunks_by_address(const struct trunks *t, const struct ip *ip)
{
	int64_t row = cidr_map_find(&t->blocks, ip);

	return row < 0 ? NULL : &rows_of(t)[row];
}

size_t trunks_count(const struct trunks *t)
{
	return t->rows.len / sizeof(struct trunk);
}
