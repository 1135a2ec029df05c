/* What is recognised, how rows are told apart, and that each quick way finds what its plain one
 * finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/instant.h"
#include "decode/cdr.h"
#include "decode/cdr_rows.h"
#include "support/exact.h"

#define HEAD  "call_id,start_time,answer_time,end_time,caller,callee\n"
#define TIMES "2026-03-02T12:03:00Z,2026-03-02T12:03:04Z,2026-03-02T12:03:15Z"

static struct hash_key key;
static struct cdr_reader reader;

static int set_up(void **state)
{
	(void)state;
	hash_key_default(&key);
	return 0;
}

/* The first record of text. */
static enum reason read_first(struct slice text)
{
	struct cdr_options options = {.form = CDR_CSV, .key = &key};
	struct cdr_begin begin;
	struct cdr_row row;
	struct event e;
	const char *why;

	assert_int_equal(cdr_reader_init(&reader, &options, text, &begin, &why), OK);
	cdr_row_next(&reader, slice_skip(text, begin.offset), &row);
	return cdr_row_event(&reader, &row, &e);
}

struct recognise_row {
	const char *text;
	enum cdr_form form;
};

static void recognise(void **state)
{
	static const struct recognise_row rows[] = {
		{"end_time,caller,callee\n", CDR_CSV},
		{"end_time,caller,callee", CDR_CSV},
		{"\xef\xbb\xbf\"callee\",x,END_TIME,Caller\r\nq", CDR_CSV},
		{"end_time,caller\n", CDR_NONE},
		{"end_time;caller;callee\n", CDR_NONE},
		{"c1,2026-03-02T12:03:00Z,,2026-03-02T12:03:15Z,1,2\n", CDR_NONE},
		{"\"end_time,caller,callee\n", CDR_NONE},
		{"", CDR_NONE},
		{"\n", CDR_NONE},
		{"{\"end_time\":1", CDR_JSON},
		{"\xef\xbb\xbf\r\n \t{ \"a", CDR_JSON},
		{"{}", CDR_JSON},
		{"{", CDR_JSON},
		{"{a", CDR_NONE},
		{"[{\"end_time\":1}]", CDR_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice copy = exact_copy(slice_of(rows[i].text));
		if (cdr_recognise(copy) != rows[i].form) {
			fail_msg("row %zu: %s", i, rows[i].text);
		}
		exact_free(copy);
	}
}

struct init_row {
	const char *id;
	const char *text;
	const char *format;
	int err;
	uint64_t unknown;
	size_t offset;
};

static void formats(void **state)
{
	static const struct init_row rows[] = {
		{"known", "end_time,caller,callee\n", NULL, OK, 0, 23},
		{"known, unknown columns", "x,end_time,y,caller,callee\n", NULL, OK, 2, 27},
		{"known, format too", "end_time,caller,callee\n", "generic", OK, 0, 23},
		{"no header", "c1,a,b\n", NULL, E_UNSUPPORTED, 0, 0},
		{"no header, format", "c1,a,b\n", "generic", OK, 0, 0},
		{"other format", "end_time,caller,callee\n", "asterisk", E_UNSUPPORTED, 0, 0},
		{"twice", "end_time,caller,callee,caller\n", NULL, E_MALFORMED, 0, 0},
		{"unknown twice", "end_time,caller,callee,x,x\n", NULL, OK, 2, 27},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cdr_options options = {
			.form = CDR_CSV, .format = rows[i].format, .key = &key};
		struct cdr_begin begin;
		const char *why = NULL;
		int err = cdr_reader_init(&reader, &options, slice_of(rows[i].text), &begin, &why);
		if (err != rows[i].err || (err && !why) ||
		    (!err &&
		     (reader.unknown != rows[i].unknown || begin.offset != rows[i].offset))) {
			fail_msg("%s: %d", rows[i].id, err);
		}
	}
}

/* A refused row costs itself: the good one behind it is still read. */
static void one_broken_quote_costs_one_row(void **state)
{
	static const char text[] = HEAD "c1,\"" TIMES ",+441,+442\n"
					"c2," TIMES ",+441,+442\n"
					"c\"3," TIMES ",+441,+442\n"
					"\"c\n4\"," TIMES ",+441,+442\n";
	struct slice copy = exact_copy((struct slice){text, sizeof(text) - 1});
	struct cdr_options options = {.form = CDR_CSV, .key = &key};
	struct cdr_begin at;
	struct cdr_row row;
	struct event e;
	const char *why;
	static const enum reason expect[] = {REASON_CDR_QUOTE, REASON_NONE, REASON_CDR_QUOTE,
	                                     REASON_NONE};
	static const uint64_t lines[] = {2, 3, 4, 5};

	(void)state;
	assert_int_equal(cdr_reader_init(&reader, &options, copy, &at, &why), OK);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(at.line, lines[i]);
		cdr_row_next(&reader, slice_skip(copy, at.offset), &row);
		assert_int_equal(cdr_row_event(&reader, &row, &e), expect[i]);
		at.offset += row.size;
		at.line += row.lines;
	}
	assert_int_equal(at.offset, copy.len);
	assert_int_equal(at.line, 7);
	exact_free(copy);
}

/* 64 KiB without the LF are a row, a byte more is none. */
static void length_bound(void **state)
{
	static const char head[] = "end_time,caller,callee,x\n1772452995,1,2,";
	static const enum reason expect[] = {REASON_NONE, REASON_CDR_TOO_LONG};
	size_t row_begin = strcspn(head, "\n") + 1;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		for (size_t ended = 0; ended < 2; ended++) {
			size_t len = row_begin + CDR_ROW_MAX + over;
			char *text = malloc(len + ended);

			assert_non_null(text);
			memset(text, 'x', len + ended);
			memcpy(text, head, sizeof(head) - 1);
			text[len + ended - 1] = ended ? '\n' : 'x';
			struct slice s = {text, len + ended};
			assert_int_equal(read_first(s), expect[over]);
			free(text);
		}
	}
}

static void quoted_length_bound(void **state)
{
	static const char head[] = "end_time,caller,callee,x\n1772452995,1,2,\"";
	size_t len = sizeof(head) - 1 + 2 * CDR_ROW_MAX;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	memcpy(text, head, sizeof(head) - 1);
	text[len - 2] = '"';
	text[len - 1] = '\n';
	assert_int_equal(read_first((struct slice){text, len}), REASON_CDR_TOO_LONG);
	text[sizeof(head) + 10] = '\n';
	assert_int_equal(read_first((struct slice){text, len}), REASON_CDR_QUOTE);
	free(text);
}

/* Times of the date that was read before take a short way: it must find what instant_parse finds.
 */
static void short_way_of_times(void **state)
{
	static const char *const seeds[] = {
		"2026-03-02T12:03:15Z", "2026-03-02T12:03:15.123Z", "2026-03-02T23:59:59.123456Z",
		"2026-03-02T00:00:00",  "2026-03-02 12:03:15Z",     "2026-03-02T12:03:60Z",
		"2026-03-02T12:03:61Z", "2026-03-02T12:03:15.Z",
	};
	static const char alphabet[] = "0123456789:.ZT-+ 6";
	uint64_t seed = 31;

	(void)state;
	for (int round = 0; round < 40000; round++) {
		char text[128] = "end_time,start_time,caller,callee\n2026-03-02T12:03:15.5Z,";
		size_t head = strlen(text);
		strcat(text, seeds[round % 8]);
		size_t len = strlen(text) - head;
		seed = seed * 6364136223846793005U + 1442695040888963407U;
		if (round >= 8) {
			text[head + (seed >> 33) % len] =
				alphabet[(seed >> 50) % (sizeof(alphabet) - 1)];
		}
		struct slice start = slice_trim((struct slice){text + head, len});
		int64_t expect = 0, end_us = 0, start_us = 0;
		int err = instant_parse(start, NULL, &expect);
		strcat(text, ",1,2");
		struct slice copy = exact_copy(slice_of(text));
		struct cdr_options options = {.form = CDR_CSV, .key = &key};
		struct cdr_begin begin;
		struct cdr_row row;
		const char *why;
		assert_int_equal(cdr_reader_init(&reader, &options, copy, &begin, &why), OK);
		cdr_row_next(&reader, slice_skip(copy, begin.offset), &row);
		enum reason refused = cdr_row_times(&reader, &row, &start_us, &end_us);
		if ((refused == REASON_NONE) != (err == OK) || (err == OK && start_us != expect)) {
			fail_msg("%s: %lld, not %lld", text, (long long)start_us,
			         (long long)expect);
		}
		exact_free(copy);
	}
}

/* The fast splitter against the plain one over random rows of the bytes that matter. */
static void fast_equals_plain(void **state)
{
	static const char alphabet[] = ",,,,\"\"\n\rab\0c";
	static const char calm[] = ",abcdefghijklmnopqrstuvwxyz0123456789";
	uint64_t seed = 20260302;

	(void)state;
	for (int round = 0; round < 60000; round++) {
		char text[400];
		size_t len = 0;
		seed = seed * 6364136223846793005U + 1442695040888963407U;
		size_t want = (seed >> 33) % sizeof(text);
		bool wild = round % 3 == 0;
		while (len < want) {
			seed = seed * 6364136223846793005U + 1442695040888963407U;
			size_t pick = seed >> 33;
			text[len++] = wild || pick % 41 == 0
			                      ? alphabet[pick / 41 % (sizeof(alphabet) - 1)]
			                      : calm[pick / 41 % (sizeof(calm) - 1)];
		}
		struct slice copy = exact_copy((struct slice){text, len});
		for (struct slice rest = copy; rest.len > 0;) {
			struct cdr_row fast, plain;
			cdr_csv_split(rest, &fast);
			cdr_csv_split_plain(rest, &plain);
			assert_int_equal(fast.refused, plain.refused);
			assert_int_equal(fast.size, plain.size);
			assert_int_equal(fast.text.len, plain.text.len);
			assert_int_equal(fast.lines, plain.lines);
			if (plain.refused == REASON_NONE) {
				assert_int_equal(fast.cell_count, plain.cell_count);
				assert_int_equal(fast.quotes, plain.quotes);
				assert_int_equal(fast.doubled, plain.doubled);
				assert_memory_equal(fast.cell_end, plain.cell_end,
				                    plain.cell_count * sizeof(uint32_t));
			}
			rest = slice_skip(rest, plain.size);
		}
		exact_free(copy);
	}
}

/* The short way through a JSON line against core/json, over lines of random pieces. */
static void short_json_equals_plain(void **state)
{
	static const char *const pieces[] = {
		"{",
		"}",
		"\"call_id\":",
		"\"caller\": ",
		"\"CALLEE\":",
		"\"x\":",
		",",
		", ",
		"\"a\"",
		"\"0123456789abcdefghijklmnop\"",
		"\"0123456789abcdef\"",
		"12",
		"-0",
		"007",
		"1.5",
		"1.",
		"2e5",
		"null",
		"true",
		"[1]",
		"{\"a\":1}",
		"\"\\u0041\"",
		"\"\xc3\xa9\"",
		"\"\t\"",
		" ",
		"\"end_time\":1",
		"\"sip_code\":\"200\"",
		"nullx",
		"\"call_id_:",
		"\"",
		"0.",
		"\"\\q\"",
	};
	static const char shape[] = "{kvckvckvckv}";
	enum { PIECES = sizeof(pieces) / sizeof(pieces[0]) };
	static struct cdr_reader other;
	struct cdr_options options = {.form = CDR_JSON, .key = &key};
	struct cdr_begin begin;
	const char *why;
	uint64_t seed = 77;
	unsigned good = 0;

	(void)state;
	assert_int_equal(cdr_reader_init(&reader, &options, SLICE_LIT("{"), &begin, &why), OK);
	assert_int_equal(cdr_reader_init(&other, &options, SLICE_LIT("{"), &begin, &why), OK);
	for (int round = 0; round < 40000; round++) {
		char text[600] = "";
		for (const char *at = shape; *at; at++) {
			seed = seed * 6364136223846793005U + 1442695040888963407U;
			size_t any = (seed >> 33) % PIECES;
			size_t pick = *at == '{'   ? 0
			              : *at == '}' ? 1
			              : *at == 'c' ? 6 + any % 2
			              : *at == 'k' ? 2 + any % 4
			                           : 8 + any % 10;
			strcat(text, pieces[(seed >> 50) % 12 ? pick : any]);
		}
		struct slice copy = exact_copy(slice_of(text));
		struct cdr_row row;
		struct cdr_cells fast, plain;
		cdr_json_split(copy, &row);
		reader.scratch_used = 0;
		other.scratch_used = 0;
		reader.unknown = 0;
		other.unknown = 0;
		enum reason refused = cdr_json_cells(&reader, &row, &fast);
		assert_int_equal(refused, cdr_json_cells_plain(&other, &row, &plain));
		for (unsigned i = 0; refused == REASON_NONE && i < CDR_COLUMN_COUNT; i++) {
			if (!slice_eq(fast.of[i], plain.of[i]) || !fast.of[i].p != !plain.of[i].p) {
				fail_msg("%s: column %u", text, i);
			}
		}
		if (refused == REASON_NONE) {
			assert_int_equal(reader.unknown, other.unknown);
			good++;
		}
		exact_free(copy);
	}
	assert_in_range(good, 1000, 39000);
}

static void cell_bound(void **state)
{
	char text[2 * CDR_CELLS_MAX + 64];
	struct cdr_row fast, plain;

	(void)state;
	for (unsigned cells = CDR_CELLS_MAX - 1; cells <= CDR_CELLS_MAX + 1; cells++) {
		memset(text, ',', sizeof(text));
		memset(text + cells - 1, 'x', sizeof(text) - cells + 1);
		text[sizeof(text) - 40] = '\n';
		struct slice s = {text, sizeof(text)};
		cdr_csv_split(s, &fast);
		cdr_csv_split_plain(s, &plain);
		enum reason expect = cells > CDR_CELLS_MAX ? REASON_CDR_COLUMNS : REASON_NONE;
		assert_int_equal(plain.refused, expect);
		assert_int_equal(fast.refused, expect);
		assert_int_equal(plain.cell_count, cells);
		assert_int_equal(fast.cell_count, cells);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recognise),
		cmocka_unit_test(formats),
		cmocka_unit_test(one_broken_quote_costs_one_row),
		cmocka_unit_test(length_bound),
		cmocka_unit_test(quoted_length_bound),
		cmocka_unit_test(short_way_of_times),
		cmocka_unit_test(fast_equals_plain),
		cmocka_unit_test(short_json_equals_plain),
		cmocka_unit_test(cell_bound),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
