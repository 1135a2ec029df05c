/* A pool read back is the pool that was saved: it hands out the same blocks from then on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/err.h"
#include "core/state.h"
#include "features/pool.h"

enum { POOL_BYTES = 1 << 20, BLOCKS = 400 };

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static const struct state_head head = {.build = "test"};

static struct slice save(const struct pool *p)
{
	struct state_out out;
	struct slice file;
	int fd = memfd_create("pool", MFD_CLOEXEC);

	assert_int_equal(state_out_open(&out, fd, &head), OK);
	state_begin(&out, "pool");
	pool_save(p, &out);
	state_end(&out);
	assert_int_equal(state_out_close(&out), OK);
	assert_int_equal(state_map(fd, &file), OK);
	(void)close(fd);
	return file;
}

static int load(struct pool *p, struct slice file, char why[STATE_WHY_SIZE])
{
	struct state_in in;
	struct state_view v;

	assert_int_equal(state_in_open(&in, file, &head), OK);
	assert_int_equal(state_in_section(&in, "pool", &v), OK);
	int err = pool_load(p, &in, &v);
	memcpy(why, in.why, STATE_WHY_SIZE);
	state_in_close(&in);
	return err;
}

/* Takes and gives back blocks at random; each is filled with its own reference. */
static void churn(struct pool *p, pool_ref refs[BLOCKS], uint64_t *seed, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		unsigned n = draw(seed, BLOCKS);
		if (refs[n]) {
			pool_release(p, refs[n]);
			refs[n] = 0;
			continue;
		}
		refs[n] = pool_alloc(p, 1 + draw(seed, 1U << draw(seed, 14)));
		if (refs[n]) {
			memset(pool_at(p, refs[n]), (int)refs[n] & 0xff, pool_size(p, refs[n]));
		}
	}
}

static void claim_all(struct pool *p, const pool_ref refs[BLOCKS])
{
	for (unsigned n = 0; n < BLOCKS; n++) {
		if (!refs[n]) {
			continue;
		}
		assert_true(pool_claim(p, refs[n], 1));
		assert_false(pool_claim(p, refs[n], 1)); /* twice */
		const char *bytes = pool_at(p, refs[n]);
		assert_int_equal(bytes[0], (char)refs[n]);
		assert_int_equal(bytes[pool_size(p, refs[n]) - 1], (char)refs[n]);
	}
}

static void test_goes_on(void **state)
{
	char why[STATE_WHY_SIZE];

	(void)state;
	for (uint64_t round = 0; round < 40; round++) {
		struct pool one, two;
		pool_ref refs[BLOCKS] = {0}, others[BLOCKS];
		uint64_t seed = round, seed_two;
		assert_int_equal(pool_init(&one, POOL_BYTES), OK);
		assert_int_equal(pool_init(&two, POOL_BYTES), OK);
		churn(&one, refs, &seed, 20 + draw(&seed, 4000));
		struct slice file = save(&one);
		assert_int_equal(load(&two, file, why), OK);
		claim_all(&two, refs);
		assert_int_equal(pool_settle(&two), 0);
		assert_int_equal(two.used, one.used);
		memcpy(others, refs, sizeof(refs));
		seed_two = seed;
		churn(&one, refs, &seed, 2000);
		churn(&two, others, &seed_two, 2000);
		assert_memory_equal(others, refs, sizeof(refs));
		assert_memory_equal(two.order, one.order, POOL_BYTES / POOL_UNIT);
		state_unmap(file);
		pool_fini(&one);
		pool_fini(&two);
	}
}

/* What nobody claims is free again, all of it. */
static void test_given_back(void **state)
{
	struct pool one, two;
	pool_ref refs[BLOCKS] = {0};
	uint64_t seed = 8;
	char why[STATE_WHY_SIZE];
	size_t count = 0;

	(void)state;
	assert_int_equal(pool_init(&one, POOL_BYTES), OK);
	assert_int_equal(pool_init(&two, POOL_BYTES), OK);
	churn(&one, refs, &seed, 3001);
	for (unsigned n = 0; n < BLOCKS; n++) {
		count += refs[n] != 0;
	}
	struct slice file = save(&one);
	assert_int_equal(load(&two, file, why), OK);
	assert_int_equal(pool_settle(&two), count);
	assert_int_equal(two.used, 0);
	assert_int_not_equal(pool_alloc(&two, POOL_BYTES / 2), 0);
	state_unmap(file);
	pool_fini(&one);
	pool_fini(&two);
}

/* Bytes of the section changed behind right checksums: refused, or a pool that can be used. */
static void test_forged(void **state)
{
	struct pool one;
	pool_ref refs[BLOCKS] = {0};
	uint64_t seed = 4;
	char why[STATE_WHY_SIZE];
	unsigned refused = 0;

	(void)state;
	assert_int_equal(pool_init(&one, 64 * 1024), OK);
	churn(&one, refs, &seed, 60);
	struct slice file = save(&one);
	struct state_in in;
	assert_int_equal(state_in_open(&in, file, &head), OK);
	struct slice content = in.sections[0].content;
	for (unsigned i = 0; i < 1000; i++) {
		struct pool two;
		pool_ref none[BLOCKS] = {0};
		size_t len = draw(&seed, 8) ? content.len : draw(&seed, (uint32_t)content.len);
		char *copy = malloc(len + 1);
		memcpy(copy, content.p, len);
		/* The lists lie in front: most changes hit them. */
		copy[draw(&seed, len > 800 ? 800 : (uint32_t)len + 1)] = (char)draw(&seed, 256);
		struct state_view v = {.left = {copy, len}, .name = "pool"};
		in.why[0] = '\0';
		assert_int_equal(pool_init(&two, 64 * 1024), OK);
		int err = pool_load(&two, &in, &v);
		assert_int_equal(in.why[0] != '\0', err != OK);
		refused += err != OK;
		(void)pool_settle(&two);
		churn(&two, none, &seed, 300);
		pool_fini(&two);
		free(copy);
	}
	assert_true(refused > 100);
	state_in_close(&in);
	state_unmap(file);
	struct pool other;
	assert_int_equal(pool_init(&other, 128 * 1024), OK);
	file = save(&one);
	assert_int_equal(load(&other, file, why), E_INVALID);
	assert_string_equal(why, "section pool: another size of memory");
	state_unmap(file);
	pool_fini(&other);
	pool_fini(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_given_back),
		cmocka_unit_test(test_forged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
