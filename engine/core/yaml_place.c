/* Where the bytes of a scalar's value stand in the source. */
#include <stdint.h>
#include <stdlib.h>

#include "core/utf8.h"
#include "core/yaml.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One character, or one escape, of a scalar's raw text. */
struct unit {
	size_t raw_len;
	size_t text_len; /* bytes of the value that it stands for; 0: a blank or nothing */
};

/* Digits after the letter of a numeric escape, 0 for the others. */
static size_t escape_digits(char letter)
{
	return letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
}

/* A backslash and what follows it, in double quotes. */
static struct unit escape_unit(struct slice raw)
{
	size_t digits = raw.len > 1 ? escape_digits(raw.p[1]) : 0;
	char hex[9] = {0}, text[4];
	uint32_t code = 'x';

	if (raw.len < 2 + digits) {
		return (struct unit){raw.len, 0};
	}
	if (digits) {
		memcpy(hex, raw.p + 2, digits);
		code = (uint32_t)strtoul(hex, NULL, 16);
	} else if (memchr("tnr \t\n\r", raw.p[1], 7)) {
		code = ' ';
	} else if (memchr("N_LP", raw.p[1], 4)) {
		code = raw.p[1] == 'N' || raw.p[1] == '_' ? 0x85 : 0x2028;
	}
	bool blank = code < 0x80 && is_blank((char)code);
	return (struct unit){2 + digits, blank ? 0 : utf8_put(code, text)};
}

static struct unit next_unit(struct slice raw, char quote)
{
	if (quote == '"' && raw.p[0] == '\\') {
		return escape_unit(raw);
	}
	if (quote == '\'' && slice_starts(raw, SLICE_LIT("''"))) {
		return (struct unit){2, 1};
	}
	return (struct unit){1, is_blank(raw.p[0]) ? 0 : 1};
}

/* The raw text without quotes, or without the line of the | or > indicator. */
static struct slice raw_content(const struct yaml_node *scalar, char *quote)
{
	struct slice raw = slice_first(scalar->at.file->text, scalar->raw_end);

	raw = slice_skip(raw, scalar->raw_begin);
	*quote = '\0';
	if (scalar->quoted && raw.len >= 2) {
		*quote = raw.p[0];
		return (struct slice){raw.p + 1, raw.len - 2};
	}
	if (raw.len > 0 && (raw.p[0] == '|' || raw.p[0] == '>')) {
		return slice_skip(raw, slice_find(raw, '\n') + 1);
	}
	return raw;
}

static struct place place_of_byte(const struct yaml_node *scalar, size_t byte)
{
	struct place at = scalar->at;
	struct slice text = at.file->text;

	while (byte > 0 && byte < text.len && (text.p[byte] & 0xc0) == 0x80) {
		byte--; /* inside a character: to its beginning */
	}
	struct slice rest = slice_skip(slice_first(text, byte), scalar->raw_begin);
	while (rest.len > 0) {
		bool new_line = utf8_next(&rest) == '\n';
		at.line += new_line;
		at.column = new_line ? 1 : at.column + 1;
	}
	return at;
}

struct place yaml_place(const struct yaml_node *scalar, size_t offset)
{
	struct slice before = slice_first(scalar->text, offset);
	bool on_blank = offset >= scalar->text.len || is_blank(scalar->text.p[offset]);
	size_t solid = 0, blanks = 0, behind = 0;
	char quote;
	struct slice raw = raw_content(scalar, &quote);
	const char *start = scalar->at.file->text.p;

	for (size_t i = 0; i < before.len; i++) {
		bool blank = is_blank(before.p[i]);
		solid += !blank;
		blanks = blank ? blanks + 1 : 0;
	}
	struct slice rest = raw;
	size_t end = (size_t)(raw.p - start); /* behind the last solid unit before offset */
	while (rest.len > 0) {
		struct unit u = next_unit(rest, quote);
		if (u.text_len > 0 && behind + u.text_len > solid) {
			break;
		}
		behind += u.text_len;
		rest = slice_skip(rest, u.raw_len);
		end = u.text_len > 0 ? (size_t)(rest.p - start) : end;
	}
	if (!on_blank) {
		return place_of_byte(scalar, (size_t)(rest.p - start));
	}
	/* Blanks of one line are alike in source and value; a folded line break ends them. */
	const char *stop = raw.p + raw.len;
	while (blanks > 0 && start + end < stop && (start[end] == ' ' || start[end] == '\t')) {
		end++;
		blanks--;
	}
	return place_of_byte(scalar, end);
}

const struct yaml_node *yaml_first_scalar(const struct yaml_node *node)
{
	while (node->kind != YAML_SCALAR && node->first) {
		node = node->first;
	}
	return node;
}

static size_t last_byte(const struct yaml_node *node)
{
	size_t end = node->kind == YAML_SCALAR ? node->raw_end : 0;

	for (const struct yaml_node *child = node->first; child; child = child->next) {
		size_t child_end = last_byte(child);
		end = child_end > end ? child_end : end;
	}
	return end;
}

struct slice yaml_source(const struct yaml_node *node)
{
	const struct yaml_node *first = yaml_first_scalar(node);
	struct slice text = node->at.file->text;
	size_t begin = first->raw_begin, end = last_byte(node);
	unsigned lines = first->at.line - node->at.line;

	while (begin > 0 && (text.p[begin - 1] != '\n' || lines > 0)) {
		lines -= text.p[--begin] == '\n';
	}
	return end > begin ? slice_skip(slice_first(text, end), begin) : SLICE_NONE;
}
