/* Which segments of the call log may go: whole ones, oldest first, by age of their events and by
 * the size of the folder, but none that a hold covers.
 */
#ifndef ENGINE_STORE_LOG_RETENTION_H
#define ENGINE_STORE_LOG_RETENTION_H

#include "store/log_segment.h"

struct segment_state {
	struct segment_name name;
	struct log_span span; /* count 0: no events known; its age is that of its file */
	uint64_t size;
};

struct segment_states {
	struct segment_state *v; /* in the order of the log */
	size_t count, cap;
};

/* Reads folder and spans; last: the last segment that holds events, if any. Damage is passed over.
 * E_IO, E_NOMEM.
 */
int segment_states_read(const char *path, struct segment_states *s);
int segment_states_add(struct segment_states *s, const struct segment_state *one);
void segment_states_fini(struct segment_states *s);

/* Removes segments that end before before_us, and while all of them and live_size exceed size_max
 * (0: no limit). Returns how many. A file PATH/holds that cannot be read, or a line in it that is
 * not understood, holds everything.
 */
size_t segment_states_retain(struct segment_states *s, const char *path, int64_t before_us,
                             uint64_t size_max, uint64_t live_size);

#endif
