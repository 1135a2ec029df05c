/* A loaded, checked rule and the set that it belongs to.
 *
 *	struct ruleset *set;
 *	ruleset_load(paths, count, &options, &diags, &set);     all files, all mistakes in one run
 *
 * Loading is pure apart from reading the named files. A set with errors is not returned; warnings
 * do not hinder. Sets are immutable afterwards and shared by threads.
 */
#ifndef ENGINE_DETECT_RULE_H
#define ENGINE_DETECT_RULE_H

#include "core/arena.h"
#include "core/diag.h"
#include "detect/expr.h"

enum {
	RULE_PARAMS_MAX = 32,
	RULE_KEYS_MAX = 4,
	RULE_LETS_MAX = 32,
	RULE_AGGS_MAX = 32,
	RULE_LISTS_MAX = 64,
	RULE_FIELDS_MAX = 32,
	RULE_EVIDENCE_MAX = 64, /* a hot row keeps the newest 64 */
	RULE_STEPS_MAX = 8,
	RULE_BOUND_MAX = 32,
	RULE_FROM_MAX = 16,
	RULE_NEWS_MAX = 4,
	RULE_OPS_MAX = 8,
	RULE_HISTORIES_MAX = 8,
};

enum severity {
	SEVERITY_NONE = 0,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
	SEVERITY_CRITICAL
};
enum rule_status {
	STATUS_STABLE = 0,
	STATUS_TEST,
	STATUS_EXPERIMENTAL,
	STATUS_DEPRECATED,
	STATUS_SHADOW, /* by an override: raises, but nothing goes out and nobody is affected */
	STATUS_OFF,    /* by an override: not in the set */
};
enum fire { FIRE_DEFAULT = 0, FIRE_ONCE, FIRE_EACH };

const char *severity_word(enum severity s);

struct param {
	struct slice name;
	enum type type; /* INT, FLOAT, DUR, TEXT, BOOL; pct is FLOAT */
	bool pct;
	struct value value;     /* in force: the default, or what a test or a site set */
	struct value authored;  /* the default */
	struct value low, high; /* missing: no range */
	struct slice doc;
	bool tune;
	bool used;
	struct place at;
};

struct let {
	struct slice name;
	const struct expr *expr;
};

/* One aggregate call. Equal calls of a rule are one entry. */
struct agg {
	enum aggregate fn;
	enum type type;            /* of the result */
	const struct expr *arg;    /* NULL for count, rate; the condition of ratio */
	const struct expr *filter; /* NULL: all events */
	struct value q;            /* QUANTILE */
	int64_t window_us;         /* the rule's, or that of `over` */
	struct slice text;
};

/* A value that an expression names beside the fields of its event. */
struct bound {
	struct slice name; /* as expressions write it: victim, back.duration, signal.bait */
	enum type type;
	enum enum_id set;
	bool optional;
	enum bound_from {
		BOUND_KEY,    /* part of the sequence's key: index */
		BOUND_STEP,   /* a field of the event that step index matched */
		BOUND_SIGNAL, /* a field of the signal: rule->signal_fields */
		BOUND_SCORE,  /* of the score event: index is an enum score_part */
	} from;
	unsigned index;
	enum field field; /* BOUND_STEP: a column or a party name */
};

enum score_part { SCORE_ENTITY, SCORE_TYPE, SCORE_VALUE, SCORE_RULES, SCORE_PARTS };

/* A step of a sequence. `where` may name fields of its event, parameters, key names and fields of
 * earlier steps.
 */
struct sequence_step {
	struct slice name; /* of `as:` or `none:` */
	bool none;         /* no such event may come */
	enum event_kind kind;
	const struct expr *where; /* NULL: every event of the kind */
	const struct expr *keys[RULE_KEYS_MAX];
	int64_t for_us; /* a last `none`: how long; 0 else */
	struct place at;
};

/* What a rule that fires adds to the risk of somebody. */
struct score_give {
	const struct expr *entity; /* NULL: gives none */
	const char *entity_type;   /* "number", "trunk", "account", "ip", "other" */
	const struct expr *points; /* a float */
	int64_t half_life_us;
	int64_t per_us; /* at most once per that time a (rule, key); 0: each time */
};

/* A write to a dynamic list. */
struct list_op {
	bool remove;
	unsigned list; /* index into ruleset.lists */
	const struct expr *value;
	int64_t ttl_us; /* 0: for good */
};

/* How a rule learns what is usual for a key: see detect/baseline.h. */
struct baseline {
	int64_t bucket_us; /* 0: it does not */
	int64_t history_us;
	enum season { SEASON_NONE = 0, SEASON_HOUR_OF_DAY, SEASON_HOUR_OF_WEEK } season;
	uint32_t min_n;    /* closed buckets below which a key has no history */
	bool short_passes; /* a comparison with history is true then; else false */
};

/* usual(), spread(), zscore() of rule->series[series]. */
struct history_call {
	enum history_fn { HISTORY_NONE = 0, HISTORY_USUAL, HISTORY_SPREAD, HISTORY_ZSCORE } fn;
	unsigned series;
};

/* One call of new(). Equal calls of a rule are one entry. */
struct new_call {
	const struct expr *value;
	int64_t history_us;
	int64_t warm_us;
	unsigned step; /* of a sequence */
};

/* A piece of a template: text, or an expression with its format. */
struct template_part {
	struct slice text; /* when expr is NULL and key is 0 */
	const struct expr *expr;
	unsigned key; /* {key1}..{key4}: 1..4 */
	enum format { FORMAT_PLAIN = 0, FORMAT_DECIMALS, FORMAT_PERCENT, FORMAT_MASK } format;
	unsigned decimals;
};

struct rule_test; /* detect/rule_test.h */

/* What a field of an exception must be: one of these values, or in a list. */
struct exception_match {
	struct value *values;
	unsigned value_count;
	int list; /* index into ruleset.lists; -1: by values */
};

/* A row that a site or a test filled in. */
struct exception_row {
	struct exception_match *matches; /* one a field */
	int64_t expires_us;              /* of event time; INT64_MAX: never (tests) */
	unsigned number;                 /* among all of the rule: for counts */
	struct slice reason;
	struct slice by;
	struct place at;
	struct exception_row *next;
};

/* A way in which the author lets sites except calls: which fields a row must give. */
struct exception_shape {
	struct slice name;
	const struct expr *fields[RULE_KEYS_MAX];
	bool many[RULE_KEYS_MAX]; /* op `in`: values or a list; else one value */
	unsigned field_count;
	struct exception_row *rows;
	struct exception_shape *next;
};

struct output_field {
	struct slice name; /* as written */
	const struct expr *expr;
};

struct rule {
	struct slice name; /* "core.voice/wangiri.blast" */
	struct slice pack;
	struct slice id;
	int64_t rev;
	struct slice title;
	struct slice class;
	enum severity severity;
	enum rule_status status;
	int64_t shadow_until_us; /* of STATUS_SHADOW, by event time */
	struct place at;         /* of its first key: "rule 'x'" in messages */
	struct slice source;     /* its text in the file, for the digest */
	bool used[FIELD_COUNT];  /* columns that it reads */

	enum event_kind kind;
	const struct expr *where; /* NULL: all events of the kind */
	const struct expr *keys[RULE_KEYS_MAX];
	unsigned key_count;
	int64_t window_us;   /* 0: a match rule */
	unsigned resolution; /* panes a window: 6..240, default 30 */
	unsigned exact_max;  /* 256..65536, default 4096 */
	uint64_t max_keys;   /* 0: no own cap */

	struct param params[RULE_PARAMS_MAX];
	unsigned param_count;
	struct let lets[RULE_LETS_MAX];
	unsigned let_count;
	struct agg aggs[RULE_AGGS_MAX];
	unsigned agg_count;
	const struct expr *when; /* NULL: a match rule */

	enum fire fire; /* never DEFAULT after loading */
	int64_t rearm_us;
	const struct expr *subject; /* never NULL when there is a key */
	const char *subject_type;   /* "caller", "callee", "trunk", "block", "ip", … */
	int64_t suppress_us;        /* 0: none */
	const struct expr *suppress_by[RULE_KEYS_MAX];
	unsigned suppress_count;

	const struct template_part *summary;
	unsigned summary_count;
	struct output_field fields[RULE_FIELDS_MAX];
	unsigned field_count;
	unsigned evidence; /* call ids to attach; default 50 */
	const struct expr *mask[RULE_KEYS_MAX];
	unsigned mask_count;

	unsigned lists[RULE_LISTS_MAX]; /* that it reads: indexes into ruleset.lists */
	unsigned list_count;
	struct rule_test *tests;
	struct exception_shape *exceptions;
	unsigned exception_rows;
	const struct expr *authored_where; /* without what a site adds */
	bool overridden;

	/* A sequence: within, key names, steps; kind is that of the last step that is an event. */
	struct sequence_step steps[RULE_STEPS_MAX];
	unsigned step_count; /* 0: no sequence */
	struct slice key_names[RULE_KEYS_MAX];
	int64_t within_us;
	bool keep_first; /* keep: first; else the newest match of step 1 counts */

	struct bound bound[RULE_BOUND_MAX];
	unsigned bound_count;
	struct new_call news[RULE_NEWS_MAX];
	unsigned new_count;

	struct baseline baseline;
	unsigned series[RULE_HISTORIES_MAX]; /* aggregates whose history is kept */
	unsigned series_count;
	struct history_call histories[RULE_HISTORIES_MAX];
	unsigned history_count;

	bool signal; /* emit: signal: nothing goes out, rules `from` it see it */
	/* on: signal: whose signals, and for each of them the index of the emitting rule's field
	 * behind each bound value.
	 */
	struct rule *from[RULE_FROM_MAX];
	unsigned from_count;
	uint8_t signal_fields[RULE_FROM_MAX][RULE_BOUND_MAX];
	struct score_give score;
	struct list_op ops[RULE_OPS_MAX];
	unsigned op_count;
	bool loss_safe; /* when only grows with more events */
};

/* A value of the parameter for people: 80%, 3s, 2.5. */
struct buf;
void param_print(const struct param *p, const struct value *v, struct buf *out);

/* Copies of a rule are the rule. */
static inline bool rule_same(const struct rule *a, const struct rule *b)
{
	return a && b && a->name.p == b->name.p;
}

/* A list as declared; its data is bound at load or given by the site. */
struct list_decl {
	struct slice name; /* without '@' */
	enum list_type type;
	struct slice file; /* path, the folder of the declaring file included; missing: none */
	const struct slice *inline_values;
	const struct place *inline_places;
	size_t inline_count;
	const struct slice *columns;
	size_t column_count;
	size_t max;
	int64_t ttl_us; /* of entries that rules or a server add; 0: for good */
	bool secret;
	bool dynamic;
	struct slice redis; /* key; missing: none */
	struct slice doc;
	struct place at;
};

struct ruleset {
	struct arena arena;
	struct rule **rules; /* by full name */
	size_t rule_count;
	struct list_decl *lists; /* by name */
	size_t list_count;
	char digest[72];        /* "b2:" + hex over all rule sources, by name */
	bool used[FIELD_COUNT]; /* columns that some rule reads */
	struct regex **regexes; /* of all patterns: freed with the set */
	size_t regex_count;
	size_t regex_room;
};

struct ruleset_options {
	const char *const
		*classes; /* the closed list; NULL: the built-in one of rule-language.md */
	size_t class_count;
	/* Checks the +E.164 literals: begins with an assigned calling code. NULL: digits only. */
	bool (*assigned)(void *user, struct slice digits);
	void *user;
	int64_t now_us; /* for what runs out; 0: nothing is said of it */
	/* Set to the number of rules that loaded whole, also when others failed: for the closing
	 * line of `check`. NULL: not wanted.
	 */
	size_t *whole;
};

/* Files and folders (rule-language.md section 2). OK or E_INVALID (errors are in diags), E_NOMEM.
 * *set is NULL unless OK. diags come back sorted. Places in the set point to the files of diags,
 * texts do not: the set may outlive diags when nobody asks for places any more.
 */
int ruleset_load(const char *const *paths, size_t count, const struct ruleset_options *options,
                 struct diags *diags, struct ruleset **set);
/* One file already in memory: tests and fuzzing. */
int ruleset_load_text(const char *name, struct slice text, const struct ruleset_options *options,
                      struct diags *diags, struct ruleset **set);
void ruleset_free(struct ruleset *set);
struct rule *ruleset_find(const struct ruleset *set, struct slice full_name);

#endif
