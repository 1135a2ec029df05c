/* The tests that stand inside rules (rule-language.md section 10), as loaded. Running them needs
 * enrichment, so the runner is app/rule_tests.h.
 */
#ifndef ENGINE_DETECT_RULE_TEST_H
#define ENGINE_DETECT_RULE_TEST_H

#include "detect/rule.h"

/* A field set by a test: text with placeholders {i}, {i:03}, {i*37%100:02} still in it. */
struct test_field {
	enum field field; /* a column or a party name; FIELD_KIND for `kind` */
	struct slice text;
	struct place at;
	struct test_field *next;
};

struct test_gen {
	int64_t at_us;    /* offset from the test's time 0 */
	int64_t start_us; /* absolute; INSTANT_NONE: time 0 (2026-01-05T12:00Z) + at */
	int64_t repeat;   /* 1.. 1,000,000 */
	int64_t every_us;
	enum event_kind kind;
	struct test_field *fields;
	struct test_gen *next;
};

struct test_with {
	struct slice name; /* of a let */
	struct slice text; /* the value as written */
	struct place at;
	struct test_with *next;
};

struct test_expect {
	struct slice rule; /* id or full name; missing: the enclosing rule */
	int64_t at_us;     /* since the test's time 0; INSTANT_NONE: any */
	struct slice keys[RULE_KEYS_MAX];
	unsigned key_count; /* 0: any */
	struct test_with *with;
	struct place at;
	struct test_expect *next;
};

struct test_list {
	struct slice name; /* without '@' */
	struct slice *values;
	struct place *places;
	size_t count;
	struct test_list *next;
};

struct test_param {
	struct slice rule; /* id; missing: the enclosing rule */
	struct slice name;
	struct slice text;
	struct place at;
	struct test_param *next;
};

/* A row of an exception, for this test alone. */
struct test_exception {
	const struct rule *rule; /* as loaded */
	const struct exception_shape *shape;
	struct exception_row *row;
	struct test_exception *next;
};

struct rule_test {
	struct slice name;
	struct place at;
	struct test_gen *given;
	struct test_expect *expect;
	struct test_list *lists;
	struct test_param *params;
	const struct yaml_node *excepting; /* with_exceptions, until it is linked */
	struct test_exception *exceptions;
	struct slice site_country; /* missing: GB */
	struct slice site_tz;      /* missing: UTC */
	struct rule_test *next;
};

/* Replaces the placeholders of text for repetition i; out has room for out_max bytes. E_MALFORMED
 * (the loader has checked: cannot happen), E_RANGE.
 */
int test_expand(struct slice text, int64_t i, char *out, size_t out_max, struct slice *result);
/* The value of a literal as a test or a parameter writes it, by type ("30s", "80%", "+44…"). */
int value_parse(enum type type, enum enum_id set, struct slice text, struct value *value);

#endif
