/* The control socket: what an operator asks of a running engine, or does to it.
 *
 * A Unix stream socket on which each line is one JSON object (protocol version 1):
 *
 *	-> {"v":1,"id":7,"verb":"reload","by":"a.jones","why":"ticket 12"}
 *	<- {"v":1,"id":7,"ok":true,"result":{"rules":41}}
 *	<- {"v":1,"id":7,"ok":false,"error":{"code":"denied","message":"..."}}
 *
 * Besides v, id, verb, by and why a request holds the members that its verb names; any other is
 * refused, so that a misspelt member never turns a trial into a change. `help` lists the verbs and
 * `version` names the engine and the protocol. id comes back as it was; it is null where the
 * request could not be read.
 *
 * Rights. The peer's user and groups come from the kernel (SO_PEERCRED, SO_PEERGROUPS), as they
 * were when he connected. Root and the daemon's own user may do everything; the change group may
 * read and change; the read group may read. A verb that changes needs `by` and `why`, and is given
 * to the journal, done or failed, before its answer is sent. Whoever has no right at all is turned
 * away at once and holds no place.
 *
 * The socket file has mode 0660 and belongs to the one group that is named (without any, to the
 * daemon's own). A file has one group only: where read and change are two groups its mode is 0666,
 * and the check of the peer alone decides; it is made in every case.
 *
 * Nothing blocks: a line, an answer and the number of connections are bounded, a connection has one
 * request at a time, a loop's round answers at most one request of each connection, and one
 * that is idle or does not read is closed. Further requests may be sent meanwhile; they wait.
 *
 * All functions and callbacks belong to the loop's thread. No callback may call control_close.
 */
#ifndef ENGINE_APP_CONTROL_H
#define ENGINE_APP_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "app/privileges.h"
#include "core/buf.h"
#include "core/json.h"
#include "core/loop.h"
#include "core/slice.h"

enum {
	CONTROL_PROTOCOL = 1,
	CONTROL_LINE_MAX = 64 * 1024,     /* of a request, without its end of line */
	CONTROL_ANSWER_MAX = 1024 * 1024, /* of a result */
	CONTROL_CONNECTIONS_MAX = 16,
	CONTROL_READERS_MAX = 12, /* the other places are kept for those who may change */
	CONTROL_MEMBERS_MAX = 32,
	CONTROL_BY_MAX = 64,
	CONTROL_WHY_MAX = 500,
	CONTROL_IDLE_MS = 60 * 1000,
	CONTROL_STALL_MS = 10 * 1000, /* for reading one answer */
	CONTROL_PEER_TEXT = 24,
	CONTROL_ERROR_TEXT = 256, /* what *why of control_open and control_call needs */
};

struct control_member {
	struct slice name;
	enum json_type type; /* JSON_STRING, _NUMBER, _OBJECT, _ARRAY, _TRUE, _FALSE or _NULL */
	struct slice value;  /* a string's text; a number, an object or an array as JSON */
};

/* Valid during the call that got it. */
struct control_request {
	struct slice verb;
	struct slice by, why;                               /* missing unless given; clean UTF-8 */
	struct control_member members[CONTROL_MEMBERS_MAX]; /* all of them, in their order */
	size_t member_count;
	uid_t uid;
	pid_t pid;
	const char *peer; /* "uid 1000" */
};

/* NULL: the request has no such member. */
const struct control_member *control_member(const struct control_request *r, const char *name);

struct control_verb {
	const char *name;
	bool changes;
	const char *const *members; /* that it takes, up to a NULL; NULL: none */
	/* Writes one JSON value without line breaks; nothing at all stands for {}. 0, or a negative
	 * err with a stable word in *code and a text in *message, which stay the verb's; unset
	 * ones become "failed" and the text of the err.
	 */
	int (*run)(void *user, const struct control_request *r, struct json_out *result,
	           const char **code, const char **message);
	const char *help; /* one line */
};

struct control_options {
	const char *path; /* NULL: no socket, only control_answer; relative to the working folder */
	const struct run_as *owner;       /* whose the socket is; NULL: this process's user */
	const char *read_group;           /* NULL: none */
	const char *change_group;         /* NULL: none */
	const struct control_verb *verbs; /* they outlive the control; no name twice */
	size_t verb_count;
	void (*journal)(void *user, const struct control_request *r, bool ok,
	                struct slice message); /* message: empty if ok. NULL: none kept */
	void *user;                            /* of the verbs and the journal */
	int idle_ms, stall_ms;                 /* 0: as above */
};

struct control;

/* A socket file that no process listens on any more is replaced; anything else at the path stays
 * and is an error. (Two daemons that start at one moment are kept apart by the lock of the state
 * folder.) Before privileges are given up. The loop is not used without a path. NULL: why says it.
 */
struct control *control_open(struct loop *loop, const struct control_options *options, char *why,
                             size_t why_size);
/* Answers that were not read are lost. The socket file goes, if it still is this one's. */
void control_close(struct control *c);

/* ---- one request, without a socket ---- */

struct control_cred {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	const gid_t *groups; /* supplementary ones */
	size_t group_count;
};

enum control_right { CONTROL_RIGHT_NONE = 0, CONTROL_RIGHT_READ, CONTROL_RIGHT_CHANGE };

enum control_right control_right(const struct control *c, const struct control_cred *cred);
/* Appends one line to out, with its end. line comes without; it is of any length and content. */
void control_answer(struct control *c, struct slice line, const struct control_cred *cred,
                    struct buf *out);

/* ---- counters ---- */

enum control_refusal {
	CONTROL_REFUSED_NONE = 0,
#define CONTROL_REFUSAL(id, word, message) CONTROL_REFUSED_##id,
#include "app/control_refusals.def"
#undef CONTROL_REFUSAL
	CONTROL_REFUSAL_COUNT,
};

/* Never NULL. */
const char *control_refusal_word(enum control_refusal r);

/* requests = answered + refused[TOO_LONG .. TOO_LARGE];
 * accepted = connections + ended + refused[BUSY .. CUT_OFF].
 */
struct control_stats {
	uint64_t requests;
	uint64_t answered; /* with ok */
	uint64_t changes;  /* given to the journal */
	uint64_t accepted;
	uint64_t connections; /* now */
	uint64_t ended;       /* connections that were not refused */
	uint64_t refused[CONTROL_REFUSAL_COUNT];
};

struct control_stats control_stats(const struct control *c);

#endif
