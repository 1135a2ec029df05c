/* A block of the call log: some thousand events in their order as compressed columns, and beside
 * them what a replay needs to be the same run again: event numbers, and where batches ended.
 *
 * A column a member of struct event (model/event_members.def): times as differences, small values
 * as variable-length integers, equal texts once a block, each column compressed with zstd. Columns
 * that the configuration leaves out are read back as missing.
 *
 *	while (log_block_add(b, number, &event) == E_FULL) { write log_block_encode(b, &bytes); }
 *	log_block_cut(b);                                    a batch ends behind the last event
 *
 *	log_rows_decode(rows, bytes, &why);
 *	while (log_rows_next(rows, &event, &number, &cut)) ...
 *
 * Memory is bounded and allocated once. Bytes are hostile: every length is checked, a block decodes
 * whole or not at all. One thread an object.
 */
#ifndef ENGINE_STORE_LOG_BLOCK_H
#define ENGINE_STORE_LOG_BLOCK_H

#include "core/buf.h"
#include "core/hash.h"
#include "model/event.h"

enum {
	LOG_BLOCK_EVENTS = 16384,
	LOG_BLOCK_TEXT = 8 << 20, /* bytes of texts of a block, before compression */
};

/* Columns, in the order of struct event; the names are those of `log: {fields: [...]}`:
 * caller callee display pai from divert trunk address ua account stir result equipment sip
 * (see log_fields.def). time, kind, source and call_id are always kept.
 */
enum log_field {
#define LOG_FIELD(id, name, help) LOG_FIELD_##id,
#include "store/log_fields.def"
#undef LOG_FIELD
	LOG_FIELD_COUNT
};
typedef uint32_t log_fields; /* bit n: enum log_field n is kept */
#define LOG_FIELDS_ALL ((log_fields)((UINT32_C(1) << LOG_FIELD_COUNT) - 1))

const char *log_field_name(enum log_field f);
/* LOG_FIELD_COUNT for a name that is not known. */
enum log_field log_field_of(struct slice name);

/* ---- filling ---- */

struct log_block;

/* key is that of the log, of which log_block_keys are made; it outlives the block. NULL: no memory.
 */
struct log_block *log_block_new(log_fields fields, const struct hash_key *key);
void log_block_free(struct log_block *b);
void log_block_reset(struct log_block *b);
/* Numbers rise from event to event within a block. E_FULL: nothing was added; encode, reset, try
 * again (then it always fits: texts over 16 KiB in all are cut).
 */
int log_block_add(struct log_block *b, uint64_t number, const struct event *e);
void log_block_cut(struct log_block *b);

struct log_span {
	uint32_t count;
	uint64_t first, last;   /* event numbers */
	int64_t min_us, max_us; /* event times */
};
void log_block_span(const struct log_block *b, struct log_span *out);

/* What a search can ask of the block's calls: the keys of their texts (log_index.h; one may come
 * more than once), and between which times they began and ended; no calls: from_us > to_us.
 */
struct log_keys {
	const uint64_t *hashes;
	size_t count;
	int64_t from_us, to_us;
};
/* Until the next change of b. */
struct log_keys log_block_keys(const struct log_block *b);
/* Appends the encoded block; deterministic. out->failed, or E_NOMEM. */
int log_block_encode(const struct log_block *b, struct buf *out);

/* ---- reading ---- */

struct log_rows;

struct log_rows *log_rows_new(void); /* NULL: no memory */
void log_rows_free(struct log_rows *r);
/* E_MALFORMED and *why in plain words; E_NOMEM. bytes may go afterwards. */
int log_rows_decode(struct log_rows *r, struct slice bytes, const char **why);
uint32_t log_rows_count(const struct log_rows *r);
/* The next event, its number, and whether a batch ends behind it; slices live until the next
 * decode. False at the end.
 */
bool log_rows_next(struct log_rows *r, struct event *e, uint64_t *number, bool *cut);

#endif
