/* What stands between the nodes of a YAML tree, byte by byte: comments, blank lines, keys as they
 * are written, the ends of lists and maps in brackets. For fmt.c.
 */
#ifndef ENGINE_DETECT_FMT_TEXT_H
#define ENGINE_DETECT_FMT_TEXT_H

#include "core/buf.h"
#include "core/yaml.h"

/* The source of one file. Places become bytes at a cost of the distance to the last one. */
struct fmt_text {
	struct slice text;
	size_t *lines; /* the byte that each line begins with */
	size_t line_count;
	unsigned line, column; /* the last place … */
	size_t byte;           /* … and its byte */
};

/* The table of lines is in the arena. False: no memory. */
bool fmt_text_init(struct fmt_text *t, struct slice text, struct arena *arena);
size_t fmt_byte(struct fmt_text *t, struct place at);

/* A key: [begin, end) as written, quotes included, and its colon. False: none on this line. */
struct fmt_key {
	size_t end;
	size_t colon;
};
bool fmt_key(struct slice text, size_t begin, bool flow, struct fmt_key *key);

/* A list or map in brackets that begins at `begin`. */
struct fmt_flow {
	size_t end;   /* behind the closing bracket */
	bool comment; /* one stands inside */
	bool odd;     /* a key without a colon, a map without braces */
};
/* False: the brackets are not where the tree says. */
bool fmt_flow(struct fmt_text *t, const struct yaml_node *node, size_t begin,
              struct fmt_flow *flow);

/* The comments in [begin, end), a line each without indentation, one empty line for blank ones in
 * between and behind. True: blank lines stand before the first.
 */
bool fmt_notes(struct slice text, size_t begin, size_t end, struct buf *lines);
/* A comment that follows on the line of *pos, with the blanks before it; *pos moves behind it. */
struct slice fmt_trailing(struct slice text, size_t *pos);
/* How far in [pos, end) comments go that begin at `column` (from 1) or right of it, and right of
 * what comes next: they end what stands there. pos: there are none.
 */
size_t fmt_foot(struct slice text, size_t pos, size_t end, unsigned column);

/* Text without blanks, tabs and CR at its end. */
struct slice fmt_rtrim(struct slice s);
void fmt_spaces(struct buf *out, unsigned count);
/* Blanks that s begins with. */
unsigned fmt_indent(struct slice s);
/* Takes the line that rest begins with, without its break. False: nothing is left. */
bool fmt_line(struct slice *rest, struct slice *line);
/* Whether every line is at most max code points long, the first with `first` more before it. */
bool fmt_fits(struct slice lines, size_t first, size_t max);

#endif
