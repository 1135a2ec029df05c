/* Any bytes: what can be laid out stays as it is when it is laid out again. */
#include <stdint.h>

#include "core/ensure.h"
#include "core/err.h"
#include "detect/fmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct slice text = {(const char *)bytes, len};
	struct buf once = {0}, twice = {0};
	struct diags d;

	diags_init(&d);
	if (fmt_file(diags_file(&d, "fuzz", text), &d, &once) == OK) {
		ENSURE(fmt_file(diags_file(&d, "fuzz", buf_view(&once)), &d, &twice) == OK);
		ENSURE(slice_eq(buf_view(&once), buf_view(&twice)));
	}
	buf_fini(&once);
	buf_fini(&twice);
	diags_fini(&d);
	return 0;
}
