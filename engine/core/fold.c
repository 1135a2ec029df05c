#include "core/utf8.h"

/* Letters that have a lower case, by ranges: every step-th code point from first to last is an
 * upper-case letter, its lower case delta further on.
 */
static const struct {
	uint16_t first, last, step, delta;
} uppers[] = {
	{0x0041, 0x005a, 1, 32}, {0x00c0, 0x00d6, 1, 32}, {0x00d8, 0x00de, 1, 32}, /* Latin */
	{0x0386, 0x0386, 1, 38}, {0x0388, 0x038a, 1, 37}, {0x038c, 0x038c, 1, 64}, /* Greek */
	{0x038e, 0x038f, 1, 63}, {0x0391, 0x03a1, 1, 32}, {0x03a3, 0x03ab, 1, 32},
	{0x0400, 0x040f, 1, 80}, {0x0410, 0x042f, 1, 32}, {0x0460, 0x0480, 2, 1}, /* Cyrillic */
	{0x048a, 0x04be, 2, 1},  {0x04c0, 0x04c0, 1, 15}, {0x04c1, 0x04cd, 2, 1},
	{0x04d0, 0x052e, 2, 1},
};

static uint32_t lower_of(uint32_t code)
{
	for (size_t i = 0; i < sizeof(uppers) / sizeof(uppers[0]); i++) {
		if (code < uppers[i].first) {
			break;
		}
		if (code <= uppers[i].last && (code - uppers[i].first) % uppers[i].step == 0) {
			return code + uppers[i].delta;
		}
	}
	return code;
}

static const struct fold {
	uint32_t first, last;
	const char *text;
	bool run; /* text has a letter for each code point */
} folds[] = {
#define FOLD_RUN(first, letters)    {first, first + sizeof(letters) - 2, letters, true},
#define FOLD_ALL(first, last, text) {first, last, text, false},
#include "core/fold.def"
#undef FOLD_RUN
#undef FOLD_ALL
};

static const struct fold *find_fold(uint32_t code)
{
	size_t low = 0, high = sizeof(folds) / sizeof(folds[0]);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (code > folds[middle].last) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	bool found = low < sizeof(folds) / sizeof(folds[0]) && code >= folds[low].first;
	return found ? &folds[low] : NULL;
}

/* Writes what a lower-case code point folds to; returns the length. */
static size_t put_fold(uint32_t code, char *out)
{
	const struct fold *f = find_fold(code);

	if (!f || (f->run && f->text[code - f->first] == '_')) {
		return utf8_put(code, out);
	}
	if (f->run) {
		out[0] = f->text[code - f->first];
		return 1;
	}
	size_t len = strlen(f->text);
	memcpy(out, f->text, len);
	return len;
}

/* ASCII needs no table. */
static size_t convert(struct slice s, char *out, size_t (*put)(uint32_t code, char *out))
{
	size_t made = 0;

	while (s.len > 0) {
		if ((unsigned char)s.p[0] < 0x80) {
			out[made++] = ascii_lower(s.p[0]);
			s = slice_skip(s, 1);
		} else {
			made += put(lower_of(utf8_next(&s)), out + made);
		}
	}
	return made;
}

size_t utf8_lower(struct slice s, char *out)
{
	return convert(s, out, utf8_put);
}

size_t utf8_fold(struct slice s, char *out)
{
	return convert(s, out, put_fold);
}
