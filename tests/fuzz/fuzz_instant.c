/* Any text as a time and as a duration: what parses prints, and the print parses to the same. */
#include <stdint.h>

#include "core/ensure.h"
#include "core/err.h"
#include "core/instant.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct slice text = {(const char *)bytes, len};
	char print[INSTANT_TEXT];
	int64_t us;
	int64_t again;

	if (instant_parse(text, NULL, &us) == OK) {
		struct slice s = {print, instant_format(us, print)};
		ENSURE(instant_parse(s, NULL, &again) == OK && again == us / US_PER_MS * US_PER_MS);
	}
	if (duration_parse(text, &us) == OK) {
		ENSURE(duration_format(us, print) > 0);
		struct slice s = {print, duration_format_exact(us, print)};
		ENSURE(duration_parse(s, &again) == OK && again == us);
	}
	return 0;
}
