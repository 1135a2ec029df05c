#include "core/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "core/json.h"
#include "core/utf8.h"

enum {
	MEMORY_MAX = 1 << 30,
	WINDOW = 78,       /* characters of a source line shown */
	WINDOW_BEFORE = 44 /* of these at most before the place */
};

void diags_init(struct diags *d)
{
	*d = (struct diags){0};
	arena_init(&d->arena, MEMORY_MAX);
}

void diags_fini(struct diags *d)
{
	arena_fini(&d->arena);
	*d = (struct diags){0};
}

static struct source_file *add_file(struct diags *d, const char *path, struct slice text)
{
	struct source_file *f = arena_alloc(&d->arena, sizeof(*f));
	const char *name = arena_str(&d->arena, slice_of(path));

	if (!f || !name) {
		return NULL;
	}
	*f = (struct source_file){.path = name, .text = text};
	if (d->last_file) {
		f->order = d->last_file->order + 1;
		d->last_file->next = f;
	} else {
		d->files = f;
	}
	d->last_file = f;
	return f;
}

const struct source_file *diags_file(struct diags *d, const char *name, struct slice text)
{
	if (slice_starts(text, SLICE_LIT("\xef\xbb\xbf"))) {
		text = slice_skip(text, 3);
	}
	struct slice kept = arena_copy(&d->arena, text.p ? text : SLICE_LIT(""));

	return kept.p ? add_file(d, name, kept) : NULL;
}

/* NULL, or why the file cannot be read. */
static const char *read_all(const char *path, size_t size_max, struct buf *text)
{
	char chunk[64 * 1024];
	FILE *f = fopen(path, "rbe");
	size_t got;

	if (!f) {
		return strerror(errno);
	}
	while ((got = fread(chunk, 1, sizeof(chunk), f)) > 0 && text->len <= size_max) {
		buf_add(text, chunk, got);
	}
	const char *why = ferror(f) ? strerror(errno) : text->failed ? strerror(ENOMEM) : NULL;
	(void)fclose(f);
	return why;
}

const struct source_file *diags_read(struct diags *d, const char *path, size_t size_max)
{
	const struct source_file *file = NULL;
	struct buf text = {0};
	const char *why = read_all(path, size_max, &text);

	if (!why && text.len <= size_max) {
		file = diags_file(d, path, buf_view(&text));
		why = strerror(ENOMEM);
	}
	if (!file) {
		struct place at = {.file = add_file(d, path, SLICE_LIT(""))};
		if (why) {
			diag_add(d, at, "E001", SLICE_NONE, "cannot read the file: %s", why);
		} else {
			diag_add(d, at, "E001", SLICE_NONE, "the file is larger than %zu bytes",
			         size_max);
		}
	}
	buf_fini(&text);
	return file;
}

__attribute__((format(printf, 2, 0))) static struct slice
format_message(struct arena *a, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	char *p = len < 0 ? NULL : arena_text(a, (size_t)len + 1);
	if (!p) {
		return SLICE_NONE;
	}
	(void)vsnprintf(p, (size_t)len + 1, format, args);
	return (struct slice){p, (size_t)len};
}

void diag_add(struct diags *d, struct place at, const char *code, struct slice hint,
              const char *format, ...)
{
	struct diag *new = arena_alloc(&d->arena, sizeof(*new));
	bool warning = code[0] == 'W';
	va_list args;

	*(warning ? &d->warnings : &d->errors) += 1;
	if (!new) {
		return;
	}
	va_start(args, format);
	struct slice message = format_message(&d->arena, format, args);
	va_end(args);
	*new = (struct diag){at, warning, code, message, arena_copy(&d->arena, hint), NULL};
	if (d->last) {
		d->last->next = new;
	} else {
		d->first = new;
	}
	d->last = new;
}

static int place_cmp(const struct place *a, const struct place *b)
{
	unsigned a_file = a->file ? a->file->order + 1 : 0;
	unsigned b_file = b->file ? b->file->order + 1 : 0;

	if (a_file != b_file) {
		return a_file < b_file ? -1 : 1;
	}
	if (a->line != b->line) {
		return a->line < b->line ? -1 : 1;
	}
	return (a->column > b->column) - (a->column < b->column);
}

/* Stable: what was found first stays first at one place. */
static struct diag *merge(struct diag *a, struct diag *b)
{
	struct diag *first = NULL, **tail = &first;

	while (a && b) {
		struct diag **from = place_cmp(&a->at, &b->at) <= 0 ? &a : &b;
		*tail = *from;
		tail = &(*tail)->next;
		*from = *tail;
	}
	*tail = a ? a : b;
	return first;
}

void diags_sort(struct diags *d)
{
	struct diag *runs[64] = {NULL}; /* runs[i]: sorted, 2^i long */
	struct diag *all = NULL;

	for (struct diag *one = d->first, *next; one; one = next) {
		size_t i = 0;
		next = one->next;
		one->next = NULL;
		for (; runs[i]; i++) {
			one = merge(runs[i], one);
			runs[i] = NULL;
		}
		runs[i] = one;
	}
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		all = merge(runs[i], all);
	}
	d->first = all;
	for (d->last = all; d->last && d->last->next; d->last = d->last->next) {
	}
}

/* A position in a file that mostly moves forward, so that printing sorted messages reads each file
 * once.
 */
struct position {
	const struct source_file *file;
	unsigned line;
	unsigned column;
	size_t at;
};

/* Bytes of the character that s begins with; s is not empty and may be broken UTF-8. */
static size_t char_len(struct slice s)
{
	size_t len = 1;

	while (len < 4 && len < s.len && (s.p[len] & 0xc0) == 0x80) {
		len++;
	}
	return utf8_valid(slice_first(s, len)) ? len : 1;
}

/* To the column of the line, or to the line's end when it is shorter. */
static void position_seek(struct position *p, const struct place *to, unsigned column)
{
	if (p->file != to->file || p->line > to->line ||
	    (p->line == to->line && p->column > column)) {
		*p = (struct position){to->file, 1, 1, 0};
	}
	struct slice rest = slice_skip(p->file->text, p->at);
	while (p->line < to->line && rest.len > 0) {
		rest = slice_skip(rest, slice_find(rest, '\n') + 1);
		p->line++;
		p->column = 1;
	}
	while (p->column < column && rest.len > 0 && rest.p[0] != '\n') {
		rest = slice_skip(rest, char_len(rest));
		p->column++;
	}
	p->at = p->file->text.len - rest.len;
}

/* At most count characters, none that would steer a terminal. */
static void put_clean(struct buf *out, struct slice s, size_t count)
{
	for (size_t i = 0; i < count && s.len > 0; i++) {
		struct slice one = slice_first(s, char_len(s));
		bool bad = !utf8_valid(one);
		uint32_t code = bad ? 0xfffd : utf8_next(&(struct slice){one.p, one.len});
		s = slice_skip(s, one.len);
		if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
			buf_char(out, ' ');
		} else if (bad) {
			buf_text(out, "\xef\xbf\xbd");
		} else {
			buf_slice(out, one);
		}
	}
}

static void print_source(const struct place *at, struct position *p, struct buf *out)
{
	unsigned start = at->column > WINDOW_BEFORE + 1 ? at->column - WINDOW_BEFORE : 1;
	size_t caret = at->column - start + (start > 1 ? 1 : 0);

	position_seek(p, at, start);
	/* No more than can be shown: a file may be one line with a mistake in each of its words. */
	struct slice line = slice_first(slice_skip(at->file->text, p->at), 4 * WINDOW + 2);
	line.len = slice_find(line, '\n');
	if (line.len > 0 && line.p[line.len - 1] == '\r') {
		line.len--;
	}
	int gutter = snprintf(NULL, 0, "%5u", at->line); /* wider beyond line 99999 */
	buf_printf(out, "%5u | %s", at->line, start > 1 ? "…" : "");
	put_clean(out, line, WINDOW);
	buf_printf(out, "\n%*s | %*s^\n", gutter, "", (int)caret, "");
}

void diags_print(const struct diags *d, struct buf *out)
{
	struct position p = {0};

	for (const struct diag *one = d->first; one; one = one->next) {
		const struct place *at = &one->at;
		if (at->file && at->line > 0) {
			buf_printf(out, "%s:%u:%u: ", at->file->path, at->line, at->column);
		} else if (at->file) {
			buf_printf(out, "%s: ", at->file->path);
		}
		buf_printf(out, "%s[%s]: ", one->warning ? "warning" : "error", one->code);
		put_clean(out, one->message, SIZE_MAX);
		buf_char(out, '\n');
		if (at->file && at->line > 0) {
			print_source(at, &p, out);
		}
		if (one->hint.p) {
			buf_text(out, "      = help: ");
			put_clean(out, one->hint, SIZE_MAX);
			buf_char(out, '\n');
		}
	}
}

static void json_count(struct json_out *w, const char *name, unsigned count)
{
	json_key(w, name);
	if (count > 0) {
		json_int(w, count);
	} else {
		json_null(w);
	}
}

void diags_json(const struct diags *d, struct buf *out)
{
	struct json_out w = json_out(out);

	json_array(&w);
	for (const struct diag *one = d->first; one; one = one->next) {
		json_object(&w);
		json_key(&w, "file");
		json_text(&w, one->at.file ? one->at.file->path : NULL);
		json_count(&w, "line", one->at.line);
		json_count(&w, "column", one->at.column);
		json_key(&w, "severity");
		json_text(&w, one->warning ? "warning" : "error");
		json_key(&w, "code");
		json_text(&w, one->code);
		json_key(&w, "message");
		json_slice(&w, one->message);
		json_key(&w, "hint");
		json_slice(&w, one->hint);
		json_object_end(&w);
	}
	json_array_end(&w);
}
