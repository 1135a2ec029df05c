#include "app/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/instant.h"
#include "core/json.h"

enum { JOURNAL_MEMORY_MAX = 256 << 20 };

static const char *const action_words[] = {
	[JOURNAL_START] = "start", [JOURNAL_RELOAD] = "reload", [JOURNAL_STOP] = "stop"};
enum { ACTION_COUNT = sizeof(action_words) / sizeof(action_words[0]) };

/* ---- writing ---- */

static void put_files(struct json_out *w, const struct journal_entry *e)
{
	json_key(w, "rules");
	json_text(w, e->rules);
	json_key(w, "files");
	json_array(w);
	for (size_t i = 0; i < e->file_count; i++) {
		json_object(w);
		json_key(w, "role");
		json_text(w, e->files[i].role);
		json_key(w, "name");
		json_text(w, e->files[i].name);
		json_key(w, "digest");
		json_text(w, e->files[i].digest);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_time(struct json_out *w, const char *key, int64_t time_us)
{
	char text[INSTANT_TEXT];

	json_key(w, key);
	if (time_us == INSTANT_NONE) {
		json_null(w);
	} else {
		json_slice(w, (struct slice){text, instant_format(time_us, text)});
	}
}

static void put_entry(struct buf *out, const struct journal_entry *e)
{
	struct json_out w = json_out(out);

	json_object(&w);
	json_key(&w, "at");
	json_int(&w, (int64_t)e->at);
	put_time(&w, "time", e->time_us);
	json_key(&w, "action");
	json_text(&w, action_words[e->action]);
	if (e->action == JOURNAL_START) {
		put_time(&w, "since", e->since_us);
		json_key(&w, "cold");
		json_bool(&w, e->cold);
		json_key(&w, "resumed");
		json_bool(&w, e->resumed);
		json_key(&w, "alert");
		json_int(&w, (int64_t)e->alert);
		json_key(&w, "inputs");
		json_int(&w, (int64_t)(e->inputs & INT64_MAX));
		json_key(&w, "sources");
		json_array(&w);
		for (size_t i = 0; i < e->source_count; i++) {
			json_text(&w, e->sources[i]);
		}
		json_array_end(&w);
	}
	if (e->by) {
		json_key(&w, "by");
		json_text(&w, e->by);
		json_key(&w, "why");
		json_text(&w, e->why);
		json_key(&w, "peer");
		json_text(&w, e->peer);
	}
	if (e->action != JOURNAL_STOP) {
		put_files(&w, e);
	}
	json_object_end(&w);
	buf_char(out, '\n');
}

int journal_append(const char *path, const struct journal_entry *e)
{
	struct buf line = {0};
	char last = '\n';

	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n') {
		buf_char(&line, '\n'); /* a kill broke the line before off */
	}
	put_entry(&line, e);
	bool good = fd >= 0 && !line.failed && write(fd, line.p, line.len) == (ssize_t)line.len &&
	            fdatasync(fd) == 0;
	if (fd >= 0) {
		close(fd);
	}
	int err = line.failed ? E_NOMEM : good ? OK : E_IO;
	buf_fini(&line);
	return err;
}

/* ---- reading ---- */

static const char *text_of(struct arena *arena, const struct json_in *r)
{
	char *out = arena_alloc(arena, r->text.len + 1);

	if (!out) {
		return "";
	}
	struct slice text = json_unescape(r->text, out);
	memmove(out, text.p ? text.p : "", text.len);
	out[text.len] = '\0';
	return out;
}

static bool read_at(const struct json_in *r, uint64_t *at)
{
	char digits[24];

	if (r->text.len == 0 || r->text.len >= sizeof(digits)) {
		return false;
	}
	memcpy(digits, r->text.p, r->text.len);
	digits[r->text.len] = '\0';
	char *end;
	*at = strtoull(digits, &end, 10);
	return *end == '\0';
}

static bool read_action(const struct json_in *r, struct journal_entry *e)
{
	for (unsigned i = JOURNAL_START; i < ACTION_COUNT; i++) {
		if (slice_eq(r->text, slice_of(action_words[i]))) {
			e->action = (enum journal_action)i;
		}
	}
	return true; /* actions of later versions are passed over */
}

static bool read_sources(struct json_in *r, struct arena *arena, struct journal_entry *e)
{
	enum json_type t;

	while ((t = json_next(r)) == JSON_STRING) {
		if (e->source_count == JOURNAL_SOURCES_MAX) {
			return false;
		}
		e->sources[e->source_count++] = text_of(arena, r);
	}
	return t == JSON_ARRAY_END;
}

static bool read_file(struct json_in *r, struct arena *arena, struct journal_file *file)
{
	enum json_type t;

	*file = (struct journal_file){"", "", ""};
	while ((t = json_next(r)) == JSON_KEY) {
		const char **member = slice_eq(r->text, SLICE_LIT("role"))     ? &file->role
		                      : slice_eq(r->text, SLICE_LIT("name"))   ? &file->name
		                      : slice_eq(r->text, SLICE_LIT("digest")) ? &file->digest
		                                                               : NULL;
		t = json_next(r);
		if (member && t == JSON_STRING) {
			*member = text_of(arena, r);
		} else if (json_skip(r, t) == JSON_ERROR) {
			return false;
		}
	}
	return t == JSON_OBJECT_END;
}

static bool read_files(struct json_in *r, struct arena *arena, struct journal_entry *e)
{
	struct journal_file *files = NULL;
	size_t room = 0;
	enum json_type t;

	while ((t = json_next(r)) == JSON_OBJECT) {
		if (e->file_count == room) {
			size_t more = room ? room * 2 : 16;
			struct journal_file *grown = arena_alloc(arena, more * sizeof(*grown));
			if (!grown) {
				return false;
			}
			memcpy(grown, files ? files : grown, e->file_count * sizeof(*grown));
			files = grown;
			room = more;
		}
		if (!read_file(r, arena, &files[e->file_count])) {
			return false;
		}
		e->file_count++;
	}
	e->files = files;
	return t == JSON_ARRAY_END;
}

static bool read_member(struct json_in *r, struct arena *arena, struct journal_entry *e)
{
	struct slice key = r->text;
	enum json_type t = json_next(r);

	if (slice_eq(key, SLICE_LIT("at")) && t == JSON_NUMBER) {
		return read_at(r, &e->at);
	}
	if (slice_eq(key, SLICE_LIT("time")) && t == JSON_STRING) {
		return instant_parse_rfc3339(r->text, NULL, &e->time_us) == OK;
	}
	if (slice_eq(key, SLICE_LIT("since")) && t == JSON_STRING) {
		return instant_parse_rfc3339(r->text, NULL, &e->since_us) == OK;
	}
	if (slice_eq(key, SLICE_LIT("action")) && t == JSON_STRING) {
		return read_action(r, e);
	}
	if (slice_eq(key, SLICE_LIT("alert")) && t == JSON_NUMBER) {
		return read_at(r, &e->alert);
	}
	if (slice_eq(key, SLICE_LIT("inputs")) && t == JSON_NUMBER) {
		return read_at(r, &e->inputs);
	}
	bool *flag = slice_eq(key, SLICE_LIT("cold"))      ? &e->cold
	             : slice_eq(key, SLICE_LIT("resumed")) ? &e->resumed
	                                                   : NULL;
	if (flag) {
		*flag = t == JSON_TRUE;
		return t == JSON_TRUE || t == JSON_FALSE;
	}
	if (slice_eq(key, SLICE_LIT("rules")) && t == JSON_STRING) {
		e->rules = text_of(arena, r);
		return true;
	}
	if (slice_eq(key, SLICE_LIT("sources")) && t == JSON_ARRAY) {
		return read_sources(r, arena, e);
	}
	if (slice_eq(key, SLICE_LIT("files")) && t == JSON_ARRAY) {
		return read_files(r, arena, e);
	}
	return json_skip(r, t) != JSON_ERROR;
}

static bool read_entry(struct slice line, struct arena *arena, struct journal_entry *e)
{
	struct json_in r = json_in(line);
	enum json_type t = json_next(&r);

	*e = (struct journal_entry){.time_us = INSTANT_NONE, .since_us = INSTANT_NONE, .rules = ""};
	if (t != JSON_OBJECT) {
		return false;
	}
	while ((t = json_next(&r)) == JSON_KEY) {
		if (!read_member(&r, arena, e)) {
			return false;
		}
	}
	return t == JSON_OBJECT_END && json_next(&r) == JSON_NONE && e->action != JOURNAL_NONE;
}

static bool keep_entry(struct journal *j, size_t *room, const struct journal_entry *e)
{
	if (e->action == JOURNAL_START) {
		while (j->count > 0 && j->entries[j->count - 1].at > e->at) {
			j->count--; /* its events were lost with a kill */
		}
	}
	if (j->count == *room) {
		size_t more = *room ? *room * 2 : 64;
		struct journal_entry *grown = realloc(j->entries, more * sizeof(*grown));
		if (!grown) {
			return false;
		}
		j->entries = grown;
		*room = more;
	}
	j->entries[j->count++] = *e;
	return true;
}

int journal_read(const char *path, struct journal *out)
{
	char *line = NULL;
	size_t size = 0, room = 0;
	ssize_t len;
	int err = OK;

	*out = (struct journal){0};
	arena_init(&out->arena, JOURNAL_MEMORY_MAX);
	FILE *f = fopen(path, "re");
	if (!f) {
		return errno == ENOENT ? OK : E_IO;
	}
	while (err == OK && (len = getline(&line, &size, f)) >= 0) {
		struct journal_entry e;
		if (!read_entry((struct slice){line, (size_t)len}, &out->arena, &e)) {
			out->bad++;
		} else if (!keep_entry(out, &room, &e)) {
			err = E_NOMEM;
		}
	}
	err = err ? err : ferror(f) ? E_IO : arena_overflowed(&out->arena) ? E_NOMEM : OK;
	(void)fclose(f);
	free(line);
	return err;
}

void journal_fini(struct journal *j)
{
	free(j->entries);
	arena_fini(&j->arena);
	*j = (struct journal){0};
}
