#include "detect/fmt_text.h"

#include "core/utf8.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_inside(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80; /* of a code point that began before */
}

bool fmt_text_init(struct fmt_text *t, struct slice text, struct arena *arena)
{
	size_t count = 1;

	for (size_t i = 0; i < text.len; i++) {
		count += text.p[i] == '\n';
	}
	*t = (struct fmt_text){.text = text, .line = 1, .column = 1};
	t->lines = arena_alloc(arena, count * sizeof(*t->lines));
	if (!t->lines) {
		return false;
	}
	t->line_count = 1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '\n') {
			t->lines[t->line_count++] = i + 1;
		}
	}
	return true;
}

size_t fmt_byte(struct fmt_text *t, struct place at)
{
	struct slice text = t->text;

	if (at.line == 0 || at.line > t->line_count) {
		return at.line ? text.len : 0;
	}
	if (at.line != t->line) {
		t->line = at.line;
		t->column = 1;
		t->byte = t->lines[at.line - 1];
	}
	for (; t->column < at.column && t->byte < text.len; t->column++) {
		for (t->byte++; t->byte < text.len && is_inside(text.p[t->byte]); t->byte++) {
		}
	}
	for (; t->column > at.column && t->byte > 0; t->column--) {
		for (t->byte--; t->byte > 0 && is_inside(text.p[t->byte]); t->byte--) {
		}
	}
	return t->byte;
}

/* ---- keys ---- */

/* Behind the quote that closes the text that begins at `begin`, or text.len. */
static size_t quoted_end(struct slice text, size_t begin)
{
	char quote = text.p[begin];

	for (size_t i = begin + 1; i < text.len; i++) {
		if (quote == '"' && text.p[i] == '\\') {
			i++;
		} else if (text.p[i] == quote) {
			if (quote == '"' || i + 1 == text.len || text.p[i + 1] != quote) {
				return i + 1;
			}
			i++;
		}
	}
	return text.len;
}

static bool ends_key(struct slice text, size_t colon, bool flow)
{
	char next = colon + 1 < text.len ? text.p[colon + 1] : '\n';

	return is_blank(next) || next == '\n' || (flow && memchr(",]}", next, 3));
}

bool fmt_key(struct slice text, size_t begin, bool flow, struct fmt_key *key)
{
	bool quoted = begin < text.len && memchr("\"'", text.p[begin], 2);
	size_t i = quoted ? quoted_end(text, begin) : begin;

	for (key->end = i; i < text.len && text.p[i] != '\n'; i++) {
		if (text.p[i] == ':' && (quoted || ends_key(text, i, flow))) {
			key->colon = i;
			return true;
		}
		if (!is_blank(text.p[i])) {
			if (quoted || (flow && memchr(",{}[]", text.p[i], 5))) {
				return false;
			}
			key->end = i + 1;
		}
	}
	return false;
}

/* ---- brackets ---- */

static void see_gap(struct slice text, size_t begin, size_t end, struct fmt_flow *flow)
{
	flow->comment |= end > begin && memchr(text.p + begin, '#', end - begin);
}

/* Behind a child of a list or map in brackets, where it was read up to pos. */
static bool child_end(struct fmt_text *t, const struct yaml_node *node, bool in_map, size_t *pos,
                      struct fmt_flow *flow)
{
	size_t begin = fmt_byte(t, in_map ? node->key_at : node->at);
	struct fmt_key key;

	if (begin < *pos) {
		return false;
	}
	see_gap(t->text, *pos, begin, flow);
	*pos = begin;
	if (in_map && fmt_key(t->text, begin, true, &key)) {
		*pos = key.colon + 1;
	} else if (in_map) {
		flow->odd = true; /* {a}: a key with nothing */
		*pos = key.end;
		return node->kind == YAML_SCALAR && node->raw_begin == node->raw_end;
	}
	if (node->kind == YAML_SCALAR) {
		bool empty = node->raw_begin == node->raw_end;
		if (!empty && node->raw_begin < *pos) {
			return false;
		}
		see_gap(t->text, *pos, empty ? *pos : node->raw_begin, flow);
		*pos = empty ? *pos : node->raw_end;
		return true;
	}
	struct fmt_flow inner = {0};
	begin = fmt_byte(t, node->at);
	if (!fmt_flow(t, node, begin, &inner)) {
		return false;
	}
	see_gap(t->text, *pos, begin, flow);
	flow->comment |= inner.comment;
	*pos = inner.end;
	return true;
}

bool fmt_flow(struct fmt_text *t, const struct yaml_node *node, size_t begin, struct fmt_flow *flow)
{
	struct slice text = t->text;
	bool map = node->kind == YAML_MAP;
	bool bare = begin >= text.len || text.p[begin] != (map ? '{' : '[');
	size_t pos = bare ? begin : begin + 1;

	*flow = (struct fmt_flow){.odd = bare};
	for (const struct yaml_node *child = node->first; child; child = child->next) {
		if (!child_end(t, child, map, &pos, flow)) {
			return false;
		}
	}
	flow->end = pos;
	if (bare) {
		return map; /* [a: b] is a map without braces */
	}
	for (; pos < text.len && (is_blank(text.p[pos]) || memchr(",\n#", text.p[pos], 3)); pos++) {
		if (text.p[pos] == '#') {
			flow->comment = true;
			pos += slice_find(slice_skip(text, pos), '\n') - 1;
		}
	}
	flow->end = pos + 1;
	return pos < text.len && text.p[pos] == (map ? '}' : ']');
}

/* ---- comments and blank lines ---- */

bool fmt_notes(struct slice text, size_t begin, size_t end, struct buf *lines)
{
	/* A blank line is what stands between two breaks; text[begin] may stand behind one. */
	unsigned breaks = begin == 0 || text.p[begin - 1] == '\n';
	bool blank = false, before = false;
	size_t had = lines->len;

	for (size_t i = begin; i < end; i++) {
		char c = text.p[i];
		if (c == '\n') {
			breaks++;
			blank |= breaks >= 2;
		} else if (c == '#') {
			struct slice note = slice_skip(slice_first(text, end), i);
			note = slice_first(note, slice_find(note, '\n'));
			before |= blank && lines->len == had;
			if (blank && lines->len > had) {
				buf_char(lines, '\n');
			}
			buf_slice(lines, fmt_rtrim(note));
			buf_char(lines, '\n');
			i += note.len - 1;
			breaks = 0;
			blank = false;
		} else if (!is_blank(c)) {
			breaks = 0;
		}
	}
	if (blank && lines->len > had) {
		buf_char(lines, '\n');
	}
	return before || (blank && lines->len == had);
}

struct slice fmt_trailing(struct slice text, size_t *pos)
{
	size_t i = *pos;

	while (i < text.len && is_blank(text.p[i])) {
		i++;
	}
	if (i == *pos || i == text.len || text.p[i] != '#') {
		return SLICE_NONE;
	}
	struct slice note = slice_skip(text, *pos);
	note = slice_first(note, slice_find(note, '\n'));
	*pos += note.len;
	return fmt_rtrim(note);
}

/* Column (from 1) of the first thing in [pos, end] that is no comment; 0: the file ends. */
static size_t next_column(struct slice text, size_t pos, size_t end)
{
	size_t line = pos;

	for (size_t i = pos; i <= end && i < text.len; i++) {
		if (text.p[i] == '\n') {
			line = i + 1;
		} else if (text.p[i] == '#' && i < end) {
			i += slice_find(slice_skip(text, i), '\n') - 1;
		} else if (!is_blank(text.p[i])) {
			return i - line + 1;
		}
	}
	return 0;
}

size_t fmt_foot(struct slice text, size_t pos, size_t end, unsigned column)
{
	size_t line = pos, foot = pos, next = next_column(text, pos, end);

	for (size_t i = pos; i < end; i++) {
		if (text.p[i] == '\n') {
			line = i + 1;
		} else if (text.p[i] == '#') {
			if (i - line + 1 < column || i - line + 1 <= next) {
				break;
			}
			i += slice_find(slice_skip(text, i), '\n') - 1;
			foot = i + 1 < end ? i + 1 : end;
		} else if (!is_blank(text.p[i])) {
			break;
		}
	}
	return foot;
}

/* ---- lines ---- */

struct slice fmt_rtrim(struct slice s)
{
	while (s.len && is_blank(s.p[s.len - 1])) {
		s.len--;
	}
	return s;
}

void fmt_spaces(struct buf *out, unsigned count)
{
	while (count-- > 0) {
		buf_char(out, ' ');
	}
}

unsigned fmt_indent(struct slice s)
{
	unsigned count = 0;

	while (count < s.len && s.p[count] == ' ') {
		count++;
	}
	return count;
}

bool fmt_line(struct slice *rest, struct slice *line)
{
	if (!rest->len) {
		return false;
	}
	*line = slice_first(*rest, slice_find(*rest, '\n'));
	*rest = slice_skip(*rest, line->len + 1);
	return true;
}

bool fmt_fits(struct slice lines, size_t first, size_t max)
{
	size_t width = first;

	for (size_t i = 0; i < lines.len; i++) {
		width = lines.p[i] == '\n' ? 0 : width + !is_inside(lines.p[i]);
		if (width > max) {
			return false;
		}
	}
	return true;
}
