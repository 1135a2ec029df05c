/* The scalar evaluator: one expression at one event. It is total (no run-time errors): what cannot
 * be said is missing, and missing at the top does not match.
 *
 * The columnar evaluator (columns.h) does the cheap conjuncts of many events at once; everything
 * else, and its oracle, is here. Any thread, with a scratch of its own.
 */
#ifndef ENGINE_DETECT_EVAL_H
#define ENGINE_DETECT_EVAL_H

#include "core/arena.h"
#include "core/hash.h"
#include "detect/expr.h"
#include "detect/regex.h"
#include "detect/rule.h"

/* What an expression may ask for beside its event; immutable, shared by threads. */
struct eval_site {
	country country;
	struct slice tz_name;
	const struct tz *tz;             /* NULL: UTC */
	const struct list *const *lists; /* by index of the rule set; an entry may be NULL: empty */
	size_t list_count;
	country (*number_country)(void *user, number n);       /* country() */
	unsigned (*calling_code_digits)(void *user, number n); /* common_prefix() */
	void *user;
};

struct eval {
	const struct eval_site *site;
	const struct batch *batch;
	uint32_t row;
	unsigned role; /* PARTYROLE_… on `party` events; PARTYROLE_ORIG else */
	const struct rule *rule;
	/* Reads aggregate n of the rule at this event; NULL where there is no window. */
	void (*aggregate)(struct eval *e, unsigned n, struct value *out);
	void *aggregate_user;
	/* usual() and the like; false: the key has too little history. NULL: none has any. */
	bool (*history)(struct eval *e, unsigned n, struct value *out);
	/* Behind rule->bound: of a sequence by index; the fields of the signal that emitter gave;
	 * the parts of a score. NULL: all missing.
	 */
	const struct value *bound;
	const struct rule *emitter;
	enum truth news[RULE_NEWS_MAX]; /* new() at this event */
	const struct scores *scores;    /* NULL: nobody has any */
	const struct hash_key *key;     /* of scores */
	int64_t scores_us;              /* when scores are read: the end of the last epoch */
	struct value lets[RULE_LETS_MAX];
	uint32_t lets_known; /* bit n: lets[n] has been computed for this event */
	struct arena text;   /* of lower(), fold() and repaired text: reset for each event */
	struct regex_scratch *regex;
	uint64_t regex_limits; /* matches given up at a limit */
};

int eval_init(struct eval *e, const struct eval_site *site); /* E_NOMEM */
void eval_fini(struct eval *e);
/* Points e at an event: forgets lets and scratch text. */
void eval_at(struct eval *e, const struct batch *batch, uint32_t row, unsigned role);

void eval_value(struct eval *e, const struct expr *x, struct value *out);
/* Truth of a boolean expression. */
enum truth eval_truth(struct eval *e, const struct expr *x);

/* A field of the event as a value. */
void eval_field(const struct eval *e, enum field field, struct value *out);

/* Order of two values that are there. */
int value_compare(enum type type, const struct value *a, const struct value *b);
/* A 64-bit identity of a value for distinct() and keys: equal values, equal identity. */
uint64_t value_identity(const struct hash_key *key, enum type type, const struct value *v);
/* Text of a value as alerts show it, without a rule's format; arena-owned. A number that is a name
 * gives `raw` (the column's text).
 */
struct slice value_text(struct arena *arena, enum type type, enum enum_id set,
                        const struct value *v, struct slice raw);
/* The raw column that goes with a number column, or FIELD_NONE. */
enum field field_raw(enum field field);

#endif
