/* What the commands do alike: loading a site with its diagnostics, progress, times. */
#ifndef TOOLS_RINGFENCE_COMMON_H
#define TOOLS_RINGFENCE_COMMON_H

#include "app/options.h"
#include "app/site.h"
#include "core/buf.h"
#include "store/log_reader.h"

/* options_parse as a status: -1 to go on, else what the command returns. */
int common_options(int argc, char **argv, const struct command_help *help,
                   const struct own_option *own, size_t own_count, struct common_options *out);
/* Loads the site that the options describe; prints what hinders to stderr. NULL: there were
 * errors.
 */
struct site *common_site(struct common_options *options, bool without_rules);
/* The same with diagnostics of the caller's, which must outlive the site. */
struct site *common_load(struct common_options *options, struct diags *diags);
/* "local" and "replay" without --config. */
const char *common_site_name(void);
const char *common_engine_name(void);
/* The call log that --log and --config mean; *state is the folder of its journal. The site must be
 * loaded. False after a message: there is no such log.
 */
bool common_log(const struct common_options *options, const struct site *site,
                struct log_reader_options *out, const char **state);
struct feed_options common_feed(const struct common_options *options, const struct site *site);
/* A command that reads traffic needs at least one input, or --log and no input: prints the usage
 * error.
 */
bool common_has_input(const struct common_options *options, const char *usage);
/* A progress line on stderr, once a second, when it is a terminal: for feed_options.progress. */
void common_progress(void *user, uint64_t done, uint64_t total);
void common_progress_end(void);
double common_seconds(void); /* monotonic */
int64_t common_now_ms(void); /* since 1970 */
uint64_t common_memory_peak(void);
/* What hinders, on stderr. */
void common_print_diags(const struct diags *diags);
/* Writes out and resets it. False: the disk or the reader is gone. */
bool common_write(FILE *f, struct buf *out);

#endif
