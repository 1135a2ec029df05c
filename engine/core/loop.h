/* The event loop of a thread (libevent): timers, file descriptors, signals, calls from other
 * threads, listening sockets and a small HTTP server. One of the two users of libevent (the other
 * is core/resp).
 *
 * A loop belongs to the thread that runs it; only loop_post and loop_stop may be called from
 * another one. Callbacks run on the loop's thread.
 */
#ifndef ENGINE_CORE_LOOP_H
#define ENGINE_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/slice.h"

struct loop;
struct loop_timer;
struct loop_fd;
struct loop_signal;
struct loop_listener;
struct loop_http;
struct event_base;

struct loop *loop_new(void); /* NULL: no memory */
void loop_free(struct loop *l);
void loop_run(struct loop *l); /* until loop_stop */
void loop_stop(struct loop *l);
struct event_base *loop_base(struct loop *l); /* for core/resp */

/* fn(arg) on the loop's thread, soon. False: no memory. */
bool loop_post(struct loop *l, void (*fn)(void *arg), void *arg);

/* Every interval_ms until freed; 0 starts it stopped. */
struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *arg), void *arg);
void loop_timer_start(struct loop_timer *t, int interval_ms, bool repeat);
void loop_timer_free(struct loop_timer *t);

/* fn when fd can be read (or is at its end). */
struct loop_fd *loop_fd_new(struct loop *l, int fd, void (*fn)(void *arg), void *arg);
void loop_fd_free(struct loop_fd *f);

struct loop_signal *loop_signal_new(struct loop *l, int number, void (*fn)(void *arg), void *arg);
void loop_signal_free(struct loop_signal *s);

/* "unix:/path" (an old socket file is replaced) or "host:port" (port 0: any). accepted() owns fd,
 * which does not block. NULL: *why says it.
 */
struct loop_listener *loop_listen(struct loop *l, const char *address,
                                  void (*accepted)(void *arg, int fd), void *arg, const char **why);
unsigned loop_listener_port(const struct loop_listener *s); /* 0 for a Unix socket */
void loop_listener_free(struct loop_listener *s);

/* GET requests: page() fills body and names the content type, or returns false for 404. */
struct loop_http *loop_http_new(struct loop *l, const char *address,
                                bool (*page)(void *arg, const char *path, struct buf *body,
                                             const char **content_type),
                                void *arg, const char **why);
unsigned loop_http_port(const struct loop_http *h);
void loop_http_free(struct loop_http *h);

#endif
