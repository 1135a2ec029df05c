#include "ringfence/gen_file.h"

#include <errno.h>
#include <string.h>

enum { FLUSH_AT = 1 << 20 };

bool gen_file_open(struct gen_file *file, const char *dir, const char *name)
{
	*file = (struct gen_file){0};
	int n = snprintf(file->path, sizeof(file->path), "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(file->path)) {
		fprintf(stderr, "%s: the name is too long\n", dir);
		return false;
	}
	file->f = fopen(file->path, "wb");
	if (!file->f) {
		perror(file->path);
		return false;
	}
	return true;
}

static void write_out(struct gen_file *file)
{
	struct buf *out = &file->out;

	if (out->failed || (out->len && fwrite(out->p, 1, out->len, file->f) != out->len)) {
		file->failed = true;
	}
	buf_reset(out);
}

void gen_file_flush(struct gen_file *file)
{
	if (file->out.len >= FLUSH_AT) {
		write_out(file);
	}
}

bool gen_file_close(struct gen_file *file)
{
	write_out(file);
	buf_fini(&file->out);
	if (fclose(file->f) != 0 || file->failed) {
		fprintf(stderr, "%s: %s\n", file->path, strerror(errno ? errno : ENOMEM));
		return false;
	}
	return true;
}

void gen_digits(struct buf *out, uint64_t value, unsigned width)
{
	char text[24];
	unsigned at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (at > 0 && sizeof(text) - at < width) {
		text[--at] = '0';
	}
	buf_add(out, text + at, sizeof(text) - at);
}

void gen_phone(struct buf *out, uint64_t number)
{
	if (number) {
		buf_char(out, '+');
		gen_digits(out, number, 0);
	}
}
