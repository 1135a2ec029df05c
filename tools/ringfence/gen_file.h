/* A file written in large pieces, and its mistakes once at the end. */
#ifndef TOOLS_RINGFENCE_GEN_FILE_H
#define TOOLS_RINGFENCE_GEN_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/buf.h"

struct gen_file {
	FILE *f;
	char path[4096];
	struct buf out; /* append here, then gen_file_flush */
	bool failed;
};

/* False after a message on stderr. */
bool gen_file_open(struct gen_file *file, const char *dir, const char *name);
/* Writes when much has gathered. */
void gen_file_flush(struct gen_file *file);
/* False after a message on stderr: something could not be written. */
bool gen_file_close(struct gen_file *file);

/* Decimal digits; width: with zeros in front. */
void gen_digits(struct buf *out, uint64_t value, unsigned width);
/* "+447400123456"; nothing for 0. */
void gen_phone(struct buf *out, uint64_t number);

#endif
