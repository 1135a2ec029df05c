/* Call records as a feed: text file -> rows in time order (app/cdr_order.h) -> ties in the order
 * of their events (app/cdr_ties.h) -> events. Everything is read twice; a row is parsed whole only
 * when its turn has come.
 */
#include <stdlib.h>

#include "app/cdr_order.h"
#include "app/cdr_ties.h"
#include "app/feed_ops.h"
#include "core/err.h"
#include "decode/cdr.h"
#include "sources/textfile.h"

/* More rows than that of one instant are sorted in parts, each in order: the price of a bound. */
enum { TIES_MAX = 1 << 20 };

struct feed_cdr {
	struct feed feed;
	enum input_kind kind;
	FILE *rejects;
	void (*progress)(void *user, uint64_t done, uint64_t total);
	void *user;
	struct textfile file;
	struct slice text; /* of the file, without a row that it breaks off in */
	struct cdr_order order;
	struct cdr_ties ties;
	struct row_ref ahead; /* taken from order, of the next instant */
	bool has_ahead;
	bool truncated;
	uint64_t bytes;
	int64_t first_us;
	int64_t last_us;
	struct stage_count decode;
	struct cdr_row row;
	struct cdr_reader reader;
};

static void write_reject(FILE *out, uint64_t line, enum reason refused, struct slice text)
{
	(void)fprintf(out, "line %llu: %s: ", (unsigned long long)line, reason_word(refused));
	text = slice_first(text, CDR_ROW_MAX);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c < ' ' && c != '\t') {
			(void)fprintf(out, "\\x%02x", c);
		} else {
			(void)putc(c, out);
		}
	}
	(void)putc('\n', out);
}

static void refuse(struct feed_cdr *f, const struct cdr_row *row, uint64_t line,
                   enum reason refused)
{
	stage_drop(&f->decode, refused);
	if (f->rejects) {
		write_reject(f->rejects, line, refused, row->text);
	}
}

static void on_row(void *user, const struct cdr_row *row, uint64_t line, enum reason refused)
{
	struct feed_cdr *f = user;

	stage_in(&f->decode, 1);
	f->bytes += row->size;
	if (refused) {
		bool last = row->text.p + row->size == f->text.p + f->text.len;
		f->truncated = f->truncated || (last && f->text.p[f->text.len - 1] != '\n');
		refuse(f, row, line, refused);
	}
}

static void on_progress(void *user, size_t done)
{
	const struct feed_cdr *f = user;

	f->progress(f->user, done / 2, f->text.len);
}

/* All references of the next instant into ties. */
static int gather(struct feed_cdr *f)
{
	int err = OK;

	if (!f->has_ahead) {
		err = cdr_order_next(&f->order, &f->ahead);
		f->has_ahead = err == OK;
	}
	int64_t time_us = f->ahead.time_us;
	for (size_t count = 0; f->has_ahead && f->ahead.time_us == time_us && count < TIES_MAX;
	     count++) {
		err = cdr_ties_add(&f->ties, &f->ahead);
		if (err) {
			return err;
		}
		err = cdr_order_next(&f->order, &f->ahead);
		f->has_ahead = err == OK;
	}
	if (err && err != E_END) {
		return err;
	}
	cdr_ties_sort(&f->ties);
	return cdr_ties_empty(&f->ties) ? E_END : OK;
}

/* The event of a reference; false when its row is refused. */
static bool read_event(struct feed_cdr *f, const struct row_ref *ref, struct event *event)
{
	cdr_row_next(&f->reader, slice_skip(f->text, row_ref_offset(ref)), &f->row);
	enum reason refused = cdr_row_event(&f->reader, &f->row, event);

	if (row_ref_attempt(ref)) {
		if (refused == REASON_NONE) {
			cdr_attempt_of_call(event);
		}
	} else if (refused) {
		refuse(f, &f->row, ref->line, refused);
	} else {
		stage_out(&f->decode, 1);
	}
	return refused == REASON_NONE;
}

static int cdr_next(struct feed *feed, struct event *event)
{
	struct feed_cdr *f = (struct feed_cdr *)feed;
	struct row_ref ref;

	for (;;) {
		while (cdr_ties_next(&f->ties, &ref)) {
			if (read_event(f, &ref, event)) {
				f->first_us =
					f->first_us == INSTANT_NONE ? event->time_us : f->first_us;
				f->last_us = event->time_us;
				return OK;
			}
		}
		int err = gather(f);
		if (err == E_END && f->file.end != OK && f->file.end != E_TRUNCATED) {
			return E_IO;
		}
		if (err) {
			return err == E_END ? E_END : E_IO;
		}
	}
}

static void cdr_stat(const struct feed *feed, struct feed_stat *stat)
{
	const struct feed_cdr *f = (const struct feed_cdr *)feed;

	*stat = (struct feed_stat){
		.kind = f->kind,
		.linktype = "",
		.truncated = f->truncated,
		.bytes = f->bytes,
		.records = f->decode.in,
		.first_us = f->first_us,
		.last_us = f->last_us,
		.decode = f->decode,
	};
}

static void cdr_close(struct feed *feed)
{
	struct feed_cdr *f = (struct feed_cdr *)feed;

	cdr_order_close(&f->order);
	cdr_ties_fini(&f->ties);
	textfile_close(&f->file);
	free(f);
}

static const struct feed_ops cdr_ops = {.next = cdr_next, .stat = cdr_stat, .close = cdr_close};

/* A text that broke off has an unfinished last line, which is no record. */
static void cut_unfinished(struct feed_cdr *f)
{
	f->text = f->file.text;
	if (f->file.end == OK) {
		return;
	}
	f->truncated = true;
	while (f->text.len > 0 && f->text.p[f->text.len - 1] != '\n') {
		f->text.len--;
	}
}

static int open_text(struct feed_cdr *f, const struct feed_input *input,
                     const struct feed_options *options, const char **why)
{
	const char *temp_dir = options->temp_dir ? options->temp_dir : "/tmp";
	int err = textfile_open(input->in, input->fd, temp_dir, &f->file);

	if (err) {
		*why = "the input cannot be mapped or copied to a temporary file";
		return err;
	}
	cut_unfinished(f);
	return OK;
}

static int open_rows(struct feed_cdr *f, const struct feed_options *options, const char **why)
{
	struct cdr_begin begin;
	struct cdr_options cdr = {.form = f->kind == INPUT_CDR_CSV ? CDR_CSV : CDR_JSON,
	                          .format = options->format,
	                          .zone = options->tz,
	                          .key = options->key};
	struct cdr_order_options order = {.attempts = options->attempts,
	                                  .memory_max = options->memory_max,
	                                  .temp_dir =
	                                          options->temp_dir ? options->temp_dir : "/tmp",
	                                  .seen = on_row,
	                                  .progress = options->progress ? on_progress : NULL,
	                                  .user = f};
	int err = cdr_reader_init(&f->reader, &cdr, f->text, &begin, why);

	if (err) {
		return err;
	}
	*why = "not enough memory or disk to order call records";
	err = cdr_order_open(&f->order, &order, f->text, begin, &f->reader);
	return err ? err : cdr_ties_init(&f->ties, f->text, &f->reader);
}

int feed_open_cdr(const struct feed_input *input, const struct feed_options *options,
                  struct feed **feed, const char **why)
{
	struct feed_cdr *f = calloc(1, sizeof(*f));
	int err = E_NOMEM;

	*why = err_text(E_NOMEM);
	if (f) {
		f->feed.ops = &cdr_ops;
		f->kind = input->kind;
		f->rejects = options->rejects;
		f->progress = options->progress;
		f->user = options->user;
		f->first_us = INSTANT_NONE;
		f->last_us = INSTANT_NONE;
		err = open_text(f, input, options, why);
	}
	if (err == OK) {
		err = open_rows(f, options, why);
	}
	instream_close(input->in);
	if (err) {
		if (f) {
			cdr_close(&f->feed);
		}
		return err;
	}
	*feed = &f->feed;
	return OK;
}
