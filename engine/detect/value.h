/* Values from text by type: parameters, tests, and texts beside a typed value in an expression.
 * value_parse itself is declared in detect/rule_test.h.
 */
#ifndef ENGINE_DETECT_VALUE_H
#define ENGINE_DETECT_VALUE_H

#include "detect/rule.h"
#include "detect/rule_test.h"

/* "-12", digits with '_' between them. E_MALFORMED, E_RANGE. */
int value_parse_int(struct slice text, int64_t *value);

/* 0, or of a size that is written without an exponent, as the expression language does. */
bool value_float_is_plain(double f);

/* value_parse with its message: E031, or E032 for a word that is not in the set. False when one
 * was added at `at`. options may be NULL; it says which calling codes are assigned.
 */
bool value_read(struct diags *d, const struct ruleset_options *options, struct place at,
                enum type type, enum enum_id set, struct slice text, struct value *value);
/* The word's index in words, or -1 with E032. */
int value_read_word(struct diags *d, struct place at, struct slice text, const char *const *words,
                    size_t count);

/* An ISO 3166-1 code, or one that numbering plans use beside them (AC, TA, XK). */
bool country_exists(country c);

enum { HINT_TEXT = 128 };
/* "did you mean 'internal'?" with the nearest name between the quotes, or a missing slice. form is
 * printf's with one %s.
 */
struct slice hint_nearest(char out[HINT_TEXT], const char *form, struct slice word,
                          const char *const *names, size_t count);

#endif
