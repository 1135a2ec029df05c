#include "detect/eval_functions.h"

#include <math.h>

#include "core/instant.h"
#include "core/utf8.h"

static const int64_t year_0_us = INT64_C(-62167219200) * US_PER_S;
static const int64_t year_10000_us = INT64_C(253402300800) * US_PER_S;

static bool arg_of(struct eval *e, const struct expr *x, unsigned n, struct value *v)
{
	eval_value(e, x->args[n], v);
	return !v->missing;
}

static void set_int(struct value *out, int64_t i)
{
	out->missing = false;
	out->i = i;
}

static void set_bool(struct value *out, bool t)
{
	set_int(out, t ? TRUTH_TRUE : TRUTH_FALSE);
}

static void fn_present(struct eval *e, const struct expr *x, struct value *out)
{
	struct value v;

	set_bool(out, arg_of(e, x, 0, &v));
}

static void fn_if(struct eval *e, const struct expr *x, struct value *out)
{
	enum truth c = eval_truth(e, x->args[0]);

	out->missing = true;
	if (c != TRUTH_UNKNOWN) {
		eval_value(e, x->args[c == TRUTH_TRUE ? 1 : 2], out);
	}
}

static void fn_abs(struct eval *e, const struct expr *x, struct value *out)
{
	if (!arg_of(e, x, 0, out)) {
		return;
	}
	if (x->type == TYPE_FLOAT) {
		out->f = fabs(out->f);
	} else {
		out->i = out->i < 0 ? -out->i : out->i;
	}
}

/* Text as valid UTF-8: as it is, else repaired in the scratch arena. */
static struct slice clean_text(struct eval *e, struct slice s)
{
	if (utf8_valid(s)) {
		return s;
	}
	char *out = arena_text(&e->text, 3 * s.len);
	return out ? (struct slice){out, utf8_repair(s, out)} : SLICE_NONE;
}

/* Characters, not bytes. */
static void fn_len(struct eval *e, const struct expr *x, struct value *out)
{
	struct value v;

	out->missing = true;
	if (arg_of(e, x, 0, &v)) {
		struct slice s = clean_text(e, v.s);
		int64_t n = 0;
		while (s.len) {
			(void)utf8_next(&s);
			n++;
		}
		set_int(out, n);
	}
}

static void change_text(struct eval *e, const struct expr *x, struct value *out,
                        size_t (*change)(struct slice s, char *to))
{
	if (!arg_of(e, x, 0, out)) {
		return;
	}
	struct slice s = clean_text(e, out->s);
	char *to = arena_text(&e->text, s.len + 1);
	out->missing = !to || !s.p;
	if (!out->missing) {
		out->s = (struct slice){to, change(s, to)};
	}
}

static void fn_lower(struct eval *e, const struct expr *x, struct value *out)
{
	change_text(e, x, out, utf8_lower);
}

static void fn_fold(struct eval *e, const struct expr *x, struct value *out)
{
	change_text(e, x, out, utf8_fold);
}

static void fn_starts(struct eval *e, const struct expr *x, struct value *out)
{
	struct value s, part;

	out->missing = true;
	if (arg_of(e, x, 0, &s) && arg_of(e, x, 1, &part)) {
		set_bool(out, slice_starts(s.s, part.s));
	}
}

static void fn_contains(struct eval *e, const struct expr *x, struct value *out)
{
	struct value s, part;

	out->missing = true;
	if (arg_of(e, x, 0, &s) && arg_of(e, x, 1, &part)) {
		set_bool(out,
		         part.s.len == 0 || memmem(s.s.p, s.s.len, part.s.p, part.s.len) != NULL);
	}
}

static void cut_number(struct eval *e, const struct expr *x, struct value *out,
                       number (*cut)(number n, unsigned count))
{
	struct value n, count;

	out->missing = true;
	if (arg_of(e, x, 0, &n) && arg_of(e, x, 1, &count) && count.i >= 0 && count.i < 100) {
		out->num = cut(n.num, (unsigned)count.i);
		out->missing = out->num == 0;
	}
}

static void fn_prefix(struct eval *e, const struct expr *x, struct value *out)
{
	cut_number(e, x, out, number_prefix);
}

static void fn_block(struct eval *e, const struct expr *x, struct value *out)
{
	cut_number(e, x, out, number_block);
}

static void fn_common_prefix(struct eval *e, const struct expr *x, struct value *out)
{
	struct value a, b;
	char ta[NUMBER_TEXT], tb[NUMBER_TEXT];

	out->missing = true;
	if (!arg_of(e, x, 0, &a) || !arg_of(e, x, 1, &b)) {
		return;
	}
	unsigned ca = e->site->calling_code_digits(e->site->user, a.num);
	unsigned cb = e->site->calling_code_digits(e->site->user, b.num);
	struct slice sa = {ta, number_format(a.num, ta)};
	struct slice sb = {tb, number_format(b.num, tb)};
	/* Behind "+" and the calling code; 0 where the codes differ. */
	if (ca == 0 || ca != cb || memcmp(ta, tb, 1 + ca) != 0) {
		set_int(out, 0);
		return;
	}
	size_t same = 1 + ca;
	while (same < sa.len && same < sb.len && ta[same] == tb[same]) {
		same++;
	}
	set_int(out, (int64_t)(same - 1 - ca));
}

static void fn_country(struct eval *e, const struct expr *x, struct value *out)
{
	struct value n;

	out->missing = true;
	if (arg_of(e, x, 0, &n)) {
		country c = e->site->number_country(e->site->user, n.num);
		out->i = c;
		out->missing = c == 0;
	}
}

/* The local time of argument 0; the zone is argument n, where it is missing that of the site. */
static bool local_time(struct eval *e, const struct expr *x, unsigned n, int64_t *local_us)
{
	const struct tz *zone = x->zone;
	struct value t, name;

	if (!arg_of(e, x, 0, &t)) {
		return false;
	}
	if (!zone && x->arg_count > n && arg_of(e, x, n, &name)) {
		(void)tz_get(name.s, &zone);
	}
	zone = zone ? zone : e->site->tz;
	/* Of the years 0 to 9999, as everywhere; arithmetic can leave them. */
	if (t.i < year_0_us || t.i >= year_10000_us) {
		return false;
	}
	*local_us = t.i + (zone ? tz_offset_s(zone, t.i) * US_PER_S : 0);
	return true;
}

static int64_t time_of_day(int64_t local_us)
{
	int64_t us = local_us % US_PER_DAY;

	return us < 0 ? us + US_PER_DAY : us;
}

static void fn_hour(struct eval *e, const struct expr *x, struct value *out)
{
	int64_t local_us;

	out->missing = true;
	if (local_time(e, x, 1, &local_us)) {
		set_int(out, time_of_day(local_us) / US_PER_HOUR);
	}
}

static void fn_weekday(struct eval *e, const struct expr *x, struct value *out)
{
	int64_t local_us;

	out->missing = true;
	if (local_time(e, x, 1, &local_us)) {
		set_int(out, civil_of_instant(local_us).weekday);
	}
}

/* The first minute belongs to it, the last does not; it may wrap over midnight. */
static void fn_in_hours(struct eval *e, const struct expr *x, struct value *out)
{
	int64_t local_us;

	out->missing = true;
	if (local_time(e, x, 2, &local_us)) {
		int64_t now = time_of_day(local_us);
		bool inside = x->from_us <= x->to_us ? now >= x->from_us && now < x->to_us
		                                     : now >= x->from_us || now < x->to_us;
		set_bool(out, inside);
	}
}

static void fn_attr(struct eval *e, const struct expr *x, struct value *out)
{
	/* attr(@list, value, "column"): the loader leaves the value as the only argument that is
	 * evaluated, whichever place it has. */
	const struct expr *asked = x->arg_count == 1 ? x->args[0] : x->args[1];
	const struct list *list = e->site->lists ? e->site->lists[x->index] : NULL;
	struct value v;

	out->missing = true;
	eval_value(e, asked, &v);
	if (v.missing || !list) {
		return;
	}
	struct list_key key = value_list_key(asked->type, &v);
	int64_t row = list->find(list, &key);
	if (row >= 0) {
		out->s = list->attribute(list, row, x->column);
		out->missing = !out->s.p;
	}
}

static void (*const by_function[])(struct eval *e, const struct expr *x, struct value *out) = {
	[FUNCTION_PRESENT] = fn_present,
	[FUNCTION_IF] = fn_if,
	[FUNCTION_ABS] = fn_abs,
	[FUNCTION_LEN] = fn_len,
	[FUNCTION_LOWER] = fn_lower,
	[FUNCTION_FOLD] = fn_fold,
	[FUNCTION_STARTS] = fn_starts,
	[FUNCTION_CONTAINS] = fn_contains,
	[FUNCTION_PREFIX] = fn_prefix,
	[FUNCTION_BLOCK] = fn_block,
	[FUNCTION_COMMON_PREFIX] = fn_common_prefix,
	[FUNCTION_COUNTRY] = fn_country,
	[FUNCTION_HOUR] = fn_hour,
	[FUNCTION_WEEKDAY] = fn_weekday,
	[FUNCTION_IN_HOURS] = fn_in_hours,
	[FUNCTION_ATTR] = fn_attr,
};

void eval_call(struct eval *e, const struct expr *x, struct value *out)
{
	by_function[x->function](e, x, out);
}
