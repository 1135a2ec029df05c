/* First byte: the type and whether columns are declared. A list has every value that it shows, and
 * the same text gives the same version; otherwise there is a mistake.
 */
#include "core/ensure.h"
#include "enrich/tables.h"
#include "support/shipped_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rows(const struct list *list, const struct normaliser *norm)
{
	for (int64_t row = 0; row < (int64_t)list->count; row++) {
		struct slice value = list->attribute(list, row, 0);
		struct list_key key = {.text = value};
		struct written_number w = {.text = value};
		bool no_home;
		ENSURE(value.len > 0);
		(void)number_normalise(norm, &w, 0, &key.num, &no_home);
		(void)ip_parse(value, &key.ip);
		key.country = value.len == 2 ? country_of(value.p[0], value.p[1]) : 0;
		/* A prefix or a block is no number and no address. */
		bool whole = list->type != LIST_PREFIX && list->type != LIST_CIDR;
		ENSURE(!whole || list->find(list, &key) == row);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct slice columns[] = {{"value", 5}, {"bank", 4}};
	static struct plan *plan;
	struct source_file file = {"fuzz", {(const char *)data + 1, size ? size - 1 : 0}, 0, NULL};
	struct list_options options = {.type = size ? (enum list_type)(1 + data[0] % 6) : LIST_NUM};
	struct hash_key key;
	struct diags d;

	plan = plan ? plan : SHIPPED_PLAN();
	if (size && data[0] & 0x80) {
		options.columns = columns;
		options.column_count = 2;
	}
	hash_key_default(&key);
	diags_init(&d);
	struct normaliser norm = {plan, &key, 'G' << 8 | 'B'};
	struct list *list = list_parse(&file, &options, &norm, &d);
	struct list *again = list_parse(&file, &options, &norm, &d);
	ENSURE((list == NULL) == (d.errors > 0) && !list == !again);
	if (list) {
		check_rows(list, &norm);
		ENSURE(slice_eq(list->version, again->version));
	}
	list_free(list);
	list_free(again);
	diags_fini(&d);
	return 0;
}
