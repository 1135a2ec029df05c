/* The control socket's connections, its file and the client: no peer keeps the loop or a place, the
 * kernel says who asks, and what is not ours at the path stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/control_client.h"
#include "support/exact.h"
#include "unit/app/control_bench.h"

enum { WAIT_MS = 5000 };

/* ---- on a socket ---- */

/* An engine on a thread of its own. Its owner is this process, unless the test says otherwise. */
struct engine {
	char folder[40], path[64];
	struct run_as owner;
	struct control_options options;
	struct seen seen;
	struct loop *loop;
	struct control *control;
	pthread_t thread;
	bool running;
};

static void *run_loop(void *arg)
{
	loop_run(((struct engine *)arg)->loop);
	return NULL;
}

static int set_up(void **state)
{
	struct engine *e = calloc(1, sizeof(*e));

	*state = e;
	(void)strcpy(e->folder, "/tmp/ringfence-control.XXXXXX");
	if (!mkdtemp(e->folder) || chmod(e->folder, 0755) != 0) {
		return -1;
	}
	(void)snprintf(e->path, sizeof(e->path), "%s/sock", e->folder);
	e->owner = (struct run_as){.uid = geteuid(), .gid = getegid()};
	e->options = options_of(&e->seen);
	e->options.owner = &e->owner;
	e->options.path = e->path;
	e->loop = loop_new();
	return e->loop ? 0 : -1;
}

static void start(struct engine *e)
{
	char why[CONTROL_ERROR_TEXT] = "";

	e->control = control_open(e->loop, &e->options, why, sizeof(why));
	assert_string_equal(why, "");
	assert_non_null(e->control);
	assert_int_equal(pthread_create(&e->thread, NULL, run_loop, e), 0);
	e->running = true;
}

static void stop_loop(void *arg)
{
	loop_stop(arg);
}

/* Ends the thread; the counters stand still then. */
static struct control_stats stop(struct engine *e)
{
	assert_true(loop_post(e->loop, stop_loop, e->loop));
	assert_int_equal(pthread_join(e->thread, NULL), 0);
	e->running = false;
	struct control_stats s = control_stats(e->control);
	assert_balance(s);
	return s;
}

static int tear_down(void **state)
{
	struct engine *e = *state;

	if (e->running) {
		(void)stop(e);
	}
	control_close(e->control);
	loop_free(e->loop);
	(void)unlink(e->path);
	int err = rmdir(e->folder);
	free(e);
	return err;
}

static int connect_to(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval wait = {WAIT_MS / 1000, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, path, strlen(path));
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void put(int fd, struct slice s)
{
	while (s.len) {
		ssize_t n = send(fd, s.p, s.len, MSG_NOSIGNAL);
		assert_true(n > 0);
		s = slice_skip(s, (size_t)n);
	}
}

/* All there is up to the end of the connection. */
static struct slice read_all(int fd, struct buf *out)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
		buf_add(out, bytes, (size_t)n);
	}
	assert_true(n == 0 || errno == ECONNRESET);
	close(fd);
	return buf_view(out);
}

static void read_one(int fd, struct buf *out)
{
	char c = 0;

	buf_reset(out);
	while (c != '\n') {
		assert_int_equal(recv(fd, &c, 1, 0), 1);
		buf_char(out, c);
	}
}

static void the_client_gets_its_answer(void **state)
{
	struct engine *e = *state;
	struct buf answer = {0};
	char why[CONTROL_ERROR_TEXT];

	start(e);
	assert_int_equal(control_call(e->path, SLICE_LIT(GOOD), WAIT_MS, &answer, why), OK);
	assert_true(slice_eq(buf_view(&answer), SLICE_LIT(OK7 "{\"muted\":\"r\"}}")));
	buf_reset(&answer);
	struct slice line = long_line(CONTROL_LINE_MAX);
	assert_int_equal(control_call(e->path, line, WAIT_MS, &answer, why), OK);
	assert_true(answer.len > CONTROL_LINE_MAX - 50);
	exact_free(line);
	buf_reset(&answer);
	assert_int_equal(
		control_call(e->path,
	                     SLICE_LIT("{\"v\":1,\"id\":7,\"verb\":\"large\",\"size\":1048576}"),
	                     WAIT_MS, &answer, why),
		OK);
	assert_int_equal(answer.len, CONTROL_ANSWER_MAX + sizeof(OK7 "}") - 1);
	struct control_stats s = stop(e);
	assert_int_equal(s.answered, 3);
	assert_int_equal(s.changes, 1);
	assert_int_equal(e->seen.uid, geteuid());
	buf_fini(&answer);
}

/* In their order, also those that were sent before the peer said that it sends no more. */
static void pipelined_requests_are_answered_in_order(void **state)
{
	struct engine *e = *state;
	struct buf lines = {0}, got = {0}, want = {0};
	enum { COUNT = 300 };

	start(e);
	for (int i = 0; i < COUNT; i++) {
		buf_printf(&lines, "{\"v\":1,\"id\":%d,\"verb\":\"echo\"}\n", i);
		buf_printf(&want, "{\"v\":1,\"id\":%d,\"ok\":true,\"result\":{}}\n", i);
	}
	int fd = connect_to(e->path);
	put(fd, buf_view(&lines));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_true(slice_eq(read_all(fd, &got), buf_view(&want)));
	struct control_stats s = stop(e);
	assert_int_equal(s.requests, COUNT);
	assert_int_equal(s.ended, 1);
	buf_fini(&lines);
	buf_fini(&got);
	buf_fini(&want);
}

/* Answers larger than a socket holds, asked for before one is read. */
static void a_late_reader_gets_everything(void **state)
{
	struct engine *e = *state;
	struct buf got = {0};
	static const char line[] = "{\"v\":1,\"id\":7,\"verb\":\"large\",\"size\":900000}\n";

	start(e);
	int fd = connect_to(e->path);
	for (int i = 0; i < 3; i++) {
		put(fd, SLICE_LIT(line));
	}
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	(void)poll(NULL, 0, 30);
	assert_int_equal(read_all(fd, &got).len, 3 * (900000 + sizeof(OK7 "}")));
	assert_int_equal(stop(e).answered, 3);
	buf_fini(&got);
}

static void pieces_make_a_line(void **state)
{
	struct engine *e = *state;
	struct buf got = {0};
	struct slice rest = SLICE_LIT(ECHO "}\n" ECHO ",\"value\":2}\n");

	start(e);
	int fd = connect_to(e->path);
	for (; rest.len; rest = slice_skip(rest, 1)) {
		put(fd, slice_first(rest, 1));
		(void)sched_yield();
	}
	read_one(fd, &got);
	assert_true(slice_eq(buf_view(&got), SLICE_LIT(OK7 "{}}\n")));
	read_one(fd, &got);
	assert_true(slice_eq(buf_view(&got), SLICE_LIT(OK7 "2}\n")));
	put(fd, SLICE_LIT(ECHO "}\n" ECHO));
	read_one(fd, &got);
	assert_true(slice_eq(buf_view(&got), SLICE_LIT(OK7 "{}}\n")));
	put(fd, SLICE_LIT(",\"value\":3}\n"));
	read_one(fd, &got);
	assert_true(slice_eq(buf_view(&got), SLICE_LIT(OK7 "3}\n")));
	put(fd, SLICE_LIT(ECHO));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	buf_reset(&got);
	assert_int_equal(read_all(fd, &got).len, 0);
	assert_int_equal(stop(e).refused[CONTROL_REFUSED_CUT_OFF], 1);
	buf_fini(&got);
}

static void a_line_too_long_ends_the_connection(void **state)
{
	struct engine *e = *state;
	struct buf got = {0};
	struct slice line = long_line(CONTROL_LINE_MAX + 1);

	start(e);
	int fd = connect_to(e->path);
	put(fd, SLICE_LIT(ECHO "}\n"));
	put(fd, line);
	(void)read_all(fd, &got);
	buf_char(&got, '\0');
	assert_non_null(strstr(got.p, OK7 "{}}\n{\"v\":1,\"id\":null,\"ok\":false,"
	                                  "\"error\":{\"code\":\"too_long\""));
	assert_int_equal(stop(e).refused[CONTROL_REFUSED_TOO_LONG], 1);
	exact_free(line);
	buf_fini(&got);
}

static void who_does_not_ask_is_closed(void **state)
{
	struct engine *e = *state;
	struct buf got = {0};

	e->options.idle_ms = 50;
	start(e);
	int fd = connect_to(e->path);
	put(fd, SLICE_LIT(ECHO)); /* bytes alone keep nobody */
	assert_int_equal(read_all(fd, &got).len, 0);
	assert_int_equal(stop(e).refused[CONTROL_REFUSED_IDLE], 1);
	buf_fini(&got);
}

static void who_does_not_read_is_closed(void **state)
{
	struct engine *e = *state;
	struct buf got = {0};

	e->options.stall_ms = 50;
	start(e);
	int fd = connect_to(e->path);
	put(fd, SLICE_LIT("{\"v\":1,\"id\":7,\"verb\":\"large\",\"size\":1000000}\n"));
	struct pollfd hung_up = {.fd = fd};
	assert_int_equal(poll(&hung_up, 1, WAIT_MS), 1);
	assert_true(read_all(fd, &got).len < 1000000);
	assert_int_equal(stop(e).refused[CONTROL_REFUSED_SLOW_READER], 1);
	buf_fini(&got);
}

/* While one peer is stuck and one sends half a line, others are served. */
static void nobody_waits_for_another(void **state)
{
	struct engine *e = *state;
	struct buf answer = {0};
	char why[CONTROL_ERROR_TEXT];

	start(e);
	int stuck = connect_to(e->path), half = connect_to(e->path);
	put(stuck, SLICE_LIT("{\"v\":1,\"id\":7,\"verb\":\"large\",\"size\":1000000}\n"));
	put(half, SLICE_LIT("{\"v\":1,"));
	assert_int_equal(control_call(e->path, SLICE_LIT(ECHO "}"), WAIT_MS, &answer, why), OK);
	close(stuck);
	close(half);
	buf_fini(&answer);
}

static void the_17th_is_turned_away(void **state)
{
	struct engine *e = *state;
	struct buf got = {0};
	int fds[CONTROL_CONNECTIONS_MAX];

	start(e);
	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
		fds[i] = connect_to(e->path);
	}
	(void)read_all(connect_to(e->path), &got);
	buf_char(&got, '\0');
	assert_non_null(strstr(got.p, "\"id\":null,\"ok\":false,\"error\":{\"code\":\"busy\""));
	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
		put(fds[i], SLICE_LIT(ECHO "}\n"));
		read_one(fds[i], &got);
		assert_true(slice_eq(buf_view(&got), SLICE_LIT(OK7 "{}}\n")));
	}
	close(fds[3]); /* its place is free for the next, as soon as it is seen */
	do {
		int fd = connect_to(e->path);
		put(fd, SLICE_LIT(ECHO "}\n"));
		read_one(fd, &got);
		close(fd);
	} while (!slice_eq(buf_view(&got), SLICE_LIT(OK7 "{}}\n")));
	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
		if (i != 3) {
			close(fds[i]);
		}
	}
	assert_true(stop(e).refused[CONTROL_REFUSED_BUSY] >= 1);
	buf_fini(&got);
}

/* ---- whose connection it is ---- */

/* What the kernel says about a peer can be tried only by one who may become others. */
static int connect_as(const char *path, uid_t uid, gid_t gid, gid_t group)
{
	assert_int_equal(setgroups(1, &group), 0);
	assert_int_equal(setegid(gid), 0);
	assert_int_equal(seteuid(uid), 0);
	int fd = connect_to(path);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
	assert_int_equal(setgroups(0, NULL), 0);
	return fd;
}

static void the_kernel_says_who_asks(void **state)
{
	struct engine *e = *state;
	struct buf got = {0};
	char read[32], change[32];
	gid_t id[2];
	struct stat st;

	if (geteuid() != 0) {
		skip();
	}
	two_groups(read, change, id);
	e->owner.uid = OWNER;
	e->options.read_group = read;
	e->options.change_group = change;
	start(e);
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	const struct {
		uid_t uid;
		gid_t group;
		const char *reading, *changing;
	} table[] = {{OWNER, 60001, OK7, OK7},
	             {STRANGER, id[0], OK7,
	              "{\"v\":1,\"id\":7,\"ok\":false,\"error\":{\"code\":\"denied\""},
	             {STRANGER, id[1], OK7, OK7}};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int fd = connect_as(e->path, table[i].uid, 60002, table[i].group);
		put(fd, SLICE_LIT(ECHO "}\n" GOOD "\n"));
		read_one(fd, &got);
		assert_true(slice_starts(buf_view(&got), slice_of(table[i].reading)));
		read_one(fd, &got);
		assert_true(slice_starts(buf_view(&got), slice_of(table[i].changing)));
		close(fd);
	}
	(void)read_all(connect_as(e->path, STRANGER, 60002, 60001), &got);
	struct control_stats s = stop(e);
	assert_int_equal(s.refused[CONTROL_REFUSED_STRANGER], 1);
	assert_int_equal(s.refused[CONTROL_REFUSED_DENIED], 1);
	assert_int_equal(s.changes, 2);
	buf_fini(&got);
}

static void readers_leave_places_for_those_who_change(void **state)
{
	struct engine *e = *state;
	struct buf got = {0};
	char read[32], change[32];
	gid_t id[2];
	int fds[CONTROL_READERS_MAX];

	if (geteuid() != 0) {
		skip();
	}
	two_groups(read, change, id);
	e->options.read_group = read;
	start(e);
	for (size_t i = 0; i < CONTROL_READERS_MAX; i++) {
		fds[i] = connect_as(e->path, STRANGER, id[0], 60001);
	}
	(void)read_all(connect_as(e->path, STRANGER, id[0], 60001), &got);
	assert_true(got.len > 0);
	int mine = connect_to(e->path);
	put(mine, SLICE_LIT(GOOD "\n"));
	read_one(mine, &got);
	assert_true(slice_starts(buf_view(&got), SLICE_LIT(OK7)));
	close(mine);
	for (size_t i = 0; i < CONTROL_READERS_MAX; i++) {
		close(fds[i]);
	}
	assert_int_equal(stop(e).refused[CONTROL_REFUSED_BUSY], 1);
	buf_fini(&got);
}

/* Whoever is not root tries it by being somebody else than the owner. */
static void a_stranger_is_told_and_closed(void **state)
{
	struct engine *e = *state;
	struct buf answer = {0};
	char why[CONTROL_ERROR_TEXT];

	if (geteuid() == 0) {
		skip();
	}
	e->owner.uid = geteuid() + 1;
	start(e);
	assert_int_equal(control_call(e->path, SLICE_LIT(GOOD), WAIT_MS, &answer, why), OK);
	buf_char(&answer, '\0');
	assert_non_null(strstr(answer.p, "\"code\":\"stranger\""));
	struct control_stats s = stop(e);
	assert_int_equal(s.refused[CONTROL_REFUSED_STRANGER], 1);
	assert_int_equal(e->seen.ran, 0);
	buf_fini(&answer);
}

/* ---- the socket file ---- */

static void the_file_comes_and_goes(void **state)
{
	struct engine *e = *state;
	struct stat st;

	start(e);
	assert_int_equal(stat(e->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	(void)stop(e);
	control_close(e->control);
	e->control = NULL;
	assert_int_equal(access(e->path, F_OK), -1);
}

static void one_group_owns_the_file(void **state)
{
	struct engine *e = *state;
	struct stat st;
	char read[32], change[32];
	gid_t id[2];

	if (geteuid() != 0) {
		skip();
	}
	two_groups(read, change, id);
	for (unsigned named = 1; named <= 2; named++) {
		e->options.read_group = named == 1 ? change : NULL;
		e->options.change_group = named == 2 ? change : NULL;
		start(e);
		assert_int_equal(stat(e->path, &st), 0);
		assert_int_equal(st.st_gid, id[1]);
		assert_int_equal(st.st_mode & 07777, 0660);
		(void)stop(e);
		control_close(e->control);
		e->control = NULL;
	}
}

static void assert_refused(struct engine *e, const char *text)
{
	char why[CONTROL_ERROR_TEXT] = "";

	assert_null(control_open(e->loop, &e->options, why, sizeof(why)));
	if (!strstr(why, text)) {
		fail_msg("%s", why);
	}
}

static void leave_stale(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(at.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
}

static void a_stale_file_is_replaced(void **state)
{
	struct engine *e = *state;
	struct buf answer = {0};
	char why[CONTROL_ERROR_TEXT];

	leave_stale(e->path);
	start(e);
	assert_int_equal(control_call(e->path, SLICE_LIT(ECHO "}"), WAIT_MS, &answer, why), OK);
	buf_fini(&answer);
}

static void a_live_one_is_left_alone(void **state)
{
	struct engine *e = *state;
	struct buf answer = {0};
	char why[CONTROL_ERROR_TEXT];

	start(e);
	assert_refused(e, "another process listens there");
	assert_int_equal(control_call(e->path, SLICE_LIT(ECHO "}"), WAIT_MS, &answer, why), OK);
	buf_fini(&answer);
}

static void other_files_are_left_alone(void **state)
{
	struct engine *e = *state;
	FILE *f = fopen(e->path, "w");

	assert_non_null(f);
	(void)fclose(f);
	assert_refused(e, "something else than a socket");
	assert_int_equal(access(e->path, F_OK), 0);
	assert_int_equal(unlink(e->path), 0);
	assert_int_equal(symlink("/nonexistent/sock", e->path), 0);
	assert_refused(e, "something else than a socket");
}

static void bad_paths_are_refused(void **state)
{
	struct engine *e = *state;
	char path[120];

	memset(path, 'x', sizeof(path) - 1);
	path[108] = '\0';
	e->options.path = path;
	assert_refused(e, "1 to 107 bytes");
	e->options.path = "";
	assert_refused(e, "1 to 107 bytes");
	e->options.path = "/nonexistent/sock";
	assert_refused(e, "No such file");
}

/* An engine that closes late does not take the file of its successor. */
static void the_successor_keeps_its_file(void **state)
{
	struct engine *e = *state;

	start(e);
	(void)stop(e);
	char aside[80];
	(void)snprintf(aside, sizeof(aside), "%s.old", e->path);
	assert_int_equal(rename(e->path, aside), 0); /* keeps its number in use */
	leave_stale(e->path);
	control_close(e->control);
	e->control = NULL;
	assert_int_equal(access(e->path, F_OK), 0);
	assert_int_equal(unlink(aside), 0);
}

/* ---- the client ---- */

/* A listener that does with a connection what fn does. */
struct impostor {
	int listener;
	struct slice says;
	bool at_once; /* before it is asked */
};

static void *serve_once(void *arg)
{
	struct impostor *im = arg;
	char byte;
	int fd = accept(im->listener, NULL, NULL);

	if (!im->at_once) {
		(void)recv(fd, &byte, 1, MSG_PEEK);
	}
	for (struct slice s = im->says; s.len;) {
		ssize_t n = send(fd, s.p, s.len, MSG_NOSIGNAL);
		s = n > 0 ? slice_skip(s, (size_t)n) : SLICE_NONE;
	}
	close(fd);
	return NULL;
}

static int call_impostor(struct engine *e, struct slice says, bool at_once)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct impostor im = {socket(AF_UNIX, SOCK_STREAM, 0), says, at_once};
	struct buf answer = {0};
	char why[CONTROL_ERROR_TEXT];
	pthread_t thread;

	memcpy(at.sun_path, e->path, strlen(e->path));
	assert_int_equal(bind(im.listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(im.listener, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve_once, &im), 0);
	int err = control_call(e->path, SLICE_LIT(ECHO "}"), WAIT_MS, &answer, why);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(im.listener);
	assert_int_equal(unlink(e->path), 0);
	buf_fini(&answer);
	return err;
}

static void the_client_says_what_went_wrong(void **state)
{
	struct engine *e = *state;
	struct buf answer = {0};
	char why[CONTROL_ERROR_TEXT];
	size_t size = CONTROL_ANSWER_MAX * 2;
	char *endless = malloc(size);

	assert_non_null(endless);
	memset(endless, 'x', size);
	assert_int_equal(control_call(e->path, SLICE_LIT("{}"), WAIT_MS, &answer, why), E_NOTFOUND);
	leave_stale(e->path);
	assert_int_equal(control_call(e->path, SLICE_LIT("{}"), WAIT_MS, &answer, why), E_NOTFOUND);
	assert_int_equal(control_call(e->path, SLICE_LIT("{}\n{}"), WAIT_MS, &answer, why),
	                 E_INVALID);
	struct slice line = long_line(CONTROL_LINE_MAX + 1);
	assert_int_equal(control_call(e->path, line, WAIT_MS, &answer, why), E_INVALID);
	exact_free(line);
	assert_int_equal(unlink(e->path), 0);
	assert_int_equal(call_impostor(e, SLICE_LIT("{\"v\""), false), E_TRUNCATED);
	assert_int_equal(call_impostor(e, SLICE_LIT(""), false), E_TRUNCATED);
	assert_int_equal(call_impostor(e, SLICE_LIT("{}\n"), false), OK);
	for (int i = 0; i < 200; i++) { /* whichever comes first, the answer is read */
		assert_int_equal(call_impostor(e, SLICE_LIT("{}\n"), true), OK);
	}
	assert_int_equal(call_impostor(e, (struct slice){endless, size}, false), E_FULL);
	free(endless);
	buf_fini(&answer);
}

/* An engine whose loop does not run takes connections and says nothing. */
static void the_client_waits_no_longer_than_told(void **state)
{
	struct engine *e = *state;
	struct buf answer = {0};
	char why[CONTROL_ERROR_TEXT];

	e->control = control_open(e->loop, &e->options, why, sizeof(why));
	assert_non_null(e->control);
	assert_int_equal(control_call(e->path, SLICE_LIT(ECHO "}"), 30, &answer, why), E_AGAIN);
	assert_int_equal(control_call(e->path, SLICE_LIT(ECHO "}"), 0, &answer, why), E_AGAIN);
	buf_fini(&answer);
}

#define ON_SOCKET(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SOCKET(the_client_gets_its_answer),
		ON_SOCKET(pipelined_requests_are_answered_in_order),
		ON_SOCKET(a_late_reader_gets_everything),
		ON_SOCKET(pieces_make_a_line),
		ON_SOCKET(a_line_too_long_ends_the_connection),
		ON_SOCKET(who_does_not_ask_is_closed),
		ON_SOCKET(who_does_not_read_is_closed),
		ON_SOCKET(nobody_waits_for_another),
		ON_SOCKET(the_17th_is_turned_away),
		ON_SOCKET(the_kernel_says_who_asks),
		ON_SOCKET(readers_leave_places_for_those_who_change),
		ON_SOCKET(a_stranger_is_told_and_closed),
		ON_SOCKET(the_file_comes_and_goes),
		ON_SOCKET(one_group_owns_the_file),
		ON_SOCKET(a_stale_file_is_replaced),
		ON_SOCKET(a_live_one_is_left_alone),
		ON_SOCKET(other_files_are_left_alone),
		ON_SOCKET(bad_paths_are_refused),
		ON_SOCKET(the_successor_keeps_its_file),
		ON_SOCKET(the_client_says_what_went_wrong),
		ON_SOCKET(the_client_waits_no_longer_than_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
