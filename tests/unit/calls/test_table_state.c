/* A dialog table that was saved and loaded goes on as the one that ran on; with a call log between
 * the two no call is issued twice and none gets a result that it did not have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "calls/call.h"
#include "core/err.h"
#include "unit/calls/ladder.h"

// clang-format off
#define RUNG "0 >INVITE 1\n10 100 1\n500 180 1\n"
static const char *const flows[] = {
	RUNG "2000 200 1\n2010 >ACK 1 d\n5000 >BYE 2\n5010 200/BYE 2\n",
	RUNG "2000 200 1\n2010 >ACK 1 d\n5000 <BYE 1\n5010 200/BYE 1 back\n",
	RUNG "2000 200 1\n2010 >ACK 1 d\n",
	RUNG "1500 486 1 q=17\n1510 >ACK 1 d\n",
	RUNG "3500 >CANCEL 1 q=16\n3510 200/CANCEL 1\n3600 487 1\n",
	RUNG "1500 >BYE 2\n1600 487 1\n",
	RUNG "1500 >BYE 2\n1510 200/BYE 2\n",
	RUNG "180499 200 1\n180500 >BYE 2\n",
	RUNG "100000 180 1\n200000 200 1\n203000 >BYE 2\n",
	"0 >INVITE 1\n20 407 1 t=x\n30 >ACK 1 d t=x\n60 >INVITE 2\n500 180 2\n2000 200 2\n5000 >BYE 3\n",
	"0 >INVITE 1\n20 407 1 t=x\n30 >ACK 1 d t=x\n60 >INVITE 2\n500 180 2\n1500 486 2\n",
	"0 >INVITE 1\n20 407 1 t=x\n30 >ACK 1 d t=x\n",
	"0 >INVITE 1\n20 302 1\n60 >INVITE 2 p=6000\n500 180 2\n2000 200 2\n5000 >BYE 3\n",
	"0 >INVITE 1 b=x\n1 >INVITE 1 b=y\n500 180 1 b=x t=x\n600 486 1 b=x t=x\n2000 200 1 b=y\n5000 >BYE 2\n",
	"0 >INVITE 1 b=x\n1 >INVITE 1 b=y\n500 180 1 b=x t=x\n600 486 1 b=x t=x\n2000 603 1 b=y\n",
	"0 >INVITE 1\n500 180 1\n2000 200 1\n2001 200 1 t=u\n2010 >BYE 2\n5000 <BYE 1 t=u\n",
	"0 >INVITE 1\n1 >INVITE 1 h=2\n500 180 1 h=2\n600 503 1 h=2\n610 >INVITE 1 h=2 b=z\n"
	"2000 200 1 h=2 b=z\n2001 200 1\n5000 >BYE 2\n",
	"0 >INVITE 1\n2 >INVITE 7 h=2 f=g\n498 180 7 h=2 f=g t=u\n500 180 1\n1998 200 7 h=2 f=g t=u\n"
	"2000 200 1\n4998 <BYE 1 h=2 f=g t=u\n5000 <BYE 1\n",
	"0 >INVITE 1\n500 180 1\n180500 tick\n",
	"0 >INVITE 1\n40 404 1\n50 >ACK 1 d\n",
};
// clang-format on

enum { FLOWS = sizeof(flows) / sizeof(flows[0]), MESSAGES = 512, EVENTS = 1024 };

static struct hash_key key;
static const struct state_head head = {.build = "test"};
static struct ladder_message pool[MESSAGES];
static struct ladder_message *order[MESSAGES];
static size_t messages;

/* What a call log tells of an event, and its line. */
struct issued {
	struct event e;
	char id[32], line[LADDER_LINE];
};

struct issue_log {
	size_t count;
	struct issued issued[EVENTS];
};

static void log_event(void *user, const struct event *e)
{
	struct issue_log *log = user;

	assert_true(log->count < EVENTS);
	struct issued *i = &log->issued[log->count++];
	(void)snprintf(i->id, sizeof(i->id), "%.*s", SLICE_FMT(e->call_id));
	event_init(&i->e, e->kind);
	i->e.time_us = e->time_us;
	i->e.call_id = slice_of(i->id);
	i->e.answered = e->answered;
	event_line(e, i->line);
}

static struct call_table *table_of(uint32_t max_calls)
{
	struct call_options options = {
		.key = &key, .max_calls = max_calls, .max_transactions = 256};
	struct call_table *t = call_table_new(&options);

	assert_non_null(t);
	return t;
}

static struct slice save(const struct call_table *t)
{
	struct state_out out;
	struct slice file;
	int fd = memfd_create("calls", MFD_CLOEXEC);

	assert_int_equal(state_out_open(&out, fd, &head), OK);
	call_table_save(t, &out, "calls");
	assert_int_equal(state_out_close(&out), OK);
	assert_int_equal(state_map(fd, &file), OK);
	(void)close(fd);
	return file;
}

static int load(struct call_table *t, struct slice file)
{
	struct state_in in;

	assert_int_equal(state_in_open(&in, file, &head), OK);
	int err = call_table_load(t, &in, "calls");
	assert_true(err == OK || in.why[0]);
	state_in_close(&in);
	return err;
}

static void check_balance(const struct call_table *t)
{
	const struct stage_count *count = call_table_count(t);
	struct call_table_stat stat;

	call_table_stat(t, &stat);
	assert_int_equal(count->in, count->out + stage_dropped(count) + stat.calls_open);
}

/* The table of the next process. */
static struct call_table *move(struct call_table *t, uint32_t max_calls)
{
	struct slice file = save(t);
	struct call_table *next = table_of(max_calls);

	assert_int_equal(load(next, file), OK);
	struct slice again = save(next);
	assert_int_equal(again.len, file.len);
	assert_memory_equal(again.p, file.p, file.len);
	state_unmap(again);
	state_unmap(file);
	check_balance(next);
	call_table_free(t);
	return next;
}

/* ---- traffic ---- */

static unsigned seed;

static unsigned below(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

static int cmp_time(const void *a, const void *b)
{
	const struct ladder_message *const *x = a, *const *y = b;

	if ((*x)->m.time_us != (*y)->m.time_us) {
		return (*x)->m.time_us < (*y)->m.time_us ? -1 : 1;
	}
	return (*x > *y) - (*x < *y);
}

static void add_flow(const char *text, unsigned call, int64_t shift_us)
{
	while (*text) {
		assert_true(messages < MESSAGES);
		struct ladder_message *lm = &pool[messages];
		text = ladder_read(text, lm);
		(void)snprintf(lm->id, sizeof(lm->id), "c%u", call);
		lm->m.call_id = slice_of(lm->id);
		lm->m.time_us += shift_us;
		order[messages++] = lm;
	}
}

static void make_traffic(unsigned calls)
{
	messages = 0;
	for (unsigned i = 0; i < calls; i++) {
		add_flow(flows[below(FLOWS)], i, (int64_t)below(8000) * 1000);
	}
	qsort(order, messages, sizeof(order[0]), cmp_time);
}

static void feed(struct call_table *t, size_t from, size_t to, struct issue_log *log)
{
	for (size_t i = from; i < to; i++) {
		if (order[i]->tick) {
			call_table_advance(t, order[i]->m.time_us, log_event, log);
		} else {
			call_table_message(t, &order[i]->m, log_event, log);
		}
	}
}

/* The whole run; after[i]: events that were issued before message i. */
static void run_whole(struct issue_log *log, size_t after[MESSAGES + 1])
{
	struct call_table *t = table_of(64);

	log->count = 0;
	for (size_t i = 0; i < messages; i++) {
		after[i] = log->count;
		feed(t, i, i + 1, log);
	}
	after[messages] = log->count;
	call_table_flush(t, log_event, log);
	call_table_free(t);
}

static bool of_call(const struct issued *i)
{
	return i->e.kind != KIND_SIP && i->e.kind != KIND_REGISTER;
}

static int cmp_line(const void *a, const void *b)
{
	const struct issued *x = a, *y = b;
	int order_of = of_call(y) - of_call(x);

	return order_of ? order_of : strcmp(x->line, y->line);
}

static size_t sort_calls(struct issue_log *log)
{
	size_t count = 0;

	qsort(log->issued, log->count, sizeof(log->issued[0]), cmp_line);
	while (count < log->count && of_call(&log->issued[count])) {
		count++;
	}
	return count;
}

static struct issue_log whole, cut;
static size_t issued_before[MESSAGES + 1];

static void check_goes_on(size_t at)
{
	struct call_table *t = table_of(64);

	cut.count = 0;
	feed(t, 0, at, &cut);
	t = move(t, 64);
	feed(t, at, messages, &cut);
	check_balance(t);
	call_table_flush(t, log_event, &cut);
	check_balance(t);
	call_table_free(t);
	size_t count = sort_calls(&cut);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(cut.issued[i].line, whole.issued[i].line);
	}
	assert_true(count == whole.count || !of_call(&whole.issued[count]));
}

static void test_goes_on(void **state)
{
	(void)state;
	for (size_t f = 0; f < FLOWS; f++) {
		messages = 0;
		add_flow(flows[f], 0, 0);
		run_whole(&whole, issued_before);
		(void)sort_calls(&whole);
		for (size_t at = 0; at <= messages; at++) {
			check_goes_on(at);
		}
	}
}

static void test_goes_on_with_many(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		seed = round;
		make_traffic(24);
		run_whole(&whole, issued_before);
		(void)sort_calls(&whole);
		for (size_t at = 0; at <= messages; at += 1 + below(12)) {
			check_goes_on(at);
		}
	}
}

/* ---- settling ---- */

static const struct issued *find_issued(const struct issue_log *log, enum event_kind kind,
                                        const char *id)
{
	for (size_t i = 0; i < log->count; i++) {
		if (log->issued[i].e.kind == kind && strcmp(log->issued[i].id, id) == 0) {
			return &log->issued[i];
		}
	}
	return NULL;
}

/* `cut` has what the killed process logged and what the next one issued. */
static void check_settled(size_t from, size_t to)
{
	for (size_t i = 0; i < cut.count; i++) {
		const struct issued *it = &cut.issued[i];
		if (!of_call(it)) {
			continue;
		}
		const struct issued *full = find_issued(&whole, it->e.kind, it->id);
		if (find_issued(&cut, it->e.kind, it->id) != it) {
			fail_msg("killed in %zu..%zu: twice: %s", from, to, it->line);
		}
		if (!full || full->e.answered != it->e.answered) {
			fail_msg("killed in %zu..%zu: %s, not %s", from, to, it->line,
			         full ? full->line : "that");
		}
	}
}

/* Saved before message `from`, killed before message `to`. */
static void kill_between(size_t from, size_t to)
{
	struct call_table *t = table_of(64);

	cut.count = 0;
	feed(t, 0, from, &cut);
	t = move(t, 64);
	for (size_t i = issued_before[from]; i < issued_before[to]; i++) {
		call_table_settle(t, &whole.issued[i].e);
		cut.issued[cut.count++] = whole.issued[i];
		cut.issued[cut.count - 1].e.call_id = slice_of(cut.issued[cut.count - 1].id);
	}
	check_balance(t);
	feed(t, to, messages, &cut);
	check_balance(t);
	call_table_flush(t, log_event, &cut);
	check_balance(t);
	call_table_free(t);
	check_settled(from, to);
}

static void test_settled(void **state)
{
	size_t runs = 0;

	(void)state;
	for (size_t f = 0; f < FLOWS; f++) {
		messages = 0;
		add_flow(flows[f], 0, 0);
		run_whole(&whole, issued_before);
		for (size_t from = 0; from < messages; from++) {
			for (size_t to = from + 1; to <= messages; to++) {
				/* Without an event nothing tells of the gap. */
				if (issued_before[to] > issued_before[from]) {
					kill_between(from, to);
					runs++;
				}
			}
		}
	}
	assert_true(runs > 200);
}

static void test_settled_with_many(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		seed = round;
		make_traffic(24);
		run_whole(&whole, issued_before);
		for (unsigned i = 0; i < 20; i++) {
			size_t from = below((unsigned)messages);
			size_t to = from + 1 + below((unsigned)(messages - from));
			if (issued_before[to] > issued_before[from]) {
				kill_between(from, to);
			}
		}
	}
}

struct settle_row {
	const char *id;
	const char *before;
	enum event_kind kind; /* KIND_SIP: of another call */
	int64_t ms;
	const char *after;
	const char *want; /* issued after the load */
};

// clang-format off
static const struct settle_row settle_rows[] = {
	{"answered meanwhile", "0 >INVITE 1\n500 180 1\n", KIND_ANSWER, 2000, "9000 >BYE 2\n",
	 "call c 9000 200 answered by caller ring 1500 setup 500 talk 7000 q -\n"},
	{"answered meanwhile, who knows when it rang", "0 >INVITE 1\n", KIND_ANSWER, 2000,
	 "9000 >BYE 2\n", "call c 9000 200 answered by caller ring - setup - talk 7000 q -\n"},
	{"answered meanwhile, then silence", "0 >INVITE 1\n", KIND_ANSWER, 2000, "9000 tick\n",
	 "call c 2000 200 answered by timeout ring - setup - talk 0 q -\n"},
	{"an answer older than the call", "9000 >INVITE 1\n", KIND_ANSWER, 8999, "9010 486 1\n",
	 "call c 9010 486 busy by callee ring - setup - talk 0 q -\n"},
	{"ended meanwhile", "0 >INVITE 1\n", KIND_CALL, 2000, "9000 >INVITE 1\n9001 486 1\n", ""},
	{"ended meanwhile, long ago", "0 >INVITE 1\n", KIND_CALL, 2000,
	 "90000 tick\n122000 >INVITE 1\n122001 486 1\n",
	 "attempt c 122000\ncall c 122001 486 busy by callee ring - setup - talk 0 q -\n"},
	{"an end older than the call", "9000 >INVITE 1\n", KIND_CALL, 8999, "9010 486 1\n",
	 "call c 9010 486 busy by callee ring - setup - talk 0 q -\n"},
	{"begun meanwhile", "0 tick\n", KIND_ATTEMPT, 2000, "9000 >INVITE 1\n9001 486 1\n", ""},
	{"still open", "0 >INVITE 1\n", KIND_SIP, 2000, "2100 180 1\n9000 200 1\n9500 >BYE 2\n",
	 "answer c 9000\ncall c 9500 200 answered by caller ring - setup - talk 500 q -\n"},
	{"silence begins anew", "0 >INVITE 1\n500 180 1\n", KIND_SIP, 170000,
	 "340000 tick\n519999 200 1\n520000 >BYE 2\n",
	 "answer c 519999\ncall c 520000 200 answered by caller ring 519499 setup 500 talk 1 q -\n"},
	{"silence begins anew for all", "0 >INVITE 1 id=d\n0 >INVITE 1\n", KIND_SIP, 170000,
	 "340000 tick\n519000 486 1 id=d\n519999 200 1\n520000 >BYE 2\n",
	 "answer c 519999\ncall c 520000 200 answered by caller ring - setup - talk 1 q -\n"
	 "call d 519000 486 busy by callee ring - setup - talk 0 q -\n"},
	{"answered before", "0 >INVITE 1\n2000 200 1\n", KIND_SIP, 3000, "4000 >ACK 1 d\n",
	 "call c 4000 200 answered by timeout ring - setup 2000 talk 2000 q -\n"},
	{"no result seen", "0 >INVITE 1\n500 180 1\n", KIND_SIP, 2000, "3000 tick\n", ""},
	{"a BYE, answered or not", "0 >INVITE 1\n500 180 1\n", KIND_SIP, 2000, "3000 >BYE 2\n", ""},
	{"a BYE before the answer", "0 >INVITE 1\n500 180 1\n", KIND_SIP, 2000,
	 "3000 >BYE 2\n3010 487 1\n",
	 "call c 3000 487 cancelled by caller ring 2500 setup 500 talk 0 q -\n"},
	{"a branch was missed", "0 >INVITE 1 b=x\n", KIND_SIP, 2000,
	 "3000 486 1 b=x\n3500 200 1 b=y\n4000 >BYE 2\n",
	 "answer c 3500\ncall c 4000 200 answered by caller ring - setup - talk 500 q -\n"},
	{"the next INVITE was missed", "0 >INVITE 1\n20 407 1\n", KIND_SIP, 2000,
	 "3000 486 2\n", "call c 3000 486 busy by callee ring - setup - talk 0 q -\n"},
	{"the next INVITE came", "0 >INVITE 1\n", KIND_SIP, 2000, "3000 >INVITE 2\n3010 407 2\n",
	 "call c 3010 407 failed by callee ring - setup - talk 0 q -\n"},
	{"a log from hell", "0 >INVITE 1\n", KIND_ANSWER, INT64_MAX / 1000, "1 >BYE 2\n",
	 "call c 2305843009213693 200 answered by caller ring - setup - talk 0 q -\n"},
};
// clang-format on

/* again: killed once more, before the first message. */
static void run_settle_row(const struct settle_row *row, bool again)
{
	struct call_table *t = table_of(8);
	static struct ladder_log log;
	char got[1024] = "";
	size_t len = 0;
	struct event e;

	log.count = 0;
	ladder_feed(t, row->before, &log);
	t = move(t, 8);
	log.count = 0;
	event_init(&e, row->kind);
	e.time_us = row->ms * 1000;
	e.call_id = row->kind == KIND_SIP ? SLICE_LIT("other") : SLICE_LIT("c");
	call_table_settle(t, &e);
	check_balance(t);
	t = again ? move(t, 8) : t;
	ladder_feed(t, row->after, &log);
	call_table_flush(t, ladder_emit, &log);
	check_balance(t);
	for (size_t k = 0; k < log.count; k++) {
		if (log.event[k].kind != KIND_SIP) {
			len += (size_t)snprintf(got + len, sizeof(got) - len, "%s\n",
			                        log.event[k].line);
		}
	}
	if (strcmp(got, row->want) != 0) {
		fail_msg("%s%s: got\n%swant\n%s", row->id, again ? ", again" : "", got, row->want);
	}
	call_table_free(t);
}

static void test_settle_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(settle_rows) / sizeof(settle_rows[0]); i++) {
		run_settle_row(&settle_rows[i], false);
		/* Calls that have ended are not kept. */
		if (settle_rows[i].kind == KIND_ANSWER || settle_rows[i].kind == KIND_SIP) {
			run_settle_row(&settle_rows[i], true);
		}
	}
}

/* Known as ended: at most as many as there is room for, none of the open ones goes for them. */
static void test_settle_without_room(void **state)
{
	struct call_table *t = table_of(2);
	static struct ladder_log log;
	struct call_table_stat stat;
	char id[16];

	(void)state;
	ladder_feed(t, "0 >INVITE 1 id=a\n1 >INVITE 1 id=b\n", &log);
	for (int pass = 0; pass < 2; pass++) {
		t = move(t, pass == 0 ? 2 : 4);
		for (int i = 0; i < 20; i++) {
			struct event e;
			event_init(&e, KIND_CALL);
			e.time_us = 1000 * i;
			(void)snprintf(id, sizeof(id), "x%d", i);
			e.call_id = slice_of(id);
			call_table_settle(t, &e);
		}
		call_table_stat(t, &stat);
		assert_int_equal(stat.calls_open, 2);
	}
	call_table_free(t);
}

/* ---- what fits and what is kept ---- */

static void test_less_room(void **state)
{
	struct call_table *t = table_of(8), *small = table_of(2);
	static struct ladder_log log;
	struct call_table_stat stat;

	(void)state;
	ladder_feed(t,
	            "0 >INVITE 1 id=a\n1 >INVITE 1 id=b\n2 >INVITE 1 id=d\n3 >INVITE 1 id=e\n"
	            "4 200 1 id=a\n5 486 1 id=d\n",
	            &log);
	struct slice file = save(t);
	assert_int_equal(load(small, file), OK);
	state_unmap(file);
	call_table_stat(small, &stat);
	assert_int_equal(stat.calls, 3);
	assert_int_equal(stat.calls_open, 2);
	assert_int_equal(stat.calls_evicted, 1);
	assert_int_equal(call_table_count(small)->in, 2);
	check_balance(small);
	log = (struct ladder_log){0};
	call_table_flush(small, ladder_emit, &log);
	assert_int_equal(log.count, 2);
	ladder_log_sort(&log);
	assert_memory_equal(log.event[0].line, "call e 3 ", 9);
	assert_memory_equal(log.event[1].line, "call a 4 ", 9);
	call_table_free(small);
	call_table_free(t);
}

static void test_long_call_id(void **state)
{
	static char id[CALL_ID_KEPT + 1];
	struct ladder_message lm;
	struct call_table_stat stat;
	static struct issue_log log;

	(void)state;
	memset(id, 'i', sizeof(id));
	for (size_t len = CALL_ID_KEPT; len <= CALL_ID_KEPT + 1; len++) {
		struct call_table *t = table_of(8);
		(void)ladder_read("0 >INVITE 1", &lm);
		lm.m.call_id = (struct slice){id, len};
		call_table_message(t, &lm.m, log_event, &log);
		t = move(t, 8);
		call_table_stat(t, &stat);
		assert_int_equal(stat.calls_open, len <= CALL_ID_KEPT);
		call_table_free(t);
	}
}

static void test_empty(void **state)
{
	struct call_table *t = move(table_of(8), 8);
	struct slice file = save(t);
	struct state_in in;

	(void)state;
	assert_int_equal(call_table_low_water(t), INT64_MIN);
	assert_int_equal(state_in_open(&in, file, &head), OK);
	assert_int_equal(in.sections[0].content.len, 12);
	assert_int_equal(call_table_load(t, &in, "other"), E_NOTFOUND);
	state_in_close(&in);
	state_unmap(file);
	call_table_free(t);
}

/* ---- damage ---- */

/* Loads the section as it stands in `content`: what gets in goes on without harm. */
static bool load_forged(struct state_in *in, struct slice content)
{
	struct call_table *t = table_of(8);
	struct call_table_stat stat;
	static struct ladder_log log;

	/* A block of exactly its length. */
	char *copy = malloc(content.len ? content.len : 1);
	assert_non_null(copy);
	memcpy(copy, content.p, content.len);
	in->sections[0].content = (struct slice){copy, content.len};
	in->why[0] = '\0';
	int err = call_table_load(t, in, "calls");
	free(copy);
	assert_true(err == OK || (err == E_INVALID && in->why[0]));
	if (err == OK) {
		log = (struct ladder_log){.floor_us = INT64_MIN};
		check_balance(t);
		ladder_feed(t, "6000 200 1 id=a\n6001 486 1 id=b\n6002 >BYE 2 id=a\n", &log);
		check_balance(t);
		call_table_flush(t, ladder_emit, &log);
		check_balance(t);
		call_table_stat(t, &stat);
		assert_int_equal(stat.calls_open, 0);
	}
	call_table_free(t);
	return err == OK;
}

enum { FRONT = 12 };

static void test_forged(void **state)
{
	static const uint8_t flips[] = {0x01, 0x10, 0x80, 0xff};
	struct call_table *t = table_of(8);
	static struct ladder_log log;
	struct state_in in;
	unsigned refused = 0, taken = 0;

	(void)state;
	ladder_feed(t,
	            "0 >INVITE 1 id=a\n1 >INVITE 1 id=b\n2 >INVITE 1 id=d\n3 >INVITE 1 id=e\n"
	            "400 180 1 id=a\n401 200 1 id=d\n402 407 1 id=e\n403 >BYE 2 id=b\n",
	            &log);
	struct slice file = save(t);
	assert_int_equal(state_in_open(&in, file, &head), OK);
	struct slice whole_content = in.sections[0].content;
	char *copy = malloc(2 * whole_content.len);
	assert_non_null(copy);
	for (size_t at = 0; at < whole_content.len; at++) {
		for (size_t f = 0; f < sizeof(flips); f++) {
			memcpy(copy, whole_content.p, whole_content.len);
			copy[at] = (char)(copy[at] ^ flips[f]);
			bool ok = load_forged(&in, (struct slice){copy, whole_content.len});
			assert_false(ok && at >= FRONT + offsetof(struct call, id) &&
			             at < FRONT + offsetof(struct call, caller_tag));
			refused += !ok;
			taken += ok;
		}
		assert_true(!load_forged(&in, slice_first(whole_content, at)) || at >= 12);
	}
	assert_true(refused > 1000 && taken > 1000);
	/* Every call twice. */
	memcpy(copy, whole_content.p, whole_content.len);
	memcpy(copy + whole_content.len, whole_content.p + FRONT, whole_content.len - FRONT);
	assert_false(load_forged(&in, (struct slice){copy, 2 * whole_content.len - FRONT}));
	assert_true(load_forged(&in, whole_content));
	free(copy);
	in.sections[0].content = whole_content;
	state_in_close(&in);
	state_unmap(file);
	call_table_free(t);
}

/* One call twice; two calls in the wrong order; lengths of texts that nobody wrote. */
static void test_forged_calls(void **state)
{
	enum { CALL = 2048, ROOM = 2 * CALL };
	struct call_table *t = table_of(8);
	static struct ladder_log log;
	static const uint16_t lens[] = {CALL_ID_KEPT + 1, 0xfffe};
	static char copy[ROOM];
	struct state_in in;

	(void)state;
	ladder_feed(t, "0 >INVITE 1 id=a\n1 >INVITE 1 id=b\n", &log);
	struct slice file = save(t);
	assert_int_equal(state_in_open(&in, file, &head), OK);
	struct slice content = in.sections[0].content;
	size_t one = (content.len - FRONT) / 2;
	memcpy(copy, content.p, FRONT + one);
	memcpy(copy + FRONT + one, content.p + FRONT, one);
	assert_false(load_forged(&in, (struct slice){copy, content.len}));
	assert_string_equal(in.why, "section calls: a call under a false name");
	memcpy(copy + FRONT, content.p + FRONT + one, one);
	assert_false(load_forged(&in, (struct slice){copy, content.len}));
	assert_string_equal(in.why, "section calls: a call that cannot be");
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		memcpy(copy + FRONT + sizeof(struct call), &lens[i], sizeof(lens[i]));
		assert_false(load_forged(&in, (struct slice){copy, ROOM}));
		assert_string_equal(in.why, "section calls: a call's texts");
	}
	in.sections[0].content = content;
	state_in_close(&in);
	state_unmap(file);
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
		cmocka_unit_test(test_goes_on),      cmocka_unit_test(test_goes_on_with_many),
		cmocka_unit_test(test_settled),      cmocka_unit_test(test_settled_with_many),
		cmocka_unit_test(test_settle_rows),  cmocka_unit_test(test_settle_without_room),
		cmocka_unit_test(test_less_room),    cmocka_unit_test(test_long_call_id),
		cmocka_unit_test(test_empty),        cmocka_unit_test(test_forged),
		cmocka_unit_test(test_forged_calls),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
