/* The reference tables of interfaces.md 1.3: trunks, subscribers, ported numbers, lists. Every
 * loader reads the whole file or nothing: one bad line fails it with file, line and column, and
 * whoever held the old table keeps it. Tables are immutable while in use.
 *
 * Codes: E070 the file cannot be read or its header is wrong, E071 a bad row, E072 the same block,
 * number or value twice, E073 too many rows, W160 the file of a list does not exist.
 */
#ifndef ENGINE_ENRICH_TABLES_H
#define ENGINE_ENRICH_TABLES_H

#include "core/diag.h"
#include "enrich/normalise.h"
#include "model/list.h"

/* trunk,role,partner,cidr,home. Equal blocks of two trunks are an error with both lines. */
struct trunks;

struct trunk {
	struct slice id;
	struct slice partner; /* missing when empty */
	uint8_t role;         /* ROLE_… */
	country home;         /* 0: none */
};

struct trunks *trunks_load(const char *path, struct diags *d);
struct trunks *trunks_parse(const struct source_file *file, struct diags *d);
void trunks_free(struct trunks *t);
const struct trunk *trunks_by_name(const struct trunks *t, struct slice name); /* NULL: unknown */
const struct trunk *trunks_by_address(const struct trunks *t, const struct ip *ip);
size_t trunks_count(const struct trunks *t);

/* number,account,type,activated,tz,care (number or prefix ending in *; longest match); number
 * alone is required. At most 24 bytes a row beside the texts, which are kept once each (an account
 * with 6 bytes more and its place in an index). activated is a date or an instant (UTC without an
 * offset), kept in whole seconds.
 */
struct subscribers;

struct subscriber {
	struct slice account;
	struct slice tz;
	struct slice care;
	int64_t activated_us; /* INSTANT_NONE when empty */
	uint8_t type;         /* ACCOUNT_… */
};

struct subscribers *subscribers_load(const char *path, const struct normaliser *norm,
                                     struct diags *d);
void subscribers_free(struct subscribers *s);
/* Brings what a lookup reads first into the cache. */
void subscribers_prefetch(const struct subscribers *s, number n);
/* false: no such subscriber. */
bool subscribers_find(const struct subscribers *s, number n, struct subscriber *out);
/* What the first row of an account says of it (care is missing: it is a number's). */
bool subscribers_by_account(const struct subscribers *s, struct slice account,
                            struct subscriber *out);
size_t subscribers_count(const struct subscribers *s);

/* number,operator (number or prefix ending in *; longest match). As subscribers. */
struct ported;

struct ported *ported_load(const char *path, const struct normaliser *norm, struct diags *d);
void ported_free(struct ported *p);
/* Missing for a number that the table does not hold. */
struct slice ported_find(const struct ported *p, number n);
size_t ported_count(const struct ported *p);

/* A list of one type: one value a line, or CSV whose header names columns[0] first; '#' comments,
 * blank lines. columns may be NULL (the header decides; without a header: one column "value").
 */
struct list_options {
	enum list_type type;
	struct slice name;
	const struct slice *columns;
	size_t column_count;
	size_t max; /* entries; 0: 10 M */
};

/* NULL on any error. A file that does not exist is an empty list and the warning W160. */
struct list *list_load(const char *path, const struct list_options *options,
                       const struct normaliser *norm, struct diags *d);
/* The same of a text in memory. */
struct list *list_parse(const struct source_file *file, const struct list_options *options,
                        const struct normaliser *norm, struct diags *d);
/* Values given in a rule file (`inline:`) or by a test; places[i] is where values[i] stands. */
struct list *list_inline(const struct slice *values, const struct place *places, size_t count,
                         const struct list_options *options, const struct normaliser *norm,
                         struct diags *d);
void list_free(struct list *list);

#endif
