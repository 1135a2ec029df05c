#include "app/rejects.h"

void rejects_write(struct rejects *r, const char *source, uint64_t line, enum reason reason,
                   struct slice row)
{
	if (!r->file || r->bytes + row.len > REJECTS_BYTES_MAX) {
		return;
	}
	int head = fprintf(r->file, "%s line %llu: %s: ", source, (unsigned long long)line,
	                   reason_word(reason));
	r->bytes += row.len + (head > 0 ? (size_t)head : 0) + 1;
	for (size_t i = 0; i < row.len; i++) {
		unsigned char c = (unsigned char)row.p[i];
		if (c < ' ' && c != '\t') {
			(void)fprintf(r->file, "\\x%02x", c);
		} else {
			(void)putc(c, r->file);
		}
	}
	(void)putc('\n', r->file);
}
