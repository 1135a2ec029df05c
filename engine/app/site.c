#include "app/site.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/err.h"

/* ---- where the shipped files lie ---- */

static bool folder_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool program_folder(char out[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);

	if (len <= 0) {
		return false;
	}
	out[len] = '\0';
	char *slash = strrchr(out, '/');
	if (slash) {
		*slash = '\0';
	}
	return true;
}

const char *site_shipped_rules(void)
{
	static const char *const places[] = {"../../rules", "../share/ringfence/rules"};
	static _Thread_local char path[2 * PATH_MAX];
	char folder[PATH_MAX];

	if (!program_folder(folder)) {
		return NULL;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, places[i]);
		char *real = folder_exists(path) ? realpath(path, NULL) : NULL;
		if (real) {
			(void)snprintf(path, sizeof(path), "%s", real);
			free(real);
			return path;
		}
	}
	return NULL;
}

/* ---- key and country ---- */

country site_country_of(const char *text)
{
	bool letters = text && strlen(text) == 2 && text[0] >= 'A' && text[0] <= 'Z' &&
	               text[1] >= 'A' && text[1] <= 'Z';

	return letters ? country_of(text[0], text[1]) : 0;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, ascii_lower(c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool hex_key(const char *text, size_t len, uint8_t key[HASH_KEY_SIZE])
{
	if (len < 2 * (size_t)HASH_KEY_SIZE) {
		return false;
	}
	for (size_t i = 0; i < HASH_KEY_SIZE; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0) {
			return false;
		}
		key[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int site_key_read(const char *path, struct hash_key *key)
{
	char text[128];
	uint8_t bytes[HASH_KEY_SIZE];
	FILE *f = fopen(path, "rb");

	if (!f) {
		return E_IO;
	}
	size_t len = fread(text, 1, sizeof(text), f);
	(void)fclose(f);
	if (len == HASH_KEY_SIZE) {
		memcpy(bytes, text, HASH_KEY_SIZE);
	} else if (!hex_key(text, len, bytes)) {
		return E_MALFORMED;
	}
	hash_key_init(key, bytes);
	return OK;
}

/* ---- loading ---- */

static bool load_key(struct site *s, struct diags *d)
{
	if (!s->options.key_file) {
		hash_key_default(&s->key);
		return true;
	}
	int err = site_key_read(s->options.key_file, &s->key);
	if (err) {
		diag_add(d, (struct place){0}, "E003",
		         SLICE_LIT("a key file holds 32 bytes, or 64 hex digits"),
		         "cannot read the key file '%s': %s", s->options.key_file, err_text(err));
	}
	return err == OK;
}

static bool load_tz(struct site *s, struct diags *d)
{
	const char *name = s->options.tz ? s->options.tz : "UTC";

	if (tz_get(slice_of(name), &s->tz) != OK) {
		diag_add(d, (struct place){0}, "E004",
		         SLICE_LIT("names are those of tzdata, as Europe/London"),
		         "unknown time zone '%s'", name);
		return false;
	}
	return true;
}

static bool load_plan(struct site *s, struct diags *d)
{
	const char *rules = site_shipped_rules();
	char path[2 * PATH_MAX];

	if (!rules) {
		diag_add(d, (struct place){0}, "E005", SLICE_LIT("is the installation whole?"),
		         "cannot find the folder 'rules' beside the program");
		return false;
	}
	(void)snprintf(path, sizeof(path), "%s/numbering", rules);
	s->plan = plan_load(path, d);
	s->norm = (struct normaliser){s->plan, &s->key, s->options.home};
	return s->plan != NULL;
}

static bool load_tables(struct site *s, struct diags *d)
{
	bool whole = true;

	if (s->options.trunks) {
		s->trunks = trunks_load(s->options.trunks, d);
		whole = s->trunks != NULL;
	}
	if (s->options.subscribers) {
		s->subscribers = subscribers_load(s->options.subscribers, &s->norm, d);
		whole = whole && s->subscribers;
	}
	return whole;
}

static bool assigned_code(void *user, struct slice digits)
{
	const struct site *s = user;

	return plan_calling_code_length(s->plan, digits) > 0;
}

static bool load_rules(struct site *s, struct diags *d)
{
	struct ruleset_options options = {
		.assigned = assigned_code,
		.user = s,
		.whole = s->options.whole,
		.now_us = s->options.now_us,
	};
	const char *shipped = site_shipped_rules();
	const char *const *paths = s->options.rules;
	size_t count = s->options.rule_count;

	if (s->options.without_rules) {
		return true;
	}
	if (!paths) {
		paths = &shipped;
		count = 1;
	}
	return ruleset_load(paths, count, &options, d, &s->rules) == OK;
}

bool site_list_path(const struct site_options *options, const struct list_decl *decl, char *out,
                    size_t len)
{
	for (size_t i = 0; i < options->list_count; i++) {
		if (slice_eq(decl->name, slice_of(options->lists[i].name))) {
			(void)snprintf(out, len, "%s", options->lists[i].path);
			return true;
		}
	}
	if (!decl->file.p) {
		return false;
	}
	(void)snprintf(out, len, "%.*s", SLICE_FMT(decl->file));
	return access(out, F_OK) == 0;
}

/* The site's file, else the file of the declaration, else its inline values, else empty. */
static struct list *load_list(const struct site *s, const struct list_decl *decl, struct diags *d)
{
	struct list_options options = {
		.type = decl->type,
		.name = decl->name,
		.columns = decl->columns,
		.column_count = decl->column_count,
		.max = decl->max,
	};
	char path[PATH_MAX];

	if (site_list_path(&s->options, decl, path, sizeof(path)) ||
	    (decl->file.p && decl->inline_count == 0)) {
		return list_load(path, &options, &s->norm, d);
	}
	return list_inline(decl->inline_values, decl->inline_places, decl->inline_count, &options,
	                   &s->norm, d);
}

static void warn_unused_lists(const struct site *s, struct diags *d)
{
	for (size_t i = 0; i < s->options.list_count; i++) {
		bool declared = false;
		for (size_t n = 0; n < s->rules->list_count; n++) {
			declared = declared || slice_eq(s->rules->lists[n].name,
			                                slice_of(s->options.lists[i].name));
		}
		if (!declared) {
			diag_add(d, (struct place){0}, "W161", SLICE_NONE,
			         "no rule file declares the list @%s", s->options.lists[i].name);
		}
	}
}

static bool load_lists(struct site *s, struct diags *d)
{
	bool whole = true;

	if (!s->rules) {
		return true;
	}
	s->lists = calloc(s->rules->list_count + 1, sizeof(struct list *));
	for (size_t i = 0; s->lists && i < s->rules->list_count; i++) {
		s->lists[i] = load_list(s, &s->rules->lists[i], d);
		whole = whole && s->lists[i];
	}
	warn_unused_lists(s, d);
	return whole && s->lists;
}

struct site *site_load(const struct site_options *options, struct diags *d)
{
	struct site *s = calloc(1, sizeof(*s));

	if (!s) {
		return NULL;
	}
	s->options = *options;
	bool whole = load_key(s, d);
	whole = load_tz(s, d) && whole;
	/* Numbers in tables, lists and rules need the plan. */
	whole = whole && load_plan(s, d);
	if (whole) {
		whole = s->options.without_rules || load_tables(s, d);
		whole = load_rules(s, d) && whole;
		whole = whole && load_lists(s, d);
	}
	if (!whole) {
		site_free(s);
		return NULL;
	}
	return s;
}

void site_free(struct site *s)
{
	if (!s) {
		return;
	}
	for (size_t i = 0; s->lists && i < s->rules->list_count; i++) {
		list_free(s->lists[i]);
	}
	free(s->lists);
	ruleset_free(s->rules);
	subscribers_free(s->subscribers);
	trunks_free(s->trunks);
	plan_free(s->plan);
	if (s->sources) {
		diags_fini(s->sources);
		free(s->sources);
	}
	free(s);
}

/* ---- what the stages ask of the plan ---- */

static country country_of_number(void *user, number n)
{
	const struct site *s = user;

	return plan_find(s->plan, n, s->options.home).country;
}

static unsigned calling_code_digits(void *user, number n)
{
	const struct site *s = user;

	return plan_country_digits(s->plan, n);
}

struct eval_site site_eval(const struct site *s)
{
	/* The evaluator hands the pointer back and changes nothing behind it. */
	union {
		const struct site *in;
		void *out;
	} user = {s};

	return (struct eval_site){
		.country = s->options.home,
		.tz_name = slice_of(s->options.tz ? s->options.tz : "UTC"),
		.tz = s->tz,
		.lists = (const struct list *const *)s->lists,
		.list_count = s->rules ? s->rules->list_count : 0,
		.number_country = country_of_number,
		.calling_code_digits = calling_code_digits,
		.user = user.out,
	};
}

struct enrich *site_enrich(const struct site *s, const char *const *source_names,
                           size_t source_count)
{
	struct enrich_options options = {
		.key = &s->key,
		.plan = s->plan,
		.trunks = s->trunks,
		.subscribers = s->subscribers,
		.home = s->options.home,
		.source_names = source_names,
		.source_count = source_count,
	};

	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		options.wanted[f] = !s->rules || s->rules->used[f];
	}
	return enrich_new(&options);
}
