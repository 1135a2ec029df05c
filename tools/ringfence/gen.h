/* `ringfence gen`: a labelled world to try rules on.
 *
 * A world is a home network: subscribers with people they know, honest callers of many kinds that
 * look like diallers (gen_honest.c), and scam operations of every class (gen_scams.c) that are at
 * most a twentieth of all calls. One part of the calls is written as call records, the other as
 * SIP in a capture; no call is in both, so that feeding both gives every call once. The same
 * options give the same bytes: all chance comes from struct gen_random, and nothing reads a clock.
 *
 *	gen_calls_new: gen_honest_prepare, gen_scams -> what is planned (struct gen_plan_book)
 *	gen_calls_next: a stream by start, out of ordinary life, honest firms and what is planned
 *	-> gen_cdr_add or gen_pcap_add, and the truth
 */
#ifndef TOOLS_RINGFENCE_GEN_H
#define TOOLS_RINGFENCE_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ringfence/gen_file.h"
#include "ringfence/gen_numbers.h"
#include "ringfence/gen_random.h"

/* The trunks of every world (gen_tables.c holds their rows). */
enum gen_trunk {
	GEN_TRUNK_NONE = 0,
	GEN_TRUNK_ACCESS,
	GEN_TRUNK_OFFICE,
	GEN_TRUNK_PBX,    /* one firm's telephone system */
	GEN_TRUNK_CENTRE, /* honest call centres */
	GEN_TRUNK_DIALLER,
	GEN_TRUNK_NATIONAL_1,
	GEN_TRUNK_NATIONAL_2,
	GEN_TRUNK_FOREIGN_1,
	GEN_TRUNK_FOREIGN_2,
	GEN_TRUNK_FOREIGN_3, /* a cheap route that little honest traffic takes */
	GEN_TRUNK_TRANSIT,   /* out only */
	GEN_TRUNK_PEER,
	GEN_TRUNK_COUNT,
};

enum gen_end { GEN_END_UNKNOWN = 0, GEN_END_CALLER, GEN_END_CALLEE, GEN_END_NETWORK };

/* Index of a subscriber + 1, or GEN_LINE_EXTRA + index of a further line; 0: somebody outside. */
typedef uint32_t gen_line_id;

#define GEN_LINE_EXTRA UINT32_C(0x80000000)

struct gen_call {
	int64_t start_us;
	uint64_t caller; /* E.164 digits; 0: withheld */
	uint64_t callee;
	uint64_t diverting;
	const char *display; /* NULL: none; no quotes or commas in it */
	const char *agent;   /* User-Agent; NULL: none */
	gen_line_id from;    /* whose account and telephone it is */
	gen_line_id to;
	uint32_t device;    /* 0: his own telephone */
	uint32_t cell;      /* 0: where he is used to be */
	uint32_t origid;    /* 0: none */
	uint32_t operation; /* 0: an honest call; else its number, from 1 */
	uint32_t setup_ms;  /* INVITE to ringing, or to a failure before it */
	uint32_t ring_ms;   /* 0: it never rang */
	uint32_t talk_ms;
	uint16_t code;    /* final SIP status */
	uint8_t trunk_in; /* enum gen_trunk; GEN_TRUNK_NONE: a stranger's address */
	uint8_t trunk_out;
	uint8_t end;    /* enum gen_end: who hung up */
	uint8_t kind;   /* of the honest caller (gen_kind_name); 0: ordinary life */
	char attest;    /* 'A', 'B', 'C' or 0 */
	bool by_victim; /* of an operation's calls */
	bool capture;   /* calls.pcap instead of cdr.csv */
};

/* A line beside the subscribers: a firm's, a fresh SIM's, a scam centre's. */
struct gen_line {
	uint64_t number;
	uint32_t age_days;
	uint8_t kind; /* 0: it belongs to nobody honest */
	bool business;
	bool mobile;
};

struct gen_operation {
	char name[24]; /* "wangiri-1" */
	const char *class;
	bool capture;
	uint64_t calls;
	uint64_t numbers; /* that it calls from, or has others call */
	int64_t first_us; /* start of its first call */
	int64_t last_us;
};

struct gen_world {
	const struct gen_plan *plan;
	uint64_t seed;
	uint64_t calls;    /* ordinary ones, calls back among them */
	uint64_t captured; /* of them in the capture, about */
	uint64_t subscribers;
	int64_t start_us;
	int64_t span_us;
	bool clean;
	bool stir;
	bool json_lines;
};

/* What is settled before the first call is made. */
struct gen_plan_book {
	struct gen_call *calls; /* planned, in any order, until the stream sorts them */
	size_t call_count, call_cap;
	struct gen_line *lines;
	size_t line_count, line_cap;
	struct gen_operation *operations;
	size_t operation_count, operation_cap;
	bool failed; /* memory ran out */
};

void gen_book_fini(struct gen_plan_book *book);
void gen_book_call(struct gen_plan_book *book, struct gen_call call);
/* A line with a number of its own. */
gen_line_id gen_book_line(struct gen_plan_book *book, const struct gen_world *w,
                          struct gen_line like);
struct gen_operation *gen_book_operation(struct gen_plan_book *book);
/* items with room for one more, NULL without memory. */
void *gen_room(void *items, size_t count, size_t *cap, size_t size);

/* End of the call, as a call record has it. */
static inline int64_t gen_call_end(const struct gen_call *call)
{
	int64_t ms = (int64_t)call->setup_ms + call->ring_ms + call->talk_ms;

	return call->start_us + 1000 * ms;
}

static inline int64_t gen_world_end(const struct gen_world *w)
{
	return w->start_us + w->span_us;
}

/* Hour of the home country's standard time, 0 .. 23, and weekday, 0 Monday .. 6. */
unsigned gen_local_hour(const struct gen_world *w, int64_t time_us);
unsigned gen_local_weekday(const struct gen_world *w, int64_t time_us);

/* ---- people and places (gen_people.c) ---- */

enum {
	GEN_ROAMER_EVERY = 50, /* one in so many subscribers travels: he calls from abroad */
	GEN_PROTECTED = 20,
	GEN_HIGH_COST = 12,
	GEN_BANKS = 5,
	GEN_FRIENDS_MAX = 30,
	GEN_OUTSIDERS = 1000000,
};

uint64_t gen_subscriber(const struct gen_world *w, uint64_t i); /* i modulo subscribers */
bool gen_subscriber_business(uint64_t i);
bool gen_subscriber_mobile(uint64_t i);
bool gen_subscriber_protected(uint64_t i);
unsigned gen_friends(uint64_t i);                             /* 5 .. 30 */
uint64_t gen_roamers(const struct gen_world *w);              /* how many */
uint64_t gen_roamer(const struct gen_world *w, uint64_t i);   /* index of the i-th as subscriber */
bool gen_roamer_registered(uint64_t i);                       /* in roaming_ok */
uint64_t gen_protected(uint64_t i);                           /* likewise */
uint64_t gen_outsider(const struct gen_world *w, uint64_t i); /* a customer of another network */
uint64_t gen_foreigner(const struct gen_world *w, uint64_t i);
uint64_t gen_high_cost(uint64_t range, uint64_t i); /* a number in a listed destination */
const char *gen_high_cost_prefix(size_t i);
uint64_t gen_dno(const struct gen_world *w);
uint64_t gen_bank(const struct gen_world *w, uint64_t i);
uint64_t gen_office(const struct gen_world *w, uint64_t i); /* a public body */
uint64_t gen_hotline(const struct gen_world *w);
/* The trunk that a subscriber's calls come in by. */
uint8_t gen_home_trunk(uint64_t i);

/* ---- calls in order of start (gen_calls.c) ---- */

struct gen_calls;

/* Everything as one stream. NULL: no memory. */
struct gen_calls *gen_calls_new(const struct gen_world *w, struct gen_plan_book *book);
/* False at the end. */
bool gen_calls_next(struct gen_calls *calls, struct gen_call *out);
bool gen_calls_failed(const struct gen_calls *calls); /* memory ran out */
void gen_calls_free(struct gen_calls *calls);

/* ---- ordinary life (gen_life.c) ---- */

struct gen_life {
	uint64_t friend_sum[GEN_FRIENDS_MAX];
	uint64_t shuffle;
};

void gen_life_init(struct gen_life *life, const struct gen_world *w);
void gen_life_call(const struct gen_life *life, const struct gen_world *w, struct gen_random *r,
                   struct gen_call *call);
/* One call in so many is followed by a call back, which this makes. */
bool gen_life_back(const struct gen_world *w, struct gen_random *r, const struct gen_call *call,
                   struct gen_call *back);
/* Attestation and originating identity of an honest call, by where it comes in. */
void gen_attest(const struct gen_world *w, struct gen_random *r, struct gen_call *call);

/* ---- honest callers that make many calls (gen_honest.c) ---- */

enum { GEN_KINDS_MAX = 32, GEN_FIRMS_MAX = 256 };

struct gen_honest {
	struct gen_firms {
		uint32_t count;
		gen_line_id first; /* their lines follow each other */
		uint32_t lines;    /* of each */
	} firms[GEN_KINDS_MAX];
};

const char *gen_kind_name(unsigned kind); /* NULL: there is none; kinds begin with 1 */
uint8_t gen_kind_trunk(unsigned kind);    /* by which its calls come in */
bool gen_kind_registered(unsigned kind);  /* in registered_callers */
/* Calls of the kind in a thousand ordinary ones, during a local hour of the week when all hours of
 * a week weigh `week`. */
double gen_kind_weight(unsigned kind, unsigned weekday, unsigned hour, double week);
/* Their lines, and what they do in bursts. */
void gen_honest_prepare(struct gen_honest *h, const struct gen_world *w,
                        struct gen_plan_book *book);
void gen_honest_call(const struct gen_honest *h, const struct gen_world *w,
                     const struct gen_plan_book *book, struct gen_random *r, unsigned kind,
                     struct gen_call *call);

/* ---- scam operations (gen_scams.c) ---- */

void gen_scams(const struct gen_world *w, struct gen_plan_book *book);

/* ---- files ---- */

const char *gen_trunk_name(enum gen_trunk trunk);
uint32_t gen_trunk_address(enum gen_trunk trunk); /* IPv4 of its first host */

void gen_cdr_header(struct gen_file *f, const struct gen_world *w);
void gen_cdr_add(struct gen_file *f, const struct gen_world *w, const struct gen_plan_book *book,
                 const struct gen_call *call, uint64_t id);
/* The same as JSON lines. */
void gen_cdr_add_json(struct gen_file *f, const struct gen_world *w,
                      const struct gen_plan_book *book, const struct gen_call *call, uint64_t id);
/* call_id,start,end,caller,callee,trunk_in,account: every call, whatever file it is in. */
void gen_truth_header(struct gen_file *f);
void gen_truth_add(struct gen_file *f, const struct gen_world *w, const struct gen_plan_book *book,
                   const struct gen_call *call, uint64_t id);
/* "1-000000042": seed and number, the same text in every file. */
void gen_call_id(struct buf *out, const struct gen_world *w, uint64_t id);
/* "A00000042"; nothing for a line that is not of this network. */
void gen_account(struct buf *out, gen_line_id line);

/* SIP ladders merged by time: a message leaves when no later call can come before it. */
struct gen_pcap;

struct gen_pcap *gen_pcap_new(struct gen_file *f, const struct gen_world *w); /* NULL: no memory */
void gen_pcap_add(struct gen_pcap *pcap, const struct gen_call *call, uint64_t id);
/* Writes what is left and frees. False: memory ran out. */
bool gen_pcap_end(struct gen_pcap *pcap);

/* trunks.csv, subscribers.csv, ported.csv and the lists, into dir. False after a message on
 * stderr. */
bool gen_tables_write(const struct gen_world *w, const struct gen_plan_book *book, const char *dir);

/* world.json, operations.csv, honest.csv. */
struct gen_tally {
	uint64_t calls;
	uint64_t scam;
	uint64_t captured;
	uint64_t of_kind[GEN_KINDS_MAX]; /* [0]: ordinary life */
};

void gen_tally_add(struct gen_tally *t, struct gen_plan_book *book, const struct gen_call *call);
bool gen_summary_write(const struct gen_world *w, const struct gen_plan_book *book,
                       const struct gen_tally *t, const char *dir);

int cmd_gen(int argc, char **argv);

#endif
