/* Which blocks of the call log may hold a call: a filter before each block, and a directory at the
 * end of a segment.
 *
 * A filter is a split-block Bloom filter (Putze, Sanders, Singler, "Cache-, Hash- and
 * Space-Efficient Bloom Filters", 2007; salts of the Apache Parquet format): a key sets a bit in
 * each of the seven words of one 32-byte part, of which the eighth is a checksum: a search reads
 * and checks that part alone. At INDEX_KEY_BITS bits a different key, one test in about 500 is true
 * by chance. Keys are the digits of the block's numbers, trunk names and Call-IDs under the log's
 * hash key; they come from the dictionaries of the block (log_block_keys), where each text is
 * hashed already.
 */
#ifndef ENGINE_STORE_LOG_INDEX_H
#define ENGINE_STORE_LOG_INDEX_H

#include "store/log_segment.h"

enum {
	INDEX_KEY_BITS = 16,
	FILTER_HEADER = 16, /* bytes of the payload before the parts */
	FILTER_PART = 32,
	INDEX_ENTRIES_MAX = 65536,
	NUMBER_KEY = 64,
};

enum index_key { INDEX_NUMBER = 1, INDEX_TRUNK, INDEX_CALL_ID };

/* A written number as it is compared: its first NUMBER_KEY digits, or with a letter in it the text
 * as it stands. The slice borrows from text or digits.
 */
struct slice number_key(struct slice text, char digits[NUMBER_KEY]);
/* hash: that of the text under the log's key. */
static inline uint64_t index_key_of(enum index_key kind, uint64_t hash)
{
	uint64_t mixed = (hash + kind) * UINT64_C(0x9e3779b97f4a7c15);

	return mixed ^ mixed >> 32;
}

static inline uint64_t index_key_hash(const struct hash_key *key, enum index_key kind,
                                      struct slice text)
{
	return index_key_of(kind, hash_slice(key, text));
}

/* ---- filters ---- */

/* What a filter frame says of the block behind it. */
struct filter {
	/* Starts and ends of its calls lie here; no calls: from_us > to_us. */
	int64_t from_us, to_us;
	struct slice bits; /* a multiple of 32 bytes; empty: excludes nothing */
};

bool filter_get(struct slice payload, struct filter *f);
/* Also true of a damaged part. */
bool filter_has(const struct filter *f, uint64_t hash);

/* Which of so many parts tells of a key; what it tells: 1 there may be one, 0 there is none,
 * E_MALFORMED: it is damaged.
 */
size_t filter_part(uint64_t hash, size_t parts);
int filter_part_has(const char *part, size_t number, uint64_t hash);

/* Appends the payload of a filter frame. */
void filter_put(const struct log_keys *keys, struct buf *out);

/* ---- directory ---- */

struct index_entry {
	uint64_t offset;      /* of the filter frame */
	uint32_t filter_size; /* of both frames, headers included */
	uint32_t block_size;
	struct log_span span;
	int64_t from_us, to_us; /* struct filter */
};

enum { INDEX_ENTRY = 16 + SPAN_SIZE + 16 };

void index_entry_put(struct buf *out, const struct index_entry *e);
struct index_entry index_entry_get(const char *p);

#endif
