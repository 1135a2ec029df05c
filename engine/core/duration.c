/* The durations of instant.h. */
#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "core/instant.h"

#define DURATION_MAX (36525 * US_PER_DAY)

static const struct unit {
	struct slice word; /* in rules */
	int64_t us;
} units[] = {
	{{"w", 1}, 7 * US_PER_DAY}, {{"d", 1}, US_PER_DAY}, {{"h", 1}, US_PER_HOUR},
	{{"m", 1}, US_PER_MIN},     {{"s", 1}, US_PER_S},   {{"ms", 2}, US_PER_MS},
};

enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]), UNIT_WEEK = 0, FRACTION_DIGITS = 6 };

/* At most digits_max digits; advances *s. E_MALFORMED without one, E_RANGE when there are more. */
static int read_number(struct slice *s, size_t digits_max, int64_t *value, size_t *digits)
{
	size_t len = 0;

	*value = 0;
	for (; len < s->len && ascii_is_digit(s->p[len]); len++) {
		if (len == digits_max) {
			return E_RANGE;
		}
		*value = *value * 10 + (s->p[len] - '0');
	}
	*s = slice_skip(*s, len);
	*digits = len;
	return len > 0 ? OK : E_MALFORMED;
}

static const struct unit *read_unit(struct slice *s)
{
	size_t len = 0;

	while (len < s->len && !ascii_is_digit(s->p[len])) {
		len++;
	}
	struct slice word = slice_first(*s, len);
	*s = slice_skip(*s, len);
	for (size_t i = 0; i < UNIT_COUNT; i++) {
		if (slice_eq(units[i].word, word)) {
			return &units[i];
		}
	}
	return NULL;
}

/* A fraction of a unit is exact: 10^6 divides every unit from seconds up. */
static int read_part(struct slice *s, bool may_have_fraction, int64_t *us)
{
	static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
	int64_t whole;
	int64_t fraction = 0;
	size_t digits;

	/* 16 digits: more than DURATION_MAX of the smallest unit, far from an overflow. */
	int err = read_number(s, 16, &whole, &digits);
	digits = 0;
	if (!err && may_have_fraction && s->len > 0 && s->p[0] == '.') {
		*s = slice_skip(*s, 1);
		err = read_number(s, FRACTION_DIGITS, &fraction, &digits);
	}
	if (err) {
		return err;
	}
	const struct unit *unit = read_unit(s);
	if (!unit) {
		return E_MALFORMED;
	}
	if (whole > DURATION_MAX / unit->us) {
		return E_RANGE;
	}
	*us = whole * unit->us + fraction * unit->us / powers[digits];
	return OK;
}

int duration_parse(struct slice s, int64_t *us)
{
	int64_t sum = 0;
	bool first = true;

	do {
		int64_t part;
		int err = read_part(&s, first, &part);
		if (err) {
			return err;
		}
		if (part > DURATION_MAX - sum) {
			return E_RANGE;
		}
		sum += part;
		first = false;
	} while (s.len > 0);
	*us = sum;
	return OK;
}

/* The magnitude of us, which is not INSTANT_NONE; its sign goes to *out. */
static int64_t put_sign(int64_t us, char **out)
{
	if (us >= 0) {
		return us;
	}
	*(*out)++ = '-';
	return -us;
}

/* For people: below `below` (0: always) in two units, rounded to the smaller. */
static const struct scale {
	int64_t below;
	int64_t major;
	int64_t minor;
	const char *major_word;
	const char *minor_word;
} scales[] = {
	{US_PER_HOUR, US_PER_MIN, US_PER_S, "min", "s"},
	{US_PER_DAY, US_PER_HOUR, US_PER_MIN, "h", "min"},
	{0, US_PER_DAY, US_PER_HOUR, "d", "h"},
};

/* The nearest multiple of step, in steps. Written so that the largest value cannot overflow. */
static int64_t in_steps(int64_t us, int64_t step)
{
	return us / step + (us % step >= step - us % step);
}

static int format_small(int64_t us, char *out, size_t size)
{
	int64_t ms = in_steps(us, US_PER_MS);
	int64_t tenths = in_steps(us, US_PER_S / 10);

	if (us == 0) {
		return snprintf(out, size, "0 s");
	}
	if (ms < 1000) {
		return snprintf(out, size, "%d ms", (int)ms);
	}
	if (tenths < 600) {
		return snprintf(out, size, "%d.%d s", (int)tenths / 10, (int)tenths % 10);
	}
	return 0;
}

static int format_large(int64_t us, char *out, size_t size)
{
	const struct scale *s = scales;

	while (s->below && in_steps(us, s->minor) >= s->below / s->minor) {
		s++;
	}
	int64_t steps = in_steps(us, s->minor);
	int64_t a_major = s->major / s->minor;
	int major = (int)(steps / a_major);
	int minor = (int)(steps % a_major);
	if (minor == 0) {
		return snprintf(out, size, "%d %s", major, s->major_word);
	}
	return snprintf(out, size, "%d %s %d %s", major, s->major_word, minor, s->minor_word);
}

size_t duration_format(int64_t us, char out[INSTANT_TEXT])
{
	char *p = out;

	if (us == INSTANT_NONE) {
		out[0] = '\0';
		return 0;
	}
	us = put_sign(us, &p);
	size_t size = INSTANT_TEXT - (size_t)(p - out);
	int len = format_small(us, p, size);
	if (len == 0) {
		len = format_large(us, p, size);
	}
	return (size_t)(p - out) + (size_t)len;
}

/* "1500.25ms": the part below 1 ms without the zeros at its end. */
static int format_fraction(int64_t us, char *out, size_t size)
{
	int digits = 3;
	int part = (int)(us % US_PER_MS);

	while (part % 10 == 0) {
		part /= 10;
		digits--;
	}
	return snprintf(out, size, "%lld.%0*dms", (long long)(us / US_PER_MS), digits, part);
}

static int format_units(int64_t us, char *out, size_t size)
{
	int len = 0;

	for (size_t i = UNIT_WEEK + 1; i < UNIT_COUNT; i++) {
		int64_t count = us / units[i].us;
		us %= units[i].us;
		if (count > 0) {
			len += snprintf(out + len, size - (size_t)len, "%lld%s", (long long)count,
			                units[i].word.p);
		}
	}
	return len > 0 ? len : snprintf(out, size, "0s");
}

size_t duration_format_exact(int64_t us, char out[INSTANT_TEXT])
{
	char *p = out;

	if (us == INSTANT_NONE) {
		out[0] = '\0';
		return 0;
	}
	us = put_sign(us, &p);
	size_t size = INSTANT_TEXT - (size_t)(p - out);
	int len = us % US_PER_MS ? format_fraction(us, p, size) : format_units(us, p, size);
	return (size_t)(p - out) + (size_t)len;
}
