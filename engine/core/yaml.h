/* The strict YAML subset of rules, lists, views and configuration (rule-language.md section 2):
 * libyaml's events made into a tree with positions; every scalar stays text, the schema that reads
 * it decides the type.
 *
 * Refused with a diagnostic: anchors, aliases and merge keys (E013), tags (E014), duplicate keys
 * (E012), several documents, keys that are no scalar, tabs in the white space that begins a line,
 * line breaks other than LF and CR LF, depth over 12, files over 4 MiB, bytes that are no UTF-8
 * (E002: broken YAML, with the place). Reading goes on after E012 to E014.
 */
#ifndef ENGINE_CORE_YAML_H
#define ENGINE_CORE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "core/arena.h"
#include "core/diag.h"
#include "core/slice.h"

enum yaml_kind { YAML_NONE = 0, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	struct place at;   /* of the first character (of a quoted scalar: the quote) */
	struct slice text; /* SCALAR: the value, folded and unescaped */
	bool quoted;
	bool flow;        /* LIST, MAP in [ ] or { } */
	size_t raw_begin; /* SCALAR: byte range of the source, quotes and indicators included */
	size_t raw_end;
	struct yaml_node *first; /* LIST: items; MAP: values in the order of the file */
	struct yaml_node *next;  /* the next sibling */
	struct slice key;        /* as a child of a MAP */
	struct place key_at;
	size_t count; /* children */
};

/* The tree of one file, in arena; NULL after an error in d. An empty file is an empty map, with
 * the file as a whole for its place. The tree refers to file: it dies with d.
 */
struct yaml_node *yaml_parse(const struct source_file *file, struct arena *arena, struct diags *d);

/* The first scalar in it: itself, a first item or value. */
const struct yaml_node *yaml_first_scalar(const struct yaml_node *node);
/* Its text in the file, from the beginning of its line to its last value. */
struct slice yaml_source(const struct yaml_node *node);
/* The value of key in a map, or NULL (also when map is NULL or no map). */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* Place of the offset-th byte of a scalar's value in the source: raw text and value are walked in
 * lock-step over non-blank characters, so it is exact for plain, quoted, | and > scalars. An offset
 * at or behind the end gives the place behind the last character.
 */
struct place yaml_place(const struct yaml_node *scalar, size_t offset);

#endif
