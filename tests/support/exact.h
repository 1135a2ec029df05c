/* Inputs in heap blocks of exactly their length, so that a sanitizer sees the first byte read past
 * them; and whole files of ../shared, for tests that are skipped where they are absent.
 */
#ifndef TESTS_SUPPORT_EXACT_H
#define TESTS_SUPPORT_EXACT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ensure.h"
#include "core/slice.h"

/* The caller frees p through exact_free; of an empty input p is not NULL either. */
static inline struct slice exact_copy(struct slice s)
{
	char *copy = malloc(s.len);

	ENSURE(copy || s.len == 0);
	if (s.len) {
		memcpy(copy, s.p, s.len);
	}
	return (struct slice){copy, s.len};
}

static inline void exact_free(struct slice s)
{
	union {
		const char *borrowed;
		void *owned;
	} block = {.borrowed = s.p};

	free(block.owned);
}

/* A missing slice when there is no such file. */
static inline struct slice exact_file(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f || fseek(f, 0, SEEK_END)) {
		return SLICE_NONE;
	}
	long size = ftell(f);
	ENSURE(size >= 0);
	char *bytes = malloc((size_t)size + 1);
	ENSURE(bytes);
	rewind(f);
	struct slice file = {bytes, fread(bytes, 1, (size_t)size, f)};
	(void)fclose(f);
	struct slice exact = exact_copy(file);
	free(bytes);
	return exact;
}

#endif
