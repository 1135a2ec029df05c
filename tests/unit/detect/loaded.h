/* Rule files given as text, loaded. Include it behind <cmocka.h>. */
#ifndef TESTS_UNIT_DETECT_LOADED_H
#define TESTS_UNIT_DETECT_LOADED_H

#include "core/err.h"
#include "detect/rule.h"

#define RULE(rest) \
 "version: 1\nrules: [{id: r, rev: 1, title: T, class: other, severity: low, " rest "}]"

static inline void assert_text(struct slice got, const char *want)
{
	if (!slice_eq(got, slice_of(want))) {
		fail_msg("'%.*s' is not '%s'", SLICE_FMT(got), want);
	}
}

struct loaded {
	struct diags diags;
	struct ruleset *set;
	size_t whole;
	int err;
};

static inline void load_text(struct loaded *l, const char *text)
{
	struct ruleset_options options = {.whole = &l->whole};

	diags_init(&l->diags);
	l->err = ruleset_load_text("t.yaml", slice_of(text), &options, &l->diags, &l->set);
	assert_int_equal(l->err == OK, l->set != NULL);
}

static inline void unload(struct loaded *l)
{
	ruleset_free(l->set);
	diags_fini(&l->diags);
}

static inline void need(const struct loaded *l)
{
	if (!l->set) {
		const struct diag *first = l->diags.first;
		fail_msg("%u:%u %s %.*s", first->at.line, first->at.column, first->code,
		         SLICE_FMT(first->message));
	}
}

#endif
