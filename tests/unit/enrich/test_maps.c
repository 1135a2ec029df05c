/* number_map.h, cidr_map.h, text_pool.h against the obvious slow answers, with random content. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/err.h"
#include "enrich/cidr_map.h"
#include "enrich/number_map.h"
#include "enrich/text_pool.h"
#include "unit/enrich/fixture.h"

struct __attribute__((packed, aligned(4))) row {
	number key;
	uint32_t at;
};

enum { NUMBERS = 3000, PREFIXES = 300, DIGITS_MIN = 5 };

static number random_number(unsigned *seed)
{
	uint64_t digits = 0;
	unsigned count = DIGITS_MIN + (unsigned)rand_r(seed) % 4;

	for (unsigned i = 0; i < count; i++) {
		digits = digits * 10 + 1 + (uint64_t)rand_r(seed) % 3;
	}
	return number_pack(NUMBER_E164, count, digits);
}

static bool is_prefix(number prefix, number n)
{
	unsigned count = number_digit_count(prefix);

	return number_kind(n) == NUMBER_E164 && number_digit_count(n) >= count &&
	       number_digits(number_prefix(n, count)) == number_digits(prefix);
}

/* Exact, else longest prefix; all prefixes have other kinds than numbers. */
static const struct row *slow_find(const struct row *rows, size_t count, number n)
{
	const struct row *best = NULL;

	for (size_t i = 0; i < count; i++) {
		if (rows[i].key == n) {
			return &rows[i];
		}
		bool prefix = number_kind(rows[i].key) > NUMBER_NAME;
		if (prefix && is_prefix(rows[i].key, n) &&
		    (!best || number_digit_count(rows[i].key) > number_digit_count(best->key))) {
			best = &rows[i];
		}
	}
	return best;
}

static bool holds(const struct row *rows, size_t count, number n)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].key == n) {
			return true;
		}
	}
	return false;
}

static size_t make_rows(struct row *rows, unsigned *seed)
{
	char text[NUMBER_TEXT];
	size_t count = 0;

	for (unsigned i = 0; i < NUMBERS + PREFIXES; i++) {
		number n = random_number(seed);
		if (i >= NUMBERS) {
			size_t len = number_format(n, text) - 1;
			len = 1 + (size_t)rand_r(seed) % len;
			n = number_map_prefix((struct slice){text + 1, len});
		}
		if (!holds(rows, count, n)) {
			rows[count] = (struct row){n, (uint32_t)count};
			count++;
		}
	}
	return count;
}

static void test_number_map(void **state)
{
	static struct row rows[NUMBERS + PREFIXES];
	struct number_map map;
	struct buf taken = {0};
	unsigned seed = 11;
	number twice;
	size_t count = make_rows(rows, &seed);

	(void)state;
	buf_add(&taken, rows, count * sizeof(rows[0]));
	assert_int_equal(number_map_init(&map, &taken, sizeof(rows[0]), &key, &twice), OK);
	assert_null(taken.p);
	assert_int_equal(map.count, count);
	for (unsigned i = 0; i < 20000; i++) {
		number n = random_number(&seed);
		const struct row *got = number_map_find(&map, n);
		const struct row *want = slow_find(rows, count, n);
		assert_int_equal(got != NULL, want != NULL);
		assert_true(!got || (got->key == want->key && got->at == want->at));
		got = number_map_exact(&map, n);
		assert_int_equal(got != NULL, want && want->key == n);
	}
	for (size_t i = 0; i < count; i++) {
		const struct row *got = number_map_exact(&map, rows[i].key);
		assert_non_null(got);
		assert_int_equal(got->at, i);
	}
	/* Digits of another kind are no number that begins so. */
	assert_null(number_map_find(&map, number_pack(NUMBER_NATIONAL, 7, 9999999)));
	assert_null(number_map_find(&map, 0));
	number_map_fini(&map);
}

static void test_number_map_edges(void **state)
{
	struct row rows[] = {
		{num("+442079460001"), 0}, {num("+442079460002"), 1}, {num("+442079460001"), 2}};
	struct number_map map;
	struct buf taken = {0};
	number twice = 0;

	(void)state;
	assert_int_equal(number_map_init(&map, &taken, sizeof(rows[0]), &key, &twice), OK);
	assert_null(number_map_find(&map, rows[0].key));
	number_map_fini(&map);
	buf_add(&taken, rows, sizeof(rows));
	assert_int_equal(number_map_init(&map, &taken, sizeof(rows[0]), &key, &twice), E_INVALID);
	assert_int_equal(twice, rows[0].key);
	number_map_fini(&map);
	assert_int_equal(number_map_prefix(SLICE_LIT("")), 0);
	assert_int_equal(number_map_prefix(SLICE_LIT("44a")), 0);
	assert_int_equal(number_map_prefix(SLICE_LIT("1234567890123456")), 0);
}

static const struct {
	const char *text, *want; /* NULL: refused */
} blocks[] = {
	{"10.0.0.0/8", "10.0.0.0/8"},
	{"10.1.2.3", "10.1.2.3/32"},
	{"10.1.2.3/32", "10.1.2.3/32"},
	{"0.0.0.0/0", "0.0.0.0/0"},
	{"10.0.0.1/8", NULL},
	{"10.0.0.0/33", NULL},
	{"10.0.0.0/", NULL},
	{"10.0.0.0/x", NULL},
	{"10.0.0.0/-1", NULL},
	{"10.0.0/8", NULL},
	{"", NULL},
	{"/8", NULL},
	{"2001:db8::/32", "2001:db8::/32"},
	{"2001:0DB8:0:0::/32", "2001:db8::/32"},
	{"2001:db8::1", "2001:db8::1/128"},
	{"::/0", "::/0"},
	{"2001:db8::/129", NULL},
	{"2001:db8::1/64", NULL},
	{"::ffff:10.0.0.0/104", "10.0.0.0/8"},
	{"::ffff:10.0.0.1", "10.0.0.1/32"},
	{"::ffff:0.0.0.0/80", NULL},
};

static void test_blocks(void **state)
{
	struct cidr_block block;
	char text[CIDR_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(blocks); i++) {
		const char *wrong = cidr_parse(slice_of(blocks[i].text), &block);
		if ((wrong == NULL) != (blocks[i].want != NULL)) {
			fail_msg("'%s': %s", blocks[i].text, wrong ? wrong : "taken");
		}
		if (!wrong) {
			(void)cidr_format(&block, text);
			assert_string_equal(text, blocks[i].want);
		}
	}
}

static bool block_holds(const struct cidr_block *block, const struct ip *ip)
{
	for (unsigned bit = 0; bit < block->bits; bit++) {
		unsigned shift = 7 - bit % 8;
		if ((block->bytes[bit / 8] >> shift & 1) != (ip->bytes[bit / 8] >> shift & 1)) {
			return false;
		}
	}
	return block->family == ip->family;
}

static struct ip random_ip(unsigned *seed)
{
	char text[IP_TEXT];
	struct ip ip;
	unsigned a = (unsigned)rand_r(seed);

	(void)snprintf(text, sizeof(text), a & 1 ? "10.%u.%u.%u" : "2001:db8:%x:%x::%x", a >> 1 & 3,
	               a >> 4 & 3, a >> 8 & 7);
	assert_int_equal(ip_parse(slice_of(text), &ip), OK);
	return ip;
}

static void test_cidr_map(void **state)
{
	static struct cidr_block added[500];
	struct cidr_map map;
	unsigned seed = 5;
	size_t count = 0;
	uint32_t other;

	(void)state;
	cidr_map_init(&map, &key);
	struct ip ip = random_ip(&seed);
	assert_int_equal(cidr_map_find(&map, &ip), -1);
	while (count < COUNT(added)) {
		char text[CIDR_TEXT], address[IP_TEXT];
		struct cidr_block block;
		ip = random_ip(&seed);
		(void)ip_format(&ip, address);
		unsigned bits = (unsigned)rand_r(&seed) % (ip.family == 4 ? 33 : 129);
		(void)snprintf(text, sizeof(text), "%s/%u", address, bits);
		if (cidr_parse(slice_of(text), &block)) {
			(void)cidr_format(&block, text); /* masked */
			assert_null(cidr_parse(slice_of(text), &block));
		}
		block.row = (uint32_t)count;
		int err = cidr_map_add(&map, &block, &other);
		if (err) {
			assert_int_equal(err, E_INVALID);
			assert_memory_equal(added[other].bytes, block.bytes, 16);
			assert_int_equal(added[other].bits, block.bits);
			if (rand_r(&seed) % 40 == 0) {
				break; /* all that there are */
			}
			continue;
		}
		added[count++] = block;
	}
	for (unsigned i = 0; i < 20000; i++) {
		ip = random_ip(&seed);
		int64_t want = -1;
		for (size_t k = 0; k < count; k++) {
			if (block_holds(&added[k], &ip) &&
			    (want < 0 || added[k].bits > added[want].bits)) {
				want = (int64_t)k;
			}
		}
		assert_int_equal(cidr_map_find(&map, &ip), want);
	}
	ip.family = 0;
	assert_int_equal(cidr_map_find(&map, &ip), -1);
	cidr_map_fini(&map);
}

static void test_text_pool(void **state)
{
	struct text_pool pool;
	char text[POOL_TEXT_MAX + 1];
	uint32_t offsets[2000];
	bool is_new;

	(void)state;
	text_pool_init(&pool, &key, sizeof(uint32_t));
	assert_int_equal(text_pool_find(&pool, SLICE_LIT("a")), TEXT_NONE);
	assert_int_equal(text_pool_add(&pool, SLICE_LIT(""), NULL), TEXT_NONE);
	for (uint32_t i = 0; i < COUNT(offsets); i++) {
		int len = snprintf(text, sizeof(text), "%u%.*s", i, (int)(i % 200),
		                   "........................................................"
		                   "........................................................");
		offsets[i] = text_pool_add(&pool, (struct slice){text, (size_t)len}, &is_new);
		assert_true(is_new && offsets[i] != TEXT_NONE);
		memcpy(text_pool_tail(&pool, offsets[i]), &i, sizeof(i));
		assert_int_equal(text_pool_add(&pool, (struct slice){text, (size_t)len}, &is_new),
		                 offsets[i]);
		assert_false(is_new);
	}
	for (uint32_t i = 0; i < COUNT(offsets); i++) {
		uint32_t tail;
		struct slice kept = text_pool_get(&pool, offsets[i]);
		memcpy(&tail, text_pool_tail(&pool, offsets[i]), sizeof(tail));
		assert_int_equal(tail, i);
		assert_int_equal(strtoul(kept.p, NULL, 10), i);
		assert_int_equal(text_pool_find(&pool, kept), offsets[i]);
	}
	assert_int_equal(text_pool_find(&pool, SLICE_LIT("2000")), TEXT_NONE);
	assert_null(text_pool_get(&pool, TEXT_NONE).p);
	text_pool_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number_map), cmocka_unit_test(test_number_map_edges),
		cmocka_unit_test(test_blocks),     cmocka_unit_test(test_cidr_map),
		cmocka_unit_test(test_text_pool),
	};

	return cmocka_run_group_tests(tests, load_plan, free_plan);
}
