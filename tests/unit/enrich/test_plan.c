/* plan.h: rows of known numbers, every row of the data against the compiled plan, damaged data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "enrich/plan_table.h"
#include "unit/enrich/fixture.h"

#define T TRUTH_TRUE
#define F TRUTH_FALSE
#define U TRUTH_UNKNOWN

static const struct {
	const char *number;
	const char *country;
	enum enum_NUMTYPE type;
	uint8_t valid, assigned;
	int too;
	unsigned code;
} rows[] = {
	{"+442079460001", "GB", NUMTYPE_FIXED, T, T, 0, 44},
	{"+447400123456", "GB", NUMTYPE_MOBILE, T, T, 0, 44},
	{"+448001111111", "GB", NUMTYPE_TOLL_FREE, T, T, 0, 44},
	{"+449098790001", "GB", NUMTYPE_PREMIUM, T, T, 0, 44},
	{"+445600123456", "GB", NUMTYPE_VOIP, T, T, 0, 44},
	{"+447012345678", "GB", NUMTYPE_PERSONAL, T, T, 0, 44},
	{"+445512345678", "GB", NUMTYPE_UAN, T, T, 0, 44},
	{"+447640123456", "GB", NUMTYPE_PAGER, T, T, 0, 44},
	{"+441481720000", "GG", NUMTYPE_FIXED, T, U, 0, 44},
	{"+441534720000", "JE", NUMTYPE_FIXED, T, U, 0, 44},
	{"+441624675663", "IM", NUMTYPE_FIXED, T, T, 0, 44},
	{"+447624123456", "IM", NUMTYPE_MOBILE, T, T, 0, 44},
	{"+447911123456", "GG", NUMTYPE_MOBILE, T, U, 0, 44},
	{"+44207946000", "GB", NUMTYPE_UNKNOWN, F, F, 0, 44},
	{"+4420794600012", "GB", NUMTYPE_UNKNOWN, F, F, 1, 44},
	{"+4420794", "GB", NUMTYPE_UNKNOWN, F, F, -1, 44},
	{"+440079460001", "GB", NUMTYPE_UNKNOWN, F, F, 0, 44},
	{"+12025550123", "US", NUMTYPE_FIXED_OR_MOBILE, T, T, 0, 1},
	{"+14165550123", "CA", NUMTYPE_FIXED_OR_MOBILE, T, T, 0, 1},
	{"+12423591234", "BS", NUMTYPE_MOBILE, T, T, 0, 1},
	{"+18765230123", "JM", NUMTYPE_FIXED_OR_MOBILE, T, T, 0, 1},
	{"+18002345678", "US", NUMTYPE_TOLL_FREE, T, T, 0, 1},
	{"+19002345678", "US", NUMTYPE_PREMIUM, T, T, 0, 1},
	/* Nobody lives in area code 200; the country of an area code outlives a bad number. */
	{"+12002345678", "US", NUMTYPE_UNKNOWN, F, F, 0, 1},
	{"+14160550123", "CA", NUMTYPE_UNKNOWN, F, F, 0, 1},
	{"+74951234567", "RU", NUMTYPE_FIXED, T, T, 0, 7},
	{"+79161234567", "RU", NUMTYPE_MOBILE, T, T, 0, 7},
	{"+77011234567", "KZ", NUMTYPE_MOBILE, T, T, 0, 7},
	{"+390612345678", "IT", NUMTYPE_FIXED, T, U, 0, 39},
	{"+390669812345", "VA", NUMTYPE_FIXED, T, T, 0, 39},
	{"+393331234567", "IT", NUMTYPE_MOBILE, T, U, 0, 39},
	{"+24740001", "AC", NUMTYPE_MOBILE, T, U, 0, 247},
	{"+29051234", "SH", NUMTYPE_MOBILE, T, U, 0, 290},
	{"+2908999", "TA", NUMTYPE_FIXED, T, U, 0, 290},
	{"+919876543210", "IN", NUMTYPE_MOBILE, T, T, 0, 91},
	{"+4915112345678", "DE", NUMTYPE_MOBILE, T, T, 0, 49},
	{"+33123456789", "FR", NUMTYPE_FIXED, T, U, 0, 33},
	{"+34612345678", "ES", NUMTYPE_MOBILE, T, U, 0, 34},
	/* Networks of no country. */
	{"+870321654987", "", NUMTYPE_SATELLITE, T, U, 0, 870},
	{"+870921654987", "", NUMTYPE_SATELLITE, F, U, 0, 870},
	{"+881612345678", "", NUMTYPE_SATELLITE, T, U, 0, 881},
	{"+881712345678", "", NUMTYPE_SATELLITE, T, U, 0, 881},
	{"+881812345678", "", NUMTYPE_SATELLITE, T, U, 0, 881},
	{"+881912345678", "", NUMTYPE_SATELLITE, T, U, 0, 881},
	{"+881212345678", "", NUMTYPE_MOBILE, T, U, 0, 881},
	{"+88213300000", "", NUMTYPE_SATELLITE, T, U, 0, 882},
	{"+88219300000", "", NUMTYPE_INTL_NETWORK, F, U, 0, 882},
	{"+8821621234567", "", NUMTYPE_INTL_NETWORK, T, U, 0, 882},
	{"+883510012345", "", NUMTYPE_INTL_NETWORK, T, U, 0, 883},
	{"+878101234567890", "", NUMTYPE_INTL_NETWORK, T, U, 0, 878},
	{"+979123456789", "", NUMTYPE_INTL_NETWORK, T, U, 0, 979},
	{"+80812345678", "", NUMTYPE_INTL_NETWORK, T, U, 0, 808},
	{"+80012345678", "", NUMTYPE_TOLL_FREE, T, U, 0, 800},
	{"+999123456789", "", NUMTYPE_UNKNOWN, F, U, 0, 0},
	{"+210123456789", "", NUMTYPE_UNKNOWN, F, U, 0, 0},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct plan_entry e = plan_find(plan, num(rows[i].number), 0);
		if (e.country != country_named(rows[i].country) || e.type != rows[i].type ||
		    e.valid != rows[i].valid || e.assigned != rows[i].assigned ||
		    (int8_t)e.too != rows[i].too || e.calling_code != rows[i].code) {
			fail_msg("%s: %c%c %s valid %u assigned %u too %d code %u", rows[i].number,
			         e.country >> 8, e.country & 0xff, enum_word(ENUM_NUMTYPE, e.type),
			         e.valid, e.assigned, (int8_t)e.too, e.calling_code);
		}
	}
}

static void test_other_kinds(void **state)
{
	country gb = country_named("GB");
	struct plan_entry e = plan_find(plan, number_of_digits(NUMBER_SHORT, SLICE_LIT("999")), gb);

	(void)state;
	assert_int_equal(e.country, gb);
	assert_int_equal(e.type, NUMTYPE_SHORT);
	assert_int_equal(e.valid, U);
	const number others[] = {0, number_of_name(1),
	                         number_of_digits(NUMBER_NATIONAL, SLICE_LIT("442079460001"))};
	for (size_t i = 0; i < COUNT(others); i++) {
		e = plan_find(plan, others[i], gb);
		assert_int_equal(e.country, 0);
		assert_int_equal(e.type, NUMTYPE_UNKNOWN);
		assert_int_equal(e.valid, U);
		assert_int_equal(e.assigned, U);
		assert_int_equal(plan_country_digits(plan, others[i]), 0);
	}
	/* Numbers that no text gives. */
	const number odd[] = {number_pack(NUMBER_E164, 2, 44), number_pack(NUMBER_E164, 5, 999999),
	                      number_pack(NUMBER_E164, 15, (UINT64_C(1) << 56) - 1),
	                      number_pack(NUMBER_E164, 0, 0)};
	for (size_t i = 0; i < COUNT(odd); i++) {
		assert_int_equal(plan_find(plan, odd[i], gb).valid, F);
		(void)plan_country_digits(plan, odd[i]);
	}
}

static void test_countries(void **state)
{
	static const struct {
		const char *name;
		unsigned code;
		const char *international, *national;
		uint32_t lengths;
	} known[] = {
		{"GB", 44, "00", "0", 1 << 7 | 1 << 9 | 1 << 10},
		{"US", 1, "011", "1", 1 << 10},
		{"AU", 61, "0011", "0",
	         1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12},
		{"DK", 45, "00", "", 1 << 8},
		{"ES", 34, "00", "", 1 << 9},
		{"RU", 7, "810", "8", 1 << 10 | 1 << 14},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		const struct plan_country *c = plan_country(plan, country_named(known[i].name));
		assert_non_null(c);
		assert_int_equal(c->calling_code, known[i].code);
		assert_string_equal(c->international_prefix, known[i].international);
		assert_string_equal(c->national_prefix, known[i].national);
		assert_int_equal(c->national_lengths, known[i].lengths);
	}
	assert_null(plan_country(plan, 0));
	assert_null(plan_country(plan, country_named("XX")));
	assert_null(plan_country(plan, country_named("gb")));
	assert_null(plan_country(plan, 0xffff));
	assert_int_equal(plan_main_country(plan, 1), country_named("US"));
	assert_int_equal(plan_main_country(plan, 44), country_named("GB"));
	assert_int_equal(plan_main_country(plan, 247), country_named("AC"));
	assert_int_equal(plan_main_country(plan, 870), 0);
	assert_int_equal(plan_main_country(plan, 0), 0);
	assert_int_equal(plan_main_country(plan, 2), 0);
	assert_int_equal(plan_main_country(plan, 4420), 0);
	assert_true(strncmp(plan_version(plan), "libphonenumber-js 1.", 20) == 0);
}

static void test_calling_codes(void **state)
{
	static const struct {
		const char *digits;
		unsigned length;
		bool possible;
	} known[] = {
		{"442079460001", 2, true}, {"44207946000", 2, true},
		{"4420794600", 2, false},  {"44", 2, false},
		{"4", 0, false},           {"", 0, false},
		{"1", 1, false},           {"12025550123", 1, true},
		{"24740001", 3, true},     {"24", 0, false},
		{"999", 0, false},         {"0", 0, false},
		{"x44", 0, false},         {"4420794600012345", 2, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++) {
		struct slice digits = slice_of(known[i].digits);
		assert_int_equal(plan_calling_code_length(plan, digits), known[i].length);
		assert_int_equal(plan_length_possible(plan, digits), known[i].possible);
	}
	assert_int_equal(plan_country_digits(plan, num("+442079460001")), 2);
	assert_int_equal(plan_country_digits(plan, num("+12025550123")), 1);
	assert_int_equal(plan_country_digits(plan, num("+24740001")), 3);
	assert_int_equal(plan_country_digits(plan, num("+999123456")), 0);
}

/* One line of prefixes.tsv. */
struct line {
	char prefix[16], country[4], type[20], lengths[40];
};

static bool next_line(FILE *f, struct line *line)
{
	char text[128];

	do {
		if (!fgets(text, sizeof(text), f)) {
			return false;
		}
	} while (text[0] == '#');
	return sscanf(text, "%15s %3s %19s %39s", line->prefix, line->country, line->type,
	              line->lengths) == 4;
}

/* A number of this length that begins with the row's prefix. */
static number some_number(const char *prefix, unsigned length, unsigned *seed)
{
	char text[NUMBER_TEXT];
	size_t len = (size_t)snprintf(text, sizeof(text), "+%s", prefix);

	while (len < length + 1) {
		text[len++] = (char)('0' + rand_r(seed) % 10);
	}
	return number_of_e164((struct slice){text, len});
}

/* Rows of one length never lie inside each other, so each says what its numbers are: the whole
 * table is an oracle for the trie.
 */
static void test_every_row(void **state)
{
	FILE *f = fopen(SOURCE_DIR "/rules/numbering/prefixes.tsv", "r");
	struct line line;
	unsigned seed = 1, count = 0;

	(void)state;
	assert_non_null(f);
	while (next_line(f, &line)) {
		char *left = line.lengths;
		for (char *one = strtok_r(left, ",", &left); one && one[0] != '-';
		     one = strtok_r(NULL, ",", &left)) {
			number n =
				some_number(line.prefix, (unsigned)strtoul(one, NULL, 10), &seed);
			struct plan_entry e = plan_find(plan, n, 0);
			country want = line.country[0] == '-' ? 0 : country_named(line.country);
			if (e.valid != T || e.country != want ||
			    strcmp(enum_word(ENUM_NUMTYPE, e.type), line.type) != 0) {
				fail_msg("%s %s %s: valid %u %s", line.prefix, line.country,
				         line.type, e.valid, enum_word(ENUM_NUMTYPE, e.type));
			}
			count++;
		}
	}
	(void)fclose(f);
	assert_true(count > 60000);
}

enum { TABLE_ROWS = 100000 };

static int line_cmp(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->prefix, ((const struct line *)b)->prefix);
}

static bool has_length(const char *lengths, unsigned length)
{
	char list[48], one[8];

	(void)snprintf(list, sizeof(list), ",%s,", lengths);
	(void)snprintf(one, sizeof(one), ",%u,", length);
	return strstr(list, one) != NULL;
}

/* The slow way: the longest prefix in the sorted rows that knows the length. */
static const struct line *slow_find(const struct line *lines, size_t count, const char *digits)
{
	unsigned length = (unsigned)strlen(digits);
	struct line asked = {0};

	for (unsigned n = length; n > 0; n--) {
		memcpy(asked.prefix, digits, n);
		asked.prefix[n] = '\0';
		const struct line *found = bsearch(&asked, lines, count, sizeof(asked), line_cmp);
		while (found && found > lines && strcmp(found[-1].prefix, asked.prefix) == 0) {
			found--;
		}
		for (; found && found < lines + count && !strcmp(found->prefix, asked.prefix);
		     found++) {
			if (has_length(found->lengths, length)) {
				return found;
			}
		}
	}
	return NULL;
}

static void test_against_table(void **state)
{
	FILE *f = fopen(SOURCE_DIR "/rules/numbering/prefixes.tsv", "r");
	struct line *lines = calloc(TABLE_ROWS, sizeof(*lines));
	char text[NUMBER_TEXT];
	size_t count = 0, valid = 0;
	unsigned seed = 3;

	(void)state;
	assert_non_null(f);
	assert_non_null(lines);
	while (count < TABLE_ROWS && next_line(f, &lines[count])) {
		count++;
	}
	(void)fclose(f);
	qsort(lines, count, sizeof(*lines), line_cmp);
	for (unsigned i = 0; i < 100000; i++) {
		const char *begin = lines[(unsigned)rand_r(&seed) % count].prefix;
		size_t kept = strlen(begin) - (size_t)rand_r(&seed) % 3;
		size_t len = 5 + (size_t)rand_r(&seed) % 11;
		(void)snprintf(text, sizeof(text), "+%.*s", (int)kept, begin);
		for (size_t k = strlen(text); k <= len; k++) {
			text[k] = (char)('0' + rand_r(&seed) % 10);
		}
		text[len + 1] = '\0';
		const struct line *want = slow_find(lines, count, text + 1);
		struct plan_entry e = plan_find(plan, num(text), 0);
		valid += e.valid == T;
		if ((e.valid == T) != (want != NULL) ||
		    (want && strcmp(enum_word(ENUM_NUMTYPE, e.type), want->type) != 0)) {
			fail_msg("%s: valid %u, not %s", text, e.valid, want ? want->type : "-");
		}
	}
	free(lines);
	assert_true(valid > 5000 && valid < 95000);
}

/* A folder with the shipped data but one file. */
static const struct {
	const char *id, *file, *text, *code;
	unsigned line;
	const char *part;
} damaged[] = {
	{"good", "codes.tsv", "44\tGB\t9,11,12\n", "", 0, ""},
	{"no such country", "codes.tsv", "44\tXX\t9,11,12\n", "E071", 1, "unknown country 'XX'"},
	{"letters", "codes.tsv", "4x\tGB\t9,11,12\n", "E071", 1, "calling code"},
	{"length 16", "codes.tsv", "44\tGB\t9,16\n", "E071", 1, "'16'"},
	{"cells", "codes.tsv", "# code\n44\tGB\n", "E071", 2, "2 cells"},
	{"good prefix", "prefixes.tsv", "4420\tGB\tfixed\t12\n", "", 0, ""},
	{"bad type", "prefixes.tsv", "4420\tGB\tfixt\t12\n", "E071", 1, "unknown type 'fixt'"},
	{"no type", "prefixes.tsv", "4420\tGB\t-\t12\n", "E071", 1, "unknown type"},
	{"long prefix", "prefixes.tsv", "4420794600012345\tGB\tfixed\t12\n", "E071", 1,
         "not a prefix"},
	{"no prefix", "prefixes.tsv", "-\tGB\tfixed\t12\n", "E071", 1, "not a prefix"},
	{"good country", "countries.tsv", "GB\t44\t00\t0\t7,9,10\tyes\n", "E071", 2,
         "unknown country"},
	{"bad country", "countries.tsv", "gb\t44\t00\t0\t7,9,10\tyes\n", "E071", 1,
         "not a country"},
	{"bad prefix", "countries.tsv", "GB\t44\t0x\t0\t7,9,10\tyes\n", "E071", 1,
         "'0x' is no prefix"},
};

static void link_file(const char *folder, const char *name)
{
	char from[256], to[256];

	(void)snprintf(from, sizeof(from), SOURCE_DIR "/rules/numbering/%s", name);
	(void)snprintf(to, sizeof(to), "%s/%s", folder, name);
	assert_int_equal(symlink(from, to), 0);
}

static void test_damaged(void **state)
{
	static const char *const files[] = {"VERSION", "countries.tsv", "codes.tsv",
	                                    "prefixes.tsv"};

	(void)state;
	for (size_t i = 0; i < COUNT(damaged); i++) {
		char folder[] = "/tmp/ringfence-plan-XXXXXX", path[256];
		struct diags d;
		assert_non_null(mkdtemp(folder));
		for (size_t k = 0; k < COUNT(files); k++) {
			if (strcmp(files[k], damaged[i].file) != 0) {
				link_file(folder, files[k]);
			}
		}
		(void)snprintf(path, sizeof(path), "%s/%s", folder, damaged[i].file);
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		(void)fputs(damaged[i].text, f);
		(void)fclose(f);
		diags_init(&d);
		struct plan *p = plan_load(folder, &d);
		if (!damaged[i].code[0] != (p != NULL)) {
			fail_msg("%s: loaded %d", damaged[i].id, p != NULL);
		}
		plan_free(p);
		if (damaged[i].code[0] && d.first) {
			d.first->next = NULL; /* one bad country makes many */
		}
		check_diags(damaged[i].id, &d, damaged[i].code, damaged[i].line, damaged[i].part);
		diags_fini(&d);
		for (size_t k = 0; k < COUNT(files); k++) {
			(void)snprintf(path, sizeof(path), "%s/%s", folder, files[k]);
			(void)unlink(path);
		}
		(void)rmdir(folder);
	}
}

static void test_no_folder(void **state)
{
	struct diags d;

	(void)state;
	diags_init(&d);
	assert_null(plan_load("/nowhere", &d));
	check_diags("no folder", &d, "E070", 0, "no such file");
	diags_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),      cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_countries), cmocka_unit_test(test_calling_codes),
		cmocka_unit_test(test_every_row), cmocka_unit_test(test_against_table),
		cmocka_unit_test(test_damaged),   cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, load_plan, free_plan);
}
