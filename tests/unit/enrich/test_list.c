/* Lists: every type, headers and columns, what is refused, versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/err.h"
#include "enrich/tables.h"
#include "support/assert_slice.h"
#include "unit/enrich/fixture.h"

static const struct slice two_columns[] = {{"value", 5}, {"bank", 4}};

static struct list *load(const char *text, const struct list_options *options, struct diags *d)
{
	struct normaliser norm = norm_at("GB");
	char path[64];

	write_file(path, text);
	struct list *list = list_load(path, options, &norm, d);
	(void)unlink(path);
	return list;
}

/* What is asked for, written as in a rule; the row or -1. */
static int64_t ask(const struct list *list, const char *text)
{
	struct list_key key_of = {0};

	key_of.num = num(text);
	(void)ip_parse(slice_of(text), &key_of.ip);
	key_of.text = slice_of(text);
	key_of.country = country_named(text);
	return list->find(list, &key_of);
}

static const struct {
	const char *id;
	enum list_type type;
	const char *text, *hits, *misses; /* blank-separated */
} types[] = {
	{"num", LIST_NUM, "# banks\n+442079460001\n020 7946 0002\n\n0044 20 7946 0003\n",
         "+442079460001 +442079460002 +442079460003", "+442079460004 +44207946000 alice"},
	{"prefix", LIST_PREFIX, "+247\n88213*\n00252 90\n0909*\n",
         "+24740001 +88213123456 +25290123456 +449091234567", "+24640001 +4490812345 +8821412345"},
	{"ip", LIST_IP, "10.0.0.1\n2001:db8::1\n::ffff:10.0.0.2\n",
         "10.0.0.1 10.0.0.2 2001:db8:0::1 ::ffff:10.0.0.1", "10.0.0.3 2001:db8::2 x"},
	{"cidr", LIST_CIDR, "10.0.0.0/8\n10.1.0.0/16\n2001:db8::/32\n192.0.2.1\n",
         "10.0.0.1 10.1.2.3 2001:db8::1 192.0.2.1", "11.0.0.1 2001:db9::1 192.0.2.2"},
	{"text", LIST_TEXT, "friendly-scanner\n\"pplsip, 1\"\nsipvicious\n",
         "friendly-scanner sipvicious", "Friendly-Scanner friendly"},
	{"country", LIST_COUNTRY, "GB\nIM\n", "GB IM", "US gb"},
};

static void check_all(const char *id, const struct list *list, const char *texts, bool hit)
{
	char kept[256], *left = NULL;

	(void)snprintf(kept, sizeof(kept), "%s", texts);
	for (char *one = strtok_r(kept, " ", &left); one; one = strtok_r(NULL, " ", &left)) {
		if ((ask(list, one) >= 0) != hit) {
			fail_msg("%s: %s is %s", id, one, hit ? "missed" : "found");
		}
	}
}

static void test_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		struct list_options options = {.type = types[i].type, .name = SLICE_LIT("a")};
		struct list_key nothing = {0};
		struct diags d;
		diags_init(&d);
		struct list *list = load(types[i].text, &options, &d);
		check_diags(types[i].id, &d, "", 0, "");
		assert_non_null(list);
		assert_int_equal(list->type, types[i].type);
		assert_slice(types[i].id, "name", list->name, SLICE_LIT("a"));
		check_all(types[i].id, list, types[i].hits, true);
		check_all(types[i].id, list, types[i].misses, false);
		assert_int_equal(list->find(list, &nothing), -1);
		list_free(list);
		diags_fini(&d);
	}
}

static void test_longest_match(void **state)
{
	struct list_options options = {.type = LIST_PREFIX, .name = SLICE_LIT("a")};
	struct diags d;

	(void)state;
	diags_init(&d);
	struct list *list = load("+44\n+4420\n+44207946\n", &options, &d);
	assert_non_null(list);
	assert_int_equal(ask(list, "+442079460001"), 2);
	assert_int_equal(ask(list, "+442012345678"), 1);
	assert_int_equal(ask(list, "+447012345678"), 0);
	list_free(list);
	options.type = LIST_CIDR;
	list = load("10.0.0.0/8\n10.1.0.0/16\n0.0.0.0/0\n", &options, &d);
	assert_non_null(list);
	assert_int_equal(ask(list, "10.1.2.3"), 1);
	assert_int_equal(ask(list, "10.2.2.3"), 0);
	assert_int_equal(ask(list, "11.2.2.3"), 2);
	list_free(list);
	diags_fini(&d);
}

static void test_columns(void **state)
{
	struct list_options options = {LIST_NUM, SLICE_LIT("banks"), two_columns, 2, 0};
	struct diags d;

	(void)state;
	diags_init(&d);
	struct list *list = load("value,since,bank\n+442079460001,2020,\"One, Ltd\"\n"
	                         "+442079460002,2021,\n",
	                         &options, &d);
	check_diags("columns", &d, "", 0, "");
	assert_non_null(list);
	assert_slice("0", "value", list->attribute(list, 0, 0), SLICE_LIT("+442079460001"));
	assert_slice("0", "bank", list->attribute(list, 0, 1), SLICE_LIT("One, Ltd"));
	assert_null(list->attribute(list, 1, 1).p);
	assert_null(list->attribute(list, 0, 2).p);
	assert_null(list->attribute(list, 2, 0).p);
	assert_null(list->attribute(list, -1, 0).p);
	list_free(list);
	/* Values alone have no attributes. */
	list = load("+442079460001\n", &options, &d);
	assert_non_null(list);
	assert_int_equal(ask(list, "+442079460001"), 0);
	assert_null(list->attribute(list, 0, 1).p);
	list_free(list);
	/* Without declared columns the header decides. */
	options.columns = NULL;
	options.column_count = 0;
	list = load("number,bank\n+442079460001,One\n", &options, &d);
	assert_non_null(list);
	assert_int_equal(list->count, 1);
	assert_slice("0", "bank", list->attribute(list, 0, 1), SLICE_LIT("One"));
	list_free(list);
	list = load("value\n+442079460001\n", &options, &d);
	assert_non_null(list);
	assert_int_equal(list->count, 1);
	list_free(list);
	diags_fini(&d);
}

static const struct {
	const char *id;
	enum list_type type;
	bool columns;
	const char *text, *code;
	unsigned line;
	const char *part;
	size_t count;
} files[] = {
	{"good", LIST_NUM, true, "value,bank\n+442079460001,One\n", "", 0, "", 1},
	{"empty", LIST_NUM, true, "", "", 0, "", 0},
	{"comments alone", LIST_NUM, true, "# nothing yet\n\n", "", 0, "", 0},
	{"header alone", LIST_NUM, true, "value,bank\n", "", 0, "", 0},
	{"other order", LIST_NUM, true, "value,x,bank\n+442079460001,1,One\n", "", 0, "", 1},
	{"lacking column", LIST_NUM, true, "value,bnak\n+442079460001,One\n", "E070", 1,
         "lacks column bank", 0},
	{"no header", LIST_NUM, true, "+442079460001,One\n", "E070", 1, "no header", 0},
	{"bad number", LIST_NUM, true, "value,bank\n+999,One\n", "E071", 2, "'+999': not a number",
         0},
	{"withheld", LIST_NUM, true, "value,bank\nanonymous,One\n", "E071", 2, "withheld", 0},
	{"cells", LIST_NUM, true, "value,bank\n+442079460001\n", "E071", 2, "1 cells", 0},
	{"the same again", LIST_NUM, true, "value,bank\n+442079460001,One\n020 7946 0001,One\n", "",
         0, "", 1},
	{"something else again", LIST_NUM, true,
         "value,bank\n+442079460001,One\n020 7946 0001,Two\n", "E072", 3, "line 2", 0},
	{"bad prefix", LIST_PREFIX, false, "+44\n+999\n", "E071", 2, "calling code", 0},
	{"empty prefix", LIST_PREFIX, false, "+44\n*\n", "E071", 2, "", 0},
	{"prefix 0", LIST_PREFIX, false, "+44\n+0\n", "E071", 2, "calling code", 0},
	{"bad address", LIST_IP, false, "10.0.0.1\n10.0.0\n", "E071", 2, "not an address", 0},
	{"block for address", LIST_IP, false, "10.0.0.0/8\n", "E071", 1, "not an address", 0},
	{"bad block", LIST_CIDR, false, "10.0.0.1/8\n", "E071", 1, "bits behind", 0},
	{"bad country", LIST_COUNTRY, false, "GBR\n", "E071", 1, "capital letters", 0},
	{"max", LIST_TEXT, false, "a\nb\nc\nd\n", "E073", 4, "more than 3", 0},
	{"max, one of them twice", LIST_TEXT, false, "a\nb\nc\nb\n", "", 0, "", 3},
};

static void test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct list_options options = {
			.type = files[i].type,
			.name = SLICE_LIT("a"),
			.columns = files[i].columns ? two_columns : NULL,
			.column_count = files[i].columns ? 2 : 0,
			.max = files[i].type == LIST_TEXT ? 3 : 0,
		};
		struct diags d;
		diags_init(&d);
		struct list *list = load(files[i].text, &options, &d);
		check_diags(files[i].id, &d, files[i].code, files[i].line, files[i].part);
		assert_int_equal(list != NULL, files[i].code[0] == 0);
		assert_int_equal(list ? list->count : 0, files[i].count);
		list_free(list);
		diags_fini(&d);
	}
}

static void test_missing_file(void **state)
{
	struct list_options options = {.type = LIST_NUM, .name = SLICE_LIT("dno")};
	struct normaliser norm = norm_at("GB");
	struct diags d;

	(void)state;
	diags_init(&d);
	struct list *list = list_load("/nowhere/dno.txt", &options, &norm, &d);
	check_diags("missing", &d, "W160", 0, "list @dno is empty");
	assert_int_equal(d.errors, 0);
	assert_non_null(list);
	assert_int_equal(list->count, 0);
	assert_int_equal(ask(list, "+442079460001"), -1);
	list_free(list);
	diags_fini(&d);
}

static void test_inline(void **state)
{
	const struct slice values[] = {SLICE_LIT("+247"), SLICE_LIT("+88213"), SLICE_LIT("+999")};
	struct list_options options = {.type = LIST_PREFIX, .name = SLICE_LIT("high_cost")};
	struct normaliser norm = norm_at("GB");
	struct source_file file = {.path = "lists.yaml", .text = SLICE_LIT("…")};
	const struct place places[] = {{&file, 4, 10}, {&file, 4, 20}, {&file, 4, 30}};
	struct diags d;

	(void)state;
	diags_init(&d);
	struct list *list = list_inline(values, places, 2, &options, &norm, &d);
	assert_non_null(list);
	assert_int_equal(ask(list, "+24740001"), 0);
	assert_int_equal(ask(list, "+88213123456"), 1);
	list_free(list);
	assert_null(list_inline(values, places, 3, &options, &norm, &d));
	check_diags("inline", &d, "E071", 4, "'+999'");
	assert_int_equal(d.first->at.column, 30);
	diags_fini(&d);
}

static void version_of(const char *text, enum list_type type, bool columns, char out[80])
{
	struct list_options options = {
		.type = type,
		.name = SLICE_LIT("a"),
		.columns = columns ? two_columns : NULL,
		.column_count = columns ? 2 : 0,
	};
	struct diags d;

	diags_init(&d);
	struct list *list = load(text, &options, &d);
	assert_non_null(list);
	(void)snprintf(out, 80, "%.*s", SLICE_FMT(list->version));
	list_free(list);
	diags_fini(&d);
}

/* Two texts: is it the same list? */
static const struct {
	const char *id, *a, *b;
	enum list_type type;
	bool columns, same;
} versions[] = {
	{"order", "+442079460001\n+442079460002\n", "+442079460002\n+442079460001\n", LIST_NUM,
         false, true},
	{"spelling", "+442079460001\n", "# a comment\n 020 7946 0001\n", LIST_NUM, false, true},
	{"repetition", "+442079460001\n", "+442079460001\n+442079460001\n", LIST_NUM, false, true},
	{"another number", "+442079460001\n", "+442079460002\n", LIST_NUM, false, false},
	{"one more", "+442079460001\n", "+442079460001\n+442079460002\n", LIST_NUM, false, false},
	{"names", "alice\n", "bob\n", LIST_NUM, false, false},
	{"columns", "value,bank\n+442079460001,One\n", "value,x,bank\n+442079460001,,One\n",
         LIST_NUM, true, true},
	{"another column", "value,bank\n+442079460001,One\n", "value,bank\n+442079460001,Two\n",
         LIST_NUM, true, false},
	{"prefixes", "+247\n", "247*\n", LIST_PREFIX, false, true},
	{"blocks", "::ffff:10.0.0.0/104\n", "10.0.0.0/8\n", LIST_CIDR, false, true},
	{"other block", "10.0.0.0/9\n", "10.0.0.0/8\n", LIST_CIDR, false, false},
	{"addresses", "2001:DB8::1\n", "2001:db8:0::1\n", LIST_IP, false, true},
	{"texts", "a\nb\n", "ab\n", LIST_TEXT, false, false},
	{"empty", "", "# nothing\n", LIST_TEXT, false, true},
};

static void test_versions(void **state)
{
	char a[80], b[80];

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		version_of(versions[i].a, versions[i].type, versions[i].columns, a);
		version_of(versions[i].b, versions[i].type, versions[i].columns, b);
		assert_int_equal(strlen(a), 3 + 64);
		assert_memory_equal(a, "b2:", 3);
		if ((strcmp(a, b) == 0) != versions[i].same) {
			fail_msg("%s: %s %s", versions[i].id, a, b);
		}
	}
	/* A version does not depend on the key. */
	struct hash_key kept = key;
	static const uint8_t another[HASH_KEY_SIZE] = "another";
	version_of("alice\n+442079460001\n", LIST_NUM, false, a);
	hash_key_init(&key, another);
	version_of("alice\n+442079460001\n", LIST_NUM, false, b);
	key = kept;
	assert_string_equal(a, b);
}

enum { MANY = 20000 };

static void test_many(void **state)
{
	struct list_options options = {.type = LIST_NUM, .name = SLICE_LIT("a")};
	struct buf text = {0};
	struct diags d;
	char one[NUMBER_TEXT];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		buf_printf(&text, "+4420794%05u\n", 2 * i);
	}
	buf_char(&text, '\0');
	diags_init(&d);
	struct list *list = load(text.p, &options, &d);
	assert_non_null(list);
	for (unsigned i = 0; i < 2 * MANY; i++) {
		(void)snprintf(one, sizeof(one), "+4420794%05u", i);
		assert_int_equal(ask(list, one), i % 2 ? -1 : (int64_t)i / 2);
	}
	list_free(list);
	buf_fini(&text);
	diags_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),        cmocka_unit_test(test_longest_match),
		cmocka_unit_test(test_columns),      cmocka_unit_test(test_files),
		cmocka_unit_test(test_missing_file), cmocka_unit_test(test_inline),
		cmocka_unit_test(test_versions),     cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, load_plan, free_plan);
}
