/* Everything that stands around the traffic: home country, numbering plan, trunks, subscribers,
 * lists, rules, key. Loaded the same way by every command and by the daemon.
 *
 *	struct site *site = site_load(&options, &diags);      all mistakes in diags; NULL on errors
 *
 * Immutable: a reload makes a new one.
 */
#ifndef ENGINE_APP_SITE_H
#define ENGINE_APP_SITE_H

#include <stdbool.h>

#include "core/diag.h"
#include "core/hash.h"
#include "detect/detector.h"
#include "detect/rule.h"
#include "enrich/enrich.h"
#include "enrich/plan.h"
#include "enrich/tables.h"

enum { SITE_LISTS_MAX = 256 };

struct list_file {
	const char *name; /* without '@' */
	const char *path;
};

struct site_options {
	country home;             /* 0: unknown */
	const char *tz;           /* "Europe/London"; NULL: UTC */
	const char *const *rules; /* files and folders; NULL: the shipped packs */
	size_t rule_count;
	const char *trunks; /* NULL: none */
	const char *subscribers;
	struct list_file lists[SITE_LISTS_MAX];
	size_t list_count;
	const char *key_file; /* NULL: the built-in constant key */
	int64_t now_us;       /* for warnings of what runs out; 0: none */
	bool without_rules;   /* nor tables: commands that only read traffic */
	size_t *whole;        /* set to the number of rules that loaded whole; NULL */
};

struct site {
	struct site_options options;
	struct hash_key key;
	const struct tz *tz;
	struct plan *plan;
	struct normaliser norm;
	struct trunks *trunks;
	struct subscribers *subscribers;
	struct ruleset *rules;
	struct list **lists; /* by index of the rule set */
	struct diags
		*sources; /* files that places in rules point to, when the loader gave them away */
};

/* Folder of what is shipped beside the programs: "../../rules" from the program's real path, then
 * "../share/ringfence/rules". NULL: not found.
 */
const char *site_shipped_rules(void);

struct site *site_load(const struct site_options *options, struct diags *d);
void site_free(struct site *site);

/* The file that a list is read from: the site's, else that of its declaration if it is there.
 * False: none (out may hold where it would lie).
 */
bool site_list_path(const struct site_options *options, const struct list_decl *decl, char *out,
                    size_t len);

/* What a detector and an enricher are made with. */
struct eval_site site_eval(const struct site *site);
struct enrich *site_enrich(const struct site *site, const char *const *source_names,
                           size_t source_count);

/* Reads 32 bytes (or 64 hex digits) of a key file. E_IO, E_MALFORMED. */
int site_key_read(const char *path, struct hash_key *key);
/* "GB" as a country; 0 for anything that is not two upper-case letters. */
country site_country_of(const char *text);

#endif
