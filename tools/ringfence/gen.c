#include "ringfence/gen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/instant.h"
#include "core/json.h"
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
	CAMPAIGNS_MAX = 32,
};

#define CALLS_MAX   UINT64_C(1000000000)
#define WORLD_BEGIN (INT64_C(1772409600) * US_PER_S) /* 2026-03-02T00:00:00Z, a Monday */

static const struct command_help help = {
	.usage = "ringfence gen --out DIR [options]",
	.about =
		"Makes a labelled world: a day of ordinary calls and one campaign of each kind of scam.\n"
		"DIR gets cdr.csv and calls.pcap (each call is in one of them), labels.csv, trunks.csv,\n"
		"subscribers.csv, one file a list, world.json. The same options give the same bytes.",
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

	*w = (struct gen_world){.start_us = WORLD_BEGIN, .clean = o->clean};
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
	uint64_t fifth = w->calls / 5;
	return number_of("pcap-calls", o->pcap_calls, 0, w->calls,
	                 fifth < CAPTURED_MAX ? fifth : CAPTURED_MAX, &w->captured);
}

/* ---- what was made ---- */

struct tally {
	uint64_t calls;
	uint64_t captured;
	struct campaign {
		const char *name;
		const char *class;
		bool capture;
		uint64_t calls;
		int64_t from_us;
		int64_t to_us;
	} campaigns[CAMPAIGNS_MAX];
	size_t count;
};

static void count_call(struct tally *t, const struct gen_call *call)
{
	size_t i = 0;

	t->calls++;
	t->captured += call->capture;
	if (!call->campaign) {
		return;
	}
	while (i < t->count && t->campaigns[i].name != call->campaign) {
		i++;
	}
	if (i == t->count) {
		t->campaigns[t->count++] = (struct campaign){
			.name = call->campaign,
			.class = call->class,
			.capture = call->capture,
			.from_us = call->start_us,
		};
	}
	t->campaigns[i].calls++;
	if (gen_call_end(call) > t->campaigns[i].to_us) {
		t->campaigns[i].to_us = gen_call_end(call);
	}
}

static void json_time(struct json_out *json, const char *name, int64_t time_us)
{
	char text[INSTANT_TEXT];

	json_key(json, name);
	json_slice(json, (struct slice){text, instant_format(time_us, text)});
}

static void json_count(struct json_out *json, const char *name, uint64_t n)
{
	json_key(json, name);
	json_int(json, (int64_t)n);
}

static bool write_world(const struct gen_world *w, const struct tally *t, const char *dir)
{
	struct gen_file f;

	if (!gen_file_open(&f, dir, "world.json")) {
		return false;
	}
	struct json_out json = json_out(&f.out);
	json_object(&json);
	json_key(&json, "home");
	json_text(&json, w->plan->country);
	json_count(&json, "seed", w->seed);
	json_time(&json, "from", w->start_us);
	json_time(&json, "to", w->start_us + w->span_us);
	json_count(&json, "subscribers", w->subscribers);
	json_count(&json, "calls", t->calls);
	json_count(&json, "records", t->calls - t->captured);
	json_count(&json, "captured", t->captured);
	json_key(&json, "campaigns");
	json_array(&json);
	for (size_t i = 0; i < t->count; i++) {
		const struct campaign *c = &t->campaigns[i];
		json_object(&json);
		json_key(&json, "campaign");
		json_text(&json, c->name);
		json_key(&json, "class");
		json_text(&json, c->class);
		json_key(&json, "file");
		json_text(&json, c->capture ? "calls.pcap" : "cdr.csv");
		json_count(&json, "calls", c->calls);
		json_time(&json, "from", c->from_us);
		json_time(&json, "to", c->to_us);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_object_end(&json);
	buf_char(&f.out, '\n');
	return gen_file_close(&f);
}

/* ---- the traffic ---- */

static void add_label(struct gen_file *f, const struct gen_world *w, const struct gen_call *call,
                      uint64_t id)
{
	gen_call_id(&f->out, w, id);
	buf_printf(&f->out, ",%s,%s\n", call->campaign, call->class);
	gen_file_flush(f);
}

static bool write_calls(const struct gen_world *w, struct gen_file *cdr, struct gen_file *capture,
                        struct gen_file *labels, struct tally *t)
{
	struct gen_calls *calls = gen_calls_new(w);
	struct gen_pcap *pcap = gen_pcap_new(capture, w);
	struct gen_call call;

	gen_cdr_header(cdr);
	buf_text(&labels->out, "call_id,campaign,class\n");
	while (calls && pcap && gen_calls_next(calls, &call)) {
		count_call(t, &call);
		if (call.capture) {
			gen_pcap_add(pcap, &call, t->calls);
		} else {
			gen_cdr_add(cdr, w, &call, t->calls);
		}
		if (call.campaign) {
			add_label(labels, w, &call, t->calls);
		}
	}
	bool whole = calls && pcap;
	whole = (!pcap || gen_pcap_end(pcap)) && whole;
	gen_calls_free(calls);
	if (!whole) {
		fprintf(stderr, "not enough memory\n");
	}
	return whole;
}

static bool write_traffic(const struct gen_world *w, const char *dir, struct tally *t)
{
	static const char *const names[] = {"cdr.csv", "calls.pcap", "labels.csv"};
	struct gen_file files[3];
	size_t opened = 0;

	while (opened < 3 && gen_file_open(&files[opened], dir, names[opened])) {
		opened++;
	}
	bool good = opened == 3 && write_calls(w, &files[0], &files[1], &files[2], t);
	while (opened) {
		good = gen_file_close(&files[--opened]) && good;
	}
	return good;
}

int cmd_gen(int argc, char **argv)
{
	struct gen_options o = {0};
	const struct own_option own[] = {
		{"out", "DIR", "folder to write into; made if it is not there", &o.out, NULL},
		{"home", "CC", "home country: GB (default), US, DE, FR, ES", &o.home, NULL},
		{"seed", "N", "another number, another world (1)", &o.seed, NULL},
		{"calls", "N", "ordinary calls (20000)", &o.calls, NULL},
		{"subscribers", "N", "instead of --calls: subscribers, eight calls a day each",
	         &o.subscribers, NULL},
		{"hours", "H", "length of the time shown (24)", &o.hours, NULL},
		{"pcap-calls", "N", "about so many ordinary calls as SIP (a fifth, at most 20000)",
	         &o.pcap_calls, NULL},
		{"clean", NULL, "no scam at all", NULL, &o.clean},
	};
	struct common_options options;
	struct gen_world w;
	struct tally tally = {0};

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
	if (!write_traffic(&w, o.out, &tally) || !gen_tables_write(&w, o.out) ||
	    !write_world(&w, &tally, o.out)) {
		return EXIT_BAD_INPUT;
	}
	return EXIT_DONE;
}
