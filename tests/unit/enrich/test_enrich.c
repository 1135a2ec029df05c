/* enrich.h: the derived columns of a batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/err.h"
#include "enrich/enrich.h"
#include "enrich/tables.h"
#include "support/assert_slice.h"
#include "unit/enrich/fixture.h"

static const char trunk_text[] = "trunk,role,partner,cidr,home\n"
				 "acc-1,access,,10.1.0.0/16,\n"
				 "int-it,international,Telco,198.51.100.0/24,IT\n";
static const char subscriber_text[] = "number,account,type,activated,tz,care\n"
				      "+442079460001,A-1,residential,2026-03-01,UTC,elderly\n"
				      "+442079460002,A-2,business,,,\n"
				      "+4420794610*,P-1,pbx,2030-01-01,Europe/London,\n";
static const char ported_text[] = "number,operator\n+447400123456,Two\n+4474*,One\n";

struct world {
	struct enrich_options options;
	struct trunks *trunks;
	struct subscribers *subscribers;
	struct ported *ported;
	struct enrich *enrich;
	struct batch *batch;
};

static const char *const source_names[] = {"calls.csv", "edge.pcap"};
static struct world world;

static int open_world(void **state)
{
	struct normaliser norm;
	struct source_file file = {.path = "trunks.csv", .text = slice_of(trunk_text)};
	struct diags d;
	char path[64];

	if (load_plan(state)) {
		return -1;
	}
	norm = norm_at("GB");
	diags_init(&d);
	world.trunks = trunks_parse(&file, &d);
	write_file(path, subscriber_text);
	world.subscribers = subscribers_load(path, &norm, &d);
	(void)unlink(path);
	write_file(path, ported_text);
	world.ported = ported_load(path, &norm, &d);
	(void)unlink(path);
	world.options = (struct enrich_options){
		.key = &key,
		.plan = plan,
		.trunks = world.trunks,
		.subscribers = world.subscribers,
		.ported = world.ported,
		.home = country_named("GB"),
		.source_names = source_names,
		.source_count = COUNT(source_names),
	};
	memset(world.options.wanted, true, sizeof(world.options.wanted));
	world.enrich = enrich_new(&world.options);
	world.batch = batch_new();
	bool whole = d.errors == 0 && world.enrich && world.batch;
	diags_fini(&d);
	return whole ? 0 : -1;
}

static int close_world(void **state)
{
	trunks_free(world.trunks);
	subscribers_free(world.subscribers);
	ported_free(world.ported);
	enrich_free(world.enrich);
	batch_free(world.batch);
	return free_plan(state);
}

/* The event that the rows change one thing of. */
static struct event good_event(void)
{
	struct event e;

	event_init(&e, KIND_CALL);
	e.time_us = 20514 * US_PER_DAY; /* 2026-03-02 */
	e.caller.text = SLICE_LIT("020 7946 0001");
	e.callee.text = SLICE_LIT("+447400123456");
	e.trunk_in = SLICE_LIT("acc-1");
	e.source = 1;
	return e;
}

static struct batch *run(const struct enrich *enrich, const struct event *e)
{
	batch_reset(world.batch, 0);
	assert_int_equal(batch_append(world.batch, e), OK);
	enrich_run(enrich, world.batch);
	return world.batch;
}

#define TEXT(b, f) ((b)->col[FIELD_##f].text[0])
#define NUM(b, f)  ((b)->col[FIELD_##f].num[0])
#define U8(b, f)   ((b)->col[FIELD_##f].u8[0])
#define CC(b, f)   ((b)->col[FIELD_##f].country[0])
#define I64(b, f)  ((b)->col[FIELD_##f].i64[0])

static void test_good(void **state)
{
	struct event e = good_event();
	struct batch *b = run(world.enrich, &e);

	(void)state;
	assert_int_equal(NUM(b, CALLER_NUM), num("+442079460001"));
	assert_int_equal(CC(b, CALLER_COUNTRY), country_named("GB"));
	assert_int_equal(U8(b, CALLER_TYPE), NUMTYPE_FIXED);
	assert_int_equal(U8(b, CALLER_VALID), TRUTH_TRUE);
	assert_int_equal(U8(b, CALLER_ASSIGNED), TRUTH_TRUE);
	assert_null(TEXT(b, CALLER_OPERATOR).p);
	assert_int_equal(NUM(b, CALLEE_NUM), num("+447400123456"));
	assert_int_equal(U8(b, CALLEE_TYPE), NUMTYPE_MOBILE);
	assert_slice("good", "operator", TEXT(b, CALLEE_OPERATOR), SLICE_LIT("Two"));
	assert_slice("good", "care", TEXT(b, CALLER_CARE), SLICE_LIT("elderly"));
	assert_null(TEXT(b, CALLEE_CARE).p);
	assert_slice("good", "account", TEXT(b, ACCOUNT_ID), SLICE_LIT("A-1"));
	assert_int_equal(U8(b, ACCOUNT_TYPE), ACCOUNT_RESIDENTIAL);
	assert_slice("good", "tz", TEXT(b, ACCOUNT_TZ), SLICE_LIT("UTC"));
	assert_int_equal(I64(b, ACCOUNT_AGE), US_PER_DAY);
	assert_slice("good", "trunk", TEXT(b, TRUNK_ID), SLICE_LIT("acc-1"));
	assert_int_equal(U8(b, TRUNK_ROLE), ROLE_ACCESS);
	assert_null(TEXT(b, TRUNK_PARTNER).p);
	assert_slice("good", "source", TEXT(b, SOURCE), SLICE_LIT("edge.pcap"));
	assert_int_equal(NUM(b, PAI_NUM), 0);
	assert_false(enrich_missed_home(world.enrich));
}

static void test_withheld_and_bad(void **state)
{
	struct event e = good_event();

	(void)state;
	e.caller.withheld = true;
	e.callee.text = SLICE_LIT("+999123456");
	struct batch *b = run(world.enrich, &e);
	assert_int_equal(NUM(b, CALLER_NUM), 0);
	assert_int_equal(CC(b, CALLER_COUNTRY), 0);
	assert_int_equal(U8(b, CALLER_VALID), TRUTH_UNKNOWN);
	assert_null(TEXT(b, CALLER_CARE).p);
	assert_null(TEXT(b, ACCOUNT_ID).p);
	assert_int_equal(NUM(b, CALLEE_NUM), 0);
	assert_int_equal(U8(b, CALLEE_TYPE), NUMTYPE_UNKNOWN);
	assert_slice("bad", "raw", TEXT(b, CALLEE_RAW), SLICE_LIT("+999123456"));
}

/* The age of the called line, from its own row, not from that of the caller's account. */
static void test_callee_age(void **state)
{
	struct event e = good_event();

	(void)state;
	struct slice caller = e.caller.text;
	e.caller.text = e.callee.text;
	e.callee.text = caller;
	struct batch *b = run(world.enrich, &e);
	assert_int_equal(I64(b, CALLEE_AGE), US_PER_DAY);
	assert_int_equal(I64(b, ACCOUNT_AGE), INSTANT_NONE);
	e.callee.text = SLICE_LIT("+442079460002");
	b = run(world.enrich, &e);
	assert_int_equal(I64(b, CALLEE_AGE), INSTANT_NONE);
}

static void test_other_numbers(void **state)
{
	struct event e = good_event();

	(void)state;
	e.pai.text = SLICE_LIT("sip:02079460003@example.org");
	e.from.text = SLICE_LIT("alice");
	e.divert.text = SLICE_LIT("0612345678;phone-context=+39");
	e.stir_orig = SLICE_LIT("442079460004");
	e.stir_dest = SLICE_LIT("12025550123");
	struct batch *b = run(world.enrich, &e);
	assert_int_equal(NUM(b, PAI_NUM), num("+442079460003"));
	assert_int_equal(number_kind(NUM(b, FROM_NUM)), NUMBER_NAME);
	assert_int_equal(NUM(b, DIVERT_NUM), num("+390612345678"));
	assert_int_equal(NUM(b, STIR_ORIG), num("+442079460004"));
	assert_int_equal(NUM(b, STIR_DEST), num("+12025550123"));
}

static void test_trunks(void **state)
{
	struct event e = good_event();

	(void)state;
	/* By the address; the trunk's home explains the digits. */
	e.trunk_in = SLICE_NONE;
	assert_int_equal(ip_parse(SLICE_LIT("198.51.100.7"), &e.src), OK);
	assert_int_equal(ip_parse(SLICE_LIT("10.1.0.7"), &e.dst), OK);
	e.caller.text = SLICE_LIT("0612345678");
	e.callee.text = SLICE_LIT("112");
	struct batch *b = run(world.enrich, &e);
	assert_slice("address", "trunk", TEXT(b, TRUNK_ID), SLICE_LIT("int-it"));
	assert_slice("address", "partner", TEXT(b, TRUNK_PARTNER), SLICE_LIT("Telco"));
	assert_slice("address", "trunk_out", TEXT(b, TRUNK_OUT_ID), SLICE_LIT("acc-1"));
	assert_int_equal(NUM(b, CALLER_NUM), num("+390612345678"));
	assert_int_equal(U8(b, CALLEE_TYPE), NUMTYPE_SHORT);
	assert_int_equal(CC(b, CALLEE_COUNTRY), country_named("IT"));
	/* The name goes before the address; an unknown one stays. */
	e.trunk_in = SLICE_LIT("acc-9");
	e.trunk_out = SLICE_LIT("out-9");
	b = run(world.enrich, &e);
	assert_slice("name", "trunk", TEXT(b, TRUNK_ID), SLICE_LIT("acc-9"));
	assert_slice("name", "trunk_out", TEXT(b, TRUNK_OUT_ID), SLICE_LIT("out-9"));
	assert_int_equal(U8(b, TRUNK_ROLE), ROLE_UNKNOWN);
	assert_int_equal(CC(b, CALLEE_COUNTRY), country_named("GB"));
	/* Neither. */
	e.trunk_in = SLICE_NONE;
	e.src.family = 0;
	b = run(world.enrich, &e);
	assert_null(TEXT(b, TRUNK_ID).p);
}

static const struct {
	const char *id, *account, *caller, *want;
	enum enum_ACCOUNT type;
	int64_t age_us;
} accounts[] = {
	{"of the caller", "", "+442079460001", "A-1", ACCOUNT_RESIDENTIAL, US_PER_DAY},
	{"of the record, the same", "A-1", "+442079460001", "A-1", ACCOUNT_RESIDENTIAL, US_PER_DAY},
	{"of the record, another", "A-2", "+442079460001", "A-2", ACCOUNT_BUSINESS, INSTANT_NONE},
	{"of the record alone", "P-1", "", "P-1", ACCOUNT_PBX, 0},
	{"of the record, unknown", "X-1", "+442079460001", "X-1", ACCOUNT_UNKNOWN, INSTANT_NONE},
	{"prefix, activated later", "", "+442079461099", "P-1", ACCOUNT_PBX, 0},
	{"nobody", "", "+442079460009", NULL, ACCOUNT_UNKNOWN, INSTANT_NONE},
};

static void test_accounts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(accounts); i++) {
		struct event e = good_event();
		e.account = accounts[i].account[0] ? slice_of(accounts[i].account) : SLICE_NONE;
		e.caller.text = slice_of(accounts[i].caller);
		struct batch *b = run(world.enrich, &e);
		assert_slice(accounts[i].id, "account", TEXT(b, ACCOUNT_ID),
		             slice_of(accounts[i].want));
		if (U8(b, ACCOUNT_TYPE) != accounts[i].type ||
		    I64(b, ACCOUNT_AGE) != accounts[i].age_us) {
			fail_msg("%s: type %u", accounts[i].id, U8(b, ACCOUNT_TYPE));
		}
	}
}

/* A column that is wanted is filled even when none of the others is. */
static void test_wanted(void **state)
{
	static const enum field fields[] = {
		FIELD_CALLER_NUM,      FIELD_CALLER_COUNTRY,  FIELD_CALLER_TYPE,
		FIELD_CALLER_VALID,    FIELD_CALLER_ASSIGNED, FIELD_CALLER_CARE,
		FIELD_CALLEE_OPERATOR, FIELD_CALLEE_NUM,      FIELD_ACCOUNT_TYPE,
		FIELD_ACCOUNT_AGE,     FIELD_PAI_NUM};
	struct event e = good_event();
	static uint8_t full[64], alone[64];

	(void)state;
	e.pai.text = SLICE_LIT("+442079460003");
	for (size_t i = 0; i < COUNT(fields); i++) {
		static const size_t sizes[] = {
			[STORE_NUM] = 8,  [STORE_COUNTRY] = 2, [STORE_ENUM] = 1,
			[STORE_BOOL] = 1, [STORE_TEXT] = 16,   [STORE_DUR] = 8};
		size_t size = sizes[field_storage(fields[i])];
		struct enrich_options options = world.options;
		memset(options.wanted, false, sizeof(options.wanted));
		options.wanted[fields[i]] = true;
		struct enrich *enrich = enrich_new(&options);
		assert_non_null(enrich);
		memcpy(full, run(world.enrich, &e)->col[fields[i]].any, size);
		memcpy(alone, run(enrich, &e)->col[fields[i]].any, size);
		assert_memory_equal(full, alone, size);
		enrich_free(enrich);
	}
}

/* Without tables and home: numbers still, and the word that a home is missing. */
static void test_bare(void **state)
{
	struct enrich_options options = {.key = &key, .plan = plan};
	struct event e = good_event();

	(void)state;
	memset(options.wanted, true, sizeof(options.wanted));
	struct enrich *enrich = enrich_new(&options);
	assert_non_null(enrich);
	e.caller.text = SLICE_LIT("+442079460001");
	struct batch *b = run(enrich, &e);
	assert_int_equal(NUM(b, CALLER_NUM), num("+442079460001"));
	assert_null(TEXT(b, SOURCE).p);
	assert_slice("bare", "trunk", TEXT(b, TRUNK_ID), SLICE_LIT("acc-1"));
	assert_false(enrich_missed_home(enrich));
	e.caller.text = SLICE_LIT("02079460001");
	b = run(enrich, &e);
	assert_int_equal(number_kind(NUM(b, CALLER_NUM)), NUMBER_NATIONAL);
	assert_int_equal(CC(b, CALLER_COUNTRY), 0);
	assert_int_equal(U8(b, CALLER_VALID), TRUTH_UNKNOWN);
	assert_true(enrich_missed_home(enrich));
	enrich_free(enrich);
}

/* Every row of a batch, not only the first. */
static void test_many_rows(void **state)
{
	struct event e = good_event();
	struct batch *b = world.batch;
	char text[NUMBER_TEXT];

	(void)state;
	batch_reset(b, 0);
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(text, sizeof(text), "+44207946%04u", i);
		e.caller.text = slice_of(text);
		assert_int_equal(batch_append(b, &e), OK);
	}
	enrich_run(world.enrich, b);
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(text, sizeof(text), "+44207946%04u", i);
		assert_int_equal(b->col[FIELD_CALLER_NUM].num[i], num(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),          cmocka_unit_test(test_withheld_and_bad),
		cmocka_unit_test(test_other_numbers), cmocka_unit_test(test_trunks),
		cmocka_unit_test(test_accounts),      cmocka_unit_test(test_callee_age),
		cmocka_unit_test(test_wanted),        cmocka_unit_test(test_bare),
		cmocka_unit_test(test_many_rows),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
