/* Copies of the files that a site was loaded from, by content: what the journal names, so that a
 * replay of the call log can load the rules, lists and tables of that time.
 *
 *	state/archive/<64 hex digits of the content's digest>       mode 0600
 *
 * The values of lists that are declared `privacy: secret` are never copied: only their names are
 * noted, and a replay takes the file of today.
 */
#ifndef ENGINE_APP_SITE_ARCHIVE_H
#define ENGINE_APP_SITE_ARCHIVE_H

#include "app/journal.h"
#include "app/site.h"

#define SITE_ARCHIVE_FOLDER "archive" /* in the state folder */

struct site_record {
	struct arena arena;
	struct journal_file *files;
	size_t count;
};

/* Copies what is not there yet and lists it all. E_IO, E_NOMEM: *why names the file. */
int site_archive_keep(const struct site *site, const char *folder, struct site_record *out,
                      const char **why);
void site_record_fini(struct site_record *r);

/* The site of a journal entry. base: country, zone, key, and the files of today for secret lists.
 * Writes the rule files below a temporary folder that is gone when it returns. NULL: diags says why
 * (E007: a copy is missing or damaged, or the rules are not those of the entry).
 */
struct site *site_archive_load(const char *folder, const struct journal_entry *entry,
                               const struct site_options *base, struct diags *diags);

#endif
