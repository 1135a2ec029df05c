/* The dialog table at its bounds: too many calls, too long texts; and what a call's events carry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/calls/ladder.h"

static struct hash_key key;
static struct ladder_log text_log;

static struct call_table *table_of(struct call_options options)
{
	options.key = &key;
	struct call_table *t = call_table_new(&options);

	assert_non_null(t);
	text_log = (struct ladder_log){.floor_us = INT64_MIN};
	return t;
}

static void check_log(const char *want)
{
	char got[2048] = "";
	size_t len = 0;

	for (size_t i = 0; i < text_log.count; i++) {
		if (text_log.event[i].kind != KIND_SIP) {
			len += (size_t)snprintf(got + len, sizeof(got) - len, "%s\n",
			                        text_log.event[i].line);
		}
	}
	assert_string_equal(got, want);
	text_log.count = 0;
}

#define QUIET " ring - setup - talk 0 q -\n"

static void test_evicts_longest_without_message(void **state)
{
	struct call_table *t = table_of((struct call_options){.max_calls = 2});
	struct call_table_stat stat;

	(void)state;
	ladder_feed(t, "0 >INVITE 1 id=a\n10 >INVITE 1 id=b\n20 100 1 id=a\n30 >INVITE 1 id=e\n",
	            &text_log);
	check_log("attempt a 0\nattempt b 10\ncall b 10 - unknown by timeout" QUIET
	          "attempt e 30\n");
	call_table_stat(t, &stat);
	assert_int_equal(3, stat.calls);
	assert_int_equal(2, stat.calls_open);
	assert_int_equal(1, stat.calls_evicted);
	assert_int_equal(1, call_table_count(t)->dropped[REASON_DIALOG_EVICTED]);

	ladder_feed(t, "40 486 1 id=b\n50 486 1 id=a\n60 486 1 id=e\n", &text_log);
	check_log("call a 50 486 busy by callee" QUIET "call e 60 486 busy by callee" QUIET);
	call_table_free(t);
}

static void test_evicts_the_ended_first(void **state)
{
	struct call_table *t = table_of((struct call_options){.max_calls = 2});
	struct call_table_stat stat;

	(void)state;
	ladder_feed(t, "0 >INVITE 1 id=a\n10 >INVITE 1 id=b\n20 486 1 id=b\n30 >INVITE 1 id=e\n",
	            &text_log);
	check_log("attempt a 0\nattempt b 10\ncall b 20 486 busy by callee" QUIET "attempt e 30\n");
	call_table_stat(t, &stat);
	assert_int_equal(0, stat.calls_evicted);
	assert_int_equal(2, stat.calls_open);
	call_table_free(t);
}

static void test_evicted_call_keeps_its_result(void **state)
{
	struct call_table *t = table_of((struct call_options){.max_calls = 1});

	(void)state;
	ladder_feed(t, "0 >INVITE 1 id=a\n10 407 1 id=a\n20 >INVITE 1 id=b\n", &text_log);
	check_log("attempt a 0\ncall a 10 407 failed by callee" QUIET "attempt b 20\n");
	call_table_free(t);
}

static void test_evicts_transactions(void **state)
{
	struct call_table *t = table_of((struct call_options){.max_transactions = 2});
	struct call_table_stat stat;

	(void)state;
	ladder_feed(t, "0 >OPTIONS 1\n10 >OPTIONS 2\n15 200/OPTIONS 2\n20 >OPTIONS 3\n", &text_log);
	call_table_stat(t, &stat);
	assert_int_equal(0, stat.transactions_evicted);
	assert_int_equal(1, text_log.count);
	ladder_feed(t, "30 >OPTIONS 4\n40 200/OPTIONS 1\n", &text_log);
	call_table_stat(t, &stat);
	assert_int_equal(1, stat.transactions_evicted);
	assert_int_equal(2, stat.transactions_open);
	assert_int_equal(2, text_log.count);
	assert_string_equal("sip c 30 OPTIONS -", text_log.event[1].line);
	call_table_free(t);
}

/* What an event carries, copied. */
struct carried {
	struct event e;
	char call_id[2048], display[1024], caller[64], pai[64], from[64], ua[64];
	size_t count;
};

static struct slice keep(char *out, struct slice s)
{
	if (s.len) {
		memcpy(out, s.p, s.len);
	}
	return s.p ? (struct slice){out, s.len} : SLICE_NONE;
}

static void carry(void *user, const struct event *e)
{
	struct carried *c = user;

	if (e->kind != KIND_SIP) {
		c->e = *e;
		c->e.call_id = keep(c->call_id, e->call_id);
		c->e.display = keep(c->display, e->display);
		c->e.caller.text = keep(c->caller, e->caller.text);
		c->e.pai.text = keep(c->pai, e->pai.text);
		c->e.from.text = keep(c->from, e->from.text);
		c->e.ua = keep(c->ua, e->ua);
		c->count++;
	}
}

static void assert_slice(struct slice got, const char *want)
{
	if (!want) {
		assert_null(got.p);
		return;
	}
	assert_non_null(got.p);
	assert_int_equal(strlen(want), got.len);
	assert_memory_equal(want, got.p, got.len);
}

static void test_long_texts(void **state)
{
	struct call_table *t = table_of((struct call_options){0});
	static char id[2000], display[2000];
	static struct carried seen;
	struct call_table_stat stat;
	struct ladder_message lm;

	(void)state;
	memset(id, 'i', sizeof(id));
	memset(display, 'd', sizeof(display));
	(void)ladder_read("0 >INVITE 1", &lm);
	lm.m.call_id = (struct slice){id, CALL_ID_KEPT};
	lm.m.invite.from.display = (struct slice){display, CALL_TEXT_KEPT};
	call_table_message(t, &lm.m, carry, &seen);
	call_table_stat(t, &stat);
	assert_int_equal(0, stat.texts_cut);
	assert_int_equal(CALL_ID_KEPT, seen.e.call_id.len);
	assert_memory_equal(id, seen.e.call_id.p, CALL_ID_KEPT);
	assert_int_equal(CALL_TEXT_KEPT, seen.e.display.len);

	/* Each is cut in the call, the Call-ID in the transaction too; a longer id is another call.
	 */
	lm.m.call_id.len++;
	lm.m.invite.from.display.len++;
	call_table_message(t, &lm.m, carry, &seen);
	call_table_stat(t, &stat);
	assert_int_equal(3, stat.texts_cut);
	assert_int_equal(2, stat.calls);
	assert_int_equal(CALL_ID_KEPT, seen.e.call_id.len);
	assert_int_equal(CALL_TEXT_KEPT, seen.e.display.len);
	assert_memory_equal(display, seen.e.display.p, CALL_TEXT_KEPT);
	call_table_free(t);
}

/* Many calls with the longest texts: the room for texts runs out before that for calls. */
static void test_room_for_texts_runs_out(void **state)
{
	enum { CALLS = 64 };
	struct call_table *t = table_of((struct call_options){.max_calls = CALLS});
	static char id[CALL_ID_KEPT];
	static struct carried seen;
	struct call_table_stat stat;
	struct ladder_message lm;

	(void)state;
	seen.count = 0;
	memset(id, 'i', sizeof(id));
	for (int i = 0; i < CALLS; i++) {
		(void)ladder_read("0 >INVITE 1", &lm);
		id[0] = (char)i;
		lm.m.call_id = (struct slice){id, sizeof(id)};
		call_table_message(t, &lm.m, carry, &seen);
	}
	call_table_stat(t, &stat);
	assert_int_equal(CALLS, stat.calls);
	assert_true(stat.calls_evicted > CALLS / 4 && stat.calls_evicted < CALLS);
	assert_int_equal(CALLS, stat.calls_open + stat.calls_evicted);
	call_table_flush(t, carry, &seen);
	assert_int_equal(2 * CALLS, seen.count);
	assert_int_equal(CALLS, call_table_count(t)->out + stat.calls_evicted);
	call_table_free(t);
}

static const struct {
	const char *id;
	const char *pai, *ppi, *from, *from_display, *pai_display;
	bool caller_from;
	const char *caller, *display;
} caller_rows[] = {
	{"From alone", NULL, NULL, "+441", "F", NULL, false, "+441", "F"},
	{"PAI", "+443", NULL, "+441", "F", "P", false, "+443", "P"},
	{"PAI without a name", "+443", NULL, "+441", "F", NULL, false, "+443", "F"},
	{"PAI, by option From", "+443", NULL, "+441", "F", "P", true, "+441", "F"},
	{"PPI", NULL, "+444", "+441", "F", NULL, false, "+444", "F"},
	{"PAI and PPI", "+443", "+444", "+441", "F", NULL, false, "+443", "F"},
	{"PAI equal to From", "+441", NULL, "+441", NULL, NULL, false, "+441", NULL},
	{"none", NULL, NULL, NULL, NULL, NULL, false, NULL, NULL},
};

static void test_caller(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(caller_rows) / sizeof(caller_rows[0]); i++) {
		struct call_table *t =
			table_of((struct call_options){.caller_from = caller_rows[i].caller_from});
		static struct carried seen;
		struct ladder_message lm;

		(void)ladder_read("0 >INVITE 1", &lm);
		lm.m.invite.pai.number.text = slice_of(caller_rows[i].pai);
		lm.m.invite.pai.number.withheld = true;
		lm.m.invite.pai.display = slice_of(caller_rows[i].pai_display);
		lm.m.invite.ppi.number.text = slice_of(caller_rows[i].ppi);
		lm.m.invite.from.number.text = slice_of(caller_rows[i].from);
		lm.m.invite.from.display = slice_of(caller_rows[i].from_display);
		lm.m.ua = SLICE_LIT("ua/1");
		call_table_message(t, &lm.m, carry, &seen);
		for (int again = 0; again < 2; again++) {
			assert_slice(seen.e.caller.text, caller_rows[i].caller);
			assert_slice(seen.e.display, caller_rows[i].display);
			assert_slice(seen.e.pai.text, caller_rows[i].pai);
			assert_slice(seen.e.from.text, caller_rows[i].from);
			assert_slice(seen.e.ua, "ua/1");
			assert_true(seen.e.pai.withheld);
			assert_false(seen.e.from.withheld);
			call_table_flush(t, carry, &seen);
			assert_int_equal(KIND_CALL, seen.e.kind);
		}
		call_table_free(t);
	}
}

static void test_everything_is_carried(void **state)
{
	struct call_table *t = table_of((struct call_options){0});
	struct ladder_message lm;
	static struct carried seen;
	static const struct message_invite invite = {
		.callee = {{"12", 2}, {"+44", 3}, false},
		.from = {{{"34", 2}, {"+45", 3}, true}, {"n", 1}},
		.divert = {{"56", 2}, {"+46", 3}, true},
		.forwarded = true,
		.attest = ATTEST_B,
		.verstat = VERSTAT_FAILED,
		.stir_orig = {"78", 2},
		.stir_dest = {"90", 2},
		.stir_iat_us = 5,
		.stir_signer = {"s", 1},
		.stir_origid = {"o", 1},
	};

	(void)state;
	(void)ladder_read("7 >INVITE 1", &lm);
	lm.m.invite = invite;
	lm.m.source = 3;
	call_table_message(t, &lm.m, carry, &seen);
	call_table_flush(t, carry, &seen);
	const struct event *e = &seen.e;
	assert_int_equal(KIND_CALL, e->kind);
	assert_int_equal(3, e->source);
	assert_int_equal(10, e->src.bytes[12]);
	assert_int_equal(1, e->src.bytes[15]);
	assert_int_equal(2, e->dst.bytes[15]);
	assert_int_equal(7000, e->start_us);
	assert_int_equal(INSTANT_NONE, e->answer_us);
	assert_slice(e->caller.text, "34");
	assert_true(e->caller.withheld && e->from.withheld && e->divert.withheld && e->forwarded);
	assert_false(e->callee.withheld || e->pai.withheld);
	assert_int_equal(ATTEST_B, e->attest);
	assert_int_equal(VERSTAT_FAILED, e->verstat);
	assert_int_equal(5, e->stir_iat_us);
	assert_int_equal(2, e->callee.text.len);
	assert_int_equal(3, e->callee.context.len);
	assert_int_equal(3, e->caller.context.len);
	assert_int_equal(3, e->divert.context.len);
	assert_int_equal(1, e->stir_signer.len);
	assert_int_equal(1, e->stir_origid.len);
	assert_int_equal(2, e->stir_orig.len);
	assert_int_equal(2, e->stir_dest.len);
	call_table_free(t);
}

static void test_times_are_carried(void **state)
{
	struct call_table *t = table_of((struct call_options){0});
	struct ladder_message lm;
	static struct carried seen;

	(void)state;
	for (const char *text = "1 >INVITE 1\n2 200 1\n4 >BYE 2\n"; *text;) {
		text = ladder_read(text, &lm);
		call_table_message(t, &lm.m, carry, &seen);
	}
	assert_int_equal(KIND_CALL, seen.e.kind);
	assert_true(seen.e.answered);
	assert_int_equal(1000, seen.e.start_us);
	assert_int_equal(2000, seen.e.answer_us);
	assert_int_equal(4000, seen.e.time_us);
	assert_int_equal(2000, seen.e.duration_us);
	call_table_free(t);
}

static void check_transaction(void *user, const struct event *e)
{
	assert_int_equal(KIND_SIP, e->kind);
	assert_int_equal(3, e->source);
	assert_int_equal(1, e->src.bytes[15]);
	assert_int_equal(6000, e->src.port);
	assert_int_equal(2, e->dst.bytes[15]);
	assert_slice(e->ua, "ua/1");
	assert_slice(e->method, "OPTIONS");
	assert_slice(e->from_user, "+441");
	assert_slice(e->to_user, "+442");
	++*(int *)user;
}

static void test_transactions_carry(void **state)
{
	struct call_table *t = table_of((struct call_options){0});
	struct ladder_message lm;
	int count = 0;

	(void)state;
	(void)ladder_read("1 >OPTIONS 1 p=6000", &lm);
	lm.m.source = 3;
	lm.m.ua = SLICE_LIT("ua/1");
	call_table_message(t, &lm.m, check_transaction, &count);
	(void)ladder_read("2 200/OPTIONS 1 h=2", &lm);
	call_table_message(t, &lm.m, check_transaction, &count);
	assert_int_equal(1, count);
	call_table_free(t);
}

static long mapped_pages(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f) {
		assert_int_equal(1, fscanf(f, "%ld", &pages));
		(void)fclose(f);
	}
	return pages;
}

static void test_all_is_given_back(void **state)
{
	const long page_tolerance = 2048;
	long before = mapped_pages();
	struct call_table *t = table_of((struct call_options){0});

	(void)state;
	assert_true(before == 0 || mapped_pages() > before + page_tolerance);
	call_table_free(t);
	assert_true(mapped_pages() <= before + page_tolerance);
	call_table_free(NULL);
}

static void test_after_a_flush(void **state)
{
	struct call_table *t = table_of((struct call_options){0});

	(void)state;
	ladder_feed(t, "0 >INVITE 1\n", &text_log);
	call_table_flush(t, ladder_emit, &text_log);
	call_table_flush(t, ladder_emit, &text_log);
	check_log("attempt c 0\ncall c 0 - unknown by timeout" QUIET);
	ladder_feed(t, "5 >INVITE 1\n6 486 1\n", &text_log);
	check_log("attempt c 5\ncall c 6 486 busy by callee" QUIET);
	call_table_free(t);
}

static void test_times_from_hell(void **state)
{
	struct call_table *t = table_of((struct call_options){.max_idle_us = INT64_MAX});
	static const int64_t times[] = {INT64_MIN, -1, 0, INT64_MAX - 1, INT64_MAX};
	struct ladder_message lm;

	(void)state;
	assert_int_equal(INT64_MIN, call_table_low_water(t));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		(void)ladder_read("0 >INVITE 1", &lm);
		lm.id[0] = (char)('a' + i);
		lm.m.time_us = times[i];
		call_table_message(t, &lm.m, ladder_emit, &text_log);
	}
	call_table_flush(t, ladder_emit, &text_log);
	assert_int_equal(15, text_log.count);
	call_table_free(t);
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
		cmocka_unit_test(test_evicts_longest_without_message),
		cmocka_unit_test(test_evicts_the_ended_first),
		cmocka_unit_test(test_evicted_call_keeps_its_result),
		cmocka_unit_test(test_evicts_transactions),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_room_for_texts_runs_out),
		cmocka_unit_test(test_caller),
		cmocka_unit_test(test_everything_is_carried),
		cmocka_unit_test(test_times_are_carried),
		cmocka_unit_test(test_transactions_carry),
		cmocka_unit_test(test_all_is_given_back),
		cmocka_unit_test(test_after_a_flush),
		cmocka_unit_test(test_times_from_hell),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
