/* JSON (RFC 8259): a writer into a buffer and a pull reader over a slice.
 *
 * The writer puts commas by itself; numbers as DESIGN.md section 3 says: integers as such, others
 * the shortest decimal that reads back. Text that is no valid UTF-8 is repaired with U+FFFD.
 *
 *	struct json_out w = json_out(&buf);
 *	json_object(&w); json_key(&w, "n"); json_int(&w, 3); json_object_end(&w);
 *
 * The reader checks as it goes, never allocates and bounds its depth (64); strings come raw and
 * json_unescape gives their text. It is used on records (one object a line) and STIR payloads.
 * It takes exactly one value with white space around it; input that is no UTF-8 is an error.
 * Repeated member names come as they are written: the caller decides.
 *
 *	struct json_in r = json_in(line);
 *	for (enum json_type t = json_next(&r); t != JSON_NONE; t = json_next(&r)) {
 *		if (t == JSON_ERROR) ...
 *	}
 */
#ifndef ENGINE_CORE_JSON_H
#define ENGINE_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/slice.h"

struct json_out {
	struct buf *buf;
	bool comma; /* a value precedes on this level */
};

struct json_out json_out(struct buf *buf);
void json_object(struct json_out *w);
void json_object_end(struct json_out *w);
void json_array(struct json_out *w);
void json_array_end(struct json_out *w);
void json_key(struct json_out *w, const char *name);
void json_key_slice(struct json_out *w, struct slice name);
void json_slice(struct json_out *w, struct slice text); /* a string; a missing slice: null */
void json_text(struct json_out *w, const char *text);   /* NULL: null */
void json_int(struct json_out *w, int64_t value);
void json_double(struct json_out *w, double value); /* not finite: null */
void json_bool(struct json_out *w, bool value);
void json_null(struct json_out *w);
void json_raw(struct json_out *w, struct slice json); /* already JSON */

enum { DECIMAL_TEXT = 32 };
/* Whether the whole of s is a number of RFC 8259 section 6. */
bool json_is_number(struct slice s);
/* The shortest decimal that reads back as value, the nearest one of several, in the form of
 * RFC 8785 section 3.2.2.3 (that of ECMAScript): plain from 1e-6 to below 1e21 ("0.000001", "40",
 * "0.1"), else with an exponent ("1e-7", "1.5e+21"); minus zero is "0". "." is the point whatever
 * the locale. value is finite. Returns the length; out is NUL-terminated.
 */
size_t decimal_format(double value, char out[DECIMAL_TEXT]);
/* A JSON number; whole text must be one. Locale-free, correctly rounded. E_MALFORMED; E_RANGE
 * beyond the doubles or longer than 1024 bytes.
 */
int decimal_parse(struct slice s, double *value);

enum { JSON_DEPTH_MAX = 64 };

enum json_type {
	JSON_NONE = 0, /* end of input */
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY, /* text: the raw member name */
	JSON_STRING,
	JSON_NUMBER, /* text: as written */
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
	JSON_ERROR, /* sticky; pos says where */
};

struct json_in {
	struct slice rest;
	size_t pos; /* bytes of the text before rest; after an error: before the offending byte */
	unsigned depth;
	uint64_t in_object; /* a bit a level */
	uint8_t expects;
	struct slice text; /* of the present KEY, STRING (without quotes, still escaped), NUMBER */
	bool escaped;      /* text holds a backslash */
};

struct json_in json_in(struct slice text);
enum json_type json_next(struct json_in *r);
/* Skips the value that begins with `type` (just returned by json_next; after a KEY the value of
 * that member). Returns the last type read: the matching end for an object or array, JSON_ERROR.
 */
enum json_type json_skip(struct json_in *r, enum json_type type);
/* The text of a raw string: itself where nothing is escaped, else decoded into out (room for
 * raw.len bytes). Lone surrogates become U+FFFD. A missing slice on a bad escape.
 */
struct slice json_unescape(struct slice raw, char *out);

#endif
