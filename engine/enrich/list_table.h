/* A list as it is kept: shared by list.c, which asks it, and list_load.c, which makes it. */
#ifndef ENGINE_ENRICH_LIST_TABLE_H
#define ENGINE_ENRICH_LIST_TABLE_H

#include "core/arena.h"
#include "enrich/cidr_map.h"
#include "enrich/number_map.h"
#include "enrich/tables.h"
#include "enrich/text_pool.h"

enum { LIST_COUNTRIES = 26 * 26, LIST_KEY_MAX = POOL_TEXT_MAX };

/* A row of the number map. */
struct __attribute__((packed, aligned(4))) list_number {
	number key;
	uint32_t row;
};

struct list_table {
	struct list list;
	struct arena arena;                /* name and version */
	struct number_map nums;            /* LIST_NUM, LIST_PREFIX */
	struct cidr_map cidrs;             /* LIST_CIDR */
	struct text_pool values;           /* LIST_IP, LIST_TEXT: key bytes; tail: row */
	int32_t countries[LIST_COUNTRIES]; /* LIST_COUNTRY: row + 1 */
	struct buf text;                   /* all cells, one behind the other */
	struct buf starts; /* uint32_t: where each cell begins, row by row; one more at the end */
	unsigned columns;
};

/* What a list compares: the bytes of a value, by its type. */
struct list_value {
	enum list_type type;
	number num;
	struct cidr_block block;
	struct slice text;
	unsigned country; /* 0 to LIST_COUNTRIES - 1 */
	size_t len;
	char bytes[LIST_KEY_MAX]; /* equal for equal values, and only for these */
};

/* Sets find, attribute and free of a list whose type is known. */
void list_table_ops(struct list_table *t);
/* NULL, or what is wrong with the text as a value of the type. */
const char *list_value_parse(enum list_type type, struct slice text, const struct normaliser *norm,
                             struct list_value *value);
/* The value for the digest: "+4420…", "44*", "10.0.0.0/8". */
void list_value_format(const struct list_value *value, struct buf *out);

static inline struct slice list_cell(const struct list_table *t, size_t row, unsigned column)
{
	const uint32_t *starts = (const uint32_t *)(const void *)t->starts.p;
	size_t at = row * t->columns + column;

	return (struct slice){t->text.p + starts[at], starts[at + 1] - starts[at]};
}

#endif
