/* The intake in a state file. Events that wait are kept in blocks of the call log: its codec checks
 * whatever it reads.
 */
#include <stdlib.h>

#include "app/intake_parts.h"
#include "core/err.h"
#include "store/log_block.h"

static const char section[] = "intake";

/* ---- saving ---- */

struct saving {
	struct state_out *out;
	struct log_block *block;
	struct buf bytes;
	uint64_t number;
};

/* A length of 0 ends the blocks of a group. */
static int put_block(struct saving *s)
{
	buf_reset(&s->bytes);
	if (s->number > 0 && (log_block_encode(s->block, &s->bytes) != OK || s->bytes.failed)) {
		return E_NOMEM;
	}
	state_u64(s->out, s->bytes.len);
	state_bytes(s->out, s->bytes.p, s->bytes.len);
	log_block_reset(s->block);
	s->number = 0;
	return OK;
}

static int save_event(void *user, int64_t time_us, struct slice packed)
{
	struct saving *s = user;
	struct event e;
	int err = OK;

	(void)time_us;
	event_unpack(packed, &e);
	if (log_block_add(s->block, s->number, &e) != OK) {
		err = put_block(s);
		(void)log_block_add(s->block, s->number, &e);
	}
	s->number++;
	return err;
}

static int save_group(struct saving *s, struct group *g)
{
	int err = OK;

	state_u64(s->out, (uint64_t)g->watermark_us);
	if (g->has_ahead) {
		err = save_event(s, g->ahead_us, buf_view(&g->ahead));
	}
	err = err ? err : extsort_each(g->waiting, save_event, s);
	if (!err && s->number > 0) {
		err = put_block(s);
	}
	return err ? err : put_block(s);
}

int intake_save(struct intake *in, struct state_out *out)
{
	struct hash_key key;
	struct saving s = {.out = out};
	int err;

	hash_key_default(&key);
	s.block = log_block_new(LOG_FIELDS_ALL, &key);
	err = s.block ? OK : E_NOMEM;
	state_begin(out, section);
	state_u32(out, (uint32_t)in->options.source_count);
	for (size_t i = 0; i < in->options.source_count; i++) {
		state_u32(out, in->sources[i].options.group);
		state_u64(out, (uint64_t)in->sources[i].stat.newest_us);
		state_u64(out, (uint64_t)in->sources[i].event_us);
	}
	for (size_t g = 0; !err && g < INTAKE_GROUP_COUNT; g++) {
		err = save_group(&s, &in->groups[g]);
	}
	state_end(out);
	log_block_free(s.block);
	buf_fini(&s.bytes);
	return err;
}

/* ---- what was let out already ---- */

/* Keys of events, open addressing; one for each that was let out. */
struct gone {
	const struct hash_key *key;
	int64_t from_us, to_us; /* between which something waited */
	uint64_t *keys;         /* 0: empty, 1: was asked for */
	size_t mask, count;
};

enum { GONE_MIN = 1024, GONE_TAKEN = 1 };

static uint64_t key_of(const struct gone *gone, const struct event *e)
{
	const uint64_t parts[] = {(uint64_t)e->time_us, (uint64_t)e->kind << 32 | e->source,
	                          hash_slice(gone->key, e->call_id)};

	return hash64(gone->key, parts, sizeof(parts)) | 2;
}

static void insert(struct gone *gone, uint64_t key)
{
	size_t at = key & gone->mask;

	while (gone->keys[at]) {
		at = (at + 1) & gone->mask;
	}
	gone->keys[at] = key;
	gone->count++;
}

/* At most half full. */
static bool grow(struct gone *gone)
{
	struct gone more = *gone;

	more.mask = 2 * gone->mask + 1;
	more.count = 0;
	more.keys = calloc(more.mask + 1, sizeof(*more.keys));
	if (!more.keys) {
		return false;
	}
	for (size_t i = 0; i <= gone->mask; i++) {
		if (gone->keys[i] > GONE_TAKEN) {
			insert(&more, gone->keys[i]);
		}
	}
	free(gone->keys);
	*gone = more;
	return true;
}

static struct gone *gone_new(const struct hash_key *key)
{
	struct gone *gone = malloc(sizeof(*gone));

	if (!gone) {
		return NULL;
	}
	*gone = (struct gone){.key = key,
	                      .from_us = INT64_MAX,
	                      .to_us = INT64_MIN,
	                      .mask = GONE_MIN - 1,
	                      .keys = calloc(GONE_MIN, sizeof(*gone->keys))};
	if (!gone->keys) {
		free(gone);
		return NULL;
	}
	return gone;
}

static void gone_free(struct gone *gone)
{
	if (gone) {
		free(gone->keys);
		free(gone);
	}
}

void intake_forget_gone(struct intake *in)
{
	gone_free(in->gone);
	in->gone = NULL;
}

bool intake_is_gone(struct intake *in, const struct event *event)
{
	struct gone *gone = in->gone;

	if (!gone || event->time_us < gone->from_us || event->time_us > gone->to_us) {
		return false;
	}
	uint64_t key = key_of(gone, event);
	for (size_t at = key & gone->mask; gone->keys[at]; at = (at + 1) & gone->mask) {
		if (gone->keys[at] == key) {
			gone->keys[at] = GONE_TAKEN;
			return true;
		}
	}
	return false;
}

/* ---- loading ---- */

struct loading {
	struct state_in *state;
	struct state_view view;
	struct log_rows *rows;
	struct group groups[INTAKE_GROUP_COUNT];
	struct source *sources; /* as many as the intake has */
	struct gone *gone;
};

static int wrong(struct loading *l, const char *what)
{
	return state_in_fail(l->state, "section %s: %s", section, what);
}

static bool is_time(int64_t time_us)
{
	return time_us == INSTANT_NONE || state_time_sane(time_us);
}

static int load_sources(struct intake *in, struct loading *l)
{
	if (state_get_u32(&l->view) != in->options.source_count) {
		return wrong(l, "other sources");
	}
	for (size_t i = 0; i < in->options.source_count; i++) {
		struct source *s = &l->sources[i];
		*s = in->sources[i];
		if (state_get_u32(&l->view) != s->options.group) {
			return wrong(l, "other sources");
		}
		s->stat = (struct intake_stat){.newest_us = (int64_t)state_get_u64(&l->view)};
		s->event_us = (int64_t)state_get_u64(&l->view);
		if (!is_time(s->stat.newest_us) || !is_time(s->event_us)) {
			return wrong(l, "a time that cannot be");
		}
	}
	return OK;
}

static int load_event(struct intake *in, struct loading *l, size_t group, const struct event *e)
{
	if (e->source >= in->options.source_count ||
	    l->sources[e->source].options.group != (enum intake_group)group ||
	    !state_time_sane(e->time_us)) {
		return wrong(l, "an event that cannot be");
	}
	struct stage_count *count = &l->sources[e->source].stat.count;
	enum reason refused = intake_wait(in, &l->groups[group], e);
	stage_in(count, 1);
	if (refused) {
		stage_drop(count, refused);
	}
	l->gone->from_us = e->time_us < l->gone->from_us ? e->time_us : l->gone->from_us;
	l->gone->to_us = e->time_us > l->gone->to_us ? e->time_us : l->gone->to_us;
	return OK;
}

static int load_group(struct intake *in, struct loading *l, size_t group)
{
	struct group *g = &l->groups[group];
	struct event e;
	uint64_t number, len;
	const char *why = "cut short";
	bool cut;
	int err = OK;

	g->watermark_us = (int64_t)state_get_u64(&l->view);
	if (!is_time(g->watermark_us)) {
		return wrong(l, "a time that cannot be");
	}
	while (err == OK && (len = state_get_u64(&l->view)) > 0) {
		const char *bytes = state_get_bytes(&l->view, len);
		if (!bytes || log_rows_decode(l->rows, (struct slice){bytes, len}, &why) != OK) {
			return wrong(l, why);
		}
		while (err == OK && log_rows_next(l->rows, &e, &number, &cut)) {
			err = load_event(in, l, group, &e);
		}
	}
	if (!err && g->watermark_us != INSTANT_NONE) {
		extsort_watermark(g->waiting, g->watermark_us + 1);
	}
	return err;
}

static int loading_init(struct intake *in, struct loading *l, const struct hash_key *key)
{
	bool whole = true;

	l->sources = calloc(in->options.source_count + 1, sizeof(*l->sources));
	l->rows = log_rows_new();
	l->gone = gone_new(key);
	for (size_t g = 0; g < INTAKE_GROUP_COUNT; g++) {
		whole = intake_group_init(&l->groups[g], in->options.memory_max) && whole;
	}
	return whole && l->sources && l->rows && l->gone ? OK : E_NOMEM;
}

static void loading_fini(struct loading *l)
{
	for (size_t g = 0; g < INTAKE_GROUP_COUNT; g++) {
		intake_group_fini(&l->groups[g]);
	}
	gone_free(l->gone);
	log_rows_free(l->rows);
	free(l->sources);
}

/* What was loaded for what was there. */
static void swap(struct intake *in, struct loading *l)
{
	struct gone *gone = in->gone;

	in->gone = l->gone;
	l->gone = gone;
	memcpy(in->sources, l->sources, in->options.source_count * sizeof(*in->sources));
	for (size_t g = 0; g < INTAKE_GROUP_COUNT; g++) {
		struct group group = in->groups[g];
		in->groups[g] = l->groups[g];
		l->groups[g] = group;
	}
}

int intake_load(struct intake *in, struct state_in *state, const struct hash_key *key)
{
	struct loading l = {.state = state};
	int err = state_in_section(state, section, &l.view);

	if (err) {
		return err;
	}
	err = loading_init(in, &l, key);
	err = err ? err : load_sources(in, &l);
	for (size_t g = 0; !err && g < INTAKE_GROUP_COUNT; g++) {
		err = load_group(in, &l, g);
	}
	err = err ? err : state_in_end(state, &l.view);
	if (!err) {
		swap(in, &l);
	}
	loading_fini(&l);
	return err;
}

int intake_reset(struct intake *in)
{
	struct loading l = {0};
	int err = loading_init(in, &l, NULL);

	for (size_t i = 0; !err && i < in->options.source_count; i++) {
		l.sources[i] = (struct source){.options = in->sources[i].options,
		                               .stat.newest_us = INSTANT_NONE,
		                               .event_us = INSTANT_NONE,
		                               .seen_mono_us = in->sources[i].seen_mono_us};
	}
	if (!err) {
		swap(in, &l);
		intake_forget_gone(in);
	}
	loading_fini(&l);
	return err;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void intake_settle(struct intake *in, const struct event *event)
{
	struct source *s = &in->sources[event->source];
	struct group *g = &in->groups[s->options.group];
	bool record = s->options.group == INTAKE_RECORDS && event->start_us != INSTANT_NONE;
	struct gone *gone = in->gone;

	s->stat.newest_us = later(s->stat.newest_us, record ? event->start_us : event->time_us);
	s->event_us = later(s->event_us, event->time_us);
	if (event->time_us > g->watermark_us) {
		g->watermark_us = event->time_us;
		extsort_watermark(g->waiting, g->watermark_us + 1);
	}
	/* Without memory it may be let out again; what is a call counts once all the same. */
	if (gone && event->time_us >= gone->from_us && event->time_us <= gone->to_us &&
	    (2 * (gone->count + 1) <= gone->mask + 1 || grow(gone))) {
		insert(gone, key_of(gone, event));
	}
}
