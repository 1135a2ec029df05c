/* A duplicate window that was saved and loaded judges as the one that ran on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "calls/dedupe.h"
#include "core/err.h"

static struct hash_key key;
static const struct state_head head = {.build = "test"};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static struct slice save(const struct dedupe *d)
{
	struct state_out out;
	struct slice file;
	int fd = memfd_create("dedupe", MFD_CLOEXEC);

	assert_int_equal(state_out_open(&out, fd, &head), OK);
	dedupe_save(d, &out);
	assert_int_equal(state_out_close(&out), OK);
	assert_int_equal(state_map(fd, &file), OK);
	(void)close(fd);
	return file;
}

static struct dedupe *open_dedupe(uint64_t entries)
{
	struct dedupe *d = dedupe_new(entries, DEDUPE_WINDOW_US, &key);

	assert_non_null(d);
	return d;
}

static void test_goes_on(void **state)
{
	enum { RECORDS = 60000, IDS = 30000 };
	struct dedupe *one = open_dedupe(40000), *two = open_dedupe(40000);
	int64_t now = 100 * US_PER_DAY;
	uint64_t seed = 11;

	(void)state;
	for (unsigned i = 0; i < RECORDS; i++) {
		uint64_t hash = hash_u64(&key, draw(&seed, IDS));
		now += draw(&seed, 20 * US_PER_S);
		assert_int_equal(dedupe_seen(one, hash, now), dedupe_seen(two, hash, now));
		if (draw(&seed, 6000) == 0) {
			struct slice file = save(two), again;
			struct state_in in;
			dedupe_free(two);
			two = open_dedupe(40000);
			assert_int_equal(state_in_open(&in, file, &head), OK);
			assert_int_equal(dedupe_load(two, &in), OK);
			state_in_close(&in);
			again = save(two);
			assert_int_equal(again.len, file.len);
			assert_memory_equal(again.p, file.p, file.len);
			state_unmap(again);
			state_unmap(file);
		}
	}
	struct dedupe_stat a, b;
	dedupe_stat(one, &a);
	dedupe_stat(two, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(a.duplicates > 1000 && a.duplicates < RECORDS - 1000);
	dedupe_free(one);
	dedupe_free(two);
}

/* Another size; an entry in a line where it is not looked for. d keeps what it had. */
static void test_refused(void **state)
{
	struct dedupe *d = open_dedupe(1000), *other = open_dedupe(100000);
	uint64_t hash = hash_u64(&key, 1);
	struct state_in in;

	(void)state;
	assert_false(dedupe_seen(d, hash, US_PER_DAY));
	struct slice file = save(d);
	assert_int_equal(state_in_open(&in, file, &head), OK);
	assert_int_equal(dedupe_load(other, &in), E_INVALID);
	assert_string_equal(in.why, "section dedupe: another size or window");
	char *copy = malloc(in.sections[0].content.len);
	memcpy(copy, in.sections[0].content.p, in.sections[0].content.len);
	char *at = memmem(copy, in.sections[0].content.len, &hash, sizeof(hash));
	assert_non_null(at);
	at[3] ^= (char)0xff; /* the upper bits of one half, then of the other */
	at[7] ^= (char)0xff;
	in.sections[0].content.p = copy;
	in.why[0] = '\0';
	assert_int_equal(dedupe_load(d, &in), E_INVALID);
	assert_string_equal(in.why, "section dedupe: an entry where nobody looks");
	assert_true(dedupe_seen(d, hash, US_PER_DAY));
	free(copy);
	state_in_close(&in);
	state_unmap(file);
	dedupe_free(d);
	dedupe_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_refused),
	};

	hash_key_default(&key);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
