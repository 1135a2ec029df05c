#include "ringfence/inspect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"

enum { EXIT_BAD_INPUT = 1, EXIT_INTERNAL = 3 };

static const char *const kind_names[] = {
	[INPUT_UNKNOWN] = "unknown", [INPUT_PCAP] = "pcap",      [INPUT_PCAPNG] = "pcapng",
	[INPUT_CDR_CSV] = "csv",     [INPUT_CDR_JSON] = "jsonl",
};

/* One input as far as the report lists it. */
struct entry {
	const char *file;
	enum input_kind kind;
	char linktype[32];
	bool truncated;
};

/* The sum over all inputs. */
struct report {
	struct entry *entries;
	size_t entry_count;
	uint64_t packets, bytes, records;
	int64_t first_us, last_us;
	struct feed_census census;
	uint64_t calls, answered;
	struct stage_count refused; /* only what stage decode dropped */
};

static void add_method(struct feed_census *sum, const struct method_count *method)
{
	enum { ROWS = sizeof(sum->by_method) / sizeof(sum->by_method[0]) };
	size_t at = 0;

	while (at < sum->method_count && strcmp(sum->by_method[at].method, method->method) != 0) {
		at++;
	}
	if (at == ROWS) {
		at = ROWS - 1;
		sum->by_method[at] = (struct method_count){"other", sum->by_method[at].count};
	} else if (at == sum->method_count) {
		sum->by_method[sum->method_count++] = *method;
		return;
	}
	sum->by_method[at].count += method->count;
}

static void add_census(struct feed_census *sum, const struct feed_census *c)
{
	sum->messages += c->messages;
	sum->requests += c->requests;
	sum->responses += c->responses;
	sum->call_ids += c->call_ids;
	for (size_t i = 0; i < c->method_count; i++) {
		add_method(sum, &c->by_method[i]);
	}
	for (size_t i = 0; i < sizeof(sum->by_code) / sizeof(sum->by_code[0]); i++) {
		sum->by_code[i] += c->by_code[i];
	}
}

static void add_stat(struct report *r, const char *file, const struct feed_stat *stat)
{
	struct entry *entry = &r->entries[r->entry_count++];

	*entry = (struct entry){.file = file, .kind = stat->kind, .truncated = stat->truncated};
	snprintf(entry->linktype, sizeof(entry->linktype), "%s", stat->linktype);
	r->packets += stat->packets;
	r->bytes += stat->bytes;
	r->records += stat->records;
	if (stat->first_us != INSTANT_NONE) {
		bool none = r->first_us == INSTANT_NONE;
		r->first_us = none || stat->first_us < r->first_us ? stat->first_us : r->first_us;
		r->last_us = none || stat->last_us > r->last_us ? stat->last_us : r->last_us;
	}
	if (stat->census) {
		add_census(&r->census, stat->census);
	}
	stage_add(&r->refused, &stat->decode);
}

static int read_input(struct report *r, const char *file, const struct feed_options *options)
{
	struct feed *feed;
	struct feed_stat stat;
	struct event event;
	const char *why = "";
	int err = feed_open(file, options, &feed, &why);

	if (err) {
		fprintf(stderr, "ringfence: %s: %s\n", file, why);
		return err;
	}
	while ((err = feed_next(feed, &event)) == OK) {
		if (event.kind == KIND_CALL) {
			r->calls++;
			r->answered += event.answered;
		}
	}
	feed_stat(feed, &stat);
	add_stat(r, file, &stat);
	feed_close(feed);
	if (err != E_END) {
		fprintf(stderr, "ringfence: %s: %s\n", file, err_text(err));
		return err;
	}
	return OK;
}

static int compare_methods(const void *a, const void *b)
{
	return strcmp(((const struct method_count *)a)->method,
	              ((const struct method_count *)b)->method);
}

static void json_instant(struct json_out *w, int64_t time_us)
{
	char text[INSTANT_TEXT];
	size_t len = instant_format(time_us, text);

	json_slice(w, len ? (struct slice){text, len} : SLICE_NONE);
}

static void json_count(struct json_out *w, const char *name, uint64_t count)
{
	json_key(w, name);
	json_int(w, (int64_t)count);
}

static void json_inputs(struct json_out *w, const struct report *r)
{
	json_key(w, "inputs");
	json_array(w);
	for (size_t i = 0; i < r->entry_count; i++) {
		const struct entry *entry = &r->entries[i];
		json_object(w);
		json_key(w, "file");
		json_text(w, entry->file);
		json_key(w, "kind");
		json_text(w, kind_names[entry->kind]);
		json_key(w, "linktype");
		json_text(w, entry->linktype[0] ? entry->linktype : NULL);
		json_key(w, "truncated");
		json_bool(w, entry->truncated);
		json_object_end(w);
	}
	json_array_end(w);
}

static void json_sip(struct json_out *w, const struct feed_census *c)
{
	json_key(w, "sip");
	json_object(w);
	json_count(w, "messages", c->messages);
	json_count(w, "requests", c->requests);
	json_count(w, "responses", c->responses);
	json_key(w, "by_method");
	json_object(w);
	for (size_t i = 0; i < c->method_count; i++) {
		json_count(w, c->by_method[i].method, c->by_method[i].count);
	}
	json_object_end(w);
	json_key(w, "by_code");
	json_object(w);
	for (unsigned code = 0; code < sizeof(c->by_code) / sizeof(c->by_code[0]); code++) {
		if (c->by_code[code]) {
			char text[8];
			snprintf(text, sizeof(text), "%u", code);
			json_count(w, text, c->by_code[code]);
		}
	}
	json_object_end(w);
	json_count(w, "call_ids", c->call_ids);
	json_object_end(w);
}

static void write_json(struct buf *out, const struct report *r)
{
	struct json_out w = json_out(out);

	json_object(&w);
	json_inputs(&w, r);
	json_count(&w, "packets", r->packets);
	json_count(&w, "bytes", r->bytes);
	json_key(&w, "first");
	json_instant(&w, r->first_us);
	json_key(&w, "last");
	json_instant(&w, r->last_us);
	json_sip(&w, &r->census);
	json_key(&w, "calls");
	json_object(&w);
	json_count(&w, "total", r->calls);
	json_count(&w, "answered", r->answered);
	json_object_end(&w);
	json_count(&w, "records", r->records);
	json_key(&w, "refused");
	json_object(&w);
	for (enum reason reason = 1; reason < REASON_COUNT; reason++) {
		if (r->refused.dropped[reason]) {
			json_count(&w, reason_word(reason), r->refused.dropped[reason]);
		}
	}
	json_object_end(&w);
	json_object_end(&w);
	buf_char(out, '\n');
}

static void text_count(struct buf *out, const char *name, uint64_t count)
{
	buf_printf(out, "%-24s %12" PRIu64 "\n", name, count);
}

static void text_sub(struct buf *out, const char *name, uint64_t count)
{
	buf_printf(out, "  %-22s %12" PRIu64 "\n", name, count);
}

static void text_sip(struct buf *out, const struct feed_census *c)
{
	text_count(out, "SIP messages", c->messages);
	text_count(out, "requests", c->requests);
	for (size_t i = 0; i < c->method_count; i++) {
		text_sub(out, c->by_method[i].method, c->by_method[i].count);
	}
	text_count(out, "responses", c->responses);
	for (unsigned code = 0; code < sizeof(c->by_code) / sizeof(c->by_code[0]); code++) {
		if (c->by_code[code]) {
			char text[8];
			snprintf(text, sizeof(text), "%u", code);
			text_sub(out, text, c->by_code[code]);
		}
	}
	text_count(out, "Call-IDs", c->call_ids);
}

static void write_text(struct buf *out, const struct report *r)
{
	char first[INSTANT_TEXT];
	char last[INSTANT_TEXT];

	for (size_t i = 0; i < r->entry_count; i++) {
		const struct entry *entry = &r->entries[i];
		buf_printf(out, "%s: %s%s%s%s\n", entry->file, kind_names[entry->kind],
		           entry->linktype[0] ? ", " : "", entry->linktype,
		           entry->truncated ? ", truncated" : "");
	}
	instant_format(r->first_us, first);
	instant_format(r->last_us, last);
	buf_printf(out, "\nfrom %s to %s\n", first[0] ? first : "-", last[0] ? last : "-");
	text_count(out, "packets", r->packets);
	text_count(out, "records", r->records);
	text_count(out, "bytes", r->bytes);
	text_sip(out, &r->census);
	text_count(out, "calls", r->calls);
	text_sub(out, "answered", r->answered);
	text_count(out, "refused", stage_dropped(&r->refused));
	for (enum reason reason = 1; reason < REASON_COUNT; reason++) {
		if (r->refused.dropped[reason]) {
			text_sub(out, reason_word(reason), r->refused.dropped[reason]);
		}
	}
}

int inspect_run(const char *const *inputs, size_t count, const struct feed_options *options,
                bool json, FILE *out)
{
	struct feed_options counting = *options;
	struct report *r = calloc(1, sizeof(*r));
	struct buf text = {0};
	int status = 0;

	counting.census = true;
	if (!r || !(r->entries = calloc(count ? count : 1, sizeof(*r->entries)))) {
		free(r);
		return EXIT_INTERNAL;
	}
	r->first_us = r->last_us = INSTANT_NONE;
	for (size_t i = 0; i < count; i++) {
		if (read_input(r, inputs[i], &counting) != OK) {
			status = EXIT_BAD_INPUT;
		}
	}
	qsort(r->census.by_method, r->census.method_count, sizeof(r->census.by_method[0]),
	      compare_methods);
	(json ? write_json : write_text)(&text, r);
	if (text.failed || fwrite(text.p, 1, text.len, out) != text.len || fflush(out) != 0) {
		status = EXIT_INTERNAL;
	}
	buf_fini(&text);
	free(r->entries);
	free(r);
	return status;
}
