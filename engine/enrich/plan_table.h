/* The compiled plan: shared by plan.c, which asks it, and plan_load.c, which makes it.
 *
 * A node stands for a prefix and knows everything that holds for numbers whose longest known
 * prefix it is, what shorter prefixes say included. Node 0 and profile 0 know nothing.
 */
#ifndef ENGINE_ENRICH_PLAN_TABLE_H
#define ENGINE_ENRICH_PLAN_TABLE_H

#include <assert.h>

#include "core/buf.h"
#include "enrich/plan.h"

enum {
	PLAN_COUNTRIES = 256, /* row 0: no country */
	PLAN_CODES = 256,     /* row 0: no calling code */
	PLAN_NODES = 65536,
	PLAN_LENGTHS = 16,
	PLAN_VERSION = 64,
	CODE_DIGITS = 3,
	CODE_ROWS = 1000,
};

/* Country row and type of the numbers of one length; 0: no number of the plan. */
typedef uint16_t plan_label;

static inline plan_label plan_label_of(unsigned country_row, unsigned type)
{
	return (plan_label)(country_row << 4 | type);
}

static_assert(NUMTYPE_COUNT <= 16, "a type fits four bits of a label");

struct plan_profile {
	plan_label label[PLAN_LENGTHS]; /* by digits of the whole number */
};

struct plan_node {
	_Alignas(32) uint16_t child[10]; /* 0: no longer prefix is known */
	uint16_t profile;
	uint8_t country_row; /* of what fits no label */
	uint8_t type;        /* of what fits no label: satellite, or unknown */
};

static_assert(sizeof(struct plan_node) == 32, "half a cache line");

struct plan_code {
	uint16_t code;
	uint8_t digits;
	uint8_t country_row; /* main country */
	uint8_t shortest;    /* digits of whole numbers */
	uint8_t longest;
	uint16_t lengths; /* bit n: whole numbers of n digits */
};

struct plan {
	struct plan_country countries[PLAN_COUNTRIES];
	uint16_t country_count;
	uint8_t country_at[26 * 26];
	struct plan_code codes[PLAN_CODES];
	uint16_t code_count;
	uint8_t code_at[CODE_ROWS]; /* by the first three digits */
	uint16_t root[CODE_ROWS]; /* node behind them; without children where the prefix is shorter
	                           */
	const struct plan_node *nodes;
	const struct plan_profile *profiles;
	struct buf node_memory; /* CODE_ROWS and more nodes, aligned by hand */
	struct buf profile_memory;
	char version[PLAN_VERSION];
};

/* 0 for what is no two letters or has no plan. */
static inline unsigned plan_country_row(const struct plan *p, country c)
{
	unsigned a = (unsigned)(c >> 8) - 'A', b = (unsigned)(c & 0xff) - 'A';

	return a < 26 && b < 26 ? p->country_at[a * 26 + b] : 0;
}

/* The first three digits of digits, filled up with 0; row 0, which no code has, for others. */
static inline unsigned plan_code_row(struct slice digits)
{
	unsigned at = 0;

	for (size_t i = 0; i < CODE_DIGITS; i++) {
		char c = i < digits.len ? digits.p[i] : '0';
		if (!ascii_is_digit(c)) {
			return 0;
		}
		at = at * 10 + (unsigned)(c - '0');
	}
	return at;
}

#endif
