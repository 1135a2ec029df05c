/* The rule of a time zone for times after its table: the POSIX TZ string in the footer of a TZif
 * file, "GMT0BST,M3.5.0/1,M10.5.0" (POSIX 8.3 "TZ"; RFC 8536 section 3.3 and 3.3.1: hours of a
 * change from -167 to 167). A plain value; no ownership.
 */
#ifndef ENGINE_CORE_TZ_RULE_H
#define ENGINE_CORE_TZ_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

enum tz_day_kind {
	TZ_DAY_NONE = 0,
	TZ_DAY_JULIAN,  /* Jn: 1..365, 29 February never counted */
	TZ_DAY_OF_YEAR, /* n: 0..365, 29 February counted */
	TZ_DAY_MONTH,   /* Mm.w.d */
};

struct tz_change {
	enum tz_day_kind kind;
	int day;  /* of the year; of the week, 0 = Sunday */
	int week; /* 1..5, 5 = the last */
	int month;
	int32_t time_s; /* wall clock before the change */
};

struct tz_rule {
	int32_t std_s; /* seconds east of UTC */
	int32_t dst_s;
	bool has_dst;
	struct tz_change dst_start;
	struct tz_change dst_end;
};

/* E_MALFORMED, E_RANGE. Daylight saving time without its two changes is malformed. */
int tz_rule_parse(struct slice text, struct tz_rule *rule);

/* Seconds east of UTC at an instant in seconds since 1970. */
int32_t tz_rule_offset_s(const struct tz_rule *rule, int64_t time_s);

#endif
