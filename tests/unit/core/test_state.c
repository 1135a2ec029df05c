/* The state file: what was written comes back, damage and other writers are told apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/err.h"
#include "core/state.h"

enum { BIG = 3 << 20 }; /* several blocks */

static struct hash_key key;

static struct state_head head_of(const char *build)
{
	struct state_head head = {.event = 77, .alert = 5, .values = {1, [7] = 8}};

	(void)memcpy(head.build, build, strlen(build));
	state_head_key(&head, &key);
	return head;
}

static unsigned char big_byte(size_t i)
{
	return (unsigned char)(i * 7 + (i >> 13));
}

static struct slice write_file(void)
{
	struct state_head head = head_of("0.1.0 x");
	struct state_out out;
	struct slice file;
	int fd = memfd_create("state", MFD_CLOEXEC);

	assert_int_equal(state_out_open(&out, fd, &head), OK);
	state_begin(&out, "small");
	state_u32(&out, 1);
	state_u64(&out, 1234567890123);
	state_end(&out);
	state_begin(&out, "empty");
	state_end(&out);
	state_begin(&out, "big");
	for (size_t i = 0; i < BIG; i++) {
		unsigned char byte = big_byte(i);
		state_bytes(&out, &byte, 1);
	}
	state_end(&out);
	assert_int_equal(state_out_close(&out), OK);
	assert_int_equal(state_map(fd, &file), OK);
	(void)close(fd);
	return file;
}

static void test_back(void **state)
{
	struct slice file = write_file();
	struct state_head head = head_of("0.1.0 x");
	struct state_in in;
	struct state_view v;

	(void)state;
	assert_int_equal(state_in_open(&in, file, &head), OK);
	assert_memory_equal(&in.head, &head, sizeof(head));
	assert_int_equal(state_in_section(&in, "small", &v), OK);
	assert_int_equal(state_get_u32(&v), 1);
	assert_int_equal(state_in_end(&in, &v), E_INVALID);
	assert_string_equal(in.why, "section small: too long");
	assert_int_equal(state_get_u64(&v), 1234567890123);
	assert_int_equal(state_in_end(&in, &v), OK);
	assert_int_equal(state_get_u32(&v), 0);
	assert_int_equal(state_in_end(&in, &v), E_INVALID);
	assert_int_equal(state_in_section(&in, "empty", &v), OK);
	assert_int_equal(state_in_end(&in, &v), OK);
	assert_int_equal(state_in_section(&in, "big", &v), OK);
	const unsigned char *bytes = state_get_bytes(&v, BIG);
	for (size_t i = 0; i < BIG; i++) {
		assert_int_equal(bytes[i], big_byte(i));
	}
	assert_int_equal(state_in_section(&in, "none", &v), E_NOTFOUND);
	state_in_close(&in);
	state_unmap(file);
}

/* One change to a good file each. */
static const struct {
	const char *id;
	long at; /* negative: from the end */
	size_t cut;
	const char *why;
} bad[] = {
	{"nothing", 0, SIZE_MAX, "empty"},
	{"magic", 0, 0, "not a state file"},
	{"version", 8, 0, "another version: 0, not 1"},
	{"byte order", 12, 0, "another build: another byte order"},
	{"key", 16, 0, "header or directory: checksum"},
	{"event", 90, 0, "header or directory: checksum"},
	{"first section", 170, 0, "section small: checksum"},
	{"last section", 2 << 20, 0, "section big: checksum"},
	{"directory", -40, 0, "header or directory: checksum"},
	{"number of sections", -32, 0, "header or directory: checksum"},
	{"length", -24, 0, "cut: its end is missing or damaged"},
	{"end", -1, 0, "cut: its end is missing or damaged"},
	{"one byte short", 0, 1, "cut: its end is missing or damaged"},
	{"half", 0, 1 << 20, "cut: its end is missing or damaged"},
};

static void test_bad(void **state)
{
	struct slice file = write_file();
	struct state_head head = head_of("0.1.0 x");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct state_in in;
		size_t cut = bad[i].cut < file.len ? bad[i].cut : file.len;
		size_t len = file.len - cut;
		char *copy = malloc(len + !len);
		memcpy(copy, file.p, len);
		if (!cut) {
			copy[bad[i].at < 0 ? (long)len + bad[i].at : bad[i].at] ^= 1;
		}
		assert_int_equal(state_in_open(&in, (struct slice){copy, len}, &head), E_INVALID);
		if (strcmp(in.why, bad[i].why) != 0) {
			fail_msg("%s: %s", bad[i].id, in.why);
		}
		state_in_close(&in);
		free(copy);
	}
	state_unmap(file);
}

static void test_others(void **state)
{
	struct slice file = write_file();
	struct state_head build = head_of("0.2.0 x"), other = head_of("0.1.0 x");
	struct state_in in;

	(void)state;
	assert_int_equal(state_in_open(&in, file, &build), E_INVALID);
	assert_string_equal(in.why, "another build: 0.1.0 x");
	state_in_close(&in);
	other.key[3] ^= 1;
	assert_int_equal(state_in_open(&in, file, &other), E_INVALID);
	assert_string_equal(in.why, "another key");
	state_in_close(&in);
	state_unmap(file);
}

/* A full disk, or a descriptor that cannot be written. */
static void test_write_fails(void **state)
{
	struct state_head head = head_of("x");
	struct state_out out;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(state_out_open(&out, ends[0], &head), E_IO);
	state_begin(&out, "a");
	state_u32(&out, 1);
	state_end(&out);
	assert_int_equal(state_out_close(&out), E_IO);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_write_fails),
	};

	hash_key_default(&key);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
