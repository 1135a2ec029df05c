#include "ringfence/calls.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "app/merge.h"
#include "calls/dedupe.h"
#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "decode/cdr.h"
#include "model/enums.h"
#include "model/number.h"

enum { EXIT_BAD_INPUT = 1, EXIT_INTERNAL = 3 };

/* The first columns of decode/cdr_columns.def: the twelve, and the five that a capture knows. */
enum { COLUMNS = CDR_COL_DST_IP + 1 };

/* One call as text by column; an empty slice is an absent value. */
struct line {
	struct slice cell[COLUMNS];
	char times[3][INSTANT_TEXT];
	char numbers[2][NUMBER_TEXT];
	char integers[3][24];
	char addresses[2][IP_TEXT];
};

static struct slice time_text(int64_t time_us, char out[INSTANT_TEXT])
{
	size_t len = time_us == INSTANT_NONE ? 0 : instant_format(time_us, out);

	return len ? (struct slice){out, len} : SLICE_NONE;
}

static struct slice integer_text(int64_t value, char out[24])
{
	if (value == INSTANT_NONE) {
		return SLICE_NONE;
	}
	return (struct slice){out, (size_t)snprintf(out, 24, "%" PRId64, value)};
}

static struct slice address_text(const struct ip *ip, char out[IP_TEXT])
{
	size_t len = ip_format(ip, out);

	return len ? (struct slice){out, len} : SLICE_NONE;
}

static struct slice number_text(const struct normaliser *norm, const struct written_number *w,
                                char out[NUMBER_TEXT])
{
	number n = 0;
	bool no_home = false;

	if (norm && number_normalise(norm, w, 0, &n, &no_home) == NUMBER_OK &&
	    number_kind(n) == NUMBER_E164) {
		return (struct slice){out, number_format(n, out)};
	}
	return w->text;
}

/* The word of an enum whose 0 says that nothing is known. */
static struct slice enum_text(enum enum_id id, unsigned value)
{
	return value ? slice_of(enum_word(id, value)) : SLICE_NONE;
}

static void line_of(const struct event *e, const struct normaliser *norm, struct line *l)
{
	int64_t code = e->sip_code == INSTANT_NONE && e->answered ? 200 : e->sip_code;
	int64_t ring_ms = e->ring_us == INSTANT_NONE ? INSTANT_NONE : e->ring_us / US_PER_MS;

	l->cell[CDR_COL_CALL_ID] = e->call_id;
	l->cell[CDR_COL_START_TIME] = time_text(e->start_us, l->times[0]);
	l->cell[CDR_COL_ANSWER_TIME] = time_text(e->answer_us, l->times[1]);
	l->cell[CDR_COL_END_TIME] = time_text(e->time_us, l->times[2]);
	l->cell[CDR_COL_CALLER] = number_text(norm, &e->caller, l->numbers[0]);
	l->cell[CDR_COL_CALLEE] = number_text(norm, &e->callee, l->numbers[1]);
	l->cell[CDR_COL_TRUNK_IN] = e->trunk_in;
	l->cell[CDR_COL_TRUNK_OUT] = e->trunk_out;
	l->cell[CDR_COL_SIP_CODE] = integer_text(code, l->integers[0]);
	l->cell[CDR_COL_HANGUP_BY] = enum_text(ENUM_HANGUP, e->hangup_by);
	l->cell[CDR_COL_CALLER_NAME] = e->display;
	l->cell[CDR_COL_ATTEST] = enum_text(ENUM_ATTEST, e->attest);
	l->cell[CDR_COL_RING_MS] = integer_text(ring_ms, l->integers[1]);
	l->cell[CDR_COL_Q850] = integer_text(e->q850, l->integers[2]);
	l->cell[CDR_COL_USER_AGENT] = e->ua;
	l->cell[CDR_COL_SRC_IP] = address_text(&e->src, l->addresses[0]);
	l->cell[CDR_COL_DST_IP] = address_text(&e->dst, l->addresses[1]);
}

static bool needs_quotes(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r') {
			return true;
		}
	}
	return false;
}

static void put_csv_cell(struct buf *b, struct slice s)
{
	if (!needs_quotes(s)) {
		buf_slice(b, s);
		return;
	}
	buf_char(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"') {
			buf_char(b, '"');
		}
		buf_char(b, s.p[i]);
	}
	buf_char(b, '"');
}

static void put_csv(struct buf *b, const struct line *l)
{
	for (unsigned i = 0; i < COLUMNS; i++) {
		if (i > 0) {
			buf_char(b, ',');
		}
		put_csv_cell(b, l->cell[i]);
	}
	buf_char(b, '\n');
}

static void put_csv_head(struct buf *b)
{
	struct line head;

	for (unsigned i = 0; i < COLUMNS; i++) {
		head.cell[i] = slice_of(cdr_column_name((enum cdr_column)i));
	}
	put_csv(b, &head);
}

static void put_json(struct buf *b, const struct line *l)
{
	const uint32_t integers =
		1u << CDR_COL_SIP_CODE | 1u << CDR_COL_RING_MS | 1u << CDR_COL_Q850;
	struct json_out w = json_out(b);

	json_object(&w);
	for (unsigned i = 0; i < COLUMNS; i++) {
		json_key(&w, cdr_column_name((enum cdr_column)i));
		if (l->cell[i].len == 0) {
			json_null(&w);
		} else if (integers & 1u << i) {
			json_raw(&w, l->cell[i]);
		} else {
			json_slice(&w, l->cell[i]);
		}
	}
	json_object_end(&w);
	buf_char(b, '\n');
}

/* Everything open while a run lasts. */
struct run {
	struct feed **feeds;
	const char **names;
	size_t feed_count;
	struct merge *merge;
	struct dedupe *seen;
	uint64_t bytes; /* of the inputs, as far as known */
	int status;
};

static void complain(struct run *r, const char *input, const char *why)
{
	fprintf(stderr, "ringfence: %s: %s\n", input, why);
	r->status = EXIT_BAD_INPUT;
}

static void open_input(struct run *r, const char *input, const struct feed_options *options)
{
	const uint64_t unknown_size = UINT64_C(256) << 20; /* of a pipe */
	const char *why = "";
	struct stat st;

	if (feed_open(input, options, &r->feeds[r->feed_count], &why)) {
		complain(r, input, why);
		return;
	}
	r->names[r->feed_count++] = input;
	r->bytes +=
		stat(input, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : unknown_size;
}

/* Room for the calls that so many bytes can hold (a row in a compressed file takes 32 or more),
 * within what a workstation has to spare: 24 bytes an entry.
 */
static uint64_t dedupe_entries(uint64_t bytes)
{
	const uint64_t min = UINT64_C(1) << 16;
	const uint64_t max = UINT64_C(1) << 24;
	uint64_t entries = bytes / 32;

	return entries < min ? min : entries > max ? max : entries;
}

static bool open_run(struct run *r, const char *const *inputs, size_t count,
                     const struct feed_options *options)
{
	r->feeds = calloc(count ? count : 1, sizeof(struct feed *));
	r->names = calloc(count ? count : 1, sizeof(char *));
	if (!r->feeds || !r->names) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		open_input(r, inputs[i], options);
	}
	r->seen = dedupe_new(dedupe_entries(r->bytes), DEDUPE_WINDOW_US, options->key);
	r->merge = merge_new(r->feeds, r->feed_count);
	return r->seen && r->merge;
}

static void close_run(struct run *r)
{
	merge_free(r->merge);
	for (size_t i = 0; i < r->feed_count; i++) {
		feed_close(r->feeds[i]);
	}
	free(r->feeds);
	free(r->names);
	if (r->seen) {
		dedupe_free(r->seen);
	}
}

enum { FLUSH_SIZE = 64 * 1024 };

static int flush(struct buf *b, FILE *out)
{
	bool good = !b->failed && (b->len == 0 || fwrite(b->p, 1, b->len, out) == b->len);

	buf_reset(b);
	return good ? OK : E_IO;
}

/* Every call once. E_END, or why there are no more: E_IO, E_NOMEM, or what fn gave. */
static int each_call(struct run *r, int (*fn)(void *user, const struct event *e), void *user)
{
	struct event event;
	int err = OK;

	while (err == OK && (err = merge_next(r->merge, &event)) == OK) {
		if (event.kind == KIND_CALL &&
		    !dedupe_seen(r->seen, dedupe_hash(r->seen, event.call_id), event.time_us)) {
			err = fn(user, &event);
		}
	}
	return err;
}

int calls_each(const char *const *inputs, size_t count, const struct feed_options *options,
               int (*fn)(void *user, const struct event *e), void *user)
{
	struct run r = {0};
	size_t broken;
	int end = open_run(&r, inputs, count, options) ? each_call(&r, fn, user) : E_NOMEM;

	if (r.merge && merge_failed(r.merge, &broken)) {
		complain(&r, r.names[broken], err_text(E_IO));
	} else if (end != E_END) {
		fprintf(stderr, "ringfence: calls: %s\n", err_text(end));
		r.status = EXIT_INTERNAL;
	}
	close_run(&r);
	return r.status;
}

/* ---- as lines ---- */

struct writer {
	const struct normaliser *norm;
	bool json;
	FILE *out;
	struct buf text;
};

static int write_call(void *user, const struct event *e)
{
	struct writer *w = user;
	struct line line;

	line_of(e, w->norm, &line);
	(w->json ? put_json : put_csv)(&w->text, &line);
	return w->text.len >= FLUSH_SIZE ? flush(&w->text, w->out) : OK;
}

int calls_run(const char *const *inputs, size_t count, const struct feed_options *options,
              const struct normaliser *norm, bool json, FILE *out)
{
	struct writer w = {.norm = norm, .json = json, .out = out};

	if (!json) {
		put_csv_head(&w.text);
	}
	int status = calls_each(inputs, count, options, write_call, &w);
	if (flush(&w.text, out) || fflush(out)) {
		status = EXIT_INTERNAL;
	}
	buf_fini(&w.text);
	return status;
}

/* ---- out of the call log ---- */

struct finding_calls {
	const struct normaliser *norm;
	bool json;
	FILE *out;
	struct buf text;
	int err;
};

static void write_found(void *user, const struct log_item *item)
{
	struct finding_calls *f = user;
	struct line line;

	if (item->kind == LOG_ITEM_DAMAGE) {
		fprintf(stderr, "%.*s: %" PRIu64 " bytes at %" PRIu64 " cannot be read: %s\n",
		        SLICE_FMT(item->file), item->size, item->offset, item->why);
		return;
	}
	line_of(&item->event, f->norm, &line);
	if (f->json) {
		put_json(&f->text, &line);
	} else {
		put_csv(&f->text, &line);
	}
	if (f->text.len >= FLUSH_SIZE && f->err == OK) {
		f->err = flush(&f->text, f->out);
	}
}

int calls_find(const struct log_reader_options *log, const struct log_query *query,
               const struct normaliser *norm, bool json, FILE *out)
{
	struct finding_calls f = {.norm = norm, .json = json, .out = out};

	if (!json) {
		put_csv_head(&f.text);
	}
	int64_t count = log_find(log, query, write_found, &f);
	int flushed = flush(&f.text, out);
	buf_fini(&f.text);
	if (count < 0) {
		fprintf(stderr, "%s: %s\n", log->path, err_text((int)count));
		return EXIT_BAD_INPUT;
	}
	if ((uint64_t)count > query->limit) {
		fprintf(stderr, "%" PRIu64 " more calls (--limit tells how many are shown)\n",
		        (uint64_t)count - query->limit);
	}
	return f.err || flushed || fflush(out) ? EXIT_INTERNAL : 0;
}
