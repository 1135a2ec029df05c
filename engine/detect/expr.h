/* The typed expression tree: what the checker makes of an expression and both evaluators (by
 * column, by event) read. Nodes live in the rule set's arena and never change after loading.
 */
#ifndef ENGINE_DETECT_EXPR_H
#define ENGINE_DETECT_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/diag.h"
#include "core/slice.h"
#include "core/tz.h"
#include "model/batch.h"
#include "model/field.h"
#include "model/list.h"

enum type {
	TYPE_NONE = 0,
	TYPE_BOOL,
	TYPE_INT,
	TYPE_FLOAT,
	TYPE_DUR,
	TYPE_TIME,
	TYPE_TEXT,
	TYPE_NUM,
	TYPE_IP,
	TYPE_COUNTRY,
	TYPE_ENUM,
};

/* "a duration", "a phone number": how messages name a type. */
const char *type_words(enum type type);
enum type type_of_storage(enum storage storage);

enum expr_op {
	EXPR_NONE = 0,
	EXPR_CONST,   /* value */
	EXPR_FIELD,   /* field: a column, or a party name */
	EXPR_PARAM,   /* index into rule->params */
	EXPR_LET,     /* index into rule->lets */
	EXPR_AGG,     /* index into rule->aggs */
	EXPR_BOUND,   /* index into rule->bound: a key or step of a sequence, a signal, a score */
	EXPR_NEW,     /* index into rule->news: has this key not shown the value before? */
	EXPR_HISTORY, /* index into rule->histories */
	EXPR_SCORE,   /* risk score of the number arg[0] at the last epoch */
	EXPR_SITE_COUNTRY,
	EXPR_SITE_TZ,
	EXPR_NOT,
	EXPR_AND,
	EXPR_OR,
	EXPR_EQ,
	EXPR_NE,
	EXPR_LT,
	EXPR_LE,
	EXPR_GT,
	EXPR_GE,
	EXPR_MATCH,     /* arg[0] =~ regex */
	EXPR_NOT_MATCH, /* arg[0] !~ regex */
	EXPR_IN_LIST,   /* arg[0] in lists[index] */
	EXPR_IN_SET,    /* arg[0] in { arg[1..] } : constants */
	EXPR_IN_RANGE,  /* arg[0] in arg[1] .. arg[2], inclusive */
	EXPR_ADD,
	EXPR_SUB,
	EXPR_MUL,
	EXPR_DIV,
	EXPR_MOD,
	EXPR_NEG,
	EXPR_COALESCE, /* arg[0] ?? arg[1] */
	EXPR_TO_FLOAT, /* the one implicit conversion: int arg[0] beside a float */
	EXPR_CALL,     /* function, arg[]; of ATTR: index is the list, column its column, arg[0] the
	                * value looked up; of IN_HOURS arg[1] is the span as text */
};

enum function {
	FUNCTION_NONE = 0,
#define FUNCTION(id, name, min, max) FUNCTION_##id,
#include "detect/functions.def"
#undef FUNCTION
	FUNCTION_COUNT,
};

enum aggregate {
	AGGREGATE_NONE = 0,
#define AGGREGATE(id, name, args, result, help) AGGREGATE_##id,
#include "detect/aggregates.def"
#undef AGGREGATE
	AGGREGATE_COUNT_OF,
};

/* A scalar of any type. missing wins over the union. */
struct value {
	bool missing;
	union {
		int64_t i;      /* INT, DUR, TIME; ENUM value; COUNTRY; BOOL as enum truth */
		double f;       /* FLOAT */
		number num;     /* NUM */
		struct slice s; /* TEXT */
		struct ip ip;   /* IP */
	};
};

struct buf;
struct rule;
struct ruleset;
struct regex; /* a compiled pattern with its limits: detect/regex.h */

struct expr {
	enum expr_op op;
	enum type type;
	enum enum_id set;       /* of TYPE_ENUM */
	bool optional;          /* may be missing */
	bool aggregate;         /* an aggregate stands somewhere below */
	struct place at;        /* of the operator, or of the first character of a leaf */
	struct slice text;      /* as written, runs of blanks as one blank: conditions of alerts */
	struct value value;     /* CONST */
	enum field field;       /* FIELD */
	enum function function; /* CALL */
	unsigned index;         /* PARAM, LET, AGG, IN_LIST, ATTR */
	unsigned column;        /* ATTR */
	const struct tz *zone;  /* HOUR, WEEKDAY, IN_HOURS with a constant zone */
	int64_t from_us, to_us; /* IN_HOURS: of the day */
	const struct regex *regex; /* MATCH, NOT_MATCH */
	const struct expr **args;
	unsigned arg_count;
};

/* The same value for every event: equal trees, constants by value, aggregates by index. */
bool expr_equal(const struct expr *a, const struct expr *b);
/* Canonical text with the fewest parentheses; parses again to an equal tree. rule gives the names
 * of parameters, lets and aggregates, set those of lists.
 */
void expr_print(const struct expr *e, const struct rule *rule, const struct ruleset *set,
                struct buf *out);
/* A constant as a rule writes it: 30s, "+44…", "mobile", true. */
void value_print(enum type type, enum enum_id set, const struct value *value, struct buf *out);

#endif
