#include "sinks/ndjson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"

enum { BUFFER_SIZE = 1 << 16 };

struct ndjson {
	struct sink sink;
	FILE *file;
	struct sink_stats stats;
	uint64_t last; /* number of the last alert of the process before */
};

static bool ndjson_push(struct sink *sink, const struct alert *alert)
{
	struct ndjson *n = (struct ndjson *)sink;

	if (alert->seq <= n->last) {
		n->stats.written++; /* by the process before */
		return true;
	}
	bool whole = fwrite(alert->json.p, 1, alert->json.len, n->file) == alert->json.len &&
	             putc('\n', n->file) == '\n';

	n->stats.written += whole;
	n->stats.refused += !whole;
	return whole;
}

static bool ndjson_drain(struct sink *sink, int timeout_ms)
{
	(void)timeout_ms;
	return fflush(((struct ndjson *)sink)->file) == 0;
}

static void ndjson_stats(const struct sink *sink, struct sink_stats *out)
{
	*out = ((const struct ndjson *)sink)->stats;
}

static void ndjson_close(struct sink *sink)
{
	struct ndjson *n = (struct ndjson *)sink;

	if (n->file != stdout) {
		(void)fclose(n->file);
	}
	free(n);
}

static const struct sink_ops ndjson_ops = {
	.name = "ndjson",
	.push = ndjson_push,
	.drain = ndjson_drain,
	.stats = ndjson_stats,
	.close = ndjson_close,
};

struct sink *sink_ndjson_open(const char *path)
{
	struct ndjson *n = calloc(1, sizeof(*n));

	if (!n) {
		return NULL;
	}
	n->sink.ops = &ndjson_ops;
	n->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "a");
	if (!n->file) {
		free(n);
		return NULL;
	}
	(void)setvbuf(n->file, NULL, _IOFBF, BUFFER_SIZE);
	return &n->sink;
}

/* ---- going on ---- */

enum { TAIL = 1 << 20 };

/* The number of the last alert of text, which ends with a line. */
static uint64_t last_number(struct slice text)
{
	static const char member[] = "\"seq\":";
	uint64_t n = 0;

	for (const char *at = text.p;
	     (at = memmem(at, text.len - (size_t)(at - text.p), member, sizeof(member) - 1));) {
		at += sizeof(member) - 1;
		n = strtoull(at, NULL, 10);
	}
	return n;
}

int sink_ndjson_resume(struct sink *sink, const char *path)
{
	struct ndjson *n = (struct ndjson *)sink;
	char *text = malloc(TAIL + 1);
	FILE *f = text ? fopen(path, "r+") : NULL;
	long end = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
	long begin = end > TAIL ? end - TAIL : 0;
	int err = end >= 0 && fseek(f, begin, SEEK_SET) == 0 ? OK : E_IO;

	if (err == OK) {
		size_t len = fread(text, 1, TAIL, f);
		size_t whole = len;
		while (whole > 0 && text[whole - 1] != '\n') {
			whole--;
		}
		text[whole] = '\0';
		n->last = last_number((struct slice){text, whole});
		err = whole == len || ftruncate(fileno(f), begin + (long)whole) == 0 ? OK : E_IO;
	}
	if (f) {
		(void)fclose(f);
	}
	free(text);
	return err;
}

uint64_t sink_ndjson_last(const struct sink *sink)
{
	return ((const struct ndjson *)sink)->last;
}
