/* What can be read off a pattern's text before PCRE2 sees it: constructs that rules may not use,
 * and whether some literal must occur in every match (detect/regex.h).
 */
#ifndef ENGINE_DETECT_REGEX_SCAN_H
#define ENGINE_DETECT_REGEX_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/slice.h"

/* NULL, or what is refused in plain words with its byte in *offset: recursion and calls of groups,
 * call-outs, verbs and settings "(*…)", references by name, the option x within the pattern (it
 * would change what is a comment). Back-references by number PCRE2 itself reports.
 */
const char *regex_scan_refused(struct slice pattern, bool extended, size_t *offset);

/* True when every match holds at least one literal character outside of sets, in each alternative.
 * May say false of odd patterns that do, never true of one that does not. The pattern compiles.
 */
bool regex_scan_literal(struct slice pattern, bool extended);

#endif
