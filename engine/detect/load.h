/* The loader between its parts: files to trees (load.c), trees to lists (lists.c), rules
 * (load_rule.c, load_params.c, template.c) and tests (tests_load.c). All files are read, then all
 * lists, then all rules, then what tests say of other rules: the order of files does not matter.
 */
#ifndef ENGINE_DETECT_LOAD_H
#define ENGINE_DETECT_LOAD_H

#include "core/yaml.h"
#include "detect/check.h"

/* A declared rule, whole or not. */
struct loaded_rule {
	struct slice pack, id; /* as declared */
	const struct yaml_node *node;
	struct rule *rule; /* NULL until it is loaded */
	bool named;        /* id is there and right */
	bool whole;
	/* While rules wait for those whose signals they take. */
	const struct yaml_node *source; /* the next of its `from`; NULL: no more */
	struct loaded_rule *taker;      /* who waits for this one */
	bool begun;
};

struct loader {
	struct diags *diags;
	struct ruleset *set;
	const struct ruleset_options *options;
	struct arena scratch; /* trees and whatever dies with the load */
	struct loaded_rule *rules;
	size_t rule_count;
	struct loaded_rule **by_name;
	size_t name_count;
};

/* The rule that files of the pack call so, by its id or its full name; of several the first. NULL:
 * there is none.
 */
struct loaded_rule *loader_find(const struct loader *l, struct slice pack, struct slice name);

/* Appends the declarations of a file's `lists:`; lists_seal sorts them by name, E019 for two of
 * one name.
 */
void lists_load(struct loader *l, const struct yaml_node *map);
void lists_seal(struct loader *l);

/* A declared rule whose sources are loaded. */
void load_rule(struct loader *l, struct loaded_rule *out);
/* `overrides:` of a file, when all rules are loaded. */
void overrides_load(struct loader *l, const struct yaml_node *list);
/* Into rule->params; false after a mistake. */
bool load_params(struct loader *l, struct rule *rule, const struct yaml_node *map);
/* The summary of a rule; lets and keys are known. */
bool template_load(struct checker *c, const struct yaml_node *scalar);

/* Shape and values of the tests of a rule whose kind is known; NULL and false after a mistake. */
bool tests_load(struct loader *l, struct rule *rule, const struct yaml_node *list);
/* What tests name in rules: parameters, lets, key parts. */
void tests_link(struct loader *l, const struct loaded_rule *rule);

#endif
