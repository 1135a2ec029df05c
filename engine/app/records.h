/* A live stream of call records, CSV with a header row or JSON lines, on its way to the intake: a
 * socket's connection, a file that grows. Bytes come in pieces of any size.
 *
 * A record is a line here: a quoted cell cannot hold a line break, so that a broken quote costs one
 * row and delays none. A line over CDR_ROW_MAX is refused as too long and skipped to its end.
 *
 *	while ((n = read(...)) > 0) records_take(r, bytes);      false: not call records, close it
 *	records_end(r);                                          a last line without its end counts
 */
#ifndef ENGINE_APP_RECORDS_H
#define ENGINE_APP_RECORDS_H

#include <stdbool.h>

#include "app/intake.h"
#include "app/rejects.h"
#include "core/hash.h"
#include "core/tz.h"

/* What the streams of one source share. */
struct records_source {
	struct intake *intake;
	size_t index; /* in the intake */
	const char *name;
	const struct tz *tz;
	const struct hash_key *key;
	bool attempts;
	struct rejects *rejects;   /* NULL: nobody wants them */
	struct stage_count decode; /* rows in; records out */
	uint64_t bytes;
};

struct records;

struct records *records_new(struct records_source *source); /* NULL: no memory */
void records_free(struct records *r);
bool records_take(struct records *r, struct slice bytes);
void records_end(struct records *r);
/* The stream begins anew, with its header: another file. */
void records_restart(struct records *r);
/* The stream goes on somewhere behind its first line, which was taken before. False as
 * records_take.
 */
bool records_resume(struct records *r, struct slice first_line);
/* Bytes taken of a line that is not whole yet. */
size_t records_held(const struct records *r);
/* Why records_take gave false. Static text. */
const char *records_why(const struct records *r);

#endif
