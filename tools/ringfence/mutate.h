/* ringfence test --mutate: a table of what the tests of each rule notice. */
#ifndef TOOLS_RINGFENCE_MUTATE_H
#define TOOLS_RINGFENCE_MUTATE_H

#include <regex.h>

#include "app/site.h"

/* Rules whose name matches filter (NULL: all). Survivors that a file `mutants.txt` beside the
 * rule's file names with a reason ("rule id TAB mutant TAB reason", a line each) are waived.
 * Returns the exit status: 1 when a rule fails its tests as it stands, or strict and one survives.
 */
int mutate_all(const struct site *site, const regex_t *filter, bool json, bool strict);

#endif
