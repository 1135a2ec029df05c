/* normalise.h: interfaces.md 1.2 step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/exact.h"
#include "unit/enrich/fixture.h"

struct row {
	const char *id;
	const char *home;
	const char *text;
	enum number_verdict verdict;
	enum number_kind kind;
	const char *want; /* as number_format writes it */
};

static const struct row rows[] = {
	/* The examples of interfaces.md. */
	{"GB abroad", "GB", "0044 20 7946 0001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"GB at home", "GB", "020 7946 0001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"GB with (0)", "GB", "+44(0)20 7946 0001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"GB plain", "GB", "447911123456", NUMBER_OK, NUMBER_E164, "+447911123456"},
	{"GB emergency", "GB", "999", NUMBER_OK, NUMBER_SHORT, "999"},
	{"GB name", "GB", "alice", NUMBER_OK, NUMBER_NAME, ""},
	{"US abroad", "US", "011442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"US with 1", "US", "12025550123", NUMBER_OK, NUMBER_E164, "+12025550123"},
	{"US without 1", "US", "2025550123", NUMBER_OK, NUMBER_E164, "+12025550123"},
	{"IT keeps its 0", "IT", "0612345678", NUMBER_OK, NUMBER_E164, "+390612345678"},
	/* Cutting, decoding, dropping. */
	{"sip URI", "GB", "sip:+442079460001@example.org;user=phone", NUMBER_OK, NUMBER_E164,
         "+442079460001"},
	{"sips URI", "GB", "SIPS:02079460001@example.org", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"tel URI", "GB", "tel:+44-20-7946-0001;ext=12", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"cut at ;", "GB", "+442079460001;npdi;rn=+447700900000", NUMBER_OK, NUMBER_E164,
         "+442079460001"},
	{"cut at ,", "GB", "+442079460001,55", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"cut at @", "GB", "+442079460001@10.0.0.1", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"cut before decoding", "GB", "+44207946%3B0001", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"%2B", "GB", "%2B442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"%2b", "GB", "%2b442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"decoded once", "GB", "%252B442079460001", NUMBER_OK, NUMBER_NAME, ""},
	{"% at the end", "GB", "+442079460001%2", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"blanks around", "GB", "\t +442079460001 ", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"punctuation", "GB", "(020) 7946-00.0/1", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"(0) in front stays", "IT", "(0)6 12345678", NUMBER_OK, NUMBER_E164, "+390612345678"},
	{"(0) after 0044", "GB", "0044 (0)20 7946 0001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"other punctuation", "GB", "+44_2079460001", NUMBER_INVALID, NUMBER_MISSING, ""},
	/* 1: withheld. */
	{"empty", "GB", "", NUMBER_EMPTY, NUMBER_MISSING, ""},
	{"blanks alone", "GB", "  ", NUMBER_EMPTY, NUMBER_MISSING, ""},
	{"anonymous", "GB", "anonymous", NUMBER_WITHHELD, NUMBER_MISSING, ""},
	{"Anonymous URI", "GB", "sip:Anonymous@anonymous.invalid", NUMBER_WITHHELD, NUMBER_MISSING,
         ""},
	{"unavailable", "GB", "Unavailable", NUMBER_WITHHELD, NUMBER_MISSING, ""},
	{"restricted", "GB", "RESTRICTED", NUMBER_WITHHELD, NUMBER_MISSING, ""},
	{"unknown", "GB", "unknown", NUMBER_WITHHELD, NUMBER_MISSING, ""},
	{"withheld", "GB", "withheld", NUMBER_WITHHELD, NUMBER_MISSING, ""},
	{"withheld and more", "GB", "withheld1", NUMBER_OK, NUMBER_NAME, ""},
	/* 2: + */
	{"5 digits", "", "+44207", NUMBER_OK, NUMBER_E164, "+44207"},
	{"4 digits", "", "+4420", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"15 digits", "", "+442079460001234", NUMBER_OK, NUMBER_E164, "+442079460001234"},
	{"16 digits", "", "+4420794600012345", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"unassigned code", "GB", "+999123456", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"code 0", "GB", "+0442079460001", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"two +", "GB", "++442079460001", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"+ inside", "GB", "44+2079460001", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"fits no plan", "GB", "+4400000000", NUMBER_OK, NUMBER_E164, "+4400000000"},
	/* 3: the international prefix. */
	{"AU 0011", "AU", "0011442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"AU 00", "AU", "00442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"AU 0011 is not 00 and 11", "AU", "00119991234567", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"US 00", "US", "00442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"GB 011 is no prefix", "GB", "01144207946", NUMBER_OK, NUMBER_E164, "+441144207946"},
	{"JP 010", "JP", "010442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"JP uses 00 itself", "JP", "0077712345", NUMBER_OK, NUMBER_E164, "+81077712345"},
	{"BR by a carrier", "BR", "0021442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"abroad, unassigned", "GB", "009991234567", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"abroad, too long", "GB", "004420794600012345", NUMBER_INVALID, NUMBER_MISSING, ""},
	/* 3: the national prefix, or none. */
	{"GB 9 digits", "GB", "0800 001 066", NUMBER_OK, NUMBER_E164, "+44800001066"},
	{"GB 11 digits", "GB", "0800 001 06612", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"GB without 0", "GB", "2079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"HU 06", "HU", "0612345678", NUMBER_OK, NUMBER_E164, "+3612345678"},
	{"RU 8", "RU", "84951234567", NUMBER_OK, NUMBER_E164, "+74951234567"},
	{"ES none", "ES", "912345678", NUMBER_OK, NUMBER_E164, "+34912345678"},
	{"ES no 0", "ES", "0912345678", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"DK", "DK", "32123456", NUMBER_OK, NUMBER_E164, "+4532123456"},
	{"JE dials as GB", "JE", "01534720000", NUMBER_OK, NUMBER_E164, "+441534720000"},
	{"DE would be too long", "DE", "0301234567890123", NUMBER_INVALID, NUMBER_MISSING, ""},
	/* 3: a calling code alone. */
	{"US dials 44 so", "US", "442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"under 10 digits", "US", "47321234", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"impossible length", "US", "4420794600012", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"no calling code", "US", "99912345678", NUMBER_INVALID, NUMBER_MISSING, ""},
	/* 3: short. */
	{"2 digits", "GB", "18", NUMBER_OK, NUMBER_SHORT, "18"},
	{"6 digits", "GB", "118500", NUMBER_OK, NUMBER_SHORT, "118500"},
	{"1 digit", "GB", "1", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"7 digits", "US", "1185001", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"no home, 7 digits", "", "1185001", NUMBER_OK, NUMBER_NATIONAL, "1185001"},
	{"8 digits", "GB", "11850011", NUMBER_INVALID, NUMBER_MISSING, ""},
	/* 4, 5. */
	{"name with digits", "GB", "1-800-FLOWERS", NUMBER_OK, NUMBER_NAME, ""},
	{"+ and a name", "GB", "+alice", NUMBER_OK, NUMBER_NAME, ""},
	{"another script", "GB", "\xe5\xbc\xa0", NUMBER_OK, NUMBER_NAME, ""},
	{"no script", "GB", "44\xff\xfe", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"*67", "GB", "*67", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"NUL", "GB", "%00442079460001", NUMBER_INVALID, NUMBER_MISSING, ""},
	/* Without a home country. */
	{"no home, +", "", "+442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"no home, 00", "", "00442079460001", NUMBER_OK, NUMBER_E164, "+442079460001"},
	{"no home, short", "", "112", NUMBER_OK, NUMBER_SHORT, "112"},
	{"no home, digits", "", "02079460001", NUMBER_OK, NUMBER_NATIONAL, "02079460001"},
	{"no home, with code", "", "442079460001", NUMBER_OK, NUMBER_NATIONAL, "442079460001"},
	{"no home, 00 and no code", "", "00999123456", NUMBER_OK, NUMBER_NATIONAL, "00999123456"},
	{"no home, 1 digit", "", "1", NUMBER_OK, NUMBER_NATIONAL, "1"},
	{"no home, 16 digits", "", "4420794600012345", NUMBER_INVALID, NUMBER_MISSING, ""},
	{"no home, name", "", "alice", NUMBER_OK, NUMBER_NAME, ""},
	/* The context stands for the home country. */
	{"context in the text", "US", "02079460001;phone-context=+44", NUMBER_OK, NUMBER_E164,
         "+442079460001"},
	{"context behind others", "US", "tel:02079460001;npdi;Phone-Context=+44-20", NUMBER_OK,
         NUMBER_E164, "+442079460001"},
	{"context is a domain", "US", "2025550123;phone-context=example.org", NUMBER_OK,
         NUMBER_E164, "+12025550123"},
	{"context of no code", "US", "2025550123;phone-context=+999", NUMBER_OK, NUMBER_E164,
         "+12025550123"},
	{"context without home", "", "0612345678;phone-context=+39", NUMBER_OK, NUMBER_E164,
         "+390612345678"},
	{"context does not touch +", "", "+442079460001;phone-context=+39", NUMBER_OK, NUMBER_E164,
         "+442079460001"},
};

static void check_row(const struct row *row)
{
	struct normaliser norm = norm_at(row->home);
	struct slice exact = exact_copy(slice_of(row->text));
	struct written_number w = {.text = exact};
	char got[NUMBER_TEXT];
	bool no_home = false;
	number n = 1;
	enum number_verdict verdict = number_normalise(&norm, &w, 0, &n, &no_home);

	exact_free(exact);
	(void)number_format(n, got);
	if (verdict != row->verdict || number_kind(n) != row->kind || strcmp(got, row->want) != 0) {
		fail_msg("%s: verdict %d kind %d '%s'", row->id, (int)verdict, (int)number_kind(n),
		         got);
	}
	if (no_home != (row->kind == NUMBER_NATIONAL)) {
		fail_msg("%s: no_home %d", row->id, no_home);
	}
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check_row(&rows[i]);
	}
}

static number at(const char *norm_home, const char *text, const char *context, const char *home)
{
	struct normaliser norm = norm_at(norm_home);
	struct written_number w = {slice_of(text), slice_of(context), false};
	bool no_home;
	number n;

	(void)number_normalise(&norm, &w, country_named(home), &n, &no_home);
	return n;
}

static void test_whose_home(void **state)
{
	(void)state;
	assert_int_equal(at("GB", "0612345678", NULL, "IT"), num("+390612345678"));
	assert_int_equal(at("GB", "02079460001", NULL, ""), num("+442079460001"));
	assert_int_equal(at("US", "02079460001", "+44", "IT"), num("+442079460001"));
	assert_int_equal(at("GB", "2025550123", "+1-914", ""), num("+12025550123"));
	/* The member goes before the text. */
	assert_int_equal(at("GB", "0612345678;phone-context=+44", "+39", ""), num("+390612345678"));
}

static void test_privacy(void **state)
{
	struct normaliser norm = norm_at("GB");
	struct written_number w = {.text = SLICE_LIT("+442079460001"), .withheld = true};
	bool no_home;
	number n = 1;

	(void)state;
	assert_int_equal(number_normalise(&norm, &w, 0, &n, &no_home), NUMBER_WITHHELD);
	assert_int_equal(n, 0);
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(at("GB", "alice", NULL, ""), at("", "sip:alice@example.org", NULL, ""));
	assert_int_not_equal(at("GB", "alice", NULL, ""), at("GB", "Alice", NULL, ""));
	struct hash_key kept = key;
	static const uint8_t another[HASH_KEY_SIZE] = "another";
	hash_key_init(&key, another);
	number other = at("GB", "alice", NULL, "");
	key = kept;
	assert_int_not_equal(at("GB", "alice", NULL, ""), other);
}

static void test_length_bound(void **state)
{
	char text[300];
	struct normaliser norm = norm_at("GB");
	bool no_home;
	number n;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t len = 250; len < sizeof(text); len++) {
		struct slice exact = exact_copy((struct slice){text, len});
		struct written_number w = {.text = exact};
		assert_int_equal(number_normalise(&norm, &w, 0, &n, &no_home),
		                 len <= 256 ? NUMBER_OK : NUMBER_INVALID);
		exact_free(exact);
	}
}

/* Whatever comes in: a verdict other than OK has no number, a number has digits of the text (or is
 * a name), and what is written again as E.164 stays the same.
 */
static void test_random_texts(void **state)
{
	static const char letters[] = "0123456789+-.()/ ;,@%*#aB0123456789";
	static const char *const homes[] = {"", "GB", "US", "IT", "JP", "DE", "XX"};
	unsigned seed = 7;
	char text[24], again[NUMBER_TEXT];
	bool no_home;
	number n, second;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		size_t len = (size_t)rand_r(&seed) % sizeof(text);
		for (size_t k = 0; k < len; k++) {
			text[k] = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
		}
		struct normaliser norm = norm_at(homes[i % COUNT(homes)]);
		struct written_number w = {.text = {text, len}};
		enum number_verdict verdict = number_normalise(&norm, &w, 0, &n, &no_home);
		assert_int_equal(verdict == NUMBER_OK, n != 0);
		if (number_kind(n) != NUMBER_E164) {
			continue;
		}
		w.text = (struct slice){again, number_format(n, again)};
		assert_int_equal(number_normalise(&norm, &w, 0, &second, &no_home), NUMBER_OK);
		assert_int_equal(second, n);
		assert_int_equal(plan_country_digits(plan, n) > 0, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),         cmocka_unit_test(test_whose_home),
		cmocka_unit_test(test_privacy),      cmocka_unit_test(test_names),
		cmocka_unit_test(test_length_bound), cmocka_unit_test(test_random_texts),
	};

	return cmocka_run_group_tests(tests, load_plan, free_plan);
}
