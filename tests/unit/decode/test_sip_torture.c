/* The 49 messages of RFC 4475 from ../shared, which is not part of the project: whether sip_parse
 * and sip_check find them valid, and the fields that could be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decode/sip.h"
#include "support/exact.h"
#include "support/sip_slices.h"

#define CORPUS SOURCE_DIR "/../shared/corpus/"

enum column { FILE_NAME = 0, VERDICT = 2, START_LINE = 7, FROM, TO, CALL_ID, CSEQ, COLUMN_COUNT };
enum { MESSAGE_COUNT = 49, VALUE_MAX = 4096, PATH_SIZE = 1024 };

/* The first COLUMN_COUNT cells of a line. */
static void split(struct slice line, struct slice cells[COLUMN_COUNT])
{
	for (int i = 0; i < COLUMN_COUNT; i++) {
		cells[i] = slice_first(line, slice_find(line, '\t'));
		line = slice_skip(line, cells[i].len + 1);
	}
}

/* The table joins folded lines by one blank and writes "a || b" for a header that stands twice. */
static bool reads_as(struct slice value, struct slice cell)
{
	char unfolded[VALUE_MAX];

	for (size_t i = 0; i + 4 <= cell.len; i++) {
		if (memcmp(cell.p + i, " || ", 4) == 0) {
			cell.len = i;
		}
	}
	assert_true(value.len < sizeof(unfolded));
	return slice_eq(sip_unfold(value, unfolded), cell);
}

static unsigned check_message(struct slice line)
{
	struct slice cells[COLUMN_COUNT];
	struct sip_msg msg;
	char path[PATH_SIZE];
	unsigned faults = 0;

	split(line, cells);
	(void)snprintf(path, sizeof(path), CORPUS "sip-torture-rfc4475/%.*s",
	               SLICE_FMT(cells[FILE_NAME]));
	struct slice datagram = exact_file(path);
	assert_non_null(datagram.p);
	enum reason refused = sip_parse(datagram, &msg);
	const char *fault = sip_check(&msg, refused);
	bool valid = slice_starts(cells[VERDICT], SLICE_LIT("VALID"));

	if (valid != !fault) {
		print_error("%.*s: %s\n", SLICE_FMT(cells[FILE_NAME]), fault ? fault : "valid");
		faults++;
	}
	const struct {
		enum sip_header header;
		enum column column;
	} fields[] = {
		{SIP_H_FROM, FROM}, {SIP_H_TO, TO}, {SIP_H_CALL_ID, CALL_ID}, {SIP_H_CSEQ, CSEQ}};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!reads_as(msg.header[fields[i].header], cells[fields[i].column])) {
			print_error("%.*s: \"%.*s\", not \"%.*s\"\n", SLICE_FMT(cells[FILE_NAME]),
			            SLICE_FMT(msg.header[fields[i].header]),
			            SLICE_FMT(cells[fields[i].column]));
			faults++;
		}
	}
	assert_true(sip_slices_inside(&msg, datagram));
	exact_free(datagram);
	return faults;
}

static void test_messages(void **state)
{
	struct slice table = exact_file(CORPUS "torture4475_truth.tsv");
	unsigned count = 0;
	unsigned faults = 0;

	(void)state;
	if (!table.p) {
		skip();
	}
	struct slice rest = slice_skip(table, slice_find(table, '\n') + 1);
	while (rest.len) {
		struct slice line = slice_first(rest, slice_find(rest, '\n'));

		faults += check_message(line);
		count++;
		rest = slice_skip(rest, line.len + 1);
	}
	exact_free(table);
	assert_int_equal(count, MESSAGE_COUNT);
	assert_int_equal(faults, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_messages)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
