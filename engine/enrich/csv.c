#include "enrich/csv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "core/err.h"

enum {
	CHUNK = 256 * 1024,
	SHOWN_MAX = 16 * 1024 * 1024, /* files up to this size are shown in diagnostics */
	MESSAGE = 512,
};

static void csv_init(struct csv *c, const char *path, struct diags *d)
{
	*c = (struct csv){.diags = d, .path = path, .separator = ','};
	memset(c->column_of, -1, sizeof(c->column_of));
}

static void skip_bom(struct csv *c)
{
	if (slice_starts(c->left, SLICE_LIT("\xef\xbb\xbf"))) {
		c->left = slice_skip(c->left, 3);
	}
}

/* After a failed read nothing more is handed out. */
static bool give_up(struct csv *c, const char *why)
{
	c->left = SLICE_NONE;
	c->line = 0;
	csv_fail(c, 0, "E070", SLICE_NONE, "cannot read the file: %s", why);
	return false;
}

/* Reads more behind what is left. False when nothing more came. */
static bool fill(struct csv *c)
{
	size_t kept = c->left.len;
	size_t start = kept ? (size_t)(c->left.p - c->chunk.p) : 0;

	if (!c->input) {
		return false;
	}
	buf_reserve(&c->chunk, kept + CHUNK);
	if (c->chunk.failed) {
		return give_up(c, strerror(ENOMEM));
	}
	memmove(c->chunk.p, c->chunk.p + start, kept);
	size_t got = fread(c->chunk.p + kept, 1, CHUNK, c->input);
	if (got == 0 && ferror(c->input)) {
		return give_up(c, strerror(errno));
	}
	c->left = (struct slice){c->chunk.p, kept + got};
	return got > 0;
}

int csv_open(struct csv *c, const char *path, struct diags *d)
{
	csv_init(c, path, d);
	c->input = fopen(path, "rbe");
	if (!c->input && errno == ENOENT) {
		return E_NOTFOUND;
	}
	if (!c->input) {
		csv_fail(c, 0, "E070", SLICE_NONE, "cannot read the file: %s", strerror(errno));
		return E_IO;
	}
	(void)fill(c);
	if (csv_failed(c)) {
		csv_close(c);
		return E_IO;
	}
	skip_bom(c);
	return OK;
}

void csv_missing(struct csv *c)
{
	csv_fail(c, 0, "E070", SLICE_NONE, "no such file");
}

void csv_use(struct csv *c, const struct source_file *file, struct diags *d)
{
	csv_init(c, file->path, d);
	c->file = file;
	c->left = file->text;
	skip_bom(c);
}

void csv_close(struct csv *c)
{
	if (c->input) {
		(void)fclose(c->input);
		c->input = NULL;
	}
	buf_fini(&c->chunk);
	buf_fini(&c->scratch);
}

static bool next_line(struct csv *c)
{
	size_t end = slice_find(c->left, '\n');

	while (end == c->left.len && c->left.len <= CSV_LINE_MAX && fill(c)) {
		end = slice_find(c->left, '\n');
	}
	if (c->left.len == 0 || c->errors >= CSV_ERRORS_MAX) {
		return false;
	}
	c->text = slice_first(c->left, end);
	c->left = slice_skip(c->left, end + 1);
	c->line++;
	c->count = 0;
	if (end > CSV_LINE_MAX) {
		csv_fail(c, 0, "E071", SLICE_NONE, "the line is longer than %d bytes",
		         CSV_LINE_MAX);
		c->left = SLICE_NONE;
		return false;
	}
	if (c->text.len && c->text.p[c->text.len - 1] == '\r') {
		c->text.len--;
	}
	return true;
}

/* The quoted cell that rest begins with; rest moves behind its closing quote. False when there is
 * none.
 */
static bool take_quoted(struct csv *c, struct slice *rest, struct slice *cell)
{
	size_t start = c->scratch.len;

	*rest = slice_skip(*rest, 1);
	for (;;) {
		size_t quote = slice_find(*rest, '"');
		if (quote == rest->len) {
			return false;
		}
		buf_add(&c->scratch, rest->p, quote);
		*rest = slice_skip(*rest, quote + 1);
		if (rest->len == 0 || rest->p[0] != '"') {
			break;
		}
		buf_char(&c->scratch, '"');
		*rest = slice_skip(*rest, 1);
	}
	*cell = (struct slice){c->scratch.p + start, c->scratch.len - start};
	return true;
}

static struct slice skip_blanks(const struct csv *c, struct slice s)
{
	while (s.len && (s.p[0] == ' ' || (s.p[0] == '\t' && c->separator != '\t'))) {
		s = slice_skip(s, 1);
	}
	return s;
}

/* One cell; rest moves behind its separator, or becomes missing behind the last cell. */
static bool take_cell(struct csv *c, struct slice *rest)
{
	struct slice *cell = &c->cells[c->count];

	*rest = skip_blanks(c, *rest);
	bool quoted = rest->len && rest->p[0] == '"';
	c->starts[c->count++] = (size_t)(rest->p - c->text.p);
	if (quoted) {
		if (!take_quoted(c, rest, cell)) {
			csv_fail(c, c->count - 1, "E071", SLICE_NONE, "the quote is not closed");
			return false;
		}
		*rest = skip_blanks(c, *rest);
		if (rest->len && rest->p[0] != c->separator) {
			csv_fail(c, c->count - 1, "E071", SLICE_NONE,
			         "text behind the closing quote");
			return false;
		}
	}
	size_t end = slice_find(*rest, c->separator);
	if (!quoted) {
		*cell = slice_trim(slice_first(*rest, end));
	}
	*rest = end < rest->len ? slice_skip(*rest, end + 1) : SLICE_NONE;
	return true;
}

static bool split(struct csv *c)
{
	struct slice rest = c->text;

	/* Unquoting never lengthens: cells keep their place in the scratch. */
	buf_reset(&c->scratch);
	buf_reserve(&c->scratch, c->text.len);
	while (rest.p) {
		if (c->count == CSV_CELLS) {
			csv_fail(c, 0, "E071", SLICE_NONE, "more than %d cells", CSV_CELLS);
			return false;
		}
		if (!take_cell(c, &rest)) {
			return false;
		}
	}
	if (c->width && c->count != c->width) {
		csv_fail(c, 0, "E071", SLICE_NONE, "%u cells, but the header names %u", c->count,
		         c->width);
		return false;
	}
	return !c->scratch.failed || give_up(c, strerror(ENOMEM));
}

bool csv_next(struct csv *c)
{
	while (next_line(c)) {
		struct slice text = slice_trim(c->text);
		if (text.len && text.p[0] != '#' && split(c)) {
			return true;
		}
	}
	return false;
}

static int find_name(const char *const *names, unsigned count, struct slice cell)
{
	for (unsigned i = 0; i < count; i++) {
		if (slice_eq(slice_of(names[i]), cell)) {
			return (int)i;
		}
	}
	return -1;
}

static void map_column(struct csv *c, const char *const *names, unsigned count, unsigned cell)
{
	int name = find_name(names, count, c->cells[cell]);

	if (name < 0) {
		const char *near = nearest_name(c->cells[cell], names, count);
		char hint[MESSAGE];
		(void)snprintf(hint, sizeof(hint), "did you mean %s?", near ? near : "");
		csv_fail(c, cell, "E070", near ? slice_of(hint) : SLICE_NONE,
		         "unknown column '%.*s'", SLICE_FMT(slice_first(c->cells[cell], 64)));
	} else if (c->column_of[name] >= 0) {
		csv_fail(c, cell, "E070", SLICE_NONE, "column %s stands here twice", names[name]);
	} else {
		c->column_of[name] = (signed char)cell;
	}
}

bool csv_header(struct csv *c, const char *const *names, unsigned count, unsigned required)
{
	if (!csv_next(c)) {
		c->line = 0;
		csv_fail(c, 0, "E070", SLICE_NONE, "no header line");
		return false;
	}
	for (unsigned cell = 0; cell < c->count; cell++) {
		map_column(c, names, count, cell);
	}
	for (unsigned name = 0; name < required; name++) {
		if (c->column_of[name] < 0) {
			csv_fail(c, 0, "E070", SLICE_NONE, "the header lacks column %s",
			         names[name]);
		}
	}
	c->width = c->count;
	return !csv_failed(c);
}

bool csv_rewind(struct csv *c)
{
	if (!c->input || fseek(c->input, 0, SEEK_SET)) {
		return false;
	}
	c->left = SLICE_NONE;
	c->line = 0;
	(void)fill(c);
	skip_bom(c);
	c->width = 0;
	bool header = csv_next(c);
	c->width = c->count;
	return header;
}

unsigned csv_cell_of(const struct csv *c, unsigned name)
{
	return c->column_of[name] < 0 ? 0 : (unsigned)c->column_of[name];
}

struct slice csv_cell(const struct csv *c, unsigned name)
{
	struct slice cell = c->column_of[name] < 0 ? SLICE_NONE : c->cells[csv_cell_of(c, name)];

	return cell.len ? cell : SLICE_NONE;
}

/* The file as diagnostics know it, with its text where it is small enough to be shown. */
static const struct source_file *shown_file(struct csv *c)
{
	struct stat status;
	const struct source_file *file = NULL;

	if (c->input && fstat(fileno(c->input), &status) == 0 && S_ISREG(status.st_mode) &&
	    status.st_size <= SHOWN_MAX) {
		file = diags_read(c->diags, c->path, SHOWN_MAX);
	}
	return file ? file : diags_file(c->diags, c->path, SLICE_LIT(""));
}

struct place csv_place(struct csv *c, unsigned cell)
{
	unsigned column = 1;

	if (!c->file) {
		c->file = shown_file(c);
	}
	if (cell < c->count) {
		struct slice before = slice_first(c->text, c->starts[cell]);
		for (size_t i = 0; i < before.len; i++) {
			column += (before.p[i] & 0xc0) != 0x80;
		}
	}
	return (struct place){c->file, c->line, c->line ? column : 0};
}

void csv_fail(struct csv *c, unsigned cell, const char *code, struct slice hint, const char *format,
              ...)
{
	char message[MESSAGE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	c->errors++;
	diag_add(c->diags, csv_place(c, cell), code, hint, "%s", message);
}
