/* A rule set made ready to run: parameters and site values put in as constants, conjuncts split
 * into columnar and scalar ones, aggregates laid out as measures of windows, rules with one key
 * type gathered so that an event costs one look-up a key type.
 */
#ifndef ENGINE_DETECT_COMPILE_H
#define ENGINE_DETECT_COMPILE_H

#include "detect/columns.h"
#include "detect/eval.h"
#include "detect/rule.h"
#include "features/table.h"
#include "model/finding.h"

enum {
	CONJUNCTS_MAX = 64,
	RULE_WINDOWS_MAX = 4, /* the rule's own and three of `over` */
	GROUP_RULES_MAX = 64,
};

/* What an argument of an aggregate is logged as. */
enum arg_class {
	ARG_NUMBER, /* an integer: count, us, millionths of a float, enum value */
	ARG_VALUE,  /* an identity: distinct, entropy, top_share */
	ARG_TEXT,   /* a reference to text kept by the shard: first, last of text and addresses */
};

struct logged_arg {
	const struct expr *expr;
	enum arg_class class;
};

/* Where an aggregate's value comes from. */
struct agg_source {
	unsigned window;  /* index into detect_rule.windows */
	unsigned measure; /* of that window */
};

/* A `where`: true when every one of these is; by role for `party`. */
struct condition {
	const uint8_t *cheap[2][CONJUNCTS_MAX]; /* truth bytes by position in the kind's rows */
	unsigned cheap_count[2];
	const struct expr *costly[CONJUNCTS_MAX];
	unsigned costly_count;
	/* What only the shard of the key can judge: new(), values of earlier steps. */
	const struct expr *late[CONJUNCTS_MAX];
	unsigned late_count;
};

struct detect_rule {
	const struct rule *rule; /* as loaded */
	struct rule *resolved;   /* the same with constants for parameters and site values */
	unsigned number;         /* rank by full name */
	struct condition where;
	struct condition *steps; /* of a sequence */

	struct logged_arg args[WINDOW_ARGS_MAX];
	unsigned arg_count;
	const struct expr *filters[WINDOW_FILTERS_MAX];
	const uint8_t *filter_truth[2][WINDOW_FILTERS_MAX]; /* the same; NULL: by event */
	unsigned filter_count;
	unsigned
		windows[RULE_WINDOWS_MAX]; /* index into the group's specs; [0] is the rule's own */
	int64_t window_us[RULE_WINDOWS_MAX];
	unsigned window_count; /* 0: a match rule */
	struct agg_source sources[RULE_AGGS_MAX];
	uint64_t count_min; /* events in the window below which `when` cannot be true */

	struct finding_rule info;
};

enum { EARLY_ARGS_MAX = 4, EARLY_BYTES = 88 };

/* How the first events of a key are kept (detect/early.h). */
struct early_layout {
	uint8_t max;       /* events a row; 0: they enter the windows at once */
	uint64_t windowed; /* rules of the group that have windows */
	size_t stride;
	const struct logged_arg *args[EARLY_ARGS_MAX]; /* of all rules, each once */
	unsigned arg_count;
	unsigned filter_count;
	uint8_t first_filter[GROUP_RULES_MAX];
	uint8_t arg_of[GROUP_RULES_MAX][WINDOW_ARGS_MAX];
};

/* Rules of one kind and key, or one sequence. */
struct detect_group {
	enum event_kind kind;               /* NONE: a sequence */
	const struct detect_rule *sequence; /* NULL: windows */
	const struct expr *keys[RULE_KEYS_MAX];
	unsigned key_count;
	uint64_t max_keys;
	struct detect_rule *rules[GROUP_RULES_MAX];
	unsigned rule_count;
	struct window_spec specs[TABLE_WINDOWS_MAX];
	unsigned spec_count;
	uint64_t late; /* rules with new(): an event is let in where its key's state is */
	struct early_layout early;
	struct table *table;
};

/* What an event of a kind is tried against. */
struct kind_rules {
	const struct detect_rule **stateless; /* match rules that keep nothing of a key */
	size_t stateless_count;
	size_t *groups; /* index into compiled.groups */
	size_t group_count;
};

struct compiled {
	struct arena arena;
	struct columns *columns;
	struct detect_rule *rules; /* by full name */
	size_t rule_count;
	struct detect_group **groups;
	size_t group_count;
	bool kinds[KIND_COUNT]; /* some rule stands on it */
	struct kind_rules by_kind[KIND_COUNT];
	bool effects;  /* some rule gives signals or scores, or writes lists */
	bool feedback; /* a rule on traffic reads what rules write: epoch by epoch, then */
	bool timers;   /* some sequence waits for an absence */
};

/* NULL: no memory, or a rule beyond a bound above (*why, in plain words). */
struct compiled *compile_rules(const struct ruleset *set, const struct eval_site *site,
                               const char **why);
void compiled_free(struct compiled *c);

#endif
