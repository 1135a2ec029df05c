#include "ringfence/gen.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/instant.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"

enum {
	CALLS_DEFAULT = 20000,
	HOURS_DEFAULT = 24,
	HOURS_MAX = 24 * 366,
	CALLS_OF_A_SUBSCRIBER = 8, /* a day */
	SUBSCRIBERS_MIN = 500,
	SUBSCRIBERS_MAX = 1800000, /* as far as home numbers do not repeat */
	CAPTURED_MAX = 20000,
	SHORT_HOURS = 12, /* a world shorter than this begins at nine in the morning */
	MORNING = 9,
};

#define CALLS_MAX   UINT64_C(1000000000)
#define WORLD_BEGIN (INT64_C(1772409600) * US_PER_S) /* 2026-03-02T00:00:00Z, a Monday */

static const struct command_help help = {
	.usage = "ringfence gen --out DIR [options]",
	.about =
		"Makes a labelled world: people who know each other, honest callers of many kinds, and scam\n"
		"operations of every class, which are at most a twentieth of the calls. DIR gets cdr.csv and\n"
		"calls.pcap (each call is in one of them), truth.csv (all calls), labels.csv (scam calls),\n"
		"operations.csv, honest.csv (number,kind), trunks.csv, subscribers.csv, ported.csv, one file\n"
		"a list, world.json. The same options give the same bytes. `ringfence score` reads it.",
};

struct gen_options {
	const char *out;
	const char *home;
	const char *seed;
	const char *calls;
	const char *subscribers;
	const char *hours;
	const char *pcap_calls;
	bool clean;
	bool without_stir;
	bool json_lines;
};

/* ---- options ---- */

/* A whole number from low to high; text NULL: otherwise. */
static bool number_of(const char *option, const char *text, uint64_t low, uint64_t high,
                      uint64_t otherwise, uint64_t *out)
{
	char *end;

	*out = otherwise;
	if (!text) {
		return true;
	}
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (end == text || *end || text[0] == '-' || errno || n < low || n > high) {
		fprintf(stderr, "--%s is a number from %llu to %llu\n", option,
		        (unsigned long long)low, (unsigned long long)high);
		return false;
	}
	*out = n;
	return true;
}

static bool world_of(const struct gen_options *o, struct gen_world *w)
{
	uint64_t hours;
	uint64_t people;

	*w = (struct gen_world){
		.clean = o->clean, .stir = !o->without_stir, .json_lines = o->json_lines};
	w->plan = gen_plan_of(o->home ? o->home : "GB");
	if (!w->plan) {
		fprintf(stderr, "--home is one of %s\n", gen_plan_countries());
		return false;
	}
	if (o->calls && o->subscribers) {
		fprintf(stderr, "--calls and --subscribers exclude each other\n");
		return false;
	}
	if (!number_of("seed", o->seed, 0, UINT64_MAX, 1, &w->seed) ||
	    !number_of("hours", o->hours, 1, HOURS_MAX, HOURS_DEFAULT, &hours) ||
	    !number_of("subscribers", o->subscribers, SUBSCRIBERS_MIN, SUBSCRIBERS_MAX, 0,
	               &people) ||
	    !number_of("calls", o->calls, 1, CALLS_MAX, CALLS_DEFAULT, &w->calls)) {
		return false;
	}
	if (people) {
		w->calls = people * CALLS_OF_A_SUBSCRIBER * hours / 24 + 1;
	} else {
		people = w->calls * 24 / hours / CALLS_OF_A_SUBSCRIBER;
		people = people < SUBSCRIBERS_MIN   ? SUBSCRIBERS_MIN
		         : people > SUBSCRIBERS_MAX ? SUBSCRIBERS_MAX
		                                    : people;
	}
	w->subscribers = people;
	w->span_us = (int64_t)hours * US_PER_HOUR;
	w->start_us = WORLD_BEGIN - w->plan->utc_hours * US_PER_HOUR +
	              (hours < SHORT_HOURS ? MORNING * US_PER_HOUR : 0);
	uint64_t fifth = w->calls / 5;
	return number_of("pcap-calls", o->pcap_calls, 0, w->calls,
	                 fifth < CAPTURED_MAX ? fifth : CAPTURED_MAX, &w->captured);
}

/* ---- the traffic ---- */

enum { CDR, CAPTURE, LABELS, TRUTH, JSON_LINES, FILES };

static const char *const names[FILES] = {"cdr.csv", "calls.pcap", "labels.csv", "truth.csv",
                                         "cdr.jsonl"};

struct traffic {
	const struct gen_world *w;
	struct gen_plan_book *book;
	struct gen_tally *tally;
	struct gen_pcap *pcap;
	struct gen_file files[FILES];
};

static void write_call(struct traffic *t, const struct gen_call *call)
{
	uint64_t id;

	gen_tally_add(t->tally, t->book, call);
	id = t->tally->calls;
	gen_truth_add(&t->files[TRUTH], t->w, t->book, call, id);
	if (call->operation) {
		const struct gen_operation *op = &t->book->operations[call->operation - 1];
		gen_call_id(&t->files[LABELS].out, t->w, id);
		buf_printf(&t->files[LABELS].out, ",%s,%s\n", op->name, op->class);
		gen_file_flush(&t->files[LABELS]);
	}
	if (call->capture) {
		gen_pcap_add(t->pcap, call, id);
		return;
	}
	gen_cdr_add(&t->files[CDR], t->w, t->book, call, id);
	if (t->w->json_lines) {
		gen_cdr_add_json(&t->files[JSON_LINES], t->w, t->book, call, id);
	}
}

static bool write_calls(struct traffic *t)
{
	struct gen_calls *calls = gen_calls_new(t->w, t->book);
	struct gen_call call;

	t->pcap = gen_pcap_new(&t->files[CAPTURE], t->w);
	gen_cdr_header(&t->files[CDR], t->w);
	gen_truth_header(&t->files[TRUTH]);
	buf_text(&t->files[LABELS].out, "call_id,campaign,class\n");
	while (calls && t->pcap && gen_calls_next(calls, &call)) {
		write_call(t, &call);
	}
	bool whole = calls && t->pcap && !gen_calls_failed(calls);
	whole = (!t->pcap || gen_pcap_end(t->pcap)) && whole;
	gen_calls_free(calls);
	if (!whole) {
		fprintf(stderr, "not enough memory\n");
	}
	return whole;
}

static bool write_traffic(struct traffic *t, const char *dir)
{
	size_t wanted = t->w->json_lines ? FILES : JSON_LINES;
	size_t opened = 0;

	while (opened < wanted && gen_file_open(&t->files[opened], dir, names[opened])) {
		opened++;
	}
	bool good = opened == wanted && write_calls(t);
	while (opened) {
		good = gen_file_close(&t->files[--opened]) && good;
	}
	return good;
}

static bool write_all(const struct gen_world *w, const char *dir)
{
	struct gen_plan_book book = {0};
	struct gen_tally tally = {0};
	struct traffic traffic = {.w = w, .book = &book, .tally = &tally};
	bool good = write_traffic(&traffic, dir) && gen_tables_write(w, &book, dir) &&
	            gen_summary_write(w, &book, &tally, dir);

	gen_book_fini(&book);
	return good;
}

int cmd_gen(int argc, char **argv)
{
	struct gen_options o = {0};
	const struct own_option own[] = {
		{"out", "DIR", "folder to write into; made if it is not there", &o.out, NULL},
		{"home", "CC", "home country: GB (default), US, DE, FR, ES, IT, NL, PL", &o.home,
	         NULL},
		{"seed", "N", "another number, another world (1)", &o.seed, NULL},
		{"calls", "N", "ordinary calls (20000)", &o.calls, NULL},
		{"subscribers", "N", "instead of --calls: subscribers, eight calls a day each",
	         &o.subscribers, NULL},
		{"hours", "H", "length of the time shown (24)", &o.hours, NULL},
		{"pcap-calls", "N",
	         "about so many ordinary calls as SIP (a fifth, at most 20000); 0: all in cdr.csv",
	         &o.pcap_calls, NULL},
		{"without-stir", NULL, "nobody signs: no attest, no origid", NULL, &o.without_stir},
		{"json-lines", NULL, "cdr.jsonl, too: the records of cdr.csv as JSON lines", NULL,
	         &o.json_lines},
		{"clean", NULL, "no scam at all", NULL, &o.clean},
	};
	struct common_options options;
	struct gen_world w;

	int status = common_options(argc, argv, &help, own, sizeof(own) / sizeof(own[0]), &options);
	if (status >= 0) {
		return status;
	}
	if (!o.out || options.input_count) {
		fprintf(stderr, "usage: %s\n(--help says more)\n", help.usage);
		return EXIT_USAGE;
	}
	if (!world_of(&o, &w)) {
		return EXIT_USAGE;
	}
	if (mkdir(o.out, 0777) != 0 && errno != EEXIST) {
		perror(o.out);
		return EXIT_BAD_INPUT;
	}
	return write_all(&w, o.out) ? EXIT_DONE : EXIT_BAD_INPUT;
}
