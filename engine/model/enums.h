/* The closed sets of values (enums.def) as C enums and as words. */
#ifndef ENGINE_MODEL_ENUMS_H
#define ENGINE_MODEL_ENUMS_H

#include <stdint.h>

#include "core/slice.h"

/* enum role { ROLE_UNKNOWN, … }, enum numtype { NUMTYPE_UNKNOWN, … }, … */
#define ENUM(type) \
 enum enum_##type  \
 {
#define VALUE(type, id, word) type##_##id,
#define END(type) \
 type##_COUNT     \
 }                \
 ;
#include "model/enums.def"
#undef ENUM
#undef VALUE
#undef END

enum enum_id {
	ENUM_NONE = 0,
#define ENUM(type) ENUM_##type,
#define VALUE(type, id, word)
#define END(type)
#include "model/enums.def"
#undef ENUM
#undef VALUE
#undef END
	ENUM_COUNT,
};

struct enum_set {
	const char *const *words;
	unsigned count;
};

/* The words of a set, by value. */
struct enum_set enum_set(enum enum_id id);
/* The word of a value; "unknown" when out of range. */
const char *enum_word(enum enum_id id, unsigned value);
/* The value of a word (exact spelling), or -1. */
int enum_value(enum enum_id id, struct slice word);

#endif
