/* The keys of rule files, map by map, with a line about each: what `ringfence docs keys` prints and
 * `ringfence schema` makes a schema of. The keys of a rule come from detect/rule_keys.def; those of
 * the maps inside stand here once more, beside the loaders that read them:
 * tests/e2e/test_paperwork.py holds the two against each other.
 */
#ifndef TOOLS_RINGFENCE_LANGUAGE_H
#define TOOLS_RINGFENCE_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

enum shape {
	SHAPE_TEXT = 0,
	SHAPE_TEXTS, /* a list of texts */
	SHAPE_PROSE, /* a text, or a list of texts */
	SHAPE_EXPR,  /* one expression */
	SHAPE_EXPRS, /* expressions: one text with commas, or a list */
	SHAPE_LETS,  /* names of expressions */
	SHAPE_INT,
	SHAPE_DURATION,
	SHAPE_BOOL,
	SHAPE_DATE,
	SHAPE_WORD,     /* one of words */
	SHAPE_WORDS,    /* a list of them */
	SHAPE_VALUES,   /* names of single values */
	SHAPE_SETTINGS, /* the same, or a map of such maps */
	SHAPE_TABLE,    /* names of lists of texts */
	SHAPE_ROW,      /* a list of values, each a text or a list of texts */
	SHAPE_EVENT,    /* fields of an event */
	SHAPE_FREE,     /* any map */
	SHAPE_MAP,      /* the map `of` */
	SHAPE_LIST,     /* a list of maps `of` */
	SHAPE_NAMED,    /* names of maps `of` */
	SHAPE_ROWS,     /* names of lists of maps `of` */
	SHAPE_COUNT,
};

struct language_map;

struct language_key {
	const char *name;
	bool required;
	bool not_built; /* `check` refuses it with E090 */
	enum shape shape;
	const struct language_map *of;
	const char *words; /* with a blank between */
	const char *help;
};

struct language_map {
	const char *name;  /* "rule" */
	const char *title; /* "A rule" */
	const struct language_key *keys;
	size_t count;
};

/* The file comes first, the others behind the one that they stand in. */
extern const struct language_map *const language_maps[];
extern const size_t language_map_count;

/* "a duration", "a list of texts": for a table of keys. */
const char *shape_words(enum shape shape);

#endif
