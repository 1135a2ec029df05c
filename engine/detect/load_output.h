/* What a rule says of its alerts: subject, suppression, summary, fields, masking, exceptions. The
 * rule's key and lets are known. Mistakes are in the checker's diagnostics afterwards.
 */
#ifndef ENGINE_DETECT_LOAD_OUTPUT_H
#define ENGINE_DETECT_LOAD_OUTPUT_H

#include "detect/load.h"

/* node may be NULL: the key's first part; without a key the caller, else the call id. */
void output_load_subject(struct checker *c, const struct yaml_node *node, bool in_flow);
void output_load_suppress(struct checker *c, const struct yaml_node *map);
/* map may be NULL: the title stands for the summary. */
void output_load(struct checker *c, const struct yaml_node *map);
void output_load_privacy(struct checker *c, const struct yaml_node *map);
/* The shapes are checked; without values of the site they have no effect. */
void output_load_exceptions(struct checker *c, const struct yaml_node *list);

#endif
