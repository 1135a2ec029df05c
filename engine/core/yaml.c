#include "core/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "core/utf8.h"

enum { DEPTH_MAX = 12, FILE_MAX = 4 << 20 };

/* A place in the source that moves forward. libyaml counts characters, slices count bytes. */
struct walker {
	size_t index; /* characters before it */
	size_t byte;
	unsigned line;
	unsigned column;
};

/* A list or map whose end has not come yet. */
struct open_node {
	struct yaml_node *node;
	struct yaml_node **tail;
	struct slice key; /* of the value to come; missing: a key comes next */
	struct place key_at;
};

struct builder {
	const struct source_file *file;
	struct arena *arena;
	struct diags *diags;
	struct walker walker;
	struct open_node open[DEPTH_MAX];
	unsigned depth;
	unsigned documents;
	struct yaml_node *root;
	bool broken; /* reading cannot go on */
};

static void walk_char(struct walker *w, struct slice text)
{
	struct slice rest = slice_skip(text, w->byte);

	if (utf8_next(&rest) == '\n') {
		w->line++;
		w->column = 1;
	} else {
		w->column++;
	}
	w->byte = text.len - rest.len;
	w->index++;
}

static const struct walker walker_start = {.index = 0, .byte = 0, .line = 1, .column = 1};

/* Only valid text reaches it, see check_text. */
static void walk_to(struct builder *b, size_t index)
{
	if (index < b->walker.index) {
		b->walker = walker_start;
	}
	while (b->walker.index < index && b->walker.byte < b->file->text.len) {
		walk_char(&b->walker, b->file->text);
	}
}

static struct place place_of(struct builder *b, const yaml_mark_t *mark)
{
	walk_to(b, mark->index);
	return (struct place){b->file, b->walker.line, b->walker.column};
}

static void refuse(struct builder *b, struct place at, const char *message, const char *hint)
{
	diag_add(b->diags, at, "E002", slice_of(hint), "%s", message);
	b->broken = true;
}

#define UNCLOSED_QUOTE "found unexpected end of stream"

/* What libyaml says, in the words of somebody who writes rules. */
static const struct {
	const char *problem;
	const char *message;
	const char *hint;
} problems[] = {
	{"found character that cannot start any token", "a value cannot begin with this character",
         "put the text in quotes"},
	{"mapping values are not allowed in this context", "unexpected ':'",
         "put text that holds ': ' in quotes, or check the indentation"},
	{"did not find expected key", "expected a key", "check quotes and indentation"},
	{"could not find expected ':'", "expected ':' after a key", "check quotes and indentation"},
	{"did not find expected ',' or '}'", "expected ',' or '}'",
         "put text that holds , [ ] { or } in quotes"},
	{"did not find expected ',' or ']'", "expected ',' or ']'",
         "put text that holds , [ ] { or } in quotes"},
	{"did not find expected '-' indicator", "expected '-'", "check the indentation"},
	{UNCLOSED_QUOTE, "a quote is opened and never closed", NULL},
	{"did not find expected node content", "expected a value", NULL},
	{"found unknown escape character", "unknown escape in a text in double quotes",
         "write '\\\\' for a backslash, or use single quotes"},
};

static void refuse_problem(struct builder *b, const yaml_parser_t *parser)
{
	struct place at = place_of(b, &parser->problem_mark);
	const char *problem = parser->problem ? parser->problem : "out of memory";
	const char *hint = NULL;

	if (parser->error == YAML_READER_ERROR) {
		/* Its offset counts bytes, and no mark is set. */
		b->walker = walker_start;
		while (b->walker.byte < parser->problem_offset) {
			walk_char(&b->walker, b->file->text);
		}
		at = (struct place){b->file, b->walker.line, b->walker.column};
	}
	if (strcmp(problem, UNCLOSED_QUOTE) == 0) {
		at = place_of(b, &parser->context_mark); /* the quote, not the end of the file */
	}
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		if (strcmp(problem, problems[i].problem) == 0) {
			problem = problems[i].message;
			hint = problems[i].hint;
		}
	}
	refuse(b, at, problem, hint);
}

/* Hangs a value under the open list or map, or makes it the root. */
static void attach(struct builder *b, struct yaml_node *node)
{
	if (b->depth == 0) {
		b->root = node;
		return;
	}
	struct open_node *parent = &b->open[b->depth - 1];
	node->key = parent->key;
	node->key_at = parent->key_at;
	parent->key = SLICE_NONE;
	*parent->tail = node;
	parent->tail = &node->next;
	parent->node->count++;
}

static bool wants_key(const struct builder *b)
{
	return b->depth > 0 && b->open[b->depth - 1].node->kind == YAML_MAP &&
	       !b->open[b->depth - 1].key.p;
}

static struct yaml_node *new_node(struct builder *b, enum yaml_kind kind, struct place at)
{
	struct yaml_node *node = arena_alloc(b->arena, sizeof(*node));

	if (!node) {
		refuse(b, at, "out of memory", NULL);
		return NULL;
	}
	node->kind = kind;
	node->at = at;
	return node;
}

static void refuse_properties(struct builder *b, struct place at, const void *anchor,
                              const void *tag)
{
	if (anchor) {
		diag_add(b->diags, at, "E013", SLICE_LIT("write the text out where it is needed"),
		         "anchors are not allowed");
	}
	if (tag) {
		diag_add(b->diags, at, "E014", SLICE_LIT("the key decides what its value is"),
		         "tags are not allowed");
	}
}

static void take_key(struct builder *b, struct place at, struct slice text, bool plain)
{
	if (plain && slice_eq(text, SLICE_LIT("<<"))) {
		diag_add(b->diags, at, "E013",
		         SLICE_LIT("write the keys out where they are needed"),
		         "merge keys are not allowed");
	}
	b->open[b->depth - 1].key = text;
	b->open[b->depth - 1].key_at = at;
}

static void on_scalar(struct builder *b, const yaml_event_t *e)
{
	struct place at = place_of(b, &e->start_mark);
	size_t raw_begin = b->walker.byte;
	struct slice value = {(const char *)e->data.scalar.value, e->data.scalar.length};
	struct slice text = arena_copy(b->arena, value);
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (!text.p) {
		refuse(b, at, "out of memory", NULL);
		return;
	}
	refuse_properties(b, at, e->data.scalar.anchor, e->data.scalar.tag);
	if (wants_key(b)) {
		take_key(b, at, text, plain);
		return;
	}
	struct yaml_node *node = new_node(b, YAML_SCALAR, at);
	if (!node) {
		return;
	}
	walk_to(b, e->end_mark.index);
	node->text = text;
	node->quoted = e->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
	               e->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	node->raw_begin = raw_begin;
	node->raw_end = b->walker.byte;
	attach(b, node);
}

static void on_alias(struct builder *b, const yaml_event_t *e)
{
	struct place at = place_of(b, &e->start_mark);

	diag_add(b->diags, at, "E013", SLICE_LIT("write the text out where it is needed"),
	         "aliases are not allowed");
	if (wants_key(b)) {
		take_key(b, at, SLICE_LIT(""), false);
		return;
	}
	struct yaml_node *stand_in = new_node(b, YAML_SCALAR, at);
	if (stand_in) {
		stand_in->text = SLICE_LIT("");
		attach(b, stand_in);
	}
}

static void on_open(struct builder *b, const yaml_event_t *e)
{
	bool map = e->type == YAML_MAPPING_START_EVENT;
	struct place at = place_of(b, &e->start_mark);

	if (wants_key(b)) {
		refuse(b, at, "a list or map cannot be a key",
		       "put text that begins with { or [ in quotes");
		return;
	}
	if (b->depth == DEPTH_MAX) {
		refuse(b, at, "lists and maps are nested too deeply", "12 levels are allowed");
		return;
	}
	struct yaml_node *node = new_node(b, map ? YAML_MAP : YAML_LIST, at);
	if (!node) {
		return;
	}
	if (map) {
		refuse_properties(b, at, e->data.mapping_start.anchor, e->data.mapping_start.tag);
		node->flow = e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
	} else {
		refuse_properties(b, at, e->data.sequence_start.anchor, e->data.sequence_start.tag);
		node->flow = e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	}
	attach(b, node);
	b->open[b->depth++] = (struct open_node){.node = node, .tail = &node->first};
}

static int by_key_and_place(const void *a, const void *b)
{
	const struct yaml_node *x = *(const struct yaml_node *const *)a;
	const struct yaml_node *y = *(const struct yaml_node *const *)b;
	int order = slice_cmp(x->key, y->key);

	if (order || x->key_at.line == y->key_at.line) {
		return order ? order : x->key_at.column < y->key_at.column ? -1 : 1;
	}
	return x->key_at.line < y->key_at.line ? -1 : 1;
}

static void refuse_duplicates(struct builder *b, const struct yaml_node *map)
{
	const struct yaml_node **sorted = calloc(map->count + 1, sizeof(*sorted));
	size_t count = 0;

	if (!sorted) {
		refuse(b, map->at, "out of memory", NULL);
		return;
	}
	for (const struct yaml_node *v = map->first; v; v = v->next) {
		sorted[count++] = v;
	}
	qsort(sorted, count, sizeof(*sorted), by_key_and_place);
	for (size_t i = 1, first = 0; i < count; i++) {
		if (!slice_eq(sorted[i]->key, sorted[first]->key)) {
			first = i;
			continue;
		}
		char hint[64];
		(void)snprintf(hint, sizeof(hint), "it is given before in line %u",
		               sorted[first]->key_at.line);
		diag_add(b->diags, sorted[i]->key_at, "E012", slice_of(hint),
		         "duplicate key '%.*s'", SLICE_FMT(sorted[i]->key));
	}
	free(sorted);
}

static void on_close(struct builder *b, const yaml_event_t *e)
{
	(void)e;
	b->depth--;
	if (b->open[b->depth].node->kind == YAML_MAP) {
		refuse_duplicates(b, b->open[b->depth].node);
	}
}

static void on_document(struct builder *b, const yaml_event_t *e)
{
	struct place at = place_of(b, &e->start_mark);

	if (++b->documents > 1) {
		refuse(b, at, "a second document begins here", "write one document a file");
	}
	if (e->data.document_start.tag_directives.start !=
	    e->data.document_start.tag_directives.end) {
		diag_add(b->diags, at, "E014", SLICE_NONE, "tag directives are not allowed");
	}
}

static void (*const handlers[])(struct builder *b, const yaml_event_t *e) = {
	[YAML_DOCUMENT_START_EVENT] = on_document, [YAML_ALIAS_EVENT] = on_alias,
	[YAML_SCALAR_EVENT] = on_scalar,           [YAML_SEQUENCE_START_EVENT] = on_open,
	[YAML_SEQUENCE_END_EVENT] = on_close,      [YAML_MAPPING_START_EVENT] = on_open,
	[YAML_MAPPING_END_EVENT] = on_close,
};

static void read_events(struct builder *b)
{
	yaml_parser_t parser;
	yaml_event_t e;
	bool ended = false;

	if (!yaml_parser_initialize(&parser)) {
		refuse(b, (struct place){.file = b->file}, "out of memory", NULL);
		return;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)b->file->text.p,
	                             b->file->text.len);
	while (!ended && !b->broken) {
		if (!yaml_parser_parse(&parser, &e)) {
			refuse_problem(b, &parser);
			break;
		}
		ended = e.type == YAML_STREAM_END_EVENT;
		if (e.type < sizeof(handlers) / sizeof(handlers[0]) && handlers[e.type]) {
			handlers[e.type](b, &e);
		}
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* YAML breaks lines also at a lone CR, NEL, LS and PS. An editor does not, so the lines of messages
 * would differ; and the lock-step of yaml_place relies on breaks that are blanks.
 */
static bool is_odd_break(struct slice rest)
{
	return (rest.p[0] == '\r' && (rest.len == 1 || rest.p[1] != '\n')) ||
	       slice_starts(rest, SLICE_LIT("\xc2\x85")) ||
	       slice_starts(rest, SLICE_LIT("\xe2\x80\xa8")) ||
	       slice_starts(rest, SLICE_LIT("\xe2\x80\xa9"));
}

/* What libyaml accepts or sees too late: bad bytes, tabs that begin a line, odd line breaks. */
static void check_text(struct builder *b)
{
	struct slice text = b->file->text;
	struct slice valid = slice_first(text, utf8_valid_len(text));
	struct walker w = walker_start;
	bool indent = true;

	if (text.len > FILE_MAX) {
		refuse(b, (struct place){.file = b->file}, "the file is larger than 4 MiB", NULL);
		return;
	}
	while (w.byte < valid.len && !b->broken) {
		struct slice rest = slice_skip(valid, w.byte);
		struct place at = {b->file, w.line, w.column};
		if (indent && rest.p[0] == '\t') {
			refuse(b, at, "a tab in the indentation", "indent with blanks");
		} else if (is_odd_break(rest)) {
			refuse(b, at, "a line break that is neither LF nor CR LF", NULL);
		}
		indent = rest.p[0] == '\n' || (indent && is_blank(rest.p[0]));
		walk_char(&w, valid);
	}
	if (!b->broken && valid.len < text.len) {
		refuse(b, (struct place){b->file, w.line, w.column}, "the text is not UTF-8",
		       "save the file as UTF-8");
	}
}

struct yaml_node *yaml_parse(const struct source_file *file, struct arena *arena, struct diags *d)
{
	struct builder b = {.file = file, .arena = arena, .diags = d, .walker = walker_start};
	unsigned errors_before = d->errors;

	check_text(&b);
	if (!b.broken) {
		read_events(&b);
	}
	if (d->errors > errors_before) {
		return NULL;
	}
	if (!b.root || (b.root->kind == YAML_SCALAR && b.root->raw_begin == b.root->raw_end)) {
		b.root = new_node(&b, YAML_MAP, (struct place){.file = file});
	}
	return b.root;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP) {
		return NULL;
	}
	for (const struct yaml_node *v = map->first; v; v = v->next) {
		if (slice_eq(v->key, slice_of(key))) {
			return v;
		}
	}
	return NULL;
}
