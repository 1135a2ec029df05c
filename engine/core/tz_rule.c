#include "core/tz_rule.h"

#include "core/err.h"
#include "core/instant.h"

enum {
	S_PER_DAY = 86400,
	OFFSET_HOURS_MAX = 24,
	CHANGE_HOURS_MAX = 167,
	CHANGE_DEFAULT_S = 7200,
	NAME_LEN_MIN = 3,
};

static bool take_char(struct slice *s, char c)
{
	if (s->len == 0 || s->p[0] != c) {
		return false;
	}
	*s = slice_skip(*s, 1);
	return true;
}

static int take_number(struct slice *s, int min, int max, int *value)
{
	size_t len = 0;

	*value = 0;
	for (; len < s->len && len < 4 && ascii_is_digit(s->p[len]); len++) {
		*value = *value * 10 + (s->p[len] - '0');
	}
	*s = slice_skip(*s, len);
	if (len == 0) {
		return E_MALFORMED;
	}
	return *value < min || *value > max ? E_RANGE : OK;
}

/* "GMT" or "<+0330>". */
static int take_name(struct slice *s)
{
	size_t len = 0;
	bool quoted = take_char(s, '<');

	while (len < s->len) {
		char c = ascii_lower(s->p[len]);
		bool letter = c >= 'a' && c <= 'z';
		if (!letter && !(quoted && (ascii_is_digit(c) || c == '+' || c == '-'))) {
			break;
		}
		len++;
	}
	*s = slice_skip(*s, len);
	return len < NAME_LEN_MIN || (quoted && !take_char(s, '>')) ? E_MALFORMED : OK;
}

/* [+-]hh[:mm[:ss]] */
static int take_time(struct slice *s, int hours_max, int32_t *time_s)
{
	int part[3] = {0, 0, 0};
	bool negative = take_char(s, '-');

	if (!negative) {
		(void)take_char(s, '+');
	}
	for (int i = 0; i < 3 && (i == 0 || take_char(s, ':')); i++) {
		int err = take_number(s, 0, i == 0 ? hours_max : 59, &part[i]);
		if (err) {
			return err;
		}
	}
	*time_s = (part[0] * 3600 + part[1] * 60 + part[2]) * (negative ? -1 : 1);
	return OK;
}

static int take_month_day(struct slice *s, struct tz_change *c)
{
	int err = take_number(s, 1, 12, &c->month);

	if (!err) {
		err = take_char(s, '.') ? take_number(s, 1, 5, &c->week) : E_MALFORMED;
	}
	if (!err) {
		err = take_char(s, '.') ? take_number(s, 0, 6, &c->day) : E_MALFORMED;
	}
	return err;
}

/* ",M3.5.0/1" */
static int take_change(struct slice *s, struct tz_change *c)
{
	int err;

	if (!take_char(s, ',')) {
		return E_MALFORMED;
	}
	if (take_char(s, 'M')) {
		c->kind = TZ_DAY_MONTH;
		err = take_month_day(s, c);
	} else if (take_char(s, 'J')) {
		c->kind = TZ_DAY_JULIAN;
		err = take_number(s, 1, 365, &c->day);
	} else {
		c->kind = TZ_DAY_OF_YEAR;
		err = take_number(s, 0, 365, &c->day);
	}
	c->time_s = CHANGE_DEFAULT_S;
	if (!err && take_char(s, '/')) {
		err = take_time(s, CHANGE_HOURS_MAX, &c->time_s);
	}
	return err;
}

/* A name and its offset, which POSIX counts west of UTC. */
static int take_zone(struct slice *s, int32_t default_s, int32_t *east_s)
{
	int32_t west_s = -default_s;
	int err = take_name(s);

	if (!err && s->len > 0 && s->p[0] != ',') {
		err = take_time(s, OFFSET_HOURS_MAX, &west_s);
	}
	*east_s = -west_s;
	return err;
}

int tz_rule_parse(struct slice text, struct tz_rule *rule)
{
	struct slice s = text;
	struct tz_rule r = {0};

	int err = take_name(&s);
	if (!err) {
		err = take_time(&s, OFFSET_HOURS_MAX, &r.std_s);
	}
	r.std_s = -r.std_s;
	if (!err && s.len > 0) {
		r.has_dst = true;
		err = take_zone(&s, r.std_s + 3600, &r.dst_s);
		err = err ? err : take_change(&s, &r.dst_start);
		err = err ? err : take_change(&s, &r.dst_end);
	}
	if (!err && s.len > 0) {
		err = E_MALFORMED;
	}
	if (!err) {
		*rule = r;
	}
	return err;
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t month_day(const struct tz_change *c, int year)
{
	int64_t first = days_of_civil(year, c->month, 1);
	int64_t next = c->month < 12 ? days_of_civil(year, c->month + 1, 1)
	                             : days_of_civil(year + 1, 1, 1);
	/* 1970-01-01 was a Thursday, 4. */
	int weekday = (int)(((first + 4) % 7 + 7) % 7);
	int64_t day = first + (c->day - weekday + 7) % 7 + (c->week - 1) * INT64_C(7);

	return day < next ? day : day - 7;
}

/* When the change comes in that year; offset_s is that of the clock before it. */
static int64_t change_time_s(const struct tz_change *c, int year, int32_t offset_s)
{
	int64_t day;

	if (c->kind == TZ_DAY_MONTH) {
		day = month_day(c, year);
	} else {
		bool after_february = c->kind == TZ_DAY_JULIAN && c->day >= 60;
		day = days_of_civil(year, 1, 1) + c->day - (c->kind == TZ_DAY_JULIAN) +
		      (after_february && is_leap(year));
	}
	return day * S_PER_DAY + c->time_s - offset_s;
}

int32_t tz_rule_offset_s(const struct tz_rule *rule, int64_t time_s)
{
	if (!rule->has_dst) {
		return rule->std_s;
	}
	int year = civil_of_instant((time_s + rule->std_s) * US_PER_S).year;
	int64_t start = change_time_s(&rule->dst_start, year, rule->std_s);
	int64_t end = change_time_s(&rule->dst_end, year, rule->dst_s);
	/* South of the equator the year begins and ends in daylight saving time. */
	bool dst = start < end ? time_s >= start && time_s < end : time_s >= start || time_s < end;

	return dst ? rule->dst_s : rule->std_s;
}
