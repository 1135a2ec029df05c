/* Time zones from the system's tzdata (TZif files, RFC 8536, with the POSIX rule of the footer
 * for times after the table). Loaded once by name, immutable afterwards, shared by threads.
 */
#ifndef ENGINE_CORE_TZ_H
#define ENGINE_CORE_TZ_H

#include <stdint.h>

#include "core/slice.h"

struct tz;

/* "Europe/London", "UTC" (built in: there without tzdata). The name may hold letters, digits,
 * / _ + - only: no way out of the zone folder. E_NOTFOUND, E_MALFORMED (a damaged file),
 * E_UNSUPPORTED (a version 1 file; a zone that counts leap seconds), E_NOMEM. Zones are cached for
 * the life of the process; tz_get is thread-safe.
 */
int tz_get(struct slice name, const struct tz **zone);

/* Seconds east of UTC at the instant (of the years 0 to 9999, as everywhere here). */
int32_t tz_offset_s(const struct tz *zone, int64_t time_us);

/* The instant of a local wall-clock time (us since 1970 as if UTC); the earlier one where the
 * wall clock repeats. In a gap, where it jumps from 01:00 to 02:00, 01:30 means 02:30: the clock of
 * before the jump goes on.
 */
int64_t tz_to_utc(const struct tz *zone, int64_t local_us);

#endif
