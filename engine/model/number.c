#include "model/number.h"

static const uint64_t pow10_table[] = {
	1,
	10,
	100,
	1000,
	10000,
	100000,
	1000000,
	10000000,
	100000000,
	1000000000,
	10000000000,
	100000000000,
	1000000000000,
	10000000000000,
	100000000000000,
	1000000000000000,
};

number number_of_digits(enum number_kind kind, struct slice digits)
{
	uint64_t value = 0;

	if (digits.len == 0 || digits.len > NUMBER_DIGITS_MAX) {
		return 0;
	}
	for (size_t i = 0; i < digits.len; i++) {
		if (!ascii_is_digit(digits.p[i])) {
			return 0;
		}
		value = value * 10 + (uint64_t)(digits.p[i] - '0');
	}
	return number_pack(kind, (unsigned)digits.len, value);
}

number number_of_e164(struct slice text)
{
	return text.len >= 6 && text.p[0] == '+'
	               ? number_of_digits(NUMBER_E164, slice_skip(text, 1))
	               : 0;
}

number number_of_name(uint64_t hash)
{
	return number_pack(NUMBER_NAME, 0, hash >> 8);
}

static bool has_digits(number n)
{
	enum number_kind kind = number_kind(n);

	return kind == NUMBER_E164 || kind == NUMBER_NATIONAL || kind == NUMBER_SHORT;
}

size_t number_format(number n, char out[NUMBER_TEXT])
{
	size_t len = 0;
	unsigned count = has_digits(n) ? number_digit_count(n) : 0;
	uint64_t digits = number_digits(n);

	if (count && number_kind(n) == NUMBER_E164) {
		out[len++] = '+';
	}
	for (unsigned i = count; i > 0; i--) {
		out[len + i - 1] = (char)('0' + digits % 10);
		digits /= 10;
	}
	len += count;
	out[len] = '\0';
	return len;
}

number number_prefix(number n, unsigned count)
{
	unsigned have = number_digit_count(n);

	if (!has_digits(n) || count == 0) {
		return 0;
	}
	if (count >= have) {
		return number_pack(NUMBER_NATIONAL, have, number_digits(n));
	}
	return number_pack(NUMBER_NATIONAL, count, number_digits(n) / pow10_table[have - count]);
}

number number_block(number n, unsigned count)
{
	unsigned have = number_digit_count(n);

	return has_digits(n) && count < have ? number_prefix(n, have - count) : 0;
}
