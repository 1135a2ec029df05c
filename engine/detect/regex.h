/* PCRE2 patterns of rules, with the limits of DESIGN.md section 5: match limit 5,000, depth 500,
 * heap 1 MiB, subject at most 512 bytes (longer ones are cut at a character), pattern at most 512;
 * recursion, call-outs, back-references and limit overrides are refused; a pattern that reaches a
 * limit in a probe at load is refused with the reason. The only user of PCRE2.
 */
#ifndef ENGINE_DETECT_REGEX_H
#define ENGINE_DETECT_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "core/slice.h"

struct regex;
struct regex_scratch; /* match data and stacks: one a thread */

/* flags: any of 'i', 'x'. NULL: *why is a plain-words reason (static buffer of the caller, 256
 * bytes) and *offset the byte in the pattern that it is about (the last one where the end is).
 */
struct regex *regex_compile(struct slice pattern, const char *flags, char why[256], size_t *offset);
void regex_free(struct regex *r);
/* False when the pattern has no literal that must occur (W130). */
bool regex_has_literal(const struct regex *r);
/* As given to regex_compile. */
struct slice regex_pattern(const struct regex *r);
const char *regex_flags(const struct regex *r);
/* JIT was refused by the system: slower, same results. */
bool regex_interpreted(const struct regex *r);

struct regex_scratch *regex_scratch_new(void);
void regex_scratch_free(struct regex_scratch *s);

/* subject: any bytes; bad UTF-8 is repaired first. 1 match, 0 none, -1 a limit was reached
 * (counted by the caller, no match).
 */
int regex_match(const struct regex *r, struct regex_scratch *s, struct slice subject);

#endif
