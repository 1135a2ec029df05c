/* What the times of an event are measured from in the call log: times that are known by then, near
 * which they lie. Named by log_columns.def; inline, since the writer asks for all of them an event.
 */
#ifndef ENGINE_STORE_LOG_BASES_H
#define ENGINE_STORE_LOG_BASES_H

#include "store/log_columns.h"

static inline int64_t or_zero(int64_t us)
{
	return us == INSTANT_NONE ? 0 : us;
}

static inline int64_t log_base_previous(const struct event *e, int64_t previous_us)
{
	(void)e;
	return or_zero(previous_us);
}

static inline int64_t log_base_time(const struct event *e, int64_t previous_us)
{
	(void)previous_us;
	return or_zero(e->time_us);
}

static inline int64_t log_base_start(const struct event *e, int64_t previous_us)
{
	(void)previous_us;
	return or_zero(e->start_us == INSTANT_NONE ? e->time_us : e->start_us);
}

static inline int64_t log_base_talk(const struct event *e, int64_t previous_us)
{
	(void)previous_us;
	return e->answered ? wrap_sub(or_zero(e->time_us), or_zero(e->answer_us)) : 0;
}

/* Until the answer, or the end of a call without one. */
static inline int64_t log_base_ring(const struct event *e, int64_t previous_us)
{
	int64_t until_us = or_zero(e->answered ? e->answer_us : e->time_us);

	return wrap_sub(until_us, log_base_start(e, previous_us));
}

static inline int64_t log_base_setup(const struct event *e, int64_t previous_us)
{
	return wrap_sub(log_base_ring(e, previous_us), or_zero(e->ring_us));
}

/* RFC 8225 section 5.1.1: iat is in whole seconds. */
static inline int64_t log_base_second(const struct event *e, int64_t previous_us)
{
	int64_t time_us = log_base_time(e, previous_us);

	return time_us - time_us % US_PER_S;
}

#endif
