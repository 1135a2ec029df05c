#include "store/log_retention.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/err.h"
#include "store/log_walk.h"

enum { HOLDS_MAX = 1 << 20 };

/* ---- what the folder holds ---- */

static void read_span(struct log_walk *w, struct log_span *span)
{
	struct slice payload;
	struct frame f;
	uint64_t index_at;
	enum walk_kind kind;

	if (log_walk_end(w, span, &index_at)) {
		return;
	}
	*span = (struct log_span){0};
	while ((kind = log_walk_next(w, &f, &payload)) != WALK_END) {
		if (kind == WALK_FRAME && f.type == FRAME_BLOCK) {
			span_add(span, &f.span);
		}
	}
}

int segment_states_add(struct segment_states *s, const struct segment_state *one)
{
	if (s->count == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct segment_state *grown = realloc(s->v, cap * sizeof(*grown));
		if (!grown) {
			return E_NOMEM;
		}
		s->v = grown;
		s->cap = cap;
	}
	s->v[s->count++] = *one;
	return OK;
}

void segment_states_fini(struct segment_states *s)
{
	free(s->v);
	*s = (struct segment_states){0};
}

int segment_states_read(const char *path, struct segment_states *s)
{
	struct segment_list list;
	struct log_walk w = {.fd = -1};
	int err = segment_list_read(path, &list);

	*s = (struct segment_states){0};
	for (size_t i = 0; err == OK && i < list.count; i++) {
		struct segment_state one = {.name = list.names[i]};
		err = log_walk_open(&w, path, &list.names[i], true, NULL);
		if (err == OK) {
			one.size = w.size;
			read_span(&w, &one.span);
			log_walk_close(&w);
			err = segment_states_add(s, &one);
		} else if (err == E_NOTFOUND) {
			err = OK;
		}
	}
	segment_list_fini(&list);
	if (err) {
		segment_states_fini(s);
	}
	return err;
}

/* ---- holds ---- */

struct holds {
	struct slice text;
	bool everything;
};

static struct holds holds_read(const char *folder, char **bytes)
{
	char path[PATH_MAX];
	FILE *f;

	*bytes = NULL;
	if ((size_t)snprintf(path, sizeof(path), "%s/holds", folder) >= sizeof(path)) {
		return (struct holds){.everything = true};
	}
	f = fopen(path, "re");
	if (!f) {
		return (struct holds){.everything = errno != ENOENT};
	}
	*bytes = malloc(HOLDS_MAX);
	size_t len = *bytes ? fread(*bytes, 1, HOLDS_MAX, f) : HOLDS_MAX;
	bool bad = len == HOLDS_MAX || ferror(f);
	(void)fclose(f);
	return (struct holds){.text = {*bytes, bad ? 0 : len}, .everything = bad};
}

static bool parse_hold(struct slice line, int64_t *from_us, int64_t *to_us)
{
	for (size_t i = 0; i + 2 <= line.len; i++) {
		if (line.p[i] != '.' || line.p[i + 1] != '.') {
			continue;
		}
		struct slice to = slice_trim(slice_skip(line, i + 2));
		size_t end = 0;
		while (end < to.len && !memchr(" \t,", to.p[end], 3)) {
			end++;
		}
		return instant_parse_rfc3339(slice_trim(slice_first(line, i)), NULL, from_us) ==
		               OK &&
		       instant_parse_rfc3339(slice_first(to, end), NULL, to_us) == OK;
	}
	return false;
}

static bool holds_cover(const struct holds *h, int64_t min_us, int64_t max_us)
{
	struct slice rest = h->text;
	int64_t from_us;
	int64_t to_us;

	if (h->everything) {
		return true;
	}
	while (rest.len) {
		struct slice line = slice_trim(slice_first(rest, slice_find(rest, '\n')));
		rest = slice_skip(rest, slice_find(rest, '\n') + 1);
		if (line.len && line.p[line.len - 1] == '\r') {
			line.len--;
		}
		if (line.len == 0 || line.p[0] == '#') {
			continue;
		}
		if (!parse_hold(line, &from_us, &to_us) || (from_us <= max_us && to_us >= min_us)) {
			return true;
		}
	}
	return false;
}

/* ---- removal ---- */

static bool remove_segment(const char *folder, const struct segment_name *name)
{
	char path[PATH_MAX];

	return segment_path(folder, name, path) && (unlink(path) == 0 || errno == ENOENT);
}

size_t segment_states_retain(struct segment_states *s, const char *path, int64_t before_us,
                             uint64_t size_max, uint64_t live_size)
{
	char *bytes;
	struct holds holds = holds_read(path, &bytes);
	uint64_t total = live_size;
	size_t kept = 0;
	size_t count = s->count;

	for (size_t i = 0; i < count; i++) {
		total += s->v[i].size;
	}
	for (size_t i = 0; i < count; i++) {
		const struct segment_state *one = &s->v[i];
		int64_t min_us = one->span.count ? one->span.min_us : one->name.opened_us;
		int64_t max_us = one->span.count ? one->span.max_us : one->name.opened_us;
		bool old = before_us != INSTANT_NONE && max_us < before_us;
		if ((old || (size_max && total > size_max)) &&
		    !holds_cover(&holds, min_us, max_us) && remove_segment(path, &one->name)) {
			total -= one->size;
		} else {
			s->v[kept++] = *one;
		}
	}
	s->count = kept;
	free(bytes);
	return count - kept;
}
