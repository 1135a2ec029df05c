#include "model/enums.h"

#define ENUM(type)            static const char *const words_##type[] = {
#define VALUE(type, id, word) word,
#define END(type) \
 }                \
 ;
#include "model/enums.def"
#undef ENUM
#undef VALUE
#undef END

static const struct enum_set sets[ENUM_COUNT] = {
	{NULL, 0},
#define ENUM(type) {words_##type, type##_COUNT},
#define VALUE(type, id, word)
#define END(type)
#include "model/enums.def"
#undef ENUM
#undef VALUE
#undef END
};

struct enum_set enum_set(enum enum_id id)
{
	return sets[id];
}

const char *enum_word(enum enum_id id, unsigned value)
{
	return value < sets[id].count ? sets[id].words[value] : "unknown";
}

int enum_value(enum enum_id id, struct slice word)
{
	for (unsigned i = 0; i < sets[id].count; i++) {
		if (slice_eq(word, slice_of(sets[id].words[i]))) {
			return (int)i;
		}
	}
	return -1;
}
