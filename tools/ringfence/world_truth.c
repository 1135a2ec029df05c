#include "ringfence/world_truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/hash.h"
#include "core/instant.h"
#include "enrich/csv.h"
#include "ringfence/common.h"

enum { PATH_MAX_LEN = 4096 };

static const struct hash_key plain_key; /* of this run alone: nothing is written */

/* items with room for one more; NULL without memory. */
static void *room_for(void *items, size_t count, size_t *cap, size_t size)
{
	if (count < *cap) {
		return items;
	}
	size_t more = *cap ? *cap * 2 : 1024;
	void *grown = realloc(items, more * size);
	*cap = grown ? more : *cap;
	return grown;
}

static int by_hash(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b; /* the first member of labels, calls and honest numbers */

	return (*x > *y) - (*x < *y);
}

static void sort(void *items, size_t count, size_t size, int (*order)(const void *, const void *))
{
	if (count) {
		qsort(items, count, size, order);
	}
}

/* ---- rows ---- */

struct label {
	uint64_t id;
	int32_t operation;
};

struct loading {
	struct world_truth *t;
	struct label *labels;
	size_t label_count, label_cap;
};

/* Index of the operation, added where it is new; -1 without memory. Labels name few operations. */
static int32_t operation_named(struct world_truth *t, struct slice name, struct slice class)
{
	for (size_t i = t->operation_count; i-- > 0;) {
		if (slice_eq(slice_of(t->operations[i].name), name)) {
			return (int32_t)i;
		}
	}
	struct operation *all =
		room_for(t->operations, t->operation_count, &t->operation_cap, sizeof(*all));
	struct operation new = {.name = strndup(name.p, name.len),
	                        .class = strndup(class.p, class.len),
	                        .found_us = INT64_MAX};
	t->operations = all ? all : t->operations;
	if (!all || !new.name || !new.class) {
		free(new.name);
		free(new.class);
		return -1;
	}
	all[t->operation_count] = new;
	return (int32_t)t->operation_count++;
}

static bool take_label(struct loading *l, const struct csv *row)
{
	struct label *labels = room_for(l->labels, l->label_count, &l->label_cap, sizeof(*labels));
	int32_t operation = operation_named(l->t, csv_cell(row, 1), csv_cell(row, 2));

	l->labels = labels ? labels : l->labels;
	if (!labels || operation < 0) {
		return false;
	}
	labels[l->label_count++] =
		(struct label){hash_slice(&plain_key, csv_cell(row, 0)), operation};
	return true;
}

static uint64_t digits_of(struct slice text)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] >= '0' && text.p[i] <= '9') {
			n = n * 10 + (uint64_t)(text.p[i] - '0');
		}
	}
	return n;
}

static uint64_t subject_hash(const char *type, struct slice value)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "%s:%.*s", type, SLICE_FMT(value));

	return hash_slice(&plain_key, (struct slice){text, len < 511 ? (size_t)len : 511});
}

static bool add_part(struct world_truth *t, const char *type, struct slice value,
                     const struct truth_call *call)
{
	if (!value.len) {
		return true;
	}
	struct truth_part *parts = room_for(t->parts, t->part_count, &t->part_cap, sizeof(*parts));
	if (!parts) {
		return false;
	}
	t->parts = parts;
	parts[t->part_count++] =
		(struct truth_part){subject_hash(type, value), call->end_us, call->operation >= 0};
	return true;
}

enum { CALL_ID, END, CALLER, CALLEE, TRUNK_IN, ACCOUNT };

static bool take_call(struct loading *l, const struct csv *row)
{
	struct world_truth *t = l->t;
	struct truth_call *calls = room_for(t->calls, t->call_count, &t->call_cap, sizeof(*calls));
	struct truth_call call = {
		.id = hash_slice(&plain_key, csv_cell(row, CALL_ID)),
		.caller = digits_of(csv_cell(row, CALLER)),
		.callee = digits_of(csv_cell(row, CALLEE)),
		.operation = -1,
	};
	const struct label *label = l->label_count ? bsearch(&call.id, l->labels, l->label_count,
	                                                     sizeof(*label), by_hash)
	                                           : NULL;

	if (!calls || instant_parse_rfc3339(csv_cell(row, END), NULL, &call.end_us) != OK) {
		t->calls = calls ? calls : t->calls;
		return false;
	}
	t->calls = calls;
	if (label) {
		call.operation = label->operation;
		t->operations[label->operation].calls++;
		t->scam_calls++;
	}
	calls[t->call_count++] = call;
	return add_part(t, "number", csv_cell(row, CALLER), &call) &&
	       add_part(t, "number", csv_cell(row, CALLEE), &call) &&
	       add_part(t, "trunk", csv_cell(row, TRUNK_IN), &call) &&
	       add_part(t, "account", csv_cell(row, ACCOUNT), &call);
}

/* Index of the kind, added where it is new; -1 without memory. */
static int64_t kind_named(struct world_truth *t, struct slice name)
{
	for (size_t i = 0; i < t->kind_count; i++) {
		if (slice_eq(slice_of(t->kinds[i]), name)) {
			return (int64_t)i;
		}
	}
	char **kinds = room_for(t->kinds, t->kind_count, &t->kind_cap, sizeof(*kinds));
	char *copy = strndup(name.p, name.len);
	t->kinds = kinds ? kinds : t->kinds;
	if (!kinds || !copy) {
		free(copy);
		return -1;
	}
	kinds[t->kind_count] = copy;
	return (int64_t)t->kind_count++;
}

static bool take_honest(struct loading *l, const struct csv *row)
{
	struct world_truth *t = l->t;
	struct honest_number *all =
		room_for(t->honest, t->honest_count, &t->honest_cap, sizeof(*all));
	int64_t kind = kind_named(t, csv_cell(row, 1));

	t->honest = all ? all : t->honest;
	if (!all || kind < 0) {
		return false;
	}
	all[t->honest_count++] =
		(struct honest_number){hash_slice(&plain_key, csv_cell(row, 0)), (uint32_t)kind};
	return true;
}

/* ---- files ---- */

static const struct table {
	const char *file;
	bool (*take)(struct loading *l, const struct csv *row);
	unsigned columns;
	const char *names[7];
} tables[] = {
	{"labels.csv", take_label, 3, {"call_id", "campaign", "class"}},
	{"truth.csv",
         take_call,
         7,
         {"call_id", "end", "caller", "callee", "trunk_in", "account", "start"}},
	{"honest.csv", take_honest, 2, {"number", "kind"}},
};

static bool read_table(struct loading *l, const char *world, const struct table *table,
                       struct diags *diags)
{
	char path[PATH_MAX_LEN];
	struct csv c;

	(void)snprintf(path, sizeof(path), "%s/%s", world, table->file);
	if (csv_open(&c, path, diags) != OK) {
		fprintf(stderr, "%s: not there: is it a folder that ringfence gen wrote?\n", path);
		return false;
	}
	bool whole = csv_header(&c, table->names, table->columns, table->columns);
	while (whole && csv_next(&c)) {
		whole = table->take(l, &c);
		if (!whole) {
			fprintf(stderr, "%s: line %u cannot be taken\n", path, c.line);
		}
	}
	whole = whole && !csv_failed(&c);
	csv_close(&c);
	/* Calls look their labels up. */
	sort(l->labels, l->label_count, sizeof(*l->labels), by_hash);
	return whole;
}

static int by_subject_time(const void *a, const void *b)
{
	const struct truth_part *x = a, *y = b;

	if (x->subject != y->subject) {
		return x->subject < y->subject ? -1 : 1;
	}
	return (x->end_us > y->end_us) - (x->end_us < y->end_us);
}

bool truth_load(struct world_truth *t, const char *world)
{
	struct loading l = {.t = t};
	struct diags diags;
	bool whole = true;

	*t = (struct world_truth){0};
	diags_init(&diags);
	for (size_t i = 0; whole && i < sizeof(tables) / sizeof(tables[0]); i++) {
		whole = read_table(&l, world, &tables[i], &diags);
	}
	whole = whole && kind_named(t, SLICE_LIT("others")) >= 0;
	common_print_diags(&diags);
	diags_fini(&diags);
	free(l.labels);
	sort(t->calls, t->call_count, sizeof(*t->calls), by_hash);
	sort(t->parts, t->part_count, sizeof(*t->parts), by_subject_time);
	sort(t->honest, t->honest_count, sizeof(*t->honest), by_hash);
	return whole;
}

void truth_free(struct world_truth *t)
{
	for (size_t i = 0; i < t->operation_count; i++) {
		free(t->operations[i].name);
		free(t->operations[i].class);
	}
	for (size_t i = 0; i < t->kind_count; i++) {
		free(t->kinds[i]);
	}
	free(t->operations);
	free(t->calls);
	free(t->parts);
	free(t->honest);
	free(t->kinds);
}

/* ---- questions ---- */

const struct truth_call *truth_call(const struct world_truth *t, struct slice id)
{
	uint64_t wanted = hash_slice(&plain_key, id);

	return t->call_count ? bsearch(&wanted, t->calls, t->call_count, sizeof(*t->calls), by_hash)
	                     : NULL;
}

static bool begins(uint64_t of, uint64_t head)
{
	while (of > head) {
		of /= 10;
	}
	return head && of == head;
}

/* Blocks are few: every call is looked at. */
static struct truth_sum block_sum(const struct world_truth *t, struct slice value, int64_t from_us,
                                  int64_t to_us)
{
	struct truth_sum sum = {0};
	uint64_t head = digits_of(value);

	for (size_t i = 0; i < t->call_count; i++) {
		const struct truth_call *call = &t->calls[i];
		if (call->end_us >= from_us && call->end_us <= to_us &&
		    (begins(call->caller, head) || begins(call->callee, head))) {
			sum.calls++;
			sum.scam += call->operation >= 0;
		}
	}
	return sum;
}

struct truth_sum truth_subject(const struct world_truth *t, const char *type, struct slice value,
                               int64_t from_us, int64_t to_us)
{
	struct truth_sum sum = {0};
	bool is_number = strcmp(type, "caller") == 0 || strcmp(type, "callee") == 0;
	struct truth_part from = {.subject = subject_hash(is_number ? "number" : type, value),
	                          .end_us = from_us};
	size_t low = 0, high = t->part_count;

	if (strcmp(type, "block") == 0) {
		return block_sum(t, value, from_us, to_us);
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		bool less = by_subject_time(&t->parts[middle], &from) < 0;
		*(less ? &low : &high) = less ? middle + 1 : middle;
	}
	for (; low < t->part_count && t->parts[low].subject == from.subject &&
	       t->parts[low].end_us <= to_us;
	     low++) {
		sum.calls++;
		sum.scam += t->parts[low].scam;
	}
	return sum;
}

size_t truth_kind(const struct world_truth *t, struct slice of)
{
	uint64_t wanted = hash_slice(&plain_key, of);
	const struct honest_number *found =
		t->honest_count
			? bsearch(&wanted, t->honest, t->honest_count, sizeof(*found), by_hash)
			: NULL;

	return found ? found->kind : t->kind_count - 1;
}
