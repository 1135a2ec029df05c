/* An alert as it leaves: what sinks/ write. Texts are borrowed until the next alert. */
#ifndef ENGINE_MODEL_ALERT_H
#define ENGINE_MODEL_ALERT_H

#include <stdint.h>

#include "core/slice.h"

struct alert {
	uint64_t seq;         /* 1, 2, … over everything sent */
	int64_t time_us;      /* event time */
	struct slice id;      /* CloudEvents id: names this entry for ever */
	struct slice rule;    /* full name */
	const char *severity; /* "high" */
	const char *type;     /* "ringfence.alert.opened" */
	struct slice json;    /* one line, without line break */
};

#endif
