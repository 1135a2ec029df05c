/* Material of ../shared, which is not part of the project: tokens of STIR with what they say, and
 * folders of messages that must only be survived.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <inttypes.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/instant.h"
#include "decode/identity.h"
#include "support/exact.h"
#include "support/sip_slices.h"

#define CORPUS SOURCE_DIR "/../shared/corpus/"

enum column { PAYLOAD = 4, PARAMS, TOKEN, COLUMN_COUNT };
enum { PATH_SIZE = 1024, TOKEN_COUNT = 9 };

/* A cell of a table in which quotes are doubled, as the text it stands for. */
static void add_cell(struct buf *b, struct slice cell)
{
	bool quoted = cell.len >= 2 && cell.p[0] == '"';

	for (size_t i = quoted; i + quoted < cell.len; i++) {
		buf_char(b, cell.p[i]);
		i += quoted && cell.p[i] == '"';
	}
}

static bool contains(struct slice text, const char *word)
{
	return memmem(text.p, text.len, word, strlen(word)) != NULL;
}

/* The payload says `"name": "value"` (or the same as a text in a text) exactly where value is. */
static void check_claim(struct slice payload, const char *name, struct slice value)
{
	char said[PATH_SIZE];
	char in_text[PATH_SIZE];

	(void)snprintf(said, sizeof(said), "\"%s\": ", name);
	assert_int_equal(contains(payload, said), value.p != NULL);
	(void)snprintf(said, sizeof(said), "\"%.*s\"", SLICE_FMT(value));
	(void)snprintf(in_text, sizeof(in_text), "\\\"%.*s\\\"", SLICE_FMT(value));
	assert_true(!value.p || contains(payload, said) || contains(payload, in_text));
}

static void check_token(struct slice line)
{
	struct slice cells[COLUMN_COUNT];
	struct buf value = {0};
	struct buf payload = {0};
	char scratch[IDENTITY_SCRATCH];
	char seconds[32];
	struct identity id;

	for (int i = 0; i < COLUMN_COUNT; i++) {
		cells[i] = slice_first(line, slice_find(line, '\t'));
		line = slice_skip(line, cells[i].len + 1);
	}
	buf_slice(&value, cells[TOKEN]);
	buf_slice(&value, cells[PARAMS]);
	add_cell(&payload, cells[PAYLOAD]);
	struct slice said = buf_view(&payload);
	assert_int_equal(identity_parse(buf_view(&value), &id, scratch), OK);

	check_claim(said, "origid", id.origid);
	check_claim(said, "orig", id.orig_tn);
	assert_int_equal(contains(said, "\"attest\": \"A\""), id.attest == ATTEST_A);
	assert_true(id.dest_tn.p || !contains(said, "\"dest\": {\"tn\""));
	(void)snprintf(seconds, sizeof(seconds), "%" PRId64, id.iat_us / US_PER_S);
	assert_int_equal(contains(said, "\"iat\""), id.iat_us != INSTANT_NONE);
	assert_true(id.iat_us == INSTANT_NONE || contains(said, seconds));
	buf_fini(&value);
	buf_fini(&payload);
}

static void test_tokens(void **state)
{
	struct slice table = exact_file(CORPUS "stir_truth.tsv");
	unsigned count = 0;

	(void)state;
	if (!table.p) {
		skip();
	}
	struct slice rest = slice_skip(table, slice_find(table, '\n') + 1);
	while (rest.len) {
		struct slice line = slice_first(rest, slice_find(rest, '\n'));

		check_token(line);
		count++;
		rest = slice_skip(rest, line.len + 1);
	}
	exact_free(table);
	assert_int_equal(count, TOKEN_COUNT);
}

static void survive(struct slice datagram)
{
	struct sip_msg msg;
	enum reason refused = sip_parse(datagram, &msg);

	assert_true(sip_slices_inside(&msg, datagram));
	assert_true(sip_check(&msg, refused) || !refused);
	assert_true(refused || sip_recognise(datagram));
}

/* Each file as one message, and every line of it as the begin of one. */
static unsigned survive_folder(const char *folder)
{
	char path[PATH_SIZE];
	struct dirent *entry;
	unsigned count = 0;
	DIR *dir = opendir(folder);

	while (dir && (entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		struct slice file = entry->d_type == DT_REG ? exact_file(path) : SLICE_NONE;
		for (struct slice rest = file; rest.len;
		     rest = slice_skip(rest, slice_find(rest, '\n') + 1)) {
			survive(slice_first(rest, SIP_MESSAGE_MAX));
		}
		exact_free(file);
		count += file.p != NULL;
	}
	if (dir) {
		(void)closedir(dir);
	}
	return count;
}

static void test_folders(void **state)
{
	static const char *const folders[] = {
		CORPUS "sip-kamailio-misc",
		CORPUS "sip-lioneagle-messages",
		CORPUS "sip-fuzz-seeds-pjsip/fuzz-sip",
		CORPUS "sip-torture-rfc4475/sipgo-copy/invalid",
		CORPUS "sip-torture-rfc4475/sipgo-copy/valid",
	};
	unsigned files = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		files += survive_folder(folders[i]);
	}
	if (files == 0) {
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokens),
	                                   cmocka_unit_test(test_folders)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
