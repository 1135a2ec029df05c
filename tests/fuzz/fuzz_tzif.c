/* Any bytes as a TZif file: a zone that is read has offsets within 26 hours at every time, and they
 * turn local times into instants.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/ensure.h"
#include "core/err.h"
#include "core/instant.h"
#include "core/tz.h"
#include "core/tzif.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct tz *zone;

	if (tzif_parse((struct slice){(const char *)bytes, len}, &zone) == OK) {
		for (int64_t day = -30000; day < 90000; day += 997) {
			int32_t offset_s = tz_offset_s(zone, day * US_PER_DAY);
			int64_t t = tz_to_utc(zone, day * US_PER_DAY);
			ENSURE(abs(offset_s) <= 26 * 3600);
			ENSURE(llabs(t - day * US_PER_DAY) <= 26 * US_PER_HOUR);
		}
		free(zone);
	}
	return 0;
}
