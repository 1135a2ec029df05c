#include "ringfence/world_truth.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"
#include "core/json.h"
#include "enrich/csv.h"
#include "ringfence/calls.h"

enum { PATH_MAX_LEN = 4096 };

static const struct hash_key plain_key; /* of this run alone: nothing is written */

bool world_home(const char *world, char cc[3])
{
	char path[PATH_MAX_LEN], text[4096];
	bool is_home = false;

	(void)snprintf(path, sizeof(path), "%s/world.json", world);
	FILE *f = fopen(path, "r");
	if (!f) {
		return false;
	}
	struct json_in r = json_in((struct slice){text, fread(text, 1, sizeof(text), f)});
	(void)fclose(f);
	/* It stands among the first members; that the file may be cut off here does no harm. */
	for (enum json_type t = json_next(&r); t != JSON_NONE && t != JSON_ERROR;
	     t = json_next(&r)) {
		if (is_home && t == JSON_STRING && r.text.len == 2) {
			memcpy(cc, r.text.p, 2);
			cc[2] = '\0';
			return true;
		}
		is_home = t == JSON_KEY && r.depth == 1 && slice_eq(r.text, SLICE_LIT("home"));
	}
	return false;
}

/* ---- labels ---- */

struct label {
	uint64_t id;
	int32_t operation;
};

struct labels {
	struct label *items;
	size_t count, cap;
};

static void *room_for(void *items, size_t count, size_t *cap, size_t size)
{
	if (count < *cap) {
		return items;
	}
	size_t more = *cap ? *cap * 2 : 4096;
	void *grown = realloc(items, more * size);
	*cap = grown ? more : *cap;
	return grown;
}

static int32_t operation_named(struct world_truth *t, struct slice name, struct slice class)
{
	for (size_t i = t->operation_count; i-- > 0;) {
		if (slice_eq(slice_of(t->operations[i].name), name)) {
			return (int32_t)i;
		}
	}
	struct operation *grown = realloc(t->operations, (t->operation_count + 1) * sizeof(*grown));
	if (!grown) {
		return -1;
	}
	t->operations = grown;
	grown[t->operation_count] = (struct operation){.name = strndup(name.p, name.len),
	                                               .class = strndup(class.p, class.len),
	                                               .found_us = INT64_MAX};
	return (int32_t)t->operation_count++;
}

static int by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b; /* id is the first member of both kinds */

	return (*x > *y) - (*x < *y);
}

static bool read_labels(struct world_truth *t, const char *world, struct labels *labels,
                        struct diags *diags)
{
	static const char *const names[] = {"call_id", "campaign", "class"};
	char path[PATH_MAX_LEN];
	struct csv c;

	(void)snprintf(path, sizeof(path), "%s/labels.csv", world);
	if (csv_open(&c, path, diags) != OK) {
		fprintf(stderr, "%s: no labels there: is it a folder that ringfence gen wrote?\n",
		        path);
		return false;
	}
	bool whole = csv_header(&c, names, 3, 3);
	while (whole && csv_next(&c)) {
		struct label *items =
			room_for(labels->items, labels->count, &labels->cap, sizeof(*items));
		if (!items) {
			whole = false;
			break;
		}
		labels->items = items;
		items[labels->count++] =
			(struct label){hash_slice(&plain_key, csv_cell(&c, 0)),
		                       operation_named(t, csv_cell(&c, 1), csv_cell(&c, 2))};
	}
	whole = whole && !csv_failed(&c);
	csv_close(&c);
	if (labels->count) {
		qsort(labels->items, labels->count, sizeof(*labels->items), by_id);
	}
	return whole;
}

/* ---- calls ---- */

struct reader {
	struct world_truth *t;
	const struct labels *labels;
	const struct normaliser *norm;
	int err;
};

static uint64_t subject_hash(const char *type, struct slice value)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "%s:%.*s", type, SLICE_FMT(value));

	return hash_slice(&plain_key, (struct slice){text, len < 511 ? (size_t)len : 511});
}

static int add_part(struct world_truth *t, const char *type, struct slice value, int64_t end_us,
                    bool scam)
{
	struct truth_part *parts =
		value.len ? room_for(t->parts, t->part_count, &t->part_cap, sizeof(*parts))
			  : t->parts;

	if (!parts && value.len) {
		return E_NOMEM;
	}
	t->parts = parts;
	if (value.len) {
		parts[t->part_count++] =
			(struct truth_part){subject_hash(type, value), end_us, scam};
	}
	return OK;
}

static struct slice number_of(const struct normaliser *norm, const struct written_number *w,
                              char text[NUMBER_TEXT])
{
	bool no_home = false;
	number n = 0;

	if (number_normalise(norm, w, 0, &n, &no_home) != NUMBER_OK) {
		return SLICE_NONE;
	}
	size_t len = number_format(n, text);
	return len ? (struct slice){text, len} : w->text;
}

static int take_call(void *user, const struct event *e)
{
	struct reader *r = user;
	struct world_truth *t = r->t;
	struct label wanted = {.id = hash_slice(&plain_key, e->call_id)};
	const struct label *label = r->labels->count
	                                    ? bsearch(&wanted, r->labels->items, r->labels->count,
	                                              sizeof(wanted), by_id)
	                                    : NULL;
	struct truth_call *calls = room_for(t->calls, t->call_count, &t->call_cap, sizeof(*calls));
	char caller[NUMBER_TEXT], callee[NUMBER_TEXT];

	if (!calls) {
		return E_NOMEM;
	}
	t->calls = calls;
	calls[t->call_count++] =
		(struct truth_call){wanted.id, e->time_us, label ? label->operation : -1};
	if (label && label->operation >= 0) {
		t->operations[label->operation].calls++;
		t->scam_calls++;
	}
	int err = add_part(t, "caller", number_of(r->norm, &e->caller, caller), e->time_us, label);
	err = err ? err
	          : add_part(t, "callee", number_of(r->norm, &e->callee, callee), e->time_us,
	                     label);
	err = err ? err : add_part(t, "account", e->account, e->time_us, label);
	return err ? err : add_part(t, "trunk", e->trunk_in, e->time_us, label);
}

static int by_subject_time(const void *a, const void *b)
{
	const struct truth_part *x = a, *y = b;

	if (x->subject != y->subject) {
		return x->subject < y->subject ? -1 : 1;
	}
	return (x->end_us > y->end_us) - (x->end_us < y->end_us);
}

bool truth_load(struct world_truth *t, const char *world, const struct common_options *options,
                const struct site *site)
{
	static const char *const files[] = {"cdr.csv", "calls.pcap"};
	char paths[2][PATH_MAX_LEN];
	const char *inputs[2];
	struct labels labels = {0};
	struct reader r = {.t = t, .labels = &labels, .norm = &site->norm};
	struct feed_options feed = common_feed(options, site);
	struct diags diags;
	size_t count = 0;

	*t = (struct world_truth){0};
	diags_init(&diags);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(paths[count], PATH_MAX_LEN, "%s/%s", world, files[i]);
		if (access(paths[count], R_OK) == 0) {
			inputs[count] = paths[count];
			count++;
		}
	}
	bool whole = read_labels(t, world, &labels, &diags) &&
	             calls_each(inputs, count, &feed, take_call, &r) == EXIT_DONE;
	common_print_diags(&diags);
	diags_fini(&diags);
	free(labels.items);
	if (t->call_count) {
		qsort(t->calls, t->call_count, sizeof(*t->calls), by_id);
	}
	if (t->part_count) {
		qsort(t->parts, t->part_count, sizeof(*t->parts), by_subject_time);
	}
	return whole;
}

void truth_free(struct world_truth *t)
{
	for (size_t i = 0; i < t->operation_count; i++) {
		free(t->operations[i].name);
		free(t->operations[i].class);
	}
	free(t->operations);
	free(t->calls);
	free(t->parts);
}

const struct truth_call *truth_call(const struct world_truth *t, struct slice id)
{
	struct truth_call wanted = {.id = hash_slice(&plain_key, id)};

	return t->call_count ? bsearch(&wanted, t->calls, t->call_count, sizeof(wanted), by_id)
	                     : NULL;
}

void truth_subject(const struct world_truth *t, const char *type, struct slice value,
                   int64_t from_us, int64_t to_us, uint64_t *calls, uint64_t *scam)
{
	struct truth_part from = {.subject = subject_hash(type, value), .end_us = from_us};
	size_t low = 0, high = t->part_count;

	*calls = *scam = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		bool less = by_subject_time(&t->parts[middle], &from) < 0;
		*(less ? &low : &high) = less ? middle + 1 : middle;
	}
	for (; low < t->part_count && t->parts[low].subject == from.subject &&
	       t->parts[low].end_us <= to_us;
	     low++) {
		++*calls;
		*scam += t->parts[low].scam;
	}
}
