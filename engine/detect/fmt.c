#include "detect/fmt.h"

#include <stdlib.h>

#include "core/err.h"
#include "detect/fmt_text.h"

enum { STEP = 2, WIDTH = 160, TREE_MAX = 1 << 30 };

static const char *const rule_keys[] = {
#define RULE_KEY(id, name, shape, required, not_built) name,
#include "detect/rule_keys.def"
#undef RULE_KEY
};

enum { RULE_KEY_COUNT = sizeof(rule_keys) / sizeof(rule_keys[0]) };

/* What a node is to the file: rules are apart by a line, their keys have an order. */
enum role { ROLE_OTHER = 0, ROLE_FILE, ROLE_RULES, ROLE_RULE };

struct layout {
	struct fmt_text t;
	size_t pos; /* the source up to here is laid out */
	bool failed;
};

/* One item or key with its value, on its way into a list or map. */
struct part {
	bool blank;       /* blank lines stand before it */
	struct buf notes; /* comments before it, without indentation */
	struct buf body;  /* lines; the first without indentation */
	int rank;
	unsigned index; /* in the source */
};

/* Where a part goes. */
struct spot {
	unsigned indent;
	unsigned old_column; /* its key or item in the source, from 0 */
	enum role role;      /* of its value */
	bool flow;           /* it comes out of brackets */
	size_t limit;        /* what follows it begins there */
};

static bool lay_children(struct layout *l, const struct yaml_node *node, const struct spot *spot,
                         struct part *owner, bool inlined);

static enum role role_of(enum role parent, const struct yaml_node *child)
{
	if (parent == ROLE_FILE && child->kind == YAML_LIST &&
	    slice_eq(child->key, SLICE_LIT("rules"))) {
		return ROLE_RULES;
	}
	return parent == ROLE_RULES && child->kind == YAML_MAP ? ROLE_RULE : ROLE_OTHER;
}

static struct slice source(const struct layout *l, size_t begin, size_t end)
{
	return slice_skip(slice_first(l->t.text, end), begin);
}

/* ---- values ---- */

/* Lines behind the first move as far as what they belong to, but not left of `least`. */
static void lay_lines(struct buf *out, struct slice text, const struct spot *spot, unsigned least)
{
	struct slice line;

	(void)fmt_line(&text, &line);
	buf_slice(out, fmt_rtrim(line));
	while (fmt_line(&text, &line)) {
		unsigned indent = fmt_indent(line);
		line = slice_trim(fmt_rtrim(line));
		indent = indent + spot->indent > spot->old_column
		                 ? indent + spot->indent - spot->old_column
		                 : 0;
		buf_char(out, '\n');
		if (line.len) {
			fmt_spaces(out, indent > least ? indent : least);
			buf_slice(out, line);
		}
	}
}

/* Of a text behind | or > every blank counts, but for those that indent it. */
static void lay_block_text(struct buf *out, struct slice text, const struct spot *spot)
{
	struct slice line, rest = text;
	unsigned old = 0, indent = spot->indent + STEP;

	(void)fmt_line(&rest, &line);
	buf_slice(out, fmt_rtrim(line));
	for (size_t i = 1; i < line.len && i < 3; i++) {
		if (ascii_is_digit(line.p[i])) {
			old = spot->old_column + (unsigned)(line.p[i] - '0');
			indent = spot->indent + (unsigned)(line.p[i] - '0');
		}
	}
	for (struct slice peek = rest; !old && fmt_line(&peek, &line);) {
		old = fmt_rtrim(line).len ? fmt_indent(line) : 0;
	}
	while (fmt_line(&rest, &line)) {
		unsigned blanks = fmt_indent(line);
		line = slice_skip(line, blanks < old ? blanks : old);
		line.len -= line.len && line.p[line.len - 1] == '\r';
		buf_char(out, '\n');
		if (line.len) {
			fmt_spaces(out, indent);
			buf_slice(out, line);
		}
	}
}

static bool keeps_breaks(struct slice text)
{
	return text.len > 1 && (text.p[1] == '+' || (text.len > 2 && text.p[2] == '+'));
}

static void lay_scalar(struct layout *l, const struct yaml_node *node, const struct spot *spot,
                       struct part *part)
{
	struct slice text = source(l, node->raw_begin, node->raw_end);

	if (text.p[0] == '|' || text.p[0] == '>') {
		while (!keeps_breaks(text) && text.len &&
		       memchr(" \t\r\n", text.p[text.len - 1], 4)) {
			text.len--;
		}
		lay_block_text(&part->body, text, spot);
	} else {
		lay_lines(&part->body, text, spot, spot->indent + STEP);
	}
	l->pos = node->raw_begin + text.len;
}

static void lay_end(struct layout *l, struct part *part)
{
	buf_slice(&part->body, fmt_trailing(l->t.text, &l->pos));
	buf_char(&part->body, '\n');
}

/* As it is written, or one item a line when that is too long. */
static bool lay_flow(struct layout *l, const struct yaml_node *node, const struct spot *spot,
                     struct part *part, size_t begin, bool inlined)
{
	struct fmt_flow flow;
	size_t before = part->body.len;

	if (!fmt_flow(&l->t, node, begin, &flow)) {
		return false;
	}
	lay_lines(&part->body, source(l, begin, flow.end), spot, spot->indent);
	l->pos = flow.end;
	if (fmt_fits(buf_view(&part->body), spot->indent, WIDTH) || flow.comment || flow.odd ||
	    node->count == 0) {
		lay_end(l, part);
		return true;
	}
	/* The comment at its end is about all of it. */
	struct slice trailing = slice_trim(fmt_trailing(l->t.text, &l->pos));
	size_t end = l->pos;
	if (trailing.len) {
		buf_slice(&part->notes, trailing);
		buf_char(&part->notes, '\n');
	}
	part->body.len =
		inlined ? before : fmt_rtrim(slice_first(buf_view(&part->body), before)).len;
	l->pos = begin + 1;
	bool whole = lay_children(l, node, spot, part, inlined);
	l->pos = end;
	return whole;
}

/* What stands between a key and its value: comments go before the key. */
static void lay_gap(struct layout *l, struct part *part, size_t begin)
{
	struct slice gap = source(l, l->pos, begin);
	bool as_written = gap.len && fmt_indent(gap) == gap.len;

	if (slice_find(gap, '#') < gap.len) {
		(void)fmt_notes(l->t.text, l->pos, begin, &part->notes);
	}
	buf_slice(&part->body, as_written ? gap : SLICE_LIT(" "));
	l->pos = begin;
}

static bool lay_value(struct layout *l, const struct yaml_node *node, const struct spot *spot,
                      struct part *part, bool inlined)
{
	bool scalar = node->kind == YAML_SCALAR;
	size_t begin = scalar ? node->raw_begin : fmt_byte(&l->t, node->at);

	if (scalar && node->raw_begin == node->raw_end) {
		lay_end(l, part);
		return true;
	}
	if (begin < l->pos) {
		return false;
	}
	if (!scalar && !node->flow) {
		if (inlined) {
			buf_char(&part->body, ' ');
		} else {
			buf_slice(&part->body, fmt_trailing(l->t.text, &l->pos));
		}
		return lay_children(l, node, spot, part, inlined);
	}
	lay_gap(l, part, begin);
	if (!scalar) {
		return lay_flow(l, node, spot, part, begin, inlined);
	}
	lay_scalar(l, node, spot, part);
	lay_end(l, part);
	return true;
}

/* ---- lists and maps ---- */

static bool lay_part(struct layout *l, const struct yaml_node *parent,
                     const struct yaml_node *child, struct spot *spot, struct part *part)
{
	struct fmt_key key;

	if (parent->kind == YAML_LIST) {
		spot->old_column = child->at.column - 1;
		spot->old_column -= spot->old_column < STEP ? spot->old_column : STEP;
		buf_char(&part->body, '-');
		return lay_value(l, child, spot, part, true);
	}
	spot->old_column = child->key_at.column - 1;
	if (!fmt_key(l->t.text, l->pos, spot->flow, &key)) {
		return false;
	}
	buf_slice(&part->body, source(l, l->pos, key.end));
	buf_char(&part->body, ':');
	l->pos = key.colon + 1;
	return lay_value(l, child, spot, part, false);
}

/* A key that the table does not know (x-...) stays behind the one before it. */
static int rank_of(const struct part *parts, size_t i, struct slice key)
{
	for (int k = 0; k < RULE_KEY_COUNT; k++) {
		if (slice_eq(key, slice_of(rule_keys[k]))) {
			return k;
		}
	}
	return i > 0 ? parts[i - 1].rank : -1;
}

static int by_rank(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->rank != y->rank ? (x->rank < y->rank ? -1 : 1) : (x->index < y->index ? -1 : 1);
}

static void put_lines(struct buf *out, struct slice lines, unsigned indent)
{
	struct slice line;

	while (fmt_line(&lines, &line)) {
		fmt_spaces(out, line.len ? indent : 0);
		buf_slice(out, line);
		buf_char(out, '\n');
	}
}

/* Into the owner's body; the first of an item begins on the line of its dash, so that the comments
 * before it go before the item.
 */
static void put_parts(const struct part *parts, size_t count, const struct spot *spot,
                      struct part *owner, bool inlined)
{
	struct buf *out = &owner->body;

	if (!inlined && out->len) {
		buf_char(out, '\n');
	}
	for (size_t i = 0; i < count; i++) {
		const struct part *p = &parts[i];
		if (i == 0 && inlined) {
			buf_slice(&owner->notes, buf_view(&p->notes));
		} else {
			if (i > 0 && (p->blank || spot->role == ROLE_RULES)) {
				buf_char(out, '\n');
			}
			put_lines(out, buf_view(&p->notes), spot->indent);
			fmt_spaces(out, spot->indent);
		}
		buf_slice(out, buf_view(&p->body));
	}
}

/* Comments that end the list or map rather than begin what follows. */
static void put_foot(struct layout *l, const struct yaml_node *node, const struct spot *spot,
                     size_t limit, struct buf *out)
{
	struct slice text = l->t.text;
	size_t end =
		spot->role == ROLE_FILE ? text.len : fmt_foot(text, l->pos, limit, node->at.column);
	struct buf notes = {0};

	if (fmt_notes(text, l->pos, end, &notes) && notes.len && out->len) {
		buf_char(out, '\n');
	}
	if (notes.len > 1 && notes.p[notes.len - 2] == '\n') {
		notes.len--; /* blank lines behind belong to what follows */
	}
	put_lines(out, buf_view(&notes), spot->indent);
	l->pos = end;
	buf_fini(&notes);
}

static size_t begin_of(struct layout *l, const struct yaml_node *parent,
                       const struct yaml_node *child)
{
	return fmt_byte(&l->t, parent->kind == YAML_MAP ? child->key_at : child->at);
}

/* node's children become parts; spot is that of the node's own key or item. */
static bool lay_parts(struct layout *l, const struct yaml_node *node, const struct spot *spot,
                      struct part *parts)
{
	struct part *part = parts;

	for (const struct yaml_node *child = node->first; child; child = child->next, part++) {
		size_t begin = begin_of(l, node, child);
		struct spot below = {.indent = spot->indent,
		                     .role = role_of(spot->role, child),
		                     .flow = node->flow,
		                     .limit = spot->limit};
		if (begin < l->pos) {
			return false;
		}
		if (!node->flow) {
			part->blank = fmt_notes(l->t.text, l->pos, begin, &part->notes);
			below.limit = child->next ? begin_of(l, node, child->next) : spot->limit;
		}
		l->pos = begin;
		part->index = (unsigned)(part - parts);
		part->rank = spot->role == ROLE_RULE ? rank_of(parts, part->index, child->key) : 0;
		if (!lay_part(l, node, child, &below, part)) {
			return false;
		}
		if (part->notes.failed || part->body.failed) {
			return false;
		}
	}
	return true;
}

static bool lay_children(struct layout *l, const struct yaml_node *node, const struct spot *spot,
                         struct part *owner, bool inlined)
{
	struct part *parts = calloc(node->count + 1, sizeof(*parts));
	struct spot inner = *spot;

	inner.indent += spot->role == ROLE_FILE ? 0 : STEP;
	bool whole = parts && lay_parts(l, node, &inner, parts);
	if (whole) {
		if (spot->role == ROLE_RULE) {
			qsort(parts, node->count, sizeof(*parts), by_rank);
		}
		put_parts(parts, node->count, &inner, owner, inlined);
	}
	if (whole && !node->flow) {
		put_foot(l, node, &inner, spot->limit, &owner->body);
	}
	for (size_t i = 0; parts && i < node->count; i++) {
		buf_fini(&parts[i].notes);
		buf_fini(&parts[i].body);
	}
	free(parts);
	return whole;
}

/* ---- the same meaning ---- */

/* The child with the key, looked for from a first guess on: keys stay together in runs. */
static const struct yaml_node *child_of(const struct yaml_node *map, const struct yaml_node *guess,
                                        struct slice key)
{
	const struct yaml_node *child = guess;

	while (child && !slice_eq(child->key, key)) {
		child = child->next;
	}
	for (const struct yaml_node *c = map->first; c != guess && !child; c = c->next) {
		child = slice_eq(c->key, key) ? c : NULL;
	}
	return child;
}

static bool is_same(const struct yaml_node *a, const struct yaml_node *b, enum role role)
{
	const struct yaml_node *y = b->first;

	if (a->kind != b->kind || a->count != b->count || a->quoted != b->quoted ||
	    !slice_eq(a->text, b->text)) {
		return false;
	}
	for (const struct yaml_node *x = a->first; x; x = x->next) {
		y = role == ROLE_RULE ? child_of(b, y, x->key) : y;
		if (!y || !slice_eq(x->key, y->key) || !is_same(x, y, role_of(role, x))) {
			return false;
		}
		y = y->next;
	}
	return true;
}

static int lay_file(const struct source_file *file, const struct yaml_node *root,
                    struct arena *arena, struct buf *out)
{
	struct layout l = {.pos = 0};
	struct spot spot = {.role = ROLE_FILE, .limit = file->text.len};
	struct part part = {0};

	if (!fmt_text_init(&l.t, file->text, arena)) {
		return E_NOMEM;
	}
	bool whole = root->kind != YAML_SCALAR;
	if (whole && root->flow) {
		part.blank = fmt_notes(file->text, 0, fmt_byte(&l.t, root->at), &part.notes);
		l.pos = fmt_byte(&l.t, root->at);
		whole = lay_flow(&l, root, &spot, &part, l.pos, false);
		put_lines(out, buf_view(&part.notes), 0);
	} else if (whole) {
		whole = lay_children(&l, root, &spot, &part, false);
	}
	buf_slice(out, buf_view(&part.body));
	if (whole && root->flow) {
		put_foot(&l, root, &spot, file->text.len, out);
	}
	bool failed = part.body.failed || part.notes.failed || out->failed;
	buf_fini(&part.notes);
	buf_fini(&part.body);
	return failed ? E_NOMEM : whole ? OK : E_UNSUPPORTED;
}

int fmt_file(const struct source_file *file, struct diags *d, struct buf *out)
{
	size_t before = out->len;
	struct arena arena;
	struct diags again;
	int err = E_INVALID;

	arena_init(&arena, TREE_MAX);
	diags_init(&again);
	const struct yaml_node *root = yaml_parse(file, &arena, d);
	if (root) {
		err = lay_file(file, root, &arena, out);
	}
	if (err == OK) {
		const struct source_file *laid =
			diags_file(&again, file->path, slice_skip(buf_view(out), before));
		const struct yaml_node *tree = laid ? yaml_parse(laid, &arena, &again) : NULL;
		err = !laid ? E_NOMEM : tree && is_same(root, tree, ROLE_FILE) ? OK : E_UNSUPPORTED;
	}
	if (err != OK) {
		out->len = before;
	}
	diags_fini(&again);
	arena_fini(&arena);
	return err;
}
