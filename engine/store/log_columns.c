#include "store/log_columns.h"

#include <assert.h>
#include <math.h>

#include "core/err.h"
#include "store/log_bases.h"

const char *log_field_name(enum log_field f)
{
	static const char *const names[LOG_FIELD_COUNT] = {
#define LOG_FIELD(id, name, help) name,
#include "store/log_fields.def"
#undef LOG_FIELD
	};

	return f < LOG_FIELD_COUNT ? names[f] : "";
}

enum log_field log_field_of(struct slice name)
{
	enum log_field f = 0;

	while (f < LOG_FIELD_COUNT && !slice_eq(name, slice_of(log_field_name(f)))) {
		f++;
	}
	return f;
}

/* ---- members that are kept as texts ---- */

static const char ip_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (char)0xff, (char)0xff};

/* Four bytes of IPv4, else the family and all bytes. */
static struct slice ip_pack(const struct ip *ip, char room[LOG_PACKED_TEXT])
{
	if (!log_has_ip(ip)) {
		return SLICE_NONE;
	}
	if (ip->family == 4 && memcmp(ip->bytes, ip_mapped, sizeof(ip_mapped)) == 0) {
		memcpy(room, ip->bytes + sizeof(ip_mapped), 4);
		return (struct slice){room, 4};
	}
	room[0] = (char)ip->family;
	memcpy(room + 1, ip->bytes, sizeof(ip->bytes));
	return (struct slice){room, 1 + sizeof(ip->bytes)};
}

static bool ip_unpack(struct slice text, struct ip *ip)
{
	if (text.len == 4) {
		ip->family = 4;
		memcpy(ip->bytes, ip_mapped, sizeof(ip_mapped));
		memcpy(ip->bytes + sizeof(ip_mapped), text.p, 4);
		return true;
	}
	if (text.len != 1 + sizeof(ip->bytes) ||
	    (text.p[0] != 0 && text.p[0] != 4 && text.p[0] != 6)) {
		return false;
	}
	ip->family = (uint8_t)text.p[0];
	memcpy(ip->bytes, text.p + 1, sizeof(ip->bytes));
	return true;
}

static struct slice log_src_pack(const struct event *e, char room[LOG_PACKED_TEXT])
{
	return ip_pack(&e->src, room);
}

static bool log_src_unpack(struct slice text, struct event *e)
{
	return ip_unpack(text, &e->src);
}

static struct slice log_dst_pack(const struct event *e, char room[LOG_PACKED_TEXT])
{
	return ip_pack(&e->dst, room);
}

static bool log_dst_unpack(struct slice text, struct event *e)
{
	return ip_unpack(text, &e->dst);
}

/* The bits of the double, little-endian on every machine. */
static struct slice log_cost_pack(const struct event *e, char room[LOG_PACKED_TEXT])
{
	uint64_t bits;

	if (!log_has_cost(e)) {
		return SLICE_NONE;
	}
	memcpy(&bits, &e->cost, sizeof(bits));
	for (unsigned i = 0; i < sizeof(bits); i++) {
		room[i] = (char)(bits >> 8 * i);
	}
	return (struct slice){room, sizeof(bits)};
}

static bool log_cost_unpack(struct slice text, struct event *e)
{
	uint64_t bits = 0;

	if (text.len != sizeof(bits)) {
		return false;
	}
	for (unsigned i = 0; i < sizeof(bits); i++) {
		bits |= (uint64_t)(uint8_t)text.p[i] << 8 * i;
	}
	memcpy(&e->cost, &bits, sizeof(bits));
	return !isnan(e->cost);
}

/* ---- the tables ---- */

#define AT(member) offsetof(struct event, member)

#define SMALL(id, member, field, first, limit)
#define TIME(id, member, field, base)
#define NUMBER(id, member, field)
#define TEXT(id, member, field, dictionary, twin)
#define PACKED(id, field, dictionary, what)

#undef SMALL
#define SMALL(id, member, field, first, limit) \
 {AT(member), sizeof(((struct event *)0)->member), LOG_FIELD_##field, first, limit},
const struct log_small_column log_small_columns[SMALL_COUNT] = {
#include "store/log_columns.def"
};
#undef SMALL
#define SMALL(id, member, field, first, limit)

#undef TIME
#define TIME(id, member, field, base) \
 {AT(member), LOG_FIELD_##field, LOG_TIME_EXPECTED(id), log_base_##base},
const struct log_time_column log_time_columns[TIME_COUNT] = {
#include "store/log_columns.def"
};
#undef TIME
#define TIME(id, member, field, base)

#undef NUMBER
#define NUMBER(id, member, field) {AT(member), LOG_FIELD_##field},
const struct log_number_column log_number_columns[NUMBER_COUNT] = {
#include "store/log_columns.def"
};
#undef NUMBER
#define NUMBER(id, member, field)

#undef TEXT
#undef PACKED
#define TEXT(id, member, field, dictionary, twin) \
 {AT(member), LOG_FIELD_##field, DICTIONARY_##dictionary, TEXT_##twin, NULL, NULL},
#define PACKED(id, field, dictionary, what) \
 {0, LOG_FIELD_##field, DICTIONARY_##dictionary, TEXT_##id, log_##what##_pack, log_##what##_unpack},
const struct log_text_column log_text_columns[TEXT_COUNT] = {
#include "store/log_columns.def"
};
#undef SMALL
#undef TIME
#undef NUMBER
#undef TEXT
#undef PACKED

/* Every member of struct event has its column: the next lines do not compile without. */
#define SMALL(id, member, field, first, limit)    COLUMN_##id,
#define TIME(id, member, field, base)             COLUMN_##id,
#define NUMBER(id, member, field)                 COLUMN_##id,
#define TEXT(id, member, field, dictionary, twin) COLUMN_##id,
#define PACKED(id, field, dictionary, what)       COLUMN_##id,
enum column {
#include "store/log_columns.def"
	COLUMN_COUNT
};
#undef SMALL
#undef TIME
#undef NUMBER
#undef TEXT
#undef PACKED
#define KEPT(id)        static_assert((int)COLUMN_##id < (int)COLUMN_COUNT, #id);
#define SLICE(member)   KEPT(member)
#define WRITTEN(member) KEPT(member##_text) KEPT(member##_context) KEPT(member##_withheld)
#define SCALAR(member)  KEPT(member)
WRITTEN(caller)
WRITTEN(callee)
#include "model/event_members.def"
#undef KEPT
#undef SLICE
#undef WRITTEN
#undef SCALAR
