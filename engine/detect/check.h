/* The checker: untyped trees to typed ones, with every mistake reported at its place in the file.
 * One checker a rule; its parts are check_*.c. All of them return NULL after a mistake that is
 * already in the diagnostics, so that one cause gives one message.
 */
#ifndef ENGINE_DETECT_CHECK_H
#define ENGINE_DETECT_CHECK_H

#include "core/yaml.h"
#include "detect/parse.h"
#include "detect/rule.h"

/* Where an expression stands decides what it may name. */
enum clause {
	CLAUSE_WHERE = 0,
	CLAUSE_KEY,
	CLAUSE_LET,
	CLAUSE_WHEN,
	CLAUSE_SUBJECT,
	CLAUSE_SUPPRESS,
	CLAUSE_OUTPUT,
	CLAUSE_PRIVACY,
	CLAUSE_EXCEPTIONS,
};

struct checker {
	struct diags *diags;
	struct ruleset *set; /* lists are known; nodes go into its arena */
	const struct ruleset_options *options;
	struct arena *scratch; /* of untyped trees */
	struct rule *rule;
	enum event_kind kind; /* of the events that fields are of */
	int step;             /* of a sequence, whose expressions are checked; -1: none */
	bool has_window;      /* the key stands there, right or wrong */
	bool window_missed;   /* E055 has been said */
	bool has_baseline;
	bool from_broken; /* a rule of `from` has mistakes: its fields may not be known */
	bool in_new;
	enum clause clause;
	bool in_aggregate;
	size_t weights[RULE_LETS_MAX];  /* nodes of each let, with the lets in it written out */
	const struct yaml_node *source; /* the scalar that the expression stands in */
	size_t source_begin;            /* byte of its value where the expression begins */
};

/* ---- entry points: check.c ---- */

/* A scalar's value as one expression. in_flow: it stands in YAML [ ] or { }. */
const struct expr *check_expr(struct checker *c, enum clause clause, const struct yaml_node *scalar,
                              bool in_flow);
/* The same for a part of it, as templates have them. */
const struct expr *check_part(struct checker *c, enum clause clause, const struct yaml_node *scalar,
                              size_t begin, size_t end);
/* One scalar with commas, or a list of scalars; at most max. False after a mistake. */
bool check_exprs(struct checker *c, enum clause clause, const struct yaml_node *node, bool in_flow,
                 unsigned max, const struct expr **out, unsigned *count);
/* The same where something must be true or false: E035. */
const struct expr *check_condition(struct checker *c, enum clause clause,
                                   const struct yaml_node *scalar, bool in_flow);

/* Bounds what chains of lets come to when they are written out, so that no walk over expressions
 * grows beyond it. Called with each let in order; false with E024.
 */
bool check_weight(struct checker *c, unsigned let);

/* ---- between the parts ---- */

const struct expr *check_node(struct checker *c, const struct ast *ast);
/* A node at ast's place with its text; args may be NULL when count is 0. The flags optional and
 * aggregate are those of its operands.
 */
struct expr *check_new(struct checker *c, const struct ast *ast, enum expr_op op, enum type type,
                       const struct expr **args, unsigned count);
struct place check_place(const struct checker *c, size_t at);
const char *clause_name(enum clause clause);
bool clause_sees_lets(enum clause clause);
bool clause_takes_aggregates(enum clause clause);
/* "not built yet: …" (E090). */
void check_not_built(struct diags *d, struct place at, const char *what);

/* check_bound.c: a name that is no field of the event; *known when it is one of these, right or
 * wrong (NULL then).
 */
const struct expr *check_bound(struct checker *c, const struct ast *ast, bool *known);
const struct expr *check_score_of(struct checker *c, const struct ast *ast, bool *known);
/* check_history.c: usual(), spread(), zscore(). */
const struct expr *check_history(struct checker *c, const struct ast *ast, bool *known);
/* Does e, or a let in it, read history? */
bool check_has_history(const struct rule *rule, const struct expr *e);
/* E044; where: "under 'not'". */
void check_refuse_history(struct checker *c, struct place at, const char *where);
/* What a field of a signal is called: the last part of its expression. */
struct slice signal_field_name(struct slice name);
const char *check_score_part(enum score_part part);
/* Part `part` of a sequence's key, by its name. */
const struct expr *check_key_name(struct checker *c, unsigned part);

/* check_names.c */
void check_mark_used(struct checker *c, enum field field);
void check_refuse_kind(struct checker *c, const struct ast *ast, enum field field,
                       enum event_kind kind);
const struct expr *check_name(struct checker *c, const struct ast *ast);
const struct expr *check_param(struct checker *c, const struct ast *ast);
/* Index of the list in the set, noted as read by the rule; -1 after E039 at the byte `at`. */
int check_list(struct checker *c, const struct ast *ast, size_t at);

/* check_ops.c */
const struct expr *check_op(struct checker *c, const struct ast *ast);
/* Makes the two of one type: int beside float, text beside a typed value. */
bool check_fit(struct checker *c, const struct expr **a, const struct expr **b);
/* *e as a value of type, where it is one or a text literal that can be; without a message for
 * another type.
 */
bool check_as(struct checker *c, const struct expr **e, enum type type);
/* x as a condition; what names it in the message. */
bool check_is_condition(struct checker *c, const struct expr *x, const char *what);
/* "durations need a unit: 30s or 30m" where one of the two is a bare number; else missing. */
struct slice check_unit_hint(char out[64], const struct expr *a, const struct expr *b);

/* check_sets.c */
const struct expr *check_in_list(struct checker *c, const struct ast *ast, const struct expr *x);
const struct expr *check_in_set(struct checker *c, const struct ast *ast, const struct expr *x);
const struct expr *check_in_range(struct checker *c, const struct ast *ast, const struct expr *x);
const struct expr *check_match(struct checker *c, const struct ast *ast, const struct expr *x);
/* E036 unless values of x can be looked up in the list. */
bool check_list_holds(struct checker *c, size_t list, const struct expr *x);
/* The same for *x that is written there; a text literal becomes a value of the list's type. */
bool check_list_takes(struct checker *c, size_t list, const struct expr **x);

/* check_fold.c: the constant that e comes to when its operands are constants, else e. */
const struct expr *check_fold(struct checker *c, struct expr *e);

/* check_calls.c, check_aggs.c */
const struct expr *check_call(struct checker *c, const struct ast *ast);
const struct expr *check_aggregate(struct checker *c, const struct ast *ast, enum aggregate fn);
/* E041 unless the number of arguments is right. */
bool check_arg_count(struct checker *c, const struct ast *ast, unsigned min, unsigned max);
enum aggregate aggregate_find(struct slice name);

/* check_warn.c: W101, W102, W110, W120, W130 of a rule that is whole. */
void check_warn(struct checker *c);
/* check_loss.c: sets rule->loss_safe; W140 at the first condition that is not. */
void check_loss(struct checker *c);

#endif
