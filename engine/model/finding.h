/* What detect/ hands to alerts/: a rule that became true for a key, with everything that the alert
 * says about it. Findings of a batch come in the order in which their alerts leave (event time and
 * kind, event, rule by full name). They live until the next batch.
 */
#ifndef ENGINE_MODEL_FINDING_H
#define ENGINE_MODEL_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/slice.h"

enum datum_type {
	DATUM_NULL = 0,
	DATUM_INT,
	DATUM_FLOAT,
	DATUM_DURATION, /* us; in JSON seconds */
	DATUM_TIME,     /* us; in JSON RFC 3339 */
	DATUM_BOOL,
	DATUM_TEXT,
};

/* A value as an alert shows it. */
struct datum {
	enum datum_type type;
	union {
		int64_t i;
		double f;
		struct slice text;
	};
};

struct named_datum {
	struct slice name;
	struct datum value;
};

struct finding_reason {
	struct slice condition; /* as written in the rule */
	struct datum value;
	struct datum threshold;
};

/* The unchanging part: one a rule, as long as the rule set lives. */
struct finding_rule {
	struct slice name; /* "core.voice/wangiri.blast" */
	int64_t rev;
	struct slice class;
	const char *severity;
	struct slice title;
	const char *ruleset;         /* digest */
	int64_t suppress_us;         /* 0: none */
	struct slice suppress_group; /* the name without ".cdr": two forms of a rule share it */
	const struct named_datum *params;
	size_t param_count;
};

struct finding {
	const struct finding_rule *rule;
	int64_t time_us;
	uint64_t event; /* number of the event that made it true */
	uint32_t order; /* rank of the event among those of equal time, then of the rule */

	struct hash128 key;          /* identity of the key's values */
	struct hash128 suppress_key; /* of the suppress.by values */
	struct named_datum *keys;
	size_t key_count;
	const char *subject_type;
	struct slice subject;

	struct slice summary;
	int64_t window_us;          /* 0: a match rule */
	struct named_datum *values; /* every let, in order */
	size_t value_count;
	struct named_datum *fields;
	size_t field_count;
	struct finding_reason *reasons;
	size_t reason_count;
	struct named_datum *lists; /* name -> version */
	size_t list_count;
	/* The newest calls counted, oldest first: their ids, missing where the detector does not
	 * remember one (any more), and the numbers of their events.
	 */
	struct slice *calls;
	uint64_t *call_events;
	size_t call_count;
	uint64_t counted;
	bool exact;
	bool late;
	bool partial;
	bool shadow; /* the rule is watched: nothing goes out */
	bool signal; /* nothing goes out: it is for other rules */
};

#endif
