/* Numbers, addresses, the order and packing of events, batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "model/batch.h"
#include "support/exact.h"

static void test_number_text(void **state)
{
	static const struct {
		const char *text;
		const char *prefix4;
		const char *block2;
	} rows[] = {
		{"+442079460001", "4420", "4420794600"},
		{"+12345", "1234", "123"},
		{"+999999999999999", "9999", "9999999999999"},
		{"+10000", "1000", "100"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[NUMBER_TEXT];
		number n = number_of_e164(slice_of(rows[i].text));
		assert_int_equal(number_kind(n), NUMBER_E164);
		assert_int_equal(number_format(n, out), strlen(rows[i].text));
		assert_string_equal(out, rows[i].text);
		(void)number_format(number_prefix(n, 4), out);
		assert_string_equal(out, rows[i].prefix4);
		(void)number_format(number_block(n, 2), out);
		assert_string_equal(out, rows[i].block2);
	}
}

static void test_number_bad(void **state)
{
	static const char *const bad[] = {"",        "+",         "+1234",   "442079460001",
	                                  "+44 207", "+4420794a", "++44207", "+1234567890123456"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct slice exact = exact_copy(slice_of(bad[i]));
		assert_int_equal(number_of_e164(exact), 0);
		exact_free(exact);
	}
	assert_int_equal(number_of_digits(NUMBER_SHORT, SLICE_LIT("")), 0);
	/* A leading zero is a digit like others. */
	char out[NUMBER_TEXT];
	(void)number_format(number_of_digits(NUMBER_NATIONAL, SLICE_LIT("0012")), out);
	assert_string_equal(out, "0012");
}

static void test_number_cuts(void **state)
{
	number n = number_of_e164(SLICE_LIT("+442079460001"));
	number name = number_of_name(UINT64_MAX);

	(void)state;
	assert_int_equal(number_prefix(n, 0), 0);
	assert_int_equal(number_block(n, 12), 0);
	assert_int_equal(number_block(n, 100), 0);
	assert_int_equal(number_prefix(n, 12), number_prefix(n, 99));
	assert_int_equal(number_block(n, 0), number_prefix(n, 12));
	assert_int_equal(number_prefix(name, 4), 0);
	assert_int_equal(number_block(name, 1), 0);
	assert_int_equal(number_prefix(0, 4), 0);
	assert_int_equal(number_kind(name), NUMBER_NAME);
}

static void test_ip(void **state)
{
	static const struct {
		const char *text;
		const char *out; /* NULL: refused */
		int family;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1", 4},
		{"::ffff:192.0.2.1", "192.0.2.1", 4},
		{"2001:db8::1", "2001:db8::1", 6},
		{"::", "::", 6},
		{"192.0.2.256", NULL, 0},
		{"192.0.2", NULL, 0},
		{"192.0.2.1 ", NULL, 0},
		{"", NULL, 0},
		{"[::1]", NULL, 0},
		{"2001:db8::1::", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice exact = exact_copy(slice_of(rows[i].text));
		char out[IP_TEXT];
		struct ip ip;
		assert_int_equal(ip_parse(exact, &ip), rows[i].out ? OK : E_MALFORMED);
		assert_int_equal(ip.family, rows[i].family);
		assert_int_equal(ip_format(&ip, out), rows[i].out ? strlen(rows[i].out) : 0);
		assert_string_equal(out, rows[i].out ? rows[i].out : "");
		exact_free(exact);
	}
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static struct slice random_text(uint64_t *seed)
{
	static const char *const texts[] = {"a", "b", "ab", "abc", "b\0c"};
	uint32_t n = draw(seed, 7);

	return n < 5 ? slice_of(texts[n]) : n == 5 ? SLICE_LIT("") : SLICE_NONE;
}

/* Events that differ in few members, from few values, so that ties are common. */
static struct event random_event(uint64_t *seed)
{
	struct event e;

	event_init(&e, draw(seed, 2) ? KIND_CALL : KIND_ATTEMPT);
	e.time_us = draw(seed, 2);
	e.call_id = random_text(seed);
	e.caller.text = random_text(seed);
	e.callee.withheld = draw(seed, 2);
	switch (draw(seed, 6)) {
	case 0: e.display = random_text(seed); break;
	case 1: e.divert.context = random_text(seed); break;
	case 2: e.cost = draw(seed, 2) ? 1.5 : -2; break;
	case 3: e.q850 = draw(seed, 20); break;
	case 4: (void)ip_parse(SLICE_LIT("192.0.2.1"), &e.src); break;
	default: e.from_user = random_text(seed); break;
	}
	return e;
}

static void test_order(void **state)
{
	enum { EVENTS = 120 };
	struct event e[EVENTS];
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < EVENTS; i++) {
		e[i] = random_event(&seed);
	}
	for (int a = 0; a < EVENTS; a++) {
		assert_int_equal(event_cmp(&e[a], &e[a]), 0);
		for (int b = 0; b < EVENTS; b++) {
			int ab = event_cmp(&e[a], &e[b]), ba = event_cmp(&e[b], &e[a]);
			assert_true((ab < 0) == (ba > 0) && (ab == 0) == (ba == 0));
			for (int c = 0; c < EVENTS; c += 7) {
				if (ab <= 0 && event_cmp(&e[b], &e[c]) <= 0) {
					assert_true(event_cmp(&e[a], &e[c]) <= 0);
				}
			}
		}
	}
}

static void test_pack(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct event e = random_event(&seed), back;
		size_t size = event_packed_size(&e);
		char *bytes = malloc(size);
		event_pack(&e, bytes);
		event_unpack((struct slice){bytes, size}, &back);
		assert_int_equal(event_cmp(&e, &back), 0);
		assert_int_equal(e.call_id.p == NULL, back.call_id.p == NULL);
		assert_int_equal(e.display.p == NULL, back.display.p == NULL);
		assert_true(back.call_id.len == 0 ||
		            (back.call_id.p > bytes && back.call_id.p < bytes + size));
		assert_int_equal(isnan(e.cost) != 0, isnan(back.cost) != 0);
		free(bytes);
	}
}

static void test_batch(void **state)
{
	struct batch *b = batch_new();
	struct event e;
	char id[] = "id-1";

	(void)state;
	assert_non_null(b);
	batch_reset(b, 77);
	event_init(&e, KIND_CALL);
	e.time_us = 5;
	e.call_id = slice_of(id);
	for (uint32_t i = 0; i < BATCH_ROWS_MAX; i++) {
		assert_int_equal(batch_append(b, &e), OK);
	}
	assert_int_equal(batch_append(b, &e), E_FULL);
	assert_int_equal(b->count, BATCH_ROWS_MAX);
	memset(id, 'x', 4); /* texts are the batch's own */
	assert_true(slice_eq(b->col[FIELD_CALL_ID].text[BATCH_ROWS_MAX - 1], SLICE_LIT("id-1")));
	assert_null(b->col[FIELD_UA].text[0].p);
	assert_int_equal(b->col[FIELD_CALLER_NUM].num[9], 0);
	batch_reset(b, 78);
	assert_int_equal(b->count, 0);
	assert_int_equal(batch_append(b, &e), OK);
	batch_free(b);
}

/* Text beyond the batch's memory refuses the event; a reset makes room again. */
static void test_batch_text(void **state)
{
	struct batch *b = batch_new();
	struct event e;
	size_t size = 40 << 20;
	char *text = calloc(1, size);

	(void)state;
	batch_reset(b, 0);
	event_init(&e, KIND_CALL);
	e.ua = (struct slice){text, size};
	int err = OK;
	uint32_t rows = 0;
	while ((err = batch_append(b, &e)) == OK) {
		rows++;
		assert_true(rows < 100);
	}
	assert_int_equal(err, E_RANGE);
	assert_int_equal(b->count, rows);
	e.ua = SLICE_LIT("short");
	assert_int_equal(batch_append(b, &e), OK);
	batch_free(b);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number_text), cmocka_unit_test(test_number_bad),
		cmocka_unit_test(test_number_cuts), cmocka_unit_test(test_ip),
		cmocka_unit_test(test_order),       cmocka_unit_test(test_pack),
		cmocka_unit_test(test_batch),       cmocka_unit_test(test_batch_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
