/* Instants and durations as integers: microseconds since 1970-01-01T00:00Z, microseconds.
 *
 * INSTANT_NONE is the missing value of both, in records and in columns. Nothing here reads a
 * clock. Calendar arithmetic is proleptic Gregorian (H. Hinnant, "chrono-compatible low-level
 * date algorithms").
 */
#ifndef ENGINE_CORE_INSTANT_H
#define ENGINE_CORE_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"

#define INSTANT_NONE INT64_MIN
#define US_PER_MS    INT64_C(1000)
#define US_PER_S     INT64_C(1000000)
#define US_PER_MIN   (60 * US_PER_S)
#define US_PER_HOUR  (60 * US_PER_MIN)
#define US_PER_DAY   (24 * US_PER_HOUR)

struct tz;

struct civil {
	int year;
	int month; /* 1..12 */
	int day;   /* 1..31 */
	int hour;
	int minute;
	int second;
	int us;
	int weekday; /* 1 = Monday .. 7 */
};

/* Days since 1970-01-01 of a date; years within a million of 0. */
int64_t days_of_civil(int year, int month, int day);
struct civil civil_of_instant(int64_t time_us);

/* RFC 3339 ("T" or a blank between date and time; fraction cut to microseconds; "Z", ±hh:mm or
 * none). Without an offset the local time of zone is meant (NULL: UTC). A leap second, 23:59:60
 * UTC, is the second after it. E_MALFORMED, E_RANGE (no such date, or outside the years 1970 to
 * 2200 UTC).
 */
int instant_parse_rfc3339(struct slice s, const struct tz *zone, int64_t *time_us);

/* The times of a call record (interfaces.md 1.1): RFC 3339, or epoch: up to 10 digits before a
 * decimal point are seconds, 12 to 14 digits milliseconds, 16 microseconds; a fraction is cut to
 * microseconds. E_MALFORMED, E_RANGE.
 */
int instant_parse(struct slice s, const struct tz *zone, int64_t *time_us);

enum { INSTANT_TEXT = 32 };

/* "2026-03-02T12:03:15.000Z": UTC, milliseconds (cut). Returns the length, 24; an empty text for
 * INSTANT_NONE and outside the years 0 to 9999.
 */
size_t instant_format(int64_t time_us, char out[INSTANT_TEXT]);

/* "30s", "1h30m", "500ms", "1.5h"; units ms s m h d w. The first number may have a fraction of at
 * most 6 digits (cut to microseconds). E_MALFORMED, E_RANGE (over 36525 days, 100 years).
 */
int duration_parse(struct slice s, int64_t *us);

/* For people: "350 ms" below 1 s, "1.0 s" below 1 min, "4 min 10 s" below 1 h, "2 h 5 min" below
 * 1 d, else "3 d 4 h"; rounded to the last unit shown, which is left out when 0 ("4 min"). "0 s";
 * "-" before a negative one; an empty text for INSTANT_NONE (rule-language.md section 3).
 */
size_t duration_format(int64_t us, char out[INSTANT_TEXT]);

/* For rules and messages: what duration_parse reads back, in units from d down to ms without the
 * zeros: "250s" as "4m10s", "7d". With a part below 1 ms: "1500.25ms". "0s"; "-" before a negative
 * one (duration_parse reads no sign); an empty text for INSTANT_NONE.
 */
size_t duration_format_exact(int64_t us, char out[INSTANT_TEXT]);

#endif
