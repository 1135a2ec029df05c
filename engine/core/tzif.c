/* Layout: a header and data with 4-byte times for readers of version 1, skipped here; a header and
 * data with 8-byte times; the footer, a POSIX TZ string between two newlines. The data: times,
 * a type index a time, types (offset, is_dst, name index), names, leap seconds, two flags a type.
 */
#include "core/tzif.h"

#include <stdlib.h>

#include "core/cursor.h"
#include "core/err.h"

enum { HEADER_REST = 15, TYPE_SIZE = 6, TYPES_MAX = 256, OFFSET_S_MAX = 26 * 3600 };

struct header {
	uint8_t version;
	uint32_t isut_count;
	uint32_t isstd_count;
	uint32_t leap_count;
	uint32_t time_count;
	uint32_t type_count;
	uint32_t char_count;
};

static int read_header(struct cursor *c, struct header *h)
{
	struct slice magic = cur_slice(c, 4);
	const uint8_t *version = cur_take(c, 1);

	(void)cur_take(c, HEADER_REST);
	h->isut_count = cur_u32(c);
	h->isstd_count = cur_u32(c);
	h->leap_count = cur_u32(c);
	h->time_count = cur_u32(c);
	h->type_count = cur_u32(c);
	h->char_count = cur_u32(c);
	if (cur_err(c)) {
		return E_TRUNCATED;
	}
	if (!slice_eq(magic, SLICE_LIT("TZif"))) {
		return E_MALFORMED;
	}
	h->version = *version;
	return OK;
}

static uint64_t data_size(const struct header *h, uint64_t time_size)
{
	return h->time_count * (time_size + 1) + h->type_count * (uint64_t)TYPE_SIZE +
	       h->char_count + h->leap_count * (time_size + 4) + h->isstd_count + h->isut_count;
}

/* Offsets of the types in the order of the file. */
static int read_types(struct slice types, uint32_t count, int32_t offsets_s[TYPES_MAX])
{
	struct cursor c = cur_init(types.p, types.len);

	for (uint32_t i = 0; i < count; i++) {
		offsets_s[i] = (int32_t)cur_u32(&c);
		(void)cur_u16(&c);
		if (offsets_s[i] < -OFFSET_S_MAX || offsets_s[i] > OFFSET_S_MAX) {
			return E_RANGE;
		}
	}
	return OK;
}

static int64_t cur_i64(struct cursor *c)
{
	uint64_t high = cur_u32(c);

	return (int64_t)(high << 32 | cur_u32(c));
}

/* Fills the tables behind z. */
static int read_changes(struct cursor *c, const struct header *h, struct tz *z)
{
	int64_t *times_s = (int64_t *)(z + 1);
	int32_t *offsets_s = (int32_t *)(times_s + h->time_count);
	int32_t types_s[TYPES_MAX] = {0};

	struct cursor times = cur_init(c->pos, h->time_count * sizeof(int64_t));
	(void)cur_take(c, h->time_count * sizeof(int64_t));
	const uint8_t *idx = cur_take(c, h->time_count);
	int err =
		read_types(cur_slice(c, h->type_count * (size_t)TYPE_SIZE), h->type_count, types_s);
	if (err) {
		return err;
	}
	for (uint32_t i = 0; i < h->time_count; i++) {
		times_s[i] = cur_i64(&times);
		if (idx[i] >= h->type_count || (i > 0 && times_s[i] <= times_s[i - 1])) {
			return E_MALFORMED;
		}
		offsets_s[i] = types_s[idx[i]];
	}
	z->count = h->time_count;
	z->times_s = times_s;
	z->offsets_s = offsets_s;
	z->offset_first_s = types_s[0];
	(void)cur_take(c, (size_t)h->char_count + h->isstd_count + h->isut_count);
	return OK;
}

static int read_footer(struct cursor *c, struct tz *z)
{
	struct slice rest = cur_slice(c, cur_left(c));

	if (!slice_starts(rest, SLICE_LIT("\n"))) {
		return E_MALFORMED;
	}
	rest = slice_skip(rest, 1);
	size_t len = slice_find(rest, '\n');
	if (len == rest.len) {
		return E_TRUNCATED;
	}
	z->has_rule = len > 0;
	return len > 0 ? tz_rule_parse(slice_first(rest, len), &z->rule) : OK;
}

/* Both headers; c is left at the data with 8-byte times, which are all there. */
static int read_headers(struct cursor *c, struct header *h)
{
	int err = read_header(c, h);

	if (err) {
		return err;
	}
	if (h->version < '2') {
		return E_UNSUPPORTED;
	}
	(void)cur_take(c, (size_t)data_size(h, 4));
	err = read_header(c, h);
	if (err) {
		return err;
	}
	if (h->leap_count > 0) {
		return E_UNSUPPORTED;
	}
	if (h->type_count == 0 || h->type_count > TYPES_MAX) {
		return E_MALFORMED;
	}
	return data_size(h, 8) > cur_left(c) ? E_TRUNCATED : OK;
}

int tzif_parse(struct slice file, struct tz **zone)
{
	struct cursor c = cur_init(file.p, file.len);
	struct header h;

	int err = read_headers(&c, &h);
	if (err) {
		return err;
	}
	struct tz *z = calloc(1, sizeof(*z) + h.time_count * (sizeof(int64_t) + sizeof(int32_t)));
	if (!z) {
		return E_NOMEM;
	}
	err = read_changes(&c, &h, z);
	err = err ? err : read_footer(&c, z);
	if (err) {
		free(z);
		return err;
	}
	*zone = z;
	return OK;
}
