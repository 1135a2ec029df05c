/* One request of the control socket: every line is answered, what is refused is counted, rights and
 * the journal hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/exact.h"
#include "unit/app/control_bench.h"

static struct control *open_plain(struct seen *seen)
{
	char why[CONTROL_ERROR_TEXT];
	struct control_options o = options_of(seen);
	struct control *c = control_open(NULL, &o, why, sizeof(why));

	assert_non_null(c);
	return c;
}

struct row {
	const char *id, *line, *answer; /* whole, or where refused is set its begin */
	enum control_refusal refused;
};

// clang-format off
static const struct row rows[] = {
	{"good", GOOD, OK7 "{\"muted\":\"r\"}}\n", 0},
	{"white space", " " ECHO " , \"value\" : [ 1 , { } ] } \r", OK7 "[ 1 , { } ]}\n", 0},
	{"id 0", "{\"v\":1,\"id\":0,\"verb\":\"echo\"}", "{\"v\":1,\"id\":0,\"ok\":true,\"result\":{}}\n", 0},
	{"largest id", "{\"v\":1,\"id\":9007199254740991,\"verb\":\"echo\"}",
	 "{\"v\":1,\"id\":9007199254740991,\"ok\":true,\"result\":{}}\n", 0},
	{"text", ECHO ",\"value\":\"\\u00e9\\\"\"}", OK7 "\"\xc3\xa9\\\"\"}\n", 0},
	{"number", ECHO ",\"value\":-1.5e3}", OK7 "-1.5e3}\n", 0},
	{"object", ECHO ",\"value\":{\"a\":{\"b\":[]}}}", OK7 "{\"a\":{\"b\":[]}}}\n", 0},
	{"escaped name", "{\"v\":1,\"id\":7,\"\\u0076erb\":\"ech\\u006f\"}", OK7 "{}}\n", 0},
	{"by for nothing", ECHO ",\"by\":\"x\"}", OK7 "{}}\n", 0},
	{"version", "{\"v\":1,\"id\":7,\"verb\":\"version\"}",
	 OK7 "{\"version\":\"" RINGFENCE_VERSION "\",\"protocol\":1}}\n", 0},
	{"by of 64", HEAD "\"by\":\"" TEN TEN TEN TEN TEN TEN "0123\"," REST, OK7 "{\"muted\":\"r\"}}\n", 0},
	{"by in UTF-8", HEAD "\"by\":\"\xc3\x85sa \xf0\x9f\x98\x80\"," REST, OK7 "{\"muted\":\"r\"}}\n", 0},

	{"empty", "", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_JSON},
	{"cut", "{\"v\":1,\"id\":7,\"verb\":\"echo\"", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_JSON},
	{"something behind", ECHO "}x", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_JSON},
	{"two objects", ECHO "}{}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_JSON},
	{"an array", "[" ECHO "}]", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_JSON},
	{"a text", "\"echo\"", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_JSON},
	{"no UTF-8", ECHO ",\"value\":\"\xff\"}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_JSON},
	{"bad inside", ECHO ",\"value\":{\"a\"}}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_JSON},
	{"v twice", "{\"v\":1,\"id\":7,\"verb\":\"echo\",\"v\":1}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_REPEATED},
	{"verb twice", ECHO ",\"v\\u0065rb\":\"mute\"}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_REPEATED},
	{"no v", "{\"id\":7,\"verb\":\"echo\"}", "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_VERSION},
	{"v 2", "{\"v\":2,\"id\":7,\"verb\":\"echo\"}", "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_VERSION},
	{"v a text", "{\"v\":\"1\",\"id\":7,\"verb\":\"echo\"}", "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_VERSION},
	{"no id", "{\"v\":1,\"verb\":\"echo\"}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_ID},
	{"id a text", "{\"v\":1,\"id\":\"7\",\"verb\":\"echo\"}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_ID},
	{"id negative", "{\"v\":1,\"id\":-7,\"verb\":\"echo\"}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_ID},
	{"id a fraction", "{\"v\":1,\"id\":7.0,\"verb\":\"echo\"}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_ID},
	{"id too large", "{\"v\":1,\"id\":9007199254740992,\"verb\":\"echo\"}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_ID},
	{"id of 17 digits", "{\"v\":1,\"id\":10000000000000000,\"verb\":\"echo\"}", "{\"v\":1,\"id\":null,", CONTROL_REFUSED_BAD_ID},
	{"no verb", "{\"v\":1,\"id\":7}", "{\"v\":1,\"id\":7,", CONTROL_REFUSED_NO_VERB},
	{"verb a number", "{\"v\":1,\"id\":7,\"verb\":1}", "{\"v\":1,\"id\":7,", CONTROL_REFUSED_NO_VERB},
	{"unknown verb", "{\"v\":1,\"id\":7,\"verb\":\"ech\"}", "{\"v\":1,\"id\":7,", CONTROL_REFUSED_UNKNOWN_VERB},
	{"verb with more", "{\"v\":1,\"id\":7,\"verb\":\"echo\\u0000\"}", "{\"v\":1,\"id\":7,", CONTROL_REFUSED_UNKNOWN_VERB},
	{"no by", HEAD REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"empty by", HEAD "\"by\":\"\"," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"blank by", HEAD "\"by\":\"  \"," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by a number", HEAD "\"by\":1," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by null", HEAD "\"by\":null," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by of 65", HEAD "\"by\":\"" TEN TEN TEN TEN TEN TEN "01234\"," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by with a line", HEAD "\"by\":\"a\\nb\"," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by with a NUL", HEAD "\"by\":\"a\\u0000\"," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by with C1", HEAD "\"by\":\"a\\u0085\"," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by turned around", HEAD "\"by\":\"a\\u202eb\"," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by invisible", HEAD "\"by\":\"a\\u200bb\"," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by noncharacter", HEAD "\"by\":\"a\\uffff\"," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by with half a pair", HEAD "\"by\":\"a\\ud800\"," REST, "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"by bad, reading", ECHO ",\"by\":\"\\u0007\"}", "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_BY},
	{"no why", HEAD "\"by\":\"a.jones\",\"rule\":\"r\"}", "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_WHY},
	{"empty why", HEAD "\"by\":\"a.jones\",\"why\":\"\",\"rule\":\"r\"}", "{\"v\":1,\"id\":7,", CONTROL_REFUSED_BAD_WHY},
	{"misspelt member", HEAD "\"by\":\"a.jones\",\"why\":\"ticket 12\",\"rul\":\"r\"}",
	 "{\"v\":1,\"id\":7,", CONTROL_REFUSED_UNKNOWN_MEMBER},
	{"member of a verb without", "{\"v\":1,\"id\":7,\"verb\":\"version\",\"rule\":1}", "{\"v\":1,\"id\":7,",
	 CONTROL_REFUSED_UNKNOWN_MEMBER},
	{"its own error", HEAD "\"by\":\"a.jones\",\"why\":\"ticket 12\",\"rule\":1}",
	 "{\"v\":1,\"id\":7,\"ok\":false,\"error\":{\"code\":\"no_rule\",\"message\":\"rule is missing\"}}\n", CONTROL_REFUSED_FAILED},
	{"a plain error", "{\"v\":1,\"id\":7,\"verb\":\"break\"}",
	 "{\"v\":1,\"id\":7,\"ok\":false,\"error\":{\"code\":\"failed\",\"message\":\"read or write failed\"}}\n", CONTROL_REFUSED_FAILED},
};
// clang-format on

static void assert_answer(const struct row *row, struct slice got)
{
	struct slice want = slice_of(row->answer);
	char code[80];

	(void)snprintf(code, sizeof(code), "\"ok\":false,\"error\":{\"code\":\"%s\",\"message\":\"",
	               control_refusal_word(row->refused));
	bool good = slice_starts(got, want) && got.p[got.len - 1] == '\n' && count_lines(got) == 1;
	if (row->refused && row->refused != CONTROL_REFUSED_FAILED) {
		good = good && slice_starts(slice_skip(got, want.len), slice_of(code));
	} else {
		good = good && got.len == want.len;
	}
	if (!good) {
		fail_msg("%s: %.*s", row->id, SLICE_FMT(got));
	}
}

static void every_line_is_answered(void **state)
{
	struct control_cred root = {.uid = 0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen seen = {0};
		struct buf out = {0};
		struct control *c = open_plain(&seen);
		struct slice line = exact_copy(slice_of(rows[i].line));

		control_answer(c, line, &root, &out);
		exact_free(line);
		assert_answer(&rows[i], buf_view(&out));
		struct control_stats s = control_stats(c);
		assert_balance(s);
		assert_int_equal(s.answered, rows[i].refused ? 0 : 1);
		assert_true(rows[i].refused == 0 || s.refused[rows[i].refused] == 1);
		if (rows[i].refused && rows[i].refused != CONTROL_REFUSED_FAILED) {
			assert_int_equal(seen.ran + seen.journaled, 0);
		}
		control_close(c);
		buf_fini(&out);
	}
}

static enum control_refusal refusal_of(struct slice line)
{
	struct seen seen = {0};
	struct buf out = {0};
	struct control *c = open_plain(&seen);
	enum control_refusal found = CONTROL_REFUSED_NONE;

	control_answer(c, line, &(struct control_cred){.uid = OWNER}, &out);
	struct control_stats s = control_stats(c);
	assert_balance(s);
	for (unsigned r = 1; r < CONTROL_REFUSAL_COUNT; r++) {
		found = s.refused[r] ? (enum control_refusal)r : found;
	}
	control_close(c);
	buf_fini(&out);
	return found;
}

static void lines_members_and_results_are_bounded(void **state)
{
	struct buf many = {0};
	char line[80];

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		struct slice text = long_line(CONTROL_LINE_MAX + more);
		assert_int_equal(refusal_of(text), more ? CONTROL_REFUSED_TOO_LONG : 0);
		exact_free(text);

		buf_reset(&many);
		buf_text(&many, ECHO);
		for (size_t i = 3; i < CONTROL_MEMBERS_MAX + more; i++) {
			buf_printf(&many, ",\"m%zu\":%zu", i, i);
		}
		buf_char(&many, '}');
		assert_int_equal(refusal_of(buf_view(&many)),
		                 more ? CONTROL_REFUSED_TOO_MANY : CONTROL_REFUSED_UNKNOWN_MEMBER);

		(void)snprintf(line, sizeof(line),
		               "{\"v\":1,\"id\":7,\"verb\":\"large\",\"size\":%zu}",
		               CONTROL_ANSWER_MAX + more);
		assert_int_equal(refusal_of(slice_of(line)), more ? CONTROL_REFUSED_TOO_LARGE : 0);
	}
	buf_fini(&many);
}

static void why_has_500_bytes(void **state)
{
	struct buf line = {0};

	(void)state;
	for (int len = 500; len <= 501; len++) {
		buf_reset(&line);
		buf_printf(&line, HEAD "\"by\":\"x\",\"rule\":\"r\",\"why\":\"%0*d\"}", len, 0);
		assert_int_equal(refusal_of(buf_view(&line)),
		                 len > 500 ? CONTROL_REFUSED_BAD_WHY : 0);
	}
	buf_fini(&line);
}

static void help_lists_every_verb(void **state)
{
	struct seen seen = {0};
	struct buf out = {0};
	struct control *c = open_plain(&seen);

	(void)state;
	control_answer(c, SLICE_LIT("{\"v\":1,\"id\":7,\"verb\":\"help\"}"),
	               &(struct control_cred){.uid = OWNER}, &out);
	buf_char(&out, '\0');
	assert_non_null(strstr(out.p, "{\"verb\":\"help\",\"changes\":false,\"members\":[],"));
	assert_non_null(strstr(out.p, "{\"verb\":\"version\","));
	assert_non_null(strstr(out.p, "{\"verb\":\"mute\",\"changes\":true,\"members\":[\"rule\"],"
	                              "\"help\":\"Mute a rule.\"}"));
	assert_non_null(strstr(out.p, "{\"verb\":\"large\","));
	control_close(c);
	buf_fini(&out);
}

/* ---- the journal ---- */

static void changes_are_journaled_before_the_answer(void **state)
{
	struct buf out = {0};
	struct seen seen = {.out = &out};
	struct control *c = open_plain(&seen);
	struct control_cred mine = {.uid = OWNER};

	(void)state;
	control_answer(c, SLICE_LIT(ECHO "}"), &mine, &out);
	assert_int_equal(seen.journaled, 0);
	control_answer(c, SLICE_LIT(GOOD), &mine, &out);
	assert_int_equal(seen.journaled, 1);
	assert_int_equal(seen.journaled_ok, 1);
	assert_int_equal(seen.lines_at_journal, 1);
	assert_string_equal(seen.by, "a.jones");
	assert_string_equal(seen.why, "ticket 12");
	assert_string_equal(seen.message, "");
	assert_string_equal(seen.peer, "uid 4711");
	assert_int_equal(seen.uid, OWNER);
	control_answer(c, SLICE_LIT(HEAD "\"by\":\"b\",\"why\":\"c\"}"), &mine, &out);
	assert_int_equal(seen.journaled, 2);
	assert_int_equal(seen.journaled_ok, 1);
	assert_string_equal(seen.message, "rule is missing");
	control_answer(c, SLICE_LIT(GOOD), &(struct control_cred){.uid = STRANGER}, &out);
	assert_int_equal(seen.journaled, 2);
	assert_int_equal(control_stats(c).changes, 2);
	control_close(c);
	buf_fini(&out);
}

/* ---- rights ---- */

static void rights_follow_user_and_groups(void **state)
{
	char read[32], change[32], why[CONTROL_ERROR_TEXT];
	gid_t id[2];

	(void)state;
	two_groups(read, change, id);
	const gid_t other[] = {60001, 60002}, as_reader[] = {60001, id[0]},
		    as_both[] = {id[0], id[1]};
	const struct {
		const char *id;
		struct control_cred cred;
		enum control_right none, only_read, only_change, both; /* by groups configured */
	} table[] = {
		{"root", {.uid = 0, .gid = 60001}, 2, 2, 2, 2},
		{"owner", {.uid = OWNER, .gid = 60001}, 2, 2, 2, 2},
		{"stranger", {STRANGER, 60001, 1, other, 2}, 0, 0, 0, 0},
		{"reader", {STRANGER, 60001, 1, as_reader, 2}, 0, 1, 0, 1},
		{"first group only", {STRANGER, 60001, 1, as_reader, 1}, 0, 0, 0, 0},
		{"reader by main group", {STRANGER, id[0], 1, NULL, 0}, 0, 1, 0, 1},
		{"changer by main group", {STRANGER, id[1], 1, NULL, 0}, 0, 0, 2, 2},
		{"both", {STRANGER, 60001, 1, as_both, 2}, 0, 1, 2, 2},
	};
	for (unsigned groups = 0; groups < 4; groups++) {
		struct seen seen = {0};
		struct control_options o = options_of(&seen);
		o.read_group = groups & 1 ? read : NULL;
		o.change_group = groups & 2 ? change : NULL;
		struct control *c = control_open(NULL, &o, why, sizeof(why));
		assert_non_null(c);
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			const enum control_right want[] = {table[i].none, table[i].only_read,
			                                   table[i].only_change, table[i].both};
			struct buf out = {0};
			seen.ran = 0;
			if (control_right(c, &table[i].cred) != want[groups]) {
				fail_msg("%s with groups %u", table[i].id, groups);
			}
			control_answer(c, SLICE_LIT(ECHO "}"), &table[i].cred, &out);
			control_answer(c, SLICE_LIT(GOOD), &table[i].cred, &out);
			assert_int_equal(seen.ran, want[groups]);
			buf_fini(&out);
		}
		assert_balance(control_stats(c));
		control_close(c);
	}
}

static void an_unknown_group_is_an_error(void **state)
{
	struct seen seen = {0};
	struct control_options o = options_of(&seen);
	char why[CONTROL_ERROR_TEXT];

	(void)state;
	o.change_group = "no-such-group-here";
	assert_null(control_open(NULL, &o, why, sizeof(why)));
	assert_string_equal(why, "there is no group 'no-such-group-here'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_answered),
		cmocka_unit_test(lines_members_and_results_are_bounded),
		cmocka_unit_test(why_has_500_bytes),
		cmocka_unit_test(help_lists_every_verb),
		cmocka_unit_test(changes_are_journaled_before_the_answer),
		cmocka_unit_test(rights_follow_user_and_groups),
		cmocka_unit_test(an_unknown_group_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
