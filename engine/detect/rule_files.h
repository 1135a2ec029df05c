/* Which files a path stands for: itself, or every *.yaml below a folder except under folders named
 * formats, numbering, lists, labels, schema (rule-language.md section 2), in the order of names.
 */
#ifndef ENGINE_DETECT_RULE_FILES_H
#define ENGINE_DETECT_RULE_FILES_H

#include "core/diag.h"

/* Calls found for each file, with its path as the user would write it. E001 in d for a folder that
 * cannot be read.
 */
void rule_files_walk(const char *path, struct arena *arena, struct diags *d,
                     void (*found)(void *user, const char *path), void *user);

#endif
