/* Any bytes as a segment of the call log: it is walked in bounded work, what is told lies inside
 * the file and in order, and notes that are read are written the same.
 */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/ensure.h"
#include "core/err.h"
#include "store/log_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct log_walk w = {.fd = memfd_create("segment", 0), .size = len, .work = 8 * len};
	struct slice payload;
	struct log_note note;
	struct frame f;
	struct buf again = {0};
	uint64_t at = 0;

	ENSURE(w.fd >= 0 && write(w.fd, bytes, len) == (ssize_t)len);
	for (enum walk_kind kind; (kind = log_walk_next(&w, &f, &payload)) != WALK_END;) {
		uint64_t from = kind == WALK_FRAME ? w.frame_at : w.damage_at;
		ENSURE(from >= at && from <= len && w.at <= len);
		at = from;
		if (kind == WALK_FRAME && f.type == FRAME_NOTE && note_get(payload, &note)) {
			buf_reset(&again);
			note_put(&again, &note);
			ENSURE(slice_eq(buf_view(&again), payload));
		}
	}
	buf_fini(&again);
	log_walk_close(&w);
	return 0;
}
