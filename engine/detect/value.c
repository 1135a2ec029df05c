#include "detect/value.h"

#include <math.h>
#include <stdio.h>

#include "core/err.h"
#include "core/instant.h"
#include "core/json.h"
#include "detect/countries.def"

int value_parse_int(struct slice text, int64_t *value)
{
	bool negative = text.len > 0 && text.p[0] == '-';
	int64_t sum = 0;

	text = slice_skip(text, negative);
	if (text.len == 0 || !ascii_is_digit(text.p[0])) {
		return E_MALFORMED;
	}
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '_') {
			continue;
		}
		if (!ascii_is_digit(text.p[i])) {
			return E_MALFORMED;
		}
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, text.p[i] - '0', &sum)) {
			return E_RANGE;
		}
	}
	*value = negative ? -sum : sum;
	return OK;
}

bool value_float_is_plain(double f)
{
	return f == 0 || (fabs(f) >= 1e-6 && fabs(f) < 1e15);
}

/* "0.25", "25%" */
static int parse_float(struct slice text, double *value)
{
	char exponent[64];

	if (text.len == 0 || text.p[text.len - 1] != '%') {
		return decimal_parse(text, value);
	}
	if (text.len >= sizeof(exponent) - 3) {
		return E_MALFORMED;
	}
	int len = snprintf(exponent, sizeof(exponent), "%.*se-2", (int)text.len - 1, text.p);
	return decimal_parse((struct slice){exponent, (size_t)len}, value);
}

static int parse_country(struct slice text, int64_t *value)
{
	if (text.len != 2) {
		return E_MALFORMED;
	}
	country c = country_of(text.p[0], text.p[1]);
	*value = c;
	return country_exists(c) ? OK : E_MALFORMED;
}

static int parse_found(int64_t found, int64_t *value)
{
	*value = found;
	return found < 0 ? E_MALFORMED : OK;
}

static int parse_bool(struct slice text, int64_t *value)
{
	bool yes = slice_eq(text, SLICE_LIT("true"));

	*value = yes ? TRUTH_TRUE : TRUTH_FALSE;
	return yes || slice_eq(text, SLICE_LIT("false")) ? OK : E_MALFORMED;
}

int value_parse(enum type type, enum enum_id set, struct slice text, struct value *value)
{
	*value = (struct value){0};
	switch (type) {
	case TYPE_BOOL: return parse_bool(text, &value->i);
	case TYPE_INT: return value_parse_int(text, &value->i);
	case TYPE_FLOAT: return parse_float(text, &value->f);
	case TYPE_DUR: return duration_parse(text, &value->i);
	case TYPE_TIME: return instant_parse_rfc3339(text, NULL, &value->i);
	case TYPE_TEXT: value->s = text; return OK;
	case TYPE_NUM: value->num = number_of_e164(text); return value->num ? OK : E_MALFORMED;
	case TYPE_IP: return ip_parse(text, &value->ip);
	case TYPE_COUNTRY: return parse_country(text, &value->i);
	case TYPE_ENUM: return parse_found(enum_value(set, text), &value->i);
	case TYPE_NONE: break;
	}
	return E_MALFORMED;
}

bool country_exists(country c)
{
	for (const char *p = country_codes; *p; p += 2) {
		if (country_of(p[0], p[1]) == c) {
			return true;
		}
	}
	return false;
}

struct slice hint_nearest(char out[HINT_TEXT], const char *form, struct slice word,
                          const char *const *names, size_t count)
{
	const char *name = nearest_name(word, names, count);

	if (!name) {
		return SLICE_NONE;
	}
	const char *cut = strstr(form, "%s");
	(void)snprintf(out, HINT_TEXT, "%.*s%s%s", (int)(cut - form), form, name, cut + 2);
	return slice_of(out);
}

/* "A, B, C, none": `none` and `unknown`, the value 0 of a total enum, stand last. */
static void list_words(char *out, size_t size, const char *const *words, size_t count)
{
	bool total =
		count > 0 && (strcmp(words[0], "none") == 0 || strcmp(words[0], "unknown") == 0);
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const char *word = words[total ? (i + 1) % count : i];
		int wrote = snprintf(out + len, size - len, "%s%s", i ? ", " : "", word);
		if (wrote < 0 || (size_t)wrote >= size - len) {
			return;
		}
		len += (size_t)wrote;
	}
}

static void refuse_word(struct diags *d, struct place at, struct slice text,
                        const char *const *words, size_t count)
{
	char all[1024], hint[HINT_TEXT];

	list_words(all, sizeof(all), words, count);
	diag_add(d, at, "E032", hint_nearest(hint, "did you mean '%s'?", text, words, count),
	         "'%.*s' is not one of %s", SLICE_FMT(text), all);
}

int value_read_word(struct diags *d, struct place at, struct slice text, const char *const *words,
                    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_eq(text, slice_of(words[i]))) {
			return (int)i;
		}
	}
	refuse_word(d, at, text, words, count);
	return -1;
}

static const struct {
	const char *what;
	const char *hint;
} wanted[] = {
	[TYPE_NONE] = {"a value", NULL},
	[TYPE_BOOL] = {"true or false", NULL},
	[TYPE_INT] = {"a whole number", NULL},
	[TYPE_FLOAT] = {"a number", "write it like 2.5 or 80%"},
	[TYPE_DUR] = {"a duration", "write it like 500ms, 30s, 10m, 1h30m or 7d"},
	[TYPE_TIME] = {"a point in time", "write it like 2026-01-05T12:00:00Z"},
	[TYPE_TEXT] = {"text", NULL},
	[TYPE_NUM] = {"an international number", "write it like +447700900123"},
	[TYPE_IP] = {"an IP address", "write it like 192.0.2.1 or 2001:db8::1"},
	[TYPE_COUNTRY] = {"a country", "write its two letters, like GB"},
	[TYPE_ENUM] = {"a word of the set", NULL},
};

static struct slice hint_for(enum type type, struct slice text, char out[HINT_TEXT])
{
	struct value bare;

	if (type == TYPE_COUNTRY && slice_eq_nocase(text, SLICE_LIT("UK"))) {
		return SLICE_LIT("did you mean GB?");
	}
	if (type == TYPE_DUR && text.len < 16 &&
	    value_parse(TYPE_FLOAT, ENUM_NONE, text, &bare) == OK) {
		(void)snprintf(out, HINT_TEXT, "durations need a unit: %.*ss or %.*sm",
		               SLICE_FMT(text), SLICE_FMT(text));
		return slice_of(out);
	}
	return slice_of(wanted[type].hint);
}

static bool is_assigned(const struct ruleset_options *options, struct slice text)
{
	return !options || !options->assigned ||
	       options->assigned(options->user, slice_skip(text, 1));
}

bool value_read(struct diags *d, const struct ruleset_options *options, struct place at,
                enum type type, enum enum_id set, struct slice text, struct value *value)
{
	char hint[HINT_TEXT];

	if (value_parse(type, set, text, value) != OK) {
		if (type == TYPE_ENUM) {
			refuse_word(d, at, text, enum_set(set).words, enum_set(set).count);
			return false;
		}
		diag_add(d, at, "E031", hint_for(type, text, hint), "'%.*s' is not %s",
		         SLICE_FMT(text), wanted[type].what);
		return false;
	}
	if (type == TYPE_NUM && !is_assigned(options, text)) {
		diag_add(d, at, "E031", slice_of(wanted[TYPE_NUM].hint),
		         "'%.*s' begins with no assigned calling code", SLICE_FMT(text));
		return false;
	}
	return true;
}
