#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log_folder.h"

enum { CALLS = 6000 };

static struct folder folder;

static int64_t time_of(uint64_t n)
{
	return TEST_START + (int64_t)n * 4 * US_PER_S - (int64_t)(mix(n + 5) % 600) * US_PER_S;
}

static int set_up(void **state)
{
	(void)state;
	folder_make(&folder);
	struct call_log *log = folder_log(&folder, (struct call_log_options){0});
	for (uint64_t n = 0; n < CALLS; n++) {
		log_test_call(log, n, time_of(n));
		if (n % 250 == 249) {
			call_log_flush(log);
		}
	}
	call_log_close(log);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	folder_remove(&folder);
	return 0;
}

struct found {
	uint64_t told, damages;
	uint64_t numbers[CALLS];
};

static void each(void *user, const struct log_item *item)
{
	struct found *f = user;

	if (item->kind == LOG_ITEM_EVENT) {
		f->numbers[f->told++] = item->number;
	} else {
		f->damages++;
	}
}

static void digits_only(const char *text, char *out)
{
	for (; *text; text++) {
		if (*text >= '0' && *text <= '9') {
			*out++ = *text;
		}
	}
	*out = '\0';
}

/* Linear search over what was written. */
static uint64_t scan(const struct log_query *q, struct found *f)
{
	struct test_call c;
	char digits[32];
	uint64_t count = 0;

	*f = (struct found){0};
	for (uint64_t n = 0; n < CALLS; n++) {
		const struct event *e = test_call(&c, n, time_of(n));
		bool end = (q->from_us == INSTANT_NONE || e->time_us >= q->from_us) &&
		           (q->to_us == INSTANT_NONE || e->time_us < q->to_us);
		bool start = (q->from_us == INSTANT_NONE || e->start_us >= q->from_us) &&
		             (q->to_us == INSTANT_NONE || e->start_us < q->to_us);
		bool hit = e->kind == KIND_CALL && (start || end);
		digits_only(c.caller, digits);
		hit = hit && (!q->caller.p || slice_eq(q->caller, slice_of(digits)));
		digits_only(c.callee, digits);
		hit = hit && (!q->callee.p || slice_eq(q->callee, slice_of(digits)));
		hit = hit && (!q->trunk.p || slice_eq(q->trunk, slice_of(c.trunk)));
		hit = hit && (!q->call_id.p || slice_eq(q->call_id, slice_of(c.id)));
		if (hit && count++ < q->limit) {
			f->numbers[f->told++] = n;
		}
	}
	return count;
}

static struct log_reader_options options_of(bool with_key)
{
	return (struct log_reader_options){.path = folder.path,
	                                   .key = with_key ? &folder.key : NULL,
	                                   .from_us = INSTANT_NONE,
	                                   .to_us = INSTANT_NONE};
}

static uint64_t same_as_scan(uint64_t rounds)
{
	static struct found want, got;
	uint64_t hits = 0;

	for (uint64_t round = 0; round < rounds; round++) {
		struct test_call c;
		char caller[32], callee[32];
		uint64_t r = mix(round + 4242);
		(void)test_call(&c, r % CALLS, 0);
		digits_only(c.caller, caller);
		digits_only(c.callee, callee);
		struct log_query q = {
			.caller = r & 1 << 20 ? slice_of(caller) : SLICE_NONE,
			.callee = r & 1 << 21 ? slice_of(callee) : SLICE_NONE,
			.trunk = r & 1 << 22 ? slice_of(c.trunk) : SLICE_NONE,
			.call_id = r & 1 << 23 && r & 1 << 24 ? slice_of(c.id) : SLICE_NONE,
			.from_us = r & 1 << 25 ? time_of(r % CALLS) : INSTANT_NONE,
			.to_us = r & 1 << 26
		                         ? time_of(r % CALLS) + (r & 1 << 27 ? 20 : 1000) * US_PER_S
		                         : INSTANT_NONE,
			.limit = r >> 30 & 7 ? CALLS : 3,
		};
		struct log_reader_options options = options_of(round % 4 != 0);
		got = (struct found){0};
		uint64_t count = scan(&q, &want);
		assert_int_equal(log_find(&options, &q, each, &got), count);
		assert_int_equal(got.damages, 0);
		assert_int_equal(got.told, want.told);
		assert_memory_equal(got.numbers, want.numbers, want.told * sizeof(uint64_t));
		hits += count;
	}
	return hits;
}

static void against_scan(void **state)
{
	(void)state;
	struct segment_list list;
	char path[512];

	assert_true(same_as_scan(150) > 1000);
	assert_int_equal(segment_list_read(folder.path, &list), OK);
	assert_true(list.count > 3);
	for (size_t i = 0; i < list.count; i++) {
		struct stat st;
		folder_path(&folder, list.names[i].text, path);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(truncate(path, st.st_size - FRAME_END_SIZE), 0);
	}
	segment_list_fini(&list);
	same_as_scan(100);
}

static void ways_to_write_a_number(void **state)
{
	(void)state;
	static struct found got;
	static const struct {
		const char *id, *form;
		bool same;
	} rows[] = {
		{"as written", "+49 %s", true}, {"digits", "49%s", true},
		{"dashes", "(+49)-%s", true},   {"other", "48%s", false},
		{"a letter", "49%sx", false},   {"longer", "49%s0", false},
	};
	struct test_call c;
	uint64_t n = 0;
	while (test_call(&c, n, 0)->kind != KIND_CALL) {
		n++;
	}
	struct log_reader_options options = options_of(true);
	struct log_query q = {.callee = slice_of(c.callee),
	                      .from_us = INSTANT_NONE,
	                      .to_us = INSTANT_NONE,
	                      .limit = CALLS};

	int64_t want = log_find(&options, &q, each, &got);
	assert_true(want > 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char asked[32], *end = asked;
		for (const char *p = rows[i].form; *p; p++) {
			if (*p == '%') {
				end = stpcpy(end, c.callee + 4);
				p++;
			} else {
				*end++ = *p;
			}
		}
		*end = '\0';
		q.callee = slice_of(asked);
		got = (struct found){0};
		int64_t count = log_find(&options, &q, each, &got);
		if (rows[i].same ? count != want : count == want) {
			fail_msg("%s", rows[i].id);
		}
	}
}

static void another_key(void **state)
{
	(void)state;
	static struct found got;
	static const uint8_t bytes[HASH_KEY_SIZE] = {1};
	struct hash_key other;
	struct log_reader_options options = options_of(true);
	struct log_query q = {.from_us = INSTANT_NONE, .to_us = INSTANT_NONE};
	struct segment_list list;

	hash_key_init(&other, bytes);
	options.key = &other;
	got = (struct found){0};
	assert_int_equal(log_find(&options, &q, each, &got), 0);
	assert_int_equal(segment_list_read(folder.path, &list), OK);
	assert_int_equal(got.damages, list.count);
	segment_list_fini(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(against_scan, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ways_to_write_a_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_key, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
