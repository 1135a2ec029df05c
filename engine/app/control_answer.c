/* One line of the control socket's protocol: read, checked, done, answered. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/control_parts.h"
#include "core/err.h"
#include "core/utf8.h"

enum { ID_DIGITS_MAX = 16 };
static const int64_t id_max = 9007199254740991; /* the largest that every JSON reader keeps */

struct refusal {
	const char *word;
	const char *message;
};

static const struct refusal refusals[CONTROL_REFUSAL_COUNT] = {
	[CONTROL_REFUSED_NONE] = {"none", ""},
#define CONTROL_REFUSAL(id, word, message) [CONTROL_REFUSED_##id] = {word, message},
#include "app/control_refusals.def"
#undef CONTROL_REFUSAL
};

const char *control_refusal_word(enum control_refusal r)
{
	return refusals[r].word;
}

/* ---- the built-in verbs; their user is the control ---- */

static void put_verb(struct json_out *w, const struct control_verb *v)
{
	json_object(w);
	json_key(w, "verb");
	json_text(w, v->name);
	json_key(w, "changes");
	json_bool(w, v->changes);
	json_key(w, "members");
	json_array(w);
	for (const char *const *name = v->members; name && *name; name++) {
		json_text(w, *name);
	}
	json_array_end(w);
	json_key(w, "help");
	json_text(w, v->help);
	json_object_end(w);
}

static int run_help(void *user, const struct control_request *r, struct json_out *result,
                    const char **code, const char **message);

static int run_version(void *user, const struct control_request *r, struct json_out *result,
                       const char **code, const char **message)
{
	(void)user;
	(void)r;
	(void)code;
	(void)message;
	json_object(result);
	json_key(result, "version");
	json_text(result, RINGFENCE_VERSION);
	json_key(result, "protocol");
	json_int(result, CONTROL_PROTOCOL);
	json_object_end(result);
	return OK;
}

static const struct control_verb built_in[] = {
	{.name = "help", .run = run_help, .help = "List the verbs and the members they take."},
	{.name = "version",
         .run = run_version,
         .help = "Name the version of the engine and of this protocol."},
};
enum { BUILT_IN_COUNT = sizeof(built_in) / sizeof(built_in[0]) };

static int run_help(void *user, const struct control_request *r, struct json_out *result,
                    const char **code, const char **message)
{
	const struct control *c = user;

	(void)r;
	(void)code;
	(void)message;
	json_object(result);
	json_key(result, "verbs");
	json_array(result);
	for (size_t i = 0; i < BUILT_IN_COUNT; i++) {
		put_verb(result, &built_in[i]);
	}
	for (size_t i = 0; i < c->options.verb_count; i++) {
		put_verb(result, &c->options.verbs[i]);
	}
	json_array_end(result);
	json_object_end(result);
	return OK;
}

static const struct control_verb *find_verb(const struct control_verb *verbs, size_t count,
                                            struct slice name)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_eq(slice_of(verbs[i].name), name)) {
			return &verbs[i];
		}
	}
	return NULL;
}

/* ---- reading ---- */

const struct control_member *control_member(const struct control_request *r, const char *name)
{
	for (size_t i = 0; i < r->member_count; i++) {
		if (slice_eq(r->members[i].name, slice_of(name))) {
			return &r->members[i];
		}
	}
	return NULL;
}

/* Texts lie one behind the other in the control's room: all of a line fit there. */
static struct slice unescape(struct control *c, size_t *used, struct slice raw)
{
	struct slice text = json_unescape(raw, c->text + *used);

	*used += text.p == raw.p ? 0 : text.len;
	return text;
}

static enum control_refusal read_value(struct control *c, size_t *used, struct json_in *in,
                                       const char *line, struct control_member *m)
{
	m->type = json_next(in);
	m->value = SLICE_NONE;
	switch (m->type) {
	case JSON_STRING: m->value = unescape(c, used, in->text); break;
	case JSON_NUMBER: m->value = in->text; break;
	case JSON_OBJECT:
	case JSON_ARRAY:
		m->value.p = line + in->pos - 1; /* the bracket is read */
		if (json_skip(in, m->type) == JSON_ERROR) {
			return CONTROL_REFUSED_BAD_JSON;
		}
		m->value.len = (size_t)(line + in->pos - m->value.p);
		break;
	case JSON_ERROR: return CONTROL_REFUSED_BAD_JSON;
	default: break;
	}
	return CONTROL_REFUSED_NONE;
}

/* Reads to the end even when there are too many members, so that what is no JSON is called so. */
static enum control_refusal read_members(struct control *c, struct slice line)
{
	struct control_request *r = &c->request;
	struct json_in in = json_in(line);
	enum control_refusal bad = CONTROL_REFUSED_NONE;
	enum json_type type;
	size_t used = 0;

	if (json_next(&in) != JSON_OBJECT) {
		return CONTROL_REFUSED_BAD_JSON;
	}
	while ((type = json_next(&in)) == JSON_KEY) {
		struct control_member m = {.name = unescape(c, &used, in.text)};
		if (read_value(c, &used, &in, line.p, &m)) {
			return CONTROL_REFUSED_BAD_JSON;
		}
		if (r->member_count == CONTROL_MEMBERS_MAX) {
			bad = CONTROL_REFUSED_TOO_MANY;
			continue;
		}
		for (size_t i = 0; i < r->member_count && !bad; i++) {
			bad = slice_eq(r->members[i].name, m.name) ? CONTROL_REFUSED_REPEATED
			                                           : CONTROL_REFUSED_NONE;
		}
		r->members[r->member_count++] = m;
	}
	if (type != JSON_OBJECT_END || json_next(&in) != JSON_NONE) {
		return CONTROL_REFUSED_BAD_JSON;
	}
	return bad;
}

/* -1: none, or none that could be given back. */
static int64_t read_id(const struct control_request *r)
{
	const struct control_member *m = control_member(r, "id");
	int64_t id = 0;

	if (!m || m->type != JSON_NUMBER || m->value.len > ID_DIGITS_MAX) {
		return -1;
	}
	for (size_t i = 0; i < m->value.len; i++) {
		if (!ascii_is_digit(m->value.p[i])) {
			return -1;
		}
		id = id * 10 + (m->value.p[i] - '0');
	}
	return id <= id_max ? id : -1;
}

/* ---- checking ---- */

/* What reads as it is stored: no control characters, nothing that turns the direction of writing or
 * breaks a line, no noncharacter and no sign that something could not be read.
 */
static bool is_plain(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} refused[] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0x200b, 0x200f}, {0x2028, 0x202e},
	               {0x2060, 0x206f}, {0xfdd0, 0xfdef}, {0xfeff, 0xfeff}, {0xfff9, 0xfffd}};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (code >= refused[i].first && code <= refused[i].last) {
			return false;
		}
	}
	return (code & 0xfffe) != 0xfffe;
}

static bool is_plain_text(struct slice s, size_t len_max)
{
	bool said = false;

	if (s.len > len_max || !utf8_valid(s)) {
		return false;
	}
	while (s.len) {
		uint32_t code = utf8_next(&s);
		if (!is_plain(code)) {
			return false;
		}
		said = said || code != ' ';
	}
	return said;
}

/* by and why: needed for a change, and plain wherever they are given. */
static bool read_statement(const struct control_request *r, const char *name, bool needed,
                           size_t len_max, struct slice *out)
{
	const struct control_member *m = control_member(r, name);

	if (!m) {
		return !needed;
	}
	*out = m->value;
	return m->type == JSON_STRING && is_plain_text(m->value, len_max);
}

static bool takes(const struct control_verb *v, struct slice name)
{
	static const char *const common[] = {"v", "id", "verb", "by", "why", NULL};

	for (const char *const *n = common; *n; n++) {
		if (slice_eq(slice_of(*n), name)) {
			return true;
		}
	}
	for (const char *const *n = v->members; n && *n; n++) {
		if (slice_eq(slice_of(*n), name)) {
			return true;
		}
	}
	return false;
}

static bool takes_all(const struct control_verb *v, const struct control_request *r)
{
	for (size_t i = 0; i < r->member_count; i++) {
		if (!takes(v, r->members[i].name)) {
			return false;
		}
	}
	return true;
}

/* The right comes before what is asked for in detail: who may not, learns nothing of it. */
static enum control_refusal check(struct control_request *r, const struct control_verb *v,
                                  enum control_right right)
{
	if (right < (v->changes ? CONTROL_RIGHT_CHANGE : CONTROL_RIGHT_READ)) {
		return CONTROL_REFUSED_DENIED;
	}
	if (!read_statement(r, "by", v->changes, CONTROL_BY_MAX, &r->by)) {
		return CONTROL_REFUSED_BAD_BY;
	}
	if (!read_statement(r, "why", v->changes, CONTROL_WHY_MAX, &r->why)) {
		return CONTROL_REFUSED_BAD_WHY;
	}
	return takes_all(v, r) ? CONTROL_REFUSED_NONE : CONTROL_REFUSED_UNKNOWN_MEMBER;
}

/* ---- answering ---- */

static struct json_out begin_answer(struct buf *out, int64_t id, bool ok)
{
	struct json_out w = json_out(out);

	json_object(&w);
	json_key(&w, "v");
	json_int(&w, CONTROL_PROTOCOL);
	json_key(&w, "id");
	if (id < 0) {
		json_null(&w);
	} else {
		json_int(&w, id);
	}
	json_key(&w, "ok");
	json_bool(&w, ok);
	json_key(&w, ok ? "result" : "error");
	return w;
}

static void put_error(struct buf *out, int64_t id, const char *code, const char *message)
{
	struct json_out w = begin_answer(out, id, false);

	json_object(&w);
	json_key(&w, "code");
	json_text(&w, code);
	json_key(&w, "message");
	json_text(&w, message);
	json_object_end(&w);
	json_object_end(&w);
	buf_char(out, '\n');
}

void control_refuse(struct control *c, struct buf *out, int64_t id, enum control_refusal r)
{
	c->stats.refused[r]++;
	put_error(out, id, refusals[r].word, refusals[r].message);
}

static void tell_journal(struct control *c, bool ok, const char *message)
{
	c->stats.changes++;
	if (c->options.journal) {
		c->options.journal(c->options.user, &c->request, ok, slice_of(message));
	}
}

/* The result is written in place; it is taken back when it turns out that there is none. */
static void run_verb(struct control *c, const struct control_verb *v, bool own, int64_t id,
                     struct buf *out)
{
	const char *code = NULL, *message = NULL;
	size_t start = out->len;
	struct json_out w = begin_answer(out, id, true);
	size_t result = out->len;

	int err = v->run(own ? c : c->options.user, &c->request, &w, &code, &message);
	if (err) {
		code = code ? code : refusals[CONTROL_REFUSED_FAILED].word;
		message = message ? message : err_text(err);
	}
	if (v->changes) {
		tell_journal(c, !err, err ? message : "");
	}
	if (err || out->len - result > CONTROL_ANSWER_MAX) {
		out->len = start;
	}
	if (err) {
		c->stats.refused[CONTROL_REFUSED_FAILED]++;
		put_error(out, id, code, message);
	} else if (out->len == start) {
		control_refuse(c, out, id, CONTROL_REFUSED_TOO_LARGE);
	} else {
		c->stats.answered++;
		if (out->len == result) {
			json_object(&w);
			json_object_end(&w);
		}
		json_object_end(&w);
		buf_char(out, '\n');
	}
}

/* Everything up to the verb; NULL with *bad where there is none. */
static const struct control_verb *read_request(struct control *c, struct slice line, int64_t *id,
                                               bool *own, enum control_refusal *bad)
{
	struct control_request *r = &c->request;

	*id = -1;
	*bad = line.len > CONTROL_LINE_MAX ? CONTROL_REFUSED_TOO_LONG : read_members(c, line);
	if (*bad) {
		return NULL;
	}
	*id = read_id(r);
	const struct control_member *v = control_member(r, "v");
	const struct control_member *verb = control_member(r, "verb");
	if (!v || v->type != JSON_NUMBER || !slice_eq(v->value, SLICE_LIT("1"))) {
		*bad = CONTROL_REFUSED_BAD_VERSION;
	} else if (*id < 0) {
		*bad = CONTROL_REFUSED_BAD_ID;
	} else if (!verb || verb->type != JSON_STRING) {
		*bad = CONTROL_REFUSED_NO_VERB;
	}
	if (*bad) {
		return NULL;
	}
	r->verb = verb->value;
	const struct control_verb *found = find_verb(built_in, BUILT_IN_COUNT, r->verb);
	*own = found != NULL;
	if (!found) {
		found = find_verb(c->options.verbs, c->options.verb_count, r->verb);
	}
	*bad = found ? CONTROL_REFUSED_NONE : CONTROL_REFUSED_UNKNOWN_VERB;
	return found;
}

void control_answer_peer(struct control *c, struct slice line, const struct control_peer *peer,
                         struct buf *out)
{
	enum control_refusal bad;
	int64_t id;
	bool own;

	(void)snprintf(c->peer_text, sizeof(c->peer_text), "uid %" PRIuMAX, (uintmax_t)peer->uid);
	c->stats.requests++;
	c->request.member_count = 0;
	c->request.verb = c->request.by = c->request.why = SLICE_NONE;
	c->request.uid = peer->uid;
	c->request.pid = peer->pid;
	c->request.peer = c->peer_text;
	const struct control_verb *v = read_request(c, line, &id, &own, &bad);
	if (v) {
		bad = check(&c->request, v, peer->right);
	}
	if (bad) {
		control_refuse(c, out, id, bad);
	} else {
		run_verb(c, v, own, id, out);
	}
}

/* ---- rights ---- */

static bool is_member(const struct control_cred *cred, gid_t group)
{
	if (cred->gid == group) {
		return true;
	}
	for (size_t i = 0; i < cred->group_count; i++) {
		if (cred->groups[i] == group) {
			return true;
		}
	}
	return false;
}

enum control_right control_right(const struct control *c, const struct control_cred *cred)
{
	const struct control_rights *r = &c->rights;

	if (cred->uid == 0 || cred->uid == r->owner) {
		return CONTROL_RIGHT_CHANGE;
	}
	if (r->has_change && is_member(cred, r->change)) {
		return CONTROL_RIGHT_CHANGE;
	}
	return r->has_read && is_member(cred, r->read) ? CONTROL_RIGHT_READ : CONTROL_RIGHT_NONE;
}

void control_answer(struct control *c, struct slice line, const struct control_cred *cred,
                    struct buf *out)
{
	struct control_peer peer = {cred->uid, cred->pid, control_right(c, cred)};

	control_answer_peer(c, line, &peer, out);
}
