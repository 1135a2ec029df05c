/* Any bytes: a tree or an error; places in values lie behind where the value begins; messages
 * print. */
#include <stdint.h>

#include "core/ensure.h"
#include "core/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_node(const struct yaml_node *n)
{
	size_t step = 1 + n->text.len / 64;

	ENSURE(n->raw_begin <= n->raw_end);
	for (size_t i = 0; n->kind == YAML_SCALAR && i <= n->text.len; i += step) {
		struct place at = yaml_place(n, i);
		ENSURE(at.line >= n->at.line && at.column >= 1);
	}
	for (const struct yaml_node *child = n->first; child; child = child->next) {
		check_node(child);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct slice text = {(const char *)bytes, len};
	struct diags d;
	struct arena arena;
	struct buf out = {0};

	diags_init(&d);
	arena_init(&arena, 64 << 20);
	struct yaml_node *root = yaml_parse(diags_file(&d, "fuzz", text), &arena, &d);
	ENSURE((root != NULL) == (d.errors == 0));
	if (root) {
		check_node(root);
	}
	diags_sort(&d);
	diags_print(&d, &out);
	diags_json(&d, &out);
	ENSURE(!out.failed && arena_overflowed(&arena) == false);
	buf_fini(&out);
	arena_fini(&arena);
	diags_fini(&d);
	return 0;
}
