/* The unit that flows from enrich to detect: up to BATCH_ROWS_MAX events of mixed kinds in the
 * total order, as columns (structure of arrays) with an arena for their text.
 *
 * app/ cuts a batch when it holds at least BATCH_ROWS events and the event time changes, so that
 * events of one instant stay together (more than BATCH_ROWS_MAX of one instant are cut by count).
 * A call row stands for its two party events too.
 *
 * Filled by one thread, then read by all workers at once. Columns are allocated at batch_new and
 * touched only as far as they are filled.
 */
#ifndef ENGINE_MODEL_BATCH_H
#define ENGINE_MODEL_BATCH_H

#include <stdint.h>

#include "core/arena.h"
#include "model/event.h"
#include "model/field.h"
#include "model/number.h"

enum { BATCH_ROWS = 4096, BATCH_ROWS_MAX = 65536 };

/* Kleene truth as a byte, so that and = min, or = max, not = 2 - x. */
enum truth { TRUTH_FALSE = 0, TRUTH_UNKNOWN = 1, TRUTH_TRUE = 2 };

typedef uint16_t country; /* two letters as c0 << 8 | c1; 0 missing */

static inline country country_of(char a, char b)
{
	return (country)((unsigned char)a << 8 | (unsigned char)b);
}

union column {
	void *any;
	number *num;
	int64_t *i64;
	double *f64;
	uint8_t *u8; /* BOOL, ENUM */
	country *country;
	struct slice *text;
	struct ip *ip;
};

struct batch {
	uint32_t count;
	uint64_t first_event; /* number of row 0; row i is event first_event + i */
	uint8_t *kind;        /* KIND_…: which rows an evaluator looks at */
	union column col[FIELD_COUNT];
	struct written_number *caller; /* still as written, for enrich */
	struct written_number *callee;
	struct written_number *pai;
	struct written_number *from;
	struct written_number *divert;
	struct slice *stir_orig;
	struct slice *stir_dest;
	uint16_t *source;
	struct arena arena;
};

/* NULL when memory is short. */
struct batch *batch_new(void);
void batch_free(struct batch *b);
void batch_reset(struct batch *b, uint64_t first_event);

/* Copies e into the next row: texts into the arena; derived columns (numbers, countries, types,
 * trunk role …) are set to missing for enrich. E_FULL when the batch holds BATCH_ROWS_MAX rows,
 * E_RANGE when the texts of this event do not fit (the caller counts it as batch_text).
 */
int batch_append(struct batch *b, const struct event *e);

#endif
