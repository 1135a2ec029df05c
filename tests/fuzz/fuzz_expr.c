/* Any text as the expression of a `let`: refused, or printed in a form that loads again and prints
 * the same. The text stands in double quotes, so YAML hands on every byte.
 */
#include <stdint.h>

#include "core/ensure.h"
#include "detect/rule.h"

#define HEAD                                                                                    \
 "{version: 1, lists: {'@n': {type: num, inline: []}, '@t': {type: text, inline: [], columns: " \
 "[value, note]}}, rules: [{id: f, rev: 1, title: t, class: other, severity: low, on: call, "   \
 "key: caller.num, window: 10m, when: calls > 1, params: {n: {type: int, default: 2}, d: "      \
 "{type: dur, default: 2s}}, let: {calls: count(), ring_s: ring / 1s, v: \""
#define TAIL "\"}}]}"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool print_again(struct slice text, struct buf *printed)
{
	struct buf file = {0};
	struct diags d;
	struct ruleset *set;

	buf_text(&file, HEAD);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		buf_text(&file, c == '"' || c == '\\' || c == '\n' ? "\\" : "");
		buf_char(&file, c == '\n' ? 'n' : c);
	}
	buf_text(&file, TAIL);
	diags_init(&d);
	(void)ruleset_load_text("fuzz", buf_view(&file), NULL, &d, &set);
	bool loaded = set != NULL;
	if (set) {
		expr_print(set->rules[0]->lets[2].expr, set->rules[0], set, printed);
	}
	ruleset_free(set);
	diags_fini(&d);
	buf_fini(&file);
	return loaded;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf first = {0}, second = {0};

	if (print_again((struct slice){(const char *)bytes, len}, &first) && first.len < 4096) {
		ENSURE(print_again(buf_view(&first), &second));
		ENSURE(slice_eq(buf_view(&first), buf_view(&second)));
	}
	buf_fini(&first);
	buf_fini(&second);
	return 0;
}
