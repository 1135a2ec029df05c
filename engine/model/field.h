/* The fields that a rule may name (fields.def) as a table: the one place that the checker, the
 * evaluator, the documentation and the tests of rules read.
 */
#ifndef ENGINE_MODEL_FIELD_H
#define ENGINE_MODEL_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "model/enums.h"

enum event_kind {
	KIND_NONE = 0,
#define KIND(id, name) KIND_##id,
#include "model/kinds.def"
#undef KIND
	KIND_COUNT,
};

enum {
	K_ATTEMPT = 1 << KIND_ATTEMPT,
	K_ANSWER = 1 << KIND_ANSWER,
	K_CALL = 1 << KIND_CALL,
	K_PARTY = 1 << KIND_PARTY,
	K_REGISTER = 1 << KIND_REGISTER,
	K_SIP = 1 << KIND_SIP,
	/* Of traffic: signals and scores are made by rules and have what their rules name. */
	K_ALL = K_ATTEMPT | K_ANSWER | K_CALL | K_PARTY | K_REGISTER | K_SIP,
};

enum storage {
	STORE_NONE = 0,
	STORE_NUM,
	STORE_TIME,
	STORE_DUR,
	STORE_INT,
	STORE_FLOAT,
	STORE_BOOL,
	STORE_ENUM,
	STORE_COUNTRY,
	STORE_TEXT,
	STORE_IP,
};

/* Columns of a batch. */
enum field {
	FIELD_NONE = 0,
#define FIELD(id, name, storage, set, kinds, optional, help) FIELD_##id,
#define PARTY(id, name, orig, term, optional, help)
#include "model/fields.def"
#undef FIELD
#undef PARTY
	FIELD_COUNT,
	/* Names of `party` events, behind the columns. */
	FIELD_PARTY_FIRST = FIELD_COUNT,
	FIELD_BEFORE_PARTY = FIELD_COUNT - 1,
#define FIELD(id, name, storage, set, kinds, optional, help)
#define PARTY(id, name, orig, term, optional, help) FIELD_##id,
#include "model/fields.def"
#undef FIELD
#undef PARTY
	FIELD_PARTY_ROLE,
	FIELD_NAME_COUNT,
};

struct field_row {
	const char *name;     /* "" for a column that no rule names itself */
	enum storage storage; /* PARTY rows: see field_storage() */
	enum enum_id set;     /* of STORE_ENUM */
	unsigned kinds;       /* K_… bits */
	bool optional;
	enum field orig; /* PARTY rows: the column seen from the caller's side … */
	enum field term; /* … and from the callee's */
	const char *help;
};

/* field < FIELD_NAME_COUNT. */
const struct field_row *field_row(enum field field);
/* Storage and value set; of a party name those of the columns behind it. */
enum storage field_storage(enum field field);
enum enum_id field_set(enum field field);
/* FIELD_NONE for an unknown name. */
enum field field_find(struct slice name);
/* The column behind a name for one side of a `party` event (role PARTYROLE_ORIG or _TERM); a
 * column itself is returned as it is; FIELD_NONE: always missing on that side.
 */
enum field field_column(enum field field, unsigned role);
const char *kind_name(enum event_kind kind);
/* KIND_NONE for an unknown word. */
enum event_kind kind_find(struct slice word);

#endif
