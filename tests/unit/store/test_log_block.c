/* log_block.h: events of every shape come back member for member; what is damaged is refused or
 * decodes to values in range. RINGFENCE_TEST_SEED draws anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "store/log_block.h"
#include "store/log_index.h"

enum { EVENTS = 600, ROOM = 4 << 20, FLIPS = 2000, CUT_EVERY = 7 };

static uint64_t seed = 11;
static struct hash_key key;
static char texts[ROOM];
static size_t texts_used;

static uint32_t draw(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % below;
}

static struct slice draw_text(void)
{
	static const char *const common[] = {"", "+", "+447900422426", "0", "access-1", "sip:x@y"};
	static const uint32_t longest[] = {1, 12, 16, 40, 400};
	uint32_t way = draw(8);
	bool digits = draw(2);

	if (way < 2) {
		return SLICE_NONE;
	}
	if (way < 4) {
		return slice_of(common[draw(6)]);
	}
	size_t len = draw(longest[draw(5)]) + 1;
	char *p = texts + texts_used;
	assert_true(texts_used + len < ROOM);
	for (size_t i = 0; i < len; i++) {
		p[i] = (char)(digits ? '0' + draw(10) : draw(256));
	}
	if (digits && draw(2)) {
		p[0] = '+';
	}
	texts_used += len;
	return (struct slice){p, len};
}

static struct written_number draw_written(void)
{
	return (struct written_number){draw_text(), draw_text(), draw(2)};
}

static int64_t draw_time(int64_t near)
{
	static const int64_t odd[] = {INSTANT_NONE, INSTANT_NONE + 1, INT64_MAX, 0, -1, 1};

	switch (draw(4)) {
	case 0: return odd[draw(6)];
	case 1: return near + (int64_t)draw(1000000) - 500000;
	case 2: return (int64_t)((uint64_t)draw(UINT32_MAX) << 33 ^ draw(UINT32_MAX));
	default: return near + US_PER_MS * ((int64_t)draw(100000) - 50000);
	}
}

static struct ip draw_ip(void)
{
	static const uint8_t families[] = {0, 4, 6};
	struct ip ip = {.family = families[draw(3)], .port = (uint16_t)draw(65536)};

	if (draw(3) == 0) {
		assert_int_equal(ip_parse(slice_of("198.51.100.7"), &ip), OK);
		return ip;
	}
	for (unsigned i = 0; i < sizeof(ip.bytes) && draw(8); i++) {
		ip.bytes[i] = (uint8_t)draw(256);
	}
	return ip;
}

/* Numbers that are not times, of those the ones with a range of their own. */
static void draw_ranged(struct event *e)
{
	static const double costs[] = {0.0, -0.0, 0.1, 1e300, -INFINITY};

	e->kind = 1 + draw(KIND_COUNT - 1);
	e->source = (uint16_t)draw(65536);
	e->forwarded = draw(2);
	e->answered = draw(2);
	e->attest = (uint8_t)draw(ATTEST_COUNT);
	e->verstat = (uint8_t)draw(VERSTAT_COUNT);
	e->cause = (uint8_t)draw(CAUSE_COUNT);
	e->hangup_by = (uint8_t)draw(HANGUP_COUNT);
	e->cost = draw(2) ? costs[draw(5)] : (double)NAN;
	e->src = draw_ip();
	e->dst = draw_ip();
}

/* Every member, by the list of members; then those that have a range. */
static struct event draw_event(int64_t near)
{
	struct event e;

	event_init(&e, KIND_CALL);
	e.time_us = draw_time(near);
	if (draw(8) == 0) {
		return e;
	}
	e.call_id = draw_text();
	e.caller = draw_written();
	e.callee = draw_written();
	if (draw(2)) {
		e.caller.text = e.callee.text;
	}
#define SLICE(member)   e.member = draw_text();
#define WRITTEN(member) e.member = draw(2) ? e.caller : draw_written();
#define SCALAR(member)                                                    \
 if (sizeof(e.member) == sizeof(int64_t)) {                               \
  int64_t drawn = draw_time(near);                                        \
  memcpy(&e.member, &drawn, sizeof(e.member) < 8 ? sizeof(e.member) : 8); \
 }
#include "model/event_members.def"
#undef SLICE
#undef WRITTEN
#undef SCALAR
	draw_ranged(&e);
	return e;
}

static struct event events[EVENTS];

static void draw_events(void)
{
	int64_t near = INT64_C(1772452980000000);

	texts_used = 0;
	for (unsigned i = 0; i < EVENTS; i++) {
		near += draw(100000);
		events[i] = draw_event(near);
	}
}

static uint64_t number_of(unsigned i)
{
	return i < EVENTS / 2 ? 10 + i : UINT64_MAX - 2 * EVENTS + 2 * i;
}

static void fill(struct log_block *b)
{
	for (unsigned i = 0; i < EVENTS; i++) {
		assert_int_equal(log_block_add(b, number_of(i), &events[i]), OK);
		if (i % CUT_EVERY == 3) {
			log_block_cut(b);
			log_block_cut(b);
		}
	}
}

#define SAME_SLICE(a, b) assert_true(((a).p == NULL) == ((b).p == NULL) && slice_eq(a, b))

/* event_cmp, and what it takes for equal: missing and empty, the sign of 0. */
static void assert_same(const struct event *a, const struct event *b)
{
	assert_int_equal(event_cmp(a, b), 0);
	assert_int_equal(a->source, b->source);
	assert_true(isnan(a->cost) ? isnan(b->cost) : signbit(a->cost) == signbit(b->cost));
	SAME_SLICE(a->call_id, b->call_id);
#define SLICE(member) SAME_SLICE(a->member, b->member);
#define WRITTEN(member)                      \
 SAME_SLICE(a->member.text, b->member.text); \
 SAME_SLICE(a->member.context, b->member.context);
#define SCALAR(member)
	WRITTEN(caller)
	WRITTEN(callee)
#include "model/event_members.def"
#undef SLICE
#undef WRITTEN
#undef SCALAR
}

static struct buf encoded(log_fields fields)
{
	struct log_block *b = log_block_new(fields, &key);
	struct buf out = {0};

	assert_non_null(b);
	fill(b);
	assert_int_equal(log_block_encode(b, &out), OK);
	log_block_free(b);
	return out;
}

static void round_trip(void **state)
{
	(void)state;
	struct log_rows *r = log_rows_new();
	const char *why;
	uint64_t number;
	struct event e;
	bool cut;

	for (int round = 0; round < 3; round++) {
		draw_events();
		struct buf bytes = encoded(LOG_FIELDS_ALL);
		assert_int_equal(log_rows_decode(r, buf_view(&bytes), &why), OK);
		buf_fini(&bytes);
		assert_int_equal(log_rows_count(r), EVENTS);
		for (unsigned i = 0; i < EVENTS; i++) {
			assert_true(log_rows_next(r, &e, &number, &cut));
			assert_true(number == number_of(i));
			assert_int_equal(cut, i % CUT_EVERY == 3);
			assert_same(&events[i], &e);
		}
		assert_false(log_rows_next(r, &e, &number, &cut));
	}
	log_rows_free(r);
}

/* What is left of an event without a field: members as event_init sets them. */
static void leave_out(struct event *e, enum log_field f)
{
	struct event none;

	event_init(&none, e->kind);
#define OUT(field, member)      \
 do {                           \
  if (f == LOG_FIELD_##field) { \
   e->member = none.member;     \
  }                             \
 } while (0)
	OUT(CALLER, caller);
	OUT(CALLEE, callee);
	OUT(DISPLAY, display);
	OUT(PAI, pai);
	OUT(FROM, from);
	OUT(DIVERT, divert);
	OUT(DIVERT, forwarded);
	OUT(TRUNK, trunk_in);
	OUT(TRUNK, trunk_out);
	OUT(ADDRESS, src);
	OUT(ADDRESS, dst);
	OUT(UA, ua);
	OUT(ACCOUNT, account);
	OUT(STIR, attest);
	OUT(STIR, verstat);
	OUT(STIR, stir_orig);
	OUT(STIR, stir_dest);
	OUT(STIR, stir_iat_us);
	OUT(STIR, stir_signer);
	OUT(STIR, stir_origid);
	OUT(RESULT, answered);
	OUT(RESULT, start_us);
	OUT(RESULT, answer_us);
	OUT(RESULT, duration_us);
	OUT(RESULT, ring_us);
	OUT(RESULT, setup_us);
	OUT(RESULT, q850);
	OUT(RESULT, cause);
	OUT(RESULT, hangup_by);
	OUT(RESULT, sip_code);
	OUT(RESULT, cost);
	OUT(EQUIPMENT, cell);
	OUT(EQUIPMENT, imei);
	OUT(EQUIPMENT, imsi);
	OUT(SIP, method);
	OUT(SIP, to_user);
	OUT(SIP, from_user);
#undef OUT
}

static void fields_left_out(void **state)
{
	(void)state;
	struct log_rows *r = log_rows_new();
	const char *why;
	uint64_t number;
	struct event e;
	bool cut;

	draw_events();
	for (enum log_field f = 0; f < LOG_FIELD_COUNT; f++) {
		struct buf bytes = encoded(LOG_FIELDS_ALL & ~(UINT32_C(1) << f));
		assert_int_equal(log_rows_decode(r, buf_view(&bytes), &why), OK);
		for (unsigned i = 0; i < EVENTS; i++) {
			struct event left = events[i];
			leave_out(&left, f);
			assert_true(log_rows_next(r, &e, &number, &cut));
			assert_same(&left, &e);
		}
		buf_fini(&bytes);
		assert_int_equal(log_field_of(slice_of(log_field_name(f))), f);
	}
	assert_int_equal(log_field_of(SLICE_LIT("none")), LOG_FIELD_COUNT);
	log_rows_free(r);
}

static void same_events_same_bytes(void **state)
{
	(void)state;
	struct log_block *b = log_block_new(LOG_FIELDS_ALL, &key);
	struct buf again = {0};

	draw_events();
	struct buf once = encoded(LOG_FIELDS_ALL);
	fill(b);
	log_block_reset(b);
	fill(b);
	assert_int_equal(log_block_encode(b, &again), OK);
	assert_true(slice_eq(buf_view(&once), buf_view(&again)));
	log_block_free(b);
	buf_fini(&once);
	buf_fini(&again);
}

static bool has_key(const struct filter *f, enum index_key kind, struct slice text)
{
	return !text.p || filter_has(f, index_key_hash(&key, kind, text));
}

/* Whatever of a kept event a search may ask for is in the filter; what is not there mostly not. */
static void keys_of_a_filter(void **state)
{
	(void)state;
	struct log_block *b = log_block_new(LOG_FIELDS_ALL, &key);
	struct buf payload = {0};
	struct filter filter;
	char digits[NUMBER_KEY], absent[32];
	unsigned wrong = 0;

	draw_events();
	fill(b);
	const struct log_keys keys = log_block_keys(b);
	filter_put(&keys, &payload);
	assert_true(filter_get(buf_view(&payload), &filter));
	for (unsigned i = 0; i < EVENTS; i++) {
		const struct event *e = &events[i];
		if (e->caller.text.p) {
			assert_true(
				has_key(&filter, INDEX_NUMBER, number_key(e->caller.text, digits)));
		}
		if (e->callee.text.p) {
			assert_true(
				has_key(&filter, INDEX_NUMBER, number_key(e->callee.text, digits)));
		}
		assert_true(has_key(&filter, INDEX_TRUNK, e->trunk_in));
		assert_true(has_key(&filter, INDEX_TRUNK, e->trunk_out));
		assert_true(has_key(&filter, INDEX_CALL_ID, e->call_id));
		assert_true(e->kind != KIND_CALL || e->time_us == INSTANT_NONE ||
		            (filter.from_us <= e->time_us && filter.to_us >= e->time_us));
	}
	for (int i = 0; i < 10000; i++) {
		int len = snprintf(absent, sizeof(absent), "absent-%d", i);
		wrong += has_key(&filter, INDEX_CALL_ID, (struct slice){absent, (size_t)len});
	}
	assert_true(wrong < 80); /* one in 500 by chance */
	log_block_free(b);
	buf_fini(&payload);
}

static void full_and_cut(void **state)
{
	(void)state;
	static char big[40000];
	struct log_block *b = log_block_new(LOG_FIELDS_ALL, &key);
	struct log_rows *r = log_rows_new();
	struct buf bytes = {0};
	struct log_span span;
	struct event e, read;
	const char *why;
	uint64_t number, n = 0;
	bool cut;

	event_init(&e, KIND_CALL);
	for (; n < LOG_BLOCK_EVENTS; n++) {
		e.time_us = 1000 - (int64_t)n;
		assert_int_equal(log_block_add(b, 5 + n, &e), OK);
	}
	assert_int_equal(log_block_add(b, 5 + n, &e), E_FULL);
	log_block_span(b, &span);
	assert_int_equal(span.count, LOG_BLOCK_EVENTS);
	assert_true(span.first == 5 && span.last == 4 + n && span.max_us == 1000);
	assert_true(span.min_us == 1001 - (int64_t)n);
	assert_int_equal(log_block_encode(b, &bytes), OK);
	assert_true(bytes.len < 200);

	log_block_reset(b);
	memset(big, 'x', sizeof(big));
	e.call_id = (struct slice){big, 100};
	e.ua = (struct slice){big, sizeof(big)};
	e.method = SLICE_LIT("INVITE");
	for (n = 0; log_block_add(b, n, &e) == OK; n++) {
		memcpy(big + 200, &n, sizeof(n));
	}
	assert_int_equal(n, LOG_BLOCK_TEXT / (16 * 1024));
	buf_reset(&bytes);
	assert_int_equal(log_block_encode(b, &bytes), OK);
	assert_int_equal(log_rows_decode(r, buf_view(&bytes), &why), OK);
	assert_int_equal(log_rows_count(r), n);
	assert_true(log_rows_next(r, &read, &number, &cut));
	assert_int_equal(read.call_id.len, 100);
	assert_true(read.ua.len > 16000 && read.ua.len < 16384 - 100);
	assert_true(read.method.p != NULL && read.method.len == 0);
	log_block_free(b);
	log_rows_free(r);
	buf_fini(&bytes);
}

static void assert_events_in_range(struct log_rows *r)
{
	struct event e;
	uint64_t number, last = 0;
	bool cut;

	for (unsigned i = 0; log_rows_next(r, &e, &number, &cut); i++) {
		assert_true(i == 0 || number > last);
		assert_true(e.kind > KIND_NONE && e.kind < KIND_COUNT);
		assert_true(e.attest < ATTEST_COUNT && e.verstat < VERSTAT_COUNT);
		assert_true(e.cause < CAUSE_COUNT && e.hangup_by < HANGUP_COUNT);
		assert_true(e.src.family == 0 || e.src.family == 4 || e.src.family == 6);
		last = number;
	}
}

static int decode_exact(struct log_rows *r, struct slice bytes)
{
	const char *why = NULL;
	char *exact = malloc(bytes.len ? bytes.len : 1);

	memcpy(exact, bytes.p, bytes.len);
	int err = log_rows_decode(r, (struct slice){exact, bytes.len}, &why);
	free(exact);
	assert_true(err == OK || (err == E_MALFORMED && why && log_rows_count(r) == 0));
	assert_events_in_range(r);
	return err;
}

static void damaged(void **state)
{
	(void)state;
	struct log_block *b = log_block_new(LOG_FIELDS_ALL, &key);
	struct log_rows *r = log_rows_new();
	struct buf bytes = {0};

	draw_events();
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(log_block_add(b, i, &events[i]), OK);
	}
	assert_int_equal(log_block_encode(b, &bytes), OK);
	for (size_t len = 0; len < bytes.len; len++) {
		assert_int_equal(decode_exact(r, (struct slice){bytes.p, len}), E_MALFORMED);
	}
	for (int i = 0; i < FLIPS; i++) {
		size_t at = draw((uint32_t)bytes.len);
		char bit = (char)(1 << draw(8));
		bytes.p[at] ^= bit;
		(void)decode_exact(r, buf_view(&bytes));
		bytes.p[at] ^= bit;
	}
	assert_int_equal(decode_exact(r, buf_view(&bytes)), OK);
	buf_char(&bytes, 0);
	assert_int_equal(decode_exact(r, buf_view(&bytes)), E_MALFORMED);
	log_block_free(b);
	log_rows_free(r);
	buf_fini(&bytes);
}

int main(void)
{
	const char *given = getenv("RINGFENCE_TEST_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),   cmocka_unit_test(fields_left_out),
		cmocka_unit_test(full_and_cut), cmocka_unit_test(same_events_same_bytes),
		cmocka_unit_test(damaged),      cmocka_unit_test(keys_of_a_filter),
	};

	hash_key_default(&key);
	seed = given ? strtoull(given, NULL, 10) : seed;
	printf("seed %llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
