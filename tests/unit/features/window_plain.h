/* The definition of features/window.h in the plainest way: all events in one list, every value
 * counted anew each time it is asked for. The oracle of the window tests.
 */
#ifndef TESTS_UNIT_FEATURES_WINDOW_PLAIN_H
#define TESTS_UNIT_FEATURES_WINDOW_PLAIN_H

#include "features/window.h"

enum { PLAIN_EVENTS_MAX = 60000 };

struct plain {
	const struct window_spec *spec;
	struct window_event *events; /* in order of coming */
	size_t count;
	int64_t newest_us;
	bool panes;
	int64_t busy_us;
	bool hll[WINDOW_MEASURES_MAX]; /* more than 4096 values were seen since panes began */
};

void plain_init(struct plain *p, const struct window_spec *spec);
void plain_fini(struct plain *p);
void plain_add(struct plain *p, const struct window_event *e);
uint64_t plain_count(const struct plain *p);
/* *tolerance: how far the fast form may be off (sketches); 0 elsewhere. */
struct measured plain_measure(struct plain *p, unsigned n, double *tolerance);

#endif
