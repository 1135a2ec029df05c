/* First byte: the form. Rows fill their text exactly, slices stay inside row or reader, and both
 * splitters agree.
 */
#include "core/ensure.h"
#include "core/err.h"
#include "decode/cdr_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cdr_reader reader;

static void check_slice(struct slice s, struct slice row)
{
	bool in_row = s.p >= row.p && s.p + s.len <= row.p + row.len;
	bool in_reader =
		s.p >= reader.scratch && s.p + s.len <= reader.scratch + sizeof(reader.scratch);
	ENSURE(!s.p || in_row || in_reader);
}

static void check_row(struct slice rest, const struct cdr_row *row)
{
	struct event e;
	int64_t start_us, end_us;
	enum reason times = cdr_row_times(&reader, row, &start_us, &end_us);

	if (cdr_row_event(&reader, row, &e) == REASON_NONE) {
		ENSURE(times == REASON_NONE && start_us == e.start_us && end_us == e.time_us);
		ENSURE(e.call_id.len > 0 && e.start_us <= e.time_us && e.answer_us <= e.time_us);
		check_slice(e.call_id, row->text);
		check_slice(e.caller.text, row->text);
		check_slice(e.display, row->text);
	}
	ENSURE(row->size > 0 && row->size <= rest.len && row->text.len <= row->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data + 1, size ? size - 1 : 0};
	struct hash_key key;
	struct cdr_options options = {.form = size && data[0] == 'j' ? CDR_JSON : CDR_CSV,
	                              .key = &key};
	struct cdr_begin begin;
	struct cdr_row row, plain;
	const char *why;

	hash_key_default(&key);
	(void)cdr_recognise(text);
	if (cdr_reader_init(&reader, &options, text, &begin, &why)) {
		return 0;
	}
	for (text = slice_skip(text, begin.offset); text.len; text = slice_skip(text, row.size)) {
		cdr_row_next(&reader, text, &row);
		cdr_csv_split_plain(text, &plain);
		ENSURE(options.form == CDR_JSON ||
		       (row.size == plain.size && row.lines == plain.lines &&
		        row.text.len == plain.text.len && row.refused == plain.refused));
		ENSURE(row.refused || options.form == CDR_JSON ||
		       row.cell_count == plain.cell_count);
		check_row(text, &row);
	}
	return 0;
}
