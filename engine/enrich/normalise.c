#include "enrich/normalise.h"

#include "core/utf8.h"
#include "enrich/plan.h"

enum {
	CLEAN_MAX = 256, /* longer texts are neither numbers nor names */
	E164_DIGITS_MIN = 5,
	SHORT_DIGITS_MIN = 2,
	SHORT_DIGITS_MAX = 6,
	PLAIN_DIGITS_MIN = 10, /* of digits that begin with a calling code and no prefix */
};

static bool only_digits(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_digit(s.p[i])) {
			return false;
		}
	}
	return s.len > 0;
}

/* Digits behind + or an international prefix. */
static number take_international(const struct plan *plan, struct slice digits)
{
	number n = digits.len < E164_DIGITS_MIN ? 0 : number_of_digits(NUMBER_E164, digits);

	return n && plan_country_digits(plan, n) ? n : 0;
}

static number take_national(const struct plan_country *home, struct slice digits)
{
	char whole[NUMBER_DIGITS_MAX];
	size_t len = 0;

	if (digits.len >= NUMBER_DIGITS_MAX || !(home->national_lengths >> digits.len & 1)) {
		return 0;
	}
	for (unsigned unit = 100; unit > 0; unit /= 10) {
		if (home->calling_code >= unit) {
			whole[len++] = (char)('0' + home->calling_code / unit % 10);
		}
	}
	if (len + digits.len > sizeof(whole)) {
		return 0;
	}
	memcpy(whole + len, digits.p, digits.len);
	return number_of_digits(NUMBER_E164, (struct slice){whole, len + digits.len});
}

static bool is_short(struct slice digits)
{
	return digits.len >= SHORT_DIGITS_MIN && digits.len <= SHORT_DIGITS_MAX;
}

/* Behind one of the country's international prefixes, else behind 00. Where the country's own
 * prefix stands there 00 is only its beginning.
 */
static number take_dialled_abroad(const struct plan *plan, const struct plan_country *home,
                                  struct slice digits)
{
	const char *prefix = home->international_prefix;
	bool own = false;
	number n = 0;

	for (unsigned i = 0; i <= PLAN_OTHERS && prefix[0] && !n; i++) {
		if (slice_starts(digits, slice_of(prefix))) {
			own = true;
			n = take_international(plan, slice_skip(digits, strlen(prefix)));
		}
		prefix = i < PLAN_OTHERS ? home->other_prefixes[i] : "";
	}
	if (!n && !own && !home->double_zero && slice_starts(digits, SLICE_LIT("00"))) {
		n = take_international(plan, slice_skip(digits, 2));
	}
	return n;
}

static number take_dialled_home(const struct plan_country *home, struct slice digits)
{
	struct slice prefix = slice_of(home->national_prefix);
	number n = 0;

	if (prefix.len && slice_starts(digits, prefix)) {
		n = take_national(home, slice_skip(digits, prefix.len));
	}
	return n ? n : take_national(home, digits);
}

static number digits_at_home(const struct plan *plan, const struct plan_country *home,
                             struct slice digits)
{
	number n = take_dialled_abroad(plan, home, digits);

	n = n ? n : take_dialled_home(home, digits);
	if (!n && digits.len >= PLAIN_DIGITS_MIN && plan_length_possible(plan, digits)) {
		n = take_international(plan, digits);
	}
	return n || !is_short(digits) ? n : number_of_digits(NUMBER_SHORT, digits);
}

static number digits_without_home(const struct plan *plan, struct slice digits, bool *no_home)
{
	number n = 0;

	if (slice_starts(digits, SLICE_LIT("00"))) {
		n = take_international(plan, slice_skip(digits, 2));
	}
	if (!n && is_short(digits)) {
		n = number_of_digits(NUMBER_SHORT, digits);
	} else if (!n) {
		n = number_of_digits(NUMBER_NATIONAL, digits);
		*no_home = n != 0;
	}
	return n;
}

static int hex_value(char c)
{
	if (ascii_is_digit(c)) {
		return c - '0';
	}
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %XX decoded (RFC 3986 section 2.1); a % without two hexadecimal digits stays. */
static size_t decode_percent(struct slice s, char out[CLEAN_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < s.len; i++) {
		int high = -1, low = -1;
		if (s.p[i] == '%' && s.len - i > 2) {
			high = hex_value(s.p[i + 1]);
			low = hex_value(s.p[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			out[len++] = (char)(high * 16 + low);
			i += 2;
		} else {
			out[len++] = s.p[i];
		}
	}
	return len;
}

static bool is_punctuation(char c)
{
	return c == ' ' || c == '\t' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/';
}

/* Blanks and what people put between digits goes; so does the (0) of "+44(0)20". */
static size_t drop_punctuation(char text[CLEAN_MAX], size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		if (kept && len - i > 2 && memcmp(text + i, "(0)", 3) == 0) {
			i += 2;
		} else if (!is_punctuation(text[i])) {
			text[kept++] = text[i];
		}
	}
	return kept;
}

static struct slice skip_scheme(struct slice text)
{
	static const char *const schemes[] = {"sip:", "sips:", "tel:"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct slice scheme = slice_of(schemes[i]);
		if (slice_eq_nocase(slice_first(text, scheme.len), scheme)) {
			return slice_skip(text, scheme.len);
		}
	}
	return text;
}

/* Up to the first of ; , @ */
static struct slice cut(struct slice text)
{
	size_t end = 0;

	while (end < text.len && text.p[end] != ';' && text.p[end] != ',' && text.p[end] != '@') {
		end++;
	}
	return slice_first(text, end);
}

/* The value of a phone-context that stands in the text itself. */
static struct slice find_context(struct slice parameters)
{
	static const struct slice name = {"phone-context=", sizeof("phone-context=") - 1};

	while (parameters.len) {
		struct slice rest = slice_skip(parameters, 1);
		struct slice one = slice_first(rest, slice_find(rest, ';'));
		if (parameters.p[0] == ';' && slice_eq_nocase(slice_first(one, name.len), name)) {
			return cut(slice_skip(one, name.len));
		}
		parameters = slice_skip(rest, one.len);
	}
	return SLICE_NONE;
}

/* The main country of the calling code that "+44…" begins with; 0 for a domain. */
static country context_country(const struct plan *plan, struct slice context)
{
	char digits[NUMBER_DIGITS_MAX];
	size_t len = 0;

	if (context.len < 2 || context.p[0] != '+') {
		return 0;
	}
	for (size_t i = 1; i < context.len && len < sizeof(digits); i++) {
		if (ascii_is_digit(context.p[i])) {
			digits[len++] = context.p[i];
		} else if (context.p[i] != '-' && context.p[i] != '.') {
			return 0;
		}
	}
	unsigned code = 0, count = plan_calling_code_length(plan, (struct slice){digits, len});
	for (unsigned i = 0; i < count; i++) {
		code = code * 10 + (unsigned)(digits[i] - '0');
	}
	return plan_main_country(plan, code);
}

static const struct plan_country *find_home(const struct normaliser *norm,
                                            const struct written_number *w, country home)
{
	struct slice parameters = slice_skip(w->text, cut(w->text).len);
	struct slice context = w->context.p ? w->context : find_context(parameters);
	country c = context.p ? context_country(norm->plan, context) : 0;

	return plan_country(norm->plan, c ? c : home ? home : norm->home);
}

static bool is_withheld(struct slice text)
{
	static const char *const words[] = {"anonymous", "unavailable", "restricted", "unknown",
	                                    "withheld"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_eq_nocase(text, slice_of(words[i]))) {
			return true;
		}
	}
	return false;
}

/* ASCII letters; of other scripts any character. */
static bool has_letter(struct slice s)
{
	bool wide = false;

	for (size_t i = 0; i < s.len; i++) {
		char c = ascii_lower(s.p[i]);
		if (c >= 'a' && c <= 'z') {
			return true;
		}
		wide = wide || (c & 0x80);
	}
	return wide && utf8_valid(s);
}

static number take_digits(const struct normaliser *norm, const struct written_number *w,
                          struct slice digits, country home, bool *no_home)
{
	const struct plan_country *place = find_home(norm, w, home);

	return place ? digits_at_home(norm->plan, place, digits)
	             : digits_without_home(norm->plan, digits, no_home);
}

static enum number_verdict normalise_slow(const struct normaliser *norm,
                                          const struct written_number *w, country home, number *n,
                                          bool *no_home)
{
	char clean[CLEAN_MAX];
	struct slice user = cut(skip_scheme(slice_trim(w->text)));

	if (user.len > CLEAN_MAX) {
		return NUMBER_INVALID;
	}
	struct slice s = {clean, drop_punctuation(clean, decode_percent(user, clean))};
	if (s.len == 0) {
		return NUMBER_EMPTY;
	}
	if (is_withheld(s)) {
		return NUMBER_WITHHELD;
	}
	if (s.p[0] == '+' && only_digits(slice_skip(s, 1))) {
		*n = take_international(norm->plan, slice_skip(s, 1));
	} else if (only_digits(s)) {
		*n = take_digits(norm, w, s, home, no_home);
	} else if (has_letter(s)) {
		*n = number_of_name(hash_slice(norm->key, s));
	}
	return *n ? NUMBER_OK : NUMBER_INVALID;
}

enum number_verdict number_normalise(const struct normaliser *norm, const struct written_number *w,
                                     country home, number *n, bool *no_home)
{
	*n = 0;
	if (w->withheld) {
		return NUMBER_WITHHELD;
	}
	if (w->text.len == 0) {
		return NUMBER_EMPTY;
	}
	/* Most texts are nothing but digits, or + and digits: they need no cleaning. */
	if (w->text.p[0] == '+') {
		*n = take_international(norm->plan, slice_skip(w->text, 1));
	} else if (only_digits(w->text)) {
		*n = take_digits(norm, w, w->text, home, no_home);
		return *n ? NUMBER_OK : NUMBER_INVALID;
	}
	return *n ? NUMBER_OK : normalise_slow(norm, w, home, n, no_home);
}
