/* An engine to try the control socket on: a few verbs, a journal that remembers, requests. */
#ifndef TESTS_UNIT_APP_CONTROL_BENCH_H
#define TESTS_UNIT_APP_CONTROL_BENCH_H

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/control.h"
#include "core/err.h"

enum { OWNER = 4711, STRANGER = 4712 };

#define GOOD \
 "{\"v\":1,\"id\":7,\"verb\":\"mute\",\"by\":\"a.jones\",\"why\":\"ticket 12\",\"rule\":\"r\"}"
#define HEAD "{\"v\":1,\"id\":7,\"verb\":\"mute\","
#define ECHO "{\"v\":1,\"id\":7,\"verb\":\"echo\""
#define OK7  "{\"v\":1,\"id\":7,\"ok\":true,\"result\":"
#define REST "\"why\":\"ticket 12\",\"rule\":\"r\"}"
#define TEN  "0123456789"

/* ---- verbs ---- */

struct seen {
	unsigned ran, journaled, journaled_ok;
	size_t lines_at_journal; /* of out, when the journal was told */
	const struct buf *out;
	char by[80], why[600], message[80], peer[CONTROL_PEER_TEXT];
	uid_t uid;
};

static inline int run_mute(void *user, const struct control_request *r, struct json_out *result,
                           const char **code, const char **message)
{
	struct seen *seen = user;
	const struct control_member *rule = control_member(r, "rule");

	seen->ran++;
	if (!rule || rule->type != JSON_STRING) {
		*code = "no_rule";
		*message = "rule is missing";
		json_text(result, "half written");
		return E_INVALID;
	}
	json_object(result);
	json_key(result, "muted");
	json_slice(result, rule->value);
	json_object_end(result);
	return OK;
}

/* Gives back what it got: the JSON of a member, or nothing. */
static inline int run_echo(void *user, const struct control_request *r, struct json_out *result,
                           const char **code, const char **message)
{
	const struct control_member *m = control_member(r, "value");

	(void)code;
	(void)message;
	((struct seen *)user)->ran++;
	if (m && m->type == JSON_STRING) {
		json_slice(result, m->value);
	} else if (m && m->value.p) {
		json_raw(result, m->value);
	}
	return OK;
}

static inline int run_plain_failure(void *user, const struct control_request *r,
                                    struct json_out *result, const char **code,
                                    const char **message)
{
	(void)user;
	(void)r;
	(void)result;
	(void)code;
	(void)message;
	return E_IO;
}

/* As many bytes as `size` says. */
static inline int run_large(void *user, const struct control_request *r, struct json_out *result,
                            const char **code, const char **message)
{
	const struct control_member *m = control_member(r, "size");
	struct buf text = {0};

	(void)user;
	(void)code;
	(void)message;
	for (long left = m ? strtol(m->value.p, NULL, 10) - 2 : 0; left > 0; left--) {
		buf_char(&text, 'x');
	}
	json_slice(result, buf_view(&text));
	buf_fini(&text);
	return OK;
}

static const char *const mute_members[] = {"rule", NULL};
static const char *const echo_members[] = {"value", NULL};
static const char *const large_members[] = {"size", NULL};
static const struct control_verb verbs[] = {
	{"mute", true, mute_members, run_mute, "Mute a rule."},
	{"echo", false, echo_members, run_echo, "Give back a value."},
	{"break", false, NULL, run_plain_failure, "Fail."},
	{"large", false, large_members, run_large, "Say much."},
};

static inline void keep(char *out, size_t size, struct slice s)
{
	(void)snprintf(out, size, "%.*s", SLICE_FMT(s));
}

static inline size_t count_lines(struct slice s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++) {
		count += s.p[i] == '\n';
	}
	return count;
}

static inline void journal(void *user, const struct control_request *r, bool ok,
                           struct slice message)
{
	struct seen *seen = user;

	seen->journaled++;
	seen->journaled_ok += ok;
	seen->lines_at_journal = seen->out ? count_lines(buf_view(seen->out)) : 0;
	seen->uid = r->uid;
	keep(seen->by, sizeof(seen->by), r->by);
	keep(seen->why, sizeof(seen->why), r->why);
	keep(seen->message, sizeof(seen->message), message);
	keep(seen->peer, sizeof(seen->peer), slice_of(r->peer));
}

static const struct run_as owner = {.name = "ringfence", .uid = OWNER, .gid = OWNER};

static inline struct control_options options_of(struct seen *seen)
{
	return (struct control_options){.owner = &owner,
	                                .verbs = verbs,
	                                .verb_count = sizeof(verbs) / sizeof(verbs[0]),
	                                .journal = journal,
	                                .user = seen};
}

/* requests = answered + refused requests; accepted = now + ended + refused connections. */
static inline void assert_balance(struct control_stats s)
{
	uint64_t requests = s.answered, connections = s.connections + s.ended;

	for (unsigned r = CONTROL_REFUSED_TOO_LONG; r < CONTROL_REFUSAL_COUNT; r++) {
		*(r < CONTROL_REFUSED_BUSY ? &requests : &connections) += s.refused[r];
	}
	assert_int_equal(requests, s.requests);
	assert_int_equal(connections, s.accepted);
}

/* {"v":1,"id":7,"verb":"echo","value":"xx..."} of len bytes. */
static inline struct slice long_line(size_t len)
{
	char *line = malloc(len);
	size_t head = sizeof(ECHO ",\"value\":\"") - 1;

	assert_non_null(line);
	memset(line, 'x', len);
	memcpy(line, ECHO ",\"value\":\"", head);
	memcpy(line + len - 2, "\"}", 2);
	return (struct slice){line, len};
}

/* Two groups of this machine; skipped where it has not got them. */
static inline void two_groups(char read[32], char change[32], gid_t id[2])
{
	struct group *g;
	size_t found = 0;

	id[0] = id[1] = 0;
	setgrent();
	while (found < 2 && (g = getgrent())) {
		if (strlen(g->gr_name) < 32) {
			(void)strcpy(found ? change : read, g->gr_name);
			id[found++] = g->gr_gid;
		}
	}
	endgrent();
	if (found < 2) {
		skip();
	}
}

#endif
