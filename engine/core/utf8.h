/* UTF-8 (RFC 3629): validity, repair, case and look-alikes. */
#ifndef ENGINE_CORE_UTF8_H
#define ENGINE_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"

bool utf8_valid(struct slice s);
/* Bytes of the longest valid prefix; s.len when all is valid. */
size_t utf8_valid_len(struct slice s);
/* Bytes of the bad run that s begins with: up to the next byte that begins a valid sequence. */
size_t utf8_bad_len(struct slice s);
/* Length with every maximal bad run replaced by one U+FFFD, written to out if not NULL (room for
 * 3 * s.len bytes).
 */
size_t utf8_repair(struct slice s, char *out);
/* Next code point of valid UTF-8 that is not empty; advances s. */
uint32_t utf8_next(struct slice *s);
/* Writes 1..4 bytes; returns the count. code is no surrogate and at most 0x10ffff. */
size_t utf8_put(uint32_t code, char *out);
/* Lower case, diacritics and invisible characters dropped, Cyrillic, Greek and full-width
 * look-alikes mapped to Latin by the fixed table in fold.def (no ICU); code points outside it stay,
 * in lower case as below. out has room for s.len bytes (folding never lengthens). Returns the
 * length. s is valid UTF-8.
 */
size_t utf8_fold(struct slice s, char *out);
/* Lower case of ASCII, Latin-1, Greek and Cyrillic; never lengthens. s is valid UTF-8. */
size_t utf8_lower(struct slice s, char *out);

#endif
