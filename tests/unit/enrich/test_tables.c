/* tables.h: trunks, subscribers and ported numbers: what they find, what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/err.h"
#include "core/instant.h"
#include "enrich/tables.h"
#include "support/assert_slice.h"
#include "unit/enrich/fixture.h"

#define TRUNKS "trunk,role,partner,cidr,home\n"

static const char trunk_file[] =
	TRUNKS "acc-1,access,,10.1.0.0/16 10.2.0.0/16,\n"
	       "int-3,international,Acme,\"198.51.100.0/24  2001:db8::/32\",\n"
	       "int-it,international,Telco,198.51.100.128/25,IT\n"
	       "named,peer,Only by name,,US\n";

static struct ip ip_of(const char *text)
{
	struct ip ip;

	assert_int_equal(ip_parse(slice_of(text), &ip), OK);
	return ip;
}

static void test_trunks(void **state)
{
	static const struct {
		const char *address, *trunk;
	} finds[] = {
		{"10.1.2.3", "acc-1"},
		{"10.2.255.255", "acc-1"},
		{"10.3.0.0", ""},
		{"198.51.100.127", "int-3"},
		{"198.51.100.128", "int-it"},
		{"2001:db8:1::1", "int-3"},
		{"2001:db9::1", ""},
		{"::ffff:10.1.2.3", "acc-1"},
	};
	struct diags d;
	struct source_file file = {.path = "trunks.csv", .text = slice_of(trunk_file)};

	(void)state;
	diags_init(&d);
	struct trunks *t = trunks_parse(&file, &d);
	assert_non_null(t);
	assert_int_equal(trunks_count(t), 4);
	for (size_t i = 0; i < COUNT(finds); i++) {
		struct ip ip = ip_of(finds[i].address);
		const struct trunk *trunk = trunks_by_address(t, &ip);
		assert_slice(finds[i].address, "trunk", trunk ? trunk->id : SLICE_LIT(""),
		             slice_of(finds[i].trunk));
	}
	const struct trunk *trunk = trunks_by_name(t, SLICE_LIT("int-it"));
	assert_non_null(trunk);
	assert_int_equal(trunk->role, ROLE_INTERNATIONAL);
	assert_int_equal(trunk->home, country_named("IT"));
	assert_slice("int-it", "partner", trunk->partner, SLICE_LIT("Telco"));
	trunk = trunks_by_name(t, SLICE_LIT("acc-1"));
	assert_non_null(trunk);
	assert_null(trunk->partner.p);
	assert_int_equal(trunk->home, 0);
	assert_null(trunks_by_name(t, SLICE_LIT("acc-2")));
	assert_null(trunks_by_name(t, SLICE_LIT("")));
	trunks_free(t);
	diags_fini(&d);
}

static const struct {
	const char *id, *text, *code;
	unsigned line;
	const char *part;
} trunk_rows[] = {
	{"good", TRUNKS "a,access,P,10.0.0.0/8,GB\nb,peer,,,\n", "", 0, ""},
	{"empty", TRUNKS, "", 0, ""},
	{"required alone", "trunk,role\na,unknown\n", "", 0, ""},
	{"no role column", "trunk,partner\na,P\n", "E070", 1, "lacks column role"},
	{"unknown role", TRUNKS "a,acess,P,10.0.0.0/8,GB\n", "E071", 2, "'acess' is not one of"},
	{"no role", TRUNKS "a,,P,10.0.0.0/8,GB\n", "E071", 2, "'' is not one of"},
	{"no name", TRUNKS ",access,P,10.0.0.0/8,GB\n", "E071", 2, "no name"},
	{"bad block", TRUNKS "a,access,P,10.0.0.0/33,GB\n", "E071", 2, "bad block '10.0.0.0/33'"},
	{"bits behind", TRUNKS "a,access,P,10.0.0.1/8,GB\n", "E071", 2, "bits behind"},
	{"bad home", TRUNKS "a,access,P,10.0.0.0/8,gb\n", "E071", 2, "'gb' is no country"},
	{"long home", TRUNKS "a,access,P,10.0.0.0/8,GBR\n", "E071", 2, "'GBR' is no country"},
	{"twice", TRUNKS "a,access,P,10.0.0.0/8,GB\na,peer,,,\n", "E072", 3, "on line 2"},
	{"same block", TRUNKS "a,access,,10.0.0.0/8,\n#\nb,peer,,10.0.0.0/8,\n", "E072", 4,
         "block 10.0.0.0/8 is that of trunk 'a' on line 2"},
	{"same block, spelt otherwise", TRUNKS "a,access,,::ffff:10.0.0.0/104 10.0.0.0/8,\n",
         "E072", 2, "'a' on line 2"},
	{"cells", TRUNKS "a,access\n", "E071", 2, "2 cells"},
};

static void test_bad_trunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(trunk_rows); i++) {
		struct source_file file = {.path = "t.csv", .text = slice_of(trunk_rows[i].text)};
		struct diags d;
		diags_init(&d);
		struct trunks *t = trunks_parse(&file, &d);
		check_diags(trunk_rows[i].id, &d, trunk_rows[i].code, trunk_rows[i].line,
		            trunk_rows[i].part);
		assert_int_equal(t != NULL, trunk_rows[i].code[0] == 0);
		trunks_free(t);
		diags_fini(&d);
	}
}

#define SUBSCRIBERS "number,account,type,activated,tz,care\n"

static const char subscriber_file[] =
	SUBSCRIBERS "+442079460001,A-1,residential,2024-05-01,Europe/London,elderly\n"
		    "020 7946 0002,A-2,business,2024-05-01T10:00:00+01:00,,\n"
		    "+4420794610*,A-3,pbx,,Europe/London,\n"
		    "0207946101*,A-4,pbx,,,\n"
		    "+442079461099,A-1,business,,,\n"
		    "+442079460003,,,,,\n";

static bool find(const struct subscribers *s, const char *text, struct subscriber *out)
{
	struct normaliser norm = norm_at("GB");
	struct written_number w = {.text = slice_of(text)};
	bool no_home;
	number n;

	(void)number_normalise(&norm, &w, 0, &n, &no_home);
	return subscribers_find(s, n, out);
}

static struct subscribers *load_subscribers(const char *text, struct diags *d)
{
	struct normaliser norm = norm_at("GB");
	char path[64];

	write_file(path, text);
	struct subscribers *s = subscribers_load(path, &norm, d);
	(void)unlink(path);
	return s;
}

static int64_t instant(const char *text)
{
	int64_t time_us = 0;

	assert_int_equal(instant_parse_rfc3339(slice_of(text), NULL, &time_us), OK);
	return time_us;
}

static void test_subscribers(void **state)
{
	struct subscriber one;
	struct diags d;

	(void)state;
	diags_init(&d);
	struct subscribers *s = load_subscribers(subscriber_file, &d);
	assert_non_null(s);
	assert_int_equal(subscribers_count(s), 6);
	assert_true(find(s, "+442079460001", &one));
	assert_slice("first", "account", one.account, SLICE_LIT("A-1"));
	assert_slice("first", "tz", one.tz, SLICE_LIT("Europe/London"));
	assert_slice("first", "care", one.care, SLICE_LIT("elderly"));
	assert_int_equal(one.type, ACCOUNT_RESIDENTIAL);
	assert_int_equal(one.activated_us, instant("2024-05-01T00:00:00Z"));
	assert_true(find(s, "+442079460002", &one));
	assert_int_equal(one.activated_us, instant("2024-05-01T09:00:00Z"));
	assert_null(one.tz.p);
	assert_null(one.care.p);
	assert_true(find(s, "+442079460003", &one));
	assert_null(one.account.p);
	assert_int_equal(one.type, ACCOUNT_UNKNOWN);
	assert_int_equal(one.activated_us, INSTANT_NONE);
	/* Prefixes: the longest; the number itself before any. */
	assert_true(find(s, "+442079461001", &one));
	assert_slice("prefix", "account", one.account, SLICE_LIT("A-3"));
	assert_true(find(s, "+442079461012", &one));
	assert_slice("longer prefix", "account", one.account, SLICE_LIT("A-4"));
	assert_false(find(s, "+442079461123", &one));
	assert_true(find(s, "+442079461099", &one));
	assert_slice("number", "account", one.account, SLICE_LIT("A-1"));
	assert_false(find(s, "+442079460004", &one));
	assert_false(find(s, "999", &one));
	assert_false(subscribers_find(s, 0, &one));
	/* By account: its first row. */
	assert_true(subscribers_by_account(s, SLICE_LIT("A-1"), &one));
	assert_int_equal(one.type, ACCOUNT_RESIDENTIAL);
	assert_null(one.care.p);
	assert_false(subscribers_by_account(s, SLICE_LIT("A-9"), &one));
	assert_false(subscribers_by_account(s, SLICE_NONE, &one));
	subscribers_free(s);
	diags_fini(&d);
}

static const struct {
	const char *id, *text, *code;
	unsigned line;
	const char *part;
} subscriber_rows[] = {
	{"good", SUBSCRIBERS "+442079460001,A,pbx,2024-05-01,UTC,c\n", "", 0, ""},
	{"number alone", "number\n+442079460001\n", "", 0, ""},
	{"empty", SUBSCRIBERS, "", 0, ""},
	{"no number column", "account\nA\n", "E070", 1, "lacks column number"},
	{"no number", SUBSCRIBERS ",A,pbx,2024-05-01,UTC,c\n", "E071", 2, "no number"},
	{"bad number", SUBSCRIBERS "+999,A,pbx,2024-05-01,UTC,c\n", "E071", 2, "not a number"},
	{"bad prefix", SUBSCRIBERS "+999*,A,pbx,2024-05-01,UTC,c\n", "E071", 2, "calling code"},
	{"prefix with a letter", SUBSCRIBERS "+44x*,A,pbx,,,\n", "E071", 2, "not a prefix"},
	{"withheld", SUBSCRIBERS "unknown,A,pbx,2024-05-01,UTC,c\n", "E071", 2, "withheld"},
	{"bad type", SUBSCRIBERS "+442079460001,A,pbz,,,\n", "E071", 2, "type 'pbz'"},
	{"bad date", SUBSCRIBERS "+442079460001,A,pbx,2024-13-01,UTC,c\n", "E071", 2,
         "activated '2024-13-01'"},
	{"date beyond", SUBSCRIBERS "+442079460001,A,pbx,2150-01-01,UTC,c\n", "E071", 2,
         "activated"},
	{"twice", SUBSCRIBERS "+442079460001,A,,,,\n0207946000*,B,,,,\n020 7946 0001,C,,,,\n",
         "E072", 4, "'020 7946 0001' stands on line 2 already"},
	{"prefix twice", SUBSCRIBERS "+4420794*,A,,,,\n0207 94*,C,,,,\n", "E072", 3, "on line 2"},
};

static void test_bad_subscribers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(subscriber_rows); i++) {
		struct diags d;
		diags_init(&d);
		struct subscribers *s = load_subscribers(subscriber_rows[i].text, &d);
		check_diags(subscriber_rows[i].id, &d, subscriber_rows[i].code,
		            subscriber_rows[i].line, subscriber_rows[i].part);
		assert_int_equal(s != NULL, subscriber_rows[i].code[0] == 0);
		subscribers_free(s);
		diags_fini(&d);
	}
}

enum { MANY = 20000 };

/* Every row of a larger table is found with what it said. */
static void test_many_subscribers(void **state)
{
	static const char *const types[] = {"", "residential", "business", "pbx", "wholesale"};
	struct buf text = {0};
	struct subscriber one;
	struct diags d;

	(void)state;
	buf_text(&text, SUBSCRIBERS);
	for (unsigned i = 0; i < MANY; i++) {
		buf_printf(&text, "+4420794%05u,A-%u,%s,,,group %u\n", i, i / 3, types[i % 5],
		           i % 7);
	}
	buf_char(&text, '\0');
	diags_init(&d);
	struct subscribers *s = load_subscribers(text.p, &d);
	assert_non_null(s);
	for (unsigned i = 0; i < MANY; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "+4420794%05u", i);
		assert_true(subscribers_find(s, num(name), &one));
		assert_int_equal(one.type, i % 5);
		(void)snprintf(name, sizeof(name), "A-%u", i / 3);
		assert_slice("many", "account", one.account, slice_of(name));
		(void)snprintf(name, sizeof(name), "group %u", i % 7);
		assert_slice("many", "care", one.care, slice_of(name));
	}
	assert_false(subscribers_find(s, num("+442079499999"), &one));
	subscribers_free(s);
	buf_fini(&text);
	diags_fini(&d);
}

static struct ported *load_ported(const char *text, struct diags *d)
{
	struct normaliser norm = norm_at("GB");
	char path[64];

	write_file(path, text);
	struct ported *p = ported_load(path, &norm, d);
	(void)unlink(path);
	return p;
}

static void test_ported(void **state)
{
	struct diags d;

	(void)state;
	diags_init(&d);
	struct ported *p = load_ported("operator,number\nOne,+447400123456\nTwo,+4474*\n"
	                               "Three,07401*\n",
	                               &d);
	assert_non_null(p);
	assert_int_equal(ported_count(p), 3);
	assert_slice("number", "operator", ported_find(p, num("+447400123456")), SLICE_LIT("One"));
	assert_slice("prefix", "operator", ported_find(p, num("+447400123457")), SLICE_LIT("Two"));
	assert_slice("longer", "operator", ported_find(p, num("+447401123457")),
	             SLICE_LIT("Three"));
	assert_null(ported_find(p, num("+447500123457")).p);
	assert_null(ported_find(p, 0).p);
	ported_free(p);
	diags_fini(&d);
}

static const struct {
	const char *id, *text, *code;
	unsigned line;
	const char *part;
} ported_rows[] = {
	{"good", "number,operator\n+447400123456,One\n", "", 0, ""},
	{"no operator column", "number\n+447400123456\n", "E070", 1, "lacks column operator"},
	{"no operator", "number,operator\n+447400123456,\n", "E071", 2, "no operator"},
	{"bad number", "number,operator\n+44740,\n+4,One\n", "E071", 2, ""},
	{"twice", "number,operator\n+447400123456,One\n+447400123456,One\n", "E072", 3,
         "on line 2"},
};

static void test_bad_ported(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ported_rows); i++) {
		struct diags d;
		diags_init(&d);
		struct ported *p = load_ported(ported_rows[i].text, &d);
		if (d.first && d.first->next && strcmp(ported_rows[i].id, "bad number") == 0) {
			assert_int_equal(d.first->next->at.line, 3);
			d.first->next = NULL;
		}
		check_diags(ported_rows[i].id, &d, ported_rows[i].code, ported_rows[i].line,
		            ported_rows[i].part);
		assert_int_equal(p != NULL, ported_rows[i].code[0] == 0);
		ported_free(p);
		diags_fini(&d);
	}
}

static void test_no_files(void **state)
{
	struct normaliser norm = norm_at("GB");
	struct diags d;

	(void)state;
	diags_init(&d);
	assert_null(trunks_load("/nowhere/t.csv", &d));
	assert_null(subscribers_load("/nowhere/s.csv", &norm, &d));
	assert_null(ported_load("/nowhere/p.csv", &norm, &d));
	assert_int_equal(d.errors, 3);
	for (const struct diag *one = d.first; one; one = one->next) {
		assert_string_equal(one->code, "E070");
	}
	diags_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trunks),           cmocka_unit_test(test_bad_trunks),
		cmocka_unit_test(test_subscribers),      cmocka_unit_test(test_bad_subscribers),
		cmocka_unit_test(test_many_subscribers), cmocka_unit_test(test_ported),
		cmocka_unit_test(test_bad_ported),       cmocka_unit_test(test_no_files),
	};

	return cmocka_run_group_tests(tests, load_plan, free_plan);
}
