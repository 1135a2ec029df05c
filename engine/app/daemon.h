/* `ringfenced`: sources, intake, pipeline and sinks of a configuration on one loop, until a signal
 * or, with exit_when_done, until every input has ended.
 *
 * Files that end are read first, all of them as one traffic in full order, by the code of
 * `ringfence replay`; live sources, open since the start, are read after that.
 *
 * SIGTERM, SIGINT: read no further, let out what waits, deliver it, end. SIGHUP: rules, lists,
 * trunks and subscribers anew, beside the running ones; a mistake keeps the old ones and is logged.
 *
 * One thread reads and orders; the pipeline's own detects; each Redis sink has its own.
 */
#ifndef ENGINE_APP_DAEMON_H
#define ENGINE_APP_DAEMON_H

#include <stdbool.h>

#include "app/config.h"

/* The exit status. Logs to standard error. */
int daemon_run(const struct config *config, bool exit_when_done);

#endif
