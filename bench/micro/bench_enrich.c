/* What a row costs on its way through enrich: a number understood, looked up in the plan, in a list
 * of 100,000 and in a table of a million subscribers; then whole rows of call records.
 *
 *	bench_enrich [PLAN_FOLDER]       (rules/numbering)
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/ensure.h"
#include "core/err.h"
#include "enrich/enrich.h"
#include "enrich/plan.h"
#include "enrich/tables.h"

enum { NUMBERS = 1 << 16, ROUNDS = 40, LIST_ROWS = 100000, SUBSCRIBERS = 1000000, PATH = 64 };

struct world {
	struct plan *plan;
	struct hash_key key;
	struct normaliser norm;
	struct list *list;
	struct subscribers *subscribers;
	struct trunks *trunks;
	char texts[NUMBERS][NUMBER_TEXT];
	char national[NUMBERS][NUMBER_TEXT];
	number numbers[NUMBERS];
};

static struct world world;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return *seed >> 33;
}

static void print_ns(const char *what, double from_s, uint64_t count)
{
	printf("%-44s %7.1f ns\n", what, (seconds() - from_s) * 1e9 / (double)count);
}

static FILE *new_file(char path[PATH])
{
	(void)snprintf(path, PATH, "/tmp/bench-enrich-XXXXXX");
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	ENSURE(f);
	return f;
}

static void make_numbers(struct world *w)
{
	static const char *const begins[] = {"4479111", "4474001", "4420794", "120255",   "141655",
	                                     "390612",  "9198765", "4930123", "86138000", "336123"};
	uint64_t seed = 1;

	for (size_t i = 0; i < NUMBERS; i++) {
		const char *begin = begins[next_random(&seed) % 10];
		(void)snprintf(w->texts[i], NUMBER_TEXT, "+%s%05u", begin,
		               (unsigned)(next_random(&seed) % 100000));
		(void)snprintf(w->national[i], NUMBER_TEXT, "0207%07u",
		               (unsigned)(next_random(&seed) % 10000000));
		w->numbers[i] = number_of_e164(slice_of(w->texts[i]));
	}
}

static void make_tables(struct world *w, struct diags *d)
{
	static const char trunks[] = "trunk,role,partner,cidr,home\nic-0,access,,10.0.0.0/8,\n"
				     "ic-1,international,One,192.0.2.0/24,\n";
	struct list_options options = {.type = LIST_NUM, .name = SLICE_LIT("dno")};
	struct source_file file = {.path = "trunks", .text = slice_of(trunks)};
	char path[PATH];

	w->trunks = trunks_parse(&file, d);
	FILE *f = new_file(path);
	for (unsigned i = 0; i < LIST_ROWS; i++) {
		(void)fprintf(f, "+4420794%05u\n", i);
	}
	(void)fclose(f);
	double from = seconds();
	w->list = list_load(path, &options, &w->norm, d);
	printf("%-44s %7.1f ms\n", "list of 100,000 numbers", (seconds() - from) * 1e3);
	(void)unlink(path);
	f = new_file(path);
	(void)fputs("number,account,type,activated,tz,care\n", f);
	for (unsigned i = 0; i < SUBSCRIBERS; i++) {
		(void)fprintf(f, "+447911%06u,A-%u,residential,2024-05-01,Europe/London,\n", i, i);
	}
	(void)fclose(f);
	from = seconds();
	w->subscribers = subscribers_load(path, &w->norm, d);
	printf("%-44s %7.1f ms\n", "table of 1,000,000 subscribers", (seconds() - from) * 1e3);
	(void)unlink(path);
	ENSURE(w->trunks && w->list && w->subscribers);
}

static void bench_normalise(const struct world *w, const char *what,
                            const char (*texts)[NUMBER_TEXT])
{
	double from = seconds();
	bool no_home;
	number n, sum = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < NUMBERS; i++) {
			struct written_number written = {.text = slice_of(texts[i])};
			(void)number_normalise(&w->norm, &written, 0, &n, &no_home);
			sum += n;
		}
	}
	ENSURE(sum);
	print_ns(what, from, (uint64_t)ROUNDS * NUMBERS);
}

static void bench_plan(const struct world *w)
{
	double from = seconds();
	uint64_t valid = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < NUMBERS; i++) {
			valid += plan_find(w->plan, w->numbers[i], 0).valid;
		}
	}
	ENSURE(valid);
	print_ns("plan lookup", from, (uint64_t)ROUNDS * NUMBERS);
}

static void bench_list(const struct world *w)
{
	double from = seconds();
	int64_t sum = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < NUMBERS; i++) {
			struct list_key key = {.num = w->numbers[i]};
			sum += w->list->find(w->list, &key);
		}
	}
	ENSURE(sum);
	print_ns("list of 100,000, 1 of 10 in it", from, (uint64_t)ROUNDS * NUMBERS);
}

static void bench_subscribers(const struct world *w)
{
	double from = seconds();
	struct subscriber found;
	uint64_t sum = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < NUMBERS; i++) {
			sum += subscribers_find(w->subscribers, w->numbers[i], &found);
		}
	}
	ENSURE(sum);
	print_ns("subscriber, 1 of 10 in the table", from, (uint64_t)ROUNDS * NUMBERS);
}

static void fill_batch(const struct world *w, struct batch *b, size_t first)
{
	struct event e;

	batch_reset(b, first);
	event_init(&e, KIND_CALL);
	e.time_us = 20514 * US_PER_DAY;
	e.trunk_in = SLICE_LIT("ic-1");
	for (size_t i = 0; i < BATCH_ROWS; i++) {
		e.caller.text = slice_of(w->texts[(first + i) % NUMBERS]);
		e.callee.text = slice_of(w->texts[(first + 7 * i + 3) % NUMBERS]);
		ENSURE(batch_append(b, &e) == OK);
	}
}

static void bench_rows(const struct world *w, const char *what, bool tables)
{
	struct enrich_options options = {.key = &w->key, .plan = w->plan, .home = w->norm.home};
	struct batch *b = batch_new();
	double spent = 0;

	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		options.wanted[f] = true;
	}
	if (tables) {
		options.trunks = w->trunks;
		options.subscribers = w->subscribers;
	}
	struct enrich *enrich = enrich_new(&options);
	ENSURE(b && enrich);
	for (unsigned round = 0; round < 4 * ROUNDS; round++) {
		fill_batch(w, b, round * (size_t)BATCH_ROWS);
		double from = seconds();
		enrich_run(enrich, b);
		spent += seconds() - from;
	}
	print_ns(what, seconds() - spent, 4 * (uint64_t)ROUNDS * BATCH_ROWS);
	enrich_free(enrich);
	batch_free(b);
}

int main(int argc, char **argv)
{
	struct diags d;

	diags_init(&d);
	hash_key_default(&world.key);
	double from = seconds();
	world.plan = plan_load(argc > 1 ? argv[1] : "rules/numbering", &d);
	ENSURE(world.plan);
	printf("%-44s %7.1f ms\n", "numbering plan", (seconds() - from) * 1e3);
	world.norm = (struct normaliser){world.plan, &world.key, country_of('G', 'B')};
	make_numbers(&world);
	make_tables(&world, &d);
	bench_normalise(&world, "number with +", world.texts);
	bench_normalise(&world, "national number", world.national);
	bench_plan(&world);
	bench_list(&world);
	bench_subscribers(&world);
	bench_rows(&world, "row with two numbers", false);
	bench_rows(&world, "row with two numbers, trunk, subscriber", true);
	trunks_free(world.trunks);
	subscribers_free(world.subscribers);
	list_free(world.list);
	plan_free(world.plan);
	diags_fini(&d);
	return 0;
}
