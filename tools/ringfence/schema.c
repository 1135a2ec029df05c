/* ringfence schema: a JSON Schema (draft 2020-12) of rule files, for editors. */
#include "core/json.h"
#include "model/field.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"
#include "ringfence/language.h"

static const struct command_help help = {
	.usage = "ringfence schema",
	.about =
		"Writes a JSON Schema (draft 2020-12) of rule files. An editor with a YAML language\n"
		"server completes keys and words by it, and shows what they mean. It knows keys,\n"
		"shapes and words; `ringfence check` knows the expressions.",
	.common = false,
};

/* What scalars may look like. A reader of YAML may have made numbers and truth values of them
 * already, so a value is accepted as itself and as its text.
 */
static const struct {
	const char *name;
	const char *schema;
} scalars[] = {
	{"text", "{\"type\":[\"string\",\"number\",\"boolean\"]}"},
	{"texts", "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/text\"}}"},
	{"prose", "{\"anyOf\":[{\"$ref\":\"#/$defs/text\"},{\"$ref\":\"#/$defs/texts\"}]}"},
	{"integer", "{\"type\":[\"integer\",\"string\"],\"pattern\":\"^-?[0-9][0-9_]*$\"}"},
	{"duration", "{\"type\":\"string\",\"pattern\":\"^([0-9]+(\\\\.[0-9]+)?(ms|[wdhms]))+$\"}"},
	{"truth", "{\"enum\":[true,false,\"true\",\"false\"]}"},
	{"date", "{\"type\":\"string\",\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}$\"}"},
	{"values", "{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/text\"}}"},
	{"settings", "{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":["
                     "{\"$ref\":\"#/$defs/text\"},{\"$ref\":\"#/$defs/values\"}]}}"},
	{"table", "{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/texts\"}}"},
	{"cells", "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/prose\"}}"},
	{"free", "{\"type\":\"object\"}"},
};

static const char *const names[SHAPE_COUNT] = {
	[SHAPE_TEXT] = "text",         [SHAPE_TEXTS] = "texts",       [SHAPE_PROSE] = "prose",
	[SHAPE_EXPR] = "text",         [SHAPE_EXPRS] = "prose",       [SHAPE_LETS] = "values",
	[SHAPE_INT] = "integer",       [SHAPE_DURATION] = "duration", [SHAPE_BOOL] = "truth",
	[SHAPE_DATE] = "date",         [SHAPE_VALUES] = "values",     [SHAPE_TABLE] = "table",
	[SHAPE_SETTINGS] = "settings", [SHAPE_ROW] = "cells",         [SHAPE_FREE] = "free",
	[SHAPE_EVENT] = "fields",
};

static void put_ref(struct json_out *w, const char *name)
{
	char ref[64];

	(void)snprintf(ref, sizeof(ref), "#/$defs/%s", name);
	json_key(w, "$ref");
	json_text(w, ref);
}

static void put_ref_object(struct json_out *w, const char *key, const char *name)
{
	json_key(w, key);
	json_object(w);
	put_ref(w, name);
	json_object_end(w);
}

/* Words of digits (version: 1) are numbers to most readers. */
static void put_words(struct json_out *w, const char *words)
{
	json_key(w, "enum");
	json_array(w);
	for (struct slice rest = slice_of(words); rest.len;) {
		struct slice word = slice_first(rest, slice_find(rest, ' '));
		rest = slice_skip(rest, word.len + 1);
		json_slice(w, word);
		if (json_is_number(word)) {
			json_raw(w, word);
		}
	}
	json_array_end(w);
}

static void put_type(struct json_out *w, const char *type)
{
	json_key(w, "type");
	json_text(w, type);
}

static void put_list_of(struct json_out *w, const char *of)
{
	put_type(w, "array");
	put_ref_object(w, "items", of);
}

/* Members of the schema of a key's value. */
static void put_shape(struct json_out *w, const struct language_key *key)
{
	switch (key->shape) {
	case SHAPE_WORD: put_words(w, key->words); return;
	case SHAPE_WORDS:
		put_type(w, "array");
		json_key(w, "items");
		json_object(w);
		put_words(w, key->words);
		json_object_end(w);
		return;
	case SHAPE_MAP: put_ref(w, key->of->name); return;
	case SHAPE_LIST: put_list_of(w, key->of->name); return;
	case SHAPE_NAMED:
		put_type(w, "object");
		put_ref_object(w, "additionalProperties", key->of->name);
		return;
	case SHAPE_ROWS:
		put_type(w, "object");
		json_key(w, "additionalProperties");
		json_object(w);
		put_list_of(w, key->of->name);
		json_object_end(w);
		return;
	default: put_ref(w, names[key->shape]);
	}
}

static void put_key(struct json_out *w, const struct language_key *key)
{
	json_key(w, key->name);
	json_object(w);
	json_key(w, "description");
	json_text(w, key->help);
	put_shape(w, key);
	json_object_end(w);
}

static void put_required(struct json_out *w, const struct language_map *map)
{
	json_key(w, "required");
	json_array(w);
	for (size_t i = 0; i < map->count; i++) {
		if (map->keys[i].required) {
			json_text(w, map->keys[i].name);
		}
	}
	json_array_end(w);
}

/* Members of the schema of a map. What is not built yet is left out: `check` refuses it. */
static void put_map(struct json_out *w, const struct language_map *map)
{
	json_key(w, "title");
	json_text(w, map->title);
	put_type(w, "object");
	json_key(w, "properties");
	json_object(w);
	for (size_t i = 0; i < map->count; i++) {
		if (!map->keys[i].not_built) {
			put_key(w, &map->keys[i]);
		}
	}
	json_object_end(w);
	json_key(w, "patternProperties");
	json_raw(w, SLICE_LIT("{\"^x-\":true}"));
	json_key(w, "additionalProperties");
	json_bool(w, false);
	put_required(w, map);
}

/* A field of a test's event: a word of its set, or anything with a placeholder. */
static void put_field(struct json_out *w, enum field field)
{
	struct enum_set set = enum_set(field_set(field));

	json_key(w, field_row(field)->name);
	json_object(w);
	json_key(w, "description");
	json_text(w, field == FIELD_KIND ? "Kind of event (call)." : field_row(field)->help);
	if (field_storage(field) == STORE_ENUM) {
		json_key(w, "anyOf");
		json_array(w);
		json_object(w);
		json_key(w, "enum");
		json_array(w);
		for (unsigned i = 0; i < set.count; i++) {
			json_text(w, set.words[i]);
		}
		json_array_end(w);
		json_object_end(w);
		json_raw(w, SLICE_LIT("{\"type\":\"string\",\"pattern\":\"[{]\"}"));
		json_array_end(w);
	} else {
		put_ref(w, "text");
	}
	json_object_end(w);
}

static void put_fields(struct json_out *w)
{
	json_key(w, "fields");
	json_object(w);
	json_key(w, "title");
	json_text(w, "Fields of an event");
	put_type(w, "object");
	json_key(w, "properties");
	json_object(w);
	for (unsigned f = FIELD_NONE + 1; f < FIELD_NAME_COUNT; f++) {
		if (field_row((enum field)f)->name[0]) {
			put_field(w, (enum field)f);
		}
	}
	json_object_end(w);
	json_key(w, "additionalProperties");
	json_bool(w, false);
	json_object_end(w);
}

static void put_defs(struct json_out *w)
{
	json_key(w, "$defs");
	json_object(w);
	for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
		json_key(w, scalars[i].name);
		json_raw(w, slice_of(scalars[i].schema));
	}
	put_fields(w);
	for (size_t i = 1; i < language_map_count; i++) {
		json_key(w, language_maps[i]->name);
		json_object(w);
		put_map(w, language_maps[i]);
		json_object_end(w);
	}
	json_object_end(w);
}

int cmd_schema(int argc, char **argv)
{
	struct common_options options;
	struct buf out = {0};

	int status = common_options(argc, argv, &help, NULL, 0, &options);
	if (status >= 0) {
		return status;
	}
	if (options.input_count) {
		fprintf(stderr, "usage: %s\n", help.usage);
		return EXIT_USAGE;
	}
	struct json_out w = json_out(&out);
	json_object(&w);
	json_key(&w, "$schema");
	json_text(&w, "https://json-schema.org/draft/2020-12/schema");
	put_map(&w, language_maps[0]);
	put_defs(&w);
	json_object_end(&w);
	buf_char(&out, '\n');
	bool written = common_write(stdout, &out);
	buf_fini(&out);
	return written ? EXIT_DONE : EXIT_INTERNAL;
}
