#include <stdlib.h>

#include "enrich/list_table.h"

static const struct list_table *table_of(const struct list *list)
{
	return (const struct list_table *)list;
}

static int64_t row_of(const struct list_number *row)
{
	return row ? (int64_t)row->row : -1;
}

static int64_t find_num(const struct list *list, const struct list_key *key)
{
	return key->num ? row_of(number_map_exact(&table_of(list)->nums, key->num)) : -1;
}

static int64_t find_prefix(const struct list *list, const struct list_key *key)
{
	return row_of(number_map_find(&table_of(list)->nums, key->num));
}

static int64_t find_value(const struct list_table *t, struct slice bytes)
{
	uint32_t text = text_pool_find(&t->values, bytes), row;

	if (text == TEXT_NONE) {
		return -1;
	}
	memcpy(&row, text_pool_tail(&t->values, text), sizeof(row));
	return row;
}

static int64_t find_text(const struct list *list, const struct list_key *key)
{
	return find_value(table_of(list), key->text);
}

static int64_t find_ip(const struct list *list, const struct list_key *key)
{
	struct slice bytes = {(const char *)key->ip.bytes, sizeof(key->ip.bytes)};

	return key->ip.family ? find_value(table_of(list), bytes) : -1;
}

static int64_t find_cidr(const struct list *list, const struct list_key *key)
{
	return cidr_map_find(&table_of(list)->cidrs, &key->ip);
}

static int64_t find_country(const struct list *list, const struct list_key *key)
{
	unsigned a = (unsigned)(key->country >> 8) - 'A', b = (key->country & 0xffu) - 'A';

	return a < 26 && b < 26 ? table_of(list)->countries[a * 26 + b] - 1 : -1;
}

static struct slice attribute(const struct list *list, int64_t row, unsigned column)
{
	const struct list_table *t = table_of(list);

	if (row < 0 || (uint64_t)row >= list->count || column >= t->columns) {
		return SLICE_NONE;
	}
	struct slice cell = list_cell(t, (size_t)row, column);
	return cell.len ? cell : SLICE_NONE;
}

static void table_free(struct list *list)
{
	struct list_table *t = (struct list_table *)list;

	arena_fini(&t->arena);
	number_map_fini(&t->nums);
	cidr_map_fini(&t->cidrs);
	text_pool_fini(&t->values);
	buf_fini(&t->text);
	buf_fini(&t->starts);
	free(t);
}

void list_table_ops(struct list_table *t)
{
	static int64_t (*const find[])(const struct list *, const struct list_key *) = {
		[LIST_NUM] = find_num,   [LIST_PREFIX] = find_prefix, [LIST_IP] = find_ip,
		[LIST_CIDR] = find_cidr, [LIST_TEXT] = find_text,     [LIST_COUNTRY] = find_country,
	};

	t->list.find = find[t->list.type];
	t->list.attribute = attribute;
	t->list.free = table_free;
}

void list_free(struct list *list)
{
	if (list) {
		list->free(list);
	}
}
