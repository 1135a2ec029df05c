#include "core/instant.h"

#include <endian.h>

#include "core/err.h"
#include "core/tz.h"

/* 2201-01-01T00:00:00Z: the first instant that is refused. */
#define INSTANT_END (INT64_C(84371) * US_PER_DAY)

/* Shifting the year to begin in March puts the leap day last, so that the days before a month are
 * a linear formula; shifting it by a multiple of 400 lets the divisions be unsigned and short.
 */
#define ERAS_BEFORE       2500
#define DAYS_OF_ERA       146097
#define DAYS_0000_TO_1970 719468 /* from 0000-03-01 */

int64_t days_of_civil(int year, int month, int day)
{
	uint32_t y = (uint32_t)(year - (month <= 2) + ERAS_BEFORE * 400);
	uint32_t m = (uint32_t)(month > 2 ? month - 3 : month + 9);
	uint32_t days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + (uint32_t)day - 1;

	return (int64_t)days - (ERAS_BEFORE * (int64_t)DAYS_OF_ERA + DAYS_0000_TO_1970);
}

static void civil_date(int64_t days, struct civil *c)
{
	int64_t shifted = days + DAYS_0000_TO_1970;
	int64_t era = (shifted >= 0 ? shifted : shifted - (DAYS_OF_ERA - 1)) / DAYS_OF_ERA;
	int day_of_era = (int)(shifted - era * DAYS_OF_ERA);
	int year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month = (5 * day_of_year + 2) / 153;

	c->day = day_of_year - (153 * month + 2) / 5 + 1;
	c->month = month < 10 ? month + 3 : month - 9;
	c->year = (int)(year_of_era + era * 400) + (c->month <= 2);
	/* 1970-01-01 was a Thursday. */
	c->weekday = (int)(((days + 3) % 7 + 7) % 7) + 1;
}

struct civil civil_of_instant(int64_t time_us)
{
	int64_t days = time_us / US_PER_DAY;
	int64_t rest = time_us % US_PER_DAY;
	struct civil c;

	if (rest < 0) {
		rest += US_PER_DAY;
		days--;
	}
	civil_date(days, &c);
	c.hour = (int)(rest / US_PER_HOUR);
	c.minute = (int)(rest / US_PER_MIN % 60);
	c.second = (int)(rest / US_PER_S % 60);
	c.us = (int)(rest % US_PER_S);
	return c;
}

/* Eight bytes of a form such as "0000-00-", where 0 stands for any digit, at a time: byte i of the
 * result is the number of the digits at i and i + 1. *bad gets a high bit where text and form
 * differ. In between the digits are 0 to 9 and the separators 0, so that adding what lifts 10 or 1
 * to 128 finds the wrong ones.
 */
static inline uint64_t read_form(const char *text, const char *form, uint64_t *bad)
{
	const uint64_t high_bits = UINT64_C(0x8080808080808080);
	uint64_t t;
	uint64_t f;

	memcpy(&t, text, 8);
	memcpy(&f, form, 8);
	uint64_t x = le64toh(t ^ f);
	/* Bit 3 is set in '-' and ':', not in '0'. */
	uint64_t separators = (le64toh(f) >> 3) & UINT64_C(0x0101010101010101);
	uint64_t lift = UINT64_C(0x7676767676767676) + separators * 9;
	*bad |= ((x + lift) | x) & high_bits;
	return x * 10 + (x >> 8);
}

static inline unsigned byte_at(uint64_t x, unsigned i)
{
	return (unsigned)(x >> (8 * i)) & 0xff;
}

static inline bool date_exists(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t days[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month < 1 || month > 12) {
		return false;
	}
	bool leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return day >= 1 && day <= days[month] + (unsigned)leap;
}

enum { DATE_TIME_LEN = 19 }; /* "2026-03-02T12:03:15" */

/* The first DATE_TIME_LEN bytes as if they were UTC; a second of 60 is left for the caller. */
static inline int read_date_time(const char *p, int64_t *time_us, unsigned *second)
{
	uint64_t bad = p[10] != 'T' && p[10] != ' ' && p[10] != 't';
	uint64_t head = read_form(p, "0000-00-", &bad);
	uint64_t middle = read_form(p + 2, "00-00-00", &bad);
	uint64_t tail = read_form(p + 11, "00:00:00", &bad);

	if (bad) {
		return E_MALFORMED;
	}
	unsigned year = byte_at(head, 0) * 100 + byte_at(head, 2);
	unsigned month = byte_at(head, 5);
	unsigned day = byte_at(middle, 6);
	unsigned hour = byte_at(tail, 0);
	unsigned minute = byte_at(tail, 3);
	*second = byte_at(tail, 6);
	if (!date_exists(year, month, day) || hour > 23 || minute > 59 || *second > 60) {
		return E_RANGE;
	}
	*time_us = days_of_civil((int)year, (int)month, (int)day) * US_PER_DAY +
	           ((int64_t)hour * 3600 + (int64_t)minute * 60 + *second) * US_PER_S;
	return OK;
}

/* Digits after a decimal point as microseconds, further ones cut; advances *s past them.
 * E_MALFORMED when there is none.
 */
static inline int read_fraction(struct slice *s, int64_t *us)
{
	static const int32_t weights[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
	int32_t value = 0;
	size_t len = 0;

	for (; len < s->len && len < 6 && ascii_is_digit(s->p[len]); len++) {
		value = value * 10 + (s->p[len] - '0');
	}
	*us = (int64_t)value * weights[len];
	if (len == 0) {
		return E_MALFORMED;
	}
	while (len < s->len && ascii_is_digit(s->p[len])) {
		len++;
	}
	*s = slice_skip(*s, len);
	return OK;
}

static unsigned read_pair(const char *p, bool *bad)
{
	unsigned tens = (unsigned)(unsigned char)p[0] - '0';
	unsigned ones = (unsigned)(unsigned char)p[1] - '0';

	*bad |= tens > 9 || ones > 9;
	return tens * 10 + ones;
}

/* "+05:30" */
static int read_offset(struct slice s, int64_t *offset_us)
{
	bool bad = false;

	if (s.len != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':') {
		return E_MALFORMED;
	}
	unsigned hour = read_pair(s.p + 1, &bad);
	unsigned minute = read_pair(s.p + 4, &bad);
	if (bad) {
		return E_MALFORMED;
	}
	if (hour > 23 || minute > 59) {
		return E_RANGE;
	}
	*offset_us = ((int64_t)hour * 60 + minute) * US_PER_MIN * (s.p[0] == '-' ? -1 : 1);
	return OK;
}

/* What follows the seconds: fraction, "Z", offset or nothing. local_us becomes the instant. */
static int read_rest(struct slice s, const struct tz *zone, int64_t *local_us)
{
	int64_t fraction_us = 0;
	int64_t offset_us = 0;

	if (s.len > 0 && s.p[0] == '.') {
		s = slice_skip(s, 1);
		int err = read_fraction(&s, &fraction_us);
		if (err) {
			return err;
		}
	}
	if (s.len == 0) {
		*local_us = zone ? tz_to_utc(zone, *local_us) : *local_us;
	} else if (s.len != 1 || ascii_lower(s.p[0]) != 'z') {
		int err = read_offset(s, &offset_us);
		if (err) {
			return err;
		}
	}
	*local_us += fraction_us - offset_us;
	return OK;
}

int instant_parse_rfc3339(struct slice s, const struct tz *zone, int64_t *time_us)
{
	unsigned second;
	int64_t t;

	if (s.len < DATE_TIME_LEN) {
		return E_MALFORMED;
	}
	int err = read_date_time(s.p, &t, &second);
	if (err) {
		return err;
	}
	if (s.len != DATE_TIME_LEN + 1 || s.p[DATE_TIME_LEN] != 'Z') {
		err = read_rest(slice_skip(s, DATE_TIME_LEN), zone, &t);
		if (err) {
			return err;
		}
	}
	if (t < 0 || t >= INSTANT_END || (second == 60 && t % US_PER_DAY >= US_PER_S)) {
		return E_RANGE;
	}
	*time_us = t;
	return OK;
}

/* Microseconds a unit of a number of that many digits; 0: no such number. */
static const int64_t epoch_units[] = {
	[1] = US_PER_S,   [2] = US_PER_S,   [3] = US_PER_S,   [4] = US_PER_S, [5] = US_PER_S,
	[6] = US_PER_S,   [7] = US_PER_S,   [8] = US_PER_S,   [9] = US_PER_S, [10] = US_PER_S,
	[12] = US_PER_MS, [13] = US_PER_MS, [14] = US_PER_MS, [16] = 1,
};

static int parse_epoch(struct slice s, int64_t *time_us)
{
	int64_t whole = 0;
	int64_t fraction_us = 0;
	size_t len = 0;

	for (; len < s.len && len < 17 && ascii_is_digit(s.p[len]); len++) {
		whole = whole * 10 + (s.p[len] - '0');
	}
	int64_t unit = len < sizeof(epoch_units) / sizeof(epoch_units[0]) ? epoch_units[len] : 0;
	if (unit == 0) {
		return E_MALFORMED;
	}
	s = slice_skip(s, len);
	if (s.len > 0) {
		bool point = s.p[0] == '.';
		s = slice_skip(s, 1);
		if (!point || read_fraction(&s, &fraction_us) || s.len > 0) {
			return E_MALFORMED;
		}
	}
	if (whole >= INSTANT_END / unit) {
		return E_RANGE;
	}
	*time_us = whole * unit + fraction_us * unit / US_PER_S;
	return OK;
}

int instant_parse(struct slice s, const struct tz *zone, int64_t *time_us)
{
	if (s.len >= DATE_TIME_LEN && s.p[4] == '-') {
		return instant_parse_rfc3339(s, zone, time_us);
	}
	return parse_epoch(s, time_us);
}

static char *put_digits(char *out, int value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + digits;
}

size_t instant_format(int64_t time_us, char out[INSTANT_TEXT])
{
	struct civil c = civil_of_instant(time_us);
	char *p = out;

	if (c.year < 0 || c.year > 9999) {
		out[0] = '\0';
		return 0;
	}
	p = put_digits(p, c.year, 4);
	*p++ = '-';
	p = put_digits(p, c.month, 2);
	*p++ = '-';
	p = put_digits(p, c.day, 2);
	*p++ = 'T';
	p = put_digits(p, c.hour, 2);
	*p++ = ':';
	p = put_digits(p, c.minute, 2);
	*p++ = ':';
	p = put_digits(p, c.second, 2);
	*p++ = '.';
	p = put_digits(p, c.us / 1000, 3);
	*p++ = 'Z';
	*p = '\0';
	return (size_t)(p - out);
}
