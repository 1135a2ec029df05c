/* A telephone number in 64 bits: digits, digit count and kind (DESIGN.md section 3).
 *
 *	bits 63..60 kind   59..56 digit count   55..0 digits as a number (of NAME: a keyed hash)
 *
 * An E.164 number has at most 15 digits and 10^15 < 2^56, so the value is exact: it is the hash
 * key, the comparison and the trie input. 0 is the missing number (withheld, empty, invalid).
 * Text exists only at the edges; how text becomes a number is enrich/normalise.h.
 */
#ifndef ENGINE_MODEL_NUMBER_H
#define ENGINE_MODEL_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

typedef uint64_t number; /* the one scalar typedef of the project: it is a column type */

enum number_kind {
	NUMBER_MISSING = 0,
	NUMBER_E164,     /* calling code and national number */
	NUMBER_NATIONAL, /* digits without a known country: equal only to themselves */
	NUMBER_SHORT,    /* 2 to 6 digits of the home country */
	NUMBER_NAME,     /* text with a letter: a key, nothing else */
};

enum { NUMBER_DIGITS_MAX = 15, NUMBER_TEXT = 24 };

static inline enum number_kind number_kind(number n)
{
	return (enum number_kind)(n >> 60);
}

static inline unsigned number_digit_count(number n)
{
	return (unsigned)(n >> 56) & 15;
}

static inline uint64_t number_digits(number n)
{
	return n & ((UINT64_C(1) << 56) - 1);
}

static inline number number_pack(enum number_kind kind, unsigned count, uint64_t digits)
{
	return (uint64_t)kind << 60 | (uint64_t)(count & 15) << 56 | digits;
}

/* Digits only, 1 to 15 of them; 0 otherwise. */
number number_of_digits(enum number_kind kind, struct slice digits);
/* "+" and 5 to 15 digits, nothing else; 0 otherwise. */
number number_of_e164(struct slice text);
/* The name's keyed hash in 56 bits. */
number number_of_name(uint64_t hash);

/* "+442079460001" for E.164, digits for national and short; "" for a name and for missing (their
 * text is the raw column). Returns the length.
 */
size_t number_format(number n, char out[NUMBER_TEXT]);

/* The first count digits as a number of kind NATIONAL ("prefix", rule-language.md section 7:
 * with country code, no +); the whole when it is shorter. Missing for names and missing.
 */
number number_prefix(number n, unsigned count);
/* Without the last count digits, kind NATIONAL; missing when nothing is left. */
number number_block(number n, unsigned count);

#endif
