/* Log-linear bins of non-negative 64-bit integers: 64 bins an octave, so a value is known to
 * within 0.8 % of itself; values below 64 are exact. The mapping is integer arithmetic alone and
 * gives the same bin on every machine.
 */
#ifndef ENGINE_FEATURES_BINS_H
#define ENGINE_FEATURES_BINS_H

#include <stdint.h>

enum {
	BINS_PER_OCTAVE_LOG2 = 6,
	BINS_COUNT = (64 - BINS_PER_OCTAVE_LOG2 + 1) << BINS_PER_OCTAVE_LOG2
};

static inline unsigned bin_of(int64_t value)
{
	uint64_t v = value < 0 ? 0 : (uint64_t)value;

	if (v < 1U << BINS_PER_OCTAVE_LOG2) {
		return (unsigned)v;
	}
	unsigned shift = (unsigned)(63 - __builtin_clzll(v)) - BINS_PER_OCTAVE_LOG2;

	return ((shift + 1) << BINS_PER_OCTAVE_LOG2) +
	       (unsigned)((v >> shift) & ((1U << BINS_PER_OCTAVE_LOG2) - 1));
}

/* The middle of a bin. */
static inline int64_t bin_value(unsigned bin)
{
	unsigned octave = bin >> BINS_PER_OCTAVE_LOG2;
	uint64_t low = bin & ((1U << BINS_PER_OCTAVE_LOG2) - 1);

	if (octave == 0) {
		return (int64_t)low;
	}
	low = ((UINT64_C(1) << BINS_PER_OCTAVE_LOG2) + low) << (octave - 1);
	return (int64_t)(low + ((UINT64_C(1) << (octave - 1)) >> 1));
}

#endif
