/* The canonical layout of rule files, for `ringfence fmt`: two blanks a level, the keys of a rule
 * in the order of rule_keys.def, one blank line between rules, at most one elsewhere, no blanks at
 * the ends of lines. Values, expressions and everything in [ ] and { } stay as they are written;
 * only a [ ] or { } that reaches beyond column 160 is written out, one item a line. A comment stays
 * with what follows it, a comment at the end of a line with its line.
 *
 * Laying out is idempotent. The result is read again and compared with what was there: a file that
 * would come to mean something else is refused, never changed.
 */
#ifndef ENGINE_DETECT_FMT_H
#define ENGINE_DETECT_FMT_H

#include "core/buf.h"
#include "core/diag.h"

/* Appends the file in its canonical layout to out. E_INVALID: it is no YAML of the kind that rule
 * files are written in, d says why. E_UNSUPPORTED: it is, but of a form that cannot be laid out (a
 * key behind '?', a line that is part of two things). E_NOMEM.
 */
int fmt_file(const struct source_file *file, struct diags *d, struct buf *out);

#endif
