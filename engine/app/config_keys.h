/* The keys of the configuration as rows of tables, and the forms that their values take. Only
 * app/config*.c include this.
 */
#ifndef ENGINE_APP_CONFIG_KEYS_H
#define ENGINE_APP_CONFIG_KEYS_H

#include "app/config.h"

/* The form of a value and, behind the colon, the member that it goes to. */
enum config_form {
	FORM_UNBUILT = 0, /* a key of a part that this version does not have */
	FORM_SECTION,     /* a map with keys of its own */
	FORM_SOURCES,
	FORM_RULES,
	FORM_LISTS,
	/* single values */
	FORM_NAME,     /* of sites and engines: const char * */
	FORM_TEXT,     /* const char * */
	FORM_PATH,     /* const char *, made relative to the file's folder */
	FORM_ADDRESS,  /* unix:/path or host:port: const char * */
	FORM_LOOPBACK, /* host:port of this machine alone: const char * */
	FORM_REDIS,    /* const char * */
	FORM_ZONE,     /* const char * */
	FORM_COUNTRY,  /* country */
	FORM_WORD,     /* one of words: size_t, its index */
	FORM_SWITCH,   /* bool */
	FORM_SIZE,     /* bytes: size_t */
	FORM_COUNT,    /* size_t */
	FORM_SPAN,     /* a duration: int64_t */
	FORM_FIELDS,   /* "all", or names of store/log_fields.def: log_fields */
	FORM_COUNT_OF_FORMS,
};

struct config_key {
	const char *name;
	enum config_form form;
	size_t member;         /* offset in struct config, or in struct config_source */
	const char *otherwise; /* as if written when the key is absent; NULL: stays zero */
	int64_t min, max;      /* of SIZE, COUNT, SPAN (us) */
	const char *const *words;
	const struct config_section *section;
	bool required;
};

struct config_section {
	const char *where; /* in messages: "'site'" */
	const struct config_key *keys;
	size_t count;
};

struct config_kind {
	const char *name;
	enum source_kind kind; /* SOURCE_NONE: not built */
	const struct config_section *section;
};

extern const struct config_section config_root;
extern const struct config_kind config_kinds[];
extern const size_t config_kind_count;

/* Puts a value into its member; text is NUL-terminated and lives in c->arena. NULL, or what is
 * wrong with it ("is no duration: write it like 5s or 4h"), with the diagnostic's code in *code.
 */
const char *config_value_take(struct config *c, const struct config_key *key, const char *text,
                              void *base, const char **code);
/* Writes the member as YAML; false: it is not set. */
bool config_value_write(const struct config_key *key, const void *base, struct buf *out);

#endif
