/* `ringfence gen`: a labelled world to try rules on.
 *
 * A world is a home network with subscribers, trunks and reference lists, a day (or --hours) of
 * ordinary calls and, unless --clean, one campaign of each scam in gen_scams.c. One part of the
 * calls is written as call records, the other as SIP in a capture; no call is in both, so that
 * feeding both gives every call once. The same options give the same bytes: all chance comes from
 * struct gen_random, and nothing reads a clock.
 *
 * Calls flow in order of their start: gen_calls_next -> gen_cdr_add or gen_pcap_add.
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
	GEN_TRUNK_DIALLER,
	GEN_TRUNK_NATIONAL_1,
	GEN_TRUNK_NATIONAL_2,
	GEN_TRUNK_FOREIGN_1,
	GEN_TRUNK_FOREIGN_2,
	GEN_TRUNK_PEER,
	GEN_TRUNK_COUNT,
};

enum gen_end { GEN_END_UNKNOWN = 0, GEN_END_CALLER, GEN_END_CALLEE, GEN_END_NETWORK };

struct gen_call {
	int64_t start_us;
	uint64_t caller; /* E.164 digits; 0: withheld */
	uint64_t callee;
	const char *display;  /* NULL: none; no quotes or commas in it */
	const char *agent;    /* User-Agent; NULL: none */
	const char *campaign; /* NULL: an ordinary call */
	const char *class;
	uint32_t setup_ms; /* INVITE to ringing, or to a failure before it */
	uint32_t ring_ms;  /* 0: it never rang */
	uint32_t talk_ms;
	uint16_t code;    /* final SIP status */
	uint8_t trunk_in; /* enum gen_trunk; GEN_TRUNK_NONE: a stranger's address */
	uint8_t trunk_out;
	uint8_t end;  /* enum gen_end: who hung up */
	char attest;  /* 'A', 'B', 'C' or 0 */
	bool capture; /* calls.pcap instead of cdr.csv */
};

struct gen_world {
	const struct gen_plan *plan;
	uint64_t seed;
	uint64_t calls;    /* ordinary ones */
	uint64_t captured; /* of them in the capture, about */
	uint64_t subscribers;
	int64_t start_us;
	int64_t span_us;
	bool clean;
};

/* End of the call, as a call record has it. */
static inline int64_t gen_call_end(const struct gen_call *call)
{
	int64_t ms = (int64_t)call->setup_ms + call->ring_ms + call->talk_ms;

	return call->start_us + 1000 * ms;
}

/* ---- people and places (gen_world.c) ---- */

enum {
	GEN_ROAMER_EVERY = 50, /* one in so many subscribers travels: he calls from abroad */
	GEN_PROTECTED = 20,
	GEN_HIGH_COST = 12,
};

uint64_t gen_subscriber(const struct gen_world *w, uint64_t i); /* i modulo subscribers */
bool gen_subscriber_business(uint64_t i);
bool gen_subscriber_protected(uint64_t i);
uint64_t gen_roamers(const struct gen_world *w);              /* how many */
uint64_t gen_roamer(const struct gen_world *w, uint64_t i);   /* index of the i-th as subscriber */
uint64_t gen_protected(uint64_t i);                           /* likewise */
uint64_t gen_outsider(const struct gen_world *w, uint64_t i); /* a customer of another network */
uint64_t gen_foreigner(const struct gen_world *w, struct gen_random *random);
const char *gen_high_cost_prefix(size_t i);
uint64_t gen_dno(const struct gen_world *w);
uint64_t gen_bank(const struct gen_world *w, uint64_t i);
uint64_t gen_office(const struct gen_world *w, uint64_t i); /* a public body */
uint64_t gen_hotline(const struct gen_world *w);
uint64_t gen_reminder(const struct gen_world *w); /* a registered caller */

/* ---- calls in order of start ---- */

struct gen_calls;

/* Ordinary calls and campaigns as one stream. NULL: no memory. */
struct gen_calls *gen_calls_new(const struct gen_world *w);
/* False at the end. */
bool gen_calls_next(struct gen_calls *calls, struct gen_call *out);
void gen_calls_free(struct gen_calls *calls);

/* The scam campaigns (gen_scams.c): appends calls in any order. */
struct gen_scene {
	struct gen_call *calls;
	size_t count;
	size_t cap;
	bool failed;
};

void gen_scene_add(struct gen_scene *scene, struct gen_call call);
void gen_scams(const struct gen_world *w, struct gen_random *random, struct gen_scene *scene);

/* ---- files ---- */

const char *gen_trunk_name(enum gen_trunk trunk);
uint32_t gen_trunk_address(enum gen_trunk trunk); /* IPv4 of its first host */

void gen_cdr_header(struct gen_file *f);
void gen_cdr_add(struct gen_file *f, const struct gen_world *w, const struct gen_call *call,
                 uint64_t id);
/* "1-000000042": seed and number, the same text in every file. */
void gen_call_id(struct buf *out, const struct gen_world *w, uint64_t id);

/* SIP ladders merged by time: a message leaves when no later call can come before it. */
struct gen_pcap;

struct gen_pcap *gen_pcap_new(struct gen_file *f, const struct gen_world *w); /* NULL: no memory */
void gen_pcap_add(struct gen_pcap *pcap, const struct gen_call *call, uint64_t id);
/* Writes what is left and frees. False: memory ran out. */
bool gen_pcap_end(struct gen_pcap *pcap);

/* trunks.csv, subscribers.csv and the lists, into dir. False after a message on stderr. */
bool gen_tables_write(const struct gen_world *w, const char *dir);

int cmd_gen(int argc, char **argv);

#endif
