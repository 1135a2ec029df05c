#include <math.h>
#include <stdio.h>

#include "core/json.h"
#include "core/utf8.h"

struct json_out json_out(struct buf *buf)
{
	return (struct json_out){.buf = buf};
}

static void begin_value(struct json_out *w)
{
	if (w->comma) {
		buf_char(w->buf, ',');
	}
	w->comma = true;
}

void json_object(struct json_out *w)
{
	begin_value(w);
	buf_char(w->buf, '{');
	w->comma = false;
}

void json_object_end(struct json_out *w)
{
	buf_char(w->buf, '}');
	w->comma = true;
}

void json_array(struct json_out *w)
{
	begin_value(w);
	buf_char(w->buf, '[');
	w->comma = false;
}

void json_array_end(struct json_out *w)
{
	buf_char(w->buf, ']');
	w->comma = true;
}

static void put_escape(struct buf *b, char c)
{
	static const char short_form[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	unsigned char code = (unsigned char)c;

	if (code >= 0x20) {
		buf_char(b, '\\');
		buf_char(b, c);
	} else if (short_form[code]) {
		buf_char(b, '\\');
		buf_char(b, short_form[code]);
	} else {
		buf_printf(b, "\\u%04x", code);
	}
}

/* text is valid UTF-8. */
static void put_escaped(struct buf *b, struct slice text)
{
	size_t plain = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		if ((unsigned char)c < 0x20 || c == '"' || c == '\\') {
			buf_add(b, text.p + plain, i - plain);
			put_escape(b, c);
			plain = i + 1;
		}
	}
	if (text.len > plain) {
		buf_add(b, text.p + plain, text.len - plain);
	}
}

static void put_string(struct buf *b, struct slice text)
{
	buf_char(b, '"');
	while (text.len > 0) {
		size_t good = utf8_valid_len(text);
		put_escaped(b, slice_first(text, good));
		text = slice_skip(text, good);
		if (text.len > 0) {
			buf_text(b, "\xef\xbf\xbd");
			text = slice_skip(text, utf8_bad_len(text));
		}
	}
	buf_char(b, '"');
}

void json_key_slice(struct json_out *w, struct slice name)
{
	begin_value(w);
	put_string(w->buf, name);
	buf_char(w->buf, ':');
	w->comma = false;
}

void json_key(struct json_out *w, const char *name)
{
	json_key_slice(w, slice_of(name));
}

void json_raw(struct json_out *w, struct slice json)
{
	begin_value(w);
	buf_slice(w->buf, json);
}

void json_slice(struct json_out *w, struct slice text)
{
	if (!text.p) {
		json_null(w);
		return;
	}
	begin_value(w);
	put_string(w->buf, text);
}

void json_text(struct json_out *w, const char *text)
{
	json_slice(w, slice_of(text));
}

void json_int(struct json_out *w, int64_t value)
{
	char text[DECIMAL_TEXT];
	int len = snprintf(text, sizeof(text), "%lld", (long long)value);

	json_raw(w, (struct slice){text, (size_t)len});
}

void json_double(struct json_out *w, double value)
{
	char text[DECIMAL_TEXT];

	if (isfinite(value)) {
		json_raw(w, (struct slice){text, decimal_format(value, text)});
	} else {
		json_null(w);
	}
}

void json_bool(struct json_out *w, bool value)
{
	json_raw(w, value ? SLICE_LIT("true") : SLICE_LIT("false"));
}

void json_null(struct json_out *w)
{
	json_raw(w, SLICE_LIT("null"));
}
