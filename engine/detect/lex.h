/* Tokens of the expression language (rule-language.md section 6), one at a time.
 *
 *	struct lexer lexer;
 *	lexer_init(&lexer, source, arena);
 *	for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END; t = lexer_next(&lexer)) ...
 *
 * Beside the tokens the lexer writes the source with every run of blanks outside of texts and
 * patterns as one blank: how a condition is shown in an alert. What is no token comes as TOKEN_BAD
 * with its message, so that the first mistake of an expression is the one reported.
 */
#ifndef ENGINE_DETECT_LEX_H
#define ENGINE_DETECT_LEX_H

#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/slice.h"

enum token_kind {
	TOKEN_END = 0,
	TOKEN_BAD,
	TOKEN_NAME, /* dotted */
	TOKEN_PARAM,
	TOKEN_LIST,
	TOKEN_INT,
	TOKEN_DECIMAL,
	TOKEN_PERCENT,
	TOKEN_DURATION,
	TOKEN_TEXT,
	TOKEN_REGEX,
	TOKEN_TRUE,
	TOKEN_FALSE,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_NOT,
	TOKEN_IN,
	TOKEN_EQ,
	TOKEN_NE,
	TOKEN_LT,
	TOKEN_LE,
	TOKEN_GT,
	TOKEN_GE,
	TOKEN_MATCH,
	TOKEN_NOT_MATCH,
	TOKEN_COALESCE,
	TOKEN_RANGE,
	TOKEN_PLUS,
	TOKEN_MINUS,
	TOKEN_STAR,
	TOKEN_SLASH,
	TOKEN_REST, /* % between two values */
	TOKEN_COMMA,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_OPEN_SET,
	TOKEN_CLOSE_SET,
};

struct token {
	enum token_kind kind;
	size_t begin; /* bytes of the source */
	size_t end;
	size_t text_begin; /* bytes of the text with single blanks */
	size_t text_end;
	struct slice value; /* NAME, PARAM, LIST: the name; TEXT: unescaped; REGEX: the pattern */
	char flags[3];      /* REGEX: "", "i", "x", "ix" */
	int64_t i;          /* INT; DURATION in us */
	double f;           /* DECIMAL, PERCENT (80% is 0.8) */
	const char *code;   /* BAD */
	struct slice message;
	const char *hint; /* may be NULL */
};

struct lexer {
	struct slice source;
	struct arena *arena; /* of text, names and unescaped texts */
	size_t pos;
	char *text;
	size_t text_len;
	enum token_kind before; /* decides whether '/' begins a pattern */
};

/* source must outlive the lexer; the tokens' values live in arena. False: no memory. */
bool lexer_init(struct lexer *l, struct slice source, struct arena *arena);
struct token lexer_next(struct lexer *l);

#endif
