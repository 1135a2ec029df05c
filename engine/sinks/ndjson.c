#include "sinks/ndjson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_SIZE = 1 << 16 };

struct ndjson {
	struct sink sink;
	FILE *file;
	struct sink_stats stats;
};

static bool ndjson_push(struct sink *sink, const struct alert *alert)
{
	struct ndjson *n = (struct ndjson *)sink;
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
