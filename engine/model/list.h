/* A list that rules look things up in: numbers, prefixes, addresses, texts, countries.
 * enrich/list makes and loads them, detect/ only asks. Immutable while in use: a reload makes a
 * new one and swaps it between two batches.
 */
#ifndef ENGINE_MODEL_LIST_H
#define ENGINE_MODEL_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "model/batch.h"
#include "model/event.h"
#include "model/number.h"

enum list_type {
	LIST_NONE = 0,
	LIST_NUM,
	LIST_PREFIX, /* longest match on a number's digits, with country code */
	LIST_IP,
	LIST_CIDR,
	LIST_TEXT,
	LIST_COUNTRY,
};

/* What is asked for: the member of the list's type is looked at. */
struct list_key {
	number num;
	struct ip ip;
	struct slice text;
	country country;
};

struct list {
	enum list_type type;
	struct slice name;    /* without '@' */
	struct slice version; /* "b2:" + hex of the content: named in alerts */
	size_t count;
	/* Row of the entry that matches, or -1. Thread-safe. */
	int64_t (*find)(const struct list *list, const struct list_key *key);
	/* Text of a column of a row (column 0 is the value); missing when there is none. */
	struct slice (*attribute)(const struct list *list, int64_t row, unsigned column);
	void (*free)(struct list *list);
};

#endif
