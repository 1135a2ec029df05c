/* What the tests of enrich share: the shipped plan, a key, tables from text. Include it behind
 * <cmocka.h>.
 */
#ifndef TESTS_UNIT_ENRICH_FIXTURE_H
#define TESTS_UNIT_ENRICH_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/diag.h"
#include "core/hash.h"
#include "enrich/normalise.h"
#include "enrich/plan.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct plan *plan;
static struct hash_key key;

static int load_plan(void **state)
{
	struct diags d;

	(void)state;
	hash_key_default(&key);
	diags_init(&d);
	plan = plan_load(SOURCE_DIR "/rules/numbering", &d);
	diags_fini(&d);
	return plan ? 0 : -1;
}

static int free_plan(void **state)
{
	(void)state;
	plan_free(plan);
	return 0;
}

static inline country country_named(const char *name)
{
	return name[0] ? country_of(name[0], name[1]) : 0;
}

static inline struct normaliser norm_at(const char *home)
{
	return (struct normaliser){plan, &key, country_named(home)};
}

static inline number num(const char *text)
{
	return number_of_e164(slice_of(text));
}

/* Writes a file of its own for text; the caller unlinks path. */
static inline void write_file(char path[64], const char *text)
{
	(void)snprintf(path, 64, "/tmp/ringfence-enrich-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

/* The only diagnostic has this code, line and a message with this part; code "" means none. */
static inline void check_diags(const char *id, const struct diags *d, const char *code,
                               unsigned line, const char *part)
{
	if (!code[0]) {
		if (d->first) {
			fail_msg("%s: %.*s", id, SLICE_FMT(d->first->message));
		}
		return;
	}
	if (!d->first) {
		fail_msg("%s: no %s", id, code);
		return;
	}
	const struct diag *one = d->first;
	if (strcmp(one->code, code) != 0 || one->at.line != line || one->next ||
	    !memmem(one->message.p, one->message.len, part, strlen(part))) {
		fail_msg("%s: %s on line %u: %.*s", id, one->code, one->at.line,
		         SLICE_FMT(one->message));
	}
}

#endif
