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
#include "core/instant.h"
#include "decode/cdr.h"
#include "model/enums.h"
#include "support/exact.h"

#define T0 INT64_C(1772452980) /* 2026-03-02T12:03:00Z in seconds */

static struct hash_key key;
static struct cdr_reader reader;

static int set_up(void **state)
{
	(void)state;
	hash_key_default(&key);
	return 0;
}

static size_t put_us(char *out, size_t room, const char *name, int64_t us)
{
	if (us == INSTANT_NONE) {
		return (size_t)snprintf(out, room, " %s=-", name);
	}
	return (size_t)snprintf(out, room, " %s=%.3f", name, (double)us / 1e6);
}

/* What the tables below compare: times relative to T0. */
static void dump(const struct event *e, char *out, size_t room)
{
	size_t n = (size_t)snprintf(out, room, "%.*s %.*s>%.*s", SLICE_FMT(e->call_id),
	                            SLICE_FMT(e->caller.text), SLICE_FMT(e->callee.text));
	int64_t base = T0 * US_PER_S;

	n += put_us(out + n, room - n, "end", e->time_us - base);
	n += put_us(out + n, room - n, "start",
	            e->start_us == INSTANT_NONE ? INSTANT_NONE : e->start_us - base);
	n += put_us(out + n, room - n, "answer",
	            e->answer_us == INSTANT_NONE ? INSTANT_NONE : e->answer_us - base);
	n += put_us(out + n, room - n, "dur", e->duration_us);
	n += put_us(out + n, room - n, "ring", e->ring_us);
	(void)snprintf(out + n, room - n, " %s %s %s", enum_word(ENUM_CAUSE, e->cause),
	               enum_word(ENUM_HANGUP, e->hangup_by), enum_word(ENUM_ATTEST, e->attest));
}

/* The first record of text. */
static enum reason read_first(struct slice text, enum cdr_form form, const struct tz *zone,
                              struct event *e)
{
	struct cdr_options options = {.form = form, .zone = zone, .key = &key};
	struct cdr_begin begin;
	struct cdr_row row;
	const char *why = NULL;

	assert_int_equal(cdr_reader_init(&reader, &options, text, &begin, &why), OK);
	assert_true(begin.offset < text.len);
	cdr_row_next(&reader, slice_skip(text, begin.offset), &row);
	int64_t start_us = 0, end_us = 0;
	enum reason times = cdr_row_times(&reader, &row, &start_us, &end_us);
	enum reason refused = cdr_row_event(&reader, &row, e);
	if (refused == REASON_NONE) {
		assert_int_equal(times, REASON_NONE);
		assert_true(start_us == e->start_us && end_us == e->time_us);
	}
	return refused;
}

struct good_row {
	const char *id;
	const char *text;
	const char *expect;
};

#define HEAD "call_id,start_time,answer_time,end_time,caller,callee\n"
#define HEAD12                                                                        \
 "call_id,start_time,answer_time,end_time,caller,callee,trunk_in,trunk_out,sip_code," \
 "hangup_by,caller_name,attest\n"
#define MORE(columns) "call_id,start_time,answer_time,end_time,caller,callee," columns "\n"
#define TIMES         "2026-03-02T12:03:00Z,2026-03-02T12:03:04Z,2026-03-02T12:03:15Z"
#define UNANSWERED    "2026-03-02T12:03:00Z,,2026-03-02T12:03:15Z"
#define GOOD          "c1 +441>+442 end=15.000 start=0.000 answer=4.000 dur=11.000 ring=4.000"
#define MISSED        "c1 +441>+442 end=15.000 start=0.000 answer=- dur=0.000 ring=15.000"

static const struct good_row good_rows[] = {
	{"plain", HEAD "c1," TIMES ",+441,+442\n", GOOD " answered unknown none"},
	{"no line break", HEAD "c1," TIMES ",+441,+442", GOOD " answered unknown none"},
	{"CRLF", HEAD "c1," TIMES ",+441,+442\r\n", GOOD " answered unknown none"},
	{"CRLF head",
         "call_id,start_time,answer_time,end_time,caller,callee\r\nc1," TIMES ",+441,+442\r\n",
         GOOD " answered unknown none"},
	{"CR at the end", HEAD "c1," TIMES ",+441,+442\r", GOOD " answered unknown none"},
	{"BOM", "\xef\xbb\xbf" HEAD "c1," TIMES ",+441,+442\n", GOOD " answered unknown none"},
	{"empty line first", "\r\n\n" HEAD "c1," TIMES ",+441,+442\n",
         GOOD " answered unknown none"},
	{"all twelve", HEAD12 "c1," TIMES ",+441,+442,in,out,200,caller,Ann,A\n",
         GOOD " answered caller A"},
	{"other order", "callee,end_time,caller\n+442,2026-03-02T12:03:15Z,+441\n",
         "a4b0f6b1c3e2d5f7 +441>+442 end=15.000 start=- answer=- dur=0.000 ring=- unknown unknown "
         "none"},
	{"head quoted, upper case, blanks",
         "\"CALL_ID\",Start_Time, answer_time ,end_time,\"caller\""
         ",callee\nc1," TIMES ",+441,+442\n",
         GOOD " answered unknown none"},
	{"unknown columns", MORE("colour,\"a \"\"b\"\", c\"") "c1," TIMES ",+441,+442,red,\n",
         GOOD " answered unknown none"},
	{"unanswered", HEAD "c1," UNANSWERED ",+441,+442\n", MISSED " unknown unknown none"},
	{"all quoted",
         HEAD "\"c1\",\"2026-03-02T12:03:00Z\",\"\",\"2026-03-02T12:03:15Z\",\"+441\","
              "\"+442\"\r\n",
         MISSED " unknown unknown none"},
	{"quoted comma, quote and line break", HEAD "\"c,\"\"1\"\"\r\n2\"," TIMES ",+441,+442\n",
         "c,\"1\"\r\n2 +441>+442 end=15.000 start=0.000 answer=4.000 dur=11.000 ring=4.000 answered "
         "unknown none"},
	{"doubled quote last", HEAD "\"c1\"\"\"," UNANSWERED ",+441,+442\n",
         "c1\" +441>+442 end=15.000 start=0.000 answer=- dur=0.000 ring=15.000 unknown unknown none"},
	{"quoted to the end", HEAD "c1," TIMES ",+441,\"+442\"", GOOD " answered unknown none"},
	{"quoted, CR at the end", HEAD "c1," TIMES ",+441,\"+442\"\r",
         GOOD " answered unknown none"},
	{"epoch", HEAD "c1,1772452980,1772452984000,1772452995000000,+441,+442\n",
         GOOD " answered unknown none"},
	{"blanks around typed cells",
         MORE("sip_code,hangup_by,attest") "c1, 1772452980,1772452984\t, 1772452995 ,+441,+442, 200 , callee, B \n",
         GOOD " answered callee B"},
	{"no caller", HEAD "c1," TIMES ",,+442\n",
         "c1 >+442 end=15.000 start=0.000 answer=4.000 dur=11.000 ring=4.000 answered unknown none"},
	{"ring_ms", MORE("ring_ms") "c1," TIMES ",+441,+442,2500\n",
         "c1 +441>+442 end=15.000 start=0.000 answer=4.000 dur=11.000 ring=2.500 answered unknown "
         "none"},
	{"ring_ms of a data frame", MORE("ring_ms") "c1," TIMES ",+441,+442,2500.0\n",
         "c1 +441>+442 end=15.000 start=0.000 answer=4.000 dur=11.000 ring=2.500 answered unknown "
         "none"},
	{"busy", MORE("sip_code") "c1," UNANSWERED ",+441,+442,486\n", MISSED " busy unknown none"},
	{"code of a data frame", MORE("sip_code") "c1," UNANSWERED ",+441,+442,486.0\n",
         MISSED " busy unknown none"},
	{"code before q850", MORE("sip_code,q850") "c1," UNANSWERED ",+441,+442,486,19\n",
         MISSED " busy unknown none"},
	{"q850", MORE("sip_code,q850") "c1," UNANSWERED ",+441,+442,,19\n",
         MISSED " no_answer unknown none"},
	{"code 0", MORE("sip_code,q850") "c1," UNANSWERED ",+441,+442,0,19\n",
         MISSED " no_answer unknown none"},
	{"hangup not known", MORE("hangup_by") "c1," TIMES ",+441,+442,moon\n",
         GOOD " answered unknown none"},
	{"hangup network", MORE("hangup_by") "c1," TIMES ",+441,+442,network\n",
         GOOD " answered network none"},
	{"instant call", HEAD "c1,1772452995,1772452995,1772452995,+441,+442\n",
         "c1 +441>+442 end=15.000 start=15.000 answer=15.000 dur=0.000 ring=0.000 answered unknown "
         "none"},
};

/* A call id that is the row's hash is not compared as text here. */
static void compare_dump(const struct good_row *row, const struct event *e)
{
	char got[256];

	dump(e, got, sizeof(got));
	const char *expect = row->expect;
	if (strncmp(expect, "a4b0f6b1c3e2d5f7", CDR_HASH_TEXT) == 0) {
		assert_int_equal(e->call_id.len, CDR_HASH_TEXT);
		assert_int_equal(strspn(got, "0123456789abcdef"), CDR_HASH_TEXT);
		memcpy(got, expect, CDR_HASH_TEXT);
	}
	if (strcmp(got, expect) != 0) {
		fail_msg("%s: %s", row->id, got);
	}
}

static void good_csv(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		struct slice text = exact_copy(slice_of(good_rows[i].text));
		struct event e;

		assert_int_equal(cdr_recognise(text), CDR_CSV);
		enum reason refused = read_first(text, CDR_CSV, NULL, &e);
		if (refused) {
			fail_msg("%s: %s", good_rows[i].id, reason_word(refused));
		}
		compare_dump(&good_rows[i], &e);
		exact_free(text);
	}
}

static const struct good_row good_lines[] = {
	{"plain",
         "{\"call_id\":\"c1\",\"start_time\":\"2026-03-02T12:03:00Z\",\"answer_time\":"
         "\"2026-03-02T12:03:04Z\",\"end_time\":\"2026-03-02T12:03:15Z\",\"caller\":\"+441\","
         "\"callee\":\"+442\"}\n",
         GOOD " answered unknown none"},
	{"numbers",
         "{\"call_id\":7,\"start_time\":1772452980,\"answer_time\":1772452984.0,"
         "\"end_time\":1772452995000,\"caller\":441,\"callee\":442,\"sip_code\":200}",
         "7 441>442 end=15.000 start=0.000 answer=4.000 dur=11.000 ring=4.000 answered unknown none"},
	{"null",
         "{\"call_id\":\"c1\",\"start_time\":1772452980,\"answer_time\":null,"
         "\"end_time\":1772452995,\"caller\":\"+441\",\"callee\":\"+442\",\"attest\":null}",
         MISSED " unknown unknown none"},
	{"other members",
         "{\"x\":{\"end_time\":[1,{}]},\"end_time\":1772452995,\"y\":true,"
         "\"caller\":\"+441\",\"callee\":\"+442\",\"call_id\":\"c1\"}\r\n",
         "c1 +441>+442 end=15.000 start=- answer=- dur=0.000 ring=- unknown unknown none"},
	{"escapes",
         "{\"call\\u005fid\":\"c\\\"1\\\"\",\"end_time\":1772452995,\"caller\":\"\\u002b441\","
         "\"callee\":\"+442\"}",
         "c\"1\" +441>+442 end=15.000 start=- answer=- dur=0.000 ring=- unknown unknown none"},
	{"last of equal names",
         "{\"call_id\":\"c0\",\"end_time\":1772452995,\"caller\":\"+441\","
         "\"callee\":\"+442\",\"call_id\":\"c1\"}",
         "c1 +441>+442 end=15.000 start=- answer=- dur=0.000 ring=- unknown unknown none"},
	{"blanks",
         " { \"end_time\" : 1772452995 , \"caller\" : \"+441\" ,\"callee\":\"+442\","
         "\"call_id\":\"c1\"} ",
         "c1 +441>+442 end=15.000 start=- answer=- dur=0.000 ring=- unknown unknown none"},
};

static void good_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_lines) / sizeof(good_lines[0]); i++) {
		struct slice text = exact_copy(slice_of(good_lines[i].text));
		struct event e;

		assert_int_equal(cdr_recognise(text), CDR_JSON);
		enum reason refused = read_first(text, CDR_JSON, NULL, &e);
		if (refused) {
			fail_msg("%s: %s", good_lines[i].id, reason_word(refused));
		}
		compare_dump(&good_lines[i], &e);
		exact_free(text);
	}
}

/* Every optional column into its member. */
static void all_columns(void **state)
{
	static const char text[] = MORE(
		"trunk_in,trunk_out,sip_code,hangup_by,caller_name,attest,ring_ms,q850,user_agent,"
		"src_ip,dst_ip,account,imei,imsi,cell,diverting,origid,cost") "c1," TIMES
									      ",+441,+442,tin,tout,200,callee,Ann,C,10,16,ua/1,192.0.2.1,2001:db8::1,acc,"
									      "im1,im2,cell1,+443,oid,0.25";
	struct slice copy = exact_copy((struct slice){text, sizeof(text) - 1});
	struct event e;
	char ip[IP_TEXT];

	(void)state;
	assert_int_equal(read_first(copy, CDR_CSV, NULL, &e), REASON_NONE);
	assert_int_equal(e.kind, KIND_CALL);
	assert_true(slice_eq(e.trunk_in, SLICE_LIT("tin")));
	assert_true(slice_eq(e.trunk_out, SLICE_LIT("tout")));
	assert_true(slice_eq(e.display, SLICE_LIT("Ann")));
	assert_true(slice_eq(e.ua, SLICE_LIT("ua/1")));
	assert_true(slice_eq(e.account, SLICE_LIT("acc")));
	assert_true(slice_eq(e.imei, SLICE_LIT("im1")));
	assert_true(slice_eq(e.imsi, SLICE_LIT("im2")));
	assert_true(slice_eq(e.cell, SLICE_LIT("cell1")));
	assert_true(slice_eq(e.divert.text, SLICE_LIT("+443")));
	assert_true(slice_eq(e.stir_origid, SLICE_LIT("oid")));
	assert_true(e.forwarded && e.answered);
	assert_int_equal(e.sip_code, 200);
	assert_int_equal(e.q850, 16);
	assert_int_equal(e.attest, ATTEST_C);
	assert_true(e.cost == 0.25);
	ip_format(&e.src, ip);
	assert_string_equal(ip, "192.0.2.1");
	ip_format(&e.dst, ip);
	assert_string_equal(ip, "2001:db8::1");
	assert_true(e.setup_us == INSTANT_NONE);

	cdr_attempt_of_call(&e);
	assert_int_equal(e.kind, KIND_ATTEMPT);
	assert_true(e.time_us == T0 * US_PER_S);
	assert_true(slice_eq(e.caller.text, SLICE_LIT("+441")));
	assert_true(e.sip_code == INSTANT_NONE && e.ring_us == INSTANT_NONE && isnan(e.cost));
	exact_free(copy);
}

static void missing_columns(void **state)
{
	static const char text[] = MORE("trunk_in,src_ip,diverting,cost") "c1," TIMES ",+441,,,,,";
	struct slice copy = exact_copy((struct slice){text, sizeof(text) - 1});
	struct event e;

	(void)state;
	assert_int_equal(read_first(copy, CDR_CSV, NULL, &e), REASON_NONE);
	assert_null(e.trunk_in.p);
	assert_null(e.callee.text.p);
	assert_null(e.divert.text.p);
	assert_false(e.forwarded);
	assert_int_equal(e.src.family, 0);
	assert_true(isnan(e.cost));
	assert_true(e.sip_code == INSTANT_NONE && e.q850 == INSTANT_NONE);
	exact_free(copy);
}

/* One cell of the good row replaced. */
struct bad_cell {
	const char *id;
	enum cdr_column column;
	const char *cell;
	enum reason reason;
};

static const struct bad_cell bad_cells[] = {
	{"good", CDR_COL_CALLER_NAME, "Bob", REASON_NONE},
	{"end empty", CDR_COL_END_TIME, "", REASON_CDR_NO_END},
	{"end blank", CDR_COL_END_TIME, " ", REASON_CDR_NO_END},
	{"end no time", CDR_COL_END_TIME, "yesterday", REASON_CDR_BAD_TIME},
	{"end no date", CDR_COL_END_TIME, "2026-02-30T12:03:15Z", REASON_CDR_BAD_TIME},
	{"end of 11 digits", CDR_COL_END_TIME, "17724529950", REASON_CDR_BAD_TIME},
	{"start no time", CDR_COL_START_TIME, "x", REASON_CDR_BAD_TIME},
	{"answer no time", CDR_COL_ANSWER_TIME, "x", REASON_CDR_BAD_TIME},
	{"end before start", CDR_COL_END_TIME, "2026-03-02T12:02:59.999999Z",
         REASON_CDR_TIME_ORDER},
	{"answer before start", CDR_COL_ANSWER_TIME, "2026-03-02T12:02:59Z", REASON_CDR_TIME_ORDER},
	{"answer behind end", CDR_COL_ANSWER_TIME, "2026-03-02T12:03:16Z", REASON_CDR_TIME_ORDER},
	{"answer 0", CDR_COL_ANSWER_TIME, "0", REASON_CDR_TIME_ORDER},
	{"code word", CDR_COL_SIP_CODE, "busy", REASON_CDR_BAD_VALUE},
	{"code low", CDR_COL_SIP_CODE, "99", REASON_CDR_BAD_VALUE},
	{"code high", CDR_COL_SIP_CODE, "700", REASON_CDR_BAD_VALUE},
	{"code part", CDR_COL_SIP_CODE, "486.5", REASON_CDR_BAD_VALUE},
	{"code point", CDR_COL_SIP_CODE, "486.", REASON_CDR_BAD_VALUE},
	{"code negative", CDR_COL_SIP_CODE, "-486", REASON_CDR_BAD_VALUE},
	{"code of 13 digits", CDR_COL_SIP_CODE, "4860000000000", REASON_CDR_BAD_VALUE},
	{"q850 high", CDR_COL_Q850, "128", REASON_CDR_BAD_VALUE},
	{"ring negative", CDR_COL_RING_MS, "-1", REASON_CDR_BAD_VALUE},
	{"ring of 13 digits", CDR_COL_RING_MS, "1000000000000", REASON_CDR_BAD_VALUE},
	{"attest D", CDR_COL_ATTEST, "D", REASON_CDR_BAD_VALUE},
	{"attest AA", CDR_COL_ATTEST, "AA", REASON_CDR_BAD_VALUE},
	{"address", CDR_COL_SRC_IP, "192.0.2.256", REASON_CDR_BAD_VALUE},
	{"cost", CDR_COL_COST, "\"1,5\"", REASON_CDR_BAD_VALUE},
	{"quote inside", CDR_COL_CALLER_NAME, "B\"o\"b", REASON_CDR_QUOTE},
	{"blank before the quote", CDR_COL_CALLER_NAME, " \"Bob\"", REASON_CDR_QUOTE},
	{"text behind the quote", CDR_COL_CALLER_NAME, "\"Bob\" ", REASON_CDR_QUOTE},
	{"CR behind the quote", CDR_COL_CALLER_NAME, "\"Bob\"\r", REASON_CDR_QUOTE},
	{"quote not closed", CDR_COL_CALLER_NAME, "\"Bob", REASON_CDR_QUOTE},
	{"a cell more", CDR_COL_CALLER_NAME, "Bob,Bobby", REASON_CDR_COLUMNS},
};

static const char *const good_cells[CDR_COLUMN_COUNT] = {
	[CDR_COL_CALL_ID] = "c1",
	[CDR_COL_START_TIME] = "2026-03-02T12:03:00Z",
	[CDR_COL_ANSWER_TIME] = "2026-03-02T12:03:04Z",
	[CDR_COL_END_TIME] = "2026-03-02T12:03:15Z",
	[CDR_COL_CALLER] = "+441",
	[CDR_COL_CALLEE] = "+442",
};

static void put_text(char *out, size_t *len, const char *text)
{
	memcpy(out + *len, text, strlen(text));
	*len += strlen(text);
}

static size_t build_rows(const struct bad_cell *bad, char *out)
{
	size_t len = 0;

	for (unsigned i = 0; i < CDR_COLUMN_COUNT; i++) {
		put_text(out, &len, i ? "," : "");
		put_text(out, &len, cdr_column_name((enum cdr_column)i));
	}
	put_text(out, &len, "\n");
	for (unsigned i = 0; i < CDR_COLUMN_COUNT; i++) {
		put_text(out, &len, i ? "," : "");
		put_text(out, &len,
		         i == bad->column ? bad->cell
		         : good_cells[i]  ? good_cells[i]
		                          : "");
	}
	put_text(out, &len, "\r\n");
	return len;
}

static void bad_csv(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_cells) / sizeof(bad_cells[0]); i++) {
		char built[1024];
		struct slice text =
			exact_copy((struct slice){built, build_rows(&bad_cells[i], built)});
		struct event e;
		enum reason got = read_first(text, CDR_CSV, NULL, &e);
		if (got != bad_cells[i].reason) {
			fail_msg("%s: %s", bad_cells[i].id, reason_word(got));
		}
		exact_free(text);
	}
}

struct bad_text {
	const char *id;
	const char *text;
	size_t len;
	enum reason reason;
};

#define ROW(id, text, reason)        \
 {                                   \
  id, text, sizeof(text) - 1, reason \
 }

static const struct bad_text bad_texts[] = {
	ROW("good", HEAD "c1," TIMES ",+441,+442\n", REASON_NONE),
	ROW("a cell less", HEAD "c1," TIMES ",+441\n", REASON_CDR_COLUMNS),
	ROW("no numbers", HEAD "c1," TIMES ",,\n", REASON_CDR_NO_NUMBERS),
	ROW("blank numbers", HEAD "c1," TIMES ", ,\n", REASON_CDR_NO_NUMBERS),
	ROW("NUL", HEAD "c\0," TIMES ",+441,+442\n", REASON_CDR_NUL),
	ROW("NUL in quotes", HEAD "\"c\0\"," TIMES ",+441,+442\n", REASON_CDR_NUL),
	ROW("a quote", HEAD "\"", REASON_CDR_QUOTE),
};

static const struct bad_text bad_lines[] = {
	ROW("good", "{\"end_time\":1772452995,\"caller\":\"1\",\"callee\":\"2\"}", REASON_NONE),
	ROW("cut", "{\"end_time\":1772452995,\"caller\":\"1\",\"callee\":\"2\"", REASON_CDR_JSON),
	ROW("more", "{\"end_time\":1772452995,\"caller\":\"1\",\"callee\":\"2\"}}",
            REASON_CDR_JSON),
	ROW("an array", "[{\"end_time\":1772452995,\"caller\":\"1\",\"callee\":\"2\"}]",
            REASON_CDR_JSON),
	ROW("no value", "{\"end_time\":,\"caller\":\"1\",\"callee\":\"2\"}", REASON_CDR_JSON),
	ROW("bad escape", "{\"end_time\":1772452995,\"caller\":\"\\q\",\"callee\":\"2\"}",
            REASON_CDR_JSON),
	ROW("bad UTF-8", "{\"end_time\":1772452995,\"caller\":\"\xff\",\"callee\":\"2\"}",
            REASON_CDR_JSON),
	ROW("bad unknown", "{\"end_time\":1772452995,\"caller\":\"1\",\"callee\":\"2\",\"x\":[}",
            REASON_CDR_JSON),
	ROW("truth", "{\"end_time\":1772452995,\"caller\":\"1\",\"callee\":true}",
            REASON_CDR_BAD_VALUE),
	ROW("object", "{\"end_time\":1772452995,\"caller\":\"1\",\"callee\":{}}",
            REASON_CDR_BAD_VALUE),
	ROW("array", "{\"end_time\":1772452995,\"caller\":\"1\",\"callee\":[]}",
            REASON_CDR_BAD_VALUE),
	ROW("NUL", "{\"end_time\":1772452995,\"caller\":\"1\0\",\"callee\":\"2\"}", REASON_CDR_NUL),
	ROW("escaped NUL", "{\"end_time\":1772452995,\"caller\":\"1\\u0000\",\"callee\":\"2\"}",
            REASON_CDR_NUL),
	ROW("no end", "{\"end_time\":null,\"caller\":\"1\",\"callee\":\"2\"}", REASON_CDR_NO_END),
	ROW("bad time", "{\"end_time\":1.772452995e9,\"caller\":\"1\",\"callee\":\"2\"}",
            REASON_CDR_BAD_TIME),
	ROW("no numbers", "{\"end_time\":1772452995,\"caller\":null,\"callee\":\"\"}",
            REASON_CDR_NO_NUMBERS),
};

static void check_bad_texts(const struct bad_text *rows, size_t count, enum cdr_form form)
{
	for (size_t i = 0; i < count; i++) {
		struct slice text = exact_copy((struct slice){rows[i].text, rows[i].len});
		struct event e;
		enum reason got = read_first(text, form, NULL, &e);
		if (got != rows[i].reason) {
			fail_msg("%s: %s", rows[i].id, reason_word(got));
		}
		exact_free(text);
	}
}

static void bad_rows(void **state)
{
	(void)state;
	check_bad_texts(bad_texts, sizeof(bad_texts) / sizeof(bad_texts[0]), CDR_CSV);
	check_bad_texts(bad_lines, sizeof(bad_lines) / sizeof(bad_lines[0]), CDR_JSON);
}

static void zone_of_times(void **state)
{
	static const char text[] = HEAD "c1,2026-07-02 12:03:00,,2026-07-02 12:03:15,+441,+442\n";
	struct slice copy = exact_copy((struct slice){text, sizeof(text) - 1});
	const struct tz *zone;
	struct event e;

	(void)state;
	if (tz_get(SLICE_LIT("Europe/London"), &zone) != OK) {
		exact_free(copy);
		skip();
	}
	assert_int_equal(read_first(copy, CDR_CSV, zone, &e), REASON_NONE);
	char got[INSTANT_TEXT];
	instant_format(e.time_us, got);
	assert_string_equal(got, "2026-07-02T11:03:15.000Z");
	exact_free(copy);
}

/* The hash is of the row's text: the line break is no part of it, anything else is. */
static void hash_as_call_id(void **state)
{
	static const char *const texts[] = {
		"end_time,caller,callee\n1772452995,1,2\n",
		"end_time,caller,callee\r\n1772452995,1,2\r\n",
		"end_time,caller,callee\n1772452995,1,2",
		"end_time,caller,callee\n1772452995,1,3\n",
		"end_time,caller,callee,call_id\n1772452995,1,2,\n",
	};
	char ids[5][CDR_HASH_TEXT];

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct slice copy = exact_copy(slice_of(texts[i]));
		struct event e;
		assert_int_equal(read_first(copy, CDR_CSV, NULL, &e), REASON_NONE);
		assert_int_equal(e.call_id.len, CDR_HASH_TEXT);
		memcpy(ids[i], e.call_id.p, CDR_HASH_TEXT);
		exact_free(copy);
	}
	assert_memory_equal(ids[0], ids[1], CDR_HASH_TEXT);
	assert_memory_equal(ids[0], ids[2], CDR_HASH_TEXT);
	assert_memory_not_equal(ids[0], ids[3], CDR_HASH_TEXT);
	assert_memory_not_equal(ids[0], ids[4], CDR_HASH_TEXT);
	char expect[CDR_HASH_TEXT + 1];
	(void)snprintf(expect, sizeof(expect), "%016llx",
	               (unsigned long long)hash_slice(&key, SLICE_LIT("1772452995,1,2")));
	assert_memory_equal(ids[0], expect, CDR_HASH_TEXT);
}

static void fixed_columns(void **state)
{
	static const char text[] = "c1," TIMES ",+441,+442,in,out,200,caller,Ann,A\n";
	struct cdr_options options = {.form = CDR_CSV, .format = "generic", .key = &key};
	struct cdr_begin begin;
	struct cdr_row row;
	struct event e;
	const char *why;
	char got[256];

	(void)state;
	assert_int_equal(cdr_reader_init(&reader, &options, SLICE_LIT(text), &begin, &why), OK);
	cdr_row_next(&reader, slice_skip(SLICE_LIT(text), begin.offset), &row);
	assert_int_equal(cdr_row_event(&reader, &row, &e), REASON_NONE);
	dump(&e, got, sizeof(got));
	assert_string_equal(got, GOOD " answered caller A");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_csv),      cmocka_unit_test(good_json),
		cmocka_unit_test(all_columns),   cmocka_unit_test(missing_columns),
		cmocka_unit_test(bad_csv),       cmocka_unit_test(bad_rows),
		cmocka_unit_test(zone_of_times), cmocka_unit_test(hash_as_call_id),
		cmocka_unit_test(fixed_columns),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
