/* Several rule sets over one reading of the same traffic: what `diff` and `suggest` compare. Each
 * has a pipeline of its own, fed event by event with the others, so that what it raises is what a
 * replay of its own would raise.
 */
#ifndef ENGINE_APP_VARIANTS_H
#define ENGINE_APP_VARIANTS_H

#include "app/replay.h"

enum { VARIANTS_MAX = 32 };

/* An alert as it is compared and shown. Texts belong to the variant. */
struct variant_alert {
	struct slice id;
	struct slice rule;    /* full name */
	struct slice key;     /* values of the key's parts, ", " between */
	struct slice subject; /* "caller:+44…" */
	struct slice summary;
	const char *severity;
	int64_t time_us;
	int64_t span_us;     /* how far it may move and still be the same alert */
	struct slice *calls; /* evidence */
	size_t call_count;
};

struct variant {
	const struct site *site;      /* borrowed */
	struct variant_alert *alerts; /* in the order in which they would go out */
	size_t count;
	size_t cap;
	int64_t first_us, last_us; /* event time of the traffic */
	bool failed;               /* no memory */
	struct arena texts;
	struct pipeline *pipeline; /* while it runs */
};

void variant_init(struct variant *v, const struct site *site);
void variant_fini(struct variant *v);
/* Reads inputs once. base: names, memory, threads of each. OK; E_NOMEM with *why; E_IO with the
 * input's index in *which.
 */
int variants_run(struct replay_inputs *inputs, struct variant *variants, size_t count,
                 const struct pipeline_options *base, bool flush, const char **why, size_t *which);

/* How the alerts of two variants of one traffic go together. */
enum variant_change { CHANGE_ONLY_OLD, CHANGE_ONLY_NEW, CHANGE_MOVED, CHANGE_SAME };

struct variant_pair {
	enum variant_change change;
	const struct variant_alert *before; /* NULL: only new */
	const struct variant_alert *after;  /* NULL: only old */
};

/* Every alert of both, by rule and key, then time: those of equal rule and key at the same instant
 * are the same, those within the span of each other have moved. The caller frees; NULL: no memory.
 */
struct variant_pair *variants_align(const struct variant *before, const struct variant *after,
                                    size_t *count);

#endif
