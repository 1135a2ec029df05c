#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

void buf_reserve(struct buf *b, size_t more)
{
	if (b->failed || b->cap - b->len >= more) {
		return;
	}
	size_t cap = b->cap ? b->cap : 256;
	while (cap - b->len < more) {
		cap *= 2;
	}
	char *p = realloc(b->p, cap);
	if (!p) {
		b->failed = true;
		return;
	}
	b->p = p;
	b->cap = cap;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
	buf_reserve(b, len);
	if (b->failed || len == 0) {
		return;
	}
	memcpy(b->p + b->len, bytes, len);
	b->len += len;
}

void buf_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.len);
}

void buf_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);

	buf_reserve(b, len < 0 ? 0 : (size_t)len + 1);
	if (len < 0 || b->failed) {
		b->failed = true;
		return;
	}
	va_start(args, format);
	(void)vsnprintf(b->p + b->len, (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
}
