/* The forms that values of the configuration take: a pair of functions each, to read and to write.
 */
#include <stdlib.h>
#include <string.h>

#include "app/config_keys.h"
#include "core/err.h"
#include "core/instant.h"
#include "core/tz.h"
#include "store/log_block.h"

enum { SITE_NAME_MAX = 32 };

struct taking {
	struct config *config;
	const struct config_key *key;
	const char *text;
	void *to;
	const char **code;
};

static const char *wrong(const struct taking *t, const char *code, const char *what)
{
	*t->code = code;
	return what;
}

static bool name_char(char c, bool first)
{
	bool letter = (c >= 'a' && c <= 'z') || ascii_is_digit(c);

	return letter || (!first && (c == '.' || c == '-'));
}

static const char *take_name(const struct taking *t)
{
	size_t len = strlen(t->text);
	bool good = len > 0 && len <= SITE_NAME_MAX;

	for (size_t i = 0; good && i < len; i++) {
		good = name_char(t->text[i], i == 0);
	}
	*(const char **)t->to = t->text;
	return good ? NULL
	            : wrong(t, "E031", "is no name: up to 32 of a-z 0-9 . - and no . or - first");
}

static const char *take_text(const struct taking *t)
{
	*(const char **)t->to = t->text;
	return t->text[0] ? NULL : wrong(t, "E031", "is empty");
}

/* path as seen from the folder of the configuration. */
static const char *from_folder(struct config *c, const char *prefix, const char *path)
{
	if (path[0] == '/') {
		return arena_printf(&c->arena, "%s%s", prefix, path).p;
	}
	return arena_printf(&c->arena, "%s%s/%s", prefix, c->folder, path).p;
}

static const char *take_path(const struct taking *t)
{
	*(const char **)t->to = from_folder(t->config, "", t->text);
	return t->text[0] ? NULL : wrong(t, "E031", "is empty");
}

static bool is_port(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	return ascii_is_digit(text[0]) && *end == '\0' && port <= UINT16_MAX;
}

/* host:port, where host is an address or, with `names`, a name. */
static bool is_host_port(const char *text, bool names)
{
	const char *colon = strrchr(text, ':');
	struct ip ip;

	if (!colon || colon == text || !is_port(colon + 1)) {
		return false;
	}
	struct slice host = {text, (size_t)(colon - text)};
	bool bracketed = host.p[0] == '[' && host.p[host.len - 1] == ']';
	if (bracketed) {
		host = (struct slice){host.p + 1, host.len - 2};
	}
	if (ip_parse(host, &ip) == OK) {
		return ip.family != 6 || bracketed;
	}
	return names && !bracketed && strcspn(text, ",@/ ") == strlen(text);
}

static const char *take_address(const struct taking *t)
{
	bool path = strncmp(t->text, "unix:", 5) == 0;

	*(const char **)t->to = path ? from_folder(t->config, "unix:", t->text + 5) : t->text;
	return (path && t->text[5]) || is_host_port(t->text, false)
	               ? NULL
	               : wrong(t, "E031",
	                       "is no address: write it like unix:/path or 127.0.0.1:9000");
}

static const char *take_loopback(const struct taking *t)
{
	*(const char **)t->to = t->text;
	return strncmp(t->text, "127.", 4) == 0 && is_host_port(t->text, false)
	               ? NULL
	               : wrong(t, "E031",
	                       "is no address of this machine alone: write it like 127.0.0.1:9464");
}

static const char *take_redis(const struct taking *t)
{
	static const char *const unbuilt[] = {"rediss://", "sentinel://", "cluster://"};
	const char *text = t->text;

	for (size_t i = 0; i < sizeof(unbuilt) / sizeof(unbuilt[0]); i++) {
		if (strncmp(text, unbuilt[i], strlen(unbuilt[i])) == 0) {
			return wrong(t, "E091",
			             "is not built yet: redis://host:port and unix:/path are");
		}
	}
	if (strncmp(text, "unix:", 5) == 0 && text[5]) {
		*(const char **)t->to = from_folder(t->config, "unix:", text + 5);
		return NULL;
	}
	*(const char **)t->to = text;
	return strncmp(text, "redis://", 8) == 0 && is_host_port(text + 8, true)
	               ? NULL
	               : wrong(t, "E031",
	                       "is no address of a Redis: redis://host:port or unix:/path");
}

static const char *take_zone(const struct taking *t)
{
	const struct tz *zone;

	*(const char **)t->to = t->text;
	return tz_get(slice_of(t->text), &zone) == OK
	               ? NULL
	               : wrong(t, "E031",
	                       "is no time zone: names are those of tzdata, as Europe/London");
}

static const char *take_country(const struct taking *t)
{
	country home = site_country_of(t->text);

	*(country *)t->to = home;
	return home ? NULL : wrong(t, "E031", "is no country: two capital letters, as GB");
}

static const char *take_word(const struct taking *t)
{
	for (size_t i = 0; t->key->words[i]; i++) {
		if (strcmp(t->text, t->key->words[i]) == 0) {
			*(size_t *)t->to = i;
			return NULL;
		}
	}
	return strcmp(t->key->name, "format") == 0
	               ? wrong(t, "E091", "is not built yet: 'generic' is")
	               : wrong(t, "E032", "is none of: pai, from");
}

static const char *take_switch(const struct taking *t)
{
	*(bool *)t->to = strcmp(t->text, "true") == 0;
	return strcmp(t->text, "true") == 0 || strcmp(t->text, "false") == 0
	               ? NULL
	               : wrong(t, "E035", "is neither true nor false");
}

static bool within(const struct config_key *key, int64_t value)
{
	return value >= key->min && value <= key->max;
}

static const char *take_size(const struct taking *t)
{
	size_t size;

	if (size_parse(t->text, &size) != OK) {
		return wrong(t, "E031", "is no size: write it like 64MiB or 4GiB");
	}
	*(size_t *)t->to = size;
	return size <= INT64_MAX && within(t->key, (int64_t)size)
	               ? NULL
	               : wrong(t, "E031", "is out of range");
}

static const char *take_count(const struct taking *t)
{
	size_t count;

	if (size_parse(t->text, &count) != OK) {
		return wrong(t, "E031", "is no number: write it like 2");
	}
	*(size_t *)t->to = count;
	return count <= INT64_MAX && within(t->key, (int64_t)count)
	               ? NULL
	               : wrong(t, "E031", "is out of range");
}

static const char *take_span(const struct taking *t)
{
	if (duration_parse(slice_of(t->text), t->to) != OK) {
		return wrong(t, "E031", "is no duration: write it like 200ms, 5s or 4h");
	}
	return within(t->key, *(int64_t *)t->to) ? NULL : wrong(t, "E031", "is out of range");
}

/* "all", or names with commas or spaces between them. */
static const char *take_fields(const struct taking *t)
{
	log_fields fields = 0;
	const char *at = t->text;

	if (strcmp(at, "all") == 0) {
		*(log_fields *)t->to = LOG_FIELDS_ALL;
		return NULL;
	}
	while (*at) {
		size_t len = strcspn(at, ", ");
		enum log_field field = log_field_of((struct slice){at, len});
		if (len > 0 && field == LOG_FIELD_COUNT) {
			return wrong(t, "E032",
			             "names what is no field of the call log: all, or some of"
#define LOG_FIELD(id, name, help) " " name
#include "store/log_fields.def"
#undef LOG_FIELD
			);
		}
		fields |= len > 0 ? UINT32_C(1) << field : 0;
		at += len + strspn(at + len, ", ");
	}
	*(log_fields *)t->to = fields;
	return fields ? NULL : wrong(t, "E031", "is empty");
}

/* ---- writing ---- */

static bool write_text(const struct config_key *key, const void *from, struct buf *out)
{
	const char *text = *(const char *const *)from;

	(void)key;
	if (!text) {
		return false;
	}
	buf_char(out, '"');
	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;
		if (c == '"' || c == '\\') {
			buf_printf(out, "\\%c", c);
		} else if (c < ' ' || c == 0x7f) {
			buf_printf(out, "\\x%02x", c);
		} else {
			buf_char(out, *at);
		}
	}
	buf_char(out, '"');
	return true;
}

static bool write_country(const struct config_key *key, const void *from, struct buf *out)
{
	country home = *(const country *)from;

	(void)key;
	if (home) {
		buf_printf(out, "%c%c", home >> 8, home & 0xff);
	}
	return home != 0;
}

static bool write_word(const struct config_key *key, const void *from, struct buf *out)
{
	buf_text(out, key->words[*(const size_t *)from]);
	return true;
}

static bool write_switch(const struct config_key *key, const void *from, struct buf *out)
{
	(void)key;
	buf_text(out, *(const bool *)from ? "true" : "false");
	return true;
}

static bool write_size(const struct config_key *key, const void *from, struct buf *out)
{
	static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
	size_t size = *(const size_t *)from;
	size_t unit = 0;

	(void)key;
	while (size && size % 1024 == 0 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		size /= 1024;
		unit++;
	}
	buf_printf(out, "%zu%s", size, units[unit]);
	return size != 0;
}

static bool write_count(const struct config_key *key, const void *from, struct buf *out)
{
	size_t count = *(const size_t *)from;

	(void)key;
	if (count) {
		buf_printf(out, "%zu", count);
	}
	return count != 0;
}

static bool write_span(const struct config_key *key, const void *from, struct buf *out)
{
	char text[INSTANT_TEXT];
	int64_t span = *(const int64_t *)from;

	if (span < key->min) {
		return false; /* not set */
	}
	(void)duration_format_exact(span, text);
	buf_text(out, text);
	return true;
}

static bool write_fields(const struct config_key *key, const void *from, struct buf *out)
{
	log_fields fields = *(const log_fields *)from;
	const char *between = "\"";

	(void)key;
	if (fields == LOG_FIELDS_ALL) {
		buf_text(out, "all");
		return true;
	}
	for (unsigned f = 0; f < LOG_FIELD_COUNT; f++) {
		if (fields >> f & 1) {
			buf_printf(out, "%s%s", between, log_field_name((enum log_field)f));
			between = ", ";
		}
	}
	buf_text(out, fields ? "\"" : "");
	return fields != 0;
}

static const struct {
	const char *(*take)(const struct taking *t);
	bool (*write)(const struct config_key *key, const void *from, struct buf *out);
} forms[FORM_COUNT_OF_FORMS] = {
	[FORM_NAME] = {take_name, write_text},
	[FORM_TEXT] = {take_text, write_text},
	[FORM_PATH] = {take_path, write_text},
	[FORM_ADDRESS] = {take_address, write_text},
	[FORM_LOOPBACK] = {take_loopback, write_text},
	[FORM_REDIS] = {take_redis, write_text},
	[FORM_ZONE] = {take_zone, write_text},
	[FORM_COUNTRY] = {take_country, write_country},
	[FORM_WORD] = {take_word, write_word},
	[FORM_SWITCH] = {take_switch, write_switch},
	[FORM_SIZE] = {take_size, write_size},
	[FORM_COUNT] = {take_count, write_count},
	[FORM_SPAN] = {take_span, write_span},
	[FORM_FIELDS] = {take_fields, write_fields},
};

const char *config_value_take(struct config *c, const struct config_key *key, const char *text,
                              void *base, const char **code)
{
	const struct taking t = {c, key, text, (char *)base + key->member, code};

	return forms[key->form].take(&t);
}

bool config_value_write(const struct config_key *key, const void *base, struct buf *out)
{
	const void *from = (const char *)base + key->member;

	return forms[key->form].write && forms[key->form].write(key, from, out);
}
