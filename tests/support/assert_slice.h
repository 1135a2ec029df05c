/* Comparing slices in cmocka tests; include it behind <cmocka.h>. */
#ifndef TESTS_SUPPORT_ASSERT_SLICE_H
#define TESTS_SUPPORT_ASSERT_SLICE_H

#include "core/slice.h"

static inline struct slice slice_shown(struct slice s)
{
	return s.p ? s : SLICE_LIT("(missing)");
}

/* Both missing, or the same bytes; id and what name the row and the member. */
static inline void assert_slice(const char *id, const char *what, struct slice got,
                                struct slice want)
{
	if (!got.p != !want.p || !slice_eq(got, want)) {
		fail_msg("%s: %s \"%.*s\", not \"%.*s\"", id, what, SLICE_FMT(slice_shown(got)),
		         SLICE_FMT(slice_shown(want)));
	}
}

#endif
