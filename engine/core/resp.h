/* A Redis connection on a loop: libevent's bufferevent with hiredis's command formatter and reply
 * reader (hiredis 0.14 and later). TCP and Unix sockets, AUTH. Never blocks; a lost connection is
 * taken up again with growing pauses (100 ms to 5 s).
 *
 * Commands are answered in order; on_reply gets each command's tag. When the connection breaks all
 * unanswered commands are gone: on_state(false) says so, and the owner decides what to send again
 * after the next on_state(true). All on the loop's thread.
 */
#ifndef ENGINE_CORE_RESP_H
#define ENGINE_CORE_RESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/loop.h"
#include "core/slice.h"

enum resp_type {
	RESP_NIL = 0,
	RESP_STRING,
	RESP_STATUS,
	RESP_ERROR,
	RESP_INTEGER,
	RESP_ARRAY,
};

/* A reply, borrowed during on_reply. */
struct resp_value {
	enum resp_type type;
	struct slice text;
	int64_t integer;
	size_t count; /* of an array: resp_item gives its members */
	const void *raw;
};
struct resp_value resp_item(const struct resp_value *array, size_t i);

struct resp_options {
	struct loop *loop;
	const char *url;      /* "redis://host:port", "unix:/path" */
	const char *user;     /* NULL: none */
	const char *password; /* NULL: none */
	void (*on_state)(void *arg, bool ready, const char *why);
	void (*on_reply)(void *arg, uint64_t tag, const struct resp_value *reply);
	void *arg;
};

struct resp;

/* Begins to connect. NULL: *why says what is wrong with the URL. */
struct resp *resp_new(const struct resp_options *options, const char **why);
void resp_free(struct resp *r);
/* False: not connected, or no memory. */
bool resp_command(struct resp *r, uint64_t tag, const struct slice *words, size_t count);
bool resp_ready(const struct resp *r);

#endif
