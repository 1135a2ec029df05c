/* Any bytes: the reader ends, its slices lie inside the text, and texts unescape within their room.
 * What the reader takes as a number is parsed, and what is printed parses to the same number.
 */
#include <math.h>
#include <stdlib.h>

#include "core/ensure.h"
#include "core/err.h"
#include "core/json.h"
#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct slice text = {(const char *)bytes, len};
	struct json_in r = json_in(text);
	char *room = malloc(len + 1), number[DECIMAL_TEXT];
	enum json_type type;

	while ((type = json_next(&r)) != JSON_NONE && type != JSON_ERROR) {
		bool has_text = type == JSON_KEY || type == JSON_STRING || type == JSON_NUMBER;
		ENSURE(!has_text || (r.text.p >= text.p && r.text.p + r.text.len <= text.p + len));
		ENSURE(type == JSON_NUMBER || !has_text || utf8_valid(json_unescape(r.text, room)));
		double value = 0, again = 0;
		if (type == JSON_NUMBER && decimal_parse(r.text, &value) == OK) {
			struct slice s = {number, decimal_format(value, number)};
			ENSURE(decimal_parse(s, &again) == OK && again >= value && again <= value);
		}
	}
	ENSURE(r.pos <= len && json_next(&r) == type);
	free(room);
	return 0;
}
