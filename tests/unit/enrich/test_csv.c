/* csv.h: splitting, headers, diagnostics with line and column, long files in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/err.h"
#include "enrich/csv.h"
#include "support/exact.h"
#include "unit/enrich/fixture.h"

/* want: cells of all rows between | and \n. */
static const struct {
	const char *id, *text, *want;
	const char *code;
	unsigned line, column;
} rows[] = {
	{"good", "a,b\nc,d\n", "a|b\nc|d\n", "", 0, 0},
	{"no newline at the end", "a,b\nc,d", "a|b\nc|d\n", "", 0, 0},
	{"CRLF", "a,b\r\nc,d\r\n", "a|b\nc|d\n", "", 0, 0},
	{"byte order mark",
         "\xef\xbb\xbf"
         "a,b\n",
         "a|b\n", "", 0, 0},
	{"blank lines and comments", "\n  \n# a\na,b\n\t# c\n", "a|b\n", "", 0, 0},
	{"blanks around", " a ,\t b\t\n", "a|b\n", "", 0, 0},
	{"empty cells", ",\na,,b\n", "|\na||b\n", "", 0, 0},
	{"quotes", "\"a,b\",c\n", "a,b|c\n", "", 0, 0},
	{"doubled quotes", "\"a\"\"b\"\"\",c\n", "a\"b\"|c\n", "", 0, 0},
	{"empty quotes", "\"\",\"\"\n", "|\n", "", 0, 0},
	{"blanks around quotes", " \"a\" ,b\n", "a|b\n", "", 0, 0},
	{"blanks inside quotes", "\" a \",b\n", " a |b\n", "", 0, 0},
	{"quote inside a cell", "a\"b,c\n", "a\"b|c\n", "", 0, 0},
	{"open quote", "a,b\na,\"c\nd,e\n", "a|b\nd|e\n", "E071", 2, 3},
	{"text behind a quote", "\"a\"b,c\n", "", "E071", 1, 1},
	{"columns are characters", "\xc3\xa4\xc3\xb6,\"c\n", "", "E071", 1, 4},
	{"too many cells", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\na\n", "a\n", "E071", 1, 1},
	{"as many as fit", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n",
         "1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16\n", "", 0, 0},
	{"nothing", "", "", "", 0, 0},
};

static void put_rows(struct csv *c, struct buf *out)
{
	while (csv_next(c)) {
		for (unsigned i = 0; i < c->count; i++) {
			buf_slice(out, c->cells[i]);
			buf_char(out, i + 1 < c->count ? '|' : '\n');
		}
	}
	buf_char(out, '\0');
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice exact = exact_copy(slice_of(rows[i].text));
		struct source_file file = {.path = "t.csv", .text = exact};
		struct diags d;
		struct csv c;
		struct buf out = {0};
		diags_init(&d);
		csv_use(&c, &file, &d);
		put_rows(&c, &out);
		if (strcmp(out.p, rows[i].want) != 0) {
			fail_msg("%s: '%s'", rows[i].id, out.p);
		}
		check_diags(rows[i].id, &d, rows[i].code, rows[i].line, "");
		if (d.first && d.first->at.column != rows[i].column) {
			fail_msg("%s: column %u", rows[i].id, d.first->at.column);
		}
		assert_int_equal(csv_failed(&c), rows[i].code[0] != 0);
		csv_close(&c);
		buf_fini(&out);
		diags_fini(&d);
		exact_free(exact);
	}
}

static const char *const names[] = {"number", "account", "care"};

static const struct {
	const char *id, *header, *code, *part;
} headers[] = {
	{"good", "number,account,care\n", "", ""},
	{"any order", "care,number\n", "", ""},
	{"required alone", "number\n", "", ""},
	{"not there", "account,care\n", "E070", "lacks column number"},
	{"misspelt", "number,acount\n", "E070", "unknown column 'acount'"},
	{"twice", "number,number\n", "E070", "twice"},
	{"empty file", "", "E070", "no header"},
};

static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++) {
		struct source_file file = {.path = "t.csv", .text = slice_of(headers[i].header)};
		struct diags d;
		struct csv c;
		diags_init(&d);
		csv_use(&c, &file, &d);
		bool good = csv_header(&c, names, COUNT(names), 1);
		assert_int_equal(good, headers[i].code[0] == 0);
		check_diags(headers[i].id, &d, headers[i].code, headers[i].header[0] ? 1 : 0,
		            headers[i].part);
		csv_close(&c);
		diags_fini(&d);
	}
}

static void test_cells_by_name(void **state)
{
	struct source_file file = {.path = "t.csv", .text = SLICE_LIT("care,number\nx,1\n,2\n3\n")};
	struct diags d;
	struct csv c;

	(void)state;
	diags_init(&d);
	csv_use(&c, &file, &d);
	assert_true(csv_header(&c, names, COUNT(names), 1));
	assert_true(csv_next(&c));
	assert_true(slice_eq(csv_cell(&c, 0), SLICE_LIT("1")));
	assert_null(csv_cell(&c, 1).p);
	assert_true(slice_eq(csv_cell(&c, 2), SLICE_LIT("x")));
	assert_true(csv_next(&c));
	assert_null(csv_cell(&c, 2).p);
	assert_false(csv_next(&c));
	check_diags("short row", &d, "E071", 4, "1 cells, but the header names 2");
	csv_close(&c);
	diags_fini(&d);
}

enum { LONG_ROWS = 60000 };

/* Rows cross the ends of the pieces that are read. */
static void test_long_file(void **state)
{
	char path[64];
	struct buf text = {0};
	struct diags d;
	struct csv c;
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < LONG_ROWS; i++) {
		buf_printf(&text, "%u,\"%.*s\"\n", i, (int)(i % 37),
		           "abcdefghijklmnopqrstuvwxyzabcdefghijkl");
	}
	buf_char(&text, '\0');
	write_file(path, text.p);
	diags_init(&d);
	assert_int_equal(csv_open(&c, path, &d), OK);
	for (int round = 0; round < 2; round++) {
		for (count = 0; csv_next(&c); count++) {
			assert_int_equal(strtoul(c.cells[0].p, NULL, 10), count + (unsigned)round);
			assert_int_equal(c.cells[1].len, (count + (unsigned)round) % 37);
			assert_int_equal(c.line, count + 1 + (unsigned)round);
		}
		assert_int_equal(count, LONG_ROWS - round);
		assert_true(csv_rewind(&c));
	}
	assert_false(csv_failed(&c));
	csv_close(&c);
	(void)unlink(path);
	buf_fini(&text);
	diags_fini(&d);
}

static void test_long_line(void **state)
{
	char path[64];
	struct buf text = {0};
	struct diags d;
	struct csv c;

	(void)state;
	buf_text(&text, "a,b\n");
	for (unsigned i = 0; i < 400000; i++) {
		buf_char(&text, 'x');
	}
	buf_char(&text, '\0');
	write_file(path, text.p);
	diags_init(&d);
	assert_int_equal(csv_open(&c, path, &d), OK);
	assert_true(csv_next(&c));
	assert_false(csv_next(&c));
	check_diags("long line", &d, "E071", 2, "longer than 65536 bytes");
	csv_close(&c);
	(void)unlink(path);
	buf_fini(&text);
	diags_fini(&d);
}

static void test_many_mistakes(void **state)
{
	struct buf text = {0};
	struct diags d;
	struct csv c;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		buf_text(&text, "\"\n");
	}
	struct source_file file = {.path = "t.csv", .text = buf_view(&text)};
	diags_init(&d);
	csv_use(&c, &file, &d);
	assert_false(csv_next(&c));
	assert_int_equal(d.errors, CSV_ERRORS_MAX);
	csv_close(&c);
	buf_fini(&text);
	diags_fini(&d);
}

static void test_unreadable(void **state)
{
	struct diags d;
	struct csv c;

	(void)state;
	diags_init(&d);
	assert_int_equal(csv_open(&c, "/nowhere/t.csv", &d), E_NOTFOUND);
	assert_int_equal(d.errors, 0);
	assert_int_equal(csv_open(&c, "/tmp", &d), E_IO);
	check_diags("folder", &d, "E070", 0, "cannot read the file");
	diags_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),          cmocka_unit_test(test_headers),
		cmocka_unit_test(test_cells_by_name), cmocka_unit_test(test_long_file),
		cmocka_unit_test(test_long_line),     cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, load_plan, free_plan);
}
