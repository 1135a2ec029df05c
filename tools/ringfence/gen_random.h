/* Chance of generated worlds: xoshiro256** seeded by splitmix64 (Blackman, Vigna: "Scrambled
 * linear pseudorandom number generators", 2021). Not for secrets.
 */
#ifndef TOOLS_RINGFENCE_GEN_RANDOM_H
#define TOOLS_RINGFENCE_GEN_RANDOM_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct gen_random {
	uint64_t s[4];
};

/* One round of splitmix64: a well-mixed value for every x. */
static inline uint64_t gen_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline struct gen_random gen_random(uint64_t seed)
{
	struct gen_random r;

	for (unsigned i = 0; i < 4; i++) {
		r.s[i] = gen_mix(seed + i * UINT64_C(0x9e3779b97f4a7c15));
	}
	return r;
}

static inline uint64_t gen_rotate(uint64_t x, unsigned k)
{
	return x << k | x >> (64 - k);
}

static inline uint64_t gen_next(struct gen_random *r)
{
	uint64_t result = gen_rotate(r->s[1] * 5, 7) * 9;
	uint64_t t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = gen_rotate(r->s[3], 45);
	return result;
}

/* 0 .. n - 1; n > 0. */
static inline uint64_t gen_below(struct gen_random *r, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)gen_next(r) * n) >> 64);
}

static inline uint32_t gen_between(struct gen_random *r, uint32_t low, uint32_t high)
{
	return low + (uint32_t)gen_below(r, (uint64_t)high - low + 1);
}

/* Nearly normal with mean 0 and deviation 1: the sum of four even parts, never beyond 3.5. */
static inline double gen_normal(struct gen_random *r)
{
	uint64_t x = gen_next(r);
	uint64_t sum = (x & 0xffff) + (x >> 16 & 0xffff) + (x >> 32 & 0xffff) + (x >> 48);

	return ((double)sum - 2 * 65535.0) / (65536.0 * 0.57735);
}

/* Lognormal about a median; spread: the deviation of the logarithm in hundredths. */
static inline uint32_t gen_lognormal(struct gen_random *r, uint32_t median, unsigned spread)
{
	double x = (double)median * exp(gen_normal(r) * (double)spread / 100);

	return x < 1 ? 1 : x > 4e9 ? UINT32_MAX : (uint32_t)x;
}

/* 0 inclusive to 1 exclusive. */
static inline double gen_unit(struct gen_random *r)
{
	return (double)(gen_next(r) >> 11) * 0x1p-53;
}

static inline bool gen_percent(struct gen_random *r, unsigned percent)
{
	return gen_below(r, 100) < percent;
}

#endif
