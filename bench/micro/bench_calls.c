/* The dialog table and the duplicate window: ns a message and ns a record.
 *
 *	bench_calls [calls open at once, default 100000]
 *
 * Traffic: every call rings, is answered, talks and ends (INVITE, 100, 180, 200, ACK, BYE, 200), so
 * many of them at once as said, their messages interleaved so that no two in a row are of one call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "calls/dedupe.h"
#include "calls/table.h"

enum { STEPS = 7, ROUNDS = 6, RECORDS = 10000000, AHEAD = 16, BATCH = 64 };

/* Of this thread: what else runs on the machine does not count. */
static double spent_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void count_event(void *user, const struct event *e)
{
	*(uint64_t *)user += e->kind == KIND_CALL;
}

static const struct step {
	bool request;
	uint16_t status;
	enum message_method method;
	const char *text;
	uint32_t cseq;
} steps[STEPS] = {
	{true, 0, MESSAGE_INVITE, "INVITE", 1},    {false, 100, MESSAGE_INVITE, "INVITE", 1},
	{false, 180, MESSAGE_INVITE, "INVITE", 1}, {false, 200, MESSAGE_INVITE, "INVITE", 1},
	{true, 0, MESSAGE_ACK, "ACK", 1},          {true, 0, MESSAGE_BYE, "BYE", 2},
	{false, 200, MESSAGE_BYE, "BYE", 2},
};

static void fill(struct message *m, const struct step *step, char id[64], uint64_t call)
{
	int len = snprintf(id, 64, "%016llx-%08llx@sbc1.example.net",
	                   (unsigned long long)(call * UINT64_C(0x9e3779b97f4a7c15)),
	                   (unsigned long long)call);

	m->call_id = (struct slice){id, (size_t)len};
	m->branch = slice_first(m->call_id, 16);
	m->request = step->request;
	m->status = step->status;
	m->method = step->method;
	m->method_text = slice_of(step->text);
	m->cseq = step->cseq;
	m->from_tag = SLICE_LIT("1928301774");
	m->to_tag =
		step->method == MESSAGE_INVITE && step->request ? SLICE_NONE : SLICE_LIT("a6c85cf");
	m->from_user = m->request ? SLICE_LIT("+442079460001") : SLICE_NONE;
	m->to_user = m->request ? SLICE_LIT("+442079460002") : SLICE_NONE;
	m->ua = m->request ? SLICE_LIT("Example SBC 7.4.1") : SLICE_NONE;
}

/* Messages with the texts that they borrow; made ahead, so that only the table is measured. */
struct batch {
	struct message m[BATCH];
	char id[BATCH][64];
};

static double run_batch(struct call_table *t, struct batch *b, uint64_t count, uint64_t *calls)
{
	double begin = spent_ns();

	for (uint64_t i = 0; i < count; i++) {
		call_table_message(t, &b->m[i], count_event, calls);
	}
	return spent_ns() - begin;
}

static void fill_invite(struct message *m)
{
	*m = (struct message){
		.q850 = INSTANT_NONE, .src = {{[15] = 1}, 5060, 4}, .dst = {{[15] = 2}, 5060, 4}};
	m->invite.callee.text = SLICE_LIT("+442079460002");
	m->invite.from.number.text = m->invite.pai.number.text = SLICE_LIT("+442079460001");
	m->invite.from.display = SLICE_LIT("Alice Example");
	m->invite.stir_iat_us = INSTANT_NONE;
}

/* A step of all calls takes a second, a round a minute. */
static double run_step(struct call_table *t, struct batch *b, uint64_t open, uint64_t round,
                       uint64_t step, uint64_t *calls)
{
	int64_t start_us = (int64_t)(round * 60 + step) * US_PER_S;
	double spent = 0;

	for (uint64_t first = 0; first < open; first += BATCH) {
		uint64_t count = open - first < BATCH ? open - first : BATCH;
		for (uint64_t i = 0; i < count; i++) {
			fill(&b->m[i], &steps[step], b->id[i], round * open + first + i);
			b->m[i].time_us = start_us + (int64_t)((first + i) * 900000 / open);
		}
		spent += run_batch(t, b, count, calls);
	}
	return spent;
}

static void bench_table(const struct hash_key *key, uint64_t open)
{
	static struct batch b;
	struct call_table *t = call_table_new(&(struct call_options){.key = key});
	uint64_t calls = 0;
	double spent = 0;

	for (int i = 0; i < BATCH; i++) {
		fill_invite(&b.m[i]);
	}
	for (uint64_t round = 0; t && round < ROUNDS; round++) {
		for (uint64_t step = 0; step < STEPS; step++) {
			double ns = run_step(t, &b, open, round, step, &calls);
			/* The first round touches the memory for the first time. */
			spent += round > 0 ? ns : 0;
		}
	}
	printf("call table, %llu open: %.0f ns a message (%llu calls)\n", (unsigned long long)open,
	       spent / (double)((ROUNDS - 1) * STEPS * open), (unsigned long long)calls);
	call_table_free(t);
}

static void bench_dedupe(const struct hash_key *key)
{
	struct dedupe *d = dedupe_new(RECORDS, DEDUPE_WINDOW_US, key);
	uint64_t ahead[AHEAD] = {0};

	for (int pass = 0; d && pass < 2; pass++) {
		uint64_t duplicates = 0;
		double begin = spent_ns();
		for (uint64_t i = 0; i < RECORDS + AHEAD; i++) {
			uint64_t hash = ahead[i % AHEAD];
			if (i >= AHEAD) {
				duplicates += dedupe_seen(d, hash, US_PER_DAY);
			}
			ahead[i % AHEAD] = hash_u64(key, i);
			dedupe_prefetch(d, ahead[i % AHEAD]);
		}
		printf("dedupe, %d entries, %s: %.0f ns a record (%llu duplicates)\n", RECORDS,
		       pass == 0 ? "filling" : "full", (spent_ns() - begin) / RECORDS,
		       (unsigned long long)duplicates);
	}
	dedupe_free(d);
}

int main(int argc, char **argv)
{
	struct hash_key key;
	uint64_t open = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;

	hash_key_default(&key);
	bench_table(&key, open ? open : 1);
	bench_dedupe(&key);
	return 0;
}
