/* Expression text to an untyped tree (rule-language.md section 6): recursive descent with one
 * token of look-ahead. Stops at the first mistake of an expression. Limits: 4 KiB, depth 64.
 *
 * Trees live in the scratch arena of the load, the texts that they name in the rule set's.
 */
#ifndef ENGINE_DETECT_PARSE_H
#define ENGINE_DETECT_PARSE_H

#include <stdbool.h>

#include "core/arena.h"
#include "detect/expr.h"

enum { EXPR_TEXT_MAX = 4096, EXPR_DEPTH_MAX = 64 };

enum ast_kind {
	AST_NONE = 0,
	AST_LITERAL, /* type, value */
	AST_NAME,    /* name: field, let, site.x */
	AST_PARAM,   /* name */
	AST_LIST,    /* name */
	AST_CALL,    /* name, args, over_us */
	AST_OP,      /* op, args; of the matches also name (the pattern) and flags */
};

struct ast {
	enum ast_kind kind;
	enum expr_op op;
	enum type type; /* LITERAL: BOOL, INT, FLOAT, DUR or TEXT */
	struct value value;
	struct slice name;
	char flags[3];
	bool over;
	int64_t over_us;
	size_t at;         /* byte of the source: of the operator, or of the first character */
	size_t pattern_at; /* byte of the source where the pattern begins */
	struct slice text; /* as written, single blanks */
	struct ast *args;  /* the first operand or argument */
	struct ast *next;
	unsigned count; /* of args */
	unsigned depth;
};

struct parse_input {
	struct slice source;
	bool in_flow; /* plain text inside YAML [ ] or { }: a comma would have ended it */
	struct arena *keep;
	struct arena *scratch;
};

struct parse_error {
	const char *code;
	size_t at; /* byte of the source */
	struct slice message;
	struct slice hint; /* may be missing */
};

/* NULL and *error. */
struct ast *parse_expr(const struct parse_input *in, struct parse_error *error);
/* Expressions between commas: the first, linked by next; *count of them. */
struct ast *parse_exprs(const struct parse_input *in, unsigned *count, struct parse_error *error);

#endif
