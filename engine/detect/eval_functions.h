/* The scalar functions of the language (functions.def), one C function each, as a table. */
#ifndef ENGINE_DETECT_EVAL_FUNCTIONS_H
#define ENGINE_DETECT_EVAL_FUNCTIONS_H

#include "detect/eval.h"

void eval_call(struct eval *e, const struct expr *x, struct value *out);
struct list_key value_list_key(enum type type, const struct value *v);

#endif
