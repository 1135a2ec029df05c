/* A range of the call log through the pipeline again: the same events in the same batches, with the
 * rules, lists and tables of then (from the archive, as the journal says), or with other rules
 * throughout. A range that begins within a run begins cold: alerts are partial until a rule's
 * window has passed.
 *
 * What the log does not have is told, never passed over in silence.
 */
#ifndef ENGINE_APP_LOG_REPLAY_H
#define ENGINE_APP_LOG_REPLAY_H

#include "app/pipeline.h"
#include "core/diag.h"
#include "store/log_reader.h"

struct log_replay_options {
	struct log_reader_options log;
	const char *state; /* folder of journal and archive */
	const struct site_options
		*base;           /* for the sites of then: country, zone, key, secret lists */
	const struct site *site; /* other rules throughout; NULL: those of then */
	struct pipeline_options pipeline; /* site, sources and cold are filled in here */
	/* A gap, a damaged place, a start or a reload, in plain words. */
	void (*tell)(void *user, const char *text);
	void *user;
};

struct log_replay_result {
	uint64_t events;
	uint64_t missing; /* events in gaps that the log itself recorded */
	uint64_t damaged; /* places that could not be read */
};

struct log_replay;

/* To be freed also when it is not OK: E_MALFORMED (a site of then cannot be loaded: *why, and
 * diags, which must outlive it), E_IO, E_NOMEM (*why). NULL in *out only without memory.
 */
int log_replay_run(const struct log_replay_options *options, struct diags *diags,
                   struct log_replay **out, const char **why);
void log_replay_result(const struct log_replay *r, struct log_replay_result *out);
/* Finished, for its statistics; NULL when no event was in the range. */
struct pipeline *log_replay_pipeline(const struct log_replay *r);
void log_replay_free(struct log_replay *r);

#endif
