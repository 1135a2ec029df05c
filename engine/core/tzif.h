/* The compiled time zone of tz.h, read from a TZif file of version 2 or later (RFC 8536). */
#ifndef ENGINE_CORE_TZIF_H
#define ENGINE_CORE_TZIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/tz_rule.h"

enum { TZIF_SIZE_MAX = 64 * 1024, TZ_NAME_MAX = 64 };

/* One block: the struct, then times, then offsets. */
struct tz {
	struct tz *next; /* of the cache of tz.c */
	char name[TZ_NAME_MAX];
	size_t count;             /* changes, in rising order of time */
	const int64_t *times_s;   /* when a change comes */
	const int32_t *offsets_s; /* the offset from then on */
	int32_t offset_first_s;   /* before the first change */
	bool has_rule;            /* from the last change on */
	struct tz_rule rule;
};

/* A zone without name; free() releases it. E_MALFORMED, E_TRUNCATED, E_RANGE, E_UNSUPPORTED
 * (version 1; leap seconds), E_NOMEM.
 */
int tzif_parse(struct slice file, struct tz **zone);

#endif
