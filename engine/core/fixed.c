#include "core/fixed.h"

int64_t log2_fixed(uint64_t n)
{
	unsigned whole = (unsigned)(63 - __builtin_clzll(n));
	/* 1 <= x < 2 with 63 fraction bits. */
	uint64_t x = n << (63 - whole);
	uint64_t fraction = 0;

	for (int bit = 0; bit < LOG2_FRACTION_BITS; bit++) {
		unsigned __int128 square = (unsigned __int128)x * x;
		fraction <<= 1;
		if (square >> 127) {
			fraction |= 1;
			x = (uint64_t)(square >> 64);
		} else {
			x = (uint64_t)(square >> 63);
		}
	}
	return ((int64_t)whole << LOG2_FRACTION_BITS) | (int64_t)fraction;
}
