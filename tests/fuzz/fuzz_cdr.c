/* The first byte says the form. Rows fill their text, slices stay inside row or reader, the quick
 * ways agree with the plain ones.
 */
#include "core/ensure.h"
#include "core/err.h"
#include "decode/cdr_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cdr_reader r;

static void check_cells(const struct cdr_row *row)
{
	bool json = r.options.form == CDR_JSON;
	struct cdr_cells cells, plain;

	r.scratch_used = 0;
	enum reason refused =
		json ? cdr_json_cells(&r, row, &cells) : cdr_csv_cells(&r, row, UINT32_MAX, &cells);
	for (unsigned i = 0; refused == REASON_NONE && i < CDR_COLUMN_COUNT; i++) {
		struct slice s = cells.of[i];
		bool in_row =
			s.p >= row->text.p && s.len <= (size_t)(row->text.p + row->text.len - s.p);
		bool in_reader =
			s.p >= r.scratch && s.len <= (size_t)(r.scratch + sizeof(r.scratch) - s.p);
		ENSURE(!s.p || in_row || in_reader);
	}
	r.scratch_used = 0;
	ENSURE(!json || refused == cdr_json_cells_plain(&r, row, &plain));
	for (unsigned i = 0; json && refused == REASON_NONE && i < CDR_COLUMN_COUNT; i++) {
		ENSURE(slice_eq(cells.of[i], plain.of[i]));
	}
}

static void check_event(const struct cdr_row *row)
{
	struct event e;
	int64_t start_us, end_us;
	enum reason times = cdr_row_times(&r, row, &start_us, &end_us);

	if (cdr_row_event(&r, row, &e) == REASON_NONE) {
		ENSURE(times == REASON_NONE && start_us == e.start_us && end_us == e.time_us);
		ENSURE(e.call_id.len > 0 && e.start_us <= end_us && e.answer_us <= end_us);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_skip((struct slice){(const char *)data, size}, 1);
	struct hash_key key;
	struct cdr_options options = {.form = size && *data == 'j' ? CDR_JSON : CDR_CSV,
	                              .key = &key};
	struct cdr_begin begin;
	struct cdr_row row, plain;
	const char *why;

	hash_key_default(&key);
	(void)cdr_recognise(text);
	if (cdr_reader_init(&r, &options, text, &begin, &why)) {
		return 0;
	}
	for (text = slice_skip(text, begin.offset); text.len; text = slice_skip(text, row.size)) {
		cdr_row_next(&r, text, &row);
		(options.form == CDR_JSON ? cdr_json_split : cdr_csv_split_plain)(text, &plain);
		ENSURE(row.size == plain.size && row.lines == plain.lines &&
		       row.refused == plain.refused);
		ENSURE(row.text.len == plain.text.len && row.size > 0 && row.size <= text.len);
		ENSURE(row.refused ||
		       (row.cell_count == plain.cell_count && row.doubled == plain.doubled));
		if (!row.refused) {
			check_cells(&row);
		}
		check_event(&row);
	}
	return 0;
}
