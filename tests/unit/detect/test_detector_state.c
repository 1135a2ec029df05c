/* A detector that was saved and loaded goes on as if nothing had been: random traffic through one
 * that runs on and one that is replaced at random batches gives the same findings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/buf.h"
#include "unit/detect/bench_rules.h"

#define RULE(id, body) \
 "  - id: " id "\n    rev: 1\n    title: t\n    class: other\n    severity: low\n" body
#define OUT "    output: {summary: 'x'}\n"

/* Early rows, hot windows, panes with every kind of part, texts, notes, a bound on keys. */
#define BLAST                                         \
 RULE("blast", "    on: call\n    key: caller.num\n"  \
	       "    window: 10s\n"                    \
	       "    let: {n: distinct(callee.num)}\n" \
	       "    when: n >= 6\n"                   \
	       "    output: {summary: '{key1} {n}'}\n")
#define PANES(exact)                                                        \
 RULE("panes", "    on: call\n    key: caller.num\n    window: 600s\n"      \
	       "    exact_max: " exact "\n    resolution: 10\n"             \
	       "    let:\n"                                                 \
	       "      d: distinct(caller.display)\n"                        \
	       "      e: entropy(ua)\n      t: top_share(ua)\n"             \
	       "      q: quantile(0.9, duration)\n      s: avg(duration)\n" \
	       "      m: min(duration)\n      x: max(duration)\n"           \
	       "      f: first(ua)\n      l: last(ua)\n"                    \
	       "    when: count() >= 20 and d >= 0\n    fire: each\n"       \
	       "    output: {summary: '{d} {e} {t} {q} {s} {m} {x} {f} {l}'}\n")
#define REST                                                                \
 RULE("each", "    on: call\n    key: callee.num\n    window: 5s\n"         \
	      "    let: {s: sum(duration), m: 'quantile(0.5, duration)'}\n" \
	      "    when: count(answered) >= 4\n    fire: each\n"            \
	      "    output: {summary: '{s} {m}'}\n")                         \
 RULE("party", "    on: party\n    key: party.num\n    window: 20s\n"       \
	       "    let: {out: ratio(party.role == \"orig\")}\n"            \
	       "    when: count() >= 10 and out > 40%\n"                    \
	       "    output: {summary: '{out}'}\n")                          \
 RULE("long", "    on: call\n    where: duration > 28s\n"                   \
	      "    key: caller.num\n    fire: once\n"                       \
	      "    rearm: 10s\n    output: {summary: '{duration}'}\n")      \
 RULE("text", "    on: attempt\n    key: caller.num\n    window: 30s\n"     \
	      "    let: {u: last(ua)}\n    when: count() >= 4\n"            \
	      "    output: {summary: '{u}'}\n")

static const char rules[] = "version: 1\nrules:\n" BLAST PANES("256") REST;
static const char rules_bounded[] =
	"version: 1\nrules:\n" RULE("few", "    on: call\n    key: callee.num\n    window: 5s\n"
                                           "    max_keys: 100\n    when: count() >= 2\n" OUT);
/* One rule more (so that numbers shift), another window in the group of `panes`. */
static const char rules_changed[] =
	"version: 1\nrules:\n" RULE("aaa", "    on: attempt\n    key: callee.num\n"
                                           "    window: 30s\n    when: count() >= 4\n" OUT)
		BLAST PANES("512") REST;

static void add_random(struct bench_rules *r, uint64_t *seed, int64_t time_us, unsigned n)
{
	struct bench_texts texts;
	struct event e = bench_random(seed, time_us, n, 40000, &texts);
	uint32_t who = bench_draw(seed, 2) ? 0 : bench_draw(seed, 400);
	number from = bench_draw(seed, 50) ? number_pack(NUMBER_E164, 12, 442000000000 + who) : 0;
	(void)bench_add(r, &e, from,
	                number_pack(NUMBER_E164, 12, 442000000000 + bench_draw(seed, 300)));
}

/* ---- saving and loading ---- */

static struct slice save(const struct bench_rules *r)
{
	struct state_out out;
	struct state_head head = {.build = "test"};
	struct slice file;
	int fd = memfd_create("state", MFD_CLOEXEC);

	assert_true(fd >= 0);
	state_head_key(&head, &r->key);
	assert_int_equal(state_out_open(&out, fd, &head), OK);
	detector_save(r->detector, &out);
	assert_int_equal(state_out_close(&out), OK);
	assert_int_equal(state_map(fd, &file), OK);
	(void)close(fd);
	return file;
}

static struct detector *fresh(const struct bench_rules *r, size_t memory)
{
	const char *why;
	struct detector_options options = {.rules = r->set,
	                                   .key = &r->key,
	                                   .site = r->site,
	                                   .memory = memory,
	                                   .team = r->team};
	struct detector *d = detector_new(&options, &why);

	assert_non_null(d);
	return d;
}

/* OK, or the error with its reason in why. */
static int load(struct detector *d, const struct hash_key *key, struct slice file,
                struct detector_restore *restore, char why[STATE_WHY_SIZE])
{
	struct state_head head = {.build = "test"};
	struct state_in in;

	state_head_key(&head, key);
	int err = state_in_open(&in, file, &head);
	err = err ? err : detector_load(d, &in, restore);
	memcpy(why, in.why, STATE_WHY_SIZE);
	state_in_close(&in);
	return err;
}

/* Puts a new detector with the state of the old one in its place. */
static void replace(struct bench_rules *r, size_t memory)
{
	struct slice file = save(r), again = save(r);
	char why[STATE_WHY_SIZE];
	struct detector_restore restore;

	assert_int_equal(again.len, file.len);
	assert_memory_equal(again.p, file.p, file.len);
	state_unmap(again);
	detector_free(r->detector);
	r->detector = fresh(r, memory);
	if (load(r->detector, &r->key, file, &restore, why) != OK) {
		fail_msg("%s", why);
	}
	assert_int_equal(restore.cold, 0);
	assert_int_equal(restore.dropped, 0);
	assert_int_equal(restore.given_back, 0); /* no block without an owner */
	again = save(r);
	assert_int_equal(again.len, file.len);
	assert_memory_equal(again.p, file.p, file.len);
	state_unmap(again);
	state_unmap(file);
}

static unsigned traffic(struct bench_rules *r, uint64_t *seed, int64_t *now, unsigned n,
                        unsigned count, struct buf *out, unsigned replace_every, size_t memory)
{
	uint64_t other = 7;
	unsigned replaced = 0;

	for (unsigned end = n + count; n < end; n++) {
		*now += bench_draw(seed, 3) ? 0 : (int64_t)bench_draw(seed, 50000);
		add_random(r, seed, *now, n);
		if (bench_draw(seed, 700) == 0 || n + 1 == end) {
			(void)bench_run(r);
			bench_print_findings(r, out);
			bench_next(r);
			if (replace_every && bench_draw(&other, replace_every) == 0) {
				replace(r, memory);
				replaced++;
			}
		}
	}
	return replaced;
}

static void run_traffic(const char *text, unsigned replace_every, size_t memory, unsigned count,
                        struct buf *out)
{
	struct bench_rules r;
	uint64_t seed = 42;
	int64_t now = T0;
	struct detector_stats stats;

	bench_open_with(&r, text, 2, memory);
	unsigned replaced = traffic(&r, &seed, &now, 0, count, out, replace_every, memory);
	assert_true(!replace_every || replaced >= 4);
	detector_stats(r.detector, &stats);
	buf_printf(out, "evicted %llu no room %llu keys %llu memory %llu findings %llu\n",
	           (unsigned long long)stats.keys_evicted, (unsigned long long)stats.events_no_room,
	           (unsigned long long)stats.keys, (unsigned long long)stats.memory,
	           (unsigned long long)stats.findings);
	bench_close(&r);
}

static void same_when_replaced(const char *text, size_t memory, unsigned count, bool evicts)
{
	struct buf one = {0}, more = {0};

	run_traffic(text, 0, memory, count, &one);
	assert_false(one.failed);
	assert_int_equal(memmem(one.p, one.len, "evicted 0 ", 10) == NULL, evicts);
	run_traffic(text, 3, memory, count, &more);
	assert_int_equal(more.len, one.len);
	assert_memory_equal(more.p, one.p, one.len);
	buf_fini(&one);
	buf_fini(&more);
}

static void test_goes_on(void **state)
{
	(void)state;
	same_when_replaced(rules, (size_t)1 << 30, 16000, false);
}

static void test_goes_on_while_evicting(void **state)
{
	(void)state;
	same_when_replaced(rules, 5 << 20, 12000, true);
}

static void test_goes_on_with_few_keys(void **state)
{
	(void)state;
	same_when_replaced(rules_bounded, 8 << 20, 10000, true);
}

/* ---- files that are not what was written ---- */

static void open_with_traffic(struct bench_rules *r, const char *text, size_t memory,
                              unsigned count)
{
	struct buf out = {0};
	uint64_t seed = 3;
	int64_t now = T0;

	bench_open_with(r, text, 1, memory);
	(void)traffic(r, &seed, &now, 0, count, &out, 0, memory);
	buf_fini(&out);
}

static char *copy_of(struct slice file)
{
	char *copy = malloc(file.len);

	assert_non_null(copy);
	memcpy(copy, file.p, file.len);
	return copy;
}

/* One bit, or a shorter file: refused with a reason before anything is taken over. */
static void test_damage(void **state)
{
	const size_t memory = 8 << 20;
	struct bench_rules r;
	struct detector_restore restore;
	char why[STATE_WHY_SIZE];
	uint64_t seed = 99;

	(void)state;
	open_with_traffic(&r, rules, memory, 300);
	struct slice file = save(&r);
	struct detector *d = fresh(&r, memory);
	for (unsigned i = 0; i < 1000; i++) {
		size_t len = i % 4 ? file.len : bench_draw(&seed, (uint32_t)file.len);
		size_t at = bench_draw(&seed, (uint32_t)file.len);
		char *copy = copy_of((struct slice){file.p, len});
		if (i % 4) {
			copy[at] = (char)(copy[at] ^ 1 << bench_draw(&seed, 8));
		}
		assert_int_equal(load(d, &r.key, (struct slice){copy, len}, &restore, why),
		                 E_INVALID);
		assert_true(why[0]);
		free(copy);
	}
	assert_int_equal(load(d, &r.key, file, &restore, why), OK);
	detector_free(d);
	state_unmap(file);
	bench_close(&r);
}

/* Writes the sections anew, with right checksums, after a place in one of them has changed. */
static struct slice forge(struct slice file, const struct state_head *head, uint64_t *seed)
{
	struct state_in in;
	struct state_out out;
	struct slice forged;
	int fd = memfd_create("forged", MFD_CLOEXEC);

	assert_int_equal(state_in_open(&in, file, head), OK);
	assert_int_equal(state_out_open(&out, fd, &in.head), OK);
	size_t victim;
	do {
		victim = bench_draw(seed, (uint32_t)in.section_count);
	} while (in.sections[victim].content.len == 0);
	for (size_t i = 0; i < in.section_count; i++) {
		struct slice content = in.sections[i].content;
		char *copy = copy_of(content);
		if (i == victim && content.len >= sizeof(uint32_t)) {
			/* A byte, or a reference to somewhere else. */
			uint32_t value = bench_draw(seed, 2000);
			size_t width = bench_draw(seed, 2) ? 1 : sizeof(value);
			memcpy(copy + bench_draw(seed, (uint32_t)(content.len - 3)), &value, width);
		}
		state_begin(&out, in.sections[i].name);
		state_bytes(&out, copy, content.len);
		state_end(&out);
		free(copy);
	}
	assert_int_equal(state_out_close(&out), OK);
	assert_int_equal(state_map(fd, &forged), OK);
	(void)close(fd);
	state_in_close(&in);
	return forged;
}

/* A forged file is refused, or what it says is harmless: the detector runs on with it. */
static void test_forged(void **state)
{
	const size_t memory = 8 << 20;
	struct bench_rules r;
	struct detector_restore restore;
	struct state_head head = {.build = "test"};
	char why[STATE_WHY_SIZE];
	uint64_t seed = 5;
	unsigned refused = 0, taken = 0;

	(void)state;
	open_with_traffic(&r, rules, memory, 2000);
	state_head_key(&head, &r.key);
	struct slice file = save(&r);
	struct detector *own = r.detector;
	for (unsigned i = 0; i < 40; i++) {
		struct slice forged = forge(file, &head, &seed);
		struct buf out = {0};
		uint64_t traffic_seed = i;
		int64_t now = T0 + 60 * US_PER_S;
		r.detector = fresh(&r, memory);
		if (load(r.detector, &r.key, forged, &restore, why) == OK) {
			(void)traffic(&r, &traffic_seed, &now, 3000, 500, &out, 0, memory);
			taken++;
		} else {
			assert_true(why[0]);
			refused++;
		}
		detector_free(r.detector);
		state_unmap(forged);
		buf_fini(&out);
	}
	assert_true(refused > 5 && taken > 5);
	r.detector = own;
	state_unmap(file);
	bench_close(&r);
}

/* ---- other rules ---- */

static void test_other_rules(void **state)
{
	const size_t memory = 64 << 20;
	struct bench_rules r, other;
	struct detector_restore restore;
	char why[STATE_WHY_SIZE];
	struct buf out = {0};
	uint64_t seed = 1;
	int64_t now = T0 + 60 * US_PER_S;

	(void)state;
	open_with_traffic(&r, rules, memory, 5000);
	struct slice file = save(&r);
	bench_open_with(&other, rules_changed, 1, memory);
	assert_int_equal(load(other.detector, &other.key, file, &restore, why), OK);
	other.next_event = r.next_event; /* event numbers go on */
	bench_next(&other);
	/* caller.num of calls has changed; aaa is new; each, party and text go on. */
	assert_int_equal(restore.restored, 3);
	assert_int_equal(restore.cold, 2);
	assert_int_equal(restore.dropped, 1);
	assert_true(restore.given_back > 100);
	(void)traffic(&other, &seed, &now, 5000, 3000, &out, 0, memory);
	assert_non_null(memmem(out.p, out.len, "/text ", 6));
	replace(&other, memory);
	buf_fini(&out);
	bench_close(&other);
	state_unmap(file);
	bench_close(&r);
}

static void test_other_memory_and_key(void **state)
{
	struct bench_rules r;
	struct detector_restore restore;
	char why[STATE_WHY_SIZE];

	(void)state;
	open_with_traffic(&r, rules, 8 << 20, 300);
	struct slice file = save(&r);
	struct detector *d = fresh(&r, 16 << 20);
	assert_int_equal(load(d, &r.key, file, &restore, why), E_INVALID);
	assert_string_equal(why, "section detect.pool.0: another size of memory");
	struct hash_key key = r.key;
	key.key[0] ^= 1;
	assert_int_equal(load(d, &key, file, &restore, why), E_INVALID);
	assert_string_equal(why, "another key");
	detector_free(d);
	state_unmap(file);
	bench_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_goes_on_while_evicting),
		cmocka_unit_test(test_goes_on_with_few_keys),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_other_rules),
		cmocka_unit_test(test_other_memory_and_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
