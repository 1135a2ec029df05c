/* Any bytes as a rule file: a set or errors, each with a place in the file; messages print. */
#include <stdint.h>

#include "core/ensure.h"
#include "core/err.h"
#include "detect/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	size_t whole = 0;
	struct ruleset_options options = {.whole = &whole};
	struct ruleset *set;
	struct diags d;
	struct buf out = {0};

	diags_init(&d);
	int err = ruleset_load_text("fuzz", (struct slice){(const char *)bytes, len}, &options, &d,
	                            &set);
	ENSURE((err == OK) == (set != NULL) && (err == OK) == (d.errors == 0));
	ENSURE(!set || set->rule_count == whole);
	for (const struct diag *one = d.first; one; one = one->next) {
		ENSURE(one->at.file && one->message.len > 0);
	}
	diags_print(&d, &out);
	buf_fini(&out);
	ruleset_free(set);
	diags_fini(&d);
	return 0;
}
