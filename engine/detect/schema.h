/* Maps of rule files read by a table of their keys: what may stand there, of which shape, what must
 * stand there. Unknown keys, wrong shapes and missing keys are reported (E010, E018, E011); keys
 * that begin with "x-" are the site's own.
 */
#ifndef ENGINE_DETECT_SCHEMA_H
#define ENGINE_DETECT_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "core/yaml.h"

struct schema_key {
	const char *name;
	enum yaml_kind kind; /* NONE: any */
	bool required;
	bool not_built; /* E090 where it stands */
};

struct schema {
	const char *where; /* "a rule" */
	const struct schema_key *keys;
	size_t count;
};

/* got[i] becomes the value of keys[i], or NULL where it is not there or of the wrong shape. False
 * when anything was reported.
 */
bool schema_take(struct diags *d, const struct yaml_node *map, const struct schema *schema,
                 const struct yaml_node **got);
/* E018 unless node is of the kind; name is the key's. */
bool schema_kind(struct diags *d, const struct yaml_node *node, enum yaml_kind kind,
                 struct slice name);

/* Values of scalars; false with a message. A NULL node leaves *value and is true. */
bool schema_int(struct diags *d, const struct yaml_node *node, int64_t min, int64_t max,
                int64_t *value);
bool schema_duration(struct diags *d, const struct yaml_node *node, int64_t min_us, int64_t *value);
bool schema_bool(struct diags *d, const struct yaml_node *node, bool *value);
/* Index in words. */
bool schema_word(struct diags *d, const struct yaml_node *node, const char *const *words,
                 size_t count, unsigned *value);
/* E018 unless all items are scalars. */
bool schema_texts(struct diags *d, const struct yaml_node *list);

#endif
