#include "detect/parse.h"

#include "detect/lex.h"

#define COMMA_HINT \
 "a comma inside YAML [ ] or { } cuts the expression in two: write it without the brackets"

struct parser {
	struct lexer lexer;
	struct token now;
	size_t behind; /* end of the last token taken, in the text with single blanks */
	bool in_flow;
	unsigned nesting;
	struct arena *arena;
	struct parse_error *error;
	bool failed;
};

struct op_row {
	enum token_kind token;
	enum expr_op op;
};

static void fail(struct parser *p, const char *code, size_t at, struct slice message,
                 const char *hint)
{
	if (!p->failed) {
		*p->error = (struct parse_error){code, at, message, slice_of(hint)};
	}
	p->failed = true;
}

static struct slice token_text(const struct parser *p)
{
	if (p->now.kind == TOKEN_END) {
		return SLICE_LIT("end of expression");
	}
	return slice_first(slice_skip(p->lexer.source, p->now.begin), p->now.end - p->now.begin);
}

/* The hint that the present token deserves where it cannot stand. */
static const char *token_hint(const struct parser *p)
{
	static const char *const words[][2] = {{"and", "write 'and'"},
	                                       {"or", "write 'or'"},
	                                       {"not", "write 'not'"},
	                                       {"in", "write 'in'"}};

	if (p->now.kind == TOKEN_END) {
		return p->in_flow ? COMMA_HINT : NULL;
	}
	for (size_t i = 0; p->now.kind == TOKEN_NAME && i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_eq_nocase(p->now.value, slice_of(words[i][0]))) {
			return words[i][1];
		}
	}
	return NULL;
}

/* The present token cannot stand here; wanted may be NULL. */
static void fail_token(struct parser *p, const char *wanted)
{
	const struct token *t = &p->now;
	struct slice found = token_text(p);

	if (t->kind == TOKEN_BAD) {
		fail(p, t->code, t->begin, t->message, t->hint);
	} else if (wanted) {
		fail(p, "E021", t->begin,
		     arena_printf(p->lexer.arena, "expected %s, found '%.*s'", wanted,
		                  SLICE_FMT(found)),
		     token_hint(p));
	} else {
		fail(p, "E021", t->begin,
		     arena_printf(p->lexer.arena, "unexpected '%.*s'", SLICE_FMT(found)),
		     token_hint(p));
	}
}

static void advance(struct parser *p)
{
	p->behind = p->now.text_end;
	p->now = lexer_next(&p->lexer);
}

static bool take(struct parser *p, enum token_kind kind)
{
	if (p->now.kind != kind) {
		return false;
	}
	advance(p);
	return true;
}

static void expect(struct parser *p, enum token_kind kind, const char *wanted)
{
	if (!take(p, kind)) {
		fail_token(p, wanted);
	}
}

static struct ast *new_node(struct parser *p, enum ast_kind kind, size_t at)
{
	struct ast *node = p->failed ? NULL : arena_alloc(p->arena, sizeof(*node));

	if (!node) {
		fail(p, "E024", at, SLICE_LIT("the expression needs too much memory"), NULL);
		return NULL;
	}
	node->kind = kind;
	node->at = at;
	node->depth = 1;
	return node;
}

/* The node reaches from begin to the last token taken. */
static struct ast *close_node(struct parser *p, struct ast *node, size_t begin)
{
	if (!node || p->failed) {
		return NULL;
	}
	node->text = (struct slice){p->lexer.text + begin, p->behind - begin};
	if (node->depth > EXPR_DEPTH_MAX) {
		fail(p, "E024", node->at, SLICE_LIT("the expression is nested too deeply"),
		     "64 levels are allowed; put parts of it in 'let'");
		return NULL;
	}
	return node;
}

static void add_arg(struct ast *node, struct ast ***tail, struct ast *arg)
{
	if (!node || !arg) {
		return;
	}
	**tail = arg;
	*tail = &arg->next;
	node->count++;
	node->depth = arg->depth >= node->depth ? arg->depth + 1 : node->depth;
}

static struct ast *op_node(struct parser *p, enum expr_op op, size_t at, struct ast *left,
                           struct ast *right)
{
	struct ast *node = new_node(p, AST_OP, at);

	if (!node) {
		return NULL;
	}
	struct ast **tail = &node->args;
	node->op = op;
	add_arg(node, &tail, left);
	add_arg(node, &tail, right);
	return node;
}

/* One more level of recursion; false beyond the limit. */
static bool enter(struct parser *p)
{
	if (p->nesting == EXPR_DEPTH_MAX) {
		fail(p, "E024", p->now.begin, SLICE_LIT("the expression is nested too deeply"),
		     "64 levels are allowed; put parts of it in 'let'");
		return false;
	}
	p->nesting++;
	return true;
}

static struct ast *parse_any(struct parser *p);
static struct ast *parse_sum(struct parser *p);

/* The arguments of a call or the elements of a set, up to the closing token. */
static void parse_args(struct parser *p, struct ast *node, struct ast **tail,
                       struct ast *(*parse_one)(struct parser *), enum token_kind close,
                       const char *wanted)
{
	do {
		add_arg(node, &tail, parse_one(p));
	} while (!p->failed && take(p, TOKEN_COMMA));
	if (!p->failed) {
		expect(p, close, wanted);
	}
}

static void parse_over(struct parser *p, struct ast *node)
{
	if (p->now.kind != TOKEN_NAME || !slice_eq(p->now.value, SLICE_LIT("over"))) {
		return;
	}
	advance(p);
	node->over = true;
	node->over_us = p->now.i;
	if (!take(p, TOKEN_DURATION)) {
		fail_token(p, "a duration");
	}
}

static struct ast *parse_name(struct parser *p)
{
	struct ast *node = new_node(p, AST_NAME, p->now.begin);
	size_t begin = p->now.text_begin;

	if (!node) {
		return NULL;
	}
	node->name = p->now.value;
	advance(p);
	if (take(p, TOKEN_OPEN)) {
		node->kind = AST_CALL;
		if (!take(p, TOKEN_CLOSE)) {
			parse_args(p, node, &node->args, parse_any, TOKEN_CLOSE, "')'");
		}
		parse_over(p, node);
	}
	return close_node(p, node, begin);
}

static struct ast *parse_literal(struct parser *p)
{
	static const struct {
		enum token_kind token;
		enum ast_kind kind;
		enum type type;
	} rows[] = {
		{TOKEN_INT, AST_LITERAL, TYPE_INT},       {TOKEN_DECIMAL, AST_LITERAL, TYPE_FLOAT},
		{TOKEN_PERCENT, AST_LITERAL, TYPE_FLOAT}, {TOKEN_DURATION, AST_LITERAL, TYPE_DUR},
		{TOKEN_TEXT, AST_LITERAL, TYPE_TEXT},     {TOKEN_TRUE, AST_LITERAL, TYPE_BOOL},
		{TOKEN_FALSE, AST_LITERAL, TYPE_BOOL},    {TOKEN_PARAM, AST_PARAM, TYPE_NONE},
		{TOKEN_LIST, AST_LIST, TYPE_NONE},
	};
	const struct token *t = &p->now;
	size_t begin = t->text_begin;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (t->kind != rows[i].token) {
			continue;
		}
		struct ast *node = new_node(p, rows[i].kind, t->begin);
		if (!node) {
			return NULL;
		}
		node->type = rows[i].type;
		node->name = t->value;
		switch (node->type) {
		case TYPE_FLOAT: node->value.f = t->f; break;
		case TYPE_TEXT: node->value.s = t->value; break;
		case TYPE_BOOL:
			node->value.i = t->kind == TOKEN_TRUE ? TRUTH_TRUE : TRUTH_FALSE;
			break;
		default: node->value.i = t->i; break;
		}
		advance(p);
		return close_node(p, node, begin);
	}
	fail_token(p, t->kind == TOKEN_END || t->kind == TOKEN_CLOSE ? "a value" : NULL);
	return NULL;
}

static struct ast *parse_primary(struct parser *p)
{
	if (p->now.kind == TOKEN_NAME) {
		return parse_name(p);
	}
	if (!take(p, TOKEN_OPEN)) {
		return parse_literal(p);
	}
	struct ast *inner = parse_any(p);
	if (inner) {
		expect(p, TOKEN_CLOSE, "')'");
	}
	return p->failed ? NULL : inner;
}

static struct ast *parse_coalesce(struct parser *p)
{
	size_t begin = p->now.text_begin;
	struct ast *left = parse_primary(p);

	while (left && p->now.kind == TOKEN_COALESCE) {
		size_t at = p->now.begin;
		advance(p);
		left = op_node(p, EXPR_COALESCE, at, left, parse_primary(p));
		left = close_node(p, left, begin);
	}
	return left;
}

static struct ast *parse_unary(struct parser *p)
{
	size_t begin = p->now.text_begin, at = p->now.begin;

	if (p->now.kind != TOKEN_MINUS) {
		return parse_coalesce(p);
	}
	if (!enter(p)) {
		return NULL;
	}
	advance(p);
	struct ast *node = op_node(p, EXPR_NEG, at, parse_unary(p), NULL);
	p->nesting--;
	return close_node(p, node, begin);
}

/* Operands of parse_one joined by the operators of one level of precedence, from the left. */
static struct ast *parse_chain(struct parser *p, const struct op_row *rows, size_t count,
                               struct ast *(*parse_one)(struct parser *))
{
	size_t begin = p->now.text_begin;
	struct ast *left = parse_one(p);
	size_t i = 0;

	while (left && i < count) {
		if (p->now.kind != rows[i].token) {
			i++;
			continue;
		}
		size_t at = p->now.begin;
		advance(p);
		left = op_node(p, rows[i].op, at, left, parse_one(p));
		left = close_node(p, left, begin);
		i = 0;
	}
	return left;
}

static struct ast *parse_term(struct parser *p)
{
	static const struct op_row rows[] = {
		{TOKEN_STAR, EXPR_MUL}, {TOKEN_SLASH, EXPR_DIV}, {TOKEN_REST, EXPR_MOD}};

	return parse_chain(p, rows, sizeof(rows) / sizeof(rows[0]), parse_unary);
}

static struct ast *parse_sum(struct parser *p)
{
	static const struct op_row rows[] = {{TOKEN_PLUS, EXPR_ADD}, {TOKEN_MINUS, EXPR_SUB}};

	return parse_chain(p, rows, sizeof(rows) / sizeof(rows[0]), parse_term);
}

static enum expr_op relation(enum token_kind kind)
{
	static const struct op_row rows[] = {{TOKEN_EQ, EXPR_EQ}, {TOKEN_NE, EXPR_NE},
	                                     {TOKEN_LT, EXPR_LT}, {TOKEN_LE, EXPR_LE},
	                                     {TOKEN_GT, EXPR_GT}, {TOKEN_GE, EXPR_GE}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].token == kind) {
			return rows[i].op;
		}
	}
	return EXPR_NONE;
}

static struct ast *parse_match(struct parser *p, struct ast *left)
{
	bool negated = p->now.kind == TOKEN_NOT_MATCH;
	struct ast *node =
		op_node(p, negated ? EXPR_NOT_MATCH : EXPR_MATCH, p->now.begin, left, NULL);

	advance(p);
	if (p->now.kind != TOKEN_REGEX) {
		fail_token(p, "a pattern between / and /");
		return NULL;
	}
	if (node) {
		node->name = p->now.value;
		node->pattern_at = p->now.begin + 1;
		memcpy(node->flags, p->now.flags, sizeof(node->flags));
	}
	advance(p);
	return node;
}

/* Behind 'in': a list, a set or a range. */
static struct ast *parse_set(struct parser *p, size_t at, struct ast *left)
{
	if (p->now.kind == TOKEN_LIST) {
		return op_node(p, EXPR_IN_LIST, at, left, parse_literal(p));
	}
	struct ast *node = op_node(p, EXPR_IN_SET, at, left, NULL);
	if (!node) {
		return NULL;
	}
	struct ast **tail = &left->next;
	if (take(p, TOKEN_OPEN_SET)) {
		parse_args(p, node, tail, parse_sum, TOKEN_CLOSE_SET, "'}'");
		return node;
	}
	node->op = EXPR_IN_RANGE;
	add_arg(node, &tail, parse_sum(p));
	if (!p->failed && !take(p, TOKEN_RANGE)) {
		fail_token(p, "'..'");
	}
	add_arg(node, &tail, p->failed ? NULL : parse_sum(p));
	return node;
}

static struct ast *parse_in(struct parser *p, struct ast *left, size_t begin)
{
	size_t at = p->now.begin;
	bool negated = take(p, TOKEN_NOT);
	size_t in_at = p->now.begin;

	if (!take(p, TOKEN_IN)) {
		fail_token(p, "'in'");
		return NULL;
	}
	struct ast *node = close_node(p, parse_set(p, in_at, left), begin);
	if (!negated || !node) {
		return node;
	}
	return close_node(p, op_node(p, EXPR_NOT, at, node, NULL), begin);
}

static bool compares(enum token_kind kind)
{
	return relation(kind) != EXPR_NONE || kind == TOKEN_MATCH || kind == TOKEN_NOT_MATCH ||
	       kind == TOKEN_NOT || kind == TOKEN_IN;
}

static struct ast *parse_compare(struct parser *p)
{
	size_t begin = p->now.text_begin, at;
	struct ast *node = parse_sum(p);
	enum token_kind kind = p->now.kind;

	if (!node || !compares(kind)) {
		return node;
	}
	if (relation(kind) != EXPR_NONE) {
		at = p->now.begin;
		advance(p);
		node = op_node(p, relation(kind), at, node, parse_sum(p));
	} else if (kind == TOKEN_MATCH || kind == TOKEN_NOT_MATCH) {
		node = parse_match(p, node);
	} else {
		node = parse_in(p, node, begin);
	}
	if (!p->failed && compares(p->now.kind)) {
		fail(p, "E023", p->now.begin, SLICE_LIT("comparisons cannot be chained"),
		     "use 'x in lo..hi' or 'and'");
	}
	return close_node(p, node, begin);
}

static struct ast *parse_not(struct parser *p)
{
	size_t begin = p->now.text_begin, at = p->now.begin;

	if (p->now.kind != TOKEN_NOT) {
		return parse_compare(p);
	}
	if (!enter(p)) {
		return NULL;
	}
	advance(p);
	struct ast *node = op_node(p, EXPR_NOT, at, parse_not(p), NULL);
	p->nesting--;
	return close_node(p, node, begin);
}

static struct ast *parse_any(struct parser *p)
{
	static const struct op_row and_row = {TOKEN_AND, EXPR_AND}, or_row = {TOKEN_OR, EXPR_OR};
	size_t begin = p->now.text_begin;

	if (!enter(p)) {
		return NULL;
	}
	struct ast *node = parse_not(p);
	if (node && (p->now.kind == TOKEN_AND || p->now.kind == TOKEN_OR)) {
		bool is_and = p->now.kind == TOKEN_AND;
		const struct op_row *row = is_and ? &and_row : &or_row;
		while (node && p->now.kind == row->token) {
			size_t at = p->now.begin;
			advance(p);
			node = close_node(p, op_node(p, row->op, at, node, parse_not(p)), begin);
		}
		if (p->now.kind == (is_and ? TOKEN_OR : TOKEN_AND)) {
			fail(p, "E022", p->now.begin,
			     SLICE_LIT("'and' and 'or' are mixed without parentheses"),
			     "add parentheses to say which belongs together");
		}
	}
	p->nesting--;
	return p->failed ? NULL : node;
}

static bool parser_init(struct parser *p, const struct parse_input *in, struct parse_error *error)
{
	*p = (struct parser){.in_flow = in->in_flow, .arena = in->scratch, .error = error};
	if (in->source.len > EXPR_TEXT_MAX) {
		fail(p, "E024", 0, SLICE_LIT("the expression is longer than 4096 bytes"),
		     "put parts of it in 'let'");
		return false;
	}
	if (!lexer_init(&p->lexer, in->source, in->keep)) {
		fail(p, "E024", 0, SLICE_LIT("the expression needs too much memory"), NULL);
		return false;
	}
	p->now = lexer_next(&p->lexer);
	return true;
}

struct ast *parse_expr(const struct parse_input *in, struct parse_error *error)
{
	struct parser p;
	struct ast *node = parser_init(&p, in, error) ? parse_any(&p) : NULL;

	if (node && p.now.kind != TOKEN_END) {
		fail_token(&p, NULL);
	}
	return p.failed ? NULL : node;
}

struct ast *parse_exprs(const struct parse_input *in, unsigned *count, struct parse_error *error)
{
	struct parser p;
	struct ast holder = {0}, **tail = &holder.args;

	*count = 0;
	if (!parser_init(&p, in, error)) {
		return NULL;
	}
	do {
		add_arg(&holder, &tail, parse_any(&p));
	} while (!p.failed && take(&p, TOKEN_COMMA));
	if (!p.failed && p.now.kind != TOKEN_END) {
		fail_token(&p, NULL);
	}
	*count = holder.count;
	return p.failed ? NULL : holder.args;
}
