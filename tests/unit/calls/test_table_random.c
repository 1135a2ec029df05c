/* Properties of the dialog table: however the messages of many calls are interleaved, repeated,
 * seen at further hops and mixed with timers, the events are those of each call alone; and at any
 * capacity every call that began is issued once and every message is counted once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/calls/ladder.h"

static const char *const flows[] = {
	"0 >INVITE 1\n10 100 1\n500 180 1\n2000 200 1\n2010 >ACK 1 d\n5000 >BYE 2\n5010 200/BYE 2\n",
	"0 >INVITE 1\n500 183 1\n2000 200 1\n3000 >INVITE 2 d\n3010 200 2\n9000 <BYE 1\n",
	"0 >INVITE 1\n500 180 1\n3500 >CANCEL 1\n3510 200/CANCEL 1\n3600 487 1\n3610 >ACK 1 d\n",
	"0 >INVITE 1\n500 180 1\n1500 486 1\n1510 >ACK 1 d\n",
	"0 >INVITE 1\n20 407 1\n30 >ACK 1 d\n60 >INVITE 2\n500 180 2\n2000 200 2\n5000 >BYE 3\n",
	"0 >INVITE 1\n20 401 1\n30 >ACK 1 d\n",
	"0 >INVITE 1\n500 180 1\n2000 200 1\n2010 >ACK 1 d\n",
	"0 >INVITE 1\n500 180 1\n",
	"0 >INVITE 1 b=x\n1 >INVITE 1 b=y\n500 180 1 b=x t=x\n600 486 1 b=x t=x\n2000 200 1 b=y\n",
	"0 >REGISTER 1\n10 401/REGISTER 1\n20 >REGISTER 2\n30 200/REGISTER 2\n",
	"0 >OPTIONS 1\n",
	"0 >BYE 2\n10 481/BYE 2\n",
};

enum { FLOWS = sizeof(flows) / sizeof(flows[0]), CALLS = 80, MESSAGES = 32 * CALLS, ROUNDS = 30 };

static struct hash_key key;
static struct ladder_message pool[MESSAGES];
static struct ladder_message *order[MESSAGES];
static struct ladder_log together, alone;
static unsigned seed;

static unsigned below(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static struct call_table *table_of(uint32_t max_calls, uint32_t max_transactions)
{
	struct call_options options = {
		.key = &key, .max_calls = max_calls, .max_transactions = max_transactions};
	struct call_table *t = call_table_new(&options);

	assert_non_null(t);
	return t;
}

/* Reads one flow as call number n, shifted in time. */
static size_t read_flow(const char *flow, int n, int64_t shift_us, struct ladder_message *out)
{
	size_t count = 0;

	for (const char *text = flow; *text; count++) {
		struct ladder_message *lm = &out[count];
		text = ladder_read(text, lm);
		(void)snprintf(lm->id, sizeof(lm->id), "c%d", n);
		lm->m.call_id = slice_of(lm->id);
		lm->m.time_us += shift_us;
	}
	return count;
}

/* A slice of one message as the same slice of its copy. */
static struct slice moved(struct slice s, const struct ladder_message *from,
                          const struct ladder_message *to)
{
	return s.p ? (struct slice){(const char *)to + (s.p - (const char *)from), s.len} : s;
}

/* A retransmission, or the message one hop further; it borrows its own texts. */
static void copy_message(struct ladder_message *to, const struct ladder_message *from, bool hop)
{
	*to = *from;
	to->m.method_text = moved(from->m.method_text, from, to);
	to->m.call_id = moved(from->m.call_id, from, to);
	to->m.branch = moved(from->m.branch, from, to);
	to->m.from_tag = moved(from->m.from_tag, from, to);
	to->m.to_tag = moved(from->m.to_tag, from, to);
	if (hop) {
		to->m.src.bytes[15] = (uint8_t)(to->m.src.bytes[15] + 1);
		to->m.dst.bytes[15] = (uint8_t)(to->m.dst.bytes[15] + 1);
		to->branch[0] = 'h';
	}
}

static int cmp_time(const void *a, const void *b)
{
	const struct ladder_message *const *x = a, *const *y = b;

	if ((*x)->m.time_us != (*y)->m.time_us) {
		return (*x)->m.time_us < (*y)->m.time_us ? -1 : 1;
	}
	return (*x > *y) - (*x < *y);
}

/* All calls' messages by time, each up to three times at its instant; a call's own order stays. */
static size_t make_traffic(bool repeat)
{
	size_t count = 0;

	for (int n = 0; n < CALLS; n++) {
		struct ladder_message own[16];
		size_t len = read_flow(flows[below(FLOWS)], n, (int64_t)below(20000) * 1000, own);
		for (size_t i = 0; i < len; i++) {
			unsigned copies = repeat ? 1 + below(3) : 1;
			for (unsigned k = 0; k < copies; k++) {
				copy_message(&pool[count], &own[i], k > 0 && below(2));
				order[count] = &pool[count];
				count++;
			}
		}
	}
	assert_true(count <= MESSAGES);
	qsort(order, count, sizeof(order[0]), cmp_time);
	return count;
}

static void run_together(struct call_table *t, size_t count, bool ticks)
{
	together = (struct ladder_log){.floor_us = INT64_MIN};
	for (size_t i = 0; i < count; i++) {
		together.floor_us = call_table_low_water(t);
		if (ticks && below(3) == 0) {
			call_table_advance(t, order[i]->m.time_us - below(1000), ladder_emit,
			                   &together);
		}
		call_table_message(t, &order[i]->m, ladder_emit, &together);
	}
	together.floor_us = call_table_low_water(t);
	call_table_flush(t, ladder_emit, &together);
	assert_false(together.below_floor);
}

static void run_alone(size_t count)
{
	alone = (struct ladder_log){.floor_us = INT64_MIN};
	for (int n = 0; n < CALLS; n++) {
		char id[32];
		struct call_table *t = table_of(8, 64);
		(void)snprintf(id, sizeof(id), "c%d", n);
		for (size_t i = 0; i < count; i++) {
			bool repeated = i > 0 && order[i]->m.time_us == order[i - 1]->m.time_us &&
			                order[i] == order[i - 1] + 1 &&
			                strcmp(order[i]->method, order[i - 1]->method) == 0 &&
			                order[i]->m.status == order[i - 1]->m.status;
			if (strcmp(order[i]->id, id) == 0 && !repeated) {
				call_table_message(t, &order[i]->m, ladder_emit, &alone);
			}
		}
		call_table_flush(t, ladder_emit, &alone);
		call_table_free(t);
	}
}

static void check_same(int round)
{
	ladder_log_sort(&together);
	ladder_log_sort(&alone);
	for (size_t i = 0; i < together.count && i < alone.count; i++) {
		if (strcmp(together.event[i].line, alone.event[i].line) != 0) {
			fail_msg("round %d: %s, alone %s", round, together.event[i].line,
			         alone.event[i].line);
		}
	}
	assert_int_equal(alone.count, together.count);
}

static void test_interleaving(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		seed = (unsigned)round;
		struct call_table *t = table_of(2 * CALLS, 8 * CALLS);
		size_t count = make_traffic(true);
		run_together(t, count, round % 2);
		run_alone(count);
		check_same(round);
		call_table_free(t);
	}
}

static size_t count_kind(enum event_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < together.count; i++) {
		count += together.event[i].kind == kind;
	}
	return count;
}

static void test_any_capacity(void **state)
{
	(void)state;
	for (int round = 0; round < 4 * ROUNDS; round++) {
		struct call_table_stat stat;
		seed = (unsigned)round;
		uint32_t max_calls = 1 + below(20);
		uint32_t max_transactions = 1 + below(20);
		struct call_table *t = table_of(max_calls, max_transactions);
		size_t messages = make_traffic(true);
		run_together(t, messages, true);
		call_table_stat(t, &stat);
		const struct stage_count *count = call_table_count(t);
		assert_int_equal(messages, count->in);
		assert_int_equal(count->in, count->out + stage_dropped(count));
		assert_int_equal(stat.calls, count_kind(KIND_ATTEMPT));
		assert_int_equal(stat.calls, count_kind(KIND_CALL));
		assert_int_equal(stat.calls_evicted, count->dropped[REASON_DIALOG_EVICTED]);
		assert_int_equal(0, stat.calls_open + stat.transactions_open);
		assert_true(max_calls > 10 || stat.calls_evicted > 0);
		call_table_free(t);
	}
}

static int set_up(void **state)
{
	(void)state;
	hash_key_default(&key);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interleaving),
		cmocka_unit_test(test_any_capacity),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
