/* What is written is read back; lines that are none are counted; starts after a kill void what was
 * lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/journal.h"
#include "core/err.h"
#include "core/instant.h"

static const struct journal_file files[] = {
	{"rules", "0/voice/a \"quoted\".yaml", "b2:00ff"},
	{"list", "secret", ""},
};

static const struct journal_entry start = {
	.action = JOURNAL_START,
	.at = 17,
	.time_us = 1772452800 * US_PER_S,
	.since_us = INSTANT_NONE,
	.cold = true,
	.sources = {"eth0", "unix:/run/\xc3\xa4.sock"},
	.source_count = 2,
	.rules = "b2:1234",
	.files = files,
	.file_count = 2,
};

static char path[] = "/tmp/ringfence-journal.XXXXXX";

static int set_up(void **state)
{
	(void)state;
	(void)strcpy(path, "/tmp/ringfence-journal.XXXXXX");
	int fd = mkstemp(path);
	return fd < 0 || close(fd) ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static void append_text(const char *text)
{
	FILE *f = fopen(path, "a");

	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0, 1);
	(void)fclose(f);
}

static void append_action(enum journal_action action, uint64_t at)
{
	struct journal_entry e = start;

	e.action = action;
	e.at = at;
	assert_int_equal(journal_append(path, &e), OK);
}

static void reads_what_was_written(void **state)
{
	struct journal j;
	struct journal_entry later = start;

	(void)state;
	later.since_us = start.time_us - 1000000;
	later.cold = false;
	assert_int_equal(journal_append(path, &start), OK);
	assert_int_equal(journal_append(path, &later), OK);
	append_action(JOURNAL_STOP, 99);
	assert_int_equal(journal_read(path, &j), OK);
	assert_int_equal(j.count, 3);
	assert_int_equal(j.bad, 0);
	const struct journal_entry *e = &j.entries[0];
	assert_int_equal(e->action, JOURNAL_START);
	assert_int_equal(e->at, 17);
	assert_int_equal(e->time_us, start.time_us);
	assert_int_equal(e->since_us, INSTANT_NONE);
	assert_true(e->cold);
	assert_int_equal(e->source_count, 2);
	assert_string_equal(e->sources[1], start.sources[1]);
	assert_string_equal(e->rules, "b2:1234");
	assert_int_equal(e->file_count, 2);
	assert_string_equal(e->files[0].name, files[0].name);
	assert_string_equal(e->files[1].role, "list");
	assert_string_equal(e->files[1].digest, "");
	assert_false(j.entries[1].cold);
	assert_int_equal(j.entries[1].since_us, start.time_us - 1000000);
	assert_int_equal(j.entries[2].action, JOURNAL_STOP);
	assert_int_equal(j.entries[2].at, 99);
	journal_fini(&j);
}

static void a_missing_journal_is_empty(void **state)
{
	struct journal j;

	(void)state;
	assert_int_equal(journal_read("/nonexistent/journal.ndjson", &j), OK);
	assert_int_equal(j.count, 0);
	journal_fini(&j);
}

/* A line that a kill broke off does not take the next one with it. */
static void bad_lines_are_counted(void **state)
{
	static const char *const bad[] = {
		"{\"at\":1,\"action\":\"reload\"\n",
		"[]\n",
		"\n",
		"{\"at\":\"x\",\"action\":1}\n",
		"{\"at\":99999999999999999999999999,\"action\":\"stop\"}\n",
		"{\"at\":1,\"action\":\"reload\",\"files\":[{\"role\":\"rules\"",
	};
	struct journal j;

	(void)state;
	append_text("{\"at\":3,\"action\":\"stop\",\"new member\":{\"a\":[1,2]}}\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		append_text(bad[i]);
	}
	append_action(JOURNAL_RELOAD, 4);
	assert_int_equal(journal_read(path, &j), OK);
	assert_int_equal(j.bad, sizeof(bad) / sizeof(bad[0]));
	assert_int_equal(j.count, 2);
	assert_int_equal(j.entries[1].at, 4);
	journal_fini(&j);
}

static void a_start_voids_what_was_lost(void **state)
{
	struct journal j;

	(void)state;
	append_action(JOURNAL_START, 0);
	append_action(JOURNAL_RELOAD, 50);
	append_action(JOURNAL_RELOAD, 90);
	append_action(JOURNAL_START, 80);
	append_action(JOURNAL_RELOAD, 85);
	assert_int_equal(journal_read(path, &j), OK);
	assert_int_equal(j.count, 4);
	assert_int_equal(j.entries[1].at, 50);
	assert_int_equal(j.entries[2].action, JOURNAL_START);
	assert_int_equal(j.entries[3].at, 85);
	journal_fini(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_what_was_written, set_up, tear_down),
		cmocka_unit_test(a_missing_journal_is_empty),
		cmocka_unit_test_setup_teardown(bad_lines_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_start_voids_what_was_lost, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
