/* The daemon's configuration (interfaces.md section 6): a YAML file read through tables of keys,
 * so that reading, messages, defaults and --dump-config come from the same rows.
 *
 *	struct config *c = config_load(path, &diags);    every mistake with its place; NULL on
 *errors
 *
 * Strict: an unknown key is E010 with the nearest name, a missing one E011, a value of the wrong
 * form E031 (E032 for one that is none of a few words, E035 for true and false), a wrong shape
 * (map, list, one value) E018, a name that the system does not know E092, and a key of a part that
 * this version does not have E091. Paths are relative to the file's folder.
 */
#ifndef ENGINE_APP_CONFIG_H
#define ENGINE_APP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "app/options.h"
#include "app/pipeline.h"
#include "app/site.h"
#include "core/arena.h"
#include "core/diag.h"

enum source_kind { SOURCE_NONE = 0, SOURCE_PCAP, SOURCE_CDR_FILE, SOURCE_CDR_LISTEN };

enum { CALLER_PAI = 0, CALLER_FROM };

struct config_source {
	enum source_kind kind;
	const char *interface; /* of pcap: this or path */
	const char *path;
	const char *address; /* of cdr_listen: "unix:/path", "host:port" */
	const char *filter;  /* of pcap; NULL: the default */
	size_t ring;
	size_t format;
	bool follow;
	bool attempts;
	int64_t reorder_us;
	int64_t late_us;
	int64_t idle_us;
};

struct config {
	struct arena arena; /* of all texts */
	const char *folder; /* of the file, without the last '/' */

	const char *site;
	const char *engine;
	country home;
	const char *tz;
	size_t caller; /* CALLER_… */

	const char *state;
	struct config_source sources[PIPELINE_SOURCES_MAX];
	size_t source_count;
	const char *rules[OPTIONS_RULES_MAX];
	size_t rule_count;
	const char *trunks;
	const char *subscribers;
	struct list_file lists[SITE_LISTS_MAX];
	size_t list_count;

	int64_t max_idle_us;
	const char *log_path; /* NULL: no call log; else below state unless it begins with '/' */
	int64_t log_retention_us;
	size_t log_size;
	log_fields log_fields;
	int64_t snapshots_every_us; /* 0: none are made */
	const char *redis_url;
	const char *redis_user;
	const char *redis_password_file;
	const char *alerts_file;
	const char *metrics_listen;
	const char *control;                       /* NULL: no control socket */
	const char *control_read, *control_change; /* groups; NULL: none */
	size_t memory;
	size_t threads; /* 0: as many as the machine has */
	const char *user;
};

struct config *config_load(const char *path, struct diags *d);
/* The same for a file that diags has read already. */
struct config *config_read(const struct source_file *file, struct diags *d);
void config_free(struct config *c);

/* The configuration in force as YAML that config_read takes: defaults filled in, paths whole.
 * Nothing secret stands in a configuration but in the files that it names.
 */
void config_dump(const struct config *c, struct buf *out);

/* What the site is loaded from; rules, lists and texts stay the configuration's. key_file is left
 * to the caller.
 */
void config_site(const struct config *c, struct site_options *out);

/* Where the call log lies (below state unless it begins with '/'), what it keeps by default filled
 * in. False: there is none.
 */
enum { CONFIG_PATH = 4096 };
bool config_log(const struct config *c, char path[CONFIG_PATH], struct call_log_options *out);

/* W170 for each rule that reads what the call log leaves out: it cannot be replayed from there. */
void config_log_check(const struct config *c, const struct ruleset *rules, struct diags *d);

/* Name of a source in metrics, logs and alerts: its interface, path or address. */
const char *config_source_name(const struct config_source *s);
/* Ends by itself: a file that is not followed. */
bool config_source_finite(const struct config_source *s);
bool config_source_records(const struct config_source *s);

#endif
