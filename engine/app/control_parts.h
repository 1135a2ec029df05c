/* What the units of the control socket share: the protocol (control_answer.c), the socket file
 * (control_listen.c) and the connections (control.c).
 */
#ifndef ENGINE_APP_CONTROL_PARTS_H
#define ENGINE_APP_CONTROL_PARTS_H

#include <limits.h>
#include <sys/stat.h>

#include "app/control.h"

/* Who asks, as it was when he connected. */
struct control_peer {
	uid_t uid;
	pid_t pid;
	enum control_right right;
};

/* Of the bytes read, begin..end are not taken yet; up to scanned there is no end of a line. */
struct control_connection {
	struct control *control;
	int fd; /* -1: a free place */
	struct control_peer peer;
	struct loop_timer *deadline; /* to send a request, or to read an answer */
	struct buf out;
	size_t out_sent;
	bool ended;  /* the peer sends no more */
	bool doomed; /* closes when its answer is sent */
	size_t begin, scanned, end;
	char line[CONTROL_LINE_MAX + 1];
};

/* Who may do what; found once at the start. */
struct control_rights {
	uid_t owner;
	bool has_read, has_change;
	gid_t read, change;
};

struct control {
	struct control_options options;
	struct control_rights rights;
	struct control_stats stats;
	struct loop *loop;
	int listener;
	dev_t device; /* of the socket file */
	ino_t inode;
	/* The loop watches one descriptor: an epoll set of the listener and the connections, since
	 * core/loop has no event for writing.
	 */
	int set;
	struct loop_fd *watch;
	struct loop_timer *resume; /* accepts again after descriptors ran out */
	struct control_connection connections[CONTROL_CONNECTIONS_MAX];
	struct control_request request;
	char peer_text[CONTROL_PEER_TEXT];
	char text[CONTROL_LINE_MAX]; /* of the request's strings */
	gid_t groups[NGROUPS_MAX];
};

void control_answer_peer(struct control *c, struct slice line, const struct control_peer *peer,
                         struct buf *out);
/* The whole line of an answer that refuses. id < 0: null. Counts. */
void control_refuse(struct control *c, struct buf *out, int64_t id, enum control_refusal r);

/* Listens; fills listener, device and inode. */
bool control_listen(struct control *c, char *why, size_t why_size);
void control_unlisten(struct control *c);

#endif
