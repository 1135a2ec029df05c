/* The call id of an event by its number, out of a call log that another thread of the process may
 * write meanwhile: names the calls of an alert's evidence that are no longer in memory.
 *
 * What was found is kept: the last LOG_IDS_BLOCKS blocks, and of segments where their blocks lie. A
 * segment with an index is read once, one without is walked from header to header, the newest from
 * where the walk before ended. Numbers rise through a log: only one behind all that is known can
 * have come meanwhile. Then the newest segment is looked at, and the folder is listed again when
 * its time of change is another. That time is coarse, a file may come without a change of it;
 * so the folder is listed all the same after so many misses in vain, twice as many each time, up to
 * LOG_IDS_PATIENCE.
 *
 * Memory: about 30 MiB to decode a block, most of it touched only by large ones; 0.25 MiB and its
 * call ids (about 0.5 MiB, at most LOG_BLOCK_TEXT) for each block kept; 24 to 48 bytes for each
 * block of the log that is known, at most LOG_IDS_PLACES and those of one more segment; 72 bytes
 * for each segment of the folder. No file stays open between calls.
 *
 * A get costs about 0.1 us in a block that is kept, the decoding of a block (3 ms when it is full)
 * in another.
 */
#ifndef ENGINE_STORE_LOG_IDS_H
#define ENGINE_STORE_LOG_IDS_H

#include "core/hash.h"
#include "core/slice.h"

enum {
	LOG_IDS_BLOCKS = 4,
	LOG_IDS_SEGMENTS = 64, /* of so many it is known where their blocks lie */
	LOG_IDS_PLACES = 1 << 18,
	LOG_IDS_PATIENCE = 1024,
};

struct log_ids;

/* path is copied, key outlives the object; NULL: any, else segments of another key have no events.
 * The folder need not be there yet. NULL: no memory.
 */
struct log_ids *log_ids_new(const char *path, const struct hash_key *key);
void log_ids_free(struct log_ids *ids);

/* Missing when the log does not have it: not written (yet), removed, lost in a gap, damaged, or an
 * event without call id. Of a removed segment a block that is kept still answers. The slice lives
 * until the next call. One thread at a time.
 */
struct slice log_ids_get(struct log_ids *ids, uint64_t number);

#endif
