/* Logarithms without libm, whose last bit depends on the machine: fixed point, integers only. */
#ifndef ENGINE_CORE_FIXED_H
#define ENGINE_CORE_FIXED_H

#include <stdint.h>

enum { LOG2_FRACTION_BITS = 32 };

/* log2(n) for n >= 1 with 32 fraction bits, rounded down (bit-by-bit squaring, Knuth, TAOCP 1,
 * 1.2.2 exercise 25).
 */
int64_t log2_fixed(uint64_t n);

#endif
