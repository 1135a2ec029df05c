/* Inputs that end (files, standard input) through the pipeline in full order: what `replay` and a
 * daemon with finite sources do.
 */
#ifndef ENGINE_APP_REPLAY_H
#define ENGINE_APP_REPLAY_H

#include "app/feed.h"
#include "app/pipeline.h"

enum { REPLAY_INPUTS_MAX = PIPELINE_SOURCES_MAX };

struct replay_inputs {
	const char *names[REPLAY_INPUTS_MAX]; /* as given */
	struct feed *feeds[REPLAY_INPUTS_MAX];
	size_t count;
};

/* Opens every input; a folder stands for its files, by name. On failure NULL feeds, and which input
 * failed with why in *diags (E010 of traffic: "cannot read").
 */
int replay_open(const char *const *paths, size_t count, const struct feed_options *options,
                struct replay_inputs *inputs, struct diags *diags);
void replay_close(struct replay_inputs *inputs);
/* Everything through p, pipeline_finish included. OK, or E_IO with the failed input's index in
 * *which (what came before the failure was processed). *stop, if not NULL, is looked at between
 * events: true ends early.
 */
int replay_run(struct replay_inputs *inputs, struct pipeline *p, const bool *stop, size_t *which);

struct stats_report {
	double seconds;
	uint64_t memory_peak_bytes;
	uint64_t written; /* by all sinks */
	uint64_t refused;
};

/* The JSON of --stats (interfaces.md 2). */
void replay_stats_json(const struct replay_inputs *inputs, struct pipeline *p,
                       const struct stats_report *report, struct buf *out);
/* The table of alerts by rule, and of what was dropped, for people. */
void replay_stats_table(const struct replay_inputs *inputs, struct pipeline *p,
                        const struct stats_report *report, struct buf *out);

#endif
