/* crypto.h against known answers: RFC 7693 appendix A for "abc", Python's hashlib for the others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/crypto.h"
#include "core/err.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void test_digest(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} rows[] = {
		{"", "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419"},
		{"abc", "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"},
	};
	uint8_t out[DIGEST_SIZE];
	char hex[2 * DIGEST_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		digest_blake2b(slice_of(rows[i].text), out);
		hex_format(out, sizeof(out), hex);
		assert_string_equal(hex, rows[i].want);
	}
}

/* Any cut into pieces, empty ones too, gives the digest of the whole. */
static void test_digest_in_pieces(void **state)
{
	char text[300];
	uint8_t whole[DIGEST_SIZE], pieces[DIGEST_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = (char)i;
	}
	digest_blake2b((struct slice){text, sizeof(text)}, whole);
	for (size_t step = 1; step < sizeof(text); step += 37) {
		struct digest *d = digest_new();
		struct slice rest = {text, sizeof(text)};
		digest_add(d, SLICE_NONE);
		for (; rest.len > 0; rest = slice_skip(rest, step)) {
			digest_add(d, slice_first(rest, step));
		}
		digest_end(d, pieces);
		assert_memory_equal(whole, pieces, sizeof(whole));
	}
}

static void test_mac(void **state)
{
	static const struct {
		size_t key_len;
		size_t len; /* of the bytes 0, 1, 2, ... */
		const char *want;
	} rows[] = {
		{1, 0, "667428338d33e26cdee2fcbafffde7fe"},
		{1, 3, "7416c609a5dc0d8d0548aec8232bc4ed"},
		{16, 3, "fe87fc281e35c9d95c2ffa87cebd46de"},
		{32, 0, "3daf97bce7888fd59773c66bf647459c"},
		{32, 3, "194701a386811588a35d83be1f36769c"},
		{64, 512, "f06aa098884284eded8fbed231c46b6c"},
		{63, 127, "4f477006ef8c3e577159f9f1bb8636ae"},
		{64, 128, "e73ac67c730bc525224c1fe98561401b"},
	};
	uint8_t counting[512], out[MAC_SIZE];
	char hex[2 * MAC_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(counting); i++) {
		counting[i] = (uint8_t)i;
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice bytes = {(const char *)counting, rows[i].len};
		mac_blake2b(counting, rows[i].key_len, bytes, out);
		hex_format(out, sizeof(out), hex);
		assert_string_equal(hex, rows[i].want);
	}
}

static void test_hex(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x0f, 0xf0, 0xa9};
	char out[9];

	(void)state;
	hex_format(bytes, sizeof(bytes), out);
	assert_string_equal(out, "000ff0a9");
	hex_format(bytes, 0, out);
	assert_string_equal(out, "");
}

static void test_random(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	assert_int_equal(random_bytes(a, sizeof(a)), OK);
	assert_int_equal(random_bytes(b, sizeof(b)), OK);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(random_bytes(a, SIZE_MAX), E_IO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest), cmocka_unit_test(test_digest_in_pieces),
		cmocka_unit_test(test_mac),    cmocka_unit_test(test_hex),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
