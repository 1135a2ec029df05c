/* ringfence status, reload and control: what is said to a running engine. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "app/control_client.h"
#include "core/err.h"
#include "ringfence/commands.h"
#include "ringfence/common.h"
#include "ringfence/control.h"

enum { CALL_MS = 10 * 1000, RELOAD_S = 600, RELOAD_STEP_US = 200 * 1000 };

#define WHERE                                                                                 \
 "The socket is --socket, that of --config, or /run/ringfence/control.sock. A change needs\n" \
 "--why; --by is the login name where it is not given.\n"

static const struct command_help control_help = {
	.usage = "ringfence control VERB [NAME=VALUE...] [options]",
	.about =
		"Asks a running engine, or has it do something; `ringfence control help` lists its verbs.\n"
		"Prints the result as JSON. " WHERE,
};
static const struct command_help status_help = {
	.usage = "ringfence status [options]",
	.about = "How a running engine is: events, alerts, sources, sinks, reloads. " WHERE,
};
static const struct command_help reload_help = {
	.usage = "ringfence reload --why TEXT [options]",
	.about =
		"Has a running engine read rules, lists and tables anew, and waits until it has: all or\n"
		"nothing. " WHERE,
};

struct caller {
	const char *socket, *config, *by, *why;
	char socket_path[4096];
	bool json;
	struct common_options options;
};

/* ---- asking ---- */

bool control_socket(const char *config, char *out, size_t size)
{
	struct diags diags;

	if (!config) {
		(void)snprintf(out, size, "/run/ringfence/control.sock");
		return true;
	}
	diags_init(&diags);
	struct config *c = config_load(config, &diags);
	bool good = c && c->control;
	if (!c) {
		common_print_diags(&diags);
	} else if (!good) {
		fprintf(stderr, "%s: has no 'control'\n", config);
	} else {
		(void)snprintf(out, size, "%s", c->control);
	}
	if (c) {
		config_free(c);
	}
	diags_fini(&diags);
	return good;
}

/* The object or array whose bracket was just read; the reader goes behind it. */
static struct slice skip_raw(struct json_in *r, struct slice text, enum json_type t)
{
	size_t from = r->pos - 1;

	(void)json_skip(r, t);
	return (struct slice){text.p + from, r->pos - from};
}

static void print_refusal(struct slice error)
{
	struct json_in r = json_in(error);
	char plain[CONTROL_LINE_MAX];
	struct slice message = SLICE_LIT("no reason given");

	(void)json_next(&r);
	while (json_next(&r) == JSON_KEY) {
		bool is_message = slice_eq(r.text, SLICE_LIT("message"));
		enum json_type t = json_next(&r);
		if (is_message && t == JSON_STRING && r.text.len < sizeof(plain)) {
			message = json_unescape(r.text, plain);
		} else if (json_skip(&r, t) == JSON_ERROR) {
			break;
		}
	}
	fprintf(stderr, "refused: %.*s\n", SLICE_FMT(message));
}

/* The result's object in an answer; a missing slice after a message when it is a refusal. */
static struct slice result_of(struct slice answer)
{
	struct json_in r = json_in(answer);
	struct slice result = SLICE_NONE, error = SLICE_NONE;

	for (enum json_type t = json_next(&r); t == JSON_OBJECT || t == JSON_KEY;
	     t = json_next(&r)) {
		if (t == JSON_OBJECT) {
			continue;
		}
		struct slice key = r.text;
		t = json_next(&r);
		struct slice value =
			t == JSON_OBJECT || t == JSON_ARRAY ? skip_raw(&r, answer, t) : SLICE_NONE;
		result = slice_eq(key, SLICE_LIT("result")) ? value : result;
		error = slice_eq(key, SLICE_LIT("error")) ? value : error;
	}
	if (!result.p) {
		print_refusal(error);
	}
	return result;
}

bool control_ask(const char *socket, struct slice request, struct buf *answer, struct slice *result)
{
	char why[CONTROL_ERROR_TEXT];

	answer->len = 0;
	if (control_call(socket, request, CALL_MS, answer, why) != OK) {
		fprintf(stderr, "%s: %s\n", socket, why);
		return false;
	}
	*result = result_of(buf_view(answer));
	return result->p != NULL;
}

static const char *login(void)
{
	const struct passwd *who = getpwuid(getuid());

	return who ? who->pw_name : "";
}

/* NAME=VALUE: a whole number stays one, anything else is text. */
static bool put_member(struct json_out *w, const char *word)
{
	const char *value = strchr(word, '=');

	if (!value || value == word) {
		fprintf(stderr, "'%s' is no NAME=VALUE\n", word);
		return false;
	}
	json_key_slice(w, (struct slice){word, (size_t)(value - word)});
	if (json_is_number(slice_of(value + 1))) {
		json_raw(w, slice_of(value + 1));
	} else {
		json_text(w, value + 1);
	}
	return true;
}

static bool ask(const struct caller *c, const char *verb, struct buf *answer, struct slice *result)
{
	struct buf request = {0};
	struct json_out w = json_out(&request);
	bool good = true;

	json_object(&w);
	json_key(&w, "v");
	json_int(&w, CONTROL_PROTOCOL);
	json_key(&w, "id");
	json_int(&w, 1);
	json_key(&w, "verb");
	json_text(&w, verb);
	if (c->why) {
		json_key(&w, "by");
		json_text(&w, c->by ? c->by : login());
		json_key(&w, "why");
		json_text(&w, c->why);
	}
	for (size_t i = 1; i < c->options.input_count && good; i++) {
		good = put_member(&w, c->options.inputs[i]);
	}
	json_object_end(&w);
	good = good && control_ask(c->socket_path, buf_view(&request), answer, result);
	buf_fini(&request);
	return good;
}

/* -1 to go on. */
static int parse(struct caller *c, int argc, char **argv, const struct command_help *help)
{
	const struct own_option own[] = {
		{"socket", "PATH", "the control socket", &c->socket, NULL},
		{"config", "F", "the engine's configuration, which names the socket", &c->config,
	         NULL},
		{"by", "WHO", "who changes something", &c->by, NULL},
		{"why", "TEXT", "and why", &c->why, NULL},
		{"json", NULL, "output for programs", NULL, &c->json},
	};
	int status =
		common_options(argc, argv, help, own, sizeof(own) / sizeof(own[0]), &c->options);

	if (status >= 0) {
		return status;
	}
	if (c->socket) {
		(void)snprintf(c->socket_path, sizeof(c->socket_path), "%s", c->socket);
	} else if (!control_socket(c->config, c->socket_path, sizeof(c->socket_path))) {
		return EXIT_BAD_INPUT;
	}
	return -1;
}

/* ---- the commands ---- */

static void print_json(struct slice result)
{
	printf("%.*s\n", SLICE_FMT(result));
}

int cmd_control(int argc, char **argv)
{
	struct caller c = {0};
	struct buf answer = {0};
	struct slice result;
	int status = parse(&c, argc, argv, &control_help);

	if (status >= 0) {
		return status;
	}
	if (c.options.input_count == 0) {
		fprintf(stderr, "which verb? `ringfence control help` lists them\n");
		return EXIT_USAGE;
	}
	bool good = ask(&c, c.options.inputs[0], &answer, &result);
	if (good) {
		print_json(result);
	}
	buf_fini(&answer);
	return good ? EXIT_DONE : EXIT_BAD_INPUT;
}

/* A line a member; those of objects in an array on one line. */
static void print_members(struct slice object)
{
	struct json_in r = json_in(object);
	char plain[4096];
	unsigned depth = 0;

	for (enum json_type t = json_next(&r); t != JSON_NONE && t != JSON_ERROR;
	     t = json_next(&r)) {
		struct slice text = r.text;
		switch (t) {
		case JSON_OBJECT:
		case JSON_ARRAY: depth++; break;
		case JSON_OBJECT_END:
		case JSON_ARRAY_END: depth--; break;
		case JSON_KEY:
			printf(depth == 1 ? "\n%-14.*s" : " %.*s ", SLICE_FMT(text));
			continue;
		case JSON_STRING:
			text = text.len < sizeof(plain) ? json_unescape(text, plain) : text;
			printf("%.*s", SLICE_FMT(text));
			continue;
		case JSON_NUMBER: printf("%.*s", SLICE_FMT(text)); continue;
		case JSON_TRUE: printf("yes"); continue;
		case JSON_FALSE: printf("no"); continue;
		default: printf("-"); continue;
		}
		if (t == JSON_OBJECT && depth == 3) {
			printf("\n   ");
		}
	}
	printf("\n");
}

int cmd_status(int argc, char **argv)
{
	struct caller c = {0};
	struct buf answer = {0};
	struct slice result;
	int status = parse(&c, argc, argv, &status_help);

	if (status >= 0) {
		return status;
	}
	bool good = ask(&c, "status", &answer, &result);
	if (good) {
		(c.json ? print_json : print_members)(result);
	}
	buf_fini(&answer);
	return good ? EXIT_DONE : EXIT_BAD_INPUT;
}

struct reloads {
	int64_t asked, done, failed, kept, fresh, dropped;
};

static struct reloads read_reloads(struct slice status)
{
	struct reloads n = {0};
	const struct {
		struct slice name;
		int64_t *to;
	} members[] = {
		{SLICE_LIT("asked"), &n.asked},   {SLICE_LIT("done"), &n.done},
		{SLICE_LIT("failed"), &n.failed}, {SLICE_LIT("kept"), &n.kept},
		{SLICE_LIT("new"), &n.fresh},     {SLICE_LIT("dropped"), &n.dropped},
	};
	struct json_in r = json_in(status);
	bool inside = false;

	for (enum json_type t = json_next(&r); t != JSON_NONE && t != JSON_ERROR;
	     t = json_next(&r)) {
		inside = t == JSON_OBJECT_END ? false
		         : t == JSON_KEY      ? inside || slice_eq(r.text, SLICE_LIT("reloads"))
		                              : inside;
		for (size_t i = 0;
		     t == JSON_KEY && inside && i < sizeof(members) / sizeof(*members); i++) {
			struct slice key = r.text;
			if (slice_eq(key, members[i].name) && json_next(&r) == JSON_NUMBER) {
				*members[i].to = strtoll(r.text.p, NULL, 10);
				break;
			}
		}
	}
	return n;
}

/* Until the engine is through with the reload that was asked as the n-th. */
static bool await(const struct caller *c, struct reloads *now)
{
	struct caller q = {0};
	struct buf answer = {0};
	struct slice result;
	bool good = true;

	memcpy(q.socket_path, c->socket_path, sizeof(q.socket_path));
	for (unsigned i = 0; good && i < RELOAD_S * (1000000 / RELOAD_STEP_US); i++) {
		good = ask(&q, "status", &answer, &result);
		*now = good ? read_reloads(result) : *now;
		if (good && now->done + now->failed >= now->asked) {
			break;
		}
		(void)usleep(RELOAD_STEP_US);
	}
	buf_fini(&answer);
	return good;
}

int cmd_reload(int argc, char **argv)
{
	struct caller c = {0};
	struct buf answer = {0};
	struct slice result;
	struct reloads before = {0}, now = {0};
	int status = parse(&c, argc, argv, &reload_help);

	if (status >= 0) {
		return status;
	}
	if (!c.why) {
		fprintf(stderr, "a reload needs --why: it is kept in the journal\n");
		return EXIT_USAGE;
	}
	bool good = await(&c, &before) && ask(&c, "reload", &answer, &result) && await(&c, &now);
	bool done = good && now.done > before.done;
	if (done) {
		printf("reloaded: %lld groups of rules keep what they remember, %lld are new, %lld "
		       "are gone\n",
		       (long long)now.kept, (long long)now.fresh, (long long)now.dropped);
	} else if (good) {
		fprintf(stderr, "refused, the old rules stay: `ringfence check` says why, and the "
		                "engine's log\n");
	}
	buf_fini(&answer);
	return done ? EXIT_DONE : EXIT_BAD_INPUT;
}
