/* Parts of a rule that are not in every rule: steps, signals, scores, writes to lists. */
#ifndef ENGINE_DETECT_LOAD_PARTS_H
#define ENGINE_DETECT_LOAD_PARTS_H

#include "core/instant.h"
#include "detect/load.h"

/* E057 unless a let or a part of a sequence's key can be called so. */
bool name_is_free(struct checker *c, struct place at, struct slice name);
/* `sequence:`; kind and key of the rule are known behind it. False after a mistake. */
bool steps_load(struct checker *c, const struct yaml_node *map);
/* `from:` of a rule on signals: rules that are loaded already. */
bool signals_load(struct checker *c, const struct loader *l, const struct yaml_node *node);
/* What a rule gives as a signal must have names that differ. */
void signals_check(struct checker *c);
/* `baseline:`. False after a mistake. */
bool baseline_load(struct checker *c, const struct yaml_node *map);
void score_load(struct checker *c, const struct yaml_node *map);
void writes_load(struct checker *c, const struct yaml_node *list);

#endif
