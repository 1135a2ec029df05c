/* One JSON object a line. */
#include <string.h>

#include "core/json.h"
#include "decode/cdr_rows.h"

void cdr_json_split(struct slice rest, struct cdr_row *row)
{
	row->refused = REASON_NONE;
	row->lines = 0;
	row->quotes = false;
	row->cell_count = 0;
	cdr_row_close(row, rest, slice_find(rest, '\n'));
	if (row->text.len > CDR_ROW_MAX) {
		row->refused = REASON_CDR_TOO_LONG;
	} else if (slice_find(row->text, '\0') < row->text.len) {
		row->refused = REASON_CDR_NUL;
	}
}

/* The text of a raw JSON string; missing on a bad escape. */
static struct slice unescape(struct cdr_reader *r, struct slice raw, bool escaped)
{
	if (!escaped) {
		return raw;
	}
	struct slice text = json_unescape(raw, r->scratch + r->scratch_used);
	r->scratch_used += text.len;
	return text;
}

/* The value of a known member, whose first token is `type`. */
static enum reason read_value(struct cdr_reader *r, const struct json_in *in, enum json_type type,
                              struct slice *cell)
{
	if (type == JSON_NULL) {
		*cell = SLICE_NONE;
	} else if (type == JSON_NUMBER) {
		*cell = in->text;
	} else if (type == JSON_STRING) {
		*cell = unescape(r, in->text, in->escaped);
		if (!cell->p) {
			return REASON_CDR_JSON;
		}
		if (in->escaped && slice_find(*cell, '\0') < cell->len) {
			return REASON_CDR_NUL;
		}
	} else {
		return type == JSON_ERROR || type == JSON_NONE ? REASON_CDR_JSON
		                                               : REASON_CDR_BAD_VALUE;
	}
	return REASON_NONE;
}

/* The column that a member's name stands for; the name is not kept. */
static unsigned read_name(struct cdr_reader *r, const struct json_in *in, unsigned hint)
{
	size_t used = r->scratch_used;
	struct slice name = unescape(r, in->text, in->escaped);

	r->scratch_used = used;
	return cdr_column_find(name, hint);
}

enum reason cdr_json_cells(struct cdr_reader *r, const struct cdr_row *row, struct cdr_cells *cells)
{
	struct json_in in = json_in(row->text);
	unsigned column = CDR_COLUMN_COUNT - 1;
	enum json_type type = json_next(&in);

	*cells = (struct cdr_cells){0};
	if (type != JSON_OBJECT) {
		return REASON_CDR_JSON;
	}
	for (type = json_next(&in); type == JSON_KEY; type = json_next(&in)) {
		unsigned found = read_name(r, &in, column + 1);
		if (found == CDR_COLUMN_COUNT) {
			r->unknown++;
			if (json_skip(&in, JSON_KEY) == JSON_ERROR) {
				return REASON_CDR_JSON;
			}
			continue;
		}
		column = found;
		enum reason refused = read_value(r, &in, json_next(&in), &cells->of[column]);
		if (refused) {
			return refused;
		}
	}
	return type == JSON_OBJECT_END && json_next(&in) == JSON_NONE ? REASON_NONE
	                                                              : REASON_CDR_JSON;
}
