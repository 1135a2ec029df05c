#include "calls/dedupe.h"

#include <assert.h>
#include <stddef.h>

#include "calls/region.h"
#include "core/err.h"

struct entry {
	uint64_t hash; /* 0: never used */
	int64_t time_us;
};

enum { LINE = 4 };

struct line {
	struct entry entry[LINE];
};
static_assert(sizeof(struct line) == 64, "one cache line");

enum { LINES_FIRST = 3 * 1024, STEPS_MAX = 2 };

struct dedupe {
	const struct hash_key *key;
	struct line *lines;
	uint64_t line_count;
	uint64_t line_max;
	uint64_t filled; /* entries ever used since the lines were made */
	int64_t window_us;
	int64_t newest_us;
	struct dedupe_stat stat;
};

struct dedupe *dedupe_new(uint64_t entries_max, int64_t window_us, const struct hash_key *key)
{
	struct dedupe *d = region_new(sizeof(*d), false);
	unsigned doublings = 0;

	if (!d) {
		return NULL;
	}
	/* Half as many again as promised: three lines for eight entries. */
	d->line_count = d->line_max = entries_max / 8 * 3 + 3;
	while (d->line_count > LINES_FIRST) {
		d->line_count = (d->line_count + 1) / 2;
	}
	while (d->line_count << doublings < d->line_max) {
		doublings++;
	}
	d->line_max = d->line_count << doublings;
	d->key = key;
	d->window_us = window_us;
	d->newest_us = INT64_MIN;
	d->lines = d->line_max <= UINT32_MAX ? region_new(d->line_count * sizeof(*d->lines), false)
	                                     : NULL;
	if (!d->lines) {
		dedupe_free(d);
		return NULL;
	}
	return d;
}

void dedupe_free(struct dedupe *d)
{
	if (d) {
		region_drop(d->lines, d->line_count * sizeof(*d->lines));
		region_drop(d, sizeof(*d));
	}
}

uint64_t dedupe_hash(const struct dedupe *d, struct slice call_id)
{
	uint64_t hash = hash_slice(d->key, call_id);

	return hash ? hash : 1;
}

/* The two lines of a hash, one by each half of it. */
static struct line *line_of(const struct dedupe *d, uint64_t hash, int which)
{
	uint64_t half = which == 0 ? hash >> 32 : hash & UINT32_MAX;

	return d->lines + (half * d->line_count >> 32);
}

void dedupe_prefetch(const struct dedupe *d, uint64_t hash)
{
	__builtin_prefetch(line_of(d, hash, 0), 1);
	__builtin_prefetch(line_of(d, hash, 1), 1);
}

static struct entry *line_find(struct line *line, uint64_t hash)
{
	for (int i = 0; i < LINE; i++) {
		if (line->entry[i].hash == hash) {
			return &line->entry[i];
		}
	}
	return NULL;
}

static bool is_free(const struct dedupe *d, const struct entry *e)
{
	return e->hash == 0 || d->newest_us - e->time_us > d->window_us + DEDUPE_SLACK_US;
}

/* A free entry of the line, and how many it has. */
static struct entry *line_room(const struct dedupe *d, struct line *line, int *count)
{
	struct entry *room = NULL;

	*count = 0;
	for (int i = 0; i < LINE; i++) {
		if (is_free(d, &line->entry[i])) {
			room = &line->entry[i];
			++*count;
		}
	}
	return room;
}

static struct line *other_line(const struct dedupe *d, uint64_t hash, const struct line *line)
{
	struct line *first = line_of(d, hash, 0);

	return first == line ? line_of(d, hash, 1) : first;
}

/* Makes room in a full line: moves one entry to the other line that it may lie in, where room is
 * made alike while steps are left.
 */
static struct entry *line_step(const struct dedupe *d, struct line *line, int steps)
{
	for (int i = 0; i < LINE; i++) {
		struct entry *e = &line->entry[i];
		struct line *other = other_line(d, e->hash, line);
		int count;
		struct entry *room = line_room(d, other, &count);
		if (!room && steps > 1) {
			room = line_step(d, other, steps - 1);
		}
		if (room) {
			*room = *e;
			return e;
		}
	}
	return NULL;
}

static struct entry *oldest_of(struct line *a, struct line *b)
{
	struct entry *oldest = &a->entry[0];

	for (int i = 0; i < 2 * LINE; i++) {
		struct entry *e = i < LINE ? &a->entry[i] : &b->entry[i - LINE];
		if (e->time_us < oldest->time_us) {
			oldest = e;
		}
	}
	return oldest;
}

static struct entry *make_room_slow(struct dedupe *d, struct line *a, struct line *b)
{
	struct entry *room = line_step(d, a, STEPS_MAX);

	room = room ? room : line_step(d, b, STEPS_MAX);
	if (!room) {
		room = oldest_of(a, b);
		d->stat.evicted++;
	}
	return room;
}

static void insert(struct dedupe *d, uint64_t hash, int64_t time_us)
{
	struct line *a = line_of(d, hash, 0);
	struct line *b = line_of(d, hash, 1);
	int room_a, room_b;
	struct entry *in_a = line_room(d, a, &room_a);
	struct entry *in_b = line_room(d, b, &room_b);
	struct entry *e = room_a >= room_b ? in_a : in_b;

	e = e ? e : make_room_slow(d, a, b);
	d->filled += e->hash == 0;
	*e = (struct entry){.hash = hash, .time_us = time_us};
}

/* Twice the lines: what lay in line n goes to line 2 n or 2 n + 1 by the same half of its hash, so
 * there is room for all of it, and growing runs through memory instead of jumping in it. Without
 * memory the present lines serve on.
 */
static void line_split(const struct dedupe *from, struct line *line, struct dedupe *to)
{
	for (int i = 0; i < LINE; i++) {
		const struct entry *e = &line->entry[i];
		int which = line_of(from, e->hash, 0) == line ? 0 : 1;
		int count;
		if (!is_free(from, e)) {
			*line_room(to, line_of(to, e->hash, which), &count) = *e;
			to->filled++;
		}
	}
}

static void grow_slow(struct dedupe *d)
{
	struct dedupe next = *d;

	next.line_count = d->line_count * 2;
	next.lines = region_new(next.line_count * sizeof(*next.lines), false);
	if (!next.lines) {
		return;
	}
	next.filled = 0;
	for (uint64_t l = 0; l < d->line_count; l++) {
		line_split(d, &d->lines[l], &next);
	}
	region_drop(d->lines, d->line_count * sizeof(*d->lines));
	*d = next;
}

bool dedupe_seen(struct dedupe *d, uint64_t hash, int64_t time_us)
{
	struct line *a = line_of(d, hash, 0);
	struct line *b = line_of(d, hash, 1);
	struct entry *e = line_find(a, hash);

	d->stat.seen++;
	d->newest_us = time_us > d->newest_us ? time_us : d->newest_us;
	e = e ? e : line_find(b, hash);
	if (e) {
		bool after = time_us > e->time_us;
		int64_t apart_us = after ? time_us - e->time_us : e->time_us - time_us;
		if (apart_us <= d->window_us) {
			d->stat.duplicates++;
			return true;
		}
		e->time_us = after ? time_us : e->time_us;
		return false;
	}
	if (d->filled >= d->line_count * LINE / 2 && d->line_count < d->line_max) {
		grow_slow(d);
	}
	insert(d, hash, time_us);
	return false;
}

void dedupe_stat(const struct dedupe *d, struct dedupe_stat *stat)
{
	*stat = d->stat;
}

/* ---- state ---- */

static const char section[] = "dedupe";

void dedupe_save(const struct dedupe *d, struct state_out *out)
{
	state_begin(out, section);
	state_u64(out, d->line_max);
	state_u64(out, (uint64_t)d->window_us);
	state_u64(out, d->line_count);
	state_u64(out, d->filled);
	state_u64(out, (uint64_t)d->newest_us);
	state_u64(out, d->stat.seen);
	state_u64(out, d->stat.duplicates);
	state_u64(out, d->stat.evicted);
	state_bytes(out, d->lines, d->line_count * sizeof(*d->lines));
	state_end(out);
}

/* Every entry lies in one of the lines where it is looked for: growing counts on that. */
static bool lines_sound(const struct dedupe *d)
{
	uint64_t used = 0;

	for (uint64_t l = 0; l < d->line_count; l++) {
		for (int i = 0; i < LINE; i++) {
			const struct line *line = &d->lines[l];
			const struct entry *e = &line->entry[i];
			bool here =
				line_of(d, e->hash, 0) == line || line_of(d, e->hash, 1) == line;
			if (e->hash && (!here || !state_time_sane(e->time_us))) {
				return false;
			}
			used += e->hash != 0;
		}
	}
	/* Steps use entries that are not counted. */
	return d->filled <= used && (used == 0 || state_time_sane(d->newest_us));
}

int dedupe_load(struct dedupe *d, struct state_in *in)
{
	struct dedupe next = *d;
	struct state_view v;
	int err = state_in_section(in, section, &v);

	if (err) {
		return err;
	}
	if (state_get_u64(&v) != d->line_max || state_get_u64(&v) != (uint64_t)d->window_us) {
		return state_in_fail(in, "section %s: another size or window", section);
	}
	next.line_count = state_get_u64(&v);
	next.filled = state_get_u64(&v);
	next.newest_us = (int64_t)state_get_u64(&v);
	next.stat.seen = state_get_u64(&v);
	next.stat.duplicates = state_get_u64(&v);
	next.stat.evicted = state_get_u64(&v);
	if (next.line_count == 0 || next.line_count > d->line_max ||
	    v.left.len != next.line_count * sizeof(*next.lines)) {
		return state_in_fail(in, "section %s: another number of lines", section);
	}
	next.lines = region_new(next.line_count * sizeof(*next.lines), false);
	if (!next.lines) {
		(void)state_in_fail(in, "no memory");
		return E_NOMEM;
	}
	(void)state_copy(&v, next.lines, next.line_count * sizeof(*next.lines));
	if (!lines_sound(&next)) {
		region_drop(next.lines, next.line_count * sizeof(*next.lines));
		return state_in_fail(in, "section %s: an entry where nobody looks", section);
	}
	region_drop(d->lines, d->line_count * sizeof(*d->lines));
	*d = next;
	return OK;
}
