#include <stdlib.h>

#include "core/err.h"
#include "enrich/csv.h"
#include "enrich/plan_trie.h"

enum { PATH = 4096 };

/* A file of the plan while it is read. */
struct reading {
	struct plan *plan;
	struct plan_trie trie;
	struct csv csv;
	struct diags *diags;
};

typedef void (*take_row_fn)(struct reading *r);

static bool is_none(struct slice cell)
{
	return slice_eq(cell, SLICE_LIT("-"));
}

static bool all_digits(struct slice s, size_t len_max)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_digit(s.p[i])) {
			return false;
		}
	}
	return s.len > 0 && s.len <= len_max;
}

static unsigned value_of(struct slice digits)
{
	unsigned value = 0;

	for (size_t i = 0; i < digits.len; i++) {
		value = value * 10 + (unsigned)(digits.p[i] - '0');
	}
	return value;
}

/* "8,10,11" as bits below 32; "-" is none. */
static uint32_t take_lengths(struct reading *r, unsigned cell)
{
	struct slice left = r->csv.cells[cell];
	uint32_t lengths = 0;

	while (left.len && !is_none(r->csv.cells[cell])) {
		size_t end = slice_find(left, ',');
		struct slice one = slice_first(left, end);
		if (!all_digits(one, 2) || value_of(one) > PLAN_LENGTHS - 1) {
			csv_fail(&r->csv, cell, "E071", SLICE_NONE,
			         "'%.*s' is no length from 0 to %d", SLICE_FMT(one),
			         PLAN_LENGTHS - 1);
			return 0;
		}
		lengths |= UINT32_C(1) << value_of(one);
		left = slice_skip(left, end + 1);
	}
	return lengths;
}

/* Row of a country that countries.tsv named; 0 for "-". */
static unsigned take_country(struct reading *r, unsigned cell)
{
	struct slice name = r->csv.cells[cell];
	unsigned row =
		name.len == 2 ? plan_country_row(r->plan, country_of(name.p[0], name.p[1])) : 0;

	if (!row && !is_none(name)) {
		csv_fail(&r->csv, cell, "E071", SLICE_NONE, "unknown country '%.*s'",
		         SLICE_FMT(slice_first(name, 8)));
	}
	return row;
}

static void take_prefix(struct reading *r, unsigned cell, struct slice text, char out[PLAN_PREFIX])
{
	if (!all_digits(text, PLAN_PREFIX - 1)) {
		csv_fail(&r->csv, cell, "E071", SLICE_NONE, "'%.*s' is no prefix",
		         SLICE_FMT(slice_first(text, 16)));
		return;
	}
	memcpy(out, text.p, text.len);
}

static void take_international(struct reading *r, unsigned cell, struct plan_country *place)
{
	struct slice left = r->csv.cells[cell];

	for (unsigned i = 0; left.len && i <= PLAN_OTHERS; i++) {
		size_t end = slice_find(left, ' ');
		take_prefix(r, cell, slice_first(left, end),
		            i == 0 ? place->international_prefix : place->other_prefixes[i - 1]);
		left = slice_skip(left, end + 1);
	}
}

/* country, calling code, international prefixes, national prefix, lengths, allocations */
static void take_country_row(struct reading *r)
{
	struct plan *p = r->plan;
	const struct slice *cells = r->csv.cells;
	struct slice name = cells[0];
	bool letters = name.len == 2 && name.p[0] >= 'A' && name.p[0] <= 'Z' && name.p[1] >= 'A' &&
	               name.p[1] <= 'Z';

	if (!letters || !all_digits(cells[1], CODE_DIGITS) || p->country_count == PLAN_COUNTRIES) {
		csv_fail(&r->csv, 0, "E071", SLICE_NONE, "not a country with its calling code");
		return;
	}
	struct plan_country *place = &p->countries[p->country_count];
	place->country = country_of(name.p[0], name.p[1]);
	place->calling_code = (uint16_t)value_of(cells[1]);
	take_international(r, 2, place);
	if (!is_none(cells[3])) {
		take_prefix(r, 3, cells[3], place->national_prefix);
	}
	place->national_lengths = take_lengths(r, 4);
	place->knows_allocations = slice_eq(cells[5], SLICE_LIT("yes"));
	p->country_at[(name.p[0] - 'A') * 26 + name.p[1] - 'A'] = (uint8_t)p->country_count++;
}

/* All first three digits that begin with a calling code. */
static void spread_code(struct plan *p, struct slice code, unsigned row)
{
	unsigned first = plan_code_row(code), count = 1;

	for (size_t i = code.len; i < CODE_DIGITS; i++) {
		count *= 10;
	}
	for (unsigned i = 0; i < count; i++) {
		p->code_at[first + i] = (uint8_t)row;
	}
}

/* code, main country, lengths of whole numbers */
static void take_code_row(struct reading *r)
{
	struct plan *p = r->plan;
	struct slice text = r->csv.cells[0];

	if (!all_digits(text, CODE_DIGITS) || p->code_count == PLAN_CODES) {
		csv_fail(&r->csv, 0, "E071", SLICE_NONE, "not a calling code");
		return;
	}
	struct plan_code *code = &p->codes[p->code_count];
	code->code = (uint16_t)value_of(text);
	code->digits = (uint8_t)text.len;
	code->country_row = (uint8_t)take_country(r, 1);
	code->lengths = (uint16_t)take_lengths(r, 2);
	for (unsigned n = 1; n < PLAN_LENGTHS; n++) {
		if (code->lengths >> n & 1) {
			code->shortest = code->shortest ? code->shortest : (uint8_t)n;
			code->longest = (uint8_t)n;
		}
	}
	spread_code(p, text, p->code_count++);
}

/* prefix, country, type, lengths of whole numbers */
static void take_prefix_row(struct reading *r)
{
	const struct slice *cells = r->csv.cells;
	int type = is_none(cells[2]) ? NUMTYPE_UNKNOWN : enum_value(ENUM_NUMTYPE, cells[2]);
	struct plan_row row = {
		.prefix = cells[0],
		.country_row = take_country(r, 1),
		.type = (unsigned)type,
		.lengths = take_lengths(r, 3),
	};

	if (!all_digits(row.prefix, NUMBER_DIGITS_MAX)) {
		csv_fail(&r->csv, 0, "E071", SLICE_NONE, "not a prefix");
	} else if (type < 0 || (row.lengths && type == NUMTYPE_UNKNOWN)) {
		csv_fail(&r->csv, 2, "E071", SLICE_NONE, "unknown type '%.*s'",
		         SLICE_FMT(slice_first(cells[2], 32)));
	} else if (plan_trie_add(&r->trie, &row)) {
		csv_fail(&r->csv, 0, "E070", SLICE_NONE, "out of memory");
	}
}

static bool read_rows(struct reading *r, const char *folder, const char *name, unsigned width,
                      take_row_fn take)
{
	char path[PATH];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	int err = csv_open(&r->csv, path, r->diags);
	if (err == E_NOTFOUND) {
		csv_missing(&r->csv);
	}
	if (err) {
		return false;
	}
	r->csv.separator = '\t';
	r->csv.width = width;
	while (csv_next(&r->csv)) {
		take(r);
	}
	bool whole = !csv_failed(&r->csv);
	csv_close(&r->csv);
	return whole;
}

static void take_version(struct reading *r)
{
	(void)snprintf(r->plan->version, sizeof(r->plan->version), "%.*s",
	               SLICE_FMT(slice_first(r->csv.text, PLAN_VERSION - 1)));
}

/* Longer prefixes are known, or whole numbers. */
static bool holds_numbers(const struct plan *p, const struct plan_node *node)
{
	bool holds = false;

	for (unsigned d = 0; d < 10; d++) {
		holds = holds || node->child[d];
	}
	for (unsigned n = 0; n < PLAN_LENGTHS; n++) {
		holds = holds || p->profiles[node->profile].label[n];
	}
	return holds;
}

/* Some number of the calling code has a national part that begins so. */
static bool begins_numbers(const struct plan *p, unsigned code, const char *national)
{
	char text[2 * CODE_DIGITS];
	int len = snprintf(text, sizeof(text), "%u%s", code, national);
	struct slice digits = {text, (size_t)len};
	const struct plan_node *node = &p->nodes[p->root[plan_code_row(digits)]];

	for (size_t i = CODE_DIGITS; i < digits.len; i++) {
		node = &p->nodes[node->child[digits.p[i] - '0']];
	}
	return holds_numbers(p, node);
}

static void find_double_zeros(struct plan *p)
{
	for (unsigned i = 1; i < p->country_count; i++) {
		struct plan_country *place = &p->countries[i];
		bool zero = place->national_prefix[0] == '0' && !place->national_prefix[1];
		place->double_zero = begins_numbers(p, place->calling_code, zero ? "0" : "00") ||
		                     (zero && begins_numbers(p, place->calling_code, "00"));
	}
}

static bool read_all(struct reading *r, const char *folder)
{
	return read_rows(r, folder, "VERSION", 0, take_version) &&
	       read_rows(r, folder, "countries.tsv", 6, take_country_row) &&
	       read_rows(r, folder, "codes.tsv", 3, take_code_row) &&
	       read_rows(r, folder, "prefixes.tsv", 4, take_prefix_row);
}

struct plan *plan_load(const char *folder, struct diags *d)
{
	struct reading r = {.plan = calloc(1, sizeof(*r.plan)), .diags = d};
	int err = r.plan ? plan_trie_init(&r.trie) : E_NOMEM;

	if (!err) {
		r.plan->country_count = 1;
		r.plan->code_count = 1;
		err = read_all(&r, folder) ? plan_trie_fold(&r.trie, r.plan) : E_INVALID;
	}
	if (!err) {
		find_double_zeros(r.plan);
	} else if (err != E_INVALID) {
		diag_add(d, (struct place){0}, "E070", SLICE_NONE, "numbering plan: %s",
		         err_text(err));
	}
	plan_trie_fini(&r.trie);
	if (err) {
		plan_free(r.plan);
		return NULL;
	}
	return r.plan;
}

void plan_free(struct plan *p)
{
	if (p) {
		buf_fini(&p->node_memory);
		buf_fini(&p->profile_memory);
		free(p);
	}
}
