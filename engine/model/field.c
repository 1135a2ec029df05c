#include "model/field.h"

static const struct field_row rows[FIELD_NAME_COUNT] = {
	[FIELD_NONE] = {"", STORE_NONE, ENUM_NONE, 0, true, FIELD_NONE, FIELD_NONE, ""},
#define FIELD(id, name, storage, set, kinds, optional, help) \
 [FIELD_##id] = {name, STORE_##storage, ENUM_##set, kinds, optional, FIELD_##id, FIELD_##id, help},
#define PARTY(id, name, orig, term, optional, help) \
 [FIELD_##id] = {name, STORE_NONE, ENUM_NONE, K_PARTY, optional, FIELD_##orig, FIELD_##term, help},
#include "model/fields.def"
#undef FIELD
#undef PARTY
	[FIELD_PARTY_ROLE] = {"party.role", STORE_ENUM, ENUM_PARTYROLE, K_PARTY, false, FIELD_NONE,
                              FIELD_NONE, "orig for the caller's event, term for the callee's."},
};

const struct field_row *field_row(enum field field)
{
	return &rows[field];
}

static enum field behind(enum field field)
{
	bool renamed = field >= FIELD_PARTY_FIRST && field != FIELD_PARTY_ROLE;

	return renamed ? rows[field].orig : field;
}

enum storage field_storage(enum field field)
{
	return rows[behind(field)].storage;
}

enum enum_id field_set(enum field field)
{
	return rows[behind(field)].set;
}

enum field field_find(struct slice name)
{
	for (unsigned f = FIELD_NONE + 1; f < FIELD_NAME_COUNT; f++) {
		if (rows[f].name[0] && slice_eq(name, slice_of(rows[f].name))) {
			return (enum field)f;
		}
	}
	return FIELD_NONE;
}

enum field field_column(enum field field, unsigned role)
{
	return role == PARTYROLE_TERM ? rows[field].term : rows[field].orig;
}

static const char *const kinds[KIND_COUNT] = {
	"",
#define KIND(id, name) name,
#include "model/kinds.def"
#undef KIND
};

const char *kind_name(enum event_kind kind)
{
	return kinds[kind];
}

enum event_kind kind_find(struct slice word)
{
	for (unsigned k = KIND_NONE + 1; k < KIND_COUNT; k++) {
		if (slice_eq(word, slice_of(kinds[k]))) {
			return (enum event_kind)k;
		}
	}
	return KIND_NONE;
}
