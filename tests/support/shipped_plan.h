/* The numbering plan of this source tree, for programs that are not told where it lies. */
#ifndef TESTS_SUPPORT_SHIPPED_PLAN_H
#define TESTS_SUPPORT_SHIPPED_PLAN_H

#include <stdio.h>

#include "core/ensure.h"
#include "enrich/plan.h"

#define SHIPPED_PLAN() shipped_plan(__FILE__)

/* file: <tree>/<folder>/<folder>/<name>. Aborts where the plan does not load. */
static inline struct plan *shipped_plan(const char *file)
{
	char path[4096];
	struct diags d;
	size_t len = strlen(file);

	for (int up = 0; up < 3; up++) {
		while (len > 0 && file[--len] != '/') {
		}
	}
	(void)snprintf(path, sizeof(path), "%.*s/rules/numbering", (int)len, file);
	diags_init(&d);
	struct plan *plan = plan_load(path, &d);
	ENSURE(plan);
	diags_fini(&d);
	return plan;
}

#endif
